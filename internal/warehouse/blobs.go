package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrNoBlob says that the warehouse does not have what a document refers to.
var ErrNoBlob = errors.New("not in the warehouse")

// PutBlob stores data under its SHA-256 and answers that, in hex. Data that is
// there already is not written again. The kind says what it is, for people.
func (db *DB) PutBlob(ctx context.Context, kind string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	if _, err := db.Blob(ctx, name); err == nil {
		return name, nil
	} else if !errors.Is(err, ErrNoBlob) {
		return "", err
	}
	err := db.insert(ctx, "INSERT INTO blobs (sha256, kind, data)", []string{name}, []string{kind}, []string{string(data)})
	if err != nil {
		return "", fmt.Errorf("store %s %s: %w", kind, name, err)
	}
	return name, nil
}

// Blob reads what is stored under a SHA-256, and checks it against that. The
// error is [ErrNoBlob] where there is nothing.
func (db *DB) Blob(ctx context.Context, name string) ([]byte, error) {
	rows, err := db.query(ctx, "SELECT data FROM blobs FINAL WHERE sha256 = ?", name)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", name, err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := db.rowsErr("read blob "+name, rows); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("read blob %s: %w", name, ErrNoBlob)
	}
	var data string
	if err := rows.Scan(&data); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", name, err)
	}
	if sum := sha256.Sum256([]byte(data)); hex.EncodeToString(sum[:]) != name {
		return nil, fmt.Errorf("read blob %s: it does not have that hash any more: it was changed", name)
	}
	return []byte(data), nil
}

package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ErrNoClaims says that the server has no Keeper, or no path in it for tables.
var ErrNoClaims = errors.New("the ClickHouse server has no Keeper for tables")

// Embedded reports whether the warehouse is on the embedded engine, which
// belongs to one data folder of this machine.
func (db *DB) Embedded() bool { return db.engine != nil }

// HasClaims reports whether invoices have ever been claimed in Keeper.
func (db *DB) HasClaims(ctx context.Context) (bool, error) {
	var n uint64
	err := db.queryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'claims'", &n)
	if err != nil {
		return false, fmt.Errorf("look for table claims: %w", err)
	}
	return n > 0, nil
}

// MakeClaims makes the table of claims, unless it is there. It is a KeeperMap:
// all servers that share a Keeper share it, and a strict insert of a key that
// exists fails, whoever came first. The error is [ErrNoClaims] where the server
// has no Keeper, or no keeper_map_path_prefix.
func (db *DB) MakeClaims(ctx context.Context) error {
	var name string
	if err := db.queryRow(ctx, "SELECT currentDatabase()", &name); err != nil {
		return fmt.Errorf("make table claims: %w", err)
	}
	path := "/" + strings.NewReplacer("/", "_", "'", "_", `\`, "_").Replace(name) + "/claims"
	err := db.exec(ctx, "CREATE TABLE IF NOT EXISTS claims (position String, value String) ENGINE = KeeperMap('"+path+"') PRIMARY KEY position")
	if hasCode(err, codeBadArguments) || hasCode(err, codeNoElementsInConfig) || hasCode(err, codeUnknownStorage) {
		return fmt.Errorf("make table claims: %w: %w", ErrNoClaims, err)
	}
	if err != nil {
		return fmt.Errorf("make table claims: %w", err)
	}
	return nil
}

// Claim stores a value under a position that nobody has claimed. After an error
// [DB.Claimed] says whose the position is: it was taken before, or the insert
// was cut off, or tried twice by the server, and is ours all the same.
func (db *DB) Claim(ctx context.Context, position uint64, value string) error {
	strict := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"keeper_map_strict_mode": 1}))
	if err := db.exec(strict, "INSERT INTO claims (position, value) VALUES (?, ?)", claimKey(position), value); err != nil {
		return fmt.Errorf("claim position %d of the register: %w", position, err)
	}
	return nil
}

// Claimed reads the value that a position was claimed with; empty where it is
// free.
func (db *DB) Claimed(ctx context.Context, position uint64) (string, error) {
	rows, err := db.query(ctx, "SELECT value FROM claims WHERE position = ?", claimKey(position))
	if err != nil {
		return "", fmt.Errorf("read claim %d of the register: %w", position, err)
	}
	defer rows.Close()
	var value string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			return "", fmt.Errorf("read claim %d of the register: %w", position, err)
		}
	}
	return value, db.rowsErr(fmt.Sprintf("read claim %d of the register", position), rows)
}

// claimKey has one width, so that keys sort as their positions do.
func claimKey(position uint64) string { return fmt.Sprintf("%012d", position) }

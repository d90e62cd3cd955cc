package warehouse

import (
	"errors"
	"strings"
	"testing"
)

func TestBlobs(t *testing.T) {
	db := openTest(t)
	ctx := t.Context()
	// Of the bytes "abc"; FIPS 180-2, appendix B.1.
	const name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if _, err := db.Blob(ctx, name); !errors.Is(err, ErrNoBlob) {
		t.Fatalf("error %v, want ErrNoBlob", err)
	}
	for range 2 {
		if got, err := db.PutBlob(ctx, "test", []byte("abc")); err != nil || got != name {
			t.Fatalf("stored as %s, %v", got, err)
		}
	}
	if got, err := db.Blob(ctx, name); err != nil || string(got) != "abc" {
		t.Fatalf("read %q, %v", got, err)
	}
	var rows uint64
	if err := db.queryRow(ctx, "SELECT count() FROM blobs", &rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v: what is there must not be written again", rows, err)
	}
	if err := db.exec(ctx, "ALTER TABLE blobs UPDATE data = 'abd' WHERE true SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Blob(ctx, name); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("error %v, want one that says it was changed", err)
	}
}

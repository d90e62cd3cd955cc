// Package warehousetest gives tests a warehouse on a real ClickHouse. It is
// never part of the program.
package warehousetest

import (
	"log/slog"
	"testing"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/engine/enginetest"
)

// Main is for a TestMain: os.Exit(warehousetest.Main(m)).
func Main(m *testing.M) int { return enginetest.Main(m) }

// Open returns an empty warehouse, its schema up to date, in a database of its
// own on the engine that the test binary shares. It is closed with the test.
func Open(t testing.TB) *warehouse.DB {
	t.Helper()
	dsn, password := enginetest.DSN(t)
	return Connect(t, dsn, password)
}

// OpenWithKeeper is Open on an engine that has a Keeper.
func OpenWithKeeper(t testing.TB) *warehouse.DB {
	t.Helper()
	dsn, password := enginetest.KeeperDSN(t)
	return Connect(t, dsn, password)
}

// Connect opens the warehouse at an address of enginetest's. It is closed with
// the test.
func Connect(t testing.TB, dsn, password string) *warehouse.DB {
	t.Helper()
	db, err := warehouse.Open(t.Context(), warehouse.Options{
		DSN: dsn, Password: password, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

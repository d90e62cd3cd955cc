package warehouse

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"subtally/internal/warehouse/engine"
	"subtally/internal/warehouse/engine/enginetest"
)

func TestMain(m *testing.M) { os.Exit(enginetest.Main(m)) }

var quiet = slog.New(slog.DiscardHandler)

// newDatabase names a database of the test's own on the engine that the test
// binary shares.
func newDatabase(t testing.TB) (dsn, password string) {
	t.Helper()
	return enginetest.DSN(t)
}

// openTest returns a warehouse in a database of its own.
func openTest(t testing.TB) *DB {
	t.Helper()
	dsn, password := newDatabase(t)
	return openAt(t, dsn, password)
}

func openAt(t testing.TB, dsn, password string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{DSN: dsn, Password: password, Log: quiet})
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

func TestOpenEmbedded(t *testing.T) {
	enginetest.RequireInstalled(t)
	o := Options{DataDir: t.TempDir(), Log: quiet}
	for round := range uint32(2) {
		db, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		makePets(t, db)
		if err := db.insert(t.Context(), "INSERT INTO pets (name, n)", []string{"A"}, []uint32{round}); err != nil {
			t.Fatal(err)
		}
		var n uint64
		if err := db.queryRow(t.Context(), "SELECT count() FROM pets FINAL", &n); err != nil {
			t.Fatal(err)
		}
		if want := uint64(round + 1); n != want {
			t.Errorf("open %d: %d rows, want %d", round, n, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// makePets makes a table for the test.
func makePets(t *testing.T, db *DB) {
	t.Helper()
	if err := db.exec(t.Context(), "CREATE TABLE IF NOT EXISTS pets (name String, n UInt32) ENGINE = ReplacingMergeTree ORDER BY (name, n)"); err != nil {
		t.Fatal(err)
	}
}

// Every way to talk to an engine that has died says so, with the engine's log.
func TestErrorsOfADeadEngine(t *testing.T) {
	enginetest.RequireInstalled(t)
	db, err := Open(t.Context(), Options{DataDir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	makePets(t, db)
	rows, err := db.query(t.Context(), "SELECT number, repeat('x', 1000) FROM numbers(10000000)")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	syscall.Kill(db.engine.PID(), syscall.SIGKILL)
	for rows.Next() {
	}
	ctx := context.Background()
	var n uint64
	for name, err := range map[string]error{
		"rowsErr":  db.rowsErr("read", rows),
		"exec":     db.exec(ctx, "SELECT 1"),
		"queryRow": db.queryRow(ctx, "SELECT count() FROM pets", &n),
		"insert":   db.insert(ctx, "INSERT INTO pets (name)", []string{"A"}),
		"query": func() error {
			_, err := db.query(ctx, "SELECT 1")
			return err
		}(),
	} {
		if !errors.Is(err, engine.ErrDied) || !strings.Contains(err.Error(), "engine.log") {
			t.Errorf("%s: error %v; want one that says the engine died", name, err)
		}
	}
}

func TestInsertIsWhole(t *testing.T) {
	db := openTest(t)
	makePets(t, db)
	err := db.insert(t.Context(), "INSERT INTO pets (name, n)", []string{"A", "B"}, []uint32{1})
	if err == nil {
		t.Error("columns of different lengths were taken")
	}
	err = db.insert(t.Context(), "INSERT INTO pets (name, n)", []string{"A"}, []string{"1"})
	wantError(t, err, "column 2")
	// The connections that failed are not stuck: more inserts than there are
	// connections go through.
	for i := range uint32(2 * maxConns) {
		if err := db.insert(t.Context(), "INSERT INTO pets (name, n)", []string{"A"}, []uint32{i}); err != nil {
			t.Fatal(err)
		}
	}
	var n uint64
	if err := db.queryRow(t.Context(), "SELECT count() FROM pets FINAL", &n); err != nil || n != 2*maxConns {
		t.Errorf("%d rows, %v; want %d", n, err, 2*maxConns)
	}
}

func TestOpenServerErrors(t *testing.T) {
	dsn, password := newDatabase(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	const secret = "hunter2"
	tests := []struct {
		name, dsn, password string
		want                []string
	}{
		{"password in the address", "clickhouse://u:" + secret + "@h:9000/db", "", []string{"holds a password", "environment"}},
		{"password as parameter", "clickhouse://u@h:9000/db?password=" + secret, "", []string{"holds a password"}},
		{"not an address", "clickhouse://u:" + secret + "@h:port", "", []string{"want clickhouse://"}},
		{"another protocol", "http://u:" + secret + "@h:8123/db", "", []string{"want clickhouse://"}},
		{"no host", "subtally", "", []string{"want clickhouse://"}},
		{"unknown setting", "clickhouse://u@h:9000/db?dial_timeout=soon", "", []string{"clickhouse.dsn", "soon"}},
		{"nobody there", "clickhouse://u@" + closed.Addr().String() + "/db", secret, []string{closed.Addr().String(), `"u"`}},
		{"wrong password", dsn, secret, []string{"Authentication failed"}},
		{"database that may not be made", strings.Replace(dsn, "/subtally_test_", "/other_", 1), password, []string{"other_", "grant"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := Open(t.Context(), Options{DSN: tt.dsn, Password: tt.password, Log: quiet})
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			for _, w := range tt.want {
				wantError(t, err, w)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

func TestParseDSN(t *testing.T) {
	settings, err := parseDSN("clickhouse://ann@db.example:9440?secure=true", "pass")
	if err != nil {
		t.Fatal(err)
	}
	if settings.Auth.Database != "subtally" || settings.Auth.Username != "ann" || settings.Auth.Password != "pass" || settings.TLS == nil {
		t.Errorf("user %q, database %q, TLS %v", settings.Auth.Username, settings.Auth.Database, settings.TLS != nil)
	}
}

func TestLoopback(t *testing.T) {
	tests := []struct {
		addrs []string
		want  bool
	}{
		{[]string{"127.0.0.1:9000"}, true},
		{[]string{"localhost:9000", "[::1]:9000"}, true},
		{[]string{"127.0.0.1:9000", "db.example:9000"}, false},
		{[]string{"10.0.0.1:9000"}, false},
	}
	for _, tt := range tests {
		if got := loopback(tt.addrs); got != tt.want {
			t.Errorf("%v: %v", tt.addrs, got)
		}
	}
}

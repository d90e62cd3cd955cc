// Package enginetest gives tests a real ClickHouse: one embedded engine for the
// test binary, with a database of its own for each test. It is never part of
// the program.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"subtally/internal/warehouse/engine"
)

var (
	start     = sync.OnceValues(startEngine)
	databases atomic.Int64
	stop      = func() error { return nil }
)

// Main is what a test binary's TestMain passes to os.Exit. It runs the tests,
// or the engine in the process that is started for it, and cleans up.
func Main(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == engine.Command {
		engine.Main(os.Args[2:])
	}
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "enginetest:", err)
		code = 1
	}
	return code
}

func startEngine() (*engine.Engine, error) {
	dir, err := os.MkdirTemp("", "subtally-engine-")
	if err != nil {
		return nil, err
	}
	e, err := engine.Start(context.Background(), engine.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	before := stop
	stop = func() error { return errors.Join(e.Close(), os.RemoveAll(dir), before()) }
	return e, nil
}

// DSN returns the address and password for a database that does not exist yet.
func DSN(t testing.TB) (dsn, password string) {
	t.Helper()
	e, err := start()
	Require(t, err)
	name := fmt.Sprintf("%s_test_%d", engine.Database, databases.Add(1))
	return "clickhouse://" + engine.User + "@" + e.Addr() + "/" + name, e.Password()
}

// Require ends the test on an error of engine.Start. Where the engine is not
// installed the test is skipped, but not under CI.
func Require(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, engine.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// RequireInstalled skips the test where the engine is not installed, or fails
// it under CI.
func RequireInstalled(t testing.TB) {
	t.Helper()
	_, err := start()
	Require(t, err)
}

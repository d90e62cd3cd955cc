package main

import (
	"context"
	"log/slog"

	"github.com/rogpeppe/go-internal/testscript"

	"subtally/internal/warehouse/engine"
)

// cmdServer starts a ClickHouse that stands for a server without Keeper; $DSN is
// its address.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: server")
	}
	e, err := engine.Start(context.Background(), engine.Options{DataDir: ts.MkAbs("server"), Log: slog.New(slog.DiscardHandler)})
	ts.Check(err)
	ts.Defer(func() { ts.Check(e.Close()) })
	ts.Setenv("DSN", "clickhouse://"+engine.User+"@"+e.Addr()+"/"+engine.Database)
	ts.Setenv("SUBTALLY_CLICKHOUSE_PASSWORD", e.Password())
}

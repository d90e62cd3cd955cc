// Package warehouse keeps usage and what is billed from it in ClickHouse: the
// embedded engine on this machine, or a server. It opens the connection, brings
// the schema up to date and holds every query as a typed function. It never
// prices anything and never calls Twilio.
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"subtally/internal/warehouse/engine"
)

// Options says where the data is.
type Options struct {
	// DSN of a server, clickhouse://user@host:9000/database; empty for the
	// embedded engine. It must not hold a password.
	DSN string
	// Password of the DSN's user; not used for the embedded engine.
	Password string
	// DataDir is the embedded engine's folder.
	DataDir string
	// Port of the embedded engine on 127.0.0.1; 0 takes any free one.
	Port int
	// Executable is run as the embedded engine, this program if empty.
	Executable string
	// Log is slog.Default() if nil.
	Log *slog.Logger
}

const (
	maxConns = 8
	// A query that waits for one of the connections fails after dialTimeout
	// too, so it must outlast a large insert.
	dialTimeout = 30 * time.Second
	// Between two packets of an answer: the server sends progress while it
	// works, so silence means that it is gone.
	readTimeout  = 5 * time.Minute
	maxQuerySize = 64 << 20 // bytes
)

// Codes of ClickHouse's errors.
const (
	codeChecksum           = 40
	codeCannotDecompress   = 271
	codeUnknownDatabase    = 81
	codeAccessDenied       = 497
	codeBadArguments       = 36
	codeNoElementsInConfig = 139
	codeUnknownStorage     = 56
)

// DB is an open warehouse whose schema is up to date. It is safe for concurrent
// use.
type DB struct {
	conn   driver.Conn
	engine *engine.Engine // nil for a server
	log    *slog.Logger
}

// Open connects to the server of o.DSN, or starts or joins the embedded engine
// on o.DataDir, and brings the schema up to date. Errors of the engine wrap
// those of package engine.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	db := &DB{log: o.Log}
	var settings *clickhouse.Options
	var err error
	if o.DSN != "" {
		settings, err = parseDSN(o.DSN, o.Password)
	} else {
		db.engine, err = engine.Start(ctx, engine.Options{
			DataDir: o.DataDir, Port: o.Port, Executable: o.Executable, Log: o.Log,
		})
		if err == nil {
			settings = &clickhouse.Options{
				Addr: []string{db.engine.Addr()},
				Auth: clickhouse.Auth{Database: engine.Database, Username: engine.User, Password: db.engine.Password()},
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if err := db.open(ctx, settings); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, settings *clickhouse.Options) error {
	settings.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	if loopback(settings.Addr) {
		settings.Compression.Method = clickhouse.CompressionNone
	}
	settings.MaxOpenConns = maxConns
	settings.MaxIdleConns = maxConns
	settings.DialTimeout = dialTimeout
	settings.ReadTimeout = readTimeout
	if settings.Settings == nil {
		settings.Settings = clickhouse.Settings{}
	}
	// An insert that returns must be stored: a buffered one is not.
	settings.Settings["async_insert"] = 0
	// A record's partition never changes, so FINAL has nothing to merge across
	// them, and nothing at all in one that has been merged.
	settings.Settings["do_not_merge_across_partitions_select_final"] = 1
	// An index must not hide the latest version of a record from FINAL.
	settings.Settings["use_skip_indexes_if_final"] = 1
	settings.Settings["use_skip_indexes_if_final_exact_mode"] = 1
	// A query may name every account: 37 bytes each, and the server's default
	// of 256 KiB ends before 7,000 of them.
	settings.Settings["max_query_size"] = maxQuerySize

	conn, err := clickhouse.Open(settings)
	if err != nil {
		return fmt.Errorf("open warehouse at %s: %w", strings.Join(settings.Addr, ","), err)
	}
	db.conn = conn
	if err := conn.Ping(ctx); hasCode(err, codeUnknownDatabase) {
		if err := createDatabase(ctx, *settings); err != nil {
			return err
		}
	} else if err != nil {
		return db.explain(fmt.Errorf("connect to ClickHouse at %s as %q: %w", strings.Join(settings.Addr, ","), settings.Auth.Username, err))
	}
	return db.migrate(ctx, migrations())
}

// createDatabase makes the database of the settings through a connection to
// another one.
func createDatabase(ctx context.Context, settings clickhouse.Options) error {
	name := settings.Auth.Database
	settings.Auth.Database = "default"
	conn, err := clickhouse.Open(&settings)
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close()
	err = conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quote(name))
	if hasCode(err, codeAccessDenied) {
		return fmt.Errorf("database %s does not exist and user %q may not create it: create it, or grant CREATE DATABASE: %w", name, settings.Auth.Username, err)
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// parseDSN reads a server's address. Its errors do not repeat the DSN, which
// may hold a password against the rule.
func parseDSN(dsn, password string) (*clickhouse.Options, error) {
	const form = "want clickhouse://user@host:9000/database"
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "clickhouse" || u.Host == "" {
		return nil, fmt.Errorf("clickhouse.dsn is not an address of ClickHouse's native protocol: %s", form)
	}
	if _, set := u.User.Password(); set || u.Query().Has("password") {
		return nil, fmt.Errorf("clickhouse.dsn holds a password: take it out and give it in the environment; %s", form)
	}
	settings, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("read clickhouse.dsn: %w", err)
	}
	settings.Auth.Password = password
	if strings.Trim(u.Path, "/") == "" {
		settings.Auth.Database = engine.Database
	}
	return settings, nil
}

func loopback(addrs []string) bool {
	for _, a := range addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			return false
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// Close closes the connections and lets go of the embedded engine, which stops
// when nobody else uses it.
func (db *DB) Close() error {
	var errs []error
	if db.conn != nil {
		if err := db.conn.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close connections to ClickHouse: %w", err))
		}
	}
	if db.engine != nil {
		errs = append(errs, db.engine.Close())
	}
	return errors.Join(errs...)
}

// exec runs a statement without a result.
func (db *DB) exec(ctx context.Context, query string, args ...any) error {
	return db.explain(db.conn.Exec(ctx, query, args...))
}

// query runs a query; the caller reads the rows and ends with rowsErr.
func (db *DB) query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	rows, err := db.conn.Query(ctx, query, args...)
	return rows, db.explain(err)
}

// rowsErr returns the error that ended the reading of rows, if one did.
func (db *DB) rowsErr(doing string, rows driver.Rows) error {
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, db.explain(err))
	}
	return nil
}

// queryRow reads a result of one row.
func (db *DB) queryRow(ctx context.Context, query string, dest ...any) error {
	return db.explain(db.conn.QueryRow(ctx, query).Scan(dest...))
}

// insert writes columns of equal length as one block, which the server takes
// whole or not at all for a table of one partition. The query ends before
// VALUES.
func (db *DB) insert(ctx context.Context, query string, columns ...any) error {
	batch, err := db.conn.PrepareBatch(ctx, query)
	if err != nil {
		return db.explain(err)
	}
	defer batch.Close()
	for i, c := range columns {
		if err := batch.Column(i).Append(c); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return db.explain(batch.Send())
}

// ErrDamaged says that ClickHouse finds files of its own changed or broken.
var ErrDamaged = errors.New("the database's files are damaged, by their own checksums: restore them from a backup")

// explain adds to an error that the embedded engine has died, if it has.
func (db *DB) explain(err error) error {
	if hasCode(err, codeChecksum) || hasCode(err, codeCannotDecompress) {
		return ErrDamaged // ClickHouse's own words are a page on bad hardware
	}
	if db.engine == nil {
		return err
	}
	return db.engine.Explain(err)
}

func hasCode(err error, code int32) bool {
	var e *clickhouse.Exception
	return errors.As(err, &e) && e.Code == code
}

// quote writes an identifier.
func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// calendar is midnight UTC of a date that was read: the driver answers midnight in
// the server's own time zone.
func calendar(date time.Time) time.Time {
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

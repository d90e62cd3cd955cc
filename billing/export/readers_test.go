package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse/engine/enginetest"
)

func TestMain(m *testing.M) { os.Exit(enginetest.Main(m)) }

// reader is a program that others load an export with. It answers the sums of
// columns by the values of others, "a|b" to a number for each column.
type reader struct {
	name   string
	format Format
	sums   func(t testing.TB, file []byte, by string, columns ...string) map[string][]decimal.Decimal
}

var readers = []reader{
	{"encoding/csv", Format{}, sumsByCSV},
	{"SQLite", Format{}, sumsBySQLite},
	{"SQLite, for a spreadsheet", Format{Spreadsheet: true}, sumsBySQLite},
	{"ClickHouse", Format{Parquet: true}, sumsByClickHouse},
}

func sumsByCSV(t testing.TB, file []byte, by string, columns ...string) map[string][]decimal.Decimal {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	out := map[string][]decimal.Decimal{}
	for _, row := range rows[1:] {
		var key []string
		for name := range strings.SplitSeq(by, ",") {
			key = append(key, row[at[name]])
		}
		sums := out[strings.Join(key, "|")]
		if sums == nil {
			sums = make([]decimal.Decimal, len(columns))
			out[strings.Join(key, "|")] = sums
		}
		for i, name := range columns {
			if text := row[at[name]]; text != "" {
				sums[i] = sums[i].Add(number(text))
			}
		}
	}
	return out
}

// sumsBySQLite imports the file with SQLite's shell, whose decimal_sum is exact.
func sumsBySQLite(t testing.TB, file []byte, by string, columns ...string) map[string][]decimal.Decimal {
	t.Helper()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		t.Skip("sqlite3 is not installed: make test-deps")
	}
	path := filepath.Join(t.TempDir(), "export.csv")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range columns {
		list = append(list, fmt.Sprintf("coalesce(decimal_sum(nullif(%q, '')), '0')", c))
	}
	var keys []string
	for _, c := range strings.Split(by, ",") {
		keys = append(keys, fmt.Sprintf("%q", c))
	}
	query := fmt.Sprintf("SELECT %s, %s FROM export GROUP BY %s;", strings.Join(keys, " || '|' || "), strings.Join(list, ", "), strings.Join(keys, ", "))
	cmd := exec.Command("sqlite3", "-bail", "-batch", ":memory:")
	cmd.Stdin = strings.NewReader(".mode csv\n.import " + path + " export\n" + query + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("sqlite3: %v: %s", err, stderr.Bytes())
	}
	return grouped(t, out)
}

// grouped reads rows of a key and numbers.
func grouped(t testing.TB, rows []byte) map[string][]decimal.Decimal {
	t.Helper()
	list, err := csv.NewReader(bytes.NewReader(rows)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]decimal.Decimal{}
	for _, row := range list {
		for _, text := range row[1:] {
			out[row[0]] = append(out[row[0]], number(text))
		}
	}
	return out
}

func sumsByClickHouse(t testing.TB, file []byte, by string, columns ...string) map[string][]decimal.Decimal {
	t.Helper()
	// ClickHouse's table function format cannot read a file without rows.
	if read, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file))); err != nil {
		t.Fatal(err)
	} else if read.NumRows() == 0 {
		return nil
	}
	var list []string
	for _, c := range columns {
		list = append(list, fmt.Sprintf("toString(ifNull(sum(`%s`), 0))", c))
	}
	keys := "`" + strings.ReplaceAll(by, ",", "`, `") + "`"
	var out = map[string][]decimal.Decimal{}
	for _, row := range clickHouse(t, file, fmt.Sprintf("SELECT arrayStringConcat([%s], '|') || ',' || %s FROM {file} GROUP BY %s",
		keys, strings.Join(list, " || ',' || "), keys)) {
		for key, sums := range grouped(t, []byte(row+"\n")) {
			out[key] = sums
		}
	}
	return out
}

// clickHouse asks the embedded engine about a Parquet file, which stands in the
// query as {file}; it answers the first column.
func clickHouse(t testing.TB, file []byte, query string) (out []string) {
	t.Helper()
	dsn, password := enginetest.DSN(t)
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	options.Auth.Database, options.Auth.Password = "", password
	options.Settings = clickhouse.Settings{"max_query_size": 1 << 30, "max_ast_elements": 1 << 20}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.Query(context.Background(), strings.ReplaceAll(query, "{file}", "format(Parquet, unhex('"+hex.EncodeToString(file)+"'))"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

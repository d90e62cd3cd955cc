package warehouse

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// files makes migrations of name, text pairs.
func files(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

const twoSteps = `
-- A comment; with a semicolon.
CREATE TABLE IF NOT EXISTS zoo {{on_cluster}} (
    name String, -- at the end of a line
    n    UInt64
) ENGINE = {{engine "ReplacingMergeTree" "n"}} ORDER BY name;

INSERT INTO zoo SELECT 'a;b', 1;
`

func TestSplitSteps(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		err        string
	}{
		{"one", "SELECT 1;", []string{"SELECT 1"}, ""},
		{"no newline needed, spaces ignored", "  SELECT 1 ; \n\nSELECT\n 2;\r\n", []string{"SELECT 1", "SELECT\n 2"}, ""},
		{"semicolon within a line", "SELECT 'a;b';", []string{"SELECT 'a;b'"}, ""},
		{"comment lines are left out", "-- one;\nSELECT 1\n  -- two;\n;", []string{"SELECT 1"}, ""},
		{"unfinished", "SELECT 1;\nSELECT 2", nil, "step 2 does not end with a ;"},
		{"empty step", "SELECT 1;\n;", nil, "step 2 is empty"},
		{"nothing", "-- later\n", nil, "no statement"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := splitSteps(tt.text)
			if tt.err != "" {
				wantError(t, err, tt.err)
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference: %s", err, diff)
			}
		})
	}
}

func TestRenderStep(t *testing.T) {
	tests := []struct{ text, want string }{
		{"CREATE TABLE t {{on_cluster}} (n UInt8)", "CREATE TABLE t  (n UInt8)"},
		{`ENGINE = {{engine "MergeTree"}}`, "ENGINE = MergeTree()"},
		{`ENGINE = {{engine "ReplacingMergeTree" "version"}}`, "ENGINE = ReplacingMergeTree(version)"},
		{`ENGINE = {{engine "ReplacingMergeTree" "version" "gone"}}`, "ENGINE = ReplacingMergeTree(version, gone)"},
	}
	for _, tt := range tests {
		if got, err := renderStep(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
	if _, err := renderStep("{{nothing}}"); err == nil {
		t.Error("an unknown function is no error")
	}
}

func TestLoadMigrationsErrors(t *testing.T) {
	tests := []struct {
		name string
		fsys fs.FS
		want string
	}{
		{"name", files("1_a.sql", "SELECT 1;"), "1_a.sql"},
		{"does not begin with 1", files("0002_a.sql", "SELECT 1;"), "0001"},
		{"gap", files("0001_a.sql", "SELECT 1;", "0003_b.sql", "SELECT 1;"), "0002"},
		{"same number", files("0001_a.sql", "SELECT 1;", "0001_b.sql", "SELECT 1;"), "0002"},
		{"text", files("0001_a.sql", "SELECT 1"), "0001_a.sql"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadMigrations(tt.fsys)
			wantError(t, err, tt.want)
		})
	}
}

// The schema of the program itself.
func TestMigrations(t *testing.T) {
	all, err := loadMigrations(migrations())
	if err != nil {
		t.Fatal(err)
	}
	db := openTest(t)
	want := 0
	for _, m := range all {
		want += len(m.steps)
	}
	if got := len(appliedNow(t, db)); got != want {
		t.Fatalf("%d steps applied, want %d", got, want)
	}
	// Each step can be run again, as after a kill between it and its note.
	if err := db.exec(t.Context(), "TRUNCATE TABLE migrations"); err != nil {
		t.Fatal(err)
	}
	if err := db.migrate(t.Context(), migrations()); err != nil {
		t.Errorf("a second run of every step: %v", err)
	}
}

// What is acknowledged must survive a power cut on any server, whatever its
// defaults are.
func TestAcknowledgedIsOnDisk(t *testing.T) {
	db := openTest(t)
	for _, table := range []string{"usage", "windows", "invoices", "payments"} {
		var definition string
		if err := db.queryRow(t.Context(), "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = '"+table+"'", &definition); err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{"fsync_after_insert = 1", "fsync_part_directory = 1"} {
			if !strings.Contains(definition, setting) {
				t.Errorf("table %s: engine %s; want %s", table, definition, setting)
			}
		}
	}
}

func TestMigrate(t *testing.T) {
	db := openBare(t)
	fsys := files("0001_zoo.sql", twoSteps)
	for range 2 { // the second time there is nothing to do
		if err := db.migrate(t.Context(), fsys); err != nil {
			t.Fatal(err)
		}
	}
	var name string
	var n uint64
	if err := db.queryRow(t.Context(), "SELECT any(name), count() FROM zoo", &name, &n); err != nil {
		t.Fatal(err)
	}
	if name != "a;b" || n != 1 {
		t.Errorf("%d rows of %q; want 1 of a;b", n, name)
	}
	want := []stepID{{1, 1}, {1, 2}}
	if diff := cmp.Diff(want, appliedNow(t, db), cmp.AllowUnexported(stepID{})); diff != "" {
		t.Error(diff)
	}

	// A comment may change, and a file may follow.
	fsys = files("0001_zoo.sql", "-- Said better.\n"+twoSteps, "0002_more.sql", "ALTER TABLE zoo {{on_cluster}} ADD COLUMN IF NOT EXISTS m UInt8;")
	if err := db.migrate(t.Context(), fsys); err != nil {
		t.Fatal(err)
	}
	if err := db.exec(t.Context(), "SELECT m FROM zoo"); err != nil {
		t.Error(err)
	}
}

func TestMigrateGoesOnWhereItWasStopped(t *testing.T) {
	db := openBare(t)
	broken := strings.Replace(twoSteps, "INSERT INTO zoo", "INSERT INTO zoo_of_another_town", 1)
	err := db.migrate(t.Context(), files("0001_zoo.sql", broken))
	wantError(t, err, "0001_zoo.sql, step 2")
	if got := appliedNow(t, db); len(got) != 1 {
		t.Fatalf("steps applied: %v; want the first", got)
	}
	if err := db.migrate(t.Context(), files("0001_zoo.sql", twoSteps)); err != nil {
		t.Fatal(err)
	}
	if got := appliedNow(t, db); len(got) != 2 {
		t.Errorf("steps applied: %v; want both", got)
	}
}

func TestMigrateRefuses(t *testing.T) {
	db := openBare(t)
	second := "CREATE TABLE IF NOT EXISTS second (n UInt8) ENGINE = {{engine \"MergeTree\"}} ORDER BY n;"
	if err := db.migrate(t.Context(), files("0001_zoo.sql", twoSteps, "0002_second.sql", second)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		fsys fs.FS
		want []string
	}{
		{"an older program", files("0001_zoo.sql", twoSteps), []string{"newer than this program", "0002_second.sql", "install"}},
		{"a program with fewer steps", files("0001_zoo.sql", twoSteps[:strings.Index(twoSteps, "INSERT")], "0002_second.sql", second),
			[]string{"newer than this program", "step 2 of migration 0001_zoo.sql"}},
		{"a changed step", files("0001_zoo.sql", strings.Replace(twoSteps, "UInt64", "UInt32", 1), "0002_second.sql", second),
			[]string{"step 1 of migration 0001_zoo.sql", "another text", "undo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := db.migrate(t.Context(), tt.fsys)
			for _, w := range tt.want {
				wantError(t, err, w)
			}
		})
	}
}

func TestMigrateTwiceAtOnce(t *testing.T) {
	dsn, password := newDatabase(t)
	first := openAt(t, dsn, password)
	second := openAt(t, dsn, password)
	if err := first.exec(t.Context(), "TRUNCATE TABLE migrations"); err != nil {
		t.Fatal(err)
	}
	tables := ""
	for _, name := range strings.Fields("a b c d e f g h") {
		tables += "CREATE TABLE IF NOT EXISTS " + name + " (n UInt64) ENGINE = {{engine \"MergeTree\"}} ORDER BY n;\n"
	}
	fsys := files("0001_tables.sql", tables)
	var wg sync.WaitGroup
	for _, db := range []*DB{first, second, first, second} {
		wg.Go(func() {
			if err := db.migrate(context.Background(), fsys); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(appliedNow(t, first)); got != 8 {
		t.Errorf("%d steps applied, want 8", got)
	}
}

func appliedNow(t *testing.T, db *DB) []stepID {
	t.Helper()
	done, err := db.appliedSteps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]stepID, 0, len(done))
	for _, s := range done {
		ids = append(ids, s.stepID)
	}
	return ids
}

// openBare returns a warehouse to which no migration was applied, as far as its
// table of them knows.
func openBare(t *testing.T) *DB {
	t.Helper()
	db := openTest(t)
	if err := db.exec(t.Context(), "TRUNCATE TABLE migrations"); err != nil {
		t.Fatal(err)
	}
	return db
}

func wantError(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v; want one that says %q", err, says)
	}
}

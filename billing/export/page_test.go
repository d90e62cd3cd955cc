package export

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite README.md's columns and testdata/columns.txt")

var tables = []*Table{&UsageTable, &LinesTable, &InvoicesTable, &TaxesTable, &StatementTable, &JournalTable, &FocusTable}

// pageOf is what README.md says of the tables.
func pageOf(tables []*Table) string {
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "## %s, version %d\n\n%s\n\n| column | type | |\n| --- | --- | --- |\n", t.Name, t.Version, t.Rows)
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Type, c.Meaning)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// The page documents every column.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, columns, _ := strings.Cut(string(page), "## usage, ")
	columns = "## usage, " + columns
	want := pageOf(tables)
	if *update {
		if err := os.WriteFile("README.md", []byte(text+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, columns); diff != "" {
		t.Errorf("README.md is not what the code says (run with -update):\n%s", diff)
	}
	for _, table := range tables {
		if table.Rows == "" {
			t.Errorf("%s does not say what its rows are", table.Name)
		}
		for _, c := range table.Columns {
			if c.Meaning == "" || strings.ContainsAny(c.Meaning, "|\n") {
				t.Errorf("%s.%s: meaning %q", table.Name, c.Name, c.Meaning)
			}
		}
	}
}

// Programs rely on the columns that a version has had: they must all be there,
// in the same places and of the same types. Those that are new go to the end;
// -update then takes them into the golden file, and refuses anything else.
func TestColumnsStay(t *testing.T) {
	const path = "testdata/columns.txt"
	data, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden := map[string][]string{} // by table and version
	for line := range strings.Lines(string(data)) {
		name, columns, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		golden[name] = strings.Split(columns, " ")
	}
	var b strings.Builder
	for _, table := range tables {
		name := fmt.Sprintf("%s %d", table.Name, table.Version)
		var columns []string
		for _, c := range table.Columns {
			columns = append(columns, c.Name+":"+c.Type.String())
		}
		before := golden[name]
		if len(before) > len(columns) || !slices.Equal(before, columns[:len(before)]) {
			t.Fatalf("%s has lost, moved or changed a column of version %d: give it another version\nbefore %q\nnow    %q", table.Name, table.Version, before, columns)
		}
		if len(before) < len(columns) && !*update {
			t.Errorf("%s has new columns, %q: run with -update", table.Name, columns[len(before):])
		}
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(columns, " "))
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Package export writes what was billed for other programs: usage, invoice
// lines, invoices, taxes, the statement, a journal and FOCUS rows, as CSV or
// Parquet. README.md beside it documents every column. It reads usage back, and
// writes as JSON, too, what usage from a file comes to.
//
// It decides nothing: lines come from invoice documents, usage from a priced
// draft, the statement and the journal from package billing. It never opens a
// file, a database or a clock.
package export

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Format is how an export is written: CSV, plain and exact, where nothing is set.
type Format struct {
	Parquet     bool // otherwise CSV
	Compressed  bool // CSV with gzip; Parquet is compressed within
	Spreadsheet bool // CSV whose text a spreadsheet takes for text; see [Guard]
}

// FormatOf is the format that a file's name asks for by its end: .csv, .csv.gz
// or .parquet.
func FormatOf(name string) (Format, error) {
	base := strings.ToLower(filepath.Base(name))
	for end, f := range map[string]Format{".csv": {}, ".csv.gz": {Compressed: true}, ".parquet": {Parquet: true}} {
		if before, ok := strings.CutSuffix(base, end); ok {
			if before == "" {
				return Format{}, fmt.Errorf("%s: the file has no name before its ending: write NAME%s", name, end)
			}
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("%s: the name of the file says its format: end it in .csv, .csv.gz or .parquet", name)
}

package export

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Table is one export: what its rows are, and its columns in their order.
//
// Version changes when a column changes its name, type or meaning, moves or
// goes. A column that is added at the end leaves it as it is.
type Table struct {
	Name    string
	Version int
	Rows    string // what each row is
	Columns []Column
}

// Column is a column of an export.
type Column struct {
	Name    string
	Type    Type
	Meaning string
}

// Type is what the cells of a column are. A cell without a value, which text
// that is empty is too, is empty in CSV and NULL in Parquet.
type Type struct {
	kind  cellKind
	scale int32 // decimals that Parquet has of a decimal
}

type cellKind int

const (
	textCell cellKind = iota
	integerCell
	decimalCell
	dateCell
	timeCell
)

// The types of columns. Decimals differ in what Parquet has room for: 38 digits,
// so many of them after the point.
var (
	text    = Type{kind: textCell}
	integer = Type{kind: integerCell}
	date    = Type{kind: dateCell}
	instant = Type{kind: timeCell}

	amount   = Type{decimalCell, 4}  // rounded to a currency's minor unit; ISO 4217 has at most 4 decimals
	percent  = Type{decimalCell, 6}  //
	cost     = Type{decimalCell, 8}  // what Twilio charges; as the warehouse stores it
	quantity = Type{decimalCell, 12} //
	price    = Type{decimalCell, 18} // of a unit, as a plan has it
	exact    = Type{decimalCell, 24} // an amount before rounding
)

// decimalDigits is how many digits a decimal of Parquet has, before the point
// and after it: what 16 bytes hold.
const decimalDigits = 38

// String names the type as README.md does.
func (t Type) String() string {
	switch t.kind {
	case integerCell:
		return "integer"
	case decimalCell:
		return fmt.Sprintf("decimal(%d,%d)", decimalDigits, t.scale)
	case dateCell:
		return "date"
	case timeCell:
		return "time"
	}
	return "text"
}

// Names are the names of the columns.
func (t *Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// sink is a file in the making.
type sink interface {
	text(s string)
	integer(n int64)
	decimal(d decimal.Decimal)             // without zeros at the end
	fixed(d decimal.Decimal, places int32) // with so many decimals
	date(d pricing.Date)
	time(t time.Time)
	none() // a cell without a value
	endRow() error
	close() error // what was buffered is written; the writer below stays open
}

// writer writes the rows of a table, cell after cell.
type writer struct {
	sink
	table *Table
}

// newWriter begins an export with its header.
func newWriter(w io.Writer, f Format, t *Table) (*writer, error) {
	out := &writer{table: t}
	if f.Parquet {
		out.sink = newParquet(w, t)
		return out, nil
	}
	csv := newCSV(w, f)
	for _, c := range t.Columns {
		csv.raw(c.Name)
	}
	out.sink = csv
	return out, csv.endRow()
}

// valid is text as UTF-8: what is not would make a file that no reader takes, and
// is replaced.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

// texts writes text cells that follow each other.
func (w *writer) texts(cells ...string) {
	for _, s := range cells {
		w.text(s)
	}
}

// optional writes a decimal that may be missing.
func (w *writer) optional(d decimal.NullDecimal) {
	if !d.Valid {
		w.none()
		return
	}
	w.decimal(d.Decimal)
}

// optionalInteger writes a number that may be missing.
func (w *writer) optionalInteger(n *int64) {
	if n == nil {
		w.none()
		return
	}
	w.integer(*n)
}

// optionalFixed writes an amount that may be missing.
func (w *writer) optionalFixed(d decimal.NullDecimal, places int32) {
	if !d.Valid {
		w.none()
		return
	}
	w.fixed(d.Decimal, places)
}

// day writes a date that may be missing.
func (w *writer) day(d pricing.Date) {
	if d.IsZero() {
		w.none()
		return
	}
	w.date(d)
}

// end ends a row. The words name it in an error.
func (w *writer) end(words ...string) error {
	if err := w.endRow(); err != nil {
		return fmt.Errorf("export %s: %s: %w", w.table.Name, strings.Join(words, " "), err)
	}
	return nil
}

// Close writes what is buffered.
func (w *writer) Close() error {
	if err := w.close(); err != nil {
		return fmt.Errorf("export %s: %w", w.table.Name, err)
	}
	return nil
}

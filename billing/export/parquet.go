package export

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"math/bits"
	"reflect"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// parquetFile writes Parquet: decimals as DECIMAL in 16 bytes, dates as DATE,
// instants as TIMESTAMP in microseconds of UTC, all text as STRING.
type parquetFile struct {
	out   *parquet.GenericWriter[any]
	table *Table
	rows  []parquet.Row // that are not written yet
	cells []parquet.Value
	bytes []byte // of the cells' decimals and text
	err   error  // of a cell of this row
}

const (
	// rowGroup bounds memory: the columns of so many rows are held until they are
	// written.
	rowGroup = 100_000
	// batch is how many rows are handed on at once.
	batch = 512
	// dictionary bounds, for each column, the values that are kept apart: a
	// column of sids has no use for them.
	dictionary = 1 << 18
)

func newParquet(w io.Writer, t *Table) *parquetFile {
	columns := record{}
	for _, c := range t.Columns {
		columns.fields = append(columns.fields, field{parquet.Encoded(node(c.Type), &parquet.RLEDictionary), c.Name})
	}
	return &parquetFile{table: t, out: parquet.NewGenericWriter[any](w,
		parquet.NewSchema(t.Name, columns),
		parquet.Compression(&parquet.Snappy),
		parquet.MaxRowsPerRowGroup(rowGroup),
		parquet.DictionaryMaxBytes(dictionary),
		parquet.CreatedBy("subtally", strconv.Itoa(t.Version), t.Name),
		parquet.KeyValueMetadata("subtally.export", t.Name),
		parquet.KeyValueMetadata("subtally.version", strconv.Itoa(t.Version)),
	)}
}

// node is a column in Parquet's terms.
func node(t Type) parquet.Node {
	switch t.kind {
	case integerCell:
		return parquet.Optional(parquet.Int(64))
	case decimalCell:
		return parquet.Optional(parquet.Decimal(int(t.scale), decimalDigits, parquet.FixedLenByteArrayType(16)))
	case dateCell:
		return parquet.Optional(parquet.Date())
	case timeCell:
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond))
	}
	return parquet.Optional(parquet.String())
}

// record is a row's columns in their order; a parquet.Group has them by name.
type record struct {
	parquet.Group
	fields []parquet.Field
}

func (r record) Fields() []parquet.Field { return r.fields }

type field struct {
	parquet.Node
	name string
}

func (f field) Name() string { return f.name }

// Value is of no use here: rows are not made of Go structs.
func (f field) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// cell adds a cell to the row.
func (p *parquetFile) cell(v parquet.Value, level int) {
	p.cells = append(p.cells, v.Level(0, level, p.column()))
}

// column is the one whose turn it is.
func (p *parquetFile) column() int { return len(p.cells) % len(p.table.Columns) }

func (p *parquetFile) none() { p.cell(parquet.NullValue(), 0) }

func (p *parquetFile) text(s string) {
	if s == "" {
		p.none()
		return
	}
	from := len(p.bytes)
	p.bytes = append(p.bytes, valid(s)...)
	p.cell(parquet.ByteArrayValue(p.bytes[from:]), 1)
}

func (p *parquetFile) integer(n int64) { p.cell(parquet.Int64Value(n), 1) }

func (p *parquetFile) fixed(d decimal.Decimal, _ int32) { p.decimal(d) }

func (p *parquetFile) decimal(d decimal.Decimal) {
	c := &p.table.Columns[p.column()]
	from := len(p.bytes)
	var err error
	if p.bytes, err = appendScaled(p.bytes, d, c.Type.scale); err != nil && p.err == nil {
		p.err = fmt.Errorf("%s %w; write CSV instead, which has room for it", c.Name, err)
	}
	p.cell(parquet.FixedLenByteArrayValue(p.bytes[from:]), 1)
}

func (p *parquetFile) date(d pricing.Date) {
	p.cell(parquet.Int32Value(int32(pricing.Date{Year: 1970, Month: time.January, Day: 1}.DaysUntil(d))), 1)
}

func (p *parquetFile) time(t time.Time) {
	if t.Nanosecond()%1000 != 0 && p.err == nil {
		p.err = fmt.Errorf("%s %s is finer than a microsecond; write CSV instead, which has room for it",
			p.table.Columns[p.column()].Name, t.UTC().Format(time.RFC3339Nano))
	}
	p.cell(parquet.Int64Value(t.UnixMicro()), 1)
}

func (p *parquetFile) endRow() error {
	if p.err != nil {
		return p.err
	}
	width := len(p.table.Columns)
	if len(p.cells) < batch*width {
		return nil
	}
	return p.flush()
}

func (p *parquetFile) flush() error {
	width := len(p.table.Columns)
	p.rows = p.rows[:0]
	for at := 0; at < len(p.cells); at += width {
		p.rows = append(p.rows, p.cells[at:at+width])
	}
	_, err := p.out.WriteRows(p.rows)
	p.cells, p.bytes = p.cells[:0], p.bytes[:0]
	return err
}

func (p *parquetFile) close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.out.Close()
}

// appendScaled appends d x 10^scale as 16 bytes, two's complement, the highest
// first. The error is that of a number which it cannot hold exactly: nothing is
// rounded here.
func appendScaled(buf []byte, d decimal.Decimal, scale int32) ([]byte, error) {
	n, shift := d.CoefficientInt64(), scale+d.Exponent()
	if d.NumDigits() > 18 || shift < 0 || shift > 36 {
		return appendScaledBig(buf, d, scale)
	}
	u := uint64(max(n, -n))
	first := min(shift, 18)
	high, low := bits.Mul64(u, uint64(pow10[first]))
	if rest := shift - first; rest > 0 {
		if high >= 8 { // or the product below might not fit 64 bits
			return appendScaledBig(buf, d, scale)
		}
		over, up := bits.Mul64(low, uint64(pow10[rest]))
		high, low = high*uint64(pow10[rest])+over, up
	}
	if high >= tooHigh {
		return appendScaledBig(buf, d, scale)
	}
	if n < 0 {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	buf = binary.BigEndian.AppendUint64(buf, high)
	return binary.BigEndian.AppendUint64(buf, low), nil
}

// limit is the first number that has more than decimalDigits digits, and tooHigh
// its upper half: what has less in it is surely below.
var (
	limit   = new(big.Int).Exp(big.NewInt(10), big.NewInt(decimalDigits), nil)
	tooHigh = new(big.Int).Rsh(limit, 64).Uint64()
)

// appendScaledBig is appendScaled for numbers of any size.
func appendScaledBig(buf []byte, d decimal.Decimal, scale int32) ([]byte, error) {
	cut := d.Truncate(scale)
	if !cut.Equal(d) {
		return append(buf, make([]byte, 16)...), fmt.Errorf("%s has more than %d decimals", d, scale)
	}
	n := d.Shift(scale).BigInt()
	if n.CmpAbs(limit) >= 0 {
		return append(buf, make([]byte, 16)...), fmt.Errorf("%s has more than %d digits before the point", d, decimalDigits-scale)
	}
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	var b [16]byte
	n.FillBytes(b[:])
	return append(buf, b[:]...), nil
}

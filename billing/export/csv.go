package export

import (
	"compress/gzip"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// csvFile writes CSV after RFC 4180: CRLF at the end of a line, text in quotes
// where it has to be. Cells are appended to one buffer: encoding/csv takes each as
// a string of its own.
type csvFile struct {
	out     io.Writer
	zip     *gzip.Writer // nil for none
	buf     []byte
	started bool // the row has a cell
	guarded bool
}

// csvBuffer is how much is gathered before it is written.
const csvBuffer = 1 << 16

func newCSV(w io.Writer, f Format) *csvFile {
	c := &csvFile{out: w, guarded: f.Spreadsheet, buf: make([]byte, 0, csvBuffer+1<<12)}
	if f.Compressed {
		// The header has neither name nor time: the same rows give the same bytes.
		// Usage compresses to about a tenth at the fastest level, too.
		c.zip, _ = gzip.NewWriterLevel(w, gzip.BestSpeed)
		c.out = c.zip
	}
	return c
}

func (c *csvFile) next() {
	if c.started {
		c.buf = append(c.buf, ',')
	}
	c.started = true
}

// raw writes a cell that needs no quotes.
func (c *csvFile) raw(s string) {
	c.next()
	c.buf = append(c.buf, s...)
}

func (c *csvFile) none() { c.next() }

func (c *csvFile) text(s string) {
	c.next()
	special, ascii := scan(s)
	if !ascii {
		s = valid(s)
	}
	switch {
	case s == "":
	case c.guarded:
		// In quotes all of it: where the semicolon separates, as in much of
		// Europe, "x;=1+1" would else be two cells.
		c.buf = append(c.buf, '"')
		if Guarded(s) {
			c.buf = append(c.buf, '\'')
		}
		c.quoted(s)
	case special:
		c.buf = append(c.buf, '"')
		c.quoted(s)
	default:
		c.buf = append(c.buf, s...)
	}
}

// scan reports whether text has a character for which it must be in quotes, and
// whether all of it is ASCII.
func scan(s string) (special, ascii bool) {
	ascii = true
	for i := range len(s) {
		switch b := s[i]; {
		case b == ',' || b == '"' || b == '\r' || b == '\n':
			special = true
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return special, ascii
}

// quoted writes text and the quote behind it.
func (c *csvFile) quoted(s string) {
	for {
		at := strings.IndexByte(s, '"')
		if at < 0 {
			break
		}
		c.buf = append(c.buf, s[:at+1]...)
		c.buf = append(c.buf, '"')
		s = s[at+1:]
	}
	c.buf = append(c.buf, s...)
	c.buf = append(c.buf, '"')
}

// Guarded reports whether a spreadsheet may take text for a formula by its first
// character, as OWASP's page on CSV injection has them: = + - @ and their
// full-width forms, tab, CR, LF and NUL. With [Format.Spreadsheet] it gets an
// apostrophe before it.
func Guarded(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	switch first {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n', 0:
		return s != ""
	}
	return false
}

func (c *csvFile) integer(n int64) {
	c.next()
	c.buf = strconv.AppendInt(c.buf, n, 10)
}

func (c *csvFile) decimal(d decimal.Decimal) {
	c.next()
	c.buf = appendDecimal(c.buf, d)
}

func (c *csvFile) fixed(d decimal.Decimal, places int32) {
	c.next()
	c.buf = append(c.buf, d.StringFixed(places)...)
}

func (c *csvFile) date(d pricing.Date) { c.raw(d.String()) }

func (c *csvFile) time(t time.Time) {
	c.next()
	c.buf = t.UTC().AppendFormat(c.buf, time.RFC3339Nano)
}

func (c *csvFile) endRow() error {
	c.buf = append(c.buf, '\r', '\n')
	c.started = false
	if len(c.buf) < csvBuffer {
		return nil
	}
	return c.flush()
}

func (c *csvFile) flush() error {
	_, err := c.out.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

func (c *csvFile) close() error {
	if err := c.flush(); err != nil {
		return err
	}
	if c.zip != nil {
		return c.zip.Close()
	}
	return nil
}

// appendDecimal appends d as [decimal.Decimal.String] has it, without the
// strings that this makes.
func appendDecimal(buf []byte, d decimal.Decimal) []byte {
	n, places := d.CoefficientInt64(), -d.Exponent()
	if d.NumDigits() > 18 || places < 0 || places > 18 {
		return append(buf, d.String()...)
	}
	if n < 0 {
		buf = append(buf, '-')
		n = -n
	}
	for ; places > 0 && n%10 == 0; places-- {
		n /= 10
	}
	if places == 0 {
		return strconv.AppendInt(buf, n, 10)
	}
	whole, fraction := n/pow10[places], n%pow10[places]
	buf = strconv.AppendInt(buf, whole, 10)
	buf = append(buf, '.')
	for p := places - 1; p > 0 && fraction < pow10[p]; p-- {
		buf = append(buf, '0')
	}
	return strconv.AppendInt(buf, fraction, 10)
}

// pow10 are the powers of ten that an int64 holds.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := range p[1:] {
		p[i+1] = 10 * p[i]
	}
	return p
}()

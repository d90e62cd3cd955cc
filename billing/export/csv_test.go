package export

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/pricing"
)

// made is CSV that write fills, without a header.
func made(t testing.TB, f Format, write func(c *csvFile)) string {
	t.Helper()
	var b bytes.Buffer
	c := newCSV(&b, f)
	write(c)
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSVForm(t *testing.T) {
	got := made(t, Format{}, func(c *csvFile) {
		for _, s := range []string{"plain", "", "a,b", `say "x"`, "a\nb", "a\rb", " =1", "a;b", "ü"} {
			c.text(s)
		}
		if err := c.endRow(); err != nil {
			t.Fatal(err)
		}
		c.none()
		c.integer(-7)
		c.decimal(number("-12.50"))
		c.fixed(number("3"), 2)
		c.fixed(number("120"), 0)
		c.date(pricing.Date{Year: 2026, Month: 3, Day: 9})
		c.time(time.Date(2026, 3, 9, 1, 2, 3, 500, time.FixedZone("", 3600)))
		if err := c.endRow(); err != nil {
			t.Fatal(err)
		}
	})
	const want = "plain,,\"a,b\",\"say \"\"x\"\"\",\"a\nb\",\"a\rb\", =1,a;b,ü\r\n,-7,-12.5,3.00,120,2026-03-09,2026-03-09T00:02:03.0000005Z\r\n"
	if got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// A decimal is written as decimal.Decimal.String has it.
func TestAppendDecimal(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, d decimal.Decimal) {
		if got := string(appendDecimal([]byte("x"), d)); got != "x"+d.String() {
			t.Errorf("%s is written %s", d, got)
		}
	}
	for _, text := range []string{"0", "0.00", "-0.5", "7.000000", "100", "-1.050", "1e3", "1e-18", "-999999999999999999", "0.999999999999999999",
		"9223372036854775807", "-9223372036854775808", "1e-19", "12345678901234567890.123456789012345678901"} {
		check(t, number(text))
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-25, 5).Draw(t, "exponent")))
	})
}

// FuzzCSV writes a row and reads it with encoding/csv.
func FuzzCSV(f *testing.F) {
	f.Add("a", "b,c", false)
	f.Add(awkward, "\r\n", true)
	f.Add(`"`, "=1+1", true)
	f.Add("\x00", `\.`, true)
	f.Fuzz(func(t *testing.T, a, b string, guarded bool) {
		text := made(t, Format{Spreadsheet: guarded}, func(c *csvFile) {
			c.raw("first")
			c.text(a)
			c.text(b)
			if err := c.endRow(); err != nil {
				t.Fatal(err)
			}
		})
		row, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for i, want := range []string{a, b} {
			if guarded && Guarded(want) {
				want = "'" + want
			}
			// encoding/csv takes a CRLF within quotes for LF.
			if want = strings.ReplaceAll(want, "\r\n", "\n"); row[i+1] != want {
				t.Errorf("%q: cell %d is %q, want %q", text, i+1, row[i+1], want)
			}
		}
	})
}

// encodings are the forms in which a first character that matters can come.
var encodings = []struct {
	name   string
	encode func(rune) string
}{
	{"plain", func(r rune) string { return string(r) }},
	{"full-width", func(r rune) string {
		if r > ' ' && r <= '~' {
			return string(r - '!' + '！')
		}
		return string(r)
	}},
	{"in quotes already", func(r rune) string { return `"` + string(r) }},
}

// Eight first characters, in five places, in three forms: in none of them does a
// spreadsheet find a formula, whichever separator it splits cells at.
func TestSpreadsheetGuard(t *testing.T) {
	const formula = `cmd|' /C calc'!A0`
	places := []func(start string) string{
		func(s string) string { return s + formula },              // first
		func(s string) string { return s },                        // alone
		func(s string) string { return "Acme;" + s + formula },    // behind another separator
		func(s string) string { return "Acme\"," + s + formula },  // behind a quote and a separator
		func(s string) string { return "Acme\r\n" + s + formula }, // on a line of its own
	}
	payloads := 0
	for _, start := range "=+-@\t\r\n\x00" {
		for _, place := range places {
			for _, form := range encodings {
				payloads++
				cell := place(form.encode(start))
				row := made(t, Format{Spreadsheet: true}, func(c *csvFile) {
					c.text("before")
					c.text(cell)
					c.decimal(number("-12.50"))
					if err := c.endRow(); err != nil {
						t.Fatal(err)
					}
				})
				for _, separator := range []rune{',', ';', '\t'} {
					in := csv.NewReader(strings.NewReader(row))
					in.Comma, in.LazyQuotes, in.FieldsPerRecord = separator, true, -1
					rows, err := in.ReadAll()
					if err != nil {
						t.Fatalf("%q: %v", row, err)
					}
					for _, row := range rows {
						for _, got := range row {
							if Guarded(got) && got != "-12.5" {
								t.Errorf("%s, %q split at %q: %q is a formula", form.name, cell, separator, got)
							}
						}
					}
					if separator != ',' {
						continue
					}
					if len(rows) != 1 || len(rows[0]) != 3 {
						t.Fatalf("%s, %q is %q", form.name, cell, rows)
					}
					exactly := strings.ReplaceAll(cell, "\r\n", "\n")
					if got := strings.TrimPrefix(rows[0][1], "'"); got != exactly {
						t.Errorf("%s, %q reads %q", form.name, cell, got)
					}
					if rows[0][2] != "-12.5" {
						t.Errorf("the number beside %q is %q", cell, rows[0][2])
					}
				}
				if exact := made(t, Format{}, func(c *csvFile) { c.text(cell) }); strings.HasPrefix(strings.TrimPrefix(exact, `"`), "'") {
					t.Errorf("for a machine %q is %q", cell, exact)
				}
			}
		}
	}
	if payloads != 120 {
		t.Errorf("%d payloads, want 120", payloads)
	}
}

// Compressed rows are the same bytes each time, without a name or a time, and
// gzip's own program reads them.
func TestGzip(t *testing.T) {
	write := func(c *csvFile) {
		c.text(awkward)
		if err := c.endRow(); err != nil {
			t.Fatal(err)
		}
	}
	first := made(t, Format{Compressed: true}, write)
	if again := made(t, Format{Compressed: true}, write); again != first {
		t.Error("the same rows have other bytes")
	}
	in, err := gzip.NewReader(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if !in.ModTime.IsZero() || in.Name != "" {
		t.Errorf("the header says %v, %q", in.ModTime, in.Name)
	}
	text, err := io.ReadAll(in)
	if want := made(t, Format{}, write); err != nil || string(text) != want {
		t.Errorf("read back %q, %v; want %q", text, err, want)
	}
	if _, err := exec.LookPath("gzip"); err != nil {
		t.Skip("gzip is not installed")
	}
	cmd := exec.Command("gzip", "-dc")
	cmd.Stdin = strings.NewReader(first)
	if out, err := cmd.Output(); err != nil || string(out) != string(text) {
		t.Errorf("gzip reads %q, %v", out, err)
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{
		"x.csv": {}, "X.CSV": {}, "a.b/x.csv.gz": {Compressed: true}, "x.parquet": {Parquet: true},
	} {
		if got, err := FormatOf(filepath.FromSlash(name)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"x", "x.gz", "x.csv.zst", "x.parquet.gz", "csv", "", "x.csv/y"} {
		if f, err := FormatOf(name); err == nil {
			t.Errorf("%q is taken for %+v", name, f)
		}
	}
}

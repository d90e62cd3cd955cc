package export

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

// A decimal in Parquet is exact, or an error.
func TestAppendScaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-30, 20).Draw(t, "exponent"))
		if rapid.Bool().Draw(t, "long") {
			d = d.Mul(decimal.New(rapid.Int64().Draw(t, "factor"), -rapid.Int32Range(0, 10).Draw(t, "decimals")))
		}
		scale := rapid.SampledFrom([]int32{4, 6, 8, 12, 18, 24}).Draw(t, "scale")
		scaled := d.Shift(scale)
		fits := scaled.IsInteger() && scaled.Abs().LessThan(decimal.New(1, decimalDigits))
		got, err := appendScaled(nil, d, scale)
		if (err == nil) != fits || len(got) != 16 {
			t.Fatalf("%s with %d decimals: %x, %v", d, scale, got, err)
		}
		if !fits {
			return
		}
		n := new(big.Int).SetBytes(got)
		if got[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		if back := decimal.NewFromBigInt(n, -scale); !back.Equal(d) {
			t.Fatalf("%s with %d decimals reads back as %s", d, scale, back)
		}
	})
}

// What does not fit is never rounded: the error says which record it is, and
// what to do.
func TestParquetRefuses(t *testing.T) {
	doc := &billing.Document{Tenant: "acme", Period: october, Currency: "USD"}
	for _, test := range []struct {
		want string
		item billing.Item
	}{
		{"record CA1 of tenant acme: amount 0.0000000000000000000000001 has more than 24 decimals; write CSV instead",
			billing.Item{UsageRow: &warehouse.UsageRow{SID: "CA1"}, Amount: number("1e-25")}},
		{"record CA1 of tenant acme: quantity 1" + strings.Repeat("0", 26) + " has more than 26 digits before the point; write CSV instead",
			billing.Item{UsageRow: &warehouse.UsageRow{SID: "CA1", Quantity: number("1e26")}}},
		{"record CA1 of tenant acme: started_at 2026-10-01T00:00:00.000000001Z is finer than a microsecond; write CSV instead",
			billing.Item{UsageRow: &warehouse.UsageRow{SID: "CA1", StartedAt: time.Date(2026, 10, 1, 0, 0, 0, 1, time.UTC)}}},
	} {
		var b bytes.Buffer
		out, err := NewUsage(&b, Format{Parquet: true})
		if err != nil {
			t.Fatal(err)
		}
		if err = out.Add(doc, &test.item); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}

// ClickHouse reads every column with its name, its type and its value, in
// order.
func TestParquetTypes(t *testing.T) {
	cost := number("0.0085")
	row := warehouse.UsageRow{Account: "AC1", SID: "CA1", Kind: "call", Direction: "outbound-api", Status: "completed", From: "+1415", To: "=ü",
		StartedAt: time.Date(2026, 10, 5, 12, 0, 0, 0, time.FixedZone("", 7200)), Quantity: number("61.5"), Cost: &cost, Currency: "USD"}
	doc := &billing.Document{Tenant: "acme", Period: october, Number: "INV-1", Currency: "EUR", Revision: 1}
	var b bytes.Buffer
	out, err := NewUsage(&b, Format{Parquet: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Add(doc, &billing.Item{UsageRow: &row, Amount: number("-0.01016666666667")}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	names := strings.Join(clickHouse(t, b.Bytes(), "SELECT arrayJoin(tupleNames(tuple(*))) FROM {file} SETTINGS enable_named_columns_in_function_tuple = 1"), " ")
	if want := strings.Join(UsageTable.Names(), " "); names != want {
		t.Errorf("columns\n%s, want\n%s", names, want)
	}
	for query, want := range map[string]string{
		"toTypeName(tenant) || toTypeName(per)":            "Nullable(String)Nullable(Int64)",
		"toTypeName(amount) || toTypeName(cost)":           "Nullable(Decimal(38, 24))Nullable(Decimal(38, 8))",
		"toTypeName(started_at)":                           "Nullable(DateTime64(6, 'UTC'))",
		"formatDateTime(started_at, '%F %T')":              "2026-10-05 10:00:00",
		"toString(amount) || ' ' || toString(quantity)":    "-0.01016666666667 61.5",
		"toString(isNull(unit_price)) || to":               "1=ü",
		"toString(isNull(charge)) || toString(isNull(to))": "10", // empty text is NULL, too
	} {
		if got := clickHouse(t, b.Bytes(), "SELECT "+query+" FROM {file}"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	b.Reset()
	if err := Journal(&b, Format{Parquet: true}, "2026-10", []billing.JournalLine{{Date: pricing.Date{Year: 2026, Month: 11, Day: 4}}}); err != nil {
		t.Fatal(err)
	}
	if got := clickHouse(t, b.Bytes(), "SELECT toTypeName(date) || toString(date) FROM {file}"); fmt.Sprint(got) != "[Nullable(Date32)2026-11-04]" {
		t.Errorf("date: %q", got)
	}
}

// The file says what it is, and has its rows in groups that bound memory.
func TestParquetGroups(t *testing.T) {
	var b bytes.Buffer
	out, err := NewUsage(&b, Format{Parquet: true})
	if err != nil {
		t.Fatal(err)
	}
	item := billing.Item{UsageRow: &warehouse.UsageRow{StartedAt: october.From.Start(time.UTC)}}
	doc := &billing.Document{Tenant: "acme", Period: october}
	const rows = 2*rowGroup + 7
	for range rows {
		if err := out.Add(doc, &item); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n != 3 || file.NumRows() != rows {
		t.Errorf("%d rows in %d groups", file.NumRows(), n)
	}
	for key, want := range map[string]string{"subtally.export": "usage", "subtally.version": "1"} {
		if got, _ := file.Lookup(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestParquetWriteErrors(t *testing.T) {
	if err := Journal(fullDisk{}, Format{Parquet: true}, "2026-10", nil); !errors.Is(err, errFull) {
		t.Errorf("journal: %v", err)
	}
}

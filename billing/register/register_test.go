package register

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

const format = "INV-{year}-{seq:06}"

func date(year int, month time.Month, day int) pricing.Date {
	return pricing.Date{Year: year, Month: month, Day: day}
}

// october is the identity of a tenant's first invoice for October 2026.
func october(tenant string) Identity {
	return Identity{Kind: Invoice, Tenant: tenant, From: date(2026, 10, 1), To: date(2026, 11, 1), Revision: 1}
}

// one is for the tests' engine, which has no Keeper.
var one = Options{SingleWriter: true}

func open(t *testing.T, db *warehouse.DB) *Register {
	t.Helper()
	r, err := Open(t.Context(), db, one)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// document builds one that names its number, over 10 for the period.
func document(id Identity, issued pricing.Date) func(number string) (Draft, error) {
	return func(number string) (Draft, error) {
		return Draft{
			Document: []byte("document " + number + " for " + id.Tenant),
			Total:    decimal.RequireFromString("10.50"), Currency: "USD", Issued: issued, Due: issued.AddDays(30),
		}, nil
	}
}

// finalize stores a document that names its number.
func finalize(t *testing.T, r *Register, id Identity, issued pricing.Date) Entry {
	t.Helper()
	e, err := r.Finalize(t.Context(), id, Series{format}, issued, document(id, issued))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// same compares entries; decimals of one value may differ inside.
func same(a, b Entry) bool {
	equal := a.Total.Equal(b.Total)
	a.Total, b.Total = decimal.Zero, decimal.Zero
	return equal && a == b
}

func TestCheckFormat(t *testing.T) {
	tests := []struct {
		format string
		ok     bool
		first  string // number of the first invoice of 2026
	}{
		{format, true, "INV-2026-000001"},
		{"{seq}", true, "1"},
		{"{year}{seq:03}", true, "2026001"},
		{"A_{seq:01}.b", true, "A_1.b"},
		{"{seq:09}", true, "000000001"},
		{"{year}-{year}-{seq}", true, "2026-2026-1"},
		{"", false, ""},
		{"INV-{year}", false, ""},
		{"{seq}{seq}", false, ""},
		{"{seq}-{seq:04}", false, ""},
		{"{seq:6}", false, ""},
		{"{seq:010}", false, ""},
		{"{seq:00}", false, ""},
		{"{seq:0}", false, ""},
		{"{seq:0-1}", false, ""},
		{"{month}-{seq}", false, ""},
		{"{Seq}", false, ""},
		{"{}{seq}", false, ""},
		{"{seq}}", false, ""},
		{"{{seq}", false, ""},
		{"2026/{seq}", false, ""},
		{`2026\{seq}`, false, ""},
		{"Nr {seq}", false, ""},
		{"Š{seq}", false, ""},
		{"{seq}\n", false, ""},
	}
	for _, tt := range tests {
		err := CheckFormat(tt.format)
		if (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.format, err)
		} else if tt.ok {
			if got := number(series(tt.format, date(2026, 11, 4)), 1); got != tt.first {
				t.Errorf("%q: first number %q, want %q", tt.format, got, tt.first)
			}
		} else if !strings.Contains(err.Error(), fmt.Sprintf("%q", tt.format)) {
			t.Errorf("%q: the error does not show the format: %v", tt.format, err)
		}
	}
	if got := number(series("{seq:03}", date(2026, 1, 1)), 12345); got != "12345" {
		t.Errorf("a number wider than the format: %s", got)
	}
}

func TestOverlap(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"INV-{year}-{seq:06}", "CN-{year}-{seq:06}", false},
		{"INV-{year}-{seq:06}", "INV-{year}-{seq:06}", true},
		{"INV-{year}-{seq:06}", "INV-2026-{seq}", true}, // INV-2026-100000
		{"INV-{year}-{seq:06}", "INV-26-{seq}", false},
		{"INV-{seq}", "INV-{seq:04}", true}, // INV-1000
		{"A{seq}", "A{year}{seq}", true},    // A20261
		{"A{seq}", "A0{seq}", false},        // no A0...
		{"A{seq:02}", "A0{seq}", true},      // A01
		{"{seq}A", "{seq}B", false},
		{"{seq}-A", "{year}-A", true},
		{"{seq}", "{year}-{seq}", false},
		{"1{seq}", "{seq}1", true}, // 11
		{"X1{seq}", "X2{seq}", false},
		{"EU-{seq}", "EU-CN-{seq}", false},
	}
	for _, tt := range tests {
		if Overlap(tt.a, tt.b) != tt.want || Overlap(tt.b, tt.a) != tt.want {
			t.Errorf("%q and %q: want %v", tt.a, tt.b, tt.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	for i := 1; i <= 12; i++ {
		e := finalize(t, r, october(fmt.Sprint("t", i)), date(2026, 11, 4))
		if want := fmt.Sprintf("INV-2026-%06d", i); e.Number != want || e.Identity != october(fmt.Sprint("t", i)) {
			t.Errorf("invoice %d: %s for %v, want %s", i, e.Number, e.Identity, want)
		}
	}
	// The year is that of the issue date, and each begins at 1.
	december := Identity{Kind: Invoice, Tenant: "t1", From: date(2026, 12, 1), To: date(2027, 1, 1), Revision: 1}
	if e := finalize(t, r, december, date(2027, 1, 4)); e.Number != "INV-2027-000001" {
		t.Errorf("first of 2027: %s", e.Number)
	}
	// A run for an earlier date goes on where that year stopped, and a register
	// that was opened again knows it all.
	r = open(t, db)
	if e := finalize(t, r, october("late"), date(2026, 12, 31)); e.Number != "INV-2026-000013" {
		t.Errorf("late one of 2026: %s", e.Number)
	}
	second := october("t1")
	second.Revision = 2
	if e := finalize(t, r, second, date(2027, 1, 5)); e.Number != "INV-2027-000002" {
		t.Errorf("revision 2: %s", e.Number)
	}
	var numbers []string
	for _, e := range open(t, db).Entries() {
		numbers = append(numbers, e.Number)
	}
	if got := len(numbers); got != 15 || numbers[9] != "INV-2026-000010" || numbers[12] != "INV-2026-000013" || numbers[13] != "INV-2027-000001" {
		t.Errorf("%d entries, not in the order of their numbers: %v", got, numbers)
	}
}

func TestFinalizeAgain(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	first := finalize(t, r, october("acme"), date(2026, 11, 4))
	for range 2 {
		again, err := r.Finalize(t.Context(), october("acme"), Series{"NEW-{seq}"}, date(2027, 5, 1), func(string) (Draft, error) {
			t.Error("the document was built again")
			return Draft{}, nil
		})
		if err != nil || !same(again, first) {
			t.Errorf("finalized again: %v, %v; want %v", again, err, first)
		}
		r = open(t, db)
	}
	if e, ok := r.Find(october("acme")); !ok || !same(e, first) {
		t.Errorf("found %v, %v; want %v", e, ok, first)
	}
	if _, ok := r.Find(october("other")); ok {
		t.Error("found an invoice that was never finalized")
	}
	if e, err := r.Number(first.Number); err != nil || !same(e, first) {
		t.Errorf("by number: %v, %v; want %v", e, err, first)
	}
	if _, err := r.Number("INV-2026-000002"); err == nil || !strings.Contains(err.Error(), "INV-2026-000002") {
		t.Errorf("a number that was never given: %v", err)
	}
}

// A document that cannot be built leaves no gap in the numbers.
func TestFinalizeFails(t *testing.T) {
	r := open(t, warehousetest.Open(t))
	broken := errors.New("broken")
	_, err := r.Finalize(t.Context(), october("acme"), Series{format}, date(2026, 11, 4), func(string) (Draft, error) { return Draft{}, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "acme") {
		t.Errorf("error %v", err)
	}
	if len(r.Entries()) != 0 {
		t.Errorf("entries %v", r.Entries())
	}
	if e := finalize(t, r, october("other"), date(2026, 11, 4)); e.Number != "INV-2026-000001" {
		t.Errorf("the next invoice is %s", e.Number)
	}
}

func TestChain(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	for _, tenant := range []string{"a", "b", "c"} {
		finalize(t, r, october(tenant), date(2026, 11, 4))
	}
	finalize(t, r, october("d"), date(2027, 1, 4))
	stored, err := db.Invoices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range open(t, db).Entries() {
		doc, err := r.Document(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("document %s for %s", e.Number, e.Tenant); string(doc) != want {
			t.Errorf("%s: document %q, want %q", e.Number, doc, want)
		}
		prev := ""
		if i > 0 && stored[i-1].Series == stored[i].Series {
			prev = stored[i-1].SHA256
		}
		if stored[i].PrevSHA256 != prev || stored[i].SHA256 != hash(prev, doc) || e.SHA256 != stored[i].SHA256 {
			t.Errorf("%s: hash %s after %q, want %s after %q", e.Number, stored[i].SHA256, stored[i].PrevSHA256, hash(prev, doc), prev)
		}
	}
}

// After a write whose outcome is not known no number is given: it might be one
// that is taken.
func TestNoNumberAfterAFailedWrite(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.Finalize(ctx, october("a"), Series{format}, date(2026, 11, 4), func(number string) (Draft, error) {
		cancel() // the write fails
		return document(october("a"), date(2026, 11, 4))(number)
	})
	if err == nil {
		t.Fatal("a write that was cut off passed for done")
	}
	_, err = r.Finalize(t.Context(), october("b"), Series{format}, date(2026, 11, 4), func(number string) (Draft, error) {
		t.Errorf("number %s was given", number)
		return Draft{}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "run again") {
		t.Errorf("the next invoice: %v", err)
	}
}

// A document or a hash that was changed in the database is noticed.
func TestChangedDocument(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	first, second := finalize(t, r, october("a"), date(2026, 11, 4)), finalize(t, r, october("b"), date(2026, 11, 4))
	stored, err := db.Invoices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := r.Document(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(change func(v *warehouse.Invoice, doc *[]byte)) {
		t.Helper()
		v, d := stored[1], bytes.Clone(doc)
		change(&v, &d)
		// Of two rows of one number the later one counts.
		if err := db.InsertInvoice(t.Context(), v, d); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(v *warehouse.Invoice, doc *[]byte){
		"document": func(_ *warehouse.Invoice, doc *[]byte) { (*doc)[0] = 'D' },
		"hash":     func(v *warehouse.Invoice, _ *[]byte) { v.SHA256 = strings.Repeat("0", 64) },
	} {
		replace(change)
		again := open(t, db)
		e, err := again.Number(second.Number)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Document(t.Context(), e); err == nil || !strings.Contains(err.Error(), second.Number) || !strings.Contains(err.Error(), "changed") {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	// A document with a hash of its own does not hang on the one before it.
	replace(func(v *warehouse.Invoice, doc *[]byte) {
		*doc = []byte("forged")
		v.PrevSHA256, v.SHA256 = "", hash("", *doc)
	})
	if _, err := Open(t.Context(), db, one); err == nil || !strings.Contains(err.Error(), second.Number) || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("previous hash changed: %v", err)
	}
	replace(func(*warehouse.Invoice, *[]byte) {})
	again := open(t, db)
	for _, e := range []Entry{first, second} {
		if _, err := again.Document(t.Context(), e); err != nil {
			t.Errorf("unchanged again: %v", err)
		}
	}
}

package register

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse/warehousetest"
)

func TestReceivables(t *testing.T) {
	d := decimal.RequireFromString
	due := date(2026, 12, 4)
	entry := func(number, total string) Entry {
		return Entry{Identity: Identity{Kind: Invoice}, Number: number, Total: d(total), Currency: "USD", Due: due}
	}
	note := Entry{Identity: Identity{Kind: CreditNote}, Number: "CN-1", Total: d("-30"), Currency: "USD", Due: due, Corrects: "back"}
	part := note
	part.Number, part.Corrects = "CN-2", "back, paid"
	out := note
	out.Number, out.Corrects = "CN-3", "back, paid, paid out"
	was := note
	was.Number, was.Corrects, was.Total = "CN-4", "below, paid out, back", d("5")
	entries := []Entry{
		entry("open", "30"), entry("part", "30"), entry("paid", "30"), entry("back", "30"), entry("back, paid", "30"),
		entry("zero", "0"), entry("below", "-5"), entry("below, part", "-5"), entry("below, paid out", "-5"),
		entry("back, paid, paid out", "30"), entry("below, paid out, back", "-5"), note, part, out, was,
	}
	payments := []Payment{
		{Number: "part", Amount: d("10.50")}, {Number: "part", Amount: d("9.50")},
		{Number: "paid", Amount: d("10")}, {Number: "paid", Amount: d("20")},
		{Number: "back, paid", Amount: d("12")},
		{Number: "below, part", Amount: d("-2")}, {Number: "below, paid out", Amount: d("-5")},
		{Number: "back, paid, paid out", Amount: d("30")}, {Number: "CN-3", Amount: d("-30")},
		{Number: "below, paid out, back", Amount: d("-5")},
	}
	want := []struct {
		status, paid, open string
		overdue            int // 3 days after the due date
	}{
		{Finalized, "0", "30", 3},
		{Finalized, "20", "10", 3},
		{Paid, "30", "0", 0},
		{Credited, "0", "0", 0},
		{Credited, "12", "0", 0},
		{Paid, "0", "0", 0},
		{Finalized, "0", "-5", 0},
		{Finalized, "-2", "-3", 0},
		{Paid, "-5", "0", 0},
		{Credited, "30", "0", 0},
		{Credited, "-5", "0", 0},
		{Finalized, "0", "0", 0},
		{Finalized, "0", "-12", 0},
		{Paid, "-30", "0", 0},
		{Finalized, "0", "5", 3},
	}
	for i, r := range Receivables(entries, payments, due.AddDays(3)) {
		w := want[i]
		if r.Number != entries[i].Number || r.Status != w.status || !r.Paid.Equal(d(w.paid)) || !r.Open.Equal(d(w.open)) || r.DaysOverdue != w.overdue {
			t.Errorf("%s: %s, paid %s, open %s, %d days overdue; want %v", r.Number, r.Status, r.Paid, r.Open, r.DaysOverdue, w)
		}
	}
	for days, overdue := range map[int]int{-1: 0, 0: 0, 1: 1, 31: 31} {
		if r := Receivables(entries[:1], nil, due.AddDays(days))[0]; r.DaysOverdue != overdue {
			t.Errorf("%d days after the due date: %d overdue", days, r.DaysOverdue)
		}
	}
}

func TestPay(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	issued := date(2026, 11, 4)
	first, second := finalize(t, r, october("a"), issued), finalize(t, r, october("b"), issued) // each 10.50 USD
	credit, err := r.Finalize(t.Context(), Identity{CreditNote, "b", second.From, second.To, 1}, Series{"CN-{seq}"}, issued, func(number string) (Draft, error) {
		return Draft{Document: []byte(number), Total: second.Total.Neg(), Currency: "USD", Issued: issued, Due: issued, Corrects: second.Number}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	pay := func(number, amount, currency, reference string) (Payment, bool, error) {
		p := Payment{Number: number, On: date(2026, 11, 19), Currency: currency, Reference: reference}
		if amount != "" {
			p.Amount = decimal.RequireFromString(amount)
		}
		return open(t, db).Pay(t.Context(), p, now)
	}
	refused := func(want, number, amount, currency, reference string) {
		t.Helper()
		if _, _, err := pay(number, amount, currency, reference); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), number) {
			t.Errorf("%s %s %s %s: %v, want %q", number, amount, currency, reference, err, want)
		}
	}
	refused("it is not in the register", "INV-9", "", "", "")
	refused("it is the credit note for INV-2026-000002, of which nothing was paid", credit.Number, "", "", "")
	refused("credit note CN-1 has taken it back", second.Number, "", "", "")
	refused("it is in USD, and the payment in EUR", first.Number, "1", "EUR", "")
	refused("-1 is not an amount to pay: 10.50 USD are open", first.Number, "-1", "", "")
	refused("1.001 has more than the 2 decimals", first.Number, "1.001", "", "")
	refused("10.51 USD is more than the 10.50 that are open", first.Number, "10.51", "", "")
	paid := func(amount, given, reference string, isNew bool) {
		t.Helper()
		p, recorded, err := pay(first.Number, given, "USD", reference)
		if err != nil || recorded != isNew || !p.Amount.Equal(decimal.RequireFromString(amount)) || p.Currency != "USD" {
			t.Errorf("pay %s %s: %v, %v, %v", given, reference, p, recorded, err)
		}
	}
	paid("4.25", "4.25", "wire 1", true)
	paid("4.25", "4.25", "wire 1", false)
	paid("4.25", "", "wire 1", false)
	refused(`reference "wire 1" is that of its payment of 4.25 on 2026-11-19`, first.Number, "4.26", "", "wire 1")
	refused("6.26 USD is more than the 6.25 that are open", first.Number, "6.26", "", "wire 2")
	paid("1", "1", "", true)
	paid("1", "1", "", true) // without a reference each is one of its own
	paid("4.25", "", "wire 2", true)
	paid("4.25", "", "wire 1", false)
	refused("it is paid, last on 2026-11-19", first.Number, "", "", "wire 3")
	payments, err := r.Payments(t.Context())
	if err != nil || len(payments) != 4 {
		t.Errorf("%v, %v", payments, err)
	}
}

// What is owed to the buyer, by an invoice below zero or by the credit note of one
// that was paid, is open until it is paid out.
func TestPayOut(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	issued := date(2026, 11, 4)
	add := func(kind, tenant, total, corrects string) Entry {
		t.Helper()
		id := october(tenant)
		id.Kind = kind
		e, err := r.Finalize(t.Context(), id, Series{kind + "-{seq}"}, issued, func(number string) (Draft, error) {
			return Draft{Document: []byte(number), Total: decimal.RequireFromString(total), Currency: "USD", Issued: issued, Due: issued, Corrects: corrects}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	below, paid := add(Invoice, "a", "-20.97", ""), add(Invoice, "b", "30", "")
	pay := func(number, amount, want, wantError string) {
		t.Helper()
		p := Payment{Number: number, On: issued}
		if amount != "" {
			p.Amount = decimal.RequireFromString(amount)
		}
		got, _, err := open(t, db).Pay(t.Context(), p, issued.Start(time.UTC))
		if wantError != "" && (err == nil || !strings.Contains(err.Error(), wantError)) {
			t.Errorf("pay %s %s: %v, want %q", number, amount, err, wantError)
		}
		if wantError == "" && (err != nil || got.Amount.String() != want) {
			t.Errorf("pay %s %s: %v, %v, want %s", number, amount, got.Amount, err, want)
		}
	}
	pay(below.Number, "20.97", "", "20.97 is not an amount to pay: -20.97 USD are owed to the tenant")
	pay(below.Number, "-21", "", "-21.00 USD is more than the -20.97 that are owed to the tenant")
	pay(below.Number, "-0.97", "-0.97", "")
	pay(below.Number, "", "-20", "")
	pay(below.Number, "", "", "it is paid, last on 2026-11-04")
	pay(paid.Number, "12", "12", "")
	note := add(CreditNote, "b", "-30", paid.Number)
	pay(paid.Number, "", "", "has taken it back")
	pay(note.Number, "-30", "", "more than the -12.00 that are owed")
	pay(note.Number, "", "-12", "")
	pay(note.Number, "", "", "it is paid")
}

// The invoice that stands for a period is the latest that was not taken back.
func TestLatest(t *testing.T) {
	db := warehousetest.Open(t)
	r := open(t, db)
	id := october("a")
	latest := func(want string) {
		t.Helper()
		for _, r := range []*Register{r, open(t, db)} {
			if e, ok := r.Latest("a", id.From, id.To); ok != (want != "") || e.Number != want {
				t.Errorf("latest %v, %v; want %q", e, ok, want)
			}
		}
	}
	latest("")
	first := finalize(t, r, id, date(2026, 11, 4))
	latest(first.Number)
	back := Identity{CreditNote, "a", id.From, id.To, 1}
	credit, err := r.Finalize(t.Context(), back, Series{"CN-{seq}"}, date(2026, 11, 5), func(number string) (Draft, error) {
		return Draft{Document: []byte(number), Total: first.Total.Neg(), Currency: "USD", Issued: date(2026, 11, 5), Due: date(2026, 11, 5), Corrects: first.Number}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	latest("")
	if e, ok := open(t, db).CreditOf(first); !ok || e.Number != credit.Number || e.Position != 2 {
		t.Errorf("credit note %v, %v", e, ok)
	}
	id.Revision = 2
	second := finalize(t, r, id, date(2026, 11, 5))
	latest(second.Number)
	if _, ok := r.CreditOf(second); ok {
		t.Error("the second revision was not taken back")
	}
}

// Without Keeper nothing is finalized unless there is one writer, and never
// where there were claims.
func TestReady(t *testing.T) {
	db := warehousetest.Open(t)
	r, err := Open(t.Context(), db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "clickhouse.single_writer: true") {
		t.Errorf("without Keeper: %v", err)
	}
	if err := open(t, db).Ready(t.Context()); err != nil {
		t.Errorf("one writer: %v", err)
	}

	with := warehousetest.OpenWithKeeper(t)
	r, err = Open(t.Context(), with, Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := finalize(t, r, october("a"), date(2026, 11, 4))
	rows, err := with.Invoices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	document, err := r.Document(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	// The rows move to a server without Keeper.
	if err := db.InsertInvoice(t.Context(), rows[0], document); err != nil {
		t.Fatal(err)
	}
	r = open(t, db)
	if got, err := r.Number(e.Number); err != nil || !same(got, e) {
		t.Errorf("it can still be read: %v, %v", got, err)
	}
	if err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "invoice INV-2026-000001 was claimed in Keeper") {
		t.Errorf("claims without Keeper: %v", err)
	}
}

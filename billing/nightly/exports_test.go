package nightly

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
)

// What a payment leaves open is on the list of invoices; the journal has it in
// the month that it arrived in.
func TestPaymentsInExports(t *testing.T) {
	j, _ := newJob(t)
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	run(t, j, o)
	tenants, err := j.Look(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	doc := tenants[0].Document
	cent := decimal.New(1, -2)
	paid := register.Payment{Number: doc.Number, On: date(t, "2026-12-20"), Amount: doc.Total.Sub(cent), Reference: "SEPA 7"}
	if _, _, err := j.reg.Pay(t.Context(), paid, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	o.AsOf = doc.DueDate.AddDays(5)
	list, err := j.Invoices(t.Context(), o, tenants)
	if err != nil {
		t.Fatal(err)
	}
	first := list[0]
	if first.Status != register.Finalized || !first.Open.Decimal.Equal(cent) || !first.Paid.Decimal.Equal(paid.Amount) || len(first.SHA256) != 64 {
		t.Errorf("%s: status %s, paid %s, open %s, entry %q", doc.Number, first.Status, first.Paid.Decimal, first.Open.Decimal, first.SHA256)
	}
	if first.DaysOverdue != 5 {
		t.Errorf("%d days overdue, want 5", first.DaysOverdue)
	}

	accounts := &billing.JournalAccounts{Receivable: "1200", Revenue: "4000", Tax: "2200", Bank: "1000"}
	for _, test := range []struct {
		month, tenant string
		documents     []billing.TenantMonth
		bank          decimal.Decimal
		debits        decimal.Decimal
	}{
		{"2026-10-01", "", tenants[:1], decimal.Zero, doc.Total},
		{"2026-12-01", "", nil, paid.Amount, paid.Amount},
		{"2026-12-01", doc.Tenant, nil, paid.Amount, paid.Amount},
		{"2026-12-01", "another", nil, decimal.Zero, decimal.Zero},
	} {
		st := &billing.Statement{Period: billing.Month(date(t, test.month), "UTC"), Currency: "USD"}
		lines, err := j.Bookings(t.Context(), accounts, test.documents, st, test.tenant)
		if err != nil {
			t.Fatal(err)
		}
		var bank, debits, credits decimal.Decimal
		for _, l := range lines {
			if l.Account == "1000" {
				bank = bank.Add(l.Debit)
			}
			debits, credits = debits.Add(l.Debit), credits.Add(l.Credit)
		}
		if !bank.Equal(test.bank) || !debits.Equal(test.debits) || !credits.Equal(debits) {
			t.Errorf("%s of %q: bank %s, debits %s, credits %s; want %s and %s", test.month, test.tenant, bank, debits, credits, test.bank, test.debits)
		}
	}
}

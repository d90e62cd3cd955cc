package nightly

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/ingest/twiliosim"
	"subtally/pricing"
)

// leaving leaves the job a tenant with the subaccount that is closed on 20 October
// at 9:36 UTC, and with others. The tenant pays 62.00 a month, 31.00 for each
// subaccount and 6.20 for each number; usage is free.
func leaving(t *testing.T, others ...twiliosim.Role) (*Job, *twiliosim.Server, *billing.Tenant) {
	t.Helper()
	j, sim := newJobOf(t, 6)
	p := &pricing.Plan{Name: "fees", Currency: "USD"}
	for _, f := range []struct{ id, per, amount string }{{"Base", "", "62.00"}, {"Subaccount", pricing.FlatSubaccount, "31.00"}, {"Number", pricing.FlatNumber, "6.20"}} {
		c := pricing.Charge{ID: f.id, Description: f.id, Flat: &pricing.Flat{Amount: amount(f.amount), Per: f.per}}
		if f.per == pricing.FlatNumber {
			c.Match.Kind = []pricing.Kind{pricing.Number}
		}
		p.Charges = append(p.Charges, c)
	}
	zero := decimal.Zero
	for _, c := range plan("free", "USD", pricing.Number).Charges {
		if c.PerMinute != nil {
			c.PerMinute.Rate = &zero
		} else {
			c.PerUnit.UnitPrice = &zero
		}
		p.Charges = append(p.Charges, c)
	}
	if problems := p.Check(nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	who := billing.Tenant{ID: "t", Plan: "fees", TimeZone: "UTC", Buyer: billing.Party{Name: "T"}}
	for _, role := range append(others, twiliosim.RoleClosed) {
		for _, a := range sim.Accounts() {
			if a.Role == role {
				who.Subaccounts = append(who.Subaccounts, billing.Assignment{SID: a.SID})
			}
		}
	}
	j.Biller.Tenants, j.Biller.Plans = []billing.Tenant{who}, map[string]*pricing.Plan{"fees": p}
	return j, sim, &j.Biller.Tenants[0]
}

// The last subaccount of a tenant is closed: the invoice is final, up to and with
// the day of the closing, and due when the days of grace after it have passed.
func TestFinalInvoice(t *testing.T) {
	j, sim, _ := leaving(t)
	night(t, j, sim, "2026-10-18")
	night(t, j, sim, "2026-10-19") // the last night on which its numbers are listed
	night(t, j, sim, "2026-10-21")
	if tm := look(t, j, "2026-10-23", "t", "2026-10")[0]; tm.Status != billing.Drafted || !tm.Document.Final {
		t.Errorf("on the second day of grace October is %s, final %v", tm.Status, tm.Document.Final)
	}
	doc := finalized(t, j, sim, "2026-10-24", "2026-10")
	days := map[string]int{} // that each number was held on
	use, err := doc.Slices()
	if err != nil {
		t.Fatal(err)
	}
	held, err := j.Biller.DB.HeldNumbers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var fees decimal.Decimal
	for _, h := range held {
		if h.Account == use[0].Accounts[0] && h.Last.Month() == 10 {
			days[h.SID]++
			if h.Last.Day() != 20 {
				t.Errorf("number %s was held until %s, want the day of the closing", h.SID, h.Last)
			}
			first := max(1, h.First.Day())
			if h.First.Month() == 9 {
				first = 1
			}
			fees = fees.Add(amount("0.20").Mul(decimal.NewFromInt(int64(21 - first))))
		}
	}
	if len(days) == 0 {
		t.Fatal("the subaccount had no number")
	}
	// 20 of 31 days: 62.00 are 40.00, 31.00 are 20.00, and 6.20 are 0.20 a day.
	want := amount("60.00").Add(fees)
	if !doc.Net.Equal(want) || doc.Billed.To != date(t, "2026-10-21") || !doc.Final || doc.Next != nil || len(doc.Closing.Advance) > 0 {
		t.Errorf("final invoice of %s until %s, want %s; final %v, next %v\n%s", doc.Net, doc.Billed.To, want, doc.Final, doc.Next, strings.Join(amounts(doc), "\n"))
	}
	months := night(t, j, sim, "2026-11-10")
	if m := months["2026-11"]; m != nil && len(m.Statement.Tenants) > 0 {
		t.Errorf("November is %s", statuses(m))
	}
	sid := doc.Accounts[0].SID
	for _, u := range months["2026-10"].Statement.Unassigned {
		if u.Account.SID == sid {
			t.Errorf("%d records of the closed subaccount are nobody's", u.Records)
		}
	}
}

// Where another subaccount goes on, so does the tenant, and only the fee of the
// closed one ends.
func TestOneOfTwoSubaccountsIsClosed(t *testing.T) {
	j, sim, _ := leaving(t, twiliosim.RoleNoUsage)
	night(t, j, sim, "2026-10-19")
	night(t, j, sim, "2026-10-25")
	doc := finalized(t, j, sim, "2026-11-05", "2026-10")
	fees := map[string]string{}
	for _, l := range doc.Lines {
		if l.Charge == "Base" || l.Charge == "Subaccount" {
			fees[l.Charge] = l.Amount.String()
		}
	}
	// 31 and 20 days of 31.00 are 51.00.
	if fees["Base"] != "62" || fees["Subaccount"] != "51" || doc.Final || doc.Next == nil || doc.Billed.To != date(t, "2026-11-01") || len(doc.Next.Accounts) != 1 {
		t.Errorf("fees %v, final %v, billed until %s, next %+v", fees, doc.Final, doc.Billed.To, doc.Next)
	}
}

// A fee that was billed in advance for days after the closing is given back.
func TestFinalInvoiceGivesBack(t *testing.T) {
	j, sim, _ := leaving(t)
	fee := advance("31.00")
	p := j.Biller.Plans["fees"]
	p.Charges = append([]pricing.Charge{fee}, p.Charges[3:]...)
	p.Charges = append(p.Charges, pricing.Charge{ID: "number", Description: "Number", Match: pricing.Match{Kind: []pricing.Kind{pricing.Number}}, PerUnit: &pricing.PerUnit{UnitPrice: &decimal.Zero}})
	j.Biller.Start = date(t, "2026-09-30") // one day of September, with October's fee
	for _, day := range []string{"2026-10-05", "2026-10-19", "2026-10-21"} {
		night(t, j, sim, day)
	}
	doc := finalized(t, j, sim, "2026-10-24", "2026-10")
	// 31.00 were billed; 11 days of 31 come back.
	wantAmounts(t, "final", doc, "Fee, credit -11.00", "net -11.00 total -11.00")
}

// What comes late after a final invoice is an invoice of its own.
func TestLateAfterTheFinalInvoice(t *testing.T) {
	j, sim, _ := leaving(t)
	rate := amount("0.60")
	for i := range j.Biller.Plans["fees"].Charges {
		if c := &j.Biller.Plans["fees"].Charges[i]; c.PerMinute != nil && c.ID == "call" {
			c.PerMinute = &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1}
		}
	}
	night(t, j, sim, "2026-10-19")
	night(t, j, sim, "2026-10-21")
	final := finalized(t, j, sim, "2026-10-24", "2026-10")
	called(t, j, "late", "2026-10-12", 60, 1)
	doc := finalized(t, j, sim, "2026-12-04", "2026-11")
	wantAmounts(t, "November", doc, "Each call [2026-10: usage came late or changed (+1 record, +60 seconds)] of "+final.Number+": 0.60", "net 0.60 total 0.60")
}

package nightly

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// advance is a fee for the tenant that is billed in advance.
func advance(s string) pricing.Charge {
	return pricing.Charge{ID: "fee", Description: "Fee", Flat: &pricing.Flat{Amount: amount(s), InAdvance: true}}
}

// feeOnly is a plan of nothing else, so that its invoices are known to the cent.
func feeOnly(name, s string) *pricing.Plan {
	return &pricing.Plan{Name: name, Currency: "USD", Charges: []pricing.Charge{advance(s)}}
}

// night runs the job on a billing date, and once more, which must change nothing.
func night(t *testing.T, j *Job, sim *twiliosim.Server, day string) map[string]*Month {
	t.Helper()
	o := at(t, day)
	sim.SetNow(o.Now)
	out := map[string]*Month{}
	for _, m := range run(t, j, o).Months {
		out[m.Statement.Period.Label()] = &m
	}
	for _, m := range run(t, j, o).Months {
		label := m.Statement.Period.Label()
		if before := out[label]; len(m.Finalized) > 0 || statuses(&m) != statuses(before) {
			t.Errorf("%s once more: %s is %s, was %s; %v finalized", day, label, statuses(&m), statuses(before), m.Finalized)
		}
	}
	return out
}

// look are a tenant's documents of some months, and what became of them.
func look(t *testing.T, j *Job, day, tenant string, months ...string) (out []billing.TenantMonth) {
	t.Helper()
	for _, m := range months {
		o := at(t, day)
		o.Period = date(t, m+"-01")
		list, err := j.Look(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(tm billing.TenantMonth) bool { return tm.Document.Tenant == tenant })
		if i < 0 {
			out = append(out, billing.TenantMonth{})
			continue
		}
		out = append(out, list[i])
	}
	return out
}

// told is what a tenant's month is in short: status, lines and why it waits.
func told(tm billing.TenantMonth) string {
	if tm.Document == nil {
		return "none"
	}
	parts := []string{tm.Status}
	for _, l := range tm.Document.Lines {
		parts = append(parts, l.Description+" "+l.Amount.String())
	}
	if tm.Reason != "" {
		parts = append(parts, tm.Reason)
	}
	return strings.Join(parts, "; ")
}

func wantTold(t *testing.T, list []billing.TenantMonth, want ...string) {
	t.Helper()
	var got []string
	for _, tm := range list {
		got = append(got, told(tm))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
}

// alone leaves the job one tenant, which has no subaccounts and a plan of a fee
// of 31.00 in advance.
func alone(t *testing.T) (*Job, *twiliosim.Server, *billing.Tenant) {
	j, sim := newJob(t)
	j.Biller.Plans["fee"] = feeOnly("fee", "31")
	j.Biller.Tenants = []billing.Tenant{{ID: "t", Plan: "fee", TimeZone: "America/New_York", Buyer: billing.Party{Name: "T"}}}
	return j, sim, &j.Biller.Tenants[0]
}

// Each month begins with what the one before left: a fee in advance, a credit,
// an allowance. Drafts begin with the draft before them.
func TestChainOfMonths(t *testing.T) {
	j, sim := newJob(t)
	who := &j.Biller.Tenants[0]
	who.Plan, who.Until = "chain", pricing.Date{}
	who.Credits = []pricing.Credit{{ID: "welcome", Description: "Welcome", Amount: amount("50")}}
	p := feeOnly("chain", "10")
	zero := decimal.Zero
	for _, kind := range pricing.Kinds { // all usage is free
		c := pricing.Charge{ID: string(kind), Description: "Each " + string(kind), Match: pricing.Match{Kind: []pricing.Kind{kind}}}
		if c.PerUnit = (&pricing.PerUnit{UnitPrice: &zero}); kind == pricing.Call {
			c.PerUnit = nil
			c.PerMinute = &pricing.PerMinute{Rate: &zero, Initial: 1, Increment: 1}
		}
		p.Charges = append(p.Charges, c)
	}
	p.Allowances = []pricing.Allowance{{ID: "bundle", Description: "Bundle", Quantity: amount("100000"), Unit: pricing.Minute, Charges: []string{"call"}, Rollover: 1}}
	if problems := p.Check(nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	j.Biller.Plans["chain"] = p
	j.Biller.Tenants = j.Biller.Tenants[:1]

	// 20.00 of October and November come off the credit in October, then 10.00
	// each. What is left of an allowance is what it included, in minutes, less
	// than it.
	check := func(day string, want ...string) {
		t.Helper()
		list := look(t, j, day, "t1", "2026-10", "2026-11", "2026-12", "2027-01")
		used := []string{"20", "30", "40", "50"}
		var before *billing.Document
		for i, tm := range list {
			if tm.Status != want[i] || tm.Reason != "" {
				t.Errorf("%s: month %d is %s: %s", day, i, tm.Status, tm.Reason)
			}
			doc := tm.Document
			if got := doc.Closing.Credits; len(got) != 1 || got[0].Amount.String() != used[i] || !doc.Total.IsZero() {
				t.Errorf("%s: month %d has used %v of its credits, and comes to %s", day, i, got, doc.Total)
			}
			if len(doc.Closing.Advance) != 1 || doc.Closing.Advance[0].From != doc.Period.To {
				t.Errorf("%s: month %d bills in advance: %+v", day, i, doc.Closing.Advance)
			}
			var included decimal.Decimal
			for _, l := range doc.Lines {
				if strings.HasSuffix(l.Item, "included") {
					included = included.Add(l.Quantity)
				}
			}
			if i == 0 && included.IsZero() {
				t.Errorf("%s: no usage is included", day)
			}
			got := doc.Closing.Unused
			rest := amount("100000").Sub(included.DivRound(amount("60"), 12)) // of this month, where none is left of the last
			if before != nil {
				rest = amount("100000")
				if diff := cmp.Diff(before.Closing, doc.Opening); diff != "" {
					t.Errorf("%s: month %d does not begin with what the one before left:\n%s", day, i, diff)
				}
			}
			// The older ones are used first and expire with this month.
			if len(got) != 1 || got[0].Period != doc.Period.From || !got[0].Quantity.Round(9).Equal(rest.Round(9)) {
				t.Errorf("%s: month %d leaves %v of its allowance, want %s", day, i, got, rest)
			}
			before = doc
		}
	}
	// In October's grace days all of them are drafts.
	sim.SetNow(at(t, "2026-11-02").Now)
	run(t, j, at(t, "2026-11-02"))
	check("2026-11-02", billing.Drafted, billing.Drafted, billing.Drafted, billing.Drafted)
	night(t, j, sim, "2026-11-25")
	check("2026-11-25", billing.Finalized, billing.Drafted, billing.Drafted, billing.Drafted)
	night(t, j, sim, "2026-12-25")
	check("2026-12-25", billing.Finalized, billing.Finalized, billing.Drafted, billing.Drafted)
	night(t, j, sim, "2027-01-25")
	check("2027-01-25", billing.Finalized, billing.Finalized, billing.Finalized, billing.Drafted)
	before := snapshot(t, filepath.Join(j.Files.Dir, "2026-12"))
	months := night(t, j, sim, "2027-01-26")
	if m := months["2026-12"]; m == nil || statuses(m) != "t1 paid INV-2026-000003" && statuses(m) != "t1 paid INV-2027-000001" {
		t.Errorf("once more: %v", m)
	}
	if diff := cmp.Diff(before, snapshot(t, filepath.Join(j.Files.Dir, "2026-12"))); diff != "" {
		t.Errorf("files changed (-before +after):\n%s", diff)
	}
}

// An invoice that something of the one before is for waits for that one.
func TestWaitsForPredecessor(t *testing.T) {
	j, sim := newJob(t)
	who := &j.Biller.Tenants[1]
	who.Plan, who.Until = "no sms", pricing.Date{}
	who.PlanChanges = []billing.PlanChange{{From: date(t, "2026-11-01"), Plan: "all"}}
	j.Biller.Tenants = j.Biller.Tenants[1:2]
	// November's fee is on October's invoice, though it is another plan's.
	j.Biller.Plans["all"].Charges = append(j.Biller.Plans["all"].Charges, advance("30"))
	night(t, j, sim, "2026-12-25")
	list := look(t, j, "2026-12-25", "t2", "2026-10", "2026-11", "2026-12")
	for i, want := range []string{"no rate: sms", "the invoice for 2026-10 is not finalized, and leaves something to this one", ""} {
		if wantStatus := []string{billing.Parked, billing.Parked, billing.Drafted}[i]; list[i].Status != wantStatus || !strings.Contains(list[i].Reason, want) {
			t.Errorf("month %d is %s: %s", i, list[i].Status, list[i].Reason)
		}
	}
	// December's draft has November's draft before it, and that October's.
	fees := func(doc *billing.Document) (out []string) {
		for _, l := range doc.Lines {
			if l.Category == pricing.Fees {
				out = append(out, fmt.Sprint(l.Amount, " ", l.From))
			}
		}
		return out
	}
	for i, want := range []string{"30 2026-11-01", "30 2026-12-01", "30 2027-01-01"} {
		if got := fees(list[i].Document); !slices.Equal(got, []string{want}) {
			t.Errorf("month %d has fees %q, want %q", i, got, want)
		}
	}
	o := at(t, "2026-12-25")
	o.Period = date(t, "2026-11-01")
	if tm, _, err := j.Finalize(t.Context(), who, o); err != nil || tm.Status != billing.Parked || !strings.Contains(tm.Reason, "2026-10 is not finalized") {
		t.Errorf("finalizing it alone: %s, %q, %v", tm.Status, tm.Reason, err)
	}
	if tm, _, err := j.Draft(t.Context(), who, o); err != nil || !slices.Equal(fees(tm.Document), []string{"30 2026-12-01"}) {
		t.Errorf("drafting it alone: %q, %v", fees(tm.Document), err)
	}
	// Once October has a rate, both are finalized, the earlier one first.
	j.Biller.Plans["no sms"] = plan("no sms", "USD")
	night(t, j, sim, "2026-12-26")
	for i, tm := range look(t, j, "2026-12-26", "t2", "2026-10", "2026-11") {
		if tm.Status != billing.Finalized || !strings.HasSuffix(tm.Document.Number, fmt.Sprint("00000", i+1)) {
			t.Errorf("month %d is %s as %s: %s", i, tm.Status, tm.Document.Number, tm.Reason)
		}
	}
}

// A tenant whose end becomes known when the next month is billed already gets
// that back, once.
func TestTenantThatEnded(t *testing.T) {
	j, sim, who := alone(t)
	night(t, j, sim, "2026-11-05")
	// As it would be with another plan, whose invoices leave nothing: November's
	// draft gives back what October's billed, so December's does not.
	who.Plan = "arrears"
	j.Biller.Plans["arrears"] = &pricing.Plan{Name: "arrears", Currency: "USD", Charges: []pricing.Charge{{ID: "fee", Description: "Fee", Flat: &pricing.Flat{Amount: amount("5")}}}}
	wantTold(t, look(t, j, "2026-12-02", "t", "2026-11", "2026-12"), "draft; Fee, credit -31; Fee 5", "draft; Fee 5")
	who.Plan, who.Until = "fee", date(t, "2026-11-01")
	const october = "finalized; Fee 31; Fee, in advance 31"
	wantTold(t, look(t, j, "2026-11-20", "t", "2026-10", "2026-11", "2026-12"), october, "draft; Fee, credit -31", "none")
	o := at(t, "2026-11-20")
	o.Period = date(t, "2026-11-01")
	if tm, path, err := j.Draft(t.Context(), who, o); err != nil || tm.Document.Total.String() != "-31" || !strings.HasSuffix(path, "2026-11/drafts/t.pdf") {
		t.Errorf("draft: %v, %s, %v", tm.Document, path, err)
	}
	m := night(t, j, sim, "2026-12-04")["2026-11"]
	if m == nil || statuses(m) != "t finalized INV-2026-000002" {
		t.Fatalf("November: %v", m)
	}
	row := m.Statement.Tenants[0]
	if row.Revenue.String() != "-31" || row.Records != 0 || row.Currency != "USD" || m.Statement.Totals[0].Total.String() != "-31" {
		t.Errorf("statement: %+v, %+v", row, m.Statement.Totals)
	}
	if got := column(t, filepath.Join(j.Files.Dir, "2026-11", "lines.csv"), "amount"); !slices.Equal(got, []string{"-31.00"}) {
		t.Errorf("lines.csv: %v", got)
	}
	wantTold(t, look(t, j, "2027-03-05", "t", "2026-10", "2026-11", "2026-12", "2027-01"), october, "finalized; Fee, credit -31", "none", "none")
	if m := night(t, j, sim, "2027-03-05")["2026-12"]; m != nil && len(m.Statement.Tenants) > 0 {
		t.Errorf("December: %s", statuses(m))
	}
	o = at(t, "2027-03-05")
	o.Period = date(t, "2026-11-01")
	if tm, _, err := j.Finalize(t.Context(), who, o); err != nil || tm.Document.Number != "INV-2026-000002" {
		t.Errorf("finalized again: %v, %v", tm.Document, err)
	}
	o.Period = date(t, "2026-12-01")
	if _, _, err := j.Finalize(t.Context(), who, o); err == nil || !strings.Contains(err.Error(), "t is not billed in 2026-12") {
		t.Errorf("finalizing December: %v", err)
	}
	if _, _, err := j.Draft(t.Context(), who, o); err == nil || !strings.Contains(err.Error(), "t is not billed in 2026-12") {
		t.Errorf("drafting December: %v", err)
	}
}

// A tenant that pauses goes on with what it had; what was billed in advance it
// gets back in between, not again when it comes back, even where that invoice is
// not finalized yet.
func TestTenantThatPauses(t *testing.T) {
	j, sim, who := alone(t)
	who.Credits = []pricing.Credit{{ID: "c", Description: "Credit", Amount: amount("70")}}
	night(t, j, sim, "2026-11-05")
	who.From = date(t, "2027-01-01")
	const october = "finalized; Fee 31; Fee, in advance 31; Credit -62"
	// 8.00 are left of the credit.
	const january = "Fee 31; Fee, in advance 31; Credit -8"
	wantTold(t, look(t, j, "2026-11-20", "t", "2026-10", "2026-11", "2026-12", "2027-01"), october, "draft; Fee, credit -31", "none", "draft; "+january)
	months := night(t, j, sim, "2027-02-05")
	if got := statuses(months["2026-11"]); got != "t finalized INV-2027-000001" {
		t.Errorf("November: %s", got)
	}
	wantTold(t, look(t, j, "2027-02-05", "t", "2026-11", "2026-12", "2027-01"), "finalized; Fee, credit -31", "none", "finalized; "+january)
	// October's invoice is there, though the tenant begins later now.
	o := at(t, "2027-02-05")
	o.Period = date(t, "2026-10-01")
	if tm, _, err := j.Finalize(t.Context(), who, o); err != nil || tm.Document.Number != "INV-2026-000001" {
		t.Errorf("October again: %v, %v", tm.Document, err)
	}
}

// A month that was to be billed and is not finalized is not left out where a
// later one looks for what it begins with, though no month is billed in between.
func TestPauseAfterAMonthThatWaits(t *testing.T) {
	j, sim := newJob(t)
	who := &j.Biller.Tenants[1]
	who.Plan, who.Until = "no sms", pricing.Date{}
	who.Credits = []pricing.Credit{{ID: "c", Description: "Credit", Amount: amount("1000")}}
	j.Biller.Tenants = j.Biller.Tenants[1:2]
	night(t, j, sim, "2026-12-25")
	opening := func(month string) (string, pricing.Carried) {
		t.Helper()
		left, wait, err := j.opening(t.Context(), who, billing.Month(date(t, month), who.TimeZone), at(t, "2026-12-25"))
		if err != nil {
			t.Fatal(err)
		}
		return wait, left
	}
	if wait, left := opening("2026-11-01"); !strings.Contains(wait, "2026-10") || len(left.Credits) != 1 {
		t.Errorf("November waits: %q, and begins with %+v", wait, left)
	}
	who.Until = date(t, "2026-11-01")
	j.closings = map[string]closing{}
	if wait, left := opening("2027-03-01"); !strings.Contains(wait, "2026-10") || len(left.Credits) != 1 {
		t.Errorf("March waits: %q, and begins with %+v", wait, left)
	}
}

// An invoice cannot leave anything to one that is finalized.
func TestSuccessorIsFinalized(t *testing.T) {
	j, sim := newJob(t)
	who := &j.Biller.Tenants[1]
	who.Plan, who.Until = "no sms", pricing.Date{}
	who.PlanChanges = []billing.PlanChange{{From: date(t, "2026-11-01"), Plan: "all"}}
	j.Biller.Tenants = j.Biller.Tenants[1:2]
	night(t, j, sim, "2026-12-25")
	wantStatus := func(want ...string) {
		t.Helper()
		for i, tm := range look(t, j, "2026-12-25", "t2", "2026-10", "2026-11") {
			if got := tm.Status + " " + tm.Reason; !strings.HasPrefix(got, want[i]) {
				t.Errorf("month %d is %s, want %s", i, got, want[i])
			}
		}
	}
	wantStatus("parked 165 usage records have no rate", "finalized")
	j.Biller.Plans["no sms"] = plan("no sms", "USD")
	j.Biller.Plans["all"].Charges = append(j.Biller.Plans["all"].Charges, advance("30"))
	wantStatus("parked it leaves fees in advance, an allowance or credits to INV-2026-000001, which is finalized without them", "finalized")
	j.Biller.Plans["all"].Charges[len(pricing.Kinds)].From = date(t, "2026-12-01")
	wantStatus("draft", "finalized")
}

// What an invoice begins with is found without pricing anything where nothing
// can be left, and without pricing a month twice where something is.
func TestOpeningOfManyMonths(t *testing.T) {
	db := warehousetest.Open(t)
	reg, err := register.Open(t.Context(), db, register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	arrears := feeOnly("arrears", "31")
	arrears.Charges[0].Flat.InAdvance = false
	who := &billing.Tenant{ID: "t", Plan: "fee", TimeZone: "UTC"}
	b := &billing.Biller{DB: db, Plans: map[string]*pricing.Plan{"fee": feeOnly("fee", "31"), "arrears": arrears}, Start: date(t, "2020-01-01")}
	j := &Job{Biller: b, reg: reg, stored: map[string]*billing.Document{}, closings: map[string]closing{}}
	opening := func(month string) pricing.Carried {
		t.Helper()
		got, _, err := j.opening(t.Context(), who, billing.Month(date(t, month), "UTC"), at(t, "2026-12-25"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := opening("2026-10-01"); len(got.Advance) != 1 || got.Advance[0].From != date(t, "2026-10-01") {
		t.Errorf("October begins with %+v", got)
	}
	// A credit that was used under the first plan is not forgotten under the second.
	credited := feeOnly("credited", "31")
	credited.Charges[0].Flat.InAdvance = false
	credited.Credits = []pricing.Credit{{ID: "c", Description: "C", Amount: amount("40")}}
	b.Plans["credited"] = credited
	fee := *who
	who.ID, who.Plan, who.PlanChanges = "credited", "credited", []billing.PlanChange{{From: date(t, "2020-03-01"), Plan: "arrears"}}
	if got := opening("2020-09-01").Credits; len(got) != 1 || got[0].Amount.String() != "40" {
		t.Errorf("after a change of plan: begins with credits %+v", got)
	}
	*who = fee
	b.DB = nil // so that pricing anything again would panic
	for _, m := range []string{"2026-10-01", "2024-05-01", "2020-02-01"} {
		if got := opening(m); len(got.Advance) != 1 || got.Advance[0].From != date(t, m) {
			t.Errorf("%s begins with %+v", m, got)
		}
	}
	if got := opening("2020-01-01"); !got.IsZero() {
		t.Errorf("the first month begins with %+v", got)
	}
	who.ID, who.Plan = "other", "arrears"
	if got := opening("2026-10-01"); !got.IsZero() {
		t.Errorf("in arrears: begins with %+v", got)
	}
}

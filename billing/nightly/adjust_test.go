package nightly

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

// quiet leaves the job one tenant with the one subaccount that has no usage, so
// that all of it comes from the test. A minute costs 0.60; a number nothing.
func quiet(t *testing.T, change ...func(*pricing.Plan, *billing.Tenant)) (*Job, *twiliosim.Server, *billing.Tenant) {
	t.Helper()
	j, sim := newJob(t)
	rate, zero := amount("0.60"), decimal.Zero
	p := &pricing.Plan{Name: "hand", Currency: "USD", Charges: []pricing.Charge{
		{ID: "call", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}}, PerMinute: &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1}},
		{ID: "number", Description: "Numbers", Match: pricing.Match{Kind: []pricing.Kind{pricing.Number}}, PerUnit: &pricing.PerUnit{UnitPrice: &zero}},
	}}
	var sid string
	for _, a := range sim.Accounts() {
		if a.Role == twiliosim.RoleNoUsage {
			sid = a.SID
		}
	}
	j.Biller.Tenants = []billing.Tenant{{
		ID: "t", Plan: "hand", TimeZone: "UTC", Buyer: billing.Party{Name: "T"}, Subaccounts: []billing.Assignment{{SID: sid}},
	}}
	for _, c := range change {
		c(p, &j.Biller.Tenants[0])
	}
	if problems := p.Check(nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	j.Biller.Plans = map[string]*pricing.Plan{"hand": p}
	return j, sim, &j.Biller.Tenants[0]
}

// called puts a call of the tenant's into the warehouse, or puts another in its
// place.
func called(t *testing.T, j *Job, sid, day string, seconds int64, sync uint32) {
	t.Helper()
	at := date(t, day).Start(time.UTC).Add(12 * time.Hour)
	err := j.Biller.DB.InsertUsage(t.Context(), &warehouse.Usage{
		Account: []string{j.Biller.Tenants[0].Subaccounts[0].SID}, SID: []string{sid}, Kind: []string{"call"}, Direction: []string{"outbound-api"},
		Status: []string{"completed"}, From: []string{"+14155550100"}, To: []string{"+4930123456"}, ParentSID: []string{""},
		Created: []time.Time{at}, Started: []time.Time{at}, Updated: []time.Time{at},
		Quantity: []decimal.Decimal{decimal.NewFromInt(seconds)}, Cost: []*decimal.Decimal{nil}, Currency: []string{""}, Final: []bool{true},
	}, sync)
	if err != nil {
		t.Fatal(err)
	}
}

// amounts are a document's lines that come to anything, and its sums.
func amounts(doc *billing.Document) (out []string) {
	for _, l := range doc.Lines {
		if l.Amount.IsZero() {
			continue
		}
		s := fmt.Sprintf("%s %s", l.Description, l.Amount.StringFixed(2))
		if l.Adjusts != "" {
			s = fmt.Sprintf("%s [%s] of %s: %s", l.Description, l.Item, l.Adjusts, l.Amount.StringFixed(2))
		}
		out = append(out, s)
	}
	return append(out, fmt.Sprintf("net %s total %s", doc.Net.StringFixed(2), doc.Total.StringFixed(2)))
}

func wantAmounts(t *testing.T, what string, doc *billing.Document, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, amounts(doc)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// finalized is the tenant's invoice of a month that a run on a day finalizes.
func finalized(t *testing.T, j *Job, sim *twiliosim.Server, day, month string) *billing.Document {
	t.Helper()
	night(t, j, sim, day)
	tm := look(t, j, day, "t", month)[0]
	if tm.Document == nil || tm.Status != billing.Finalized {
		t.Fatalf("%s: %s is %s: %s", day, month, tm.Status, tm.Reason)
	}
	return tm.Document
}

func late(m *Month) string {
	var out []string
	for _, l := range m.Late {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %d %s", l.Invoice, l.Records, l.Problem)))
	}
	return strings.Join(out, ", ")
}

// Three months, with records late for each month before in each of them. What has
// been adjusted is not adjusted again, and all of it adds up to the usage.
func TestLateUsageIsAdjusted(t *testing.T) {
	j, sim, who := quiet(t, func(p *pricing.Plan, who *billing.Tenant) {
		who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: amount("19")}}
	})
	called(t, j, "a", "2026-10-10", 600, 1)
	october := finalized(t, j, sim, "2026-11-05", "2026-10")
	wantAmounts(t, "October", october, "Calls 6.00", "net 6.00 total 7.14")

	called(t, j, "b", "2026-10-31", 60, 1)
	called(t, j, "c", "2026-11-10", 120, 1)
	months := night(t, j, sim, "2026-11-20")
	if got := late(months["2026-10"]); got != "INV-2026-000001 1" {
		t.Errorf("20 November: late %q", got)
	}
	// The plan has changed since; October keeps its own.
	old := j.Biller.Plans["hand"]
	dearer := *old
	dearer.Charges = append([]pricing.Charge(nil), old.Charges...)
	rate := amount("1.20")
	dearer.Charges[0].PerMinute = &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1}
	dearer.Name = "dear"
	j.Biller.Plans = map[string]*pricing.Plan{"dear": &dearer}
	who.Plan = "dear"
	// 120 s at 1.20 a minute are 2.40; 19 % of 3.00 are 0.57.
	november := finalized(t, j, sim, "2026-12-05", "2026-11")
	wantAmounts(t, "November", november, "Calls 2.40", "Calls [2026-10: usage came late or changed (+1 record, +60 seconds)] of INV-2026-000001: 0.60", "net 3.00 total 3.57")
	if a := november.Adjustments; len(a) != 1 || a[0].Number != october.Number || a[0].Reason != billing.UsageLateOrChanged || a[0].Records != 1 || a[0].Usage.Records != october.Usage.Records+1 {
		t.Errorf("November's adjustments: %+v", a)
	}

	called(t, j, "d", "2026-10-01", 30, 1)
	called(t, j, "e", "2026-11-30", 90, 1)
	called(t, j, "a", "2026-10-10", 540, 2) // a minute less than was invoiced
	called(t, j, "f", "2026-12-24", 60, 1)
	months = night(t, j, sim, "2026-12-28")
	if got := late(months["2026-10"]) + "; " + late(months["2026-11"]); got != "INV-2026-000001 1; INV-2026-000002 1" {
		t.Errorf("28 December: late %q", got)
	}
	// 30 s less 60 s at 0.60 a minute are -0.30; 90 s at 1.20 are 1.80.
	december := finalized(t, j, sim, "2027-01-05", "2026-12")
	wantAmounts(t, "December", december, "Calls 1.20",
		"Calls [2026-10: usage came late or changed (+1 record, -30 seconds)] of INV-2026-000001: -0.30",
		"Calls [2026-11: usage came late or changed (+1 record, +90 seconds)] of INV-2026-000002: 1.80", "net 2.70 total 3.21")
	months = night(t, j, sim, "2027-01-10")
	for label, m := range months {
		if len(m.Late) > 0 {
			t.Errorf("10 January: %s has %s, which was adjusted", label, late(m))
		}
	}
	january := look(t, j, "2027-01-10", "t", "2027-01")[0].Document
	if len(january.Adjustments) > 0 || len(amounts(january)) != 1 {
		t.Errorf("January adjusts again: %v", amounts(january))
	}
}

// What follows from a whole month follows from it with what came late: here by
// hand, from the plan's own rules.
func TestAdjustmentsAreExact(t *testing.T) {
	tests := []struct {
		name              string
		change            func(*pricing.Plan, *billing.Tenant)
		october, november []string // 100 s, and 50 s late; 200 s in November
		next              []string // a draft of December with 30 s
	}{
		{"minimum of the invoice", func(p *pricing.Plan, _ *billing.Tenant) {
			p.Limits = pricing.Limits{Minimum: ptr(amount("1.20"))}
			// October comes to 1.00 and 0.20 up to the minimum; with 0.50 more to 1.50.
		}, []string{"Calls 1.00", "Up to the minimum of 1.2 0.20", "net 1.20 total 1.20"},
			[]string{"Calls 2.00", "Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50",
				"Up to the minimum of 1.2 [2026-10: usage came late or changed] of INV-2026-000001: -0.20", "net 2.30 total 2.30"},
			[]string{"Calls 0.30", "Up to the minimum of 1.2 0.90", "net 1.20 total 1.20"}},
		{"a credit that October has not used up", func(_ *pricing.Plan, who *billing.Tenant) {
			who.Credits = []pricing.Credit{{ID: "welcome", Description: "Welcome", Amount: amount("3.60")}}
			// 1.00 and 0.50 come off it in October, 2.00 in November, 0.10 in December.
		}, []string{"Calls 1.00", "Welcome -1.00", "net 0.00 total 0.00"},
			[]string{"Calls 2.00", "Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50",
				"Welcome [2026-10: usage came late or changed] of INV-2026-000001: -0.50", "Welcome -2.00", "net 0.00 total 0.00"},
			[]string{"Calls 0.30", "Welcome -0.10", "net 0.20 total 0.20"}},
		{"an allowance that rolls over", func(p *pricing.Plan, _ *billing.Tenant) {
			p.Allowances = []pricing.Allowance{{ID: "bundle", Description: "Bundle", Quantity: amount("2"), Unit: pricing.Minute, Charges: []string{"call"}, Rollover: 1}}
			// 120 s a month. October has used 100 s, then 120 s of them, and 30 s cost
			// 0.30. November has 120 s, and not 20 s more: 80 s of 200 s cost 0.80.
		}, []string{"net 0.00 total 0.00"},
			[]string{"Calls 0.80", "Calls [2026-10: usage came late or changed (+30 seconds)] of INV-2026-000001: 0.30", "net 1.10 total 1.10"},
			[]string{"net 0.00 total 0.00"}},
		{"a fee in advance", func(p *pricing.Plan, _ *billing.Tenant) {
			p.Charges = append(p.Charges, advance("10.00"))
		}, []string{"Calls 1.00", "Fee 10.00", "Fee, in advance 10.00", "net 21.00 total 21.00"},
			[]string{"Calls 2.00", "Fee, in advance 10.00", "Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50", "net 12.50 total 12.50"},
			[]string{"Calls 0.30", "Fee, in advance 10.00", "net 10.30 total 10.30"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, sim, _ := quiet(t, tt.change)
			called(t, j, "a", "2026-10-10", 100, 1)
			wantAmounts(t, "October", finalized(t, j, sim, "2026-11-05", "2026-10"), tt.october...)
			called(t, j, "b", "2026-10-20", 50, 1)
			called(t, j, "c", "2026-11-20", 200, 1)
			wantAmounts(t, "November", finalized(t, j, sim, "2026-12-05", "2026-11"), tt.november...)
			called(t, j, "d", "2026-12-06", 30, 1)
			wantAmounts(t, "December", look(t, j, "2026-12-07", "t", "2026-12")[0].Document, tt.next...)
		})
	}
}

func ptr[T any](v T) *T { return &v }

// What came late of a month that was invoiced after the next one began reaches
// that one, when it is itself finalized already, by an adjustment of its own.
func TestAdjustmentThatReachesTheNextMonth(t *testing.T) {
	j, sim, _ := quiet(t, func(_ *pricing.Plan, who *billing.Tenant) {
		who.Credits = []pricing.Credit{{ID: "welcome", Description: "Welcome", Amount: amount("3.00")}}
	})
	called(t, j, "a", "2026-10-10", 100, 1)
	called(t, j, "b", "2026-11-10", 300, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	// 1.00 of the credit was October's, so 2.00 are November's.
	wantAmounts(t, "November", finalized(t, j, sim, "2026-12-05", "2026-11"), "Calls 3.00", "Welcome -2.00", "net 1.00 total 1.00")
	called(t, j, "c", "2026-10-20", 50, 1)
	// 1.50 of it are October's now, and 0.50 less November's: 0.50 are to be paid.
	wantAmounts(t, "December", finalized(t, j, sim, "2027-01-05", "2026-12"),
		"Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50",
		"Welcome [2026-10: usage came late or changed] of INV-2026-000001: -0.50",
		"Welcome [2026-11: follows from an adjustment before it] of INV-2026-000002: 0.50", "net 0.50 total 0.50")
	if january := look(t, j, "2027-01-06", "t", "2027-01")[0].Document; len(january.Adjustments) > 0 {
		t.Errorf("January adjusts again: %v", amounts(january))
	}
}

// Usage of that time that no plan of that time has a rate for is for a person, and
// so is what would be in another currency.
func TestLateUsageThatCannotBeAdjusted(t *testing.T) {
	j, sim, who := quiet(t)
	called(t, j, "a", "2026-10-10", 100, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "b", "2026-10-11", 100, 1)
	euro := *j.Biller.Plans["hand"]
	euro.Currency = "EUR"
	usd := j.Biller.Plans["hand"]
	j.Biller.Plans["hand"] = &euro
	m := night(t, j, sim, "2026-11-20")["2026-10"]
	if want := "INV-2026-000001 1 it was invoiced in USD, and the tenant's plan is in EUR now"; !strings.HasPrefix(late(m), want) || !m.NeedsPerson() {
		t.Errorf("late %q, want %s", late(m), want)
	}
	j.Biller.Plans["hand"] = usd
	who.ID = "other"
	m = night(t, j, sim, "2026-11-20")["2026-10"]
	if want := "INV-2026-000001 1 its tenant is not configured any more: configure it again, with the day that it left as until, and it is billed"; late(m) != want || !m.NeedsPerson() {
		t.Errorf("late %q, want %s", late(m), want)
	}
}

// A tenant that has left gets an invoice of what came late alone, for the month in
// which it was found.
func TestLateUsageOfATenantThatHasLeft(t *testing.T) {
	j, sim, who := quiet(t)
	who.Until = date(t, "2026-11-01")
	called(t, j, "a", "2026-10-10", 100, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	if m := night(t, j, sim, "2026-11-20")["2026-11"]; m != nil && len(m.Statement.Tenants) > 0 {
		t.Errorf("November without late usage: %s", statuses(m))
	}
	called(t, j, "b", "2026-10-11", 50, 1)
	if m := night(t, j, sim, "2026-11-21")["2026-11"]; m == nil || statuses(m) != "t draft" {
		t.Fatalf("November with late usage: %v", m)
	}
	wantAmounts(t, "November", finalized(t, j, sim, "2026-12-04", "2026-11"), "Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50", "net 0.50 total 0.50")
	for label, m := range night(t, j, sim, "2026-12-05") {
		if strings.Contains(statuses(m), "draft") || len(m.Late) > 0 {
			t.Errorf("afterwards %s is %s, late %s", label, statuses(m), late(m))
		}
	}
}

// What a watermark knows is said: that usage changed, or that it came or changed.
func TestReasonOfAnAdjustment(t *testing.T) {
	j, sim, _ := quiet(t)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "a", "2026-10-10", 100, 1)
	called(t, j, "b", "2026-10-11", 50, 1)
	wantAmounts(t, "November", finalized(t, j, sim, "2026-12-05", "2026-11"),
		"Calls [2026-10: usage came late or changed (+2 records, +150 seconds)] of INV-2026-000001: 1.50", "net 1.50 total 1.50")
	called(t, j, "a", "2026-10-10", 40, 2)
	wantAmounts(t, "December", finalized(t, j, sim, "2027-01-05", "2026-12"),
		"Calls [2026-10: usage changed (-60 seconds)] of INV-2026-000001: -0.60", "net -0.60 total -0.60")
	called(t, j, "a", "2026-10-10", 70, 3)
	called(t, j, "c", "2026-10-12", 10, 3)
	wantAmounts(t, "January", finalized(t, j, sim, "2027-02-05", "2027-01"),
		"Calls [2026-10: usage came late or changed (+1 record, +40 seconds)] of INV-2026-000001: 0.40", "net 0.40 total 0.40")
}

// It is billed whichever nights were missed since it was drafted.
func TestLateUsageOfATenantThatHasLeftAfterMissedNights(t *testing.T) {
	const want = "Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50"
	for day, month := range map[string]string{
		"2026-12-04": "2026-11", "2026-12-05": "2026-11", "2027-01-03": "2026-11", // the last that is due
		"2027-01-20": "2026-12", "2028-02-29": "2028-01",
	} {
		j, sim, who := quiet(t)
		who.Until = date(t, "2026-11-01")
		called(t, j, "a", "2026-10-10", 100, 1)
		finalized(t, j, sim, "2026-11-05", "2026-10")
		called(t, j, "b", "2026-10-11", 50, 1)
		if m := night(t, j, sim, "2026-11-21")["2026-11"]; m == nil || statuses(m) != "t draft" {
			t.Fatalf("November with late usage: %v", m)
		}
		wantAmounts(t, day, finalized(t, j, sim, day, month), want, "net 0.50 total 0.50")
		for label, m := range night(t, j, sim, date(t, day).AddDays(40).String()) {
			if strings.Contains(statuses(m), "draft") || len(m.Late) > 0 {
				t.Errorf("%s: afterwards %s is %s, late %s", day, label, statuses(m), late(m))
			}
		}
	}
}

// Usage that comes years late is billed like any other.
func TestUsageYearsLate(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 100, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	night(t, j, sim, "2028-03-10")
	called(t, j, "b", "2026-10-11", 50, 1)
	if m := night(t, j, sim, "2028-03-11")["2026-10"]; m == nil || late(m) != "INV-2026-000001 1" {
		t.Errorf("October 2026 is not looked after: %v", m)
	}
	wantAmounts(t, "March 2028", finalized(t, j, sim, "2028-04-05", "2028-03"),
		"Calls [2026-10: usage came late or changed (+1 record, +50 seconds)] of INV-2026-000001: 0.50", "net 0.50 total 0.50")
	if m := night(t, j, sim, "2028-04-06")["2026-10"]; m != nil {
		t.Errorf("October 2026 is still looked after: late %s", late(m))
	}
}

// What Twilio does not list any more stays billed, and the statement says so.
func TestVanishedUsageIsListed(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 100, 0) // by no sync that there was
	m := night(t, j, sim, "2026-11-05")["2026-10"]
	want := []billing.VanishedRow{{Tenant: "t", Account: billing.Account{SID: j.Biller.Tenants[0].Subaccounts[0].SID, Name: "Quiet Pines Consulting"}, Kind: pricing.Call, Records: 1}}
	if diff := cmp.Diff(want, m.Statement.Vanished); diff != "" {
		t.Errorf("vanished (-want +got):\n%s", diff)
	}
	called(t, j, "a", "2026-10-10", 100, 1_000)
	if m := night(t, j, sim, "2026-11-06")["2026-10"]; len(m.Statement.Vanished) > 0 {
		t.Errorf("listed again, and %v has vanished", m.Statement.Vanished)
	}
}

// The plans of an invoice are stored under the digests that it names.
func TestPlansAreStored(t *testing.T) {
	j, sim, _ := quiet(t)
	doc := finalized(t, j, sim, "2026-11-05", "2026-10")
	data, err := j.Biller.DB.Blob(t.Context(), doc.Plans[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := pricing.DecodePlan(data)
	if err != nil || p.Name != "hand" {
		t.Errorf("stored plan %v, %v", p, err)
	}
	if _, err := register.Open(t.Context(), j.Biller.DB, register.Options{}); err != nil {
		t.Error(err)
	}
}

package billing

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func price(s string) *decimal.Decimal { d := number(s); return &d }

// minutes is a plan of calls by the second, at a price a minute, and of what is
// added to it.
func minutes(name, rate string, charges ...pricing.Charge) *pricing.Plan {
	calls := pricing.Charge{
		ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
		PerMinute: &pricing.PerMinute{Rate: price(rate), Initial: 1, Increment: 1},
	}
	return &pricing.Plan{Name: name, Currency: "USD", Charges: append([]pricing.Charge{calls}, charges...)}
}

// fee is a flat charge with id "fee".
func fee(amount string, inAdvance bool) pricing.Charge {
	return pricing.Charge{ID: "fee", Description: "Fee", Flat: &pricing.Flat{Amount: number(amount), InAdvance: inAdvance}}
}

// changing bills one tenant who goes over from plan A to plan B, in a time zone.
func changing(t testing.TB, db *warehouse.DB, zone, day string, a, b *pricing.Plan) (*Biller, *Tenant) {
	t.Helper()
	who := tenant("acme", zone, Assignment{SID: sid(2)})
	who.Plan = a.Name
	if day != "" {
		who.PlanChanges = []PlanChange{{From: date(t, day), Plan: b.Name}}
	}
	out := biller(t, db, who)
	out.Start, out.Plans = date(t, "2026-09-01"), map[string]*pricing.Plan{}
	for _, p := range []*pricing.Plan{a, b} {
		if problems := p.Check(nil); len(problems) > 0 {
			t.Fatalf("plan %s: %v", p.Name, problems)
		}
		out.Plans[p.Name] = p
	}
	return out, &out.Tenants[0]
}

// invoiced drafts a tenant's month and checks what holds of every draft: the
// records add up to the lines, and what was stored comes out the same again.
func invoiced(t testing.TB, b *Biller, who *Tenant, month string, opening pricing.Carried) *Draft {
	t.Helper()
	var items decimal.Decimal
	var rows []string
	p := Month(date(t, month), who.TimeZone)
	d, err := b.Draft(t.Context(), who, p, p.To, opening, func(i *Item) error {
		items = items.Add(i.Amount)
		rows = append(rows, i.SID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	doc := &d.Document
	var exact, sum decimal.Decimal
	for i := range doc.Lines {
		l := &doc.Lines[i]
		sum = sum.Add(l.Amount)
		if !slices.Contains([]pricing.Category{pricing.Fees, pricing.Adjustments, pricing.Surcharges, pricing.CreditsUsed}, l.Category) {
			exact = exact.Add(l.Exact())
		}
	}
	if !items.Equal(exact) {
		t.Errorf("%s: the records' amounts add up to %s, their lines to %s", month, items, exact)
	}
	total := doc.Net
	for _, tax := range doc.Taxes {
		total = total.Add(tax.Amount)
		if tax.Inclusive {
			sum = sum.Sub(tax.Amount)
		}
	}
	if !sum.Equal(doc.Net) || !total.Equal(doc.Total) {
		t.Errorf("%s: the lines come to %s and net and taxes to %s; net is %s, the total %s", month, sum, total, doc.Net, doc.Total)
	}
	stored, err := doc.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseDocument(stored)
	if err != nil {
		t.Fatal(err)
	}
	// As Changed and usage.csv do, once by itself and once with each record.
	for _, each := range []func(*Item) error{nil, func(*Item) error { return nil }} {
		again, err := b.Redraft(t.Context(), read, each)
		if err != nil {
			t.Fatal(err)
		}
		if !doc.SameUsage(&again.Document) {
			t.Errorf("%s: lines, and those priced again:\n%s", month, cmp.Diff(lines(doc), lines(&again.Document)))
		}
		if diff := cmp.Diff(doc.Closing, again.Document.Closing); diff != "" {
			t.Errorf("%s: leaves something else when priced again:\n%s", month, diff)
		}
		if text, err := again.Document.Canonical(); err != nil || string(text) != string(stored) {
			t.Errorf("%s: priced again, the document is another: %v\n%s\n%s", month, err, stored, text)
		}
	}
	st, err := b.Statement(t.Context(), p.From, p.To, []TenantMonth{{Document: doc, Status: Finalized}})
	if err != nil {
		t.Fatal(err)
	}
	if row := st.Tenants[0]; !row.Revenue.Equal(doc.Net) || !row.Total.Equal(doc.Total) || row.Records != int64(len(rows)) {
		t.Errorf("%s: statement has %s, %s and %d records; invoice %s, %s and %d", month, row.Revenue, row.Total, row.Records, doc.Net, doc.Total, len(rows))
	}
	return d
}

// lines are a document's lines as text.
func lines(doc *Document) (out []string) {
	for _, l := range doc.Lines {
		s := fmt.Sprintf("%s %s", l.Category, l.Description)
		if l.Item != "" {
			s += "/" + l.Item
		}
		s += fmt.Sprintf(": %s %s x %s/%d = %s", l.Quantity, l.Unit, l.UnitPrice, l.Per, l.Amount)
		if !l.From.IsZero() {
			s += fmt.Sprintf(" for %s..%s", l.From, l.To)
		}
		out = append(out, s)
	}
	return out
}

func wantLines(t testing.TB, what string, doc *Document, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, lines(doc)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// call is a call of some seconds.
func call(id, at, seconds string) metered {
	return metered{account: sid(2), sid: id, at: at, quantity: seconds}
}

// A plan prices the records that start on its days where the tenant is, and its
// fees are for those days.
func TestPlanChangeInArrears(t *testing.T) {
	db := warehousetest.Open(t)
	// The 16th begins at 22:00 UTC of the 15th in Berlin, and at 04:00 in New York.
	insert(t, db, 1,
		call("first", "2026-10-05T00:00:00Z", "600"),
		call("before Berlin", "2026-10-15T21:59:59Z", "60"),
		call("Berlin", "2026-10-15T22:00:00Z", "60"),
		call("before New York", "2026-10-16T03:59:59Z", "60"),
		call("New York", "2026-10-16T04:00:00Z", "60"),
		call("last", "2026-10-31T12:00:00Z", "600"))
	for _, tt := range []struct {
		zone, a, b string // seconds by A and B
		amounts    [2]string
	}{
		// 660 s at 0.06 a minute are 0.66; 780 s at 0.12 are 1.56.
		{"Europe/Berlin", "660", "780", [2]string{"0.66", "1.56"}},
		// 780 s are 0.78, 660 s 1.32.
		{"America/New_York", "780", "660", [2]string{"0.78", "1.32"}},
	} {
		b, who := changing(t, db, tt.zone, "2026-10-16", minutes("A", "0.06", fee("31.00", false)), minutes("B", "0.12", fee("62.00", false)))
		d := invoiced(t, b, who, "2026-10-01", pricing.Carried{})
		wantLines(t, tt.zone, &d.Document,
			"calls Calls: "+tt.a+" second x 0.06/60 = "+tt.amounts[0],
			"calls Calls: "+tt.b+" second x 0.12/60 = "+tt.amounts[1],
			// 15 and 16 of 31 days.
			"fees Fee: 15 day x 31/31 = 15", "fees Fee: 16 day x 62/31 = 32")
		plans := []PlanRef{
			{Name: "A", Digest: b.Plans["A"].Digest(nil), Days: Days{date(t, "2026-10-01"), date(t, "2026-10-16")}},
			{Name: "B", Digest: b.Plans["B"].Digest(nil), Days: Days{date(t, "2026-10-16"), date(t, "2026-11-01")}},
		}
		if diff := cmp.Diff(plans, d.Document.Plans); diff != "" {
			t.Errorf("%s: plans (-want +got):\n%s", tt.zone, diff)
		}
		if !d.Document.Closing.IsZero() {
			t.Errorf("%s: leaves %+v", tt.zone, d.Document.Closing)
		}
	}
}

// A fee in advance follows a change of plan, whether the invoice before knew of
// it or not.
func TestPlanChangeInAdvance(t *testing.T) {
	db := warehousetest.Open(t)
	for _, tt := range []struct {
		name, day string
		known     bool // in September
		september []string
		october   []string
	}{
		{"within the month, known too late", "2026-10-16", false,
			[]string{"fees Fee: 1 month x 30/1 = 30", "fees Fee, in advance: 1 month x 30/1 = 30 for 2026-10-01..2026-11-01"},
			// 15 of 31 days are due of A, 31 were billed; 16 x 30 / 31 = 15.484 back. 16 x 60 / 31 = 30.968.
			[]string{"fees Fee, credit: -16 day x 30/31 = -15.48", "fees Fee: 16 day x 60/31 = 30.97",
				"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01"}},
		{"within the month, known in time", "2026-10-16", true,
			// 15 x 30 / 31 = 14.516.
			[]string{"fees Fee: 1 month x 30/1 = 30", "fees Fee, in advance: 15 day x 30/31 = 14.52 for 2026-10-01..2026-10-16",
				"fees Fee, in advance: 16 day x 60/31 = 30.97 for 2026-10-16..2026-11-01"},
			[]string{"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01"}},
		{"on the first, known too late", "2026-10-01", false,
			[]string{"fees Fee: 1 month x 30/1 = 30", "fees Fee, in advance: 1 month x 30/1 = 30 for 2026-10-01..2026-11-01"},
			[]string{"fees Fee, credit: -1 month x 30/1 = -30", "fees Fee: 1 month x 60/1 = 60",
				"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01"}},
		{"on the first, known in time", "2026-10-01", true,
			[]string{"fees Fee: 1 month x 30/1 = 30", "fees Fee, in advance: 1 month x 60/1 = 60 for 2026-10-01..2026-11-01"},
			[]string{"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01"}},
		{"on the first of the month after, known in October", "2026-11-01", false,
			[]string{"fees Fee: 1 month x 30/1 = 30", "fees Fee, in advance: 1 month x 30/1 = 30 for 2026-10-01..2026-11-01"},
			[]string{"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, who := changing(t, db, "UTC", tt.day, minutes("A", "0.06", fee("30.00", true)), minutes("B", "0.12", fee("60.00", true)))
			changes := who.PlanChanges
			if !tt.known {
				who.PlanChanges = nil
			}
			september := &invoiced(t, b, who, "2026-09-01", pricing.Carried{}).Document
			wantLines(t, "September", september, tt.september...)
			who.PlanChanges = changes
			october := &invoiced(t, b, who, "2026-10-01", september.Closing).Document
			wantLines(t, "October", october, tt.october...)
			// November has nothing left to settle.
			november := &invoiced(t, b, who, "2026-11-01", october.Closing).Document
			wantLines(t, "November", november, "fees Fee, in advance: 1 month x 60/1 = 60 for 2026-12-01..2027-01-01")
			// The finalized ones come out the same whatever is added to the tenant.
			who.PlanChanges = append(slices.Clone(changes), PlanChange{From: date(t, "2026-12-01"), Plan: "A"})
			who.Credits = []pricing.Credit{{ID: "late", Description: "Late", Amount: number("1000")}}
			b.Tenants = nil
			for _, doc := range []*Document{september, october, november} {
				again, err := b.Redraft(t.Context(), doc, nil)
				if err != nil || !doc.SameUsage(&again.Document) {
					t.Errorf("%s: %v, lines now %v", doc.Period.Label(), err, lines(&again.Document))
				}
			}
		})
	}
}

// The plan that billed a fee in advance may be gone when the fee is settled, or
// later. Either way the invoice gives it back with the same line.
func TestAdvanceOfAPlanThatIsGone(t *testing.T) {
	db := warehousetest.Open(t)
	b, who := changing(t, db, "UTC", "", minutes("A", "0.06", fee("31.00", true)), minutes("B", "0.12"))
	september := invoiced(t, b, who, "2026-09-01", pricing.Carried{})
	who.Plan = "B"
	known := &invoiced(t, b, who, "2026-10-01", september.Document.Closing).Document
	wantLines(t, "configured", known, "fees Fee, credit: -1 month x 31/1 = -31")
	for _, doc := range []*Document{&september.Document, known} {
		if err := b.StorePlans(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
	delete(b.Plans, "A")
	b = biller(t, db) // of another day
	b.Plans = map[string]*pricing.Plan{"B": minutes("B", "0.12")}
	if again, err := b.Redraft(t.Context(), known, nil); err != nil || !known.SameUsage(&again.Document) {
		t.Errorf("gone later: %v, %v", err, lines(&again.Document))
	}
	gone := &invoiced(t, b, who, "2026-10-01", september.Document.Closing).Document
	wantLines(t, "gone", gone, lines(known)...)
	// Neither the plan of September's own days nor that of October's advance needs
	// to be configured.
	if again, err := b.Redraft(t.Context(), &september.Document, nil); err != nil || !september.Document.SameUsage(&again.Document) {
		t.Errorf("September without its plan: %v", err)
	}
	who.PlanChanges = []PlanChange{{From: date(t, "2026-11-01"), Plan: "C"}}
	b.Plans["C"] = minutes("C", "0.12", fee("60.00", true))
	october := &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document
	b.Plans["C"] = minutes("C", "0.12", fee("90.00", true))
	if _, err := b.Redraft(t.Context(), october, nil); err == nil || !strings.Contains(err.Error(), `plan "C" is not configured as it was, and was not stored`) {
		t.Errorf("a plan that was changed before it was stored: %v", err)
	}
}

// What follows from the lines of each plan follows from its days.
func TestPlanChangeWithAdjustments(t *testing.T) {
	db := warehousetest.Open(t)
	insert(t, db, 1,
		call("a", "2026-10-05T00:00:00Z", "6000"),  // A: 100 minutes at 0.06 are 6.00
		call("b", "2026-10-20T00:00:00Z", "12000")) // B: 200 minutes at 0.12 are 24.00
	type plans struct{ a, b *pricing.Plan }
	tests := []struct {
		name   string
		change func(p plans, who *Tenant)
		want   []string // after the two lines of calls
		total  string
	}{
		{"minimum of A, maximum of B", func(p plans, _ *Tenant) {
			p.a.Minimum, p.b.Maximum = price("31"), price("20")
		}, []string{
			// 15 of 31 days of 31.00.
			"adjustments Up to the minimum of 15: 1 month x 9/1 = 9", "adjustments Down to the maximum of 20: 1 month x -4/1 = -4"}, "35"},
		{"a charge's minimum in both", func(p plans, _ *Tenant) {
			p.a.Charges[0].Minimum, p.b.Charges[0].Minimum = price("31"), price("62")
		}, []string{"adjustments Calls, up to the minimum of 15: 1 month x 9/1 = 9", "adjustments Calls, up to the minimum of 32: 1 month x 8/1 = 8"}, "47"},
		{"percent off, of each plan's own", func(p plans, _ *Tenant) {
			p.a.Discounts = []pricing.Discount{{ID: "d", Description: "Ten", Percent: price("10")}}
			p.b.Discounts = []pricing.Discount{{ID: "d", Description: "Half", Percent: price("50")}}
		}, []string{"adjustments Ten: 6 USD x -10/100 = -0.6", "adjustments Half: 24 USD x -50/100 = -12"}, "17.4"},
		{"an amount off that both have, once", func(p plans, _ *Tenant) {
			d := []pricing.Discount{{ID: "d", Description: "Ten off", Amount: price("10")}}
			p.a.Discounts, p.b.Discounts = d, d
		}, []string{"adjustments Ten off: 1 month x -6/1 = -6", "adjustments Ten off: 1 month x -4/1 = -4"}, "20"},
		{"surcharges that both have, once", func(p plans, who *Tenant) {
			s := []pricing.Surcharge{
				{ID: "t", Description: "Tenant", Amount: price("1")},
				{ID: "s", Description: "Subaccount", Amount: price("2"), Per: pricing.SurchargeSubaccount},
				{ID: "p", Description: "Percent", Percent: price("10")},
			}
			p.a.Surcharges, p.b.Surcharges = s, s
		}, []string{
			"surcharges Tenant: 1 month x 1/1 = 1", "surcharges Subaccount: 1 subaccount x 2/1 = 2",
			"surcharges Percent: 6 USD x 10/100 = 0.6", "surcharges Percent: 24 USD x 10/100 = 2.4"}, "36"},
		{"credits of both plans and the tenant, off the whole invoice", func(p plans, who *Tenant) {
			p.a.Credits = []pricing.Credit{{ID: "a", Description: "A's", Amount: number("8")}}
			p.b.Credits = []pricing.Credit{{ID: "b", Description: "B's", Amount: number("9")}}
			who.Credits = []pricing.Credit{{ID: "own", Description: "Own", Amount: number("50")}}
		}, []string{"credits A's: 1 month x -8/1 = -8", "credits B's: 1 month x -9/1 = -9", "credits Own: 1 month x -13/1 = -13"}, "0"},
		{"taxes", func(p plans, who *Tenant) {
			p.b.Charges[0].TaxCode = "b"
			// 10 % of 6.00 and 24.00; 5 % of 24.00.
			who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: number("10")}, {Name: "Excise", Rate: number("5"), Codes: []string{"b"}}}
		}, nil, "34.2"},
		{"contained taxes", func(p plans, who *Tenant) {
			who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: number("20"), Inclusive: true}}
		}, nil, "30"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plans{minutes("A", "0.06"), minutes("B", "0.12")}
			b, who := changing(t, db, "UTC", "2026-10-16", p.a, p.b)
			tt.change(p, who)
			doc := &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document
			wantLines(t, "October", doc, append([]string{
				"calls Calls: 6000 second x 0.06/60 = 6", "calls Calls: 12000 second x 0.12/60 = 24"}, tt.want...)...)
			if doc.Total.String() != tt.total {
				t.Errorf("total %s, want %s", doc.Total, tt.total)
			}
		})
	}
}

// A credit lowers what the invoice as a whole comes to: what one plan gives back
// and another charges is set off first.
func TestCreditOfAnInvoiceThatGivesBack(t *testing.T) {
	db := warehousetest.Open(t)
	b, who := changing(t, db, "UTC", "", minutes("A", "0.06", fee("62.00", true)), minutes("B", "0.12", fee("31.00", false)))
	who.Credits = []pricing.Credit{{ID: "own", Description: "Own", Amount: number("50")}}
	september := &invoiced(t, b, who, "2026-09-01", pricing.Carried{}).Document
	// 62 + 62 - 50.
	if september.Total.String() != "74" || !cmp.Equal(september.Closing.Credits, []pricing.Taken{{Credit: "own", Amount: number("50")}}) {
		t.Errorf("September: total %s, leaves %+v", september.Total, september.Closing)
	}
	who.PlanChanges = []PlanChange{{From: date(t, "2026-10-16"), Plan: "B"}}
	who.Credits[0].Amount = number("60")
	// 62 / 31 x -16 + 31 / 31 x 16 = -16: nothing to take a credit of.
	october := &invoiced(t, b, who, "2026-10-01", september.Closing).Document
	wantLines(t, "October", october, "fees Fee, credit: -16 day x 62/31 = -32", "fees Fee: 16 day x 31/31 = 16")
	november := &invoiced(t, b, who, "2026-11-01", october.Closing).Document
	wantLines(t, "November", november, "fees Fee: 1 month x 31/1 = 31", "credits Own: 1 month x -10/1 = -10")
}

// One allowance of two plans is one: what the first has left of it is the
// second's to use, and each grants it for its days.
func TestAllowanceAcrossAPlanChange(t *testing.T) {
	db := warehousetest.Open(t)
	bundle := func(p *pricing.Plan, id, quantity string, rollover int) *pricing.Plan {
		p.Allowances = []pricing.Allowance{{ID: id, Description: "Bundle", Quantity: number(quantity), Unit: pricing.Minute, Charges: []string{"calls"}, Rollover: rollover}}
		return p
	}
	insert(t, db, 1,
		call("a", "2026-10-05T00:00:00Z", "600"),   // 10 minutes
		call("b1", "2026-10-20T00:00:00Z", "1200"), // 20
		call("b2", "2026-10-21T00:00:00Z", "1800"), // 30
		call("c", "2026-11-20T00:00:00Z", "1200"))  // 20
	opening := pricing.Carried{Unused: []pricing.Unused{{Allowance: "x", Period: date(t, "2026-09-01"), Quantity: number("7")}}}
	unused := func(doc *Document) (out []string) {
		for _, u := range doc.Closing.Unused {
			out = append(out, u.Allowance+" "+u.Period.String()[:7]+" "+u.Quantity.String())
		}
		return out
	}
	for _, tt := range []struct {
		name     string
		b        string // id of B's allowance
		rollover int
		october  []string
		left     []string
		november []string
	}{
		// A grants 15 of 31 minutes and B 16; 7 were left in September. A uses 10 of
		// them and leaves 12; B has 28 for 50 minutes. 22 x 0.12 = 2.64.
		{"of one id", "x", 1, []string{
			"calls Calls, Bundle/included: 600 second x 0/60 = 0",
			"calls Calls, Bundle/included: 1680 second x 0/60 = 0", "calls Calls: 1320 second x 0.12/60 = 2.64"}, nil,
			// 31 are granted again, and 11 are left of them.
			[]string{"calls Calls, Bundle/included: 1200 second x 0/60 = 0"}},
		// September's 7 are lost, since B's allowance is another: 16 for 50 minutes.
		// 34 x 0.12 = 4.08. A's 12 are kept for a plan that has them.
		{"of two ids", "y", 1, []string{
			"calls Calls, Bundle/included: 600 second x 0/60 = 0",
			"calls Calls, Bundle/included: 960 second x 0/60 = 0", "calls Calls: 2040 second x 0.12/60 = 4.08"}, []string{"x 2026-10 12"},
			[]string{"calls Calls, Bundle/included: 1200 second x 0/60 = 0"}},
		// Without rollover September's are not used: A leaves 5 of 15, and B has 21.
		{"of one id, within the month", "x", 0, []string{
			"calls Calls, Bundle/included: 600 second x 0/60 = 0",
			"calls Calls, Bundle/included: 1260 second x 0/60 = 0", "calls Calls: 1740 second x 0.12/60 = 3.48"}, nil,
			[]string{"calls Calls, Bundle/included: 1200 second x 0/60 = 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, who := changing(t, db, "UTC", "2026-10-16", bundle(minutes("A", "0.06"), "x", "31", tt.rollover), bundle(minutes("B", "0.12"), tt.b, "31", tt.rollover))
			october := &invoiced(t, b, who, "2026-10-01", opening).Document
			wantLines(t, "October", october, tt.october...)
			if diff := cmp.Diff(tt.left, unused(october)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			wantLines(t, "November", &invoiced(t, b, who, "2026-11-01", october.Closing).Document, tt.november...)
		})
	}

	// A plan that begins with the next month, or ended with the last one, has no
	// part in it, though it bills in advance or gives back.
	advance := fee("31", true)
	b, who := changing(t, db, "UTC", "2026-11-01", bundle(minutes("A", "0.06", advance), "x", "100", 2), bundle(minutes("B", "0.12", advance), "x", "100", 2))
	october := &invoiced(t, b, who, "2026-10-01", opening).Document
	// 7 + 100 - 60.
	if diff := cmp.Diff([]string{"x 2026-10 47"}, unused(october)); diff != "" {
		t.Errorf("before a change (-want +got):\n%s", diff)
	}
	november := &invoiced(t, b, who, "2026-11-01", october.Closing).Document
	if diff := cmp.Diff([]string{"x 2026-10 27", "x 2026-11 100"}, unused(november)); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
	who.Plan, who.PlanChanges = "B", nil
	october.Closing.Advance[0].Plan = "A"
	if diff := cmp.Diff([]string{"x 2026-10 27", "x 2026-11 100"}, unused(&invoiced(t, b, who, "2026-11-01", october.Closing).Document)); diff != "" {
		t.Errorf("after one that was known too late (-want +got):\n%s", diff)
	}
	// Nor do they let expire, or keep, what is another plan's to keep for a month
	// or three: August's is B's to use, and September's is not carried by A.
	bundle(b.Plans["A"], "x", "100", 1)
	bundle(b.Plans["B"], "x", "100", 3)
	of := func(month, quantity string) pricing.Unused {
		return pricing.Unused{Allowance: "x", Period: date(t, month), Quantity: number(quantity)}
	}
	october.Closing.Unused = []pricing.Unused{of("2026-08-01", "30"), of("2026-10-01", "47")}
	if diff := cmp.Diff([]string{"x 2026-10 47", "x 2026-11 100"}, unused(&invoiced(t, b, who, "2026-11-01", october.Closing).Document)); diff != "" {
		t.Errorf("after a plan with a shorter rollover (-want +got):\n%s", diff)
	}
	who.Plan, who.PlanChanges = "A", []PlanChange{{From: date(t, "2026-11-01"), Plan: "B"}}
	opening.Unused[0].Quantity = number("200")
	if diff := cmp.Diff([]string{"x 2026-10 100"}, unused(&invoiced(t, b, who, "2026-10-01", opening).Document)); diff != "" {
		t.Errorf("before a plan with a longer one (-want +got):\n%s", diff)
	}
}

// A plan that only bills in advance takes no fixed discount: it has its own
// invoices for that. A percentage is of each line, whichever invoice has it.
func TestDiscountOfThePlanAfter(t *testing.T) {
	db := warehousetest.Open(t)
	next := minutes("B", "0.12", fee("60.00", true))
	next.Discounts = []pricing.Discount{{ID: "p", Description: "Percent", Percent: price("10")}, {ID: "d", Description: "Off", Amount: price("5")}}
	b, who := changing(t, db, "UTC", "2026-11-01", minutes("A", "0.06"), next)
	wantLines(t, "October", &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document,
		"fees Fee, in advance: 1 month x 60/1 = 60 for 2026-11-01..2026-12-01", "adjustments Percent: 60 USD x -10/100 = -6")
}

// Usage before the period's first day, where the tenant's last period ended in
// another time zone, is the first plan's of the period, not that of a plan that
// only gives back.
func TestUsageBetweenTimeZonesAfterAChange(t *testing.T) {
	db := warehousetest.Open(t)
	insert(t, db, 1, call("between", "2026-11-01T01:00:00Z", "60"))
	b, who := changing(t, db, "America/New_York", "", minutes("A", "0.06", fee("30.00", true)), minutes("B", "0.12"))
	october := &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document
	who.Plan = "B"
	p := Month(date(t, "2026-11-01"), "America/New_York")
	p.Begin = instant(t, "2026-10-31T23:00:00Z")
	d, err := b.Draft(t.Context(), who, p, p.To, october.Closing, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "November", &d.Document, "calls Calls: 60 second x 0.12/60 = 0.12", "fees Fee, credit: -1 month x 30/1 = -30")
}

// An invoice that only gives back what was billed in advance.
func TestInvoiceThatGivesBack(t *testing.T) {
	db := warehousetest.Open(t)
	insert(t, db, 1, call("after", "2026-10-05T00:00:00Z", "600"))
	a := minutes("A", "0.06", fee("30.00", true))
	a.Minimum, a.Surcharges = price("100"), []pricing.Surcharge{{ID: "s", Description: "Subaccount", Amount: price("1"), Per: pricing.SurchargeSubaccount}}
	a.Discounts = []pricing.Discount{{ID: "d", Description: "Off", Amount: price("5")}}
	b, who := changing(t, db, "UTC", "", a, minutes("B", "0.12"))
	who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: number("10")}}
	who.Credits = []pricing.Credit{{ID: "own", Description: "Own", Amount: number("10")}}
	september := &invoiced(t, b, who, "2026-09-01", pricing.Carried{}).Document
	who.Until = date(t, "2026-10-01")
	october := &invoiced(t, b, who, "2026-10-01", september.Closing).Document
	wantLines(t, "October", october, "fees Fee, credit: -1 month x 30/1 = -30")
	if october.Total.String() != "-33" || october.Usage.Records != 0 || october.Next != nil || len(october.Accounts) != 0 {
		t.Errorf("October: total %s, %d records, next %v, accounts %v", october.Total, october.Usage.Records, october.Next, october.Accounts)
	}
	if len(october.Closing.Advance) != 0 || !cmp.Equal(october.Closing.Credits, []pricing.Taken{{Credit: "own", Amount: number("10")}}) {
		t.Errorf("October leaves %+v", october.Closing)
	}
	day := date(t, "2026-10-01")
	if want := []PlanRef{{Name: "A", Digest: a.Digest(nil), Days: Days{day, day}}}; !cmp.Equal(october.Plans, want) || october.Billed != (Days{day, day}) {
		t.Errorf("October: plans %v, billed %v", october.Plans, october.Billed)
	}
}

// Fees per number that a plan bills in advance from the next month on are for
// the numbers that the plan before it has on its last day.
func TestNumbersInAdvanceOfAChange(t *testing.T) {
	db := warehousetest.Open(t)
	numberFee := func(amount string) pricing.Charge {
		return pricing.Charge{ID: "numbers", Description: "Numbers", Match: pricing.Match{Kind: []pricing.Kind{pricing.Number}},
			Flat: &pricing.Flat{Amount: number(amount), Per: pricing.FlatNumber, InAdvance: true}}
	}
	var rows []metered
	for day := 1; day <= 31; day++ {
		at := fmt.Sprintf("2026-10-%02dT12:00:00Z", day)
		rows = append(rows, metered{account: sid(2), sid: fmt.Sprintf("PN1/%d", day), kind: "number", status: "held", at: at, quantity: "1"})
	}
	insert(t, db, 1, rows...)
	b, who := changing(t, db, "UTC", "2026-11-01", minutes("A", "0.06", numberFee("3.10")), minutes("B", "0.12", numberFee("6.00")))
	october := &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document
	wantLines(t, "October", october, "fees Numbers: 1 number x 3.1/1 = 3.1", "fees Numbers, in advance: 1 number x 6/1 = 6 for 2026-11-01..2026-12-01")
	// Within October A is left on the 16th and comes back in November.
	who.PlanChanges = []PlanChange{{From: date(t, "2026-10-16"), Plan: "B"}, {From: date(t, "2026-11-01"), Plan: "A"}}
	october = &invoiced(t, b, who, "2026-10-01", pricing.Carried{}).Document
	// 15 x 3.10 / 31 and 16 x 6 / 31 = 3.097.
	wantLines(t, "October", october, "fees Numbers: 15 day x 3.1/31 = 1.5", "fees Numbers, in advance: 1 number x 3.1/1 = 3.1 for 2026-11-01..2026-12-01",
		"fees Numbers: 16 day x 6/31 = 3.1")
}

// Set-up fees are for what is new to the tenant, not for what a change of plan,
// another assignment or the start of billing makes look new.
func TestSetUpFees(t *testing.T) {
	db := warehousetest.Open(t)
	held := func(account int, name, first, last string) (out []metered) {
		for d := date(t, first); !date(t, last).Before(d); d = d.AddDays(1) {
			out = append(out, metered{account: sid(account), sid: name + "/" + d.String(), kind: "number", status: "held",
				at: d.String() + "T12:00:00Z", quantity: "1", to: name})
		}
		return out
	}
	insert(t, db, 1, slices.Concat(
		held(2, "+491", "2026-08-31", "2026-11-30"), // from before billing began on
		held(2, "+492", "2026-10-20", "2026-11-30"),
		held(3, "+493", "2026-08-31", "2026-11-30"), // of a subaccount that comes on November 1st
	)...)
	once := func(id, per string) pricing.Charge {
		c := pricing.Charge{ID: id, Description: "Set up " + id, Flat: &pricing.Flat{Amount: number("1"), Per: per, Once: true}}
		if per == pricing.FlatNumber {
			c.Match.Kind = []pricing.Kind{pricing.Number}
		}
		return c
	}
	plan := func(name string) *pricing.Plan {
		days := pricing.Charge{ID: "days", Description: "Days", Match: pricing.Match{Kind: []pricing.Kind{pricing.Number}}, PerUnit: &pricing.PerUnit{UnitPrice: price("0")}}
		return minutes(name, "0.06", days, once("tenant", pricing.FlatPeriod), once("subaccount", pricing.FlatSubaccount), once("number", pricing.FlatNumber))
	}
	for _, tt := range []struct {
		name   string
		zone   string
		change func(*Tenant)
		by     month // set-up fees by month
	}{
		{"there before billing began", "UTC", func(*Tenant) {}, month{"10": {"1 number"}}},
		// In Auckland the 31st of August begins at noon UTC of the 30th, when no
		// number day is known yet.
		{"there before billing began, far in the east", "Pacific/Auckland", func(*Tenant) {}, month{"10": {"1 number"}}},
		{"a change of plan", "UTC", func(who *Tenant) { who.PlanChanges = []PlanChange{{From: date(t, "2026-10-25"), Plan: "B"}} }, month{"10": {"1 number"}}},
		{"a tenant begins", "UTC", func(who *Tenant) { who.From = date(t, "2026-10-01") },
			month{"10": {"1 once", "1 subaccount", "2 number"}}},
		{"a subaccount comes, with a number that another had", "UTC", func(who *Tenant) {
			who.Subaccounts = append(who.Subaccounts, Assignment{SID: sid(3), From: date(t, "2026-11-01")})
		}, month{"10": {"1 number"}, "11": {"1 subaccount", "1 number"}}},
		{"a subaccount that is assigned in two parts", "UTC", func(who *Tenant) {
			who.Subaccounts = []Assignment{{SID: sid(2), Until: date(t, "2026-10-01")}, {SID: sid(2), From: date(t, "2026-10-01"), Until: date(t, "2026-11-01")},
				{SID: sid(2), From: date(t, "2026-11-01")}}
		}, month{"10": {"1 number"}}},
		{"a subaccount that comes back", "UTC", func(who *Tenant) {
			who.Subaccounts = []Assignment{{SID: sid(2), Until: date(t, "2026-10-10")}, {SID: sid(2), From: date(t, "2026-11-10")}}
		}, month{"11": {"1 subaccount", "2 number"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, who := changing(t, db, tt.zone, "", plan("A"), plan("B"))
			tt.change(who)
			for _, m := range []string{"09", "10", "11"} {
				if from, to := b.Billed(who, Month(date(t, "2026-"+m+"-01"), who.TimeZone)); !from.Before(to) {
					continue
				}
				var got []string
				for _, l := range invoiced(t, b, who, "2026-"+m+"-01", pricing.Carried{}).Document.Lines {
					if l.Category == pricing.Fees {
						got = append(got, l.Quantity.String()+" "+string(l.Unit))
					}
				}
				if !slices.Equal(got, tt.by[m]) {
					t.Errorf("month %s: %q, want %q", m, got, tt.by[m])
				}
			}
		})
	}
}

// month is what is expected of some months, by their number.
type month map[string][]string

// Usage that two plans cannot price is one row each for what and why.
func TestUnratedByTwoPlans(t *testing.T) {
	db := warehousetest.Open(t)
	for i, day := range []string{"05", "20"} {
		insert(t, db, 1, metered{account: sid(2), sid: fmt.Sprint(i), kind: "sms", status: "sent", at: "2026-10-" + day + "T00:00:00Z", quantity: "1", cost: "0.5"})
	}
	b, who := changing(t, db, "UTC", "2026-10-16", minutes("A", "0.06"), minutes("B", "0.12"))
	want := []pricing.Unrated{{Kind: pricing.SMS, Reason: "no charge fits", Records: 2, Cost: number("1"), Currency: "USD"}}
	if d := invoiced(t, b, who, "2026-10-01", pricing.Carried{}); !cmp.Equal(d.Unrated, want) {
		t.Errorf("unrated %v", d.Unrated)
	}
}

func TestCarries(t *testing.T) {
	db := warehousetest.Open(t)
	b, who := changing(t, db, "UTC", "2026-11-01", minutes("A", "0.06"), minutes("B", "0.12", fee("1", true)))
	var got []string
	for _, m := range []string{"2026-09-01", "2026-10-01", "2026-11-01"} {
		got = append(got, fmt.Sprint(b.Carries(who, Month(date(t, m), "UTC"))))
	}
	// October's invoice bills November's fee.
	if s := strings.Join(got, " "); s != "false true true" {
		t.Error(s)
	}
	who.Credits = []pricing.Credit{{ID: "c", Description: "C", Amount: number("1")}}
	if !b.Carries(who, Month(date(t, "2026-09-01"), "UTC")) {
		t.Error("a tenant's credit is not carried")
	}
}

// Each part of a line that is printed or taxed counts.
func TestSameUsageComparesLines(t *testing.T) {
	one := func() *Document { return &Document{Lines: []pricing.Line{{Charge: "c", Description: "C"}}} }
	for _, field := range []string{"Charge", "Category", "Kind", "Description", "Item", "Unit", "TaxCode", "Records", "Per", "Quantity", "UnitPrice", "Amount", "From", "To", "Adjusts"} {
		other := one()
		switch v := reflect.ValueOf(&other.Lines[0]).Elem().FieldByName(field); v.Interface().(type) {
		case decimal.Decimal:
			v.Set(reflect.ValueOf(number("7")))
		case pricing.Date:
			v.Set(reflect.ValueOf(date(t, "2026-10-01")))
		case int64:
			v.SetInt(7)
		default:
			v.SetString("other")
		}
		if one().SameUsage(other) {
			t.Errorf("lines with another %s pass for the same", field)
		}
	}
	if n := reflect.TypeFor[pricing.Line]().NumField(); n != 15 || !one().SameUsage(one()) {
		t.Errorf("a line has %d fields, or is not the same as itself", n)
	}
}

package pricing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSurcharges(t *testing.T) {
	// Calls for 12.00 (20 minutes at 0.60), numbers for 6.00 (3 days at 1.00 and
	// 3 at 1.00 of another charge), a fee of 8.00, and a free message: 26.00.
	base := func() *Plan {
		return plan(
			Charge{ID: "calls", Description: "Calls", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60")}},
			Charge{ID: "sms", Description: "Messages", Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0")}},
			Charge{ID: "german", Description: "German", Match: Match{Kind: []Kind{Number}, ToPrefix: []string{"49"}}, PerUnit: &PerUnit{UnitPrice: decp("1")}},
			Charge{ID: "other", Description: "Other", Match: Match{Kind: []Kind{Number}}, Graduated: &Graduated{Tiered{Tiers: []Tier{{UnitPrice: dec("1")}}}}},
			Charge{ID: "fee", Description: "Fee", Flat: &Flat{Amount: dec("8")}},
		)
	}
	number := func(to string, day int) Record {
		return Record{Kind: Number, Status: "in-use", To: to, StartedAt: time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC), Quantity: dec("1")}
	}
	october := func(day int) Date { return Date{2026, 10, day} }
	tests := []struct {
		name      string
		surcharge Surcharge
		change    func(p *Plan, span *Span)
		want      []string // the lines after the first five
	}{
		{"percent of the invoice",
			Surcharge{Percent: decp("2.5")}, nil, // 0.65
			[]string{"Surcharge: 0 records, 26 USD x 2.5/100 = 0.65"}},
		{"percent of charges, limits and discounts of theirs included",
			// 12 up to 20, less 10 % of it and 10 % of the 34 that are left of 20, 6 and 8, of which 18 are of calls: 20 - 2 - 1.80 = 16.20; 12.5 % of it is 2.025.
			Surcharge{Percent: decp("12.5"), Charges: []string{"calls", "sms"}},
			func(p *Plan, _ *Span) {
				p.Charges[0].Minimum = decp("20")
				p.Discounts = []Discount{{ID: "a", Description: "A", Percent: decp("10"), Charges: []string{"calls"}}, {ID: "b", Description: "B", Percent: decp("10")}}
			},
			[]string{"Calls, up to the minimum of 20: 0 records, 1 month x 8/1 = 8.00", "A: 0 records, 20 USD x -10/100 = -2.00", "B: 0 records, 32 USD x -10/100 = -3.20",
				"Surcharge: 0 records, 16.2 USD x 12.5/100 = 2.03"}},
		{"percent of nothing", Surcharge{Percent: decp("10"), Charges: []string{"sms"}}, nil, nil},
		{"percent of what a refund leaves below zero",
			Surcharge{Percent: decp("10"), Charges: []string{"calls"}},
			func(p *Plan, _ *Span) { p.Charges[0].PerMinute.Rate = decp("-0.60") }, nil},
		{"for the tenant", Surcharge{Amount: decp("1.50")}, nil, []string{"Surcharge: 0 records, 1 month x 1.5/1 = 1.50"}},
		{"for the tenant, no day billed", Surcharge{Amount: decp("1.50"), Per: SurchargeTenant},
			func(_ *Plan, span *Span) { span.BilledTo = span.BilledFrom }, nil},
		{"per subaccount: each that is held on a billed day, once",
			Surcharge{Amount: decp("0.50"), Per: SurchargeSubaccount},
			func(_ *Plan, span *Span) {
				span.BilledFrom, span.BilledTo = october(2), october(31)
				span.Subaccounts = []Holding{
					{"AC1", october(1), october(32)},
					{"AC2", october(1), october(5)}, {"AC2", october(7), october(9)},
					{"AC3", october(1), october(2)}, // before
					{"AC4", october(31), october(32)},
					{"AC5", october(30), october(31)}, // the last billed day
					{"AC6", october(4), october(4)},   // no day
				}
			},
			[]string{"Surcharge: 0 records, 3 subaccount x 0.5/1 = 1.50"}},
		{"per number that was priced", Surcharge{Amount: decp("0.255"), Per: SurchargeNumber}, nil, // 0.765
			[]string{"Surcharge: 0 records, 3 number x 0.255/1 = 0.77"}},
		{"per number, of one charge", Surcharge{Amount: decp("0.255"), Per: SurchargeNumber, Charges: []string{"german"}}, nil,
			[]string{"Surcharge: 0 records, 2 number x 0.255/1 = 0.51"}},
		{"per line with an amount", Surcharge{Amount: decp("0.10"), Per: SurchargeLine}, nil, // all but the message
			[]string{"Surcharge: 0 records, 4 line x 0.1/1 = 0.40"}},
		{"per line, of charges", Surcharge{Amount: decp("0.10"), Per: SurchargeLine, Charges: []string{"sms", "calls"}}, nil,
			[]string{"Surcharge: 0 records, 1 line x 0.1/1 = 0.10"}},
		{"not on a surcharge before it", Surcharge{Percent: decp("10")},
			func(p *Plan, _ *Span) {
				p.Surcharges = []Surcharge{{ID: "first", Description: "First", Amount: decp("100")}}
			},
			[]string{"First: 0 records, 1 month x 100/1 = 100.00", "Surcharge: 0 records, 26 USD x 10/100 = 2.60"}},
		{"not yet", Surcharge{Amount: decp("1"), From: october(2)}, nil, nil},
		{"no longer", Surcharge{Amount: decp("1"), Until: october(1)}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, span := base(), inOctober
			span.Subaccounts = nil
			if tt.change != nil {
				tt.change(p, &span)
			}
			tt.surcharge.ID, tt.surcharge.Description, tt.surcharge.TaxCode = "s", "Surcharge", "fees"
			p.Surcharges = append(p.Surcharges, tt.surcharge)
			r := NewRater(p, Tables{}, span, Carried{})
			for _, rec := range []Record{
				call("+4930", 1200), sms(1), number("+491", 10), number("+491", 11), number("+492", 10),
				number("+11", 10), number("+11", 11), number("+11", 12),
			} {
				r.Rate(&rec)
			}
			lines := r.Lines()
			var after []Line
			for _, l := range lines {
				if l.Category == Adjustments || l.Category == Surcharges {
					after = append(after, l)
				}
				if l.Description == "Surcharge" && (l.TaxCode != "fees" || l.Category != Surcharges) {
					t.Errorf("tax code %q, category %q", l.TaxCode, l.Category)
				}
			}
			if diff := cmp.Diff(tt.want, showAll(after)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// A number that no charge has priced is not counted.
func TestSurchargeOnUnratedNumber(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("1")}})
	p.Surcharges = []Surcharge{{ID: "s", Description: "Surcharge", Amount: decp("1"), Per: SurchargeNumber}}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	rec := Record{Kind: Number, To: "+4930", StartedAt: noonOctober10, Quantity: dec("1")}
	r.Rate(&rec)
	if lines := r.Lines(); len(lines) > 0 {
		t.Errorf("lines: %q", showAll(lines))
	}
}

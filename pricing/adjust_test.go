package pricing

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestAdjustments(t *testing.T) {
	// Two charges: calls for 12.00 (20 minutes at 0.60), taxed as A, and a fee
	// of 8.00, taxed as B: 20.00 in all.
	base := func(change func(p *Plan)) *Plan {
		p := plan(
			Charge{ID: "calls", Description: "Calls", TaxCode: "A", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60")}},
			Charge{ID: "fee", Description: "Fee", TaxCode: "B", Flat: &Flat{Amount: dec("8")}},
		)
		change(p)
		return p
	}
	tests := []struct {
		name   string
		change func(p *Plan)
		want   []string // the lines after the first two
		net    string
	}{
		{"nothing", func(p *Plan) {}, nil, "20.00"},
		{"minimum of a charge: a line for the shortfall",
			func(p *Plan) { p.Charges[0].Minimum = decp("15") },
			[]string{"Calls, up to the minimum of 15: 0 records, 1 month x 3/1 = 3.00"}, "23.00"},
		{"a minimum that is reached",
			func(p *Plan) { p.Charges[0].Minimum = decp("12") }, nil, "20.00"},
		{"maximum of a charge",
			func(p *Plan) { p.Charges[0].Maximum = decp("10") },
			[]string{"Calls, down to the maximum of 10: 0 records, 1 month x -2/1 = -2.00"}, "18.00"},
		{"minimum of the invoice",
			func(p *Plan) { p.Minimum = decp("50") },
			[]string{"Up to the minimum of 50: 0 records, 1 month x 30/1 = 30.00"}, "50.00"},
		{"maximum of the invoice",
			func(p *Plan) { p.Maximum = decp("5") },
			[]string{"Down to the maximum of 5: 0 records, 1 month x -15/1 = -15.00"}, "5.00"},
		{"percent off a charge",
			// 10 % of 12.00.
			func(p *Plan) {
				p.Discounts = []Discount{{ID: "d", Description: "Loyalty", Percent: decp("10"), Charges: []string{"calls"}}}
			},
			[]string{"Loyalty: 0 records, 12 USD x -10/100 = -1.20"}, "18.80"},
		{"percent off the invoice is taken off each tax code",
			func(p *Plan) { p.Discounts = []Discount{{ID: "d", Description: "Loyalty", Percent: decp("10")}} },
			[]string{"Loyalty: 0 records, 12 USD x -10/100 = -1.20", "Loyalty: 0 records, 8 USD x -10/100 = -0.80"}, "18.00"},
		{"a fixed amount is shared over the tax codes to the cent",
			// 1.01 x 12/20 = 0.606, 1.01 x 8/20 = 0.404: 0.60 and 0.40, and the cent left goes to the larger rest, 0.006.
			func(p *Plan) { p.Discounts = []Discount{{ID: "d", Description: "Welcome", Amount: decp("1.01")}} },
			[]string{"Welcome: 0 records, 1 month x -0.61/1 = -0.61", "Welcome: 0 records, 1 month x -0.4/1 = -0.40"}, "18.99"},
		{"never below zero",
			func(p *Plan) { p.Discounts = []Discount{{ID: "d", Description: "Welcome", Amount: decp("100")}} },
			[]string{"Welcome: 0 records, 1 month x -12/1 = -12.00", "Welcome: 0 records, 1 month x -8/1 = -8.00"}, "0.00"},
		{"in the stated order, each on what is left",
			// 50 % of 12 = 6; then 10 % of 6 + 8.
			func(p *Plan) {
				p.Discounts = []Discount{
					{ID: "a", Description: "First", Percent: decp("50"), Charges: []string{"calls"}},
					{ID: "b", Description: "Second", Percent: decp("10")},
				}
			},
			[]string{"First: 0 records, 12 USD x -50/100 = -6.00", "Second: 0 records, 6 USD x -10/100 = -0.60", "Second: 0 records, 8 USD x -10/100 = -0.80"}, "12.60"},
		{"outside its dates",
			func(p *Plan) {
				p.Discounts = []Discount{{ID: "d", Description: "Old", Percent: decp("10"), Until: Date{2026, 10, 1}}, {ID: "e", Description: "New", Percent: decp("10"), From: Date{2026, 10, 2}}}
			}, nil, "20.00"},
		{"charge limits come before discounts, the invoice's after",
			// 12 up to 20; 50 % of 20 + 8 = 14; up to 25.
			func(p *Plan) {
				p.Charges[0].Minimum = decp("20")
				p.Discounts = []Discount{{ID: "d", Description: "Half", Percent: decp("50")}}
				p.Minimum = decp("25")
			},
			[]string{"Calls, up to the minimum of 20: 0 records, 1 month x 8/1 = 8.00",
				"Half: 0 records, 20 USD x -50/100 = -10.00", "Half: 0 records, 8 USD x -50/100 = -4.00",
				"Up to the minimum of 25: 0 records, 1 month x 11/1 = 11.00"}, "25.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := base(tt.change)
			if problems := p.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(p, nil, inOctober)
			rec := call("+4930", 1200)
			r.Rate(&rec)
			lines := r.Lines()
			if diff := cmp.Diff(tt.want, showAll(lines[2:])); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if net, _, _ := Total(lines, nil, "USD", HalfUp); net.StringFixed(2) != tt.net {
				t.Errorf("net %s, want %s", net.StringFixed(2), tt.net)
			}
		})
	}
}

func TestMinimumByTheDay(t *testing.T) {
	for prorate, want := range map[string]string{"": "15.00", ProrateDay: "15.00", ProrateNone: "31.00"} {
		p := plan(Charge{Flat: &Flat{Amount: dec("0")}})
		p.Minimum, p.MinimumProrate = decp("31"), prorate
		span := inOctober
		span.BilledTo = Date{2026, 10, 16} // 15 of 31 days
		if net, _, _ := Total(NewRater(p, nil, span).Lines(), nil, "USD", HalfUp); net.StringFixed(2) != want {
			t.Errorf("prorate %q: net %s, want %s", prorate, net.StringFixed(2), want)
		}
	}
}

func TestShareAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var groups []group
		var whole int64
		for range rapid.IntRange(1, 6).Draw(t, "groups") {
			n := rapid.Int64Range(1, 1e6).Draw(t, "base")
			whole += n
			groups = append(groups, group{base: decimal.New(n, -2)})
		}
		amount := decimal.New(rapid.Int64Range(0, whole).Draw(t, "amount"), -2)
		var sum decimal.Decimal
		for i, part := range share(amount, groups, 2) {
			sum = sum.Add(part)
			fair := amount.Mul(groups[i].base)
			if part.IsNegative() || part.Mul(decimal.New(whole, -2)).Sub(fair).Abs().GreaterThan(decimal.New(whole, -4)) {
				t.Fatalf("share %d of %s is %s, more than a cent from its part", i, amount, part)
			}
		}
		if !sum.Equal(amount) {
			t.Fatalf("the shares of %s add up to %s", amount, sum)
		}
	})
}

func TestCheckAdjustments(t *testing.T) {
	p := plan(Charge{Flat: &Flat{}, Limits: Limits{Minimum: decp("2"), Maximum: decp("1")}})
	p.Minimum, p.MinimumProrate = decp("-1"), "weekly"
	p.Discounts = []Discount{
		{ID: "a", Description: "A", Percent: decp("101")},
		{ID: "a", Description: "B", Percent: decp("1"), Amount: decp("1"), Charges: []string{"nothing"}},
		{Amount: decp("-1")},
	}
	var got []string
	for _, problem := range p.Check(nil) {
		got = append(got, problem.Path+": "+problem.Text)
	}
	want := []string{
		"charges[0].maximum: 1 is below the minimum of 2",
		"minimum: -1 is negative",
		`minimum_prorate: "weekly" is not known; use day or none`,
		"discounts[0].percent: 101 is not from 0 to 100",
		`discounts[1].id: discount id "a" is already used`,
		`discounts[1]: discount "a" needs either percent or amount`,
		`discounts[1].charges[0]: charge "nothing" is not in the plan`,
		"discounts[2]: a discount needs an id and a description",
		"discounts[2].amount: -1 is negative",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems:\n%q\nwant:\n%q", got, want)
	}
}

package pricing

import (
	"slices"
	"strings"
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
		{"above a minimum, by a factor",
			// 12 - 10 = 2, half as much again.
			func(p *Plan) { p.Charges[0].Minimum, p.Charges[0].OverageFactor = decp("10"), decp("1.5") },
			[]string{"Calls, above the minimum of 10: 0 records, 2 USD x 0.5/1 = 1.00"}, "21.00"},
		{"above a minimum, cheaper, rounded",
			// 2.49 x -0.25 = -0.6225.
			func(p *Plan) { p.Charges[0].Minimum, p.Charges[0].OverageFactor = decp("9.51"), decp("0.75") },
			[]string{"Calls, above the minimum of 9.51: 0 records, 2.49 USD x -0.25/1 = -0.62"}, "19.38"},
		{"nothing is above a minimum that is just reached",
			func(p *Plan) { p.Charges[0].Minimum, p.Charges[0].OverageFactor = decp("12"), decp("2") }, nil, "20.00"},
		{"below a minimum with a factor",
			func(p *Plan) { p.Charges[0].Minimum, p.Charges[0].OverageFactor = decp("15"), decp("2") },
			[]string{"Calls, up to the minimum of 15: 0 records, 1 month x 3/1 = 3.00"}, "23.00"},
		{"what the factor makes counts towards the maximum",
			// 12 + (12 - 4) x 0.5 = 16.
			func(p *Plan) {
				p.Charges[0].Limits = Limits{Minimum: decp("4"), OverageFactor: decp("1.5"), Maximum: decp("15")}
			},
			[]string{"Calls, above the minimum of 4: 0 records, 8 USD x 0.5/1 = 4.00", "Calls, down to the maximum of 15: 0 records, 1 month x -1/1 = -1.00"}, "23.00"},
		{"above the minimum of the invoice, after discounts",
			// 20 - 10 % = 18; 3 above 15, as much again.
			func(p *Plan) {
				p.Minimum, p.OverageFactor = decp("15"), decp("2")
				p.Charges[1].TaxCode = "A"
				p.Discounts = []Discount{{ID: "d", Description: "Loyalty", Percent: decp("10")}}
			},
			[]string{"Loyalty: 0 records, 20 USD x -10/100 = -2.00", "Above the minimum of 15: 0 records, 3 USD x 1/1 = 3.00"}, "21.00"},
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
		{"on a charge, after one on the whole invoice: on what is left of the charge",
			// 80 % of 12 and of 8; then 50 % of the 2.40 that is left of calls.
			func(p *Plan) {
				p.Discounts = []Discount{
					{ID: "a", Description: "First", Percent: decp("80")},
					{ID: "b", Description: "Second", Percent: decp("50"), Charges: []string{"calls"}},
				}
			},
			[]string{"First: 0 records, 12 USD x -80/100 = -9.60", "First: 0 records, 8 USD x -80/100 = -6.40", "Second: 0 records, 2.4 USD x -50/100 = -1.20"}, "2.80"},
		{"a fixed amount, after one on the whole invoice: no more than is left of the charge",
			func(p *Plan) {
				p.Discounts = []Discount{
					{ID: "a", Description: "First", Percent: decp("80")},
					{ID: "b", Description: "Second", Amount: decp("10"), Charges: []string{"calls"}},
				}
			},
			[]string{"First: 0 records, 12 USD x -80/100 = -9.60", "First: 0 records, 8 USD x -80/100 = -6.40", "Second: 0 records, 1 month x -2.4/1 = -2.40"}, "1.60"},
		{"within one tax code each charge bears its share",
			// 10 is 6 of calls and 4 of the fee; then all of the 4 that is left of the fee.
			func(p *Plan) {
				p.Charges[1].TaxCode = "A"
				p.Discounts = []Discount{
					{ID: "a", Description: "First", Amount: decp("10")},
					{ID: "b", Description: "Second", Percent: decp("100"), Charges: []string{"fee"}},
					{ID: "c", Description: "Third", Percent: decp("50")},
				}
			},
			[]string{"First: 0 records, 1 month x -10/1 = -10.00", "Second: 0 records, 4 USD x -100/100 = -4.00", "Third: 0 records, 6 USD x -50/100 = -3.00"}, "3.00"},
		{"nothing off where nothing is left",
			func(p *Plan) {
				p.Discounts = []Discount{
					{ID: "a", Description: "First", Percent: decp("100"), Charges: []string{"calls"}},
					{ID: "b", Description: "Second", Amount: decp("5"), Charges: []string{"calls"}},
				}
			},
			[]string{"First: 0 records, 12 USD x -100/100 = -12.00"}, "8.00"},
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
		{"surcharges come after the invoice's limits, credits last",
			// 20 - 10 % = 18, up to 30; 10 % of 30; 33 is less than the credit.
			func(p *Plan) {
				p.Charges[1].TaxCode = "A"
				p.Discounts = []Discount{{ID: "d", Description: "Loyalty", Percent: decp("10")}}
				p.Minimum = decp("30")
				p.Surcharges = []Surcharge{{ID: "s", Description: "Regulatory fee", Percent: decp("10"), TaxCode: "A"}}
				p.Credits = []Credit{{ID: "c", Description: "Credit", Amount: dec("100")}}
			},
			// A has 12 + 8 - 2 + 3 = 21 of it, the minimum, which has no tax code, 12.
			[]string{"Loyalty: 0 records, 20 USD x -10/100 = -2.00", "Up to the minimum of 30: 0 records, 1 month x 12/1 = 12.00",
				"Regulatory fee: 0 records, 30 USD x 10/100 = 3.00",
				"Credit: 0 records, 1 month x -21/1 = -21.00", "Credit: 0 records, 1 month x -12/1 = -12.00"}, "0.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := base(tt.change)
			if problems := p.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(p, Tables{}, inOctober, Carried{})
			rec := call("+4930", 1200)
			r.Rate(&rec)
			lines := r.Lines()
			if diff := cmp.Diff(tt.want, showAll(lines[2:])); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if net, _, _ := p.Total(lines, nil); net.StringFixed(2) != tt.net {
				t.Errorf("net %s, want %s", net.StringFixed(2), tt.net)
			}
		})
	}
}

func TestMinimumByTheDay(t *testing.T) {
	t.Run("what is above it", func(t *testing.T) {
		// The fee is 20 x 15/31 = 9.68, the minimum 10 x 15/31 = 4.84; the 4.84 above it cost as much again.
		p := plan(Charge{Flat: &Flat{Amount: dec("20")}})
		p.Minimum, p.OverageFactor = decp("10"), decp("2")
		span := inOctober
		span.BilledTo = Date{2026, 10, 16}
		want := []string{"Usage: 0 records, 15 day x 20/31 = 9.68", "Above the minimum of 4.84: 0 records, 4.84 USD x 1/1 = 4.84"}
		if diff := cmp.Diff(want, showAll(NewRater(p, Tables{}, span, Carried{}).Lines())); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
	for prorate, want := range map[string]string{"": "15.00", ProrateDay: "15.00", ProrateNone: "31.00"} {
		p := plan(Charge{Flat: &Flat{Amount: dec("0")}})
		p.Minimum, p.MinimumProrate = decp("31"), prorate
		span := inOctober
		span.BilledTo = Date{2026, 10, 16} // 15 of 31 days
		if net, _, _ := p.Total(NewRater(p, Tables{}, span, Carried{}).Lines(), nil); net.StringFixed(2) != want {
			t.Errorf("prorate %q: net %s, want %s", prorate, net.StringFixed(2), want)
		}
	}
}

func TestChargeLimitsByDaysInForce(t *testing.T) {
	tests := []struct {
		name        string
		from, until Date
		billedTo    Date
		prorate     string
		want        string
	}{
		{"always", Date{}, Date{}, Date{2026, 11, 1}, "", "31.00"},
		{"until the period begins", Date{}, october, Date{2026, 11, 1}, "", "0.00"},
		{"until before the period, whole", Date{}, Date{2026, 9, 1}, Date{2026, 11, 1}, ProrateNone, "0.00"},
		{"from after the period", Date{2026, 11, 1}, Date{}, Date{2026, 11, 1}, "", "0.00"},
		{"the last 10 days", Date{2026, 10, 22}, Date{}, Date{2026, 11, 1}, "", "10.00"},
		{"the first 4 days", Date{}, Date{2026, 10, 5}, Date{2026, 11, 1}, ProrateDay, "4.00"},
		{"the last 10 days, whole", Date{2026, 10, 22}, Date{}, Date{2026, 11, 1}, ProrateNone, "31.00"},
		{"2 of the days are billed", Date{2026, 10, 22}, Date{}, Date{2026, 10, 24}, "", "2.00"},
		{"no day is billed", Date{}, Date{}, october, ProrateNone, "0.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(Charge{
				From: tt.from, Until: tt.until, Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60")},
				Limits: Limits{Minimum: decp("31"), MinimumProrate: tt.prorate},
			})
			span := inOctober
			span.BilledTo = tt.billedTo
			if net, _, _ := p.Total(NewRater(p, Tables{}, span, Carried{}).Lines(), nil); net.StringFixed(2) != tt.want {
				t.Errorf("net %s, want %s", net.StringFixed(2), tt.want)
			}
		})
	}
	t.Run("the whole invoice, no day billed", func(t *testing.T) {
		p := plan(Charge{Flat: &Flat{}})
		p.Minimum, p.MinimumProrate = decp("31"), ProrateNone
		span := inOctober
		span.BilledTo = span.BilledFrom
		if lines := NewRater(p, Tables{}, span, Carried{}).Lines(); len(lines) > 0 {
			t.Errorf("lines: %q", showAll(lines))
		}
	})
}

// Refunded costs can bring a charge below zero. The others are then left only
// as far as the invoice is.
func TestDiscountBesideRefund(t *testing.T) {
	p := plan(
		Charge{TaxCode: "A", Match: Match{Kind: []Kind{Call}}, CostPlus: &CostPlus{}},
		Charge{TaxCode: "B", Flat: &Flat{Amount: dec("8")}},
	)
	p.Discounts = []Discount{{ID: "d", Description: "Free", Percent: decp("100")}}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	rec := call("+4930", 60)
	rec.Cost = decimal.NewNullDecimal(dec("-5"))
	r.Rate(&rec)
	want := []string{"Free: 0 records, 3 USD x -100/100 = -3.00"}
	if diff := cmp.Diff(want, showAll(r.Lines()[2:])); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestAdjustmentsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"USD", "JPY", "BHD"}).Draw(t, "currency")
		places := MinorUnits(code)
		amount := func(name string) decimal.Decimal {
			return decimal.New(rapid.Int64Range(0, 20_000).Draw(t, name), -places)
		}
		limits := func() (l Limits) {
			if rapid.Bool().Draw(t, "has minimum") {
				least := amount("minimum")
				l.Minimum = &least
				l.MinimumProrate = rapid.SampledFrom([]string{"", ProrateNone}).Draw(t, "prorate")
				if rapid.Bool().Draw(t, "has overage factor") {
					factor := decimal.New(rapid.Int64Range(0, 300).Draw(t, "overage factor"), -2)
					l.OverageFactor = &factor
				}
			}
			if rapid.Bool().Draw(t, "has maximum") {
				most := amount("maximum")
				if l.Minimum != nil {
					most = most.Add(*l.Minimum)
				}
				l.Maximum = &most
			}
			return l
		}
		day := func(name string) Date { return october.AddDays(rapid.IntRange(-3, 34).Draw(t, name)) }

		p := plan()
		p.Currency = code
		p.Rounding = rapid.SampledFrom([]Rounding{HalfUp, HalfEven, Up, Down}).Draw(t, "rounding")
		p.Limits = limits()
		var ids []string
		for i := range rapid.IntRange(1, 4).Draw(t, "charges") {
			c := Charge{ID: string(rune('a' + i)), Description: "Fee", TaxCode: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "tax code"), Limits: limits()}
			c.Flat = &Flat{Amount: decimal.New(rapid.Int64Range(0, 100_000).Draw(t, "fee"), -places-1)}
			if rapid.Bool().Draw(t, "has dates") {
				c.From = day("from")
				c.Until = c.From.AddDays(rapid.IntRange(1, 20).Draw(t, "days"))
			}
			p.Charges, ids = append(p.Charges, c), append(ids, c.ID)
		}
		cost := decimal.New(rapid.Int64Range(-20_000, 20_000).Draw(t, "cost"), -places)
		p.Charges = append(p.Charges, Charge{ID: "cost", Description: "Cost", TaxCode: "A", Match: Match{Kind: []Kind{Call}}, CostPlus: &CostPlus{}})
		ids = append(ids, "cost")

		var steps []func() // each takes something off
		for i := range rapid.IntRange(1, 4).Draw(t, "discounts") {
			d := Discount{ID: "discount " + string(rune('a'+i)), Description: "Discount"}
			if rapid.Bool().Draw(t, "is percent") {
				percent := decimal.New(rapid.Int64Range(0, 1000).Draw(t, "percent"), -1)
				d.Percent = &percent
			} else {
				fixed := amount("amount")
				d.Amount = &fixed
			}
			if rapid.Bool().Draw(t, "is on charges") {
				d.Charges = rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, 2, rapid.ID).Draw(t, "on")
			}
			steps = append(steps, func() { p.Discounts = append(p.Discounts, d) })
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "credits") {
			c := Credit{ID: "credit " + string(rune('a'+i)), Description: "Credit", Amount: amount("credit").Add(decimal.New(1, -places))}
			steps = append(steps, func() { p.Credits = append(p.Credits, c) })
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "surcharges") {
			percent := decimal.New(rapid.Int64Range(0, 1000).Draw(t, "surcharge"), -1)
			p.Surcharges = append(p.Surcharges, Surcharge{
				ID: "surcharge " + string(rune('a'+i)), Description: "Surcharge", Percent: &percent, TaxCode: rapid.SampledFrom([]string{"A", "C"}).Draw(t, "tax code"),
				Charges: rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, 2, rapid.ID).Draw(t, "of"),
			})
		}
		span := inOctober
		span.BilledFrom = october.AddDays(rapid.IntRange(0, 15).Draw(t, "billed from"))
		span.BilledTo = span.BilledFrom.AddDays(rapid.IntRange(0, 16).Draw(t, "billed days"))

		net := func() decimal.Decimal {
			if problems := p.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(p, Tables{}, span, Carried{})
			rec := call("+4930", 60)
			rec.Cost, rec.Currency = decimal.NewNullDecimal(cost), code
			r.Rate(&rec)
			lines := r.Lines()
			var sum, credits decimal.Decimal
			for _, l := range lines {
				if l.Category == CreditsUsed {
					credits = credits.Sub(l.Amount)
				}
				if exact := Round(l.Exact(), places, p.Rounding); !l.Amount.Equal(exact) {
					t.Fatalf("%s: quantity x unit price / per is %s", show(l), exact)
				}
				sum = sum.Add(l.Amount)
			}
			for _, taken := range r.Carry().Credits {
				credits = credits.Sub(taken.Amount)
			}
			if !credits.IsZero() {
				t.Fatalf("%s of credits is used and not carried", credits)
			}
			net, _, _ := p.Total(lines, nil)
			if !net.Equal(sum) || decimals(net) > places {
				t.Fatalf("net %s of lines that add up to %s", net, sum)
			}
			return net
		}
		before := net()
		for i, step := range steps {
			step()
			after := net()
			if after.GreaterThan(before) {
				t.Fatalf("step %d raises the net from %s to %s", i, before, after)
			}
			// Only a refund can have brought it below zero.
			if after.IsNegative() && (!before.IsNegative() || !cost.IsNegative()) {
				t.Fatalf("step %d brings the net from %s to %s", i, before, after)
			}
			before = after
		}
	})
}

func TestShareAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bases []decimal.Decimal
		var whole int64
		for range rapid.IntRange(1, 6).Draw(t, "bases") {
			n := rapid.Int64Range(1, 1e6).Draw(t, "base")
			whole += n
			bases = append(bases, decimal.New(n, -2))
		}
		amount := decimal.New(rapid.Int64Range(0, whole).Draw(t, "amount"), -2)
		var sum decimal.Decimal
		for i, part := range share(amount, bases, 2) {
			sum = sum.Add(part)
			fair := amount.Mul(bases[i])
			if part.GreaterThan(bases[i]) {
				t.Fatalf("share %d of %s is %s, more than its base %s", i, amount, part, bases[i])
			}
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
	p.Minimum, p.MinimumProrate, p.OverageFactor = decp("-1"), "weekly", decp("-2")
	p.Charges = append(p.Charges, Charge{ID: "c2", Description: "B", Flat: &Flat{}, Limits: Limits{OverageFactor: decp("1.5")}})
	p.Discounts = []Discount{
		{ID: "a", Description: "A", Percent: decp("101")},
		{ID: "a", Description: "B", Percent: decp("1"), Amount: decp("1"), Charges: []string{"nothing"}},
		{Amount: decp("-1")},
		{ID: "d", Description: "D", Percent: decp("1"), From: october, Until: october},
	}
	p.Surcharges = []Surcharge{
		{ID: "sa", Description: "A", Percent: decp("-1"), Charges: []string{"c1", "nothing"}},
		{ID: "sa", Description: "B", Percent: decp("1"), Amount: decp("1")},
		{Amount: decp("-1"), Per: "call"},
		{ID: "sd", Description: "D", Percent: decp("1"), Per: SurchargeLine, From: october, Until: october},
		{ID: "e", Description: "E", Amount: decp("1"), Per: SurchargeSubaccount, Charges: []string{"c1"}},
		{ID: "f", Description: "F", Amount: decp("0.005"), Per: SurchargeNumber, Charges: []string{"c1"}},
	}
	p.Credits = []Credit{
		{ID: "ka", Description: "A", Amount: dec("0")},
		{ID: "ka", Description: "B", Amount: dec("1"), From: october, Until: october},
		{Amount: dec("1")},
	}
	var got []string
	for _, problem := range p.Check(nil) {
		got = append(got, problem.Path+": "+problem.Text)
	}
	want := []string{
		"charges[0].maximum: 1 is below the minimum of 2",
		"charges[1].overage_factor: is for what is above the minimum: give a minimum, or leave it out",
		"minimum: -1 is negative",
		"overage_factor: -2 is negative",
		`minimum_prorate: "weekly" is not known; use day or none`,
		"discounts[0].percent: 101 is not from 0 to 100",
		`discounts[1].id: discount id "a" is already used`,
		`discounts[1]: discount "a" needs either percent or amount`,
		`discounts[1].charges[0]: charge "nothing" is not in the plan`,
		"discounts[2]: every discount needs an id and a description",
		"discounts[2].amount: -1 is negative",
		"discounts[3].until: until 2026-10-01 is not after from 2026-10-01",
		"surcharges[0].percent: -1 is negative",
		`surcharges[0].charges[1]: charge "nothing" is not in the plan`,
		`surcharges[1].id: surcharge id "sa" is already used`,
		`surcharges[1]: surcharge "sa" needs either percent or amount`,
		"surcharges[2]: every surcharge needs an id and a description",
		"surcharges[2].amount: -1 is negative",
		`surcharges[2].per: "call" is not known; use tenant, subaccount, number or line`,
		"surcharges[3].per: is for an amount: leave it out with a percent",
		"surcharges[3].until: until 2026-10-01 is not after from 2026-10-01",
		"surcharges[4].charges: an amount for the tenant or for each subaccount does not depend on charges: leave them out",
		"credits[0].amount: 0 is not above zero",
		`credits[1].id: credit id "ka" is already used`,
		"credits[1].until: until 2026-10-01 is not after from 2026-10-01",
		"credits[2]: every credit needs an id and a description",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems:\n%q\nwant:\n%q", got, want)
	}
}

func TestCheckMinorUnits(t *testing.T) {
	for code, want := range map[string][]string{
		"JPY": {
			"credits[0].amount: 0.5 has more decimals than JPY, which has 0",
			"charges[0].minimum: 1.5 has more decimals than JPY, which has 0",
			"charges[0].maximum: 2.25 has more decimals than JPY, which has 0",
			"minimum: 100.005 has more decimals than JPY, which has 0",
			"discounts[0].amount: 0.0001 has more decimals than JPY, which has 0",
		},
		"USD": {
			"minimum: 100.005 has more decimals than USD, which has 2",
			"discounts[0].amount: 0.0001 has more decimals than USD, which has 2",
		},
		"BHD": {"discounts[0].amount: 0.0001 has more decimals than BHD, which has 3"},
		"???": {`currency: "???" is not an ISO 4217 currency code such as USD`},
	} {
		p := plan(Charge{Flat: &Flat{Amount: dec("0.00001")}, Limits: Limits{Minimum: decp("1.50"), Maximum: decp("2.25")}})
		p.Currency = code
		p.Minimum, p.Maximum = decp("100.005"), decp("200.000")
		p.Discounts = []Discount{{ID: "a", Description: "A", Amount: decp("0.0001")}}
		p.Credits = []Credit{{ID: "k", Description: "A", Amount: dec("0.5")}}
		var got []string
		for _, problem := range p.Check(nil) {
			got = append(got, problem.Path+": "+problem.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
	}
}

// A percentage is of the charges that it lists, whatever others come to; only
// what is taken off ends with what is left of the invoice.
func TestDiscountOnChargesBesideRefunds(t *testing.T) {
	for _, tt := range []struct {
		amounts map[string]string // of charges; b and c have a tax code of their own
		d       Discount
		want    []string
	}{
		// 10 % of 100, though the invoice is at 50.
		{map[string]string{"a": "100", "b": "-50"}, Discount{Percent: decp("10"), Charges: []string{"a"}},
			[]string{"D: 0 records, 100 USD x -10/100 = -10.00"}},
		// 10 % of 100 - 50: a refund that is listed counts.
		{map[string]string{"a": "100", "b": "-50", "c": "100"}, Discount{Percent: decp("10"), Charges: []string{"a", "b"}},
			[]string{"D: 0 records, 50 USD x -10/100 = -5.00"}},
		// 10 % of 40 and of 100, though 50 are refunded besides.
		{map[string]string{"a": "40", "b": "-50", "c": "100"}, Discount{Percent: decp("10"), Charges: []string{"a", "c"}},
			[]string{"D: 0 records, 40 USD x -10/100 = -4.00", "D: 0 records, 100 USD x -10/100 = -10.00"}},
		// 80 off 100 would leave the invoice at -30.
		{map[string]string{"a": "100", "b": "-50"}, Discount{Amount: decp("80"), Charges: []string{"a"}},
			[]string{"D: 0 records, 1 month x -50/1 = -50.00"}},
		// 100 % of nothing and less.
		{map[string]string{"a": "40", "b": "-50"}, Discount{Percent: decp("100")}, nil},
	} {
		var lines []Line
		for _, id := range []string{"a", "b", "c"} {
			if amount := tt.amounts[id]; amount != "" {
				lines = append(lines, Line{Charge: id, TaxCode: strings.Trim(id, "a"), Amount: dec(amount)})
			}
		}
		balances := balancesOf(lines, func(l *Line) balance { return balance{charge: l.Charge, taxCode: l.TaxCode} })
		tt.d.ID, tt.d.Description = "d", "D"
		if diff := cmp.Diff(tt.want, showAll(tt.d.lines(balances, "USD", HalfUp))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.amounts, diff)
		}
	}
}

// What a charge is below zero comes off what is left of its own tax code, so
// that each tax falls on what the discount leaves of its lines.
func TestDiscountOfACodeWithARefund(t *testing.T) {
	lines := []Line{
		{Charge: "a", Amount: dec("0.72")}, {Charge: "b", Amount: dec("-0.20")}, {Charge: "c", TaxCode: "telecom", Amount: dec("0.39")},
	}
	p := plan(Charge{Flat: &Flat{}})
	r := NewRater(p, Tables{}, inOctober, Carried{})
	r.Lines()
	balances := balancesOf(lines, func(l *Line) balance { return balance{charge: l.Charge, taxCode: l.TaxCode} })
	// 50 % of 0.72 - 0.20 = 0.52 and of 0.39: 0.26 and 0.195. Then a fixed 1.00 takes
	// what is left of each, 0.26 and 0.19.
	want := []string{
		"Half: 0 records, 0.52 USD x -50/100 = -0.26", "Half: 0 records, 0.39 USD x -50/100 = -0.20",
		"All: 0 records, 1 month x -0.26/1 = -0.26", "All: 0 records, 1 month x -0.19/1 = -0.19",
	}
	got := showAll(r.discount(Discount{ID: "h", Description: "Half", Percent: decp("50")}, balances))
	got = append(got, showAll(r.discount(Discount{ID: "x", Description: "All", Amount: decp("1")}, balances))...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("discounts (-want +got):\n%s", diff)
	}
}

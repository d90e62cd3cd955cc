package pricing_test

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// lines prices records of one period.
func (c *tenantCase) lines(p *periodCase, records []pricing.Record) []pricing.Line {
	r := pricing.NewRater(c.plan, pricing.Tables{Decks: c.decks, Rates: c.rates}, p.span, pricing.Carried{})
	for i := range records {
		r.Rate(&records[i])
	}
	return r.Lines()
}

func exactSum(lines []pricing.Line) *big.Rat {
	sum := new(big.Rat)
	for i := range lines {
		l := &lines[i]
		sum.Add(sum, quo(mul(rat(l.Quantity), rat(l.UnitPrice)), whole(l.Per)))
	}
	return sum
}

func amountSum(lines []pricing.Line) (sum decimal.Decimal) {
	for i := range lines {
		sum = sum.Add(lines[i].Amount)
	}
	return sum
}

// cases calls fn for n good cases.
func cases(t *testing.T, n int, on map[feature]bool, good func(*tenantCase) bool, fn func(seed uint64, c *tenantCase)) {
	if testing.Short() {
		n /= 10
	}
	for seed := uint64(1); n > 0 && !t.Failed(); seed++ {
		c := newCase(seed, on)
		if len(c.plan.Check(c.decks)) == 0 && len(c.periods) > 0 && good(c) {
			fn(seed, c)
			n--
		}
	}
}

// TestMoreUsageCostsNoLess holds for plans in which no price falls for all units
// at once, nothing is paid back and nothing is shared between charges.
func TestMoreUsageCostsNoLess(t *testing.T) {
	on := enabled(allowances, discounts, credits, overage, flatOnce)
	good := func(c *tenantCase) bool {
		return !slices.ContainsFunc(c.plan.Charges, func(c pricing.Charge) bool { return c.Volume != nil })
	}
	cases(t, 5_000, on, good, func(seed uint64, c *tenantCase) {
		p := &c.periods[0]
		for i := range p.records {
			p.records[i].Cost.Decimal = p.records[i].Cost.Decimal.Abs()
		}
		before := decimal.Decimal{}
		for n := 0; n <= len(p.records); n += 1 + n/3 {
			after := amountSum(c.lines(p, p.records[:n]))
			if n > 0 && after.LessThan(before) {
				t.Errorf("seed %d: %s with some records, %s with %d\n%s", seed, before, after, n, c)
				return
			}
			before = after
		}
	})
}

// linear reports whether each record of the charge costs the same whatever else
// is used.
func linear(c *pricing.Charge) bool {
	switch {
	case c.PerMinute != nil || c.CostPlus != nil:
		return true
	case c.PerUnit != nil:
		return c.PerUnit.Over == "" && c.PerUnit.Convert == nil && c.PerUnit.FreeUnits.IsZero()
	case c.Percentage != nil:
		return len(c.Percentage.Tiers) == 0 && c.Percentage.FreeAmount.IsZero() && c.Percentage.FreeRecords == 0
	}
	return false
}

// TestLinearChargesAddUp prices a period at once and in two parts.
func TestLinearChargesAddUp(t *testing.T) {
	on := enabled(flatFees, tiers, meters, limits, discounts, surcharges, credits, allowances)
	good := func(c *tenantCase) bool {
		return len(c.periods[0].records) > 1 && !slices.ContainsFunc(c.plan.Charges, func(c pricing.Charge) bool { return !linear(&c) })
	}
	cases(t, 5_000, on, good, func(seed uint64, c *tenantCase) {
		p := &c.periods[0]
		for _, n := range []int{1, len(p.records) / 2} {
			parts := add(exactSum(c.lines(p, p.records[:n])), exactSum(c.lines(p, p.records[n:])))
			if all := exactSum(c.lines(p, p.records)); all.Cmp(parts) != 0 {
				t.Errorf("seed %d: %s at once, %s in two parts\n%s", seed, all.FloatString(12), parts.FloatString(12), c)
			}
		}
	})
}

// october is a plan of one charge, and the month of October in UTC.
func october(currency string, mode pricing.Rounding, charge pricing.Charge) *tenantCase {
	charge.ID, charge.Description = "c", "Charge"
	from := pricing.Date{Year: 2026, Month: 10, Day: 1}
	span := pricing.Span{From: from, To: from.NextMonth(), BilledFrom: from, BilledTo: from.NextMonth(), Location: time.UTC}
	return &tenantCase{plan: &pricing.Plan{Name: "p", Currency: currency, Rounding: mode, Charges: []pricing.Charge{charge}}, periods: []periodCase{{span: span}}}
}

func (c *tenantCase) counted(quantity decimal.Decimal) []pricing.Line {
	p := &c.periods[0]
	rec := pricing.Record{Account: "A1", SID: "1", Kind: pricing.Other, Category: "lookups", Status: "counted", StartedAt: p.span.From.Start(time.UTC), Quantity: quantity}
	return c.lines(p, []pricing.Record{rec})
}

// TestGraduatedIsContinuous is about the boundaries: the last unit of a tier is
// still at its price, and what comes after it at the next one's.
func TestGraduatedIsContinuous(t *testing.T) {
	epsilon := decimal.New(1, -6)
	good := func(c *tenantCase) bool { return true }
	n := 0
	cases(t, 3_000, enabled(), good, func(seed uint64, c *tenantCase) {
		for i := range c.plan.Charges {
			g := c.plan.Charges[i].Graduated
			if g == nil || g.Block > 1 {
				continue
			}
			g.Meter = pricing.Meter{}
			o := october("USD", "", pricing.Charge{Match: pricing.Match{Kind: []pricing.Kind{pricing.Other}}, Graduated: g})
			below, from := new(big.Rat), new(big.Rat)
			for k := range g.Tiers[:len(g.Tiers)-1] {
				tier, next := &g.Tiers[k], &g.Tiers[k+1]
				cost := mul(sub(rat(*tier.UpTo), from), rat(tier.UnitPrice))
				if tier.Cap != nil {
					cost = least(cost, rat(*tier.Cap))
				}
				below = add(below, add(cost, rat(tier.FlatFee)))
				from = rat(*tier.UpTo)
				at := exactSum(o.counted(*tier.UpTo))
				if at.Cmp(below) != 0 {
					t.Errorf("seed %d: %s units cost %s, not %s\n%s", seed, tier.UpTo, at.FloatString(9), below.FloatString(9), o)
				}
				step := mul(rat(epsilon), rat(next.UnitPrice))
				if next.Cap != nil {
					step = least(step, rat(*next.Cap))
				}
				step = add(step, rat(next.FlatFee))
				if more := sub(exactSum(o.counted(tier.UpTo.Add(epsilon))), at); more.Cmp(step) != 0 {
					t.Errorf("seed %d: %s more than %s units cost %s more, not %s\n%s", seed, epsilon, tier.UpTo, more.FloatString(12), step.FloatString(12), o)
				}
				n++
			}
		}
	})
	if n == 0 {
		t.Error("no boundary was tested")
	}
}

func TestHugeAndTiny(t *testing.T) {
	other := pricing.Match{Kind: []pricing.Kind{pricing.Other}}
	billion := decimal.New(1, -9)
	huge := decimal.New(1, 12)
	tests := []struct {
		name     string
		charge   pricing.Charge
		quantity decimal.Decimal
		want     string
	}{
		// 10^12 x 10^-9 = 1000
		{"per unit", pricing.Charge{Match: other, PerUnit: &pricing.PerUnit{UnitPrice: &billion}}, huge, "1000"},
		// (10^12 + 4.9 x 10^6) x 10^-9 = 1000.0049
		{"just no cent more", pricing.Charge{Match: other, PerUnit: &pricing.PerUnit{UnitPrice: &billion}}, huge.Add(decimal.New(49, 5)), "1000"},
		// (10^12 + 5 x 10^6) x 10^-9 = 1000.005
		{"just a cent more", pricing.Charge{Match: other, PerUnit: &pricing.PerUnit{UnitPrice: &billion}}, huge.Add(decimal.New(5, 6)), "1000.01"},
		// 10^12 / 3 is 333,333,333,333 and a started one: 333,333,333,334 x 10^-9 = 333.333333334
		{"package", pricing.Charge{Match: other, Package: &pricing.Package{Size: 3, Price: billion}}, huge, "333.33"},
		// the first at 1, the other 10^12 - 1 at 10^-9: 1 + 999.999999999 = 1000.999999999, in two lines of 1.00 and 1000.00
		{"graduated", pricing.Charge{Match: other, Graduated: &pricing.Graduated{Tiered: pricing.Tiered{Tiers: []pricing.Tier{
			{UpTo: ptr(decimal.New(1, 0)), UnitPrice: decimal.New(1, 0)}, {UnitPrice: billion},
		}}}}, huge, "1001"},
		// 10^12 x 10^9 = 10^21
		{"dear", pricing.Charge{Match: other, PerUnit: &pricing.PerUnit{UnitPrice: ptr(decimal.New(1, 9))}}, huge, "1000000000000000000000"},
		// 10^-9 x 10^-9
		{"nearly nothing", pricing.Charge{Match: other, PerUnit: &pricing.PerUnit{UnitPrice: &billion}}, billion, "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := october("USD", "", tt.charge)
			if problems := c.plan.Check(nil); len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := amountSum(c.counted(tt.quantity)); got.String() != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestTies rounds amounts that lie in the middle between two cents, as a fee, as
// a refund, as a discount and as a tax.
func TestTies(t *testing.T) {
	tests := []struct {
		mode    pricing.Rounding
		amounts [3]string // of 0.005, 3.685 and 13.965
	}{
		// 0.005 lies between 0.00 and 0.01, 3.685 between 3.68 and 3.69, 13.965 between 13.96 and 13.97
		{"", [3]string{"0.01", "3.69", "13.97"}},
		{pricing.HalfUp, [3]string{"0.01", "3.69", "13.97"}},
		{pricing.HalfEven, [3]string{"0", "3.68", "13.96"}},
		{pricing.Up, [3]string{"0.01", "3.69", "13.97"}},
		{pricing.Down, [3]string{"0", "3.68", "13.96"}},
	}
	for _, tt := range tests {
		for i, amount := range []string{"0.005", "3.685", "13.965"} {
			t.Run(string(tt.mode)+" "+amount, func(t *testing.T) {
				exact, want := decimal.RequireFromString(amount), decimal.RequireFromString(tt.amounts[i])
				fee := october("USD", tt.mode, pricing.Charge{Flat: &pricing.Flat{Amount: exact}})
				if got := amountSum(fee.lines(&fee.periods[0], nil)); !got.Equal(want) {
					t.Errorf("fee of %s: %s, want %s", exact, got, want)
				}

				// A refund is rounded as what it pays back.
				refund := october("USD", tt.mode, pricing.Charge{Match: pricing.Match{Kind: []pricing.Kind{pricing.SMS}}, CostPlus: &pricing.CostPlus{}})
				p := &refund.periods[0]
				rec := pricing.Record{Account: "A1", SID: "1", Kind: pricing.SMS, Status: "sent", Direction: "outbound-api", StartedAt: p.span.From.Start(time.UTC), Quantity: decimal.New(1, 0), Currency: "USD"}
				rec.Cost = decimal.NewNullDecimal(exact.Neg())
				if got := amountSum(refund.lines(p, []pricing.Record{rec})); !got.Equal(want.Neg()) {
					t.Errorf("refund of %s: %s, want %s", exact, got, want.Neg())
				}

				// A discount of 0.5 % of 1.00, 737.00 and 2793.00, and a tax of as much.
				bases := []string{"1", "737", "2793"}
				c := october("USD", tt.mode, pricing.Charge{Flat: &pricing.Flat{Amount: decimal.RequireFromString(bases[i])}})
				half := decimal.New(5, -1)
				c.plan.Discounts = []pricing.Discount{{ID: "d", Description: "Discount", Percent: &half}}
				lines := c.lines(&c.periods[0], nil)
				if got := amountSum(lines[1:]); !got.Equal(want.Neg()) {
					t.Errorf("discount of %s: %s, want %s", exact, got, want.Neg())
				}
				if _, taxes, _ := c.plan.Total(lines[:1], []pricing.TaxRate{{Name: "tax", Rate: half}}); !taxes[0].Amount.Equal(want) {
					t.Errorf("tax of %s: %s, want %s", exact, taxes[0].Amount, want)
				}
			})
		}
	}
}

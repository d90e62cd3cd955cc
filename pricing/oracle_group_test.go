package pricing_test

import (
	"slices"
	"testing"

	"subtally/pricing"
)

// TestGroupsAddUp prices records that are alike one by one and as a group.
func TestGroupsAddUp(t *testing.T) {
	good := func(*tenantCase) bool { return true }
	cases(t, 5_000, enabled(), good, func(seed uint64, c *tenantCase) {
		p := &c.periods[0]
		tables := pricing.Tables{Decks: c.decks, Rates: c.rates}
		one := pricing.NewRater(c.plan, tables, p.span, pricing.Carried{})
		group := pricing.NewRater(c.plan, tables, p.span, pricing.Carried{})
		for i := range p.records {
			n := int64(1 + i*i%7)
			if p.records[i].Kind == pricing.Number {
				n = 1 // a number is held once on a day
			}
			var each pricing.Result
			for range n {
				each = one.Rate(&p.records[i])
			}
			if all := group.RateGroup(&p.records[i], n); all.Outcome != each.Outcome || all.Charge != each.Charge || all.Reason != each.Reason {
				t.Errorf("seed %d, record %d: %v %q %q alone, %v %q %q in a group of %d\n%s", seed, i, each.Outcome, each.Charge, each.Reason, all.Outcome, all.Charge, all.Reason, n, c)
			}
		}
		same := func(a, b pricing.Line) bool {
			quantity, price, amount := a.Quantity.Equal(b.Quantity), a.UnitPrice.Equal(b.UnitPrice), a.Amount.Equal(b.Amount)
			a.Quantity, a.UnitPrice, a.Amount = b.Quantity, b.UnitPrice, b.Amount
			return quantity && price && amount && a == b
		}
		if a, b := one.Lines(), group.Lines(); !slices.EqualFunc(a, b, same) {
			t.Errorf("seed %d: one by one\n%+v\nin groups\n%+v\n%s", seed, a, b, c)
		}
		sameUnrated := func(a, b pricing.Unrated) bool {
			cost := a.Cost.Equal(b.Cost)
			a.Cost = b.Cost
			return cost && a == b
		}
		if a, b := one.Unrated(), group.Unrated(); !slices.EqualFunc(a, b, sameUnrated) {
			t.Errorf("seed %d: unrated one by one\n%+v\nin groups\n%+v\n%s", seed, a, b, c)
		}
	})
}

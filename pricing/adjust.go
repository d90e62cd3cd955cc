package pricing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Limits are the least and the most that something costs in a period.
type Limits struct {
	Minimum        *decimal.Decimal `yaml:"minimum" json:"minimum,omitempty"`                 // the shortfall is a line of its own
	MinimumProrate string           `yaml:"minimum_prorate" json:"minimum_prorate,omitempty"` // ProrateDay where empty
	Maximum        *decimal.Decimal `yaml:"maximum" json:"maximum,omitempty"`                 // what is above is taken off
}

func (l *Limits) check(at string) []Problem {
	var out problems
	if l.Minimum != nil {
		out.notNegative(at+".minimum", *l.Minimum)
	}
	if l.Maximum != nil {
		out.notNegative(at+".maximum", *l.Maximum)
	}
	if l.Minimum != nil && l.Maximum != nil && l.Maximum.LessThan(*l.Minimum) {
		out.add(at+".maximum", "%s is below the minimum of %s", l.Maximum, l.Minimum)
	}
	if p := l.MinimumProrate; p != "" && p != ProrateDay && p != ProrateNone {
		out.add(at+".minimum_prorate", "%q is not known; use %s or %s", p, ProrateDay, ProrateNone)
	}
	return out
}

// Discount takes a percentage or a fixed amount off. Discounts are taken in
// the order of the plan, each on what those before it have left, and never
// below zero.
type Discount struct {
	ID          string           `yaml:"id" json:"id"`
	Description string           `yaml:"description" json:"description"` // printed on the invoice
	Percent     *decimal.Decimal `yaml:"percent" json:"percent,omitempty"`
	Amount      *decimal.Decimal `yaml:"amount" json:"amount,omitempty"`
	Charges     []string         `yaml:"charges" json:"charges,omitempty"` // ids; the whole invoice where empty
	From        Date             `yaml:"from" json:"from"`                 // the period must begin on this day or later
	Until       Date             `yaml:"until" json:"until"`               // the period must begin before this day
}

// checkDiscounts lists what is wrong with the plan's discounts.
func (p *Plan) checkDiscounts() []Problem {
	var out problems
	seen := map[string]bool{}
	for i, d := range p.Discounts {
		at := fmt.Sprintf("discounts[%d]", i)
		if d.ID == "" || d.Description == "" {
			out.add(at, "a discount needs an id and a description")
		}
		if seen[d.ID] {
			out.add(at+".id", "discount id %q is already used", d.ID)
		}
		seen[d.ID] = true
		hundred := decimal.NewFromInt(100)
		switch {
		case (d.Percent == nil) == (d.Amount == nil):
			out.add(at, "discount %q needs either percent or amount", d.ID)
		case d.Percent != nil && (d.Percent.IsNegative() || d.Percent.GreaterThan(hundred)):
			out.add(at+".percent", "%s is not from 0 to 100", d.Percent)
		case d.Amount != nil:
			out.notNegative(at+".amount", *d.Amount)
		}
		if !d.From.IsZero() && !d.Until.IsZero() && !d.From.Before(d.Until) {
			out.add(at+".until", "until %s is not after from %s", d.Until, d.From)
		}
		for j, id := range d.Charges {
			if !slices.ContainsFunc(p.Charges, func(c Charge) bool { return c.ID == id }) {
				out.add(fmt.Sprintf("%s.charges[%d]", at, j), "charge %q is not in the plan", id)
			}
		}
	}
	return out
}

// adjust adds the lines that follow from other lines: first each charge's own
// limits, then the discounts in their order, then the limits of the whole
// invoice. All of them work on rounded amounts, which is what is printed.
func (r *Rater) adjust(lines []Line) []Line {
	for _, c := range r.charges {
		of := func(l *Line) bool { return l.Charge == c.ID }
		lines = r.limit(lines, &c.Limits, c.ID, c.Description, c.TaxCode, of)
	}
	for i := range r.plan.Discounts {
		if d := &r.plan.Discounts[i]; (&Charge{From: d.From, Until: d.Until}).inForce(r.span.From) {
			lines = append(lines, r.discount(d, lines)...)
		}
	}
	return r.limit(lines, &r.plan.Limits, "", "", "", func(*Line) bool { return true })
}

// limit adds the line that brings the sum of some lines within its limits.
func (r *Rater) limit(lines []Line, l *Limits, charge, description, taxCode string, of func(*Line) bool) []Line {
	sum := sumOf(lines, of)
	add := func(text string, amount decimal.Decimal) []Line {
		if description != "" {
			text = description + ", " + strings.ToLower(text[:1]) + text[1:]
		}
		return append(lines, Line{
			Charge: charge, Category: Adjustments, Description: text, TaxCode: taxCode,
			Quantity: decimal.NewFromInt(1), Unit: Month, UnitPrice: amount, Per: 1, Amount: amount,
		})
	}
	if l.Minimum != nil {
		least := *l.Minimum
		if l.MinimumProrate != ProrateNone {
			days, all := r.span.BilledFrom.DaysUntil(r.span.BilledTo), r.span.From.DaysUntil(r.span.To)
			least = least.Mul(decimal.NewFromInt(int64(days)))
			least = divide(least, int64(all), MinorUnits(r.plan.Currency), r.plan.Rounding)
		}
		if missing := least.Sub(sum); missing.Sign() > 0 {
			return add("Up to the minimum of "+least.String(), missing)
		}
	}
	if l.Maximum != nil {
		if above := sum.Sub(*l.Maximum); above.Sign() > 0 {
			return add("Down to the maximum of "+l.Maximum.String(), above.Neg())
		}
	}
	return lines
}

// group is what a discount takes its part of: a charge's lines or, where it is
// on the whole invoice, those of one tax code, so that each tax falls on what
// the discount leaves of its lines.
type group struct {
	charge, taxCode string
	base            decimal.Decimal
}

// discount is the lines of a discount on the lines so far.
func (r *Rater) discount(d *Discount, lines []Line) (out []Line) {
	places := MinorUnits(r.plan.Currency)
	var groups []group
	var whole decimal.Decimal
	for i := range lines {
		l := &lines[i]
		key := group{taxCode: l.TaxCode}
		if len(d.Charges) > 0 {
			if !slices.Contains(d.Charges, l.Charge) {
				continue
			}
			key.charge = l.Charge
		}
		at := slices.IndexFunc(groups, func(g group) bool { return g.charge == key.charge && g.taxCode == key.taxCode })
		if at < 0 {
			at, groups = len(groups), append(groups, key)
		}
		groups[at].base = groups[at].base.Add(l.Amount)
		whole = whole.Add(l.Amount)
	}
	// An earlier discount on the whole invoice may have left less than the
	// charges' own lines add up to.
	left := decimal.Min(whole, sumOf(lines, func(*Line) bool { return true }))
	if left.Sign() <= 0 {
		return nil
	}
	var off []decimal.Decimal
	if d.Amount != nil {
		off = share(decimal.Min(Round(*d.Amount, places, r.plan.Rounding), left), groups, places)
	}
	for i, g := range groups {
		line := Line{
			Charge: g.charge, Category: Adjustments, Description: d.Description, TaxCode: g.taxCode,
			Quantity: decimal.NewFromInt(1), Unit: Month, Per: 1,
		}
		if d.Percent != nil {
			line.Quantity, line.Unit, line.UnitPrice, line.Per = g.base, Unit(r.plan.Currency), d.Percent.Neg(), 100
			line.Amount = divide(g.base.Mul(line.UnitPrice), line.Per, places, r.plan.Rounding)
		} else {
			line.UnitPrice, line.Amount = off[i].Neg(), off[i].Neg()
		}
		if !line.Amount.IsZero() {
			out = append(out, line)
		}
	}
	return out
}

// share splits an amount over groups in proportion to their bases, in whole
// minor units: what rounding leaves goes to the largest remainders.
func share(amount decimal.Decimal, groups []group, places int32) []decimal.Decimal {
	var whole decimal.Decimal
	for _, g := range groups {
		whole = whole.Add(g.base)
	}
	out, rests, order := make([]decimal.Decimal, len(groups)), make([]decimal.Decimal, len(groups)), make([]int, len(groups))
	left := amount
	for i, g := range groups {
		out[i], rests[i] = amount.Mul(g.base).QuoRem(whole, places)
		left = left.Sub(out[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	unit := decimal.New(1, -places)
	for n := 0; left.Sign() > 0; n++ {
		i := order[n%len(order)]
		out[i] = out[i].Add(unit)
		left = left.Sub(unit)
	}
	return out
}

func sumOf(lines []Line, of func(*Line) bool) (sum decimal.Decimal) {
	for i := range lines {
		if of(&lines[i]) {
			sum = sum.Add(lines[i].Amount)
		}
	}
	return sum
}

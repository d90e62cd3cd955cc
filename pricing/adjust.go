package pricing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

// Limits are the least and the most that something costs in a period. Those
// of a charge hold only in periods with a billed day on which it is in force.
type Limits struct {
	Minimum        *decimal.Decimal `yaml:"minimum" json:"minimum,omitempty"`                 // the shortfall is a line of its own
	MinimumProrate string           `yaml:"minimum_prorate" json:"minimum_prorate,omitempty"` // ProrateDay where empty
	OverageFactor  *decimal.Decimal `yaml:"overage_factor" json:"overage_factor,omitempty"`   // what is above the minimum costs so many times as much
	Maximum        *decimal.Decimal `yaml:"maximum" json:"maximum,omitempty"`                 // what is above is taken off
}

func (l *Limits) check(at string) []Problem {
	var out problems
	out.within(at, l.Minimum, l.Maximum)
	if l.OverageFactor != nil {
		out.notNegative(at+".overage_factor", *l.OverageFactor)
		if l.Minimum == nil {
			out.add(at+".overage_factor", "is for what is above the minimum: give a minimum, or leave it out")
		}
	}
	out.prorated(at+".minimum_prorate", l.MinimumProrate)
	return out
}

// Discount takes a percentage or a fixed amount off. Discounts are taken in
// the order of the plan, each on what those before it have left of its charges,
// and never below zero.
type Discount struct {
	ID          string           `yaml:"id" json:"id"`
	Description string           `yaml:"description" json:"description"` // printed on the invoice
	Percent     *decimal.Decimal `yaml:"percent" json:"percent,omitempty"`
	Amount      *decimal.Decimal `yaml:"amount" json:"amount,omitempty"`
	Charges     []string         `yaml:"charges" json:"charges,omitempty"` // ids; the whole invoice where empty
	From        Date             `yaml:"from" json:"from"`                 // the period must begin on this day or later
	Until       Date             `yaml:"until" json:"until"`               // the period must begin before this day
}

// DiscountOf is the id of the discount that a line is of, which goes by the
// charge that it is taken off; empty for other lines.
func (p *Plan) DiscountOf(l *Line) string {
	for _, d := range p.Discounts {
		if l.Category == Adjustments && l.Description == d.Description && (l.Charge == d.ID || slices.Contains(d.Charges, l.Charge)) {
			return d.ID
		}
	}
	return ""
}

// checkAdjustments lists what is wrong with what follows from the lines of
// charges, the limits of the invoice aside. Lines go by ids, so what makes lines
// has one that nothing else has.
func (p *Plan) checkAdjustments() []Problem {
	seen := map[string]bool{}
	for i := range p.Charges {
		seen[p.Charges[i].ID] = true
	}
	return slices.Concat(p.checkDiscounts(seen), p.checkSurcharges(seen), p.checkCredits(p.Credits, seen), p.checkMinorUnits())
}

// checkDiscounts lists what is wrong with the plan's discounts.
func (p *Plan) checkDiscounts(seen map[string]bool) []Problem {
	var out problems
	for i, d := range p.Discounts {
		at := fmt.Sprintf("discounts[%d]", i)
		out.named(at, "discount", d.ID, d.Description, seen)
		hundred := decimal.NewFromInt(100)
		switch {
		case (d.Percent == nil) == (d.Amount == nil):
			out.add(at, "discount %q needs either percent or amount", d.ID)
		case d.Percent != nil && (d.Percent.IsNegative() || d.Percent.GreaterThan(hundred)):
			out.add(at+".percent", "%s is not from 0 to 100", d.Percent)
		case d.Amount != nil:
			out.notNegative(at+".amount", *d.Amount)
		}
		out.inOrder(at, d.From, d.Until)
		out.inPlan(at, d.Charges, p)
	}
	return out
}

// named checks the id and description of what stands at a path; seen are the ids before it.
func (p *problems) named(at, what, id, description string, seen map[string]bool) {
	if strings.TrimSpace(id) == "" || description == "" {
		p.add(at, "every %s needs an id and a description", what)
	}
	if id != "" && seen[id] {
		p.add(at+".id", "%s id %q is already used", what, id)
	}
	seen[id] = true
}

func (p *problems) inOrder(at string, from, until Date) {
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		p.add(at+".until", "until %s is not after from %s", until, from)
	}
}

// inPlan checks that charges which are named are there.
func (p *problems) inPlan(at string, charges []string, plan *Plan) {
	for i, id := range charges {
		if slices.Contains(charges[:i], id) {
			p.add(fmt.Sprintf("%s.charges[%d]", at, i), "charge %q stands twice", id)
		}
		if !slices.ContainsFunc(plan.Charges, func(c Charge) bool { return c.ID == id }) {
			p.add(fmt.Sprintf("%s.charges[%d]", at, i), "charge %q is not in the plan", id)
		}
	}
}

// checkMinorUnits lists the limits and discounts with more decimals than
// the currency has. Their lines are not rounded again, so the invoice would come to
// a fraction of a cent.
func (p *Plan) checkMinorUnits() []Problem {
	var out problems
	for i, c := range p.Charges {
		out.printable(fmt.Sprintf("charges[%d].minimum", i), c.Minimum, p.Currency)
		out.printable(fmt.Sprintf("charges[%d].maximum", i), c.Maximum, p.Currency)
	}
	out.printable("minimum", p.Minimum, p.Currency)
	out.printable("maximum", p.Maximum, p.Currency)
	for i, d := range p.Discounts {
		out.printable(fmt.Sprintf("discounts[%d].amount", i), d.Amount, p.Currency)
	}
	return out
}

// printable checks that an amount has no more decimals than its currency.
func (p *problems) printable(path string, amount *decimal.Decimal, code string) {
	if code == "" || !currency.IsValid(code) {
		return
	}
	if places := MinorUnits(code); amount != nil && decimals(*amount) > places {
		p.add(path, "%s has more decimals than %s, which has %d", amount, code, places)
	}
}

// adjust adds the lines that follow from other lines: first each charge's own
// limits, then the discounts in their order, then the limits of the whole
// invoice, the surcharges and the credits. All of them work on rounded amounts,
// which is what is printed.
func (r *Rater) adjust(lines []Line) []Line {
	for _, c := range r.charges {
		lines = r.limit(lines, c.Charge, func(l *Line) bool { return l.Charge == c.ID })
	}
	balances := balancesOf(lines, func(l *Line) balance { return balance{charge: l.Charge, taxCode: l.TaxCode} })
	for i := range r.plan.Discounts {
		if d := &r.plan.Discounts[i]; r.holds(d.From, d.Until) {
			lines = append(lines, r.discount(*d, balances)...)
		}
	}
	lines = r.limit(lines, &Charge{Limits: r.plan.Limits}, func(*Line) bool { return true })
	lines = append(lines, r.surcharges(lines, balances)...)
	return append(lines, r.credits(lines)...)
}

// holds reports whether what has these dates holds in the period: they are
// those of its first day.
func (r *Rater) holds(from, until Date) bool {
	return (&Charge{From: from, Until: until}).inForce(r.span.From)
}

// limit adds the lines that bring the sum of a charge's lines within its
// limits: up to the minimum, or the overage factor's line, and down to the
// maximum. The limits of the whole invoice come as those of a nameless charge.
func (r *Rater) limit(lines []Line, c *Charge, of func(*Line) bool) []Line {
	days, all := r.billedDays(c)
	if days == 0 {
		return lines
	}
	var sum decimal.Decimal
	for i := range lines {
		if of(&lines[i]) {
			sum = sum.Add(lines[i].Amount)
		}
	}
	places := MinorUnits(r.plan.Currency)
	prorated := ""
	add := func(text string, quantity decimal.Decimal, unit Unit, unitPrice decimal.Decimal) {
		if c.Description != "" {
			text = c.Description + ", " + strings.ToLower(text[:1]) + text[1:]
		}
		line := Line{
			Charge: c.ID, Category: Adjustments, Description: text, TaxCode: c.TaxCode,
			Quantity: quantity, Unit: unit, UnitPrice: unitPrice, Per: 1,
			Amount: Round(quantity.Mul(unitPrice), places, r.plan.Rounding),
		}
		if !line.Amount.IsZero() {
			r.explainFollowing(&line, "the lines so far come to %s%s", sum, prorated)
			lines = append(lines, line)
			sum = sum.Add(line.Amount)
		}
	}
	one := decimal.NewFromInt(1)
	if c.Minimum != nil {
		least := *c.Minimum
		if c.MinimumProrate != ProrateNone {
			least = least.Mul(decimal.NewFromInt(int64(days)))
			least = divide(least, int64(all), places, r.plan.Rounding)
			if days < all {
				prorated = fmt.Sprintf("; a minimum of %s for %d of %d days is %s", c.Minimum, days, all, least)
			}
		}
		if above := sum.Sub(least); above.IsNegative() {
			add("Up to the minimum of "+least.String(), one, Month, above.Neg())
		} else if c.OverageFactor != nil {
			add("Above the minimum of "+least.String(), above, Unit(r.plan.Currency), c.OverageFactor.Sub(one))
		}
	}
	if c.Maximum != nil {
		if above := sum.Sub(*c.Maximum); above.Sign() > 0 {
			add("Down to the maximum of "+c.Maximum.String(), one, Month, above.Neg())
		}
	}
	return lines
}

// balance is what is left of a charge's lines, or of all lines of a tax code.
type balance struct {
	charge, taxCode string
	left            decimal.Decimal
}

// balancesOf adds up the lines by the balance that each belongs to, in the
// order of the lines.
func balancesOf(lines []Line, of func(*Line) balance) (out []*balance) {
	for i := range lines {
		key := of(&lines[i])
		at := slices.IndexFunc(out, func(b *balance) bool { return b.charge == key.charge && b.taxCode == key.taxCode })
		if at < 0 {
			at, out = len(out), append(out, &key)
		}
		out[at].left = out[at].left.Add(lines[i].Amount)
	}
	return out
}

// group is what one line of a discount takes its part of: a charge or, where
// the discount is on the whole invoice, the charges of one tax code, so that
// each tax falls on what the discount leaves of its lines.
type group struct {
	charge, taxCode string
	base            decimal.Decimal
	of              []*balance
}

// discount is the lines of a discount of the plan. A fixed one has as much left
// as the raters that this one follows have not taken, and nothing where the plan
// is not in force on any day: it only bills in advance, or gives that back.
func (r *Rater) discount(d Discount, balances []*balance) []Line {
	days, _ := r.billedDays(&Charge{})
	switch {
	case d.Amount == nil:
		return d.lines(balances, r.plan.Currency, r.plan.Rounding)
	case days == 0:
		return nil
	}
	taken := r.after.discounted[d.ID]
	rest := decimal.Max(d.Amount.Sub(taken), decimal.Zero)
	d.Amount = &rest
	lines := d.lines(balances, r.plan.Currency, r.plan.Rounding)
	for _, l := range lines {
		taken = taken.Sub(l.Amount)
	}
	r.after.discounted[d.ID] = taken
	return lines
}

// lines are those of a discount on what is left of the charges, from which it
// takes them off.
func (d *Discount) lines(balances []*balance, currency string, rounding Rounding) (out []Line) {
	places := MinorUnits(currency)
	groups, whole, most := d.groups(balances)
	var off decimal.Decimal // rounded once, whatever it is shared over
	item := ""
	if d.Amount != nil {
		off = *d.Amount
	} else {
		off = divide(whole.Mul(*d.Percent), 100, places, rounding)
		item = fmt.Sprintf("share of %s %% of %s", d.Percent, whole)
	}
	bases := make([]decimal.Decimal, len(groups))
	for i, g := range groups {
		bases[i] = g.base
	}
	shares := share(decimal.Min(off, most), bases, places)
	for i, g := range groups {
		line := Line{
			Charge: cmp.Or(g.charge, d.ID), Category: Adjustments, Description: d.Description, TaxCode: g.taxCode,
			Quantity: decimal.NewFromInt(1), Unit: Month, UnitPrice: shares[i].Neg(), Per: 1, Amount: shares[i].Neg(), Item: item,
		}
		base := g.base
		if len(groups) == 1 {
			base = whole
		}
		if d.Percent != nil && divide(base.Mul(*d.Percent), 100, places, rounding).Equal(shares[i]) {
			line.Quantity, line.Unit, line.UnitPrice, line.Per, line.Item = base, Unit(currency), d.Percent.Neg(), 100, ""
		}
		if !line.Amount.IsZero() {
			g.take(line.Amount.Neg(), places)
			out = append(out, line)
		}
	}
	return out
}

// groups are the discount's groups that have something left, what is left of all
// its charges, and the most that it may take off: no more than that, nor than is
// left of the whole invoice, of which other charges may be below zero, as by
// refunded costs.
func (d *Discount) groups(balances []*balance) (out []group, whole, most decimal.Decimal) {
	var net decimal.Decimal
	for _, b := range balances {
		net = net.Add(b.left)
		key := group{taxCode: b.taxCode}
		if len(d.Charges) > 0 {
			if !slices.Contains(d.Charges, b.charge) {
				continue
			}
			key.charge = b.charge
		}
		at := slices.IndexFunc(out, func(g group) bool { return g.charge == key.charge && g.taxCode == key.taxCode })
		if at < 0 {
			at, out = len(out), append(out, key)
		}
		out[at].base = out[at].base.Add(b.left)
		out[at].of = append(out[at].of, b)
		whole = whole.Add(b.left)
	}
	whole = decimal.Max(whole, decimal.Zero)
	most = decimal.Max(decimal.Min(whole, net), decimal.Zero)
	return slices.DeleteFunc(out, func(g group) bool { return g.base.Sign() <= 0 }), whole, most
}

// take shares what a discount takes off over the group's charges.
func (g *group) take(amount decimal.Decimal, places int32) {
	rest := g.base
	lefts := make([]decimal.Decimal, len(g.of))
	for i, b := range g.of {
		lefts[i] = decimal.Max(decimal.Min(b.left, rest), decimal.Zero)
		rest = rest.Sub(lefts[i])
	}
	for i, part := range share(amount, lefts, places) {
		g.of[i].left = g.of[i].left.Sub(part)
	}
}

// share splits an amount in proportion to positive bases, in whole minor units:
// what rounding leaves goes to the largest remainders. Where amount and bases
// are whole minor units and the amount is no more than the bases together, no
// share is more than its base.
func share(amount decimal.Decimal, bases []decimal.Decimal, places int32) []decimal.Decimal {
	var whole decimal.Decimal
	for _, base := range bases {
		whole = whole.Add(base)
	}
	out, rests, order := make([]decimal.Decimal, len(bases)), make([]decimal.Decimal, len(bases)), make([]int, len(bases))
	left := amount
	for i, base := range bases {
		out[i], rests[i] = amount.Mul(base).QuoRem(whole, places)
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

package pricing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"
)

// Allowance is a quantity that each period includes, for all of the tenant's
// subaccounts together. It comes off the usage of its charges in their order,
// and within a charge off the dearest first. What several allowances include of
// one charge comes off in the order of the plan.
type Allowance struct {
	ID          string          `yaml:"id" json:"id"`
	Description string          `yaml:"description" json:"description"` // printed on the invoice, by what is included
	Quantity    decimal.Decimal `yaml:"quantity" json:"quantity"`
	Unit        Unit            `yaml:"unit" json:"unit"`                   // that the charges count; minutes and seconds go together
	Charges     []string        `yaml:"charges" json:"charges"`             // ids, the first served first
	Rollover    int             `yaml:"rollover" json:"rollover,omitempty"` // months after its own in which what is left may still be used
	Prorate     string          `yaml:"prorate" json:"prorate,omitempty"`   // ProrateDay where empty
}

// Unused is what is left of the allowance of one period. An allowance that
// changes its unit needs another id.
type Unused struct {
	Allowance string          `json:"allowance"` // its id
	Period    Date            `json:"period"`    // first day of the period that it was granted for
	Quantity  decimal.Decimal `json:"quantity"`  // in the allowance's unit
}

// maxRollover is three years.
const maxRollover = 36

// checkAllowances lists what is wrong with the plan's allowances.
func (p *Plan) checkAllowances() []Problem {
	var out problems
	known := []Unit{Minute}
	for _, k := range Kinds {
		known = append(known, k.Unit(), recordUnit(k))
	}
	slices.Sort(known)
	known = slices.Compact(known)
	seen := map[string]bool{}
	for i, a := range p.Allowances {
		at := fmt.Sprintf("allowances[%d]", i)
		out.named(at, "allowance", a.ID, a.Description, seen)
		if a.Quantity.Sign() <= 0 {
			out.add(at+".quantity", "%s is not above 0", a.Quantity)
		}
		if a.Rollover < 0 || a.Rollover > maxRollover {
			out.add(at+".rollover", "%d is not a number of months from 0 to %d", a.Rollover, maxRollover)
		}
		out.prorated(at+".prorate", a.Prorate)
		unitKnown := slices.Contains(known, a.Unit)
		if !unitKnown {
			out.add(at+".unit", "%q is not a unit of usage; use one of %v", a.Unit, known)
		}
		if len(a.Charges) == 0 {
			out.add(at+".charges", "name the charges whose usage the allowance includes")
		}
		out.inPlan(at, a.Charges, p)
		for j, id := range a.Charges {
			n := slices.IndexFunc(p.Charges, func(c Charge) bool { return c.ID == id })
			if n < 0 || !unitKnown || slices.Index(a.Charges, id) < j {
				continue
			}
			if reason := a.misfit(&p.Charges[n]); reason != "" {
				out.add(fmt.Sprintf("%s.charges[%d]", at, j), "%s", reason)
			}
		}
	}
	return out
}

// misfit says why the allowance cannot come off the charge's usage; empty where
// it can.
func (a *Allowance) misfit(c *Charge) string {
	m := &Meter{} // per_minute counts the kind's own unit
	switch {
	case c.PerMinute != nil:
	case c.PerUnit != nil:
		m = &c.PerUnit.Meter
	case c.Graduated != nil:
		m = &c.Graduated.Meter
	case c.Volume != nil:
		m = &c.Volume.Meter
	case c.Package != nil:
		m = &c.Package.Meter
	default:
		return fmt.Sprintf("charge %q is not priced by a quantity of usage: name charges of per_minute, per_unit, graduated, volume or package", c.ID)
	}
	switch {
	case c.RoundRecords != nil:
		return fmt.Sprintf("charge %q rounds the amount of each record, before it is known what is included: leave out its round_records", c.ID)
	case m.Convert != nil:
		return fmt.Sprintf("charge %q converts its sum to another unit: leave out its convert", c.ID)
	case c.PerUnit != nil && c.PerUnit.Per == PerMonth:
		return fmt.Sprintf("charge %q has a price per month: use a price per day", c.ID)
	}
	want, _ := smallest(a.Unit)
	for _, k := range c.Match.Kind {
		if unit, _ := smallest(m.unit(k)); unit != want {
			return fmt.Sprintf("charge %q counts %ss of %s: name charges that count %ss, or change the unit of the allowance", c.ID, unit, k, a.Unit)
		}
	}
	return ""
}

// smallest is the unit that allowances are reckoned in, and how many of it the
// unit has: minutes are reckoned in seconds.
func smallest(unit Unit) (Unit, int64) {
	if unit == Minute {
		return Second, 60
	}
	return unit, 1
}

// TwoPasses reports whether records must be priced twice before Itemize can
// say what each comes to: how much of a line is included is not known until
// all usage is. The second pass is by [Rater.Again].
func (p *Plan) TwoPasses() bool { return len(p.Allowances) > 0 }

// Again is a rater for a second pass over the same records. It knows from the
// start what the allowances include, so that its Itemize gives the first
// records of a line nothing to pay until that is used up, and the amounts of
// all records add up to what the lines exactly come to.
func (r *Rater) Again() *Rater {
	r.allow()
	again := NewRater(r.plan, r.tables, r.span, r.carried)
	for key, l := range r.lines {
		if l.by != "" {
			fresh := *l
			fresh.Quantity, fresh.Records, fresh.used, fresh.itemized = decimal.Zero, 0, false, decimal.Zero
			again.lines[key] = &fresh
		}
	}
	for i, c := range r.charges {
		for account, b := range c.buckets {
			if b.by != "" {
				again.charges[i].buckets[account] = &bucket{charge: again.charges[i], account: account, kind: b.kind, unit: b.unit, inclusion: b.inclusion}
			}
		}
	}
	return again
}

// inclusion is what of a line or a sum is free.
type inclusion struct {
	free decimal.Decimal // units that come off the quantity first
	by   string          // descriptions of the allowances that they are free by, each after a comma
}

// usage is the quantity of a line or a sum while allowances come off it.
type usage struct {
	quantity decimal.Decimal // in the smallest unit, as taken is
	taken    decimal.Decimal
	perUnit  int64 // how many smallest units the line's own unit has
	to       *inclusion
}

func newUsage(quantity decimal.Decimal, unit Unit, to *inclusion) *usage {
	_, n := smallest(unit)
	*to = inclusion{}
	return &usage{quantity: quantity.Mul(decimal.NewFromInt(n)), perUnit: n, to: to}
}

// allow decides what of the lines and sums the allowances make free, and what
// they leave to later periods. What is left of an allowance that the plan does
// not have is kept: another plan of the tenant may have it. It begins afresh each
// time.
func (r *Rater) allow() {
	if days, _ := r.billedDays(&Charge{}); days == 0 { // it is for another plan to use
		r.left.Unused, r.after.unused = r.carried.Unused, r.carried.Unused
		return
	}
	r.left.Unused, r.after.unused = nil, nil
	for _, u := range r.carried.Unused {
		if !slices.ContainsFunc(r.plan.Allowances, func(a Allowance) bool { return a.ID == u.Allowance }) && r.age(u) < maxRollover {
			r.left.Unused, r.after.unused = append(r.left.Unused, u), append(r.after.unused, u)
		}
	}
	used := map[string][]*usage{} // by charge
	for i := range r.plan.Allowances {
		a := &r.plan.Allowances[i]
		grants := r.grants(a)
		for _, id := range a.Charges {
			if _, known := used[id]; !known {
				used[id] = r.usage(id)
			}
			for _, u := range used[id] {
				u.take(a, grants)
			}
		}
		_, n := smallest(a.Unit)
		for _, g := range grants {
			if g.Quantity.Sign() <= 0 {
				continue
			}
			g.Quantity = quotient(g.Quantity, n)
			r.after.unused = append(r.after.unused, g)
			if r.age(g) < a.Rollover {
				r.left.Unused = append(r.left.Unused, g)
			}
		}
	}
}

// grants are what may be used of an allowance, the oldest first, in the
// smallest unit: what is left of earlier periods, then this one's.
func (r *Rater) grants(a *Allowance) (out []Unused) {
	_, n := smallest(a.Unit)
	perUnit := decimal.NewFromInt(n)
	for _, u := range r.carried.Unused {
		if u.Allowance == a.ID && r.age(u) <= a.Rollover {
			// Minutes may have been cut where their decimals never end; seconds are not.
			u.Quantity = Round(u.Quantity.Mul(perUnit), exactPlaces-2, HalfEven)
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, func(a, b Unused) int { return a.Period.utc().Compare(b.Period.utc()) })
	days, all := r.billedDays(&Charge{})
	own := a.Quantity.Mul(perUnit)
	if days < all && a.Prorate != ProrateNone {
		own = divide(own.Mul(decimal.NewFromInt(int64(days))), int64(all), 0, Up)
	}
	return append(out, Unused{Allowance: a.ID, Period: r.span.From, Quantity: own})
}

// age is how many months before this period it was granted.
func (r *Rater) age(u Unused) int {
	return (r.span.From.Year-u.Period.Year)*12 + int(r.span.From.Month-u.Period.Month)
}

// usage is what allowances come off for a charge: its sums by account, or its
// lines of usage, the dearest first.
func (r *Rater) usage(charge string) (out []*usage) {
	c := r.charges[slices.IndexFunc(r.charges, func(c *chargeState) bool { return c.ID == charge })]
	for _, account := range slices.Sorted(maps.Keys(c.buckets)) {
		b := c.buckets[account]
		out = append(out, newUsage(b.sum, b.unit, &b.inclusion))
	}
	var lines []*line
	for _, l := range r.lines {
		if l.key.charge == c.index && l.key.component == usagePart {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b *line) int {
		perA, perB := decimal.NewFromInt(a.Per), decimal.NewFromInt(b.Per)
		return cmp.Or(b.UnitPrice.Mul(perA).Cmp(a.UnitPrice.Mul(perB)), inDocument(a, b))
	})
	for _, l := range lines {
		out = append(out, newUsage(l.Quantity, l.Unit, &l.inclusion))
	}
	return out
}

// take takes as much of the grants off the usage as there is of both.
func (u *usage) take(a *Allowance, grants []Unused) {
	var granted decimal.Decimal
	for i := range grants {
		granted = granted.Add(grants[i].Quantity)
	}
	rest := decimal.Min(granted, u.quantity.Sub(u.taken))
	if u.perUnit > 1 { // whole minutes of a charge that counts them
		rest = rest.Sub(rest.Mod(decimal.NewFromInt(u.perUnit)))
	}
	rest = decimal.Max(rest, decimal.Zero)
	taken := rest
	for i := range grants {
		n := decimal.Min(grants[i].Quantity, rest)
		grants[i].Quantity, rest = grants[i].Quantity.Sub(n), rest.Sub(n)
	}
	if taken.Sign() > 0 {
		u.taken = u.taken.Add(taken)
		u.to.free = quotient(u.taken, u.perUnit)
		u.to.by += ", " + a.Description
	}
}

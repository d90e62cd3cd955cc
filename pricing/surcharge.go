package pricing

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// Surcharge is added on top of what charges came to, such as a regulatory fee
// of telecommunications: a percentage of it, or a fixed amount for each tenant,
// subaccount, number or line.
type Surcharge struct {
	ID          string           `yaml:"id" json:"id"`
	Description string           `yaml:"description" json:"description"` // printed on the invoice
	Percent     *decimal.Decimal `yaml:"percent" json:"percent,omitempty"`
	Amount      *decimal.Decimal `yaml:"amount" json:"amount,omitempty"`
	Per         string           `yaml:"per" json:"per,omitempty"`         // of Amount; SurchargeTenant where empty
	Charges     []string         `yaml:"charges" json:"charges,omitempty"` // ids; all where empty; of a percentage, and of an amount per number or line
	TaxCode     string           `yaml:"tax_code" json:"tax_code,omitempty"`
	From        Date             `yaml:"from" json:"from"`   // the period must begin on this day or later
	Until       Date             `yaml:"until" json:"until"` // the period must begin before this day
}

// What the amount of a surcharge is for.
const (
	SurchargeTenant     = "tenant"
	SurchargeSubaccount = "subaccount" // each that the tenant has in the period
	SurchargeNumber     = "number"     // each phone number that was billed in the period
	SurchargeLine       = "line"       // each line of the invoice with an amount
)

// checkSurcharges lists what is wrong with the plan's surcharges.
func (p *Plan) checkSurcharges(seen map[string]bool) []Problem {
	var out problems
	for i, s := range p.Surcharges {
		at := fmt.Sprintf("surcharges[%d]", i)
		out.named(at, "surcharge", s.ID, s.Description, seen)
		switch {
		case (s.Percent == nil) == (s.Amount == nil):
			out.add(at, "surcharge %q needs either percent or amount", s.ID)
		case s.Percent != nil:
			out.notNegative(at+".percent", *s.Percent)
			if s.Per != "" {
				out.add(at+".per", "is for an amount: leave it out with a percent")
			}
		default:
			out.notNegative(at+".amount", *s.Amount)
		}
		switch s.Per {
		case "", SurchargeTenant, SurchargeSubaccount:
			if s.Amount != nil && len(s.Charges) > 0 {
				out.add(at+".charges", "an amount for the tenant or for each subaccount does not depend on charges: leave them out")
			}
		case SurchargeNumber, SurchargeLine:
		default:
			out.add(at+".per", "%q is not known; use %s, %s, %s or %s", s.Per, SurchargeTenant, SurchargeSubaccount, SurchargeNumber, SurchargeLine)
		}
		out.inOrder(at, s.From, s.Until)
		out.inPlan(at, s.Charges, p)
	}
	return out
}

// on reports whether the surcharge follows from what belongs to a charge.
func (s *Surcharge) on(charge string) bool {
	return len(s.Charges) == 0 || slices.Contains(s.Charges, charge)
}

// held is a phone number that a charge has priced, or what a surcharge was
// counted for.
type held struct{ charge, number string }

// observe keeps what surcharges need to know of a record that a charge has
// priced.
func (r *Rater) observe(c *chargeState, rec *Record) {
	if rec.Kind == Number && slices.ContainsFunc(r.plan.Surcharges, func(s Surcharge) bool { return s.Per == SurchargeNumber }) {
		r.numbers[held{c.ID, rec.To}] = true
	}
}

// surcharges are the lines of the plan's surcharges on an invoice's lines.
// balances are what the discounts have left of each charge.
func (r *Rater) surcharges(lines []Line, balances []*balance) (out []Line) {
	for i := range r.plan.Surcharges {
		s := &r.plan.Surcharges[i]
		if !r.holds(s.From, s.Until) {
			continue
		}
		line := Line{Charge: s.ID, Category: Surcharges, Description: s.Description, TaxCode: s.TaxCode, Per: 1}
		if s.Percent != nil {
			line.Quantity, line.Unit, line.UnitPrice, line.Per = s.base(lines, balances), Unit(r.plan.Currency), *s.Percent, 100
		} else {
			line.Quantity, line.Unit = r.count(s, lines)
			line.UnitPrice = *s.Amount
		}
		line.Amount = divide(line.Quantity.Mul(line.UnitPrice), line.Per, MinorUnits(r.plan.Currency), r.plan.Rounding)
		if line.Amount.Sign() > 0 {
			r.explainFollowing(&line, "from %s %s of the period", line.Quantity, line.Unit)
			out = append(out, line)
		}
	}
	return out
}

// base is what a percentage is of: the whole invoice so far, or what is left of
// the surcharge's charges.
func (s *Surcharge) base(lines []Line, balances []*balance) (sum decimal.Decimal) {
	if len(s.Charges) == 0 {
		for i := range lines {
			sum = sum.Add(lines[i].Amount)
		}
		return sum
	}
	for _, b := range balances {
		if s.on(b.charge) {
			sum = sum.Add(b.left)
		}
	}
	return sum
}

// count is how many of what the surcharge's amount is for the period has, without
// those that the raters that this one follows have counted. Lines are each
// rater's own.
func (r *Rater) count(s *Surcharge, lines []Line) (decimal.Decimal, Unit) {
	distinct := map[string]bool{}
	switch s.Per {
	case SurchargeSubaccount:
		for _, h := range r.span.Subaccounts {
			if h.From.Before(h.To) && h.From.Before(r.span.BilledTo) && r.span.BilledFrom.Before(h.To) {
				distinct[h.SID] = true
			}
		}
		return r.uncounted(s, distinct), PerSubaccount
	case SurchargeNumber:
		for h := range r.numbers {
			if s.on(h.charge) {
				distinct[h.number] = true
			}
		}
		return r.uncounted(s, distinct), PerNumber
	case SurchargeLine:
		n := int64(0)
		for i := range lines {
			if s.on(lines[i].Charge) && lines[i].Category != Adjustments && !lines[i].Amount.IsZero() {
				n++
			}
		}
		return decimal.NewFromInt(n), PerLine
	}
	if r.span.BilledFrom.Before(r.span.BilledTo) {
		distinct[""] = true
	}
	return r.uncounted(s, distinct), Month
}

// uncounted is how many of the holders no rater has counted for the surcharge
// yet.
func (r *Rater) uncounted(s *Surcharge, holders map[string]bool) decimal.Decimal {
	n := int64(0)
	for h := range holders {
		if key := (held{s.ID, h}); !r.after.surcharged[key] {
			r.after.surcharged[key] = true
			n++
		}
	}
	return decimal.NewFromInt(n)
}

package pricing

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Advance is a fee that an invoice billed for days after its own period. The
// invoice of the period that it is for bills the difference to what is due
// then, so that in the end nothing else was paid than in arrears.
type Advance struct {
	Plan        string          `json:"plan"`
	Charge      string          `json:"charge"` // its id
	Description string          `json:"description"`
	TaxCode     string          `json:"tax_code,omitempty"`
	From        Date            `json:"from"` // the period that the fee is for
	To          Date            `json:"to"`
	Days        int64           `json:"days"`       // billed; of all subaccounts or numbers together where the fee is for each
	UnitPrice   decimal.Decimal `json:"unit_price"` // for all days of the period
}

// CreditAdvance gives a fee that was billed in advance back in full, where its
// plan or charge is gone, on the invoice of the period that begins on first. The
// amount is in the currency, ISO 4217, that the fee was billed in, rounded to its
// minor unit.
func CreditAdvance(a Advance, first Date, rounding Rounding, currency string) Line {
	quantity, unit, per := difference(-a.Days, int64(a.From.DaysUntil(a.To)))
	line := Line{
		Charge: a.Charge, Category: Fees, Description: a.Description + ", credit", TaxCode: a.TaxCode,
		Quantity: quantity, Unit: unit, UnitPrice: a.UnitPrice, Per: per,
		Amount: divide(quantity.Mul(a.UnitPrice), per, MinorUnits(currency), rounding),
	}
	if a.From != first {
		line.From, line.To = a.From, a.To
	}
	return line
}

// difference is what is printed of days billed or credited later: one whole
// fee, or days.
func difference(days, all int64) (quantity decimal.Decimal, unit Unit, per int64) {
	if days == all || days == -all {
		return decimal.NewFromInt(days / all), Month, 1
	}
	return decimal.NewFromInt(days), Day, all
}

// settledWith reports whether the advance comes off what is due for the charge:
// where both are for the same period, at the same price and tax.
func (r *Rater) settledWith(a *Advance, c *Charge) bool {
	return c.Flat != nil && !c.Flat.Once && a.Plan == r.plan.Name && a.Charge == c.ID &&
		a.From == r.span.From && a.To == r.span.To &&
		a.TaxCode == c.TaxCode && a.UnitPrice.Equal(c.Flat.Amount)
}

// creditLines give back the plan's advances that come off no charge: it is
// gone, or has another price.
func (r *Rater) creditLines() (out []Line) {
	for i := range r.carried.Advance {
		a := &r.carried.Advance[i]
		settled := false
		for _, c := range r.charges {
			settled = settled || r.settledWith(a, c.Charge)
		}
		if a.Plan == r.plan.Name && !settled {
			out = append(out, CreditAdvance(*a, r.span.From, r.plan.Rounding, r.plan.Currency))
		}
	}
	return out
}

// settle is the line of what is due for the period, less what was billed in
// advance; nil where nothing is left.
func (c *chargeState) settle(d due) *line {
	days := d.days - c.fee.advanced
	if days == 0 {
		return nil
	}
	if c.fee.advanced != 0 {
		l := c.feeLine(difference(days, d.all))
		if days < 0 {
			l.Description += ", credit"
		}
		return l
	}
	l := c.feeLine(d.quantity(c.Flat.unit()))
	if c.Flat.Per == FlatNumber && !c.Flat.InAdvance {
		l.Category, l.Kind, l.Records = Numbers, Number, c.fee.line.Records
	}
	return l
}

// advance is the line of what will be due for the next period, by what is known
// of it now; nil where nothing will. It is kept for the next invoice.
func (r *Rater) advance(c *chargeState, next *Span) *line {
	d := c.due(next, c.fee.next)
	if d.days == 0 {
		return nil
	}
	l := c.feeLine(d.quantity(c.Flat.unit()))
	l.key.part = 1 // after what is due for the period
	l.Description += ", in advance"
	l.From, l.To = next.billed(c.Charge)
	r.left.Advance = append(r.left.Advance, Advance{
		Plan: r.plan.Name, Charge: c.ID, Description: c.Description, TaxCode: c.TaxCode,
		From: next.From, To: next.To, Days: d.days, UnitPrice: c.Flat.Amount,
	})
	return l
}

// Running is what the invoice before a span billed in advance, as it is assumed
// where that invoice is not at hand: the fees of the plan that were in force on
// the day before, whole, for a tenant and subaccounts that were there then.
// Fees per number are taken not to have been billed.
func (p *Plan) Running(span Span) (out Carried) {
	eve := span.From.AddDays(-1)
	if !span.Began.IsZero() && eve.Before(span.Began) {
		return out
	}
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.Flat == nil || !c.Flat.InAdvance || c.Flat.Per == FlatNumber || !c.inForce(eve) {
			continue
		}
		holders := int64(1)
		if c.Flat.Per == FlatSubaccount {
			sids := map[string]bool{}
			for _, h := range span.Subaccounts {
				if !eve.Before(h.From) {
					sids[h.SID] = true
				}
			}
			holders = int64(len(sids))
		}
		if holders > 0 {
			out.Advance = append(out.Advance, Advance{
				Plan: p.Name, Charge: c.ID, Description: c.Description, TaxCode: c.TaxCode,
				From: span.From, To: span.To, Days: holders * span.days(), UnitPrice: c.Flat.Amount,
			})
		}
	}
	return out
}

// Carries reports whether an invoice by the plan leaves anything to the next:
// fees in advance, an allowance that rolls over, or credits.
func (p *Plan) Carries() bool {
	return len(p.Credits) > 0 ||
		slices.ContainsFunc(p.Allowances, func(a Allowance) bool { return a.Rollover > 0 }) ||
		slices.ContainsFunc(p.Charges, func(c Charge) bool { return c.Flat != nil && c.Flat.InAdvance })
}

// SetsUpNumbers reports whether a plan has a set-up fee for phone numbers, so
// that Span.NumbersBefore matters.
func (p *Plan) SetsUpNumbers() bool {
	return slices.ContainsFunc(p.Charges, func(c Charge) bool {
		return c.Flat != nil && c.Flat.Once && c.Flat.Per == FlatNumber
	})
}

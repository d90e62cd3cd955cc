package pricing

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// Credit is an amount that invoices are lowered by until it is used up. What
// one invoice does not use is carried to the next.
type Credit struct {
	ID          string          `yaml:"id" json:"id"`
	Description string          `yaml:"description" json:"description"` // printed on the invoice
	Amount      decimal.Decimal `yaml:"amount" json:"amount"`
	From        Date            `yaml:"from" json:"from"`   // the period must begin on this day or later
	Until       Date            `yaml:"until" json:"until"` // the period must begin before this day
}

// Taken is what invoices have used of a credit so far.
type Taken struct {
	Credit string          `json:"credit"` // its id
	Amount decimal.Decimal `json:"amount"`
}

// CheckCredits lists what is wrong with credits beside those of the plan, such
// as a tenant's own. Paths begin with "credits".
func (p *Plan) CheckCredits(credits []Credit) []Problem {
	seen := map[string]bool{}
	for i := range p.Charges {
		seen[p.Charges[i].ID] = true
	}
	for i := range p.Discounts {
		seen[p.Discounts[i].ID] = true
	}
	for i := range p.Surcharges {
		seen[p.Surcharges[i].ID] = true
	}
	for i := range p.Credits {
		seen[p.Credits[i].ID] = true
	}
	return p.checkCredits(credits, seen)
}

// checkCredits lists what is wrong with credits in the plan's currency. seen
// are the ids that are taken.
func (p *Plan) checkCredits(credits []Credit, seen map[string]bool) []Problem {
	var out problems
	for i, c := range credits {
		at := fmt.Sprintf("credits[%d]", i)
		out.named(at, "credit", c.ID, c.Description, seen)
		if c.Amount.Sign() <= 0 {
			out.add(at+".amount", "%s is not above zero", c.Amount)
		}
		out.printable(at+".amount", &c.Amount, p.Currency)
		out.inOrder(at, c.From, c.Until)
	}
	return out
}

// credits are the lines of the plan's credits on an invoice's lines.
func (r *Rater) credits(lines []Line) (out []Line) {
	out, r.left.Credits = TakeCredits(lines, r.plan.Credits, r.carried.Credits, r.span.From, r.plan.Currency)
	return out
}

// TakeCredits are the lines of credits on an invoice's lines in a currency, ISO
// 4217, for the period that begins on first: each credit on what those before it
// have left, never below zero. used is what earlier invoices have used. What has
// been used with this one is left to the next, also of credits that are not
// there any more: they may come back.
func TakeCredits(lines []Line, credits []Credit, used []Taken, first Date, currency string) (out []Line, left []Taken) {
	balances := balancesOf(lines, func(l *Line) balance { return balance{taxCode: l.TaxCode} })
	left = slices.Clone(used)
	for i := range credits {
		c := &credits[i]
		if !(&Charge{From: c.From, Until: c.Until}).inForce(first) {
			continue
		}
		at := slices.IndexFunc(left, func(t Taken) bool { return t.Credit == c.ID })
		rest := c.Amount
		if at >= 0 {
			rest = rest.Sub(left[at].Amount)
		}
		if rest.Sign() <= 0 {
			continue
		}
		d := Discount{ID: c.ID, Description: c.Description, Amount: &rest}
		for _, line := range d.lines(balances, currency, HalfUp) { // whole minor units: nothing is rounded
			line.Category = CreditsUsed
			out = append(out, line)
			if at < 0 {
				at, left = len(left), append(left, Taken{Credit: c.ID})
			}
			left[at].Amount = left[at].Amount.Sub(line.Amount)
		}
	}
	return out, left
}

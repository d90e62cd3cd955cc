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

// checkCredits lists what is wrong with the plan's credits.
func (p *Plan) checkCredits() []Problem {
	var out problems
	seen := map[string]bool{}
	for i, c := range p.Credits {
		at := fmt.Sprintf("credits[%d]", i)
		out.named(at, "credit", c.ID, c.Description, seen)
		if c.Amount.Sign() <= 0 {
			out.add(at+".amount", "%s is not above zero", c.Amount)
		}
		out.inOrder(at, c.From, c.Until)
	}
	return out
}

// credits are the lines of the plan's credits on an invoice's lines, each on
// what those before it have left. What has been used of them is left to the
// next period, also of credits that the plan no longer has: they may come back.
func (r *Rater) credits(lines []Line) (out []Line) {
	balances := balancesOf(lines, func(l *Line) balance { return balance{taxCode: l.TaxCode} })
	used := slices.Clone(r.carried.Credits)
	for i := range r.plan.Credits {
		c := &r.plan.Credits[i]
		if !r.holds(c.From, c.Until) {
			continue
		}
		at := slices.IndexFunc(used, func(t Taken) bool { return t.Credit == c.ID })
		rest := c.Amount
		if at >= 0 {
			rest = rest.Sub(used[at].Amount)
		}
		if rest.Sign() <= 0 {
			continue
		}
		for _, line := range r.discount(&Discount{Description: c.Description, Amount: &rest}, balances) {
			line.Category = CreditsUsed
			out = append(out, line)
			if at < 0 {
				at, used = len(used), append(used, Taken{Credit: c.ID})
			}
			used[at].Amount = used[at].Amount.Sub(line.Amount)
		}
	}
	r.left.Credits = used
	return out
}

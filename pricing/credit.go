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
	for _, c := range p.Credits {
		seen[c.ID] = true
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
		for _, line := range r.discount(&Discount{ID: c.ID, Description: c.Description, Amount: &rest}, balances) {
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

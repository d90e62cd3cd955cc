package pricing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// ExplainTaxes tells step by step how each of the taxes that Total answers for
// the lines and rates came about, in the same order.
func (p *Plan) ExplainTaxes(lines []Line, rates []TaxRate) (out [][]Step) {
	_, taxes, _ := p.Total(lines, rates)
	rates = slices.DeleteFunc(slices.Clone(rates), func(rate TaxRate) bool { return rate.leftOut(lines) })
	for k := range taxes {
		out = append(out, p.explainTax(k, &taxes[k], lines, rates))
	}
	return out
}

// explainTax is how the k-th tax came about, which is of the k-th rate.
func (p *Plan) explainTax(k int, tax *Tax, lines []Line, rates []TaxRate) []Step {
	var out trail
	rate, places := &rates[k], MinorUnits(p.Currency)
	var gross decimal.Decimal
	var which []string
	var on []string // the tax codes of its lines
	for i := range lines {
		if rate.on(lines[i].TaxCode) {
			gross = gross.Add(lines[i].Amount)
			which, on = append(which, fmt.Sprint(i+1)), append(on, lines[i].TaxCode)
		}
	}
	text := strings.Join(which, ", ")
	switch len(which) {
	case 0:
		text = "none"
	case len(lines):
		text = "all"
	}
	out.add("lines", "%s, which come to %s", text, gross.StringFixed(places))

	base := tax.Base.StringFixed(places)
	alone := true // of the taxes that are contained in its lines
	for i := range rates {
		shared := slices.ContainsFunc(on, rates[i].on)
		before := rate.Compound && i < k
		switch inclusive := rates[i].Inclusive; {
		case !shared:
		case inclusive && !before:
			base += fmt.Sprintf(", without %s, which is contained", rates[i].Name)
		case !inclusive && before && !rate.Inclusive:
			base += fmt.Sprintf(", with %s, which comes before", rates[i].Name)
		}
		alone = alone && (!shared || !rates[i].Inclusive || i == k)
	}
	out.add("base", "%s", base)

	switch {
	case !rate.Inclusive:
		out.add("amount", "%s x %s / 100 = %s", tax.Base, rate.Rate, tax.Base.Mul(rate.Rate).Shift(-2))
	case alone:
		out.add("amount", "%s x %s / %s", gross, rate.Rate, rate.Rate.Add(decimal.NewFromInt(100)))
	default:
		out.add("amount", "%s %% of the base, before the base is rounded", rate.Rate)
	}
	where := "once for the invoice"
	if p.TaxRounding == TaxPerLine {
		where = "on each line, and added up"
	}
	out.add("rounded", "to %d decimals, %s, %s: %s", places, orHalfUp(p.Rounding), where, tax.Amount.StringFixed(places))
	if rate.Inclusive {
		out.add("total", "contained in the lines")
	} else {
		out.add("total", "on top of the lines")
	}
	return out
}

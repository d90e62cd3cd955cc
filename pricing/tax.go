package pricing

import (
	"slices"

	"github.com/shopspring/decimal"
)

// How taxes are rounded.
const (
	TaxPerInvoice = "invoice" // each tax once, on the sum of the lines it is on
	TaxPerLine    = "line"    // each tax on each line
)

// Untaxed is the tax code of what no tax is on, unless the tax lists it.
const Untaxed = "none"

// TaxRate is one tax that a tenant pays.
type TaxRate struct {
	Name      string          `yaml:"name" json:"name"`                               // as printed, such as "VAT"
	Rate      decimal.Decimal `yaml:"rate" json:"rate"`                               // percent: 19 means 19 %
	Codes     []string        `yaml:"codes,omitempty" json:"codes,omitempty"`         // tax codes of the charges it is on; all where empty
	Inclusive bool            `yaml:"inclusive,omitempty" json:"inclusive,omitempty"` // contained in the prices, not on top of them
	Compound  bool            `yaml:"compound,omitempty" json:"compound,omitempty"`   // also on the taxes before it
	Note      string          `yaml:"note,omitempty" json:"note,omitempty"`           // printed: the legal ground of an exemption or a reverse charge
}

// Total adds up an invoice: the net of its rounded lines, each tax on the
// rounded lines that it applies to, rounded once per tax, and the sum to pay.
// A tax for codes that no line has is left out.
func (p *Plan) Total(lines []Line, rates []TaxRate) (net decimal.Decimal, taxes []Tax, total decimal.Decimal) {
	for i := range lines {
		net = net.Add(lines[i].Amount)
	}
	total = net
	for _, rate := range rates {
		applies := func(l *Line) bool { return len(rate.Codes) == 0 || slices.Contains(rate.Codes, l.TaxCode) }
		if len(rate.Codes) > 0 && !slices.ContainsFunc(lines, func(l Line) bool { return applies(&l) }) {
			continue
		}
		tax := Tax{Name: rate.Name, Rate: rate.Rate, Note: rate.Note}
		for i := range lines {
			if applies(&lines[i]) {
				tax.Base = tax.Base.Add(lines[i].Amount)
			}
		}
		if rate.Compound {
			for _, before := range taxes {
				tax.Base = tax.Base.Add(before.Amount)
			}
		}
		tax.Amount = divide(tax.Base.Mul(rate.Rate), 100, MinorUnits(p.Currency), p.Rounding)
		taxes = append(taxes, tax)
		total = total.Add(tax.Amount)
	}
	return net, taxes, total
}

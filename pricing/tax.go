package pricing

import (
	"math/big"
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
	Codes     []string        `yaml:"codes,omitempty" json:"codes,omitempty"`         // tax codes of the charges it is on; all but Untaxed where empty
	Inclusive bool            `yaml:"inclusive,omitempty" json:"inclusive,omitempty"` // contained in the prices, not on top of them
	Compound  bool            `yaml:"compound,omitempty" json:"compound,omitempty"`   // also on the taxes before it; where inclusive, on the inclusive ones
	Note      string          `yaml:"note,omitempty" json:"note,omitempty"`           // printed: the legal ground of an exemption or a reverse charge
}

// on reports whether the tax is on lines of a tax code.
func (t *TaxRate) on(code string) bool {
	if len(t.Codes) == 0 {
		return code != Untaxed
	}
	return slices.Contains(t.Codes, code)
}

// leftOut reports whether an invoice of the lines does not have the tax: it is
// for codes that no line has.
func (t *TaxRate) leftOut(lines []Line) bool {
	return len(t.Codes) > 0 && !slices.ContainsFunc(lines, func(l Line) bool { return t.on(l.TaxCode) })
}

// Total adds up an invoice from its rounded lines: the net, which is without
// taxes, each tax, and the sum to pay, which is the net and all taxes.
// Inclusive taxes are taken out of the lines, the others come on top. A tax is
// rounded once, or once a line, as the plan's TaxRounding has it. A tax for
// codes that no line has is left out.
func (p *Plan) Total(lines []Line, rates []TaxRate) (net decimal.Decimal, taxes []Tax, total decimal.Decimal) {
	for i := range lines {
		total = total.Add(lines[i].Amount)
	}
	net = total
	t := taxing{rates, MinorUnits(p.Currency), p.Rounding}
	sums := p.taxables(lines)
	for k := range rates {
		rate := &rates[k]
		if rate.leftOut(lines) {
			continue
		}
		tax := Tax{Name: rate.Name, Rate: rate.Rate, Note: rate.Note, Inclusive: rate.Inclusive}
		for _, on := range sums {
			tax.Base = tax.Base.Add(t.base(k, on))
			tax.Amount = tax.Amount.Add(t.amount(k, on))
		}
		taxes = append(taxes, tax)
		if rate.Inclusive {
			net = net.Sub(tax.Amount)
		} else {
			total = total.Add(tax.Amount)
		}
	}
	return net, taxes, total
}

// taxable is an amount of one tax code.
type taxable struct {
	code   string
	amount decimal.Decimal
}

// taxables are the sums that each tax is rounded on: every line for itself, or
// one for the invoice, by tax code.
func (p *Plan) taxables(lines []Line) [][]taxable {
	var sums [][]taxable
	var whole []taxable
	for i := range lines {
		l := taxable{lines[i].TaxCode, lines[i].Amount}
		sums = append(sums, []taxable{l})
		at := slices.IndexFunc(whole, func(of taxable) bool { return of.code == l.code })
		if at < 0 {
			whole = append(whole, l)
		} else {
			whole[at].amount = whole[at].amount.Add(l.amount)
		}
	}
	if p.TaxRounding == TaxPerLine {
		return sums
	}
	return [][]taxable{whole}
}

// taxing works out the taxes of one invoice.
type taxing struct {
	rates  []TaxRate
	places int32
	mode   Rounding
}

// base is what the k-th tax is a percentage of: the amounts that it is on,
// without the taxes contained in them. A compound tax has the taxes before it
// in its base, those on top of the prices too unless it is contained itself.
// It is made of rounded amounts, so that what is printed adds up.
func (t *taxing) base(k int, amounts []taxable) (sum decimal.Decimal) {
	rate := &t.rates[k]
	var on []taxable
	for _, a := range amounts {
		if rate.on(a.code) {
			on = append(on, a)
			sum = sum.Add(a.amount)
		}
	}
	for i := range t.rates {
		before := rate.Compound && i < k
		switch inclusive := t.rates[i].Inclusive; {
		case inclusive && !before:
			sum = sum.Sub(t.amount(i, on))
		case !inclusive && before && !rate.Inclusive:
			sum = sum.Add(t.amount(i, on))
		}
	}
	return sum
}

// amount is the k-th tax on those of the amounts that it is on, rounded once.
func (t *taxing) amount(k int, amounts []taxable) decimal.Decimal {
	rate := &t.rates[k]
	if !rate.Inclusive {
		return divide(t.base(k, amounts).Mul(rate.Rate), 100, t.places, t.mode)
	}
	var exact big.Rat
	for _, a := range amounts {
		if rate.on(a.code) {
			exact.Add(&exact, new(big.Rat).Mul(a.amount.Rat(), t.contained(k, a.code)))
		}
	}
	return divideBy(decimal.NewFromBigInt(exact.Num(), 0), decimal.NewFromBigInt(exact.Denom(), 0), t.places, t.mode)
}

// contained is the k-th tax's part of a gross price of a tax code that it is
// on, exactly: 19/119 of a tax of 19 % alone.
func (t *taxing) contained(k int, code string) *big.Rat {
	gross, part := big.NewRat(1, 1), new(big.Rat) // for a net of 1
	for i := range t.rates {
		rate := &t.rates[i]
		if !rate.Inclusive || !rate.on(code) {
			continue
		}
		tax := new(big.Rat).Quo(rate.Rate.Rat(), big.NewRat(100, 1))
		if rate.Compound {
			tax.Mul(tax, gross)
		}
		gross.Add(gross, tax)
		if i == k {
			part = tax
		}
	}
	return part.Quo(part, gross)
}

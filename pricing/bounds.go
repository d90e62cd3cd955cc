package pricing

import "github.com/shopspring/decimal"

// within checks what something costs at least and at most.
func (p *problems) within(at string, minimum, maximum *decimal.Decimal) {
	if minimum != nil {
		p.notNegative(at+".minimum", *minimum)
	}
	if maximum != nil {
		p.notNegative(at+".maximum", *maximum)
	}
	if minimum != nil && maximum != nil && maximum.LessThan(*minimum) {
		p.add(at+".maximum", "%s is below the minimum of %s", maximum, minimum)
	}
}

// bounded answers the parts of one record, or the one part that stands for it
// where they add up to less than its minimum or more than its maximum.
func bounded(parts []Part, minimum, maximum *line) []Part {
	if minimum == nil && maximum == nil {
		return parts
	}
	sum, per := amountOf(parts)
	one := decimal.NewFromInt(1)
	switch {
	case minimum != nil && sum.LessThan(minimum.UnitPrice.Mul(per)):
		return []Part{{Quantity: one, line: minimum, instead: &[2]decimal.Decimal{sum, per}}}
	case maximum != nil && sum.GreaterThan(maximum.UnitPrice.Mul(per)):
		return []Part{{Quantity: one, line: maximum, instead: &[2]decimal.Decimal{sum, per}}}
	}
	return parts
}

// amountOf is the exact amount of parts of lines, as a fraction: sum / per.
func amountOf(parts []Part) (sum, per decimal.Decimal) {
	per = decimal.NewFromInt(1)
	for _, p := range parts {
		amount, own := p.Quantity.Mul(p.line.UnitPrice), decimal.NewFromInt(p.line.Per)
		if own.Equal(per) {
			sum = sum.Add(amount)
			continue
		}
		sum, per = sum.Mul(own).Add(amount.Mul(per)), per.Mul(own)
	}
	return sum, per
}

// boundLines are the lines of records at their minimum and maximum; nil for
// none.
func (r *Rater) boundLines(c *chargeState, kind Kind, item string, minimum, maximum *decimal.Decimal) (low, high *line) {
	if minimum != nil {
		low = r.line(c, minimumPart, kind, item, *minimum, recordUnit(kind), 1)
	}
	if maximum != nil {
		high = r.line(c, maximumPart, kind, item, *maximum, recordUnit(kind), 1)
	}
	return low, high
}

package pricing

import "github.com/shopspring/decimal"

// RecordRounding rounds the amount of each record before records are added up.
// It is for price lists that quote a call's price in cents; the default is to
// add up exactly.
type RecordRounding struct {
	Mode     Rounding `yaml:"mode" json:"mode,omitempty"` // half_up where empty
	Decimals int      `yaml:"decimals" json:"decimals"`   // 0 to 9
}

func (m *RecordRounding) check(c *Charge, at string) (out problems) {
	if !m.Mode.valid() {
		out.add(at+".mode", "%q is not a rounding mode; use half_up, half_even, up or down", m.Mode)
	}
	if m.Decimals < 0 || m.Decimals > 9 {
		out.add(at+".decimals", "%d is not a number of decimals from 0 to 9", m.Decimals)
	}
	summed := c.Flat != nil || c.Graduated != nil || c.Volume != nil || c.Package != nil ||
		c.PerUnit != nil && (c.PerUnit.pooled() || c.PerUnit.Per == PerMonth) ||
		c.Percentage != nil && (len(c.Percentage.Tiers) > 0 || c.Percentage.FreeAmount.Sign() > 0 || c.Percentage.FreeRecords > 0)
	if summed {
		out.add(at, "charge %q prices a sum, so no record has an amount of its own to round", c.ID)
	}
	return out
}

// roundRecord puts a record's exact amount, rounded, in the place of its parts.
func (r *Rater) roundRecord(c *chargeState, parts []Part) []Part {
	sum, per := amountOf(parts)
	amount := divideBy(sum, per, int32(c.RoundRecords.Decimals), c.RoundRecords.Mode)
	first := parts[0].line
	item := first.Item
	if c.PerMinute != nil && len(c.PerMinute.Slots) > 0 {
		item = "" // the amount is of all slots
	}
	rounded := r.line(c, roundedPart, first.Kind, item, decimal.NewFromInt(1), Unit(r.plan.Currency), 1)
	return append(parts[:0], Part{Quantity: amount, line: rounded})
}

package pricing

import (
	"math/big"

	"github.com/shopspring/decimal"
)

// Percentage prices a record by a share of what Twilio charges for it.
type Percentage struct {
	Rate        decimal.Decimal  `yaml:"rate" json:"rate"`                           // percent: 15 means 15 %
	Tiers       []ShareTier      `yaml:"tiers" json:"tiers,omitempty"`               // shares of the period's cost by how much it is; instead of Rate
	Fee         decimal.Decimal  `yaml:"fee" json:"fee"`                             // for each record besides
	FreeAmount  decimal.Decimal  `yaml:"free_amount" json:"free_amount"`             // comes off the period's cost first
	FreeRecords int64            `yaml:"free_records" json:"free_records,omitempty"` // pay no fee
	Minimum     *decimal.Decimal `yaml:"minimum" json:"minimum,omitempty"`           // of a record, fee included
	Maximum     *decimal.Decimal `yaml:"maximum" json:"maximum,omitempty"`           // of a record, fee included
	MissingCost *decimal.Decimal `yaml:"missing_cost" json:"missing_cost,omitempty"` // see CostPlus.MissingCost
}

// ShareTier is one step of a graduated percentage: the share of that part of
// the period's cost that falls into it.
type ShareTier struct {
	UpTo    *decimal.Decimal `yaml:"up_to" json:"up_to,omitempty"` // cost in the plan's currency; none in the last tier
	Rate    decimal.Decimal  `yaml:"rate" json:"rate"`             // percent
	FlatFee decimal.Decimal  `yaml:"flat_fee" json:"flat_fee"`     // once, when any cost falls into the tier
}

func (m *Percentage) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	var out problems
	out.notNegative(at+".rate", m.Rate)
	out.notNegative(at+".fee", m.Fee)
	out.notNegative(at+".free_amount", m.FreeAmount)
	if m.FreeRecords < 0 {
		out.add(at+".free_records", "%d is negative", m.FreeRecords)
	}
	out.perRecord(at, m.Minimum, m.Maximum)
	if m.MissingCost != nil {
		out.notNegative(at+".missing_cost", *m.MissingCost)
	}
	for i, k := range c.Match.Kind {
		if k == Number {
			out.add(kindAt(i), "twilio's number list has no cost: price numbers by per_unit")
		}
	}
	return out
}

// perRecord checks what a record costs at least and at most.
func (p *problems) perRecord(at string, minimum, maximum *decimal.Decimal) {
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
	sum := new(big.Rat)
	for _, part := range parts {
		x := part.Quantity.Mul(part.line.UnitPrice).Rat()
		sum.Add(sum, x.Quo(x, new(big.Rat).SetInt64(part.line.Per)))
	}
	one := decimal.NewFromInt(1)
	switch {
	case minimum != nil && sum.Cmp(minimum.UnitPrice.Rat()) < 0:
		return []Part{{Quantity: one, line: minimum}}
	case maximum != nil && sum.Cmp(maximum.UnitPrice.Rat()) > 0:
		return []Part{{Quantity: one, line: maximum}}
	}
	return parts
}

// boundLines are the lines of records at their minimum and maximum; nil for
// none.
func (r *Rater) boundLines(c *rater, kind Kind, item string, minimum, maximum *decimal.Decimal) (low, high *line) {
	if minimum != nil && !minimum.IsZero() {
		low = r.line(c, minimumPart, kind, item, *minimum, recordUnit(kind), 1)
	}
	if maximum != nil {
		high = r.line(c, maximumPart, kind, item, *maximum, recordUnit(kind), 1)
	}
	return low, high
}

// knownCost is what a record costs in the plan's currency, or why that is not
// known.
func (r *Rater) knownCost(rec *Record, missing *decimal.Decimal) (cost decimal.Decimal, reason string) {
	switch {
	case !rec.Cost.Valid && missing == nil:
		return cost, "twilio has not said the cost yet"
	case !rec.Cost.Valid:
		return *missing, ""
	case rec.Currency != r.plan.Currency:
		return cost, "cost is in " + rec.Currency + ", the plan in " + r.plan.Currency
	}
	return rec.Cost.Decimal, ""
}

// percentage adds a record's parts. All kinds of the charge share its lines,
// since what is free comes off all of them together.
func (r *Rater) percentage(c *rater, rec *Record, parts *[]Part) (reason string) {
	m := c.Percentage
	cost, reason := r.knownCost(rec, m.MissingCost)
	if reason != "" {
		return reason
	}
	kind := c.Match.Kind[0]
	share := r.line(c, usagePart, kind, "", m.Rate, Unit(r.plan.Currency), 100)
	share.free = m.FreeAmount
	own := []Part{{Quantity: cost, line: share}}
	if !m.Fee.IsZero() {
		fee := r.line(c, addPart, kind, "", m.Fee, recordUnit(kind), 1)
		fee.free = decimal.NewFromInt(m.FreeRecords)
		own = append(own, Part{Quantity: decimal.NewFromInt(1), line: fee})
	}
	low, high := r.boundLines(c, kind, "", m.Minimum, m.Maximum)
	*parts = append(*parts, bounded(own, low, high)...)
	return ""
}

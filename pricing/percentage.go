package pricing

import (
	"fmt"

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
	out = append(out, m.checkTiers(at)...)
	if m.FreeRecords < 0 {
		out.add(at+".free_records", "%d is negative", m.FreeRecords)
	}
	out.within(at, m.Minimum, m.Maximum)
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

func (m *Percentage) checkTiers(at string) (out problems) {
	if len(m.Tiers) == 0 {
		return nil
	}
	if !m.Rate.IsZero() {
		out.add(at+".rate", "has a rate and tiers; keep one")
	}
	if m.Minimum != nil || m.Maximum != nil {
		out.add(at+".tiers", "the share of one record is not known where tiers price the sum: leave minimum and maximum out")
	}
	var below decimal.Decimal
	for i, t := range m.Tiers {
		at := fmt.Sprintf("%s.tiers[%d]", at, i)
		below = out.upTo(at, t.UpTo, below, i == len(m.Tiers)-1)
		out.notNegative(at+".rate", t.Rate)
		out.notNegative(at+".flat_fee", t.FlatFee)
	}
	return out
}

// split splits a sum of cost over the tiers. Where refunds are more than costs
// the first tier's share of them is given back.
func (m *Percentage) split(cost decimal.Decimal, unit Unit) []part {
	if cost.IsNegative() {
		first := &m.Tiers[0]
		return []part{{note: tierNote(first.UpTo, decimal.Zero), quantity: cost, unit: unit, unitPrice: first.Rate, per: 100}}
	}
	var out []part
	var from decimal.Decimal
	for _, t := range m.Tiers {
		in := cost.Sub(from)
		if t.UpTo != nil {
			in = decimal.Min(cost, *t.UpTo).Sub(from)
		}
		if in.Sign() <= 0 {
			break
		}
		note := tierNote(t.UpTo, from)
		out = append(out, part{note: note, quantity: in, unit: unit, unitPrice: t.Rate, per: 100})
		if !t.FlatFee.IsZero() {
			out = append(out, part{note: note + ", flat fee", quantity: decimal.NewFromInt(1), unit: Month, unitPrice: t.FlatFee, per: 1})
		}
		if t.UpTo != nil {
			from = *t.UpTo
		}
	}
	return out
}

// percentage adds a record's parts. All kinds of the charge share its lines,
// since what is free comes off all of them together.
func (r *Rater) percentage(c *chargeState, rec *Record, day Date, parts *[]Part) (reason string) {
	m := c.Percentage
	cost, reason := r.knownCost(rec, day, m.MissingCost)
	if reason != "" {
		return reason
	}
	kind := c.Match.Kind[0]
	own := make([]Part, 1, 2)
	if len(m.Tiers) > 0 {
		own[0] = Part{Quantity: cost, bucket: c.bucket(rec), kind: kind}
	} else {
		share := r.line(c, usagePart, kind, "", m.Rate, Unit(r.plan.Currency), 100)
		share.free = m.FreeAmount
		own[0] = Part{Quantity: cost, line: share}
	}
	if !m.Fee.IsZero() {
		fee := r.line(c, addPart, kind, "", m.Fee, recordUnit(kind), 1)
		fee.free = decimal.NewFromInt(m.FreeRecords)
		fee.key.part = 2 + 2*len(m.Tiers) // after the lines of the share
		own = append(own, Part{Quantity: decimal.NewFromInt(1), line: fee})
	}
	low, high := r.boundLines(c, kind, "", m.Minimum, m.Maximum)
	*parts = append(*parts, bounded(own, low, high)...)
	return ""
}

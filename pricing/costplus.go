package pricing

import "github.com/shopspring/decimal"

// CostPlus prices a record from what Twilio charges for it.
type CostPlus struct {
	Multiplier *decimal.Decimal `yaml:"multiplier" json:"multiplier,omitempty"` // 1 where missing
	Add        decimal.Decimal  `yaml:"add" json:"add"`                         // for each unit of the record's quantity
	Minimum    *decimal.Decimal `yaml:"minimum" json:"minimum,omitempty"`       // of a record
	Maximum    *decimal.Decimal `yaml:"maximum" json:"maximum,omitempty"`       // of a record
	// MissingCost is what a record is taken to cost that Twilio put no price on
	// by the time it is invoiced. Where it is not set such a record has no rate.
	MissingCost *decimal.Decimal `yaml:"missing_cost" json:"missing_cost,omitempty"`
}

func (m *CostPlus) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	var out problems
	if m.Multiplier != nil {
		out.notNegative(at+".multiplier", *m.Multiplier)
	}
	if m.MissingCost != nil {
		out.notNegative(at+".missing_cost", *m.MissingCost)
	}
	out.notNegative(at+".add", m.Add)
	out.within(at, m.Minimum, m.Maximum)
	for i, k := range c.Match.Kind {
		if k == Number {
			out.add(kindAt(i), "twilio's number list has no cost: price numbers by per_unit")
		}
	}
	return out
}

// costPlus adds a record's parts.
func (r *Rater) costPlus(c *chargeState, rec *Record, day Date, parts *[]Part) (reason string) {
	m := c.CostPlus
	cost, reason := r.knownCost(rec, day, m.MissingCost)
	if reason != "" {
		return reason
	}
	multiplier := decimal.NewFromInt(1)
	if m.Multiplier != nil {
		multiplier = *m.Multiplier
	}
	own := []Part{{Quantity: cost, line: r.line(c, usagePart, rec.Kind, "", multiplier, Unit(r.plan.Currency), 1)}}
	if !m.Add.IsZero() {
		own = append(own, Part{Quantity: rec.Quantity, line: r.line(c, addPart, rec.Kind, "", m.Add, rec.Kind.Unit(), 1)})
	}
	low, high := r.boundLines(c, rec.Kind, "", m.Minimum, m.Maximum)
	*parts = append(*parts, bounded(own, low, high)...)
	return ""
}

// knownCost is what a record costs in the plan's currency, or why that is not
// known. Twilio's cost in another currency is multiplied by the day's exchange
// rate, exactly; missing is in the plan's currency.
func (r *Rater) knownCost(rec *Record, day Date, missing *decimal.Decimal) (cost decimal.Decimal, reason string) {
	switch {
	case !rec.Cost.Valid && missing == nil:
		return cost, "twilio has not said the cost yet"
	case !rec.Cost.Valid:
		return *missing, ""
	case rec.Currency == r.plan.Currency:
		return rec.Cost.Decimal, ""
	}
	rate, ok := r.tables.Rates.Lookup(rec.Currency, r.plan.Currency, day)
	if !ok {
		return cost, r.tables.Rates.missing(rec.Currency, r.plan.Currency)
	}
	r.rates[exchanged{rate.From, rate.Day}] = rate
	return rec.Cost.Decimal.Mul(rate.Rate), ""
}

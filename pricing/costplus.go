package pricing

import "github.com/shopspring/decimal"

// CostPlus prices a record from what Twilio charges for it.
type CostPlus struct {
	Multiplier *decimal.Decimal `yaml:"multiplier" json:"multiplier,omitempty"` // 1 where missing
	Add        decimal.Decimal  `yaml:"add" json:"add"`                         // for each unit of the record's quantity
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
	for i, k := range c.Match.Kind {
		if k == Number {
			out.add(kindAt(i), "twilio's number list has no cost: price numbers by per_unit")
		}
	}
	return out
}

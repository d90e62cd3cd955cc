package pricing

import "github.com/shopspring/decimal"

// Flat is a fee for a period.
type Flat struct {
	Amount  decimal.Decimal `yaml:"amount" json:"amount"`
	Prorate string          `yaml:"prorate" json:"prorate,omitempty"` // ProrateDay where empty
}

// How a flat fee is charged for a part of a period.
const (
	ProrateDay  = "day"  // by calendar days
	ProrateNone = "none" // whole
)

func (m *Flat) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	var out problems
	out.notNegative(at+".amount", m.Amount)
	if m.Prorate != "" && m.Prorate != ProrateDay && m.Prorate != ProrateNone {
		out.add(at+".prorate", "%q is not known; use %s or %s", m.Prorate, ProrateDay, ProrateNone)
	}
	if !c.Match.empty() {
		out.add(".match", "a flat fee matches no usage: leave match out")
	}
	return out
}

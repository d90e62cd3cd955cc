package pricing

import "github.com/shopspring/decimal"

// Flat is a fee that no usage causes: for a period, or once.
type Flat struct {
	Amount    decimal.Decimal `yaml:"amount" json:"amount"`
	Per       string          `yaml:"per" json:"per,omitempty"`               // FlatPeriod where empty
	InAdvance bool            `yaml:"in_advance" json:"in_advance,omitempty"` // an invoice has the fee of the period after its own
	Once      bool            `yaml:"once" json:"once,omitempty"`             // a set-up fee, when what it is for begins
	Prorate   string          `yaml:"prorate" json:"prorate,omitempty"`       // ProrateDay where empty
}

// What a flat fee is for.
const (
	FlatPeriod     = "period"     // the tenant
	FlatSubaccount = "subaccount" // each subaccount that the tenant has
	FlatNumber     = "number"     // each phone number held
)

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

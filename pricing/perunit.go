package pricing

import (
	"slices"

	"github.com/shopspring/decimal"
)

// PerUnit prices each unit at one price.
type PerUnit struct {
	Meter     `yaml:",inline"`
	Deck      string           `yaml:"deck" json:"deck,omitempty"` // prices by the far end's number; instead of UnitPrice
	UnitPrice *decimal.Decimal `yaml:"unit_price" json:"unit_price,omitempty"`
	Per       string           `yaml:"per" json:"per,omitempty"` // PerMonth, or empty for each unit
}

// PerMonth prices a number that is held for the whole period; fewer days cost
// their share.
const PerMonth = "month"

func (m *PerUnit) check(c *Charge, at string, decks map[string]*Deck) []Problem {
	out := problems(m.Meter.check(c, at, m.pooled()))
	out.price(at, "unit_price", m.UnitPrice, m.Deck, decks)
	for i, k := range c.Match.Kind {
		if m.Deck != "" && (k == Recording || k == Transcription || k == Other) {
			out.add(kindAt(i), "%s has no far end to look up in deck %q; give a unit_price", k, m.Deck)
		}
	}
	switch {
	case m.Per == PerMonth && !slices.Equal(c.Match.Kind, []Kind{Number}):
		out.add(at+".per", "a price per month is for match.kind [number] alone")
	case m.Per != "" && m.Per != PerMonth:
		out.add(at+".per", "%q is not known; use %s, or leave it out for each unit", m.Per, PerMonth)
	case m.pooled() && (m.Deck != "" || m.Per == PerMonth):
		out.add(at, "over, free_units and convert need one unit_price for every unit: leave out deck and per")
	}
	return out
}

// split prices the sum of a period.
func (m *PerUnit) split(units decimal.Decimal, unit Unit) []part {
	if units.IsZero() {
		return nil
	}
	return []part{{quantity: units, unit: unit, unitPrice: *m.UnitPrice, per: 1}}
}

package pricing

import "github.com/shopspring/decimal"

// PerMinute prices connected time. Billed seconds are the Initial ones, then
// whole Increments.
type PerMinute struct {
	Deck           string           `yaml:"deck" json:"deck,omitempty"` // rates by the far end's number; instead of Rate
	Rate           *decimal.Decimal `yaml:"rate" json:"rate,omitempty"` // for 60 seconds
	ConnectFee     decimal.Decimal  `yaml:"connect_fee" json:"connect_fee"`
	MinimumSeconds int64            `yaml:"minimum_seconds" json:"minimum_seconds"` // a shorter call counts as this long
	MinimumCharge  decimal.Decimal  `yaml:"minimum_charge" json:"minimum_charge"`   // a cheaper call costs this much, connect fee included
	Initial        int64            `yaml:"initial" json:"initial"`                 // seconds; 60 where 0
	Increment      int64            `yaml:"increment" json:"increment"`             // seconds; 60 where 0
}

func (m *PerMinute) check(c *Charge, at string, decks map[string]*Deck) []Problem {
	var out problems
	out.price(at, "rate", m.Rate, m.Deck, decks)
	out.notNegative(at+".connect_fee", m.ConnectFee)
	out.notNegative(at+".minimum_charge", m.MinimumCharge)
	for path, n := range map[string]int64{".minimum_seconds": m.MinimumSeconds, ".initial": m.Initial, ".increment": m.Increment} {
		if n < 0 || n > maxSeconds {
			out.add(at+path, "%d is not a number of seconds from 0 to %d", n, int64(maxSeconds))
		}
	}
	for i, k := range c.Match.Kind {
		if k.Unit() != Second {
			out.add(kindAt(i), "%s has no duration: per_minute prices call, recording and transcription", k)
		} else if k != Call && m.Deck != "" {
			out.add(kindAt(i), "%s has no far end to look up in deck %q; give a rate", k, m.Deck)
		}
	}
	return out
}

// billedSeconds rounds a connected time up to what is billed: at least the
// minimum, then the initial seconds and whole increments after them.
func billedSeconds(seconds decimal.Decimal, minimum, initial, increment int64) decimal.Decimal {
	seconds = decimal.Max(seconds, decimal.NewFromInt(minimum))
	first := decimal.NewFromInt(initial)
	if seconds.LessThanOrEqual(first) {
		return first
	}
	step := decimal.NewFromInt(increment)
	return first.Add(divide(seconds.Sub(first), increment, 0, Up).Mul(step))
}

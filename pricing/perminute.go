package pricing

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// PerMinute prices connected time. What is billed of a call are the Initial
// seconds, then whole Increments.
type PerMinute struct {
	Deck           string           `yaml:"deck" json:"deck,omitempty"`               // rates by the far end's number; instead of Rate
	Rate           *decimal.Decimal `yaml:"rate" json:"rate,omitempty"`               // for 60 seconds
	Slots          []Slot           `yaml:"slots" json:"slots,omitempty"`             // rates that change within a call; instead of Rate
	Times          []Band           `yaml:"times" json:"times,omitempty"`             // other rates by the clock; the first that holds goes before Deck and Rate
	AtBoundary     string           `yaml:"at_boundary" json:"at_boundary,omitempty"` // of a call from one band into another; BoundaryStart where empty
	ConnectFee     decimal.Decimal  `yaml:"connect_fee" json:"connect_fee"`
	FreeSeconds    int64            `yaml:"free_seconds" json:"free_seconds,omitempty"`     // of each call, from its start; what is left is billed
	MinimumSeconds int64            `yaml:"minimum_seconds" json:"minimum_seconds"`         // a shorter call counts as this long
	MinimumCharge  decimal.Decimal  `yaml:"minimum_charge" json:"minimum_charge"`           // a cheaper call costs this much, connect fee included
	MaximumCharge  *decimal.Decimal `yaml:"maximum_charge" json:"maximum_charge,omitempty"` // a dearer call costs this much, connect fee included
	Initial        int64            `yaml:"initial" json:"initial"`                         // seconds; 60 where 0
	Increment      int64            `yaml:"increment" json:"increment"`                     // seconds; 60 where 0
}

// Slot is the rate of a call from a second on, until the next slot.
type Slot struct {
	From      int64           `yaml:"from" json:"from"`           // second of the call; 0 in the first slot
	Rate      decimal.Decimal `yaml:"rate" json:"rate"`           // for Per seconds
	Per       int64           `yaml:"per" json:"per"`             // seconds; 60 where 0
	Increment int64           `yaml:"increment" json:"increment"` // seconds; 60 where 0
}

func (m *PerMinute) check(c *Charge, at string, decks map[string]*Deck) []Problem {
	var out problems
	if len(m.Slots) == 0 {
		out.price(at, "rate", m.Rate, m.Deck, decks)
	} else if m.Rate != nil || m.Deck != "" || m.Initial != 0 || m.Increment != 0 {
		out.add(at+".slots", "slots have their own rates and increments: leave out rate, deck, initial and increment")
	}
	out = append(out, m.checkBands(at, decks)...)
	out.notNegative(at+".connect_fee", m.ConnectFee)
	out.notNegative(at+".minimum_charge", m.MinimumCharge)
	if m.MaximumCharge != nil && m.MaximumCharge.LessThan(m.MinimumCharge) {
		out.add(at+".maximum_charge", "%s is below the minimum charge of %s", m.MaximumCharge, m.MinimumCharge)
	}
	seconds := func(path string, n int64) {
		if n < 0 || n > maxSeconds {
			out.add(path, "%d is not a number of seconds from 0 to %d", n, int64(maxSeconds))
		}
	}
	seconds(at+".free_seconds", m.FreeSeconds)
	seconds(at+".minimum_seconds", m.MinimumSeconds)
	seconds(at+".initial", m.Initial)
	seconds(at+".increment", m.Increment)
	for i, s := range m.Slots {
		at := fmt.Sprintf("%s.slots[%d]", at, i)
		seconds(at+".from", s.From)
		seconds(at+".per", s.Per)
		seconds(at+".increment", s.Increment)
		out.notNegative(at+".rate", s.Rate)
		switch increment := cmp.Or(s.Increment, 60); {
		case i == 0 && s.From != 0:
			out.add(at+".from", "the first slot begins at second 0, not %d", s.From)
		case i > 0 && s.From <= m.Slots[i-1].From:
			out.add(at+".from", "%d is not after the slot before it, at %d", s.From, m.Slots[i-1].From)
		case i+1 < len(m.Slots) && increment > 0 && (m.Slots[i+1].From-s.From)%increment != 0:
			out.add(at+".increment", "the slot lasts %d seconds, which is not a multiple of its increment of %d", m.Slots[i+1].From-s.From, increment)
		}
	}
	for i, k := range c.Match.Kind {
		if k.Unit() != Second {
			out.add(kindAt(i), "%s has no duration: per_minute prices call, recording and transcription", k)
		} else if decks := m.decks(); k != Call && len(decks) > 0 {
			out.add(kindAt(i), "%s has no far end to look up in deck %q; give a rate", k, decks[0])
		}
	}
	return out
}

// decks are the names of the rate decks that the charge may look up.
func (m *PerMinute) decks() (names []string) {
	if m.Deck != "" {
		names = append(names, m.Deck)
	}
	for _, b := range m.Times {
		if b.Deck != "" {
			names = append(names, b.Deck)
		}
	}
	return names
}

// callRates is what a call costs by a deck row, or by the charge's own rate,
// with the lines it bills to.
type callRates struct {
	slots      []slotRate
	connectFee decimal.Decimal
	connects   *line // nil without a connect fee
	minimums   *line // nil without a minimum
	maximums   *line // nil without a maximum
}

// slotRate is the price of a part of a call.
type slotRate struct {
	from, to           int64 // seconds; to is 0 in the last slot
	initial, increment int64
	line               *line
}

// callRates are the prices of a charge in one of its bands for a deck row, or
// for the rate given there where row is nil. They are made once.
func (r *Rater) callRates(c *chargeState, band int, row *DeckRow, kind Kind) *callRates {
	key := rowKey{row, kind, band}
	if p := c.calls[key]; p != nil {
		return p
	}
	m := c.PerMinute
	p := &callRates{connectFee: m.ConnectFee}
	minimum := m.MinimumCharge
	item, rate, initial, increment := "", m.Rate, m.Initial, m.Increment
	if band != noBand {
		rate = m.Times[band].Rate
	}
	if row != nil {
		item, rate = row.Destination, &row.Rate
		if row.ConnectFee != nil {
			p.connectFee = *row.ConnectFee
		}
		if row.Minimum != nil {
			minimum = *row.Minimum
		}
		if row.Initial != nil {
			initial = *row.Initial
		}
		if row.Increment != nil {
			increment = *row.Increment
		}
	}
	if band != noBand {
		item = strings.TrimPrefix(item+", "+m.Times[band].Name, ", ")
	}
	for i, s := range m.Slots {
		increment := cmp.Or(s.Increment, 60)
		part := slotRate{from: s.From, initial: increment, increment: increment}
		note := fmt.Sprintf("from second %d", s.From)
		if i+1 < len(m.Slots) {
			part.to = m.Slots[i+1].From
			note = fmt.Sprintf("second %d to %d", s.From, part.to)
		}
		part.line = r.line(c, usagePart, kind, note, s.Rate, Second, cmp.Or(s.Per, 60))
		part.line.key.part = i
		p.slots = append(p.slots, part)
	}
	if len(m.Slots) == 0 {
		p.slots = []slotRate{{
			initial: cmp.Or(initial, 60), increment: cmp.Or(increment, 60),
			line: r.line(c, usagePart, kind, item, *rate, Second, 60),
		}}
	}
	if !p.connectFee.IsZero() {
		p.connects = r.line(c, connectPart, kind, item, p.connectFee, recordUnit(kind), 1)
	}
	var least *decimal.Decimal // none where it is 0
	if !minimum.IsZero() {
		least = &minimum
		if m.MaximumCharge != nil && m.MaximumCharge.LessThan(minimum) { // a deck row's
			least = m.MaximumCharge
		}
	}
	p.minimums, p.maximums = r.boundLines(c, kind, item, least, m.MaximumCharge)
	c.calls[key] = p
	return p
}

// perMinute adds the parts of one call, or says why it has no rate.
func (r *Rater) perMinute(c *chargeState, rec *Record, day Date, parts *[]Part) (reason string) {
	m := c.PerMinute
	band := r.bandAt(m, rec.StartedAt)
	p, reason := r.bandRates(c, band, rec, day)
	if reason != "" {
		return reason
	}
	if rec.Quantity.Sign() <= 0 { // connected, but for less than a second
		*parts = append(*parts, Part{Quantity: decimal.Zero, line: p.slots[0].line})
		return ""
	}
	seconds, free := rec.Quantity, decimal.NewFromInt(m.FreeSeconds)
	if m.MinimumSeconds > 0 {
		seconds = decimal.Max(seconds, decimal.NewFromInt(m.MinimumSeconds))
	}
	if m.FreeSeconds > 0 {
		seconds = decimal.Max(seconds.Sub(free), decimal.Zero)
	}
	if m.AtBoundary != BoundarySplit {
		*parts = p.split(seconds, free, *parts)
	} else {
		billed := billedSeconds(seconds, p.slots[0].initial, p.slots[0].increment)
		for _, s := range r.stretches(m, rec.StartedAt, rec.Quantity, free, billed) {
			in, reason := r.bandRates(c, s.band, rec, day)
			if reason != "" {
				return reason
			}
			*parts = append(*parts, Part{Quantity: s.seconds, line: in.slots[0].line})
		}
		if len(*parts) == 0 { // all of it was free
			*parts = append(*parts, Part{Quantity: decimal.Zero, line: p.slots[0].line})
		}
	}
	if p.connects != nil {
		*parts = append(*parts, Part{Quantity: decimal.NewFromInt(1), line: p.connects})
	}
	*parts = bounded(*parts, p.minimums, p.maximums)
	return ""
}

// bandRates are the prices of a call in a band, or why there are none.
func (r *Rater) bandRates(c *chargeState, band int, rec *Record, day Date) (p *callRates, reason string) {
	deck := c.deck
	if band != noBand {
		deck = c.bandDecks[band]
	}
	row, reason := deckRow(deck, rec, day)
	if reason != "" {
		return nil, reason
	}
	return r.callRates(c, band, row, rec.Kind), ""
}

// deckRow is the row of a deck that prices a record; nil without a deck.
func deckRow(deck *Deck, rec *Record, day Date) (row *DeckRow, reason string) {
	if deck == nil {
		return nil, ""
	}
	number := digits(rec.FarEnd())
	if number == "" {
		return nil, fmt.Sprintf("the far end is not a telephone number, as deck %q needs", deck.Name)
	}
	if row = deck.Lookup(number, day); row == nil {
		return nil, fmt.Sprintf("deck %q has no rate for +%s", deck.Name, number[:min(len(number), 4)])
	}
	return row, ""
}

// split adds the parts of a call by the slots that they fall into: of the so
// many seconds that are left after the free ones.
func (p *callRates) split(seconds, free decimal.Decimal, parts []Part) []Part {
	for i := range p.slots {
		in := p.slots[i].in(seconds, free)
		if i > 0 && in.Sign() <= 0 {
			continue
		}
		s := &p.slots[i]
		parts = append(parts, Part{Quantity: billedSeconds(in, s.initial, s.increment), line: s.line})
	}
	return parts
}

// in is how much of a call falls into the slot, of the so many seconds that are
// left after the free ones.
func (s *slotRate) in(seconds, free decimal.Decimal) decimal.Decimal {
	if s.from == 0 && s.to == 0 {
		return seconds
	}
	end := seconds.Add(free)
	if s.to > 0 {
		end = decimal.Min(end, decimal.NewFromInt(s.to))
	}
	return decimal.Max(end.Sub(decimal.Max(free, decimal.NewFromInt(s.from))), decimal.Zero)
}

// billedSeconds rounds a connected time up to what is billed: the initial
// seconds, then whole increments. No time is not billed.
func billedSeconds(seconds decimal.Decimal, initial, increment int64) decimal.Decimal {
	if seconds.Sign() <= 0 {
		return decimal.Zero
	}
	// A started second counts whole in every increment, so whole ones will do.
	n := seconds.IntPart()
	if !seconds.IsInteger() {
		n++
	}
	if n <= initial {
		return decimal.NewFromInt(initial)
	}
	return decimal.NewFromInt(initial + (n-initial+increment-1)/increment*increment)
}

package pricing

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Band is a time of the week, or the holidays, with rates of its own. It holds
// by the clock and the calendar of the tenant's time zone.
type Band struct {
	Name     string           `yaml:"name" json:"name"`                   // printed, such as "night"
	Days     []Weekday        `yaml:"days" json:"days,omitempty"`         // every day where empty
	Holidays bool             `yaml:"holidays" json:"holidays,omitempty"` // the plan's holidays, besides Days where given
	From     Clock            `yaml:"from" json:"from"`                   // such as "22:00"; may be after To, over midnight
	To       Clock            `yaml:"to" json:"to"`                       // no longer in the band; the whole day where both are empty
	Deck     string           `yaml:"deck" json:"deck,omitempty"`
	Rate     *decimal.Decimal `yaml:"rate" json:"rate,omitempty"` // for 60 seconds
}

// How a call is priced that goes on from one band into another.
const (
	BoundaryStart = "start" // whole, by the band that it starts in
	BoundarySplit = "split" // each second by the band that it falls in
)

// checkBands lists what is wrong with a charge's bands.
func (m *PerMinute) checkBands(at string, decks map[string]*Deck) problems {
	var out problems
	if len(m.Times) > 0 && len(m.Slots) > 0 {
		out.add(at+".times", "times and slots exclude each other: make a charge for each")
	}
	if m.AtBoundary != "" && m.AtBoundary != BoundaryStart && m.AtBoundary != BoundarySplit {
		out.add(at+".at_boundary", "%q is not known; use %s or %s", m.AtBoundary, BoundaryStart, BoundarySplit)
	}
	if m.AtBoundary != "" && len(m.Times) == 0 {
		out.add(at+".at_boundary", "there is no boundary without times: leave at_boundary out, or give times")
	}
	names := map[string]bool{}
	for i, b := range m.Times {
		at := fmt.Sprintf("%s.times[%d]", at, i)
		if b.Name == "" {
			out.add(at, "a band of time needs a name: it is what the invoice prints")
		} else if names[b.Name] {
			out.add(at+".name", "the name %q is already used", b.Name)
		}
		names[b.Name] = true
		oneOf(&out, at+".days", b.Days, "day of the week", Weekdays)
		switch {
		case b.From.IsZero() != b.To.IsZero():
			out.add(at, "give both from and to, or neither for the whole day")
		case !b.From.IsZero() && b.From == b.To:
			out.add(at+".to", "from and to are both %s: leave them out for the whole day", b.To)
		case b.From.Minute == dayMinutes:
			out.add(at+".from", "a band begins at 00:00 at the earliest and 23:59 at the latest")
		}
		out.price(at, "rate", b.Rate, b.Deck, decks)
	}
	return out
}

const dayMinutes = 24 * 60

// holds reports whether the band holds at a wall clock time.
func (b *Band) holds(t time.Time, holidays []Date) bool {
	if len(b.Days) > 0 || b.Holidays {
		listed := slices.Contains(b.Days, weekdayOf(t.Weekday()))
		if !listed && !(b.Holidays && slices.Contains(holidays, DateOf(t))) {
			return false
		}
	}
	if b.From.IsZero() {
		return true
	}
	minute := t.Hour()*60 + t.Minute()
	if b.From.Minute < b.To.Minute {
		return b.From.Minute <= minute && minute < b.To.Minute
	}
	return b.From.Minute <= minute || minute < b.To.Minute
}

// noBand is the index of a charge's own deck or rate among its bands.
const noBand = -1

// bandAt is the index of the first band that holds at an instant; noBand where
// none does.
func (r *Rater) bandAt(m *PerMinute, t time.Time) int {
	if len(m.Times) == 0 {
		return noBand
	}
	t = t.In(r.span.Location)
	return slices.IndexFunc(m.Times, func(b Band) bool { return b.holds(t, r.plan.Holidays) })
}

// edgeAfter is a moment after t up to which the band is the one at t: the next
// time of day at which a band begins or ends, or midnight. Where the clocks
// change before that it is the next minute, and so on until they have.
func (m *PerMinute) edgeAfter(t time.Time) time.Time {
	minute := t.Hour()*60 + t.Minute()
	edge := dayMinutes
	for _, b := range m.Times {
		for _, c := range []Clock{b.From, b.To} {
			if !c.IsZero() && c.Minute > minute {
				edge = min(edge, c.Minute)
			}
		}
	}
	at := t.Add(time.Duration(edge-minute)*time.Minute - time.Duration(t.Second())*time.Second)
	_, before := t.Zone()
	if _, after := at.Zone(); before != after {
		at = t.Add(time.Minute - time.Duration(t.Second())*time.Second)
	}
	return at
}

// stretch is the part of a call in one band.
type stretch struct {
	band    int
	seconds decimal.Decimal
}

// stretches are the connected seconds of a call in each band, from the second
// free on, in the order in which the call enters the bands. What is billed
// beyond the connected seconds, by a minimum or by increments, is in the band
// that the call ends in.
func (r *Rater) stretches(m *PerMinute, start time.Time, connected, free, billed decimal.Decimal) []stretch {
	var out []stretch
	add := func(band int, seconds decimal.Decimal) {
		if seconds.Sign() <= 0 {
			return
		}
		at := slices.IndexFunc(out, func(s stretch) bool { return s.band == band })
		if at < 0 {
			at, out = len(out), append(out, stretch{band: band})
		}
		out[at].seconds = out[at].seconds.Add(seconds)
	}
	last, rest := noBand, billed
	for from, t := int64(0), start.In(r.span.Location); decimal.NewFromInt(from).LessThan(connected); {
		edge := m.edgeAfter(t)
		next := from + int64(edge.Sub(t)/time.Second)
		last, t = r.bandAt(m, t), edge
		in := decimal.Min(connected, decimal.NewFromInt(next)).Sub(decimal.Max(free, decimal.NewFromInt(from)))
		in = decimal.Max(in, decimal.Zero)
		add(last, in)
		rest = rest.Sub(in)
		from = next
	}
	add(last, rest)
	return out
}

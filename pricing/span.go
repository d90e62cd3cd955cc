package pricing

import (
	"cmp"
	"slices"
	"time"
)

// Span is the time that a [Rater] prices: a period, and the part of it that
// the tenant is billed for. Every range is half-open.
type Span struct {
	From, To             Date // the period
	BilledFrom, BilledTo Date // within the period; equal to it for most tenants
	Location             *time.Location

	Began         Date            // the tenant's first day, for set-up fees; no tenant begins where zero
	Subaccounts   []Holding       // for fees per subaccount
	NumbersBefore map[string]bool // telephone numbers held on the day before BilledFrom, for set-up fees; nil where that is not known
	Next          *Span           // the period after it, for fees in advance; nil where it is not billed
}

// Holding is a subaccount in the tenant's hands for the days [From, To), which
// may reach beyond the billed days. From is no date where it always was.
type Holding struct {
	SID      string
	From, To Date
}

// Tables are what plans refer to by name, or look up by date.
type Tables struct {
	Decks map[string]*Deck
	Rates *ExchangeRates // nil for none
}

// Carried is what one period's invoice leaves to the next.
type Carried struct {
	Advance []Advance `json:"advance,omitempty"`
	Unused  []Unused  `json:"unused,omitempty"`
	Credits []Taken   `json:"credits,omitempty"`
}

// IsZero reports whether nothing is left.
func (c Carried) IsZero() bool { return len(c.Advance)+len(c.Unused)+len(c.Credits) == 0 }

// days counts the days of the whole period.
func (s *Span) days() int64 { return int64(s.From.DaysUntil(s.To)) }

// bills reports whether the day is billed.
func (s *Span) bills(day Date) bool { return !day.Before(s.BilledFrom) && day.Before(s.BilledTo) }

// billed are the billed days [from, to) on which the charge is in force; none
// where from is not before to.
func (s *Span) billed(c *Charge) (from, to Date) {
	from, to = later(s.BilledFrom, c.From), s.BilledTo
	if !c.Until.IsZero() {
		to = earlier(to, c.Until)
	}
	return from, to
}

// held counts each subaccount's billed days on which the charge is in force,
// each day once.
func (s *Span) held(c *Charge) map[string]int64 {
	from, to := s.billed(c)
	days, counted := map[string]int64{}, map[string]Date{} // the first day not counted yet
	for _, h := range slices.SortedFunc(slices.Values(s.Subaccounts), func(a, b Holding) int {
		return cmp.Compare(a.From.String(), b.From.String())
	}) {
		begin, end := later(later(h.From, from), counted[h.SID]), earlier(h.To, to)
		if begin.Before(end) {
			days[h.SID] += int64(begin.DaysUntil(end))
			counted[h.SID] = end
		}
	}
	return days
}

// billedDays counts the billed days on which the charge is in force, and the
// days of the whole period.
func (r *Rater) billedDays(c *Charge) (days, all int) {
	from, to := r.span.billed(c)
	return max(0, from.DaysUntil(to)), int(r.span.days())
}

// later is the later of two days; no date is before every day.
func later(d, e Date) Date {
	if d.Before(e) {
		return e
	}
	return d
}

// earlier is the earlier of two days.
func earlier(d, e Date) Date {
	if e.Before(d) {
		return e
	}
	return d
}

package billing

import (
	"fmt"
	"time"

	"subtally/pricing"
)

// Period is a half-open run of calendar days, [From, To), in a time zone. A
// usage record belongs to the period that its start falls in.
type Period struct {
	From     pricing.Date `json:"from"`
	To       pricing.Date `json:"to"` // the first day after the period
	TimeZone string       `json:"time_zone"`
	// Begin is when the period begins, if not with its first day: where the
	// tenant's period before it ended in another time zone, so that no usage
	// falls between the two or into both.
	Begin time.Time `json:"begin,omitzero"`
}

// Month is the calendar month that starts on first, in the time zone.
func Month(first pricing.Date, timeZone string) Period {
	first = first.FirstOfMonth()
	return Period{From: first, To: first.NextMonth(), TimeZone: timeZone}
}

// ParseMonth reads a month such as "2026-10" and answers its first day.
func ParseMonth(s string) (pricing.Date, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return pricing.Date{}, fmt.Errorf("period %q is not a month like 2026-10", s)
	}
	return pricing.DateOf(t), nil
}

// Label names the month of the period, such as "2026-10".
func (p Period) Label() string { return p.From.String()[:7] }

// Days counts the calendar days of the period.
func (p Period) Days() int { return p.From.DaysUntil(p.To) }

// Last is the last day inside the period.
func (p Period) Last() pricing.Date { return p.To.AddDays(-1) }

// Bounds are the instants [from, to) of the period. A day is 23 or 25 hours
// long where the clocks change.
func (p Period) Bounds() (from, to time.Time, err error) {
	loc, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return from, to, fmt.Errorf("period %s: time zone %q: %w", p.Label(), p.TimeZone, err)
	}
	return p.start(loc), p.To.Start(loc), nil
}

// start is the period's first instant; loc is its time zone.
func (p Period) start(loc *time.Location) time.Time {
	if !p.Begin.IsZero() {
		return p.Begin
	}
	return p.From.Start(loc)
}

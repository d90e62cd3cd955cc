package pricing

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a calendar day without a time zone, such as the first day of a
// billing period. The zero Date is "no date".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads an ISO 8601 calendar date, such as "2026-10-31".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date like 2026-10-31", s)
	}
	return DateOf(t), nil
}

// DateOf is the day that t falls on in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// IsZero reports whether d is no date.
func (d Date) IsZero() bool { return d == Date{} }

// String is the ISO 8601 form; empty for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// utc stands for the day in arithmetic: UTC has no clock changes.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Start is the first instant of the day in loc. Where a clock change skips
// midnight, it is the first instant that exists.
func (d Date) Start(loc *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
	// In a gap time.Date may answer an instant of the day before.
	for DateOf(t).Before(d) {
		t = t.Add(15 * time.Minute)
	}
	return t
}

// AddDays is the day n days later; n may be negative.
func (d Date) AddDays(n int) Date { return DateOf(d.utc().AddDate(0, 0, n)) }

// FirstOfMonth is the first day of d's month.
func (d Date) FirstOfMonth() Date { return Date{d.Year, d.Month, 1} }

// NextMonth is the first day of the month after d's.
func (d Date) NextMonth() Date { return DateOf(time.Date(d.Year, d.Month+1, 1, 0, 0, 0, 0, time.UTC)) }

// DaysUntil counts the days from d to e; negative when e is earlier.
func (d Date) DaysUntil(e Date) int { return int(e.utc().Sub(d.utc()) / (24 * time.Hour)) }

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.compare(e) < 0 }

// compare is negative when d is earlier than e, and positive when it is later.
func (d Date) compare(e Date) int {
	return cmp.Or(d.Year-e.Year, int(d.Month-e.Month), d.Day-e.Day)
}

// ordinal is a number that orders as dates do; 0 for the zero Date.
func (d Date) ordinal() int32 { return int32(d.Year*10_000 + int(d.Month)*100 + d.Day) }

// MarshalText writes the ISO 8601 form.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the ISO 8601 form; empty text is the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

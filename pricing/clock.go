package pricing

import (
	"fmt"
	"strings"
	"time"
)

// Clock is a time of day in minutes after midnight, written as "22:00". The
// zero Clock is "not given"; midnight is "00:00" at the start of a band and
// "24:00" at its end.
type Clock struct {
	Minute int
	set    bool
}

// ParseClock reads a time of day such as "08:30", from 00:00 to 24:00.
func ParseClock(s string) (Clock, error) {
	if s == "24:00" {
		return Clock{24 * 60, true}, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return Clock{}, fmt.Errorf("%q is not a time of day like 08:30", s)
	}
	return Clock{t.Hour()*60 + t.Minute(), true}, nil
}

// IsZero reports whether no time is given.
func (c Clock) IsZero() bool { return !c.set }

// String is the time as "08:30"; empty where none is given.
func (c Clock) String() string {
	if !c.set {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", c.Minute/60, c.Minute%60)
}

// MarshalText writes the time as "08:30".
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a time such as "08:30"; empty text is no time.
func (c *Clock) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Clock{}
		return nil
	}
	v, err := ParseClock(string(text))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

// Weekday is a day of the week, in lower case: "monday".
type Weekday string

// Weekdays lists the days of the week.
var Weekdays = []Weekday{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func weekdayOf(d time.Weekday) Weekday { return Weekday(strings.ToLower(d.String())) }

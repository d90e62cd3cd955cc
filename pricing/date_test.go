package pricing

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestDate(t *testing.T) {
	d, err := ParseDate("2026-10-31")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.AddDays(1).String(); got != "2026-11-01" {
		t.Errorf("the day after = %s", got)
	}
	if got := d.NextMonth().String(); got != "2026-11-01" {
		t.Errorf("NextMonth = %s", got)
	}
	if got := (Date{2026, 12, 15}).NextMonth().String(); got != "2027-01-01" {
		t.Errorf("NextMonth of December = %s", got)
	}
	if got := (Date{2026, 2, 1}).DaysUntil(Date{2026, 3, 1}); got != 28 {
		t.Errorf("February 2026 has %d days", got)
	}
	if got := (Date{2024, 2, 1}).DaysUntil(Date{2024, 3, 1}); got != 29 {
		t.Errorf("February 2024 has %d days", got)
	}
	for _, bad := range []string{"2026-02-30", "31.12.2026", "2026-1-1", "x"} {
		if _, err := ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%q) took it", bad)
		}
	}
}

func TestStartOfDay(t *testing.T) {
	for _, tt := range []struct{ zone, day, want string }{
		{"UTC", "2026-10-01", "2026-10-01T00:00:00Z"},
		{"America/New_York", "2026-10-01", "2026-10-01T04:00:00Z"},
		{"America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"}, // after the clocks changed on the 1st
		{"Asia/Tokyo", "2026-10-01", "2026-09-30T15:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // midnight did not exist: the day began at 01:00
		{"Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"},      // nor here
	} {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := ParseDate(tt.day)
		if got := d.Start(loc).UTC().Format(time.RFC3339); got != tt.want {
			t.Errorf("%s in %s starts at %s, want %s", tt.day, tt.zone, got, tt.want)
		}
	}
}

package billing

import (
	"strings"
	"testing"
	"time"

	"subtally/pricing"
)

func date(t testing.TB, s string) pricing.Date {
	t.Helper()
	if s == "" {
		return pricing.Date{}
	}
	d, err := pricing.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func TestPeriodBounds(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		month, zone, from, to string
		length                time.Duration
	}{
		{"2026-10-01", "UTC", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", 31 * day},
		{"2026-10-01", "America/New_York", "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z", 31 * day},
		{"2026-11-01", "America/New_York", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z", 30*day + time.Hour},
		{"2026-03-01", "America/New_York", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", 31*day - time.Hour},
		{"2026-10-01", "Europe/Berlin", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 31*day + time.Hour},
		{"2026-10-01", "Asia/Tokyo", "2026-09-30T15:00:00Z", "2026-10-31T15:00:00Z", 31 * day},
		{"2026-10-01", "Asia/Kathmandu", "2026-09-30T18:15:00Z", "2026-10-31T18:15:00Z", 31 * day},
		{"2026-04-01", "Australia/Lord_Howe", "2026-03-31T13:00:00Z", "2026-04-30T13:30:00Z", 30*day + time.Hour/2},
		// The clocks skipped midnight on the first: the month began at 1:00.
		{"2017-10-01", "America/Asuncion", "2017-10-01T04:00:00Z", "2017-11-01T03:00:00Z", 31*day - time.Hour},
		{"2026-12-01", "Pacific/Kiritimati", "2026-11-30T10:00:00Z", "2026-12-31T10:00:00Z", 31 * day},
	}
	for _, tt := range tests {
		t.Run(tt.month+" "+tt.zone, func(t *testing.T) {
			from, to, err := Month(date(t, tt.month), tt.zone).Bounds()
			if err != nil {
				t.Fatal(err)
			}
			if !from.Equal(instant(t, tt.from)) || !to.Equal(instant(t, tt.to)) {
				t.Errorf("[%s, %s), want [%s, %s)", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), tt.from, tt.to)
			}
			if length := to.Sub(from); length != tt.length {
				t.Errorf("%v long, want %v", length, tt.length)
			}
		})
	}
	_, _, err := Month(date(t, "2026-10-01"), "Mars/Olympus").Bounds()
	if err == nil || !strings.Contains(err.Error(), "2026-10") || !strings.Contains(err.Error(), "Mars/Olympus") {
		t.Errorf("a time zone that does not exist: %v", err)
	}
}

// A chart's day is as long as the day is: 25 hours when the clocks go back.
func TestDailyFollowsTheClocks(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	call := func(at string) *pricing.Record {
		return &pricing.Record{Kind: pricing.Call, StartedAt: instant(t, at), Quantity: number("60")}
	}
	d := newDaily(Month(date(t, "2026-11-01"), "America/New_York"), newYork)
	for _, at := range []string{
		"2026-11-01T04:00:00Z", // midnight
		"2026-11-01T05:30:00Z", // 1:30 for the first time
		"2026-11-01T06:30:00Z", // 1:30 for the second time
		"2026-11-02T04:59:59Z", // the last second of a day of 25 hours
		"2026-11-02T05:00:00Z",
		"2026-12-01T04:59:59Z",
	} {
		d.add(call(at))
	}
	if len(d.days) != 30 || d.days[0].Seconds != 240 || d.days[1].Seconds != 60 || d.days[29].Seconds != 60 {
		t.Errorf("November: %d days: %v", len(d.days), d.days)
	}
	d = newDaily(Month(date(t, "2026-03-01"), "America/New_York"), newYork)
	d.add(call("2026-03-09T03:59:59Z")) // the last second of a day of 23 hours
	d.add(call("2026-03-09T04:00:00Z"))
	if d.days[7].Seconds != 60 || d.days[8].Seconds != 60 {
		t.Errorf("March: %v", d.days[7:9])
	}
	d.add(&pricing.Record{Kind: pricing.SMS, StartedAt: instant(t, "2026-03-09T04:00:00Z"), Quantity: number("3")})
	if d.days[8].Messages != 1 || d.days[8].Seconds != 60 {
		t.Errorf("a message of three segments: %v", d.days[8])
	}
}

func TestPeriodNames(t *testing.T) {
	p := Month(date(t, "2026-02-17"), "UTC")
	if p.From.String() != "2026-02-01" || p.To.String() != "2026-03-01" || p.Label() != "2026-02" || p.Days() != 28 || p.Last().String() != "2026-02-28" {
		t.Errorf("%s to %s, %s, %d days, last %s", p.From, p.To, p.Label(), p.Days(), p.Last())
	}
	if p = Month(date(t, "2026-12-31"), "UTC"); p.To.String() != "2027-01-01" || p.Label() != "2026-12" {
		t.Errorf("December: to %s, %s", p.To, p.Label())
	}
	for _, tt := range []struct{ in, want string }{
		{"2026-10", "2026-10-01"}, {"2028-02", "2028-02-01"},
		{"2026-13", ""}, {"2026-10-01", ""}, {"2026-1", ""}, {"10-2026", ""}, {"", ""}, {" 2026-10", ""},
	} {
		got, err := ParseMonth(tt.in)
		if got.String() != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseMonth(%q) = %s, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

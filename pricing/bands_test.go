package pricing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func clock(s string) Clock {
	c, err := ParseClock(s)
	if err != nil {
		panic(err)
	}
	return c
}

func at(loc *time.Location, day, hour, minute, second int) time.Time {
	return time.Date(2026, 10, day, hour, minute, second, 0, loc)
}

func TestBands(t *testing.T) {
	newYork, berlin := location(t, "America/New_York"), location(t, "Europe/Berlin")
	offPeak := []Band{
		{Name: "holiday", Holidays: true, Rate: decp("0.01")},
		{Name: "weekend", Days: []Weekday{"saturday", "sunday"}, Rate: decp("0.04")},
		{Name: "night", From: clock("18:00"), To: clock("08:00"), Rate: decp("0.06")},
	}
	perMinute := PerMinute{Rate: decp("0.10"), Times: offPeak}
	with := func(change func(*PerMinute)) PerMinute { m := perMinute; change(&m); return m }
	split := with(func(m *PerMinute) { m.AtBoundary = BoundarySplit })
	type use struct {
		start   time.Time
		seconds int64
	}
	tests := []struct {
		name  string
		loc   *time.Location
		m     PerMinute
		usage []use
		want  []string
	}{
		{"Thursday noon is peak, 18:00 and 07:59 are night, 08:00 is peak again",
			newYork, perMinute,
			// 8 October 2026 is a Thursday. 2 minutes x 0.10, 2 minutes x 0.06.
			[]use{{at(newYork, 8, 12, 0, 0), 60}, {at(newYork, 8, 18, 0, 0), 60}, {at(newYork, 9, 7, 59, 59), 60}, {at(newYork, 9, 8, 0, 0), 60}},
			[]string{"Usage: 2 records, 120 second x 0.1/60 = 0.20", "Usage/night: 2 records, 120 second x 0.06/60 = 0.12"}},
		{"the clock is the tenant's: 23:30 UTC on a Sunday is 19:30 in New York, still weekend; Monday 02:00 UTC is Sunday 22:00",
			newYork, perMinute,
			[]use{{at(time.UTC, 4, 23, 30, 0), 60}, {at(time.UTC, 5, 2, 0, 0), 60}, {at(time.UTC, 5, 4, 30, 0), 60}},
			// 04:30 UTC is 00:30 on Monday: night.
			[]string{"Usage/night: 1 records, 60 second x 0.06/60 = 0.06", "Usage/weekend: 2 records, 120 second x 0.04/60 = 0.08"}},
		{"a holiday goes before the weekend and the night",
			newYork, perMinute,
			// Columbus Day, 12 October.
			[]use{{at(newYork, 12, 0, 0, 0), 60}, {at(newYork, 12, 12, 0, 0), 60}, {at(newYork, 12, 23, 59, 59), 60}, {at(newYork, 13, 0, 0, 0), 60}},
			[]string{"Usage/holiday: 3 records, 180 second x 0.01/60 = 0.03", "Usage/night: 1 records, 60 second x 0.06/60 = 0.06"}},
		{"a call over the boundary is priced whole by its start",
			newYork, perMinute,
			[]use{{at(newYork, 8, 17, 59, 0), 180}},
			[]string{"Usage: 1 records, 180 second x 0.1/60 = 0.30"}},
		{"or split: 60 s of peak and 120 s of night",
			newYork, split,
			[]use{{at(newYork, 8, 17, 59, 0), 180}},
			// 1 x 0.10 + 2 x 0.06.
			[]string{"Usage: 1 records, 60 second x 0.1/60 = 0.10", "Usage/night: 0 records, 120 second x 0.06/60 = 0.12"}},
		{"split: the increment is applied once, to the whole call, and what it adds is in the band at the end",
			newYork, split,
			// 17:59:30 for 65 s: billed 120 s. 30 s of peak; 35 s + 55 s = 90 s of night.
			// 30 x 0.10 / 60 = 0.05; 90 x 0.06 / 60 = 0.09. Rounding each stretch up would bill 60 + 60.
			[]use{{at(newYork, 8, 17, 59, 30), 65}},
			[]string{"Usage: 1 records, 30 second x 0.1/60 = 0.05", "Usage/night: 0 records, 90 second x 0.06/60 = 0.09"}},
		{"split: a call that ends before the boundary stays in its band, increment and all",
			newYork, split,
			[]use{{at(newYork, 8, 17, 59, 30), 20}, {at(newYork, 8, 17, 59, 0), 60}},
			[]string{"Usage: 2 records, 120 second x 0.1/60 = 0.20"}},
		{"split: connect fee once, by the start; free seconds come off the start",
			newYork, with(func(m *PerMinute) {
				m.AtBoundary, m.ConnectFee, m.FreeSeconds, m.Initial, m.Increment = BoundarySplit, dec("0.02"), 50, 1, 1
			}),
			// 17:59:00 for 100 s, 50 free: 10 s of peak, 40 s of night: 0.0166..., 0.04.
			[]use{{at(newYork, 8, 17, 59, 0), 100}},
			[]string{"Usage: 1 records, 10 second x 0.1/60 = 0.02", "Usage, connect fee: 0 records, 1 call x 0.02/1 = 0.02", "Usage/night: 0 records, 40 second x 0.06/60 = 0.04"}},
		{"split: all free, or shorter than the minimum",
			newYork, with(func(m *PerMinute) {
				m.AtBoundary, m.FreeSeconds, m.MinimumSeconds, m.Initial, m.Increment = BoundarySplit, 10, 30, 1, 1
			}),
			// 17:59:55 for 8 s counts as 30, 20 left, all beyond the call: night, where it ends. 0.02.
			[]use{{at(newYork, 8, 17, 59, 55), 8}, {at(newYork, 8, 12, 0, 0), 0}},
			[]string{"Usage: 1 records, 0 second x 0.1/60 = 0.00", "Usage/night: 1 records, 20 second x 0.06/60 = 0.02"}},
		{"split: through peak, night and peak again; minimum charge on the whole",
			newYork, split,
			// 17:00 to 08:30 the next day, 55,800 s: 3600 + 1800 s of peak, 50,400 s of night.
			// 90 x 0.10 = 9.00; 840 x 0.06 = 50.40.
			[]use{{at(newYork, 7, 17, 0, 0), 55800}},
			[]string{"Usage: 1 records, 5400 second x 0.1/60 = 9.00", "Usage/night: 0 records, 50400 second x 0.06/60 = 50.40"}},
		{"split: when the clocks go back the night is an hour longer",
			berlin, PerMinute{Rate: decp("0.10"), AtBoundary: BoundarySplit, Times: []Band{{Name: "small hours", From: clock("02:30"), To: clock("03:00"), Rate: decp("0.06")}}},
			// 25 October: 02:00 to 03:00 comes twice. From 02:00 (summer time) 2.5 hours: 02:30-03:00 twice, an hour in all.
			[]use{{time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), 9000}},
			[]string{"Usage: 1 records, 5400 second x 0.1/60 = 9.00", "Usage/small hours: 0 records, 3600 second x 0.06/60 = 3.60"}},
		{"a band until midnight ends there",
			newYork, PerMinute{Rate: decp("0.10"), Times: []Band{{Name: "evening", From: clock("18:00"), To: clock("24:00"), Rate: decp("0.06")}}},
			[]use{{at(newYork, 8, 23, 59, 59), 60}, {at(newYork, 9, 0, 0, 0), 60}},
			[]string{"Usage: 1 records, 60 second x 0.1/60 = 0.10", "Usage/evening: 1 records, 60 second x 0.06/60 = 0.06"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &tt.m})
			p.Holidays = []Date{{2026, 10, 12}}
			if bad := p.Check(nil); len(bad) > 0 {
				t.Fatal(bad)
			}
			span := inOctober
			span.Location = tt.loc
			r := NewRater(p, Tables{}, span, Carried{})
			for _, u := range tt.usage {
				rec := call("+4930", u.seconds)
				rec.StartedAt = u.start.UTC()
				r.Rate(&rec)
			}
			if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// A deck by night has its own rows, increments and fees; a number that the
// night deck does not know has no rate at night, and a split call into it none
// at all.
func TestBandDecks(t *testing.T) {
	decks := map[string]*Deck{
		"day":   mustDeck(t, "prefix,destination,rate,connect_fee,initial,increment\n49,Germany,0.10,0.05,60,60\n33,France,0.12,,,\n"),
		"night": mustDeck(t, "prefix,destination,rate,connect_fee,initial,increment\n49,Germany,0.04,0.01,1,1\n"),
	}
	decks["day"].Name, decks["night"].Name = "day", "night"
	m := PerMinute{Deck: "day", AtBoundary: BoundarySplit, Times: []Band{{Name: "night", From: clock("18:00"), To: clock("08:00"), Deck: "night"}}}
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &m})
	if bad := p.Check(decks); len(bad) > 0 {
		t.Fatal(bad)
	}
	r := NewRater(p, Tables{Decks: decks}, inOctober, Carried{})
	for _, u := range []struct {
		to      string
		start   time.Time
		seconds int64
	}{
		// From 17:59:30, 45 s: billed 60 by the day's 60/60; 30 s of day, 30 s of night.
		{"+4930", at(time.UTC, 8, 17, 59, 30), 45},
		// At night, 45 s: billed 45 by 1/1.
		{"+4930", at(time.UTC, 8, 20, 0, 0), 45},
		{"+331", at(time.UTC, 8, 12, 0, 0), 30},    // day: a minute at 0.12
		{"+331", at(time.UTC, 8, 20, 0, 0), 30},    // night: no rate
		{"+331", at(time.UTC, 8, 17, 59, 50), 30},  // into the night: no rate
		{"sip:a@b", at(time.UTC, 8, 12, 0, 0), 30}, // no number
	} {
		rec := call(u.to, u.seconds)
		rec.StartedAt = u.start
		r.Rate(&rec)
	}
	want := []string{
		"Usage/France: 1 records, 60 second x 0.12/60 = 0.12",
		"Usage/Germany: 1 records, 30 second x 0.1/60 = 0.05",
		"Usage, connect fee/Germany: 0 records, 1 call x 0.05/1 = 0.05",
		"Usage/Germany, night: 1 records, 75 second x 0.04/60 = 0.05",
		"Usage, connect fee/Germany, night: 0 records, 1 call x 0.01/1 = 0.01",
	}
	if diff := cmp.Diff(want, showAll(r.Lines())); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	var reasons []string
	for _, u := range r.Unrated() {
		reasons = append(reasons, u.Reason)
	}
	if diff := cmp.Diff([]string{`deck "night" has no rate for +331`, `the far end is not a telephone number, as deck "day" needs`}, reasons); diff != "" {
		t.Errorf("unrated (-want +got):\n%s", diff)
	}
	// Both decks are part of what the plan is known by.
	one := p.Digest(decks)
	decks["night"] = mustDeck(t, "prefix,destination,rate\n49,Germany,0.05\n")
	if one == p.Digest(decks) {
		t.Error("another night deck gives the same digest")
	}
}

func TestBandProblems(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.1"), AtBoundary: "end", Times: []Band{
		{Rate: decp("0.1")},
		{Name: "a", From: clock("18:00"), Rate: decp("0.1")},
		{Name: "a", From: clock("18:00"), To: clock("18:00"), Deck: "x"},
		{Name: "b", Days: []Weekday{"Monday"}, From: clock("24:00"), To: clock("08:00")},
	}}}, Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Slots: []Slot{{}}, Times: []Band{{Name: "c", Rate: decp("1")}}}},
		Charge{Match: Match{Kind: []Kind{Recording}}, PerMinute: &PerMinute{Rate: decp("0.1"), Times: []Band{{Name: "c", Deck: "d"}}}},
		Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Slots: []Slot{{}}, AtBoundary: BoundarySplit}},
		Charge{Match: Match{Kind: []Kind{SMS, Other}}, PerUnit: &PerUnit{Deck: "d"}})
	want := []string{
		`charges[0].per_minute.at_boundary: "end" is not known; use start or split`,
		`charges[0].per_minute.times[0]: a band of time needs a name: it is what the invoice prints`,
		`charges[0].per_minute.times[1]: give both from and to, or neither for the whole day`,
		`charges[0].per_minute.times[2].deck: rate deck "x" is not configured`,
		`charges[0].per_minute.times[2].name: the name "a" is already used`,
		`charges[0].per_minute.times[2].to: from and to are both 18:00: leave them out for the whole day`,
		`charges[0].per_minute.times[3]: needs a rate or a deck`,
		`charges[0].per_minute.times[3].days[0]: "Monday" is not a day of the week; use one of [sunday monday tuesday wednesday thursday friday saturday]`,
		`charges[0].per_minute.times[3].from: a band begins at 00:00 at the earliest and 23:59 at the latest`,
		`charges[1].per_minute.times: times and slots exclude each other: make a charge for each`,
		`charges[2].match.kind[0]: recording has no far end to look up in deck "d"; give a rate`,
		`charges[3].per_minute.at_boundary: there is no boundary without times: leave at_boundary out, or give times`,
		`charges[4].match.kind[1]: other has no far end to look up in deck "d"; give a unit_price`,
	}
	var got []string
	for _, b := range p.Check(map[string]*Deck{"d": nil}) {
		got = append(got, b.Path+": "+b.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

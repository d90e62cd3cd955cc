package warehouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// The same usage has the same watermark, read row by row or summed in groups, and
// another one when anything that prices a record is different.
func TestWatermarks(t *testing.T) {
	db := openTest(t)
	insert(t, db, records("ACa", "CA1", "CA2", "CA3"), 1)
	insert(t, db, records("ACb", "CA1"), 1)
	insert(t, db, records("ACc", "CA9"), 1)
	from, to := noon.Add(-time.Hour), noon.Add(time.Hour)
	of := func(accounts ...string) []Slice { return []Slice{{Accounts: accounts, From: from, To: to}} }
	groups := [][]Slice{of("ACa"), of("ACb"), of("ACa", "ACb"), {}, {{Accounts: []string{"ACa"}, From: to, To: to.Add(time.Hour)}}}
	marks := func() []Watermark {
		t.Helper()
		got, err := db.Watermarks(t.Context(), groups)
		if err != nil {
			t.Fatal(err)
		}
		for i, group := range groups {
			var want Watermark
			if err := db.EachUsage(t.Context(), group, func(r *UsageRow) error { want.Add(r); return nil }); err != nil {
				t.Fatal(err)
			}
			if got[i] != want {
				t.Errorf("group %d: %+v, row by row %+v", i, got[i], want)
			}
		}
		return got
	}
	before := marks()
	if before[0].Records != 3 || before[1].Records != 1 || before[2].Content != before[0].Content+before[1].Content || before[3] != (Watermark{}) || before[4] != (Watermark{}) {
		t.Errorf("watermarks %+v", before)
	}
	insert(t, db, records("ACa", "CA2"), 2) // pulled once more, as it was
	if got := marks(); got[0] != before[0] {
		t.Errorf("pulled again: %+v, was %+v", got[0], before[0])
	}
	cost := decimal.RequireFromString("0.0150")
	last := before[0].Content
	for i, change := range []func(*Usage){
		func(u *Usage) { u.Kind[0] = "sms" },
		func(u *Usage) { u.Direction[0] = "outbound-api" },
		func(u *Usage) { u.Status[0] = "failed" },
		func(u *Usage) { u.From[0] = "+1" },
		func(u *Usage) { u.To[0] = "+1" },
		func(u *Usage) { u.ParentSID[0] = "CA0" },
		func(u *Usage) { u.Started[0] = noon.Add(time.Second) },
		func(u *Usage) { u.Quantity[0] = decimal.NewFromInt(61) },
		func(u *Usage) { u.Cost[0] = &cost },
		func(u *Usage) { u.Cost[0] = &decimal.Zero },
		func(u *Usage) { u.Cost[0] = nil },
		func(u *Usage) { u.Currency[0] = "EUR" },
	} {
		u := records("ACa", "CA2")
		change(u)
		insert(t, db, u, uint32(i+3))
		got := marks()[0]
		if got.Records != 3 || got.SIDHash != before[0].SIDHash || got.Content == before[0].Content || got.Content == last {
			t.Errorf("change %d: %+v, was %+v", i, got, before[0])
		}
		last = got.Content
	}
}

func TestVanished(t *testing.T) {
	db := openTest(t)
	insert(t, db, records("ACa", "CA1", "CA2"), 1)
	insert(t, db, records("ACb", "CA1"), 1)
	number := records("ACa", "PN1/2026-10-10")
	number.Kind[0] = "number"
	insert(t, db, number, 1)
	midnight := noon.Truncate(24 * time.Hour)
	pulled := func(account string, sync uint32) {
		t.Helper()
		for _, resource := range []string{"calls", "numbers"} {
			if err := db.InsertCheckpoints(t.Context(), []Checkpoint{{Window: Window{account, resource, midnight}, PulledAt: noon}}, sync); err != nil {
				t.Fatal(err)
			}
		}
	}
	vanished := func() []VanishedRecords {
		t.Helper()
		got, err := db.Vanished(t.Context(), midnight, midnight.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	pulled("ACa", 1)
	pulled("ACb", 1)
	if got := vanished(); len(got) > 0 {
		t.Errorf("at once %+v have vanished", got)
	}
	insert(t, db, records("ACa", "CA1"), 2) // and CA2 not
	if got := vanished(); len(got) > 0 {
		t.Errorf("before the window's checkpoint %+v have vanished", got)
	}
	pulled("ACa", 2)
	got := vanished()
	if len(got) != 1 || got[0].Account != "ACa" || got[0].Kind != "call" || got[0].Records != 1 || got[0].Cost.String() != "0.014" || got[0].Currency != "USD" || !got[0].StartedAt.Equal(noon) {
		t.Errorf("vanished %+v, want CA2 of ACa", got)
	}
}

// BenchmarkWatermarks compares a month of 1,000,000 records of 1,000 accounts, each
// a group of its own.
func BenchmarkWatermarks(b *testing.B) {
	db := openTest(b)
	err := db.exec(b.Context(), `INSERT INTO usage SELECT format('AC{}', toString(number % 1000)), format('CA{}', toString(number)), 'call', 'outbound-api',
		'completed', '+14155550100', format('+49{}', toString(number % 99991)), '', toDateTime('2026-10-01 00:00:00', 'UTC') + number, toDateTime('2026-10-01 00:00:00', 'UTC') + number,
		toDateTime('2026-10-01 00:00:00', 'UTC') + number, number % 600, 0.014, 'USD', true, 1, 1 FROM numbers(1000000)`)
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	groups := make([][]Slice, 1000)
	for i := range groups {
		groups[i] = []Slice{{Accounts: []string{fmt.Sprintf("AC%d", i)}, From: from, To: from.AddDate(0, 1, 0)}}
	}
	for b.Loop() {
		marks, err := db.Watermarks(b.Context(), groups)
		if err != nil || marks[999].Records != 1000 {
			b.Fatal(marks[999], err)
		}
	}
}

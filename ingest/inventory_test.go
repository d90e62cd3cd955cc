package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

func numberDays(b batch) []string {
	var out []string
	for i, sid := range b.usage.SID {
		out = append(out, b.usage.Account[i]+" "+sid)
	}
	slices.Sort(out)
	return out
}

func TestInventory(t *testing.T) {
	pn := func(sid, created string) twilio.Number {
		return twilio.Number{SID: sid, PhoneNumber: "+14155550100", Created: utc(created).Add(15 * time.Hour)}
	}
	// run is the October days [from, to] of PN1 that are known to be an account's.
	run := func(account string, from, to int) warehouse.HeldNumber {
		return warehouse.HeldNumber{SID: "PN1", Account: account, First: utc("2026-10-01").AddDate(0, 0, from-1), Last: utc("2026-10-01").AddDate(0, 0, to-1)}
	}
	type runs = []warehouse.HeldNumber
	type sight map[string][]twilio.Number
	old := []twilio.Number{pn("PN1", "2020-01-01")}
	tests := []struct {
		name string
		held runs
		now  string
		sees sight
		want []string
	}{
		{"a number never seen counts since it was bought", nil, "2026-10-12",
			sight{"ACa": {pn("PN1", "2026-10-10")}},
			[]string{"ACa PN1/2026-10-10", "ACa PN1/2026-10-11", "ACa PN1/2026-10-12"}},
		{"but not before the start", nil, "2026-10-02", sight{"ACa": old},
			[]string{"ACa PN1/2026-10-01", "ACa PN1/2026-10-02"}},
		{"a number seen yesterday counts today", runs{run("ACa", 1, 11)}, "2026-10-12", sight{"ACa": old},
			[]string{"ACa PN1/2026-10-12"}},
		{"seen today already", runs{run("ACa", 1, 12)}, "2026-10-12", sight{"ACb": old}, nil},
		{"missed nights belong to who had it before", runs{run("ACa", 1, 9)}, "2026-10-12", sight{"ACb": old},
			[]string{"ACa PN1/2026-10-10", "ACa PN1/2026-10-11", "ACb PN1/2026-10-12"}},
		{"a number that moves while the lists are read counts once", nil, "2026-10-12",
			sight{"ACa": {pn("PN1", "2026-10-12")}, "ACb": {pn("PN1", "2026-10-12")}},
			[]string{"ACa PN1/2026-10-12"}},
		{"a released number makes no days", runs{run("ACa", 1, 11)}, "2026-10-12", sight{"ACa": nil}, nil},
		{"days before the first sight belong to who had it first", runs{run("ACa", 3, 5), run("ACb", 6, 12)}, "2026-10-12", sight{"ACb": old},
			[]string{"ACa PN1/2026-10-01", "ACa PN1/2026-10-02"}},
		{"but not before it was bought", runs{run("ACa", 3, 12)}, "2026-10-12", sight{"ACa": {pn("PN1", "2026-10-02")}},
			[]string{"ACa PN1/2026-10-02"}},
		{"days between belong to who had it before", runs{run("ACa", 1, 3), run("ACb", 6, 7), run("ACa", 9, 9)}, "2026-10-11", sight{"ACc": old},
			[]string{"ACa PN1/2026-10-04", "ACa PN1/2026-10-05", "ACa PN1/2026-10-10", "ACb PN1/2026-10-08", "ACc PN1/2026-10-11"}},
		{"known days before the start stay alone", runs{{SID: "PN1", Account: "ACa", First: utc("2026-09-01"), Last: utc("2026-09-20")}}, "2026-10-02", sight{"ACb": old},
			[]string{"ACa PN1/2026-10-01", "ACb PN1/2026-10-02"}},
		{"a later date of purchase loses no day", runs{run("ACa", 1, 3)}, "2026-10-05", sight{"ACb": {pn("PN1", "2026-10-05")}},
			[]string{"ACa PN1/2026-10-04", "ACb PN1/2026-10-05"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newInventory(utc("2026-10-01"), utc(tt.now).Add(3*time.Hour), tt.held)
			for account, numbers := range tt.sees {
				v.add(account, utc(tt.now), numbers)
			}
			b := v.batch()
			if got := numberDays(b); !slices.Equal(got, tt.want) {
				t.Errorf("days = %v, want %v", got, tt.want)
			}
			for _, at := range b.usage.Started {
				if at.Hour() != 12 {
					t.Errorf("a number day stands at %s, want noon", at)
				}
			}
		})
	}
}

// TestInventoryCheckpoints: today says that the numbers were listed, the
// account's first day that its number days are filled in from there on.
func TestInventoryCheckpoints(t *testing.T) {
	v := newInventory(utc("2026-10-01"), utc("2026-10-12"), nil)
	v.add("ACb", utc("2026-10-12"), nil)
	v.add("ACa", utc("2026-10-01"), []twilio.Number{{SID: "PN1", Created: utc("2020-01-01")}})
	var got []string
	for _, cp := range v.batch().done {
		got = append(got, fmt.Sprint(cp.Account, " ", cp.Day.Format(time.DateOnly), " ", cp.Records))
	}
	if want := []string{"ACa 2026-10-12 1", "ACa 2026-10-01 1", "ACb 2026-10-12 0"}; !slices.Equal(got, want) {
		t.Errorf("checkpoints %v, want %v", got, want)
	}
}

func TestTallyKeepsTheNewerOfTwo(t *testing.T) {
	at := utc("2026-10-10").Add(8 * time.Hour)
	page := func(sid string, started, updated time.Time, final bool) *twilio.Page {
		return &twilio.Page{
			Account: "ACa", SID: []string{sid}, ParentSID: []string{""}, Kind: []string{"call"}, Direction: []string{"inbound"}, Status: []string{"completed"},
			From: []string{""}, To: []string{""}, Created: []time.Time{at}, Started: []time.Time{started}, Updated: []time.Time{updated},
			Quantity: []int64{1}, Price: make([]twilio.Price, 1), Currency: []string{"USD"}, Final: []bool{final},
		}
	}
	y := newTally(task{account: "ACa", resource: twilio.Calls, from: utc("2026-10-10"), to: utc("2026-10-12")})
	var b batch
	y.add(page("CA1", at, at, false), &b.usage)
	y.add(page("CA1", at, at, false), &b.usage)                                 // the same again
	y.add(page("CA2", at, at.Add(time.Minute), true), &b.usage)                 //
	y.add(page("CA2", at, at, false), &b.usage)                                 // an older state
	y.add(page("CA1", at.Add(24*time.Hour), at.Add(time.Hour), true), &b.usage) // newer, and on another day
	y.complete(&b)
	if got := b.usage.SID; !slices.Equal(got, []string{"CA1", "CA2", "CA1"}) {
		t.Errorf("rows %v", got)
	}
	for i, want := range []warehouse.Checkpoint{{Digest: warehouse.Digest{Records: 1}}, {Digest: warehouse.Digest{Records: 1}}} {
		if got := b.done[i]; got.Records != want.Records || got.Pending != 0 {
			t.Errorf("window %d: %d records, %d pending; want 1 and 0", i, got.Records, got.Pending)
		}
	}
}

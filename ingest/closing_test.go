package ingest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

// The numbers that a closed account held when they were listed last are its own up
// to and on the day of the closing.
func TestNumbersOfAClosedAccount(t *testing.T) {
	run := func(account string, from, to int) warehouse.HeldNumber {
		return warehouse.HeldNumber{SID: "PN1", Number: "+14155550100", Account: account, First: utc("2026-10-01").AddDate(0, 0, from-1), Last: utc("2026-10-01").AddDate(0, 0, to-1)}
	}
	closing := utc("2026-10-20").Add(9 * time.Hour)
	for _, tt := range []struct {
		name   string
		held   []warehouse.HeldNumber
		listed string
		now    string
		sees   []twilio.Number // by another account
		want   []string
	}{
		{"listed the day before", []warehouse.HeldNumber{run("ACa", 1, 19)}, "2026-10-19", "2026-10-21", nil, []string{"ACa PN1/2026-10-20"}},
		{"nights were missed", []warehouse.HeldNumber{run("ACa", 1, 17)}, "2026-10-17", "2026-10-25", nil,
			[]string{"ACa PN1/2026-10-18", "ACa PN1/2026-10-19", "ACa PN1/2026-10-20"}},
		{"listed on the day", []warehouse.HeldNumber{run("ACa", 1, 20)}, "2026-10-20", "2026-10-21", nil, nil},
		{"released before", []warehouse.HeldNumber{run("ACa", 1, 18)}, "2026-10-19", "2026-10-21", nil, nil},
		{"another's since", []warehouse.HeldNumber{run("ACa", 1, 15), run("ACb", 16, 19)}, "2026-10-19", "2026-10-21", nil, nil},
		{"never listed", []warehouse.HeldNumber{run("ACa", 1, 19)}, "", "2026-10-21", nil, nil},
		{"a past night run again", []warehouse.HeldNumber{run("ACa", 1, 17)}, "2026-10-17", "2026-10-18", nil, []string{"ACa PN1/2026-10-18"}},
		{"held by another", []warehouse.HeldNumber{run("ACa", 1, 19)}, "2026-10-19", "2026-10-20",
			[]twilio.Number{{SID: "PN1", PhoneNumber: "+14155550100", Created: utc("2020-01-01")}}, []string{"ACb PN1/2026-10-20"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newInventory(utc("2026-10-01"), utc(tt.now).Add(3*time.Hour), tt.held)
			var listed time.Time
			if tt.listed != "" {
				listed = utc(tt.listed)
			}
			v.close("ACa", closing, listed)
			v.add("ACb", utc("2026-10-01"), tt.sees)
			b := v.batch()
			if got := numberDays(b); !slices.Equal(got, tt.want) {
				t.Errorf("days = %v, want %v", got, tt.want)
			}
			for _, number := range b.usage.To {
				if number != "+14155550100" {
					t.Errorf("a day of number %q", number)
				}
			}
		})
	}
}

// Thirty days after a closing Twilio deletes what there was: what has been pulled
// after its day has to do then. What never was is not taken for nothing.
func TestClosedAccountWhoseDataIsGone(t *testing.T) {
	closed := warehouse.Account{SID: "ACa", Status: "closed", Created: utc("2026-10-08"), Updated: utc("2026-10-10").Add(9 * time.Hour)}
	s := &Syncer{Start: utc("2026-10-01"), Settle: 15 * day}
	due := Due{From: utc("2026-10-01"), To: utc("2026-11-01"), Since: utc("2026-11-04")}
	for _, tt := range []struct {
		name, now, pulled string // of 9 October
		pending           uint64
		again             bool
		want              string
	}{
		{"as long as there is any", "2026-11-08", "2026-10-10", 0, true, "calls of ACa on 2026-10-09 were not pulled again"},
		{"gone", "2026-11-10", "2026-10-10", 0, false, ""},
		{"gone, with a price that did not come", "2026-11-10", "2026-10-10", 3, false, ""},
		{"gone, and pulled in the middle of the day", "2026-11-10", "2026-10-09", 0, true, "calls of ACa on 2026-10-09 were not pulled again"},
		{"never pulled", "2026-11-10", "", 0, false, "calls of ACa on 2026-10-09 were not pulled, and it is closed"},
	} {
		now := utc(tt.now).Add(10 * time.Hour)
		cps := map[warehouse.Window]warehouse.Checkpoint{}
		for _, r := range resources {
			for d := utc("2026-10-08"); d.Before(utc("2026-10-12")); d = d.Add(day) {
				w := warehouse.Window{Account: "ACa", Resource: string(r), Day: d}
				cps[w] = warehouse.Checkpoint{Window: w, PulledAt: utc("2026-11-05")}
			}
		}
		w := warehouse.Window{Account: "ACa", Resource: string(twilio.Calls), Day: utc("2026-10-09")}
		if delete(cps, w); tt.pulled != "" {
			cp := warehouse.Checkpoint{Window: w, PulledAt: utc(tt.pulled).Add(time.Hour), Pending: tt.pending}
			cps[w] = cp
			if got := s.again(closed, cp, now, Request{Due: []Due{due}}); got != tt.again {
				t.Errorf("%s: again = %v, want %v", tt.name, got, tt.again)
			}
		}
		c := &Coverage{syncer: s, now: now, accounts: map[string]warehouse.Account{"ACa": closed}, checkpoints: cps}
		got := c.Missing([]string{"ACa"}, due)
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: Missing = %q, want %q", tt.name, got, tt.want)
		}
	}
}

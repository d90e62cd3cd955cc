package ingest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse"
)

// storedRecords are the Usage Records that a comparison would read.
func storedRecords(t *testing.T, db *warehouse.DB, month string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for r, err := range db.EachUsageRecord(t.Context(), utc(month)) {
		if err != nil {
			t.Fatal(err)
		}
		out[r.Account+" "+r.Day.Format(time.DateOnly)+" "+r.Category] = strings.Join([]string{
			r.Records.String(), r.Quantity.String(), r.Unit, r.Cost.String(), r.Currency, r.AsOf.Format(time.RFC3339)}, " ")
	}
	return out
}

func mustPull(t *testing.T, s *Syncer, sim *stand, req UsageRecordsRequest) UsageRecordsSummary {
	t.Helper()
	sim.SetNow(req.Now)
	sum, err := s.PullUsageRecords(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestPullUsageRecords(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	accounts := sim.Accounts()
	day, month := utc("2026-10-08"), utc("2026-10-01")
	sim.Differ(twiliosim.Difference{Account: accounts[1].SID, Category: "new-thing", Day: day, Records: 2, Cost: decimal.RequireFromString("0.00001")})
	sim.taken()

	// One list for the account list, and one for each account.
	sum := mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-04"), Month: month})
	if asked := sim.taken(); sum.Accounts != 7 || len(sum.Failures) > 0 || len(asked) != 8 {
		t.Fatalf("%+v by %d requests, want 7 accounts by 8: %v", sum, len(asked), asked)
	}
	first := storedRecords(t, s.DB, "2026-10-01")
	key := accounts[1].SID + " 2026-10-08 new-thing"
	if want := "2 2  0.00001 USD 2026-11-03T23:00:00Z"; first[key] != want {
		t.Errorf("%s is %q, want %q", key, first[key], want)
	}
	for k, v := range first {
		if strings.HasPrefix(v, "0 0 ") && strings.Contains(v, " 0 USD") {
			t.Errorf("%s is kept without any usage: %s", k, v)
		}
	}

	// Younger figures than asked for are not pulled again; older ones are.
	if sum := mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-05"), Month: month, Since: utc("2026-11-03")}); sum.Accounts != 0 {
		t.Errorf("pulled %d accounts whose figures are young enough", sum.Accounts)
	}
	// What Twilio does not list any more is gone; nothing else has changed.
	sim.Differ(twiliosim.Difference{Account: accounts[1].SID, Category: "new-thing", Day: day, Records: -2, Cost: decimal.RequireFromString("-0.00001")})
	if sum := mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-04"), Month: month, Since: utc("2026-11-04")}); sum.Accounts != 7 {
		t.Errorf("pulled %d accounts whose figures are too old, want 7", sum.Accounts)
	}
	second := storedRecords(t, s.DB, "2026-10-01")
	delete(first, key)
	// totalprice of that day was 0.00001 more.
	delete(first, accounts[1].SID+" 2026-10-08 totalprice")
	delete(second, accounts[1].SID+" 2026-10-08 totalprice")
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("pulled again:\n%s", diff)
	}
	if n := len(storedRecords(t, s.DB, "2026-11-01")); n > 0 {
		t.Errorf("%d records of another month", n)
	}
}

// A list that fails is a failure, never a month without usage: what was pulled
// before stays, and an account never pulled is not taken for one.
func TestPullUsageRecordsFails(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	accounts, month := sim.Accounts(), utc("2026-10-01")
	broken := accounts[2].SID
	refuse := func(status int) {
		sim.mu.Lock()
		defer sim.mu.Unlock()
		sim.spoil = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, broken+"/Usage/") {
				return false
			}
			w.WriteHeader(status)
			return true
		}
	}
	for _, status := range []int{401, 403, 404} {
		refuse(status)
		sum := mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-04"), Month: month, Again: true})
		if len(sum.Failures) != 1 || sum.Failures[0].Account != broken || sum.Failures[0].Resource != "usage_records" || sum.Error() == nil {
			t.Fatalf("%d: failures %+v, want one of %s", status, sum.Failures, broken)
		}
		have, err := s.DB.UsageRecordsAsOf(t.Context(), month)
		if err != nil {
			t.Fatal(err)
		}
		if _, pulled := have[broken]; pulled || len(have) != 6 {
			t.Errorf("%d: %d accounts pass for pulled", status, len(have))
		}
	}
	sim.mu.Lock()
	sim.spoil = nil
	sim.mu.Unlock()
	mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-04"), Month: month, Since: utc("2026-11-03")})
	before := storedRecords(t, s.DB, "2026-10-01")
	refuse(404)
	mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-11-04"), Month: month, Again: true})
	if diff := cmp.Diff(before, storedRecords(t, s.DB, "2026-10-01")); diff != "" {
		t.Errorf("a failure changes what was pulled:\n%s", diff)
	}
	if _, err := s.PullUsageRecords(t.Context(), UsageRecordsRequest{Now: utc("2026-11-04"), Month: utc("2026-12-01")}); err == nil || !strings.Contains(err.Error(), "2026-12: the month has not begun") {
		t.Errorf("a month to come: %v", err)
	}
}

// In the middle of a month the days that have begun are asked for, and accounts
// that do not exist yet are not.
func TestPullUsageRecordsMidway(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	sum := mustPull(t, s, sim, UsageRecordsRequest{Now: utc("2026-10-05").Add(12 * time.Hour), Month: utc("2026-10-01")})
	if sum.Accounts != 6 {
		t.Errorf("pulled %d accounts, want the 6 that exist", sum.Accounts)
	}
	asked := 0
	for _, uri := range sim.taken() {
		if strings.Contains(uri, "EndDate=2026-10-05") && strings.Contains(uri, "StartDate=2026-10-01") && strings.Contains(uri, "IncludeSubaccounts=false") {
			asked++
		}
	}
	if asked != 6 {
		t.Errorf("%d lists up to 5 October, want 6", asked)
	}
}

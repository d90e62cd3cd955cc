package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/ingest/twilio"
	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
)

func TestMain(m *testing.M) { os.Exit(warehousetest.Main(m)) }

func utc(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// stand is a stand-in for Twilio that notes the requests it gets, and whose
// answers a test may spoil.
type stand struct {
	*twiliosim.Server
	mu       sync.Mutex
	requests []string
	spoil    func(w http.ResponseWriter, r *http.Request) bool
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.String())
	spoil := s.spoil
	s.mu.Unlock()
	if spoil == nil || !spoil(w, r) {
		s.Server.ServeHTTP(w, r)
	}
}

// taken answers the requests since it was last called.
func (s *stand) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func newStand(t *testing.T, w twiliosim.World) (*stand, string) {
	t.Helper()
	sim, err := twiliosim.New(w, twiliosim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{Server: sim}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func newSyncer(t *testing.T, s *stand, url string) *Syncer {
	t.Helper()
	client, err := twilio.New(twilio.Options{
		BaseURL: url, Main: twilio.Credentials{Username: s.MainSID(), Password: s.AuthToken()},
		Concurrency: 4, Log: slog.New(slog.DiscardHandler),
		Retry: twilio.Retry{Base: time.Millisecond, Max: 2 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Syncer{
		Client: client, DB: warehousetest.Open(t), Start: utc("2026-10-01"), Settle: 15 * day,
		Workers: 4, Log: slog.New(slog.DiscardHandler),
	}
}

var octoberWorld = twiliosim.World{Seed: 7, Subaccounts: 6, Records: 1500, From: utc("2026-10-01"), To: utc("2026-11-01")}

// listOf is Twilio's name of each list.
var listOf = map[twilio.Resource]string{
	twilio.Calls: "Calls", twilio.Messages: "Messages", twilio.Recordings: "Recordings", twilio.Transcriptions: "Transcriptions",
}

func mustSync(t *testing.T, s *Syncer, sim *stand, req Request) Summary {
	t.Helper()
	sim.SetNow(req.Now.Add(time.Hour))
	sum, err := s.Sync(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := sum.Error(); err != nil {
		t.Fatal(err)
	}
	return sum
}

// stored reads every usage record, as "account sid" to its billed fields.
func stored(t *testing.T, db *warehouse.DB, s *stand) map[string]string {
	t.Helper()
	var sids []string
	for _, a := range s.Accounts() {
		sids = append(sids, a.SID)
	}
	out := map[string]string{}
	err := db.EachUsage(t.Context(), []warehouse.Slice{{Accounts: sids, From: utc("2020-01-01"), To: utc("2030-01-01")}}, func(r *warehouse.UsageRow) error {
		key := r.Account + " " + r.SID
		if _, twice := out[key]; twice {
			t.Errorf("record %s was read twice", key)
		}
		cost := "none"
		if r.Cost != nil {
			cost = r.Cost.String()
		}
		status := r.Status
		if r.Kind == "recording" && status == "deleted" {
			// A recording is deleted long after its day has settled; it was
			// made, and charged for, all the same.
			status = "completed"
		}
		out[key] = fmt.Sprint(r.Kind, r.Direction, status, r.From, r.To, r.StartedAt.UTC(), r.Quantity, cost, r.Currency, r.Final)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSyncMatchesTheWorld compares what was stored with the stand-in's own
// sums, account by account and list by list.
func TestSyncMatchesTheWorld(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	sum := mustSync(t, s, sim, Request{Now: utc("2026-11-08")})

	var all int64
	for _, a := range sim.Accounts() {
		rows := map[string]warehouse.Digest{}
		costs := map[string]decimal.Decimal{}
		err := s.DB.EachUsage(t.Context(), []warehouse.Slice{{Accounts: []string{a.SID}, From: utc("2026-10-01"), To: utc("2026-11-01")}}, func(r *warehouse.UsageRow) error {
			list := map[string]string{"call": "Calls", "recording": "Recordings", "transcription": "Transcriptions", "number": "numbers"}[r.Kind]
			if list == "" {
				list = "Messages"
			}
			d := rows[list]
			d.Records++
			rows[list] = d
			if r.Cost != nil {
				costs[list] = costs[list].Add(*r.Cost)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range listOf {
			want := sim.Totals(a.SID, list, utc("2026-10-01"), utc("2026-11-01"))
			if got := rows[list].Records; got != uint64(want.Records) {
				t.Errorf("%s of %s: %d records stored, want %d", list, a.SID, got, want.Records)
			}
			if got := costs[list]; !got.Equal(want.Cost) {
				t.Errorf("%s of %s: cost %s stored, want %s", list, a.SID, got, want.Cost)
			}
			all += want.Records
		}
	}
	if all == 0 {
		t.Fatal("the world has no records")
	}
	if sum.Records < all {
		t.Errorf("summary: %d records, the world has %d", sum.Records, all)
	}
}

// TestNightByNightEqualsOnce pulls one world every night, while records change
// and prices arrive late, and another time all at once when it has settled.
func TestNightByNightEqualsOnce(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	nightly, once := newSyncer(t, sim, url), newSyncer(t, sim, url)
	for night := utc("2026-10-02"); !night.After(utc("2026-11-08")); night = night.Add(day) {
		mustSync(t, nightly, sim, Request{Now: night})
	}
	mustSync(t, once, sim, Request{Now: utc("2026-11-08")})

	got, want := stored(t, nightly.DB, sim), stored(t, once.DB, sim)
	moved := sim.MovedNumber()
	usage := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(key, _ string) bool { return strings.Contains(key, " PN") })
		return m
	}
	if diff := cmp.Diff(usage(want), usage(got)); diff != "" {
		t.Errorf("night by night differs from once (-once +nightly):\n%s", diff)
	}

	// Only who looks every night sees the number move: it belongs to the old
	// account on every day before the move, to the new one from the day after
	// which the night's look found it there.
	for d := utc("2026-10-01"); d.Before(utc("2026-11-01")); d = d.Add(day) {
		sid := " " + moved.SID + "/" + d.Format(time.DateOnly)
		owner, other := moved.FromAccount, moved.ToAccount
		if d.Add(time.Hour).After(moved.At) {
			owner, other = other, owner
		}
		_, right := got[owner+sid]
		_, wrong := got[other+sid]
		if !right || wrong {
			t.Errorf("number day%s: with its owner %v, with the other account %v", sid, right, wrong)
		}
	}
}

func TestNothingToDoCostsNothing(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
	sim.taken()

	sum := mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
	if sum.Windows != 0 || sum.Records != 0 {
		t.Errorf("a second sync at the same time pulled %d windows, %d records", sum.Windows, sum.Records)
	}
	if got := sim.taken(); len(got) != 1 || !strings.HasPrefix(got[0], "/2010-04-01/Accounts.json") {
		t.Errorf("a second sync at the same time asked %q, want the account list alone", got)
	}

	// A night later there is one new day, and days whose records wait for a
	// price; those that settled with everything in place are left alone.
	mustSync(t, s, sim, Request{Now: utc("2026-11-21")})
	for _, r := range sim.taken() {
		if strings.Contains(r, "Calls.json") && !strings.Contains(r, "StartTime%3E=2026-11") {
			t.Errorf("a night later, settled calls were asked for again: %s", r)
		}
	}
}

// TestBrokenListStopsAlone breaks one list of one account: the others are
// pulled, the broken one leaves no checkpoint, and the next sync completes it.
func TestBrokenListStopsAlone(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	victim := sim.Accounts()[2].SID
	for name, body := range map[string]string{
		"not JSON":       "<html>maintenance</html>",
		"cut short":      `{"calls":[{"sid":"CA`,
		"no rows":        `{"page":0,"next_page_uri":null}`,
		"unknown status": `{"calls":[{"sid":"CA00000000000000000000000000000001","account_sid":"` + victim + `","status":"levitating","date_created":"Thu, 08 Oct 2026 10:00:00 +0000","start_time":"Thu, 08 Oct 2026 10:00:00 +0000","date_updated":"Thu, 08 Oct 2026 10:00:00 +0000","duration":"1","price":null,"price_unit":"USD","direction":"inbound","from":"+1","to":"+2"}],"next_page_uri":null}`,
		"bad date":       `{"calls":[{"sid":"CA00000000000000000000000000000001","account_sid":"` + victim + `","status":"completed","date_created":"yesterday","start_time":"yesterday","duration":"1","price":null,"price_unit":"USD","direction":"inbound","from":"+1","to":"+2"}],"next_page_uri":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			sim.mu.Lock()
			sim.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, victim+"/Calls.json") {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				w.Write([]byte(body))
				return true
			}
			sim.mu.Unlock()
			sim.SetNow(utc("2026-11-20").Add(time.Hour))
			sum, err := s.Sync(t.Context(), Request{Now: utc("2026-11-20")})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range sum.Failures {
				if f.Account != victim || f.Resource != "calls" || !strings.Contains(f.Err.Error(), victim) {
					t.Errorf("failure of %s %s: %v", f.Account, f.Resource, f.Err)
				}
			}
			if len(sum.Failures) == 0 {
				t.Fatal("the broken list is not among the failures")
			}
			for key := range stored(t, s.DB, sim) {
				if strings.HasPrefix(key, victim+" CA") {
					t.Fatalf("the broken list left record %s", key)
				}
			}
			if got := missing(t, s, victim); !strings.Contains(got, "calls of "+victim) || !strings.Contains(got, "not pulled") {
				t.Errorf("Missing = %q; want it to name the calls that were not pulled", got)
			}
			if got := missing(t, s, sim.Accounts()[1].SID); got != "" {
				t.Errorf("Missing of another account = %q", got)
			}
		})
	}
	sim.mu.Lock()
	sim.spoil = nil
	sim.mu.Unlock()
	mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
	if got := missing(t, s, victim); got != "" {
		t.Errorf("Missing after the repair = %q", got)
	}
}

// missing says what keeps an account's October from being invoiced on 20
// November.
func missing(t *testing.T, s *Syncer, account string) string {
	t.Helper()
	c, err := s.Coverage(t.Context(), utc("2026-10-01"), utc("2026-11-20"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Missing([]string{account}, Due{From: utc("2026-10-01"), To: utc("2026-11-01")})
}

func TestMissing(t *testing.T) {
	active := warehouse.Account{SID: "ACa", Status: "active", Created: utc("2020-01-01")}
	closed := warehouse.Account{SID: "ACa", Status: "closed", Created: utc("2020-01-01"), Updated: utc("2026-10-10")}
	undated := closed
	undated.Updated = undated.Created
	// complete is every window of October pulled on 4 November, and the numbers
	// listed on the same day.
	complete := func() map[warehouse.Window]warehouse.Checkpoint {
		cps := map[warehouse.Window]warehouse.Checkpoint{}
		add := func(resource string, d time.Time) {
			w := warehouse.Window{Account: "ACa", Resource: resource, Day: d}
			cps[w] = warehouse.Checkpoint{Window: w, PulledAt: utc("2026-11-04")}
		}
		for _, r := range resources {
			for d := utc("2026-10-01"); d.Before(utc("2026-11-01")); d = d.Add(day) {
				add(string(r), d)
			}
		}
		add("numbers", utc("2026-09-30"))
		add("numbers", utc("2026-11-04"))
		return cps
	}
	change := func(resource, d string, f func(*warehouse.Checkpoint)) func(map[warehouse.Window]warehouse.Checkpoint) {
		return func(cps map[warehouse.Window]warehouse.Checkpoint) {
			w := warehouse.Window{Account: "ACa", Resource: resource, Day: utc(d)}
			cp := cps[w]
			if f == nil {
				delete(cps, w)
				return
			}
			f(&cp)
			cps[w] = cp
		}
	}
	tests := []struct {
		name    string
		account warehouse.Account
		change  func(map[warehouse.Window]warehouse.Checkpoint)
		want    string // part of the answer; empty for nothing missing
	}{
		{"everything is there", active, nil, ""},
		{"a window was never pulled", active, change("messages", "2026-10-31", nil), "messages of ACa on 2026-10-31 were not pulled"},
		{"a window was pulled before the period was due", active, change("calls", "2026-10-05", func(cp *warehouse.Checkpoint) { cp.PulledAt = utc("2026-11-03") }), "calls of ACa on 2026-10-05 were not pulled again"},
		{"a record may change", active, change("calls", "2026-10-31", func(cp *warehouse.Checkpoint) { cp.Pending = 2 }), "2 calls of ACa may still change"},
		{"a record never changed in its settling time", active, change("calls", "2026-10-05", func(cp *warehouse.Checkpoint) { cp.Pending = 2 }), ""},
		{"numbers were not listed since", active, change("numbers", "2026-11-04", nil), "the phone numbers of ACa were not listed"},
		{"a closed account has no windows after it closed", closed, change("calls", "2026-10-15", nil), ""},
		{"but those before", closed, change("calls", "2026-10-09", nil), "calls of ACa on 2026-10-09 were not pulled"},
		{"nor has it to be pulled again, as its data may be deleted", closed, change("calls", "2026-10-09", func(cp *warehouse.Checkpoint) { cp.PulledAt = utc("2026-10-12") }), ""},
		{"but it has when it was pulled too early to be complete", closed, change("calls", "2026-10-09", func(cp *warehouse.Checkpoint) { cp.PulledAt = utc("2026-10-10").Add(23 * time.Hour) }), "calls of ACa on 2026-10-09 were not pulled again"},
		{"or when something was to change", closed, change("calls", "2026-10-09", func(cp *warehouse.Checkpoint) { cp.PulledAt, cp.Pending = utc("2026-10-12"), 1 }), "calls of ACa on 2026-10-09 were not pulled again"},
		{"and had not settled", closed, change("calls", "2026-10-09", func(cp *warehouse.Checkpoint) { cp.PulledAt, cp.Pending = utc("2026-10-25"), 1 }), ""},
		{"an open account has to be pulled again", active, change("calls", "2026-10-09", func(cp *warehouse.Checkpoint) { cp.PulledAt = utc("2026-10-12") }), "calls of ACa on 2026-10-09 were not pulled again"},
		{"one that does not say when it closed has windows until now", undated, change("calls", "2026-10-15", nil), "calls of ACa on 2026-10-15 were not pulled"},
		{"number days since the start were not filled in", active, change("numbers", "2026-09-30", nil), "the phone numbers of ACa were not listed to fill in the days since 2026-09-30"},
		{"an account made after now has no days to fill in", warehouse.Account{SID: "ACa", Status: "active", Created: utc("2026-11-20")}, nil, ""},
		{"a closed account holds no numbers", closed, change("numbers", "2026-11-04", nil), ""},
		{"an account that is not Twilio's", warehouse.Account{SID: "ACb"}, nil, "subaccount ACa is not in the main account's list"},
	}
	for _, tt := range tests {
		cps := complete()
		if tt.change != nil {
			tt.change(cps)
		}
		c := &Coverage{
			syncer: &Syncer{Start: utc("2026-09-30"), Settle: 15 * day}, now: utc("2026-11-04"),
			accounts: map[string]warehouse.Account{tt.account.SID: tt.account}, checkpoints: cps,
		}
		got := c.Missing([]string{"ACa"}, Due{From: utc("2026-10-01"), To: utc("2026-11-01"), Since: utc("2026-11-04")})
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: Missing = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWrongCredentialsStopTheSync(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	client, err := twilio.New(twilio.Options{BaseURL: url, Main: twilio.Credentials{Username: sim.MainSID(), Password: "wrong-secret"}})
	if err != nil {
		t.Fatal(err)
	}
	s.Client = client
	_, err = s.Sync(t.Context(), Request{Now: utc("2026-11-20")})
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "TWILIO_AUTH_TOKEN") || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("Sync = %v; want a 401 that says what to check, without the secret", err)
	}
}

func TestOwnCredentials(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	own := sim.Accounts()[1]
	s := newSyncer(t, sim, url)
	client, err := twilio.New(twilio.Options{
		BaseURL: url, Main: twilio.Credentials{Username: sim.MainSID(), Password: sim.AuthToken()},
		Accounts: map[string]twilio.Credentials{own.SID: {Username: own.SID, Password: own.AuthToken}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Client = client
	sim.spoil = func(_ http.ResponseWriter, r *http.Request) bool {
		user, _, _ := r.BasicAuth()
		if reads := strings.Contains(r.URL.Path, "/Accounts/"+own.SID+"/"); reads != (user == own.SID) {
			t.Errorf("%s was asked for as %s", r.URL.Path, user)
		}
		return false
	}
	mustSync(t, s, sim, Request{Now: utc("2026-11-20"), Account: own.SID})
	if want := sim.Count(own.SID, "Calls", utc("2026-10-01"), utc("2026-11-01")); want == 0 || len(stored(t, s.DB, sim)) < int(want) {
		t.Errorf("%d records stored, the account has %d calls", len(stored(t, s.DB, sim)), want)
	}
}

// TestVanishedRecordStaysMetered deletes a record at Twilio between two pulls.
func TestVanishedRecordStaysMetered(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	mustSync(t, s, sim, Request{Now: utc("2026-11-01")})
	before := stored(t, s.DB, sim)
	sim.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/Calls.json") {
			return false
		}
		w.Write([]byte(`{"calls":[],"next_page_uri":null}`))
		return true
	}
	mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
	after := stored(t, s.DB, sim)
	for key := range before {
		if _, ok := after[key]; !ok {
			t.Fatalf("record %s is gone", key)
		}
	}
}

func TestNeverAheadOfTwiliosClock(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	sim.SetNow(utc("2026-10-10"))
	sum, err := s.Sync(t.Context(), Request{Now: utc("2026-11-20")})
	if err != nil {
		t.Fatal(err)
	}
	if !sum.Now.Equal(utc("2026-10-10")) {
		t.Errorf("the summary says that usage was pulled up to %s, Twilio's clock is at 2026-10-10", sum.Now)
	}
	if sum := mustSync(t, s, sim, Request{Now: utc("2026-10-10")}); !sum.Now.Equal(utc("2026-10-10")) {
		t.Errorf("the summary says that usage was pulled up to %s, asked for 2026-10-10", sum.Now)
	}
	cps, err := s.DB.Checkpoints(t.Context(), utc("2026-10-01"), utc("2026-12-01"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cps) == 0 {
		t.Fatal("nothing was pulled")
	}
	for w, cp := range cps {
		if w.Day.After(utc("2026-10-10")) || cp.PulledAt.After(utc("2026-10-10")) {
			t.Errorf("window %v was checkpointed at %s, ahead of Twilio's clock", w, cp.PulledAt)
		}
	}
}

func TestMissingBeforeThePeriodIsOver(t *testing.T) {
	c := &Coverage{syncer: &Syncer{Start: utc("2026-10-01")}, now: utc("2026-10-31")}
	if got := c.Missing(nil, Due{From: utc("2026-10-01"), To: utc("2026-11-01")}); !strings.Contains(got, "not over at Twilio's clock") {
		t.Errorf("Missing a day before the period's end = %q", got)
	}
	if got := c.Missing(nil, Due{From: utc("2026-10-01"), To: utc("2026-10-31")}); got != "" {
		t.Errorf("Missing at the period's end = %q", got)
	}
}

func TestAgain(t *testing.T) {
	s := &Syncer{Settle: 15 * day}
	at := utc("2026-10-10") // the window's day; it ends on the 11th and settles on the 26th
	due := []Due{{From: utc("2026-10-01"), To: utc("2026-11-01"), Since: utc("2026-11-04")}}
	other := []Due{{From: utc("2026-11-01"), To: utc("2026-12-01"), Since: utc("2026-12-04")}}
	active := warehouse.Account{Status: "active", Created: utc("2020-01-01"), Updated: utc("2026-10-01")}
	closed := warehouse.Account{Status: "closed", Created: utc("2020-01-01"), Updated: utc("2026-10-11").Add(7 * time.Hour)}
	tests := []struct {
		name    string
		account warehouse.Account
		pulled  string
		pending uint64
		now     string
		req     Request
		want    bool
	}{
		{"pulled before its end", active, "2026-10-10", 0, "2026-10-12", Request{}, true},
		{"complete", active, "2026-10-11", 0, "2026-10-12", Request{}, false},
		{"something may change", active, "2026-10-11", 1, "2026-10-12", Request{}, true},
		{"something may change, but it was pulled just now", active, "2026-10-12", 1, "2026-10-12", Request{}, false},
		{"settled since", active, "2026-10-11", 0, "2026-10-26", Request{}, true},
		{"pulled after it settled", active, "2026-10-26", 0, "2026-11-20", Request{}, false},
		{"never final, but settled", active, "2026-10-26", 5, "2026-11-20", Request{}, false},
		{"about to be invoiced", active, "2026-10-26", 0, "2026-11-04", Request{Due: due}, true},
		{"pulled since it was due", active, "2026-11-04", 0, "2026-11-05", Request{Due: due}, false},
		{"due, and a price has not come", active, "2026-11-04", 1, "2026-11-05", Request{Due: due}, true},
		{"due without a price, but pulled just now", active, "2026-11-05", 1, "2026-11-05", Request{Due: due}, false},
		{"another month is about to be invoiced", active, "2026-10-26", 0, "2026-12-04", Request{Due: other}, false},
		{"another month, and a price has not come", active, "2026-10-26", 1, "2026-12-04", Request{Due: other}, false},
		{"asked for", active, "2026-11-05", 0, "2026-11-05", Request{Again: true}, true},
		{"closed for good", closed, "2026-10-26", 0, "2026-11-04", Request{Due: due}, false},
		{"pulled a day after the closing", closed, "2026-10-13", 0, "2026-10-14", Request{Due: []Due{{From: utc("2026-10-01"), To: utc("2026-10-12"), Since: utc("2026-10-14")}}}, false},
		{"pulled too soon after the closing", closed, "2026-10-12", 0, "2026-10-14", Request{Due: []Due{{From: utc("2026-10-01"), To: utc("2026-10-12"), Since: utc("2026-10-14")}}}, true},
		{"closed, and a price has not come", closed, "2026-10-26", 1, "2026-11-04", Request{Due: due}, true},
	}
	for _, tt := range tests {
		cp := warehouse.Checkpoint{Window: warehouse.Window{Day: at}, PulledAt: utc(tt.pulled), Pending: tt.pending}
		if got := s.again(tt.account, cp, utc(tt.now), tt.req); got != tt.want {
			t.Errorf("%s: again = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAgainPullsWhatWasAskedFor pulls settled days once more, and no others.
func TestAgainPullsWhatWasAskedFor(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
	account := sim.Accounts()[1].SID
	sum := mustSync(t, s, sim, Request{Now: utc("2026-11-20"), Again: true, Account: account, From: utc("2026-10-05"), To: utc("2026-10-08")})
	if want := 3 * len(resources); sum.Windows != want {
		t.Errorf("%d windows pulled again, want %d", sum.Windows, want)
	}
}

// TestStartMovedBack moves the start back on a day on which the numbers were
// listed already: the number days before are filled in at once, and none twice.
func TestStartMovedBack(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s, whole := newSyncer(t, sim, url), newSyncer(t, sim, url)
	s.Start = utc("2026-11-01")
	mustSync(t, s, sim, Request{Now: utc("2026-11-08")})
	s.Start = whole.Start
	mustSync(t, s, sim, Request{Now: utc("2026-11-08")})
	mustSync(t, whole, sim, Request{Now: utc("2026-11-08")})
	if diff := cmp.Diff(stored(t, whole.DB, sim), stored(t, s.DB, sim)); diff != "" {
		t.Errorf("usage differs from that of an early start (-early +moved):\n%s", diff)
	}
}

func TestPlanJoinsNeighbouringDays(t *testing.T) {
	s := &Syncer{Start: utc("2026-10-01"), Settle: 15 * day}
	done := map[warehouse.Window]warehouse.Checkpoint{}
	for _, d := range []string{"2026-10-03", "2026-10-12"} {
		w := warehouse.Window{Account: "AC1", Resource: "calls", Day: utc(d)}
		done[w] = warehouse.Checkpoint{Window: w, PulledAt: utc("2026-10-13")}
		w.Resource = "transcriptions"
		done[w] = warehouse.Checkpoint{Window: w, PulledAt: utc("2026-10-13")}
	}
	account := warehouse.Account{SID: "AC1", Status: "active", Created: utc("2020-01-01")}
	show := func(a warehouse.Account, r twilio.Resource) []string {
		var out []string
		for _, t := range s.plan([]warehouse.Account{a}, done, utc("2026-10-14"), Request{}) {
			if t.resource == r {
				out = append(out, t.from.Format("02")+"-"+t.to.Format("02"))
			}
		}
		return out
	}
	if got, want := show(account, twilio.Calls), []string{"01-03", "04-11", "11-12", "13-14"}; !slices.Equal(got, want) {
		t.Errorf("calls: %v, want %v", got, want)
	}
	if got, want := show(account, twilio.Transcriptions), []string{"01-14"}; !slices.Equal(got, want) {
		t.Errorf("transcriptions: %v, want %v: the list has no filter and is read once", got, want)
	}
	account.Created = utc("2026-10-10").Add(7 * time.Hour)
	if got, want := show(account, twilio.Messages), []string{"10-14"}; !slices.Equal(got, want) {
		t.Errorf("messages of an account made on the 10th: %v, want %v", got, want)
	}
	account.Created, account.Status, account.Updated = utc("2020-01-01"), "closed", utc("2026-10-04").Add(9*time.Hour)
	if got, want := show(account, twilio.Messages), []string{"01-06"}; !slices.Equal(got, want) {
		t.Errorf("messages of an account closed on the 4th: %v, want %v", got, want)
	}
	account.Updated = account.Created
	if got, want := show(account, twilio.Messages), []string{"01-08", "08-14"}; !slices.Equal(got, want) {
		t.Errorf("messages of an account closed at an unknown time: %v, want %v", got, want)
	}
}

// TestReadBackGuardsTheCheckpoint pretends that rows were lost on their way.
func TestReadBackGuardsTheCheckpoint(t *testing.T) {
	db := warehousetest.Open(t)
	l := newLoader(db, 1, utc("2026-10-12"))
	w := warehouse.Window{Account: "AC1", Resource: "calls", Day: utc("2026-10-10")}
	l.done = []warehouse.Checkpoint{{Window: w, Digest: warehouse.Digest{Records: 3, SIDHash: 9}}}
	l.wrote[w] = warehouse.Digest{Records: 3, SIDHash: 9}
	err := l.flush(t.Context())
	if err == nil || !strings.Contains(err.Error(), "wrote 3 records") || !strings.Contains(err.Error(), "found 0") {
		t.Errorf("flush = %v, want an error that says what is missing", err)
	}
	cps, err := db.Checkpoints(t.Context(), utc("2026-10-01"), utc("2026-11-01"))
	if err != nil || len(cps) != 0 {
		t.Errorf("checkpoints = %v, %v; want none", cps, err)
	}
}

func TestCancelStopsTheSync(t *testing.T) {
	sim, url := newStand(t, octoberWorld)
	s := newSyncer(t, sim, url)
	ctx, cancel := context.WithCancel(t.Context())
	sim.spoil = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "Messages") {
			cancel()
		}
		return false
	}
	sim.SetNow(utc("2026-11-20"))
	if _, err := s.Sync(ctx, Request{Now: utc("2026-11-20")}); err == nil {
		t.Fatal("a cancelled sync reports success")
	}
	sim.mu.Lock()
	sim.spoil = nil
	sim.mu.Unlock()
	mustSync(t, s, sim, Request{Now: utc("2026-11-20")})
}

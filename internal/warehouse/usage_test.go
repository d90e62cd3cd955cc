package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-faster/city"
	"github.com/shopspring/decimal"
)

// noon is the middle of the day all test records are of.
var noon = time.Date(2026, 10, 10, 12, 0, 0, 0, time.UTC)

// records makes a batch of completed calls of one account, one per sid.
func records(account string, sids ...string) *Usage {
	u := &Usage{}
	for _, sid := range sids {
		cost := decimal.RequireFromString("0.0140")
		u.Account = append(u.Account, account)
		u.SID = append(u.SID, sid)
		u.Kind = append(u.Kind, "call")
		u.Direction = append(u.Direction, "inbound")
		u.Status = append(u.Status, "completed")
		u.From = append(u.From, "+14155550100")
		u.To = append(u.To, "+4930123456")
		u.ParentSID = append(u.ParentSID, "")
		u.Created = append(u.Created, noon)
		u.Started = append(u.Started, noon)
		u.Updated = append(u.Updated, noon)
		u.Quantity = append(u.Quantity, decimal.NewFromInt(60))
		u.Cost = append(u.Cost, &cost)
		u.Currency = append(u.Currency, "USD")
		u.Final = append(u.Final, true)
	}
	return u
}

func insert(t *testing.T, db *DB, u *Usage, sync uint32) {
	t.Helper()
	if err := db.InsertUsage(t.Context(), u, sync); err != nil {
		t.Fatal(err)
	}
}

// read answers every record of the accounts, as "sid status".
func read(t *testing.T, db *DB, slicesOf ...Slice) []string {
	t.Helper()
	var out []string
	err := db.EachUsage(t.Context(), slicesOf, func(r *UsageRow) error {
		out = append(out, r.SID+" "+r.Status)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func october(accounts ...string) Slice {
	return Slice{Accounts: accounts, From: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
}

// TestLatestVersionWins writes records again: by another sync, by the same
// sync with a newer and an older update, and with another start and kind.
func TestLatestVersionWins(t *testing.T) {
	db := openTest(t)
	insert(t, db, records("ACa", "CA1", "CA2", "CA3"), 1)
	later := records("ACa", "CA1", "CA2", "CA3")
	later.Status = []string{"busy", "busy", "busy"}
	later.Updated[1] = noon.Add(-time.Hour) // Twilio's clock or an old copy: the later pull still wins
	later.Started[2] = noon.AddDate(0, 0, -1)
	insert(t, db, later, 2)
	same := records("ACa", "CA1", "CA2")
	same.Status = []string{"newer", "older"}
	same.Updated = []time.Time{noon.Add(time.Hour), noon.Add(-2 * time.Hour)}
	insert(t, db, same, 2)

	got := read(t, db, october("ACa"))
	slices.Sort(got)
	if want := []string{"CA1 newer", "CA2 busy", "CA3 busy"}; !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
	sums, err := db.SumUsage(t.Context(), []Slice{october("ACa")})
	var summed []string
	for _, s := range sums {
		summed = append(summed, fmt.Sprint(s.Kind, " ", s.Status, " ", s.Records, " ", s.Cost, " ", s.Currency))
	}
	if want := []string{"call busy 2 0.028 USD", "call newer 1 0.014 USD"}; err != nil || !slices.Equal(summed, want) {
		t.Errorf("sums %v, %v; want %v", summed, err, want)
	}
}

func TestSlicesAreHalfOpen(t *testing.T) {
	db := openTest(t)
	u := records("ACa", "CA1", "CA2", "CA3")
	s := october("ACa")
	u.Started = []time.Time{s.From.Add(-time.Second), s.From, s.To}
	insert(t, db, u, 1)
	insert(t, db, records("ACb", "CA4"), 1)
	if got := read(t, db, s); !slices.Equal(got, []string{"CA2 completed"}) {
		t.Errorf("records %v, want CA2 alone", got)
	}
	if got := read(t, db, s, october("ACb")); len(got) != 2 {
		t.Errorf("records %v, want those of both slices", got)
	}
	if got := read(t, db); got != nil {
		t.Errorf("no slice gives %v", got)
	}
}

func TestDecimalsWiderThanTheColumnAreRefused(t *testing.T) {
	db := openTest(t)
	for _, tt := range []struct{ quantity, cost, want string }{
		{"1", "0.000000001", "cost 0.000000001 has more than 8 decimals"},
		{"1", "10000000000", "cost 10000000000 has more than 10 digits"},
		{"0.0000001", "1", "quantity 0.0000001 has more than 6 decimals"},
		{"1000000000000", "1", "quantity 1000000000000 has more than 12 digits"},
		{"-1000000000000", "1", "digits before the point"},
	} {
		u := records("ACa", "CA1", "CA2")
		cost := decimal.RequireFromString(tt.cost)
		u.Quantity[1], u.Cost[1] = decimal.RequireFromString(tt.quantity), &cost
		err := db.InsertUsage(t.Context(), u, 1)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "CA2") {
			t.Errorf("quantity %s, cost %s: %v; want %q", tt.quantity, tt.cost, err, tt.want)
		}
	}
	if got := read(t, db, october("ACa")); got != nil {
		t.Errorf("a refused batch left %v", got)
	}

	u := records("ACa", "CA1")
	widest := decimal.RequireFromString("9999999999.99999999")
	u.Cost[0], u.Quantity[0] = &widest, decimal.RequireFromString("999999999999.999999")
	insert(t, db, u, 1)
	err := db.EachUsage(t.Context(), []Slice{october("ACa")}, func(r *UsageRow) error {
		if !r.Cost.Equal(widest) || r.Quantity.String() != "999999999999.999999" {
			t.Errorf("the widest values came back as %s and %s", r.Cost, r.Quantity)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadBackSeesOneSyncOnce(t *testing.T) {
	db := openTest(t)
	insert(t, db, records("ACa", "CA0"), 1)
	u := records("ACa", "CA1", "CA2", "CA1")
	u.Started[1] = noon.AddDate(0, 0, 1)
	insert(t, db, u, 2)
	insert(t, db, records("ACb", "CA9"), 2)
	got, err := db.ReadBack(t.Context(), 2, []string{"ACa"})
	if err != nil {
		t.Fatal(err)
	}
	day := func(d int) Window {
		return Window{Account: "ACa", Resource: "calls", Day: time.Date(2026, 10, d, 0, 0, 0, 0, time.UTC)}
	}
	if len(got) != 2 || got[day(10)] != (Digest{1, city.CH64([]byte("CA1"))}) || got[day(11)] != (Digest{1, city.CH64([]byte("CA2"))}) {
		t.Errorf("read back %v", got)
	}
}

// TestManyAccounts names more accounts in one query than the server's default
// size of a query takes.
func TestManyAccounts(t *testing.T) {
	db := openTest(t)
	sids := make([]string, 10_000)
	for i := range sids {
		sids[i] = fmt.Sprintf("AC%032x", i)
	}
	insert(t, db, records(sids[9_999], "CA1"), 1)
	if got := read(t, db, october(sids...)); !slices.Equal(got, []string{"CA1 completed"}) {
		t.Errorf("records %v, want CA1", got)
	}
	if sums, err := db.SumUsage(t.Context(), []Slice{october(sids...)}); err != nil || len(sums) != 1 || sums[0].Records != 1 {
		t.Errorf("sums %+v, %v; want 1 record", sums, err)
	}
	if got, err := db.ReadBack(t.Context(), 1, sids); err != nil || len(got) != 1 {
		t.Errorf("read back %v, %v; want 1 window", got, err)
	}
}

func TestCheckpoints(t *testing.T) {
	db := openTest(t)
	w := Window{Account: "ACa", Resource: "calls", Day: time.Date(2026, 10, 10, 0, 0, 0, 0, time.UTC)}
	first := Checkpoint{Window: w, Digest: Digest{1, 2}, PulledAt: noon, Pending: 1}
	second := Checkpoint{Window: w, Digest: Digest{3, 4}, PulledAt: noon.Add(time.Hour)}
	for i, cp := range []Checkpoint{first, second} {
		if err := db.InsertCheckpoints(t.Context(), []Checkpoint{cp}, uint32(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Checkpoints(t.Context(), w.Day, w.Day.AddDate(0, 0, 1))
	if err != nil || len(got) != 1 || !got[w].PulledAt.Equal(second.PulledAt) || got[w].Digest != second.Digest || got[w].Pending != 0 {
		t.Errorf("checkpoints %+v, %v; want the later sync's", got, err)
	}
	if got, err = db.Checkpoints(t.Context(), w.Day.AddDate(0, 0, 1), w.Day.AddDate(0, 0, 2)); err != nil || len(got) != 0 {
		t.Errorf("checkpoints of the next day: %v, %v", got, err)
	}
}

func TestSyncsAreNumberedUpwards(t *testing.T) {
	db := openTest(t)
	for want := uint32(1); want <= 3; want++ {
		got, err := db.NextSync(t.Context(), noon.AddDate(-int(want), 0, 0)) // clocks may go back
		if err != nil || got != want {
			t.Errorf("NextSync = %d, %v; want %d", got, err, want)
		}
	}
}

func TestHeldNumbers(t *testing.T) {
	db := openTest(t)
	held := func(account, sid string, day int) *Usage {
		u := records(account, sid)
		u.Kind[0], u.Started[0] = "number", time.Date(2026, 10, day, 12, 0, 0, 0, time.UTC)
		return u
	}
	for _, d := range []int{8, 9, 10, 13, 15, 16} {
		insert(t, db, held("ACa", fmt.Sprintf("PN1/2026-10-%02d", d), d), 1)
	}
	for _, d := range []int{11, 12} {
		insert(t, db, held("ACb", fmt.Sprintf("PN1/2026-10-%02d", d), d), 2)
	}
	insert(t, db, held("ACa", "PN2/2026-10-09", 9), 1)
	insert(t, db, records("ACa", "CA1"), 1)
	got, err := db.HeldNumbers(t.Context())
	run := func(sid, account string, first, last int) HeldNumber {
		return HeldNumber{sid, "+4930123456", account, time.Date(2026, 10, first, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, last, 0, 0, 0, 0, time.UTC)}
	}
	want := []HeldNumber{run("PN1", "ACa", 8, 10), run("PN1", "ACb", 11, 12), run("PN1", "ACa", 13, 13), run("PN1", "ACa", 15, 16), run("PN2", "ACa", 9, 9)}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("held numbers %v, %v; want %v", got, err, want)
	}
}

func TestAccountsKeepTheLatestSight(t *testing.T) {
	db := openTest(t)
	for i, status := range []string{"active", "suspended"} {
		list := []Account{{SID: "ACb", OwnerSID: "ACa", Name: "Škoda", Status: status, Created: noon, Updated: noon}, {SID: "ACa", OwnerSID: "ACa", Name: "Main", Status: "active", Created: noon, Updated: noon}}
		if err := db.InsertAccounts(t.Context(), list, uint32(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Accounts(t.Context())
	if err != nil || len(got) != 2 || got[0].SID != "ACa" || got[1].Status != "suspended" || got[1].Name != "Škoda" || !got[1].Created.Equal(noon) {
		t.Errorf("accounts %+v, %v", got, err)
	}
}

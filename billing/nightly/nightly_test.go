package nightly

import (
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/export"
	"subtally/billing/register"
	"subtally/ingest"
	"subtally/ingest/twilio"
	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
	"subtally/templates"
)

func TestMain(m *testing.M) { os.Exit(warehousetest.Main(m)) }

func date(t testing.TB, s string) pricing.Date {
	t.Helper()
	d, err := pricing.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at are the options of a run on a billing date, whose first instant in UTC is
// also the present.
func at(t testing.TB, day string) Options {
	d := date(t, day)
	return Options{AsOf: d, Now: d.Start(time.UTC)}
}

// plan prices every kind but those left out.
func plan(name, currency string, without ...pricing.Kind) *pricing.Plan {
	p := &pricing.Plan{Name: name, Currency: currency}
	for _, kind := range pricing.Kinds {
		if slices.Contains(without, kind) {
			continue
		}
		c := pricing.Charge{ID: string(kind), Description: "Each " + string(kind), Match: pricing.Match{Kind: []pricing.Kind{kind}}}
		price := decimal.New(79, -4)
		if kind.Unit() == pricing.Second {
			c.PerMinute = &pricing.PerMinute{Rate: &price, Initial: 1, Increment: 1}
		} else {
			c.PerUnit = &pricing.PerUnit{UnitPrice: &price}
		}
		p.Charges = append(p.Charges, c)
	}
	return p
}

// newJob bills three tenants of a small world for October, in New York, Tokyo
// and Berlin.
func newJob(t *testing.T) (*Job, *twiliosim.Server) {
	t.Helper()
	return newJobOf(t, 3)
}

// newJobOf is the same in a world of more subaccounts.
func newJobOf(t *testing.T, subaccounts int) (*Job, *twiliosim.Server) {
	t.Helper()
	sim, err := twiliosim.New(twiliosim.World{
		Seed: 7, Subaccounts: subaccounts, Records: 900, From: date(t, "2026-09-30").Start(time.UTC), To: date(t, "2026-11-03").Start(time.UTC),
	}, twiliosim.Options{Now: date(t, "2026-11-25").Start(time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	quiet := slog.New(slog.DiscardHandler)
	client, err := twilio.New(twilio.Options{
		BaseURL: server.URL, Main: twilio.Credentials{Username: sim.MainSID(), Password: sim.AuthToken()}, Concurrency: 4, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	layout := templates.Embedded()
	db := warehousetest.Open(t)
	seller := billing.Seller{Party: billing.Party{Name: "Seller"}, NumberFormat: "INV-{year}-{seq:06}", CreditNoteFormat: "CN-{year}-{seq:06}"}
	b := &billing.Biller{
		DB: db, Plans: map[string]*pricing.Plan{"all": plan("all", "USD"), "euro": plan("euro", "EUR"), "no sms": plan("no sms", "USD", pricing.SMS)},
		Seller: seller, Start: date(t, "2026-10-01"), TimeZone: "America/New_York", PaymentDays: 30,
		Locale: templates.DefaultLocale, Layout: NewLayout(layout),
	}
	for i, zone := range []string{"America/New_York", "Asia/Tokyo", "Europe/Berlin"} {
		a := sim.Accounts()[i+1]
		b.Tenants = append(b.Tenants, billing.Tenant{
			ID: fmt.Sprint("t", i+1), Plan: "all", TimeZone: zone, Buyer: billing.Party{Name: a.FriendlyName},
			Until: date(t, "2026-11-01"), Subaccounts: []billing.Assignment{{SID: a.SID}},
		})
	}
	return &Job{
		Biller: b, Register: register.Options{SingleWriter: true}, GraceDays: 3, Log: quiet, Files: &Files{Dir: t.TempDir(), Layout: layout, Locale: templates.DefaultLocale},
		Syncer: &ingest.Syncer{
			Client: client, DB: db, Start: date(t, "2026-09-30").Start(time.UTC), Settle: 15 * 24 * time.Hour, Workers: 4, Log: quiet,
		},
	}, sim
}

func run(t *testing.T, j *Job, o Options) *Report {
	t.Helper()
	r, err := j.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Sync.Error(); err != nil {
		t.Fatal(err)
	}
	return r
}

// statuses are a month's tenants with what became of each.
func statuses(m *Month) string {
	var out []string
	for _, r := range m.Statement.Tenants {
		out = append(out, strings.TrimSpace(r.Tenant+" "+r.Status+" "+r.Number))
	}
	return strings.Join(out, ", ")
}

// snapshot is every file below dir, with its hash and its time of change.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		out[name] = fmt.Sprintf("%x %s", sha256.Sum256(data), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// column is the distinct values of a CSV file's column, in order.
func column(t *testing.T, path, name string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(rows[0], name)
	var out []string
	for _, row := range rows[1:] {
		out = append(out, row[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestIsDue(t *testing.T) {
	tests := []struct {
		zone      string
		grace     int
		asOf, now string
		want      bool
	}{
		{"America/New_York", 3, "2026-11-03", "2026-11-03T23:59:59Z", false},
		{"America/New_York", 3, "2026-11-04", "2026-11-04T00:00:00Z", true},
		{"America/New_York", 3, "2027-05-01", "2027-05-01T00:00:00Z", true},
		{"America/New_York", 0, "2026-10-31", "2026-10-31T23:59:59Z", false},
		// The billing date is a day in the main account's time zone; where the
		// tenant is, the month may go on for hours.
		{"America/New_York", 0, "2026-11-01", "2026-11-01T03:59:59Z", false},
		{"America/New_York", 0, "2026-11-01", "2026-11-01T04:00:00Z", true},
		{"Pacific/Pago_Pago", 0, "2026-11-01", "2026-11-01T10:59:59Z", false},
		{"Pacific/Pago_Pago", 0, "2026-11-01", "2026-11-01T11:00:00Z", true},
		// In Kiritimati it is over while the billing date is still in the month.
		{"Pacific/Kiritimati", 0, "2026-10-31", "2026-10-31T12:00:00Z", false},
		{"Pacific/Kiritimati", 0, "2026-11-01", "2026-11-01T00:00:00Z", true},
		{"UTC", 0, "2026-11-01", "2026-11-01T00:00:00Z", true},
		{"UTC", 31, "2026-12-01", "2026-12-01T00:00:00Z", false},
		{"UTC", 31, "2026-12-02", "2026-12-02T00:00:00Z", true},
		// A billing date ahead of the present finalizes nothing that is not over.
		{"UTC", 3, "2026-12-01", "2026-10-31T23:59:59Z", false},
	}
	for _, tt := range tests {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		j := &Job{GraceDays: tt.grace}
		got, err := j.isDue(billing.Month(date(t, "2026-10-01"), tt.zone), Options{AsOf: date(t, tt.asOf), Now: now})
		if err != nil || got != tt.want {
			t.Errorf("%s, %d days of grace, as of %s at %s: %v, %v", tt.zone, tt.grace, tt.asOf, tt.now, got, err)
		}
	}
	if _, err := (&Job{}).isDue(billing.Month(date(t, "2026-10-01"), "Nowhere"), at(t, "2026-12-01")); err == nil {
		t.Error("a time zone that does not exist is due")
	}
}

func TestMonths(t *testing.T) {
	j := &Job{Biller: &billing.Biller{Start: date(t, "2026-10-01")}}
	for _, tt := range []struct{ asOf, period, want string }{
		{"2026-09-30", "", ""},
		{"2026-10-01", "", ""},
		{"2026-10-02", "", "2026-10-01"},
		{"2026-11-01", "", "2026-10-01"},
		{"2027-01-02", "", "2026-10-01 2026-11-01 2026-12-01 2027-01-01"},
		{"2027-01-02", "2026-11-17", "2026-11-01"},
	} {
		o := at(t, tt.asOf)
		if tt.period != "" {
			o.Period = date(t, tt.period)
		}
		var got []string
		for _, d := range j.months(o) {
			got = append(got, d.String())
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("as of %s, period %q: %q, want %q", tt.asOf, tt.period, s, tt.want)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("locked twice: %v", err)
	}
	other, err := Lock(t.TempDir())
	if err != nil {
		t.Errorf("another folder: %v", err)
	} else {
		other()
	}
	unlock()
	if unlock, err = Lock(dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := Lock(filepath.Join(dir, "gone")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("a folder that does not exist: %v", err)
	}
}

// Each reason for which an invoice that is due must wait, and none when there
// is none.
func TestParked(t *testing.T) {
	const sid = "AC00000000000000000000000000000002"
	day := func(s string) time.Time { return date(t, s).Start(time.UTC) }
	o := at(t, "2026-11-04")
	start := day("2026-10-01")
	// pulled is what a sync on the billing date leaves, and number lists of the
	// first day and of later ones.
	pulled := func() []warehouse.Checkpoint {
		var out []warehouse.Checkpoint
		for _, r := range []twilio.Resource{twilio.Calls, twilio.Messages, twilio.Recordings, twilio.Transcriptions} {
			for d := start; d.Before(day("2026-11-01")); d = d.AddDate(0, 0, 1) {
				out = append(out, warehouse.Checkpoint{Window: warehouse.Window{Account: sid, Resource: string(r), Day: d}, PulledAt: o.Now})
			}
		}
		for _, d := range []string{"2026-10-01", "2026-10-31", "2026-11-04"} {
			out = append(out, warehouse.Checkpoint{Window: warehouse.Window{Account: sid, Resource: string(twilio.Numbers), Day: day(d)}, PulledAt: o.Now})
		}
		return out
	}
	window := func(resource twilio.Resource, d string) warehouse.Window {
		return warehouse.Window{Account: sid, Resource: string(resource), Day: day(d)}
	}
	tests := []struct {
		name    string
		account warehouse.Account
		change  func(*[]warehouse.Checkpoint)
		unrated []pricing.Unrated
		want    string // a part of the reason
	}{
		{name: "nothing"},
		{name: "no rate", unrated: []pricing.Unrated{{Kind: pricing.Call, Reason: `deck "x" has no rate for +999`, Records: 2}, {Kind: pricing.SMS, Records: 3}},
			want: `5 usage records have no rate: call: deck "x" has no rate for +999`},
		{name: "unknown subaccount", account: warehouse.Account{SID: "AC9"}, want: sid + " is not in the main account's list"},
		{name: "a day not pulled", change: func(l *[]warehouse.Checkpoint) {
			*l = slices.DeleteFunc(*l, func(c warehouse.Checkpoint) bool { return c.Window == window(twilio.Messages, "2026-10-31") })
		}, want: "messages of " + sid + " on 2026-10-31 were not pulled"},
		{name: "a day pulled before it was due", change: func(l *[]warehouse.Checkpoint) {
			for i := range *l {
				if (*l)[i].Window == window(twilio.Calls, "2026-10-01") {
					(*l)[i].PulledAt = day("2026-11-03")
				}
			}
		}, want: "calls of " + sid + " on 2026-10-01 were not pulled again since the period was due"},
		{name: "may still change", change: func(l *[]warehouse.Checkpoint) {
			for i := range *l {
				if (*l)[i].Window == window(twilio.Recordings, "2026-10-20") || (*l)[i].Window == window(twilio.Recordings, "2026-10-30") {
					(*l)[i].Pending = 2
				}
			}
		}, want: "4 recordings of " + sid + " may still change"},
		{name: "pending, but settled", change: func(l *[]warehouse.Checkpoint) {
			for i := range *l {
				if (*l)[i].Window == window(twilio.Recordings, "2026-10-19") {
					(*l)[i].Pending = 2
				}
			}
		}},
		{name: "numbers not listed since", change: func(l *[]warehouse.Checkpoint) {
			*l = slices.DeleteFunc(*l, func(c warehouse.Checkpoint) bool { return c.Window == window(twilio.Numbers, "2026-11-04") })
		}, want: "phone numbers of " + sid + " were not listed since the period ended"},
		{name: "closed, so without numbers or later days",
			account: warehouse.Account{SID: sid, Status: "closed", Updated: day("2026-10-10").Add(time.Hour)},
			change: func(l *[]warehouse.Checkpoint) {
				*l = slices.DeleteFunc(*l, func(c warehouse.Checkpoint) bool {
					return c.Resource == string(twilio.Numbers) || !c.Day.Before(day("2026-10-12"))
				})
			}},
		{name: "closed, with a day not pulled",
			account: warehouse.Account{SID: sid, Status: "closed", Updated: day("2026-10-10").Add(time.Hour)},
			change: func(l *[]warehouse.Checkpoint) {
				*l = slices.DeleteFunc(*l, func(c warehouse.Checkpoint) bool { return !c.Day.Before(day("2026-10-11")) })
			}, want: "on 2026-10-11 were not pulled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := warehousetest.Open(t)
			if tt.account.SID == "" {
				tt.account = warehouse.Account{SID: sid, Status: "active"}
			}
			tt.account.Created = day("2026-01-01")
			if err := db.InsertAccounts(t.Context(), []warehouse.Account{tt.account}, 1); err != nil {
				t.Fatal(err)
			}
			list := pulled()
			if tt.change != nil {
				tt.change(&list)
			}
			if err := db.InsertCheckpoints(t.Context(), list, 1); err != nil {
				t.Fatal(err)
			}
			j := &Job{
				GraceDays: 3, Biller: &billing.Biller{Start: date(t, "2026-10-01")},
				Syncer: &ingest.Syncer{DB: db, Start: start, Settle: 15 * 24 * time.Hour},
			}
			if err := j.cover(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			tm := &billing.TenantMonth{Unrated: tt.unrated, Document: &billing.Document{Accounts: []billing.Account{{SID: sid}}}}
			got, err := j.parked(tm, billing.Month(date(t, "2026-10-01"), "UTC"), o)
			if err != nil || !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("parked because %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// A month from its first draft to its invoices, and the same run once more.
func TestRun(t *testing.T) {
	j, sim := newJob(t)
	j.Biller.Tenants[0].Until = pricing.Date{}
	october := filepath.Join(j.Files.Dir, "2026-10")

	sim.SetNow(date(t, "2026-10-20").Start(time.UTC))
	r := run(t, j, at(t, "2026-10-20"))
	if len(r.Months) != 1 || statuses(&r.Months[0]) != "t1 draft, t2 draft, t3 draft" || len(r.Months[0].Finalized) != 0 {
		t.Fatalf("20 October: %d months, %s", len(r.Months), statuses(&r.Months[0]))
	}
	if got := slices.Sorted(maps.Keys(snapshot(t, october))); !slices.Equal(got, []string{
		"drafts/t1.pdf", "drafts/t2.pdf", "drafts/t3.pdf", "lines.csv", "statement.csv", "statement.html", "statement.pdf", "usage.csv"}) {
		t.Errorf("20 October: files %v", got)
	}
	if got := column(t, filepath.Join(october, "lines.csv"), "status"); !slices.Equal(got, []string{"draft"}) {
		t.Errorf("20 October: lines of status %v", got)
	}

	sim.SetNow(date(t, "2026-11-25").Start(time.UTC))
	r = run(t, j, at(t, "2026-11-25"))
	const done = "t1 finalized INV-2026-000001, t2 finalized INV-2026-000002, t3 finalized INV-2026-000003"
	if len(r.Months) != 2 || statuses(&r.Months[0]) != done || statuses(&r.Months[1]) != "t1 draft" {
		t.Fatalf("25 November: %s; %s", statuses(&r.Months[0]), statuses(&r.Months[1]))
	}
	if want := []string{"INV-2026-000001", "INV-2026-000002", "INV-2026-000003"}; !slices.Equal(r.Months[0].Finalized, want) {
		t.Errorf("finalized %v, want %v", r.Months[0].Finalized, want)
	}
	files := slices.Sorted(maps.Keys(snapshot(t, october)))
	if !slices.Equal(files, []string{"invoices/INV-2026-000001.pdf", "invoices/INV-2026-000002.pdf", "invoices/INV-2026-000003.pdf",
		"lines.csv", "statement.csv", "statement.html", "statement.pdf", "usage.csv"}) {
		t.Errorf("25 November: files %v", files)
	}
	for i, path := range r.Months[0].Files {
		if want := filepath.Join(october, files[i]); i < 3 && path != want || !slices.Contains(files, strings.TrimPrefix(path, october+"/")) {
			t.Errorf("reported file %d is %s, want %s", i, path, want)
		}
	}
	before := snapshot(t, october)

	// Later runs change nothing of it: neither the same once more, nor one that
	// bills this month alone.
	r = run(t, j, at(t, "2026-11-25"))
	if len(r.Months) != 2 || statuses(&r.Months[0]) != done || len(r.Months[0].Finalized)+len(r.Months[0].Late) != 0 {
		t.Errorf("the same run once more: %d months: %s", len(r.Months), statuses(&r.Months[0]))
	}
	o := at(t, "2026-12-03")
	o.Period = date(t, "2026-10-01")
	sim.SetNow(o.Now)
	r = run(t, j, o)
	if len(r.Months) != 1 || statuses(&r.Months[0]) != done || len(r.Months[0].Finalized)+len(r.Months[0].Late) != 0 {
		t.Errorf("billed once more: %d months: %s, finalized %v, changed %v", len(r.Months), statuses(&r.Months[0]), r.Months[0].Finalized, r.Months[0].Late)
	}
	// Long after its usage has settled the month is left alone.
	o = at(t, "2027-01-03")
	sim.SetNow(o.Now)
	if r = run(t, j, o); len(r.Months) == 0 || r.Months[0].Statement.Period.Label() != "2026-11" {
		t.Errorf("in January: %d months, want November to be the first", len(r.Months))
	}
	if diff := cmp.Diff(before, snapshot(t, october)); diff != "" {
		t.Errorf("files changed (-before +after):\n%s", diff)
	}
}

// A billing date ahead of Twilio's clock finalizes nothing: an invoice is for
// good.
func TestBillingDateInTheFuture(t *testing.T) {
	j, sim := newJob(t)
	sim.SetNow(date(t, "2026-10-25").Start(time.UTC))
	r := run(t, j, at(t, "2027-10-25"))
	if got := statuses(&r.Months[0]); got != "t1 draft, t2 draft, t3 draft" {
		t.Errorf("a year ahead: %s", got)
	}
}

// A tenant that moves to another time zone is billed on from where its last
// invoice ended: nothing twice, and nothing never.
func TestTimeZoneChange(t *testing.T) {
	j, sim := newJob(t)
	for i := range j.Biller.Tenants {
		j.Biller.Tenants[i].Until = pricing.Date{}
	}
	o := at(t, "2026-11-05")
	sim.SetNow(date(t, "2026-11-25").Start(time.UTC))
	run(t, j, Options{AsOf: date(t, "2026-11-25"), Now: at(t, "2026-11-25").Now, Period: date(t, "2026-10-01")})
	j.Biller.Tenants[1].TimeZone = "America/New_York" // from Asia/Tokyo
	o.Period = date(t, "2026-11-01")
	list, err := j.Look(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, tm := range list {
		if tm.Document.Tenant != "t2" {
			continue
		}
		use, err := tm.Document.Slices()
		if err != nil {
			t.Fatal(err)
		}
		if want := time.Date(2026, 10, 31, 15, 0, 0, 0, time.UTC); len(use) != 1 || !use[0].From.Equal(want) {
			t.Errorf("November begins at %v, want %s, where October ended in Tokyo", use, want)
		}
		return
	}
	t.Error("t2 has no November")
}

func TestNeedsPerson(t *testing.T) {
	j, _ := newJob(t)
	for i := range j.Biller.Tenants {
		j.Biller.Tenants[i].Until = pricing.Date{}
	}
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	if r := run(t, j, o); r.NeedsPerson() {
		t.Errorf("a person is asked for, though only the main account has usage without a tenant: %v", r.Months[0].Statement.Unassigned)
	}
	j, _ = newJob(t)
	for i := range j.Biller.Tenants {
		j.Biller.Tenants[i].Until = pricing.Date{}
	}
	j.Biller.Tenants = j.Biller.Tenants[:2]
	r := run(t, j, o)
	if st := r.Months[0].Statement; !r.NeedsPerson() || len(st.Unassigned) != 2 {
		t.Errorf("nobody is told of a subaccount without a tenant: %v", st.Unassigned)
	}
	r.Months = nil
	r.Sync.Failures = []ingest.Failure{{}}
	if !r.NeedsPerson() {
		t.Error("nobody is told of a list that could not be pulled")
	}
}

// This machine's clock may be ahead of Twilio's on the day that a period is
// due.
func TestClockAhead(t *testing.T) {
	j, sim := newJob(t)
	j.GraceDays = 19
	o := at(t, "2026-11-20") // in New York the grace ends four hours later
	sim.SetNow(o.Now.Add(-2 * time.Second))
	for _, row := range run(t, j, o).Months[0].Statement.Tenants {
		if row.Status != billing.Finalized {
			t.Errorf("%s is %s: %s", row.Tenant, row.Status, row.Reason)
		}
	}
}

// In a month's first hours Twilio has put a price on nothing yet.
func TestMonthWithoutCost(t *testing.T) {
	j, sim := newJob(t)
	for i := range j.Biller.Tenants {
		j.Biller.Tenants[i].TimeZone = "America/New_York"
	}
	sim.SetNow(date(t, "2026-10-01").Start(time.UTC))
	r := run(t, j, at(t, "2026-10-02"))
	if got := statuses(&r.Months[0]); got != "t1 draft, t2 draft, t3 draft" {
		t.Error(got)
	}
}

// What an earlier run wrote of drafts must not stay when the invoices came
// about in another way than by a run that ended well.
func TestFilesOfDraftsDoNotStay(t *testing.T) {
	tests := []struct {
		name     string
		finalize func(t *testing.T, j *Job, o Options)
	}{
		{"died between finalizing and writing", func(t *testing.T, j *Job, o Options) {
			inTheWay := filepath.Join(j.Files.Dir, "2026-10", "invoices")
			if err := os.WriteFile(inTheWay, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Run(t.Context(), o); err == nil {
				t.Fatal("a run that could not write ended well")
			}
			if err := os.Remove(inTheWay); err != nil {
				t.Fatal(err)
			}
		}},
		{"finalized one by one", func(t *testing.T, j *Job, o Options) {
			o.Period = date(t, "2026-10-01")
			for i := range j.Biller.Tenants {
				if tm, _, err := j.Finalize(t.Context(), &j.Biller.Tenants[i], o); err != nil || tm.Status != billing.Finalized {
					t.Fatal(tm.Reason, err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, sim := newJob(t)
			sim.SetNow(date(t, "2026-11-02").Start(time.UTC))
			run(t, j, at(t, "2026-11-02"))
			sim.SetNow(date(t, "2026-11-25").Start(time.UTC))
			tt.finalize(t, j, at(t, "2026-11-25"))
			run(t, j, at(t, "2026-11-25"))
			october := filepath.Join(j.Files.Dir, "2026-10")
			for _, name := range []string{"lines.csv", "statement.csv"} {
				if got := column(t, filepath.Join(october, name), "status"); slices.Contains(got, billing.Drafted) || !slices.Contains(got, billing.Finalized) {
					t.Errorf("%s has rows of status %v", name, got)
				}
			}
			if got := column(t, filepath.Join(october, "usage.csv"), "invoice"); len(got) != 3 || got[0] == "" {
				t.Errorf("usage.csv has invoices %q", got)
			}
			if left, _ := filepath.Glob(filepath.Join(october, "drafts", "*")); len(left) != 0 {
				t.Errorf("drafts are left: %v", left)
			}
		})
	}
}

// An invoice without a line is in no row of lines.csv, but the statement has
// to say that it is there.
func TestInvoiceWithoutLines(t *testing.T) {
	j, _ := newJob(t)
	o := at(t, "2026-11-25")
	j.Biller.Tenants[2].Subaccounts = []billing.Assignment{{SID: "AC00000000000000000000000000000009"}}
	r := run(t, j, o)
	if got, want := statuses(&r.Months[0]), "t1 finalized INV-2026-000001, t2 finalized INV-2026-000002, t3 parked"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	j.Biller.Tenants[2].Subaccounts = nil
	run(t, j, o)
	if got := column(t, filepath.Join(j.Files.Dir, "2026-10", "statement.csv"), "status"); slices.Contains(got, billing.Parked) {
		t.Errorf("statement.csv has rows of status %q", got)
	}
	left, _ := filepath.Glob(filepath.Join(j.Files.Dir, "2026-10", "drafts", "*"))
	if len(left) != 0 {
		t.Errorf("drafts are left: %v", left)
	}
}

// A tenant whose usage has no rate waits; the others do not, and its number
// follows theirs.
func TestParkedTenant(t *testing.T) {
	j, _ := newJob(t)
	j.Biller.Tenants[1].Plan = "no sms"
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	r := run(t, j, o)
	m := &r.Months[0]
	if got, want := statuses(m), "t1 finalized INV-2026-000001, t2 parked, t3 finalized INV-2026-000002"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if row := m.Statement.Tenants[1]; !strings.Contains(row.Reason, "have no rate: sms: no charge fits") || len(m.Statement.Unrated) != 1 ||
		m.Statement.Unrated[0].Tenant != "t2" || m.Statement.Unrated[0].Records == 0 {
		t.Errorf("reason %q, unrated %v", row.Reason, m.Statement.Unrated)
	}
	if !r.NeedsPerson() {
		t.Error("nobody is told")
	}
	if _, err := os.Stat(filepath.Join(j.Files.Dir, "2026-10", "drafts", "t2.pdf")); err != nil {
		t.Errorf("its draft: %v", err)
	}
	if got := column(t, filepath.Join(j.Files.Dir, "2026-10", "usage.csv"), "outcome"); !slices.Contains(got, "unrated") {
		t.Errorf("usage.csv has outcomes %v", got)
	}

	j.Biller.Tenants[1].Plan = "euro"
	r = run(t, j, o)
	if got, want := statuses(&r.Months[0]), "t1 finalized INV-2026-000001, t2 finalized INV-2026-000003, t3 finalized INV-2026-000002"; got != want {
		t.Errorf("with a rate: %s, want %s", got, want)
	}
	if !slices.Equal(r.Months[0].Finalized, []string{"INV-2026-000003"}) || len(r.Months[0].Late) != 0 {
		t.Errorf("with a rate: finalized %v, late %v", r.Months[0].Finalized, r.Months[0].Late)
	}
	if got := column(t, filepath.Join(j.Files.Dir, "2026-10", "lines.csv"), "invoice"); !slices.Equal(got, []string{"INV-2026-000001", "INV-2026-000002", "INV-2026-000003"}) {
		t.Errorf("lines.csv has invoices %v", got)
	}
	if _, err := os.Stat(filepath.Join(j.Files.Dir, "2026-10", "drafts", "t2.pdf")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its draft is still there: %v", err)
	}
}

// What an invoice says does not follow the usage, and the export says so.
func TestUsageChangedAfterwards(t *testing.T) {
	j, _ := newJob(t)
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	run(t, j, o)
	reg, err := register.Open(t.Context(), j.Biller.DB, j.Register)
	if err != nil {
		t.Fatal(err)
	}
	exported := func() (changed []string) {
		t.Helper()
		tenants, err := j.Look(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := Usage(t.Context(), io.Discard, export.Format{}, j.Biller, tenants); err != nil {
			t.Fatal(err)
		}
		if changed, err = Changed(t.Context(), j.Biller, tenants); err != nil {
			t.Fatal(err)
		}
		return changed
	}
	if changed := exported(); len(changed) != 0 {
		t.Errorf("at once: %v changed", changed)
	}
	before, err := reg.Number("INV-2026-000002")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Document(t.Context(), reg, before)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 10, 15, 12, 0, 0, 0, time.UTC)
	err = j.Biller.DB.InsertUsage(t.Context(), &warehouse.Usage{
		Account: []string{j.Biller.Tenants[1].Subaccounts[0].SID}, SID: []string{"late"}, Kind: []string{"sms"}, Direction: []string{"inbound"},
		Status: []string{"received"}, From: []string{""}, To: []string{""}, ParentSID: []string{""},
		Created: []time.Time{noon}, Started: []time.Time{noon}, Updated: []time.Time{noon},
		Quantity: []decimal.Decimal{decimal.NewFromInt(1)}, Cost: []*decimal.Decimal{nil}, Currency: []string{""}, Final: []bool{true},
	}, 99)
	if err != nil {
		t.Fatal(err)
	}
	if changed := exported(); !slices.Equal(changed, []string{"INV-2026-000002"}) {
		t.Errorf("after a late record: %v changed", changed)
	}
	if again, err := Document(t.Context(), reg, before); err != nil || !cmp.Equal(doc.Lines, again.Lines) {
		t.Errorf("the invoice's lines changed: %v", err)
	}
}

// A record whose cost changed, and no amount with it, leaves the amounts as they
// are.
func TestCostChangedAfterwards(t *testing.T) {
	j, _ := newJob(t)
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	run(t, j, o)
	tenants, err := j.Look(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	billed, err := tenants[0].Document.Slices()
	if err != nil {
		t.Fatal(err)
	}
	var u warehouse.Usage
	err = j.Biller.DB.EachUsage(t.Context(), billed, func(r *warehouse.UsageRow) error {
		if r.Cost == nil || r.Kind != "sms" || len(u.SID) > 0 {
			return nil
		}
		cost := r.Cost.Add(decimal.NewFromInt(1))
		u = warehouse.Usage{
			Account: []string{r.Account}, SID: []string{r.SID}, Kind: []string{r.Kind}, Direction: []string{r.Direction}, Status: []string{r.Status},
			From: []string{r.From}, To: []string{r.To}, ParentSID: []string{r.ParentSID}, Created: []time.Time{r.StartedAt}, Started: []time.Time{r.StartedAt},
			Updated: []time.Time{r.StartedAt}, Quantity: []decimal.Decimal{r.Quantity}, Cost: []*decimal.Decimal{&cost}, Currency: []string{r.Currency}, Final: []bool{true},
		}
		return nil
	})
	if err != nil || len(u.SID) == 0 {
		t.Fatalf("no message with a cost: %v", err)
	}
	if err := j.Biller.DB.InsertUsage(t.Context(), &u, 99); err != nil {
		t.Fatal(err)
	}
	marks, err := j.Biller.Watermarks(t.Context(), []*billing.Document{tenants[0].Document})
	if err != nil || marks[0] == tenants[0].Document.Usage {
		t.Fatalf("nothing has changed, %v", err)
	}
	if changed, err := Changed(t.Context(), j.Biller, tenants); err != nil || len(changed) > 0 {
		t.Errorf("changed %v, %v; no amount did", changed, err)
	}
}

func TestFinalizeOne(t *testing.T) {
	j, sim := newJob(t)
	who := &j.Biller.Tenants[1]
	sim.SetNow(date(t, "2026-11-02").Start(time.UTC))
	o := at(t, "2026-11-02")
	o.Period = date(t, "2026-10-01")
	tm, path, err := j.Finalize(t.Context(), who, o)
	if err != nil || tm.Status != billing.Drafted || tm.Reason != "not due before 2026-11-04" || !strings.HasSuffix(path, "2026-10/drafts/t2.pdf") {
		t.Errorf("before it is due: %s, %q, %s, %v", tm.Status, tm.Reason, path, err)
	}
	sim.SetNow(date(t, "2026-11-25").Start(time.UTC))
	o = Options{AsOf: date(t, "2026-11-25"), Now: at(t, "2026-11-25").Now, Period: o.Period}
	for range 2 {
		tm, path, err = j.Finalize(t.Context(), who, o)
		if err != nil || tm.Status != billing.Finalized || !strings.HasSuffix(path, "2026-10/invoices/INV-2026-000001.pdf") {
			t.Errorf("when it is due: %s, %q, %s, %v", tm.Status, tm.Reason, path, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	o.Period = date(t, "2026-09-01")
	if _, _, err = j.Finalize(t.Context(), who, o); err == nil || !strings.Contains(err.Error(), "t2 is not billed in 2026-09") {
		t.Errorf("before billing begins: %v", err)
	}
	// The others follow it.
	o.Period = date(t, "2026-10-01")
	if got, want := statuses(&run(t, j, o).Months[0]), "t1 finalized INV-2026-000002, t2 finalized INV-2026-000001, t3 finalized INV-2026-000003"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWriteFile(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	path := filepath.Join(t.TempDir(), "a", "b", "file.csv")
	write := func(text string, fail error) error {
		return WriteFile(path, func(w io.Writer) error {
			io.WriteString(w, text)
			return fail
		})
	}
	if err := write("one", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := write("half", broken); !errors.Is(err, broken) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "one" {
		t.Errorf("after a failure the file is %q, %v", got, err)
	}
	if err := write("two", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "two" {
		t.Errorf("the file is %q, %v", got, err)
	}
	for _, dir := range []string{tmp, filepath.Dir(path)} {
		for name := range snapshot(t, dir) {
			if name != "file.csv" {
				t.Errorf("%s was left behind in %s", name, dir)
			}
		}
	}
}

// Of what else lies in the folder only unfinished documents are ours to remove.
func TestRemoveUnfinished(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"invoices/.INV-2026-000001.pdf123", ".usage.csv456", ".statement.pdf7", "usage.csv", "invoices/INV-2026-000001.pdf", ".notes/x", ".DS_Store"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	want := []string{".DS_Store", ".notes/x", "invoices/INV-2026-000001.pdf", "usage.csv"}
	if got := slices.Sorted(maps.Keys(snapshot(t, dir))); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

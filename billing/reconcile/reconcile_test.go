package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func TestMain(m *testing.M) { os.Exit(warehousetest.Main(m)) }

var (
	october  = pricing.Date{Year: 2026, Month: 10, Day: 1}
	november = october.NextMonth()
	cent     = decimal.New(1, -2)
)

// settled is when everything was pulled, and of when Twilio's figures are.
const settled = "2026-11-18T00:00:00Z"

func utc(t testing.TB, s string) time.Time {
	t.Helper()
	if len(s) == len(time.DateOnly) {
		s += "T00:00:00Z"
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// insertUsage writes usage records, each as "account kind started status
// direction from to quantity cost currency", where a cost of - is none yet.
func insertUsage(t testing.TB, db *warehouse.DB, sync uint32, lines ...string) {
	t.Helper()
	u := &warehouse.Usage{}
	for i, line := range lines {
		f := strings.Fields(line)
		at := utc(t, f[2])
		u.Account, u.Kind, u.Status, u.Direction = append(u.Account, f[0]), append(u.Kind, f[1]), append(u.Status, f[3]), append(u.Direction, f[4])
		u.SID = append(u.SID, fmt.Sprintf("XX%d-%d", sync, i))
		u.From, u.To, u.ParentSID = append(u.From, f[5]), append(u.To, f[6]), append(u.ParentSID, "")
		u.Created, u.Started, u.Updated = append(u.Created, at), append(u.Started, at), append(u.Updated, at)
		u.Quantity = append(u.Quantity, decimal.RequireFromString(f[7]))
		var cost *decimal.Decimal
		if f[8] != "-" {
			d := decimal.RequireFromString(f[8])
			cost = &d
		}
		u.Cost, u.Currency, u.Final = append(u.Cost, cost), append(u.Currency, f[9]), append(u.Final, cost != nil)
	}
	if err := db.InsertUsage(t.Context(), u, sync); err != nil {
		t.Fatal(err)
	}
}

// insertRecords writes Usage Records, each as "account day category count usage
// price currency", and says that they were pulled.
func insertRecords(t testing.TB, db *warehouse.DB, sync uint32, asOf string, accounts []string, lines ...string) {
	t.Helper()
	var list []warehouse.UsageRecord
	for _, line := range lines {
		f := strings.Fields(line)
		d := decimal.RequireFromString
		list = append(list, warehouse.UsageRecord{Account: f[0], Day: utc(t, f[1]), Category: f[2],
			Records: d(f[3]), Quantity: d(f[4]), Cost: d(f[5]), Currency: strings.Trim(f[6], "-"), AsOf: utc(t, asOf)})
	}
	if err := db.InsertUsageRecords(t.Context(), list, sync); err != nil {
		t.Fatal(err)
	}
	for _, account := range accounts {
		insertWindow(t, db, sync, account, warehouse.UsageRecords, "2026-10-01", asOf, 0)
	}
}

func insertWindow(t testing.TB, db *warehouse.DB, sync uint32, account, resource, day, pulled string, pending uint64) {
	t.Helper()
	err := db.InsertCheckpoints(t.Context(), []warehouse.Checkpoint{{
		Window: warehouse.Window{Account: account, Resource: resource, Day: utc(t, day)}, PulledAt: utc(t, pulled), Pending: pending,
	}}, sync)
	if err != nil {
		t.Fatal(err)
	}
}

// pullAll says that every window of the accounts' October was pulled.
func pullAll(t testing.TB, db *warehouse.DB, sync uint32, accounts ...string) {
	t.Helper()
	var list []warehouse.Checkpoint
	for _, account := range accounts {
		for _, resource := range []string{"calls", "messages", "recordings", "transcriptions"} {
			for d := range 31 {
				list = append(list, warehouse.Checkpoint{
					Window:   warehouse.Window{Account: account, Resource: resource, Day: utc(t, "2026-10-01").AddDate(0, 0, d)},
					PulledAt: utc(t, settled),
				})
			}
		}
	}
	if err := db.InsertCheckpoints(t.Context(), list, sync); err != nil {
		t.Fatal(err)
	}
}

func compareOctober(t testing.TB, db *warehouse.DB, tolerance decimal.Decimal) *billing.Reconciliation {
	t.Helper()
	r, err := Compare(t.Context(), db, october, november, tolerance)
	if err != nil {
		t.Fatal(err)
	}
	sum := decimal.Decimal{}
	for _, d := range r.Differences {
		sum = sum.Add(d.Cost())
	}
	if !r.Twilio.Sub(r.Ours).Equal(sum) {
		t.Errorf("costs differ by %s, and the differences come to %s", r.Twilio.Sub(r.Ours), sum)
	}
	return r
}

// lines are differences as text.
func lines(r *billing.Reconciliation) []string {
	out := []string{}
	for _, d := range r.Differences {
		above := ""
		if d.Above {
			above = " above"
		}
		figures := func(f billing.UsageFigures) string { return fmt.Sprint(f.Records, " ", f.Quantity, " ", f.Cost) }
		out = append(out, fmt.Sprintf("%s %s %s: %s, %s: %s%s", d.Account.SID, d.Category, d.Day, figures(d.Ours), figures(d.Twilio), d.Cause, above))
	}
	return out
}

// TestCategories has every kind of record once, and Twilio's figures worked out
// by hand: nothing differs, whatever overlaps.
func TestCategories(t *testing.T) {
	db := warehousetest.Open(t)
	insertUsage(t, db, 1,
		// Three calls of 61 seconds are six minutes: each is rounded up alone.
		"AC1 call 2026-10-01T00:00:00Z completed inbound +1 +2 61 0.01 USD",
		"AC1 call 2026-10-01T12:00:00Z completed outbound-api +2 +1 61 0.02 USD",
		"AC1 call 2026-10-01T23:59:59Z completed outbound-dial +2 +1 61 - USD", // counted, not in the cost
		"AC1 call 2026-10-02T00:00:00Z completed inbound +1 +2 60 0.04 USD",    // the next day
		"AC1 call 2026-09-30T23:59:59Z completed inbound +1 +2 60 9 USD",       // the month before
		"AC1 call 2026-11-01T00:00:00Z completed inbound +1 +2 60 9 USD",       // the month after
		"AC1 call 2026-10-01T12:00:00Z busy outbound-api +2 +1 0 - USD",        // not charged
		"AC1 call 2026-10-01T12:00:00Z canceled outbound-api +2 +1 0 0.5 USD",  // but this one is
		"AC1 call 2026-10-01T12:00:00Z completed outbound-dial +2 client:joe 1 0.004 USD",
		"AC1 call 2026-10-01T12:00:00Z completed inbound SIP:ext1@pbx.example.com +2 120 0.008 USD",
		"AC1 call 2026-10-01T12:00:00Z completed trunking-originating +1 +2 59 0.003 USD",
		"AC1 call 2026-10-01T12:00:00Z completed trunking-terminating sip:a@b +2 121 0.0075 USD",
		"AC1 sms 2026-10-01T12:00:00Z delivered outbound-api +2 +1 3 0.03 USD",
		"AC1 sms 2026-10-01T12:00:00Z undelivered outbound-api +2 +1 1 0.01 USD",
		"AC1 sms 2026-10-01T12:00:00Z failed outbound-api +2 +1 1 - USD",
		"AC1 mms 2026-10-01T12:00:00Z received inbound +1 +2 1 0.0165 USD",
		"AC1 whatsapp 2026-10-01T12:00:00Z received inbound whatsapp:+1 whatsapp:+2 1 0.005 USD",
		"AC1 whatsapp 2026-10-01T12:00:00Z read outbound-reply whatsapp:+2 whatsapp:+1 1 0.005 USD",
		"AC1 whatsapp 2026-10-01T12:00:00Z undelivered outbound-api whatsapp:+2 whatsapp:+1 1 - USD",
		"AC1 recording 2026-10-01T12:00:00Z deleted . . . 61 0.005 USD",
		"AC1 transcription 2026-10-01T12:00:00Z failed . . . 20 0.05 USD",
		"AC1 number 2026-10-01T12:00:00Z held . . . 1 - USD",
	)
	pullAll(t, db, 1, "AC1", "AC2")
	insertRecords(t, db, 2, settled, []string{"AC1", "AC2"},
		"AC1 2026-10-01 calls 4 6 0.53 USD", // 0.01 + 0.02 + 0.5, and a minute each of 61 seconds twice
		"AC1 2026-10-01 calls-inbound 1 2 0.01 USD",
		"AC1 2026-10-01 calls-inbound-local 1 2 0.01 USD",
		"AC1 2026-10-01 calls-outbound 3 4 0.52 USD",
		"AC1 2026-10-02 calls 1 1 0.04 USD",
		"AC1 2026-10-01 calls-client 1 1 0.004 USD",
		"AC1 2026-10-01 calls-sip 1 2 0.008 USD",
		"AC1 2026-10-01 calls-sip-inbound 1 2 0.008 USD",
		"AC1 2026-10-01 trunking-origination 1 1 0.003 USD",
		"AC1 2026-10-01 trunking-termination 1 3 0.0075 USD",
		"AC1 2026-10-01 sms 2 4 0.032 USD", // and the carriers' part of the same price
		"AC1 2026-10-01 sms-outbound 2 4 0.032 USD",
		"AC1 2026-10-01 sms-messages-carrierfees 4 4 0.008 USD",
		"AC1 2026-10-01 mms 1 1 0.0165 USD",
		"AC1 2026-10-01 channels 2 2 0.01 USD",
		"AC1 2026-10-01 channels-messaging-inbound 1 1 0.005 USD",
		"AC1 2026-10-01 channels-messaging-outbound 1 1 0.005 USD",
		"AC1 2026-10-01 recordings 1 2 0.005 USD",
		"AC1 2026-10-01 calls-recordings 1 2 0.005 USD",
		"AC1 2026-10-01 transcriptions 1 1 0.05 USD",
		"AC1 2026-10-01 phonenumbers 1 1 1.15 USD",
		"AC1 2026-10-01 phonenumbers-local 1 1 1.15 USD",
		"AC1 2026-10-03 phonenumbers 1 1 1.15 USD",
		"AC1 2026-10-01 authy-sms-outbound 1 1 0.01 USD", // is in sms, says Twilio
		"AC1 2026-10-01 totalprice 0 1.832 1.832 USD",    // 0.53+0.004+0.008+0.003+0.0075+0.04+0.0165+0.01+0.005+0.05+1.15 = 1.824, less than the total
	)
	r := compareOctober(t, db, cent)
	want := []string{"AC1 totalprice 2026-10-01: 0 0 0, 0 0 0.008: category not metered"}
	if diff := gocmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	// 1.824 less the number, and the second day.
	if r.Ours.String() != "0.714" || r.Currency != "USD" || r.Compared != 13 || r.Above() != 0 {
		t.Errorf("our cost %s %s of %d, %d above; want 0.714 USD of 13, none", r.Ours, r.Currency, r.Compared, r.Above())
	}
	if want := []billing.CategoryCost{{Category: "phonenumbers", Cost: decimal.RequireFromString("2.3"), Reason: whyNotPhoneNumbers}}; !gocmp.Equal(want, r.NotCompared) {
		t.Errorf("not compared: %v", r.NotCompared)
	}
}

func TestCauses(t *testing.T) {
	const sms = "sms 2026-10-15T12:00:00Z delivered outbound-api +2 +1 "
	tests := []struct {
		name    string
		usage   []string // by sync 5
		old     []string // by sync 4
		records []string // of 15 October
		asOf    string
		window  string // when messages of the day were pulled; - for never
		pending uint64
		want    []string // without the account and day
		detail  string
	}{
		{name: "the same", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0.01 USD"}},
		{name: "messages or segments", usage: []string{sms + "3 0.03 USD"}, records: []string{"sms 3 3 0.03 USD"}},
		{name: "messages twice", usage: []string{sms + "3 0.03 USD"}, records: []string{"sms 1 1 0.03 USD"}},
		{name: "more than segments", usage: []string{sms + "3 0.03 USD"}, records: []string{"sms 4 4 0.04 USD"},
			want: []string{"sms: 1 3 0.03, 4 4 0.04: unknown"}, detail: "nothing that is known"},
		{name: "records that cost nothing", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 2 2 0.01 USD"},
			want: []string{"sms: 1 1 0.01, 2 2 0.01: unknown"}},
		{name: "above", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0.02001 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0.02001: unknown above"}},
		{name: "ours above", usage: []string{sms + "1 0.03 USD"}, records: []string{"sms 1 1 0.01 USD"},
			want: []string{"sms: 1 1 0.03, 1 1 0.01: unknown above"}},
		{name: "at the tolerance", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0.02 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0.02: unknown"}},
		{name: "rounding", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0.01999 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0.01999: rounding"}, detail: "smallest unit"},
		{name: "rounding of a yen", usage: []string{sms + "1 10 JPY"}, records: []string{"sms 1 1 10.4 JPY"},
			want: []string{"sms: 1 1 10, 1 1 10.4: rounding above"}},
		{name: "price still null", usage: []string{sms + "1 0.01 USD", sms + "1 - USD"}, records: []string{"sms 2 2 0.05 USD"},
			want: []string{"sms: 2 2 0.01, 2 2 0.05: price still null above"}, detail: "1 record without a price when last pulled, at 2026-11-18T00:00Z"},
		{name: "Twilio has no price", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0 -", "totalprice 0 0.01 0.01 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0: price still null"}, detail: "Twilio has no price of its sms yet, as of 2026-11-18T00:00Z"},
		{name: "Twilio has no price, and a total of more", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 1 1 0 -", "totalprice 0 0.51 0.51 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0: price still null", "totalprice: 0 0 0, 0 0 0.5: category not metered above"}},
		{name: "no price is no excuse for other records", usage: []string{sms + "1 0.01 USD"}, records: []string{"sms 2 2 0 -"},
			want: []string{"sms: 1 1 0.01, 2 2 0: unknown"}},
		{name: "another currency", usage: []string{sms + "1 0.01 EUR"}, records: []string{"sms 1 1 0.01 USD"},
			want: []string{"sms: 1 1 0.01, 1 1 0.01: currency differs above"}, detail: "Twilio's is USD, ours is in EUR"},
		{name: "two currencies", usage: []string{sms + "1 0.01 EUR", sms + "1 0.01 USD"}, records: []string{"sms 2 2 0.01 USD"},
			want: []string{"sms: 2 2 0.01, 2 2 0.01: currency differs above"}, detail: "ours is in EUR, USD"},
		{name: "never pulled", records: []string{"sms 1 1 0.5 USD"}, window: "-",
			want: []string{"sms: 0 0 0, 1 1 0.5: window not closed above"}, detail: "the day's messages were never pulled"},
		{name: "pulled before the day was over", usage: []string{sms + "1 0.5 USD"}, records: []string{"sms 2 2 1 USD"}, window: "2026-10-15T23:59:59Z",
			want: []string{"sms: 1 1 0.5, 2 2 1: window not closed above"}, detail: "at 2026-10-15T23:59Z, before it was over"},
		{name: "not final", usage: []string{sms + "1 0.5 USD"}, records: []string{"sms 2 2 1 USD"}, pending: 1,
			want: []string{"sms: 1 1 0.5, 2 2 1: window not closed above"}, detail: "1 record of the day's messages not final when last pulled"},
		{name: "not priced is not the cause", usage: []string{sms + "1 - USD"}, records: []string{"sms 4 4 1 USD"}, pending: 1,
			want: []string{"sms: 1 1 0, 4 4 1: unknown above"}},
		{name: "Twilio has a later one", usage: []string{sms + "1 0.5 USD"}, records: []string{"sms 2 2 1 USD"}, window: "2026-11-04T00:00:00Z",
			want: []string{"sms: 1 1 0.5, 2 2 1: record after the cut above"}, detail: "last pulled at 2026-11-04T00:00Z, and Twilio's figures are of 2026-11-18T00:00Z"},
		{name: "we have a later one", usage: []string{sms + "1 0.5 USD"}, asOf: "2026-10-15T11:00:00Z",
			want: []string{"sms: 1 1 0.5, 0 0 0: record after the cut above"}, detail: "1 record started or changed after 2026-10-15T11:00Z"},
		{name: "vanished", old: []string{sms + "1 0.5 USD"}, usage: []string{sms + "1 0.25 USD"}, records: []string{"sms 1 1 0.25 USD"},
			want: []string{"sms: 2 2 0.75, 1 1 0.25: record vanished above"}, detail: "1 record in none of Twilio's lists any more"},
		{name: "vanished, but billed", old: []string{sms + "1 0.5 USD"}, records: []string{"sms 1 1 0.5 USD"}},
		{name: "no source", records: []string{"fax-pages 1 1 0.5 USD", "fax-pages-inbound 1 1 0.5 USD", "free-thing 5 5 0 USD", "totalprice 0 0.5 0.5 USD"},
			want: []string{"fax-pages: 0 0 0, 1 1 0.5: category not metered above"}, detail: "in no list"},
		{name: "in no category", records: []string{"totalprice 0 0.5 0.5 USD"},
			want: []string{"totalprice: 0 0 0, 0 0 0.5: category not metered above"}, detail: "none of its categories"},
		{name: "categories that overlap", records: []string{"a 1 1 0.5 USD", "b 1 1 0.5 USD", "totalprice 0 0.5 0.5 USD"},
			want: []string{"a: 0 0 0, 1 1 0.5: category not metered above", "b: 0 0 0, 1 1 0.5: category not metered above"}},
	}
	db := warehousetest.Open(t)
	var old, usage []string
	for i, tt := range tests {
		account := fmt.Sprintf("AC%02d", i)
		of := func(lines []string, between string) (out []string) {
			for _, line := range lines {
				out = append(out, account+" "+between+line)
			}
			return out
		}
		old, usage = append(old, of(tt.old, "")...), append(usage, of(tt.usage, "")...)
		if tt.window != "-" {
			insertWindow(t, db, 5, account, "messages", "2026-10-15", cmp.Or(tt.window, settled), tt.pending)
		}
		insertRecords(t, db, 6, cmp.Or(tt.asOf, settled), []string{account}, of(tt.records, "2026-10-15 ")...)
	}
	insertUsage(t, db, 4, old...)
	insertUsage(t, db, 5, usage...)
	r, err := Compare(t.Context(), db, october, november, cent)
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mine := &billing.Reconciliation{Differences: slices.DeleteFunc(slices.Clone(r.Differences), func(d billing.UsageDifference) bool {
				return d.Account.SID != fmt.Sprintf("AC%02d", i)
			})}
			want := []string{}
			for _, w := range tt.want {
				category, rest, _ := strings.Cut(w, ":")
				want = append(want, fmt.Sprintf("AC%02d %s 2026-10-15:%s", i, category, rest))
			}
			if diff := gocmp.Diff(want, lines(mine)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if len(want) > 0 && !strings.Contains(mine.Differences[0].Detail, tt.detail) {
				t.Errorf("detail %q, want %q", mine.Differences[0].Detail, tt.detail)
			}
		})
	}
}

// Subaccounts, days and categories are kept apart, and come in order; those that
// could not be read are named, and taken for nothing.
func TestOrder(t *testing.T) {
	db := warehousetest.Open(t)
	if _, err := Compare(t.Context(), db, october, november, cent); !errors.Is(err, ErrNotPulled) {
		t.Errorf("without Usage Records: %v", err)
	}
	created := utc(t, "2026-01-01")
	accounts := []warehouse.Account{
		{SID: "AC1", Name: "One", Status: "active", Created: created, Updated: created},
		{SID: "AC2", Name: "Two", Status: "active", Created: created, Updated: created},
		{SID: "AC3", Name: "Three", Status: "active", Created: created, Updated: created},
		{SID: "AC4", Name: "Next month's", Status: "active", Created: utc(t, "2026-11-01"), Updated: created},
	}
	if err := db.InsertAccounts(t.Context(), accounts, 1); err != nil {
		t.Fatal(err)
	}
	insertUsage(t, db, 1,
		"AC1 sms 2026-10-31T23:59:59Z sent outbound-api +2 +1 1 1 USD",
		"AC2 call 2026-10-02T12:00:00Z completed inbound +2 +1 1 1 USD",
		"AC2 call 2026-10-01T12:00:00Z completed inbound +2 +1 1 1 USD",
		"AC3 call 2026-10-01T12:00:00Z completed inbound +2 +1 1 7 USD", // Usage Records could not be read
	)
	pullAll(t, db, 1, "AC1", "AC2", "AC3")
	insertRecords(t, db, 2, settled, []string{"AC1", "AC2"},
		"AC1 2026-10-30 sms 1 1 0.5 USD",
		"AC1 2026-10-31 calls 1 1 0.5 USD",
		"AC2 2026-10-02 sms 1 1 0.5 USD",
	)
	r := compareOctober(t, db, decimal.NewFromInt(1))
	want := []string{
		"AC1 calls 2026-10-31: 0 0 0, 1 1 0.5: unknown",
		"AC1 sms 2026-10-30: 0 0 0, 1 1 0.5: unknown",
		"AC1 sms 2026-10-31: 1 1 1, 0 0 0: unknown",
		"AC2 calls 2026-10-01: 1 1 1, 0 0 0: unknown",
		"AC2 calls 2026-10-02: 1 1 1, 0 0 0: unknown",
		"AC2 sms 2026-10-02: 0 0 0, 1 1 0.5: unknown",
	}
	if diff := gocmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if r.Differences[3].Account.Name != "Two" || r.Compared != 6 || r.Ours.String() != "3" || r.Twilio.String() != "1.5" {
		t.Errorf("%+v, %d compared, ours %s, Twilio's %s", r.Differences[3].Account, r.Compared, r.Ours, r.Twilio)
	}
	if want := []billing.Account{{SID: "AC3", Name: "Three"}}; !gocmp.Equal(want, r.NotPulled) || !r.NeedsPerson() {
		t.Errorf("not pulled: %v", r.NotPulled)
	}
}

// Days that are not over, or that Twilio's figures are older than, are not
// compared, and it is said which; figures that could not be read again are stale.
func TestUntil(t *testing.T) {
	db := warehousetest.Open(t)
	created := utc(t, "2026-01-01")
	var accounts []warehouse.Account
	for _, sid := range []string{"AC1", "AC2", "AC3", "AC4"} {
		accounts = append(accounts, warehouse.Account{SID: sid, Status: "active", Created: created, Updated: created})
	}
	accounts[3].Created = utc(t, "2026-10-25")
	if err := db.InsertAccounts(t.Context(), accounts, 1); err != nil {
		t.Fatal(err)
	}
	var usage []string
	for _, sid := range []string{"AC1", "AC2", "AC3"} {
		for _, day := range []string{"10", "20", "30"} {
			usage = append(usage, sid+" sms 2026-10-"+day+"T12:00:00Z sent outbound-api +2 +1 1 1 USD")
		}
	}
	insertUsage(t, db, 1, usage...)
	pullAll(t, db, 1, "AC1", "AC2", "AC3")
	// The first has all days; those of the second end on the 20th at 11:00, the
	// third's at its first instant, and both could not be pulled again; the second
	// was read after that.
	insertRecords(t, db, 2, "2026-10-20T00:00:00Z", []string{"AC3"}, "AC3 2026-10-10 sms 1 1 1 USD")
	insertWindow(t, db, 3, "AC2", warehouse.UsageRecordsFailed, "2026-10-01", "2026-11-18T00:00:00Z", 0)
	insertWindow(t, db, 3, "AC3", warehouse.UsageRecordsFailed, "2026-10-01", "2026-11-18T00:00:00Z", 0)
	insertRecords(t, db, 4, "2026-10-20T11:00:00Z", []string{"AC2"}, "AC2 2026-10-10 sms 1 1 1 USD")
	insertRecords(t, db, 4, settled, []string{"AC1"}, "AC1 2026-10-10 sms 1 1 1 USD", "AC1 2026-10-20 sms 1 1 1 USD", "AC1 2026-10-30 sms 1 1 1 USD")

	date := func(month time.Month, day int) pricing.Date { return pricing.Date{Year: 2026, Month: month, Day: day} }
	afterTheCut := "AC2 sms 2026-10-20: 1 1 1, 0 0 0: record after the cut above"
	tests := []struct {
		today     pricing.Date
		until     pricing.Date
		compared  int
		want      []string
		notPulled int
		stale     map[string]pricing.Date
	}{
		{date(11, 18), date(11, 1), 6, []string{afterTheCut}, 1, map[string]pricing.Date{"AC2": date(10, 21), "AC3": date(10, 20)}},
		{date(10, 31), date(10, 31), 6, []string{afterTheCut}, 1, map[string]pricing.Date{"AC2": date(10, 21), "AC3": date(10, 20)}},
		{date(10, 21), date(10, 21), 5, []string{afterTheCut}, 0, map[string]pricing.Date{"AC3": date(10, 20)}},
		{date(10, 20), date(10, 20), 3, []string{}, 0, map[string]pricing.Date{"AC3": date(10, 20)}}, // failed, and nothing is missing yet
	}
	for _, tt := range tests {
		t.Run(tt.today.String(), func(t *testing.T) {
			r, err := Compare(t.Context(), db, october, tt.today, cent)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(tt.want, lines(r)); diff != "" || r.Until != tt.until || r.Compared != tt.compared || len(r.NotPulled) != tt.notPulled {
				t.Errorf("until %s, %d compared, %d not pulled; differences (-want +got):\n%s", r.Until, r.Compared, len(r.NotPulled), diff)
			}
			stale := map[string]pricing.Date{}
			for _, s := range r.Stale {
				stale[s.Account.SID] = s.Until
			}
			if diff := gocmp.Diff(tt.stale, stale); diff != "" || !r.NeedsPerson() || r.Whole() {
				t.Errorf("stale (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Compare(t.Context(), db, october, october, cent); !errors.Is(err, ErrNotPulled) {
		t.Errorf("on the first day: %v", err)
	}
}

// Every charged record of a kind that is pulled has a category.
func TestEveryKindHasACategory(t *testing.T) {
	for _, kind := range []pricing.Kind{pricing.Call, pricing.SMS, pricing.MMS, pricing.WhatsApp, pricing.Recording, pricing.Transcription} {
		i := slices.IndexFunc(metered, func(c warehouse.UsageCategory) bool {
			return c.Kind == string(kind) && c.Directions == nil && c.Scheme == ""
		})
		if i < 0 || len(metered[i].Statuses) == 0 {
			t.Errorf("not every %s has a category", kind)
		}
	}
}

// BenchmarkCompare compares a month of 100 subaccounts and 500,000 records.
func BenchmarkCompare(b *testing.B) {
	db := warehousetest.Open(b)
	var accounts []string
	var records []string
	for a := range 100 {
		account := fmt.Sprintf("AC%03d", a)
		accounts = append(accounts, account)
		var usage []string
		for i := range 5000 {
			usage = append(usage, fmt.Sprintf("%s sms 2026-10-%02dT12:%02d:00Z delivered outbound-api +14155550100 +4930123456 1 0.0083 USD", account, i%31+1, i%60))
		}
		insertUsage(b, db, uint32(a+1), usage...)
		for d := range 31 {
			n := (5000 - d + 30) / 31
			cost := decimal.RequireFromString("0.0083").Mul(decimal.NewFromInt(int64(n)))
			records = append(records, fmt.Sprintf("%s 2026-10-%02d sms %d %d %s USD", account, d+1, n, n, cost))
		}
	}
	pullAll(b, db, 1, accounts...)
	insertRecords(b, db, 101, settled, accounts, records...)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Compare(b.Context(), db, october, november, cent)
		if err != nil || r.Compared != 3100 || len(r.Differences) > 0 {
			b.Fatalf("%v, %d compared, %d differences", err, r.Compared, len(r.Differences))
		}
	}
	b.ReportMetric(float64(500_000*b.N)/b.Elapsed().Seconds(), "records/s")
}

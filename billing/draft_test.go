package billing

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func TestMain(m *testing.M) { os.Exit(warehousetest.Main(m)) }

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func sid(n int) string { return fmt.Sprintf("AC%032x", n) }

// metered is one usage record of a test; fields left out are those of a
// completed call of a minute.
type metered struct {
	account, sid, kind, status string
	to                         string // a telephone number
	at                         string // RFC 3339
	quantity, cost, currency   string
	updated                    time.Duration // after at
}

// insert writes usage as a sync does.
func insert(t testing.TB, db *warehouse.DB, sync uint32, list ...metered) {
	t.Helper()
	u := &warehouse.Usage{}
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	for _, r := range list {
		at := instant(t, r.at)
		var cost *decimal.Decimal
		if r.cost != "" {
			c := number(r.cost)
			cost = &c
		}
		u.Account, u.SID, u.Kind = append(u.Account, r.account), append(u.SID, r.sid), append(u.Kind, or(r.kind, "call"))
		u.Direction, u.Status = append(u.Direction, "outbound-api"), append(u.Status, or(r.status, "completed"))
		u.From, u.To = append(u.From, "+14155550100"), append(u.To, or(r.to, "+4915112345678"))
		u.ParentSID = append(u.ParentSID, "")
		// The creation does not change when a record does.
		u.Created = append(u.Created, instant(t, "2026-10-15T00:00:00Z"))
		u.Started, u.Updated = append(u.Started, at), append(u.Updated, at.Add(r.updated))
		u.Quantity, u.Cost = append(u.Quantity, number(or(r.quantity, "60"))), append(u.Cost, cost)
		u.Currency, u.Final = append(u.Currency, or(r.currency, "USD")), append(u.Final, cost != nil)
	}
	if err := db.InsertUsage(t.Context(), u, sync); err != nil {
		t.Fatal(err)
	}
}

// insertAccounts writes the main account, sid 1, and subaccounts after it.
func insertAccounts(t testing.TB, db *warehouse.DB, names ...string) {
	t.Helper()
	var list []warehouse.Account
	for i, name := range names {
		list = append(list, warehouse.Account{
			SID: sid(i + 1), OwnerSID: sid(1), Name: name, Status: "active",
			Created: instant(t, "2026-01-01T00:00:00Z"), Updated: instant(t, "2026-01-01T00:00:00Z"),
		})
	}
	if err := db.InsertAccounts(t.Context(), list, 1); err != nil {
		t.Fatal(err)
	}
}

// perMinute is a plan of a cent a minute for calls, and nothing else.
func perMinute(currency string) *pricing.Plan {
	rate := number("0.01")
	return &pricing.Plan{Name: "minutes " + currency, Currency: currency, Charges: []pricing.Charge{{
		ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
		PerMinute: &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1},
	}}}
}

// biller bills tenants since October 2026 in New York.
func biller(t testing.TB, db *warehouse.DB, tenants ...Tenant) *Biller {
	usd, eur := perMinute("USD"), perMinute("EUR")
	return &Biller{
		DB: db, Tenants: tenants, Plans: map[string]*pricing.Plan{usd.Name: usd, eur.Name: eur},
		Start: date(t, "2026-10-01"), TimeZone: "America/New_York", PaymentDays: 30,
	}
}

// tenant has the USD plan.
func tenant(id, zone string, accounts ...Assignment) Tenant {
	return Tenant{ID: id, Plan: "minutes USD", TimeZone: zone, Buyer: Party{Name: strings.ToUpper(id)}, Subaccounts: accounts}
}

// drafted is a draft and the sids of its records.
func drafted(t testing.TB, b *Biller, tenantID, month string) (*Draft, []string) {
	t.Helper()
	who := &b.Tenants[slices.IndexFunc(b.Tenants, func(t Tenant) bool { return t.ID == tenantID })]
	var sids []string
	d, err := b.Draft(t.Context(), who, Month(date(t, month), who.TimeZone), date(t, "2026-12-01"), pricing.Carried{}, func(i *Item) error {
		sids = append(sids, i.SID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, sids
}

func TestLaterAndEarlierDate(t *testing.T) {
	tests := []struct{ dates, later, earlier string }{
		{"2026-10-01", "2026-10-01", "2026-10-01"},
		{"2026-10-01 - -", "2026-10-01", "2026-10-01"},
		{"2026-10-01 2026-10-02 2026-09-30", "2026-10-02", "2026-09-30"},
		{"2026-10-01 - 2027-01-01", "2027-01-01", "2026-10-01"},
		{"2026-10-01 2026-10-01", "2026-10-01", "2026-10-01"},
	}
	for _, tt := range tests {
		var list []pricing.Date
		for s := range strings.FieldsSeq(tt.dates) {
			list = append(list, date(t, strings.Trim(s, "-")))
		}
		if got := laterDate(list[0], list[1:]...); got.String() != tt.later {
			t.Errorf("latest of %s: %s", tt.dates, got)
		}
		if got := earlierDate(list[0], list[1:]...); got.String() != tt.earlier {
			t.Errorf("earliest of %s: %s", tt.dates, got)
		}
	}
}

func TestSlices(t *testing.T) {
	oct := "2026-10-01"
	tests := []struct {
		name        string
		from, until string // of the tenant
		accounts    []Assignment
		month       string
		want        []warehouse.Slice // instants in UTC
		wantSIDs    []string
	}{
		{"whole month, together, in order", "", "", []Assignment{{SID: sid(3)}, {SID: sid(2)}}, oct,
			[]warehouse.Slice{{Accounts: []string{sid(2), sid(3)}, From: instant(t, "2026-09-30T22:00:00Z"), To: instant(t, "2026-10-31T23:00:00Z")}},
			[]string{sid(2), sid(3)}},
		{"from and until", "", "", []Assignment{{SID: sid(2), From: date(t, "2026-10-10")}, {SID: sid(3), Until: date(t, "2026-10-26")}, {SID: sid(4)}}, oct,
			[]warehouse.Slice{
				{Accounts: []string{sid(3)}, From: instant(t, "2026-09-30T22:00:00Z"), To: instant(t, "2026-10-25T23:00:00Z")},
				{Accounts: []string{sid(4)}, From: instant(t, "2026-09-30T22:00:00Z"), To: instant(t, "2026-10-31T23:00:00Z")},
				{Accounts: []string{sid(2)}, From: instant(t, "2026-10-09T22:00:00Z"), To: instant(t, "2026-10-31T23:00:00Z")},
			}, []string{sid(2), sid(3), sid(4)}},
		{"twice, with a gap", "", "", []Assignment{{SID: sid(2), Until: date(t, "2026-10-05")}, {SID: sid(2), From: date(t, "2026-10-20")}}, oct,
			[]warehouse.Slice{
				{Accounts: []string{sid(2)}, From: instant(t, "2026-09-30T22:00:00Z"), To: instant(t, "2026-10-04T22:00:00Z")},
				{Accounts: []string{sid(2)}, From: instant(t, "2026-10-19T22:00:00Z"), To: instant(t, "2026-10-31T23:00:00Z")},
			}, []string{sid(2)}},
		{"the tenant's own dates", "2026-10-10", "2026-10-20", []Assignment{{SID: sid(2), Until: date(t, "2026-10-15")}, {SID: sid(3)}}, oct,
			[]warehouse.Slice{
				{Accounts: []string{sid(2)}, From: instant(t, "2026-10-09T22:00:00Z"), To: instant(t, "2026-10-14T22:00:00Z")},
				{Accounts: []string{sid(3)}, From: instant(t, "2026-10-09T22:00:00Z"), To: instant(t, "2026-10-19T22:00:00Z")},
			}, []string{sid(2), sid(3)}},
		{"other months", "", "", []Assignment{{SID: sid(2), Until: date(t, "2026-10-01")}, {SID: sid(3), From: date(t, "2026-11-01")}}, oct, nil, nil},
		{"before billing begins", "", "", []Assignment{{SID: sid(2)}}, "2026-09-01", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			who := tenant("a", "Europe/Berlin", tt.accounts...)
			who.From, who.Until = date(t, tt.from), date(t, tt.until)
			p := Month(date(t, tt.month), who.TimeZone)
			doc := Document{Period: p, Accounts: biller(t, nil, who).accounts(&who, p)}
			var sids []string
			for _, a := range doc.Accounts {
				sids = append(sids, a.SID)
			}
			sids = slices.Compact(sids)
			got, err := doc.Slices()
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i].From, got[i].To = got[i].From.UTC(), got[i].To.UTC()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("slices (-want +got):\n%s", diff)
			}
			if !slices.Equal(sids, tt.wantSIDs) {
				t.Errorf("accounts %v, want %v", sids, tt.wantSIDs)
			}
		})
	}
}

// A record belongs to the month that its start falls in where the tenant is, to
// the second.
func TestRecordsAtTheEdgesOfAMonth(t *testing.T) {
	db := warehousetest.Open(t)
	zones := []string{"UTC", "America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"}
	var tenants []Tenant
	var rows []metered
	for i, zone := range zones {
		tenants = append(tenants, tenant(fmt.Sprint("t", i), zone, Assignment{SID: sid(i + 2)}))
		for _, month := range []string{"2026-10-01", "2026-11-01", "2026-12-01"} {
			edge, _, err := Month(date(t, month), zone).Bounds()
			if err != nil {
				t.Fatal(err)
			}
			for _, side := range []time.Duration{-time.Second, 0} {
				rows = append(rows, metered{account: sid(i + 2), sid: fmt.Sprintf("%s%+d", month[:7], side/time.Second), at: edge.Add(side).UTC().Format(time.RFC3339)})
			}
		}
	}
	insert(t, db, 1, rows...)
	b := biller(t, db, tenants...)
	for i, zone := range zones {
		for month, want := range map[string][]string{
			"2026-09-01": nil, // before billing begins
			"2026-10-01": {"2026-10+0", "2026-11-1"},
			"2026-11-01": {"2026-11+0", "2026-12-1"},
			"2026-12-01": {"2026-12+0"},
		} {
			d, sids := drafted(t, b, fmt.Sprint("t", i), month)
			if !slices.Equal(sids, want) {
				t.Errorf("%s %s: records %v, want %v", zone, month, sids, want)
			}
			if d.Document.Usage.Records != int64(len(want)) {
				t.Errorf("%s %s: watermark of %d records, want %d", zone, month, d.Document.Usage.Records, len(want))
			}
			var seconds int64
			for _, day := range d.Document.Daily {
				seconds += day.Seconds
			}
			if first, last := d.Document.Daily[0], d.Document.Daily[len(d.Document.Daily)-1]; seconds != 60*int64(len(want)) ||
				len(want) == 2 && (first.Seconds != 60 || last.Seconds != 60) {
				t.Errorf("%s %s: chart has %d seconds, %d on the first day, %d on the last", zone, month, seconds, first.Seconds, last.Seconds)
			}
		}
	}
}

// A subaccount that changes hands is the new tenant's from the day's first
// instant, where each tenant is.
func TestSubaccountThatChangesHands(t *testing.T) {
	db := warehousetest.Open(t)
	day := date(t, "2026-10-10")
	b := biller(t, db,
		tenant("old", "America/New_York", Assignment{SID: sid(2), Until: day}),
		tenant("new", "America/New_York", Assignment{SID: sid(2), From: day}, Assignment{SID: sid(3)}))
	insert(t, db, 1,
		metered{account: sid(2), sid: "last", at: "2026-10-10T03:59:59Z"},
		metered{account: sid(2), sid: "first", at: "2026-10-10T04:00:00Z"},
		metered{account: sid(3), sid: "other", at: "2026-10-01T04:00:00Z"},
		// The same sid in two accounts is two records.
		metered{account: sid(3), sid: "first", at: "2026-10-20T00:00:00Z"})
	for who, want := range map[string][]string{"old": {"last"}, "new": {"other", "first", "first"}} {
		if _, sids := drafted(t, b, who, "2026-10-01"); !slices.Equal(sids, want) {
			t.Errorf("%s: records %v, want %v", who, sids, want)
		}
	}
}

// A record that was pulled again counts once, as it was last.
func TestRecordThatChanged(t *testing.T) {
	db := warehousetest.Open(t)
	b := biller(t, db, tenant("a", "UTC", Assignment{SID: sid(2)}))
	insert(t, db, 1,
		metered{account: sid(2), sid: "longer", at: "2026-10-05T00:00:00Z", quantity: "10"},
		metered{account: sid(2), sid: "failed", at: "2026-10-05T00:00:00Z", quantity: "10"},
		metered{account: sid(2), sid: "later", at: "2026-10-31T23:59:59Z", quantity: "10"},
		metered{account: sid(2), sid: "twice", at: "2026-10-06T00:00:00Z", quantity: "10", updated: time.Hour},
		metered{account: sid(2), sid: "twice", at: "2026-10-06T00:00:00Z", quantity: "20"})
	// The later sync wins, even where the record claims to be older.
	insert(t, db, 2,
		metered{account: sid(2), sid: "longer", at: "2026-10-05T00:00:00Z", quantity: "120", cost: "0.5", updated: -time.Hour},
		metered{account: sid(2), sid: "failed", at: "2026-10-05T00:00:00Z", quantity: "0", status: "failed"},
		metered{account: sid(2), sid: "later", at: "2026-11-01T00:00:00Z", quantity: "10"})
	d, sids := drafted(t, b, "a", "2026-10-01")
	if want := []string{"failed", "longer", "twice"}; !slices.Equal(sids, want) {
		t.Errorf("October: records %v, want %v", sids, want)
	}
	if lines := d.Document.Lines; len(lines) != 1 || lines[0].Records != 2 || !lines[0].Quantity.Equal(number("130")) {
		t.Errorf("October: lines %v, want 2 calls of 130 seconds", lines)
	}
	if d.Document.Usage.Records != 3 {
		t.Errorf("October: watermark %v, want 3 records", d.Document.Usage)
	}
	if _, sids := drafted(t, b, "a", "2026-11-01"); !slices.Equal(sids, []string{"later"}) {
		t.Errorf("November: records %v", sids)
	}
}

func TestDraft(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Škoda & Söhne")
	who := tenant("a", "UTC", Assignment{SID: sid(2)}, Assignment{SID: sid(9)})
	who.Taxes = []pricing.TaxRate{{Name: "VAT", Rate: number("19")}}
	b := biller(t, db, who)
	b.Seller, b.Instructions = Seller{Party: Party{Name: "Seller"}}, []string{"Pay"}
	insert(t, db, 1,
		metered{account: sid(2), sid: "a", at: "2026-10-05T00:00:00Z", quantity: "61"},
		metered{account: sid(2), sid: "b", at: "2026-10-06T00:00:00Z", quantity: "6000"},
		metered{account: sid(2), sid: "c", at: "2026-10-07T00:00:00Z", kind: "sms", status: "sent", quantity: "1", cost: "0.02"},
		metered{account: sid(2), sid: "d", at: "2026-10-08T00:00:00Z", kind: "sms", status: "sent", quantity: "1"})
	var amounts decimal.Decimal
	p := Month(date(t, "2026-10-01"), "UTC")
	d, err := b.Draft(t.Context(), &who, p, date(t, "2026-11-04"), pricing.Carried{}, func(i *Item) error {
		amounts = amounts.Add(i.Amount)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	doc := &d.Document
	if doc.Schema != DocumentSchema || doc.Number != "" || doc.Revision != 1 || doc.IssueDate.String() != "2026-11-04" || doc.DueDate.String() != "2026-12-04" {
		t.Errorf("schema %s, number %q, revision %d, issued %s, due %s", doc.Schema, doc.Number, doc.Revision, doc.IssueDate, doc.DueDate)
	}
	if want := []Account{{SID: sid(2), Name: "Škoda & Söhne", From: p.From, To: p.To}, {SID: sid(9), From: p.From, To: p.To}}; !slices.Equal(doc.Accounts, want) {
		t.Errorf("accounts %v, want %v", doc.Accounts, want)
	}
	// 6061 s at 0.01 a minute is 1.010166…; 19 % of 1.01 is 0.1919.
	if !doc.Net.Equal(number("1.01")) || len(doc.Taxes) != 1 || !doc.Taxes[0].Amount.Equal(number("0.19")) || !doc.Total.Equal(number("1.20")) {
		t.Errorf("net %s, taxes %v, total %s", doc.Net, doc.Taxes, doc.Total)
	}
	if exact := doc.Lines[0].Exact(); !amounts.Equal(exact) {
		t.Errorf("the records' amounts add up to %s, the line's exact amount is %s", amounts, exact)
	}
	if want := []pricing.Unrated{{Kind: pricing.SMS, Reason: "no charge fits", Records: 2, Cost: number("0.02"), Currency: "USD"}}; !cmp.Equal(d.Unrated, want) {
		t.Errorf("unrated %v, want %v", d.Unrated, want)
	}

	stored, err := doc.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseDocument(stored)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := again.Canonical(); err != nil || !bytes.Equal(out, stored) {
		t.Errorf("read and written again: %s, %v; want %s", out, err, stored)
	}
	if !again.SameUsage(doc) {
		t.Error("a document read back has other lines")
	}
	again.Lines[0].Quantity = again.Lines[0].Quantity.Add(number("1"))
	if again.SameUsage(doc) || again.SameUsage(&Document{}) {
		t.Error("documents of different lines pass for the same")
	}
	if _, err := ParseDocument(bytes.Replace(stored, []byte(DocumentSchema), []byte("subtally.invoice/9"), 1)); err == nil {
		t.Error("a document of an unknown schema was read")
	}
	if _, err := ParseDocument([]byte("{")); err == nil {
		t.Error("half a document was read")
	}
}

func TestDraftErrors(t *testing.T) {
	db := warehousetest.Open(t)
	insert(t, db, 1, metered{account: sid(2), sid: "a", at: "2026-10-05T00:00:00Z"})
	who := tenant("a", "UTC", Assignment{SID: sid(2)})
	b := biller(t, db, who)
	p := Month(date(t, "2026-10-01"), "UTC")
	full := errors.New("disk full")
	if _, err := b.Draft(t.Context(), &who, p, p.To, pricing.Carried{}, func(*Item) error { return full }); !errors.Is(err, full) {
		t.Errorf("the callback's error is lost: %v", err)
	}
	who.Plan = "gone"
	if _, err := b.Draft(t.Context(), &who, p, p.To, pricing.Carried{}, nil); err == nil || !strings.Contains(err.Error(), `"gone"`) || !strings.Contains(err.Error(), "tenant a for 2026-10") {
		t.Errorf("a plan that is not configured: %v", err)
	}
}

func TestPlansOn(t *testing.T) {
	who := &Tenant{Plan: "a", PlanChanges: []PlanChange{
		{From: date(t, "2026-10-10"), Plan: "b"}, {From: date(t, "2026-10-20"), Plan: "c"}, {From: date(t, "2026-12-01"), Plan: "a"},
	}}
	for _, tt := range []struct{ from, to, want string }{
		{"2026-09-01", "2026-10-01", "a 2026-09-01..2026-10-01"},
		{"2026-10-01", "2026-11-01", "a 2026-10-01..2026-10-10, b 2026-10-10..2026-10-20, c 2026-10-20..2026-11-01"},
		{"2026-10-10", "2026-10-20", "b 2026-10-10..2026-10-20"},
		{"2026-10-11", "2026-10-21", "b 2026-10-11..2026-10-20, c 2026-10-20..2026-10-21"},
		{"2026-11-01", "2026-12-01", "c 2026-11-01..2026-12-01"},
		{"2026-12-01", "2027-01-01", "a 2026-12-01..2027-01-01"},
		{"2026-12-01", "2026-12-01", ""},
	} {
		var got []string
		for _, p := range who.PlansOn(date(t, tt.from), date(t, tt.to)) {
			got = append(got, p.Name+" "+p.From.String()+".."+p.To.String())
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("from %s to %s: %s, want %s", tt.from, tt.to, s, tt.want)
		}
	}
}

// SameUsage reports whether two documents bill the same usage at the same
// prices, for the same days and under the same taxes: equal records and equal
// lines, in the same order.
func (d *Document) SameUsage(other *Document) bool {
	return d.Usage == other.Usage && slices.EqualFunc(d.Lines, other.Lines, func(a, b pricing.Line) bool {
		return a.Charge == b.Charge && a.Category == b.Category && a.Kind == b.Kind && a.Item == b.Item && a.Description == b.Description &&
			a.Records == b.Records && a.Unit == b.Unit && a.Per == b.Per && a.TaxCode == b.TaxCode && a.Adjusts == b.Adjusts && a.From == b.From && a.To == b.To &&
			a.Quantity.Equal(b.Quantity) && a.UnitPrice.Equal(b.UnitPrice) && a.Amount.Equal(b.Amount)
	})
}

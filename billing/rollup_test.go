package billing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func TestGaps(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 10, 1, h, 0, 0, 0, time.UTC) }
	span := func(from, to int) instants { return instants{at(from), at(to)} }
	tests := []struct {
		name  string
		parts []instants
		want  []instants
	}{
		{"nothing taken", nil, []instants{span(0, 10)}},
		{"all taken", []instants{span(0, 10)}, nil},
		{"more than all", []instants{span(-5, 15)}, nil},
		{"the middle", []instants{span(3, 7)}, []instants{span(0, 3), span(7, 10)}},
		{"both ends", []instants{span(7, 12), span(-1, 3)}, []instants{span(3, 7)}},
		{"touching", []instants{span(0, 5), span(5, 10)}, nil},
		{"one inside another", []instants{span(0, 8), span(2, 4)}, []instants{span(8, 10)}},
		{"before and after all", []instants{span(-5, -1), span(11, 12)}, []instants{span(0, 10)}},
		{"begins after the end, ended before the start", []instants{span(12, 10), span(0, -3)}, []instants{span(0, 10)}},
	}
	for _, tt := range tests {
		got := gaps(span(0, 10), tt.parts)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(instants{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// months drafts every tenant's October, as a statement takes them.
func months(t testing.TB, b *Biller) []TenantMonth {
	t.Helper()
	var out []TenantMonth
	for i := range b.Tenants {
		d, _ := drafted(t, b, b.Tenants[i].ID, "2026-10-01")
		out = append(out, TenantMonth{Document: &d.Document, Status: Drafted, Unrated: d.Unrated})
	}
	return out
}

func TestStatement(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three", "Four", "Five", "Six")
	day := date(t, "2026-10-10")
	euro := tenant("euro", "America/New_York", Assignment{SID: sid(4)})
	euro.Plan = "minutes EUR"
	idle := tenant("idle", "America/New_York", Assignment{SID: sid(6)})
	idle.Plan = "minutes EUR"
	// Not in the order of their ids.
	b := biller(t, db,
		tenant("zeta", "America/New_York", Assignment{SID: sid(2)}, Assignment{SID: sid(3), From: day}),
		tenant("acme", "America/New_York", Assignment{SID: sid(5), Until: day}),
		euro, idle)
	insert(t, db, 1,
		metered{account: sid(1), sid: "main", at: "2026-10-20T00:00:00Z", cost: "5"},
		metered{account: sid(2), sid: "a", at: "2026-10-05T00:00:00Z", quantity: "60000", cost: "1.5"},
		metered{account: sid(2), sid: "no cost yet", at: "2026-10-05T00:00:00Z", quantity: "60"},
		metered{account: sid(2), sid: "no rate", at: "2026-10-05T00:00:00Z", kind: "sms", status: "sent", quantity: "1", cost: "0.25"},
		metered{account: sid(3), sid: "before", at: "2026-10-10T03:59:59Z", cost: "2"},
		metered{account: sid(3), sid: "after", at: "2026-10-10T04:00:00Z", quantity: "6000", cost: "0.5"},
		metered{account: sid(4), sid: "b", at: "2026-10-05T00:00:00Z", quantity: "12000", cost: "1"},
		metered{account: sid(5), sid: "before", at: "2026-10-10T03:59:59Z", quantity: "600", cost: "0.75"},
		metered{account: sid(5), sid: "after 1", at: "2026-10-10T04:00:00Z", cost: "0.125"},
		metered{account: sid(5), sid: "after 2", at: "2026-10-11T00:00:00Z"},
		metered{account: sid(1), sid: "September", at: "2026-10-01T03:59:59Z", cost: "100"},
		metered{account: sid(1), sid: "November", at: "2026-11-01T04:00:00Z", cost: "100"})
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), months(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if st.MainAccount != (Account{SID: sid(1), Name: "Main"}) || st.Currency != "USD" || st.Period.Label() != "2026-10" || st.IssueDate.String() != "2026-11-04" {
		t.Errorf("main account %v, currency %q, period %s, issued %s", st.MainAccount, st.Currency, st.Period.Label(), st.IssueDate)
	}
	type row struct {
		Tenant, Currency        string
		Records                 int64
		Revenue, Cost, NoMargin string
	}
	var got []row
	for _, r := range st.Tenants {
		g := row{Tenant: r.Tenant, Currency: r.Currency, Records: r.Records, Revenue: r.Revenue.String(), Cost: r.Cost.String()}
		if !r.Margin.Valid {
			g.NoMargin = "none"
		} else if !r.Margin.Decimal.Equal(r.Revenue.Sub(r.Cost)) {
			t.Errorf("%s: margin %s of revenue %s and cost %s", r.Tenant, r.Margin.Decimal, r.Revenue, r.Cost)
		}
		got = append(got, g)
	}
	if diff := cmp.Diff([]row{
		{"acme", "USD", 1, "0.1", "0.75", ""},
		{"euro", "EUR", 1, "2", "1", "none"},
		{"idle", "EUR", 0, "0", "0", ""}, // no cost is no cost in any currency
		{"zeta", "USD", 4, "11.01", "2.25", ""},
	}, got); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]UnassignedRow{
		{Account{SID: sid(1), Name: "Main"}, "active", 1, number("5")},
		{Account{SID: sid(3), Name: "Three"}, "active", 1, number("2")},
		{Account{SID: sid(5), Name: "Five"}, "active", 2, number("0.125")},
	}, st.Unassigned); diff != "" {
		t.Errorf("unassigned (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]UnratedRow{{"zeta", "sms", "no charge fits", 1, number("0.25")}}, st.Unrated); diff != "" {
		t.Errorf("unrated (-want +got):\n%s", diff)
	}
	if len(st.Totals) != 2 || st.Totals[0].Currency != "EUR" || st.Totals[1].Currency != "USD" {
		t.Fatalf("totals %v, want one for EUR and one for USD", st.Totals)
	}
	if eur := st.Totals[0]; eur.Tenants != 2 || eur.Records != 1 || eur.Margin.Valid || !eur.Revenue.Equal(number("2")) {
		t.Errorf("total %v, want 2 tenants, 1 record, no margin", eur)
	}
	if usd := st.Totals[1]; usd.Tenants != 2 || usd.Records != 5 || !usd.Revenue.Equal(number("11.11")) || !usd.Cost.Equal(number("3")) ||
		!usd.Margin.Decimal.Equal(number("8.11")) || !usd.Total.Equal(usd.Revenue.Add(usd.Tax)) {
		t.Errorf("total %v, want 2 tenants, 5 records, revenue 11.11, cost 3, margin 8.11", usd)
	}
}

// What an account used in a month that no tenant was billed for is somebody's
// to look at, whichever time zone the tenant is in; billing's own start and a
// tenant's time zone make no such usage.
func TestUnassigned(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three")
	b := biller(t, db,
		tenant("tokyo", "Asia/Tokyo", Assignment{SID: sid(2)}),
		tenant("honolulu", "Pacific/Honolulu", Assignment{SID: sid(3)}))
	insert(t, db, 1,
		// In New York's October, but in Honolulu's September, before billing begins.
		metered{account: sid(3), sid: "early", at: "2026-10-01T05:00:00Z"},
		// In New York's October, but in Tokyo's November: billed next month.
		metered{account: sid(2), sid: "late", at: "2026-10-31T20:00:00Z"})
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), months(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Unassigned) != 0 {
		t.Errorf("unassigned: %v", st.Unassigned)
	}
	if len(st.Totals) != 1 || !st.Totals[0].Margin.Valid {
		t.Errorf("totals %v; want a margin, since there is no cost", st.Totals)
	}
}

func TestStatementOfTwoCostCurrencies(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two")
	b := biller(t, db, tenant("a", "UTC", Assignment{SID: sid(2)}))
	insert(t, db, 1,
		metered{account: sid(2), sid: "a", at: "2026-10-05T00:00:00Z", cost: "1"},
		metered{account: sid(1), sid: "b", at: "2026-10-05T00:00:00Z", cost: "0", currency: "EUR"})
	list := months(t, b)
	if _, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), list); err != nil {
		t.Errorf("a cost of nothing has no currency: %v", err)
	}
	insert(t, db, 1, metered{account: sid(1), sid: "c", at: "2026-10-05T00:00:00Z", cost: "1", currency: "EUR"})
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), list)
	if err != nil {
		t.Fatal(err)
	}
	// One record each: the first by its code is the statement's.
	if st.Currency != "EUR" || len(st.OtherCosts) != 1 || st.OtherCosts[0].Currency != "USD" || st.OtherCosts[0].Records != 1 || !st.OtherCosts[0].Cost.Equal(number("1")) {
		t.Errorf("costs in %s, others %v", st.Currency, st.OtherCosts)
	}
	if !st.Tenants[0].Cost.IsZero() || len(st.Unassigned) != 1 || !st.Unassigned[0].Cost.Equal(number("1")) {
		t.Errorf("tenant's cost %s, unassigned %v; want each amount in one figure only", st.Tenants[0].Cost, st.Unassigned)
	}
}

// A subaccount that is given to a tenant after the month was invoiced stays
// without a tenant in that month: nobody was billed for it.
func TestAssignedAfterTheInvoice(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three")
	b := biller(t, db, tenant("a", "Europe/Berlin", Assignment{SID: sid(2)}))
	insert(t, db, 1,
		metered{account: sid(2), sid: "mine", at: "2026-10-05T00:00:00Z", cost: "1"},
		metered{account: sid(3), sid: "nobodys", at: "2026-10-05T00:00:00Z", cost: "7"})
	list := months(t, b)
	list[0].Status = Finalized
	b.Tenants[0].Subaccounts = append(b.Tenants[0].Subaccounts, Assignment{SID: sid(3)})
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), list)
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Unassigned) != 1 || st.Unassigned[0].Account.SID != sid(3) || !st.Unassigned[0].Cost.Equal(number("7")) {
		t.Errorf("unassigned %v, want the usage that is on no invoice", st.Unassigned)
	}
}

// A period that begins where the one before it ended in another time zone has
// the usage in between.
func TestPeriodAfterAnotherTimeZone(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two")
	b := biller(t, db, tenant("a", "America/New_York", Assignment{SID: sid(2)}))
	insert(t, db, 1, metered{account: sid(2), sid: "between", at: "2026-11-01T01:00:00Z", cost: "1"})
	p := Month(date(t, "2026-11-01"), "America/New_York")
	for begin, want := range map[string]int64{"": 0, "2026-10-31T23:00:00Z": 1} { // where November began in Berlin
		if begin != "" {
			p.Begin = instant(t, begin)
		}
		d, err := b.Draft(t.Context(), &b.Tenants[0], p, date(t, "2026-12-04"), pricing.Carried{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Document.Usage.Records; got != want {
			t.Errorf("beginning %q: %d records, want %d", begin, got, want)
		}
		p.Begin = time.Time{}
	}
}

package billing

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

// amountLine is a line of a category with an amount.
func amountLine(c pricing.Category, amount string) pricing.Line {
	return pricing.Line{Category: c, Quantity: number("1"), UnitPrice: number(amount), Per: 1, Amount: number(amount)}
}

// document is an invoice for October of a tenant in UTC.
func document(id string, account string, amounts ...pricing.Line) *Document {
	days := Days{From: pricing.Date{Year: 2026, Month: 10, Day: 1}, To: pricing.Date{Year: 2026, Month: 11, Day: 1}}
	d := &Document{
		Kind: Invoice, Revision: 1, Tenant: id, Buyer: Party{Name: id}, Period: Month(days.From, "UTC"), Billed: days, Currency: "USD",
		IssueDate: pricing.Date{Year: 2026, Month: 11, Day: 4}, Plans: []PlanRef{{Name: "minutes USD", Days: days}},
		Accounts: []Account{{SID: account, From: days.From, To: days.To}}, Lines: amounts,
	}
	for i := range amounts {
		d.Net = d.Net.Add(amounts[i].Amount)
	}
	d.Total = d.Net
	return d
}

// rowsOf are the rows of a statement in short.
func rowsOf(st *Statement) (out []string) {
	for _, r := range st.Tenants {
		out = append(out, fmt.Sprint(r.Tenant, " ", r.Number, " ", r.Kind, " ", r.Revision, " ", r.Status, ": ", r.Records, " records, ", r.Revenue, " - ", r.Cost, " = ", r.Margin.Decimal))
	}
	return out
}

// The invoice taken back and its credit note come to nothing, and the usage is
// the revision's.
func TestCorrectedStatement(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three")
	b := biller(t, db)
	b.TimeZone = "UTC"
	insert(t, db, 1,
		metered{account: sid(2), sid: "a", at: "2026-10-05T00:00:00Z", cost: "3"},
		metered{account: sid(3), sid: "b", at: "2026-10-05T00:00:00Z", cost: "1"})
	first := document("acme", sid(2), amountLine(pricing.Calls, "10"), amountLine(pricing.Fees, "5"))
	first.Number = "INV-1"
	note := document("acme", sid(2), amountLine(pricing.Calls, "-10"), amountLine(pricing.Fees, "-5"))
	note.Kind, note.Number, note.Corrects = CreditNote, "CN-1", &Correction{Number: "INV-1"}
	again := document("acme", sid(2), amountLine(pricing.Calls, "8"), amountLine(pricing.Fees, "5"))
	again.Number, again.Revision, again.Corrects, again.IssueDate = "INV-3", 2, &Correction{Number: "INV-1"}, date(t, "2026-11-20")
	gone := document("gone", sid(3), amountLine(pricing.Calls, "4"))
	gone.Number = "INV-2"
	goneNote := document("gone", sid(3), amountLine(pricing.Calls, "-4"))
	goneNote.Kind, goneNote.Number = CreditNote, "CN-2"
	months := []TenantMonth{ // in any order
		{Document: again, Status: Paid}, {Document: goneNote, Status: Finalized}, {Document: note, Status: Finalized},
		{Document: gone, Status: Credited}, {Document: first, Status: Credited},
	}
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-12-24"), months)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"acme INV-1 invoice 1 credited: 0 records, 15 - 0 = 15",
		"acme CN-1 credit_note 1 finalized: 0 records, -15 - 0 = -15",
		"acme INV-3 invoice 2 paid: 1 records, 13 - 3 = 10",
		"gone INV-2 invoice 1 credited: 0 records, 4 - 0 = 4",
		"gone CN-2 credit_note 1 finalized: 1 records, -4 - 1 = -5", // what it cost is still paid
	}
	if diff := cmp.Diff(want, rowsOf(st)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if st.Tenants[1].Corrects != "INV-1" || st.Tenants[2].Corrects != "INV-1" {
		t.Errorf("the credit note and the revision name %q and %q", st.Tenants[1].Corrects, st.Tenants[2].Corrects)
	}
	if sum := st.Totals[0]; len(st.Totals) != 1 || sum.Tenants != 2 || !sum.Revenue.Equal(number("13")) || !sum.Cost.Equal(number("4")) || !sum.Margin.Decimal.Equal(number("9")) {
		t.Errorf("totals %+v, want 2 tenants with 13 - 4 = 9", st.Totals)
	}
	if diff := cmp.Diff([]TenantMargin{{"acme", "acme", number("10")}, {"gone", "gone", number("-1")}}, st.Margins()); diff != "" {
		t.Errorf("margins (-want +got):\n%s", diff)
	}
	if st.IssueDate != date(t, "2026-11-20") {
		t.Errorf("dated %s, want the day of the last document", st.IssueDate)
	}
	// How many days it is overdue depends on the day.
	months[0].Status, months[0].Overdue = Finalized, 4
	st, err = b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-12-24"), months)
	if err != nil || st.IssueDate != date(t, "2026-12-24") || st.Tenants[2].Overdue != 4 {
		t.Errorf("dated %s, %d days overdue, %v; want 2026-12-24 and 4", st.IssueDate, st.Tenants[2].Overdue, err)
	}
}

func TestCategoriesAndLeakage(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three", "Four")
	b := biller(t, db)
	b.TimeZone = "UTC"
	generous := *perMinute("USD")
	generous.Name, generous.Statuses = "all messages", map[pricing.Kind][]string{pricing.SMS: {"failed", "sent"}}
	b.Plans[generous.Name] = &generous
	insert(t, db, 1,
		metered{account: sid(2), sid: "call", at: "2026-10-05T00:00:00Z", cost: "3"},
		metered{account: sid(2), sid: "busy", at: "2026-10-05T00:00:00Z", status: "busy", cost: "0"},
		metered{account: sid(2), sid: "f1", at: "2026-10-05T00:00:00Z", kind: "sms", status: "failed", quantity: "1", cost: "0.001"},
		metered{account: sid(2), sid: "f2", at: "2026-10-06T00:00:00Z", kind: "sms", status: "failed", quantity: "1", cost: "0.001"},
		metered{account: sid(2), sid: "f3", at: "2026-10-06T00:00:00Z", kind: "sms", status: "failed", quantity: "1"},
		// From the 16th on the plan charges for failed messages.
		metered{account: sid(2), sid: "f4", at: "2026-10-16T00:00:00Z", kind: "sms", status: "failed", quantity: "1", cost: "0.001"},
		metered{account: sid(2), sid: "day", at: "2026-10-16T12:00:00Z", kind: "number", quantity: "1", cost: "0.5"},
		metered{account: sid(3), sid: "krone", at: "2026-10-05T00:00:00Z", cost: "2"},
		metered{account: sid(1), sid: "own", at: "2026-10-05T00:00:00Z", cost: "7"},
		metered{account: sid(4), sid: "free", at: "2026-10-05T00:00:00Z", cost: "11"})
	acme := document("acme", sid(2), amountLine(pricing.Calls, "20"), amountLine(pricing.Fees, "5"), amountLine(pricing.CreditsUsed, "-1"))
	acme.Plans = []PlanRef{
		{Name: "minutes USD", Days: Days{date(t, "2026-10-01"), date(t, "2026-10-16")}},
		{Name: "all messages", Days: Days{date(t, "2026-10-16"), date(t, "2026-11-01")}},
	}
	acme.Taxes = []pricing.Tax{{Name: "VAT", Amount: number("4"), Inclusive: true}, {Name: "city", Amount: number("1")}}
	acme.Net, acme.Total = number("20"), number("25")
	krone := document("krone", sid(3), amountLine(pricing.Calls, "90"))
	krone.Currency = "DKK"
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), []TenantMonth{
		{Document: acme, Status: Parked, Unrated: []pricing.Unrated{{Kind: pricing.Number, Reason: "no charge fits", Records: 1, Cost: number("0.5"), Currency: "USD"}}},
		{Document: krone, Status: Drafted},
	})
	if err != nil {
		t.Fatal(err)
	}
	var categories []string
	for _, c := range st.Categories {
		margin := "none"
		if c.Margin.Valid {
			margin = c.Margin.Decimal.String()
		}
		categories = append(categories, fmt.Sprint(c.Currency, " ", c.Category, ": ", c.Records, " records, ", c.Revenue, " - ", c.Cost, " = ", margin))
	}
	if diff := cmp.Diff([]string{
		"DKK calls: 1 records, 90 - 2 = none",
		"USD calls: 2 records, 20 - 3 = 17",
		"USD messages: 4 records, 0 - 0.003 = -0.003",
		"USD numbers: 1 records, 0 - 0.5 = -0.5",
		"USD fees: 0 records, 5 - 0 = 5",
		"USD credits: 0 records, -1 - 0 = -1",
		"USD contained_taxes: 0 records, -4 - 0 = -4",
	}, categories); diff != "" {
		t.Errorf("categories (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]NotChargedRow{{"acme", pricing.SMS, "failed", 2, number("0.002")}}, st.NotCharged); diff != "" {
		t.Errorf("not charged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Leak{{OwnUse, 1, number("7")}, {NoTenant, 1, number("11")}, {NoPrice, 1, number("0.5")}, {FreeStatus, 2, number("0.002")}, {TakenBack, 0, decimal.Zero}}, st.Leakage); diff != "" {
		t.Errorf("leakage (-want +got):\n%s", diff)
	}
	// 3 + 0.003 + 0.5 + 2 of the tenants, and 7 + 11.
	if diff := cmp.Diff(CostCheck{Tenants: number("5.503"), Unassigned: number("18"), All: number("23.503")}, st.Check); diff != "" || !st.Check.Difference().IsZero() {
		t.Errorf("check, difference %s (-want +got):\n%s", st.Check.Difference(), diff)
	}
}

// The usage of a credited invoice that none stands for is invoiced to nobody.
func TestCreditedIsLeakage(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three")
	b := biller(t, db)
	b.TimeZone = "UTC"
	insert(t, db, 1,
		metered{account: sid(2), sid: "call", at: "2026-10-05T00:00:00Z", cost: "3"},
		metered{account: sid(2), sid: "failed", at: "2026-10-05T00:00:00Z", kind: "sms", status: "failed", quantity: "1", cost: "0.001"},
		metered{account: sid(3), sid: "other", at: "2026-10-05T00:00:00Z", cost: "5"})
	var list []TenantMonth
	for i, tenant := range []string{"acme", "revised"} {
		doc := document(tenant, sid(2+i), amountLine(pricing.Calls, "20"))
		note, again := *doc, *doc
		note.Kind, again.Revision = CreditNote, 2
		list = append(list, TenantMonth{Document: doc, Status: Credited}, TenantMonth{Document: &note, Status: Finalized})
		if tenant == "revised" {
			list = append(list, TenantMonth{Document: &again, Status: Finalized})
		}
	}
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), list)
	if err != nil {
		t.Fatal(err)
	}
	zero := decimal.Decimal{}
	want := []Leak{{OwnUse, 0, zero}, {NoTenant, 0, zero}, {NoPrice, 0, zero}, {FreeStatus, 1, number("0.001")}, {TakenBack, 1, number("3")}}
	if diff := cmp.Diff(want, st.Leakage); diff != "" {
		t.Errorf("leakage (-want +got):\n%s", diff)
	}
}

// With time zones apart a tenant's month has usage of before and after the main
// account's, which has usage of its neighbours' months.
func TestCostsAddUpOverTimeZones(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three")
	b := biller(t, db,
		tenant("tokyo", "Asia/Tokyo", Assignment{SID: sid(2)}),
		tenant("honolulu", "Pacific/Honolulu", Assignment{SID: sid(3), From: date(t, "2026-10-15")}))
	b.TimeZone = "UTC"
	insert(t, db, 1,
		metered{account: sid(2), sid: "in Tokyo's October", at: "2026-09-30T20:00:00Z", cost: "1"},
		metered{account: sid(2), sid: "in both", at: "2026-10-20T00:00:00Z", cost: "2"},
		metered{account: sid(2), sid: "in Tokyo's November", at: "2026-10-31T20:00:00Z", cost: "4"},
		metered{account: sid(3), sid: "before it was assigned", at: "2026-10-14T00:00:00Z", cost: "8"},
		metered{account: sid(3), sid: "in Honolulu's October", at: "2026-11-01T05:00:00Z", cost: "16"},
		metered{account: sid(3), sid: "in Honolulu's November", at: "2026-11-02T05:00:00Z", cost: "32"},
		metered{account: sid(2), sid: "in September", at: "2026-09-30T10:00:00Z", cost: "64"})
	st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), months(t, b))
	if err != nil {
		t.Fatal(err)
	}
	want := CostCheck{Tenants: number("19"), Outside: number("17"), Unassigned: number("8"), Elsewhere: number("4"), All: number("14")}
	if diff := cmp.Diff(want, st.Check); diff != "" || !st.Check.Difference().IsZero() {
		t.Errorf("difference %s (-want +got):\n%s", st.Check.Difference(), diff)
	}
	// Usage that two documents bill is one cost too many.
	twice := months(t, b)
	other := *twice[0].Document
	other.Tenant = "other"
	st, err = b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), append(twice, TenantMonth{Document: &other, Status: Drafted}))
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Check.Difference(); !got.Equal(number("2")) {
		t.Errorf("difference %s, want the 2 that are billed twice", got)
	}
}

// Whoever owns what and when, and wherever: every cost has its one place, the
// documents add up to the revenue, and so do the categories.
func TestStatementAddsUp(t *testing.T) {
	db := warehousetest.Open(t)
	insertAccounts(t, db, "Main", "Two", "Three", "Four")
	var list []metered
	for i := range 400 {
		at := time.Date(2026, 9, 25, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 157 * time.Minute)
		list = append(list, metered{
			account: sid(1 + i%4), sid: fmt.Sprint(i), at: at.Format(time.RFC3339), cost: decimal.New(int64(i*i), -8).String(),
			kind: []string{"call", "sms", "number"}[i%3], status: []string{"completed", "failed", "in-use"}[i/5%3],
		})
	}
	insert(t, db, 1, list...)
	zones := []string{"UTC", "Asia/Tokyo", "Pacific/Honolulu", "America/New_York", "Australia/Lord_Howe"}
	rapid.Check(t, func(r *rapid.T) {
		b := biller(t, db)
		b.TimeZone = rapid.SampledFrom(zones).Draw(r, "zone")
		for n := range rapid.IntRange(0, 3).Draw(r, "tenants") {
			who := tenant(fmt.Sprint("t", n), rapid.SampledFrom(zones).Draw(r, "zone"), Assignment{SID: sid(n + 2)})
			if day := rapid.IntRange(0, 30).Draw(r, "from"); day > 0 {
				who.Subaccounts[0].From = pricing.Date{Year: 2026, Month: 10, Day: day}
			}
			if day := rapid.IntRange(0, 30).Draw(r, "until"); day > 0 {
				who.Subaccounts[0].Until = pricing.Date{Year: 2026, Month: 10, Day: day}
			}
			b.Tenants = append(b.Tenants, who)
		}
		var list []TenantMonth
		for _, m := range months(t, b) {
			m.Status = rapid.SampledFrom([]string{Drafted, Parked, Finalized, Paid}).Draw(r, "status")
			if rapid.Bool().Draw(r, "corrected") {
				note := *m.Document
				note.Kind, note.Net, note.Total, note.Lines = CreditNote, note.Net.Neg(), note.Total.Neg(), nil
				for _, l := range m.Document.Lines {
					l.Amount = l.Amount.Neg()
					note.Lines = append(note.Lines, l)
				}
				list = append(list, TenantMonth{Document: m.Document, Status: Credited}, TenantMonth{Document: &note, Status: Finalized})
				if rapid.Bool().Draw(r, "revised") {
					again := *m.Document
					again.Revision = 2
					list = append(list, TenantMonth{Document: &again, Status: m.Status})
				}
				continue
			}
			list = append(list, m)
		}
		st, err := b.Statement(t.Context(), date(t, "2026-10-01"), date(t, "2026-11-04"), list)
		if err != nil {
			r.Fatal(err)
		}
		if !st.Check.Difference().IsZero() {
			r.Errorf("costs differ by %s: %+v", st.Check.Difference(), st.Check)
		}
		var revenue, documents, categories, costs, tenants decimal.Decimal
		var records, used int64
		for _, m := range list {
			documents = documents.Add(m.Document.Net)
		}
		for _, c := range st.Categories {
			categories, costs, records = categories.Add(c.Revenue), costs.Add(c.Cost), records+c.Records
		}
		for _, sum := range st.Totals {
			revenue, tenants, used = revenue.Add(sum.Revenue), tenants.Add(sum.Cost), used+sum.Records
		}
		if !revenue.Equal(documents) || !revenue.Equal(categories) {
			r.Errorf("revenue %s, documents %s, categories %s", revenue, documents, categories)
		}
		if !costs.Equal(tenants) || !tenants.Equal(st.Check.Tenants) || records != used {
			r.Errorf("cost of categories %s, of tenants %s, checked %s; %d and %d records", costs, tenants, st.Check.Tenants, records, used)
		}
	})
}

// The usage is the invoice's that stands in the end, in whatever order its
// corrections come; where none stands, the last credit note's.
func TestLastDocuments(t *testing.T) {
	invoice, note := &Document{Tenant: "t", Kind: Invoice}, &Document{Tenant: "t", Kind: CreditNote}
	for name, tt := range map[string]struct {
		months []TenantMonth
		want   int
	}{
		"one":               {[]TenantMonth{{Document: invoice, Status: Finalized}}, 0},
		"taken back":        {[]TenantMonth{{Document: invoice, Status: Credited}, {Document: note, Status: Finalized}}, 1},
		"revised":           {[]TenantMonth{{Document: invoice, Status: Credited}, {Document: note, Status: Finalized}, {Document: invoice, Status: Paid}}, 2},
		"the note after it": {[]TenantMonth{{Document: invoice, Status: Credited}, {Document: invoice, Status: Drafted}, {Document: note, Status: Finalized}}, 1},
	} {
		if got := lastDocuments(tt.months)["t"]; got != tt.want {
			t.Errorf("%s: document %d, want %d", name, got, tt.want)
		}
	}
}

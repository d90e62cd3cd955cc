package export

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// StatementTable is the table of [Statement].
var StatementTable = Table{Name: "statement", Version: 1,
	Rows: "Rows of several kinds, named in row. `tenant`: a document of a tenant's month. `unassigned`: an account with usage that no tenant owned. `unrated`: a group of usage that no charge or rate covers, `not charged`: one that Twilio charges and the tenant does not pay; both are part of their tenant's records and cost. `vanished`: a group of billed usage that Twilio does not list any more. `category`: what the tenants of one currency used of a category. `leakage`: costs that nobody is invoiced for, of the cause in reason. `total`: the sum of the tenant rows of one currency. `other cost`: costs in a currency that is in no other row. `check`: how the costs of tenants, less what is outside the month, and of usage that is nobody's or elsewhere add up to all. `reconciliation`: all that was compared with Twilio's Usage Records; its status is `in part` where that is not everything. `not compared`: an account whose Usage Records are missing, or the days from day on. `stale`: an account that was compared with older figures of Twilio's, as its Usage Records could not be pulled again. `difference`: a day of an account's category on which Twilio has other figures. Credit notes count negatively: the tenant rows of a currency add up to its total, and so do its category rows.",
	Columns: []Column{
		{"period", text, "the month, such as 2026-10, in the main account's time zone"},
		{"row", text, "what the row is"},
		{"tenant", text, "the tenant's id"},
		{"name", text, "of the tenant or the account; of a total: how many tenants are in it; of a check: which costs"},
		{"account", text, "sid of the account"},
		{"invoice", text, "number; empty for a draft"},
		{"status", text, "of the document, of the account at Twilio, or of usage that is not charged; of a reconciliation: in part, or empty; of a difference: above tolerance or within tolerance"},
		{"reason", text, "why the tenant is parked, the usage has no rate, a cost leaks, figures differ or are not compared"},
		{"kind", text, "of usage"},
		{"records", integer, "usage records"},
		{"currency", text, "of revenue, tax and total, ISO 4217"},
		{"revenue", amount, "the document's net"},
		{"tax", amount, "all taxes"},
		{"total", amount, "revenue + tax"},
		{"cost", cost, "what Twilio charged, in cost_currency"},
		{"cost_currency", text, "ISO 4217"},
		{"margin", cost, "revenue - cost; empty where their currencies differ"},
		{"document", text, "invoice or credit_note"},
		{"revision", integer, "of the document"},
		{"corrects", text, "number of the invoice that the document takes back or stands for"},
		{"overdue_days", integer, "past the due date; empty where it is not overdue"},
		{"margin_percent", percent, "margin in percent of revenue, to one decimal"},
		{"category", text, "of lines, or Twilio's of a difference"},
		{"day", date, "UTC, of a difference; of what is not compared: the first one"},
		{"twilio_records", integer, "what Twilio has of a difference"},
		{"twilio_cost", cost, "what Twilio has, in cost_currency"},
	},
}

// statementRow is a row of a statement. What it has no value of is nil, null or
// empty.
type statementRow struct {
	row, tenant, name, account, invoice, status, reason, kind string

	records      *int64
	currency     string
	revenue      decimal.NullDecimal
	tax, total   decimal.NullDecimal
	cost         decimal.Decimal
	costCurrency string
	margin       decimal.NullDecimal
	document     billing.DocumentKind
	revision     *int64
	corrects     string
	overdue      *int64
	percent      decimal.NullDecimal
	category     string
	day          pricing.Date

	twilioRecords *int64
	twilioCost    decimal.NullDecimal
}

// Statement writes a statement.
func Statement(w io.Writer, f Format, st *billing.Statement) error {
	return writeStatement(w, f, st, statementRows(st))
}

// TenantStatement writes those rows of a statement that are a tenant's.
func TenantStatement(w io.Writer, f Format, st *billing.Statement, tenant string) error {
	return writeStatement(w, f, st, slices.DeleteFunc(statementRows(st), func(r statementRow) bool { return r.tenant != tenant }))
}

func writeStatement(w io.Writer, f Format, st *billing.Statement, rows []statementRow) error {
	out, err := newWriter(w, f, &StatementTable)
	if err != nil {
		return err
	}
	for _, r := range rows {
		places := pricing.MinorUnits(r.currency)
		out.texts(st.Period.Label(), r.row, r.tenant, r.name, r.account, r.invoice, r.status, r.reason, r.kind)
		out.optionalInteger(r.records)
		out.text(r.currency)
		for _, sum := range []decimal.NullDecimal{r.revenue, r.tax, r.total} {
			out.optionalFixed(sum, places)
		}
		out.decimal(r.cost)
		out.text(r.costCurrency)
		out.optional(r.margin)
		out.text(string(r.document))
		out.optionalInteger(r.revision)
		out.text(r.corrects)
		out.optionalInteger(r.overdue)
		out.optional(r.percent)
		out.text(r.category)
		out.day(r.day)
		out.optionalInteger(r.twilioRecords)
		out.optional(r.twilioCost)
		if err := out.end("row", r.row, r.tenant, r.account); err != nil {
			return err
		}
	}
	return out.Close()
}

// counted is so many of something.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func statementRows(st *billing.Statement) (rows []statementRow) {
	some := decimal.NewNullDecimal
	// used is a row with records and a cost, to which the others add what they have.
	used := func(row string, records int64, cost decimal.Decimal, more statementRow) {
		more.row, more.records, more.cost, more.costCurrency = row, &records, cost, st.Currency
		if more.revenue.Valid {
			more.percent = billing.MarginPercent(more.margin, more.revenue.Decimal)
		}
		rows = append(rows, more)
	}
	for _, r := range st.Tenants {
		revision, overdue := int64(r.Revision), int64(r.Overdue)
		more := statementRow{
			tenant: r.Tenant, name: r.Name, invoice: r.Number, status: r.Status, reason: r.Reason,
			currency: r.Currency, revenue: some(r.Revenue), tax: some(r.Tax), total: some(r.Total), margin: r.Margin,
			document: r.Kind, revision: &revision, corrects: r.Corrects,
		}
		if overdue > 0 {
			more.overdue = &overdue
		}
		used("tenant", r.Records, r.Cost, more)
	}
	for _, r := range st.Unassigned {
		used("unassigned", r.Records, r.Cost, statementRow{name: r.Account.Name, account: r.Account.SID, status: r.Status})
	}
	for _, r := range st.Unrated {
		used("unrated", r.Records, r.Cost, statementRow{tenant: r.Tenant, reason: r.Reason, kind: string(r.Kind)})
	}
	for _, r := range st.NotCharged {
		used("not charged", r.Records, r.Cost, statementRow{tenant: r.Tenant, status: r.Status, kind: string(r.Kind)})
	}
	for _, r := range st.Vanished {
		used("vanished", r.Records, r.Cost, statementRow{tenant: r.Tenant, name: r.Account.Name, account: r.Account.SID, kind: string(r.Kind)})
	}
	for _, c := range st.Categories {
		used("category", c.Records, c.Cost, statementRow{currency: c.Currency, revenue: some(c.Revenue), margin: c.Margin, category: string(c.Category)})
	}
	for _, l := range st.Leakage {
		used("leakage", l.Records, l.Cost, statementRow{reason: string(l.Cause)})
	}
	for _, t := range st.Totals {
		used("total", t.Records, t.Cost, statementRow{
			name:     counted(t.Tenants, "tenant"),
			currency: t.Currency, revenue: some(t.Revenue), tax: some(t.Tax), total: some(t.Total), margin: t.Margin,
		})
	}
	for _, c := range st.OtherCosts {
		rows = append(rows, statementRow{row: "other cost", records: &c.Records, cost: c.Cost, costCurrency: c.Currency})
	}
	for _, c := range []struct {
		name string
		cost decimal.Decimal
	}{
		{"tenants", st.Check.Tenants}, {"outside", st.Check.Outside}, {"unassigned", st.Check.Unassigned},
		{"elsewhere", st.Check.Elsewhere}, {"all", st.Check.All}, {"difference", st.Check.Difference()},
	} {
		rows = append(rows, statementRow{row: "check", name: c.name, cost: c.cost, costCurrency: st.Currency})
	}
	r := st.Reconciliation
	if r == nil {
		return rows
	}
	name, status := fmt.Sprintf("%d compared, %s, %d above %s", r.Compared, counted(len(r.Differences), "difference"), r.Above(), r.Tolerance), ""
	if !r.Whole() {
		status = "in part"
		if n := len(r.NotPulled); n > 0 {
			name += fmt.Sprintf(", accounts not compared: %d", n)
		}
		if n := len(r.Stale); n > 0 {
			name += fmt.Sprintf(", accounts with stale figures: %d", n)
		}
	}
	rows = append(rows, statementRow{
		row: "reconciliation", name: name, status: status, cost: r.Ours, costCurrency: r.Currency, twilioCost: some(r.Twilio),
	})
	if r.Cut() {
		rows = append(rows, statementRow{row: "not compared", day: r.Until, reason: "days from this one on"})
	}
	for _, a := range r.NotPulled {
		rows = append(rows, statementRow{row: "not compared", name: a.Name, account: a.SID, reason: "its Usage Records are missing"})
	}
	for _, s := range r.Stale {
		rows = append(rows, statementRow{row: "stale", name: s.Account.Name, account: s.Account.SID, day: s.Until,
			reason: "compared up to this day with Twilio's figures of " + s.AsOf.UTC().Format(time.RFC3339)})
	}
	for _, d := range r.Differences {
		status := "within tolerance"
		if d.Above {
			status = "above tolerance"
		}
		rows = append(rows, statementRow{
			row: "difference", name: d.Account.Name, account: d.Account.SID, category: d.Category, day: d.Day, status: status, reason: d.Cause,
			records: &d.Ours.Records, cost: d.Ours.Cost, costCurrency: r.Currency, twilioRecords: &d.Twilio.Records, twilioCost: some(d.Twilio.Cost),
		})
	}
	return rows
}

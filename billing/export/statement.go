package export

import (
	"fmt"
	"io"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// StatementTable is the table of [Statement].
var StatementTable = Table{Name: "statement", Version: 1,
	Rows: "A tenant's month; or, as row says, an account with unassigned usage, a group of unrated usage (part of its tenant's records and cost), the total of an invoice currency, or what was charged in another currency than the statement's.",
	Columns: []Column{
		{"period", text, "the month, such as 2026-10, in the main account's time zone"},
		{"row", text, "tenant, unassigned, unrated, total or other cost"},
		{"tenant", text, "the tenant's id"},
		{"name", text, "of the tenant or the account; of a total: how many tenants are in it"},
		{"account", text, "sid of the account with unassigned usage"},
		{"invoice", text, "number; empty for a draft"},
		{"status", text, "of the invoice, or the account's at Twilio"},
		{"reason", text, "why the tenant is parked or the usage has no rate"},
		{"kind", text, "of unrated usage"},
		{"records", integer, "usage records"},
		{"currency", text, "of revenue, tax and total, ISO 4217"},
		{"revenue", amount, "the invoice's net"},
		{"tax", amount, "all taxes"},
		{"total", amount, "revenue + tax"},
		{"cost", cost, "what Twilio charged, in cost_currency"},
		{"cost_currency", text, "ISO 4217"},
		{"margin", cost, "revenue - cost; empty where their currencies differ"},
	},
}

// statementRow is a row of a statement.
type statementRow struct {
	row, tenant, name, account, invoice, status, reason, kind string

	records             int64
	currency            string // of the three sums; empty for none
	revenue, tax, total decimal.Decimal
	cost                decimal.Decimal
	costCurrency        string
	margin              decimal.NullDecimal
}

// Statement writes a statement.
func Statement(w io.Writer, f Format, st *billing.Statement) error {
	out, err := newWriter(w, f, &StatementTable)
	if err != nil {
		return err
	}
	for _, r := range statementRows(st) {
		out.texts(st.Period.Label(), r.row, r.tenant, r.name, r.account, r.invoice, r.status, r.reason, r.kind)
		out.integer(r.records)
		out.text(r.currency)
		places := pricing.MinorUnits(r.currency)
		for _, sum := range []decimal.Decimal{r.revenue, r.tax, r.total} {
			if r.currency == "" {
				out.none()
			} else {
				out.fixed(sum, places)
			}
		}
		out.decimal(r.cost)
		out.text(r.costCurrency)
		out.optional(r.margin)
		if err := out.end("row", r.row, r.tenant, r.account); err != nil {
			return err
		}
	}
	return out.Close()
}

func statementRows(st *billing.Statement) (rows []statementRow) {
	for _, r := range st.Tenants {
		rows = append(rows, statementRow{
			row: "tenant", tenant: r.Tenant, name: r.Name, invoice: r.Number, status: r.Status, reason: r.Reason, records: r.Records,
			currency: r.Currency, revenue: r.Revenue, tax: r.Tax, total: r.Total, cost: r.Cost, costCurrency: st.Currency, margin: r.Margin,
		})
	}
	for _, r := range st.Unassigned {
		rows = append(rows, statementRow{
			row: "unassigned", name: r.Account.Name, account: r.Account.SID, status: r.Status, records: r.Records, cost: r.Cost, costCurrency: st.Currency,
		})
	}
	for _, r := range st.Unrated {
		rows = append(rows, statementRow{
			row: "unrated", tenant: r.Tenant, reason: r.Reason, kind: string(r.Kind), records: r.Records, cost: r.Cost, costCurrency: st.Currency,
		})
	}
	for _, t := range st.Totals {
		rows = append(rows, statementRow{
			row: "total", name: fmt.Sprintf("%d tenants", t.Tenants), records: t.Records,
			currency: t.Currency, revenue: t.Revenue, tax: t.Tax, total: t.Total, cost: t.Cost, costCurrency: st.Currency, margin: t.Margin,
		})
	}
	for _, c := range st.OtherCosts {
		rows = append(rows, statementRow{row: "other cost", records: c.Records, cost: c.Cost, costCurrency: c.Currency})
	}
	return rows
}

// Package export writes what was billed as CSV: RFC 4180, but for lines that
// end in LF, UTF-8, a header line, columns in a fixed order. Amounts are plain
// decimals with a point. It reads usage back, and writes as JSON, too, what
// usage from a file comes to.
//
// It decides nothing: lines come from invoice documents, usage from a priced
// draft, the statement from package billing.
package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// LineColumns are the columns of [Lines]. Over the lines of an invoice, amount
// adds up to its net and the taxes contained in it; exact_amount + rounding =
// amount on each line.
var LineColumns = []string{
	"period", "tenant", "invoice", "status", "line", "charge", "category", "kind", "description", "item",
	"records", "quantity", "unit", "unit_price", "per", "exact_amount", "rounding", "amount", "currency",
}

// UsageColumns are the columns of [Usage]. Over the records of a tenant,
// amount adds up to the exact_amount of its lines that are neither fees,
// adjustments, surcharges nor credits, to the last digit.
var UsageColumns = []string{
	"period", "tenant", "invoice", "account", "kind", "sid", "category", "parent_sid", "started_at",
	"direction", "status", "from", "to", "quantity", "unit", "outcome", "charge", "item", "billed_quantity", "billed_unit",
	"unit_price", "per", "amount", "currency", "cost", "cost_currency",
}

// StatementColumns are the columns of [Statement].
var StatementColumns = []string{
	"period", "row", "tenant", "name", "account", "invoice", "status", "reason", "kind",
	"records", "currency", "revenue", "tax", "total", "cost", "cost_currency", "margin",
}

// Lines writes the lines of invoices, in the order given.
type Lines struct{ w *csv.Writer }

// NewLines writes the header.
func NewLines(w io.Writer) (*Lines, error) {
	out := &Lines{csv.NewWriter(w)}
	return out, out.w.Write(LineColumns)
}

// Add writes the lines of one invoice. The status is that of its statement row.
func (l *Lines) Add(doc *billing.Document, status string) error {
	places := pricing.MinorUnits(doc.Currency)
	for i := range doc.Lines {
		line := &doc.Lines[i]
		exact := line.Exact()
		err := l.w.Write([]string{
			doc.Period.Label(), doc.Tenant, doc.Number, status, strconv.Itoa(i + 1), line.Charge, string(line.Category), string(line.Kind),
			line.Description, line.Item, strconv.FormatInt(line.Records, 10), line.Quantity.String(), string(line.Unit),
			line.UnitPrice.String(), strconv.FormatInt(line.Per, 10),
			exact.String(), line.Amount.Sub(exact).String(), line.Amount.StringFixed(places), doc.Currency,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is buffered.
func (l *Lines) Close() error { l.w.Flush(); return l.w.Error() }

// Usage writes priced usage records.
type Usage struct {
	w     *csv.Writer
	cells []string
}

// NewUsage writes the header.
func NewUsage(w io.Writer) (*Usage, error) {
	out := &Usage{w: csv.NewWriter(w)}
	return out, out.w.Write(UsageColumns)
}

// MoreUsage writes records behind a header that was written before.
func MoreUsage(w io.Writer) *Usage { return &Usage{w: csv.NewWriter(w)} }

// outcomes are the words for what pricing made of a record.
var outcomes = map[pricing.Outcome]string{
	pricing.Rated:      "rated",
	pricing.NotCharged: "not charged",
	pricing.NoRate:     "unrated",
}

// Add writes one record of a tenant's period. A record on more than one line
// (a call with a connect fee) shows quantity and price of the first, and the
// amount of all. One that counts towards a sum (tiers, packages) has no price
// of its own: its amount is what the sum's amount grew by.
func (u *Usage) Add(tenant string, p billing.Period, invoice, currency string, item *billing.Item) error {
	var lineItem, billed, unit, price, per, cost string
	if len(item.Parts) > 0 {
		part := item.Parts[0]
		lineItem, billed, unit = part.Item(), part.Quantity.String(), string(part.Unit())
		if p, n, ok := part.Price(); ok {
			price, per = p.String(), strconv.FormatInt(n, 10)
		}
	}
	if item.Cost != nil {
		cost = item.Cost.String()
	}
	u.cells = append(u.cells[:0],
		p.Label(), tenant, invoice, item.Account, item.Kind, item.SID, "", item.ParentSID, item.StartedAt.UTC().Format(time.RFC3339Nano),
		item.Direction, item.Status, item.From, item.To,
		item.Quantity.String(), string(pricing.Kind(item.Kind).Unit()), outcomes[item.Outcome], item.Charge, lineItem,
		billed, unit, price, per, item.Amount.String(), currency, cost, item.Currency)
	return u.w.Write(u.cells)
}

// Close writes what is buffered.
func (u *Usage) Close() error { u.w.Flush(); return u.w.Error() }

// Statement writes a statement: a row per tenant, per account with unassigned
// usage, per group of unrated usage, per invoice currency the total, and per
// other currency of cost what was charged in it. The column row says which:
// tenant, unassigned, unrated, total or other cost. Unrated usage is part
// of its tenant's records and cost.
func Statement(w io.Writer, st *billing.Statement) error {
	out := csv.NewWriter(w)
	write := func(row, tenant, name, account, invoice, status, reason, kind string, records int64, currency, revenue, tax, total string, cost decimal.Decimal, margin string) {
		out.Write([]string{st.Period.Label(), row, tenant, name, account, invoice, status, reason, kind, //nolint:errcheck // csv.Writer keeps its error
			strconv.FormatInt(records, 10), currency, revenue, tax, total, cost.String(), st.Currency, margin})
	}
	out.Write(StatementColumns) //nolint:errcheck // as above
	for _, r := range st.Tenants {
		places := pricing.MinorUnits(r.Currency)
		write("tenant", r.Tenant, r.Name, "", r.Number, r.Status, r.Reason, "", r.Records, r.Currency,
			r.Revenue.StringFixed(places), r.Tax.StringFixed(places), r.Total.StringFixed(places), r.Cost, nullable(r.Margin))
	}
	for _, r := range st.Unassigned {
		write("unassigned", "", r.Account.Name, r.Account.SID, "", r.Status, "", "", r.Records, "", "", "", "", r.Cost, "")
	}
	for _, r := range st.Unrated {
		write("unrated", r.Tenant, "", "", "", "", r.Reason, string(r.Kind), r.Records, "", "", "", "", r.Cost, "")
	}
	for _, t := range st.Totals {
		places := pricing.MinorUnits(t.Currency)
		write("total", "", fmt.Sprintf("%d tenants", t.Tenants), "", "", "", "", "", t.Records, t.Currency,
			t.Revenue.StringFixed(places), t.Tax.StringFixed(places), t.Total.StringFixed(places), t.Cost, nullable(t.Margin))
	}
	for _, c := range st.OtherCosts {
		out.Write([]string{st.Period.Label(), "other cost", "", "", "", "", "", "", "", //nolint:errcheck // as above
			strconv.FormatInt(c.Records, 10), "", "", "", "", c.Cost.String(), c.Currency, ""})
	}
	out.Flush()
	return out.Error()
}

func nullable(d decimal.NullDecimal) string {
	if !d.Valid {
		return ""
	}
	return d.Decimal.String()
}

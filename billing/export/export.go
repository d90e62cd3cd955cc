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
	"document", "revision", "corrects", "overdue_days", "margin_percent", "category", "day", "twilio_records", "twilio_cost",
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
			doc.Printed(line.Description), doc.Printed(line.Item), strconv.FormatInt(line.Records, 10), line.Quantity.String(), string(line.Unit),
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

// Statement writes a statement. The column row says what a row is:
//
//   - tenant: a document of a tenant's month
//   - unassigned: an account with usage that no tenant owned
//   - unrated: a group of usage that no charge or rate covers; it is part of
//     its tenant's records and cost
//   - not charged: a group of usage that Twilio charges and the tenant does
//     not pay; it is part of its tenant's records and cost
//   - vanished: a group of billed usage that Twilio does not list any more
//   - category: what the tenants of one currency used of a category
//   - leakage: costs that nobody is invoiced for, of the cause in reason
//   - total: the sum of the tenant rows of one currency
//   - other cost: costs in a currency that is in no other row
//   - check: the costs named in name; see [billing.CostCheck]
//   - reconciliation: all that was compared with Twilio's Usage Records
//   - difference: a day of an account's category on which Twilio has others
func Statement(w io.Writer, st *billing.Statement) error {
	out := csv.NewWriter(w)
	out.Write(StatementColumns) //nolint:errcheck // csv.Writer keeps its error
	write := func(row string, cells map[string]string) {
		line := make([]string, len(StatementColumns))
		for i, column := range StatementColumns {
			line[i] = cells[column]
		}
		line[0], line[1] = st.Period.Label(), row
		out.Write(line) //nolint:errcheck // as above
	}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	// used has the records and the cost of a row, and money what was invoiced.
	used := func(records int64, cost decimal.Decimal, more map[string]string) map[string]string {
		more["records"], more["cost"], more["cost_currency"] = count(records), cost.String(), st.Currency
		return more
	}
	money := func(currency string, revenue decimal.Decimal, margin decimal.NullDecimal, cells map[string]string) map[string]string {
		cells["currency"], cells["revenue"] = currency, revenue.StringFixed(pricing.MinorUnits(currency))
		cells["margin"], cells["margin_percent"] = nullable(margin), nullable(billing.MarginPercent(margin, revenue))
		return cells
	}
	for _, r := range st.Tenants {
		places := pricing.MinorUnits(r.Currency)
		cells := money(r.Currency, r.Revenue, r.Margin, used(r.Records, r.Cost, map[string]string{
			"tenant": r.Tenant, "name": r.Name, "invoice": r.Number, "status": r.Status, "reason": r.Reason,
			"tax": r.Tax.StringFixed(places), "total": r.Total.StringFixed(places),
			"document": string(r.Kind), "revision": strconv.Itoa(r.Revision), "corrects": r.Corrects,
		}))
		if r.Overdue > 0 {
			cells["overdue_days"] = strconv.Itoa(r.Overdue)
		}
		write("tenant", cells)
	}
	for _, r := range st.Unassigned {
		write("unassigned", used(r.Records, r.Cost, map[string]string{"name": r.Account.Name, "account": r.Account.SID, "status": r.Status}))
	}
	for _, r := range st.Unrated {
		write("unrated", used(r.Records, r.Cost, map[string]string{"tenant": r.Tenant, "reason": r.Reason, "kind": string(r.Kind)}))
	}
	for _, r := range st.NotCharged {
		write("not charged", used(r.Records, r.Cost, map[string]string{"tenant": r.Tenant, "status": r.Status, "kind": string(r.Kind)}))
	}
	for _, r := range st.Vanished {
		write("vanished", used(r.Records, r.Cost, map[string]string{
			"tenant": r.Tenant, "name": r.Account.Name, "account": r.Account.SID, "kind": string(r.Kind),
		}))
	}
	for _, c := range st.Categories {
		write("category", money(c.Currency, c.Revenue, c.Margin, used(c.Records, c.Cost, map[string]string{"category": string(c.Category)})))
	}
	for _, l := range st.Leakage {
		write("leakage", used(l.Records, l.Cost, map[string]string{"reason": string(l.Cause)}))
	}
	for _, t := range st.Totals {
		places := pricing.MinorUnits(t.Currency)
		write("total", money(t.Currency, t.Revenue, t.Margin, used(t.Records, t.Cost, map[string]string{
			"name": fmt.Sprintf("%d tenants", t.Tenants), "tax": t.Tax.StringFixed(places), "total": t.Total.StringFixed(places),
		})))
	}
	for _, c := range st.OtherCosts {
		write("other cost", map[string]string{"records": count(c.Records), "cost": c.Cost.String(), "cost_currency": c.Currency})
	}
	for _, c := range []struct {
		name string
		cost decimal.Decimal
	}{
		{"tenants", st.Check.Tenants}, {"outside", st.Check.Outside}, {"unassigned", st.Check.Unassigned},
		{"elsewhere", st.Check.Elsewhere}, {"all", st.Check.All}, {"difference", st.Check.Difference()},
	} {
		write("check", map[string]string{"name": c.name, "cost": c.cost.String(), "cost_currency": st.Currency})
	}
	if r := st.Reconciliation; r != nil {
		write("reconciliation", map[string]string{
			"name": fmt.Sprintf("%d compared, %d differences, %d above %s", r.Compared, len(r.Differences), r.Above(), r.Tolerance),
			"cost": r.Ours.String(), "cost_currency": r.Currency, "twilio_cost": r.Twilio.String(),
		})
		for _, d := range r.Differences {
			status := "within tolerance"
			if d.Above {
				status = "above tolerance"
			}
			write("difference", map[string]string{
				"name": d.Account.Name, "account": d.Account.SID, "category": d.Category, "day": d.Day.String(), "status": status, "reason": d.Cause,
				"records": count(d.Ours.Records), "cost": d.Ours.Cost.String(), "cost_currency": r.Currency,
				"twilio_records": count(d.Twilio.Records), "twilio_cost": d.Twilio.Cost.String(),
			})
		}
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

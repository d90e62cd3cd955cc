package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// tableWidth is what a terminal is taken to show of a line, in columns.
const tableWidth = 100

// printStatement writes a month's statement as tables, one of documents and one
// of categories for each invoice currency, and a line for all else that counts.
func printStatement(w io.Writer, st *billing.Statement) {
	fmt.Fprintf(w, "%s\n", st.Period.Label())
	for i := range st.Totals {
		if i > 0 {
			fmt.Fprintln(w)
		}
		printDocuments(w, st, &st.Totals[i])
	}
	for i := range st.Totals {
		printCategories(w, st, &st.Totals[i])
	}
	if len(st.Totals) > 0 {
		fmt.Fprintln(w)
	}
	for _, r := range st.Tenants {
		if r.Status == billing.Parked {
			fmt.Fprintf(w, "PARKED      %s: %s\n", r.Tenant, printable(r.Reason))
		}
		if r.Overdue > 0 {
			fmt.Fprintf(w, "OVERDUE     %s: %s by %s\n", r.Tenant, r.Number, count(r.Overdue, "day"))
		}
		switch {
		case r.Kind == billing.CreditNote:
			fmt.Fprintf(w, "CORRECTED   %s: credit note %s takes back %s\n", r.Tenant, r.Number, r.Corrects)
		case r.Corrects != "":
			fmt.Fprintf(w, "CORRECTED   %s: %s, revision %d, stands for %s\n", r.Tenant, r.Number, r.Revision, r.Corrects)
		}
	}
	for _, r := range st.Unrated {
		fmt.Fprintf(w, "UNRATED     %s: %d %s records, cost %s %s: %s\n", r.Tenant, r.Records, r.Kind, r.Cost.StringFixed(2), st.Currency, printable(r.Reason))
	}
	for _, r := range st.NotCharged {
		fmt.Fprintf(w, "NOT CHARGED %s: %d %s records %s, cost %s %s\n", r.Tenant, r.Records, r.Kind, printable(r.Status), r.Cost, st.Currency)
	}
	for _, c := range st.OtherCosts {
		fmt.Fprintf(w, "OTHER COST  %d records cost %s %s, which is in no other figure\n", c.Records, c.Cost.String(), c.Currency)
	}
	for _, r := range st.Unassigned {
		fmt.Fprintf(w, "UNASSIGNED  %s (%s, %s): %d records, cost %s\n", r.Account.SID, printable(r.Account.Name), r.Status, r.Records, strings.TrimSpace(r.Cost.StringFixed(2)+" "+st.Currency))
	}
	for _, r := range st.Vanished {
		fmt.Fprintf(w, "VANISHED    %s (%s): %d %s records, cost %s %s, are billed and not listed by Twilio any more\n",
			r.Account.SID, printable(r.Account.Name), r.Records, r.Kind, r.Cost, st.Currency)
	}
	printCheck(w, st)
	printReconciled(w, st.Reconciliation)
}

// printDocuments writes the documents in one invoice currency.
func printDocuments(w io.Writer, st *billing.Statement, t *billing.CurrencyTotal) {
	places := pricing.MinorUnits(t.Currency)
	var rows [][]string
	for _, r := range st.Tenants {
		if r.Currency != t.Currency {
			continue
		}
		status, number := r.Status, r.Number
		if r.Overdue > 0 {
			status = fmt.Sprintf("overdue %dd", r.Overdue)
		}
		if r.Revision > 1 && r.Kind != billing.CreditNote {
			number = strings.TrimSpace(fmt.Sprintf("%s r%d", number, r.Revision))
		}
		rows = append(rows, []string{short(r.Tenant, 20), status, number, r.Revenue.StringFixed(places), r.Tax.StringFixed(places), r.Total.StringFixed(places),
			r.Cost.StringFixed(2), margin(r.Margin, places), percent(r.Margin, r.Revenue)})
	}
	rows = append(rows, []string{"total", "", count(t.Tenants, "tenant"), t.Revenue.StringFixed(places), t.Tax.StringFixed(places), t.Total.StringFixed(places),
		t.Cost.StringFixed(2), margin(t.Margin, places), percent(t.Margin, t.Revenue)})
	printTable(w, []string{"TENANT", "STATUS", "INVOICE", strings.TrimSpace("REVENUE " + t.Currency), "TAX", "TOTAL", strings.TrimSpace("COST " + st.Currency), "MARGIN", "%"}, 3, rows)
}

// printCategories writes what was used and invoiced in one invoice currency.
func printCategories(w io.Writer, st *billing.Statement, t *billing.CurrencyTotal) {
	places := pricing.MinorUnits(t.Currency)
	var rows [][]string
	for _, c := range st.Categories {
		if c.Currency == t.Currency {
			rows = append(rows, []string{string(c.Category), fmt.Sprint(c.Records), c.Revenue.StringFixed(places), c.Cost.StringFixed(2), margin(c.Margin, places), percent(c.Margin, c.Revenue)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		printTable(w, []string{"CATEGORY", "RECORDS", strings.TrimSpace("REVENUE " + t.Currency), strings.TrimSpace("COST " + st.Currency), "MARGIN", "%"}, 1, rows)
	}
}

// printCheck says whether every cost of the month is on the statement.
func printCheck(w io.Writer, st *billing.Statement) {
	c := st.Check
	if c.All.IsZero() && c.Difference().IsZero() {
		return
	}
	verdict := "all costs are here"
	if !c.Difference().IsZero() {
		verdict = fmt.Sprintf("COSTS DIFFER BY %s", c.Difference())
	}
	sum := "tenants " + c.Tenants.String()
	if !c.Outside.IsZero() {
		sum += " - outside the month " + c.Outside.String()
	}
	sum += " + without a tenant " + c.Unassigned.String()
	if !c.Elsewhere.IsZero() {
		sum += " + in other months " + c.Elsewhere.String()
	}
	fmt.Fprintf(w, "CHECK       %s: %s = %s %s\n", verdict, sum, c.All.Add(c.Difference()), st.Currency)
}

// shownDifferences is how many differences from Twilio's figures are printed.
const shownDifferences = 10

// printReconciled says on a statement what the comparison with Twilio's Usage Records has
// found.
func printReconciled(w io.Writer, r *billing.Reconciliation) {
	if r == nil {
		fmt.Fprintln(w, "NOT RECONCILED with Twilio's Usage Records")
		return
	}
	verdict := "RECONCILED "
	if !r.Whole() {
		verdict = "RECONCILED IN PART "
	}
	fmt.Fprintf(w, "%s %d compared: cost %s, Twilio's %s %s; %s\n", verdict, r.Compared, r.Ours, r.Twilio, r.Currency, found(r))
	var rows [][]string
	for _, d := range r.Worst(shownDifferences) {
		rows = append(rows, []string{d.Account.SID, d.Category, d.Day.String(), fmt.Sprint(d.Ours.Records), fmt.Sprint(d.Twilio.Records),
			d.Ours.Cost.Sub(d.Twilio.Cost).String(), " " + printable(d.Cause)})
	}
	if len(rows) > 0 {
		printTable(w, []string{"ACCOUNT", "CATEGORY", "DAY", "OURS", "TWILIO", "COST BY", " LIKELY CAUSE"}, 3, rows)
	}
	printNotCompared(w, r)
}

// printTable writes rows beneath a head. The columns from numbers on are
// right-aligned, but for one whose head begins with a space.
func printTable(w io.Writer, head []string, numbers int, rows [][]string) {
	rows = append([][]string{head}, rows...)
	widths, sum := make([]int, len(head)), 0
	for i := range head {
		for _, r := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
		sum += widths[i] + 2
	}
	gap := "  "
	if sum-2 > tableWidth {
		gap = " "
	}
	for _, r := range rows {
		line := make([]string, len(r))
		for i, text := range r {
			fill := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i >= numbers && !strings.HasPrefix(head[i], " ") {
				line[i] = fill + text
			} else {
				line[i] = text + fill
			}
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, gap), " "))
	}
}

// short cuts a text that is longer than n.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// margin writes a margin with the decimals of its currency.
func margin(d decimal.NullDecimal, places int32) string {
	if !d.Valid {
		return "-"
	}
	return d.Decimal.StringFixed(places)
}

func percent(d decimal.NullDecimal, revenue decimal.Decimal) string {
	p := billing.MarginPercent(d, revenue)
	if !p.Valid {
		return "-"
	}
	return p.Decimal.StringFixed(1)
}

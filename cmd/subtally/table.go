package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// printStatement writes a month's statement as a table.
func printStatement(w io.Writer, st *billing.Statement) {
	fmt.Fprintf(w, "%s\n", st.Period.Label())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "TENANT\tSTATUS\tINVOICE\tRECORDS\tCOST %s\tREVENUE\tMARGIN\t\n", st.Currency)
	for _, r := range st.Tenants {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s %s\t%s\t\n", r.Tenant, r.Status, r.Number, r.Records,
			r.Cost.StringFixed(2), r.Revenue.StringFixed(pricing.MinorUnits(r.Currency)), r.Currency, margin(r.Margin))
	}
	for _, r := range st.Totals {
		fmt.Fprintf(t, "total\t\t%d tenants\t%d\t%s\t%s %s\t%s\t\n", r.Tenants, r.Records,
			r.Cost.StringFixed(2), r.Revenue.StringFixed(pricing.MinorUnits(r.Currency)), r.Currency, margin(r.Margin))
	}
	t.Flush() //nolint:errcheck // stdout
	for _, r := range st.Tenants {
		if r.Status == billing.Parked {
			fmt.Fprintf(w, "PARKED      %s: %s\n", r.Tenant, printable(r.Reason))
		}
	}
	for _, r := range st.Unrated {
		fmt.Fprintf(w, "UNRATED     %s: %d %s records, cost %s %s: %s\n", r.Tenant, r.Records, r.Kind, r.Cost.StringFixed(2), st.Currency, printable(r.Reason))
	}
	for _, v := range st.Vanished {
		fmt.Fprintf(w, "VANISHED    %s: %d %s records of %s are not in Twilio's list any more, cost %s %s; they stay billed\n",
			cmp.Or(v.Tenant, "no tenant"), v.Records, v.Kind, v.Account.SID, v.Cost.StringFixed(2), st.Currency)
	}
	for _, c := range st.OtherCosts {
		fmt.Fprintf(w, "OTHER COST  %d records cost %s %s, which is in no other figure\n", c.Records, c.Cost.String(), c.Currency)
	}
	for _, r := range st.Unassigned {
		fmt.Fprintf(w, "UNASSIGNED  %s (%s, %s): %d records, cost %s %s\n", r.Account.SID, printable(r.Account.Name), r.Status, r.Records, r.Cost.StringFixed(2), st.Currency)
	}
}

// printRating writes what usage comes to under one plan as a table.
func printRating(w io.Writer, r *billing.Rating) {
	d := &r.Document
	places := pricing.MinorUnits(d.Currency)
	fmt.Fprintf(w, "%s  %s (%s)\n", printable(d.Plans[0].Name), d.Period.Label(), d.Period.TimeZone)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "CHARGE\tDESCRIPTION\tITEM\tQUANTITY\tUNIT\tUNIT PRICE\tPER\tEXACT\tAMOUNT %s\n", d.Currency)
	for i := range d.Lines {
		l := &d.Lines[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", printable(l.Charge), printable(l.Description), printable(l.Item),
			l.Quantity, l.Unit, l.UnitPrice, l.Per, l.ExactText(), l.Amount.StringFixed(places))
	}
	sum := func(label string, amount decimal.Decimal) {
		fmt.Fprintf(t, "\t%s\t\t\t\t\t\t\t%s\n", label, amount.StringFixed(places))
	}
	sum("Net", d.Net)
	for _, tax := range d.Taxes {
		label := fmt.Sprintf("%s %s %% of %s", printable(tax.Name), tax.Rate, tax.Base.StringFixed(places))
		if tax.Inclusive {
			label += ", contained"
		}
		sum(label, tax.Amount)
	}
	sum("Total", d.Total)
	t.Flush() //nolint:errcheck // stdout
	for _, tax := range d.Taxes {
		if tax.Note != "" {
			fmt.Fprintf(w, "%s: %s\n", printable(tax.Name), printable(tax.Note))
		}
	}
	fmt.Fprintf(w, "%s, %d not charged\n", count(int(d.Usage.Records), "record"), r.NotCharged)
	printUnrated(w, r)
	for _, a := range r.Carried.Advance {
		fmt.Fprintf(w, "CARRIED     %s: %d days of %s billed in advance\n", printable(a.Charge), a.Days, a.From.String()[:7])
	}
	for _, u := range r.Carried.Unused {
		fmt.Fprintf(w, "CARRIED     allowance %s: %s left of %s\n", printable(u.Allowance), u.Quantity, u.Period.String()[:7])
	}
	for _, c := range r.Carried.Credits {
		fmt.Fprintf(w, "CARRIED     credit %s: %s used so far\n", printable(c.Credit), c.Amount.StringFixed(places))
	}
	printExplained(w, r)
}

// printExplained writes how records, lines and taxes came to their amounts.
func printExplained(w io.Writer, r *billing.Rating) {
	for _, e := range r.Explained {
		subject := "RECORD " + printable(e.Record)
		switch {
		case e.Tax != "":
			subject = "TAX " + printable(e.Tax)
		case e.Line > 0:
			subject = fmt.Sprintf("LINE %d of the whole invoice", e.Line)
			if charge := r.Document.Lines[e.Line-1].Charge; charge != "" {
				subject = fmt.Sprintf("LINE %d of charge %s", e.Line, printable(charge))
			}
		}
		fmt.Fprintf(w, "\n%s under %s\n", subject, printable(r.Document.Plans[0].Name))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range e.Steps {
			fmt.Fprintf(t, "  %s\t%s\n", s.What, printable(s.Text))
		}
		t.Flush() //nolint:errcheck // stdout
	}
}

func printUnrated(w io.Writer, r *billing.Rating) {
	for _, u := range r.Unrated {
		cost := ""
		if u.Currency != "" {
			cost = ", cost " + u.Cost.String() + " " + u.Currency
		}
		fmt.Fprintf(w, "UNRATED     %s: %d %s records%s: %s\n", printable(r.Document.Plans[0].Name), u.Records, u.Kind, cost, printable(u.Reason))
	}
}

// printComparison writes the same usage under two plans as a table.
func printComparison(w io.Writer, c *billing.Comparison) {
	plan, against := &c.Plan.Document, &c.Against.Document
	places := pricing.MinorUnits(plan.Currency)
	fmt.Fprintf(w, "%s against %s  %s (%s)\n", printable(plan.Plans[0].Name), printable(against.Plans[0].Name), plan.Period.Label(), plan.Period.TimeZone)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "CHARGE\tAMOUNT %s\tAGAINST\tDIFFERENCE\n", plan.Currency)
	row := func(label string, d billing.Difference) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", label, d.Plan.StringFixed(places), d.Against.StringFixed(places), d.By().StringFixed(places))
	}
	for _, d := range c.Charges {
		row(cmp.Or(printable(d.Charge), "(whole invoice)"), d.Difference)
	}
	row("Net", c.Net)
	row("Tax", c.Tax)
	row("Total", c.Total)
	t.Flush() //nolint:errcheck // stdout
	for _, r := range []*billing.Rating{c.Plan, c.Against} {
		printUnrated(w, r)
	}
	for _, r := range []*billing.Rating{c.Plan, c.Against} {
		printExplained(w, r)
	}
}

func margin(d decimal.NullDecimal) string {
	if !d.Valid {
		return "-"
	}
	return d.Decimal.StringFixed(2)
}

// printable drops what could steer a terminal from text that others wrote.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}

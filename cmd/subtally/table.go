package main

import (
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
	for _, c := range st.OtherCosts {
		fmt.Fprintf(w, "OTHER COST  %d records cost %s %s, which is in no other figure\n", c.Records, c.Cost.String(), c.Currency)
	}
	for _, r := range st.Unassigned {
		fmt.Fprintf(w, "UNASSIGNED  %s (%s, %s): %d records, cost %s %s\n", r.Account.SID, printable(r.Account.Name), r.Status, r.Records, r.Cost.StringFixed(2), st.Currency)
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

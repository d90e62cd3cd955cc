package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing/register"
	"subtally/internal/config"
	"subtally/pricing"
)

// listFilter chooses entries of the register.
type listFilter struct {
	tenant, status string
	period         pricing.Date // first day of the month; any where zero
	overdue        bool
}

func (f *listFilter) keeps(r *register.Receivable) bool {
	return (f.tenant == "" || r.Tenant == f.tenant) && (f.status == "" || r.Status == f.status) &&
		(f.period.IsZero() || r.From == f.period) && (!f.overdue || r.DaysOverdue > 0)
}

func invoiceListCommand(opts *options) *cobra.Command {
	var f listFilter
	var asOf, period string
	c := &cobra.Command{
		Use:   "list",
		Short: "List finalized invoices and credit notes, and what is open of each",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if f.status != "" && !slices.Contains(register.Statuses, f.status) {
				return usageError{fmt.Errorf("--status: %q is not one of %s", f.status, strings.Join(register.Statuses, ", "))}
			}
			if f.period, err = month(period); err != nil {
				return err
			}
			day, err := dateFlag("--as-of", asOf)
			if err != nil {
				return err
			}
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if day, _, err = moment(day, conf, time.Now); err != nil {
				return err
			}
			a, err := open(c.Context(), conf, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			reg, err := a.register(c.Context())
			if err != nil {
				return err
			}
			payments, err := reg.Payments(c.Context())
			if err != nil {
				return err
			}
			list := register.Receivables(reg.Entries(), payments, day)
			list = slices.DeleteFunc(list, func(r register.Receivable) bool { return !f.keeps(&r) })
			if opts.JSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(list)
			}
			return printReceivables(c.OutOrStdout(), list)
		},
	}
	c.Flags().StringVar(&f.tenant, "tenant", "", "only this tenant's")
	c.Flags().StringVar(&f.status, "status", "", "only those that are "+strings.Join(register.Statuses, ", "))
	c.Flags().StringVar(&period, "period", "", "only this month's, such as 2026-10")
	c.Flags().BoolVar(&f.overdue, "overdue", false, "only those whose due date has passed")
	c.Flags().StringVar(&asOf, "as-of", "", "the day on which they are overdue or not, such as 2026-12-15 (default: today)")
	opts.jsonFlag(c)
	return c
}

// printReceivables writes entries of the register as a table.
func printReceivables(w io.Writer, list []register.Receivable) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tKIND\tTENANT\tPERIOD\tREVISION\tISSUED\tDUE\tTOTAL\tOPEN\tCURRENCY\tSTATUS\t")
	for i := range list {
		r := &list[i]
		status := r.Status
		if r.DaysOverdue > 0 {
			status += ", " + count(r.DaysOverdue, "day") + " overdue"
		}
		places := pricing.MinorUnits(r.Currency)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Number, strings.ReplaceAll(r.Kind, "_", " "), r.Tenant, r.From.String()[:7], r.Revision,
			r.Issued, r.Due, r.Total.StringFixed(places), r.Open.StringFixed(places), r.Currency, status)
	}
	return t.Flush()
}

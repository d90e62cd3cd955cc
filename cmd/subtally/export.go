package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
)

func exportCommand(opts *options) *cobra.Command {
	c := &cobra.Command{Use: "export", Short: "Write billed data as CSV"}
	group(c)
	c.AddCommand(
		exportOf(opts, "lines", "Write the lines of a month's invoices as CSV",
			func(c *cobra.Command, w io.Writer, _ *app, tenants []billing.TenantMonth) error {
				return nightly.Lines(w, tenants)
			}),
		exportOf(opts, "usage", "Write a month's usage records as CSV, each with its amount",
			func(c *cobra.Command, w io.Writer, a *app, tenants []billing.TenantMonth) error {
				changed, err := nightly.Usage(c.Context(), w, a.biller, tenants)
				for _, number := range changed {
					fmt.Fprintf(c.ErrOrStderr(), "subtally: usage or plan of invoice %s changed since it was finalized; the amounts do not add up to it\n", number)
				}
				if err == nil && len(changed) > 0 {
					return errNeedsPerson
				}
				return err
			}))
	return c
}

// exportOf is one export: CSV on standard output, or into a file that appears
// only when it is complete.
func exportOf(opts *options, name, short string, write func(*cobra.Command, io.Writer, *app, []billing.TenantMonth) error) *cobra.Command {
	var date, period, tenant, out string
	c := &cobra.Command{
		Use:   name + " --period YYYY-MM",
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--period", period); err != nil {
				return err
			}
			first, err := month(period)
			if err != nil {
				return err
			}
			a, err := open(c.Context(), opts.Config, os.LookupEnv, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			if tenant != "" {
				t, err := a.biller.Tenant(tenant)
				if err != nil {
					return usageError{err}
				}
				a.biller.Tenants = []billing.Tenant{*t}
			}
			day, _, err := asOf(date, a.config, time.Now)
			if err != nil {
				return err
			}
			reg, err := a.register(c.Context())
			if err != nil {
				return err
			}
			tenants, err := nightly.Tenants(c.Context(), a.biller, reg, first, day)
			if err != nil {
				return err
			}
			if out == "" {
				return write(c, c.OutOrStdout(), a, tenants)
			}
			var person error
			if err := nightly.WriteFile(out, func(w io.Writer) error {
				err := write(c, w, a, tenants)
				if err == errNeedsPerson {
					person, err = err, nil
				}
				return err
			}); err != nil {
				return err
			}
			return person
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "billing date of drafts, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	c.Flags().StringVar(&tenant, "tenant", "", "only this tenant, by id")
	c.Flags().StringVarP(&out, "output", "o", "", "file to write (default: standard output)")
	return c
}

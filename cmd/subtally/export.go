package main

import (
	"fmt"
	"io"
	"slices"

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
				if err := nightly.Usage(c.Context(), w, a.biller, tenants); err != nil {
					return err
				}
				changed, err := nightly.Changed(c.Context(), a.biller, tenants)
				for _, number := range changed {
					fmt.Fprintf(c.ErrOrStderr(), "subtally: usage of invoice %s changed since it was finalized; the amounts add up to it only with the adjustments on later invoices\n", number)
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
			a, job, o, err := look(c.Context(), opts.Config, first, date, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			tenants, err := job.Look(c.Context(), o)
			if err != nil {
				return err
			}
			if tenant != "" {
				tenants = slices.DeleteFunc(tenants, func(t billing.TenantMonth) bool { return t.Document.Tenant != tenant })
				if len(tenants) == 0 {
					return usageError{fmt.Errorf("tenant %q is not configured, or not billed in %s", tenant, period)}
				}
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

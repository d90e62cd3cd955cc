package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/pricing"
)

func invoiceCommand(opts *options) *cobra.Command {
	c := &cobra.Command{Use: "invoice", Short: "List, show, draft, finalize and regenerate invoices"}
	group(c)
	c.AddCommand(invoiceListCommand(opts), invoiceShowCommand(opts), invoiceDraftCommand(opts), invoiceFinalizeCommand(opts), invoiceRegenerateCommand(opts))
	return c
}

func invoiceListCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List finalized invoices",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			a, err := open(c.Context(), opts.Config, os.LookupEnv, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			reg, err := a.register(c.Context())
			if err != nil {
				return err
			}
			entries := reg.Entries()
			if opts.JSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(entries)
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NUMBER\tTENANT\tFROM\tTO\tSHA-256\t")
			for _, e := range entries {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", e.Number, e.Tenant, e.From, e.To, e.SHA256)
			}
			return t.Flush()
		},
	}
}

func invoiceShowCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "Print an invoice's document as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			a, err := open(c.Context(), opts.Config, os.LookupEnv, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			doc, err := a.document(c.Context(), args[0])
			if err != nil {
				return err
			}
			out := json.NewEncoder(c.OutOrStdout())
			out.SetIndent("", "  ")
			return out.Encode(doc)
		},
	}
}

// document reads the document of a finalized invoice by its number.
func (a *app) document(ctx context.Context, number string) (*billing.Document, error) {
	reg, err := a.register(ctx)
	if err != nil {
		return nil, err
	}
	e, err := reg.Number(number)
	if err != nil {
		return nil, err
	}
	return nightly.Document(ctx, reg, e)
}

func invoiceRegenerateCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "regenerate NUMBER",
		Short: "Write a finalized invoice's PDF again, from its stored document",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			a, err := open(c.Context(), opts.Config, os.LookupEnv, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			doc, err := a.document(c.Context(), args[0])
			if err != nil {
				return err
			}
			path := filepath.Join(a.files.Dir, doc.Period.Label(), "invoices", doc.Number+".pdf")
			if err := a.files.Invoice(path, doc); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), path)
			return err
		},
	}
}

func invoiceDraftCommand(opts *options) *cobra.Command {
	var date, period, tenant string
	c := &cobra.Command{
		Use:   "draft --tenant ID --period YYYY-MM",
		Short: "Write a draft invoice from the usage pulled so far",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--tenant", tenant, "--period", period); err != nil {
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
			t, err := a.biller.Tenant(tenant)
			if err != nil {
				return usageError{err}
			}
			day, _, err := asOf(date, a.config, time.Now)
			if err != nil {
				return err
			}
			draft, err := a.biller.Draft(c.Context(), t, billing.Month(first, t.TimeZone), day, nil)
			if err != nil {
				return err
			}
			doc := &draft.Document
			path := filepath.Join(a.files.Dir, doc.Period.Label(), "drafts", t.ID+".pdf")
			if err := a.files.Invoice(path, doc); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s  net %s, total %s %s\n", path,
				doc.Net.StringFixed(pricing.MinorUnits(doc.Currency)), doc.Total.StringFixed(pricing.MinorUnits(doc.Currency)), doc.Currency)
			for _, u := range draft.Unrated {
				fmt.Fprintf(c.OutOrStdout(), "UNRATED  %d %s records: %s\n", u.Records, u.Kind, printable(u.Reason))
			}
			if len(draft.Unrated) > 0 {
				return errNeedsPerson
			}
			return nil
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "billing date, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	c.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	return c
}

func invoiceFinalizeCommand(opts *options) *cobra.Command {
	var date, period, tenant string
	c := &cobra.Command{
		Use:   "finalize --tenant ID --period YYYY-MM",
		Short: "Pull what is missing and finalize one tenant's invoice, if it is due",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--tenant", tenant, "--period", period); err != nil {
				return err
			}
			first, err := month(period)
			if err != nil {
				return err
			}
			a, err := open(c.Context(), opts.Config, os.LookupEnv, true)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			t, err := a.biller.Tenant(tenant)
			if err != nil {
				return usageError{err}
			}
			day, now, err := asOf(date, a.config, time.Now)
			if err != nil {
				return err
			}
			job, err := a.job()
			if err != nil {
				return err
			}
			tm, path, err := job.Finalize(c.Context(), t, nightly.Options{AsOf: day, Now: now, Period: first})
			if err != nil {
				return err
			}
			if tm.Status != billing.Finalized {
				fmt.Fprintf(c.OutOrStdout(), "%s  %s %s: %s\n", path, t.ID, tm.Status, printable(tm.Reason))
				return errNeedsPerson
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), path)
			return err
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "billing date, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	c.Flags().StringVar(&tenant, "tenant", "", "the tenant's id")
	return c
}

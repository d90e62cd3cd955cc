package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/billing/render"
	"subtally/internal/config"
	"subtally/pricing"
)

func invoiceCommand(opts *options) *cobra.Command {
	c := &cobra.Command{Use: "invoice", Short: "List, show, draft, finalize, regenerate, credit and pay invoices"}
	group(c)
	c.AddCommand(invoiceListCommand(opts), invoiceShowCommand(opts), invoiceDraftCommand(opts), invoiceFinalizeCommand(opts),
		invoiceRegenerateCommand(opts), invoiceCreditCommand(opts), invoicePayCommand(opts))
	return c
}

// openForReading opens what the configuration names, for a command that
// neither syncs nor finalizes.
func openForReading(ctx context.Context, path string) (*app, error) {
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return open(ctx, conf, false)
}

func invoiceShowCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "show NUMBER",
		Short: "Print an invoice's document as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			a, err := openForReading(c.Context(), opts.Config)
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

// tenantMonth is one tenant's month, as flags name it.
type tenantMonth struct {
	asOf, period, tenant string
}

func (f *tenantMonth) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.asOf, "as-of", "", "billing date, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&f.period, "period", "", "the month, such as 2026-10")
	c.Flags().StringVar(&f.tenant, "tenant", "", "the tenant's id")
}

// open checks the flags and opens the warehouse, exclusively to finalize.
func (f *tenantMonth) open(ctx context.Context, path string, exclusive bool) (*app, *billing.Tenant, nightly.Options, error) {
	var o nightly.Options
	if err := required("--tenant", f.tenant, "--period", f.period); err != nil {
		return nil, nil, o, err
	}
	var err error
	if o.Period, err = month(f.period); err != nil {
		return nil, nil, o, err
	}
	day, err := dateFlag("--as-of", f.asOf)
	if err != nil {
		return nil, nil, o, err
	}
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, nil, o, err
	}
	t, err := tenantFlag(f.tenant, conf)
	if err != nil {
		return nil, nil, o, err
	}
	if o.AsOf, o.Now, err = moment(day, conf, time.Now); err != nil {
		return nil, nil, o, err
	}
	if exclusive {
		a, err := openTwilio(ctx, conf)
		return a, t, o, err
	}
	a, err := open(ctx, conf, false)
	return a, t, o, err
}

// notBilled says of a month that a tenant has no invoice for, which is known only
// with the register at hand, that the flag is wrong.
func notBilled(err error) error {
	if errors.Is(err, nightly.ErrNotBilled) {
		return usageError{fmt.Errorf("--period: %w", err)}
	}
	return err
}

func invoiceDraftCommand(opts *options) *cobra.Command {
	var f tenantMonth
	c := &cobra.Command{
		Use:   "draft --tenant ID --period YYYY-MM",
		Short: "Write a draft invoice from the usage pulled so far",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			a, t, o, err := f.open(c.Context(), opts.Config, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			job, err := a.job(false)
			if err != nil {
				return err
			}
			tm, path, err := job.Draft(c.Context(), t, o)
			if err != nil {
				return notBilled(err)
			}
			doc := tm.Document
			places := pricing.MinorUnits(doc.Currency)
			fmt.Fprintf(c.OutOrStdout(), "%s  net %s, total %s %s\n", path, doc.Net.StringFixed(places), doc.Total.StringFixed(places), doc.Currency)
			for _, u := range tm.Unrated {
				fmt.Fprintf(c.OutOrStdout(), "UNRATED     %d %s records: %s\n", u.Records, u.Kind, printable(u.Reason))
			}
			missing, err := a.files.Missing(c.Context(), a.biller, doc)
			if err != nil {
				return err
			}
			for _, m := range missing {
				fmt.Fprintf(c.OutOrStdout(), "MISSING     %s\n", printable(m.String()))
			}
			if len(missing) > 0 {
				fmt.Fprintln(c.OutOrStdout(), printable(render.Explain(missing)))
			}
			if len(tm.Unrated) > 0 || len(missing) > 0 {
				return errNeedsPerson
			}
			return nil
		},
	}
	f.flags(c)
	return c
}

func invoiceFinalizeCommand(opts *options) *cobra.Command {
	var f tenantMonth
	c := &cobra.Command{
		Use:   "finalize --tenant ID --period YYYY-MM",
		Short: "Pull what is missing and finalize one tenant's invoice, if it is due",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			a, t, o, err := f.open(c.Context(), opts.Config, true)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			job, err := a.job(true)
			if err != nil {
				return err
			}
			tm, path, err := job.Finalize(c.Context(), t, o)
			if err != nil {
				return notBilled(err)
			}
			if tm.Status != billing.Finalized {
				fmt.Fprintf(c.OutOrStdout(), "%s  %s %s: %s\n", cmp.Or(path, "no draft"), t.ID, tm.Status, printable(tm.Reason))
				return errNeedsPerson
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), path)
			return err
		},
	}
	f.flags(c)
	return c
}

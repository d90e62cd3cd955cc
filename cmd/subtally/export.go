package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/export"
	"subtally/billing/nightly"
)

func exportCommand(opts *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Write billed data as CSV or Parquet",
		Long: `Write billed data of a month for other programs: CSV (RFC 4180, UTF-8) on
standard output, or a file whose name says what it is: .csv, .csv.gz or .parquet.
Columns keep their order; within a version they are only added at the end.

A spreadsheet takes text such as +14155550100 or =1+1 for a formula: with
--for spreadsheet such cells begin with an apostrophe, and all text is in quotes.`,
	}
	group(c)
	c.AddCommand(
		exportOf(opts, "usage", "Write a month's usage records, each with its amount", (*exporting).usage),
		exportOf(opts, "lines", "Write the lines of a month's invoices", func(e *exporting, _ context.Context, w io.Writer) error {
			return nightly.Lines(w, e.format, e.tenants)
		}),
		exportOf(opts, "invoices", "Write a month's invoices, a row for each", ofInvoices(export.Invoices)),
		exportOf(opts, "taxes", "Write the taxes of a month's invoices", ofInvoices(export.Taxes)),
		exportOf(opts, "statement", "Write the main account's statement of a month", func(e *exporting, _ context.Context, w io.Writer) error {
			if e.tenant != "" {
				return export.TenantStatement(w, e.format, e.statement, e.tenant)
			}
			return export.Statement(w, e.format, e.statement)
		}),
		exportOf(opts, "journal", "Write a month's bookings, double entry, by the accounts of the configuration", (*exporting).journal),
		exportOf(opts, "focus", "Write the lines and taxes of a month's invoices with the columns of FOCUS 1.2", ofInvoices(export.Focus)),
	)
	return c
}

// exporting is a month on its way into a file.
type exporting struct {
	*app
	job       *nightly.Job
	format    export.Format
	options   nightly.Options
	month     string
	tenant    string // the only one; empty for all
	tenants   []billing.TenantMonth
	statement *billing.Statement // of the exports statement and journal
	stderr    io.Writer
}

// exportOf is one export: CSV on standard output, or a file that appears only
// when it is complete.
func exportOf(opts *options, name, short string, write func(*exporting, context.Context, io.Writer) error) *cobra.Command {
	var date, period, tenant, out, reader string
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
			format, err := exportFormat(out, reader)
			if err != nil {
				return err
			}
			defer catchPipe()()
			a, job, o, err := look(c.Context(), opts.Config, first, date, false)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			e := &exporting{app: a, job: job, format: format, options: o, month: period, tenant: tenant, stderr: c.ErrOrStderr()}
			if e.tenants, err = job.Look(c.Context(), o); err != nil {
				return err
			}
			if name == "statement" || name == "journal" {
				if e.statement, err = job.Statement(c.Context(), first, o, e.tenants); err != nil {
					return err
				}
			}
			if tenant != "" && !e.only() {
				return usageError{fmt.Errorf("tenant %q is not configured, or not billed in %s", tenant, period)}
			}
			if out == "" {
				return nightly.WriteOut(c.OutOrStdout(), func(w io.Writer) error { return write(e, c.Context(), w) })
			}
			var person error
			if err := nightly.WriteFile(out, func(w io.Writer) error {
				err := write(e, c.Context(), w)
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
	c.Flags().StringVarP(&out, "output", "o", "", "file to write, NAME.csv, NAME.csv.gz or NAME.parquet (default: CSV on standard output)")
	c.Flags().StringVar(&reader, "for", "machine", "who reads it: machine (exact) or spreadsheet (text that would be a formula is neutralised)")
	return c
}

// exportFormat is the format that the flags --output and --for ask for.
func exportFormat(out, reader string) (f export.Format, err error) {
	if out != "" {
		if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
			return f, usageError{fmt.Errorf("--output: there is no folder %s; make it first", filepath.Dir(out))}
		}
		if f, err = export.FormatOf(out); err != nil {
			if nightly.IsFolder(out) {
				err = fmt.Errorf("%s is a folder: name a file in it, such as %s", out, filepath.Join(out, "NAME.csv"))
			}
			return f, usageError{fmt.Errorf("--output: %w", err)}
		}
	}
	switch reader {
	case "machine":
	case "spreadsheet":
		if f.Parquet {
			return f, usageError{errors.New("--for spreadsheet: no spreadsheet opens Parquet; name the file .csv or .csv.gz")}
		}
		f.Spreadsheet = true
	default:
		return f, usageError{fmt.Errorf("--for: %q is not machine or spreadsheet", reader)}
	}
	return f, nil
}

// catchPipe lets a write to a pipe that nobody reads fail, which would end the
// process before it has let go of the warehouse.
func catchPipe() (stop func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGPIPE)
	return func() { signal.Stop(caught) }
}

// only leaves out all tenants but the one, and answers whether there is any left.
func (e *exporting) only() bool {
	e.tenants = slices.DeleteFunc(e.tenants, func(t billing.TenantMonth) bool { return t.Document.Tenant != e.tenant })
	return len(e.tenants) > 0
}

// ofInvoices is an export that is made of documents.
func ofInvoices(write func(io.Writer, export.Format, []export.Invoice) error) func(*exporting, context.Context, io.Writer) error {
	return func(e *exporting, ctx context.Context, w io.Writer) error {
		invoices, err := e.job.Invoices(ctx, e.options, e.tenants)
		if err != nil {
			return err
		}
		return write(w, e.format, invoices)
	}
}

func (e *exporting) usage(ctx context.Context, w io.Writer) error {
	if err := nightly.Usage(ctx, w, e.format, e.biller, e.tenants); err != nil {
		return err
	}
	changed, err := nightly.Changed(ctx, e.biller, e.tenants)
	for _, number := range changed {
		fmt.Fprintf(e.stderr, "subtally: usage of invoice %s changed since it was finalized; the amounts add up to it only with the adjustments on later invoices\n", number)
	}
	return err
}

func (e *exporting) journal(ctx context.Context, w io.Writer) error {
	lines, err := e.job.Bookings(ctx, &e.config.Journal, e.tenants, e.statement, e.tenant)
	if err != nil {
		return err
	}
	if err := export.Journal(w, e.format, e.month, lines); err != nil {
		return err
	}
	var drafts []string
	for _, t := range e.tenants {
		if t.Document.Number == "" {
			drafts = append(drafts, t.Document.Tenant)
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	fmt.Fprintf(e.stderr, "subtally: not in the journal, as they are drafts: %s\n", strings.Join(drafts, ", "))
	return errNeedsPerson
}

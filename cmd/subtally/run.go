package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/internal/config"
)

func runCommand(opts *options) *cobra.Command {
	var date, period string
	c := &cobra.Command{
		Use:   "run",
		Short: "The nightly job: pull usage, draft, finalize what is due, write documents",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			first, err := month(period)
			if err != nil {
				return err
			}
			day, err := dateFlag("--as-of", date)
			if err != nil {
				return err
			}
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if err := billed(first, conf); err != nil {
				return err
			}
			day, now, err := moment(day, conf, time.Now)
			if err != nil {
				return err
			}
			a, err := openTwilio(c.Context(), conf)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			job, err := a.job(true)
			if err != nil {
				return err
			}
			report, err := job.Run(c.Context(), nightly.Options{AsOf: day, Now: now, Period: first})
			if err != nil {
				return err
			}
			if err := printReport(c.OutOrStdout(), report, opts.JSON); err != nil {
				return err
			}
			if report.NeedsPerson() {
				return errNeedsPerson
			}
			return nil
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "billing date, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "bill only this month, such as 2026-10 (default: every month that is not finished)")
	opts.jsonFlag(c)
	return c
}

// printReport writes a run's outcome as tables, or as JSON.
func printReport(w io.Writer, r *nightly.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(reportJSON(r))
	}
	fmt.Fprintf(w, "pulled %s of %s: %s\n", count(r.Sync.Windows, "window"), count(r.Sync.Accounts, "account"), count(int(r.Sync.Records), "usage record"))
	printFailures(w, r.Sync.Failures)
	if len(r.Months) == 0 {
		fmt.Fprintln(w, "nothing to bill: no tenant is billed, or every month is finished")
	}
	for i := range r.Months {
		fmt.Fprintln(w)
		printMonth(w, &r.Months[i])
	}
	if len(r.Suspensions) > 0 {
		fmt.Fprintln(w)
		printSuspensions(w, r.Suspensions)
	}
	return nil
}

// printMonth writes a month's statement, what happened in it, and where its
// files are.
func printMonth(w io.Writer, m *nightly.Month) {
	printStatement(w, m.Statement)
	if r := m.Statement.Reconciliation; r.NeedsPerson() {
		fmt.Fprintf(w, "DIFFERS     from Twilio's figures: %s; see `subtally reconcile --period %s`\n", found(r), m.Statement.Period.Label())
	}
	if n := len(m.Finalized); n > 0 {
		fmt.Fprintf(w, "%s finalized in this run\n", count(n, "invoice"))
	}
	printLate(w, m.Late)
	for _, tenant := range m.NotListed {
		fmt.Fprintf(w, "NOT LISTED  the invoice of %s is to be itemized, but has more than %d usage records: they are in usage.csv\n", tenant, billing.AnnexLimit)
	}
	for _, path := range m.Files {
		fmt.Fprintln(w, path)
	}
}

// reportJSON is a report with its errors as text.
func reportJSON(r *nightly.Report) any {
	return map[string]any{
		"accounts": r.Sync.Accounts, "windows": r.Sync.Windows, "records": r.Sync.Records,
		"failures": failuresJSON(r.Sync.Failures), "months": r.Months, "suspensions": r.Suspensions,
	}
}

// printLate writes a line for each invoice whose usage came or changed after it.
func printLate(w io.Writer, late []nightly.LateUsage) {
	for _, l := range late {
		what := "records changed"
		if l.Records != 0 {
			what = count(int(l.Records), "record")
		}
		if l.Problem != "" {
			fmt.Fprintf(w, "NOT BILLED  late usage of %s: %s: %s\n", l.Invoice, what, printable(l.Problem))
		} else {
			fmt.Fprintf(w, "late usage of %s: %s, adjusted on the next invoice\n", l.Invoice, what)
		}
	}
}

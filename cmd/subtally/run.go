package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing/nightly"
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
			a, err := open(c.Context(), opts.Config, os.LookupEnv, true)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			day, now, err := asOf(date, a.config, time.Now)
			if err != nil {
				return err
			}
			job, err := a.job()
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
	c.Flags().StringVar(&period, "period", "", "bill only this month, such as 2026-10 (default: every month since billing.start)")
	return c
}

// printReport writes a run's outcome as tables, or as JSON.
func printReport(w io.Writer, r *nightly.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(reportJSON(r))
	}
	fmt.Fprintf(w, "pulled %d windows of %d accounts: %d usage records\n", r.Sync.Windows, r.Sync.Accounts, r.Sync.Records)
	for _, f := range r.Sync.Failures {
		fmt.Fprintf(w, "NOT PULLED  %s %s: %s\n", f.Account, f.Resource, printable(f.Err.Error()))
	}
	if len(r.Months) == 0 {
		fmt.Fprintln(w, "nothing to bill: every month is finished")
	}
	for i := range r.Months {
		fmt.Fprintln(w)
		printStatement(w, r.Months[i].Statement)
		if n := len(r.Months[i].Finalized); n > 0 {
			fmt.Fprintf(w, "%d invoices finalized in this run\n", n)
		}
		for _, number := range r.Months[i].Changed {
			fmt.Fprintf(w, "CHANGED  usage or plan of invoice %s changed since it was finalized; usage.csv does not add up to it\n", number)
		}
		for _, path := range r.Months[i].Files {
			fmt.Fprintln(w, path)
		}
	}
	return nil
}

// reportJSON is a report with its errors as text.
func reportJSON(r *nightly.Report) any {
	type failure struct{ Account, Resource, Error string }
	failures := []failure{}
	for _, f := range r.Sync.Failures {
		failures = append(failures, failure{f.Account, f.Resource, f.Err.Error()})
	}
	return map[string]any{
		"accounts": r.Sync.Accounts, "windows": r.Sync.Windows, "records": r.Sync.Records,
		"failures": failures, "months": r.Months,
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/ingest"
	"subtally/internal/config"
)

func reconcileCommand(opts *options) *cobra.Command {
	var date, period string
	c := &cobra.Command{
		Use:   "reconcile --period YYYY-MM",
		Short: "Compare a month's usage with Twilio's Usage Records",
		Long: `Pull Twilio's Usage Records of a month, the sums that the main account is billed
by, and compare the usage that was pulled record by record with them: records,
quantity and cost per subaccount, category and day. Days and the month are UTC,
whatever the tenants' time zones, since Twilio sums by UTC day. Usage is not
pulled; ` + "`subtally sync`" + ` does that.

Every difference is listed with its likely cause. Days from --as-of on are not
compared. The exit status is 3 where a cost differs by more than
reconcile.tolerance, or a subaccount could not be compared, or only with figures
that were pulled before.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--period", period); err != nil {
				return err
			}
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
			o := nightly.Options{Period: first}
			if o.AsOf, o.Now, err = moment(day, conf, time.Now); err != nil {
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
			r, failures, err := job.Reconcile(c.Context(), o)
			if err != nil {
				return err
			}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(struct {
					*billing.Reconciliation
					Failures []failureJSON `json:"failures"`
				}{r, failuresJSON(failures)})
			} else {
				printReconciliation(c.OutOrStdout(), r, failures)
			}
			if err == nil && (r.NeedsPerson() || len(failures) > 0) {
				return errNeedsPerson
			}
			return err
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "first UTC day that is not compared, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	opts.jsonFlag(c)
	return c
}

// printReconciliation writes a comparison as a table.
func printReconciliation(w io.Writer, r *billing.Reconciliation, failures []ingest.Failure) {
	fmt.Fprintf(w, "%s, by UTC days\n", r.Period.From.String()[:7])
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "compared\t%s (subaccounts x categories x days)\n", count(r.Compared, "figure"))
	fmt.Fprintf(t, "our cost\t%s %s\n", r.Ours, r.Currency)
	fmt.Fprintf(t, "Twilio's\t%s %s\n", r.Twilio, r.Currency)
	for _, c := range r.NotCompared {
		fmt.Fprintf(t, "not compared\t%s, %s %s: %s\n", c.Category, c.Cost, r.Currency, c.Reason)
	}
	t.Flush() //nolint:errcheck // stdout
	fmt.Fprintln(w, found(r))
	if len(r.Differences) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "SUBACCOUNT\tNAME\tCATEGORY\tDAY\tRECORDS\tTWILIO'S\tQUANTITY\tTWILIO'S\tCOST\tTWILIO'S\tDIFFERENCE\tCAUSE\n")
		for i := range r.Differences {
			d := &r.Differences[i]
			mark := ""
			if d.Above {
				mark = "ABOVE "
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s%s\t%s: %s\n", d.Account.SID, printable(d.Account.Name),
				printable(d.Category), d.Day, d.Ours.Records, d.Twilio.Records, d.Ours.Quantity, d.Twilio.Quantity,
				d.Ours.Cost, d.Twilio.Cost, mark, d.Cost(), d.Cause, printable(d.Detail))
		}
		t.Flush() //nolint:errcheck // stdout
	}
	printNotCompared(w, r)
	printFailures(w, failures)
}

// printNotCompared lists what a comparison is without.
func printNotCompared(w io.Writer, r *billing.Reconciliation) {
	if r.Cut() {
		fmt.Fprintf(w, "NOT COMPARED  days from %s on\n", r.Until)
	}
	for _, a := range r.NotPulled {
		fmt.Fprintf(w, "NOT COMPARED  %s (%s): its Usage Records are missing\n", a.SID, printable(a.Name))
	}
	for _, s := range r.Stale {
		text := ""
		if s.Until.Before(r.Until) {
			text = fmt.Sprintf("; days from %s on are not compared", s.Until)
		}
		fmt.Fprintf(w, "STALE         %s (%s): Twilio's figures are of %s, as its Usage Records could not be pulled again%s\n",
			s.Account.SID, printable(s.Account.Name), s.AsOf.UTC().Format("2006-01-02 15:04 UTC"), text)
	}
}

// found says in a line what a comparison has found.
func found(r *billing.Reconciliation) string {
	text := fmt.Sprintf("%s, %d above the tolerance of %s", count(len(r.Differences), "difference"), r.Above(), r.Tolerance)
	if n := len(r.NotPulled); n > 0 {
		text += fmt.Sprintf(", %s not compared", count(n, "subaccount"))
	}
	if n := len(r.Stale); n > 0 {
		text += fmt.Sprintf(", %s compared with stale figures", count(n, "subaccount"))
	}
	if r.Cut() {
		text += fmt.Sprintf(", days from %s on not compared", r.Until)
	}
	return text
}

// printFailures lists what could not be pulled.
func printFailures(w io.Writer, failures []ingest.Failure) {
	for _, f := range failures {
		fmt.Fprintf(w, "NOT PULLED  %s %s: %s\n", f.Account, f.Resource, printable(f.Err.Error()))
	}
}

type failureJSON struct {
	Account  string `json:"account"`
	Resource string `json:"resource"`
	Error    string `json:"error"`
}

// failuresJSON are failures with their errors as text.
func failuresJSON(list []ingest.Failure) []failureJSON {
	out := []failureJSON{}
	for _, f := range list {
		out = append(out, failureJSON{f.Account, f.Resource, f.Err.Error()})
	}
	return out
}

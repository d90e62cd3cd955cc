package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing/nightly"
	"subtally/internal/config"
	"subtally/pricing"
)

func accountsCommand(opts *options) *cobra.Command {
	c := &cobra.Command{Use: "accounts", Short: "Change subaccounts at Twilio"}
	group(c)
	c.AddCommand(accountsSuspendCommand(opts))
	return c
}

func accountsSuspendCommand(opts *options) *cobra.Command {
	var date, tenant string
	var dryRun bool
	c := &cobra.Command{
		Use:   "suspend [--tenant ID]",
		Short: "Suspend the subaccounts of tenants whose invoices are overdue",
		Long: `Suspend the active subaccounts of every tenant that has an invoice overdue for
billing.suspend_after_days: those that run proposes, and those that it would
suspend itself since the tenant's overdue is suspend. A tenant whose overdue is
ignore is left alone. A suspended subaccount makes no calls and sends no messages,
and keeps its numbers; it is resumed in Twilio's console.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			day, err := dateFlag("--as-of", date)
			if err != nil {
				return err
			}
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if tenant != "" {
				if _, err := tenantFlag(tenant, conf); err != nil {
					return err
				}
			}
			o := nightly.Options{}
			if o.AsOf, o.Now, err = moment(day, conf, time.Now); err != nil {
				return err
			}
			if !dryRun {
				if err := conf.NeedTwilio(); err != nil {
					return usageError{err}
				}
			}
			a, err := open(c.Context(), conf, !dryRun)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			job, err := a.job(!dryRun)
			if err != nil {
				return err
			}
			all, err := job.Suspensions(c.Context(), o)
			if err != nil {
				return err
			}
			list := []nightly.Suspension{}
			failed := 0
			for _, s := range all {
				if tenant != "" && s.Tenant != tenant {
					continue
				}
				if !dryRun {
					job.Suspend(c.Context(), &s)
				}
				failed += len(s.Failed)
				list = append(list, s)
			}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(list)
			} else {
				if len(list) == 0 {
					fmt.Fprintf(c.OutOrStdout(), "no tenant has active subaccounts and an invoice overdue for %s\n", count(conf.Billing.SuspendAfterDays, "day"))
				}
				printSuspensions(c.OutOrStdout(), list)
			}
			if err == nil && failed > 0 {
				err = fmt.Errorf("%s could not be suspended; see above, then run again", count(failed, "subaccount"))
			}
			return err
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "billing date, such as 2026-12-20 (default: today)")
	c.Flags().StringVar(&tenant, "tenant", "", "only this tenant, by id")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be suspended, and suspend nothing")
	opts.jsonFlag(c)
	return c
}

// printSuspensions writes, for each tenant, why its subaccounts may be
// suspended, and what became of them.
func printSuspensions(w io.Writer, list []nightly.Suspension) {
	for _, s := range list {
		var invoices []string
		for _, o := range s.Invoices {
			invoices = append(invoices, fmt.Sprintf("%s, %s %s open, %s overdue", o.Number, o.Open.StringFixed(pricing.MinorUnits(o.Currency)), o.Currency, count(o.Days, "day")))
		}
		fmt.Fprintf(w, "OVERDUE     %s: %s\n", s.Tenant, strings.Join(invoices, "; "))
		done := map[string]bool{}
		for _, sid := range s.Done {
			done[sid] = true
		}
		for _, a := range s.Accounts {
			switch {
			case done[a.SID]:
				fmt.Fprintf(w, "            suspended %s %s\n", a.SID, printable(a.Name))
			case len(s.Failed) == 0 && s.Automatic:
				fmt.Fprintf(w, "            `run` suspends %s %s\n", a.SID, printable(a.Name))
			case len(s.Failed) == 0:
				fmt.Fprintf(w, "            `accounts suspend --tenant %s` suspends %s %s\n", s.Tenant, a.SID, printable(a.Name))
			}
		}
		for _, reason := range s.Failed {
			fmt.Fprintf(w, "            NOT SUSPENDED: %s\n", printable(reason))
		}
	}
}

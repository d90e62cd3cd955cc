package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/ingest"
	"subtally/internal/config"
)

func syncCommand(opts *options) *cobra.Command {
	var date, from, to, account string
	c := &cobra.Command{
		Use:   "sync",
		Short: "Pull usage from Twilio into the warehouse",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			req := ingest.Request{Account: account}
			first, err := dateFlag("--from", from)
			if err != nil {
				return err
			}
			last, err := dateFlag("--to", to)
			if err != nil {
				return err
			}
			day, err := dateFlag("--as-of", date)
			if err != nil {
				return err
			}
			if !first.IsZero() && !last.IsZero() && !first.Before(last) {
				return usageError{fmt.Errorf("--to: %s is not after --from %s", last, first)}
			}
			// Days that are named are wanted, whatever was pulled of them before.
			req.Again = !first.IsZero() || !last.IsZero()
			if !first.IsZero() {
				req.From = first.Start(time.UTC)
			}
			if !last.IsZero() {
				req.To = last.Start(time.UTC)
			}
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if _, req.Now, err = moment(day, conf, time.Now); err != nil {
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
			summary, err := job.Syncer.Sync(c.Context(), req)
			if err != nil {
				return err
			}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{
					"accounts": summary.Accounts, "windows": summary.Windows, "records": summary.Records, "failures": len(summary.Failures),
				})
			} else {
				_, err = fmt.Fprintf(c.OutOrStdout(), "pulled %s of %s: %s\n", count(summary.Windows, "window"), count(summary.Accounts, "account"), count(int(summary.Records), "usage record"))
			}
			if err != nil {
				return err
			}
			return summary.Error()
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "pull what happened before this date (default: now)")
	c.Flags().StringVar(&from, "from", "", "first UTC day to pull, again if need be (default: billing.start)")
	c.Flags().StringVar(&to, "to", "", "first UTC day not to pull (default: the present); with either, days that were pulled are pulled again")
	c.Flags().StringVar(&account, "account", "", "pull only this account, by sid")
	opts.jsonFlag(c)
	return c
}

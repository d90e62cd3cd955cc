package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/ingest"
	"subtally/pricing"
)

func syncCommand(opts *options) *cobra.Command {
	var date, from, to, account string
	c := &cobra.Command{
		Use:   "sync",
		Short: "Pull usage from Twilio into the warehouse",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			req := ingest.Request{Account: account}
			for _, flag := range []struct {
				name, value string
				to          *time.Time
			}{{"--from", from, &req.From}, {"--to", to, &req.To}} {
				if flag.value == "" {
					continue
				}
				d, err := pricing.ParseDate(flag.value)
				if err != nil {
					return usageError{fmt.Errorf("%s: %w", flag.name, err)}
				}
				*flag.to = d.Start(time.UTC)
			}
			a, err := open(c.Context(), opts.Config, os.LookupEnv, true)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			if _, req.Now, err = asOf(date, a.config, time.Now); err != nil {
				return err
			}
			syncer, err := a.syncer()
			if err != nil {
				return err
			}
			summary, err := syncer.Sync(c.Context(), req)
			if err != nil {
				return err
			}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{
					"accounts": summary.Accounts, "windows": summary.Windows, "records": summary.Records, "failures": len(summary.Failures),
				})
			} else {
				_, err = fmt.Fprintf(c.OutOrStdout(), "pulled %d windows of %d accounts: %d usage records\n", summary.Windows, summary.Accounts, summary.Records)
			}
			if err != nil {
				return err
			}
			return summary.Error()
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "pull what happened before this date (default: now)")
	c.Flags().StringVar(&from, "from", "", "first UTC day to pull (default: billing.start)")
	c.Flags().StringVar(&to, "to", "", "first UTC day not to pull (default: the present)")
	c.Flags().StringVar(&account, "account", "", "pull only this account, by sid")
	return c
}

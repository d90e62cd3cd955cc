package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing/nightly"
)

func statementCommand(opts *options) *cobra.Command {
	var date, period string
	c := &cobra.Command{
		Use:   "statement --period YYYY-MM",
		Short: "Write the main account's statement of a month as PDF and CSV",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--period", period); err != nil {
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
			day, _, err := asOf(date, a.config, time.Now)
			if err != nil {
				return err
			}
			reg, err := a.register(c.Context())
			if err != nil {
				return err
			}
			tenants, err := nightly.Tenants(c.Context(), a.biller, reg, first, day)
			if err != nil {
				return err
			}
			st, err := a.biller.Statement(c.Context(), first, day, tenants)
			if err != nil {
				return err
			}
			paths, err := a.files.Statement(st)
			if err != nil {
				return err
			}
			if opts.JSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(st)
			}
			printStatement(c.OutOrStdout(), st)
			for _, path := range paths {
				fmt.Fprintln(c.OutOrStdout(), path)
			}
			return nil
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "date of the statement, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	return c
}

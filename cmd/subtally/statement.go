package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing/nightly"
	"subtally/internal/config"
	"subtally/pricing"
)

func statementCommand(opts *options) *cobra.Command {
	var date, period string
	c := &cobra.Command{
		Use:   "statement --period YYYY-MM",
		Short: "Write the main account's statement of a month as PDF, CSV and HTML",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := required("--period", period); err != nil {
				return err
			}
			first, err := month(period)
			if err != nil {
				return err
			}
			a, job, o, err := look(c.Context(), opts.Config, first, date, true) // a run must not write the same files meanwhile
			if err != nil {
				return err
			}
			defer a.closing(&err)
			tenants, err := job.Look(c.Context(), o)
			if err != nil {
				return err
			}
			late, err := job.Late(c.Context(), first)
			if err != nil {
				return err
			}
			st, err := job.Statement(c.Context(), first, o, tenants)
			if err != nil {
				return err
			}
			paths, err := a.files.Statement(st)
			if err != nil {
				return err
			}
			m := nightly.Month{Statement: st, Late: late, Files: paths, Finalized: []string{}, NotListed: []string{}}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(m)
			} else {
				printMonth(c.OutOrStdout(), &m)
			}
			if err == nil && m.NeedsPerson() {
				return errNeedsPerson
			}
			return err
		},
	}
	c.Flags().StringVar(&date, "as-of", "", "date of the statement, such as 2026-11-04 (default: today)")
	c.Flags().StringVar(&period, "period", "", "the month, such as 2026-10")
	opts.jsonFlag(c)
	return c
}

// look opens the warehouse to look at a month that has been pulled, as of a
// date given by flag. With exclusive no other process may be at work.
func look(ctx context.Context, path string, first pricing.Date, date string, exclusive bool) (*app, *nightly.Job, nightly.Options, error) {
	o := nightly.Options{Period: first}
	day, err := dateFlag("--as-of", date)
	if err != nil {
		return nil, nil, o, err
	}
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, nil, o, err
	}
	if err := billed(first, conf); err != nil {
		return nil, nil, o, err
	}
	if o.AsOf, o.Now, err = moment(day, conf, time.Now); err != nil {
		return nil, nil, o, err
	}
	a, err := open(ctx, conf, exclusive)
	if err != nil {
		return nil, nil, o, err
	}
	job, err := a.job(false)
	return a, job, o, err
}

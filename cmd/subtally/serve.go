package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/spf13/cobra"

	"subtally/billing/nightly"
	"subtally/internal/config"
	"subtally/pricing"
)

func serveCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the nightly job on the configured schedule",
		Long: `Run the nightly job on the configured schedule until SIGTERM or Ctrl-C.

The configuration is read anew for each night. A night is skipped, and said so
in the log, while the one before it is still running.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
			slog.SetDefault(log)
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if err := conf.NeedTwilio(); err != nil {
				return usageError{err}
			}
			return serve(c.Context(), conf.Schedule, log, func(ctx context.Context) error {
				return night(ctx, opts.Config, log)
			})
		},
	}
}

// serve calls job on the schedule until ctx ends, and then waits for the one
// that is running, which ctx stops too.
func serve(ctx context.Context, s config.Schedule, log *slog.Logger, job func(context.Context) error) error {
	loc, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return fmt.Errorf("schedule: time zone %q: %w", s.TimeZone, err)
	}
	logger := cronLog{log}
	// Recover goes inside: a panic through SkipIfStillRunning would leave it
	// believing for ever that the job is running.
	bell := cron.New(cron.WithLocation(loc), cron.WithLogger(logger),
		cron.WithChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)))
	id, err := bell.AddFunc(s.Cron, func() {
		begun := time.Now()
		if err := job(ctx); err != nil {
			log.Error("night failed", "err", err, "took", time.Since(begun).Round(time.Second))
			return
		}
		log.Info("night done", "took", time.Since(begun).Round(time.Second))
	})
	if err != nil {
		return fmt.Errorf("schedule: %w", err)
	}
	bell.Start()
	log.Info("serving", "cron", s.Cron, "time_zone", s.TimeZone, "next", bell.Entry(id).Next)
	<-ctx.Done()
	log.Info("stopping")
	<-bell.Stop().Done()
	return nil
}

// night is one run of the nightly job.
func night(ctx context.Context, path string, log *slog.Logger) (err error) {
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return err
	}
	day, now, err := moment(pricing.Date{}, conf, time.Now)
	if err != nil {
		return err
	}
	a, err := openTwilio(ctx, conf)
	if err != nil {
		return err
	}
	defer a.closing(&err)
	job, err := a.job(true)
	if err != nil {
		return err
	}
	report, err := job.Run(ctx, nightly.Options{AsOf: day, Now: now})
	if err != nil {
		return err
	}
	for _, m := range report.Months {
		log.Info("month", "period", m.Statement.Period.Label(), "finalized", len(m.Finalized))
	}
	if report.NeedsPerson() {
		log.Warn("something needs a person", "see", "subtally statement")
	}
	return nil
}

// cronLog writes cron's messages through slog.
type cronLog struct{ log *slog.Logger }

// Info drops cron's chatter but for a night that is skipped.
func (l cronLog) Info(msg string, args ...any) {
	if msg == "skip" {
		l.log.Warn("night skipped: the one before it is still running", args...)
	}
}

func (l cronLog) Error(err error, msg string, args ...any) {
	l.log.Error(msg, append([]any{"err", err}, args...)...)
}

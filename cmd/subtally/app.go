package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/billing/register"
	"subtally/ingest"
	"subtally/ingest/twilio"
	"subtally/internal/config"
	"subtally/internal/warehouse"
	"subtally/pricing"
	"subtally/templates"
)

// app is the parts of Subtally, put together as the configuration says.
type app struct {
	config *config.Config
	db     *warehouse.DB
	biller *billing.Biller
	files  *nightly.Files
	unlock func()
}

// openTwilio opens the warehouse for a command that calls Twilio, and has it to
// itself.
func openTwilio(ctx context.Context, c *config.Config) (*app, error) {
	if err := c.NeedTwilio(); err != nil {
		return nil, usageError{err}
	}
	return open(ctx, c, true)
}

// open opens the warehouse. With exclusive it also makes sure that no other
// process syncs, finalizes or writes a month's files meanwhile.
func open(ctx context.Context, c *config.Config, exclusive bool) (*app, error) {
	layout, err := templates.Default()
	if err != nil {
		return nil, err
	}
	a := &app{config: c, files: &nightly.Files{Dir: c.OutputDir, Layout: layout}, unlock: func() {}}
	if exclusive {
		if err := os.MkdirAll(c.ClickHouse.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		if a.unlock, err = nightly.Lock(c.ClickHouse.DataDir); err != nil {
			return nil, err
		}
	}
	a.db, err = warehouse.Open(ctx, warehouse.Options{
		DSN: c.ClickHouse.DSN, Password: c.ClickHouse.Password.Reveal(),
		DataDir: c.ClickHouse.DataDir, Port: c.ClickHouse.Port, Log: slog.Default(),
	})
	if err != nil {
		a.unlock()
		return nil, err
	}
	a.biller = &billing.Biller{
		DB: a.db, Tenants: c.Tenants, Plans: c.Plans, Tables: pricing.Tables{Decks: c.Decks, Rates: c.Rates}, Seller: c.Seller, Sellers: c.Sellers,
		Start: c.Billing.Start, TimeZone: c.Billing.TimeZone,
		PaymentDays: c.Billing.PaymentDays, Instructions: c.Billing.PaymentInstructions,
	}
	return a, nil
}

// Close lets go of the warehouse.
func (a *app) Close() error {
	err := a.db.Close()
	a.unlock()
	return err
}

// closing closes the app at a command's end. That it could not is worth a word
// only where nothing worse has happened.
func (a *app) closing(err *error) {
	if closeErr := a.Close(); closeErr != nil && (*err == nil || *err == errNeedsPerson) {
		*err = closeErr
	}
}

// job is the nightly job. Its syncer has a client only with pull; without, the
// job can look at what is in the warehouse.
func (a *app) job(pull bool) (*nightly.Job, error) {
	c := a.config
	syncer := &ingest.Syncer{
		DB: a.db,
		// A tenant east of Greenwich starts its day before UTC does.
		Start:  c.Billing.Start.AddDays(-1).Start(time.UTC),
		Settle: time.Duration(c.Billing.SettleDays) * 24 * time.Hour,
		// A list is one request after another; a few more lists than requests
		// in flight keep them all busy.
		Workers: 2 * c.Twilio.Concurrency,
		Log:     slog.Default(),
	}
	if pull {
		own := map[string]twilio.Credentials{}
		for sid, cred := range c.Twilio.Accounts {
			own[sid] = twilio.Credentials{Username: cred.Username, Password: cred.Password.Reveal()}
		}
		var err error
		syncer.Client, err = twilio.New(twilio.Options{
			BaseURL:     c.Twilio.BaseURL,
			Main:        twilio.Credentials{Username: c.Twilio.Main.AccountSID, Password: c.Twilio.Main.AuthToken.Reveal()},
			Accounts:    own,
			Concurrency: c.Twilio.Concurrency,
			Log:         slog.Default(),
		})
		if err != nil {
			return nil, err
		}
	}
	return &nightly.Job{
		Biller: a.biller, Syncer: syncer, Register: a.registerOptions(),
		GraceDays: c.Billing.GraceDays, Files: a.files, Log: slog.Default(),
	}, nil
}

// register is the list of finalized invoices.
func (a *app) register(ctx context.Context) (*register.Register, error) {
	return register.Open(ctx, a.db, a.registerOptions())
}

func (a *app) registerOptions() register.Options {
	return register.Options{SingleWriter: a.config.ClickHouse.SingleWriter}
}

// dateFlag reads a date; empty is the zero date.
func dateFlag(name, value string) (pricing.Date, error) {
	if value == "" {
		return pricing.Date{}, nil
	}
	d, err := pricing.ParseDate(value)
	if err != nil {
		return d, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	return d, nil
}

// moment is the billing date and the instant up to which usage is pulled. A
// date given by --as-of stands for its first instant in UTC: everything before
// it has happened. Without one it is now.
func moment(asOf pricing.Date, c *config.Config, clock func() time.Time) (pricing.Date, time.Time, error) {
	if !asOf.IsZero() {
		return asOf, asOf.Start(time.UTC), nil
	}
	loc, err := time.LoadLocation(c.Billing.TimeZone)
	if err != nil {
		return pricing.Date{}, time.Time{}, err
	}
	now := clock()
	return pricing.DateOf(now.In(loc)), now, nil
}

// billed checks that a month is not before the first one that is billed.
func billed(first pricing.Date, c *config.Config) error {
	if !first.IsZero() && first.Before(c.Billing.Start.FirstOfMonth()) {
		return usageError{fmt.Errorf("--period: %s is before billing.start, %s", first.String()[:7], c.Billing.Start)}
	}
	return nil
}

// tenantFlag finds the tenant that a flag names.
func tenantFlag(id string, c *config.Config) (*billing.Tenant, error) {
	for i := range c.Tenants {
		if c.Tenants[i].ID == id {
			return &c.Tenants[i], nil
		}
	}
	return nil, usageError{fmt.Errorf("tenant %q is not configured", id)}
}

// required says which flag of those that a command cannot do without is
// missing. Flags come as name and value.
func required(flags ...string) error {
	for i := 0; i < len(flags); i += 2 {
		if flags[i+1] == "" {
			return usageError{fmt.Errorf("%s is missing", flags[i])}
		}
	}
	return nil
}

// month reads a --period flag; empty is the zero date.
func month(flag string) (pricing.Date, error) {
	if flag == "" {
		return pricing.Date{}, nil
	}
	d, err := billing.ParseMonth(flag)
	if err != nil {
		return d, usageError{fmt.Errorf("--period: %w", err)}
	}
	return d, nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/ingest"
	"subtally/ingest/twiliosim"
	"subtally/internal/config"
	"subtally/pricing"
)

// demoMark is the first line of a demo's configuration; only a folder that has
// it is cleared for another demo.
const demoMark = "# A demo's configuration, written by `subtally demo`.\n"

func demoCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "The whole main job on a generated world, with nothing to configure",
		Long: `Serve a stand-in for Twilio, pull its usage night by night for a month, and
bill the month: an invoice per tenant, the main account's statement, and CSV.

What it runs is what sync and run do; special are only the configuration and the
stand-in that twilio.base_url points at. The folder is made anew each time.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.Context(), c.OutOrStdout(), dir)
		},
	}
	c.Flags().StringVar(&dir, "dir", "demo", "folder for its configuration, data and documents")
	return c
}

func demo(ctx context.Context, w io.Writer, dir string) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	from, to, now := mustDate(worldFrom), mustDate(worldTo), mustDate(worldNow)
	sim, err := twiliosim.New(twiliosim.World{
		Seed: worldSeed, Subaccounts: worldSubaccounts, Records: worldRecords,
		From: from.Start(time.UTC), To: to.Start(time.UTC),
	}, twiliosim.Options{})
	if err != nil {
		return err
	}
	url, wait, err := serveWorld(ctx, sim, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() {
		stop()
		err = errors.Join(err, wait())
	}()
	if err := clearDemo(dir); err != nil {
		return err
	}
	path, err := writeDemo(dir, url, sim.Accounts())
	if err != nil {
		return err
	}
	env := func(name string) (string, bool) {
		secret, ok := map[string]string{"TWILIO_ACCOUNT_SID": sim.MainSID(), "TWILIO_AUTH_TOKEN": sim.AuthToken()}[name]
		return secret, ok
	}
	conf, err := config.Load(path, env)
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

	fmt.Fprintf(w, "A stand-in for Twilio with %d subaccounts serves at %s.\nPulling usage each night of a month, as `subtally sync` does:\n", worldSubaccounts, url)
	// The lists of phone numbers show only who holds a number now; that one
	// moves in mid-month is seen because they are read every night.
	var records int64
	for day := from; day.Before(to); day = day.AddDays(1) {
		night := day.AddDays(1).Start(time.UTC)
		sim.SetNow(night.Add(2 * time.Hour))
		summary, err := job.Syncer.Sync(ctx, ingest.Request{Now: night})
		if err := errors.Join(err, summary.Error()); err != nil {
			return err
		}
		records += summary.Records
		fmt.Fprint(w, ".")
	}
	fmt.Fprintf(w, "\n%d usage records read. Billing %s, as `subtally run --as-of %s` does:\n\n", records, demoMonth, now)
	sim.SetNow(now.Start(time.UTC))
	// What a mistake in metering would look like: Twilio bills three calls that
	// its lists do not have.
	sim.Differ(twiliosim.Difference{
		Account: sim.Accounts()[1].SID, Category: "calls", Day: mustDate(demoMonth + "-15").Start(time.UTC),
		Records: 3, Cost: decimal.RequireFromString("0.12"),
	})
	report, err := job.Run(ctx, nightly.Options{AsOf: now, Now: now.Start(time.UTC), Period: mustDate(demoMonth + "-01")})
	if err != nil {
		return err
	}
	if err := printReport(w, report, false); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nTwilio's figures were made to differ from its lists in one place. `subtally reconcile --period %s` says where:\n\n", demoMonth)
	r, failures, err := job.Reconcile(ctx, nightly.Options{AsOf: now, Now: now.Start(time.UTC), Period: mustDate(demoMonth + "-01")})
	if err != nil {
		return err
	}
	printReconciliation(w, r, failures)
	port := url[strings.LastIndex(url, ":")+1:]
	_, err = fmt.Fprintf(w, `
The PDFs and CSVs are in %[1]s.
One account is left without a tenant on purpose: its usage is reported, not lost.
One tenant is parked: no font has the rocket in its name.

To try next, with the stand-in in another terminal (subtally is bin/subtally):
  subtally simulate --listen 127.0.0.1:%[2]s         # the same world; prints the credentials to export
  subtally run -c %[3]s --as-of %[4]s --period %[5]s  # bills nothing twice
  subtally invoice list -c %[3]s
  subtally invoice regenerate INV-2026-000001 -c %[3]s
  subtally export usage -c %[3]s --period %[5]s | head
  subtally init mine && subtally check -c mine/subtally.yaml
`, filepath.Join(a.files.Dir, demoMonth), port, path, now, demoMonth)
	return err
}

// demoMonth is the month that the demo bills.
const demoMonth = "2026-10"

func mustDate(s string) pricing.Date {
	d, err := pricing.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// clearDemo removes what an earlier demo left in dir, and nothing else's.
func clearDemo(dir string) error {
	path := filepath.Join(dir, "subtally.yaml")
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
			return nil
		}
		return fmt.Errorf("demo: folder %s is not a demo's: name another with --dir", dir)
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if !bytes.HasPrefix(old, []byte(demoMark)) {
		return fmt.Errorf("demo: %s is not a demo's: name another folder with --dir", path)
	}
	// The mark goes last: a demo that dies in between can still be cleared.
	for _, name := range []string{"out", "data", "schema", "plans", "decks", "tenants.yaml", "subtally.yaml"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

// writeDemo writes the demo's configuration: the example's plans, decks and
// schemas, and tenants that own the world's subaccounts.
func writeDemo(dir, url string, accounts []twiliosim.AccountInfo) (path string, err error) {
	path = filepath.Join(dir, "subtally.yaml")
	text := demoMark + `twilio:
  base_url: ` + url + `
clickhouse:
  data_dir: data
seller:
  name: Example Voice Inc.
  address: [548 Market Street, "San Francisco, CA 94104", United States]
  tax_id: 00-0000000
  email: billing@example.com
  phone: +1 415 555 0100
  website: https://example.com
billing:
  start: 2026-10-01
  time_zone: America/New_York
  payment_instructions:
    - "Bank: Example Bank, San Francisco"
    - "Account: 000123456789, routing number 000000000"
output_dir: out
plans: [plans/*.yaml]
decks: {world: decks/world.csv, sms: decks/sms.csv, evening: decks/evening.csv}
tenants: tenants.yaml
`
	tenants, err := yaml.Marshal(map[string]any{"tenants": demoTenants(accounts)})
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tenants.yaml"), tenants, 0o644); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	for _, name := range []string{"plans", "decks"} {
		files, err := fs.Sub(exampleFiles, "example/"+name)
		if err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
		if err := os.CopyFS(filepath.Join(dir, name), files); err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "schema"), config.Schemas); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return path, nil
}

// demoTenants gives the subaccounts to tenants: one each, but for some that own
// several, and the last subaccount, which nobody owns.
func demoTenants(accounts []twiliosim.AccountInfo) []billing.Tenant {
	homes := []struct {
		zone    string
		address []string
		taxes   []pricing.TaxRate
	}{
		{"America/New_York", []string{"350 Fifth Avenue", "New York, NY 10118", "United States"}, []pricing.TaxRate{{Name: "Sales tax", Rate: decimal.RequireFromString("8.875")}}},
		{"Europe/Berlin", []string{"Friedrichstraße 43", "10117 Berlin", "Germany"}, []pricing.TaxRate{{Name: "VAT", Rate: decimal.RequireFromString("19")}}},
		{"Asia/Tokyo", []string{"1-9-1 Marunouchi, Chiyoda", "Tokyo 100-0005", "Japan"}, nil},
		{"America/Los_Angeles", []string{"1 Ferry Building", "San Francisco, CA 94111", "United States"}, nil},
	}
	var tenants []billing.Tenant
	owned := accounts[1 : len(accounts)-1] // without the main account and the one that nobody owns
	for i := 0; i < len(owned); {
		n := 1
		if len(tenants)%8 == 7 {
			n = min(3, len(owned)-i)
		}
		home := homes[len(tenants)%len(homes)]
		t := billing.Tenant{
			ID: fmt.Sprintf("tenant-%02d", len(tenants)+1), Plan: "standard", TimeZone: home.zone,
			Buyer: billing.Party{Name: owned[i].FriendlyName, Address: home.address},
			Taxes: home.taxes,
		}
		switch {
		case len(tenants) == 3:
			t.Plan = "telecom"
		case len(tenants)%6 == 5:
			t.Plan = "cost-plus"
		}
		for _, a := range owned[i : i+n] {
			t.Subaccounts = append(t.Subaccounts, billing.Assignment{SID: a.SID})
		}
		i += n
		tenants = append(tenants, t)
	}
	return tenants
}

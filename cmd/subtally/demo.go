package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/ingest"
	"subtally/ingest/twiliosim"
	"subtally/internal/config"
	"subtally/pricing"
)

// The story that the demo tells, within the world of simulate.go.
const (
	demoMonth     = "2026-10"
	demoBilled    = "2026-11-18" // when the month is billed: all of its usage has settled
	demoLateDay   = "2026-10-26" // of usage that Twilio lists only later
	demoListed    = "2026-11-20" // from when on it does
	demoPulled    = "2026-11-21" // when that day is pulled again
	demoNextMonth = "2026-11"

	demoLateAccount = 7 // index of the subaccount whose usage it is: that of tenant-07
)

func demoCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "The whole main job on a generated world, with nothing to configure",
		Long: `Serve a stand-in for Twilio, pull its usage night by night for two months, and
bill them: an invoice per tenant, the main account's statements, and CSV. On the
way usage arrives late, an invoice is made again and another is corrected, and
Twilio's own figures differ from its lists.

What it runs is what the commands it names run; special are only the configuration
and the stand-in that twilio.base_url points at. The folder is made anew each time.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.Context(), c.OutOrStdout(), dir)
		},
	}
	c.Flags().StringVar(&dir, "dir", "demo", "folder for its configuration, data and documents")
	return c
}

// show is a demo that is going on.
type show struct {
	*app
	out   io.Writer
	sim   *twiliosim.Server
	job   *nightly.Job
	path  string // of its configuration
	env   func(name string) (string, bool)
	today pricing.Date
}

func demo(ctx context.Context, w io.Writer, dir string) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sim, difference, err := demoSim()
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
	s := &show{out: w, sim: sim}
	if s.path, err = writeDemo(dir, url, sim.Accounts()); err != nil {
		return err
	}
	s.env = func(name string) (string, bool) {
		secret, ok := map[string]string{"TWILIO_ACCOUNT_SID": sim.MainSID(), "TWILIO_AUTH_TOKEN": sim.AuthToken()}[name]
		return secret, ok
	}
	conf, err := config.Load(s.path, s.env)
	if err != nil {
		return err
	}
	if s.app, err = openTwilio(ctx, conf); err != nil {
		return err
	}
	defer s.closing(&err)
	if s.job, err = s.app.job(true); err != nil {
		return err
	}
	s.job.Log = slog.New(slog.DiscardHandler) // it would say what is printed
	fmt.Fprintf(w, "A stand-in for Twilio with %d subaccounts serves at %s.\n", worldSubaccounts, url)
	for _, chapter := range []func(context.Context) error{s.month, s.late, s.next, s.again, s.correct, s.reconcile, s.restate, s.verify} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w, `
The PDFs and CSVs are in %[1]s.
tenant-02 has every record listed, with numbers masked; tenant-07's invoices are in German.
One account is left without a tenant on purpose: its usage is reported, not lost.
One tenant is parked: no font has the rocket in its name.

To try next, with the stand-in in another terminal (subtally is bin/subtally):
  subtally simulate --listen %[2]s --usage-difference %[3]s  # the same world; prints the credentials to export
  subtally run -c %[4]s --as-of %[5]s --period %[6]s  # bills nothing twice
  subtally invoice list -c %[4]s --as-of %[5]s
  subtally invoice show INV-2026-000001 -c %[4]s
  subtally export usage -c %[4]s --period %[6]s | head
  subtally init mine && subtally check -c mine/subtally.yaml
`, s.files.Dir, strings.TrimPrefix(url, "http://"), difference, s.path, worldNow, demoMonth)
	return err
}

// demoSim makes the demo's world: that of simulate, and in it usage that is listed
// late, and one difference between Twilio's own figures and its lists, which is
// answered as --usage-difference takes it.
func demoSim() (sim *twiliosim.Server, difference string, err error) {
	world := twiliosim.World{
		Seed: worldSeed, Subaccounts: worldSubaccounts, Records: worldRecords,
		From: mustDate(worldFrom).Start(time.UTC), To: mustDate(worldTo).Start(time.UTC),
	}
	sim, err = twiliosim.New(world, twiliosim.Options{Late: []twiliosim.Late{{
		Account: demoLateAccount, Day: mustDate(demoLateDay).Start(time.UTC), Records: 1, Until: mustDate(demoListed).Start(time.UTC),
	}}})
	if err != nil {
		return nil, "", err
	}
	difference = sim.Accounts()[1].SID + ":calls:" + demoMonth + "-15:+3:+0.12"
	d, err := twiliosim.ParseDifference(difference)
	if err != nil {
		return nil, "", err
	}
	sim.Differ(d)
	return sim, difference, nil
}

// chapter begins a part of the demo, and says what a user would type for it. The
// line of the command leaves out -c.
func (s *show) chapter(title, command string, args ...any) {
	fmt.Fprintf(s.out, "\n== %s\n$ subtally %s\n", title, fmt.Sprintf(command, args...))
}

// options are those of a command with --as-of, which is the present in the demo,
// and --period.
func (s *show) options(period string) nightly.Options {
	return nightly.Options{AsOf: s.today, Now: s.today.Start(time.UTC), Period: mustDate(period + "-01")}
}

// nights pulls usage in the nights up to a day, each early in the morning. The
// lists of phone numbers show only who holds a number now; that one moves in
// mid-month is seen because they are read every night.
func (s *show) nights(ctx context.Context, until string) error {
	fmt.Fprintf(s.out, "\n== The nights up to %s\n$ subtally sync\n", until)
	var records int64
	for day := s.today.AddDays(1); !mustDate(until).Before(day); day = day.AddDays(1) {
		now := day.Start(time.UTC)
		s.today = day
		s.sim.SetNow(now.Add(2 * time.Hour))
		summary, err := s.job.Syncer.Sync(ctx, ingest.Request{Now: now})
		if err := errors.Join(err, summary.Error()); err != nil {
			return err
		}
		records += summary.Records
		fmt.Fprint(s.out, ".")
	}
	fmt.Fprintf(s.out, "\n%s read\n", count(int(records), "usage record"))
	return nil
}

// run does a night's work for a month, and answers its part of the report.
func (s *show) run(ctx context.Context, period string) (*nightly.Report, error) {
	report, err := s.job.Run(ctx, s.options(period))
	if err == nil && len(report.Months) != 1 {
		err = fmt.Errorf("demo: a run for %s billed %d months", period, len(report.Months))
	}
	return report, err
}

func (s *show) month(ctx context.Context) error {
	s.today = mustDate(worldFrom)
	if err := s.nights(ctx, demoBilled); err != nil {
		return err
	}
	s.chapter("October is billed", "run --as-of %s --period %s", s.today, demoMonth)
	report, err := s.run(ctx, demoMonth)
	if err != nil {
		return err
	}
	report.Months[0].Files = nil // they are too many to list
	return printReport(s.out, report, false)
}

// late shows usage of the billed month that no list had then.
func (s *show) late(ctx context.Context) error {
	if err := s.nights(ctx, demoPulled); err != nil {
		return err
	}
	day, account := mustDate(demoLateDay), s.sim.Accounts()[demoLateAccount].SID
	s.chapter("A day of which Twilio's figures have more is pulled again", "sync --from %s --to %s --account %s", day, day.AddDays(1), account)
	summary, err := s.job.Syncer.Sync(ctx, ingest.Request{
		Now: s.today.Start(time.UTC), From: day.Start(time.UTC), To: day.AddDays(1).Start(time.UTC), Account: account, Again: true,
	})
	if err := errors.Join(err, summary.Error()); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s read\n", count(int(summary.Records), "usage record"))
	known, err := sidsIn(filepath.Join(s.files.Dir, demoMonth, "usage.csv"))
	if err != nil {
		return err
	}
	s.chapter("Usage that was not in the lists when October was billed", "run --as-of %s --period %s", s.today, demoMonth)
	report, err := s.run(ctx, demoMonth)
	if err != nil {
		return err
	}
	printLate(s.out, report.Months[0].Late)
	for _, l := range report.Months[0].Late {
		doc, err := s.document(ctx, l.Invoice)
		if err != nil {
			return err
		}
		_, err = s.biller.Redraft(ctx, doc, func(item *billing.Item) error {
			if !known[item.SID] {
				fmt.Fprintf(s.out, "  %s, %s: %s %s of %s\n", doc.Tenant, printable(doc.Buyer.Name), item.Kind, item.SID, item.StartedAt.UTC().Format(time.DateOnly))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sidsIn are the sids of the usage records in a usage.csv.
func sidsIn(path string) (map[string]bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("demo: read %s: %w", path, err)
	}
	sids := map[string]bool{}
	at := slices.Index(rows[0], "sid")
	for _, row := range rows[1:] {
		sids[row[at]] = true
	}
	return sids, nil
}

// next bills the next month, and shows the adjustments on its invoices.
func (s *show) next(ctx context.Context) error {
	if err := s.nights(ctx, worldNow); err != nil {
		return err
	}
	s.chapter("November is billed, and on it what came late", "run --as-of %s --period %s", s.today, demoNextMonth)
	report, err := s.run(ctx, demoNextMonth)
	if err != nil {
		return err
	}
	m := &report.Months[0]
	for _, t := range m.Statement.Totals {
		fmt.Fprintf(s.out, "%s: revenue %s, tax %s, total %s %s; cost %s %s\n", count(t.Tenants, "tenant"),
			t.Revenue.StringFixed(2), t.Tax.StringFixed(2), t.Total.StringFixed(2), t.Currency, t.Cost.StringFixed(2), m.Statement.Currency)
	}
	fmt.Fprintf(s.out, "%s finalized in this run\n", count(len(m.Finalized), "invoice"))
	for _, number := range m.Finalized {
		doc, err := s.document(ctx, number)
		if err != nil {
			return err
		}
		for _, l := range doc.Lines {
			if l.Adjusts != "" {
				fmt.Fprintf(s.out, "  %s, %s, adjusts %s: %s | %s | %s %s\n", number, doc.Tenant, l.Adjusts, printable(l.Description), printable(l.Item), l.Amount.StringFixed(2), doc.Currency)
			}
		}
	}
	return nil
}

// again makes an invoice's PDF again, from what is stored.
func (s *show) again(ctx context.Context) error {
	const number = "INV-2026-000001"
	s.chapter("An invoice of October is made again", "invoice regenerate %s", number)
	sent := filepath.Join(s.files.Dir, demoMonth, "invoices", number+".pdf")
	before, err := fileSum(sent)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "as sent       sha256 %s\n", before)
	if err := os.Remove(sent); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	doc, err := s.document(ctx, number)
	if err != nil {
		return err
	}
	if _, err := s.files.Regenerate(ctx, s.biller, doc); err != nil {
		return err
	}
	after, err := fileSum(sent)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "regenerated   sha256 %s\n", after)
	if before != after {
		return fmt.Errorf("demo: %s is not what it was", sent)
	}
	_, err = fmt.Fprintln(s.out, "The same to the byte.")
	return err
}

// correct puts a plan right, takes an invoice made by it back, and makes another.
func (s *show) correct(ctx context.Context) error {
	const number, reason = "INV-2026-000004", "discount for October was forgotten"
	plan := filepath.Join(filepath.Dir(s.path), "plans", "telecom.yaml")
	s.chapter("An invoice of October was too high: a credit note, and a new revision", "invoice regenerate %s --rerate --reason '%s' --as-of %s", number, reason, s.today)
	if err := forgottenDiscount(plan); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "(The first month's discount of 10 %% was forgotten. %s has it now.)\n", plan)
	conf, err := config.Load(s.path, s.env)
	if err != nil {
		return err
	}
	s.biller.Plans = conf.Plans
	r, err := s.job.Rerate(ctx, number, reason, s.options(demoMonth))
	if err != nil {
		return err
	}
	printRerating(s.out, r)
	if err := s.job.Correct(ctx, r); err != nil {
		return err
	}
	return printCorrected(s.out, r)
}

// forgottenDiscount writes a plan's discount for the demo's month into its file.
func forgottenDiscount(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	_, err = file.WriteString(`
discounts:
  - id: welcome
    description: Discount for the first month
    percent: 10
    from: 2026-10-01
    until: 2026-11-01
`)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// reconcile finds the difference that the stand-in was given.
func (s *show) reconcile(ctx context.Context) error {
	s.chapter("October against Twilio's own figures, which were made to differ by three calls", "reconcile --period %s --as-of %s", demoMonth, s.today)
	r, failures, err := s.job.Reconcile(ctx, s.options(demoMonth))
	if err != nil {
		return err
	}
	printReconciliation(s.out, r, failures)
	return nil
}

// restate writes October's files again, with what has become of its invoices.
func (s *show) restate(ctx context.Context) error {
	s.chapter("October's statement, with all that happened since", "run --as-of %s --period %s", s.today, demoMonth)
	report, err := s.run(ctx, demoMonth)
	if err != nil {
		return err
	}
	m := &report.Months[0]
	for _, r := range m.Statement.Tenants {
		if r.Status == billing.Credited || r.Corrects != "" {
			fmt.Fprintf(s.out, "%-16s %-10s %9s %s\n", r.Number, r.Status, r.Total.StringFixed(2), r.Currency)
		}
	}
	for _, t := range m.Statement.Totals {
		fmt.Fprintf(s.out, "%-27s %9s %s\n", "all documents", t.Total.StringFixed(2), t.Currency)
	}
	return nil
}

func (s *show) verify(ctx context.Context) error {
	s.chapter("Every invoice and credit note, its number, hash and sums", "verify")
	report, err := s.app.verify(ctx)
	if err != nil {
		return err
	}
	return printVerified(s.out, report)
}

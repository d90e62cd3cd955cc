package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/export"
	"subtally/internal/config"
	"subtally/pricing"
)

// rateFlags are the flags of the command rate, but for --json.
type rateFlags struct {
	config                             string // empty where none is given
	plan, against, rates, taxes, usage string
	decks                              []string
	period, zone, from, until, explain string
	csv                                bool
}

func rateCommand(opts *options) *cobra.Command {
	var f rateFlags
	c := &cobra.Command{
		Use:   "rate --plan FILE --usage FILE --period YYYY-MM",
		Short: "Price a file of usage records with a plan, and against another one",
		Long: `Price a file of usage records with one plan. Nothing else is needed: no
configuration, no ClickHouse, no Twilio.

The file is CSV or NDJSON (.csv, .ndjson or .jsonl, also with .gz), with the
columns that 'subtally export usage' writes; kind and quantity are enough. A
quantity has up to 18 digits before the point and 6 after it; a cost has up to 18
and 8, and may be negative, as that of a refund. The file is priced as the month
of a tenant whose subaccounts are the file's accounts, all held for the whole
month. Records that started outside the month are not priced.

A rate deck that --deck does not name is looked for as NAME.csv beside the plan,
in decks beside it, and in ../decks. With -c the rate decks of a configuration
file, with their columns, go before these, and its exchange rates hold where
--rates names none; nothing else in it is used.

With --against the same usage is priced under two plans, and the difference is
printed for each charge: positive where the other plan is dearer.

With --explain every step to the amount of a record, by its sid, of a charge's
lines, by its id, or of a tax, by its name, is printed too; all explains
everything. A record without a sid goes by line-N, N being its line in the file.

The exit status is 3 where usage has no rate or is outside the month.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.csv && opts.JSON {
				return usageError{errors.New("--json and --csv exclude each other")}
			}
			if f.csv && f.explain != "" {
				return usageError{errors.New("--csv has no place for --explain; leave one out")}
			}
			if c.Flags().Changed("config") {
				f.config = opts.Config
			}
			offline, plans, err := f.load(c.Context())
			if err != nil {
				return err
			}
			ratings, err := offline.Price(plans...)
			if err != nil {
				return err
			}
			if f.explain != "" && f.explain != billing.ExplainAll && !slices.ContainsFunc(ratings, func(r *billing.Rating) bool { return len(r.Explained) > 0 }) {
				return usageError{fmt.Errorf("--explain: %q is not the sid of a record in the month, the id of a line's charge or the name of a tax", f.explain)}
			}
			if err := f.print(c.OutOrStdout(), opts.JSON, ratings); err != nil {
				return err
			}
			if n := ratings[0].Outside; n > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "subtally: not priced: %s outside the billed days of %s (%s)\n",
					count(int(n), "record"), f.period, f.zone)
				err = errNeedsPerson
			}
			for _, r := range ratings {
				if f.csv { // which has no place for it
					printUnrated(c.ErrOrStderr(), r)
				}
				if len(r.Unrated) > 0 {
					err = errNeedsPerson
				}
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.plan, "plan", "", "the plan, a file")
	flags.StringVar(&f.against, "against", "", "another plan to compare with, a file")
	flags.StringArrayVar(&f.decks, "deck", nil, "a rate deck, as NAME=FILE or a file of that name; may stand several times")
	flags.StringVar(&f.rates, "rates", "", "exchange rates, a CSV file")
	flags.StringVar(&f.taxes, "taxes", "", "a YAML file with a list of taxes, as a tenant has it")
	flags.StringVar(&f.usage, "usage", "", "the usage records, a file")
	flags.StringVar(&f.period, "period", "", "the month, such as 2026-10")
	flags.StringVar(&f.zone, "tenant-tz", "UTC", "the tenant's time zone, such as America/New_York")
	flags.StringVar(&f.from, "tenant-from", "", "the tenant's first day, for set-up fees and a part of a month")
	flags.StringVar(&f.until, "tenant-until", "", "first day that is no longer billed")
	flags.StringVar(&f.explain, "explain", "", "what to explain: a record's sid, a charge's id, a tax's name, or all")
	flags.BoolVar(&f.csv, "csv", false, "print CSV instead of a table")
	opts.jsonFlag(c)
	return c
}

// load reads everything that the flags name. Where anything is wrong, it looks
// for what is wrong in the usage too; otherwise that is found when it is priced.
func (f *rateFlags) load(ctx context.Context) (*billing.Offline, []*billing.PriceList, error) {
	if err := required("--plan", f.plan, "--usage", f.usage, "--period", f.period); err != nil {
		return nil, nil, err
	}
	first, err := month(f.period)
	if err != nil {
		return nil, nil, err
	}
	if _, err := time.LoadLocation(f.zone); err != nil || f.zone == "" || f.zone == "Local" {
		return nil, nil, usageError{fmt.Errorf("--tenant-tz: %q is not a time zone; give an IANA name such as America/New_York", f.zone)}
	}
	o := &billing.Offline{Period: billing.Month(first, f.zone), Explain: f.explain}
	o.Usage = func(each func(*pricing.Record) error) error { return f.records(ctx, o.Period, each) }
	if o.From, err = dateFlag("--tenant-from", f.from); err != nil {
		return nil, nil, err
	}
	if o.Until, err = dateFlag("--tenant-until", f.until); err != nil {
		return nil, nil, err
	}
	if !o.From.IsZero() && !o.Until.IsZero() && !o.From.Before(o.Until) {
		return nil, nil, usageError{fmt.Errorf("--tenant-until: %s is not after --tenant-from %s", o.Until, o.From)}
	}
	given, err := deckFlags(f.decks)
	if err != nil {
		return nil, nil, err
	}
	decks, rates, err := f.tables(given)
	if err != nil { // without them what is wrong with plans is not known
		return nil, nil, err
	}
	var lists []*billing.PriceList
	var wrong []error
	for _, path := range []string{f.plan, f.against} {
		if path != "" {
			list, err := config.LoadPlan(path, decks, rates)
			lists, wrong = append(lists, list), append(wrong, err)
		}
	}
	if f.taxes != "" {
		o.Taxes, err = config.LoadTaxes(f.taxes)
		wrong = append(wrong, err)
	}
	if err := config.Join(wrong...); err != nil {
		return nil, nil, config.Join(err, o.Usage(func(*pricing.Record) error { return nil }))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(lists, func(l *billing.PriceList) bool { return slices.Contains(l.Plan.DeckNames(), name) }) {
			return nil, nil, usageError{fmt.Errorf("--deck: no plan names a rate deck %q", name)}
		}
	}
	return o, lists, nil
}

// tables are the files of rate decks, by name, and of exchange rates: those that
// flags name, then those of the configuration file.
func (f *rateFlags) tables(given map[string]config.DeckFile) (decks map[string]config.DeckFile, rates string, err error) {
	if f.config == "" {
		return given, f.rates, nil
	}
	decks, rates, err = config.LoadTables(f.config)
	if err != nil {
		return nil, "", err
	}
	maps.Copy(decks, given)
	return decks, cmp.Or(f.rates, rates), nil
}

// records reads the usage file.
func (f *rateFlags) records(ctx context.Context, p billing.Period, each func(*pricing.Record) error) error {
	file, err := config.Open(f.usage)
	if err != nil {
		return config.ProblemsIn(f.usage, []pricing.Problem{{Text: "usage file: " + err.Error()}})
	}
	defer file.Close()
	err = export.ReadUsage(file, f.usage, p, func(_ int, rec *pricing.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return each(rec)
	})
	if wrong := (*export.UsageError)(nil); errors.As(err, &wrong) {
		list := wrong.Problems
		if wrong.Total > len(list) {
			list = append(list, pricing.Problem{Text: fmt.Sprintf("%s; these are the first %d", count(wrong.Total, "problem"), len(list))})
		}
		return config.ProblemsIn(f.usage, list)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.usage, err)
	}
	return nil
}

// deckFlags are the files of rate decks by name. A file alone is the deck of
// its own name.
func deckFlags(flags []string) (map[string]config.DeckFile, error) {
	decks := map[string]config.DeckFile{}
	for _, flag := range flags {
		name, file, ok := strings.Cut(flag, "=")
		if !ok {
			file = flag
			name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		}
		if name == "" || file == "" {
			return nil, usageError{fmt.Errorf("--deck: %q is neither NAME=FILE nor a file", flag)}
		}
		if other, dup := decks[name]; dup {
			return nil, usageError{fmt.Errorf("--deck: rate deck %q is in %s and in %s; keep one", name, other.File, file)}
		}
		decks[name] = config.DeckFile{File: file}
	}
	return decks, nil
}

// print writes what the usage comes to, or the comparison where there are two
// ratings.
func (f *rateFlags) print(w io.Writer, asJSON bool, ratings []*billing.Rating) error {
	if len(ratings) == 1 {
		switch {
		case asJSON:
			return export.RatingJSON(w, ratings[0])
		case f.csv:
			return export.RatingCSV(w, ratings[0])
		}
		printRating(w, ratings[0])
		return nil
	}
	comparison, err := billing.Compare(ratings[0], ratings[1])
	switch {
	case err != nil:
		return usageError{fmt.Errorf("--against: %w", err)}
	case asJSON:
		return export.ComparisonJSON(w, comparison)
	case f.csv:
		return export.ComparisonCSV(w, comparison)
	}
	printComparison(w, comparison)
	return nil
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/internal/config"
	"subtally/pricing"
)

// correcting is what the commands that correct an invoice have in common.
type correcting struct {
	asOf, reason string
	yes          bool
}

func (f *correcting) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.asOf, "as-of", "", "issue date of the credit note, such as 2026-11-20 (default: today)")
	c.Flags().StringVar(&f.reason, "reason", "", "why, as it is printed")
	c.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
}

// open opens the warehouse, exclusively: numbers are given.
func (f *correcting) open(ctx context.Context, path string) (*app, *nightly.Job, nightly.Options, error) {
	var o nightly.Options
	day, err := dateFlag("--as-of", f.asOf)
	if err != nil {
		return nil, nil, o, err
	}
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, nil, o, err
	}
	if o.AsOf, o.Now, err = moment(day, conf, time.Now); err != nil {
		return nil, nil, o, err
	}
	a, err := open(ctx, conf, true)
	if err != nil {
		return nil, nil, o, err
	}
	job, err := a.job(false)
	if err != nil {
		return nil, nil, o, errors.Join(err, a.Close())
	}
	return a, job, o, nil
}

// errNotAsked says that there is nobody to answer.
var errNotAsked = usageError{errors.New("an invoice that was sent is about to be taken back, and there is no terminal to ask on: look at what is printed above, and give --yes")}

// ask lets a person at the terminal decide. Whatever is not a yes is a no; without
// anybody to answer it is an error.
func (f *correcting) ask(c *cobra.Command, question string) (bool, error) {
	if f.yes {
		return true, nil
	}
	if in, ok := c.InOrStdin().(*os.File); ok {
		if info, err := in.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			return false, errNotAsked
		}
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if errors.Is(err, io.EOF) && answer == "" { // such as /dev/null
		fmt.Fprintln(c.ErrOrStderr())
		return false, errNotAsked
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

func invoiceRegenerateCommand(opts *options) *cobra.Command {
	var f correcting
	var rerate bool
	c := &cobra.Command{
		Use:   "regenerate NUMBER",
		Short: "Write a finalized invoice's PDF and CSV again, or correct it with --rerate",
		Long: `Write a finalized invoice's PDF, and its lines as CSV beside it, again from its
stored document, and print where they are and the SHA-256 of each.

With --rerate the invoice's period is priced again with the configuration and the
usage of today. The difference is shown, and after a yes the invoice is taken back
by a credit note and a new revision of it is finalized.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if rerate {
				return f.rerate(c, opts.Config, args[0])
			}
			if c.Flags().Changed("reason") || c.Flags().Changed("yes") || c.Flags().Changed("as-of") {
				return usageError{errors.New("--reason, --yes and --as-of go with --rerate")}
			}
			return regenerate(c, opts.Config, args[0])
		},
	}
	c.Flags().BoolVar(&rerate, "rerate", false, "price the period again: a credit note and a new revision")
	f.flags(c)
	return c
}

func regenerate(c *cobra.Command, path, number string) (err error) {
	a, err := openForReading(c.Context(), path)
	if err != nil {
		return err
	}
	defer a.closing(&err)
	doc, err := a.document(c.Context(), number)
	if err != nil {
		return err
	}
	paths, err := a.files.Regenerate(c.Context(), a.biller, doc)
	if err != nil {
		return err
	}
	for _, path := range paths {
		sum, err := fileSum(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s  sha256 %s\n", path, sum)
	}
	return nil
}

// fileSum is the SHA-256 of a document's file, in hex.
func fileSum(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read what was written: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

func (f *correcting) rerate(c *cobra.Command, path, number string) (err error) {
	a, job, o, err := f.open(c.Context(), path)
	if err != nil {
		return err
	}
	defer a.closing(&err)
	r, err := job.Rerate(c.Context(), number, cmp.Or(f.reason, "corrected"), o)
	if err != nil {
		return err
	}
	if !r.Differs() {
		fmt.Fprintf(c.OutOrStdout(), "%s comes to the same today: nothing to correct\n", number)
		return nil
	}
	printRerating(c.OutOrStdout(), r)
	question := fmt.Sprintf("Take %s back by a credit note, and finalize revision %d?", number, r.After.Revision)
	if r.Credit != nil {
		fmt.Fprintf(c.OutOrStdout(), "%s has taken %s back already\n", r.Credit.Number, number)
		question = fmt.Sprintf("Finalize revision %d?", r.After.Revision)
	}
	if yes, err := f.ask(c, question); err != nil {
		return err
	} else if !yes {
		fmt.Fprintln(c.OutOrStdout(), "nothing was changed")
		return nil
	}
	if err := job.Correct(c.Context(), r); err != nil {
		return err
	}
	return printCorrected(c.OutOrStdout(), r)
}

func invoiceCreditCommand(opts *options) *cobra.Command {
	var f correcting
	c := &cobra.Command{
		Use:   "credit NUMBER --reason TEXT",
		Short: "Take a finalized invoice back by a credit note",
		Long: `Take a finalized invoice back by a credit note. Its period is not invoiced again by
itself: 'subtally invoice finalize' makes the next revision.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := required("--reason", f.reason); err != nil {
				return err
			}
			a, job, o, err := f.open(c.Context(), opts.Config)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			if _, err := a.document(c.Context(), args[0]); err != nil {
				return err
			}
			if yes, err := f.ask(c, fmt.Sprintf("Take %s back?", args[0])); err != nil {
				return err
			} else if !yes {
				fmt.Fprintln(c.OutOrStdout(), "nothing was changed")
				return nil
			}
			note, path, err := job.Credit(c.Context(), args[0], f.reason, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s  %s takes %s back\n", path, note.Number, args[0])
			return nil
		},
	}
	f.flags(c)
	return c
}

// printCorrected says what has become of a rerated invoice.
func printCorrected(w io.Writer, r *nightly.Rerating) error {
	_, err := fmt.Fprintf(w, "%s takes %s back, and %s stands for it\n", r.Credit.Number, r.Before.Number, r.After.Number)
	return err
}

// printRerating writes an invoice beside what it comes to today, as a table.
func printRerating(w io.Writer, r *nightly.Rerating) {
	before, after := r.Before, r.After
	fmt.Fprintf(w, "%s  tenant %s, %s\n", before.Number, before.Tenant, before.Period.Label())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LINE\tITEM\tBEFORE\tAFTER\tDIFFERENCE\t")
	row := func(line, item string, was, is decimal.Decimal) {
		places := pricing.MinorUnits(after.Currency)
		difference := "-"
		if before.Currency == after.Currency {
			difference = is.Sub(was).StringFixed(places)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", printable(line), printable(item), was.StringFixed(pricing.MinorUnits(before.Currency)), is.StringFixed(places), difference)
	}
	for _, l := range billing.CompareLines(before, after) {
		row(l.Description, l.Item, l.Before, l.After)
	}
	row("Net", "", before.Net, after.Net)
	row("Tax", "", before.Total.Sub(before.Net), after.Total.Sub(after.Net))
	row("Total "+before.Currency, "", before.Total, after.Total)
	t.Flush() //nolint:errcheck // stdout
	if before.Currency != after.Currency {
		fmt.Fprintf(w, "before in %s, after in %s\n", before.Currency, after.Currency)
	}
}

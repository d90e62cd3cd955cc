package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"subtally/billing/verify"
)

func verifyCommand(opts *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check every finalized invoice: numbers, hashes, sums, payments",
		Long: `Check the register as it is stored: that no number is missing or given twice,
that each invoice has the hash it was finalized with and hangs on the one before
it, that its document adds up and is what lists say of it, that what it names is
there unchanged, and that payments belong to invoices.

The last line names the last invoice of each series and its hash. Note it
elsewhere: that the last invoices were removed, nothing in the register shows.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			a, err := openForReading(c.Context(), opts.Config)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			report, err := a.verify(c.Context())
			if err != nil {
				return err
			}
			if opts.JSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(report)
			} else {
				err = printVerified(c.OutOrStdout(), report)
			}
			if err != nil {
				return err
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("verify: %s; restore the register from a backup that verifies", count(n, "problem"))
			}
			return nil
		},
	}
	opts.jsonFlag(c)
	return c
}

// verify checks the register as it is stored.
func (a *app) verify(ctx context.Context) (*verify.Report, error) {
	return verify.Run(ctx, a.db, verify.Options{Plan: func(ctx context.Context, digest string) error {
		_, err := a.db.Blob(ctx, digest)
		return err
	}})
}

// printVerified writes a line for each problem, and one on what there is.
func printVerified(w io.Writer, r *verify.Report) error {
	for _, p := range r.Problems {
		fmt.Fprintf(w, "%s: %s\n", printable(p.Number), printable(p.Text))
	}
	parts := []string{fmt.Sprintf("%s and %s checked", count(r.Invoices, "invoice"), count(r.Payments, "payment"))}
	for _, h := range r.Series {
		parts = append(parts, fmt.Sprintf("%s %s", printable(h.Number), printable(h.SHA256)))
	}
	_, err := fmt.Fprintln(w, strings.Join(parts, "; "))
	return err
}

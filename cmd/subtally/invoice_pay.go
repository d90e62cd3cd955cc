package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"subtally/billing/register"
	"subtally/internal/config"
	"subtally/pricing"
)

func invoicePayCommand(opts *options) *cobra.Command {
	var date, amount, asOf string
	var p register.Payment
	c := &cobra.Command{
		Use:   "pay NUMBER",
		Short: "Record a payment of a finalized invoice, in full or in part",
		Long: `Record a payment of a finalized invoice: of all that is open, or of --amount.
An invoice that is paid in part stays finalized. What an invoice below zero owes
to the tenant, or the credit note of one that was paid, is paid out, or set off
against another invoice, with a negative amount. A reference that a payment of
the invoice has already is that payment: it is not recorded twice.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			p.Number = args[0]
			if p.Amount, p.Currency, err = amountFlag(amount); err != nil {
				return err
			}
			if p.On, err = dateFlag("--date", date); err != nil {
				return err
			}
			day, err := dateFlag("--as-of", asOf)
			if err != nil {
				return err
			}
			conf, err := config.Load(opts.Config, os.LookupEnv)
			if err != nil {
				return err
			}
			if day, _, err = moment(day, conf, time.Now); err != nil {
				return err
			}
			if p.On.IsZero() {
				p.On = day
			}
			if day.Before(p.On) {
				return usageError{fmt.Errorf("--date: %s is after %s: record a payment when it was made", p.On, day)}
			}
			a, err := open(c.Context(), conf, true)
			if err != nil {
				return err
			}
			defer a.closing(&err)
			reg, err := a.register(c.Context())
			if err != nil {
				return err
			}
			paid, isNew, err := reg.Pay(c.Context(), p, time.Now())
			if err != nil {
				return err
			}
			if opts.JSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(paid)
			}
			said := "paid"
			if !isNew {
				said = "was recorded before as paid"
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s  %s %s %s on %s\n", paid.Number, said, paid.Amount.StringFixed(pricing.MinorUnits(paid.Currency)), paid.Currency, paid.On)
			return err
		},
	}
	c.Flags().StringVar(&date, "date", "", "when it was paid, such as 2026-11-20 (default: --as-of)")
	c.Flags().StringVar(&asOf, "as-of", "", "the day on which it is recorded, before which it was paid (default: today)")
	c.Flags().StringVar(&amount, "amount", "", "how much, such as 100.00 or \"100.00 USD\"; negative for what is paid out (default: all that is open)")
	c.Flags().StringVar(&p.Reference, "reference", "", "the bank's or the payer's reference")
	opts.jsonFlag(c)
	return c
}

var amountForm = regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?)(?: ?([A-Z]{3}))?$`)

// amountFlag reads an amount with or without its currency; zero where empty.
func amountFlag(text string) (amount decimal.Decimal, currency string, err error) {
	if text == "" {
		return amount, "", nil
	}
	parts := amountForm.FindStringSubmatch(text)
	if parts == nil {
		return amount, "", usageError{fmt.Errorf("--amount: %q is not an amount such as 100.00 or \"100.00 USD\"", text)}
	}
	if amount, err = decimal.NewFromString(parts[1]); err == nil && amount.IsZero() {
		err = fmt.Errorf("nothing is paid with 0")
	}
	if err != nil {
		return amount, "", usageError{fmt.Errorf("--amount: %w", err)}
	}
	return amount, parts[2], nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"subtally/internal/config"
)

func checkCommand(opts *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, plans, rate decks and tenants",
		Long: `Check the configuration and every file it names: plans, rate decks, tenants.
Every problem is reported at once, with file and line; the exit status is 4 then.
With --json the problems, or an empty list, are printed as JSON.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(opts.Config, os.LookupEnv)
			if opts.JSON {
				list := []config.Problem{}
				if problems := (*config.Problems)(nil); errors.As(err, &problems) {
					list = problems.List
				}
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return errors.Join(err, enc.Encode(list))
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), summary(opts.Config, c))
			return err
		},
	}
	opts.jsonFlag(c)
	return c
}

// summary is one line on what a configuration holds.
func summary(path string, c *config.Config) string {
	rates, accounts := 0, map[string]bool{}
	for _, deck := range c.Decks {
		rates += deck.Len()
	}
	for _, tenant := range c.Tenants {
		for _, a := range tenant.Subaccounts {
			accounts[a.SID] = true
		}
	}
	return path + ": ok: " + count(len(c.Plans), "plan") + ", " + count(len(c.Decks), "deck") +
		" (" + count(rates, "rate") + "), " + count(len(c.Tenants), "tenant") + ", " + count(len(accounts), "subaccount")
}

// count is a number of things in words, such as "1 plan" or "1,234 rates".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return message.NewPrinter(language.English).Sprintf("%d %s", n, thing)
}

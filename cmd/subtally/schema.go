package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"subtally/billing"
	"subtally/internal/config"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema config|plan|tenants|invoice",
		Short: "Print the JSON Schema of a configuration file, for editors, or of invoices",
		Long: `Print the JSON Schema of subtally.yaml, of plans or of the tenants file, by which
editors complete and check them. init writes all three, and the first line of
its files names them. Only check knows whether everything is right.

invoice is the schema of the documents of finalized invoices and credit notes,
which 'invoice show' prints and the register keeps.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"config", "plan", "tenants", "invoice"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "invoice" {
				_, err := cmd.OutOrStdout().Write(billing.InvoiceSchema)
				return err
			}
			text, err := config.Schemas.ReadFile(args[0] + ".schema.json")
			if err != nil {
				return fmt.Errorf("schema %s: %w", args[0], err)
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

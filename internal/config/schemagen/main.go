// Command schemagen writes the JSON Schemas of package config into the current
// folder, which is that package's, and that of invoices into package billing.
package main

import (
	"fmt"
	"os"

	"subtally/internal/config"
)

func main() {
	files, err := config.GenerateSchemas("../..")
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(name, text, 0o644)
		}
	}
	if err == nil {
		var text []byte
		if text, err = config.GenerateInvoiceSchema("../.."); err == nil {
			err = os.WriteFile("../../billing/invoice.schema.json", text, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

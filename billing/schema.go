package billing

import (
	_ "embed"
)

// InvoiceSchema is the JSON Schema of [Document], as [Document.Canonical] writes
// it. Made by go generate ./internal/config.
//
//go:embed invoice.schema.json
var InvoiceSchema []byte

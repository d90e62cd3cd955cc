package nightly

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/export"
)

// Lines writes the lines of the tenants' documents.
func Lines(w io.Writer, f export.Format, tenants []billing.TenantMonth) error {
	out, err := export.NewLines(w, f)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if err := out.Add(t.Document, t.Status); err != nil {
			return err
		}
	}
	return out.Close()
}

// Usage writes the tenants' usage records, each with its amount under the plan
// as it is now; see [Changed]. An invoice with a plan that is no longer
// configured is left out. So are a credit note and the invoice that it takes
// back, or their records would be there more than once.
func Usage(ctx context.Context, w io.Writer, f export.Format, b *billing.Biller, tenants []billing.TenantMonth) error {
	out, err := export.NewUsage(w, f)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if !stands(t.Document, tenants) || !b.Priceable(t.Document) {
			continue
		}
		_, err := b.Redraft(ctx, t.Document, func(item *billing.Item) error { return out.Add(t.Document, item) })
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// stands reports whether a document bills usage: it is no credit note, and none
// takes it back.
func stands(doc *billing.Document, tenants []billing.TenantMonth) bool {
	return doc.Kind != billing.CreditNote && !slices.ContainsFunc(tenants, func(t billing.TenantMonth) bool {
		return t.Document.Kind == billing.CreditNote && t.Document.Corrects != nil && t.Document.Corrects.Number == doc.Number
	})
}

// Invoices adds to a month's documents, as Look answered them, what the register
// knows of each.
func (j *Job) Invoices(tenants []billing.TenantMonth) ([]export.Invoice, error) {
	var out []export.Invoice
	for _, t := range tenants {
		invoice := export.Invoice{Document: t.Document, Status: t.Status}
		if t.Document.Number != "" {
			e, err := j.reg.Number(t.Document.Number)
			if err != nil {
				return nil, err
			}
			invoice.SHA256 = e.SHA256
			invoice.Open = decimal.NewNullDecimal(t.Document.Total)
		}
		out = append(out, invoice)
	}
	return out, nil
}

// Bookings are the journal of a month: its finalized documents, and what Twilio
// charged by the statement. Drafts are not booked.
func Bookings(a *billing.JournalAccounts, tenants []billing.TenantMonth, st *billing.Statement) ([]billing.JournalLine, error) {
	var out []billing.JournalLine
	for _, t := range tenants {
		if t.Document.Number == "" {
			continue
		}
		lines, err := a.Invoice(t.Document)
		if err != nil {
			return nil, fmt.Errorf("export journal: %w", err)
		}
		out = append(out, lines...)
	}
	costs, err := a.Costs(st)
	if err != nil {
		return nil, fmt.Errorf("export journal: %w", err)
	}
	return append(out, costs...), nil
}

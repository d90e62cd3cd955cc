package nightly

import (
	"context"
	"io"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/export"
	"subtally/billing/register"
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

// Usage writes the tenants' usage records, each with its amount under the plan of
// that time; see [Changed]. A credit note and the invoice that it takes back are
// left out, or their records would be there more than once.
func Usage(ctx context.Context, w io.Writer, f export.Format, b *billing.Biller, tenants []billing.TenantMonth) error {
	tenants = slices.DeleteFunc(slices.Clone(tenants), func(t billing.TenantMonth) bool { return !t.Stands() })
	out, err := export.NewUsage(w, f)
	if err != nil {
		return err
	}
	docs := make([]*billing.Document, len(tenants))
	for i := range tenants {
		docs[i] = tenants[i].Document
	}
	runs := batches(len(docs), func(i int) int { return int(docs[i].Usage.Records) })
	write := func(ctx context.Context, out *export.Usage, run span) error {
		docs := docs[run.from:run.to]
		_, err := b.Redrafts(ctx, docs, func(i int, item *billing.Item) error { return out.Add(docs[i], item) })
		return err
	}
	if !f.Concatenates() {
		for _, run := range runs {
			if err := write(ctx, out, run); err != nil {
				return err
			}
		}
		return out.Close()
	}
	if err := out.Close(); err != nil {
		return err
	}
	return concat(ctx, w, len(runs), func(ctx context.Context, w io.Writer, i int) error {
		out := export.MoreUsage(w, f)
		if err := write(ctx, out, runs[i]); err != nil {
			return err
		}
		return out.Close()
	})
}

// receivables are what is to be had of every entry of the register, by number.
func (j *Job) receivables(ctx context.Context, o Options) (map[string]register.Receivable, error) {
	payments, err := j.reg.Payments(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]register.Receivable{}
	for _, r := range register.Receivables(j.reg.Entries(), payments, o.AsOf) {
		known[r.Number] = r
	}
	return known, nil
}

// Invoices adds to a month's documents, as Look answered them, what the register
// knows of each, overdue as of the billing date.
func (j *Job) Invoices(ctx context.Context, o Options, tenants []billing.TenantMonth) ([]export.Invoice, error) {
	known, err := j.receivables(ctx, o)
	if err != nil {
		return nil, err
	}
	var out []export.Invoice
	for _, t := range tenants {
		invoice := export.Invoice{Document: t.Document, Status: t.Status}
		if r, ok := known[t.Document.Number]; ok {
			invoice.Status, invoice.SHA256, invoice.DaysOverdue = r.Status, r.SHA256, r.DaysOverdue
			invoice.Paid, invoice.Open = decimal.NewNullDecimal(r.Paid), decimal.NewNullDecimal(r.Open)
		}
		out = append(out, invoice)
	}
	return out, nil
}

// Bookings are the journal of a month: its finalized documents, the payments
// that arrived in it, of whatever month's invoices, and what Twilio charged by
// the statement. Drafts are not booked. With a tenant only its payments and costs are.
func (j *Job) Bookings(ctx context.Context, a *billing.JournalAccounts, tenants []billing.TenantMonth, st *billing.Statement, tenant string) ([]billing.JournalLine, error) {
	var out []billing.JournalLine
	add := func(lines []billing.JournalLine, err error) error {
		out = append(out, lines...)
		return err
	}
	for _, t := range tenants {
		if t.Document.Number == "" {
			continue
		}
		if err := add(a.Invoice(t.Document)); err != nil {
			return nil, err
		}
	}
	payments, err := j.reg.Payments(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range payments {
		if p.On.Before(st.Period.From) || !p.On.Before(st.Period.To) {
			continue
		}
		e, err := j.reg.Number(p.Number)
		if err != nil {
			return nil, err
		}
		if tenant != "" && tenant != e.Tenant {
			continue
		}
		receipt := billing.Receipt{Number: p.Number, Tenant: e.Tenant, On: p.On, Amount: p.Amount, Currency: p.Currency, Reference: p.Reference}
		if err := add(a.Payment(receipt)); err != nil {
			return nil, err
		}
	}
	costs := *st
	if tenant != "" {
		costs.Tenants = slices.DeleteFunc(slices.Clone(st.Tenants), func(r billing.StatementRow) bool { return r.Tenant != tenant })
		costs.Unassigned, costs.OtherCosts = nil, nil
	}
	return out, add(a.Costs(&costs))
}

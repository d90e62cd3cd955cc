package nightly

import (
	"context"

	"subtally/billing"
	"subtally/billing/register"
)

// finalize gives a document the next number of its seller's series and keeps
// it. The identity decides: one that has an entry keeps that.
func (j *Job) finalize(ctx context.Context, doc *billing.Document) (register.Entry, error) {
	seller, err := j.Biller.SellerOf(doc.SellerID)
	if err != nil {
		return register.Entry{}, err
	}
	in := register.Series{Format: seller.Format(doc.Kind)}
	return j.reg.Finalize(ctx, Identity(doc), in, doc.IssueDate, func(number string) (register.Draft, error) {
		doc.Number = number
		data, err := doc.Canonical()
		d := register.Draft{Document: data, Total: doc.Total, Currency: doc.Currency, Issued: doc.IssueDate, Due: doc.DueDate}
		if doc.Kind == billing.CreditNote && doc.Corrects != nil {
			d.Corrects = doc.Corrects.Number
		}
		return d, err
	})
}

// Identity is what a document is in the register.
func Identity(doc *billing.Document) register.Identity {
	return register.Identity{Kind: string(doc.Kind), Tenant: doc.Tenant, From: doc.Period.From, To: doc.Period.To, Revision: doc.Revision}
}

// identity is that of a tenant's first invoice for a period.
func identity(t *billing.Tenant, p billing.Period) register.Identity {
	return register.Identity{Kind: register.Invoice, Tenant: t.ID, From: p.From, To: p.To, Revision: 1}
}

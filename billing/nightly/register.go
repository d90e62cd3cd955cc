package nightly

import (
	"context"
	"slices"

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
	if err := j.Biller.StorePlans(ctx, doc); err != nil {
		return register.Entry{}, err
	}
	if err := j.Biller.StoreAnnex(ctx, doc); err != nil {
		return register.Entry{}, err
	}
	if err := j.Files.keepLayout(ctx, j.Biller, doc); err != nil {
		return register.Entry{}, err
	}
	in := register.Series{Format: seller.Format(doc.Kind)}
	var data []byte
	e, err := j.reg.Finalize(ctx, Identity(doc), in, doc.IssueDate, func(number string) (register.Draft, error) {
		doc.Number = number
		var err error
		data, err = doc.Canonical()
		d := register.Draft{Document: data, Total: doc.Total, Currency: doc.Currency, Issued: doc.IssueDate, Due: doc.DueDate}
		if doc.Kind == billing.CreditNote && doc.Corrects != nil {
			d.Corrects = doc.Corrects.Number
		}
		return d, err
	})
	if err != nil {
		return e, err
	}
	if !slices.ContainsFunc(j.ofTenant[e.Tenant], func(known register.Entry) bool { return known.Number == e.Number }) {
		j.ofTenant[e.Tenant] = append(j.ofTenant[e.Tenant], e)
	}
	if j.reg.Holds(e, data) { // what was made is what was stored: no need to read it back
		if j.stored[e.Number], err = billing.ParseDocument(data); err != nil {
			return e, err
		}
	}
	if j.billed != nil && e.Kind == register.Invoice {
		if err := j.billed.add(e, doc); err != nil {
			return e, err
		}
	}
	clear(j.chains)
	j.marks[e.Number] = doc.Usage // it was priced a moment ago
	return e, nil
}

// Identity is what a document is in the register.
func Identity(doc *billing.Document) register.Identity {
	return register.Identity{Kind: string(doc.Kind), Tenant: doc.Tenant, From: doc.Period.From, To: doc.Period.To, Revision: doc.Revision}
}

// revision is which invoice of a tenant's period comes next, and which one it
// stands for, if that was taken back.
func (j *Job) revision(ctx context.Context, tenant string, p billing.Period) (int, *billing.Correction, error) {
	id := register.Identity{Kind: register.Invoice, Tenant: tenant, From: p.From, To: p.To, Revision: 1}
	var corrects *billing.Correction
	for ; ; id.Revision++ {
		e, ok := j.reg.Find(id)
		if !ok {
			return id.Revision, corrects, nil
		}
		credit, back := j.reg.CreditOf(e)
		if !back {
			continue
		}
		doc, err := j.document(ctx, credit)
		if err != nil {
			return 0, nil, err
		}
		corrects = doc.Corrects
	}
}

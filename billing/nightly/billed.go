package nightly

import (
	"context"
	"fmt"
	"time"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/pricing"
)

// billed is what the invoices around a month bill, by subaccount.
type billed struct {
	month pricing.Date // first day
	times map[string][]billedTime
}

// billedTime is the time [from, to) of a subaccount that an invoice bills.
type billedTime struct {
	entry    register.Entry
	from, to time.Time
}

func (b *billed) add(e register.Entry, doc *billing.Document) error {
	list, err := doc.Slices()
	for _, s := range list {
		for _, sid := range s.Accounts {
			b.times[sid] = append(b.times[sid], billedTime{e, s.From, s.To})
		}
	}
	return err
}

// billedAround reads the invoices around a period, once for all tenants. Months
// are cut in different zones, so neighbours may overlap too.
func (j *Job) billedAround(ctx context.Context, p billing.Period) (*billed, error) {
	if j.billed != nil && j.billed.month == p.From {
		return j.billed, nil
	}
	b := &billed{month: p.From, times: map[string][]billedTime{}}
	for _, e := range j.reg.Entries() {
		if e.Kind != register.Invoice || e.To.Before(p.From.AddDays(-40)) || p.To.AddDays(2).Before(e.From) {
			continue
		}
		doc, err := j.document(ctx, e)
		if err != nil {
			return nil, err
		}
		if err := b.add(e, doc); err != nil {
			return nil, err
		}
	}
	j.billed = b
	return b, nil
}

// billedBefore says which finalized invoice already bills some of a draft's
// usage, as when a subaccount was given to another tenant for a time that is
// invoiced, or a tenant's time zone was changed; empty for none.
func (j *Job) billedBefore(ctx context.Context, draft *billing.Document) (string, error) {
	around, err := j.billedAround(ctx, draft.Period)
	if err != nil {
		return "", err
	}
	mine, err := draft.Slices()
	if err != nil {
		return "", err
	}
	for _, s := range mine {
		for _, sid := range s.Accounts {
			for _, t := range around.times[sid] {
				if !s.From.Before(t.to) || !t.from.Before(s.To) {
					continue
				}
				if _, back := j.reg.CreditOf(t.entry); back || draft.Corrects != nil && t.entry.Number == draft.Corrects.Number {
					continue
				}
				return fmt.Sprintf("%s was invoiced to tenant %s in %s for some of the same time", sid, t.entry.Tenant, t.entry.Number), nil
			}
		}
	}
	return "", nil
}

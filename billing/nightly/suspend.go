package nightly

import (
	"context"
	"fmt"

	"subtally/billing"
)

// Suspension is a tenant with overdue invoices, and what has been done about it.
type Suspension struct {
	billing.Suspension
	Done   []string `json:"done"`   // subaccounts that were suspended now, by sid
	Failed []string `json:"failed"` // errors, one for each that could not be
}

// Proposed reports whether a person has to decide, or to see why it failed.
func (s *Suspension) Proposed() bool { return len(s.Done) < len(s.Accounts) }

// Suspensions lists the tenants whose subaccounts may be suspended on the
// billing date, since their invoices are overdue. It suspends none.
func (j *Job) Suspensions(ctx context.Context, o Options) ([]Suspension, error) {
	if err := j.openRegister(ctx); err != nil {
		return nil, err
	}
	return j.suspensions(ctx, o)
}

func (j *Job) suspensions(ctx context.Context, o Options) ([]Suspension, error) {
	entries, err := j.receivables(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("look for overdue invoices: %w", err)
	}
	overdue := map[string][]billing.Overdue{}
	for _, e := range j.reg.Entries() {
		r := entries[e.Number]
		if r.DaysOverdue > 0 {
			overdue[r.Tenant] = append(overdue[r.Tenant], billing.Overdue{Number: r.Number, Due: r.Due, Days: r.DaysOverdue, Open: r.Open, Currency: r.Currency})
		}
	}
	known, err := j.Biller.DB.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for overdue invoices: %w", err)
	}
	out := []Suspension{}
	for _, s := range j.Biller.Suspensions(o.AsOf, j.SuspendAfterDays, known, overdue) {
		out = append(out, Suspension{Suspension: s, Done: []string{}, Failed: []string{}})
	}
	return out, nil
}

// Suspend suspends the tenant's subaccounts at Twilio. One that cannot be does
// not keep the others.
func (j *Job) Suspend(ctx context.Context, s *Suspension) {
	for _, a := range s.Accounts {
		if err := j.Syncer.Suspend(ctx, a.SID); err != nil {
			s.Failed = append(s.Failed, err.Error())
			j.Log.ErrorContext(ctx, "an overdue tenant's subaccount could not be suspended", "tenant", s.Tenant, "account", a.SID, "err", err)
			continue
		}
		s.Done = append(s.Done, a.SID)
		j.Log.WarnContext(ctx, "subaccount suspended: its tenant's invoice is overdue", "tenant", s.Tenant, "account", a.SID, "invoice", s.Invoices[0].Number)
	}
}

// Package nightly is the unattended job: pull usage, draft every open period,
// finalize what is due, and write the documents.
//
// A run may die at any moment and be started again: what was done stays done,
// and the documents come out the same. It takes the billing date as an
// argument; no clock enters a document.
package nightly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/ingest"
	"subtally/pricing"
)

// Job is what a run needs.
type Job struct {
	Biller       *billing.Biller
	Syncer       *ingest.Syncer // nil to bill what is in the warehouse already
	NumberFormat string         // of invoices; see register.CheckFormat
	GraceDays    int            // days after its end before a period is finalized
	Files        *Files
	Log          *slog.Logger

	coverage *ingest.Coverage // what has been pulled, as this run found it
}

// Options choose what a run does.
type Options struct {
	AsOf   pricing.Date // the billing date
	Now    time.Time    // usage is pulled up to here
	Period pricing.Date // first day of the only month to bill; where zero, every month that is not finished
}

// Report says what a run did.
type Report struct {
	Sync   ingest.Summary
	Months []Month
}

// Month is one calendar month of a report.
type Month struct {
	Statement *billing.Statement
	Finalized []string // numbers given in this run
	Files     []string // everything there is of the month
	Changed   []string // invoices that usage.csv does not add up to, as their usage or plan has changed since
}

// NeedsPerson reports whether someone has to look: a list that could not be
// pulled, a parked tenant, usage without a rate, or a subaccount's usage
// without a tenant. What the main account uses itself is no tenant's.
func (r *Report) NeedsPerson() bool {
	return len(r.Sync.Failures) > 0 || slices.ContainsFunc(r.Months, func(m Month) bool {
		st := m.Statement
		return len(st.Unrated) > 0 || len(m.Changed) > 0 ||
			slices.ContainsFunc(st.Tenants, func(t billing.StatementRow) bool { return t.Status == billing.Parked }) ||
			slices.ContainsFunc(st.Unassigned, func(u billing.UnassignedRow) bool { return u.Account.SID != st.MainAccount.SID })
	})
}

// ErrLocked says that another process is at work on the same data.
var ErrLocked = errors.New("another subtally is at work here; wait until it has ended")

// Lock makes sure that only one process syncs or finalizes with the data
// folder. The lock goes with the process, however it ends.
func Lock(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, "run.lock")
	lock := flock.New(path)
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock %s: %w", path, ErrLocked)
	}
	return func() { lock.Unlock() }, nil //nolint:errcheck // the process's end unlocks it all the same
}

// Run does the night's work. The caller holds the lock.
func (j *Job) Run(ctx context.Context, o Options) (*Report, error) {
	report := &Report{}
	months := j.months(o)
	if j.Syncer != nil {
		due, err := j.due(ctx, months, o)
		if err != nil {
			return report, err
		}
		if report.Sync, err = j.Syncer.Sync(ctx, ingest.Request{Now: o.Now, Due: due}); err != nil {
			return report, err
		}
		for _, f := range report.Sync.Failures {
			j.Log.ErrorContext(ctx, "a list could not be pulled", "account", f.Account, "resource", f.Resource, "err", f.Err)
		}
	}
	reg, err := register.Open(ctx, j.Biller.DB, j.NumberFormat)
	if err != nil {
		return report, err
	}
	if err := j.cover(ctx, o); err != nil {
		return report, err
	}
	for _, first := range months {
		if o.Period.IsZero() && j.finished(reg, first) {
			continue
		}
		m, err := j.month(ctx, reg, first, o)
		if err != nil {
			return report, err
		}
		if m != nil {
			report.Months = append(report.Months, *m)
		}
	}
	return report, nil
}

// months are the first days of the months to bill: those that have begun
// somewhere on the billing date.
func (j *Job) months(o Options) []pricing.Date {
	if !o.Period.IsZero() {
		return []pricing.Date{o.Period.FirstOfMonth()}
	}
	var out []pricing.Date
	for first := j.Biller.Start.FirstOfMonth(); first.Before(o.AsOf); first = first.NextMonth() {
		out = append(out, first)
	}
	return out
}

// finished reports whether every invoice of a calendar month is finalized and
// its documents are there.
func (j *Job) finished(reg *register.Register, first pricing.Date) bool {
	var numbers []string
	for i := range j.Biller.Tenants {
		t := &j.Biller.Tenants[i]
		p := billing.Month(first, t.TimeZone)
		if !j.bills(t, p) {
			continue
		}
		e, done := reg.Find(identity(t, p))
		if !done {
			return false
		}
		numbers = append(numbers, e.Number)
	}
	return j.Files.complete(billing.Month(first, j.Biller.TimeZone).Label(), numbers)
}

// cover reads what has been pulled, once for all tenants.
func (j *Job) cover(ctx context.Context, o Options) (err error) {
	if j.Syncer != nil {
		from := j.Biller.Start.AddDays(-1).Start(time.UTC)
		j.coverage, err = j.Syncer.Coverage(ctx, from, o.Now)
	}
	return err
}

// isDue reports whether a tenant's period may be finalized on the billing
// date: it is over where the tenant is, and the grace days have passed.
func (j *Job) isDue(p billing.Period, o Options) (bool, error) {
	_, end, err := p.Bounds()
	return err == nil && !o.AsOf.Before(p.To.AddDays(j.GraceDays)) && !o.Now.Before(end), err
}

// window is the usage of a period, and since when it must have been pulled for
// the period to be finalized.
func (j *Job) window(p billing.Period, o Options) (ingest.Due, error) {
	from, to, err := p.Bounds()
	if err != nil {
		return ingest.Due{}, err
	}
	since := to.AddDate(0, 0, j.GraceDays)
	if o.Now.Before(since) {
		since = o.Now
	}
	return ingest.Due{From: from, To: to, Since: since.Truncate(time.Second)}, nil
}

// due lists the periods that this run is going to finalize.
func (j *Job) due(ctx context.Context, months []pricing.Date, o Options) ([]ingest.Due, error) {
	reg, err := register.Open(ctx, j.Biller.DB, j.NumberFormat)
	if err != nil {
		return nil, err
	}
	var out []ingest.Due
	for _, first := range months {
		for i := range j.Biller.Tenants {
			t := &j.Biller.Tenants[i]
			p := billing.Month(first, t.TimeZone)
			if _, done := reg.Find(identity(t, p)); done || !j.bills(t, p) {
				continue
			}
			due, err := j.isDue(p, o)
			if err != nil {
				return nil, err
			}
			if due {
				w, err := j.window(p, o)
				if err != nil {
					return nil, err
				}
				out = append(out, w)
			}
		}
	}
	return out, nil
}

func identity(t *billing.Tenant, p billing.Period) register.Identity {
	return register.Identity{Tenant: t.ID, From: p.From, To: p.To, Revision: 1}
}

// bills reports whether the tenant is billed for any day of the period.
func (j *Job) bills(t *billing.Tenant, p billing.Period) bool {
	from, to := j.Biller.Billed(t, p)
	return from.Before(to)
}

// month bills one calendar month; nil when no tenant is billed in it.
func (j *Job) month(ctx context.Context, reg *register.Register, first pricing.Date, o Options) (*Month, error) {
	m := &Month{}
	var tenants []billing.TenantMonth
	for i := range j.Biller.Tenants {
		t := &j.Biller.Tenants[i]
		p := billing.Month(first, t.TimeZone)
		if !j.bills(t, p) {
			continue
		}
		tm, isNew, err := j.tenant(ctx, reg, t, p, o)
		if err != nil {
			return nil, err
		}
		if isNew {
			m.Finalized = append(m.Finalized, tm.Document.Number)
		}
		if tm.Status == billing.Parked {
			j.Log.WarnContext(ctx, "tenant parked", "tenant", t.ID, "period", p.Label(), "reason", tm.Reason)
		}
		tenants = append(tenants, tm)
	}
	if len(tenants) == 0 {
		return nil, nil
	}
	var err error
	if m.Statement, err = j.Biller.Statement(ctx, first, o.AsOf, tenants); err != nil {
		return nil, err
	}
	finished := len(m.Finalized) == 0 && !slices.ContainsFunc(tenants, func(t billing.TenantMonth) bool { return t.Status != billing.Finalized })
	m.Files, m.Changed, err = j.Files.Month(ctx, j.Biller, m.Statement, tenants, finished)
	for _, number := range m.Changed {
		j.Log.WarnContext(ctx, "usage or plan changed since the invoice was finalized; usage.csv does not add up to it", "invoice", number)
	}
	return m, err
}

// Tenants answers every tenant's invoice for a calendar month: the one in the
// register, or a draft as it would be issued on the day. It finalizes nothing.
func Tenants(ctx context.Context, b *billing.Biller, reg *register.Register, first, issued pricing.Date) ([]billing.TenantMonth, error) {
	var out []billing.TenantMonth
	for i := range b.Tenants {
		t := &b.Tenants[i]
		p := billing.Month(first, t.TimeZone)
		if from, to := b.Billed(t, p); !from.Before(to) {
			continue
		}
		tm, err := look(ctx, b, reg, t, p, issued)
		if err != nil {
			return nil, err
		}
		out = append(out, tm)
	}
	return out, nil
}

// look answers a tenant's invoice for a period: the one in the register, or a
// draft.
func look(ctx context.Context, b *billing.Biller, reg *register.Register, t *billing.Tenant, p billing.Period, issued pricing.Date) (billing.TenantMonth, error) {
	tm := billing.TenantMonth{Tenant: t}
	if e, done := reg.Find(identity(t, p)); done {
		tm.Status = billing.Finalized
		var err error
		tm.Document, err = Document(ctx, reg, e)
		return tm, err
	}
	draft, err := b.Draft(ctx, t, p, issued, nil)
	if err != nil {
		return tm, err
	}
	tm.Document, tm.Status, tm.Unrated = &draft.Document, billing.Drafted, draft.Unrated
	return tm, nil
}

// tenant answers a tenant's invoice for a period, and finalizes it when it is
// due.
func (j *Job) tenant(ctx context.Context, reg *register.Register, t *billing.Tenant, p billing.Period, o Options) (tm billing.TenantMonth, isNew bool, err error) {
	if tm, err = look(ctx, j.Biller, reg, t, p, o.AsOf); err != nil || tm.Status == billing.Finalized {
		return tm, false, err
	}
	due, err := j.isDue(p, o)
	if err != nil || !due {
		return tm, false, err
	}
	if tm.Reason, err = j.parked(&tm, p, o); err != nil {
		return tm, false, err
	}
	if tm.Reason != "" {
		tm.Status = billing.Parked
		return tm, false, nil
	}
	e, err := reg.Finalize(ctx, identity(t, p), o.AsOf, func(number string) ([]byte, error) {
		tm.Document.Number = number
		return tm.Document.Canonical()
	})
	if err != nil {
		return tm, false, err
	}
	tm.Status = billing.Finalized
	// What is printed is what was stored, not what was meant to be.
	tm.Document, err = Document(ctx, reg, e)
	return tm, true, err
}

// parked says why a draft that is due must not be finalized; empty when it may.
func (j *Job) parked(tm *billing.TenantMonth, p billing.Period, o Options) (string, error) {
	if len(tm.Unrated) > 0 {
		var n int64
		for _, u := range tm.Unrated {
			n += u.Records
		}
		return fmt.Sprintf("%d usage records have no rate: %s: %s", n, tm.Unrated[0].Kind, tm.Unrated[0].Reason), nil
	}
	if j.coverage == nil {
		return "its usage was not pulled in this run", nil
	}
	w, err := j.window(p, o)
	if err != nil {
		return "", err
	}
	var sids []string
	for _, a := range tm.Document.Accounts {
		sids = append(sids, a.SID)
	}
	return j.coverage.Missing(sids, w), nil
}

// Document reads the document of a finalized invoice.
func Document(ctx context.Context, reg *register.Register, e register.Entry) (*billing.Document, error) {
	data, err := reg.Document(ctx, e)
	if err != nil {
		return nil, err
	}
	return billing.ParseDocument(data)
}

// Finalize bills one tenant for the month o.Period: it pulls the usage if the
// period is due, finalizes the invoice, and writes its PDF or, where it may
// not be finalized yet, the draft's. The caller holds the lock.
func (j *Job) Finalize(ctx context.Context, t *billing.Tenant, o Options) (billing.TenantMonth, string, error) {
	p := billing.Month(o.Period, t.TimeZone)
	if !j.bills(t, p) {
		return billing.TenantMonth{}, "", fmt.Errorf("finalize invoice: tenant %s is not billed in %s", t.ID, p.Label())
	}
	due, err := j.isDue(p, o)
	if err != nil {
		return billing.TenantMonth{}, "", err
	}
	if due {
		w, err := j.window(p, o)
		if err != nil {
			return billing.TenantMonth{}, "", err
		}
		if _, err := j.Syncer.Sync(ctx, ingest.Request{Now: o.Now, Due: []ingest.Due{w}}); err != nil {
			return billing.TenantMonth{}, "", err
		}
	}
	reg, err := register.Open(ctx, j.Biller.DB, j.NumberFormat)
	if err != nil {
		return billing.TenantMonth{}, "", err
	}
	if err := j.cover(ctx, o); err != nil {
		return billing.TenantMonth{}, "", err
	}
	tm, _, err := j.tenant(ctx, reg, t, p, o)
	if err != nil {
		return tm, "", err
	}
	if tm.Status == billing.Drafted {
		tm.Reason = fmt.Sprintf("not due before %s", p.To.AddDays(j.GraceDays))
	}
	path := j.Files.invoicePath(p, &tm)
	return tm, path, j.Files.Invoice(path, tm.Document)
}

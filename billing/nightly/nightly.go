// Package nightly is the unattended job: pull usage, draft every open period,
// finalize what is due, and write the documents.
//
// A run may die at any moment and be started again: what was done stays done,
// and the documents come out the same. It takes the billing date as an
// argument; no clock enters a document.
package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/ingest"
	"subtally/pricing"
)

// Job is what a run needs.
type Job struct {
	Biller           *billing.Biller
	Syncer           *ingest.Syncer // its client is not used by Look
	Register         register.Options
	GraceDays        int             // days after its end before a period is finalized
	SuspendAfterDays int             // days after an invoice's due date before its tenant's subaccounts may be suspended
	Tolerance        decimal.Decimal // of the cost of a category on a subaccount's day, against Twilio's Usage Records
	Files            *Files
	Log              *slog.Logger

	reg      *register.Register
	ofTenant map[string][]register.Entry  // the register's entries, in the order in which they were finalized
	coverage *ingest.Coverage             // what has been pulled, as this run found it
	briefs   map[string]*billing.Document // of standing invoices, by number
	marks    map[string]billing.Watermark // of the usage there is of invoiced months, by number
	chains   map[string]*chain            // by tenant, month, and what is left out
	billed   *billed                      // around the month that was looked at last
	stored   map[string]*billing.Document // finalized documents that were read, by number
	closings map[string]closing           // what months without a finalized invoice leave to the next, by tenant and month
}

// closing is what a month without a finalized invoice leaves to the next, and
// what the next one's invoice waits for.
type closing struct {
	pricing.Carried
	wait string
}

// Options choose what a run does.
type Options struct {
	AsOf   pricing.Date // the billing date
	Now    time.Time    // usage is pulled up to here
	Period pricing.Date // first day of the only month to bill; where zero, every month that is not finished
}

// Report says what a run did.
type Report struct {
	Sync        ingest.Summary
	Months      []Month
	Suspensions []Suspension // tenants with overdue invoices; suspended where their policy says so
}

// Month is one calendar month of a report.
type Month struct {
	Statement *billing.Statement `json:"statement"`
	Finalized []string           `json:"finalized"`  // numbers given in this run
	Files     []string           `json:"files"`      // everything there is of the month
	Late      []LateUsage        `json:"late"`       // of its invoices, and not adjusted yet
	NotListed []string           `json:"not_listed"` // tenants with an itemized invoice that has too many usage records to list
}

// NeedsPerson reports whether someone has to look: a list that could not be
// pulled, or a month that needs it.
func (r *Report) NeedsPerson() bool {
	return len(r.Sync.Failures) > 0 || slices.ContainsFunc(r.Suspensions, func(s Suspension) bool { return s.Proposed() }) || slices.ContainsFunc(r.Months, func(m Month) bool { return m.NeedsPerson() })
}

// NeedsPerson reports whether someone has to look: a parked tenant, usage
// without a rate, a subaccount's usage without a tenant, costs in a currency
// apart, costs that do not add up, late usage that cannot be adjusted, or costs that
// differ from Twilio's Usage Records. What the main account uses itself is no tenant's.
func (m *Month) NeedsPerson() bool {
	st := m.Statement
	return len(st.Unrated) > 0 || len(st.OtherCosts) > 0 || !st.Check.Difference().IsZero() || st.Reconciliation.NeedsPerson() ||
		slices.ContainsFunc(m.Late, func(l LateUsage) bool { return l.Problem != "" }) ||
		slices.ContainsFunc(st.Tenants, func(t billing.StatementRow) bool { return t.Status == billing.Parked }) ||
		slices.ContainsFunc(st.Unassigned, func(u billing.UnassignedRow) bool { return u.Account.SID != st.MainAccount.SID })
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
	report := &Report{Months: []Month{}, Suspensions: []Suspension{}}
	if err := j.openRegister(ctx); err != nil {
		return report, err
	}
	if err := j.reg.Ready(ctx); err != nil {
		return report, err
	}
	months := j.months(o)
	due, err := j.due(ctx, months, o)
	if err != nil {
		return report, err
	}
	if report.Sync, err = j.sync(ctx, &o, due); err != nil {
		return report, err
	}
	failures, err := j.usageRecords(ctx, months, due, o)
	if err != nil {
		return report, err
	}
	report.Sync.Failures = append(report.Sync.Failures, failures...)
	again, err := j.pullAgain(ctx, months, o)
	if err != nil {
		return report, err
	}
	report.Sync.Windows += again.Windows
	report.Sync.Records += again.Records
	report.Sync.Failures = append(report.Sync.Failures, again.Failures...)
	if err := j.cover(ctx, o); err != nil {
		return report, err
	}
	if err := j.compare(ctx); err != nil {
		return report, err
	}
	var failed []error
	for _, first := range months {
		if o.Period.IsZero() {
			finished, err := j.finished(ctx, first, o)
			if err != nil {
				return report, err
			}
			if finished {
				continue
			}
		}
		m, err := j.month(ctx, first, o)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return report, err
		}
		if err != nil { // the other months are none the worse for it
			failed = append(failed, err)
		}
		if m != nil {
			report.Months = append(report.Months, *m)
		}
	}
	if report.Suspensions, err = j.suspensions(ctx, o); err != nil {
		return report, errors.Join(append(failed, err)...)
	}
	for i := range report.Suspensions {
		if s := &report.Suspensions[i]; s.Automatic && !o.ahead() {
			j.Suspend(ctx, s)
		}
	}
	return report, errors.Join(failed...)
}

// sync pulls usage. What Twilio's clock says is ahead has not happened: o.Now
// is set back to it.
func (j *Job) sync(ctx context.Context, o *Options, due []ingest.Due) (ingest.Summary, error) {
	summary, err := j.pull(ctx, ingest.Request{Now: o.Now, Due: due})
	if err == nil {
		o.Now = summary.Now
	}
	return summary, err
}

// pull pulls usage, and logs the lists that could not be pulled.
func (j *Job) pull(ctx context.Context, req ingest.Request) (ingest.Summary, error) {
	summary, err := j.Syncer.Sync(ctx, req)
	if err != nil {
		return summary, err
	}
	for _, f := range summary.Failures {
		j.Log.ErrorContext(ctx, "a list could not be pulled", "account", f.Account, "resource", f.Resource, "err", f.Err)
	}
	return summary, nil
}

// Look answers what has become of a month's invoices, and finalizes nothing:
// those in the register, and drafts as they would be issued on the billing
// date.
func (j *Job) Look(ctx context.Context, o Options) ([]billing.TenantMonth, error) {
	if err := j.openRegister(ctx); err != nil {
		return nil, err
	}
	if err := j.cover(ctx, o); err != nil {
		return nil, err
	}
	if err := j.compare(ctx); err != nil {
		return nil, err
	}
	tenants, _, err := j.tenants(ctx, o.Period.FirstOfMonth(), o, false)
	return tenants, err
}

func (j *Job) openRegister(ctx context.Context) (err error) {
	j.stored, j.closings, j.billed = map[string]*billing.Document{}, map[string]closing{}, nil
	if j.reg, err = register.Open(ctx, j.Biller.DB, j.Register); err != nil {
		return err
	}
	j.indexEntries()
	return j.closed(ctx)
}

// closed tells the biller which subaccounts were closed, and when.
func (j *Job) closed(ctx context.Context) error {
	list, err := j.Biller.DB.Accounts(ctx)
	if err != nil {
		return err
	}
	j.Biller.Closed = map[string]time.Time{}
	for _, a := range list {
		if at, known := ingest.Closing(a); known {
			j.Biller.Closed[a.SID] = at
		}
	}
	return nil
}

// document reads a finalized invoice, once.
func (j *Job) document(ctx context.Context, e register.Entry) (*billing.Document, error) {
	if doc := j.stored[e.Number]; doc != nil {
		return doc, nil
	}
	doc, err := Document(ctx, j.reg, e)
	if err == nil {
		j.stored[e.Number] = doc
	}
	return doc, err
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

// keepDays is how long after its usage has settled a month is still looked after
// each night, with its statement and documents.
const keepDays = 45

// finished reports whether there is nothing left to do for a calendar month:
// every invoice is finalized, its documents are there, and none of its usage that
// came late is still to be adjusted.
func (j *Job) finished(ctx context.Context, first pricing.Date, o Options) (bool, error) {
	if o.AsOf.Before(first.NextMonth().AddDays(int(j.Syncer.Settle/(24*time.Hour)) + keepDays)) {
		return false, nil
	}
	for i := range j.Biller.Tenants {
		t := &j.Biller.Tenants[i]
		p := billing.Month(first, t.TimeZone)
		if j.hasEntry(t.ID, p) {
			continue
		}
		if bills, err := j.bills(ctx, t, p, o); err != nil || bills {
			return false, err
		}
	}
	if late, err := j.Late(ctx, first); err != nil || len(late) > 0 {
		return false, err
	}
	var numbers []string
	for _, e := range j.reg.Entries() {
		if e.From == first {
			numbers = append(numbers, e.Number)
		}
	}
	return j.Files.complete(billing.Month(first, j.Biller.TimeZone).Label(), numbers), nil
}

// cover reads what has been pulled, once for all tenants.
func (j *Job) cover(ctx context.Context, o Options) (err error) {
	from := j.Biller.Start.AddDays(-1).Start(time.UTC)
	j.coverage, err = j.Syncer.Coverage(ctx, from, o.Now)
	return err
}

// isDue reports whether a tenant's period may be finalized on the billing
// date: it is over where the tenant is, and the grace days have passed.
//
// A billing date that lies more than a day ahead of the present is a slip of
// the keyboard or of a clock, and an invoice is for good: nothing is due then.
func (j *Job) isDue(p billing.Period, o Options) (bool, error) {
	_, end, err := p.Bounds()
	return err == nil && !o.AsOf.Before(p.To.AddDays(j.GraceDays)) && !o.Now.Before(end) && !o.ahead(), err
}

// ahead reports whether the billing date lies more than a day ahead of the
// present.
func (o *Options) ahead() bool { return o.AsOf.Start(time.UTC).Sub(o.Now) > 36*time.Hour }

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
	var out []ingest.Due
	for _, first := range months {
		for i := range j.Biller.Tenants {
			t := &j.Biller.Tenants[i]
			p := billing.Month(first, t.TimeZone)
			if j.hasEntry(t.ID, p) {
				continue
			}
			if bills, err := j.billsOwn(ctx, t, p); err != nil {
				return nil, err
			} else if !bills {
				continue
			}
			p, err := j.period(ctx, t, first)
			if err != nil {
				return nil, err
			}
			p, _ = j.Biller.UntilClosed(t, p)
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

// period is a tenant's month. It begins where the tenant's invoice for the
// month before ended, if the tenant's time zone was changed since.
func (j *Job) period(ctx context.Context, t *billing.Tenant, first pricing.Date) (billing.Period, error) {
	p := billing.Month(first, t.TimeZone)
	doc, err := j.before(ctx, t, first)
	if err != nil || doc == nil || doc.Period.TimeZone == t.TimeZone {
		return p, err
	}
	_, p.Begin, err = doc.Period.Bounds()
	p.Begin = p.Begin.UTC()
	return p, err
}

// before is the tenant's invoice that stands for the month before first; nil
// where there is none.
func (j *Job) before(ctx context.Context, t *billing.Tenant, first pricing.Date) (*billing.Document, error) {
	e, done := j.reg.Latest(t.ID, first.AddDays(-1).FirstOfMonth(), first)
	if !done {
		return nil, nil
	}
	return j.document(ctx, e)
}

// ErrNotBilled says that a tenant has no invoice for a month.
var ErrNotBilled = errors.New("not billed")

// mustBill is an error where there is no invoice of the tenant for the period.
func (j *Job) mustBill(ctx context.Context, t *billing.Tenant, p billing.Period, o Options) error {
	bills, err := j.bills(ctx, t, p, o)
	if err == nil && !bills {
		err = fmt.Errorf("tenant %s is %w in %s", t.ID, ErrNotBilled, p.Label())
	}
	return err
}

// bills reports whether there is an invoice of the tenant for the period: one of
// its own, or one for what came late of periods before it.
func (j *Job) bills(ctx context.Context, t *billing.Tenant, p billing.Period, o Options) (bool, error) {
	if own, err := j.billsOwn(ctx, t, p); err != nil || own {
		return own, err
	}
	return j.billsLate(ctx, t, p, o)
}

// billsOwn reports whether the tenant has an invoice for the period itself: there
// was before, it is billed for any day of it, or was in advance and has to get
// that back.
func (j *Job) billsOwn(ctx context.Context, t *billing.Tenant, p billing.Period) (bool, error) {
	if j.hasEntry(t.ID, p) {
		return true, nil
	}
	if from, to := j.Biller.Billed(t, p); from.Before(to) {
		return true, nil
	}
	doc, err := j.before(ctx, t, p.From)
	return err == nil && doc != nil && len(doc.Closing.Advance) > 0, err
}

// opening is what the tenant's invoice before the period left. While that one is
// a draft it may still change: wait says so where anything depends on it.
func (j *Job) opening(ctx context.Context, t *billing.Tenant, p billing.Period, o Options) (opening pricing.Carried, wait string, err error) {
	doc, err := j.before(ctx, t, p.From)
	if err != nil {
		return opening, "", err
	}
	if doc != nil {
		c, err := j.chainTo(ctx, t, p.From, "")
		if err != nil {
			return opening, "", err
		}
		return c.closing, "", nil
	}
	if !j.hasHistory(t, p.From) {
		return opening, "", nil
	}
	last, err := j.period(ctx, t, p.From.AddDays(-1).FirstOfMonth())
	if err != nil {
		return opening, "", err
	}
	if known, ok := j.closings[ofMonth(t, last)]; ok {
		return known.Carried, known.wait, nil
	}
	left := closing{}
	if left.Carried, left.wait, err = j.opening(ctx, t, last, o); err != nil {
		return opening, "", err
	}
	bills, err := j.billsOwn(ctx, t, last)
	if err != nil {
		return opening, "", err
	}
	if bills && j.hands(t, last, left) {
		draft, err := j.Biller.Draft(ctx, t, last, o.AsOf, left.Carried, nil)
		if err != nil {
			return opening, "", err
		}
		left = closing{draft.Document.Closing, waitFor(last)}
	}
	j.closings[ofMonth(t, last)] = left
	return left.Carried, left.wait, nil
}

// hands reports whether a draft for the period may hand anything on to the next
// one: what it got, or something of its own.
func (j *Job) hands(t *billing.Tenant, p billing.Period, got closing) bool {
	return got.wait != "" || !got.IsZero() || j.Biller.Carries(t, p)
}

func ofMonth(t *billing.Tenant, p billing.Period) string { return t.ID + " " + p.Label() }

// hasHistory reports whether the tenant may have invoices for months before the
// first day of one.
func (j *Job) hasHistory(t *billing.Tenant, first pricing.Date) bool {
	if j.Biller.Start.Before(first) && (t.From.IsZero() || t.From.Before(first)) {
		return true
	}
	return slices.ContainsFunc(j.reg.Entries(), func(e register.Entry) bool { return e.Tenant == t.ID && e.From.Before(first) })
}

// waitFor says that a period's invoice cannot be finalized before that for the
// one before it.
func waitFor(last billing.Period) string {
	return fmt.Sprintf("the invoice for %s is not finalized, and leaves something to this one", last.Label())
}

// leaves says why a draft cannot be finalized any more: the invoice after it was,
// with something else than what this one would leave it; empty where that is the
// same.
func (j *Job) leaves(ctx context.Context, t *billing.Tenant, draft *billing.Document) (string, error) {
	e, done := j.reg.Latest(t.ID, draft.Period.To, draft.Period.To.NextMonth())
	if !done {
		return "", nil
	}
	next, err := j.document(ctx, e)
	if err != nil || billing.SameCarried(draft.Closing, next.Opening) {
		return "", err
	}
	return fmt.Sprintf("it leaves fees in advance, an allowance or credits to %s, which is finalized without them: let what was added to the plan or tenant begin later", next.Number), nil
}

// month bills one calendar month; nil when there is nothing in it.
func (j *Job) month(ctx context.Context, first pricing.Date, o Options) (*Month, error) {
	tenants, finalized, err := j.tenants(ctx, first, o, true)
	if err != nil {
		return nil, err
	}
	for _, t := range tenants {
		if t.Status == billing.Parked {
			j.Log.WarnContext(ctx, "tenant parked", "tenant", t.Document.Tenant, "period", t.Document.Period.Label(), "reason", t.Reason)
		}
	}
	m := &Month{Finalized: finalized, NotListed: []string{}}
	for _, t := range tenants {
		if t.Document.AnnexTooLong() {
			m.NotListed = append(m.NotListed, t.Document.Tenant)
		}
	}
	if m.Statement, err = j.Statement(ctx, first, o, tenants); err != nil {
		return nil, err
	}
	if len(tenants) == 0 && len(m.Statement.Unassigned) == 0 {
		return nil, nil
	}
	if m.Late, err = j.Late(ctx, first); err != nil {
		return nil, err
	}
	for _, l := range m.Late {
		if l.Problem != "" {
			j.Log.WarnContext(ctx, "late usage cannot be adjusted", "invoice", l.Invoice, "records", l.Records, "reason", l.Problem)
		}
	}
	m.Files, err = j.Files.Month(ctx, j.Biller, m.Statement, tenants, finalized)
	return m, err
}

// Statement rolls up the month that Look or a run found the tenants in, with what
// has been paid by now, and overdue as of the billing date.
func (j *Job) Statement(ctx context.Context, first pricing.Date, o Options, tenants []billing.TenantMonth) (*billing.Statement, error) {
	known, err := j.receivables(ctx, o)
	if err != nil {
		return nil, err
	}
	tenants = slices.Clone(tenants)
	for i := range tenants {
		if r, ok := known[tenants[i].Document.Number]; ok {
			tenants[i].Status, tenants[i].Overdue = r.Status, r.DaysOverdue
		}
	}
	var near []*billing.Document
	for _, e := range j.reg.Entries() {
		if _, back := j.reg.CreditOf(e); back || e.Kind != register.Invoice {
			continue
		}
		if e.From != first && e.From.Before(first.NextMonth().NextMonth()) && first.AddDays(-40).Before(e.To) {
			doc, err := j.document(ctx, e)
			if err != nil {
				return nil, err
			}
			near = append(near, doc)
		}
	}
	st, err := j.Biller.Statement(ctx, first, o.AsOf, tenants, near...)
	if err != nil {
		return nil, err
	}
	if st.Reconciliation, err = j.reconciled(ctx, first, o); err != nil {
		return nil, err
	}
	st.Vanished, err = j.Biller.Vanished(ctx, first, st.Currency, tenants)
	return st, err
}

// tenants answers every tenant's documents for a calendar month, ordered by
// tenant: a draft, or all that are in the register, in the order in which they
// were finalized. With finalize, drafts that are due are finalized unless they
// must be parked; the numbers given come back. Documents of tenants that are no
// longer configured are among them. A month whose invoice was credited is not
// drafted again unless a person finalizes it.
func (j *Job) tenants(ctx context.Context, first pricing.Date, o Options, finalize bool) (out []billing.TenantMonth, finalized []string, err error) {
	finalized = []string{}
	var open []*drafting
	for i := range j.Biller.Tenants {
		t := &j.Biller.Tenants[i]
		p := billing.Month(first, t.TimeZone)
		if j.hasEntry(t.ID, p) {
			continue
		}
		if bills, err := j.bills(ctx, t, p, o); err != nil {
			return nil, nil, err
		} else if !bills {
			continue
		}
		if p, err = j.period(ctx, t, first); err != nil {
			return nil, nil, err
		}
		d, err := j.begin(ctx, t, p, o)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, d)
	}
	for _, list := range j.ofTenant {
		for _, e := range list {
			if e.From != first {
				continue
			}
			tm, err := j.issued(ctx, e)
			if err != nil {
				return nil, nil, err
			}
			out = append(out, tm)
		}
	}
	usage, err := usageAround(ctx, j.Biller, first)
	if err != nil {
		return nil, nil, err
	}
	runs := batches(len(open), func(i int) (n int) {
		for _, a := range open[i].tenant.Subaccounts {
			n += usage[a.SID]
		}
		return n
	})
	// Drafting is most of the work, and each draft stands alone; numbers are given
	// in order.
	err = inOrder(ctx, len(runs), func(ctx context.Context, i int) ([]*billing.Draft, error) {
		return j.drafts(ctx, open[runs[i].from:runs[i].to], o)
	}, func(i int, drafts []*billing.Draft) error {
		for k, draft := range drafts {
			tm, isNew, err := j.settle(ctx, open[runs[i].from+k], draft, o, finalize)
			if err != nil {
				return err
			}
			if isNew {
				finalized = append(finalized, tm.Document.Number)
			}
			out = append(out, tm)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(out, func(a, b billing.TenantMonth) int { return strings.Compare(a.Document.Tenant, b.Document.Tenant) })
	return out, finalized, nil
}

// issued is what became of a document in the register.
func (j *Job) issued(ctx context.Context, e register.Entry) (tm billing.TenantMonth, err error) {
	tm.Status = billing.Finalized
	if _, back := j.reg.CreditOf(e); back {
		tm.Status = billing.Credited
	}
	tm.Document, err = j.document(ctx, e)
	return tm, err
}

// tenant answers a tenant's invoice for a period: the one that stands, or a draft,
// which is parked or, with finalize, finalized when it is due. Where the invoice
// was credited the draft is its next revision.
func (j *Job) tenant(ctx context.Context, t *billing.Tenant, p billing.Period, o Options, finalize bool) (tm billing.TenantMonth, isNew bool, err error) {
	if e, done := j.reg.Latest(t.ID, p.From, p.To); done {
		tm, err = j.issued(ctx, e)
		return tm, false, err
	}
	d, err := j.begin(ctx, t, p, o)
	if err != nil {
		return tm, false, err
	}
	draft, err := j.draft(ctx, d, o)
	if err != nil {
		return tm, false, err
	}
	return j.settle(ctx, d, draft, o, finalize)
}

// drafting is a tenant's period that is to be drafted.
type drafting struct {
	tenant  *billing.Tenant
	period  billing.Period
	closing // what the invoice before it left

	unprintable string               // why it cannot be printed, of one that is due
	adjustments []billing.Adjustment // of periods before it
	revision    int
	corrects    *billing.Correction // the invoice that was taken back, of a revision after the first
}

// begin gathers what a draft is made from besides usage.
func (j *Job) begin(ctx context.Context, t *billing.Tenant, p billing.Period, o Options) (*drafting, error) {
	opening, wait, err := j.opening(ctx, t, p, o)
	if err != nil {
		return nil, err
	}
	d := &drafting{tenant: t, period: p, closing: closing{opening, wait}, revision: 1}
	if d.revision, d.corrects, err = j.revision(ctx, t.ID, p); err != nil {
		return nil, err
	}
	if adjusts, err := j.adjusts(ctx, t, p); err != nil || !adjusts {
		return d, err
	}
	c, err := j.chainTo(ctx, t, p.From, "")
	if err != nil {
		return nil, err
	}
	d.adjustments = c.adjustments
	return d, nil
}

// draft prices the usage of one tenant.
func (j *Job) draft(ctx context.Context, d *drafting, o Options) (*billing.Draft, error) {
	drafts, err := j.drafts(ctx, []*drafting{d}, o)
	if err != nil {
		return nil, err
	}
	return drafts[0], nil
}

// drafts prices the usage of several tenants. It may be called for others at the
// same time.
func (j *Job) drafts(ctx context.Context, list []*drafting, o Options) ([]*billing.Draft, error) {
	what := make([]billing.Drafting, len(list))
	for i, d := range list {
		what[i] = billing.Drafting{Tenant: d.tenant, Period: d.period, Opening: d.Carried}
	}
	drafts, err := j.Biller.Drafts(ctx, what, o.AsOf)
	if err != nil {
		return nil, err
	}
	for i, d := range list {
		drafts[i].Document.Revision, drafts[i].Document.Corrects = d.revision, d.corrects
		adjustments := d.adjustments
		if d.corrects != nil {
			of, err := j.reg.Number(d.corrects.Number)
			if err != nil {
				return nil, err
			}
			invoiced, err := j.alreadyInvoiced(ctx, of, &drafts[i].Document)
			if err != nil {
				return nil, err
			}
			adjustments = slices.Concat(adjustments, invoiced)
		}
		drafts[i].Adjust(d.tenant, adjustments)
		billed, _ := j.Biller.UntilClosed(d.tenant, d.period)
		if due, err := j.isDue(billed, o); err != nil {
			return nil, err
		} else if !due {
			continue
		}
		if d.unprintable, err = j.Files.unprintable(ctx, j.Biller, &drafts[i].Document); err != nil {
			return nil, err
		}
	}
	return drafts, nil
}

// settle decides what becomes of a draft: it is parked or, with finalize,
// finalized when it is due.
func (j *Job) settle(ctx context.Context, d *drafting, draft *billing.Draft, o Options, finalize bool) (tm billing.TenantMonth, isNew bool, err error) {
	t, p, wait := d.tenant, d.period, d.wait
	if j.hands(t, p, d.closing) {
		j.closings[ofMonth(t, p)] = closing{draft.Document.Closing, waitFor(p)}
	}
	tm.Document, tm.Status, tm.Unrated = &draft.Document, billing.Drafted, draft.Unrated
	billed, _ := j.Biller.UntilClosed(t, p)
	due, err := j.isDue(billed, o)
	if err != nil || !due {
		return tm, false, err
	}
	if tm.Reason, err = j.parked(&tm, billed, o); err != nil {
		return tm, false, err
	}
	if tm.Reason == "" {
		tm.Reason, err = j.billedBefore(ctx, tm.Document)
		if err != nil {
			return tm, false, err
		}
	}
	if tm.Reason == "" {
		leaves, err := j.leaves(ctx, t, tm.Document)
		if err != nil {
			return tm, false, err
		}
		tm.Reason = cmp.Or(wait, leaves, d.unprintable)
	}
	if tm.Reason != "" {
		tm.Status = billing.Parked
		return tm, false, nil
	}
	if !finalize {
		return tm, false, nil
	}
	e, err := j.finalize(ctx, tm.Document)
	if err != nil {
		return tm, false, err
	}
	tm.Status = billing.Finalized
	tm.Document, err = j.document(ctx, e)
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

// Draft writes a draft of one tenant's invoice for the month o.Period from what
// has been pulled, and answers where it is.
func (j *Job) Draft(ctx context.Context, t *billing.Tenant, o Options) (billing.TenantMonth, string, error) {
	tm := billing.TenantMonth{Status: billing.Drafted}
	if err := j.openRegister(ctx); err != nil {
		return tm, "", err
	}
	p, err := j.period(ctx, t, o.Period.FirstOfMonth())
	if err != nil {
		return tm, "", err
	}
	if e, done := j.reg.Latest(t.ID, p.From, p.To); done {
		return tm, "", fmt.Errorf("draft invoice of tenant %s for %s: it is finalized, as %s", t.ID, p.Label(), e.Number)
	}
	if err := j.compare(ctx); err != nil {
		return tm, "", err
	}
	if err := j.mustBill(ctx, t, p, o); err != nil {
		return tm, "", fmt.Errorf("draft invoice: %w", err)
	}
	d, err := j.begin(ctx, t, p, o)
	if err != nil {
		return tm, "", err
	}
	draft, err := j.draft(ctx, d, o)
	if err != nil {
		return tm, "", err
	}
	tm.Document, tm.Unrated = &draft.Document, draft.Unrated
	path := j.Files.draftPath(tm.Document)
	return tm, path, j.Files.Invoice(ctx, j.Biller, path, tm.Document)
}

// Finalize bills one tenant for the month o.Period: it pulls the usage if the
// period is due, finalizes the invoice, and writes its PDF or, where it may
// not be finalized yet, the draft's. The caller holds the lock.
func (j *Job) Finalize(ctx context.Context, t *billing.Tenant, o Options) (billing.TenantMonth, string, error) {
	if err := j.openRegister(ctx); err != nil {
		return billing.TenantMonth{}, "", err
	}
	if err := j.reg.Ready(ctx); err != nil {
		return billing.TenantMonth{}, "", err
	}
	p, err := j.period(ctx, t, o.Period.FirstOfMonth())
	if err != nil {
		return billing.TenantMonth{}, "", err
	}
	if err := j.compare(ctx); err != nil {
		return billing.TenantMonth{}, "", err
	}
	if err := j.mustBill(ctx, t, p, o); err != nil {
		return billing.TenantMonth{}, "", fmt.Errorf("finalize invoice: %w", err)
	}
	billed, _ := j.Biller.UntilClosed(t, p)
	due, err := j.isDue(billed, o)
	if err != nil {
		return billing.TenantMonth{}, "", err
	}
	if due {
		w, err := j.window(billed, o)
		if err != nil {
			return billing.TenantMonth{}, "", err
		}
		if _, err := j.sync(ctx, &o, []ingest.Due{w}); err != nil {
			return billing.TenantMonth{}, "", err
		}
	}
	if err := j.cover(ctx, o); err != nil {
		return billing.TenantMonth{}, "", err
	}
	j.chains = map[string]*chain{}
	if err := j.compare(ctx); err != nil {
		return billing.TenantMonth{}, "", err
	}
	tm, _, err := j.tenant(ctx, t, p, o, true)
	if err != nil {
		return tm, "", err
	}
	if tm.Status == billing.Drafted {
		tm.Reason = fmt.Sprintf("not due before %s", billed.To.AddDays(j.GraceDays))
	}
	path, err := j.Files.print(ctx, j.Biller, &tm)
	if err != nil {
		return tm, path, err
	}
	return tm, path, j.Files.dropDraft(&tm)
}

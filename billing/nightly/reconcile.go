package nightly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"subtally/billing"
	"subtally/billing/reconcile"
	"subtally/ingest"
	"subtally/pricing"
)

// Reconcile pulls Twilio's Usage Records of the month o.Period and compares the
// usage in the warehouse with them. Usage itself is not pulled. Subaccounts whose
// list failed are compared with what an earlier pull found. The UTC days from
// that of o.Now on are not compared, as they are not over. The caller holds the
// lock.
func (j *Job) Reconcile(ctx context.Context, o Options) (*billing.Reconciliation, []ingest.Failure, error) {
	first := o.Period.FirstOfMonth()
	if today := pricing.DateOf(o.Now.UTC()); today == first {
		return nil, nil, fmt.Errorf("reconcile %s: no UTC day of the month is over on %s: wait a day", first.String()[:7], today)
	}
	summary, err := j.Syncer.PullUsageRecords(ctx, ingest.UsageRecordsRequest{Now: o.Now, Month: first.Start(time.UTC), Again: true})
	if err != nil {
		return nil, nil, err
	}
	r, err := reconcile.Compare(ctx, j.Biller.DB, first, pricing.DateOf(o.Now.UTC()), j.Tolerance)
	if errors.Is(err, reconcile.ErrNotPulled) {
		err = errors.Join(err, summary.Error())
	}
	return r, summary.Failures, err
}

// usageRecords pulls the Usage Records of the months that a run bills: those of
// which anything is due, and the two before each, whose late usage it can still
// take up, once a UTC day; and once more when their usage has settled.
func (j *Job) usageRecords(ctx context.Context, months []pricing.Date, due []ingest.Due, o Options) ([]ingest.Failure, error) {
	var failures []ingest.Failure
	for _, first := range months {
		month := first.Start(time.UTC)
		req := ingest.UsageRecordsRequest{Now: o.Now, Month: month}
		have, err := j.Biller.DB.UsageRecordsAsOf(ctx, month)
		if err != nil {
			return failures, err
		}
		for after := range 3 {
			middle := month.AddDate(0, after, 14)
			for _, d := range due { // whose months are cut in other time zones
				if d.From.Before(middle) && middle.Before(d.To) && (after == 0 || len(have) > 0) {
					req.Since = o.Now.UTC().Truncate(24 * time.Hour)
				}
			}
		}
		// Where there are none the month was billed when nothing was reconciled yet.
		if settled := month.AddDate(0, 1, 0).Add(j.Syncer.Settle); req.Since.IsZero() && !o.Now.Before(settled) && len(have) > 0 {
			req.Since = settled
		}
		if req.Since.IsZero() {
			continue
		}
		summary, err := j.Syncer.PullUsageRecords(ctx, req)
		if err != nil {
			return failures, err
		}
		for _, f := range summary.Failures {
			j.Log.ErrorContext(ctx, "a list could not be pulled", "account", f.Account, "resource", f.Resource, "err", f.Err)
		}
		failures = append(failures, summary.Failures...)
	}
	return failures, nil
}

// mostAgain bounds how many windows a run pulls again since they differ from
// Twilio's Usage Records; the next run goes on.
const mostAgain = 1000

// pullAgain pulls once more the windows that differ from Twilio's Usage Records, of
// months whose were read within the last two days, in this run or by a person:
// what Twilio lists later than when a day has settled is found so. Drafts and the
// statement are made after it.
func (j *Job) pullAgain(ctx context.Context, months []pricing.Date, o Options) (ingest.Summary, error) {
	req := ingest.Request{Now: o.Now}
	for _, first := range months {
		have, err := j.Biller.DB.UsageRecordsAsOf(ctx, first.Start(time.UTC))
		if err != nil {
			return ingest.Summary{}, err
		}
		recent := false
		for _, at := range have {
			recent = recent || o.Now.Sub(at) < 48*time.Hour
		}
		if !recent {
			continue
		}
		r, err := reconcile.Compare(ctx, j.Biller.DB, first, pricing.DateOf(o.Now.UTC()), j.Tolerance)
		if errors.Is(err, reconcile.ErrNotPulled) {
			continue
		}
		if err != nil {
			return ingest.Summary{}, err
		}
		more, err := reconcile.PullAgain(ctx, j.Biller.DB, r)
		if err != nil {
			return ingest.Summary{}, err
		}
		req.Windows = append(req.Windows, more...)
	}
	if len(req.Windows) == 0 {
		return ingest.Summary{}, nil
	}
	if len(req.Windows) > mostAgain {
		j.Log.WarnContext(ctx, "usage differs from Twilio's figures on more days than are pulled again at once; the next run goes on", "windows", len(req.Windows), "pulled", mostAgain)
		req.Windows = req.Windows[:mostAgain]
	}
	return j.pull(ctx, req)
}

// reconciled is the month's comparison for its statement; nil where its Usage
// Records were not pulled, or none of its days is over.
func (j *Job) reconciled(ctx context.Context, first pricing.Date, o Options) (*billing.Reconciliation, error) {
	r, err := reconcile.Compare(ctx, j.Biller.DB, first, pricing.DateOf(o.Now.UTC()), j.Tolerance)
	if errors.Is(err, reconcile.ErrNotPulled) {
		return nil, nil
	}
	return r, err
}

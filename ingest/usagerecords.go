package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

// UsageRecordsRequest says which Usage Records to pull.
type UsageRecordsRequest struct {
	Now   time.Time // the figures may be younger: Twilio answers as of its own clock
	Month time.Time // midnight UTC of its first day
	Since time.Time // only those of subaccounts whose figures are older
	Again bool      // those of every subaccount
}

// UsageRecordsSummary says what a pull of Usage Records did.
type UsageRecordsSummary struct {
	Accounts int // whose figures were read
	Failures []Failure
}

// recordRows is how many Usage Records are written together: enough that many
// small subaccounts make one insert.
const recordRows = 20_000

// PullUsageRecords brings Twilio's own sums of a UTC month into the warehouse,
// to be compared with the usage that was pulled record by record. It takes one
// list for each subaccount, and for the main account without them. All days that
// have begun at Twilio's clock are asked for, also where Now is before it: what a
// pull found is never replaced by less. The error is for what stops the whole
// pull; a list that fails alone is among the summary's failures, is recorded as
// failed, and leaves what an earlier pull found.
func (s *Syncer) PullUsageRecords(ctx context.Context, req UsageRecordsRequest) (UsageRecordsSummary, error) {
	var summary UsageRecordsSummary
	list, err := s.Client.Accounts(ctx)
	if err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	end := req.Month.AddDate(0, 1, 0)
	now := req.Now.UTC()
	latest := now
	if clock := s.Client.Clock(); !clock.IsZero() {
		latest = clock
		if clock.Before(now) {
			now = clock
		}
	}
	to := latest.Truncate(day).Add(day)
	if end.Before(to) {
		to = end
	}
	if now.Before(req.Month) {
		return summary, fmt.Errorf("pull usage records of %s: the month has not begun at Twilio's clock", req.Month.Format("2006-01"))
	}
	have, err := s.DB.UsageRecordsAsOf(ctx, req.Month)
	if err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	failed, err := s.DB.FailedUsageRecords(ctx, req.Month)
	if err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	list = slices.DeleteFunc(list, func(a twilio.Account) bool {
		at, pulled := have[a.SID]
		_, again := failed[a.SID]
		return !a.Created.Before(to) || pulled && !req.Again && !again && !at.Before(req.Since)
	})
	if len(list) == 0 {
		return summary, nil
	}
	seq, err := s.DB.NextSync(ctx, now)
	if err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	// A subaccount that was never synced has a name, too.
	if err := s.DB.InsertAccounts(ctx, warehouseAccounts(list), seq); err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	s.Log.InfoContext(ctx, "pull usage records", "month", req.Month.Format("2006-01"), "accounts", len(list), "sync", seq)

	w := recordWriter{db: s.DB, seq: seq}
	wctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex // guards the writer and the summary
	work := make(chan twilio.Account)
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Go(func() {
			for a := range work {
				records, err := s.Client.UsageRecords(wctx, a.SID, req.Month, to)
				mu.Lock()
				switch {
				case wctx.Err() != nil:
				case err != nil:
					summary.Failures = append(summary.Failures, Failure{a.SID, string(twilio.UsageRecords), err})
					w.failed(a.SID, req.Month, now)
				default:
					summary.Accounts++
					if err := w.add(wctx, a.SID, req.Month, latest, records); err != nil {
						stop(err)
					}
				}
				mu.Unlock()
			}
		})
	}
feed:
	for _, a := range list {
		select {
		case work <- a:
		case <-wctx.Done():
			break feed
		}
	}
	close(work)
	workers.Wait()
	if err := context.Cause(wctx); err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	if err := w.flush(ctx); err != nil {
		return summary, fmt.Errorf("pull usage records: %w", err)
	}
	slices.SortFunc(summary.Failures, func(a, b Failure) int { return strings.Compare(a.Account, b.Account) })
	return summary, nil
}

// Error joins the failures; nil when there is none.
func (s UsageRecordsSummary) Error() error {
	var errs []error
	for _, f := range s.Failures {
		errs = append(errs, f.Err)
	}
	return errors.Join(errs...)
}

// recordWriter writes the Usage Records of several subaccounts together, and
// after them the checkpoints that say they are there.
type recordWriter struct {
	db      *warehouse.DB
	seq     uint32
	records []warehouse.UsageRecord
	done    []warehouse.Checkpoint
}

// add takes a subaccount's month. What Twilio lists without any usage is not
// kept: there are hundreds of categories.
func (w *recordWriter) add(ctx context.Context, account string, month, latest time.Time, list []twilio.UsageRecord) error {
	cp := warehouse.Checkpoint{Window: warehouse.Window{Account: account, Resource: warehouse.UsageRecords, Day: month}}
	for _, r := range list {
		if cp.PulledAt.Before(r.AsOf) {
			cp.PulledAt = r.AsOf
		}
		if r.IsZero() {
			continue
		}
		cp.Records++
		w.records = append(w.records, warehouse.UsageRecord{
			Account: account, Day: r.Day, Category: r.Category, Records: r.Count,
			Quantity: r.Quantity, Unit: r.Unit, Cost: r.Cost, Currency: r.Currency, AsOf: r.AsOf,
		})
	}
	if cp.PulledAt.IsZero() {
		cp.PulledAt = latest
	}
	w.done = append(w.done, cp)
	if len(w.records) < recordRows {
		return nil
	}
	return w.flush(ctx)
}

// failed takes a subaccount whose month could not be read.
func (w *recordWriter) failed(account string, month, now time.Time) {
	w.done = append(w.done, warehouse.Checkpoint{
		Window: warehouse.Window{Account: account, Resource: warehouse.UsageRecordsFailed, Day: month}, PulledAt: now,
	})
}

func (w *recordWriter) flush(ctx context.Context) error {
	if err := w.db.InsertUsageRecords(ctx, w.records, w.seq); err != nil {
		return err
	}
	if err := w.db.InsertCheckpoints(ctx, w.done, w.seq); err != nil {
		return err
	}
	w.records, w.done = w.records[:0], w.done[:0]
	return nil
}

// warehouseAccounts is Twilio's list of accounts as it is stored.
func warehouseAccounts(list []twilio.Account) []warehouse.Account {
	accounts := make([]warehouse.Account, len(list))
	for i, a := range list {
		accounts[i] = warehouse.Account{
			SID: a.SID, OwnerSID: a.OwnerSID, Name: a.FriendlyName, Status: a.Status, Created: a.Created, Updated: a.Updated,
		}
	}
	return accounts
}

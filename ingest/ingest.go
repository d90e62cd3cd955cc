// Package ingest brings Twilio's usage into the warehouse.
//
// Usage is pulled by window: one resource of one subaccount on one UTC day. A
// window's records are written, read back and compared, and only then does a
// checkpoint say that the window was pulled. A pull that dies repeats the
// windows without a checkpoint; a record that is written again replaces
// itself. Windows are pulled again while a record in them may still change,
// once more when they have settled, and before their period is finalized.
//
// The package knows no price and no tenant. It never deletes: a record that
// vanishes from Twilio's lists stays metered.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

const day = 24 * time.Hour

// Syncer pulls usage. Only one may run at a time on a warehouse.
type Syncer struct {
	Client  *twilio.Client
	DB      *warehouse.DB
	Start   time.Time     // midnight UTC of the first day to pull
	Settle  time.Duration // how long after its end a day's records may still change
	Workers int           // lists read at a time
	Log     *slog.Logger
}

// Request says what a sync is for.
type Request struct {
	Now      time.Time // windows are pulled up to here
	From, To time.Time // when set, only the UTC days [From, To)
	Account  string    // when set, only this account
	Due      []Due     // usage about to be finalized
	Again    bool      // pull every window of the request, whether or not it needs it
	// When set, only these are pulled, whether or not they need it, but not what
	// Twilio may have deleted.
	Windows []warehouse.Window
}

// Due is a time whose windows must have been pulled since some instant,
// because what happened in it is about to be invoiced.
type Due struct {
	From, To time.Time // [From, To)
	Since    time.Time
}

// Summary says what a sync did.
type Summary struct {
	Now      time.Time // usage was pulled up to here: the request's now, or Twilio's where that is behind
	Accounts int       // the main account and its subaccounts
	Windows  int       // windows pulled
	Records  int64     // records written; one that did not change counts too
	Failures []Failure
}

// Failure is a list that could not be pulled; its windows have no checkpoint.
type Failure struct {
	Account  string
	Resource string
	Err      error
}

// Error joins the failures; nil when there is none.
func (s Summary) Error() error {
	var errs []error
	for _, f := range s.Failures {
		errs = append(errs, f.Err)
	}
	return errors.Join(errs...)
}

// resources are Twilio's lists of usage, in the order they are pulled.
var resources = []twilio.Resource{twilio.Calls, twilio.Messages, twilio.Recordings, twilio.Transcriptions}

// maxRange bounds how many days one list request covers, and so how much a
// pull that dies has to repeat.
const maxRange = 7

// clockSkew is how far clocks may differ without a word.
const clockSkew = 5 * time.Minute

// task is one list to read: the windows of an account and resource on the
// days [from, to).
type task struct {
	account  string
	resource twilio.Resource
	from, to time.Time
}

// Sync pulls every window that needs it. The error is for what stops the whole
// sync, such as wrong credentials or a warehouse that is gone; a list that
// fails alone is among the summary's failures, and the others go on.
func (s *Syncer) Sync(ctx context.Context, req Request) (Summary, error) {
	now := req.Now.UTC().Truncate(time.Second)
	list, err := s.Client.Accounts(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("sync: %w", err)
	}
	// What lies ahead of Twilio's clock has not happened: a window of it, once
	// pulled empty, would pass for complete.
	if clock := s.Client.Clock(); !clock.IsZero() && clock.Before(now) {
		if now.Sub(clock) > clockSkew {
			s.Log.WarnContext(ctx, "asked to pull usage up to a time that is ahead of Twilio's clock; pulling up to the latter", "asked", now, "clock", clock)
		}
		now = clock
	}
	summary := Summary{Now: now}
	if req.Account != "" {
		list = slices.DeleteFunc(list, func(a twilio.Account) bool { return a.SID != req.Account })
		if len(list) == 0 {
			return summary, fmt.Errorf("sync: account %s is not the main account or one of its subaccounts", req.Account)
		}
	}
	seq, err := s.DB.NextSync(ctx, now)
	if err != nil {
		return summary, fmt.Errorf("sync: %w", err)
	}
	accounts := warehouseAccounts(list)
	if err := s.DB.InsertAccounts(ctx, accounts, seq); err != nil {
		return summary, fmt.Errorf("sync: %w", err)
	}
	checkpoints, err := s.DB.Checkpoints(ctx, s.Start, now.Add(day))
	if err != nil {
		return summary, fmt.Errorf("sync: %w", err)
	}
	held, err := s.DB.HeldNumbers(ctx)
	if err != nil {
		return summary, fmt.Errorf("sync: %w", err)
	}

	summary.Accounts = len(list)
	tasks := s.plan(accounts, checkpoints, now, req)
	s.Log.InfoContext(ctx, "sync", "accounts", len(list), "lists", len(tasks), "sync", seq)

	load := newLoader(s.DB, seq, now)
	inventory := newInventory(s.Start, now, held)
	var mu sync.Mutex
	fail := func(account, resource string, err error) {
		mu.Lock()
		defer mu.Unlock()
		summary.Failures = append(summary.Failures, Failure{account, resource, err})
	}

	work := make(chan func(context.Context), 64)
	wctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	for range s.Workers {
		workers.Go(func() {
			for job := range work {
				job(wctx)
			}
		})
	}
	loading := make(chan error, 1)
	go func() {
		err := load.run(wctx)
		if err != nil {
			stop(err)
		}
		loading <- err
	}()

	for _, a := range accounts {
		if !s.wantsInventory(a, checkpoints, now, req) {
			continue
		}
		work <- func(ctx context.Context) {
			numbers, err := s.Client.Numbers(ctx, a.SID)
			if err != nil {
				fail(a.SID, string(twilio.Numbers), err)
				return
			}
			inventory.add(a.SID, s.first(a), numbers)
		}
	}
	for _, t := range tasks {
		work <- func(ctx context.Context) {
			if err := s.pull(ctx, t, load); err != nil {
				fail(t.account, string(t.resource), err)
			}
		}
	}
	close(work)
	workers.Wait()
	// Number days are worked out when every list is in, since a number that
	// moves while they are read could stand in two of them.
	for _, a := range accounts {
		if at, known := Closing(a); known {
			inventory.close(a.SID, at, s.lastListed(a, checkpoints, at))
		}
	}
	load.send(wctx, inventory.batch())
	load.close()
	if err := <-loading; err != nil {
		return summary, fmt.Errorf("sync: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return summary, fmt.Errorf("sync: %w", context.Cause(ctx))
	}
	summary.Windows, summary.Records = load.windows, load.records
	slices.SortFunc(summary.Failures, func(a, b Failure) int {
		return strings.Compare(a.Account+a.Resource, b.Account+b.Resource)
	})
	return summary, nil
}

// plan lists the tasks: every window that needs a pull, neighbouring days of
// a list joined.
func (s *Syncer) plan(accounts []warehouse.Account, checkpoints map[warehouse.Window]warehouse.Checkpoint, now time.Time, req Request) []task {
	var tasks []task
	wanted := map[warehouse.Window]bool{}
	for _, w := range req.Windows {
		wanted[w] = true
	}
	for _, a := range accounts {
		from, to := s.span(a, now, req)
		for _, r := range resources {
			limit := maxRange * day
			if r == twilio.Transcriptions {
				limit = 1 << 62 // the list has no date filter: once read, it serves every day
			}
			var open *task
			for d := from; d.Before(to); d = d.Add(day) {
				w := warehouse.Window{Account: a.SID, Resource: string(r), Day: d}
				cp, pulled := checkpoints[w]
				skip := pulled && !s.again(a, cp, now, req)
				if len(wanted) > 0 {
					skip = !wanted[w] || gone(a, cp, now)
				}
				if skip {
					if r != twilio.Transcriptions {
						open = nil
					}
					continue
				}
				if open == nil || d.Add(day).Sub(open.from) > limit {
					tasks = append(tasks, task{account: a.SID, resource: r, from: d})
					open = &tasks[len(tasks)-1]
				}
				open.to = d.Add(day)
			}
		}
	}
	return tasks
}

// first is the first UTC day on which an account may have usage that counts:
// the day of the start or of the account's creation.
func (s *Syncer) first(a warehouse.Account) time.Time {
	if c := a.Created.UTC().Truncate(day); c.After(s.Start) {
		return c
	}
	return s.Start
}

// Closing reports whether an account is closed and known when: Twilio does not
// say it, but a closed account changes no more. One that gives no change at
// all, so that it stands at its creation, says nothing.
func Closing(a warehouse.Account) (at time.Time, known bool) {
	return a.Updated.UTC(), a.Status == "closed" && !a.Updated.Equal(a.Created)
}

// deletedAfter is when Twilio deletes the data of a closed account, unless that is
// switched off; its lists may answer 401, 403 or 404 from then on.
// https://support.twilio.com/hc/en-us/articles/223135987
const deletedAfter = 30 * day

// deleted reports whether Twilio may have deleted what there was of an account.
func deleted(a warehouse.Account, now time.Time) bool {
	at, known := Closing(a)
	return known && !now.Before(at.Add(deletedAfter))
}

// gone reports whether a window that was pulled after its day's end can be pulled
// no more, and so has to do as it is.
func gone(a warehouse.Account, cp warehouse.Checkpoint, now time.Time) bool {
	return deleted(a, now) && !cp.PulledAt.Before(cp.Day.Add(day))
}

// span is the time an account's windows cover: from its first day until now
// or, for a closed one, the day after its closing, since a closed account makes
// no usage.
func (s *Syncer) span(a warehouse.Account, now time.Time, req Request) (from, to time.Time) {
	from, to = s.first(a), now
	if at, known := Closing(a); known {
		if end := at.Truncate(day).Add(2 * day); end.Before(to) {
			to = end
		}
	}
	if !req.From.IsZero() && req.From.After(from) {
		from = req.From
	}
	if !req.To.IsZero() && req.To.Before(to) {
		to = req.To
	}
	return from, to
}

// again reports whether a window that was pulled must be pulled once more.
func (s *Syncer) again(a warehouse.Account, cp warehouse.Checkpoint, now time.Time, req Request) bool {
	end := cp.Day.Add(day)
	settled := end.Add(s.Settle)
	switch {
	case req.Again:
		return true
	case gone(a, cp, now):
		return false
	case cp.PulledAt.Before(end): // before the day was over
		return true
	case cp.PulledAt.Before(settled) && (cp.Pending > 0 || !now.Before(settled)):
		return cp.PulledAt.Before(now)
	}
	for _, d := range req.Due {
		if !cp.Day.Before(d.To) || !end.After(d.From) {
			continue
		}
		// A price may come later than anything is meant to; the last moment to
		// take it up is now.
		if cp.Pending > 0 && cp.PulledAt.Before(now) {
			return true
		}
		if cp.PulledAt.Before(d.Since) && !s.last(a, cp) {
			return true
		}
	}
	return false
}

// last reports whether a window of a closed account was pulled so long after
// its closing that another pull brings nothing new. Twilio deletes the data of
// closed accounts, by default after 30 days, so a later pull may not be
// possible any more.
func (s *Syncer) last(a warehouse.Account, cp warehouse.Checkpoint) bool {
	at, known := Closing(a)
	end := cp.Day.Add(day)
	return known && !cp.PulledAt.Before(at.Add(day)) && !cp.PulledAt.Before(end) &&
		(cp.Pending == 0 || !cp.PulledAt.Before(end.Add(s.Settle)))
}

// wantsInventory reports whether the account's phone numbers are to be read:
// once a UTC day while the account can hold any, and once more when the start
// was moved back, since the days from there on have to be filled in.
func (s *Syncer) wantsInventory(a warehouse.Account, checkpoints map[warehouse.Window]warehouse.Checkpoint, now time.Time, req Request) bool {
	today := now.Truncate(day)
	if a.Status == "closed" || today.Before(s.Start) || len(req.Windows) > 0 {
		return false
	}
	if !req.To.IsZero() && !today.Before(req.To) {
		return false
	}
	_, listed := checkpoints[warehouse.Window{Account: a.SID, Resource: string(twilio.Numbers), Day: today}]
	return req.Again || !listed || !s.filled(a, checkpoints, now)
}

// lastListed is the last UTC day up to an instant on which the account's phone
// numbers were listed; no time where they never were.
func (s *Syncer) lastListed(a warehouse.Account, checkpoints map[warehouse.Window]warehouse.Checkpoint, at time.Time) time.Time {
	for d := at.Truncate(day); !d.Before(s.first(a)); d = d.Add(-day) {
		if _, listed := checkpoints[warehouse.Window{Account: a.SID, Resource: string(twilio.Numbers), Day: d}]; listed {
			return d
		}
	}
	return time.Time{}
}

// filled reports whether the account's number days are filled in from its
// first day on. An account made after now, as when a past night is run again,
// has none.
func (s *Syncer) filled(a warehouse.Account, checkpoints map[warehouse.Window]warehouse.Checkpoint, now time.Time) bool {
	first := s.first(a)
	_, done := checkpoints[warehouse.Window{Account: a.SID, Resource: string(twilio.Numbers), Day: first}]
	return done || first.After(now)
}

// pull reads one list and hands it to the loader, in batches, with the
// checkpoints of its windows at the end.
func (s *Syncer) pull(ctx context.Context, t task, load *loader) error {
	tally := newTally(t)
	var rows batch
	err := s.Client.List(ctx, t.account, t.resource, t.from, t.to, func(p *twilio.Page) error {
		tally.add(p, &rows.usage)
		if rows.usage.Len() >= batchRows {
			if err := load.send(ctx, rows); err != nil {
				return err
			}
			rows = batch{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	tally.complete(&rows)
	return load.send(ctx, rows)
}

// Coverage is what has been pulled so far, to decide whether usage can be
// invoiced.
type Coverage struct {
	syncer      *Syncer
	now         time.Time
	accounts    map[string]warehouse.Account
	checkpoints map[warehouse.Window]warehouse.Checkpoint
}

// Coverage reads what has been pulled of the time from the instant on.
func (s *Syncer) Coverage(ctx context.Context, from, now time.Time) (*Coverage, error) {
	list, err := s.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	c := &Coverage{syncer: s, now: now, accounts: map[string]warehouse.Account{}}
	for _, a := range list {
		c.accounts[a.SID] = a
	}
	if s.Start.Before(from) { // where the checkpoints of filled-in number days stand
		from = s.Start
	}
	c.checkpoints, err = s.DB.Checkpoints(ctx, from.UTC().Truncate(day), now.Add(day))
	return c, err
}

// Missing says why usage of the accounts in [d.From, d.To) cannot be invoiced
// yet: the time is not over, a window was not pulled since d.Since, or something
// in it may still change and it has not settled. It is empty when nothing is
// missing.
func (c *Coverage) Missing(accounts []string, d Due) string {
	if d.To.After(c.now) {
		return fmt.Sprintf("the period is not over at Twilio's clock: it ends at %s, and it is %s",
			d.To.UTC().Format(time.RFC3339), c.now.UTC().Format(time.RFC3339))
	}
	first, last := d.From.UTC().Truncate(day), d.To.UTC().Add(day-1).Truncate(day)
	for _, sid := range accounts {
		account, known := c.accounts[sid]
		if !known {
			return fmt.Sprintf("subaccount %s is not in the main account's list", sid)
		}
		from, to := c.syncer.span(account, c.now, Request{From: first, To: last})
		for _, r := range resources {
			var pending uint64
			for at := from; at.Before(to); at = at.Add(day) {
				cp, pulled := c.checkpoints[warehouse.Window{Account: sid, Resource: string(r), Day: at}]
				switch {
				case !pulled && deleted(account, c.now):
					return fmt.Sprintf("%s of %s on %s were not pulled, and it is closed: Twilio deletes what it has of a closed account after 30 days; if it is gone, end the subaccount before that day in the tenant's configuration", r, sid, at.Format(time.DateOnly))
				case !pulled:
					return fmt.Sprintf("%s of %s on %s were not pulled", r, sid, at.Format(time.DateOnly))
				case gone(account, cp, c.now):
				case cp.PulledAt.Before(d.Since) && !c.syncer.last(account, cp):
					return fmt.Sprintf("%s of %s on %s were not pulled again since the period was due", r, sid, at.Format(time.DateOnly))
				case cp.PulledAt.Before(at.Add(day + c.syncer.Settle)):
					pending += cp.Pending
				}
			}
			if pending > 0 {
				return fmt.Sprintf("%d %s of %s may still change: twilio has not priced or finished them", pending, r, sid)
			}
		}
		if account.Status == "closed" {
			continue // it holds no numbers any more
		}
		listed := false
		for at := last; at.Before(c.now.Add(day)); at = at.Add(day) {
			_, pulled := c.checkpoints[warehouse.Window{Account: sid, Resource: string(twilio.Numbers), Day: at}]
			listed = listed || pulled
		}
		if !listed {
			return fmt.Sprintf("the phone numbers of %s were not listed since the period ended", sid)
		}
		if !c.syncer.filled(account, c.checkpoints, c.now) {
			return fmt.Sprintf("the phone numbers of %s were not listed to fill in the days since %s", sid, c.syncer.first(account).Format(time.DateOnly))
		}
	}
	return ""
}

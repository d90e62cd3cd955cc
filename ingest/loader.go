package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-faster/city"
	"github.com/shopspring/decimal"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

const (
	batchRows  = 20_000          // a list hands over its rows when it has so many
	flushRows  = 50_000          // the loader writes when it has so many
	flushEvery = 5 * time.Second // or when its oldest have waited so long
)

// batch is rows on their way to the warehouse, and the checkpoints of windows
// that are complete with them.
type batch struct {
	usage warehouse.Usage
	done  []warehouse.Checkpoint
	wrote map[warehouse.Window]warehouse.Digest // what must be found before the checkpoints are written
}

// loader writes batches of many lists together: rows, read-back, checkpoints,
// in that order.
type loader struct {
	db  *warehouse.DB
	seq uint32
	now time.Time
	in  chan batch

	usage   warehouse.Usage
	done    []warehouse.Checkpoint
	wrote   map[warehouse.Window]warehouse.Digest
	windows int
	records int64
}

func newLoader(db *warehouse.DB, seq uint32, now time.Time) *loader {
	return &loader{db: db, seq: seq, now: now, in: make(chan batch, 4), wrote: map[warehouse.Window]warehouse.Digest{}}
}

// send hands a batch over; it fails when the sync is stopped.
func (l *loader) send(ctx context.Context, b batch) error {
	select {
	case l.in <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close says that no batch follows.
func (l *loader) close() { close(l.in) }

// run writes what comes until close or until writing fails.
func (l *loader) run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case b, ok := <-l.in:
			if !ok {
				return l.flush(ctx)
			}
			appendUsage(&l.usage, &b.usage)
			l.done = append(l.done, b.done...)
			maps.Copy(l.wrote, b.wrote)
			if l.usage.Len() < flushRows {
				continue
			}
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
}

// flush writes the rows held, and the checkpoints of the windows that are
// complete with them once reading back shows the same records.
func (l *loader) flush(ctx context.Context) error {
	if l.usage.Len() > 0 {
		if err := l.db.InsertUsage(ctx, &l.usage, l.seq); err != nil {
			return err
		}
		l.records += int64(l.usage.Len())
		l.usage.Reset()
	}
	if len(l.done) == 0 {
		return nil
	}
	if err := l.readBack(ctx); err != nil {
		return err
	}
	for i := range l.done {
		l.done[i].PulledAt = l.now
	}
	if err := l.db.InsertCheckpoints(ctx, l.done, l.seq); err != nil {
		return err
	}
	l.windows += len(l.done)
	l.done = l.done[:0]
	clear(l.wrote)
	return nil
}

// readBack compares what was written of the complete windows with what the
// warehouse now holds of this sync.
func (l *loader) readBack(ctx context.Context) error {
	var accounts []string
	for w := range l.wrote {
		accounts = append(accounts, w.Account)
	}
	slices.Sort(accounts)
	if accounts = slices.Compact(accounts); len(accounts) == 0 {
		return nil
	}
	stored, err := l.db.ReadBack(ctx, l.seq, accounts)
	if err != nil {
		return err
	}
	for w, want := range l.wrote {
		if got := stored[w]; got != want {
			return fmt.Errorf("read back %s of %s on %s: wrote %d records (hash %x), found %d (hash %x): run the sync again",
				w.Resource, w.Account, w.Day.Format(time.DateOnly), want.Records, want.SIDHash, got.Records, got.SIDHash)
		}
	}
	return nil
}

// tally counts what a list gives each of its windows. Twilio may list a record
// twice while rows shift between pages; the newer one counts.
type tally struct {
	task    task
	seen    map[string]place
	windows []warehouse.Checkpoint
}

// place is the window a record was counted in.
type place struct {
	day     int
	updated time.Time
	final   bool
}

func newTally(t task) *tally {
	y := &tally{task: t, seen: map[string]place{}}
	for d := t.from; d.Before(t.to); d = d.Add(day) {
		y.windows = append(y.windows, warehouse.Checkpoint{
			Window: warehouse.Window{Account: t.account, Resource: string(t.resource), Day: d},
		})
	}
	return y
}

// add counts a page's records and appends them to u.
func (y *tally) add(p *twilio.Page, u *warehouse.Usage) {
	for i, sid := range p.SID {
		now := place{int(p.Started[i].Sub(y.task.from) / day), p.Updated[i], p.Final[i]}
		if before, ok := y.seen[sid]; ok {
			if !before.updated.Before(now.updated) {
				continue
			}
			y.count(before, sid, -1)
		}
		y.seen[sid] = now
		y.count(now, sid, 1)

		u.Account = append(u.Account, p.Account)
		u.SID = append(u.SID, sid)
		u.Kind = append(u.Kind, p.Kind[i])
		u.Direction = append(u.Direction, p.Direction[i])
		u.Status = append(u.Status, p.Status[i])
		u.From = append(u.From, p.From[i])
		u.To = append(u.To, p.To[i])
		u.ParentSID = append(u.ParentSID, p.ParentSID[i])
		u.Created = append(u.Created, p.Created[i])
		u.Started = append(u.Started, p.Started[i])
		u.Updated = append(u.Updated, p.Updated[i])
		u.Quantity = append(u.Quantity, decimal.NewFromInt(p.Quantity[i]))
		var cost *decimal.Decimal
		if p.Price[i].Valid {
			cost = &p.Price[i].Decimal
		}
		u.Cost = append(u.Cost, cost)
		u.Currency = append(u.Currency, p.Currency[i])
		u.Final = append(u.Final, p.Final[i])
	}
}

func (y *tally) count(at place, sid string, n int64) {
	w := &y.windows[at.day]
	w.Records += uint64(n)
	w.SIDHash += uint64(n) * city.CH64([]byte(sid))
	if !at.final {
		w.Pending += uint64(n)
	}
}

// complete adds the list's windows to the batch that holds its last rows.
func (y *tally) complete(b *batch) {
	b.done = y.windows
	b.wrote = map[warehouse.Window]warehouse.Digest{}
	for _, w := range y.windows {
		if w.Records > 0 {
			b.wrote[w.Window] = w.Digest
		}
	}
}

func appendUsage(to, from *warehouse.Usage) {
	to.Account = append(to.Account, from.Account...)
	to.SID = append(to.SID, from.SID...)
	to.Kind = append(to.Kind, from.Kind...)
	to.Direction = append(to.Direction, from.Direction...)
	to.Status = append(to.Status, from.Status...)
	to.From = append(to.From, from.From...)
	to.To = append(to.To, from.To...)
	to.ParentSID = append(to.ParentSID, from.ParentSID...)
	to.Created = append(to.Created, from.Created...)
	to.Started = append(to.Started, from.Started...)
	to.Updated = append(to.Updated, from.Updated...)
	to.Quantity = append(to.Quantity, from.Quantity...)
	to.Cost = append(to.Cost, from.Cost...)
	to.Currency = append(to.Currency, from.Currency...)
	to.Final = append(to.Final, from.Final...)
}

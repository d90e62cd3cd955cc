package ingest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-faster/city"
	"github.com/shopspring/decimal"

	"subtally/ingest/twilio"
	"subtally/internal/warehouse"
)

// inventory turns the phone numbers that accounts hold today into number days:
// one usage record per number and UTC day, for the account that held it.
//
// Twilio lists only who holds a number now. So the account that a number is
// first seen with on a day has it for that whole day; days between two sights
// belong to the account that had it before; and days before the first sight,
// since the number was bought though not before the start, belong to the
// account it was first seen with. A day that is known stays as it is. Closing an
// account releases its numbers: those that it held when they were listed last are
// its own up to and on the day of the closing, though no list has them any more.
type inventory struct {
	start, today time.Time

	mu     sync.Mutex
	held   map[string][]warehouse.HeldNumber // known days, by number, in order
	listed []listed
	pulled map[string]time.Time // accounts whose numbers were read, with their first day
	ended  map[string]ended     // accounts that were closed
}

// ended is a closed account's last number day, and when its numbers were listed
// last before.
type ended struct{ last, listed time.Time }

type listed struct {
	account string
	twilio.Number
}

func newInventory(start, now time.Time, held []warehouse.HeldNumber) *inventory {
	v := &inventory{
		start: start, today: now.Truncate(day),
		held: map[string][]warehouse.HeldNumber{}, pulled: map[string]time.Time{}, ended: map[string]ended{},
	}
	for _, h := range held {
		v.held[h.SID] = append(v.held[h.SID], h)
	}
	return v
}

// add takes the numbers that an account holds. The account's usage counts from
// first on.
func (v *inventory) add(account string, first time.Time, numbers []twilio.Number) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pulled[account] = first
	for _, n := range numbers {
		v.listed = append(v.listed, listed{account, n})
	}
}

// close says that an account was closed at an instant, and that its numbers were
// listed last on a day before, if ever.
func (v *inventory) close(account string, at, listed time.Time) {
	if !listed.IsZero() {
		v.ended[account] = ended{at.Truncate(day), listed}
	}
}

// batch is every number day not known yet, with checkpoints per account: for
// today, and for the first day from which on its number days are filled in.
func (v *inventory) batch() batch {
	b := batch{wrote: map[warehouse.Window]warehouse.Digest{}}
	slices.SortFunc(v.listed, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.SID, b.SID), cmp.Compare(a.account, b.account))
	})
	// A number that moved while the lists were read may stand in two of them.
	v.listed = slices.CompactFunc(v.listed, func(a, b listed) bool { return a.SID == b.SID })
	for _, n := range v.listed {
		known := v.held[n.SID]
		from := n.Created.UTC().Truncate(day)
		if len(known) > 0 && known[0].First.Before(from) {
			from = known[0].First
		}
		if from.Before(v.start) {
			from = v.start
		}
		holder := n.account
		if len(known) > 0 {
			holder = known[0].Account
		}
		for d := from; !d.After(v.today); d = d.Add(day) {
			for len(known) > 0 && known[0].Last.Before(d) {
				holder, known = known[0].Account, known[1:]
			}
			if len(known) > 0 && !known[0].First.After(d) {
				d = known[0].Last
				continue
			}
			account := holder
			if d.Equal(v.today) {
				account = n.account
			}
			sid := n.SID + "/" + d.Format(time.DateOnly)
			v.appendDay(&b, account, sid, n.PhoneNumber, d)
		}
	}
	v.release(&b)
	for _, account := range slices.Sorted(maps.Keys(v.pulled)) {
		w := warehouse.Window{Account: account, Resource: string(twilio.Numbers), Day: v.today}
		b.done = append(b.done, warehouse.Checkpoint{Window: w, Digest: b.wrote[w]})
		if first := v.pulled[account]; first.Before(v.today) {
			w.Day = first
			b.done = append(b.done, warehouse.Checkpoint{Window: w, Digest: b.wrote[w]})
		}
	}
	return b
}

// release adds the days from a closed account's last sight of its numbers to its
// closing. A number that has another holder since is that one's.
func (v *inventory) release(b *batch) {
	for _, number := range slices.Sorted(maps.Keys(v.held)) {
		runs := v.held[number]
		run := runs[len(runs)-1]
		end, closed := v.ended[run.Account]
		seen := slices.ContainsFunc(v.listed, func(n listed) bool { return n.SID == number })
		if !closed || seen || run.Last.Before(end.listed) {
			continue
		}
		for d := run.Last.Add(day); !d.After(end.last) && !d.After(v.today); d = d.Add(day) {
			v.appendDay(b, run.Account, number+"/"+d.Format(time.DateOnly), run.Number, d)
		}
	}
}

// appendDay adds one number day, and what is to be found of it when it is written.
// Its time is noon UTC, which is the same calendar day in every time zone from
// UTC-12 to UTC+11.
func (v *inventory) appendDay(b *batch, account, sid, number string, d time.Time) {
	w := warehouse.Window{Account: account, Resource: string(twilio.Numbers), Day: d}
	b.wrote[w] = warehouse.Digest{Records: b.wrote[w].Records + 1, SIDHash: b.wrote[w].SIDHash + city.CH64([]byte(sid))}
	u, noon := &b.usage, d.Add(12*time.Hour)
	u.Account = append(u.Account, account)
	u.SID = append(u.SID, sid)
	u.Kind = append(u.Kind, "number")
	u.Direction = append(u.Direction, "")
	u.Status = append(u.Status, "held")
	u.From = append(u.From, "")
	u.To = append(u.To, number)
	u.ParentSID = append(u.ParentSID, "")
	u.Created = append(u.Created, noon)
	u.Started = append(u.Started, noon)
	u.Updated = append(u.Updated, noon)
	u.Quantity = append(u.Quantity, decimal.NewFromInt(1))
	u.Cost = append(u.Cost, nil)
	u.Currency = append(u.Currency, "")
	u.Final = append(u.Final, true)
}

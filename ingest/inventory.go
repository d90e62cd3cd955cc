package ingest

import (
	"cmp"
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
// belong to the account that had it before; and a number never seen before
// counts for its holder since it was bought, though not before the start.
type inventory struct {
	start, today time.Time

	mu     sync.Mutex
	held   map[string]warehouse.HeldNumber
	listed []listed
	pulled []string // accounts whose numbers were read
}

type listed struct {
	account string
	twilio.Number
}

func newInventory(start, now time.Time, held []warehouse.HeldNumber) *inventory {
	v := &inventory{start: start, today: now.Truncate(day), held: map[string]warehouse.HeldNumber{}}
	for _, h := range held {
		v.held[h.SID] = h
	}
	return v
}

// add takes the numbers that an account holds.
func (v *inventory) add(account string, numbers []twilio.Number) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pulled = append(v.pulled, account)
	for _, n := range numbers {
		v.listed = append(v.listed, listed{account, n})
	}
}

// batch is every number day not known yet, with a checkpoint per account.
func (v *inventory) batch() batch {
	b := batch{wrote: map[warehouse.Window]warehouse.Digest{}}
	slices.SortFunc(v.listed, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.SID, b.SID), cmp.Compare(a.account, b.account))
	})
	slices.Sort(v.pulled)
	for _, n := range v.listed {
		before, known := v.held[n.SID]
		from := before.Day.Add(day)
		if !known {
			from = n.Created.UTC().Truncate(day)
			if from.Before(v.start) {
				from = v.start
			}
		}
		for d := from; !d.After(v.today); d = d.Add(day) {
			account := n.account
			if known && d.Before(v.today) {
				account = before.Account
			}
			sid := n.SID + "/" + d.Format(time.DateOnly)
			v.appendDay(&b.usage, account, sid, n.PhoneNumber, d)
			w := warehouse.Window{Account: account, Resource: string(twilio.Numbers), Day: d}
			b.wrote[w] = warehouse.Digest{Records: b.wrote[w].Records + 1, SIDHash: b.wrote[w].SIDHash + city.CH64([]byte(sid))}
		}
		v.held[n.SID] = warehouse.HeldNumber{SID: n.SID, Account: n.account, Day: v.today}
	}
	for _, account := range v.pulled {
		w := warehouse.Window{Account: account, Resource: string(twilio.Numbers), Day: v.today}
		b.done = append(b.done, warehouse.Checkpoint{Window: w, Digest: b.wrote[w]})
	}
	return b
}

// appendDay adds one number day. Its time is noon UTC, which is the same
// calendar day in every time zone from UTC-12 to UTC+11.
func (v *inventory) appendDay(u *warehouse.Usage, account, sid, number string, d time.Time) {
	noon := d.Add(12 * time.Hour)
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

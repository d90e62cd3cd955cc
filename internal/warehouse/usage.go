package warehouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Usage is a batch of usage records as columns of equal length.
type Usage struct {
	Account, SID, Kind        []string
	Direction, Status         []string
	From, To, ParentSID       []string
	Created, Started, Updated []time.Time
	Quantity                  []decimal.Decimal  // at most 6 decimals
	Cost                      []*decimal.Decimal // at most 8 decimals; nil while Twilio has not said it
	Currency                  []string
	Final                     []bool
}

// Len counts the records.
func (u *Usage) Len() int { return len(u.SID) }

// Reset empties the batch and keeps its memory.
func (u *Usage) Reset() {
	u.Account, u.SID, u.Kind = u.Account[:0], u.SID[:0], u.Kind[:0]
	u.Direction, u.Status = u.Direction[:0], u.Status[:0]
	u.From, u.To, u.ParentSID = u.From[:0], u.To[:0], u.ParentSID[:0]
	u.Created, u.Started, u.Updated = u.Created[:0], u.Started[:0], u.Updated[:0]
	u.Quantity, u.Cost = u.Quantity[:0], u.Cost[:0]
	u.Currency, u.Final = u.Currency[:0], u.Final[:0]
}

const (
	quantityPlaces = 6
	costPlaces     = 8
	decimalDigits  = 18 // of Decimal(18, s), all told
)

// InsertUsage writes a batch under the number of a sync. Of two rows with one
// account and sid the later sync wins, and within a sync the later update. The
// driver would cut decimals that are wider than their column in silence, so
// such a record is an error here, and nothing of the batch is written.
func (db *DB) InsertUsage(ctx context.Context, u *Usage, sync uint32) error {
	versions := make([]uint64, u.Len())
	syncs := make([]uint32, u.Len())
	for i := range versions {
		if err := fitsColumn(u.Quantity[i], quantityPlaces); err != nil {
			return fmt.Errorf("insert usage: account %s: record %s: quantity %w", u.Account[i], u.SID[i], err)
		}
		if c := u.Cost[i]; c != nil {
			if err := fitsColumn(*c, costPlaces); err != nil {
				return fmt.Errorf("insert usage: account %s: record %s: cost %w", u.Account[i], u.SID[i], err)
			}
		}
		syncs[i] = sync
		versions[i] = uint64(sync)<<32 | uint64(uint32(u.Updated[i].Unix()))
	}
	err := db.insert(ctx, `INSERT INTO usage (account, sid, kind, direction, status, from_number, to_number, parent_sid,
		created_at, started_at, updated_at, quantity, cost, currency, is_final, sync, version)`,
		u.Account, u.SID, u.Kind, u.Direction, u.Status, u.From, u.To, u.ParentSID,
		u.Created, u.Started, u.Updated, u.Quantity, u.Cost, u.Currency, u.Final, syncs, versions)
	if err != nil {
		return fmt.Errorf("insert usage: %d records: %w", u.Len(), err)
	}
	return nil
}

// fitsColumn checks that a Decimal(18, places) column holds d in full.
func fitsColumn(d decimal.Decimal, places int32) error {
	if !d.Equal(d.Truncate(places)) {
		return fmt.Errorf("%s has more than %d decimals", d, places)
	}
	if d.Abs().Cmp(decimal.New(1, decimalDigits-places)) >= 0 {
		return fmt.Errorf("%s has more than %d digits before the point", d, decimalDigits-places)
	}
	return nil
}

// resourceOf is the SQL for the Twilio resource that lists a kind.
const resourceOf = `multiIf(kind = 'call', 'calls', kind = 'recording', 'recordings',
	kind = 'transcription', 'transcriptions', kind = 'number', 'numbers', 'messages')`

// Window identifies what one checkpoint covers: a resource of a subaccount on
// one UTC day.
type Window struct {
	Account  string
	Resource string
	Day      time.Time // midnight UTC
}

// Digest says which records a window holds: how many, and the sum of the
// cityHash64 of their sids, modulo 2^64.
type Digest struct {
	Records uint64
	SIDHash uint64
}

// ReadBack digests what a sync has written for the accounts, by window. The
// accounts keep it from reading everything that a long sync has written so far.
func (db *DB) ReadBack(ctx context.Context, sync uint32, accounts []string) (map[Window]Digest, error) {
	rows, err := db.query(ctx, `SELECT account, resource, day, count(), sum(hash) FROM (
		SELECT account, sid, cityHash64(sid) AS hash,
			argMax(`+resourceOf+`, version) AS resource, argMax(toDate(started_at), version) AS day
		FROM usage WHERE sync = ? AND account IN ? GROUP BY account, sid)
		GROUP BY account, resource, day`, sync, accounts)
	if err != nil {
		return nil, fmt.Errorf("read back sync %d: %w", sync, err)
	}
	defer rows.Close()
	out := map[Window]Digest{}
	for rows.Next() {
		var w Window
		var d Digest
		if err := rows.Scan(&w.Account, &w.Resource, &w.Day, &d.Records, &d.SIDHash); err != nil {
			return nil, fmt.Errorf("read back sync %d: %w", sync, err)
		}
		w.Day = calendar(w.Day)
		out[w] = d
	}
	return out, db.rowsErr("read back", rows)
}

// Slice is the usage of some accounts that started in [From, To).
type Slice struct {
	Accounts []string
	From, To time.Time
}

// UsageRow is one usage record.
type UsageRow struct {
	Account, SID, Kind string
	ParentSID          string
	Direction, Status  string
	From, To           string
	StartedAt          time.Time
	Quantity           decimal.Decimal
	Cost               *decimal.Decimal
	Currency           string
	Final              bool
	SIDHash, Content   uint64 // see Watermark
}

// EachUsage calls fn for every usage record of the slices, once each, ordered
// by start, account and sid. The row is reused between calls.
func (db *DB) EachUsage(ctx context.Context, slices []Slice, fn func(*UsageRow) error) error {
	return db.EachUsageOf(ctx, [][]Slice{slices}, func(_ int, row *UsageRow) error { return fn(row) })
}

// usageBlock is how many records come in a block. The driver reads blocks ahead,
// in every connection, and the server's own 65,409 records are some 25 MB.
const usageBlock = "8192"

// EachUsageOf calls fn for every usage record of several lists of slices, by one
// query: those of the first list, ordered by start, account and sid, then those
// of the next. Within a list the slices of an account must not overlap. The row is
// reused between calls.
func (db *DB) EachUsageOf(ctx context.Context, lists [][]Slice, fn func(list int, row *UsageRow) error) error {
	var accounts []string
	var froms, tos, indexes []int64
	for i, list := range lists {
		for _, s := range list {
			for _, account := range s.Accounts {
				accounts, indexes = append(accounts, account), append(indexes, int64(i))
				froms, tos = append(froms, s.From.Unix()), append(tos, s.To.Unix())
			}
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	rows, err := db.query(ctx, `SELECT list, account, sid, kind, parent_sid, direction, status, from_number, to_number,
		started_at, quantity, cost, currency, is_final, `+sidHash+`, `+contentHash+`
		FROM (SELECT * FROM usage FINAL WHERE account IN ? AND started_at >= toDateTime(?, 'UTC') AND started_at < toDateTime(?, 'UTC')) AS used
		INNER JOIN (SELECT part.1 AS owner, toDateTime(part.2, 'UTC') AS begins, toDateTime(part.3, 'UTC') AS ends, toInt64(part.4) AS list
			FROM (SELECT arrayJoin(arrayZip(?, ?, ?, ?)) AS part)) AS parts
		ON used.account = parts.owner
		WHERE started_at >= begins AND started_at < ends ORDER BY list, started_at, account, sid
		SETTINGS max_block_size = `+usageBlock,
		accounts, slices.Min(froms), slices.Max(tos), accounts, froms, tos, indexes)
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	defer rows.Close()
	var r UsageRow
	var list int64
	for rows.Next() {
		r.Cost = nil
		if err := rows.Scan(&list, &r.Account, &r.SID, &r.Kind, &r.ParentSID, &r.Direction, &r.Status, &r.From, &r.To,
			&r.StartedAt, &r.Quantity, &r.Cost, &r.Currency, &r.Final, &r.SIDHash, &r.Content); err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
		if err := fn(int(list), &r); err != nil {
			return err
		}
	}
	return db.rowsErr("read usage", rows)
}

// CountUsage counts about how many usage records started in [from, to), by
// account. A record that was written more than once may count as often.
func (db *DB) CountUsage(ctx context.Context, from, to time.Time) (map[string]int, error) {
	rows, err := db.query(ctx, "SELECT account, count() FROM usage WHERE started_at >= ? AND started_at < ? GROUP BY account", from.UTC(), to.UTC())
	if err != nil {
		return nil, fmt.Errorf("count usage: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var account string
		var n uint64
		if err := rows.Scan(&account, &n); err != nil {
			return nil, fmt.Errorf("count usage: %w", err)
		}
		out[account] = int(n)
	}
	return out, db.rowsErr("count usage", rows)
}

// UsageSum is the usage of one account in one slice, of one kind, status and
// currency of cost.
type UsageSum struct {
	Slice    int // index of the slice; 0 where there were none
	Account  string
	Kind     string
	Status   string
	Records  uint64
	Costing  uint64 // of the records, those that cost something
	Cost     decimal.Decimal
	Currency string // empty for records without a cost
}

// slicesPerQuery bounds the text of one query, at some 80 bytes for each
// account of a slice.
const slicesPerQuery = 20_000

// SumUsage counts the records and adds up the cost of each slice, ordered by
// slice, account, kind, status and currency. A record that two slices hold
// counts in both. Any number of slices takes few queries: they are joined, since
// the server refuses a condition of thousands of alternatives.
func (db *DB) SumUsage(ctx context.Context, list []Slice) ([]UsageSum, error) {
	var out []UsageSum
	var accounts []string
	var froms, tos, indexes []int64
	flush := func() error {
		sums, err := db.sumUsage(ctx, accounts, froms, tos, indexes)
		out = append(out, sums...)
		accounts, froms, tos, indexes = accounts[:0], froms[:0], tos[:0], indexes[:0]
		return err
	}
	for i, s := range list {
		// All of a slice is in one query, so that the answers are in order.
		if len(accounts) > 0 && len(accounts)+len(s.Accounts) > slicesPerQuery {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		for _, account := range s.Accounts {
			accounts, indexes = append(accounts, account), append(indexes, int64(i))
			froms, tos = append(froms, s.From.Unix()), append(tos, s.To.Unix())
		}
	}
	if len(accounts) == 0 {
		return out, nil
	}
	return out, flush()
}

func (db *DB) sumUsage(ctx context.Context, accounts []string, froms, tos, indexes []int64) ([]UsageSum, error) {
	rows, err := db.query(ctx, `SELECT slice, account, kind, status, unit, count(), countIf(cost != 0), ifNull(sum(cost), 0)
		FROM (SELECT account, kind, status, started_at, cost, if(isNull(cost), '', currency) AS unit
			FROM usage FINAL WHERE account IN ? AND started_at >= toDateTime(?, 'UTC') AND started_at < toDateTime(?, 'UTC')) AS used
		INNER JOIN (SELECT part.1 AS owner, toDateTime(part.2, 'UTC') AS begins, toDateTime(part.3, 'UTC') AS ends, toInt64(part.4) AS slice
			FROM (SELECT arrayJoin(arrayZip(?, ?, ?, ?)) AS part)) AS parts
		ON used.account = parts.owner
		WHERE started_at >= begins AND started_at < ends
		GROUP BY slice, account, kind, status, unit ORDER BY slice, account, kind, status, unit`,
		accounts, slices.Min(froms), slices.Max(tos), accounts, froms, tos, indexes)
	if err != nil {
		return nil, fmt.Errorf("sum usage: %w", err)
	}
	defer rows.Close()
	var out []UsageSum
	for rows.Next() {
		var s UsageSum
		var index int64
		if err := rows.Scan(&index, &s.Account, &s.Kind, &s.Status, &s.Currency, &s.Records, &s.Costing, &s.Cost); err != nil {
			return nil, fmt.Errorf("sum usage: %w", err)
		}
		s.Slice = int(index)
		out = append(out, s)
	}
	return out, db.rowsErr("sum usage", rows)
}

// TotalUsage is all usage that started in [from, to), whoever's it is, by
// currency of cost.
func (db *DB) TotalUsage(ctx context.Context, from, to time.Time) ([]UsageSum, error) {
	rows, err := db.query(ctx, `SELECT if(isNull(cost), '', currency) AS unit, count(), countIf(cost != 0), ifNull(sum(cost), 0)
		FROM usage FINAL WHERE started_at >= ? AND started_at < ? GROUP BY unit ORDER BY unit`, from.UTC(), to.UTC())
	if err != nil {
		return nil, fmt.Errorf("add up all usage: %w", err)
	}
	defer rows.Close()
	var out []UsageSum
	for rows.Next() {
		var s UsageSum
		if err := rows.Scan(&s.Currency, &s.Records, &s.Costing, &s.Cost); err != nil {
			return nil, fmt.Errorf("add up all usage: %w", err)
		}
		out = append(out, s)
	}
	return out, db.rowsErr("add up all usage", rows)
}

// HeldNumber is a run of days in a row on each of which an account is known to
// have held a phone number.
type HeldNumber struct {
	SID         string // Twilio's PN sid
	Number      string // the telephone number
	Account     string
	First, Last time.Time // midnight UTC
}

// HeldNumbers lists every known day of every phone number ever seen, as runs by
// number and first day.
func (db *DB) HeldNumbers(ctx context.Context) ([]HeldNumber, error) {
	rows, err := db.query(ctx, `SELECT number, telephone, account, toDate(run[1]) AS first, toDate(run[-1]) FROM (
		SELECT splitByChar('/', sid)[1] AS number, max(to_number) AS telephone, account, arraySort(groupUniqArray(toUInt16(toDate(started_at)))) AS days
		FROM usage FINAL WHERE kind = 'number' GROUP BY number, account)
		ARRAY JOIN arraySplit((d, step) -> step > 1, days, arrayDifference(days)) AS run
		ORDER BY number, first, account`)
	if err != nil {
		return nil, fmt.Errorf("read held numbers: %w", err)
	}
	defer rows.Close()
	var out []HeldNumber
	for rows.Next() {
		var n HeldNumber
		if err := rows.Scan(&n.SID, &n.Number, &n.Account, &n.First, &n.Last); err != nil {
			return nil, fmt.Errorf("read held numbers: %w", err)
		}
		n.First, n.Last = calendar(n.First), calendar(n.Last)
		out = append(out, n)
	}
	return out, db.rowsErr("read held numbers", rows)
}

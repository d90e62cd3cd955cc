package warehouse

import (
	"context"
	"fmt"
)

// Watermark identifies usage: how many records, and sums modulo 2^64 over them of
// the cityHash64 of the sid, and of that of everything that prices a record. Both
// are worked out in ClickHouse, always.
type Watermark struct {
	Records, SIDHash, Content uint64
}

// SQL for what a record adds to a watermark. A hash of a NULL would be NULL.
const (
	sidHash     = `cityHash64(sid)`
	contentHash = `cityHash64(account, sid, kind, direction, status, from_number, to_number, parent_sid,
		toUnixTimestamp(started_at), quantity, isNull(cost), ifNull(cost, 0), currency)`
)

// Add counts a record.
func (w *Watermark) Add(r *UsageRow) {
	w.Records++
	w.SIDHash += r.SIDHash
	w.Content += r.Content
}

// marksAtATime is how many slices of an account one query compares: their accounts
// and times are part of its text.
const marksAtATime = 20_000

// Watermarks identifies the usage of groups of slices, in the order of the groups.
// The slices of a group must not overlap.
func (db *DB) Watermarks(ctx context.Context, groups [][]Slice) ([]Watermark, error) {
	out := make([]Watermark, len(groups))
	var q marksQuery
	for i, group := range groups {
		for _, s := range group {
			for _, account := range s.Accounts {
				q.add(i, account, s.From.Unix(), s.To.Unix())
			}
		}
		if len(q.groups) >= marksAtATime || i == len(groups)-1 {
			if err := db.watermarks(ctx, &q, out); err != nil {
				return nil, fmt.Errorf("compare usage with what was invoiced: %w", err)
			}
			q = marksQuery{}
		}
	}
	return out, nil
}

// marksQuery is one query's slices as columns. Times are seconds since 1970.
type marksQuery struct {
	groups         []int64
	accounts       []string
	from, to       []int64
	earliest, last int64
}

func (q *marksQuery) add(group int, account string, from, to int64) {
	if len(q.groups) == 0 || from < q.earliest {
		q.earliest = from
	}
	q.last = max(q.last, to)
	q.groups, q.accounts = append(q.groups, int64(group)), append(q.accounts, account)
	q.from, q.to = append(q.from, from), append(q.to, to)
}

func (db *DB) watermarks(ctx context.Context, q *marksQuery, out []Watermark) error {
	if len(q.groups) == 0 {
		return nil
	}
	rows, err := db.query(ctx, `SELECT toInt64(slice.1) AS part, count(), sum(sid_hash), sum(content) FROM (
			SELECT account, toUnixTimestamp(started_at) AS at, `+sidHash+` AS sid_hash, `+contentHash+` AS content
			FROM usage FINAL WHERE started_at >= fromUnixTimestamp(?) AND started_at < fromUnixTimestamp(?) AND account IN (?)) AS record
		INNER JOIN (SELECT arrayJoin(arrayZip(?, ?, ?, ?)) AS slice) AS billed ON record.account = billed.slice.2
		WHERE at >= slice.3 AND at < slice.4 GROUP BY part`,
		q.earliest, q.last, q.accounts, q.groups, q.accounts, q.from, q.to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var group int64
		var w Watermark
		if err := rows.Scan(&group, &w.Records, &w.SIDHash, &w.Content); err != nil {
			return err
		}
		out[group] = w
	}
	return db.rowsErr("read watermarks", rows)
}

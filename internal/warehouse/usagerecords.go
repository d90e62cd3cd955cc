package warehouse

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// UsageRecords is the resource of the window that says that the Usage Records
// of a subaccount's calendar month, in UTC, were pulled. The window's day is the
// first of the month, and it was pulled when Twilio's figures are of.
const UsageRecords = "usage_records"

// UsageRecordsFailed is the resource of the window that says that the Usage
// Records of a subaccount's calendar month could not be pulled, and when that was
// tried last.
const UsageRecordsFailed = "usage_records_failed"

// UsageRecord is Twilio's own sum of a subaccount's usage in one category on one
// UTC day. Categories overlap.
type UsageRecord struct {
	Account  string
	Day      time.Time       // midnight UTC
	Category string          // Twilio's
	Records  decimal.Decimal // usage events; whole, but in categories that measure something else; at most 12 decimals
	Quantity decimal.Decimal // at most 12 decimals
	Unit     string          // Twilio's
	Cost     decimal.Decimal // positive; at most 12 decimals
	Currency string          // ISO 4217; empty while Twilio has no price
	AsOf     time.Time
}

// InsertUsageRecords writes Usage Records; the later sync wins for a
// subaccount's category and day. Those of one month are written whole or not at
// all.
func (db *DB) InsertUsageRecords(ctx context.Context, list []UsageRecord, sync uint32) error {
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	accounts, categories := make([]string, n), make([]string, n)
	units, currencies := make([]string, n), make([]string, n)
	days, asOf := make([]time.Time, n), make([]time.Time, n)
	syncs := make([]uint32, n)
	records, quantities, costs := make([]decimal.Decimal, n), make([]decimal.Decimal, n), make([]decimal.Decimal, n)
	for i, r := range list {
		accounts[i], days[i], categories[i] = r.Account, r.Day, r.Category
		records[i], quantities[i], units[i] = r.Records, r.Quantity, r.Unit
		costs[i], currencies[i], asOf[i], syncs[i] = r.Cost, r.Currency, r.AsOf.UTC(), sync
	}
	err := db.insert(ctx, "INSERT INTO usage_records (account, day, category, records, quantity, unit, cost, currency, as_of, sync)",
		accounts, days, categories, records, quantities, units, costs, currencies, asOf, syncs)
	if err != nil {
		return fmt.Errorf("write %d usage records: %w", n, err)
	}
	return nil
}

// UsageRecordsAsOf answers of when the Usage Records of a month are, by
// subaccount; those that were never pulled are not in it.
func (db *DB) UsageRecordsAsOf(ctx context.Context, month time.Time) (map[string]time.Time, error) {
	return db.accountTimes(ctx, "read which usage records were pulled",
		"SELECT account, pulled_at FROM windows FINAL WHERE resource = ? AND day = toDate(?)",
		UsageRecords, month.Format(time.DateOnly))
}

// FailedUsageRecords answers when the Usage Records of a month could not be
// pulled, by subaccount; those that were pulled since are not in it.
func (db *DB) FailedUsageRecords(ctx context.Context, month time.Time) (map[string]time.Time, error) {
	return db.accountTimes(ctx, "read which usage records could not be pulled",
		`SELECT account, argMax(pulled_at, sync) FROM windows FINAL WHERE resource IN (?, ?) AND day = toDate(?)
		GROUP BY account HAVING argMax(resource, sync) = ?`,
		UsageRecords, UsageRecordsFailed, month.Format(time.DateOnly), UsageRecordsFailed)
}

// accountTimes reads a time for each subaccount.
func (db *DB) accountTimes(ctx context.Context, doing, query string, args ...any) (map[string]time.Time, error) {
	rows, err := db.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var account string
		var at time.Time
		if err := rows.Scan(&account, &at); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		out[account] = at.UTC()
	}
	return out, db.rowsErr(doing, rows)
}

// pulledRecords is the SQL for the subaccounts whose Usage Records of a month
// were pulled, of when they are, and by which sync.
const pulledRecords = `(SELECT account, pulled_at AS cut, sync AS since FROM windows FINAL
	WHERE resource = '` + UsageRecords + `' AND day = toDate(?))`

// EachUsageRecord is Twilio's side of a month: every Usage Record as last
// pulled, ordered by subaccount, day and category.
func (db *DB) EachUsageRecord(ctx context.Context, month time.Time) iter.Seq2[UsageRecord, error] {
	return func(yield func(UsageRecord, error) bool) {
		fail := func(err error) { yield(UsageRecord{}, fmt.Errorf("read usage records: %w", err)) }
		// What the last pull did not find any more has an older sync.
		rows, err := db.query(ctx, `SELECT account, day, category, records, quantity, unit, cost, currency, as_of
			FROM (SELECT * FROM usage_records FINAL WHERE day >= toDate(?) AND day < toDate(?)) AS r
			INNER JOIN `+pulledRecords+` AS p USING account
			WHERE r.sync >= p.since ORDER BY account, day, category`,
			month.Format(time.DateOnly), month.AddDate(0, 1, 0).Format(time.DateOnly), month.Format(time.DateOnly))
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r UsageRecord
			if err := rows.Scan(&r.Account, &r.Day, &r.Category, &r.Records, &r.Quantity, &r.Unit, &r.Cost, &r.Currency, &r.AsOf); err != nil {
				fail(err)
				return
			}
			r.Day, r.AsOf = calendar(r.Day), r.AsOf.UTC()
			if !yield(r, nil) {
				return
			}
		}
		if err := db.rowsErr("read usage records", rows); err != nil {
			yield(UsageRecord{}, err)
		}
	}
}

// UsageCategory says which usage records are in one of Twilio's categories.
type UsageCategory struct {
	Name       string
	Kind       string
	Directions []string // any where nil
	Scheme     string   // of either address, such as "sip:"; any where empty
	Statuses   []string // that Twilio charges for; a record with a cost is charged whatever its status
	Minutes    bool     // the quantity is started minutes of each record, not the record's own unit
}

// UsageDay is usage of a subaccount in a category on a UTC day, in one currency
// of cost and last written by one sync. Records that Twilio does not charge for
// are not in it.
type UsageDay struct {
	Account  string
	Day      time.Time
	Category string
	Resource string // Twilio's list that the records are from
	Currency string // empty for records without a cost
	Sync     uint32
	Records  int64
	Quantity int64
	Cost     decimal.Decimal
	Unpriced int64 // records without a cost
	Late     int64 // records that started or changed after Twilio's Usage Records were made
}

// EachUsageDay is our side of a month: the usage of subaccounts whose Usage
// Records were pulled, ordered by subaccount, day and category. A record is in
// the first category that fits it, or in none.
func (db *DB) EachUsageDay(ctx context.Context, month time.Time, categories []UsageCategory) iter.Seq2[UsageDay, error] {
	return func(yield func(UsageDay, error) bool) {
		fail := func(err error) { yield(UsageDay{}, fmt.Errorf("read usage by category: %w", err)) }
		category, charged, units, args := categoryColumns(categories)
		args = append(args, month, month.AddDate(0, 1, 0), month.Format(time.DateOnly))
		rows, err := db.query(ctx, `SELECT account, day, category, resource, unit, sync, toInt64(count()), sum(units),
			sum(ifNull(cost, toDecimal64(0, 8))), toInt64(countIf(isNull(cost))), toInt64(countIf(changed > cut))
			FROM (
				SELECT account, toDate(started_at) AS day, `+category+` AS category, `+resourceOf+` AS resource,
					if(isNull(cost), '', currency) AS unit, sync, `+units+` AS units, cost,
					greatest(started_at, updated_at) AS changed, `+charged+` OR ifNull(cost, 0) != 0 AS charged
				FROM usage FINAL WHERE started_at >= ? AND started_at < ?
			) AS u INNER JOIN `+pulledRecords+` AS p USING account
			WHERE category != '' AND charged
			GROUP BY account, day, category, resource, unit, sync
			ORDER BY account, day, category`, args...)
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var d UsageDay
			if err := rows.Scan(&d.Account, &d.Day, &d.Category, &d.Resource, &d.Currency, &d.Sync,
				&d.Records, &d.Quantity, &d.Cost, &d.Unpriced, &d.Late); err != nil {
				fail(err)
				return
			}
			d.Day = calendar(d.Day)
			if !yield(d, nil) {
				return
			}
		}
		if err := db.rowsErr("read usage by category", rows); err != nil {
			yield(UsageDay{}, err)
		}
	}
}

// categoryColumns is the SQL for a usage record's category, whether it is
// charged, and its quantity in the category's unit, with their arguments.
func categoryColumns(categories []UsageCategory) (category, charged, units string, args []any) {
	var names, minutes, statuses []string
	var nameArgs, statusArgs []any
	for _, c := range categories {
		conditions := []string{"kind = ?"}
		nameArgs = append(nameArgs, c.Kind)
		if c.Directions != nil {
			conditions = append(conditions, "direction IN ?")
			nameArgs = append(nameArgs, c.Directions)
		}
		if c.Scheme != "" {
			conditions = append(conditions, "(startsWith(lower(from_number), ?) OR startsWith(lower(to_number), ?))")
			nameArgs = append(nameArgs, c.Scheme, c.Scheme)
		}
		names = append(names, strings.Join(conditions, " AND "), "?")
		nameArgs = append(nameArgs, c.Name)
		statuses = append(statuses, "category = ? AND status IN ?")
		statusArgs = append(statusArgs, c.Name, c.Statuses)
		if c.Minutes {
			minutes = append(minutes, c.Name)
		}
	}
	category = "multiIf(" + strings.Join(names, ", ") + ", '')"
	units = "if(category IN ?, intDiv(toInt64(ceil(quantity)) + 59, 60), toInt64(ceil(quantity)))"
	charged = strings.Join(statuses, " OR ")
	return category, charged, units, append(append(nameArgs, any(minutes)), statusArgs...)
}

// WindowState is a window, and the sync that last pulled it.
type WindowState struct {
	Checkpoint
	Sync uint32
}

// EachWindow answers the checkpoints of a month's UTC days, ordered by
// subaccount and day.
func (db *DB) EachWindow(ctx context.Context, month time.Time) iter.Seq2[WindowState, error] {
	return func(yield func(WindowState, error) bool) {
		fail := func(err error) { yield(WindowState{}, fmt.Errorf("read checkpoints: %w", err)) }
		rows, err := db.query(ctx, `SELECT account, resource, day, pulled_at, records, pending, sync
			FROM windows FINAL WHERE day >= toDate(?) AND day < toDate(?) ORDER BY account, day`,
			month.Format(time.DateOnly), month.AddDate(0, 1, 0).Format(time.DateOnly))
		if err != nil {
			fail(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var w WindowState
			if err := rows.Scan(&w.Account, &w.Resource, &w.Day, &w.PulledAt, &w.Records, &w.Pending, &w.Sync); err != nil {
				fail(err)
				return
			}
			w.Day, w.PulledAt = calendar(w.Day), w.PulledAt.UTC()
			if !yield(w, nil) {
				return
			}
		}
		if err := db.rowsErr("read checkpoints", rows); err != nil {
			yield(WindowState{}, err)
		}
	}
}

package warehouse

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// VanishedRecords are usage records of one account, kind and start that Twilio
// listed once and does not list any more.
type VanishedRecords struct {
	Account, Kind string
	StartedAt     time.Time
	Records       uint64
	Cost          decimal.Decimal
	Currency      string
}

// Vanished lists the records that started in [from, to) and have vanished, by
// account, start and kind. A window that is pulled again writes all of its records
// under the number of that sync; so one under a lower number than the window's
// checkpoint was not in the list any more. Days of numbers are written once.
func (db *DB) Vanished(ctx context.Context, from, to time.Time) ([]VanishedRecords, error) {
	from, to = from.UTC(), to.UTC()
	rows, err := db.query(ctx, `SELECT account, kind, started_at, count(), ifNull(sum(cost), 0), if(isNull(cost), '', currency) AS unit FROM (
			SELECT account, kind, started_at, cost, currency, sync, `+resourceOf+` AS resource, toDate(started_at) AS day
			FROM usage FINAL WHERE started_at >= ? AND started_at < ? AND kind != 'number') AS record
		INNER JOIN (SELECT account, resource, day, sync AS pulled FROM windows FINAL
			WHERE day >= toDate(?) AND day <= toDate(?)) AS window USING (account, resource, day)
		WHERE sync < pulled GROUP BY account, started_at, kind, unit ORDER BY account, started_at, kind, unit`,
		from, to, from.Format(time.DateOnly), to.Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("look for usage that has vanished: %w", err)
	}
	defer rows.Close()
	var out []VanishedRecords
	for rows.Next() {
		var v VanishedRecords
		if err := rows.Scan(&v.Account, &v.Kind, &v.StartedAt, &v.Records, &v.Cost, &v.Currency); err != nil {
			return nil, fmt.Errorf("look for usage that has vanished: %w", err)
		}
		out = append(out, v)
	}
	return out, db.rowsErr("look for usage that has vanished", rows)
}

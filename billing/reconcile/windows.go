package reconcile

import (
	"context"
	"slices"
	"time"

	"subtally/billing"
	"subtally/internal/warehouse"
)

// PullAgain lists the windows of a month that another pull may bring nearer to
// Twilio's Usage Records: where both differ, and the window was read before them.
// One that has been pulled since then is not in it.
func PullAgain(ctx context.Context, db *warehouse.DB, r *billing.Reconciliation) ([]warehouse.Window, error) {
	month := r.Period.From.Start(time.UTC)
	asOf, err := db.UsageRecordsAsOf(ctx, month)
	if err != nil {
		return nil, err
	}
	pulled := map[warehouse.Window]time.Time{}
	for w, err := range db.EachWindow(ctx, month) {
		if err != nil {
			return nil, err
		}
		w.Day = w.Day.UTC()
		pulled[w.Window] = w.PulledAt
	}
	var out []warehouse.Window
	for _, d := range r.Differences {
		i := slices.IndexFunc(metered, func(c warehouse.UsageCategory) bool { return c.Name == d.Category })
		if i < 0 || d.Cause == billing.RecordVanished || d.Cause == billing.Rounding {
			continue
		}
		w := warehouse.Window{Account: d.Account.SID, Resource: resourceOf(metered[i].Kind), Day: d.Day.Start(time.UTC)}
		if at, ok := pulled[w]; ok && at.Before(asOf[w.Account]) && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out, nil
}

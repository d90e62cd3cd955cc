package warehouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// monthOf reads a month's Usage Records, as "account day category records cost".
func monthOf(t *testing.T, db *DB, month time.Time) []string {
	t.Helper()
	out := []string{}
	for r, err := range db.EachUsageRecord(t.Context(), month) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(r.Account, " ", r.Day.Format(time.DateOnly), " ", r.Category, " ", r.Records, " ", r.Cost))
	}
	return out
}

// A pull writes rows and then says so. Whatever it leaves undone, a month is
// read as it was, or as it is now for what was written.
func TestUsageRecordsPulledAgain(t *testing.T) {
	db := openTest(t)
	month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	row := func(day int, category, records, cost string) UsageRecord {
		return UsageRecord{Account: "ACa", Day: month.AddDate(0, 0, day-1), Category: category, Records: decimal.RequireFromString(records),
			Quantity: decimal.NewFromInt(1), Cost: decimal.RequireFromString(cost), Currency: "USD", AsOf: month}
	}
	write := func(sync uint32, rows ...UsageRecord) {
		t.Helper()
		if err := db.InsertUsageRecords(t.Context(), rows, sync); err != nil {
			t.Fatal(err)
		}
	}
	done := func(sync uint32) {
		t.Helper()
		cp := Checkpoint{Window: Window{Account: "ACa", Resource: UsageRecords, Day: month}, PulledAt: month}
		if err := db.InsertCheckpoints(t.Context(), []Checkpoint{cp}, sync); err != nil {
			t.Fatal(err)
		}
	}
	want := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, monthOf(t, db, month)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	write(1, row(1, "calls", "3", "0.123456789012"), row(31, "sms", "1", "-0.5"), row(32, "sms", "7", "7"))
	if got := monthOf(t, db, month); len(got) > 0 {
		t.Errorf("read before it is known to be whole: %v", got)
	}
	done(1)
	want("pulled", "ACa 2026-10-01 calls 3 0.123456789012", "ACa 2026-10-31 sms 1 -0.5")
	write(2, row(1, "calls", "4", "1"))
	want("a pull that died", "ACa 2026-10-01 calls 4 1", "ACa 2026-10-31 sms 1 -0.5")
	done(2)
	want("what was not found again is gone", "ACa 2026-10-01 calls 4 1")
	asOf, err := db.UsageRecordsAsOf(t.Context(), month)
	if err != nil || len(asOf) != 1 || !asOf["ACa"].Equal(month) {
		t.Errorf("as of %v, %v", asOf, err)
	}
}

// Reading says what was being read when ClickHouse refuses.
func TestUsageRecordErrors(t *testing.T) {
	db := openTest(t)
	if err := db.exec(t.Context(), "DROP TABLE usage_records"); err != nil {
		t.Fatal(err)
	}
	for _, err := range db.EachUsageRecord(t.Context(), noon) {
		if err == nil || !strings.HasPrefix(err.Error(), "read usage records: ") {
			t.Errorf("error %v", err)
		}
	}
}

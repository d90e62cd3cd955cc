package warehouse

import (
	"testing"
	"time"
)

// A date is what the server says, east and west of Greenwich.
func TestCalendar(t *testing.T) {
	want := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for _, hours := range []int{-11, 0, 2, 13} {
		zone := time.FixedZone("server", hours*3600)
		if got := calendar(time.Date(2026, 10, 1, 0, 0, 0, 0, zone)); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%+d h: %s", hours, got)
		}
	}
}

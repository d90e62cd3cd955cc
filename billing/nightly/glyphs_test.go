package nightly

import (
	"strings"
	"testing"
)

// A tenant whose name the fonts lack waits; the others are finalized.
func TestMissingGlyphs(t *testing.T) {
	j, _ := newJob(t)
	j.Biller.Tenants[1].Buyer.Name = "株式会社 Tokyo"
	r := run(t, j, at(t, "2026-11-20"))
	m := r.Months[0]
	if got, want := statuses(&m), "t1 finalized INV-2026-000001, t2 parked, t3 finalized INV-2026-000002"; got != want {
		t.Errorf("tenants %s, want %s", got, want)
	}
	reason := m.Statement.Tenants[1].Reason
	for _, want := range []string{"U+682A 株 (buyer name)", "U+793E 社 (buyer name)", "add one that has to the layout's fonts"} {
		if !strings.Contains(reason, want) {
			t.Errorf("parked because %q, which lacks %q", reason, want)
		}
	}
}

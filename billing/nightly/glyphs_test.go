package nightly

import (
	"os"
	"strings"
	"testing"

	"subtally/billing"
	"subtally/templates"
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

// undrawable is a layout with a logo that no document can be drawn with.
func undrawable(t *testing.T, j *Job) {
	t.Helper()
	j.Files.Layout = templates.New(map[string][]byte{
		templates.LayoutFile: []byte("brand: {logo: {file: our.png, height: 10, position: left}}"), "our.png": []byte("GIF89a"),
	})
	j.Biller.Layout = NewLayout(j.Files.Layout)
}

// What cannot be drawn is not finalized, and the night goes on without its PDF.
func TestUndrawable(t *testing.T) {
	j, _ := newJob(t)
	undrawable(t, j)
	r := run(t, j, at(t, "2026-11-20"))
	m := r.Months[0]
	if got, want := statuses(&m), "t1 parked, t2 parked, t3 parked"; got != want {
		t.Errorf("tenants %s, want %s", got, want)
	}
	if reason := m.Statement.Tenants[0].Reason; !strings.HasPrefix(reason, "it cannot be drawn: logo our.png: ") {
		t.Errorf("parked because %q", reason)
	}
	for _, path := range m.Files {
		if _, err := os.Stat(path); err != nil || strings.Contains(path, "drafts") {
			t.Errorf("%s: %v", path, err)
		}
	}
	// So it is for one tenant alone.
	tm, path, err := j.Finalize(t.Context(), &j.Biller.Tenants[0], Options{AsOf: date(t, "2026-11-20"), Now: at(t, "2026-11-20").Now, Period: date(t, "2026-10-01")})
	if err != nil || path != "" || tm.Status != billing.Parked {
		t.Errorf("%s at %q, %v; want it parked", tm.Status, path, err)
	}
}

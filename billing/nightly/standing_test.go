package nightly

import (
	"strings"
	"testing"

	"subtally/pricing"
)

// A month that is credited and finalized again bills nothing that a later invoice
// has billed for it: 600 s at 0.60 a minute are 6.00, and 60 s that came late 0.60.
func TestCreditedAndFinalizedAgain(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "b", "2026-10-11", 60, 1)
	finalized(t, j, sim, "2026-12-05", "2026-11") // with 0.60 of October's
	if _, _, err := j.Credit(t.Context(), "INV-2026-000001", "x", at(t, "2026-12-06")); err != nil {
		t.Fatal(err)
	}
	o := at(t, "2026-12-07")
	o.Period = pricing.Date{Year: 2026, Month: 10, Day: 1}
	sim.SetNow(o.Now)
	if tm, _, err := j.Finalize(t.Context(), &j.Biller.Tenants[0], o); err != nil || tm.Document.Revision != 2 || tm.Document.Net.String() != "6" {
		t.Fatalf("revision %d over %s, %v", tm.Document.Revision, tm.Document.Net, err)
	}
	if next := look(t, j, "2026-12-10", "t", "2026-12")[0].Document; !next.Net.IsZero() || len(next.Adjustments) > 0 {
		t.Errorf("December: %v, with %d adjustments", amounts(next), len(next.Adjustments))
	}
}

// An adjustment that went with the invoice it was on is made again: October came
// to 6.00, 0.60 of it late on November's invoice, and 0.20 on December's.
func TestAdjustmentOfACreditedInvoice(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "b", "2026-10-11", 60, 1)
	called(t, j, "n", "2026-11-11", 120, 1)
	finalized(t, j, sim, "2026-12-05", "2026-11")
	called(t, j, "c", "2026-10-12", 20, 1)
	called(t, j, "d", "2026-12-12", 120, 1)
	finalized(t, j, sim, "2027-01-05", "2026-12")
	dearer(j, "0.30") // half of what it was
	r := rerated(t, j, "INV-2026-000002", "2027-01-06")
	if r.Before.Net.String() != "1.8" || r.After.Net.String() != "1.2" { // 0.60 of November's own, and October's 0.60
		t.Errorf("from %v to %v", amounts(r.Before), amounts(r.After))
	}
	if err := j.Correct(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if next := look(t, j, "2027-01-10", "t", "2027-01")[0].Document; !next.Net.IsZero() {
		t.Errorf("January: %v", amounts(next))
	}
}

// What was adjusted in one currency cannot be taken off in another.
func TestRerateIntoAnotherCurrency(t *testing.T) {
	j, sim, _ := quiet(t)
	called(t, j, "a", "2026-10-10", 600, 1)
	finalized(t, j, sim, "2026-11-05", "2026-10")
	called(t, j, "b", "2026-10-11", 60, 1)
	finalized(t, j, sim, "2026-12-05", "2026-11")
	euros := *j.Biller.Plans["hand"]
	euros.Currency = "EUR"
	j.Biller.Plans = map[string]*pricing.Plan{"hand": &euros}
	if _, err := j.Rerate(t.Context(), "INV-2026-000001", "x", at(t, "2026-12-06")); err == nil || !strings.Contains(err.Error(), "INV-2026-000002 has adjusted it in USD") {
		t.Errorf("error %v", err)
	}
}

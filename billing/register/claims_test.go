package register

import (
	"context"
	"testing"

	"subtally/internal/warehouse/warehousetest"
)

// onStep does something the first time that a step is reached.
func onStep(t *testing.T, step string, do func()) {
	t.Helper()
	t.Cleanup(func() { reached = func(string) {} })
	reached = func(at string) {
		if at == step {
			reached = func(string) {}
			do()
		}
	}
}

// An insert that is cut off leaves the register usable: whether it claimed its
// position shows when the next one looks.
func TestCutOffWithKeeper(t *testing.T) {
	for step, want := range map[string][2]string{
		stepStored:  {"INV-2026-000003", "INV-2026-000002"}, // not claimed: the other one comes first
		stepClaimed: {"INV-2026-000002", "INV-2026-000003"},
	} {
		db := warehousetest.OpenWithKeeper(t)
		r, err := Open(t.Context(), db, Options{})
		if err != nil {
			t.Fatal(err)
		}
		issued := date(2026, 11, 4)
		finalize(t, r, october("first"), issued)
		ctx, cancel := context.WithCancel(t.Context())
		onStep(t, step, cancel)
		if e, err := r.Finalize(ctx, october("cut"), Series{format}, issued, document(october("cut"), issued)); err == nil {
			t.Errorf("%s: %v was finalized by a cut off insert", step, e)
		}
		other, cut := finalize(t, r, october("other"), issued), finalize(t, r, october("cut"), issued)
		if got := [2]string{cut.Number, other.Number}; got != want {
			t.Errorf("%s: numbers %v, want %v", step, got, want)
		}
		again, err := Open(t.Context(), db, Options{})
		if err != nil || len(again.Entries()) != 3 {
			t.Errorf("%s: %v, %v", step, again.Entries(), err)
		}
	}
}

// Who finds a position taken takes the next one, unless it was taken for the
// same.
func TestPositionTaken(t *testing.T) {
	issued := date(2026, 11, 4)
	for tenant, want := range map[string]string{"same": "INV-2026-000001", "other": "INV-2026-000002"} {
		db := warehousetest.OpenWithKeeper(t)
		var registers [2]*Register
		for i := range registers {
			var err error
			if registers[i], err = Open(t.Context(), db, Options{}); err != nil {
				t.Fatal(err)
			}
		}
		var before Entry
		onStep(t, stepStored, func() { before = finalize(t, registers[1], october(tenant), issued) })
		e := finalize(t, registers[0], october("same"), issued)
		if before.Number != "INV-2026-000001" || e.Number != want {
			t.Errorf("%s: %s, then %s; want %s", tenant, before.Number, e.Number, want)
		}
		stored, err := db.Invoices(t.Context())
		if err != nil || len(stored) != map[string]int{"same": 1, "other": 2}[tenant] {
			t.Errorf("%s: rows %v, %v", tenant, stored, err)
		}
	}
}

package pricing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two raters of one October come to what one would for what their plans share,
// however often their lines are asked for.
func TestFollow(t *testing.T) {
	half := func(from, to int) *Rater {
		p := allowing(plan(Charge{ID: "calls", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60"), Initial: 1, Increment: 1}}),
			Allowance{ID: "a", Description: "bundle", Quantity: dec("31"), Unit: Minute, Charges: []string{"calls"}})
		p.Discounts = []Discount{{ID: "d", Description: "Off", Amount: decp("10")}}
		p.Surcharges = []Surcharge{{ID: "s", Description: "Each", Amount: decp("2"), Per: SurchargeSubaccount}, {ID: "t", Description: "Tenant", Amount: decp("1")}}
		span := inOctober
		span.BilledFrom, span.BilledTo = Date{2026, 10, from}, Date{2026, 10, 1}.AddDays(to-1)
		span.Subaccounts = []Holding{{SID: "AC1", To: Date{2026, 10, 20}}, {SID: "AC2", From: Date{2026, 10, 20}, To: Date{2026, 11, 1}}}
		return NewRater(p, Tables{}, span, Carried{})
	}
	first, second := half(1, 16), half(16, 32)
	for i, r := range []*Rater{first, second} {
		rec := call("+4930", 1500) // 25 minutes
		rec.StartedAt = time.Date(2026, 10, 5+15*i, 0, 0, 0, 0, time.UTC)
		r.Rate(&rec)
	}
	for range 2 {
		// 15 of 31 minutes are included, 10 cost 6.00. The discount leaves nothing.
		if diff := cmp.Diff([]string{
			"Usage, bundle/included: 1 records, 900 second x 0/60 = 0.00", "Usage: 0 records, 600 second x 0.6/60 = 6.00",
			"Off: 0 records, 1 month x -6/1 = -6.00", "Each: 0 records, 1 subaccount x 2/1 = 2.00", "Tenant: 0 records, 1 month x 1/1 = 1.00",
		}, showAll(first.Lines())); diff != "" {
			t.Errorf("first (-want +got):\n%s", diff)
		}
		second.Follow(first)
		// 16 minutes are included, 9 cost 5.40, of which 4.00 are left to take off.
		// Only the second subaccount is new.
		if diff := cmp.Diff([]string{
			"Usage, bundle/included: 1 records, 960 second x 0/60 = 0.00", "Usage: 0 records, 540 second x 0.6/60 = 5.40",
			"Off: 0 records, 1 month x -4/1 = -4.00", "Each: 0 records, 1 subaccount x 2/1 = 2.00",
		}, showAll(second.Lines())); diff != "" {
			t.Errorf("second (-want +got):\n%s", diff)
		}
	}
}

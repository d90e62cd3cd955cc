package pricing

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestShareOfCost(t *testing.T) {
	match := Match{Kind: []Kind{Call, SMS}}
	// costing are records that Twilio charges so much for; empty for not yet.
	costing := func(costs ...string) (out []Record) {
		for _, c := range costs {
			r := call("+4930", 60)
			r.Cost = decimal.NullDecimal{}
			if c != "" {
				r.Cost = decimal.NewNullDecimal(dec(c))
			}
			out = append(out, r)
		}
		return out
	}
	tests := []struct {
		name  string
		plan  *Plan
		usage []Record
		want  []string
	}{
		{"percentage of the cost, and a fee for each record",
			// 15 % of 30 = 4.50; 3 x 0.02.
			plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("15"), Fee: dec("0.02")}}),
			costing("10", "5", "15"),
			[]string{"Usage: 3 records, 30 USD x 15/100 = 4.50", "Usage, fee per call: 0 records, 3 call x 0.02/1 = 0.06"}},
		{"what is free comes off the period's sum, of all kinds together",
			// 30 - 12 = 18 at 15 % = 2.70; 3 - 2 = 1 fee.
			plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("15"), Fee: dec("0.02"), FreeAmount: dec("12"), FreeRecords: 2}}),
			func() []Record {
				list := costing("10", "5", "15")
				list[1].Kind, list[1].Status = SMS, "sent"
				return list
			}(),
			[]string{"Usage/included: 3 records, 12 USD x 0/100 = 0.00", "Usage: 0 records, 18 USD x 15/100 = 2.70",
				"Usage, fee per call/included: 0 records, 2 call x 0/1 = 0.00", "Usage, fee per call: 0 records, 1 call x 0.02/1 = 0.02"}},
		{"everything is free",
			plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("15"), FreeAmount: dec("100")}}),
			costing("10"),
			[]string{"Usage/included: 1 records, 10 USD x 0/100 = 0.00"}},
		{"minimum and maximum of a record, the fee included",
			// 10 % of 1 + 0.05 = 0.15 is below 0.50; of 10 + 0.05 = 1.05 is between; of 100 + 0.05 = 10.05 is above 5.
			plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("10"), Fee: dec("0.05"), Minimum: decp("0.50"), Maximum: decp("5")}}),
			costing("1", "10", "100"),
			[]string{"Usage: 1 records, 10 USD x 10/100 = 1.00", "Usage, minimum charge: 1 records, 1 call x 0.5/1 = 0.50",
				"Usage, maximum charge: 1 records, 1 call x 5/1 = 5.00", "Usage, fee per call: 0 records, 1 call x 0.05/1 = 0.05"}},
		{"a missing cost that the plan names",
			plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("10"), MissingCost: decp("2")}}),
			costing("", "8"),
			[]string{"Usage: 2 records, 10 USD x 10/100 = 1.00"}},
		{"cost plus between a floor and a cap",
			// 2 x 0.10 is below 0.50; 2 x 1 is between; 2 x 4 is above 5.
			plan(Charge{Match: match, CostPlus: &CostPlus{Multiplier: decp("2"), Minimum: decp("0.50"), Maximum: decp("5")}}),
			costing("0.10", "1", "4"),
			[]string{"Usage: 1 records, 1 USD x 2/1 = 2.00", "Usage, minimum charge: 1 records, 1 call x 0.5/1 = 0.50", "Usage, maximum charge: 1 records, 1 call x 5/1 = 5.00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if problems := tt.plan.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(tt.plan, Tables{}, inOctober, Carried{})
			var itemized, exact decimal.Decimal
			for i := range tt.usage {
				res := r.Rate(&tt.usage[i])
				if res.Outcome != Rated {
					t.Errorf("record %d: %s", i, res.Reason)
				}
				itemized = itemized.Add(r.Itemize(res))
			}
			for _, l := range r.Lines() {
				exact = exact.Add(l.Exact())
			}
			if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if !itemized.Equal(exact) {
				t.Errorf("records add up to %s, lines to %s", itemized, exact)
			}
		})
	}

	// Without a cost, or with one in another currency, there is no price.
	p := plan(Charge{Match: match, Percentage: &Percentage{Rate: dec("10")}})
	foreign := costing("1")[0]
	foreign.Currency = "EUR"
	for _, rec := range append(costing(""), foreign) {
		if res := NewRater(p, Tables{}, inOctober, Carried{}).Rate(&rec); res.Outcome != NoRate {
			t.Errorf("cost %v %s was rated", rec.Cost, rec.Currency)
		}
	}
}

func TestCheckShareOfCost(t *testing.T) {
	var got []string
	for _, p := range plan(
		Charge{Match: Match{Kind: []Kind{Number}}, Percentage: &Percentage{Rate: dec("-1"), FreeRecords: -1}},
		Charge{Match: Match{Kind: []Kind{Call}}, CostPlus: &CostPlus{Minimum: decp("2"), Maximum: decp("1")}},
	).Check(nil) {
		got = append(got, p.Path+": "+p.Text)
	}
	want := []string{
		"charges[0].match.kind[0]: twilio's number list has no cost: price numbers by per_unit",
		"charges[0].percentage.free_records: -1 is negative",
		"charges[0].percentage.rate: -1 is negative",
		"charges[1].cost_plus.maximum: 1 is below the minimum of 2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
}

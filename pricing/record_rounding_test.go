package pricing

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoundRecords(t *testing.T) {
	calls := Match{Kind: []Kind{Call}}
	each := func(mode Rounding, decimals int) *RecordRounding { return &RecordRounding{mode, decimals} }
	bySecond := PerMinute{Rate: decp("0.07"), Initial: 1, Increment: 1}
	three := []Record{call("+4930", 32), call("+4930", 57), call("+4930", 75)}
	tests := []struct {
		name   string
		charge Charge
		usage  []Record
		want   []string
	}{
		{"none: 164 s x 0.07 / 60 = 0.19133...",
			Charge{Match: calls, PerMinute: &bySecond}, three,
			[]string{"Usage: 3 records, 164 second x 0.07/60 = 0.19"}},
		// 0.03733, 0.0665, 0.0875
		{"up, 2 decimals: 0.04 + 0.07 + 0.09",
			Charge{Match: calls, PerMinute: &bySecond, RoundRecords: each(Up, 2)}, three,
			[]string{"Usage, rounded per record: 3 records, 0.2 USD x 1/1 = 0.20"}},
		{"down, 2 decimals: 0.03 + 0.06 + 0.08",
			Charge{Match: calls, PerMinute: &bySecond, RoundRecords: each(Down, 2)}, three,
			[]string{"Usage, rounded per record: 3 records, 0.17 USD x 1/1 = 0.17"}},
		{"half_even, 3 decimals: 0.037 + 0.066 (a tie) + 0.088 (a tie)",
			Charge{Match: calls, PerMinute: &bySecond, RoundRecords: each(HalfEven, 3)}, three,
			[]string{"Usage, rounded per record: 3 records, 0.191 USD x 1/1 = 0.19"}},
		{"half_up where no mode is given: 0.037 + 0.067 + 0.088",
			Charge{Match: calls, PerMinute: &bySecond, RoundRecords: each("", 3)}, three,
			[]string{"Usage, rounded per record: 3 records, 0.192 USD x 1/1 = 0.19"}},
		{"connect fee and minimum are part of the record",
			// 60 s x 0.0055 / 60 + 0.001 = 0.0065, to 0.01; a call of no second is 0.
			Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.0055"), ConnectFee: dec("0.001")}, RoundRecords: each(HalfUp, 2)},
			[]Record{call("+4930", 60), call("+4930", 0)},
			[]string{"Usage, rounded per record: 2 records, 0.01 USD x 1/1 = 0.01"}},
		{"per unit: 3 segments at 0.0035 are 0.0105, to 0.011",
			Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0.0035")}, RoundRecords: each(HalfUp, 3)},
			[]Record{sms(3), sms(1)}, // 0.0035 to 0.004
			[]string{"Usage, rounded per record: 2 records, 0.015 USD x 1/1 = 0.02"}},
		{"cost plus: 0.0140 x 1.25 = 0.0175, to 0.018",
			Charge{Match: calls, CostPlus: &CostPlus{Multiplier: decp("1.25")}, RoundRecords: each(HalfUp, 3)},
			[]Record{call("+4930", 60)},
			[]string{"Usage, rounded per record: 1 records, 0.018 USD x 1/1 = 0.02"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(tt.charge)
			if bad := p.Check(nil); len(bad) > 0 {
				t.Fatal(bad)
			}
			r := NewRater(p, Tables{}, inOctober, Carried{})
			for i := range tt.usage {
				r.Rate(&tt.usage[i])
			}
			if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoundRecordsProblems(t *testing.T) {
	sum := "charge \"c%d\" prices a sum, so no record has an amount of its own to round"
	p := plan(
		Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("1")}, RoundRecords: &RecordRounding{"ceil", 10}},
		Charge{Match: Match{Kind: []Kind{SMS}}, Graduated: &Graduated{Tiered{Tiers: []Tier{{}}}}, RoundRecords: &RecordRounding{}},
		Charge{Match: Match{Kind: []Kind{Number}}, PerUnit: &PerUnit{UnitPrice: decp("1"), Per: PerMonth}, RoundRecords: &RecordRounding{}},
		Charge{Flat: &Flat{}, RoundRecords: &RecordRounding{}},
	)
	want := []Problem{
		{Path: "charges[0].round_records.decimals", Text: "10 is not a number of decimals from 0 to 9"},
		{Path: "charges[0].round_records.mode", Text: `"ceil" is not a rounding mode; use half_up, half_even, up or down`},
		{Path: "charges[1].round_records", Text: fmt.Sprintf(sum, 2)},
		{Path: "charges[2].round_records", Text: fmt.Sprintf(sum, 3)},
		{Path: "charges[3].round_records", Text: fmt.Sprintf(sum, 4)},
	}
	if diff := cmp.Diff(want, p.Check(nil)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

package pricing

import (
	"slices"
	"strings"
	"testing"
	"time"

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
			checkLines(t, tt.plan, tt.usage, tt.want)
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

// A graduated percentage prices the period's cost by tiers.
func TestPercentageTiers(t *testing.T) {
	cost := func(amount string) Record {
		r := call("+4930", 60)
		r.Cost = decimal.NewNullDecimal(dec(amount))
		return r
	}
	tiers := []ShareTier{{UpTo: decp("100"), Rate: dec("20")}, {UpTo: decp("500"), Rate: dec("15"), FlatFee: dec("5")}, {Rate: dec("10")}}
	for _, tt := range []struct {
		name  string
		m     Percentage
		costs []string
		want  []string
	}{
		{"up to the first bound",
			Percentage{Tiers: tiers}, []string{"60", "40"},
			[]string{"Usage/up to 100: 2 records, 100 USD x 20/100 = 20.00"}},
		{"one cent above it: 0.01 x 15 % and the tier's fee",
			Percentage{Tiers: tiers}, []string{"100.01"},
			[]string{"Usage/up to 100: 1 records, 100 USD x 20/100 = 20.00", "Usage/up to 500: 0 records, 0.01 USD x 15/100 = 0.00", "Usage/up to 500, flat fee: 0 records, 1 month x 5/1 = 5.00"}},
		{"all tiers, after 10 free, with a fee for each record but one",
			// 610 - 10: 100 x 20 % + 400 x 15 % + 5 + 100 x 10 %; one of two records pays 0.05.
			Percentage{Tiers: tiers, FreeAmount: dec("10"), Fee: dec("0.05"), FreeRecords: 1}, []string{"600", "10"},
			[]string{
				"Usage/included: 2 records, 10 USD x 0/1 = 0.00",
				"Usage/up to 100: 0 records, 100 USD x 20/100 = 20.00",
				"Usage/up to 500: 0 records, 400 USD x 15/100 = 60.00",
				"Usage/up to 500, flat fee: 0 records, 1 month x 5/1 = 5.00",
				"Usage/above 500: 0 records, 100 USD x 10/100 = 10.00",
				"Usage, fee per call/included: 0 records, 1 call x 0/1 = 0.00",
				"Usage, fee per call: 0 records, 1 call x 0.05/1 = 0.05"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var usage []Record
			for _, c := range tt.costs {
				usage = append(usage, cost(c))
			}
			checkLines(t, plan(Charge{Match: Match{Kind: []Kind{Call}}, Percentage: &tt.m}), usage, tt.want)
		})
	}
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, Percentage: &Percentage{Rate: dec("1"), Maximum: decp("1"), Tiers: []ShareTier{{Rate: dec("-1")}, {UpTo: decp("5")}}}})
	want := []Problem{
		{Path: "charges[0].percentage.rate", Text: "has a rate and tiers; keep one"},
		{Path: "charges[0].percentage.tiers", Text: "the share of one record is not known where tiers price the sum: leave minimum and maximum out"},
		{Path: "charges[0].percentage.tiers[0]", Text: "only the last tier may be open: give up_to"},
		{Path: "charges[0].percentage.tiers[0].rate", Text: "-1 is negative"},
		{Path: "charges[0].percentage.tiers[1].up_to", Text: "the last tier must be open: leave up_to out, or usage above 5 has no price"},
	}
	if diff := cmp.Diff(want, p.Check(nil)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// Costs in another currency are converted by the rate of the record's day; one
// without a rate has no price.
func TestExchangeRates(t *testing.T) {
	rates, bad := ParseExchangeRates(strings.NewReader("date,from,to,rate\n2026-10-05,USD,EUR,0.92\n2026-10-11,USD,EUR,0.9\n"))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	usage := func(r *Rater) (outcomes []Outcome) {
		for _, day := range []int{4, 5, 10, 11, 31} {
			rec := call("+4930", 60) // costs 0.0140 USD
			rec.StartedAt = time.Date(2026, 10, day, 23, 59, 59, 0, time.UTC)
			outcomes = append(outcomes, r.Rate(&rec).Outcome)
		}
		return outcomes
	}
	for _, tt := range []struct {
		charge Charge
		want   string
	}{
		// 2 x 0.0140 x 0.92 + 2 x 0.0140 x 0.9 = 0.02576 + 0.0252 = 0.05096.
		{Charge{CostPlus: &CostPlus{Multiplier: decp("1.5")}}, "Usage: 4 records, 0.05096 EUR x 1.5/1 = 0.08"},
		{Charge{Percentage: &Percentage{Rate: dec("120")}}, "Usage: 4 records, 0.05096 EUR x 120/100 = 0.06"},
	} {
		tt.charge.Match.Kind = []Kind{Call}
		p := plan(tt.charge)
		p.Currency = "EUR"
		r := NewRater(p, Tables{Rates: rates}, inOctober, Carried{})
		if got, want := usage(r), []Outcome{NoRate, Rated, Rated, Rated, Rated}; !cmp.Equal(want, got) {
			t.Errorf("outcomes %v, want %v", got, want)
		}
		if got := showAll(r.Lines()); len(got) != 1 || got[0] != tt.want {
			t.Errorf("lines %v, want %s", got, tt.want)
		}
		wantRates := []ExchangeRate{
			{From: "USD", To: "EUR", Day: Date{2026, 10, 5}, Rate: dec("0.92"), Until: Date{2026, 10, 11}}, {From: "USD", To: "EUR", Day: Date{2026, 10, 11}, Rate: dec("0.9")},
		}
		if diff := cmp.Diff(wantRates, r.ExchangeRates()); diff != "" {
			t.Errorf("exchange rates used (-want +got):\n%s", diff)
		}
		if u := r.Unrated(); len(u) != 1 || u[0].Reason != "no exchange rate from USD to EUR before 2026-10-05" {
			t.Errorf("unrated: %v", u)
		}
	}
	// Neither the inverse nor no rate at all is taken for 1.
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, CostPlus: &CostPlus{}})
	p.Currency = "JPY"
	for _, tables := range []Tables{{}, {Rates: rates}} {
		r := NewRater(p, tables, inOctober, Carried{})
		usage(r)
		if u := r.Unrated(); len(u) != 1 || u[0].Records != 5 || u[0].Reason != "no exchange rate from USD to JPY" {
			t.Errorf("unrated: %v", u)
		}
	}
}

// Refunds: Twilio pays more back than it charges.
func TestRefunds(t *testing.T) {
	refund := call("+4930", 60)
	refund.Cost = decimal.NewNullDecimal(dec("-2"))
	for _, tt := range []struct {
		name   string
		charge Charge
		want   string
	}{
		{"a minimum of nothing keeps a record from costing less",
			Charge{CostPlus: &CostPlus{Minimum: decp("0")}}, "Usage, minimum charge: 1 records, 1 call x 0/1 = 0.00"},
		{"without one it is passed on",
			Charge{CostPlus: &CostPlus{}}, "Usage: 1 records, -2 USD x 1/1 = -2.00"},
		{"a share of it is given back, by the first tier, and nothing of it is free",
			Charge{Percentage: &Percentage{FreeAmount: dec("5"), Tiers: []ShareTier{{UpTo: decp("10"), Rate: dec("20")}, {Rate: dec("10")}}}},
			"Usage/up to 10: 1 records, -2 USD x 20/100 = -0.40"},
	} {
		tt.charge.Match.Kind = []Kind{Call}
		p := plan(tt.charge)
		if bad := p.Check(nil); len(bad) > 0 {
			t.Fatal(bad)
		}
		r := NewRater(p, Tables{}, inOctober, Carried{})
		r.Rate(&refund)
		if got := showAll(r.Lines()); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

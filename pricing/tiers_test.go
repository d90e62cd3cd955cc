package pricing

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// steps are 0.10 up to 100, 0.05 up to 1000, 0.02 above.
func steps() []Tier {
	return []Tier{
		{UpTo: decp("100"), UnitPrice: dec("0.10")},
		{UpTo: decp("1000"), UnitPrice: dec("0.05")},
		{UnitPrice: dec("0.02")},
	}
}

func TestSums(t *testing.T) {
	sms := Match{Kind: []Kind{SMS}}
	calls := Match{Kind: []Kind{Call}}
	segments := func(n ...int64) (out []Record) {
		for i, s := range n {
			r := call("+14155550111", s)
			r.Kind, r.Status, r.Account = SMS, "delivered", fmt.Sprintf("AC%d", i%2+1)
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
		{"graduated: each tier prices its own units",
			// 100 x 0.10 + 900 x 0.05 + 500 x 0.02 = 10 + 45 + 10.
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Tiers: steps()}}}),
			segments(600, 900),
			[]string{"Usage/up to 100: 2 records, 100 segment x 0.1/1 = 10.00", "Usage/up to 1000: 0 records, 900 segment x 0.05/1 = 45.00", "Usage/above 1000: 0 records, 500 segment x 0.02/1 = 10.00"}},
		{"graduated: up_to is inclusive",
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Tiers: steps()}}}),
			segments(100),
			[]string{"Usage/up to 100: 1 records, 100 segment x 0.1/1 = 10.00"}},
		{"volume: the tier reached prices all units",
			// 1500 x 0.02.
			plan(Charge{Match: sms, Volume: &Volume{Tiered{Tiers: steps()}}}),
			segments(600, 900),
			[]string{"Usage/above 1000: 2 records, 1500 segment x 0.02/1 = 30.00"}},
		{"volume: up_to is inclusive",
			plan(Charge{Match: sms, Volume: &Volume{Tiered{Tiers: steps()}}}),
			segments(1000),
			[]string{"Usage/up to 1000: 1 records, 1000 segment x 0.05/1 = 50.00"}},
		{"free units come off first",
			// 1500 - 1450 = 50, in the first tier.
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Meter: Meter{FreeUnits: dec("1450")}, Tiers: steps()}}}),
			segments(600, 900),
			[]string{"Usage/included: 2 records, 1450 segment x 0/1 = 0.00", "Usage/up to 100: 0 records, 50 segment x 0.1/1 = 5.00"}},
		{"free units are not more than was used",
			plan(Charge{Match: sms, PerUnit: &PerUnit{Meter: Meter{FreeUnits: dec("1450")}, UnitPrice: decp("1")}}),
			segments(7),
			[]string{"Usage/included: 1 records, 7 segment x 0/1 = 0.00"}},
		{"flat fee and cap of a tier",
			// Tier 1: 100 x 0.10 = 10, at most 8, and 1 flat; tier 2: 50 x 0.05.
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Tiers: []Tier{
				{UpTo: decp("100"), UnitPrice: dec("0.10"), FlatFee: dec("1"), Cap: decp("8")},
				{UnitPrice: dec("0.05"), FlatFee: dec("2")}}}}}),
			segments(150),
			[]string{"Usage/up to 100, at most: 1 records, 1 month x 8/1 = 8.00", "Usage/up to 100, flat fee: 0 records, 1 month x 1/1 = 1.00",
				"Usage/above 100: 0 records, 50 segment x 0.05/1 = 2.50", "Usage/above 100, flat fee: 0 records, 1 month x 2/1 = 2.00"}},
		{"over each subaccount on its own",
			// AC1 has 120 = 100 + 20, AC2 has 30.
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Meter: Meter{Over: OverSubaccount}, Tiers: steps()}}}),
			segments(60, 30, 60),
			[]string{"Usage/AC1, up to 100: 2 records, 100 segment x 0.1/1 = 10.00", "Usage/AC1, up to 1000: 0 records, 20 segment x 0.05/1 = 1.00", "Usage/AC2, up to 100: 1 records, 30 segment x 0.1/1 = 3.00"}},
		{"minutes round up for each call",
			// 61 s is 2 minutes, 60 s is 1, 1 s is 1: 4 x 0.5.
			plan(Charge{Match: calls, PerUnit: &PerUnit{Meter: Meter{Quantity: QuantityMinutes, Over: OverTenant}, UnitPrice: decp("0.5")}}),
			[]Record{call("+49", 61), call("+49", 60), call("+49", 1)},
			[]string{"Usage: 3 records, 4 minute x 0.5/1 = 2.00"}},
		{"conversion divides the sum and rounds it",
			// 61 + 60 + 1 = 122 s is 3 minutes begun.
			plan(Charge{Match: calls, PerUnit: &PerUnit{Meter: Meter{Convert: &Convert{Divide: 60}}, UnitPrice: decp("0.5")}}),
			[]Record{call("+49", 61), call("+49", 60), call("+49", 1)},
			[]string{"Usage: 3 records, 3 60 seconds x 0.5/1 = 1.50"}},
		{"graduated by blocks: the last block counts whole",
			// 100 in 10 blocks at 1, 25 in 3 blocks at 0.5.
			plan(Charge{Match: sms, Graduated: &Graduated{Tiered{Block: 10, Tiers: []Tier{{UpTo: decp("100"), UnitPrice: dec("1")}, {UnitPrice: dec("0.5")}}}}}),
			segments(125),
			[]string{"Usage/up to 100, blocks of 10: 1 records, 10 block x 1/1 = 10.00", "Usage/above 100, blocks of 10: 0 records, 3 block x 0.5/1 = 1.50"}},
		{"package: a started block is charged whole",
			plan(Charge{Match: sms, Package: &Package{Size: 1000, Price: dec("9")}}),
			segments(1000, 1),
			[]string{"Usage/blocks of 1000: 2 records, 2 block x 9/1 = 18.00"}},
		{"package: a started block is free",
			plan(Charge{Match: sms, Package: &Package{Size: 1000, Price: dec("9"), Round: Down}}),
			segments(1999),
			[]string{"Usage/blocks of 1000: 1 records, 1 block x 9/1 = 9.00"}},
		{"package: less than a free block is still shown",
			plan(Charge{Match: sms, Package: &Package{Size: 1000, Price: dec("9"), Round: Down}}),
			segments(999),
			[]string{"Usage: 1 records, 999 segment x 0/1 = 0.00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLines(t, tt.plan, tt.usage, tt.want)
		})
	}
}

func TestCheckTiers(t *testing.T) {
	sms := Match{Kind: []Kind{SMS}}
	tests := []struct {
		name   string
		charge Charge
		want   []string
	}{
		{"no tiers", Charge{Match: sms, Graduated: &Graduated{}}, []string{"charges[0].graduated.tiers: needs at least one tier"}},
		{"a last tier with an end", Charge{Match: sms, Volume: &Volume{Tiered{Tiers: []Tier{{UpTo: decp("5")}}}}},
			[]string{"charges[0].volume.tiers[0].up_to: the last tier must be open: leave up_to out, or usage above 5 has no price"}},
		{"an open tier in the middle", Charge{Match: sms, Volume: &Volume{Tiered{Tiers: []Tier{{}, {}}}}},
			[]string{"charges[0].volume.tiers[0]: only the last tier may be open: give up_to"}},
		{"tiers out of order", Charge{Match: sms, Volume: &Volume{Tiered{Tiers: []Tier{{UpTo: decp("10")}, {UpTo: decp("10")}, {}}}}},
			[]string{"charges[0].volume.tiers[1].up_to: 10 is not above 10, where the tier begins"}},
		{"a tier that cuts a block", Charge{Match: sms, Graduated: &Graduated{Tiered{Block: 10, Tiers: []Tier{{UpTo: decp("15")}, {}}}}},
			[]string{"charges[0].graduated.tiers[0].up_to: 15 is not a multiple of the block of 10"}},
		{"units that do not add up", Charge{Match: Match{Kind: []Kind{SMS, MMS}}, Package: &Package{Size: 1}},
			[]string{"charges[0].match.kind[1]: mms counts messages and sms counts segments: count records, or make two charges"}},
		{"counted as records they do", Charge{Match: Match{Kind: []Kind{SMS, MMS}}, Package: &Package{Meter: Meter{Quantity: QuantityRecords}, Size: 1}}, nil},
		{"minutes of messages", Charge{Match: sms, Package: &Package{Meter: Meter{Quantity: QuantityMinutes}, Size: 1}},
			[]string{"charges[0].match.kind[0]: sms has no duration to count in minutes"}},
		{"two models", Charge{Match: sms, Package: &Package{Size: 1}, PerUnit: &PerUnit{UnitPrice: decp("1")}},
			[]string{`charges[0]: charge "c1" has 2 models; it needs exactly one of per_minute, per_unit, graduated, volume, package, percentage, cost_plus, flat`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range plan(tt.charge).Check(nil) {
				got = append(got, p.Path+": "+p.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTiersAgainstRationals prices random sums by the definition of graduated
// and volume pricing, unit by unit.
func TestTiersAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tiers []Tier
		var upTo int64
		for range rapid.IntRange(0, 4).Draw(t, "closed tiers") {
			upTo += rapid.Int64Range(1, 50).Draw(t, "width")
			d := decimal.NewFromInt(upTo)
			tiers = append(tiers, Tier{UpTo: &d})
		}
		tiers = append(tiers, Tier{})
		for i := range tiers {
			tiers[i].UnitPrice = decimal.New(rapid.Int64Range(0, 1e6).Draw(t, "price"), -6)
			tiers[i].FlatFee = decimal.New(rapid.Int64Range(0, 1e3).Draw(t, "fee"), -2)
		}
		units := rapid.Int64Range(0, 250).Draw(t, "units")
		tierOf := func(unit int64) int {
			return slices.IndexFunc(tiers, func(tr Tier) bool {
				return tr.UpTo == nil || decimal.NewFromInt(unit).LessThanOrEqual(*tr.UpTo)
			})
		}
		graduated, volume := new(big.Rat), new(big.Rat)
		entered := map[int]bool{}
		for unit := int64(1); unit <= units; unit++ {
			tr := &tiers[tierOf(unit)]
			graduated.Add(graduated, rat(tr.UnitPrice))
			if !entered[tierOf(unit)] {
				entered[tierOf(unit)] = true
				graduated.Add(graduated, rat(tr.FlatFee))
			}
		}
		if units > 0 {
			tr := &tiers[tierOf(units)]
			volume.Mul(rat(tr.UnitPrice), new(big.Rat).SetInt64(units))
			volume.Add(volume, rat(tr.FlatFee))
		}
		for name, tt := range map[string]struct {
			charge Charge
			want   *big.Rat
		}{
			"graduated": {Charge{Match: Match{Kind: []Kind{SMS}}, Graduated: &Graduated{Tiered{Tiers: tiers}}}, graduated},
			"volume":    {Charge{Match: Match{Kind: []Kind{SMS}}, Volume: &Volume{Tiered{Tiers: tiers}}}, volume},
		} {
			p := plan(tt.charge)
			if problems := p.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(p, Tables{}, inOctober, Carried{})
			for left := units; left > 0; {
				n := rapid.Int64Range(1, left).Draw(t, "record")
				rec := sms(n)
				r.Rate(&rec)
				left -= n
			}
			got := new(big.Rat)
			for _, l := range r.Lines() {
				got.Add(got, rat(l.Exact()))
			}
			if got.Cmp(tt.want) != 0 {
				t.Fatalf("%s of %d units = %s, want %s", name, units, got.FloatString(8), tt.want.FloatString(8))
			}
		}
	})
}

// A started block is free with round: down; the tier is still found by units.
func TestBlocksRoundedDown(t *testing.T) {
	blocks := Tiered{Block: 100, Round: Down, Tiers: []Tier{{UpTo: decp("1000"), UnitPrice: dec("3")}, {UnitPrice: dec("2")}}}
	for _, tt := range []struct {
		segments int64
		charge   Charge
		want     []string
	}{
		{99, Charge{Graduated: &Graduated{blocks}}, []string{"Usage/up to 1000, blocks of 100: 1 records, 0 block x 3/1 = 0.00"}},
		{250, Charge{Graduated: &Graduated{blocks}}, []string{"Usage/up to 1000, blocks of 100: 1 records, 2 block x 3/1 = 6.00"}},
		// 10 blocks x 3, 1 block x 2, 50 segments free.
		{1150, Charge{Graduated: &Graduated{blocks}}, []string{
			"Usage/up to 1000, blocks of 100: 1 records, 10 block x 3/1 = 30.00", "Usage/above 1000, blocks of 100: 0 records, 1 block x 2/1 = 2.00"}},
		// 11 blocks x 2.
		{1150, Charge{Volume: &Volume{blocks}}, []string{"Usage/above 1000, blocks of 100: 1 records, 11 block x 2/1 = 22.00"}},
	} {
		tt.charge.Match.Kind = []Kind{SMS}
		p := plan(tt.charge)
		if bad := p.Check(nil); len(bad) > 0 {
			t.Fatal(bad)
		}
		r := NewRater(p, Tables{}, inOctober, Carried{})
		rec := sms(tt.segments)
		r.Rate(&rec)
		if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
			t.Errorf("%d segments (-want +got):\n%s", tt.segments, diff)
		}
	}
	p := plan(Charge{Match: Match{Kind: []Kind{SMS}}, Volume: &Volume{Tiered{Round: HalfUp, Tiers: []Tier{{}}}}})
	want := []Problem{
		{Path: "charges[0].volume.round", Text: `"half_up" is not known; use up (a started block is charged whole) or down (it is free)`},
		{Path: "charges[0].volume.round", Text: "only blocks are rounded: give a block of more than one unit"},
	}
	if diff := cmp.Diff(want, p.Check(nil)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// Every quantity can be named; one that its kind does not count is a problem.
func TestQuantities(t *testing.T) {
	recording := call("", 90)
	recording.Kind, recording.Direction = Recording, ""
	number := call("+14155550100", 1)
	number.Kind, number.Direction, number.Status = Number, "", "held"
	mms := sms(1)
	mms.Kind = MMS
	lookup := sms(7)
	lookup.Kind, lookup.Category, lookup.Status = Other, "lookups", "counted"
	for quantity, tt := range map[string]struct {
		rec  Record
		want string
	}{
		QuantityMinutes:  {recording, "Usage: 1 records, 2 minute x 0.5/1 = 1.00"},
		QuantityRecords:  {recording, "Usage: 1 records, 1 recording x 0.5/1 = 0.50"},
		QuantitySeconds:  {recording, "Usage: 1 records, 90 second x 0.5/1 = 45.00"},
		QuantitySegments: {sms(3), "Usage: 1 records, 3 segment x 0.5/1 = 1.50"},
		QuantityMessages: {mms, "Usage: 1 records, 1 message x 0.5/1 = 0.50"},
		QuantityDays:     {number, "Usage: 1 records, 1 day x 0.5/1 = 0.50"},
		QuantityUnits:    {lookup, "Usage: 1 records, 7 unit x 0.5/1 = 3.50"},
	} {
		p := plan(Charge{Match: Match{Kind: []Kind{tt.rec.Kind}}, PerUnit: &PerUnit{Meter: Meter{Quantity: quantity}, UnitPrice: decp("0.5")}})
		if bad := p.Check(nil); len(bad) > 0 {
			t.Fatal(bad)
		}
		r := NewRater(p, Tables{}, inOctober, Carried{})
		r.Rate(&tt.rec)
		if got := showAll(r.Lines()); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %v, want %s", quantity, got, tt.want)
		}
	}
	p := plan(Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{Meter: Meter{Quantity: QuantityDays}, UnitPrice: decp("0.5")}})
	want := []Problem{{Path: "charges[0].match.kind[0]", Text: "sms counts segments, not days"}}
	if diff := cmp.Diff(want, p.Check(nil)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// A category tells records of kind other apart.
func TestCategory(t *testing.T) {
	lookup := sms(7)
	lookup.Kind, lookup.Category, lookup.Status = Other, "lookups", "counted"
	verify := lookup
	verify.Category = "verify"
	p := plan(
		Charge{Match: Match{Kind: []Kind{Other}, Category: []string{"lookups"}}, PerUnit: &PerUnit{UnitPrice: decp("0.01")}},
		Charge{Match: Match{Kind: []Kind{SMS}, Category: []string{"lookups"}}, PerUnit: &PerUnit{UnitPrice: decp("0.01")}},
	)
	want := []Problem{{Path: "charges[1].match.kind[0]", Text: "only kind other has a category; leave match.category out for sms"}}
	if diff := cmp.Diff(want, p.Check(nil)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	r.Rate(&lookup)
	if res := r.Rate(&verify); res.Outcome != NoRate {
		t.Errorf("another category was rated by %s", res.Charge)
	}
	if got, want := showAll(r.Lines()), []string{"Usage: 1 records, 7 unit x 0.01/1 = 0.07"}; !cmp.Equal(want, got) {
		t.Errorf("lines %v, want %v", got, want)
	}
}

// The line of a sum over several kinds does not depend on which comes first.
func TestSumOverKinds(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{SMS, Call}}, PerUnit: &PerUnit{Meter: Meter{Quantity: QuantityRecords, Over: OverTenant}, UnitPrice: decp("0.5")}})
	text, voice := sms(3), call("+4930", 60)
	for _, usage := range [][]*Record{{&text, &voice, &voice}, {&voice, &voice, &text}} {
		r := NewRater(p, Tables{}, inOctober, Carried{})
		for _, rec := range usage {
			r.Rate(rec)
		}
		lines := r.Lines()
		if len(lines) != 1 || lines[0].Kind != SMS || show(lines[0]) != "Usage: 3 records, 3 record x 0.5/1 = 1.50" {
			t.Errorf("lines %+v", lines)
		}
	}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	r.Rate(&voice)
	if lines := r.Lines(); lines[0].Kind != Call || show(lines[0]) != "Usage: 1 records, 1 call x 0.5/1 = 0.50" {
		t.Errorf("lines %+v", lines)
	}
}

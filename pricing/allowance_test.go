package pricing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// allowing is a plan with allowances; those without an id or a description get
// one.
func allowing(p *Plan, allowances ...Allowance) *Plan {
	for i := range allowances {
		a := &allowances[i]
		if a.ID == "" {
			a.ID = fmt.Sprintf("a%d", i+1)
		}
		if a.Description == "" {
			a.Description = "bundle"
		}
	}
	p.Allowances = allowances
	return p
}

// twice prices the usage in two passes and answers the rater of the first, and
// what each record comes to by the second.
func twice(t rapid.TB, p *Plan, tables Tables, span Span, carried Carried, usage []Record) (r *Rater, amounts []decimal.Decimal) {
	t.Helper()
	r = NewRater(p, tables, span, carried)
	for i := range usage {
		if res := r.Rate(&usage[i]); res.Outcome != Rated {
			t.Fatalf("record %d: %s", i, res.Reason)
		}
	}
	again := r.Again()
	for i := range usage {
		amounts = append(amounts, again.Itemize(again.Rate(&usage[i])))
	}
	var itemized, exact decimal.Decimal
	for _, a := range amounts {
		itemized = itemized.Add(a)
	}
	for _, l := range r.Lines() {
		if l.Category != Adjustments && l.Category != Fees {
			exact = exact.Add(l.Exact())
		}
	}
	if !itemized.Equal(exact) {
		t.Fatalf("records add up to %s, lines to %s", itemized, exact)
	}
	for name, other := range map[string]*Rater{"asked again": r, "of the second pass": again} {
		if diff := cmp.Diff(showAll(r.Lines()), showAll(other.Lines())); diff != "" {
			t.Fatalf("lines %s (-first +%s):\n%s", name, name, diff)
		}
		if diff := cmp.Diff(r.Carry(), other.Carry()); diff != "" {
			t.Fatalf("carried %s (-first +%s):\n%s", name, name, diff)
		}
	}
	return r, amounts
}

func TestAllowance(t *testing.T) {
	world := mustDeck(t, "prefix,destination,rate\n1,US,0.01\n44,Britain,0.02\n49,Germany,0.02\n4915,Germany mobile,0.09\n")
	calls := Match{Kind: []Kind{Call}}
	domestic := Match{Kind: []Kind{Call}, ToPrefix: []string{"1"}}
	perMinute := func(rate string) *PerMinute { return &PerMinute{Rate: decp(rate)} }
	perSecond := func(rate string) *PerMinute { return &PerMinute{Rate: decp(rate), Initial: 1, Increment: 1} }
	from := func(account string, rec Record) Record { rec.Account = account; return rec }
	minutes := func(n string, charges ...string) Allowance {
		return Allowance{Quantity: dec(n), Unit: Minute, Charges: charges}
	}
	tests := []struct {
		name    string
		plan    *Plan
		usage   []Record
		want    []string
		amounts []string // of each record; not looked at where nil
	}{
		{"charges share it in the order that it names them",
			// 100 minutes: all 80 of c2, then 20 of the 50 of c1, which pays 30 x 0.02.
			allowing(plan(Charge{Match: domestic, PerMinute: perMinute("0.02")}, Charge{Match: calls, PerMinute: perMinute("0.50")}), minutes("100", "c2", "c1")),
			[]Record{call("+1415", 50*60), call("+4930", 80*60)},
			[]string{
				"Usage, bundle/included: 1 records, 1200 second x 0/60 = 0.00", "Usage: 0 records, 1800 second x 0.02/60 = 0.60",
				"Usage, bundle/included: 1 records, 4800 second x 0/60 = 0.00"},
			[]string{"0.6", "0"}},
		{"the dearest comes off first; the first records of a line are included",
			// 4 minutes: 2 of mobile at 0.09, then 2 of the 3 of Germany; 1 x 0.02 and 5 x 0.01 are left.
			allowing(plan(Charge{Match: calls, PerMinute: &PerMinute{Deck: "world"}}), minutes("4", "c1")),
			[]Record{call("+1415", 300), call("+4930", 60), call("+4915", 120), call("+4930", 120)},
			[]string{
				"Usage, bundle/Germany, included: 2 records, 120 second x 0/60 = 0.00", "Usage/Germany: 0 records, 60 second x 0.02/60 = 0.02",
				"Usage, bundle/Germany mobile, included: 1 records, 120 second x 0/60 = 0.00",
				"Usage/US: 1 records, 300 second x 0.01/60 = 0.05"},
			[]string{"0.05", "0", "0", "0.02"}},
		{"of two as dear, the first in the document",
			allowing(plan(Charge{Match: calls, PerMinute: &PerMinute{Deck: "world"}}), minutes("1", "c1")),
			[]Record{call("+4930", 60), call("+4420", 60)},
			[]string{"Usage, bundle/Britain, included: 1 records, 60 second x 0/60 = 0.00", "Usage/Germany: 1 records, 60 second x 0.02/60 = 0.02"},
			[]string{"0.02", "0"}},
		{"the dearest by the unit, not by what the price is for",
			// 0.06 for 60 s is less than 0.04 for 30 s: one minute of 66 s at the latter, 6 x 0.04 / 30.
			allowing(plan(Charge{Match: calls, PerMinute: &PerMinute{Slots: []Slot{{Rate: dec("0.06")}, {From: 60, Rate: dec("0.04"), Per: 30, Increment: 6}}}}), minutes("1", "c1")),
			[]Record{call("+4930", 126)},
			[]string{
				"Usage/second 0 to 60: 1 records, 60 second x 0.06/60 = 0.06",
				"Usage, bundle/from second 60, included: 0 records, 60 second x 0/30 = 0.00", "Usage/from second 60: 0 records, 6 second x 0.04/30 = 0.01"},
			[]string{"0.068"}},
		{"by the second, what is billed and not what the call lasted",
			// 2 minutes are 120 s of 50 + 100 by 1/1: 30 x 0.05 / 60 = 0.025.
			allowing(plan(Charge{Match: calls, PerMinute: perSecond("0.05")}), minutes("2", "c1")),
			[]Record{call("+4930", 50), call("+4930", 100)},
			[]string{"Usage, bundle/included: 2 records, 120 second x 0/60 = 0.00", "Usage: 0 records, 30 second x 0.05/60 = 0.03"},
			[]string{"0", "0.025"}},
		{"an allowance of seconds off whole minutes",
			// 90 s are one whole minute of 3: 2 x 0.10.
			allowing(plan(Charge{Match: calls, PerUnit: &PerUnit{Meter: Meter{Quantity: QuantityMinutes}, UnitPrice: decp("0.10")}}),
				Allowance{Quantity: dec("90"), Unit: Second, Charges: []string{"c1"}}),
			[]Record{call("+4930", 61), call("+4930", 1)},
			[]string{"Usage, bundle/included: 2 records, 1 minute x 0/1 = 0.00", "Usage: 0 records, 2 minute x 0.1/1 = 0.20"},
			[]string{"0.1", "0.1"}},
		{"connect fees and minimum charges stay",
			// 60 s of 60; 1 x 0.01 to connect; the other call is below 0.50 and no usage of seconds.
			allowing(plan(Charge{Match: domestic, PerMinute: &PerMinute{Rate: decp("0.02"), ConnectFee: dec("0.01")}},
				Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.02"), MinimumCharge: dec("0.50")}}), minutes("10", "c1", "c2")),
			[]Record{call("+1415", 60), call("+4930", 60)},
			[]string{
				"Usage, bundle/included: 1 records, 60 second x 0/60 = 0.00", "Usage, connect fee: 0 records, 1 call x 0.01/1 = 0.01",
				"Usage, minimum charge: 1 records, 1 call x 0.5/1 = 0.50"},
			[]string{"0.01", "0.5"}},
		{"segments, of all subaccounts together",
			// 5 of 3 + 4 segments: 2 x 0.01.
			allowing(plan(Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0.01")}}), Allowance{Quantity: dec("5"), Unit: Segment, Charges: []string{"c1"}}),
			[]Record{from("AC1", sms(3)), from("AC2", sms(4))},
			[]string{"Usage, bundle/included: 2 records, 5 segment x 0/1 = 0.00", "Usage: 0 records, 2 segment x 0.01/1 = 0.02"},
			[]string{"0", "0.02"}},
		{"off a graduated sum before its free units and its tiers",
			// 150 - 20 included - 10 free = 120: 100 x 0.10 + 20 x 0.05.
			allowing(plan(Charge{Match: Match{Kind: []Kind{SMS}}, Graduated: &Graduated{Tiered{Meter: Meter{FreeUnits: dec("10")}, Tiers: steps()}}}),
				Allowance{Quantity: dec("20"), Unit: Segment, Charges: []string{"c1"}}),
			[]Record{sms(30), sms(120)},
			[]string{
				"Usage, bundle/included: 2 records, 20 segment x 0/1 = 0.00", "Usage/included: 0 records, 10 segment x 0/1 = 0.00",
				"Usage/up to 100: 0 records, 100 segment x 0.1/1 = 10.00", "Usage/up to 1000: 0 records, 20 segment x 0.05/1 = 1.00"},
			[]string{"0", "11"}},
		{"off sums of subaccounts in their order",
			// 3 + 60 minutes, AC2 has 2 of 62 to pay: started blocks of 10.
			allowing(plan(Charge{Match: calls, Package: &Package{Meter: Meter{Quantity: QuantityMinutes, Over: OverSubaccount}, Size: 10, Price: dec("1")}}), minutes("63", "c1")),
			[]Record{from("AC2", call("+4930", 62*60)), from("AC1", call("+4930", 180))},
			[]string{
				"Usage, bundle/AC1, included: 1 records, 3 minute x 0/1 = 0.00", "Usage, bundle/AC2, included: 1 records, 60 minute x 0/1 = 0.00",
				"Usage/AC2, blocks of 10: 0 records, 1 block x 1/1 = 1.00"},
			[]string{"1", "0"}},
		{"two allowances on one charge, in the order of the plan",
			// 1 minute of a1 and 2 of a2 off 4: a2 has nothing left for c2.
			allowing(plan(Charge{Match: domestic, PerMinute: perMinute("0.02")}, Charge{Match: calls, PerMinute: perMinute("0.50")}),
				Allowance{Description: "first", Quantity: dec("60"), Unit: Second, Charges: []string{"c1"}},
				Allowance{Description: "second", Quantity: dec("2"), Unit: Minute, Charges: []string{"c1", "c2"}}),
			[]Record{call("+1415", 240), call("+4930", 60)},
			[]string{
				"Usage, first, second/included: 1 records, 180 second x 0/60 = 0.00", "Usage: 0 records, 60 second x 0.02/60 = 0.02",
				"Usage: 1 records, 60 second x 0.5/60 = 0.50"},
			[]string{"0.02", "0.5"}},
		{"more than is used",
			allowing(plan(Charge{Match: calls, PerMinute: perMinute("0.02")}), minutes("100", "c1")),
			[]Record{call("+1415", 50), call("+1415", 0)},
			[]string{"Usage, bundle/included: 2 records, 60 second x 0/60 = 0.00"},
			[]string{"0", "0"}},
		{"no usage",
			allowing(plan(Charge{Match: calls, PerMinute: perMinute("0.02")}, Charge{Match: Match{Kind: []Kind{Recording}}, Package: &Package{Size: 1}}), minutes("100", "c1", "c2")),
			nil, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			decks := map[string]*Deck{"world": world}
			if problems := tt.plan.Check(decks); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r, amounts := twice(t, tt.plan, Tables{Decks: decks}, inOctober, Carried{}, tt.usage)
			if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			var got []string
			for _, a := range amounts {
				got = append(got, a.String())
			}
			if diff := cmp.Diff(tt.amounts, got); diff != "" {
				t.Errorf("amounts of the records (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanOfTwoPasses(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.02")}})
	if p.TwoPasses() {
		t.Error("a plan without allowances needs two passes")
	}
	if !allowing(p, Allowance{Quantity: dec("1"), Unit: Minute, Charges: []string{"c1"}}).TwoPasses() {
		t.Error("a plan with an allowance needs no second pass")
	}
	// The second pass is right without allowances too, free amounts included: 10 - 4 = 6, 10 %.
	share := plan(Charge{Match: Match{Kind: []Kind{Call}}, Percentage: &Percentage{Rate: dec("10"), FreeAmount: dec("4")}})
	rec := call("+4930", 60)
	rec.Cost = decimal.NewNullDecimal(dec("5"))
	if _, amounts := twice(t, share, Tables{}, inOctober, Carried{}, []Record{rec, rec}); !amounts[0].Equal(dec("0.1")) || !amounts[1].Equal(dec("0.5")) {
		t.Errorf("amounts %v, want 0.1 and 0.5", amounts)
	}
}

func TestAllowanceByTheDay(t *testing.T) {
	tests := []struct {
		name                 string
		billedFrom, billedTo Date
		prorate              string
		quantity             string
		unit                 Unit
		included             string
	}{
		{"whole period", october, Date{2026, 11, 1}, "", "100", Minute, "6000"},
		// 100 min are 6000 s; x 17 / 31 = 3290.3.
		{"from the 15th, up to a whole second", Date{2026, 10, 15}, Date{2026, 11, 1}, "", "100", Minute, "3291"},
		// 100 x 17 / 31 = 54.8.
		{"from the 15th, up to a whole unit", Date{2026, 10, 15}, Date{2026, 11, 1}, ProrateDay, "100", Segment, "55"},
		{"from the 15th, whole", Date{2026, 10, 15}, Date{2026, 11, 1}, ProrateNone, "100", Segment, "100"},
		{"no day billed", october, october, ProrateNone, "100", Segment, "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := allowing(plan(
				Charge{ID: "calls", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60"), Initial: 1, Increment: 1}},
				Charge{ID: "sms", Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0.01")}},
			), Allowance{Quantity: dec(tt.quantity), Unit: tt.unit, Prorate: tt.prorate, Charges: []string{"calls"}})
			rec := call("+4930", 10_000)
			if tt.unit == Segment {
				p.Allowances[0].Charges[0], rec = "sms", sms(10_000)
			}
			span := inOctober
			span.BilledFrom, span.BilledTo = tt.billedFrom, tt.billedTo
			r, _ := twice(t, p, Tables{}, span, Carried{}, []Record{rec})
			if got := included(r.Lines()); got.String() != tt.included {
				t.Errorf("%s are included, want %s", got, tt.included)
			}
		})
	}
}

// included adds up what is free on lines of usage.
func included(lines []Line) (sum decimal.Decimal) {
	for _, l := range lines {
		if strings.HasSuffix(l.Item, "included") {
			sum = sum.Add(l.Quantity)
		}
	}
	return sum
}

// monthOf is the n-th month after October 2026, in UTC, and a call in it.
func monthOf(n int, seconds int64) (Span, Record) {
	from := october
	for range n {
		from = from.NextMonth()
	}
	span := Span{From: from, To: from.NextMonth(), Location: time.UTC}
	span.BilledFrom, span.BilledTo = span.From, span.To
	rec := call("+4930", seconds)
	rec.StartedAt = from.Start(time.UTC).Add(12 * time.Hour)
	return span, rec
}

func TestRollover(t *testing.T) {
	p := allowing(plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.02")}}),
		Allowance{ID: "bundle", Quantity: dec("100"), Unit: Minute, Charges: []string{"c1"}, Rollover: 2})
	months := []struct {
		minutes int64
		billed  string   // minutes above what could be used
		carried []string // month and minutes
	}{
		{30, "0", []string{"2026-10 70"}},
		// October's 70 before November's 100.
		{50, "0", []string{"2026-10 20", "2026-11 100"}},
		// What is left of October's expires after December, the second month after it.
		{10, "0", []string{"2026-11 100", "2026-12 100"}},
		// 100 of November, 100 of December, 50 of January.
		{250, "0", []string{"2027-01 50"}},
		// 50 + 100, and 5 more.
		{155, "5", nil},
		{0, "0", []string{"2027-03 100"}},
		{0, "0", []string{"2027-03 100", "2027-04 100"}},
		// March's 100 expire.
		{0, "0", []string{"2027-04 100", "2027-05 100"}},
	}
	var carried Carried
	for i, m := range months {
		span, rec := monthOf(i, m.minutes*60)
		slices.Reverse(carried.Unused) // the oldest is used first however they are stored
		r, _ := twice(t, p, Tables{}, span, carried, []Record{rec})
		carried = r.Carry()
		var got []string
		for _, u := range carried.Unused {
			got = append(got, u.Period.String()[:7]+" "+u.Quantity.String())
		}
		billed := dec(fmt.Sprint(m.minutes)).Sub(included(r.Lines()).Div(dec("60")))
		if diff := cmp.Diff(m.carried, got); diff != "" || billed.String() != m.billed {
			t.Errorf("%s: %s minutes billed, want %s; carried (-want +got):\n%s", span.From, billed, m.billed, diff)
		}
	}

	// Another allowance's rest is not used, nor one from too long ago.
	span, rec := monthOf(5, 1000*60)
	r, _ := twice(t, p, Tables{}, span, Carried{Unused: []Unused{
		{Allowance: "other", Period: Date{2027, 2, 1}, Quantity: dec("7")},
		{Allowance: "bundle", Period: Date{2026, 12, 1}, Quantity: dec("11")},
		{Allowance: "bundle", Period: Date{2027, 1, 1}, Quantity: dec("13")},
	}}, []Record{rec})
	if got := included(r.Lines()); got.String() != "6780" { // 100 + 13 minutes
		t.Errorf("%s seconds are included, want 6780", got)
	}

	// Without rollover nothing is carried.
	p.Allowances[0].Rollover = 0
	if r, _ := twice(t, p, Tables{}, span, Carried{}, nil); len(r.Carry().Unused) > 0 {
		t.Errorf("carried without rollover: %v", r.Carry().Unused)
	}
}

// TestRolloverChain follows what months grant: all of it is used, left or
// expired, to the second, by a queue that knows nothing of the engine.
func TestRolloverChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Allowance{
			ID: "a", Description: "bundle", Quantity: decimal.NewFromInt(rapid.Int64Range(1, 100).Draw(t, "minutes")), Unit: Minute,
			Charges: []string{"c1"}, Rollover: rapid.IntRange(0, 3).Draw(t, "rollover"),
		}
		p := allowing(plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.01"), Initial: 1, Increment: 1}}), a)
		type grant struct {
			month   int
			seconds int64
		}
		var queue []grant
		var carried Carried
		var granted, used, expired int64
		for month := range rapid.IntRange(1, 8).Draw(t, "months") {
			seconds := rapid.Int64Range(0, 9000).Draw(t, "seconds")
			span, rec := monthOf(month, seconds)
			span.BilledFrom = span.From.AddDays(rapid.SampledFrom([]int{0, 0, 1, 13, 27}).Draw(t, "days not billed"))
			r := NewRater(p, Tables{}, span, carried)
			r.Rate(&rec)
			lines := r.Lines()
			carried = r.Carry()

			own, all := a.Quantity.IntPart()*60*int64(span.BilledFrom.DaysUntil(span.To)), int64(span.From.DaysUntil(span.To))
			own = (own + all - 1) / all
			granted += own
			queue = append(queue, grant{month, own})
			var now int64
			for i := range queue {
				n := min(queue[i].seconds, seconds-now)
				queue[i].seconds -= n
				now += n
			}
			used += now
			queue = slices.DeleteFunc(queue, func(g grant) bool {
				old := month-g.month >= a.Rollover
				if old {
					expired += g.seconds
				}
				return old || g.seconds == 0
			})
			var left int64
			var want, got []string
			for _, g := range queue {
				left += g.seconds
				of, _ := monthOf(g.month, 0)
				want = append(want, fmt.Sprintf("%s %d", of.From, g.seconds))
			}
			for _, u := range carried.Unused {
				got = append(got, fmt.Sprintf("%s %s", u.Period, u.Quantity.Mul(dec("60")).Round(9)))
			}
			if diff := cmp.Diff(want, got); diff != "" || included(lines).IntPart() != now {
				t.Fatalf("month %d: %s seconds are included, want %d; left (-want +got):\n%s", month, included(lines), now, diff)
			}
			if used+left+expired != granted {
				t.Fatalf("month %d: %d used, %d left and %d expired are not the %d granted", month, used, left, expired, granted)
			}
		}
	})
}

// TestAllowancesOfAnyUsage draws plans and usage: more usage never costs less,
// the order of records changes no line, and records add up to the lines.
func TestAllowancesOfAnyUsage(t *testing.T) {
	tables := Tables{Decks: map[string]*Deck{"world": mustDeck(t, "prefix,destination,rate,connect_fee,minimum,initial,increment\n"+
		"1,US,0.0131,,,,\n49,DE,0.0207,0.01,,1,1\n4915,DE mobile,0.0907,,0.05,30,6\n")}}
	leg := func(account string) Match { return Match{Kind: []Kind{Call}, Subaccount: []string{account}} }
	p := plan(
		Charge{ID: "deck", Match: leg("AC1"), PerMinute: &PerMinute{Deck: "world"}},
		Charge{ID: "rate", Match: leg("AC2"), PerMinute: &PerMinute{Rate: decp("0.05"), Initial: 1, Increment: 1}},
		Charge{ID: "minutes", Match: leg("AC3"), PerUnit: &PerUnit{Meter: Meter{Quantity: QuantityMinutes}, UnitPrice: decp("0.033")}},
		Charge{ID: "tiers", Match: Match{Kind: []Kind{Call}}, Graduated: &Graduated{Tiered{
			Meter: Meter{Quantity: QuantityMinutes, Over: OverSubaccount, FreeUnits: dec("2")}, Tiers: []Tier{{UpTo: decp("5"), UnitPrice: dec("0.10")}, {UnitPrice: dec("0.02")}}}}},
	)
	rapid.Check(t, func(t *rapid.T) {
		var allowances []Allowance
		for range rapid.IntRange(0, 3).Draw(t, "allowances") {
			charges := rapid.Permutation([]string{"deck", "rate", "minutes", "tiers"}).Draw(t, "charges")
			allowances = append(allowances, Allowance{
				Quantity: decimal.NewFromInt(rapid.Int64Range(1, 12).Draw(t, "quantity")),
				Unit:     rapid.SampledFrom([]Unit{Minute, Second}).Draw(t, "unit"), Charges: charges[:rapid.IntRange(1, 4).Draw(t, "named")],
			})
			if a := &allowances[len(allowances)-1]; a.Unit == Second {
				a.Quantity = a.Quantity.Mul(dec("37")) // no whole minutes
			}
		}
		allowing(p, allowances...)
		if problems := p.Check(tables.Decks); len(problems) > 0 {
			t.Fatalf("plan: %v", problems)
		}
		one := func() Record {
			rec := call("+"+rapid.SampledFrom([]string{"1415", "4930", "49151"}).Draw(t, "to"), rapid.Int64Range(0, 300).Draw(t, "seconds"))
			rec.Account = rapid.SampledFrom([]string{"AC1", "AC2", "AC3", "AC4", "AC5"}).Draw(t, "account")
			return rec
		}
		var usage []Record
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			usage = append(usage, one())
		}
		span := inOctober
		span.BilledFrom = span.From.AddDays(rapid.IntRange(0, 30).Draw(t, "days not billed"))
		total := func(r *Rater) decimal.Decimal { net, _, _ := p.Total(r.Lines(), nil); return net }

		r, _ := twice(t, p, tables, span, Carried{}, usage)
		other, _ := twice(t, p, tables, span, Carried{}, rapid.Permutation(usage).Draw(t, "permuted"))
		if diff := cmp.Diff(showAll(r.Lines()), showAll(other.Lines())); diff != "" {
			t.Fatalf("another order changes the lines (-one +other):\n%s", diff)
		}
		more, _ := twice(t, p, tables, span, Carried{}, append(usage, one()))
		if total(more).LessThan(total(r)) {
			t.Fatalf("one more call costs less:\n%s\n---\n%s", strings.Join(showAll(r.Lines()), "\n"), strings.Join(showAll(more.Lines()), "\n"))
		}
	})
}

func TestCheckAllowances(t *testing.T) {
	calls, texts := Match{Kind: []Kind{Call}}, Match{Kind: []Kind{SMS}}
	charges := func() *Plan {
		return plan(
			Charge{ID: "calls", Match: calls, PerMinute: &PerMinute{Rate: decp("1")}},
			Charge{ID: "texts", Match: texts, PerUnit: &PerUnit{UnitPrice: decp("1")}},
			Charge{ID: "both", Match: Match{Kind: []Kind{SMS, MMS}}, PerUnit: &PerUnit{UnitPrice: decp("1")}},
			Charge{ID: "records", Match: texts, Package: &Package{Meter: Meter{Quantity: QuantityRecords}, Size: 1}},
			Charge{ID: "volume", Match: texts, Volume: &Volume{Tiered{Tiers: []Tier{{}}}}},
			Charge{ID: "converted", Match: calls, Graduated: &Graduated{Tiered{Meter: Meter{Convert: &Convert{Divide: 60}}, Tiers: []Tier{{}}}}},
			Charge{ID: "rounded", Match: calls, PerMinute: &PerMinute{Rate: decp("1")}, RoundRecords: &RecordRounding{Decimals: 2}},
			Charge{ID: "numbers", Match: Match{Kind: []Kind{Number}}, PerUnit: &PerUnit{UnitPrice: decp("1"), Per: PerMonth}},
			Charge{ID: "cost", Match: calls, CostPlus: &CostPlus{}},
			Charge{ID: "share", Match: calls, Percentage: &Percentage{}},
			Charge{ID: "fee", Flat: &Flat{}},
		)
	}
	ok := func(change func(*Allowance)) Allowance {
		a := Allowance{ID: "a", Description: "Bundle", Quantity: dec("1"), Unit: Minute, Charges: []string{"calls"}}
		change(&a)
		return a
	}
	of := func(unit Unit, ids ...string) []Allowance {
		return []Allowance{ok(func(a *Allowance) { a.Unit, a.Charges = unit, ids })}
	}
	const at = "allowances[0]"
	const noQuantity = " is not priced by a quantity of usage: name charges of per_minute, per_unit, graduated, volume or package"
	tests := []struct {
		name       string
		allowances []Allowance
		want       []string
	}{
		{"minutes of seconds", of(Minute, "calls"), nil},
		{"segments", of(Segment, "volume", "texts"), nil},
		{"records", of(Message, "records"), nil},
		{"no id", []Allowance{ok(func(a *Allowance) { a.ID = "" })}, []string{at + ": every allowance needs an id and a description"}},
		{"no description", []Allowance{ok(func(a *Allowance) { a.Description = "" })}, []string{at + ": every allowance needs an id and a description"}},
		{"an id twice", []Allowance{ok(func(*Allowance) {}), ok(func(*Allowance) {})}, []string{`allowances[1].id: allowance id "a" is already used`}},
		{"no quantity", []Allowance{ok(func(a *Allowance) { a.Quantity = decimal.Zero })}, []string{at + ".quantity: 0 is not above 0"}},
		{"rolled over for ever", []Allowance{ok(func(a *Allowance) { a.Rollover = 37 })}, []string{at + ".rollover: 37 is not a number of months from 0 to 36"}},
		{"rolled back", []Allowance{ok(func(a *Allowance) { a.Rollover = -1 })}, []string{at + ".rollover: -1 is not a number of months from 0 to 36"}},
		{"rolled over for three years", []Allowance{ok(func(a *Allowance) { a.Rollover = 36 })}, nil},
		{"prorated by the hour", []Allowance{ok(func(a *Allowance) { a.Prorate = "hour" })}, []string{at + `.prorate: "hour" is not known; use day or none`}},
		{"a unit of no usage", of(Month, "calls"),
			[]string{at + `.unit: "month" is not a unit of usage; use one of [call day message minute other recording second segment transcription unit]`}},
		{"no charge", of(Minute), []string{at + ".charges: name the charges whose usage the allowance includes"}},
		{"unknown charge", of(Minute, "calls", "nope"), []string{at + `.charges[1]: charge "nope" is not in the plan`}},
		{"a charge twice", of(Minute, "calls", "calls"), []string{at + `.charges[1]: charge "calls" stands twice`}},
		{"another unit", of(Minute, "texts"),
			[]string{at + `.charges[0]: charge "texts" counts segments of sms: name charges that count minutes, or change the unit of the allowance`}},
		{"the unit of one of two kinds", of(Segment, "both"),
			[]string{at + `.charges[0]: charge "both" counts messages of mms: name charges that count segments, or change the unit of the allowance`}},
		{"models without a quantity", of(Minute, "cost", "share", "fee"),
			[]string{at + `.charges[0]: charge "cost"` + noQuantity, at + `.charges[1]: charge "share"` + noQuantity, at + `.charges[2]: charge "fee"` + noQuantity}},
		{"sums of another unit", of(Second, "converted"), []string{at + `.charges[0]: charge "converted" converts its sum to another unit: leave out its convert`}},
		{"rounded records", of(Minute, "rounded"),
			[]string{at + `.charges[0]: charge "rounded" rounds the amount of each record, before it is known what is included: leave out its round_records`}},
		{"a price per month", of(Day, "numbers"), []string{at + `.charges[0]: charge "numbers" has a price per month: use a price per day`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := charges()
			p.Allowances = tt.allowances
			var got []string
			for _, problem := range p.Check(nil) {
				got = append(got, problem.Path+": "+problem.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

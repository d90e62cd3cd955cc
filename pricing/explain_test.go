package pricing

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func showSteps(list []Step) (out []string) {
	for _, s := range list {
		out = append(out, s.What+": "+s.Text)
	}
	return out
}

func TestExplain(t *testing.T) {
	world := mustDeck(t, "prefix,destination,rate,connect_fee,initial,increment\n49,Germany,0.0200,,,\n4915,Germany mobile,0.0900,0.0500,30,6\n")
	decks := map[string]*Deck{"world": world}
	rates, _ := ParseExchangeRates(strings.NewReader("date,from,to,rate\n2026-10-05,EUR,USD,1.08\n"))
	calls := Match{Kind: []Kind{Call}}
	euros := call("+4930", 60)
	euros.Currency = "EUR"
	night := call("+4930", 65)
	night.StartedAt = at(time.UTC, 8, 17, 59, 30)
	failed := call("+4930", 60)
	failed.Status = "failed"
	unpriced := call("+4930", 60)
	unpriced.Cost = decimal.NullDecimal{}
	const head = "record: call of %s seconds with status \"completed\", on 2026-10-10 in UTC"
	for _, tt := range []struct {
		name    string
		charges []Charge
		rec     Record
		want    []string
	}{
		{"a deck, and the charges that were passed over",
			[]Charge{
				{ID: "old", Match: calls, Until: Date{2026, 10, 1}, PerMinute: &PerMinute{Rate: decp("1")}},
				{ID: "in", Match: Match{Kind: []Kind{Call}, Direction: []Direction{Inbound}}, PerMinute: &PerMinute{Rate: decp("1")}},
				{ID: "us", Match: Match{Kind: []Kind{Call}, ToPrefix: []string{"1"}}, PerMinute: &PerMinute{Rate: decp("1")}},
				{ID: "fee", Flat: &Flat{Amount: dec("5")}},
				{ID: "out", Match: calls, PerMinute: &PerMinute{Deck: "world", FreeSeconds: 10}},
			}, call("+4915123", 47),
			[]string{
				strings.Replace(head, "%s", "47", 1),
				"passed over: old: in force until 2026-10-01",
				`passed over: in: direction is "outbound", not inbound`,
				`passed over: us: to is "+4915123", without the prefix 1`,
				"charge: out (per_minute): the first in force that fits",
				`prefix: 4915 of +4915123 is the longest prefix in deck "world" in force on 2026-10-10: Germany mobile at 0.09`,
				"free: the first 10 s are free: 37 s are left of 47 s",
				"billed: 37 s by 30/6: 42 s",
				"connect fee: 0.05, since the call was connected",
				"line: Usage, Germany mobile: 42 second x 0.09 / 60 = 0.063",
				"line: Usage, connect fee, Germany mobile: 1 call x 0.05 = 0.05",
			}},
		{"slots, minimum duration, a price that never ends",
			[]Charge{{Match: calls, PerMinute: &PerMinute{MinimumSeconds: 70, Slots: []Slot{{Rate: dec("0.1")}, {From: 60, Rate: dec("0.01"), Increment: 1}}}}}, call("+4930", 5),
			[]string{
				strings.Replace(head, "%s", "5", 1),
				"charge: c1 (per_minute): the first in force that fits",
				"minimum duration: 5 s count as 70 s",
				"billed: 60 s from second 0 by 60/60: 60 s",
				"billed: 10 s from second 60 by 1/1: 10 s",
				"line: Usage, second 0 to 60: 60 second x 0.1 / 60 = 0.1",
				"line: Usage, from second 60: 10 second x 0.01 / 60 = 0.00166666... (1/600)",
			}},
		{"a call split at the boundary of a band, below its minimum",
			[]Charge{{Match: calls, PerMinute: &PerMinute{Rate: decp("0.1"), MinimumCharge: dec("0.5"), AtBoundary: BoundarySplit, Times: []Band{{Name: "night", From: clock("18:00"), To: clock("08:00"), Rate: decp("0.06")}}}}}, night,
			[]string{
				`record: call of 65 seconds with status "completed", on 2026-10-08 in UTC`,
				"charge: c1 (per_minute): the first in force that fits",
				"band: in no band: the charge's own price at Thursday 2026-10-08 17:59:30",
				"billed: 65 s by 60/60: 120 s",
				"split: 30 s in no band: the charge's own price",
				`split: 90 s in the band "night"`,
				"minimum: the record comes to 0.14, less than its minimum of 0.5",
				"line: Usage, minimum charge: 1 call x 0.5 = 0.5",
			}},
		{"rounded per record",
			[]Charge{{Match: calls, PerMinute: &PerMinute{Rate: decp("0.07"), Initial: 1, Increment: 1}, RoundRecords: &RecordRounding{Up, 2}}}, call("+4930", 32),
			[]string{
				strings.Replace(head, "%s", "32", 1),
				"charge: c1 (per_minute): the first in force that fits",
				"billed: 32 s by 1/1: 32 s",
				"line: Usage: 32 second x 0.07 / 60 = 0.03733333... (14/375)",
				"rounded: the record's 0.03733333... (14/375) to 2 decimals, up: 0.04",
			}},
		{"no rate", []Charge{{Match: calls, PerMinute: &PerMinute{Deck: "world"}}}, call("+331", 47),
			[]string{strings.Replace(head, "%s", "47", 1), "charge: c1 (per_minute): the first in force that fits", `unrated: deck "world" has no rate for +331`}},
		{"no charge", []Charge{{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("1")}}}, call("+331", 47),
			[]string{strings.Replace(head, "%s", "47", 1), `passed over: c1: kind is "call", not sms`, "unrated: no charge fits"}},
		{"not charged", []Charge{{Match: calls, PerMinute: &PerMinute{Rate: decp("1")}}}, failed,
			[]string{`record: call of 60 seconds with status "failed", on 2026-10-10 in UTC`, `not charged: tenants do not pay for a call with status "failed"`}},
		{"per unit by a deck", []Charge{{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{Deck: "world"}}}, func() Record { r := sms(3); r.To = "+4915123"; return r }(),
			[]string{
				`record: sms of 3 segments with status "delivered", on 2026-10-10 in UTC`,
				"charge: c1 (per_unit): the first in force that fits",
				`prefix: 4915 of +4915123 is the longest prefix in deck "world" in force on 2026-10-10: Germany mobile at 0.09`,
				"line: Usage, Germany mobile: 3 segment x 0.09 = 0.27",
			}},
		{"a sum", []Charge{{Match: calls, Graduated: &Graduated{Tiered{Meter: Meter{Quantity: QuantityMinutes}, Tiers: []Tier{{UnitPrice: dec("1")}}}}}}, call("+331", 61),
			[]string{
				strings.Replace(head, "%s", "61", 1),
				"charge: c1 (graduated): the first in force that fits",
				"counts: 2 minute towards the period's sum of all the tenant's subaccounts, which is priced as a whole",
			}},
		{"a volume", []Charge{{Match: calls, Volume: &Volume{Tiered{Meter: Meter{Over: OverSubaccount}, Tiers: []Tier{{UnitPrice: dec("1")}}}}}}, func() Record { r := call("+331", 61); r.Account = "AC1"; return r }(),
			[]string{
				strings.Replace(head, "%s", "61", 1),
				"charge: c1 (volume): the first in force that fits",
				"counts: 61 second towards the period's sum of subaccount AC1, which is priced as a whole",
			}},
		{"cost in another currency", []Charge{{Match: calls, CostPlus: &CostPlus{Multiplier: decp("1.5")}}}, euros,
			[]string{
				strings.Replace(head, "%s", "60", 1),
				"charge: c1 (cost_plus): the first in force that fits",
				"cost: 0.014 EUR x 1.08, the exchange rate since 2026-10-05, = 0.01512 USD",
				"line: Usage: 0.01512 USD x 1.5 = 0.02268",
			}},
		{"a share of a cost that is not known, capped", []Charge{{Match: calls, Percentage: &Percentage{Rate: dec("150"), MissingCost: decp("3"), Maximum: decp("1")}}}, unpriced,
			[]string{
				strings.Replace(head, "%s", "60", 1),
				"charge: c1 (percentage): the first in force that fits",
				"cost: twilio has put no price on it: taken to cost 3 USD",
				"maximum: the record comes to 4.5, more than its maximum of 1",
				"line: Usage, maximum charge: 1 call x 1 = 1",
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(tt.charges...)
			if bad := p.Check(decks); len(bad) > 0 {
				t.Fatal(bad)
			}
			r := NewRater(p, Tables{Decks: decks, Rates: rates}, inOctober, Carried{})
			if diff := cmp.Diff(tt.want, showSteps(r.Explain(&tt.rec))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			for _, l := range r.Lines() {
				if l.Category != Fees {
					t.Errorf("what was only explained is billed: %s", show(l))
				}
			}
		})
	}
}

func TestExplainLine(t *testing.T) {
	p := plan(
		Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.0131"), Initial: 1, Increment: 1}},
		Charge{Match: Match{Kind: []Kind{SMS}}, Graduated: &Graduated{Tiered{
			Meter: Meter{FreeUnits: dec("2"), Convert: &Convert{Divide: 2}},
			Tiers: []Tier{{UpTo: decp("3"), UnitPrice: dec("0.5")}, {UnitPrice: dec("0.25")}}}}},
	)
	p.Rounding = HalfEven
	p.Discounts = []Discount{{ID: "d", Description: "Discount", Percent: decp("10")}}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	a, b := call("+4930", 7), sms(13)
	r.Rate(&a)
	r.Rate(&b)
	sum := []string{
		"sum: 13 segment of 1 records",
		"converted: / 2, rounded up to a whole number: 7", // 6.5 up
		"part: included: 2 2 segments x 0 = 0",
		"part: up to 3: 3 2 segments x 0.5 = 1.5",
		"part: above 3: 2 2 segments x 0.25 = 0.5",
	}
	want := [][]string{
		{"line: Usage", "charge: c1 (per_minute)", "amount: 7 second x 0.0131 / 60 = 0.00152833... (917/600000)", "rounded: to 2 decimals, half_even: 0.00"},
		append(append([]string{"line: Usage, included", "charge: c2 (graduated)"}, sum...), "amount: 2 2 segments x 0 = 0", "rounded: to 2 decimals, half_even: 0.00"),
		append(append([]string{"line: Usage, up to 3", "charge: c2 (graduated)"}, sum...), "amount: 3 2 segments x 0.5 = 1.5", "rounded: to 2 decimals, half_even: 1.50"),
		append(append([]string{"line: Usage, above 3", "charge: c2 (graduated)"}, sum...), "amount: 2 2 segments x 0.25 = 0.5", "rounded: to 2 decimals, half_even: 0.50"),
		{"line: Discount", "follows: from the amounts of the lines that it discounts, as they are printed", "amount: 2 USD x -10 / 100 = -0.2", "rounded: to 2 decimals, half_even: -0.20"},
	}
	lines := r.Lines()
	var got [][]string
	for i := range lines {
		got = append(got, showSteps(r.ExplainLine(&lines[i])))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// What misfit says in words is what fits decides.
func TestMisfitIsFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Match{
			Kind:       rapid.SliceOfN(rapid.SampledFrom(Kinds), 0, 2).Draw(t, "kind"),
			Category:   rapid.SliceOfN(rapid.SampledFrom([]string{"lookups", "verify"}), 0, 1).Draw(t, "category"),
			Direction:  rapid.SliceOfN(rapid.SampledFrom([]Direction{Inbound, Outbound}), 0, 1).Draw(t, "direction"),
			Channel:    rapid.SliceOfN(rapid.SampledFrom([]Channel{Voice, SIP, "sms"}), 0, 2).Draw(t, "channel"),
			Status:     rapid.SliceOfN(rapid.SampledFrom([]string{"completed", "failed"}), 0, 1).Draw(t, "status"),
			NearEnd:    rapid.SliceOfN(rapid.SampledFrom([]NearEnd{LongCode, ShortCode, Name}), 0, 2).Draw(t, "near"),
			Leg:        rapid.SliceOfN(rapid.SampledFrom([]Leg{Parent, Child}), 0, 1).Draw(t, "leg"),
			Subaccount: rapid.SliceOfN(rapid.SampledFrom([]string{"AC1", "AC2"}), 0, 1).Draw(t, "subaccount"),
			FromPrefix: rapid.SliceOfN(rapid.SampledFrom([]string{"1", "49"}), 0, 1).Draw(t, "from"),
			ToPrefix:   rapid.SliceOfN(rapid.SampledFrom([]string{"1", "4915"}), 0, 2).Draw(t, "to"),
		}
		ends := rapid.SampledFrom([]string{"+14155550100", "+491512345", "sip:a@b", "12345", "whatsapp:+491512345", ""})
		rec := Record{
			Account: rapid.SampledFrom([]string{"AC1", "AC2"}).Draw(t, "account"), Kind: rapid.SampledFrom(Kinds).Draw(t, "a kind"),
			Category:  rapid.SampledFrom([]string{"", "lookups"}).Draw(t, "a category"),
			Direction: rapid.SampledFrom([]string{"inbound", "outbound-api", ""}).Draw(t, "a direction"),
			Status:    rapid.SampledFrom([]string{"completed", "failed"}).Draw(t, "a status"),
			ParentSID: rapid.SampledFrom([]string{"", "CA1"}).Draw(t, "parent"), From: ends.Draw(t, "from end"), To: ends.Draw(t, "to end"),
		}
		if why := m.misfit(&rec); (why == "") != m.fits(&rec) {
			t.Fatalf("fits is %v, misfit says %q", m.fits(&rec), why)
		}
	})
}

// Fees, what an allowance includes, and what follows from lines.
func TestExplainWhatFollows(t *testing.T) {
	p := plan(
		Charge{ID: "calls", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.06")}},
		Charge{ID: "old", Until: Date{2026, 10, 16}, Flat: &Flat{Amount: dec("31"), InAdvance: true}},
		Charge{ID: "new", From: Date{2026, 10, 16}, Flat: &Flat{Amount: dec("62"), InAdvance: true}},
		Charge{ID: "setup", Flat: &Flat{Amount: dec("9"), Once: true}},
	)
	p.Allowances = []Allowance{{ID: "a", Description: "Bundle", Quantity: dec("1"), Unit: Minute, Charges: []string{"calls"}}}
	p.Surcharges = []Surcharge{{ID: "s", Description: "Surcharge", Amount: decp("1")}}
	p.Credits = []Credit{{ID: "k", Description: "Credit", Amount: dec("5")}}
	if bad := p.Check(nil); len(bad) > 0 {
		t.Fatal(bad)
	}
	span := inOctober
	span.Began = october
	span.Next = &Span{From: Date{2026, 11, 1}, To: Date{2026, 12, 1}, BilledFrom: Date{2026, 11, 1}, BilledTo: Date{2026, 12, 1}, Location: time.UTC}
	before := span
	before.Began = Date{}
	r := NewRater(p, Tables{}, span, p.Running(before))
	rec := call("+4930", 120)
	r.Rate(&rec)
	lines := r.Lines()
	var got []string
	for i := range lines {
		got = append(got, showSteps(r.ExplainLine(&lines[i]))[1:3]...)
	}
	want := []string{
		"charge: calls (per_minute)", "included: 60 second cost nothing, the dearest of the charge first",
		"charge: calls (per_minute)", "amount: 60 second x 0.06 / 60 = 0.06",
		"charge: old (flat)", "days: 15 of the period's 31 days are billed with the charge in force",
		"charge: new (flat)", "days: 16 of the period's 31 days are billed with the charge in force",
		"charge: new (flat)", "days: from 2026-11-01 until 2026-12-01, billed in advance",
		"charge: setup (flat)", "days: once, for what began in the period",
		"follows: from 1 month of the period", "amount: 1 month x 1 = 1",
		"follows: as much of the credit as is left of both; the rest is carried to the next period", "amount: 1 month x -5 = -5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// What an allowance grants, what a limit follows from, how blocks are counted.
func TestExplainReasons(t *testing.T) {
	p := plan(
		Charge{ID: "calls", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("0.60")}, Limits: Limits{Minimum: decp("31")}},
		Charge{ID: "sms", Match: Match{Kind: []Kind{SMS}}, Package: &Package{Size: 10, Price: dec("3"), Round: Down}},
	)
	p.Allowances = []Allowance{{ID: "a", Description: "Bundle", Quantity: dec("2"), Unit: Minute, Charges: []string{"calls"}, Rollover: 1}}
	span := inOctober
	span.BilledFrom = october.AddDays(16) // 15 of 31 days
	r := NewRater(p, Tables{}, span, Carried{Unused: []Unused{{Allowance: "a", Period: Date{2026, 9, 1}, Quantity: dec("0.5")}}})
	for _, rec := range []Record{call("+4930", 180), sms(9)} {
		r.Rate(&rec)
	}
	rec := call("+4930", 60)
	if steps := showSteps(r.Explain(&rec)); steps[len(steps)-1] != "allowance: Bundle may include it: that is known when the period's usage is" {
		t.Errorf("record: %q", steps)
	}
	var got []string
	lines := r.Lines()
	for i := range lines {
		got = append(got, showSteps(r.ExplainLine(&lines[i]))...)
	}
	want := []string{
		"line: Usage, Bundle, included", "charge: calls (per_minute)", "included: 89 second cost nothing, the dearest of the charge first",
		"allowance: Bundle: 30 seconds left of 2026-09-01",
		"allowance: Bundle: 2 minute for 15 of 31 days, rounded up: 59 seconds", // 120 x 15 / 31 = 58.06...
		"order: it comes off calls", "amount: 89 second x 0 / 60 = 0", "rounded: to 2 decimals, half_up: 0.00",
		"line: Usage", "charge: calls (per_minute)", "amount: 91 second x 0.6 / 60 = 0.91", "rounded: to 2 decimals, half_up: 0.91",
		"line: Usage", "charge: sms (package)", "sum: 9 segment of 1 records", "blocks: of 10 units; a started one is free", "part: 9 segment x 0 = 0",
		"amount: 9 segment x 0 = 0", "rounded: to 2 decimals, half_up: 0.00",
		"line: Usage, up to the minimum of 15", "follows: the lines so far come to 0.91; a minimum of 31 for 15 of 31 days is 15",
		"amount: 1 month x 14.09 = 14.09", "rounded: to 2 decimals, half_up: 14.09",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

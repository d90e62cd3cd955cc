package pricing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// numberDays are the days of October on which a phone number of subaccount AC1
// was held.
func numberDays(number string, from, to int) (out []Record) {
	for day := from; day <= to; day++ {
		out = append(out, Record{
			Account: "AC1", SID: fmt.Sprintf("PN%s/%d", number, day), Kind: Number, Status: "held", To: number,
			StartedAt: time.Date(2026, 10, day, 12, 0, 0, 0, time.UTC), Quantity: dec("1"),
		})
	}
	return out
}

// showFull is show with the category and the days of a line that has its own.
func showFull(lines []Line) (out []string) {
	for _, l := range lines {
		s := string(l.Category) + " " + show(l)
		if !l.From.IsZero() || !l.To.IsZero() {
			s += fmt.Sprintf(" %s/%s", l.From, l.To)
		}
		out = append(out, s)
	}
	return out
}

func november(day int) Date { return Date{2026, 11, day} }

// rateAll prices records that all have a rate, whose amounts must add up to
// those of the lines that are not fees.
func rateAll(t *testing.T, r *Rater, usage []Record) []Line {
	t.Helper()
	items, lines := dec("0"), dec("0")
	for i := range usage {
		res := r.Rate(&usage[i])
		if res.Outcome != Rated {
			t.Errorf("record %d: %s", i, res.Reason)
		}
		items = items.Add(r.Itemize(res))
	}
	out := r.Lines()
	for _, l := range out {
		if l.Category != Fees {
			lines = lines.Add(l.Exact())
		}
	}
	if !items.Equal(lines) {
		t.Errorf("records add up to %s, lines to %s", items, lines)
	}
	return out
}

func TestFlatFeePerSubaccount(t *testing.T) {
	until := november(1)
	tests := []struct {
		name        string
		charge      Charge
		subaccounts []Holding
		want        []string
	}{
		{"none", Charge{Flat: &Flat{Amount: dec("3.10")}}, nil, nil},
		{"two for the whole month", Charge{Flat: &Flat{Amount: dec("3.10")}},
			[]Holding{{"AC1", october, until}, {"AC2", october, until}},
			// 2 x 3.10.
			[]string{"fees Usage: 0 records, 2 subaccount x 3.1/1 = 6.20"}},
		{"two that touch, two that overlap, one outside", Charge{Flat: &Flat{Amount: dec("3.10")}},
			[]Holding{
				{"AC1", Date{2026, 10, 11}, until}, {"AC1", october, Date{2026, 10, 11}}, // 31 days
				{"AC2", october, Date{2026, 10, 11}}, {"AC2", Date{2026, 10, 6}, Date{2026, 10, 16}}, // 15 days
				{"AC3", november(1), november(9)},
			},
			// 46 days x 3.10 / 31 = 4.60.
			[]string{"fees Usage: 0 records, 46 day x 3.1/31 = 4.60"}},
		{"cut by the charge's days, and as long as a month together", Charge{From: Date{2026, 10, 10}, Until: Date{2026, 10, 26}, Flat: &Flat{Amount: dec("3.10")}},
			// 16 days and 15 days.
			[]Holding{{"AC1", october, until}, {"AC2", Date{2026, 10, 11}, until}},
			[]string{"fees Usage: 0 records, 31 day x 3.1/31 = 3.10"}},
		{"whole for any day", Charge{Flat: &Flat{Amount: dec("3.10"), Prorate: ProrateNone}},
			[]Holding{{"AC1", october, Date{2026, 10, 2}}, {"AC1", Date{2026, 10, 30}, until}, {"AC2", october, until}},
			[]string{"fees Usage: 0 records, 2 subaccount x 3.1/1 = 6.20"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.charge.Flat.Per = FlatSubaccount
			span := inOctober
			span.Subaccounts = tt.subaccounts
			if diff := cmp.Diff(tt.want, showFull(NewRater(plan(tt.charge), Tables{}, span, Carried{}).Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlatFeePerNumber(t *testing.T) {
	perNumber := func(amount string, prefixes ...string) Charge {
		return Charge{Match: Match{Kind: []Kind{Number}, ToPrefix: prefixes}, Flat: &Flat{Amount: dec(amount), Per: FlatNumber}}
	}
	until15, from16, whole := perNumber("1.55"), perNumber("3.10"), perNumber("1")
	until15.Until, from16.From = Date{2026, 10, 16}, Date{2026, 10, 16}
	whole.Flat.Prorate = ProrateNone
	tests := []struct {
		name  string
		plan  *Plan
		usage []Record
		want  []string
	}{
		{"whole months of each number", plan(perNumber("1.15")),
			slices.Concat(numberDays("+4930", 1, 31), numberDays("+4940", 1, 31)),
			[]string{"numbers Usage: 62 records, 2 number x 1.15/1 = 2.30"}},
		{"by the day where one number is not whole", plan(perNumber("3.10")),
			// 31 + 10 days x 3.10 / 31.
			slices.Concat(numberDays("+4930", 1, 31), numberDays("+4940", 1, 10)),
			[]string{"numbers Usage: 41 records, 41 day x 3.1/31 = 4.10"}},
		{"the first charge that fits", plan(perNumber("3.10", "49"), perNumber("1")),
			// 31 days of +4930; +1415 for one day: 1 / 31 = 0.032.
			slices.Concat(numberDays("+4930", 1, 31), numberDays("+1415", 4, 4)),
			[]string{"numbers Usage: 31 records, 1 number x 3.1/1 = 3.10", "numbers Usage: 1 records, 1 day x 1/31 = 0.03"}},
		{"distinct numbers, whole", plan(whole),
			// +4930 twice.
			slices.Concat(numberDays("+4930", 1, 3), numberDays("+4940", 7, 7), numberDays("+4930", 20, 31)),
			[]string{"numbers Usage: 16 records, 2 number x 1/1 = 2.00"}},
		{"another price from the 16th", plan(until15, from16),
			// 15 x 1.55 / 31 = 0.75; 16 x 3.10 / 31 = 1.60.
			numberDays("+4930", 1, 31),
			[]string{"numbers Usage: 15 records, 15 day x 1.55/31 = 0.75", "numbers Usage: 16 records, 16 day x 3.1/31 = 1.60"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if problems := tt.plan.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(tt.plan, Tables{}, inOctober, Carried{})
			if diff := cmp.Diff(tt.want, showFull(rateAll(t, r, tt.usage))); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetUpFee(t *testing.T) {
	days := Match{Kind: []Kind{Number}}
	perNumber := Flat{Amount: dec("5"), Per: FlatNumber, Once: true}
	perSubaccount := Flat{Amount: dec("20"), Per: FlatSubaccount, Once: true}
	from10 := func(s *Span) { s.BilledFrom = Date{2026, 10, 10} }
	tests := []struct {
		name   string
		charge Charge
		span   func(*Span)
		usage  []Record
		want   string // empty for no line
	}{
		{"a tenant that begins", Charge{Flat: &Flat{Amount: dec("99"), Once: true}},
			func(s *Span) { from10(s); s.Began = s.BilledFrom }, nil, "Usage: 0 records, 1 once x 99/1 = 99.00"},
		{"a tenant that began before", Charge{Flat: &Flat{Amount: dec("99"), Once: true}},
			func(s *Span) { s.Began = Date{2026, 9, 30} }, nil, ""},
		{"a tenant that begins after", Charge{Flat: &Flat{Amount: dec("99"), Once: true}},
			func(s *Span) { s.Began = november(1) }, nil, ""},
		{"no tenant begins", Charge{Flat: &Flat{Amount: dec("99"), Once: true}}, from10, nil, ""},
		{"a fee that came after the tenant", Charge{From: Date{2026, 10, 11}, Flat: &Flat{Amount: dec("99"), Once: true}},
			func(s *Span) { from10(s); s.Began = s.BilledFrom }, nil, ""},

		{"subaccounts: three are new, one always was there, one was there before and came back", Charge{Flat: &perSubaccount},
			func(s *Span) {
				s.Subaccounts = []Holding{
					{"AC1", Date{}, november(1)}, {"AC2", october, november(1)}, {"AC3", Date{2026, 10, 31}, november(1)},
					{"AC4", Date{2026, 10, 20}, november(1)}, {"AC4", Date{2026, 9, 30}, Date{2026, 10, 5}},
					{"AC5", Date{2026, 10, 2}, Date{2026, 10, 3}}, {"AC6", november(1), november(2)},
				}
			}, nil, "Usage: 0 records, 3 subaccount x 20/1 = 60.00"},
		{"subaccounts of a tenant that begins", Charge{Flat: &perSubaccount},
			func(s *Span) {
				from10(s)
				s.Began = s.BilledFrom
				s.Subaccounts = []Holding{{"AC1", s.BilledFrom, november(1)}, {"AC2", Date{2026, 10, 11}, november(1)}}
			}, nil, "Usage: 0 records, 2 subaccount x 20/1 = 40.00"},
		{"subaccounts after the tenant ended", Charge{Flat: &perSubaccount},
			func(s *Span) {
				s.BilledTo = Date{2026, 10, 20}
				s.Subaccounts = []Holding{{"AC1", Date{2026, 10, 19}, november(1)}, {"AC2", Date{2026, 10, 20}, november(1)}}
			}, nil, "Usage: 0 records, 1 subaccount x 20/1 = 20.00"},
		{"subaccounts after the fee ended", Charge{Until: Date{2026, 10, 15}, Flat: &perSubaccount},
			func(s *Span) {
				s.Subaccounts = []Holding{{"AC1", Date{2026, 10, 14}, november(1)}, {"AC2", Date{2026, 10, 15}, november(1)}}
			}, nil, "Usage: 0 records, 1 subaccount x 20/1 = 20.00"},

		{"numbers: one is new, one was there, another may have been", Charge{Match: days, Flat: &perNumber}, func(*Span) {},
			slices.Concat(numberDays("+4930", 2, 4), numberDays("+4940", 1, 31)), "Usage: 0 records, 1 number x 5/1 = 5.00"},
		{"numbers: what was held the day before is known", Charge{Match: days, Flat: &perNumber},
			func(s *Span) { s.NumbersBefore = map[string]bool{"+4940": true} },
			slices.Concat(numberDays("+4930", 1, 4), numberDays("+4940", 1, 31)), "Usage: 0 records, 1 number x 5/1 = 5.00"},
		{"numbers of a tenant that begins", Charge{Match: days, Flat: &perNumber},
			func(s *Span) { s.Began = october },
			slices.Concat(numberDays("+4930", 1, 4), numberDays("+4940", 1, 31)), "Usage: 0 records, 2 number x 5/1 = 10.00"},
		{"numbers: a release and a return is one", Charge{Match: days, Flat: &perNumber}, func(*Span) {},
			slices.Concat(numberDays("+4930", 20, 31), numberDays("+4930", 5, 6)), "Usage: 0 records, 1 number x 5/1 = 5.00"},
		{"numbers that were there when the fee came", Charge{Match: days, From: Date{2026, 10, 10}, Flat: &perNumber}, func(*Span) {},
			slices.Concat(numberDays("+4930", 9, 31), numberDays("+4940", 10, 31)), "Usage: 0 records, 1 number x 5/1 = 5.00"},
		{"numbers that the fee is for", Charge{Match: Match{Kind: []Kind{Number}, ToPrefix: []string{"49"}}, Flat: &perNumber}, func(*Span) {},
			slices.Concat(numberDays("+4930", 9, 31), numberDays("+1415", 10, 31)), "Usage: 0 records, 1 number x 5/1 = 5.00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			span := inOctober
			tt.span(&span)
			// The charge after it prices the days, at nothing.
			p := plan(tt.charge, Charge{Match: days, PerUnit: &PerUnit{UnitPrice: decp("0")}})
			if problems := p.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			var got string
			var records int64
			for _, l := range rateAll(t, NewRater(p, Tables{}, span, Carried{}), tt.usage) {
				if l.Charge == "c1" {
					got += show(l)
				} else {
					records += l.Records
				}
			}
			if got != tt.want {
				t.Errorf("line %q, want %q", got, tt.want)
			}
			if records != int64(len(tt.usage)) {
				t.Errorf("%d days on the other charge, want %d", records, len(tt.usage))
			}
		})
	}
}

func TestCheckFlat(t *testing.T) {
	numbers := Match{Kind: []Kind{Number}}
	tests := []struct {
		name   string
		charge Charge
		want   []string
	}{
		{"per number", Charge{Match: Match{Kind: []Kind{Number}, ToPrefix: []string{"49"}}, Flat: &Flat{Per: FlatNumber, InAdvance: true, Prorate: ProrateNone}}, nil},
		{"once", Charge{Flat: &Flat{Per: FlatSubaccount, Once: true}}, nil},
		{"per week", Charge{Flat: &Flat{Per: "week"}}, []string{`charges[0].flat.per: "week" is not known; use period, subaccount or number`}},
		{"prorated by the hour", Charge{Flat: &Flat{Prorate: "hour"}}, []string{`charges[0].flat.prorate: "hour" is not known; use day or none`}},
		{"negative", Charge{Flat: &Flat{Amount: dec("-1")}}, []string{"charges[0].flat.amount: -1 is negative"}},
		{"per period with a match", Charge{Match: numbers, Flat: &Flat{}},
			[]string{"charges[0].match: a flat fee matches no usage: leave match out, or make it a fee per number"}},
		{"per subaccount with a match", Charge{Match: Match{Subaccount: []string{"AC1"}}, Flat: &Flat{Per: FlatSubaccount}},
			[]string{"charges[0].match: a flat fee matches no usage: leave match out, or make it a fee per number"}},
		{"per number of any kind", Charge{Flat: &Flat{Per: FlatNumber}},
			[]string{"charges[0].match.kind: a flat fee per number needs match.kind [number]"}},
		{"per number of calls too", Charge{Match: Match{Kind: []Kind{Number, Call}}, Flat: &Flat{Per: FlatNumber}},
			[]string{"charges[0].match.kind: a flat fee per number needs match.kind [number]"}},
		{"once and what does not go with it", Charge{Flat: &Flat{Once: true, InAdvance: true, Prorate: ProrateDay}},
			[]string{
				"charges[0].flat.in_advance: a fee that is charged once is not billed in advance: leave in_advance out",
				"charges[0].flat.prorate: a fee that is charged once is always whole: leave prorate out",
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range plan(tt.charge).Check(nil) {
				got = append(got, p.Path+": "+p.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Looking at a number's day changes nothing; a record may be of several days.
func TestFlatPerNumberInAFile(t *testing.T) {
	p := plan(Charge{Match: Match{Kind: []Kind{Number}}, Flat: &Flat{Amount: dec("3.10"), Per: FlatNumber}})
	r := NewRater(p, Tables{}, inOctober, Carried{})
	rec := numberDays("+4930", 1, 1)[0]
	rec.Quantity = dec("17")
	r.Explain(&rec)
	r.Rate(&rec)
	r.Explain(&rec)
	// 17 of 31 days: 17 x 0.10.
	if got, want := showAll(r.Lines()), []string{"Usage: 1 records, 17 day x 3.1/31 = 1.70"}; !slices.Equal(got, want) {
		t.Errorf("lines %v, want %v", got, want)
	}
}

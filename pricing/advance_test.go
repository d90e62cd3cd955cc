package pricing

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// month is a whole month in UTC.
func month(first Date) Span {
	return Span{From: first, To: first.NextMonth(), BilledFrom: first, BilledTo: first.NextMonth(), Location: time.UTC}
}

// inAdvance are days of October or November that the invoice before billed for
// charge c1 of the plan "test".
func inAdvance(first Date, days int64, unitPrice string) Advance {
	return Advance{Plan: "test", Charge: "c1", Description: "Usage", From: first, To: first.NextMonth(), Days: days, UnitPrice: dec(unitPrice)}
}

func TestFeesInAdvance(t *testing.T) {
	fee := func(amount string) Charge { return Charge{Flat: &Flat{Amount: dec(amount), InAdvance: true}} }
	per := func(what string, c Charge) Charge {
		c.Flat.Per = what
		if what == FlatNumber {
			c.Match.Kind = []Kind{Number}
		}
		return c
	}
	dated := func(from, until Date, c Charge) Charge { c.From, c.Until = from, until; return c }
	taxed := func(code string, c Charge) Charge { c.TaxCode = code; return c }
	whole := func(c Charge) Charge { c.Flat.Prorate = ProrateNone; return c }
	arrears := func(c Charge) Charge { c.Flat.InAdvance = false; return c }
	yen := func(p *Plan) *Plan { p.Currency = "JPY"; return p }
	old, changed := Date{2026, 10, 16}, Date{2026, 10, 16}
	asIs := func(*Span) {}
	ends := func(s *Span) { s.Next = nil }
	germany := per(FlatNumber, fee("60"))
	germany.Match.ToPrefix = []string{"49"}

	tests := []struct {
		name    string
		plan    *Plan
		span    func(*Span) // changes October, with November as its next
		carried []Advance
		usage   []Record
		want    []string
		left    []string // charge: days from/to x unit price
	}{
		{"the first invoice has two fees", plan(fee("31")),
			func(s *Span) { s.BilledFrom = Date{2026, 10, 15} }, nil, nil,
			[]string{"fees Usage: 0 records, 17 day x 31/31 = 17.00", "fees Usage, in advance: 0 records, 1 month x 31/1 = 31.00 2026-11-01/2026-12-01"},
			[]string{"c1: 30 2026-11-01/2026-12-01 x 31"}},
		{"later ones have one", plan(fee("31")), asIs, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, in advance: 0 records, 1 month x 31/1 = 31.00 2026-11-01/2026-12-01"},
			[]string{"c1: 30 2026-11-01/2026-12-01 x 31"}},
		{"an end known in time", plan(fee("31")),
			// 15 of November's 30 days: 15.50.
			func(s *Span) { s.Next.BilledTo = november(16) }, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, in advance: 0 records, 15 day x 31/30 = 15.50 2026-11-01/2026-11-16"},
			[]string{"c1: 15 2026-11-01/2026-12-01 x 31"}},
		{"an end known too late", plan(fee("31")),
			// 19 of 31 days are due.
			func(s *Span) { ends(s); s.BilledTo = Date{2026, 10, 20} }, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, credit: 0 records, -12 day x 31/31 = -12.00"}, nil},
		{"an end before the period", plan(fee("31")),
			func(s *Span) { ends(s); s.BilledTo = s.From }, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, credit: 0 records, -1 month x 31/1 = -31.00"}, nil},
		{"a fee that is not prorated", plan(whole(fee("31"))),
			func(s *Span) { s.BilledTo = Date{2026, 10, 20}; s.Next.BilledFrom = november(30) }, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, in advance: 0 records, 1 month x 31/1 = 31.00 2026-11-30/2026-12-01"},
			[]string{"c1: 30 2026-11-01/2026-12-01 x 31"}},

		{"a plan change, in advance",
			// Old: 15 - 31 days. New: 16 x 62 / 31 = 32.
			plan(dated(Date{}, old, fee("31")), dated(changed, Date{}, fee("62"))),
			asIs, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{
				"fees Usage, credit: 0 records, -16 day x 31/31 = -16.00",
				"fees Usage: 0 records, 16 day x 62/31 = 32.00",
				"fees Usage, in advance: 0 records, 1 month x 62/1 = 62.00 2026-11-01/2026-12-01"},
			[]string{"c2: 30 2026-11-01/2026-12-01 x 62"}},
		{"a plan change, in arrears",
			plan(dated(Date{}, old, arrears(fee("31"))), dated(changed, Date{}, arrears(fee("62")))),
			asIs, nil, nil,
			[]string{"fees Usage: 0 records, 15 day x 31/31 = 15.00", "fees Usage: 0 records, 16 day x 62/31 = 32.00"}, nil},
		{"a plan change in yen, in advance",
			// 16 x 1000 / 31 = 516.13; 16 x 1500 / 31 = 774.19.
			yen(plan(dated(Date{}, old, fee("1000")), dated(changed, Date{}, fee("1500")))),
			asIs, []Advance{inAdvance(october, 31, "1000")}, nil,
			[]string{
				"fees Usage, credit: 0 records, -16 day x 1000/31 = -516.00",
				"fees Usage: 0 records, 16 day x 1500/31 = 774.00",
				"fees Usage, in advance: 0 records, 1 month x 1500/1 = 1500.00 2026-11-01/2026-12-01"},
			[]string{"c2: 30 2026-11-01/2026-12-01 x 1500"}},
		{"a plan change in yen, in arrears",
			// 15 x 1000 / 31 = 483.87.
			yen(plan(dated(Date{}, old, arrears(fee("1000"))), dated(changed, Date{}, arrears(fee("1500"))))),
			asIs, nil, nil,
			[]string{"fees Usage: 0 records, 15 day x 1000/31 = 484.00", "fees Usage: 0 records, 16 day x 1500/31 = 774.00"}, nil},
		{"a plan change that was known in time",
			// The advance was for 15 days already.
			plan(dated(Date{}, old, fee("31"))), asIs, []Advance{inAdvance(october, 15, "31")}, nil, nil, nil},

		{"another price", plan(fee("62")), ends, []Advance{inAdvance(october, 30, "31")}, nil,
			// 30 x 31 / 31 back.
			[]string{"fees Usage: 0 records, 1 month x 62/1 = 62.00", "fees Usage, credit: 0 records, -30 day x 31/31 = -30.00"}, nil},
		{"another tax", plan(taxed("eu", fee("31"))), ends, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage: 0 records, 1 month x 31/1 = 31.00", "fees Usage, credit: 0 records, -1 month x 31/1 = -31.00"}, nil},
		{"in arrears from now on", plan(arrears(fee("31"))),
			func(s *Span) { s.BilledTo = Date{2026, 10, 20} }, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, credit: 0 records, -12 day x 31/31 = -12.00"}, nil},
		{"the charge is gone", plan(Charge{ID: "other", Flat: &Flat{Amount: dec("5")}}), asIs, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage: 0 records, 1 month x 5/1 = 5.00", "fees Usage, credit: 0 records, -1 month x 31/1 = -31.00"}, nil},
		{"the charge is a set-up fee now", plan(Charge{Flat: &Flat{Amount: dec("31"), Once: true}}), asIs, []Advance{inAdvance(october, 31, "31")}, nil,
			[]string{"fees Usage, credit: 0 records, -1 month x 31/1 = -31.00"}, nil},
		{"a month that was left out", plan(fee("31")), ends, []Advance{inAdvance(Date{2026, 9, 1}, 10, "31")}, nil,
			// 10 x 31 / 30 = 10.333 back.
			[]string{"fees Usage: 0 records, 1 month x 31/1 = 31.00", "fees Usage, credit: 0 records, -10 day x 31/30 = -10.33 2026-09-01/2026-10-01"}, nil},
		{"another plan's", plan(fee("31")), ends, []Advance{{Plan: "gone", Charge: "c1", From: october, To: november(1), Days: 31, UnitPrice: dec("31")}}, nil,
			[]string{"fees Usage: 0 records, 1 month x 31/1 = 31.00"}, nil},

		{"subaccounts: a third from the 22nd", plan(per(FlatSubaccount, fee("3.10"))),
			func(s *Span) {
				s.Subaccounts = []Holding{{"AC1", october, november(1)}, {"AC2", october, november(1)}, {"AC3", Date{2026, 10, 22}, november(1)}}
				s.Next.Subaccounts = []Holding{{"AC1", november(1), Date{2026, 12, 1}}, {"AC2", november(1), Date{2026, 12, 1}}, {"AC3", november(1), Date{2026, 12, 1}}}
			}, []Advance{inAdvance(october, 62, "3.10")}, nil,
			// 72 - 62 days.
			[]string{"fees Usage: 0 records, 10 day x 3.1/31 = 1.00", "fees Usage, in advance: 0 records, 3 subaccount x 3.1/1 = 9.30 2026-11-01/2026-12-01"},
			[]string{"c1: 90 2026-11-01/2026-12-01 x 3.1"}},
		{"subaccounts: one leaves on the 16th of November", plan(per(FlatSubaccount, fee("3.10"))),
			func(s *Span) {
				s.Subaccounts = []Holding{{"AC1", october, november(1)}, {"AC2", october, november(1)}}
				s.Next.Subaccounts = []Holding{{"AC1", november(1), Date{2026, 12, 1}}, {"AC2", november(1), november(16)}}
			}, []Advance{inAdvance(october, 62, "3.10")}, nil,
			// 45 x 3.10 / 30 = 4.65.
			[]string{"fees Usage, in advance: 0 records, 45 day x 3.1/30 = 4.65 2026-11-01/2026-12-01"},
			[]string{"c1: 45 2026-11-01/2026-12-01 x 3.1"}},

		{"numbers: one comes, one goes", plan(per(FlatNumber, fee("31"))), asIs, []Advance{inAdvance(october, 31, "31")},
			// 29 + 10 - 31 days; only the second is held on the last day.
			slices.Concat(numberDays("+4930", 1, 29), numberDays("+4940", 22, 31)),
			[]string{"fees Usage: 0 records, 8 day x 31/31 = 8.00", "fees Usage, in advance: 0 records, 1 number x 31/1 = 31.00 2026-11-01/2026-12-01"},
			[]string{"c1: 30 2026-11-01/2026-12-01 x 31"}},
		{"numbers: the first invoice", plan(per(FlatNumber, fee("31"))), func(s *Span) { s.Next.BilledTo = november(11) }, nil,
			// 31 x 10 / 30 = 10.33.
			numberDays("+4930", 22, 31),
			[]string{"fees Usage: 0 records, 10 day x 31/31 = 10.00", "fees Usage, in advance: 0 records, 10 day x 31/30 = 10.33 2026-11-01/2026-11-11"},
			[]string{"c1: 10 2026-11-01/2026-12-01 x 31"}},
		{"numbers: the tenant ends, the fee is whole", plan(whole(per(FlatNumber, fee("31")))), ends, nil,
			slices.Concat(numberDays("+4930", 22, 31), numberDays("+4940", 3, 4)),
			[]string{"fees Usage: 0 records, 2 number x 31/1 = 62.00"}, nil},
		{"numbers: the first charge that will fit on each day", plan(dated(Date{}, november(11), germany), per(FlatNumber, fee("30"))), asIs, nil,
			// November 1 to 10 at 60, 11 to 30 at 30: 10 x 60 / 30 and 20 x 30 / 30.
			numberDays("+4930", 1, 31),
			[]string{
				"fees Usage: 0 records, 1 number x 60/1 = 60.00",
				"fees Usage, in advance: 0 records, 10 day x 60/30 = 20.00 2026-11-01/2026-11-11",
				"fees Usage, in advance: 0 records, 20 day x 30/30 = 20.00 2026-11-01/2026-12-01"},
			[]string{"c1: 10 2026-11-01/2026-12-01 x 60", "c2: 20 2026-11-01/2026-12-01 x 30"}},
		{"numbers: in arrears from now on", plan(arrears(per(FlatNumber, fee("31")))), asIs, []Advance{inAdvance(october, 31, "31")},
			numberDays("+4930", 1, 21),
			[]string{"fees Usage, credit: 0 records, -10 day x 31/31 = -10.00"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if problems := tt.plan.Check(nil); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			span, next := month(october), month(november(1))
			span.Next = &next
			tt.span(&span)
			r := NewRater(tt.plan, Tables{}, span, Carried{Advance: tt.carried})
			rateAll(t, r, tt.usage)
			if diff := cmp.Diff(tt.want, showFull(r.Lines())); diff != "" { // asked a second time
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			var left []string
			for _, a := range r.Carry().Advance {
				if a.Plan != "test" || a.Description != "Usage" {
					t.Errorf("advance of plan %q, %q", a.Plan, a.Description)
				}
				left = append(left, fmt.Sprintf("%s: %d %s/%s x %s", a.Charge, a.Days, a.From, a.To, a.UnitPrice))
			}
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("carried on (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTaxCodeOfAdvances(t *testing.T) {
	p := plan(Charge{TaxCode: "new", Flat: &Flat{Amount: dec("31"), InAdvance: true}})
	span, next := month(october), month(november(1))
	span.Next = &next
	a := inAdvance(october, 31, "31")
	a.TaxCode = "old"
	r := NewRater(p, Tables{}, span, Carried{Advance: []Advance{a}})
	var got []string
	for _, l := range r.Lines() {
		got = append(got, l.TaxCode)
	}
	if want := []string{"new", "new", "old"}; !slices.Equal(got, want) || r.Carry().Advance[0].TaxCode != "new" {
		t.Errorf("tax codes %q, want %q; carried %+v", got, want, r.Carry().Advance)
	}
}

func TestCreditAdvance(t *testing.T) {
	tests := []struct {
		days      int64
		unitPrice string
		rounding  Rounding
		currency  string
		first     Date
		want      string
	}{
		{31, "10", "", "USD", october, "fees Usage, credit: 0 records, -1 month x 10/1 = -10.00"},
		// 20 x 1000 / 31 = 645.16.
		{20, "1000", "", "JPY", october, "fees Usage, credit: 0 records, -20 day x 1000/31 = -645.00"},
		{20, "1000", Up, "JPY", october, "fees Usage, credit: 0 records, -20 day x 1000/31 = -646.00"},
		// Two subaccounts or numbers.
		{62, "10", "", "USD", october, "fees Usage, credit: 0 records, -62 day x 10/31 = -20.00"},
		// On a later invoice the line says which days it is for.
		{31, "10", "", "USD", november(1), "fees Usage, credit: 0 records, -1 month x 10/1 = -10.00 2026-10-01/2026-11-01"},
	}
	for _, tt := range tests {
		line := CreditAdvance(inAdvance(october, tt.days, tt.unitPrice), tt.first, tt.rounding, tt.currency)
		if got := showFull([]Line{line})[0]; got != tt.want || line.Charge != "c1" {
			t.Errorf("charge %s: %s\nwant %s", line.Charge, got, tt.want)
		}
	}
}

// TestAdvancesAddUpToArrears bills a chain of months in advance. Beginnings,
// ends and prices become known only in the month that they fall into, so the
// invoice before has billed too much or too little. All invoices together must
// come to what billing in arrears comes to: for each month, the days of what was
// there, at the month's price.
func TestAdvancesAddUpToArrears(t *testing.T) {
	const months = 5
	begin := Date{2026, 1, 1}
	first := func(month int) Date { return Date{begin.Year, begin.Month + time.Month(month), 1} }
	total := begin.DaysUntil(first(months))
	rapid.Check(t, func(t *rapid.T) {
		// A run of days [from, to) from the first of January; its end is known in
		// the month that it falls into.
		type run struct{ from, to int }
		drawRun := func(label string) run {
			from := rapid.IntRange(0, total).Draw(t, label+" from")
			return run{from, rapid.IntRange(from, total).Draw(t, label+" to")}
		}
		covers := func(r run, day int) bool { return r.from <= day && day < r.to }
		// known is what is known of the run in a month: one that has begun goes on.
		known := func(r run, month int) (from, to Date, ok bool) {
			end := begin.DaysUntil(first(month + 1))
			if from = begin.AddDays(r.from); r.from >= end {
				return from, to, false
			}
			if to = begin.AddDays(r.to); r.to >= end {
				to = first(months + 1)
			}
			return from, to, from.Before(to)
		}
		tenant, charge := drawRun("tenant"), drawRun("charge")
		per := rapid.SampledFrom([]string{"", FlatSubaccount, FlatNumber}).Draw(t, "per")
		prorate := rapid.SampledFrom([]string{"", ProrateNone}).Draw(t, "prorate")
		holders := []run{{0, total}} // the tenant itself
		if per != "" {
			holders = nil
			for i := range rapid.IntRange(0, 3).Draw(t, "holders") {
				holders = append(holders, drawRun(fmt.Sprint("holder ", i)))
			}
		}

		billed, due := new(big.Rat), new(big.Rat)
		var carried Carried
		for m := range months {
			price := decimal.New(rapid.Int64Range(1, 3).Draw(t, "price"), -2)
			c := Charge{Flat: &Flat{Amount: price, Per: per, Prorate: prorate, InAdvance: rapid.IntRange(0, 4).Draw(t, "in arrears") > 0}}
			if per == FlatNumber {
				c.Match.Kind = []Kind{Number}
			}
			from, to, inForce := known(charge, m)
			if c.From, c.Until = from, to; !inForce {
				c.From, c.Until = first(months+1), first(months+2)
			}
			spanOf := func(month int) Span {
				s := Span{From: first(month), To: first(month + 1), Location: time.UTC}
				from, to, ok := known(tenant, m)
				if s.BilledFrom, s.BilledTo = later(s.From, from), earlier(s.To, to); !ok {
					s.BilledTo = s.BilledFrom
				}
				for i, h := range holders {
					if from, to, ok := known(h, m); ok && per == FlatSubaccount {
						s.Subaccounts = append(s.Subaccounts, Holding{fmt.Sprint("AC", i), from, to})
					}
				}
				return s
			}
			span := spanOf(m)
			if next := spanOf(m + 1); m+1 < months && next.BilledFrom.Before(next.BilledTo) {
				span.Next = &next
			}
			p := plan(c)
			if rapid.IntRange(0, 9).Draw(t, "charge is gone") == 0 {
				p = plan(Charge{ID: "other", Flat: &Flat{}})
			}
			r := NewRater(p, Tables{}, span, carried)

			all := span.From.DaysUntil(span.To)
			for i, h := range holders {
				days := 0
				for d := range all {
					day := begin.DaysUntil(span.From) + d
					if !covers(tenant, day) || !covers(h, day) {
						continue
					}
					if per == FlatNumber {
						r.Rate(&Record{Kind: Number, Status: "held", To: fmt.Sprint("+", i), StartedAt: begin.AddDays(day).Start(time.UTC), Quantity: dec("1")})
					}
					if covers(charge, day) && p.Charges[0].ID == "c1" {
						days++
					}
				}
				if prorate == ProrateNone && days > 0 {
					days = all
				}
				due.Add(due, new(big.Rat).Mul(rat(price), big.NewRat(int64(days), int64(all))))
			}
			for _, l := range r.Lines() {
				x := new(big.Rat).Mul(rat(l.Quantity), rat(l.UnitPrice))
				billed.Add(billed, x.Quo(x, new(big.Rat).SetInt64(l.Per)))
			}
			carried = r.Carry()
		}
		if len(carried.Advance) > 0 {
			t.Fatalf("billed in advance for months that are not billed: %+v", carried.Advance)
		}
		if billed.Cmp(due) != 0 {
			t.Fatalf("billed %s in all, in arrears %s", billed.FloatString(10), due.FloatString(10))
		}
	})
}

package pricing

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Flat is a fee that no usage causes: for a period, or once.
type Flat struct {
	Amount    decimal.Decimal `yaml:"amount" json:"amount"`
	Per       string          `yaml:"per" json:"per,omitempty"`               // FlatPeriod where empty
	InAdvance bool            `yaml:"in_advance" json:"in_advance,omitempty"` // an invoice has the fee of the period after its own
	Once      bool            `yaml:"once" json:"once,omitempty"`             // a set-up fee, when what it is for begins
	Prorate   string          `yaml:"prorate" json:"prorate,omitempty"`       // ProrateDay where empty
}

// What a flat fee is for.
const (
	FlatPeriod     = "period"     // the tenant
	FlatSubaccount = "subaccount" // each subaccount that the tenant has
	FlatNumber     = "number"     // each phone number held
)

// How a flat fee is charged for a part of a period.
const (
	ProrateDay  = "day"  // by calendar days
	ProrateNone = "none" // whole
)

func (m *Flat) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	var out problems
	out.notNegative(at+".amount", m.Amount)
	switch m.Per {
	case "", FlatPeriod, FlatSubaccount:
		if !c.Match.empty() {
			out.add(".match", "a flat fee matches no usage: leave match out, or make it a fee per %s", FlatNumber)
		}
	case FlatNumber:
		if !slices.Equal(c.Match.Kind, []Kind{Number}) {
			out.add(".match.kind", "a flat fee per number needs match.kind [%s]", Number)
		}
	default:
		out.add(at+".per", "%q is not known; use %s, %s or %s", m.Per, FlatPeriod, FlatSubaccount, FlatNumber)
	}
	out.prorated(at+".prorate", m.Prorate)
	if m.Once && m.Prorate != "" {
		out.add(at+".prorate", "a fee that is charged once is always whole: leave prorate out")
	}
	if m.Once && m.InAdvance {
		out.add(at+".in_advance", "a fee that is charged once is not billed in advance: leave in_advance out")
	}
	return out
}

// fee is what a flat charge needs at hand.
type fee struct {
	advanced int64 // days of the period that the invoice before has billed

	// For fees per phone number.
	days  map[string]int64 // by number: days of the period that the charge has priced
	next  map[string]int64 // by number held on the period's last day: days of the next period
	first map[string]Date  // by number: first day seen, whether the charge is in force then or not
	line  *line            // what the records count towards, for Itemize
}

func (r *Rater) newFee(c *Charge) *fee {
	f := &fee{days: map[string]int64{}, next: map[string]int64{}, first: map[string]Date{}}
	for i := range r.carried.Advance {
		if a := &r.carried.Advance[i]; r.settledWith(a, c) {
			f.advanced += a.Days
		}
	}
	f.line = &line{Line: Line{Description: c.Description, Unit: Day, UnitPrice: c.Flat.Amount, Per: r.span.days()}}
	switch {
	case c.Flat.InAdvance || f.advanced != 0:
		// What was billed in advance is a fee; the days cost nothing more.
		f.line.Item, f.line.UnitPrice, f.line.Per = "billed in advance", decimal.Zero, 1
	case c.Flat.Prorate == ProrateNone:
		f.line.Unit, f.line.Per = PerNumber, 1
	}
	return f
}

// takes reports whether the charge prices the record where no charge before it
// does.
func (c *chargeState) takes(rec *Record, day Date) bool {
	return c.pricesRecords() && c.inForce(day) && c.Match.fits(rec)
}

// pricesRecords reports whether the charge prices any: all do but the flat fees
// that no record is needed for.
func (c *Charge) pricesRecords() bool {
	return c.Flat == nil || c.Flat.Per == FlatNumber && !c.Flat.Once
}

// numberDay prices a record of a phone number, which is one day in the warehouse
// and may be several in a file. Where the fee is not prorated, the number's
// first record has all of it.
func (f *fee) numberDay(rec *Record) Part {
	p := Part{Quantity: rec.Quantity, line: f.line, fee: f, number: rec.To, days: rec.Quantity.IntPart()}
	if f.line.Unit == PerNumber {
		p.Quantity = decimal.Zero
		if _, seen := f.days[rec.To]; !seen {
			p.Quantity = decimal.NewFromInt(1)
		}
	}
	return p
}

// seeNumber notes what set-up fees and fees in advance need to know of one day
// of a phone number, whichever charge prices it.
func (r *Rater) seeNumber(rec *Record, day Date) {
	for _, c := range r.charges {
		if c.Flat != nil && c.Flat.Once && c.Flat.Per == FlatNumber && c.Match.fits(rec) {
			if first, seen := c.fee.first[rec.To]; !seen || day.Before(first) {
				c.fee.first[rec.To] = day
			}
		}
	}
	r.seeNext(rec, day)
}

// Foresee notes a day of a phone number that another rater of the same period
// prices, for the fees in advance of a plan that is not in force on the period's
// last day but in the next period.
func (r *Rater) Foresee(rec *Record) {
	if rec.Kind == Number && r.plan.Charged(rec.Kind, rec.Status) {
		r.seeNext(rec, r.dayOf(rec.StartedAt))
	}
}

// seeNext notes a phone number that is held on the period's last day, and so
// in the next period.
func (r *Rater) seeNext(rec *Record, day Date) {
	next := r.span.Next
	if next == nil || day.AddDays(1) != r.span.To {
		return
	}
	for d := next.BilledFrom; d.Before(next.BilledTo); d = d.AddDays(1) {
		i := slices.IndexFunc(r.charges, func(c *chargeState) bool { return c.takes(rec, d) })
		if i >= 0 && r.charges[i].Flat != nil {
			r.charges[i].fee.next[rec.To]++
		}
	}
}

// fees are the lines of a flat charge: what is due for the period and, in
// advance, for the next one.
func (r *Rater) fees(c *chargeState) (out []*line) {
	switch {
	case c.Flat == nil:
		return nil
	case c.Flat.Once:
		if n := r.begun(c); n > 0 {
			out = append(out, c.feeLine(decimal.NewFromInt(n), c.Flat.unit(), 1))
		}
		return out
	}
	if l := c.settle(c.due(&r.span, c.fee.days)); l != nil {
		out = append(out, l)
	}
	if c.Flat.InAdvance && r.span.Next != nil {
		if l := r.advance(c, r.span.Next); l != nil {
			out = append(out, l)
		}
	}
	return out
}

// feeLine is a line of a flat charge.
func (c *chargeState) feeLine(quantity decimal.Decimal, unit Unit, per int64) *line {
	return &line{key: lineKey{charge: c.index}, Line: Line{
		Charge: c.ID, Category: Fees, Description: c.Description,
		Quantity: quantity, Unit: unit, UnitPrice: c.Flat.Amount, Per: per,
	}}
}

// unit is what a whole fee is counted in.
func (m *Flat) unit() Unit {
	switch {
	case m.Per == FlatSubaccount:
		return PerSubaccount
	case m.Per == FlatNumber:
		return PerNumber
	case m.Once:
		return PerOnce
	}
	return Month
}

// due is what a fee is for in a period.
type due struct {
	holders int64 // the tenant, subaccounts or phone numbers
	days    int64 // of all holders together
	all     int64 // days of the whole period
}

// due finds what the fee is for in a span; numbers are the days of each phone
// number in it.
func (c *chargeState) due(span *Span, numbers map[string]int64) due {
	d := due{all: span.days()}
	add := func(days int64) {
		if days > 0 {
			d.holders++
			d.days += days
		}
	}
	switch c.Flat.Per {
	case FlatNumber:
		for _, days := range numbers {
			add(days)
		}
	case FlatSubaccount:
		for _, days := range span.held(c.Charge) {
			add(days)
		}
	default:
		from, to := span.billed(c.Charge)
		add(int64(from.DaysUntil(to)))
	}
	if c.Flat.Prorate == ProrateNone {
		d.days = d.holders * d.all
	}
	return d
}

// quantity is what is printed: whole fees, or days where one of them is not
// whole.
func (d due) quantity(whole Unit) (quantity decimal.Decimal, unit Unit, per int64) {
	if d.days == d.holders*d.all {
		return decimal.NewFromInt(d.holders), whole, 1
	}
	return decimal.NewFromInt(d.days), Day, d.all
}

// begun counts what a set-up fee is for: what begins in the period, on a day on
// which the charge is in force. Of a tenant that began earlier, a number that is
// there on the first billed day was there before, unless it is known not to be.
func (r *Rater) begun(c *chargeState) (n int64) {
	s := &r.span
	switch c.Flat.Per {
	case FlatNumber:
		for number, day := range c.fee.first {
			added := s.BilledFrom.Before(day) || !s.NumbersBefore[number] && (s.NumbersBefore != nil || s.Began == s.BilledFrom)
			if added && c.inForce(day) {
				n++
			}
		}
	case FlatSubaccount:
		first := map[string]Date{}
		for _, h := range s.Subaccounts {
			if day, seen := first[h.SID]; !seen || h.From.Before(day) {
				first[h.SID] = h.From
			}
		}
		for _, day := range first {
			if s.bills(day) && c.inForce(day) {
				n++
			}
		}
	default:
		if s.bills(s.Began) && c.inForce(s.Began) {
			n = 1
		}
	}
	return n
}

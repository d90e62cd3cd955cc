package billing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// pricer prices a document: each plan's days by a rater of their own.
type pricer struct {
	doc   *Document
	parts []planDays
	last  *priceList // in force at the end of the document's days; its rounding holds for what is of the whole invoice
}

// planDays are the days of a document that one plan prices. A plan that begins
// with the next period has no day in this one: it only bills in advance. One that
// ended before it has none either: it gives back what it billed in advance.
type planDays struct {
	*pricing.Rater
	plan  *priceList
	days  bool      // whether it has any
	ahead bool      // whether it is in force in the next period
	end   time.Time // usage from here on is the next part's
}

// ended are the configured plans without a day in the document's period that the
// invoice before it billed in advance. One that is no longer configured gives back
// by the advance alone.
func (b *Biller) ended(doc *Document) (out []PlanRef) {
	for _, a := range doc.Opening.Advance {
		named := func(p PlanRef) bool { return p.Name == a.Plan }
		if b.Plans[a.Plan] != nil && !slices.ContainsFunc(doc.Plans, named) && !slices.ContainsFunc(out, named) {
			out = append(out, PlanRef{Name: a.Plan, Days: Days{doc.Billed.From, doc.Billed.From}})
		}
	}
	return out
}

func (b *Biller) newPricer(ctx context.Context, doc *Document, loc *time.Location) (*pricer, error) {
	var plans []PlanRef // in the order of their days
	add := func(p PlanRef) {
		if !slices.ContainsFunc(plans, func(known PlanRef) bool { return known.Name == p.Name }) {
			plans = append(plans, p)
		}
	}
	for _, p := range slices.Concat(doc.Ended, doc.Plans) {
		add(p)
	}
	if doc.Next != nil {
		for _, p := range doc.Next.Plans {
			p.Days = Days{doc.Billed.To, doc.Billed.To}
			add(p)
		}
	}
	pr := &pricer{doc: doc}
	for _, p := range plans {
		list, err := b.priceList(ctx, p)
		if err != nil {
			return nil, err
		}
		if p.Name == doc.Plans[len(doc.Plans)-1].Name {
			pr.last = list
		}
		plan := *list.Plan
		plan.Credits = nil // they come off the whole invoice
		span := pricing.Span{
			From: doc.Period.From, To: doc.Period.To, BilledFrom: p.From, BilledTo: p.To, Location: loc,
			Began: doc.Began, Subaccounts: holdings(doc.Accounts, p.Days),
		}
		if doc.Next != nil {
			span.Next = doc.Next.span(p.Name, loc)
		}
		days := p.From.Before(p.To)
		if days && plan.SetsUpNumbers() {
			if span.NumbersBefore, err = b.numbersBefore(ctx, doc, p.From, loc); err != nil {
				return nil, err
			}
		}
		pr.parts = append(pr.parts, planDays{
			Rater: pricing.NewRater(&plan, pricing.Tables{Decks: list.decks, Rates: b.Tables.Rates.After(doc.Rates)}, span, doc.Opening), plan: list,
			days: days, ahead: span.Next != nil, end: p.To.Start(loc),
		})
	}
	return pr, nil
}

// span is the part of the upcoming period that a plan is in force in; nil for
// none.
func (u *Upcoming) span(plan string, loc *time.Location) *pricing.Span {
	for _, p := range u.Plans {
		if p.Name == plan {
			return &pricing.Span{
				From: u.From, To: u.To, BilledFrom: p.From, BilledTo: p.To, Location: loc, Subaccounts: holdings(u.Accounts, p.Days),
			}
		}
	}
	return nil
}

// holdings are the accounts that are the tenant's on any of the days.
func holdings(accounts []Account, days Days) (out []pricing.Holding) {
	for _, a := range accounts {
		if laterDate(a.From, days.From).Before(earlierDate(a.To, days.To)) {
			out = append(out, pricing.Holding{SID: a.SID, From: a.Since, To: a.To})
		}
	}
	return out
}

// numbersBefore are the telephone numbers that the tenant held on the day before,
// in those of the document's subaccounts that were its own then; nil where that is
// not known.
func (b *Biller) numbersBefore(ctx context.Context, doc *Document, day pricing.Date, loc *time.Location) (map[string]bool, error) {
	eve := day.AddDays(-1)
	slice := warehouse.Slice{From: eve.Start(loc), To: day.Start(loc)}
	// Usage is pulled from the day before billing begins on, in UTC, and a number
	// day stands at noon. Farther east than UTC+12 that is too late for the eve.
	if known := b.Start.AddDays(-1).Start(time.UTC).Add(12 * time.Hour); !known.Before(slice.To) {
		return nil, nil
	}
	for _, a := range doc.Accounts {
		if !eve.Before(a.Since) && eve.Before(a.To) {
			slice.Accounts = append(slice.Accounts, a.SID)
		}
	}
	if slice.Accounts == nil {
		return map[string]bool{}, nil
	}
	slices.Sort(slice.Accounts)
	slice.Accounts = slices.Compact(slice.Accounts)
	held := map[string]bool{}
	err := b.DB.EachUsage(ctx, []warehouse.Slice{slice}, func(row *warehouse.UsageRow) error {
		if pricing.Kind(row.Kind) == pricing.Number {
			held[row.To] = true
		}
		return nil
	})
	return held, err
}

// rate prices a record by the plan whose days it falls into.
func (p *pricer) rate(rec *pricing.Record) (*pricing.Rater, pricing.Result) {
	var own *pricing.Rater
	for i := range p.parts {
		part := &p.parts[i]
		if own == nil && part.days && rec.StartedAt.Before(part.end) {
			own = part.Rater
		} else if part.ahead {
			part.Foresee(rec)
		}
	}
	return own, own.Rate(rec)
}

// twoPasses reports whether the amount of each record is known only once all
// records were priced.
func (p *pricer) twoPasses() bool {
	return slices.ContainsFunc(p.parts, func(part planDays) bool { return part.plan.TwoPasses() })
}

// again makes ready for the second of two passes.
func (p *pricer) again() {
	var before *pricing.Rater
	for i := range p.parts {
		part := &p.parts[i]
		if before != nil {
			part.Follow(before)
		}
		before, part.Rater = part.Rater, part.Again()
	}
}

// lines are the lines of all plans, by category, and what is left to the next
// invoice.
func (p *pricer) lines() (lines []pricing.Line, closing pricing.Carried) {
	last := p.last
	for _, a := range p.doc.Opening.Advance {
		if !slices.ContainsFunc(p.parts, func(part planDays) bool { return part.plan.Name == a.Plan }) { // no rater can settle it
			lines = append(lines, pricing.CreditAdvance(a, p.doc.Period.From, last.Rounding, last.Currency))
		}
	}
	var credits []pricing.Credit
	closing.Unused = p.doc.Opening.Unused
	for i, part := range p.parts {
		if i > 0 {
			part.Follow(p.parts[i-1].Rater)
		}
		lines = append(lines, part.Lines()...)
		left := part.Carry()
		closing.Advance = append(closing.Advance, left.Advance...)
		if part.days {
			closing.Unused = left.Unused
			credits = append(credits, part.plan.Credits...)
		}
	}
	used, left := pricing.TakeCredits(lines, append(credits, p.doc.Credits...), p.doc.Opening.Credits, p.doc.Period.From, last.Currency)
	closing.Credits = left
	lines = append(lines, used...)
	slices.SortStableFunc(lines, func(a, b pricing.Line) int {
		return cmp.Compare(slices.Index(pricing.Categories, a.Category), slices.Index(pricing.Categories, b.Category))
	})
	return lines, closing
}

// exchangeRates are those by which costs were converted.
func (p *pricer) exchangeRates() (out []pricing.ExchangeRate) {
	for _, part := range p.parts {
		for _, rate := range part.ExchangeRates() {
			if !slices.ContainsFunc(out, func(r pricing.ExchangeRate) bool { return r.From == rate.From && r.Day == rate.Day }) {
				out = append(out, rate)
			}
		}
	}
	return out
}

// unrated is the usage that no plan could price, ordered by kind and reason.
func (p *pricer) unrated() (out []pricing.Unrated) {
	for _, part := range p.parts {
		for _, u := range part.Unrated() {
			same := func(other pricing.Unrated) bool {
				return other.Kind == u.Kind && other.Reason == u.Reason && other.Currency == u.Currency
			}
			if at := slices.IndexFunc(out, same); at >= 0 {
				out[at].Records += u.Records
				out[at].Cost = out[at].Cost.Add(u.Cost)
			} else {
				out = append(out, u)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b pricing.Unrated) int {
		return cmp.Compare(slices.Index(pricing.Kinds, a.Kind), slices.Index(pricing.Kinds, b.Kind))
	})
	return out
}

// Carries reports whether a tenant's invoice for the period may leave anything of
// its own to the next one. A plan that begins with the next period bills in
// advance already.
func (b *Biller) Carries(t *Tenant, p Period) bool {
	return len(t.Credits) > 0 || slices.ContainsFunc(t.PlansOn(p.From, p.To.NextMonth()), func(ref PlanRef) bool {
		plan := b.Plans[ref.Name]
		return plan != nil && plan.Carries()
	})
}

package billing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// pricer prices a document: each plan's days by a rater of their own.
type pricer struct {
	doc    *Document
	biller *Biller
	parts  []planDays
}

// planDays are the days of a document that one plan prices. A plan that begins
// with the next period has no day in this one: it only bills in advance.
type planDays struct {
	*pricing.Rater
	plan *pricing.Plan
	end  time.Time // usage from here on is the next part's
}

// Priceable reports whether all the plans of a document are configured.
func (b *Biller) Priceable(doc *Document) bool {
	return !slices.ContainsFunc(doc.Plans, func(p PlanRef) bool { return b.Plans[p.Name] == nil })
}

// lastPlan is the plan at the end of a document's days. Its settings of rounding
// hold for the taxes.
func (b *Biller) lastPlan(doc *Document) *pricing.Plan {
	return b.Plans[doc.Plans[len(doc.Plans)-1].Name]
}

// digests are the plans with the digests that they have now.
func (b *Biller) digests(plans []PlanRef) ([]PlanRef, error) {
	out := slices.Clone(plans)
	for i := range out {
		plan := b.Plans[out[i].Name]
		if plan == nil {
			return nil, fmt.Errorf("plan %q is not configured", out[i].Name)
		}
		out[i].Digest = plan.Digest(b.Tables.Decks)
	}
	return out, nil
}

func (b *Biller) newPricer(ctx context.Context, doc *Document, loc *time.Location) (*pricer, error) {
	days := doc.Plans
	if doc.Next != nil {
		for _, p := range doc.Next.Plans {
			if !slices.ContainsFunc(doc.Plans, func(own PlanRef) bool { return own.Name == p.Name }) {
				days = append(slices.Clip(days), PlanRef{Name: p.Name, Days: Days{doc.Billed.To, doc.Billed.To}})
			}
		}
	}
	for _, a := range doc.Opening.Advance {
		if b.Plans[a.Plan] != nil && !slices.ContainsFunc(days, func(own PlanRef) bool { return own.Name == a.Plan }) {
			days = append(slices.Clip(days), PlanRef{Name: a.Plan, Days: Days{doc.Billed.To, doc.Billed.To}})
		}
	}
	pr := &pricer{doc: doc, biller: b}
	for _, p := range days {
		configured := b.Plans[p.Name]
		if configured == nil {
			return nil, fmt.Errorf("plan %q is not configured", p.Name)
		}
		plan := *configured
		plan.Credits = append(slices.Clip(plan.Credits), doc.Credits...)
		span := pricing.Span{
			From: doc.Period.From, To: doc.Period.To, BilledFrom: p.From, BilledTo: p.To, Location: loc,
			Began: doc.Began, Subaccounts: holdings(doc.Accounts, p.Days),
		}
		if doc.Next != nil {
			span.Next = doc.Next.span(p.Name, loc)
		}
		if plan.SetsUpNumbers() {
			var err error
			if span.NumbersBefore, err = b.numbersBefore(ctx, doc, p.From); err != nil {
				return nil, err
			}
		}
		pr.parts = append(pr.parts, planDays{
			Rater: pricing.NewRater(&plan, b.Tables, span, doc.Opening), plan: &plan, end: p.To.Start(loc),
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

// numbersBefore are the telephone numbers that the document's subaccounts held
// on the day before.
func (b *Biller) numbersBefore(ctx context.Context, doc *Document, day pricing.Date) (map[string]bool, error) {
	loc, err := time.LoadLocation(doc.Period.TimeZone)
	if err != nil {
		return nil, err
	}
	slice := warehouse.Slice{From: day.AddDays(-1).Start(loc), To: day.Start(loc)}
	for _, a := range doc.Accounts {
		slice.Accounts = append(slice.Accounts, a.SID)
	}
	slices.Sort(slice.Accounts)
	slice.Accounts = slices.Compact(slice.Accounts)
	held := map[string]bool{}
	err = b.DB.EachUsage(ctx, []warehouse.Slice{slice}, func(row *warehouse.UsageRow) error {
		if pricing.Kind(row.Kind) == pricing.Number {
			held[row.To] = true
		}
		return nil
	})
	return held, err
}

// rater is the one whose days a record falls into.
func (p *pricer) rater(rec *pricing.Record) *pricing.Rater {
	for i := range p.parts {
		if rec.StartedAt.Before(p.parts[i].end) {
			return p.parts[i].Rater
		}
	}
	return p.parts[len(p.parts)-1].Rater
}

// twoPasses reports whether the amount of each record is known only once all
// records were priced.
func (p *pricer) twoPasses() bool {
	return slices.ContainsFunc(p.parts, func(part planDays) bool { return part.plan.TwoPasses() })
}

// again makes ready for the second of two passes.
func (p *pricer) again() {
	for i := range p.parts {
		p.parts[i].Rater = p.parts[i].Again()
	}
}

// lines are the lines of all plans, by category, and what is left to the next
// invoice.
func (p *pricer) lines() (lines []pricing.Line, closing pricing.Carried) {
	for i, part := range p.parts {
		if i > 0 {
			part.Follow(p.parts[i-1].Rater)
		}
		lines = append(lines, part.Lines()...)
		left := part.Carry()
		closing.Advance = append(closing.Advance, left.Advance...)
		closing.Unused = append(closing.Unused, left.Unused...)
		closing.Credits = left.Credits
	}
	for _, a := range p.doc.Opening.Advance {
		if p.biller.Plans[a.Plan] == nil { // no rater can settle it
			plan := p.biller.lastPlan(p.doc)
			lines = append(lines, pricing.CreditAdvance(a, plan.Rounding, plan.Currency))
		}
	}
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

// unrated is the usage that no plan could price.
func (p *pricer) unrated() (out []pricing.Unrated) {
	for _, part := range p.parts {
		out = append(out, part.Unrated()...)
	}
	return out
}

// Carries reports whether a tenant's invoice for the period leaves anything to
// the next one.
func (b *Biller) Carries(t *Tenant, p Period) bool {
	return len(t.Credits) > 0 || slices.ContainsFunc(t.PlansOn(p.From, p.To), func(ref PlanRef) bool {
		plan := b.Plans[ref.Name]
		return plan != nil && plan.Carries()
	})
}

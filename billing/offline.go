package billing

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// PriceList is a plan with the tables that it needs.
type PriceList struct {
	Plan   *pricing.Plan
	Tables pricing.Tables
}

// Offline prices usage that is in no warehouse, such as a file's. It is billed
// as a tenant's whose subaccounts are the accounts of that usage, each for all
// the days that are billed.
type Offline struct {
	Period Period
	From   pricing.Date // the tenant's first day; it began long before the period where zero
	Until  pricing.Date // first day no longer billed; never where zero
	Taxes  []pricing.TaxRate

	// Explain is what to explain step by step: the sid of a record, the id of a
	// charge, discount, surcharge or credit, the name of a tax, or [ExplainAll];
	// nothing where empty.
	Explain string

	// Usage calls each with every usage record, the same ones each time it is
	// called. The record may be reused between calls.
	Usage func(each func(*pricing.Record) error) error
}

// Rating is what usage comes to under one plan.
type Rating struct {
	Document   Document // its lines, taxes and totals; it has no parties and no dates
	Unrated    []pricing.Unrated
	NotCharged int64           // records of the period that tenants do not pay for
	Outside    int64           // records that started when nothing is billed; they are in no other figure
	Carried    pricing.Carried // what the period leaves to the next one
	Explained  []Explanation   // records in the order of the usage, then lines, then taxes
}

// ExplainAll explains every record, every line and every tax.
const ExplainAll = "all"

// Explanation is how a record, a line or a tax came to its amount.
type Explanation struct {
	Record string         `json:"record,omitempty"` // sid
	Line   int            `json:"line,omitempty"`   // from 1
	Tax    string         `json:"tax,omitempty"`    // name
	Steps  []pricing.Step `json:"steps"`
}

// explains reports whether what goes by the name is to be explained.
func (o *Offline) explains(name string) bool {
	return o.Explain == ExplainAll || name != "" && o.Explain == name
}

// Price prices the usage under each of the plans.
func (o *Offline) Price(lists ...*PriceList) ([]*Rating, error) {
	loc, err := time.LoadLocation(o.Period.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", o.Period.TimeZone, err)
	}
	billed := o.days(o.Period)
	// A rater has to know the subaccounts, for fees, before it prices.
	seen := map[string]bool{}
	if err := o.Usage(func(rec *pricing.Record) error {
		seen[rec.Account] = true
		return nil
	}); err != nil {
		return nil, err
	}
	accounts := slices.Sorted(maps.Keys(seen))

	raters := make([]*pricing.Rater, len(lists))
	ratings := make([]*Rating, len(lists))
	for i, list := range lists {
		span := o.span(accounts, loc)
		raters[i] = pricing.NewRater(list.Plan, list.Tables, span, list.Plan.Running(span))
		ratings[i] = &Rating{Document: Document{
			Schema: DocumentSchema, Period: o.Period, Billed: billed, Currency: list.Plan.Currency,
			Plans: []PlanRef{{Name: list.Plan.Name, Digest: list.Plan.Digest(list.Tables.Decks), Days: billed}},
		}}
	}
	begin, end := billed.From.Start(loc), billed.To.Start(loc)
	if err := o.Usage(func(rec *pricing.Record) error {
		outside := rec.StartedAt.Before(begin) || !rec.StartedAt.Before(end)
		for i, r := range ratings {
			if outside {
				r.Outside++
				continue
			}
			r.Document.Usage.Records++
			if o.explains(rec.SID) {
				r.Explained = append(r.Explained, Explanation{Record: rec.SID, Steps: raters[i].Explain(rec)})
			}
			if raters[i].Rate(rec).Outcome == pricing.NotCharged {
				r.NotCharged++
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for i, r := range ratings {
		d := &r.Document
		d.Lines = raters[i].Lines()
		d.Net, d.Taxes, d.Total = lists[i].Plan.Total(d.Lines, o.Taxes)
		d.Rates = raters[i].ExchangeRates()
		r.Unrated, r.Carried = raters[i].Unrated(), raters[i].Carry()
		for n := range d.Lines {
			if o.explains(d.Lines[n].Charge) || o.explains(lists[i].Plan.DiscountOf(&d.Lines[n])) {
				r.Explained = append(r.Explained, Explanation{Line: n + 1, Steps: raters[i].ExplainLine(&d.Lines[n])})
			}
		}
		for n, steps := range lists[i].Plan.ExplainTaxes(d.Lines, o.Taxes) {
			if name := d.Taxes[n].Name; o.explains(name) {
				r.Explained = append(r.Explained, Explanation{Tax: name, Steps: steps})
			}
		}
	}
	return ratings, nil
}

// days are those of a period that are billed.
func (o *Offline) days(p Period) Days {
	return Days{From: laterDate(p.From, o.From), To: earlierDate(p.To, o.Until)}
}

// span is the period as pricing takes it, and the month after it.
func (o *Offline) span(accounts []string, loc *time.Location) pricing.Span {
	of := func(p Period) pricing.Span {
		billed := o.days(p)
		s := pricing.Span{
			From: p.From, To: p.To, BilledFrom: billed.From, BilledTo: billed.To, Location: loc, Began: o.From,
		}
		for _, sid := range accounts {
			s.Subaccounts = append(s.Subaccounts, pricing.Holding{SID: sid, From: o.From, To: billed.To})
		}
		return s
	}
	span := of(o.Period)
	if next := of(Month(o.Period.To, o.Period.TimeZone)); next.BilledFrom.Before(next.BilledTo) {
		span.Next = &next
	}
	return span
}

// Comparison is the same usage under two plans of one currency.
type Comparison struct {
	Plan, Against   *Rating
	Charges         []ChargeDifference // ordered as the lines of the first plan are, then of the other
	Net, Tax, Total Difference
}

// ChargeDifference is what the lines of one charge, discount, surcharge or
// credit come to, by its id.
type ChargeDifference struct {
	Charge string
	Difference
}

// Difference is one amount under two plans, in the currency's minor unit.
type Difference struct {
	Plan, Against decimal.Decimal
}

// By is how much more it is under the other plan; negative where it is less.
func (d Difference) By() decimal.Decimal { return d.Against.Sub(d.Plan) }

// Compare sets two ratings of the same usage against each other.
func Compare(plan, against *Rating) (*Comparison, error) {
	a, b := &plan.Document, &against.Document
	if a.Currency != b.Currency {
		return nil, fmt.Errorf("plan %s is in %s and %s in %s: amounts in two currencies have no difference", a.Plans[0].Name, a.Currency, b.Plans[0].Name, b.Currency)
	}
	c := &Comparison{
		Plan: plan, Against: against,
		Net:   Difference{a.Net, b.Net},
		Tax:   Difference{a.Total.Sub(a.Net), b.Total.Sub(b.Net)},
		Total: Difference{a.Total, b.Total},
	}
	of := func(charge string) *ChargeDifference {
		i := slices.IndexFunc(c.Charges, func(d ChargeDifference) bool { return d.Charge == charge })
		if i < 0 {
			i = len(c.Charges)
			c.Charges = append(c.Charges, ChargeDifference{Charge: charge})
		}
		return &c.Charges[i]
	}
	for _, l := range a.Lines {
		d := of(l.Charge)
		d.Plan = d.Plan.Add(l.Amount)
	}
	for _, l := range b.Lines {
		d := of(l.Charge)
		d.Against = d.Against.Add(l.Amount)
	}
	return c, nil
}

package pricing

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Rater prices the usage of one tenant's period under one plan. It is not
// safe for concurrent use.
type Rater struct {
	plan    *Plan
	tables  Tables
	span    Span
	carried Carried
	left    Carried // what Lines found
	before  taken   // by the raters that this one follows
	after   taken   // by them and this one
	charges []*chargeState
	lines   map[lineKey]*line
	unrated map[unratedKey]*Unrated
	rates   map[exchanged]ExchangeRate // those that were used
	why     map[followed]string        // how the lines that follow from others came about, for ExplainLine
	numbers map[held]bool              // for surcharges per number

	dayFrom, dayTo time.Time // the bounds of the day looked up last
	day            Date
}

// chargeState is a charge with what it needs at hand, and its sums so far.
type chargeState struct {
	*Charge
	index int
	deck  *Deck

	bandDecks []*Deck               // of a per_minute charge's bands; nil for those with a rate
	calls     map[rowKey]*callRates // of a per_minute charge
	units     map[rowKey]*line      // of a per_unit charge
	fee       *fee                  // of a flat charge

	// For charges that price the sum of a period.
	meter   *Meter
	pooled  splitter
	buckets map[string]*bucket // by account; one under "" for all together
	sumUnit Unit               // of a sum of cost; empty where the meter says
}

// splitter is a model that prices a sum.
type splitter interface {
	split(units decimal.Decimal, unit Unit) []part
}

// bucket is the sum that a record counts towards.
func (c *chargeState) bucket(rec *Record) *bucket {
	account := ""
	if c.meter.Over == OverSubaccount {
		account = rec.Account
	}
	b := c.buckets[account]
	if b == nil {
		b = &bucket{charge: c, account: account}
		c.buckets[account] = b
	}
	return b
}

// exchanged is what costs were exchanged from, by a rate of some day.
type exchanged struct {
	currency string
	day      Date
}

type rowKey struct {
	row  *DeckRow // nil for the charge's own rate
	kind Kind
	band int // of a per_minute charge
}

type unratedKey struct {
	kind             Kind
	reason, currency string
}

// NewRater prepares a plan for one tenant's period. The plan must be without
// problems; see [Plan.Check].
func NewRater(plan *Plan, tables Tables, span Span, carried Carried) *Rater {
	r := &Rater{
		plan: plan, tables: tables, span: span, carried: carried,
		lines: map[lineKey]*line{}, unrated: map[unratedKey]*Unrated{}, rates: map[exchanged]ExchangeRate{},
		why: map[followed]string{}, numbers: map[held]bool{},
	}
	for i := range plan.Charges {
		c := &chargeState{Charge: &plan.Charges[i], index: i, calls: map[rowKey]*callRates{}, units: map[rowKey]*line{}, buckets: map[string]*bucket{}}
		switch {
		case c.PerMinute != nil:
			c.deck = tables.Decks[c.PerMinute.Deck]
			for _, b := range c.PerMinute.Times {
				c.bandDecks = append(c.bandDecks, tables.Decks[b.Deck])
			}
		case c.PerUnit != nil && c.PerUnit.pooled():
			c.meter, c.pooled = &c.PerUnit.Meter, c.PerUnit
		case c.PerUnit != nil:
			c.deck = tables.Decks[c.PerUnit.Deck]
		case c.Graduated != nil:
			c.meter, c.pooled = &c.Graduated.Meter, c.Graduated
		case c.Volume != nil:
			c.meter, c.pooled = &c.Volume.Meter, c.Volume
		case c.Package != nil:
			c.meter, c.pooled = &c.Package.Meter, c.Package
		case c.Percentage != nil && len(c.Percentage.Tiers) > 0:
			c.meter, c.pooled, c.sumUnit = &Meter{FreeUnits: c.Percentage.FreeAmount}, c.Percentage, Unit(plan.Currency)
		case c.Flat != nil:
			c.fee = r.newFee(c.Charge)
		}
		r.charges = append(r.charges, c)
	}
	return r
}

// Rate prices one record and adds it to the lines. The record's start must lie
// in the period.
func (r *Rater) Rate(rec *Record) Result { return r.RateGroup(rec, 1) }

// RateGroup prices n records that are alike in all that a plan can look at. The
// lines come out as if each had been given to Rate; the Result is that of one
// of them. Days of phone numbers are never alike: a number is held once on a day.
func (r *Rater) RateGroup(rec *Record, n int64) Result {
	var res Result
	if !r.plan.Charged(rec.Kind, rec.Status) {
		res.Outcome = NotCharged
		return res
	}
	day := r.dayOf(rec.StartedAt)
	if rec.Kind == Number {
		r.seeNumber(rec, day)
	}
	for _, c := range r.charges {
		if !c.takes(rec, day) {
			continue
		}
		res.Charge = c.ID
		if res.Reason = r.price(c, rec, day, &res.Parts); res.Reason != "" {
			return r.noRate(rec, n, res)
		}
		if c.RoundRecords != nil {
			res.Parts = r.roundRecord(c, res.Parts)
		}
		for i, p := range res.Parts {
			p.add(n, i == 0)
		}
		r.observe(c, rec)
		return res
	}
	res.Reason = "no charge fits"
	return r.noRate(rec, n, res)
}

// price finds the record's parts under a charge that fits it, or says why
// there is no price.
func (r *Rater) price(c *chargeState, rec *Record, day Date, parts *[]Part) (reason string) {
	if c.pooled != nil && c.Percentage == nil {
		*parts = append(*parts, Part{Quantity: c.meter.of(rec), bucket: c.bucket(rec), kind: rec.Kind})
		return ""
	}
	switch {
	case c.CostPlus != nil:
		return r.costPlus(c, rec, day, parts)
	case c.Percentage != nil:
		return r.percentage(c, rec, day, parts)
	case c.PerMinute != nil:
		return r.perMinute(c, rec, day, parts)
	case c.Flat != nil:
		*parts = append(*parts, c.fee.numberDay(rec))
		return ""
	}
	row, reason := deckRow(c.deck, rec, day)
	if reason != "" {
		return reason
	}
	*parts = append(*parts, Part{Quantity: c.PerUnit.of(rec), line: r.unitLine(c, row, rec.Kind)})
	return ""
}

// unitLine is the line of a price per unit: a deck row's, or the charge's own
// where row is nil.
func (r *Rater) unitLine(c *chargeState, row *DeckRow, kind Kind) *line {
	key := rowKey{row: row, kind: kind}
	if l := c.units[key]; l != nil {
		return l
	}
	m := c.PerUnit
	per := int64(1)
	if m.Per == PerMonth {
		per = int64(r.span.From.DaysUntil(r.span.To))
	}
	item, price := "", m.UnitPrice
	if row != nil {
		item, price = row.Destination, &row.Rate
	}
	c.units[key] = r.line(c, usagePart, kind, item, *price, m.unit(kind), per)
	return c.units[key]
}

func (r *Rater) noRate(rec *Record, n int64, res Result) Result {
	res.Outcome = NoRate
	key := unratedKey{rec.Kind, res.Reason, rec.Currency}
	u := r.unrated[key]
	if u == nil {
		u = &Unrated{Kind: rec.Kind, Reason: res.Reason, Currency: rec.Currency}
		r.unrated[key] = u
	}
	u.Records += n
	if rec.Cost.Valid {
		u.Cost = u.Cost.Add(rec.Cost.Decimal.Mul(decimal.NewFromInt(n)))
	}
	return res
}

// Carry is what the period leaves to the next one, once Lines has been asked
// for.
func (r *Rater) Carry() Carried { return r.left }

// Unrated lists the usage that could not be priced, ordered by kind and reason.
func (r *Rater) Unrated() []Unrated {
	out := make([]Unrated, 0, len(r.unrated))
	for _, u := range r.unrated {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b Unrated) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)),
			strings.Compare(a.Reason, b.Reason),
			strings.Compare(a.Currency, b.Currency))
	})
	return out
}

// dayOf is the day of an instant in the tenant's time zone. Records come
// sorted or nearly so, so the last day found is kept.
func (r *Rater) dayOf(t time.Time) Date {
	if t.Before(r.dayFrom) || !t.Before(r.dayTo) {
		r.day = DateOf(t.In(r.span.Location))
		r.dayFrom, r.dayTo = r.day.Start(r.span.Location), r.day.AddDays(1).Start(r.span.Location)
	}
	return r.day
}

func (c *Charge) inForce(day Date) bool {
	return (c.From.IsZero() || !day.Before(c.From)) && (c.Until.IsZero() || day.Before(c.Until))
}

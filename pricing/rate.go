package pricing

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Span is the time that a [Rater] prices: a period, and the part of it that
// the tenant is billed for. Every range is half-open.
type Span struct {
	From, To             Date // the period
	BilledFrom, BilledTo Date // within the period; equal to it for most tenants
	Location             *time.Location

	Began         Date            // the tenant's first day, for set-up fees; no tenant begins where zero
	Subaccounts   []Holding       // for fees per subaccount
	NumbersBefore map[string]bool // telephone numbers held on the day before BilledFrom, for set-up fees; nil where that is not known
	Next          *Span           // the period after it, for fees in advance; nil where it is not billed
}

// Holding is a subaccount in the tenant's hands for the days [From, To), which
// may reach beyond the billed days. From is no date where it always was.
type Holding struct {
	SID      string
	From, To Date
}

// Tables are what plans refer to by name, or look up by date.
type Tables struct {
	Decks map[string]*Deck
	Rates *ExchangeRates // nil for none
}

// Carried is what one period's invoice leaves to the next.
type Carried struct {
	Advance []Advance `json:"advance,omitempty"`
	Unused  []Unused  `json:"unused,omitempty"`
	Credits []Taken   `json:"credits,omitempty"`
}

// IsZero reports whether nothing is left.
func (c Carried) IsZero() bool { return len(c.Advance)+len(c.Unused)+len(c.Credits) == 0 }

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
	charges []*rater
	lines   map[lineKey]*line
	unrated map[unratedKey]*Unrated
	rates   map[exchanged]ExchangeRate // those that were used
	why     map[followed]string        // how the lines that follow from others came about, for ExplainLine
	numbers map[held]bool              // for surcharges per number

	dayFrom, dayTo time.Time // the bounds of the day looked up last
	day            Date
}

// rater is a charge with what it needs at hand.
type rater struct {
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
func (c *rater) bucket(rec *Record) *bucket {
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

type lineKey struct {
	charge    int
	component component
	kind      Kind
	item      string
	price     string
	unit      Unit
	per       int64
	account   string // of a sum over one subaccount
	part      int    // of a sum, in the order of its parts
}

// component says which part of a charge a line is.
type component int

const (
	usagePart component = iota
	connectPart
	minimumPart
	maximumPart
	addPart
	roundedPart
)

type line struct {
	Line
	key  lineKey
	used bool // a record counts towards it, if only with a quantity of 0
	inclusion
	itemized decimal.Decimal // what Itemize has handed out of the line's exact amount
}

// Outcome is what pricing made of a record.
type Outcome int

// The outcomes.
const (
	Rated      Outcome = iota // on at least one line, if only with a quantity of 0
	NotCharged                // its status is not one that tenants pay for, such as a failed call
	NoRate                    // reported by Unrated: no charge fits, or the one that fits has no rate
)

// Result is how one record was priced.
type Result struct {
	Outcome Outcome
	Charge  string // id of the charge that fits; empty where none does
	Reason  string // why there is no rate; empty otherwise
	Parts   []Part // on which lines, and for how much of what
}

// Part is a record's share of one line, or of the sum that a charge prices as
// a whole.
type Part struct {
	Quantity decimal.Decimal
	line     *line
	bucket   *bucket
	kind     Kind                // of the record, in a bucket
	instead  *[2]decimal.Decimal // of a record at its minimum or maximum: what it would have come to, as a fraction

	fee    *fee // for days of a phone number that a flat fee is for
	number string
	days   int64
}

// Unit is what the quantity counts.
func (p Part) Unit() Unit {
	if p.bucket != nil {
		return p.bucket.charge.unitOf(p.kind)
	}
	return p.line.Line.Unit
}

// Item is what the line is about within its charge, such as a destination.
func (p Part) Item() string {
	if p.bucket != nil {
		return p.bucket.account
	}
	return p.line.Item
}

// Price is the line's price for so many units. A share of a sum has none: its
// price depends on the whole sum.
func (p Part) Price() (unitPrice decimal.Decimal, per int64, ok bool) {
	if p.bucket != nil {
		return decimal.Zero, 0, false
	}
	return p.line.UnitPrice, p.line.Per, true
}

// add counts the part of each of so many records alike towards its line or
// sum; the first part of a record also stands for the record.
func (p Part) add(records int64, first bool) {
	quantity := p.Quantity
	if records != 1 && !quantity.IsZero() {
		quantity = quantity.Mul(decimal.NewFromInt(records))
	}
	if p.fee != nil {
		p.fee.days[p.number] += p.days * records
	}
	if !first {
		records = 0
	}
	if b := p.bucket; b != nil {
		b.see(p.kind)
		b.sum = b.sum.Add(quantity)
		b.records += records
		return
	}
	p.line.Quantity = p.line.Quantity.Add(quantity)
	p.line.Records += records
	p.line.used = true
}

// Unrated is usage that could not be priced, in one group by kind and reason.
type Unrated struct {
	Kind     Kind
	Reason   string
	Records  int64
	Cost     decimal.Decimal // of those records whose cost is known
	Currency string          // of Cost
}

type unratedKey struct {
	kind             Kind
	reason, currency string
}

// NewRater prepares a plan for one tenant's period. The plan must be without
// problems; see [Plan.Check].
func NewRater(plan *Plan, tables Tables, span Span, carried Carried) *Rater {
	r := &Rater{plan: plan, tables: tables, span: span, carried: carried, lines: map[lineKey]*line{}, unrated: map[unratedKey]*Unrated{}, rates: map[exchanged]ExchangeRate{}, why: map[followed]string{}, numbers: map[held]bool{}}
	for i := range plan.Charges {
		c := &rater{Charge: &plan.Charges[i], index: i, calls: map[rowKey]*callRates{}, units: map[rowKey]*line{}, buckets: map[string]*bucket{}}
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
	if !r.plan.charges(rec.Kind, rec.Status) {
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
func (r *Rater) price(c *rater, rec *Record, day Date, parts *[]Part) (reason string) {
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
func (r *Rater) unitLine(c *rater, row *DeckRow, kind Kind) *line {
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

// recordUnit is what one record of a kind is called when records are counted.
func recordUnit(k Kind) Unit {
	switch k {
	case Call:
		return PerCall
	case SMS, MMS, WhatsApp:
		return Message
	case Number:
		return Day
	}
	return Unit(k)
}

// line is the line that collects records of one charge at one price.
func (r *Rater) line(c *rater, part component, kind Kind, item string, price decimal.Decimal, unit Unit, per int64) *line {
	key := lineKey{charge: c.index, component: part, kind: kind, item: item, price: price.String(), unit: unit, per: per}
	if l := r.lines[key]; l != nil {
		return l
	}
	description := c.Description
	switch part {
	case connectPart:
		description += ", connect fee"
	case minimumPart:
		description += ", minimum charge"
	case maximumPart:
		description += ", maximum charge"
	case roundedPart:
		description += ", rounded per record"
	case addPart:
		description += ", fee per " + string(unit)
	}
	l := &line{key: key, Line: Line{
		Charge: c.ID, Category: kind.Category(), Kind: kind, Description: description, Item: item,
		Unit: unit, UnitPrice: price, Per: per,
	}}
	r.lines[key] = l
	return l
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

// Itemize is the amount of one record that Rate has just priced. Amounts of a
// line's records add up to the line's exact amount to the last digit. Where a
// single price never ends (0.01 a minute, by the second) each record gets what
// the line's exact amount grew by. Where [Plan.TwoPasses], ask the rater that
// [Rater.Again] answers. A number's day gets nothing where its fee is billed in
// advance: such a fee is not caused by its records.
func (r *Rater) Itemize(res Result) decimal.Decimal {
	var sum decimal.Decimal
	for _, p := range res.Parts {
		var exact decimal.Decimal
		var itemized *decimal.Decimal
		if p.bucket != nil {
			exact, itemized = p.bucket.exact(), &p.bucket.itemized
		} else {
			exact, itemized = p.line.exact(), &p.line.itemized
		}
		sum = sum.Add(exact.Sub(*itemized))
		*itemized = exact
	}
	return sum
}

// Exact is the line's amount before rounding: Quantity x UnitPrice / Per, with
// every decimal it has. A quotient that never ends is rounded 12 decimals past
// those of the product.
func (l *Line) Exact() decimal.Decimal { return quotient(l.Quantity.Mul(l.UnitPrice), l.Per) }

// split parts a line into what is free of it and what is billed.
func (l *line) split() []*line {
	free := decimal.Min(l.free, l.Quantity)
	if free.Sign() <= 0 {
		return []*line{l}
	}
	included, billed := *l, *l
	included.Item, included.UnitPrice, included.Quantity = strings.TrimPrefix(l.Item+", included", ", "), decimal.Zero, free
	included.Description += l.by
	billed.Quantity, billed.Records = l.Quantity.Sub(free), 0
	if billed.Quantity.IsZero() {
		return []*line{&included}
	}
	return []*line{&included, &billed}
}

// exact is the line's amount before rounding, without what is free.
func (l *line) exact() (sum decimal.Decimal) {
	for _, part := range l.split() {
		sum = sum.Add(part.Line.Exact())
	}
	return sum
}

// Lines are the priced lines, flat fees among them: by category, then in the
// plan's order of charges, and what follows from them at the end. Amounts are
// rounded here, once a line.
func (r *Rater) Lines() []Line {
	r.after = r.before.begin()
	r.allow()
	places := MinorUnits(r.plan.Currency)
	all := make([]*line, 0, len(r.lines))
	for _, l := range r.lines {
		if l.used {
			all = append(all, l)
		}
	}
	r.left.Advance = nil
	for _, c := range r.charges {
		for _, account := range slices.Sorted(maps.Keys(c.buckets)) {
			if c.buckets[account].records == 0 { // explained only
				continue
			}
			for i, l := range c.buckets[account].lines() {
				all = append(all, &line{Line: l, key: lineKey{charge: c.index, account: account, part: i}})
			}
		}
		all = append(all, r.fees(c)...)
	}
	slices.SortFunc(all, inDocument)
	lines := make([]Line, 0, len(all))
	for _, whole := range all {
		for _, l := range whole.split() {
			lines = append(lines, l.Line)
			last := &lines[len(lines)-1]
			last.Amount = divide(l.Quantity.Mul(l.UnitPrice), l.Per, places, r.plan.Rounding)
			last.TaxCode = r.plan.Charges[l.key.charge].TaxCode
		}
	}
	return r.adjust(append(lines, r.creditLines()...))
}

// inDocument orders priced lines as documents show them.
func inDocument(a, b *line) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Categories, a.Category), slices.Index(Categories, b.Category)),
		cmp.Compare(a.key.charge, b.key.charge),
		strings.Compare(a.key.account, b.key.account),
		cmp.Compare(a.key.part, b.key.part),
		cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)),
		strings.Compare(a.Item, b.Item),
		cmp.Compare(a.key.component, b.key.component),
		b.UnitPrice.Cmp(a.UnitPrice),
		cmp.Compare(a.Per, b.Per),
	)
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

package pricing

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Line is one priced line of an invoice. Its exact amount is
// Quantity x UnitPrice / Per, and nothing else: what is printed is what the
// amount was made from.
type Line struct {
	Charge      string          `json:"charge"`      // id in the plan of the charge, or of the discount, surcharge or credit; empty for limits of the whole invoice
	Category    Category        `json:"category"`    //
	Kind        Kind            `json:"kind"`        // empty where no usage is behind it
	Description string          `json:"description"` // the charge's description, and which part of it this line is
	Item        string          `json:"item"`        // what the line is about within the charge, such as a destination; may be empty
	Records     int64           `json:"records"`     // usage records behind the line; 0 for fees
	Quantity    decimal.Decimal `json:"quantity"`    // billed units, exact
	Unit        Unit            `json:"unit"`        //
	UnitPrice   decimal.Decimal `json:"unit_price"`  // in the plan's currency, for Per units
	Per         int64           `json:"per"`         // how many units UnitPrice buys: 60 for a price per minute over seconds
	Amount      decimal.Decimal `json:"amount"`      // rounded once, to the currency's minor unit
	TaxCode     string          `json:"tax_code,omitempty"`
	From        Date            `json:"from,omitzero"`     // first day that the line is for, where not the invoice's own period
	To          Date            `json:"to,omitzero"`       // first day that it is no longer for
	Adjusts     string          `json:"adjusts,omitempty"` // number of the invoice that an adjustment is of
}

// Tax is one tax of an invoice; see [Plan.Total]. An inclusive tax is contained
// in the lines, not in Base. A compound tax has taxes before it in its Base.
type Tax struct {
	Name      string          `json:"name"`                // as printed, such as "VAT"
	Rate      decimal.Decimal `json:"rate"`                // percent: 19 means 19 %
	Base      decimal.Decimal `json:"base"`                // taxable amount, minor unit
	Amount    decimal.Decimal `json:"amount"`              // minor unit
	Note      string          `json:"note,omitempty"`      // printed below the total
	Inclusive bool            `json:"inclusive,omitempty"` // contained in the lines
}

// Exact is the line's amount before rounding: Quantity x UnitPrice / Per, with
// every decimal it has, or rounded 12 decimals past those of the product where it
// has more, as it has without end in thirds. See ExactText.
func (l *Line) Exact() decimal.Decimal { return quotient(l.Quantity.Mul(l.UnitPrice), l.Per) }

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

// line is the line that collects records of one charge at one price.
func (r *Rater) line(c *chargeState, part component, kind Kind, item string, price decimal.Decimal, unit Unit, per int64) *line {
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

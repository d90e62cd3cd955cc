package pricing

import "github.com/shopspring/decimal"

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

package billing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Invoiced is a period as it has been invoiced so far: by the invoice that stands
// for it, and by adjustments on others.
//
// What a period leaves to the next one (fees in advance, allowances, credits) is
// adjusted along a chain: a period that is priced again begins with what the one
// before it leaves as it is priced today, and so does the draft after them. So
// what an adjusted period leaves more, or less, is settled where it is used, by
// an adjustment of that period or on the draft, and nothing is carried twice.
type Invoiced struct {
	Document *Document
	Usage    Watermark       // that all of it was made from
	Opening  pricing.Carried // that it was priced with last
	Closing  pricing.Carried // that it leaves
	sums     map[LineKey]Change
}

// NewInvoiced adds up what has been invoiced for the period of a standing
// invoice. others are the tenant's other standing invoices in the order in which
// they were finalized, and numbers all that the period's invoices have had, those
// that were taken back among them.
func NewInvoiced(doc *Document, numbers []string, others ...*Document) *Invoiced {
	v := &Invoiced{Document: doc, Usage: doc.Usage, Opening: doc.Opening, Closing: doc.Closing, sums: sums(doc.Lines)}
	for _, other := range slices.Concat(others, []*Document{doc}) {
		for _, a := range other.Adjustments {
			if !slices.Contains(numbers, a.Number) {
				continue
			}
			for _, c := range a.Changes {
				v.sums[c.LineKey] = v.sums[c.LineKey].plus(c)
			}
			// One of an invoice that was taken back came before the revision.
			if a.Number == doc.Number {
				v.Usage, v.Opening, v.Closing = a.Usage, a.Opening, a.Closing
			}
		}
	}
	return v
}

// sums adds up a period's own lines.
func sums(lines []pricing.Line) map[LineKey]Change {
	out := map[LineKey]Change{}
	for i := range lines {
		if l := &lines[i]; l.Adjusts == "" {
			key := LineKey{Charge: l.Charge, Kind: l.Kind, Description: l.Description, Item: l.Item, TaxCode: l.TaxCode, Unit: l.Unit}
			out[key] = out[key].plus(Change{LineKey: key, Records: l.Records, Quantity: l.Quantity, Amount: l.Amount})
		}
	}
	return out
}

func (c Change) plus(other Change) Change {
	return Change{LineKey: other.LineKey, Records: c.Records + other.Records, Quantity: c.Quantity.Add(other.Quantity), Amount: c.Amount.Add(other.Amount)}
}

func (c Change) minus(other Change) Change {
	other.Records, other.Quantity, other.Amount = -other.Records, other.Quantity.Neg(), other.Amount.Neg()
	other.LineKey = c.LineKey
	return c.plus(other)
}

func (c Change) isZero() bool { return c.Records == 0 && c.Quantity.IsZero() && c.Amount.IsZero() }

// differences are what now has more than before, in the order of the keys.
func differences(before, now map[LineKey]Change) (out []Change) {
	keys := map[LineKey]bool{}
	for _, sums := range []map[LineKey]Change{before, now} {
		for key := range sums {
			keys[key] = true
		}
	}
	for key := range keys {
		c := now[key]
		c.LineKey = key
		if c = c.minus(before[key]); !c.isZero() {
			out = append(out, c)
		}
	}
	place := func(k pricing.Kind) int { // what is no usage comes last
		if i := slices.Index(pricing.Kinds, k); i >= 0 {
			return i
		}
		return len(pricing.Kinds)
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(place(a.Kind), place(b.Kind)),
			strings.Compare(a.Charge, b.Charge), strings.Compare(a.Description, b.Description), strings.Compare(a.Item, b.Item),
			strings.Compare(a.TaxCode, b.TaxCode), strings.Compare(string(a.Unit), string(b.Unit)))
	})
	return out
}

// Unchanged reports whether the period, with this usage and this opening, is what
// has been invoiced.
func (v *Invoiced) Unchanged(usage Watermark, opening pricing.Carried) bool {
	return usage == v.Usage && SameCarried(opening, v.Opening)
}

// SameCarried compares what a document may have been read from with what it was
// written from: nil and empty are the same, and so are 1 and 1.0.
func SameCarried(a, b pricing.Carried) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(one) == string(other)
}

// Adjust prices a period again under the plans of its time, with the usage of
// today and what the period before it leaves today, and answers by how much that
// differs from what has been invoiced. Unrated usage cannot be adjusted: the
// plans of that time have no rate for it.
func (b *Biller) Adjust(ctx context.Context, v *Invoiced, opening pricing.Carried) (Adjustment, []pricing.Unrated, error) {
	doc := *v.Document
	doc.Opening = opening
	draft, err := b.Redraft(ctx, &doc, nil)
	if err != nil {
		return Adjustment{}, nil, err
	}
	now := &draft.Document
	a := Adjustment{
		Number: doc.Number, Period: Days{doc.Period.From, doc.Period.To}, Records: now.Usage.Records - v.Usage.Records,
		Usage: now.Usage, Opening: opening, Closing: now.Closing, Changes: differences(v.sums, sums(now.Lines)),
	}
	a.Reason = reason(v.Usage, now.Usage)
	return a, draft.Unrated, nil
}

// reason is what two watermarks say of the usage.
func reason(before, now Watermark) AdjustmentReason {
	switch {
	case now == before:
		return FollowsAdjustment
	case before.Records == 0:
		return UsageLate
	case now.Records == before.Records && now.SIDHash == before.SIDHash:
		return UsageChanged
	}
	return UsageLateOrChanged
}

// text is the reason in English, for lists of lines.
func (a *Adjustment) text() string {
	switch a.Reason {
	case UsageLate:
		return "usage came late"
	case UsageChanged:
		return "usage changed"
	case UsageLateOrChanged:
		return "usage came late or changed"
	case FollowsAdjustment:
		return "follows from an adjustment before it"
	case AlreadyInvoiced:
		return "already invoiced on " + a.On
	}
	return string(a.Reason)
}

// Adjust puts adjustments of earlier periods on a draft that has none, with a line
// for every amount that differs, and adds it up under the tenant's taxes.
func (draft *Draft) Adjust(t *Tenant, list []Adjustment) {
	d := &draft.Document
	d.Adjustments = list
	for i := range list {
		for _, c := range list[i].Changes {
			if !c.Amount.IsZero() {
				d.Lines = append(d.Lines, list[i].line(c))
			}
		}
	}
	slices.SortStableFunc(d.Lines, func(a, b pricing.Line) int {
		return cmp.Compare(slices.Index(pricing.Categories, a.Category), slices.Index(pricing.Categories, b.Category))
	})
	d.Net, d.Taxes, d.Total = draft.last.Total(d.Lines, t.Taxes)
}

// line is the line of an amount that differs. It is the difference of rounded
// amounts, so that all that is invoiced for the period adds up to what it comes
// to, to the last cent.
func (a *Adjustment) line(c Change) pricing.Line {
	return pricing.Line{
		Charge: c.Charge, Category: pricing.Adjustments, Kind: c.Kind, Description: c.Description, Item: a.item(c),
		Quantity: decimal.NewFromInt(1), Unit: pricing.PerLine, UnitPrice: c.Amount, Per: 1, Amount: c.Amount, TaxCode: c.TaxCode,
		From: a.Period.From, To: a.Period.To, Adjusts: a.Number,
	}
}

// item says in English which month it is, why it is adjusted, and by how much the
// usage of the line differs. The figures are net: what came late less what went.
func (a *Adjustment) item(c Change) string {
	item := a.Period.From.String()[:7] + ": " + a.text()
	if c.Item != "" {
		item += ", " + c.Item
	}
	var figures []string
	for _, f := range c.Figures() {
		figures = append(figures, more(f))
	}
	if len(figures) > 0 {
		item += " (" + strings.Join(figures, ", ") + ")"
	}
	return item
}

// Figure is by how much the usage of a line differs in one unit.
type Figure struct {
	Quantity decimal.Decimal
	Unit     pricing.Unit // [pricing.PerRecord] for their count
}

// Figures are by how much the usage of a line differs: in usage records and in
// its unit. A fee, a limit or a credit has none.
func (c *Change) Figures() (out []Figure) {
	if c.Records != 0 {
		out = append(out, Figure{decimal.NewFromInt(c.Records), pricing.PerRecord})
	}
	if !c.Quantity.IsZero() && c.Unit != pricing.Month && c.Unit != pricing.PerRecord {
		out = append(out, Figure{c.Quantity, c.Unit})
	}
	return out
}

// Adjusted answers of a line what it adjusts, and by how much its usage differs;
// false where its own words are all there is to say.
func (d *Document) Adjusted(l *pricing.Line) (*Adjustment, *Change, bool) {
	for i := range d.Adjustments {
		a := &d.Adjustments[i]
		if a.Number != l.Adjusts {
			continue
		}
		for k := range a.Changes {
			c := &a.Changes[k]
			if c.Charge == l.Charge && c.Kind == l.Kind && c.Description == l.Description && c.TaxCode == l.TaxCode && a.item(*c) == l.Item {
				return a, c, true
			}
		}
	}
	return nil, nil, false
}

// more says how much more, such as "+180 seconds".
func more(f Figure) string {
	text := f.Quantity.String()
	if f.Quantity.IsPositive() {
		text = "+" + text
	}
	plural := ""
	if !f.Quantity.Abs().Equal(decimal.NewFromInt(1)) && strings.ToLower(string(f.Unit)) == string(f.Unit) && f.Unit != pricing.PerOnce { // not a currency
		plural = "s"
	}
	return text + " " + string(f.Unit) + plural
}

// CurrencyOf is the currency, ISO 4217, of the tenant's invoice for a period; empty
// where its plan is not configured.
func (b *Biller) CurrencyOf(t *Tenant, p Period) string {
	from, to := b.Billed(t, p)
	if !from.Before(to) {
		from, to = p.From, p.From.AddDays(1)
	}
	plans := t.PlansOn(from, to)
	if plan := b.Plans[plans[len(plans)-1].Name]; plan != nil {
		return plan.Currency
	}
	return ""
}

// Watermarks identify the usage of today that documents bill, in their order.
func (b *Biller) Watermarks(ctx context.Context, docs []*Document) ([]Watermark, error) {
	groups := make([][]warehouse.Slice, len(docs))
	for i, doc := range docs {
		var err error
		if groups[i], err = doc.Slices(); err != nil {
			return nil, err
		}
	}
	marks, err := b.DB.Watermarks(ctx, groups)
	if err != nil {
		return nil, err
	}
	out := make([]Watermark, len(docs))
	for i := range marks {
		out[i] = watermark(marks[i])
	}
	return out, nil
}

func watermark(m warehouse.Watermark) Watermark {
	return Watermark{Records: int64(m.Records), SIDHash: fmt.Sprintf("%016x", m.SIDHash), Content: fmt.Sprintf("%016x", m.Content)}
}

package billing

import (
	"slices"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// CreditNote takes an invoice back, whole: what it billed, with every quantity,
// tax and total negated. It has the invoice's revision, and no number yet.
func (d *Document) CreditNote(issued pricing.Date, corrects Correction) *Document {
	note := *d
	note.Kind, note.Number, note.Corrects = CreditNote, "", &corrects
	note.IssueDate, note.DueDate = issued, issued
	note.Lines = slices.Clone(d.Lines)
	for i := range note.Lines {
		l := &note.Lines[i]
		l.Quantity, l.Amount = l.Quantity.Neg(), l.Amount.Neg()
	}
	note.Taxes = slices.Clone(d.Taxes)
	for i := range note.Taxes {
		tax := &note.Taxes[i]
		tax.Base, tax.Amount = tax.Base.Neg(), tax.Amount.Neg()
	}
	note.Net, note.Total = d.Net.Neg(), d.Total.Neg()
	// It is no period's invoice: it begins with nothing and leaves nothing.
	note.Final, note.Annex, note.Next = false, nil, nil
	note.Opening, note.Closing = pricing.Carried{}, pricing.Carried{}
	return &note
}

// Reversed is an adjustment that takes off an invoice what later ones have billed
// for its period already: number is that of the invoice that was taken back, for
// whose period they did, and on the one that has it.
func (a *Adjustment) Reversed(number, on string, usage Watermark) Adjustment {
	out := Adjustment{Number: number, Period: a.Period, Reason: AlreadyInvoiced, On: on, Usage: usage}
	for _, c := range a.Changes {
		out.Changes = append(out.Changes, Change{LineKey: c.LineKey}.minus(c))
	}
	return out
}

// LineDifference is what lines of one kind come to on two invoices for one period.
type LineDifference struct {
	LineKey
	Before decimal.Decimal `json:"before"`
	After  decimal.Decimal `json:"after"`
}

// CompareLines lists the lines of two documents that differ, in a fixed order.
func CompareLines(before, after *Document) (out []LineDifference) {
	was, is := allSums(before.Lines), allSums(after.Lines)
	for _, c := range differences(was, is) {
		if !c.Amount.IsZero() {
			out = append(out, LineDifference{LineKey: c.LineKey, Before: was[c.LineKey].Amount, After: is[c.LineKey].Amount})
		}
	}
	return out
}

// allSums adds up lines, those that adjust other periods among them.
func allSums(lines []pricing.Line) map[LineKey]Change {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Adjusts = ""
	}
	return sums(lines)
}

// SameAmounts reports whether two documents come to the same, line by line and
// tax by tax.
func SameAmounts(a, b *Document) bool {
	return a.Currency == b.Currency && a.Net.Equal(b.Net) && a.Total.Equal(b.Total) && len(CompareLines(a, b)) == 0 &&
		slices.EqualFunc(a.Taxes, b.Taxes, func(a, b pricing.Tax) bool {
			return a.Name == b.Name && a.Rate.Equal(b.Rate) && a.Base.Equal(b.Base) && a.Amount.Equal(b.Amount) && a.Inclusive == b.Inclusive
		})
}

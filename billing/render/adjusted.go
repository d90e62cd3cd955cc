package render

import (
	"strings"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// adjustmentOf says of which invoice lines are an adjustment, and why.
func (inv *invoice) adjustmentOf(line pricing.Line) string {
	of := func(a *billing.Adjustment) string {
		return templates.Fill(inv.labels.AdjustmentOf,
			"number", a.Number, "period", inv.days(a.Period.From, a.Period.To), "reason", inv.adjustmentReason(a))
	}
	if a, _, known := inv.doc.Adjusted(&line); known {
		return of(a)
	}
	for i := range inv.doc.Adjustments {
		if a := &inv.doc.Adjustments[i]; a.Number == line.Adjusts {
			return of(a)
		}
	}
	return inv.labels.Number + " " + line.Adjusts
}

// adjustmentReason words a reason in the invoice's language.
func (inv *invoice) adjustmentReason(a *billing.Adjustment) string {
	switch a.Reason {
	case billing.UsageLate:
		return inv.labels.AdjustedLate
	case billing.UsageChanged:
		return inv.labels.AdjustedChanged
	case billing.UsageLateOrChanged:
		return inv.labels.AdjustedLateOrChanged
	case billing.FollowsAdjustment:
		return inv.labels.AdjustedFollows
	case billing.AlreadyInvoiced:
		return templates.Fill(inv.labels.AdjustedInvoiced, "number", a.On)
	}
	return string(a.Reason) // of a document that has it in words
}

// adjustedItem is the item of a line under the heading of what it adjusts, which
// says the period and the reason: by how much its usage differs. It is in the
// line's own words where the document says no more.
func (inv *invoice) adjustedItem(line pricing.Line) (item string, worded bool) {
	_, c, known := inv.doc.Adjusted(&line)
	if !known {
		return line.Item, false
	}
	var parts []string
	if c.Item != "" {
		parts = append(parts, c.Item)
	}
	for _, f := range c.Figures() {
		sign := ""
		if f.Quantity.IsPositive() {
			sign = "+"
		}
		parts = append(parts, sign+inv.layout.Locale.Number(f.Quantity, 0)+" "+inv.layout.Unit(f.Unit, f.Quantity))
	}
	return strings.Join(parts, ", "), true
}

package pricing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Meter says what a charge counts over the period before it prices the sum.
type Meter struct {
	Quantity  string          `yaml:"quantity" json:"quantity,omitempty"` // what is counted; the kind's own unit where empty
	Over      string          `yaml:"over" json:"over,omitempty"`         // OverTenant where empty
	Convert   *Convert        `yaml:"convert" json:"convert,omitempty"`
	FreeUnits decimal.Decimal `yaml:"free_units" json:"free_units"` // come off first, after the conversion
}

// What a Meter can count. All but minutes and records name the kind's own unit,
// as leaving it out does.
const (
	QuantityMinutes  = "minutes" // of each record, rounded up to a whole minute
	QuantityRecords  = "records"
	QuantitySeconds  = "seconds"
	QuantitySegments = "segments"
	QuantityMessages = "messages"
	QuantityDays     = "days" // of a number
	QuantityUnits    = "units"
)

// Quantities lists what a Meter can count.
var Quantities = []string{
	QuantityMinutes, QuantityRecords, QuantitySeconds, QuantitySegments, QuantityMessages, QuantityDays, QuantityUnits,
}

// quantityUnits are the units of the quantities that name a kind's own.
var quantityUnits = map[string]Unit{
	QuantitySeconds: Second, QuantitySegments: Segment, QuantityMessages: Message, QuantityDays: Day, QuantityUnits: PerUnitOfOther,
}

// Whose usage a Meter adds up.
const (
	OverTenant     = "tenant"     // of all the tenant's subaccounts together
	OverSubaccount = "subaccount" // of each subaccount on its own
)

// Convert turns the sum into billed units: divided, then rounded to a whole
// number.
type Convert struct {
	Divide int64    `yaml:"divide" json:"divide"`
	Round  Rounding `yaml:"round" json:"round"` // up where empty
}

// check lists what is wrong with the meter. Where it is summed, all kinds must
// count the same.
func (m *Meter) check(c *Charge, at string, summed bool) []Problem {
	var out problems
	own, named := quantityUnits[m.Quantity]
	if m.Quantity != "" && m.Quantity != QuantityMinutes && m.Quantity != QuantityRecords && !named {
		out.add(at+".quantity", "%q is not known; use one of %v, or leave it out for the kind's own unit", m.Quantity, Quantities)
	}
	for i, k := range c.Match.Kind {
		switch first := c.Match.Kind[0]; {
		case named && k.Unit() != own:
			out.add(kindAt(i), "%s counts %ss, not %s", k, k.Unit(), m.Quantity)
		case m.Quantity == QuantityMinutes && k.Unit() != Second:
			out.add(kindAt(i), "%s has no duration to count in minutes", k)
		case summed && m.Quantity == "" && k.Unit() != first.Unit():
			out.add(kindAt(i), "%s counts %ss and %s counts %ss: count records, or make two charges", k, k.Unit(), first, first.Unit())
		}
	}
	if m.Over != "" && m.Over != OverTenant && m.Over != OverSubaccount {
		out.add(at+".over", "%q is not known; use %s or %s", m.Over, OverTenant, OverSubaccount)
	}
	out.notNegative(at+".free_units", m.FreeUnits)
	if v := m.Convert; v != nil {
		if v.Divide < 1 {
			out.add(at+".convert.divide", "%d is not a whole number from 1", v.Divide)
		}
		if !v.Round.valid() {
			out.add(at+".convert.round", "%q is not a rounding mode; use up, down, half_up or half_even", v.Round)
		}
	}
	return out
}

// pooled reports whether the sum must be known before it can be priced.
func (m *Meter) pooled() bool {
	return m.Over != "" || m.Convert != nil || !m.FreeUnits.IsZero()
}

// unit is what the meter counts, for records of a kind.
func (m *Meter) unit(kind Kind) Unit {
	switch m.Quantity {
	case QuantityMinutes:
		return Minute
	case QuantityRecords:
		return recordUnit(kind)
	}
	return kind.Unit()
}

// of is what one record adds to the meter.
func (m *Meter) of(rec *Record) decimal.Decimal {
	switch m.Quantity {
	case QuantityMinutes:
		return divide(rec.Quantity, 60, 0, Up)
	case QuantityRecords:
		return decimal.NewFromInt(1)
	}
	return rec.Quantity
}

// billed turns the sum into billed units, and says how many of them are free.
func (m *Meter) billed(sum decimal.Decimal) (units, free decimal.Decimal) {
	units = sum
	if c := m.Convert; c != nil {
		units = divide(sum, c.Divide, 0, cmp.Or(c.Round, Up))
	}
	free = decimal.Max(decimal.Min(units, m.FreeUnits), decimal.Zero)
	return units.Sub(free), free
}

// bucket is the sum of what a charge counts, of the tenant or a subaccount.
type bucket struct {
	charge  *chargeState
	account string // empty for all of the tenant's subaccounts together
	kind    Kind   // of its records; of several the one that the charge lists first
	unit    Unit   // of the quantity; PerRecord where records of several kinds are counted
	sum     decimal.Decimal
	inclusion
	records  int64
	itemized decimal.Decimal // what Itemize has handed out
}

// see takes note of the kind of a record that counts towards the sum.
func (b *bucket) see(kind Kind) {
	unit := b.charge.unitOf(kind)
	switch b.unit {
	case "":
		b.kind, b.unit = kind, unit
	case unit:
	default:
		b.unit = PerRecord
	}
	listed := b.charge.Match.Kind
	if slices.Index(listed, kind) < slices.Index(listed, b.kind) {
		b.kind = kind
	}
}

// unitOf is what a sum of the charge counts of a kind.
func (c *chargeState) unitOf(kind Kind) Unit { return cmp.Or(c.sumUnit, c.meter.unit(kind)) }

// lines prices the sum. The first line stands for all of the records.
func (b *bucket) lines() []Line {
	m := b.charge.meter
	unit := b.unit
	if m.Convert != nil {
		unit = Unit(fmt.Sprintf("%d %ss", m.Convert.Divide, unit))
	}
	included := decimal.Max(decimal.Min(b.free, b.sum), decimal.Zero)
	units, free := m.billed(b.sum.Sub(included))
	parts := b.charge.pooled.split(units, unit)
	if free.Sign() > 0 {
		parts = append([]part{{note: "included", quantity: free, unit: unit, per: 1}}, parts...)
	}
	if included.Sign() > 0 {
		parts = append([]part{{by: b.by, note: "included", quantity: included, unit: unit, per: 1}}, parts...)
	}
	if len(parts) == 0 { // such as a block that was started and is free
		parts = []part{{quantity: units, unit: unit, per: 1}}
	}
	out := make([]Line, len(parts))
	for i, p := range parts {
		item := p.note
		if b.account != "" {
			item = strings.TrimSuffix(b.account+", "+p.note, ", ")
		}
		out[i] = Line{
			Charge: b.charge.ID, Category: b.kind.Category(), Kind: b.kind, Description: b.charge.Description + p.by, Item: item,
			Quantity: p.quantity, Unit: p.unit, UnitPrice: p.unitPrice, Per: p.per,
		}
	}
	out[0].Records = b.records
	return out
}

// exact is the sum's amount before rounding.
func (b *bucket) exact() (sum decimal.Decimal) {
	for _, l := range b.lines() {
		sum = sum.Add(l.Exact())
	}
	return sum
}

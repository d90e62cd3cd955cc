package pricing

import (
	"cmp"
	"fmt"

	"github.com/shopspring/decimal"
)

// Tiered is what graduated and volume pricing have in common.
type Tiered struct {
	Meter `yaml:",inline"`
	Block int64    `yaml:"block" json:"block,omitempty"` // unit prices are for blocks of so many units; 1 where 0
	Round Rounding `yaml:"round" json:"round,omitempty"` // of a started block: up (charged whole) or down (free); up where empty
	Tiers []Tier   `yaml:"tiers" json:"tiers"`
}

// Graduated prices the sum of a period by tiers: each tier prices the units
// that fall into it.
type Graduated struct {
	Tiered `yaml:",inline"`
}

// Volume prices the sum of a period by tiers: the tier that the sum reaches
// prices all of its units.
type Volume struct {
	Tiered `yaml:",inline"`
}

// Tier is one step. A tier that no unit falls into costs nothing.
type Tier struct {
	UpTo      *decimal.Decimal `yaml:"up_to" json:"up_to,omitempty"` // last unit of the tier; none in the last tier
	UnitPrice decimal.Decimal  `yaml:"unit_price" json:"unit_price"`
	FlatFee   decimal.Decimal  `yaml:"flat_fee" json:"flat_fee"`
	Cap       *decimal.Decimal `yaml:"cap" json:"cap,omitempty"` // the most that the tier's units cost, flat fee aside
}

// Package prices the sum of a period by blocks of Size units.
type Package struct {
	Meter `yaml:",inline"`
	Size  int64           `yaml:"size" json:"size"`
	Price decimal.Decimal `yaml:"price" json:"price"`           // of a block
	Round Rounding        `yaml:"round" json:"round,omitempty"` // of a started block: up (charged whole) or down (free); up where empty
}

func (m *Tiered) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	out := problems(m.Meter.check(c, at, true))
	if m.Block < 0 {
		out.add(at+".block", "%d is negative", m.Block)
	}
	out.blockRound(at, m.Round)
	if m.Round != "" && m.Block <= 1 {
		out.add(at+".round", "only blocks are rounded: give a block of more than one unit")
	}
	if len(m.Tiers) == 0 {
		out.add(at+".tiers", "needs at least one tier")
	}
	var below decimal.Decimal
	for i, t := range m.Tiers {
		at := fmt.Sprintf("%s.tiers[%d]", at, i)
		below = out.upTo(at, t.UpTo, below, i == len(m.Tiers)-1)
		if t.UpTo != nil && m.Block > 1 && !t.UpTo.Mod(decimal.NewFromInt(m.Block)).IsZero() {
			out.add(at+".up_to", "%s is not a multiple of the block of %d", t.UpTo, m.Block)
		}
		out.notNegative(at+".unit_price", t.UnitPrice)
		out.notNegative(at+".flat_fee", t.FlatFee)
		if t.Cap != nil {
			out.notNegative(at+".cap", *t.Cap)
		}
	}
	return out
}

func (m *Package) check(c *Charge, at string, _ map[string]*Deck) []Problem {
	out := problems(m.Meter.check(c, at, true))
	if m.Size < 1 {
		out.add(at+".size", "%d is not a whole number from 1", m.Size)
	}
	out.notNegative(at+".price", m.Price)
	out.blockRound(at, m.Round)
	return out
}

// upTo checks the end of a tier that begins after below, and answers where the
// next one begins.
func (p *problems) upTo(at string, upTo *decimal.Decimal, below decimal.Decimal, last bool) decimal.Decimal {
	switch {
	case last && upTo != nil:
		p.add(at+".up_to", "the last tier must be open: leave up_to out, or usage above %s has no price", upTo)
	case !last && upTo == nil:
		p.add(at, "only the last tier may be open: give up_to")
	case upTo != nil && upTo.LessThanOrEqual(below):
		p.add(at+".up_to", "%s is not above %s, where the tier begins", upTo, below)
	}
	if upTo != nil {
		return *upTo
	}
	return below
}

func (p *problems) blockRound(at string, round Rounding) {
	if round != "" && round != Up && round != Down {
		p.add(at+".round", "%q is not known; use up (a started block is charged whole) or down (it is free)", round)
	}
}

// blocks are the size of the blocks that a charge is priced by, and what becomes
// of a started one; 0 where there are none.
func (c *Charge) blocks() (size int64, round Rounding) {
	switch {
	case c.Graduated != nil:
		return c.Graduated.Block, cmp.Or(c.Graduated.Round, Up)
	case c.Volume != nil:
		return c.Volume.Block, cmp.Or(c.Volume.Round, Up)
	case c.Package != nil:
		return c.Package.Size, cmp.Or(c.Package.Round, Up)
	}
	return 0, ""
}

// part is a share of a sum that one price is for.
type part struct {
	note      string // says which part, such as "up to 1000"
	by        string // of a part that allowances make free; see inclusion
	quantity  decimal.Decimal
	unit      Unit
	unitPrice decimal.Decimal
	per       int64 // units that unitPrice buys
}

// split splits the billed units over the tiers.
func (m *Graduated) split(units decimal.Decimal, unit Unit) []part {
	var out []part
	var from decimal.Decimal
	for i := range m.Tiers {
		t := &m.Tiers[i]
		in := units.Sub(from)
		if t.UpTo != nil {
			in = decimal.Min(units, *t.UpTo).Sub(from)
		}
		if in.Sign() <= 0 {
			break
		}
		out = append(out, m.tier(t, from, in, unit)...)
		if t.UpTo != nil {
			from = *t.UpTo
		}
	}
	return out
}

// split prices all units by the tier that they reach.
func (m *Volume) split(units decimal.Decimal, unit Unit) []part {
	if units.Sign() <= 0 {
		return nil
	}
	var from decimal.Decimal
	for i := range m.Tiers {
		t := &m.Tiers[i]
		if t.UpTo == nil || units.LessThanOrEqual(*t.UpTo) {
			return m.tier(t, from, units, unit)
		}
		from = *t.UpTo
	}
	return nil // not reached: the last tier is open
}

// tier is the parts of one tier that begins after from: its units and its flat
// fee.
func (m *Tiered) tier(t *Tier, from, in decimal.Decimal, unit Unit) []part {
	note := tierNote(t.UpTo, from)
	p := part{note: note, quantity: in, unit: unit, unitPrice: t.UnitPrice, per: 1}
	if m.Block > 1 {
		p.quantity, p.unit, p.note = divide(in, m.Block, 0, cmp.Or(m.Round, Up)), Block, fmt.Sprintf("%s, blocks of %d", note, m.Block)
	}
	if t.Cap != nil && p.quantity.Mul(p.unitPrice).GreaterThan(*t.Cap) {
		p = part{note: note + ", at most", quantity: decimal.NewFromInt(1), unit: Month, unitPrice: *t.Cap, per: 1}
	}
	out := []part{p}
	if !t.FlatFee.IsZero() {
		out = append(out, part{note: note + ", flat fee", quantity: decimal.NewFromInt(1), unit: Month, unitPrice: t.FlatFee, per: 1})
	}
	return out
}

// tierNote names a tier that begins after from.
func tierNote(upTo *decimal.Decimal, from decimal.Decimal) string {
	if upTo != nil {
		return "up to " + upTo.String()
	}
	return "above " + from.String()
}

// split prices the billed units by whole blocks.
func (m *Package) split(units decimal.Decimal, _ Unit) []part {
	n := divide(units, m.Size, 0, cmp.Or(m.Round, Up))
	if n.IsZero() {
		return nil
	}
	return []part{{note: fmt.Sprintf("blocks of %d", m.Size), quantity: n, unit: Block, unitPrice: m.Price, per: 1}}
}

package pricing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

// Plan is a price list: what a tenant pays for which usage. All its prices
// are in one currency.
type Plan struct {
	Name     string   `yaml:"name" json:"name"`
	Currency string   `yaml:"currency" json:"currency"` // ISO 4217
	Rounding Rounding `yaml:"rounding" json:"rounding"` // of lines and taxes; half_up where empty
	Charges  []Charge `yaml:"charges" json:"charges"`   // the first that fits prices a record

	TaxRounding string `yaml:"tax_rounding" json:"tax_rounding,omitempty"` // TaxPerInvoice where empty
	Holidays    []Date `yaml:"holidays" json:"holidays,omitempty"`         // for bands of per_minute charges

	// Statuses that are charged, by kind, instead of those of [Charged].
	Statuses map[Kind][]string `yaml:"statuses" json:"statuses,omitempty"`

	// What follows from the charges' lines, in this order: discounts, limits of
	// the whole invoice, surcharges, credits. Taxes come last.

	Allowances []Allowance      `yaml:"allowances" json:"allowances,omitempty"`
	Discounts  []Discount       `yaml:"discounts" json:"discounts,omitempty"`
	Limits     `yaml:",inline"` // of the whole invoice, before surcharges and taxes
	Surcharges []Surcharge      `yaml:"surcharges" json:"surcharges,omitempty"`
	Credits    []Credit         `yaml:"credits" json:"credits,omitempty"`
}

// Charge is one rule of a plan. Exactly one of its models is set.
type Charge struct {
	ID          string `yaml:"id" json:"id"`
	Description string `yaml:"description" json:"description"` // printed on the invoice
	Match       Match  `yaml:"match" json:"match"`
	From        Date   `yaml:"from" json:"from"`   // first day in force, in the tenant's time zone; always where empty
	Until       Date   `yaml:"until" json:"until"` // first day no longer in force; for ever where empty
	TaxCode     string `yaml:"tax_code" json:"tax_code,omitempty"`
	Limits      `yaml:",inline"`

	RoundRecords *RecordRounding `yaml:"round_records" json:"round_records,omitempty"` // each record's amount, before it is added up

	PerMinute  *PerMinute  `yaml:"per_minute" json:"per_minute,omitempty"`
	PerUnit    *PerUnit    `yaml:"per_unit" json:"per_unit,omitempty"`
	Graduated  *Graduated  `yaml:"graduated" json:"graduated,omitempty"`
	Volume     *Volume     `yaml:"volume" json:"volume,omitempty"`
	Package    *Package    `yaml:"package" json:"package,omitempty"`
	Percentage *Percentage `yaml:"percentage" json:"percentage,omitempty"`
	CostPlus   *CostPlus   `yaml:"cost_plus" json:"cost_plus,omitempty"`
	Flat       *Flat       `yaml:"flat" json:"flat,omitempty"`
}

// model is one of the ways to price; each has a file of its own.
type model interface {
	// check lists what is wrong with the model, which stands at the path at in
	// its charge.
	check(c *Charge, at string, decks map[string]*Deck) []Problem
}

// keyed is a model under its key in a plan.
type keyed struct {
	key string
	model
}

// models are those that the charge has set.
func (c *Charge) models() (out []keyed) {
	if c.PerMinute != nil {
		out = append(out, keyed{"per_minute", c.PerMinute})
	}
	if c.PerUnit != nil {
		out = append(out, keyed{"per_unit", c.PerUnit})
	}
	if c.Graduated != nil {
		out = append(out, keyed{"graduated", c.Graduated})
	}
	if c.Volume != nil {
		out = append(out, keyed{"volume", c.Volume})
	}
	if c.Package != nil {
		out = append(out, keyed{"package", c.Package})
	}
	if c.Percentage != nil {
		out = append(out, keyed{"percentage", c.Percentage})
	}
	if c.CostPlus != nil {
		out = append(out, keyed{"cost_plus", c.CostPlus})
	}
	if c.Flat != nil {
		out = append(out, keyed{"flat", c.Flat})
	}
	return out
}

// kindAt is the path of a charge's i-th kind.
func kindAt(i int) string { return fmt.Sprintf(".match.kind[%d]", i) }

// problems collects what is wrong.
type problems []Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) notNegative(path string, d decimal.Decimal) {
	if d.IsNegative() {
		p.add(path, "%s is negative", d)
	}
}

// prorated checks how an amount or a quantity is cut for a part of a period.
func (p *problems) prorated(path, prorate string) {
	if prorate != "" && prorate != ProrateDay && prorate != ProrateNone {
		p.add(path, "%q is not known; use %s or %s", prorate, ProrateDay, ProrateNone)
	}
}

// price checks that there is either a price or the name of a rate deck.
func (p *problems) price(at, key string, price *decimal.Decimal, deck string, decks map[string]*Deck) {
	switch {
	case deck == "" && price == nil:
		p.add(at, "needs a %s or a deck", key)
	case deck != "" && price != nil:
		p.add(at+"."+key, "has a %s and a deck; keep one", key)
	case deck == "":
		p.notNegative(at+"."+key, *price)
	default:
		if _, ok := decks[deck]; !ok {
			p.add(at+".deck", "rate deck %q is not configured", deck)
		}
	}
}

// Problem is one thing wrong in a plan or a rate deck.
type Problem struct {
	Path string // where in a plan, such as "charges[2].per_minute.deck"; empty in a deck
	Line int    // where in a deck, counting from 1; 0 in a plan
	Text string
}

// Check lists everything wrong with the plan; decks are the rate decks that
// it may name.
func (p *Plan) Check(decks map[string]*Deck) []Problem {
	var out problems
	if p.Name == "" {
		out.add("name", "a plan needs a name")
	}
	if p.Currency == "" || !currency.IsValid(p.Currency) { // IsValid takes no code for a valid one
		out.add("currency", "%q is not an ISO 4217 currency code such as USD", p.Currency)
	}
	if !p.Rounding.valid() {
		out.add("rounding", "%q is not a rounding mode; use half_up, half_even, up or down", p.Rounding)
	}
	if t := p.TaxRounding; t != "" && t != TaxPerInvoice && t != TaxPerLine {
		out.add("tax_rounding", "%q is not known; use %s or %s", t, TaxPerInvoice, TaxPerLine)
	}
	for _, k := range slices.Sorted(maps.Keys(p.Statuses)) {
		list := p.Statuses[k]
		if !slices.Contains(Kinds, k) {
			out.add("statuses."+string(k), "%q is not a kind of usage; use one of %v", k, Kinds)
			continue
		}
		for i, status := range list {
			if !slices.Contains(statuses[k], status) {
				out.add(fmt.Sprintf("statuses.%s[%d]", k, i), "%q is not a status of a %s; use one of %v", status, k, statuses[k])
			}
		}
	}
	if len(p.Charges) == 0 {
		out.add("charges", "a plan needs at least one charge")
	}
	seen := map[string]int{}
	for i := range p.Charges {
		c := &p.Charges[i]
		at := fmt.Sprintf("charges[%d]", i)
		if c.ID == "" {
			out.add(at, "a charge needs an id")
		} else if first, dup := seen[c.ID]; dup {
			out.add(at+".id", "charge id %q is already used by charges[%d]", c.ID, first)
		} else {
			seen[c.ID] = i
		}
		for _, b := range c.check(decks) {
			out = append(out, Problem{Path: at + b.Path, Text: b.Text})
		}
		if m := c.PerMinute; m != nil && len(p.Holidays) == 0 {
			if b := slices.IndexFunc(m.Times, func(b Band) bool { return b.Holidays }); b >= 0 {
				out.add(fmt.Sprintf("%s.per_minute.times[%d].holidays", at, b), "the plan lists no holidays: give them, or leave this out")
			}
		}
	}
	for _, b := range p.Limits.check("") {
		out.add(strings.TrimPrefix(b.Path, "."), "%s", b.Text)
	}
	return append(append(out, p.checkAllowances()...), p.checkAdjustments()...)
}

// check lists what is wrong with one charge; paths are relative to it.
func (c *Charge) check(decks map[string]*Deck) []Problem {
	var out problems
	if c.Description == "" {
		out.add("", "charge %q needs a description: it is what the invoice prints", c.ID)
	}
	out.inOrder("", c.From, c.Until)
	out = append(out, c.Match.check(".match")...)
	out = append(out, c.Limits.check("")...)
	if c.RoundRecords != nil {
		out = append(out, c.RoundRecords.check(c, ".round_records")...)
	}
	models := c.models()
	for _, m := range models {
		out = append(out, m.check(c, "."+m.key, decks)...)
		if _, flat := m.model.(*Flat); !flat && len(c.Match.Kind) == 0 {
			out.add(".match", "a %s charge needs match.kind", m.key)
		}
	}
	if len(models) != 1 {
		out.add("", "charge %q has %d models; it needs exactly one of %s", c.ID, len(models), strings.Join(Models, ", "))
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// DeckNames are the rate decks that the plan's charges name, sorted.
func (p *Plan) DeckNames() []string {
	var names []string
	for i := range p.Charges {
		if m := p.Charges[i].PerMinute; m != nil {
			names = append(names, m.decks()...)
		}
		if m := p.Charges[i].PerUnit; m != nil && m.Deck != "" {
			names = append(names, m.Deck)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

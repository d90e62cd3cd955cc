package pricing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
}

// Charge is one rule of a plan. Exactly one of its models is set.
type Charge struct {
	ID          string `yaml:"id" json:"id"`
	Description string `yaml:"description" json:"description"` // printed on the invoice
	Match       Match  `yaml:"match" json:"match"`
	From        Date   `yaml:"from" json:"from"`   // first day in force, in the tenant's time zone; always where empty
	Until       Date   `yaml:"until" json:"until"` // first day no longer in force; for ever where empty

	PerMinute *PerMinute `yaml:"per_minute" json:"per_minute,omitempty"`
	PerUnit   *PerUnit   `yaml:"per_unit" json:"per_unit,omitempty"`
	CostPlus  *CostPlus  `yaml:"cost_plus" json:"cost_plus,omitempty"`
	Flat      *Flat      `yaml:"flat" json:"flat,omitempty"`
}

// Match is a charge's filter. A record fits when it fits every list that is
// not empty.
type Match struct {
	Kind       []Kind      `yaml:"kind" json:"kind,omitempty"`
	Direction  []Direction `yaml:"direction" json:"direction,omitempty"`
	Channel    []Channel   `yaml:"channel" json:"channel,omitempty"`
	FromPrefix []string    `yaml:"from_prefix" json:"from_prefix,omitempty"` // digits, without +
	ToPrefix   []string    `yaml:"to_prefix" json:"to_prefix,omitempty"`     // digits, without +
}

// PerMinute prices connected time. Billed seconds are the Initial ones, then
// whole Increments.
type PerMinute struct {
	Deck           string           `yaml:"deck" json:"deck,omitempty"` // rates by the far end's number; instead of Rate
	Rate           *decimal.Decimal `yaml:"rate" json:"rate,omitempty"` // for 60 seconds
	ConnectFee     decimal.Decimal  `yaml:"connect_fee" json:"connect_fee"`
	MinimumSeconds int64            `yaml:"minimum_seconds" json:"minimum_seconds"` // a shorter call counts as this long
	MinimumCharge  decimal.Decimal  `yaml:"minimum_charge" json:"minimum_charge"`   // a cheaper call costs this much, connect fee included
	Initial        int64            `yaml:"initial" json:"initial"`                 // seconds; 60 where 0
	Increment      int64            `yaml:"increment" json:"increment"`             // seconds; 60 where 0
}

// PerUnit prices each unit of a record's quantity.
type PerUnit struct {
	Deck      string           `yaml:"deck" json:"deck,omitempty"` // prices by the far end's number; instead of UnitPrice
	UnitPrice *decimal.Decimal `yaml:"unit_price" json:"unit_price,omitempty"`
	Per       string           `yaml:"per" json:"per,omitempty"` // see Per* constants; the kind's own unit where empty
}

// What a PerUnit price is for, besides the kind's own unit.
const (
	PerRecord = "record" // each record counts once, however long
	PerMonth  = "month"  // numbers: a number held for the whole period; fewer days cost their share
)

// CostPlus prices a record from what Twilio charges for it.
type CostPlus struct {
	Multiplier *decimal.Decimal `yaml:"multiplier" json:"multiplier,omitempty"` // 1 where missing
	Add        decimal.Decimal  `yaml:"add" json:"add"`                         // for each unit of the record's quantity
	// MissingCost is what a record is taken to cost that Twilio put no price on
	// by the time it is invoiced. Where it is not set such a record has no rate.
	MissingCost *decimal.Decimal `yaml:"missing_cost" json:"missing_cost,omitempty"`
}

// Flat is a fee for a period.
type Flat struct {
	Amount  decimal.Decimal `yaml:"amount" json:"amount"`
	Prorate string          `yaml:"prorate" json:"prorate,omitempty"` // ProrateDay where empty
}

// How a flat fee is charged for a part of a period.
const (
	ProrateDay  = "day"  // by calendar days
	ProrateNone = "none" // whole
)

// TaxRate is one tax that a tenant pays on everything.
type TaxRate struct {
	Name string          `yaml:"name" json:"name"` // as printed, such as "VAT"
	Rate decimal.Decimal `yaml:"rate" json:"rate"` // percent: 19 means 19 %
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
	var out []Problem
	bad := func(path, format string, args ...any) {
		out = append(out, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if p.Name == "" {
		bad("name", "a plan needs a name")
	}
	if !currency.IsValid(p.Currency) {
		bad("currency", "%q is not an ISO 4217 currency code such as USD", p.Currency)
	}
	if !p.Rounding.valid() {
		bad("rounding", "%q is not a rounding mode; use half_up, half_even, up or down", p.Rounding)
	}
	if len(p.Charges) == 0 {
		bad("charges", "a plan needs at least one charge")
	}
	seen := map[string]int{}
	for i := range p.Charges {
		c := &p.Charges[i]
		at := fmt.Sprintf("charges[%d]", i)
		if c.ID == "" {
			bad(at, "a charge needs an id")
		} else if first, dup := seen[c.ID]; dup {
			bad(at+".id", "charge id %q is already used by charges[%d]", c.ID, first)
		} else {
			seen[c.ID] = i
		}
		for _, b := range c.check(decks) {
			out = append(out, Problem{Path: at + b.Path, Text: b.Text})
		}
	}
	return out
}

// check lists what is wrong with one charge; paths are relative to it.
func (c *Charge) check(decks map[string]*Deck) []Problem {
	var out []Problem
	bad := func(path, format string, args ...any) {
		out = append(out, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if c.Description == "" {
		bad("", "charge %q needs a description: it is what the invoice prints", c.ID)
	}
	if !c.From.IsZero() && !c.Until.IsZero() && !c.From.Before(c.Until) {
		bad(".until", "until %s is not after from %s", c.Until, c.From)
	}
	for i, k := range c.Match.Kind {
		if !slices.Contains(Kinds, k) {
			bad(fmt.Sprintf(".match.kind[%d]", i), "%q is not a kind of usage; use one of %v", k, Kinds)
		}
	}
	for i, d := range c.Match.Direction {
		if d != Inbound && d != Outbound {
			bad(fmt.Sprintf(".match.direction[%d]", i), "%q is not a direction; use inbound or outbound", d)
		}
	}
	for i, ch := range c.Match.Channel {
		if !slices.Contains([]Channel{Voice, SIP, Client, SIM}, ch) {
			bad(fmt.Sprintf(".match.channel[%d]", i), "%q is not a channel; use voice, sip, client or sim", ch)
		}
	}
	for path, list := range map[string][]string{".match.from_prefix": c.Match.FromPrefix, ".match.to_prefix": c.Match.ToPrefix} {
		for i, prefix := range list {
			if prefix == "" || digits("+"+prefix) == "" {
				bad(fmt.Sprintf("%s[%d]", path, i), "prefix %q must be digits, without +", prefix)
			}
		}
	}

	deck := func(path, name string) {
		if _, ok := decks[name]; !ok {
			bad(path, "rate deck %q is not configured", name)
		}
	}
	notNegative := func(path string, d decimal.Decimal) {
		if d.IsNegative() {
			bad(path, "%s is negative", d)
		}
	}
	models := 0
	if m := c.PerMinute; m != nil {
		models++
		switch {
		case m.Deck == "" && m.Rate == nil:
			bad(".per_minute", "needs a rate or a deck")
		case m.Deck != "" && m.Rate != nil:
			bad(".per_minute.rate", "has a rate and a deck; keep one")
		case m.Deck != "":
			deck(".per_minute.deck", m.Deck)
		default:
			notNegative(".per_minute.rate", *m.Rate)
		}
		notNegative(".per_minute.connect_fee", m.ConnectFee)
		notNegative(".per_minute.minimum_charge", m.MinimumCharge)
		for path, n := range map[string]int64{"minimum_seconds": m.MinimumSeconds, "initial": m.Initial, "increment": m.Increment} {
			if n < 0 || n > maxSeconds {
				bad(".per_minute."+path, "%d is not a number of seconds from 0 to %d", n, int64(maxSeconds))
			}
		}
		if len(c.Match.Kind) == 0 {
			bad(".match", "a per_minute charge needs match.kind")
		}
		for i, k := range c.Match.Kind {
			if k.Unit() != Second {
				bad(fmt.Sprintf(".match.kind[%d]", i), "%s has no duration: per_minute prices call, recording and transcription", k)
			} else if k != Call && m.Deck != "" {
				bad(fmt.Sprintf(".match.kind[%d]", i), "%s has no far end to look up in deck %q; give a rate", k, m.Deck)
			}
		}
	}
	if m := c.PerUnit; m != nil {
		models++
		switch {
		case m.Deck == "" && m.UnitPrice == nil:
			bad(".per_unit", "needs a unit_price or a deck")
		case m.Deck != "" && m.UnitPrice != nil:
			bad(".per_unit.unit_price", "has a unit_price and a deck; keep one")
		case m.Deck != "":
			deck(".per_unit.deck", m.Deck)
		default:
			notNegative(".per_unit.unit_price", *m.UnitPrice)
		}
		switch m.Per {
		case "", PerRecord:
		case PerMonth:
			if !slices.Equal(c.Match.Kind, []Kind{Number}) {
				bad(".per_unit.per", "a price per month is for match.kind [number] alone")
			}
		default:
			bad(".per_unit.per", "%q is not known; use %s, %s, or leave it out for the kind's own unit", m.Per, PerRecord, PerMonth)
		}
		if len(c.Match.Kind) == 0 {
			bad(".match", "a per_unit charge needs match.kind")
		}
	}
	if m := c.CostPlus; m != nil {
		models++
		if m.Multiplier != nil {
			notNegative(".cost_plus.multiplier", *m.Multiplier)
		}
		notNegative(".cost_plus.add", m.Add)
		if m.MissingCost != nil {
			notNegative(".cost_plus.missing_cost", *m.MissingCost)
		}
		for i, k := range c.Match.Kind {
			if k == Number {
				bad(fmt.Sprintf(".match.kind[%d]", i), "twilio's number list has no cost: price numbers by per_unit")
			}
		}
		if len(c.Match.Kind) == 0 {
			bad(".match", "a cost_plus charge needs match.kind")
		}
	}
	if m := c.Flat; m != nil {
		models++
		notNegative(".flat.amount", m.Amount)
		if m.Prorate != "" && m.Prorate != ProrateDay && m.Prorate != ProrateNone {
			bad(".flat.prorate", "%q is not known; use %s or %s", m.Prorate, ProrateDay, ProrateNone)
		}
		if !c.Match.empty() {
			bad(".match", "a flat fee matches no usage: leave match out")
		}
	}
	if models != 1 {
		bad("", "charge %q has %d models; it needs exactly one of per_minute, per_unit, cost_plus, flat", c.ID, models)
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func (m *Match) empty() bool {
	return len(m.Kind)+len(m.Direction)+len(m.Channel)+len(m.FromPrefix)+len(m.ToPrefix) == 0
}

// Digest identifies the plan and the rate decks it uses: SHA-256, in hex, of
// their canonical JSON. Two plans with equal digests price alike.
func (p *Plan) Digest(decks map[string]*Deck) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.Encode(p) //nolint:errcheck // a hash accepts every write, and a Plan always encodes
	for _, name := range p.deckNames() {
		if d := decks[name]; d != nil {
			enc.Encode([]any{name, d.rows}) //nolint:errcheck // as above
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// deckNames are the rate decks that the plan's charges name, sorted.
func (p *Plan) deckNames() []string {
	var names []string
	for i := range p.Charges {
		if m := p.Charges[i].PerMinute; m != nil && m.Deck != "" {
			names = append(names, m.Deck)
		}
		if m := p.Charges[i].PerUnit; m != nil && m.Deck != "" {
			names = append(names, m.Deck)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

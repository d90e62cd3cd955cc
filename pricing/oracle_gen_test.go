package pricing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// feature is something that a generated case may make use of.
type feature string

const (
	slots         feature = "slots"
	times         feature = "times"
	split         feature = "split"
	roundRecords  feature = "round_records"
	meters        feature = "meters"
	tiers         feature = "tiers"
	quantityNames feature = "quantity names"
	blockRound    feature = "block round"
	costs         feature = "costs"
	zeroMinimum   feature = "minimum 0 of records with a negative cost"
	shareTiers    feature = "percentage tiers"
	exchangeRates feature = "exchange rates"
	flatFees      feature = "flat"
	flatPer       feature = "flat per"
	flatOnce      feature = "flat once"
	flatAdvance   feature = "flat in_advance"
	allowances    feature = "allowances"
	limits        feature = "limits"
	overage       feature = "overage_factor"
	discounts     feature = "discounts"
	surcharges    feature = "surcharges"
	credits       feature = "credits"
	untaxed       feature = "tax code none"
	inclusive     feature = "inclusive taxes"
	taxPerLine    feature = "tax_rounding line"
)

var features = []feature{
	slots, times, split, roundRecords, meters, tiers, quantityNames, blockRound, costs, zeroMinimum, shareTiers, exchangeRates, flatFees, flatPer,
	flatOnce, flatAdvance, allowances, limits, overage, discounts, surcharges, credits, untaxed, inclusive, taxPerLine,
}

// tenantCase is one tenant's periods, one after the other.
type tenantCase struct {
	plan    *pricing.Plan
	rows    map[string][]pricing.DeckRow
	decks   map[string]*pricing.Deck
	fx      []exchange
	rates   *pricing.ExchangeRates
	taxes   []pricing.TaxRate
	periods []periodCase
}

type periodCase struct {
	span    pricing.Span
	dearer  bool // what was billed in advance for it was a cent dearer
	records []pricing.Record
}

type generator struct {
	*rand.Rand
	on       map[feature]bool
	decks    map[string][]pricing.DeckRow
	parsed   map[string]*pricing.Deck
	zone     *time.Location
	days     [2]pricing.Date // first day and the one after the last
	currency string
	numbers  int
	unique   int64 // so that the rates of a charge differ
}

var zones = func() (out []*time.Location) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		out = append(out, zone)
	}
	return out
}()

func enabled(without ...feature) map[feature]bool {
	out := map[feature]bool{}
	for _, f := range features {
		out[f] = !slices.Contains(without, f)
	}
	return out
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) uses(f feature, n int) bool { return g.on[f] && g.one(n) }

func ptr[T any](v T) *T { return &v }

func (g *generator) places() int32 {
	switch g.currency {
	case "JPY":
		return 0
	case "BHD":
		return 3
	}
	return 2
}

// rate is a price with up to four decimals; some make ties of a minor unit.
func (g *generator) rate() decimal.Decimal {
	g.unique++
	switch g.IntN(8) {
	case 0:
		return decimal.New(5+10*g.Int64N(9), -3)
	case 1:
		return decimal.New(g.Int64N(9), 0)
	case 2:
		return decimal.New(1+g.Int64N(99999), -6)
	}
	return decimal.New(g.Int64N(9999), -4)
}

// distinct is a rate that this case has not had before.
func (g *generator) distinct() decimal.Decimal {
	g.unique++
	return decimal.New(1+g.Int64N(2000), -3).Add(decimal.New(g.unique, -7))
}

// minor is an amount of whole minor units, up to so many of the currency.
func (g *generator) minor(most int64) decimal.Decimal {
	n := most
	for range g.places() {
		n *= 10
	}
	return decimal.New(g.Int64N(n+1), -g.places())
}

func (g *generator) mode() pricing.Rounding {
	return pick(g, "", pricing.HalfUp, pricing.HalfEven, pricing.Up, pricing.Down)
}

func (g *generator) day() pricing.Date {
	n := g.days[0].DaysUntil(g.days[1])
	return g.days[0].AddDays(g.IntN(n+20) - 10)
}

// force is when something is in force: mostly always.
func (g *generator) force() (from, until pricing.Date) {
	if g.one(5) {
		from = g.day()
	}
	if g.one(6) {
		until = g.day()
		if !from.IsZero() && !from.Before(until) {
			until = from.AddDays(1 + g.IntN(20))
		}
	}
	return from, until
}

func newCase(seed uint64, on map[feature]bool) *tenantCase {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 17)), on: on, decks: map[string][]pricing.DeckRow{}, parsed: map[string]*pricing.Deck{}}
	g.zone = pick(g, zones...)
	g.currency = pick(g, "USD", "USD", "JPY", "BHD")
	first := pick(g, pricing.Date{Year: 2026, Month: 2, Day: 1}, pricing.Date{Year: 2026, Month: 3, Day: 1}, pricing.Date{Year: 2026, Month: 4, Day: 1},
		pricing.Date{Year: 2026, Month: 10, Day: 1}, pricing.Date{Year: 2026, Month: 10, Day: 1}, pricing.Date{Year: 2026, Month: 11, Day: 1}, pricing.Date{Year: 2026, Month: 12, Day: 1}, pricing.Date{Year: 2028, Month: 2, Day: 1})
	periods := 1
	if g.one(3) {
		periods = 2 + g.IntN(2)
	}
	last := first
	for range periods {
		last = last.NextMonth()
	}
	g.days = [2]pricing.Date{first, last}
	c := &tenantCase{rows: g.decks, decks: g.parsed, plan: &pricing.Plan{Name: "p", Currency: g.currency, Rounding: g.mode()}}
	g.plan(c.plan)
	for name, rows := range g.decks {
		deck, problems := pricing.ParseDeck(name, strings.NewReader(deckCSV(rows)), nil)
		if len(problems) > 0 {
			panic(fmt.Sprint(problems))
		}
		g.parsed[name] = deck
	}
	g.exchangeRates(c)
	c.taxes = g.taxes()
	g.periods(c, first, periods)
	return c
}

func deckCSV(rows []pricing.DeckRow) string {
	var b strings.Builder
	b.WriteString("prefix,destination,rate,connect_fee,minimum,initial,increment,effective_from,effective_to\n")
	amount := func(d *decimal.Decimal) string {
		if d == nil {
			return ""
		}
		return d.String()
	}
	seconds := func(n *int64) string {
		if n == nil {
			return ""
		}
		return fmt.Sprint(*n)
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%s,%s,%s\n", r.Prefix, r.Destination, r.Rate, amount(r.ConnectFee), amount(r.Minimum), seconds(r.Initial), seconds(r.Increment), r.From, r.To)
	}
	return b.String()
}

// deck makes a deck and answers its name.
func (g *generator) deck(calls bool) string {
	var rows []pricing.DeckRow
	prefixes := []string{"1", "1415", "141555", "49", "4915", "4", "9"}
	for _, prefix := range prefixes {
		if g.one(3) {
			continue
		}
		row := pricing.DeckRow{Prefix: prefix, Destination: pick(g, "US", "Germany", "Elsewhere"), Rate: g.distinct()}
		if calls {
			if g.one(4) {
				row.ConnectFee = ptr(g.rate())
			}
			if g.one(6) {
				row.Minimum = ptr(g.rate())
			}
			if g.one(4) {
				row.Initial = ptr(pick(g, int64(1), 30, 60))
			}
			if g.one(4) {
				row.Increment = ptr(pick(g, int64(1), 6, 60))
			}
		}
		switch g.IntN(8) {
		case 0, 1:
			then := row
			row.To = g.day()
			then.From = row.To
			then.Rate = g.distinct()
			rows = append(rows, then)
		case 2:
			row.From = g.day()
		case 3:
			row.To = g.day()
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		rows = append(rows, pricing.DeckRow{Prefix: "1", Destination: "US", Rate: g.distinct()})
	}
	name := fmt.Sprintf("deck%d", len(g.decks))
	g.decks[name] = rows
	return name
}

var taxCodes = []string{"", "", "telecom", "fees"}

func (g *generator) taxCode() string {
	if g.uses(untaxed, 6) {
		return pricing.Untaxed
	}
	return pick(g, taxCodes...)
}

func (g *generator) plan(p *pricing.Plan) {
	if g.on[taxPerLine] {
		p.TaxRounding = pick(g, "", pricing.TaxPerInvoice, pricing.TaxPerLine)
	}
	if g.one(10) {
		p.Statuses = map[pricing.Kind][]string{pricing.Call: {"completed", "busy"}}
	}
	for range 1 + g.IntN(3) { // bands may be of holidays
		p.Holidays = append(p.Holidays, g.day())
	}
	slices.SortFunc(p.Holidays, func(a, b pricing.Date) int { return dayNumber(a) - dayNumber(b) })
	p.Holidays = slices.Compact(p.Holidays)
	if !g.on[times] {
		p.Holidays = nil
	}
	for i := range 1 + g.IntN(4) {
		c := pricing.Charge{ID: fmt.Sprintf("c%d", i), Description: fmt.Sprintf("Charge %d", i), TaxCode: g.taxCode()}
		c.From, c.Until = g.force()
		g.model(&c)
		if g.uses(limits, 4) {
			c.Limits = g.limits()
		}
		p.Charges = append(p.Charges, c)
	}
	var ids []string
	for i := range p.Charges {
		ids = append(ids, p.Charges[i].ID)
	}
	some := func() (out []string) {
		for _, id := range ids {
			if g.one(2) {
				out = append(out, id)
			}
		}
		return out
	}
	if g.uses(limits, 4) {
		p.Limits = g.limits()
	}
	if g.uses(discounts, 3) {
		for i := range 1 + g.IntN(2) {
			d := pricing.Discount{ID: fmt.Sprintf("d%d", i), Description: "Discount"}
			if g.one(2) {
				d.Percent = ptr(decimal.New(g.Int64N(1001), -1))
			} else {
				d.Amount = ptr(g.minor(20))
			}
			if g.one(2) {
				d.Charges = some()
			}
			d.From, d.Until = g.force()
			p.Discounts = append(p.Discounts, d)
		}
	}
	if g.uses(surcharges, 3) {
		for i := range 1 + g.IntN(2) {
			s := pricing.Surcharge{ID: fmt.Sprintf("s%d", i), Description: "Surcharge", TaxCode: g.taxCode()}
			s.From, s.Until = g.force()
			if g.one(2) {
				s.Percent = ptr(decimal.New(1+g.Int64N(300), -1))
				s.Charges = some()
			} else {
				s.Amount = ptr(g.minor(2))
				s.Per = pick(g, "", pricing.SurchargeTenant, pricing.SurchargeSubaccount, pricing.SurchargeNumber, pricing.SurchargeLine)
				if s.Per == pricing.SurchargeLine {
					s.Charges = append(some(), ids[0])
					slices.Sort(s.Charges)
					s.Charges = slices.Compact(s.Charges)
				}
			}
			p.Surcharges = append(p.Surcharges, s)
		}
	}
	if g.uses(credits, 3) {
		for i := range 1 + g.IntN(2) {
			k := pricing.Credit{ID: fmt.Sprintf("k%d", i), Description: "Credit", Amount: g.minor(20).Add(decimal.New(1, 0))}
			k.From, k.Until = g.force()
			p.Credits = append(p.Credits, k)
		}
	}
	if g.uses(allowances, 2) {
		g.allowances(p)
	}
}

func (g *generator) limits() pricing.Limits {
	var l pricing.Limits
	if g.one(2) {
		l.Minimum = ptr(g.minor(20))
		l.MinimumProrate = pick(g, "", pricing.ProrateDay, pricing.ProrateNone)
		if g.uses(overage, 2) {
			l.OverageFactor = ptr(decimal.New(1+g.Int64N(300), -2))
		}
	}
	if g.one(2) {
		l.Maximum = ptr(g.minor(20))
		if l.Minimum != nil {
			l.Maximum = ptr(l.Maximum.Add(*l.Minimum))
		}
	}
	return l
}

func (g *generator) match(kinds ...pricing.Kind) pricing.Match {
	m := pricing.Match{Kind: kinds}
	messages := slices.Contains(kinds, pricing.SMS) || slices.Contains(kinds, pricing.MMS) || slices.Contains(kinds, pricing.WhatsApp)
	if g.one(8) {
		m.Subaccount = []string{pick(g, "A1", "A2")}
	}
	if kinds[0] == pricing.Call || messages {
		if g.one(6) {
			m.Direction = []pricing.Direction{pick(g, pricing.Inbound, pricing.Outbound)}
		}
		if g.one(8) {
			m.ToPrefix = []string{pick(g, "1", "49", "4")}
		}
	}
	if kinds[0] == pricing.Call && g.one(8) {
		m.Channel = []pricing.Channel{pricing.Voice}
	}
	return m
}

// some are some of the kinds in any order, at least one.
func (g *generator) some(kinds ...pricing.Kind) []pricing.Kind {
	g.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	return kinds[:1+g.IntN(len(kinds))]
}

var (
	durations = []pricing.Kind{pricing.Call, pricing.Recording, pricing.Transcription}
	messages  = []pricing.Kind{pricing.SMS, pricing.MMS, pricing.WhatsApp}
)

func (g *generator) model(c *pricing.Charge) {
	for {
		switch g.IntN(8) {
		case 0, 1, 2:
			g.perMinute(c)
			g.roundRecords(c)
		case 3:
			g.perUnit(c)
		case 4, 5:
			if !g.on[tiers] {
				continue
			}
			g.tiered(c)
		case 6:
			if !g.on[costs] {
				continue
			}
			g.byCost(c)
		case 7:
			if !g.on[flatFees] {
				continue
			}
			g.flat(c)
		}
		return
	}
}

func (g *generator) roundRecords(c *pricing.Charge) {
	if g.uses(roundRecords, 4) {
		c.RoundRecords = &pricing.RecordRounding{Mode: g.mode(), Decimals: g.IntN(5)}
	}
}

func (g *generator) perMinute(c *pricing.Charge) {
	m := &pricing.PerMinute{}
	c.PerMinute = m
	kinds := g.some(slices.Clone(durations)...)
	if g.one(3) {
		m.ConnectFee = g.rate()
	}
	if g.one(5) {
		m.FreeSeconds = pick(g, int64(1), 10, 60, 90)
	}
	if g.one(5) {
		m.MinimumSeconds = pick(g, int64(1), 30, 61)
	}
	if g.one(5) {
		m.MinimumCharge = g.rate()
	}
	if g.one(5) {
		m.MaximumCharge = ptr(m.MinimumCharge.Add(g.rate()))
	}
	if g.uses(slots, 4) {
		from := int64(0)
		n := 1 + g.IntN(3)
		for i := range n {
			s := pricing.Slot{From: from, Rate: g.distinct(), Per: pick(g, int64(0), 1, 60, 7), Increment: pick(g, int64(0), 1, 6, 30)}
			step := s.Increment
			if step == 0 {
				step = 60
			}
			if i+1 < n {
				from += step * (1 + g.Int64N(4))
			}
			m.Slots = append(m.Slots, s)
		}
		c.Match = g.match(kinds...)
		return
	}
	m.Initial, m.Increment = pick(g, int64(0), 1, 6, 30, 60), pick(g, int64(0), 1, 6, 30, 60)
	byDeck := g.one(2)
	if byDeck {
		kinds = []pricing.Kind{pricing.Call}
		m.Deck = g.deck(true)
	} else {
		m.Rate = ptr(g.distinct())
	}
	if g.uses(times, 2) {
		for i := range 1 + g.IntN(3) {
			b := pricing.Band{Name: fmt.Sprintf("band%d", i)}
			if kinds[0] == pricing.Call && len(kinds) == 1 && g.one(3) {
				b.Deck = g.deck(true)
			} else {
				b.Rate = ptr(g.distinct())
			}
			switch g.IntN(3) {
			case 0:
				b.Holidays = true
			case 1:
				b.Days = []pricing.Weekday{pricing.Weekdays[g.IntN(4)], pricing.Weekdays[4+g.IntN(3)]}
				b.Holidays = g.one(3)
			}
			if g.one(4) && (b.Holidays || len(b.Days) > 0) {
				m.Times = append(m.Times, b)
				continue
			}
			clock := func(minute int) pricing.Clock {
				v, err := pricing.ParseClock(fmt.Sprintf("%02d:%02d", minute/60, minute%60))
				if err != nil {
					panic(err)
				}
				return v
			}
			from := pick(g, 0, 2*60, 2*60+30, 3*60, 8*60, 18*60+15, 22*60)
			to := pick(g, 60, 3*60, 6*60, 8*60+1, 18*60, 24*60)
			if from == to {
				to++
			}
			b.From, b.To = clock(from), clock(to)
			m.Times = append(m.Times, b)
		}
		m.AtBoundary = pick(g, "", pricing.BoundaryStart)
		if g.uses(split, 2) {
			m.AtBoundary = pricing.BoundarySplit
		}
	}
	c.Match = g.match(kinds...)
}

// meter is a meter for a sum. It answers the kinds that it can count.
func (g *generator) meter(m *pricing.Meter) []pricing.Kind {
	kinds := pick(g, g.some(slices.Clone(durations)...), []pricing.Kind{pricing.SMS}, []pricing.Kind{pricing.MMS, pricing.WhatsApp}, []pricing.Kind{pricing.Number}, []pricing.Kind{pricing.Other})
	if kinds[0].Unit() == pricing.Second && g.one(2) {
		m.Quantity = pricing.QuantityMinutes
	}
	if g.one(6) {
		m.Quantity = pricing.QuantityRecords
	}
	if m.Quantity == "" && g.uses(quantityNames, 3) {
		m.Quantity = map[pricing.Unit]string{
			pricing.Second: pricing.QuantitySeconds, pricing.Segment: pricing.QuantitySegments, pricing.Message: pricing.QuantityMessages,
			pricing.Day: pricing.QuantityDays, pricing.PerUnitOfOther: pricing.QuantityUnits,
		}[kinds[0].Unit()]
	}
	return kinds
}

// sum gives the meter what only sums have.
func (g *generator) sum(m *pricing.Meter) {
	m.Over = pick(g, "", pricing.OverTenant, pricing.OverSubaccount)
	if g.one(3) {
		m.FreeUnits = decimal.New(1+g.Int64N(120), -g.Int32N(2))
	}
	if g.one(5) {
		m.Convert = &pricing.Convert{Divide: pick(g, int64(1), 3, 10, 60), Round: pick(g, "", pricing.Up, pricing.Down, pricing.HalfUp, pricing.HalfEven)}
	}
}

func (g *generator) perUnit(c *pricing.Charge) {
	m := &pricing.PerUnit{}
	c.PerUnit = m
	switch g.IntN(4) {
	case 0:
		c.Match = g.match(pricing.Number)
		m.Per, m.UnitPrice = pricing.PerMonth, ptr(g.rate())
	case 1:
		c.Match = g.match(g.some(slices.Clone(messages)...)...)
		m.Deck = g.deck(false)
		g.roundRecords(c)
	case 2:
		c.Match = g.match(g.meter(&m.Meter)...)
		m.UnitPrice = ptr(g.rate())
		g.roundRecords(c)
	default:
		if !g.on[meters] {
			c.Match, m.UnitPrice = g.match(pricing.SMS), ptr(g.rate())
			return
		}
		c.Match = g.match(g.meter(&m.Meter)...)
		m.UnitPrice = ptr(g.rate())
		g.sum(&m.Meter)
		if m.Over == "" && m.Convert == nil && m.FreeUnits.IsZero() {
			m.Over = pricing.OverSubaccount
		}
		if m.Over == pricing.OverTenant && m.Convert == nil && m.FreeUnits.IsZero() {
			m.FreeUnits = decimal.New(1, 0)
		}
	}
}

func (g *generator) tiered(c *pricing.Charge) {
	if g.one(4) {
		m := &pricing.Package{Size: pick(g, int64(1), 3, 10, 60), Price: g.rate(), Round: pick(g, "", pricing.Up, pricing.Down)}
		c.Package = m
		c.Match = g.match(g.meter(&m.Meter)...)
		g.sum(&m.Meter)
		return
	}
	var t pricing.Tiered
	c.Match = g.match(g.meter(&t.Meter)...)
	g.sum(&t.Meter)
	step := int64(1)
	if g.one(3) {
		t.Block = pick(g, int64(2), 5, 60)
		step = t.Block
		if g.on[blockRound] {
			t.Round = pick(g, "", pricing.Up, pricing.Down)
		}
	}
	at := int64(0)
	for i := range 1 + g.IntN(3) {
		at += step * (1 + g.Int64N(pick(g, int64(3), 20)))
		tier := pricing.Tier{UpTo: ptr(decimal.New(at, 0)), UnitPrice: g.rate()}
		if i == 0 && t.Block == 0 && g.one(3) {
			tier.UpTo = ptr(decimal.New(at*10-5, -1))
		}
		t.Tiers = append(t.Tiers, tier)
	}
	t.Tiers[len(t.Tiers)-1].UpTo = nil
	for i := range t.Tiers {
		if g.one(4) && t.Round != pricing.Down {
			t.Tiers[i].FlatFee = g.rate()
		}
		if g.one(5) {
			t.Tiers[i].Cap = ptr(g.rate())
		}
	}
	if g.one(2) {
		c.Graduated = &pricing.Graduated{Tiered: t}
	} else {
		c.Volume = &pricing.Volume{Tiered: t}
	}
}

func (g *generator) byCost(c *pricing.Charge) {
	c.Match = g.match(g.some(pricing.Call, pricing.SMS, pricing.MMS, pricing.Recording)...)
	var minimum, maximum, missing *decimal.Decimal
	if g.one(4) {
		minimum = ptr(g.rate())
		if minimum.IsZero() && !g.on[zeroMinimum] {
			minimum = ptr(decimal.New(1, -3))
		}
	}
	if g.one(4) {
		maximum = ptr(g.rate())
		if minimum != nil {
			maximum = ptr(maximum.Add(*minimum))
		}
	}
	if g.one(2) {
		missing = ptr(g.rate())
	}
	if g.one(2) {
		m := &pricing.CostPlus{Add: g.rate(), Minimum: minimum, Maximum: maximum, MissingCost: missing}
		if g.one(2) {
			m.Multiplier = ptr(g.rate())
		}
		if g.one(2) {
			m.Add = decimal.Decimal{}
		}
		c.CostPlus = m
		g.roundRecords(c)
		return
	}
	m := &pricing.Percentage{MissingCost: missing}
	c.Percentage = m
	if g.one(2) {
		m.Fee = g.rate()
	}
	if g.one(3) {
		m.FreeAmount = g.rate()
	}
	if g.one(3) {
		m.FreeRecords = g.Int64N(4)
	}
	if g.uses(shareTiers, 2) {
		at := decimal.Decimal{}
		for range 1 + g.IntN(3) {
			at = at.Add(g.rate()).Add(decimal.New(1, -2))
			t := pricing.ShareTier{UpTo: ptr(at), Rate: decimal.New(g.Int64N(400), -1)}
			if g.one(3) {
				t.FlatFee = g.rate()
			}
			m.Tiers = append(m.Tiers, t)
		}
		m.Tiers[len(m.Tiers)-1].UpTo = nil
		return
	}
	m.Rate = decimal.New(g.Int64N(1500), -1)
	m.Minimum, m.Maximum = minimum, maximum
	if m.FreeAmount.IsZero() && m.FreeRecords == 0 {
		g.roundRecords(c)
	}
}

func (g *generator) flat(c *pricing.Charge) {
	f := &pricing.Flat{Amount: pick(g, g.rate(), decimal.New(g.Int64N(5000), -2))}
	c.Flat = f
	if g.on[flatPer] {
		f.Per = pick(g, "", pricing.FlatPeriod, pricing.FlatSubaccount, pricing.FlatNumber)
	}
	if f.Per == pricing.FlatNumber {
		c.Match = pricing.Match{Kind: []pricing.Kind{pricing.Number}}
		if g.one(4) {
			c.Match.ToPrefix = []string{"1"}
		}
	}
	switch {
	case g.uses(flatOnce, 3):
		f.Once = true
		return
	case g.uses(flatAdvance, 2):
		f.InAdvance = true
	}
	f.Prorate = pick(g, "", pricing.ProrateDay, pricing.ProrateNone)
}

// allowanceUnit is the unit in which an allowance can take off the charge;
// empty for none.
func allowanceUnit(c *pricing.Charge) pricing.Unit {
	unit := func(m *pricing.Meter) pricing.Unit {
		switch {
		case m.Convert != nil:
			return ""
		case m.Quantity == pricing.QuantityMinutes:
			return pricing.Minute
		case m.Quantity == pricing.QuantityRecords && len(c.Match.Kind) == 1:
			return pricing.Unit(recordUnit(c.Match.Kind[0]))
		case m.Quantity == pricing.QuantityRecords:
			return ""
		}
		for _, k := range c.Match.Kind {
			if k.Unit() != c.Match.Kind[0].Unit() {
				return ""
			}
		}
		return c.Match.Kind[0].Unit()
	}
	switch {
	case c.RoundRecords != nil:
	case c.PerMinute != nil:
		return pricing.Second
	case c.PerUnit != nil && c.PerUnit.Per == "":
		return unit(&c.PerUnit.Meter)
	case c.Graduated != nil:
		return unit(&c.Graduated.Meter)
	case c.Volume != nil:
		return unit(&c.Volume.Meter)
	case c.Package != nil:
		return unit(&c.Package.Meter)
	}
	return ""
}

func (g *generator) allowances(p *pricing.Plan) {
	for i := range 1 + g.IntN(2) {
		a := pricing.Allowance{ID: fmt.Sprintf("a%d", i), Description: "Included", Quantity: decimal.New(1+g.Int64N(100), 0), Rollover: g.IntN(3), Prorate: pick(g, "", pricing.ProrateDay, pricing.ProrateNone)}
		for _, k := range g.Perm(len(p.Charges)) {
			c := &p.Charges[k]
			unit := allowanceUnit(c)
			switch {
			case unit == "" || g.one(4):
				continue
			case unit == pricing.Second && (a.Unit == "" || a.Unit == pricing.Minute):
				// Seconds off minutes may never end as a decimal; minutes off seconds do.
				if a.Unit == "" {
					a.Unit = pick(g, pricing.Second, pricing.Minute)
				}
			case a.Unit == "":
				a.Unit = unit
			case a.Unit != unit:
				continue
			}
			a.Charges = append(a.Charges, c.ID)
		}
		// A whole number of seconds is not always a decimal number of minutes that
		// minutes can be taken off by.
		if a.Unit == pricing.Minute {
			for _, id := range a.Charges {
				k := slices.IndexFunc(p.Charges, func(c pricing.Charge) bool { return c.ID == id })
				if allowanceUnit(&p.Charges[k]) == pricing.Minute {
					a.Prorate = pricing.ProrateNone
					a.Charges = slices.DeleteFunc(a.Charges, func(id string) bool {
						k := slices.IndexFunc(p.Charges, func(c pricing.Charge) bool { return c.ID == id })
						return allowanceUnit(&p.Charges[k]) == pricing.Second
					})
					break
				}
			}
		}
		if len(a.Charges) > 0 {
			p.Allowances = append(p.Allowances, a)
		}
	}
}

func (g *generator) exchangeRates(c *tenantCase) {
	if !g.on[exchangeRates] {
		return
	}
	seen := map[string]bool{}
	var b strings.Builder
	b.WriteString("date,from,to,rate\n")
	for range g.IntN(5) {
		x := exchange{day: g.day(), from: pick(g, "EUR", "USD", "GBP"), to: pick(g, g.currency, g.currency, "CHF"), rate: decimal.New(1+g.Int64N(30000), -4)}
		key := fmt.Sprint(x.day, x.from, x.to)
		if x.from == x.to || seen[key] {
			continue
		}
		seen[key] = true
		c.fx = append(c.fx, x)
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", x.day, x.from, x.to, x.rate)
	}
	if len(c.fx) == 0 {
		return
	}
	rates, problems := pricing.ParseExchangeRates(strings.NewReader(b.String()))
	if len(problems) > 0 {
		panic(fmt.Sprint(problems))
	}
	c.rates = rates
}

func (g *generator) taxes() (out []pricing.TaxRate) {
	for i := range g.IntN(4) {
		t := pricing.TaxRate{Name: fmt.Sprintf("tax%d", i), Rate: decimal.New(g.Int64N(300), -1), Compound: g.one(3), Inclusive: g.uses(inclusive, 2)}
		if g.one(2) {
			t.Codes = []string{pick(g, "telecom", "fees", "")}
			if g.uses(untaxed, 3) {
				t.Codes = append(t.Codes, pricing.Untaxed)
			}
		}
		out = append(out, t)
	}
	return out
}

func (g *generator) periods(c *tenantCase, first pricing.Date, n int) {
	began, end := first, g.days[1]
	if g.one(4) {
		began = first.AddDays(g.IntN(28))
	} else if g.one(2) {
		began = first.AddDays(-40)
	}
	if g.one(4) {
		end = g.days[1].AddDays(-g.IntN(27))
	} else {
		end = end.AddDays(60)
	}
	if n == 1 && !began.Before(end) {
		end = began.AddDays(1)
	}
	always := began.Before(first) && g.one(2) // a tenant that is not known to have begun
	var holdings []pricing.Holding
	for range g.IntN(4) {
		h := pricing.Holding{SID: pick(g, "A1", "A2", "A3"), From: began, To: end}
		if g.one(2) {
			h.From = g.day()
		}
		if g.one(2) {
			h.To = g.day()
		}
		if h.From.Before(began) {
			h.From = began
		}
		if end.Before(h.To) {
			h.To = end
		}
		if h.From.Before(h.To) {
			if h.From == began && always {
				h.From = pricing.Date{}
			}
			holdings = append(holdings, h)
		}
	}
	type held struct {
		number   string
		from, to pricing.Date
	}
	var numbers []held
	if g.one(6) {
		for i := range 1 + g.IntN(3) {
			h := held{fmt.Sprintf("+%d41555501%02d", pick(g, 1, 49), i), g.day(), g.days[1]}
			if g.one(2) {
				h.from = g.days[0].AddDays(-3)
			}
			if g.one(3) {
				h.to = g.day()
			}
			numbers = append(numbers, h)
		}
	}
	month := first
	spanOf := func(month pricing.Date) *pricing.Span {
		s := &pricing.Span{From: month, To: month.NextMonth(), Location: g.zone, Subaccounts: holdings}
		s.BilledFrom, s.BilledTo = s.From, s.To
		if s.BilledFrom.Before(began) {
			s.BilledFrom = began
		}
		if end.Before(s.BilledTo) {
			s.BilledTo = end
		}
		if !s.BilledFrom.Before(s.BilledTo) {
			return nil
		}
		if !always {
			s.Began = began
		}
		return s
	}
	for range n {
		span := spanOf(month)
		month = month.NextMonth()
		if span == nil {
			continue
		}
		span.Next = spanOf(month)
		p := periodCase{span: *span, dearer: g.one(4)}
		on := func(h held, day pricing.Date) bool { return !day.Before(h.from) && day.Before(h.to) }
		if span.BilledFrom != began {
			p.span.NumbersBefore = map[string]bool{}
			for _, h := range numbers {
				if on(h, span.BilledFrom.AddDays(-1)) {
					p.span.NumbersBefore[h.number] = true
				}
			}
		}
		for range g.IntN(13) {
			p.records = append(p.records, g.record(c, span))
		}
		for day := span.BilledFrom; day.Before(span.BilledTo); day = day.AddDays(1) {
			for i, h := range numbers {
				if on(h, day) {
					p.records = append(p.records, pricing.Record{Account: pick(g, "A1", "A2"), SID: fmt.Sprintf("PN%d", i), Kind: pricing.Number, Status: "held", To: h.number, StartedAt: day.Start(g.zone), Quantity: decimal.New(1, 0)})
				}
			}
		}
		c.periods = append(c.periods, p)
	}
}

// instant is a time on one of the span's billed days, often at a boundary.
func (g *generator) instant(span *pricing.Span) time.Time {
	day := span.BilledFrom.AddDays(g.IntN(span.BilledFrom.DaysUntil(span.BilledTo)))
	if g.one(3) {
		for d := span.BilledFrom; d.Before(span.BilledTo); d = d.AddDays(1) {
			if d.AddDays(1).Start(g.zone).Sub(d.Start(g.zone)) != 24*time.Hour {
				day = d
			}
		}
	}
	begin, end := day.Start(g.zone), day.AddDays(1).Start(g.zone)
	switch g.IntN(4) {
	case 0:
		return begin
	case 1:
		return end.Add(-time.Second * time.Duration(1+g.IntN(90)))
	case 2:
		hour := pick(g, 1, 2, 3, 6, 8, 18, 22)
		at := begin.Add(time.Duration(hour)*time.Hour + time.Duration(g.IntN(200)-100)*time.Second)
		if at.Before(end) {
			return at
		}
		return begin
	}
	return begin.Add(time.Duration(g.Int64N(int64(end.Sub(begin)/time.Second))) * time.Second)
}

func (g *generator) record(c *tenantCase, span *pricing.Span) pricing.Record {
	kind := pick(g, pricing.Kinds...)
	if m := &c.plan.Charges[g.IntN(len(c.plan.Charges))].Match; g.one(2) && len(m.Kind) > 0 {
		kind = pick(g, m.Kind...)
	}
	rec := pricing.Record{
		Account: pick(g, "A1", "A2", "A3"), SID: fmt.Sprint(g.Uint32()), Kind: kind, StartedAt: g.instant(span), Currency: g.currency,
		Direction: pick(g, "inbound", "outbound-api", "outbound-api"), From: pick(g, "+14155550100", "+4915112345"), To: pick(g, "+14155550100", "+14150", "+4915112345", "+4930", "+33", "client:bob"),
	}
	switch kind {
	case pricing.Call:
		rec.Status = pick(g, "completed", "completed", "completed", "completed", "completed", "busy")
		rec.Quantity = decimal.New(pick(g, 0, 1, 29, 30, 31, 59, 60, 61, 90, 119, 120, 121, 600, g.Int64N(200), g.Int64N(20000)), 0)
	case pricing.Recording:
		rec.Status = pick(g, "completed", "completed", "deleted", "absent")
		rec.Quantity = decimal.New(g.Int64N(400), 0)
	case pricing.Transcription:
		rec.Status = pick(g, "completed", "failed")
		rec.Quantity = decimal.New(g.Int64N(400), 0)
	case pricing.SMS, pricing.MMS, pricing.WhatsApp:
		rec.Status = pick(g, "sent", "delivered", "delivered", "read", "failed", "undelivered")
		rec.Quantity = decimal.New(1, 0)
		if kind == pricing.SMS {
			rec.Quantity = decimal.New(1+g.Int64N(10), 0)
		}
	case pricing.Number:
		// No number is held twice on a day.
		g.numbers++
		rec.Status, rec.Direction, rec.From = "held", "", ""
		rec.To = fmt.Sprintf("+%d202555%04d", pick(g, 1, 49), g.numbers)
		rec.Quantity = decimal.New(1, 0)
	case pricing.Other:
		rec.Status, rec.Direction, rec.From, rec.To, rec.Category = "counted", "", "", "", pick(g, "lookups", "verifications")
		rec.Quantity = decimal.New(g.Int64N(5000), -2)
	}
	if kind == pricing.Recording || kind == pricing.Transcription {
		rec.Direction, rec.From, rec.To = "", "", ""
	}
	if kind != pricing.Number && !g.one(6) {
		rec.Cost = decimal.NewNullDecimal(g.rate())
		if g.one(20) {
			rec.Cost.Decimal = rec.Cost.Decimal.Neg()
		}
		if g.one(5) {
			rec.Currency = pick(g, "EUR", "USD", "GBP")
		}
	}
	return rec
}

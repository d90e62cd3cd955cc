package pricing_test

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// The oracle prices a period a second time, from the written semantics of plans
// and with nothing of the engine: fractions instead of decimals, day numbers
// instead of dates, lists searched from the front instead of indexes.

// oracle is what a period is priced by.
type oracle struct {
	plan  *pricing.Plan
	decks map[string][]pricing.DeckRow
	rates []exchange
	span  pricing.Span
	taxes []pricing.TaxRate
}

type exchange struct {
	day      pricing.Date
	from, to string
	rate     decimal.Decimal
}

// expected is what a period comes to.
type expected struct {
	lines      []*oline
	outcomes   []outcome
	unrated    map[pricing.Kind]int64
	net, total *big.Rat
	taxes      []otax
	advances   []oadvance
	unused     []ounused
	used       map[string]*big.Rat // of credits
	// vague is set where discounts meet a charge below zero, or credits a tax code: the
	// semantics do not say how they share that out.
	vague bool
}

type outcome struct {
	outcome pricing.Outcome
	charge  string
}

type otax struct {
	name         string
	base, amount *big.Rat
}

type oadvance struct {
	charge string
	from   int
	days   int64
	price  *big.Rat
}

// ounused is what is left of an allowance, in seconds where its unit is minutes.
type ounused struct {
	id     string
	period pricing.Date
	left   *big.Rat
}

// leftover is what the oracle carries from one period to the next.
type leftover struct {
	advances []oadvance
	unused   []ounused
	used     map[string]*big.Rat
}

// oline is a line of the oracle's own.
type oline struct {
	charge   string
	index    int // of the charge in the plan
	cat      pricing.Category
	kind     pricing.Kind
	unit     string
	quantity *big.Rat
	price    *big.Rat
	per      int64
	amount   *big.Rat
	taxCode  string
	item     string
	usage    bool // an allowance may take from it
}

func (l *oline) exact() *big.Rat {
	return quo(mul(l.quantity, l.price), whole(l.per))
}

func rat(d decimal.Decimal) *big.Rat { return d.Rat() }
func whole(n int64) *big.Rat         { return new(big.Rat).SetInt64(n) }
func add(a, b *big.Rat) *big.Rat     { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat     { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat     { return new(big.Rat).Mul(a, b) }
func quo(a, b *big.Rat) *big.Rat     { return new(big.Rat).Quo(a, b) }
func neg(a *big.Rat) *big.Rat        { return new(big.Rat).Neg(a) }
func percent(a *big.Rat) *big.Rat    { return quo(a, whole(100)) }
func less(a, b *big.Rat) bool        { return a.Cmp(b) < 0 }

func least(a, b *big.Rat) *big.Rat {
	if less(b, a) {
		return b
	}
	return a
}

// roundTo rounds at the places-th decimal. All modes are symmetric about zero.
func roundTo(x *big.Rat, places int32, mode pricing.Rounding) *big.Rat {
	unit := whole(1)
	for range places {
		unit.Mul(unit, whole(10))
	}
	scaled := mul(x, unit)
	n, rest := new(big.Int).QuoRem(new(big.Int).Abs(scaled.Num()), scaled.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom())
	var away bool
	switch mode {
	case pricing.Up:
		away = rest.Sign() > 0
	case pricing.Down:
	case pricing.HalfEven:
		away = half > 0 || half == 0 && n.Bit(0) == 1
	default:
		away = half >= 0
	}
	if away {
		n.Add(n, big.NewInt(1))
	}
	if scaled.Sign() < 0 {
		n.Neg(n)
	}
	return quo(new(big.Rat).SetInt(n), unit)
}

// ceilTo is the smallest multiple of step that is not below n.
func ceilTo(n, step int64) int64 { return (n + step - 1) / step * step }

// dayNumber counts days from 1 March 0000, by the calendar's rule alone.
func dayNumber(d pricing.Date) int {
	y, m := d.Year, int(d.Month)
	if m < 3 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d.Day - 1
}

func before(a, b pricing.Date) bool { return dayNumber(a) < dayNumber(b) }

// holds reports whether day is in [from, until), each open where zero.
func holds(day, from, until pricing.Date) bool {
	zero := pricing.Date{}
	return (from == zero || !before(day, from)) && (until == zero || before(day, until))
}

func (o *oracle) places() int32 {
	switch o.plan.Currency {
	case "JPY":
		return 0
	case "BHD":
		return 3
	}
	return 2
}

func (o *oracle) round(x *big.Rat) *big.Rat { return roundTo(x, o.places(), o.plan.Rounding) }

// period is the work on one period.
type period struct {
	*oracle
	out     *expected
	lines   []*oline
	pools   map[int][]*pool // by charge
	shares  map[int]*costShare
	numbers map[int]map[string]map[int]bool // days of each number, by flat charge
	next    map[int]map[string]int64        // days of the next period of each number held at the end, by flat charge
	rated   map[string]bool                 // numbers with a rated day
	allDays int64
}

type pool struct {
	account string
	kind    pricing.Kind // the first of the charge's kinds that was used
	unit    string       // "record" where the kinds that were used count different things
	sum     *big.Rat
	took    *big.Rat // by allowances
}

// costShare is what a percentage has counted.
type costShare struct {
	cost      *big.Rat
	priced    int64 // records by rate and fee
	low, high int64 // records at the minimum, at the maximum
	first     pricing.Kind
}

func (o *oracle) price(records []pricing.Record, carried leftover) *expected {
	p := &period{
		oracle:  o,
		out:     &expected{unrated: map[pricing.Kind]int64{}, used: map[string]*big.Rat{}},
		pools:   map[int][]*pool{},
		shares:  map[int]*costShare{},
		numbers: map[int]map[string]map[int]bool{},
		next:    map[int]map[string]int64{},
		rated:   map[string]bool{},
		allDays: int64(dayNumber(o.span.To) - dayNumber(o.span.From)),
	}
	for i := range records {
		p.record(&records[i])
	}
	p.documentOrder()
	p.allowances(carried)
	p.pooled()
	p.percentages()
	p.flats(carried)
	for _, l := range p.lines {
		l.amount = o.round(l.exact())
	}
	p.documentOrder()
	balances := p.limitsAndDiscounts()
	p.surcharges(balances)
	p.credits(carried)
	p.out.lines = p.lines
	p.total()
	return p.out
}

// documentOrder is by category, then by charge, kind and item.
func (p *period) documentOrder() {
	slices.SortStableFunc(p.lines, func(a, b *oline) int {
		if c := slices.Index(pricing.Categories, a.cat) - slices.Index(pricing.Categories, b.cat); c != 0 {
			return c
		}
		if c := a.index - b.index; c != 0 {
			return c
		}
		if c := slices.Index(pricing.Kinds, a.kind) - slices.Index(pricing.Kinds, b.kind); c != 0 {
			return c
		}
		return strings.Compare(a.item, b.item)
	})
}

func (p *period) localDay(t time.Time) pricing.Date {
	y, m, d := t.In(p.span.Location).Date()
	return pricing.Date{Year: y, Month: m, Day: d}
}

func charged(plan *pricing.Plan, rec *pricing.Record) bool {
	if list, ok := plan.Statuses[rec.Kind]; ok {
		return slices.Contains(list, rec.Status)
	}
	switch rec.Kind {
	case pricing.Number, pricing.Other:
		return true
	case pricing.Recording:
		return rec.Status == "completed" || rec.Status == "deleted"
	case pricing.Call, pricing.Transcription:
		return rec.Status == "completed"
	case pricing.WhatsApp:
		return rec.Status != "undelivered" && rec.Status != "failed"
	}
	return rec.Status != "failed"
}

func (p *period) record(rec *pricing.Record) {
	if !charged(p.plan, rec) {
		p.out.outcomes = append(p.out.outcomes, outcome{pricing.NotCharged, ""})
		return
	}
	day := p.localDay(rec.StartedAt)
	for i := range p.plan.Charges {
		// A set-up fee sees the days of numbers, but leaves them to other charges.
		c := &p.plan.Charges[i]
		if c.Flat != nil && c.Flat.Once && c.Flat.Per == pricing.FlatNumber && fits(&c.Match, rec) {
			p.see(i, rec.To, day)
		}
	}
	p.ahead(rec, day)
	for i := range p.plan.Charges {
		c := &p.plan.Charges[i]
		if !takes(c, rec, day) {
			continue
		}
		if !p.charge(i, c, rec, day) {
			p.out.outcomes = append(p.out.outcomes, outcome{pricing.NoRate, c.ID})
			p.out.unrated[rec.Kind]++
			return
		}
		if rec.Kind == pricing.Number {
			p.rated[rec.To] = true
		}
		p.out.outcomes = append(p.out.outcomes, outcome{pricing.Rated, c.ID})
		return
	}
	p.out.outcomes = append(p.out.outcomes, outcome{pricing.NoRate, ""})
	p.out.unrated[rec.Kind]++
}

// takes reports whether the charge prices the record on a day, if none before
// it does.
func takes(c *pricing.Charge, rec *pricing.Record, day pricing.Date) bool {
	if c.Flat != nil && (c.Flat.Per != pricing.FlatNumber || c.Flat.Once) {
		return false
	}
	return holds(day, c.From, c.Until) && fits(&c.Match, rec)
}

// ahead counts which charge will price the days of the next period of a number
// that is held on the last day of this one.
func (p *period) ahead(rec *pricing.Record, day pricing.Date) {
	if p.span.Next == nil || rec.Kind != pricing.Number || day.AddDays(1) != p.span.To {
		return
	}
	for d := p.span.Next.BilledFrom; before(d, p.span.Next.BilledTo); d = d.AddDays(1) {
		i := slices.IndexFunc(p.plan.Charges, func(c pricing.Charge) bool { return takes(&c, rec, d) })
		if i < 0 || p.plan.Charges[i].Flat == nil {
			continue
		}
		if p.next[i] == nil {
			p.next[i] = map[string]int64{}
		}
		p.next[i][rec.To]++
	}
}

func (p *period) see(charge int, number string, day pricing.Date) {
	if p.numbers[charge] == nil {
		p.numbers[charge] = map[string]map[int]bool{}
	}
	if p.numbers[charge][number] == nil {
		p.numbers[charge][number] = map[int]bool{}
	}
	p.numbers[charge][number][dayNumber(day)] = true
}

func listed[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func hasPrefix(prefixes []string, number string) bool {
	return len(prefixes) == 0 || number != "" && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(number, p) })
}

func fits(m *pricing.Match, rec *pricing.Record) bool {
	inbound := rec.Direction == "inbound" || rec.Direction == "trunking-originating"
	direction, far := pricing.Direction(""), rec.To
	switch {
	case inbound:
		direction, far = pricing.Inbound, rec.From
	case rec.Direction != "":
		direction = pricing.Outbound
	}
	channel := pricing.Channel("")
	switch {
	case rec.Kind == pricing.SMS || rec.Kind == pricing.MMS || rec.Kind == pricing.WhatsApp:
		channel = pricing.Channel(rec.Kind)
	case rec.Kind != pricing.Call:
	case phone(far) != "":
		channel = pricing.Voice
	case strings.HasPrefix(far, "client:"):
		channel = pricing.Client
	default:
		channel = pricing.SIP
	}
	return listed(m.Kind, rec.Kind) && listed(m.Direction, direction) && listed(m.Channel, channel) &&
		listed(m.Subaccount, rec.Account) && listed(m.Status, rec.Status) && listed(m.Category, rec.Category) &&
		hasPrefix(m.FromPrefix, phone(rec.From)) && hasPrefix(m.ToPrefix, phone(rec.To))
}

// phone is the digits of "+4930..." or "whatsapp:+4930...".
func phone(end string) string {
	number, ok := strings.CutPrefix(strings.TrimPrefix(end, "whatsapp:"), "+")
	if !ok {
		return ""
	}
	return number
}

func farPhone(rec *pricing.Record) string {
	if rec.Direction == "inbound" || rec.Direction == "trunking-originating" {
		return phone(rec.From)
	}
	return phone(rec.To)
}

// row is the row in force on the day with the longest prefix of the number.
func (p *period) row(deck, number string, day pricing.Date) *pricing.DeckRow {
	var best *pricing.DeckRow
	rows := p.decks[deck]
	for i := range rows {
		r := &rows[i]
		if number != "" && strings.HasPrefix(number, r.Prefix) && holds(day, r.From, r.To) && (best == nil || len(r.Prefix) > len(best.Prefix)) {
			best = r
		}
	}
	return best
}

// part is a record's share of a line.
type part struct {
	component string
	kind      pricing.Kind
	item      string
	quantity  *big.Rat
	unit      string
	price     decimal.Decimal
	per       int64
}

func (a part) exact() *big.Rat { return quo(mul(a.quantity, rat(a.price)), whole(a.per)) }

func recordUnit(k pricing.Kind) string {
	switch k {
	case pricing.SMS, pricing.MMS, pricing.WhatsApp:
		return "message"
	case pricing.Number:
		return "day"
	}
	return string(k)
}

// charge prices the record by the charge, if it has a price for it.
func (p *period) charge(i int, c *pricing.Charge, rec *pricing.Record, day pricing.Date) bool {
	var parts []part
	var ok bool
	switch {
	case c.PerMinute != nil:
		parts, ok = p.perMinute(c.PerMinute, rec, day)
	case c.PerUnit != nil && (c.PerUnit.Over != "" || c.PerUnit.Convert != nil || !c.PerUnit.FreeUnits.IsZero()):
		p.count(i, &c.PerUnit.Meter, rec)
		return true
	case c.PerUnit != nil:
		parts, ok = p.perUnit(c.PerUnit, rec, day)
	case c.Graduated != nil:
		p.count(i, &c.Graduated.Meter, rec)
		return true
	case c.Volume != nil:
		p.count(i, &c.Volume.Meter, rec)
		return true
	case c.Package != nil:
		p.count(i, &c.Package.Meter, rec)
		return true
	case c.Percentage != nil:
		parts, ok = p.percentage(i, c, rec, day)
	case c.CostPlus != nil:
		parts, ok = p.costPlus(c.CostPlus, rec, day)
	case c.Flat != nil:
		p.see(i, rec.To, day)
		return true
	}
	if !ok {
		return false
	}
	if rr := c.RoundRecords; rr != nil && len(parts) > 0 {
		sum := new(big.Rat)
		for _, a := range parts {
			sum.Add(sum, a.exact())
		}
		item := parts[0].item
		if c.PerMinute != nil && len(c.PerMinute.Slots) > 0 {
			item = "" // of all slots
		}
		parts = []part{{"record", parts[0].kind, item, roundTo(sum, int32(rr.Decimals), rr.Mode), p.plan.Currency, decimal.New(1, 0), 1}}
	}
	for _, a := range parts {
		p.addPart(i, c, a)
	}
	return true
}

func (p *period) addPart(i int, c *pricing.Charge, a part) {
	price := rat(a.price)
	item := a.component + "\x00" + a.item
	for _, l := range p.lines {
		if l.index == i && l.kind == a.kind && l.item == item && l.unit == a.unit && l.per == a.per && l.price.Cmp(price) == 0 {
			l.quantity.Add(l.quantity, a.quantity)
			return
		}
	}
	p.lines = append(p.lines, &oline{
		charge: c.ID, index: i, cat: a.kind.Category(), kind: a.kind, unit: a.unit, quantity: new(big.Rat).Set(a.quantity), price: price, per: a.per,
		taxCode: c.TaxCode, item: item, usage: strings.HasPrefix(a.component, "usage"),
	})
}

// bandAt is the index of the band that holds at an instant; -1 for none.
func (p *period) bandAt(m *pricing.PerMinute, at time.Time) int {
	local := at.In(p.span.Location)
	minute := local.Hour()*60 + local.Minute()
	y, mo, d := local.Date()
	holiday := slices.Contains(p.plan.Holidays, pricing.Date{Year: y, Month: mo, Day: d})
	weekday := pricing.Weekday(strings.ToLower(local.Weekday().String()))
	for i := range m.Times {
		b := &m.Times[i]
		switch {
		case b.Holidays && len(b.Days) == 0 && !holiday:
			continue
		case b.Holidays && len(b.Days) > 0 && !holiday && !slices.Contains(b.Days, weekday):
			continue
		case !b.Holidays && !listed(b.Days, weekday):
			continue
		}
		from, to := b.From.Minute, b.To.Minute
		switch {
		case b.From.IsZero() && b.To.IsZero():
			return i
		case from < to && minute >= from && minute < to:
			return i
		case from > to && (minute >= from || minute < to):
			return i
		}
	}
	return -1
}

// callRate is the rate of a charge in a band, -1 for its own.
func (p *period) callRate(m *pricing.PerMinute, band int, rec *pricing.Record, day pricing.Date) (rate decimal.Decimal, row *pricing.DeckRow, item string, ok bool) {
	deck, own, name := m.Deck, m.Rate, ""
	if band >= 0 {
		deck, own, name = m.Times[band].Deck, m.Times[band].Rate, "band "+m.Times[band].Name
	}
	if deck == "" {
		return *own, nil, name, true
	}
	row = p.row(deck, farPhone(rec), day)
	if row == nil {
		return rate, nil, "", false
	}
	return row.Rate, row, row.Destination + " " + name, true
}

func (p *period) perMinute(m *pricing.PerMinute, rec *pricing.Record, day pricing.Date) ([]part, bool) {
	seconds := rec.Quantity.IntPart()
	if len(m.Slots) > 0 {
		return p.slots(m, rec.Kind, seconds), true
	}
	band := -1
	if len(m.Times) > 0 {
		band = p.bandAt(m, rec.StartedAt)
	}
	rate, row, item, ok := p.callRate(m, band, rec, day)
	if !ok {
		return nil, false
	}
	initial, increment, connect, minimum := m.Initial, m.Increment, m.ConnectFee, m.MinimumCharge
	if row != nil {
		if row.Initial != nil {
			initial = *row.Initial
		}
		if row.Increment != nil {
			increment = *row.Increment
		}
		if row.ConnectFee != nil {
			connect = *row.ConnectFee
		}
		if row.Minimum != nil {
			minimum = *row.Minimum
		}
	}
	if m.MaximumCharge != nil && m.MaximumCharge.LessThan(minimum) {
		minimum = *m.MaximumCharge
	}
	if initial == 0 {
		initial = 60
	}
	if increment == 0 {
		increment = 60
	}
	usage := func(n int64, item string, rate decimal.Decimal) part {
		return part{"usage", rec.Kind, item, whole(n), "second", rate, 60}
	}
	if seconds <= 0 {
		return []part{usage(0, item, rate)}, true
	}
	left := max(max(seconds, m.MinimumSeconds)-m.FreeSeconds, 0)
	billed := left
	switch {
	case left == 0:
	case left <= initial:
		billed = initial
	default:
		billed = initial + ceilTo(left-initial, increment)
	}
	parts := []part{usage(billed, item, rate)}
	if m.AtBoundary == pricing.BoundarySplit && len(m.Times) > 0 && billed > 0 {
		in := map[int]int64{}
		// Bands begin and end on whole minutes, and so do changes of the clock.
		var order []int
		put := func(band int, n int64) {
			if !slices.Contains(order, band) {
				order = append(order, band)
			}
			in[band] += n
		}
		for at := m.FreeSeconds; at < seconds; {
			now := rec.StartedAt.Add(time.Duration(at) * time.Second)
			n := min(60-now.Unix()%60, seconds-at)
			put(p.bandAt(m, now), n)
			at += n
		}
		if rest := billed - max(seconds-m.FreeSeconds, 0); rest > 0 {
			put(p.bandAt(m, rec.StartedAt.Add(time.Duration(seconds-1)*time.Second)), rest)
		}
		parts = parts[:0]
		for _, b := range order {
			rate, _, item, ok := p.callRate(m, b, rec, day)
			if !ok {
				return nil, false
			}
			parts = append(parts, usage(in[b], item, rate))
		}
	}
	return bounded(parts, rec.Kind, item, connect, minimum, m.MaximumCharge), true
}

// bounded adds the connect fee and keeps the call within its minimum and maximum.
func bounded(parts []part, kind pricing.Kind, item string, connect, minimum decimal.Decimal, maximum *decimal.Decimal) []part {
	one := func(component string, price decimal.Decimal) part {
		return part{component, kind, item, whole(1), recordUnit(kind), price, 1}
	}
	if !connect.IsZero() {
		parts = append(parts, one("connect", connect))
	}
	sum := new(big.Rat)
	for _, a := range parts {
		sum.Add(sum, a.exact())
	}
	switch {
	case less(sum, rat(minimum)):
		return []part{one("minimum", minimum)}
	case maximum != nil && less(rat(*maximum), sum):
		return []part{one("maximum", *maximum)}
	}
	return parts
}

func (p *period) slots(m *pricing.PerMinute, kind pricing.Kind, seconds int64) []part {
	left := max(max(seconds, m.MinimumSeconds)-m.FreeSeconds, 0)
	var parts []part
	for i, s := range m.Slots {
		end := left + m.FreeSeconds // the slots go by the call's seconds, free ones among them
		if i+1 < len(m.Slots) {
			end = min(end, m.Slots[i+1].From)
		}
		n := end - max(m.FreeSeconds, s.From)
		if seconds <= 0 {
			n = 0
		}
		if n <= 0 && i > 0 {
			continue
		}
		increment, per := s.Increment, s.Per
		if increment == 0 {
			increment = 60
		}
		if per == 0 {
			per = 60
		}
		parts = append(parts, part{"usage", kind, "slot " + strconv.Itoa(i), whole(ceilTo(max(n, 0), increment)), "second", s.Rate, per})
	}
	if seconds <= 0 {
		return parts
	}
	return bounded(parts, kind, "", m.ConnectFee, m.MinimumCharge, m.MaximumCharge)
}

// metered is what a record counts, in which unit.
func metered(m *pricing.Meter, rec *pricing.Record) (*big.Rat, string) {
	switch m.Quantity {
	case pricing.QuantityMinutes:
		return whole((max(rec.Quantity.IntPart(), 0) + 59) / 60), "minute"
	case pricing.QuantityRecords:
		return whole(1), recordUnit(rec.Kind)
	}
	return rat(rec.Quantity), string(rec.Kind.Unit())
}

func (p *period) perUnit(m *pricing.PerUnit, rec *pricing.Record, day pricing.Date) ([]part, bool) {
	quantity, unit := metered(&m.Meter, rec)
	switch {
	case m.Per == pricing.PerMonth:
		return []part{{"month", rec.Kind, "", quantity, unit, *m.UnitPrice, p.allDays}}, true
	case m.Deck != "":
		row := p.row(m.Deck, farPhone(rec), day)
		if row == nil {
			return nil, false
		}
		return []part{{"usage", rec.Kind, row.Destination, quantity, unit, row.Rate, 1}}, true
	}
	return []part{{"usage", rec.Kind, "", quantity, unit, *m.UnitPrice, 1}}, true
}

func (p *period) count(i int, m *pricing.Meter, rec *pricing.Record) {
	account := ""
	if m.Over == pricing.OverSubaccount {
		account = rec.Account
	}
	quantity, unit := metered(m, rec)
	for _, b := range p.pools[i] {
		if b.account == account {
			b.sum.Add(b.sum, quantity)
			kinds := p.plan.Charges[i].Match.Kind
			if slices.Index(kinds, rec.Kind) < slices.Index(kinds, b.kind) {
				b.kind = rec.Kind
			}
			if b.unit != unit {
				b.unit = "record"
			}
			return
		}
	}
	p.pools[i] = append(p.pools[i], &pool{account, rec.Kind, unit, new(big.Rat).Set(quantity), new(big.Rat)})
	slices.SortFunc(p.pools[i], func(a, b *pool) int { return strings.Compare(a.account, b.account) })
}

// cost is what a record costs in the plan's currency.
func (p *period) cost(rec *pricing.Record, missing *decimal.Decimal, day pricing.Date) (*big.Rat, bool) {
	if !rec.Cost.Valid {
		if missing == nil {
			return nil, false
		}
		return rat(*missing), true
	}
	cost := rat(rec.Cost.Decimal)
	if rec.Currency == p.plan.Currency {
		return cost, true
	}
	var best *exchange
	for i := range p.rates {
		r := &p.rates[i]
		if r.from == rec.Currency && r.to == p.plan.Currency && !before(day, r.day) && (best == nil || before(best.day, r.day)) {
			best = r
		}
	}
	if best == nil {
		return nil, false
	}
	return mul(cost, rat(best.rate)), true
}

func (p *period) costPlus(m *pricing.CostPlus, rec *pricing.Record, day pricing.Date) ([]part, bool) {
	cost, ok := p.cost(rec, m.MissingCost, day)
	if !ok {
		return nil, false
	}
	multiplier := decimal.New(1, 0)
	if m.Multiplier != nil {
		multiplier = *m.Multiplier
	}
	parts := []part{{"usage", rec.Kind, "", cost, p.plan.Currency, multiplier, 1}}
	if !m.Add.IsZero() {
		parts = append(parts, part{"add", rec.Kind, "", rat(rec.Quantity), string(rec.Kind.Unit()), m.Add, 1})
	}
	minimum := decimal.Decimal{}
	if m.Minimum != nil {
		minimum = *m.Minimum
	}
	if m.Minimum == nil && m.Maximum == nil {
		return parts, true
	}
	if m.Minimum == nil {
		minimum = decimal.New(-1, 9)
	}
	return bounded(parts, rec.Kind, "", decimal.Decimal{}, minimum, m.Maximum), true
}

// percentage answers parts only where each record is rounded on its own;
// otherwise it counts the record for percentages.
func (p *period) percentage(i int, c *pricing.Charge, rec *pricing.Record, day pricing.Date) ([]part, bool) {
	m := c.Percentage
	cost, ok := p.cost(rec, m.MissingCost, day)
	if !ok {
		return nil, false
	}
	kind := c.Match.Kind[0]
	share := add(percent(mul(cost, rat(m.Rate))), rat(m.Fee))
	low := m.Minimum != nil && less(share, rat(*m.Minimum))
	high := !low && m.Maximum != nil && less(rat(*m.Maximum), share)
	if c.RoundRecords != nil {
		parts := []part{{"usage", kind, "", cost, p.plan.Currency, m.Rate, 100}}
		switch {
		case low:
			parts = []part{{"minimum", kind, "", whole(1), "", *m.Minimum, 1}}
		case high:
			parts = []part{{"maximum", kind, "", whole(1), "", *m.Maximum, 1}}
		case !m.Fee.IsZero():
			parts = append(parts, part{"fee", kind, "", whole(1), "", m.Fee, 1})
		}
		return parts, true
	}
	s := p.shares[i]
	if s == nil {
		s = &costShare{cost: new(big.Rat), first: rec.Kind}
		p.shares[i] = s
	}
	switch {
	case low:
		s.low++
	case high:
		s.high++
	default:
		s.cost.Add(s.cost, cost)
		s.priced++
	}
	return nil, true
}

func (p *period) emit(i int, kind pricing.Kind, quantity *big.Rat, unit string, price *big.Rat, per int64) *oline {
	c := &p.plan.Charges[i]
	l := &oline{charge: c.ID, index: i, cat: kind.Category(), kind: kind, unit: unit, quantity: quantity, price: price, per: per, taxCode: c.TaxCode, item: strconv.Itoa(len(p.lines))}
	p.lines = append(p.lines, l)
	return l
}

func (p *period) percentages() {
	for i := range p.plan.Charges {
		s, c := p.shares[i], &p.plan.Charges[i]
		if s == nil {
			continue
		}
		m, kind, currency := c.Percentage, c.Match.Kind[0], p.plan.Currency
		free := new(big.Rat)
		if s.cost.Sign() > 0 {
			free = least(rat(m.FreeAmount), s.cost)
		}
		p.emit(i, kind, free, currency, new(big.Rat), 100)
		left := sub(s.cost, free)
		if len(m.Tiers) == 0 {
			p.emit(i, kind, left, currency, rat(m.Rate), 100)
		}
		from := new(big.Rat)
		for _, t := range m.Tiers {
			in := sub(left, from)
			if t.UpTo != nil {
				in = sub(least(left, rat(*t.UpTo)), from)
				from = rat(*t.UpTo)
			}
			if in.Sign() <= 0 {
				break
			}
			p.emit(i, kind, in, currency, rat(t.Rate), 100)
			if !t.FlatFee.IsZero() {
				p.emit(i, kind, whole(1), "month", rat(t.FlatFee), 1)
			}
		}
		switch {
		case len(m.Tiers) == 0 || left.Sign() > 0:
		case left.Sign() < 0: // more refunds than costs: the first tier's share is given back
			p.emit(i, kind, left, currency, rat(m.Tiers[0].Rate), 100)
		default:
			p.emit(i, kind, new(big.Rat), currency, new(big.Rat), 100)
		}
		if !m.Fee.IsZero() {
			unpaid := min(m.FreeRecords, s.priced)
			p.emit(i, kind, whole(unpaid), recordUnit(kind), new(big.Rat), 1)
			p.emit(i, kind, whole(s.priced-unpaid), recordUnit(kind), rat(m.Fee), 1)
		}
		if s.low > 0 {
			p.emit(i, kind, whole(s.low), recordUnit(kind), rat(*m.Minimum), 1)
		}
		if s.high > 0 {
			p.emit(i, kind, whole(s.high), recordUnit(kind), rat(*m.Maximum), 1)
		}
	}
}

func (p *period) pooled() {
	for i := range p.plan.Charges {
		c := &p.plan.Charges[i]
		for _, b := range p.pools[i] {
			switch {
			case c.PerUnit != nil:
				p.pool(i, b, &c.PerUnit.Meter, func(units *big.Rat, unit string) {
					p.emit(i, b.kind, units, unit, rat(*c.PerUnit.UnitPrice), 1)
				})
			case c.Graduated != nil:
				p.pool(i, b, &c.Graduated.Meter, func(units *big.Rat, unit string) { p.graduated(i, b, &c.Graduated.Tiered, units, unit) })
			case c.Volume != nil:
				p.pool(i, b, &c.Volume.Meter, func(units *big.Rat, unit string) { p.volume(i, b, &c.Volume.Tiered, units, unit) })
			case c.Package != nil:
				p.pool(i, b, &c.Package.Meter, func(units *big.Rat, _ string) {
					if n := wholeBlocks(units, c.Package.Size, c.Package.Round); n.Sign() > 0 {
						p.emit(i, b.kind, n, "block", rat(c.Package.Price), 1)
					}
				})
			}
		}
	}
}

// pool prices the sum of one bucket: what an allowance took, what is free, and
// the rest by split.
func (p *period) pool(i int, b *pool, m *pricing.Meter, split func(units *big.Rat, unit string)) {
	unit := b.unit
	if b.took.Sign() > 0 {
		p.emit(i, b.kind, b.took, unit, new(big.Rat), 1)
	}
	units := sub(b.sum, b.took)
	if v := m.Convert; v != nil {
		mode := v.Round
		if mode == "" {
			mode = pricing.Up
		}
		units = roundTo(quo(units, whole(v.Divide)), 0, mode)
		unit = strconv.FormatInt(v.Divide, 10) + " " + unit + "s"
	}
	free := least(rat(m.FreeUnits), units)
	if free.Sign() > 0 {
		p.emit(i, b.kind, free, unit, new(big.Rat), 1)
	}
	at := len(p.lines)
	if units = sub(units, free); units.Sign() > 0 {
		split(units, unit)
	}
	if len(p.lines) == at && free.Sign() == 0 && b.took.Sign() == 0 {
		p.emit(i, b.kind, units, unit, new(big.Rat), 1)
	}
}

// wholeBlocks is how many blocks are billed for so many units.
func wholeBlocks(units *big.Rat, size int64, mode pricing.Rounding) *big.Rat {
	if mode == "" {
		mode = pricing.Up
	}
	return roundTo(quo(units, whole(size)), 0, mode)
}

func (p *period) graduated(i int, b *pool, m *pricing.Tiered, units *big.Rat, unit string) {
	from := new(big.Rat)
	for k := range m.Tiers {
		t := &m.Tiers[k]
		in := sub(units, from)
		if t.UpTo != nil {
			in = sub(least(units, rat(*t.UpTo)), from)
			from = rat(*t.UpTo)
		}
		if in.Sign() <= 0 {
			return
		}
		p.tier(i, b, m, t, in, unit)
	}
}

func (p *period) volume(i int, b *pool, m *pricing.Tiered, units *big.Rat, unit string) {
	for k := range m.Tiers {
		if t := &m.Tiers[k]; t.UpTo == nil || !less(rat(*t.UpTo), units) {
			p.tier(i, b, m, t, units, unit)
			return
		}
	}
}

func (p *period) tier(i int, b *pool, m *pricing.Tiered, t *pricing.Tier, in *big.Rat, unit string) {
	if m.Block > 1 {
		in, unit = wholeBlocks(in, m.Block, m.Round), "block"
	}
	switch {
	case t.Cap != nil && less(rat(*t.Cap), mul(in, rat(t.UnitPrice))):
		p.emit(i, b.kind, whole(1), "month", rat(*t.Cap), 1)
	default:
		p.emit(i, b.kind, in, unit, rat(t.UnitPrice), 1)
	}
	if !t.FlatFee.IsZero() {
		p.emit(i, b.kind, whole(1), "month", rat(t.FlatFee), 1)
	}
}

// monthsBetween counts the months from a to b, both the first of one.
func monthsBetween(a, b pricing.Date) int {
	return (b.Year-a.Year)*12 + int(b.Month) - int(a.Month)
}

// allowances take from the lines and pools of their charges. Minutes are
// counted in seconds here.
func (p *period) allowances(carried leftover) {
	billed := int64(dayNumber(p.span.BilledTo) - dayNumber(p.span.BilledFrom))
	for k := range p.plan.Allowances {
		a := &p.plan.Allowances[k]
		scale := whole(1)
		if a.Unit == pricing.Minute {
			scale = whole(60)
		}
		grant := mul(rat(a.Quantity), scale)
		if a.Prorate != pricing.ProrateNone && billed < p.allDays {
			grant = roundTo(quo(mul(grant, whole(billed)), whole(p.allDays)), 0, pricing.Up)
		}
		var grants []ounused
		for _, u := range carried.unused {
			if u.id == a.ID && monthsBetween(u.period, p.span.From) <= a.Rollover {
				grants = append(grants, ounused{u.id, u.period, new(big.Rat).Set(u.left)})
			}
		}
		slices.SortStableFunc(grants, func(x, y ounused) int { return dayNumber(x.period) - dayNumber(y.period) })
		grants = append(grants, ounused{a.ID, p.span.From, grant})
		left := new(big.Rat)
		for _, g := range grants {
			left.Add(left, g.left)
		}
		had := new(big.Rat).Set(left)
		for _, id := range a.Charges {
			i := slices.IndexFunc(p.plan.Charges, func(c pricing.Charge) bool { return c.ID == id })
			p.includeInPools(i, left)
			p.includeInLines(i, left)
		}
		took := sub(had, left)
		for _, g := range grants {
			n := least(took, g.left)
			took = sub(took, n)
			g.left = sub(g.left, n)
			if g.left.Sign() > 0 && monthsBetween(g.period, p.span.From)+1 <= a.Rollover {
				p.out.unused = append(p.out.unused, g)
			}
		}
	}
}

// inSeconds is how many seconds a unit is where it is minutes, else 1.
func inSeconds(unit string) *big.Rat {
	if unit == "minute" {
		return whole(60)
	}
	return whole(1)
}

func (p *period) includeInPools(i int, left *big.Rat) {
	for _, b := range p.pools[i] {
		n := least(sub(b.sum, b.took), quo(left, inSeconds(b.unit)))
		if b.unit == "minute" { // whole ones
			n = new(big.Rat).SetInt(new(big.Int).Quo(n.Num(), n.Denom()))
		}
		b.took.Add(b.took, n)
		left.Sub(left, mul(n, inSeconds(b.unit)))
	}
}

func (p *period) includeInLines(i int, left *big.Rat) {
	var of []*oline
	for _, l := range p.lines {
		if l.index == i && l.usage && l.quantity.Sign() > 0 {
			of = append(of, l)
		}
	}
	slices.SortStableFunc(of, func(a, b *oline) int {
		return quo(b.price, whole(b.per)).Cmp(quo(a.price, whole(a.per)))
	})
	for _, l := range of {
		n := least(l.quantity, quo(left, inSeconds(l.unit)))
		if l.unit == "minute" {
			n = new(big.Rat).SetInt(new(big.Int).Quo(n.Num(), n.Denom()))
		}
		if n.Sign() == 0 {
			return
		}
		left.Sub(left, mul(n, inSeconds(l.unit)))
		l.quantity = sub(l.quantity, n)
		p.emit(i, l.kind, n, l.unit, new(big.Rat), l.per)
	}
}

// inForce counts the billed days of a span on which the charge is in force.
func inForce(c *pricing.Charge, s *pricing.Span) int64 {
	from, to := dayNumber(s.BilledFrom), dayNumber(s.BilledTo)
	if !c.From.IsZero() {
		from = max(from, dayNumber(c.From))
	}
	if !c.Until.IsZero() {
		to = min(to, dayNumber(c.Until))
	}
	return int64(max(to-from, 0))
}

// held counts the days in force of each subaccount that has any.
func held(c *pricing.Charge, s *pricing.Span) map[string]int64 {
	out := map[string]int64{}
	for d := dayNumber(s.BilledFrom); d < dayNumber(s.BilledTo); d++ {
		if !c.From.IsZero() && d < dayNumber(c.From) || !c.Until.IsZero() && d >= dayNumber(c.Until) {
			continue
		}
		seen := map[string]bool{}
		for _, h := range s.Subaccounts {
			if !seen[h.SID] && (h.From.IsZero() || d >= dayNumber(h.From)) && d < dayNumber(h.To) {
				seen[h.SID] = true
				out[h.SID]++
			}
		}
	}
	return out
}

func (p *period) flats(carried leftover) {
	for i := range p.plan.Charges {
		c := &p.plan.Charges[i]
		switch {
		case c.Flat == nil:
		case c.Flat.Once:
			p.once(i, c)
		case c.Flat.InAdvance:
			p.inAdvance(i, c, carried)
		default:
			p.due(i, c)
		}
	}
}

// dueDays are the days that a flat fee is due for in a span, the things it is
// for, and whether all of them have all days.
func (p *period) dueDays(i int, c *pricing.Charge, s *pricing.Span) (days, things int64, whole bool) {
	all := int64(dayNumber(s.To) - dayNumber(s.From))
	each := map[string]int64{}
	switch c.Flat.Per {
	case pricing.FlatSubaccount:
		each = held(c, s)
	case pricing.FlatNumber:
		for number, on := range p.numbers[i] {
			each[number] = int64(len(on))
		}
	default:
		if n := inForce(c, s); n > 0 {
			each[""] = n
		}
	}
	whole = true
	for _, n := range each {
		days += n
		whole = whole && n == all
	}
	if c.Flat.Prorate == pricing.ProrateNone {
		return all * int64(len(each)), int64(len(each)), true
	}
	return days, int64(len(each)), whole
}

func (p *period) due(i int, c *pricing.Charge) {
	days, things, all := p.dueDays(i, c, &p.span)
	unit, kind := "month", pricing.Kind("")
	switch c.Flat.Per {
	case pricing.FlatSubaccount:
		unit = "subaccount"
	case pricing.FlatNumber:
		unit, kind = "number", pricing.Number
	}
	switch {
	case things == 0:
	case all:
		p.emit(i, kind, whole(things), unit, rat(c.Flat.Amount), 1)
	default:
		p.emit(i, kind, whole(days), "day", rat(c.Flat.Amount), p.allDays)
	}
}

func (p *period) once(i int, c *pricing.Charge) {
	began, billed := p.span.Began, p.span.BilledFrom
	first := dayNumber(billed)
	var n int64
	unit := "once"
	switch c.Flat.Per {
	case pricing.FlatSubaccount:
		unit = "subaccount"
		begins := map[string]pricing.Date{}
		for _, h := range p.span.Subaccounts {
			// No date is before every day: it always was the tenant's.
			if b, ok := begins[h.SID]; !ok || before(h.From, b) {
				begins[h.SID] = h.From
			}
		}
		for _, d := range begins {
			if holds(d, billed, p.span.BilledTo) && holds(d, c.From, c.Until) {
				n++
			}
		}
	case pricing.FlatNumber:
		unit = "number"
		for number, on := range p.numbers[i] {
			d := p.allDays + int64(dayNumber(p.span.From))
			for day := range on {
				d = min(d, int64(day))
			}
			if !c.From.IsZero() && d < int64(dayNumber(c.From)) || !c.Until.IsZero() && d >= int64(dayNumber(c.Until)) {
				continue
			}
			if d > int64(first) || !p.span.NumbersBefore[number] && (p.span.NumbersBefore != nil || began == billed) {
				n++
			}
		}
	default:
		if !began.IsZero() && holds(began, p.span.From, p.span.To) && holds(began, c.From, c.Until) {
			n = 1
		}
	}
	if n > 0 {
		p.emit(i, "", whole(n), unit, rat(c.Flat.Amount), 1)
	}
}

func (p *period) inAdvance(i int, c *pricing.Charge, carried leftover) {
	due, _, _ := p.dueDays(i, c, &p.span)
	price := rat(c.Flat.Amount)
	for _, a := range carried.advances {
		if a.charge == c.ID && a.from >= dayNumber(p.span.From) && a.from < dayNumber(p.span.To) {
			if a.price.Cmp(price) == 0 {
				due -= a.days
				continue
			}
			p.emit(i, "", whole(-a.days), "day", a.price, p.allDays)
		}
	}
	if due != 0 {
		p.emit(i, "", whole(due), "day", price, p.allDays)
	}
	next := p.span.Next
	if next == nil {
		return
	}
	all := int64(dayNumber(next.To) - dayNumber(next.From))
	var days int64
	if c.Flat.Per == pricing.FlatNumber {
		for _, n := range p.next[i] {
			if c.Flat.Prorate == pricing.ProrateNone {
				n = all
			}
			days += n
		}
	} else {
		days, _, _ = p.dueDays(i, c, next)
	}
	if days > 0 {
		p.emit(i, "", whole(days), "day", price, all)
		p.out.advances = append(p.out.advances, oadvance{c.ID, dayNumber(next.BilledFrom), days, price})
	}
}

// balance is what discounts have left of a charge.
type balance struct {
	charge, taxCode string
	left            *big.Rat
}

func (p *period) adjustment(charge, taxCode string, quantity *big.Rat, unit string, price *big.Rat, per int64) *big.Rat {
	l := &oline{charge: charge, index: 1 << 20, cat: pricing.Adjustments, unit: unit, quantity: quantity, price: price, per: per, taxCode: taxCode}
	l.amount = p.round(l.exact())
	p.lines = append(p.lines, l)
	return l.amount
}

func (p *period) limit(l *pricing.Limits, charge, taxCode string, days int64, of func(*oline) bool) {
	if days == 0 {
		return
	}
	sum := new(big.Rat)
	for _, line := range p.lines {
		if of(line) {
			sum.Add(sum, line.amount)
		}
	}
	if l.Minimum != nil {
		minimum := rat(*l.Minimum)
		if l.MinimumProrate != pricing.ProrateNone {
			minimum = p.round(quo(mul(minimum, whole(days)), whole(p.allDays)))
		}
		switch over := sub(sum, minimum); {
		case over.Sign() < 0:
			sum.Add(sum, p.adjustment(charge, taxCode, whole(1), "month", neg(over), 1))
		case over.Sign() > 0 && l.OverageFactor != nil:
			sum.Add(sum, p.adjustment(charge, taxCode, over, p.plan.Currency, sub(rat(*l.OverageFactor), whole(1)), 1))
		}
	}
	if l.Maximum != nil && less(rat(*l.Maximum), sum) {
		p.adjustment(charge, taxCode, whole(1), "month", sub(rat(*l.Maximum), sum), 1)
	}
}

func (p *period) limitsAndDiscounts() []*balance {
	for i := range p.plan.Charges {
		c := &p.plan.Charges[i]
		p.limit(&c.Limits, c.ID, c.TaxCode, inForce(c, &p.span), func(l *oline) bool { return l.charge == c.ID })
	}
	var balances []*balance
	for _, l := range p.lines {
		at := slices.IndexFunc(balances, func(b *balance) bool { return b.charge == l.charge })
		if at < 0 {
			at = len(balances)
			balances = append(balances, &balance{l.charge, l.taxCode, new(big.Rat)})
		}
		balances[at].left.Add(balances[at].left, l.amount)
	}
	for k := range p.plan.Discounts {
		if d := &p.plan.Discounts[k]; holds(p.span.From, d.From, d.Until) {
			p.discount(d, balances)
		}
	}
	days := int64(dayNumber(p.span.BilledTo) - dayNumber(p.span.BilledFrom))
	p.limit(&p.plan.Limits, "", "", days, func(*oline) bool { return true })
	return balances
}

// slice is what one line of a discount or a credit comes off.
type slice struct {
	charge, taxCode string
	base            *big.Rat
	of              []*balance
}

func (p *period) discount(d *pricing.Discount, balances []*balance) {
	if slices.ContainsFunc(balances, func(b *balance) bool { return b.left.Sign() < 0 }) {
		p.out.vague = true
	}
	var parts []*slice
	if len(d.Charges) > 0 {
		for _, b := range balances {
			if slices.Contains(d.Charges, b.charge) && b.left.Sign() > 0 {
				parts = append(parts, &slice{b.charge, b.taxCode, new(big.Rat).Set(b.left), []*balance{b}})
			}
		}
	} else {
		parts = p.byTaxCode(balances)
	}
	bases := make([]*big.Rat, len(parts))
	for i, s := range parts {
		bases[i] = s.base
	}
	var amount *big.Rat
	if d.Percent != nil {
		sum := new(big.Rat)
		for _, base := range bases {
			sum.Add(sum, base)
		}
		amount = roundTo(quo(mul(sum, rat(*d.Percent)), whole(100)), p.places(), p.plan.Rounding)
	} else {
		amount = rat(*d.Amount)
	}
	for i, off := range p.share(amount, bases) {
		if d.Percent != nil && roundTo(quo(mul(bases[i], rat(*d.Percent)), whole(100)), p.places(), p.plan.Rounding).Cmp(off) == 0 {
			p.adjustment(parts[i].charge, parts[i].taxCode, bases[i], p.plan.Currency, neg(rat(*d.Percent)), 100)
		} else {
			p.adjustment(parts[i].charge, parts[i].taxCode, whole(1), "month", neg(off), 1)
		}
		p.take(parts[i], off)
	}
}

func (p *period) byTaxCode(balances []*balance) (out []*slice) {
	for _, b := range balances {
		at := slices.IndexFunc(out, func(s *slice) bool { return s.taxCode == b.taxCode })
		if at < 0 {
			at = len(out)
			out = append(out, &slice{"", b.taxCode, new(big.Rat), nil})
		}
		out[at].base.Add(out[at].base, b.left)
		out[at].of = append(out[at].of, b)
	}
	if slices.ContainsFunc(out, func(s *slice) bool { return s.base.Sign() < 0 }) {
		p.out.vague = true
	}
	return slices.DeleteFunc(out, func(s *slice) bool { return s.base.Sign() <= 0 })
}

// take takes an amount off the balances of a slice, in proportion.
func (p *period) take(s *slice, off *big.Rat) {
	var of []*balance
	var bases []*big.Rat
	for _, b := range s.of {
		if b.left.Sign() > 0 {
			of, bases = append(of, b), append(bases, b.left)
		}
	}
	for i, n := range p.share(off, bases) {
		of[i].left = sub(of[i].left, n)
	}
}

// share splits as much of the amount as the bases hold, in whole minor units by
// the largest remainders.
func (p *period) share(amount *big.Rat, bases []*big.Rat) []*big.Rat {
	minor := whole(1)
	for range p.places() {
		minor = quo(minor, whole(10))
	}
	total := new(big.Rat)
	for _, b := range bases {
		total.Add(total, b)
	}
	if total.Sign() <= 0 {
		return nil
	}
	amount = least(amount, total)
	out, rests := make([]*big.Rat, len(bases)), make([]*big.Rat, len(bases))
	left := new(big.Rat).Set(amount)
	order := make([]int, len(bases))
	for i, b := range bases {
		exact := quo(mul(amount, b), total)
		out[i] = roundTo(exact, p.places(), pricing.Down)
		rests[i] = sub(exact, out[i])
		left.Sub(left, out[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	for _, i := range order {
		if left.Sign() <= 0 {
			break
		}
		out[i] = add(out[i], minor)
		left.Sub(left, minor)
	}
	return out
}

func (p *period) surcharges(balances []*balance) {
	before := p.lines
	for k := range p.plan.Surcharges {
		s := &p.plan.Surcharges[k]
		if !holds(p.span.From, s.From, s.Until) {
			continue
		}
		put := func(quantity, price *big.Rat, per int64) {
			if quantity.Sign() <= 0 {
				return
			}
			l := &oline{cat: pricing.Surcharges, quantity: quantity, price: price, per: per, taxCode: s.TaxCode}
			l.amount = p.round(l.exact())
			p.lines = append(p.lines, l)
		}
		if s.Percent != nil {
			base := new(big.Rat)
			if len(s.Charges) > 0 {
				for _, b := range balances {
					if slices.Contains(s.Charges, b.charge) {
						base.Add(base, b.left)
					}
				}
			} else {
				for _, l := range before {
					base.Add(base, l.amount)
				}
			}
			put(base, rat(*s.Percent), 100)
			continue
		}
		n := 1
		switch s.Per {
		case pricing.SurchargeSubaccount:
			n = len(held(&pricing.Charge{}, &p.span))
		case pricing.SurchargeNumber:
			n = len(p.rated)
		case pricing.SurchargeLine:
			n = 0
			for _, l := range before {
				if listed(s.Charges, l.charge) && l.cat != pricing.Adjustments && l.amount.Sign() != 0 {
					n++
				}
			}
		}
		put(whole(int64(n)), rat(*s.Amount), 1)
	}
}

func (p *period) credits(carried leftover) {
	for k := range p.plan.Credits {
		c := &p.plan.Credits[k]
		used := new(big.Rat)
		if u := carried.used[c.ID]; u != nil {
			used.Set(u)
		}
		if holds(p.span.From, c.From, c.Until) {
			var balances []*balance
			for _, l := range p.lines {
				balances = append(balances, &balance{"", l.taxCode, l.amount})
			}
			of := p.byTaxCode(balances)
			bases := make([]*big.Rat, len(of))
			for i, s := range of {
				bases[i] = s.base
			}
			if left := sub(rat(c.Amount), used); left.Sign() > 0 {
				for i, off := range p.share(left, bases) {
					used.Add(used, off)
					p.lines = append(p.lines, &oline{cat: pricing.CreditsUsed, quantity: whole(1), price: neg(off), per: 1, amount: neg(off), taxCode: of[i].taxCode})
				}
			}
		}
		if used.Sign() > 0 {
			p.out.used[c.ID] = used
		}
	}
}

func applies(t *pricing.TaxRate, code string) bool {
	if len(t.Codes) == 0 {
		return code != pricing.Untaxed
	}
	return slices.Contains(t.Codes, code)
}

// taxed is what taxes are rounded on: the lines of one tax code or, where taxes
// are rounded per line, one line.
type taxed struct {
	code  string
	gross *big.Rat
	net   *big.Rat   // without the inclusive taxes, exact
	coefs []*big.Rat // share of net that is an inclusive tax; nil where it is none
}

func (p *period) total() {
	perLine := p.plan.TaxRounding == pricing.TaxPerLine
	var groups []*taxed
	p.out.net, p.out.total = new(big.Rat), new(big.Rat)
	for _, l := range p.lines {
		p.out.net.Add(p.out.net, l.amount)
		at := slices.IndexFunc(groups, func(g *taxed) bool { return g.code == l.taxCode })
		if at < 0 || perLine {
			at = len(groups)
			groups = append(groups, &taxed{code: l.taxCode, gross: new(big.Rat)})
		}
		groups[at].gross.Add(groups[at].gross, l.amount)
	}
	p.out.total.Set(p.out.net)
	for _, g := range groups {
		g.coefs = make([]*big.Rat, len(p.taxes))
		all := new(big.Rat)
		for i := range p.taxes {
			t := &p.taxes[i]
			if !t.Inclusive || !applies(t, g.code) {
				continue
			}
			g.coefs[i] = percent(rat(t.Rate))
			if t.Compound {
				g.coefs[i] = mul(g.coefs[i], add(whole(1), all))
			}
			all = add(all, g.coefs[i])
		}
		g.net = quo(g.gross, add(whole(1), all))
	}
	for i := range p.taxes {
		t := &p.taxes[i]
		var of []*taxed
		for _, g := range groups {
			if applies(t, g.code) {
				of = append(of, g)
			}
		}
		if len(of) == 0 {
			continue
		}
		together := [][]*taxed{of}
		if perLine {
			together = nil
			for _, g := range of {
				together = append(together, []*taxed{g})
			}
		}
		tax := otax{t.Name, new(big.Rat), new(big.Rat)}
		for _, groups := range together {
			base, amount := p.tax(i, groups)
			tax.base.Add(tax.base, base)
			tax.amount.Add(tax.amount, amount)
		}
		if t.Inclusive {
			p.out.net.Sub(p.out.net, tax.amount)
		} else {
			p.out.total.Add(p.out.total, tax.amount)
		}
		p.out.taxes = append(p.out.taxes, tax)
	}
}

// tax is the i-th tax on those of the groups that it is on, rounded once. Its
// base is made of rounded amounts, so that what is printed adds up.
func (p *period) tax(i int, groups []*taxed) (base, amount *big.Rat) {
	t := &p.taxes[i]
	var on []*taxed
	base = new(big.Rat)
	for _, g := range groups {
		if applies(t, g.code) {
			on = append(on, g)
			base.Add(base, g.gross)
		}
	}
	for j := range p.taxes {
		before := t.Compound && j < i
		switch {
		case p.taxes[j].Inclusive && !before:
			base.Sub(base, p.contained(j, on))
		case !p.taxes[j].Inclusive && before && !t.Inclusive:
			_, amount := p.tax(j, on)
			base.Add(base, amount)
		}
	}
	if t.Inclusive {
		return base, p.contained(i, on)
	}
	return base, p.round(percent(mul(base, rat(t.Rate))))
}

// contained is the i-th tax, an inclusive one, in the groups that it is on.
func (p *period) contained(i int, groups []*taxed) *big.Rat {
	sum := new(big.Rat)
	for _, g := range groups {
		if g.coefs[i] != nil {
			sum.Add(sum, mul(g.net, g.coefs[i]))
		}
	}
	return p.round(sum)
}

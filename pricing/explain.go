package pricing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Step is one step of how an amount came about.
type Step struct {
	What string `json:"what"` // such as "charge", "prefix", "billed", "rounded"
	Text string `json:"text"`
}

// trail collects steps.
type trail []Step

func (s *trail) add(what, format string, args ...any) {
	*s = append(*s, Step{what, fmt.Sprintf(format, args...)})
}

// Explain tells step by step how a record is priced, and why so: which charges
// do not fit it, which one does, and what that one makes of it. It counts the
// record towards no line.
func (r *Rater) Explain(rec *Record) []Step {
	var out trail
	day := r.dayOf(rec.StartedAt)
	out.add("record", "%s of %s %ss with status %q, on %s in %s", rec.Kind, rec.Quantity, rec.Kind.Unit(), rec.Status, day, r.span.Location)
	if !r.plan.Charged(rec.Kind, rec.Status) {
		out.add("not charged", "tenants do not pay for a %s with status %q", rec.Kind, rec.Status)
		return out
	}
	for _, c := range r.charges {
		if !c.pricesRecords() {
			continue
		}
		if !c.inForce(day) {
			out.add("passed over", "%s: in force %s", c.ID, daysText(c.From, c.Until))
			continue
		}
		if why := c.Match.misfit(rec); why != "" {
			out.add("passed over", "%s: %s", c.ID, why)
			continue
		}
		out.add("charge", "%s (%s): the first in force that fits", c.ID, c.models()[0].key)
		var parts []Part
		if reason := r.price(c, rec, day, &parts); reason != "" {
			out.add("unrated", "%s", reason)
			return out
		}
		r.explainModel(&out, c, rec, day, parts)
		for _, p := range parts {
			r.explainPart(&out, c, p)
		}
		if c.RoundRecords != nil {
			sum, per := amountOf(parts)
			p := r.roundRecord(c, parts)[0]
			out.add("rounded", "the record's %s to %d decimals, %s: %s", fraction(sum, per), c.RoundRecords.Decimals, orHalfUp(c.RoundRecords.Mode), p.Quantity)
		}
		return out
	}
	out.add("unrated", "no charge fits")
	return out
}

// explainModel tells how the charge's model came to the record's parts.
func (r *Rater) explainModel(out *trail, c *chargeState, rec *Record, day Date, parts []Part) {
	switch {
	case c.PerMinute != nil:
		r.explainPerMinute(out, c, rec, day)
	case c.PerUnit != nil && c.deck != nil:
		row, _ := deckRow(c.deck, rec, day)
		out.row(c.deck, row, rec, day)
	case c.Percentage != nil:
		r.explainCost(out, rec, day, c.Percentage.MissingCost)
	case c.CostPlus != nil:
		r.explainCost(out, rec, day, c.CostPlus.MissingCost)
	}
	for _, p := range parts {
		if p.bucket != nil {
			continue
		}
		switch p.line.key.component {
		case minimumPart:
			out.add("minimum", "the record comes to %s, less than its minimum of %s", fraction(p.instead[0], p.instead[1]), p.line.UnitPrice)
		case maximumPart:
			out.add("maximum", "the record comes to %s, more than its maximum of %s", fraction(p.instead[0], p.instead[1]), p.line.UnitPrice)
		}
	}
}

func (r *Rater) explainPerMinute(out *trail, c *chargeState, rec *Record, day Date) {
	m := c.PerMinute
	band := r.bandAt(m, rec.StartedAt)
	if len(m.Times) > 0 {
		out.add("band", "%s at %s", m.bandName(band), rec.StartedAt.In(r.span.Location).Format("Monday 2006-01-02 15:04:05"))
	}
	deck := c.deck
	if band != noBand {
		deck = c.bandDecks[band]
	}
	row, _ := deckRow(deck, rec, day)
	out.row(deck, row, rec, day)
	if rec.Quantity.Sign() <= 0 {
		out.add("billed", "connected for less than a second: 0 s, and no connect fee")
		return
	}
	seconds := rec.Quantity
	if least := decimal.NewFromInt(m.MinimumSeconds); seconds.LessThan(least) {
		out.add("minimum duration", "%s s count as %s s", seconds, least)
		seconds = least
	}
	if m.FreeSeconds > 0 {
		left := decimal.Max(seconds.Sub(decimal.NewFromInt(m.FreeSeconds)), decimal.Zero)
		out.add("free", "the first %d s are free: %s s are left of %s s", m.FreeSeconds, left, seconds)
		seconds = left
	}
	p := r.callRates(c, band, row, rec.Kind)
	free := decimal.NewFromInt(m.FreeSeconds)
	for i := range p.slots {
		s := &p.slots[i]
		in := s.in(seconds, free)
		if i > 0 && in.IsZero() {
			continue
		}
		slot := ""
		if len(p.slots) > 1 {
			slot = fmt.Sprintf(" from second %d", s.from)
		}
		out.add("billed", "%s s%s by %d/%d: %s s", in, slot, s.initial, s.increment, billedSeconds(in, s.initial, s.increment))
	}
	if m.AtBoundary == BoundarySplit {
		billed := billedSeconds(seconds, p.slots[0].initial, p.slots[0].increment)
		for _, s := range r.stretches(m, rec.StartedAt, rec.Quantity, free, billed) {
			deck := c.deck
			if s.band != noBand {
				deck = c.bandDecks[s.band]
			}
			row, _ := deckRow(deck, rec, day)
			out.add("split", "%s s %s", s.seconds, m.bandName(s.band))
			out.row(deck, row, rec, day)
		}
	}
	if p.connects != nil {
		out.add("connect fee", "%s, since the call was connected", p.connectFee)
	}
}

// bandName says which band of time it is.
func (m *PerMinute) bandName(band int) string {
	if band == noBand {
		return "in no band: the charge's own price"
	}
	return fmt.Sprintf("in the band %q", m.Times[band].Name)
}

// row tells which row of a rate deck was found; nothing where there is no deck.
func (s *trail) row(deck *Deck, row *DeckRow, rec *Record, day Date) {
	if deck == nil {
		return
	}
	s.add("prefix", "%s of +%s is the longest prefix in deck %q in force on %s: %s at %s", row.Prefix, digits(rec.FarEnd()), deck.Name, day, row.Destination, row.Rate)
}

func (r *Rater) explainCost(out *trail, rec *Record, day Date, missing *decimal.Decimal) {
	cost, _ := r.knownCost(rec, day, missing)
	switch {
	case !rec.Cost.Valid:
		out.add("cost", "twilio has put no price on it: taken to cost %s %s", cost, r.plan.Currency)
	case rec.Currency != r.plan.Currency:
		rate, _ := r.tables.Rates.Lookup(rec.Currency, r.plan.Currency, day)
		out.add("cost", "%s %s x %s, the exchange rate since %s, = %s %s", rec.Cost.Decimal, rec.Currency, rate.Rate, rate.Day, cost, r.plan.Currency)
	default:
		out.add("cost", "%s %s", cost, rec.Currency)
	}
}

// explainPart tells on which line a part goes, or to which sum.
func (r *Rater) explainPart(out *trail, c *chargeState, p Part) {
	if b := p.bucket; b != nil {
		of := "of all the tenant's subaccounts"
		if b.account != "" {
			of = "of subaccount " + b.account
		}
		out.add("counts", "%s %s towards the period's sum %s, which is priced as a whole", p.Quantity, p.Unit(), of)
		return
	}
	l := &p.line.Line
	out.add("line", "%s: %s", l.title(), formula(p.Quantity, l))
	if p.line.free.Sign() > 0 {
		out.add("free", "the line's first %s %s are free", p.line.free, l.Unit)
	}
	for _, a := range r.plan.Allowances {
		if slices.Contains(a.Charges, c.ID) && p.line.key.component == usagePart {
			out.add("allowance", "%s may include it: that is known when the period's usage is", a.Description)
		}
	}
}

// ExplainLine tells step by step how a line of Lines came to its amount.
func (r *Rater) ExplainLine(l *Line) []Step {
	var out trail
	out.add("line", "%s", l.title())
	i := slices.IndexFunc(r.charges, func(c *chargeState) bool { return c.ID == l.Charge })
	switch {
	case l.Category == Adjustments || l.Category == Surcharges:
		out.add("follows", "%s", cmp.Or(r.why[followed{l.Category, l.Charge, l.Description, l.TaxCode}], "from the amounts of the lines that it discounts, as they are printed"))
	case l.Category == CreditsUsed:
		out.add("follows", "as much of the credit as is left of both; the rest is carried to the next period")
	case i >= 0:
		c := r.charges[i]
		out.add("charge", "%s (%s)", c.ID, c.models()[0].key)
		if c.pooled != nil {
			r.explainSums(&out, c, l)
		}
		if c.Flat != nil {
			r.explainFee(&out, c, l)
		}
		if l.UnitPrice.IsZero() && strings.HasSuffix(l.Item, "included") {
			r.explainIncluded(&out, c, l)
		}
	}
	out.add("amount", "%s", formula(l.Quantity, l))
	out.add("rounded", "to %d decimals, %s: %s", MinorUnits(r.plan.Currency), orHalfUp(r.plan.Rounding), l.Amount.StringFixed(MinorUnits(r.plan.Currency)))
	return out
}

// followed names a line that follows from others.
type followed struct {
	category                     Category
	charge, description, taxCode string
}

// explainFollowing keeps what ExplainLine says of a line that follows from
// others.
func (r *Rater) explainFollowing(l *Line, format string, args ...any) {
	r.why[followed{l.Category, l.Charge, l.Description, l.TaxCode}] = fmt.Sprintf(format, args...)
}

// explainIncluded tells what includes a line.
func (r *Rater) explainIncluded(out *trail, c *chargeState, l *Line) {
	if c.pooled == nil {
		out.add("included", "%s %s cost nothing, the dearest of the charge first", l.Quantity, l.Unit)
	}
	for i := range r.plan.Allowances {
		a := &r.plan.Allowances[i]
		if !slices.Contains(a.Charges, c.ID) {
			continue
		}
		days, all := r.billedDays(&Charge{})
		unit, _ := smallest(a.Unit)
		for _, g := range r.grants(a) {
			switch {
			case g.Period != r.span.From:
				out.add("allowance", "%s: %s %ss left of %s", a.Description, g.Quantity, unit, g.Period)
			case days < all && a.Prorate != ProrateNone:
				out.add("allowance", "%s: %s %s for %d of %d days, rounded up: %s %ss", a.Description, a.Quantity, a.Unit, days, all, g.Quantity, unit)
			default:
				out.add("allowance", "%s: %s %s", a.Description, a.Quantity, a.Unit)
			}
		}
		out.add("order", "it comes off %s", strings.Join(a.Charges, ", then "))
	}
}

// explainFee tells which days a fee is for.
func (r *Rater) explainFee(out *trail, c *chargeState, l *Line) {
	if !l.From.IsZero() {
		out.add("days", "from %s until %s, billed in advance", l.From, l.To)
		return
	}
	if c.Flat.Once {
		out.add("days", "once, for what began in the period")
		return
	}
	days, all := r.billedDays(c.Charge)
	out.add("days", "%d of the period's %d days are billed with the charge in force", days, all)
	if c.Flat.Per == FlatSubaccount || c.Flat.Per == FlatNumber {
		d := c.due(&r.span, c.fee.days)
		out.add("for", "%d %ss, %d days in all", d.holders, c.Flat.Per, d.days)
	}
	if c.fee.advanced != 0 {
		out.add("advanced", "%d days were billed in advance by the invoice before", c.fee.advanced)
	}
}

// explainSums tells how the sum that a line is part of was split.
func (r *Rater) explainSums(out *trail, c *chargeState, l *Line) {
	for _, b := range c.buckets {
		if !slices.ContainsFunc(b.lines(), func(own Line) bool { return own.Item == l.Item && own.Unit == l.Unit }) {
			continue
		}
		out.add("sum", "%s %s of %d records", b.sum, b.unit, b.records)
		if v := c.meter.Convert; v != nil {
			units, free := c.meter.billed(b.sum)
			out.add("converted", "/ %d, rounded %s to a whole number: %s", v.Divide, cmp.Or(v.Round, Up), units.Add(free))
		}
		if size, round := c.blocks(); size > 1 {
			out.add("blocks", "of %d units; a started one is %s", size, map[Rounding]string{Up: "charged whole", Down: "free"}[round])
		}
		for _, part := range b.lines() {
			if part.Item == "" {
				out.add("part", "%s", formula(part.Quantity, &part))
			} else {
				out.add("part", "%s: %s", part.Item, formula(part.Quantity, &part))
			}
		}
	}
}

// title is the line's description and what it is about.
func (l *Line) title() string {
	return strings.TrimSuffix(l.Description+", "+l.Item, ", ")
}

// formula writes out what so many units cost at the line's price.
func formula(quantity decimal.Decimal, l *Line) string {
	amount := quantity.Mul(l.UnitPrice)
	if l.Per == 1 {
		return fmt.Sprintf("%s %s x %s = %s", quantity, l.Unit, l.UnitPrice, amount)
	}
	return fmt.Sprintf("%s %s x %s / %d = %s", quantity, l.Unit, l.UnitPrice, l.Per, fraction(amount, decimal.NewFromInt(l.Per)))
}

// fraction is n/den in decimals where they end, and as the beginning of its
// decimals beside a fraction in lowest terms where they never do.
func fraction(n, den decimal.Decimal) string {
	q, ends := ending(n, den)
	if ends {
		return q.String()
	}
	return fmt.Sprintf("%s... (%s)", q.Truncate(8), lowestTerms(n, den))
}

// ending is n/den, and whether its decimals end there.
func ending(n, den decimal.Decimal) (q decimal.Decimal, ends bool) {
	q = divideBy(n, den, decimals(n)+exactPlaces, Down)
	return q, q.Mul(den).Equal(n)
}

func lowestTerms(n, den decimal.Decimal) string {
	rat := n.Rat()
	return rat.Quo(rat, den.Rat()).RatString()
}

// ExactText is the line's amount before rounding, never rounded itself: a
// decimal, or a fraction in lowest terms such as "1/6000" where the decimals
// never end.
func (l *Line) ExactText() string {
	n, den := l.Quantity.Mul(l.UnitPrice), decimal.NewFromInt(l.Per)
	if q, ends := ending(n, den); ends {
		return q.String()
	}
	return lowestTerms(n, den)
}

func orHalfUp(mode Rounding) Rounding {
	if mode == "" {
		return HalfUp
	}
	return mode
}

// daysText says on which days something is in force.
func daysText(from, until Date) string {
	switch {
	case until.IsZero():
		return "from " + from.String()
	case from.IsZero():
		return "until " + until.String()
	}
	return fmt.Sprintf("from %s until %s", from, until)
}

// misfit says why a record does not fit; empty when it does. It is fits in
// words.
func (m *Match) misfit(rec *Record) string {
	for _, f := range []struct {
		name, value string
		list        []string
	}{
		{"kind", string(rec.Kind), texts(m.Kind)},
		{"category", rec.Category, m.Category},
		{"direction", string(rec.Dir()), texts(m.Direction)},
		{"channel", string(rec.Channel()), texts(m.Channel)},
		{"status", rec.Status, m.Status},
		{"near end", string(rec.NearEnd()), texts(m.NearEnd)},
		{"leg", string(rec.Leg()), texts(m.Leg)},
		{"subaccount", rec.Account, m.Subaccount},
	} {
		if !fits(f.list, f.value) {
			return fmt.Sprintf("%s is %q, not %s", f.name, f.value, strings.Join(f.list, " or "))
		}
	}
	for _, f := range []struct {
		name, end string
		prefixes  []string
	}{{"from", rec.From, m.FromPrefix}, {"to", rec.To, m.ToPrefix}} {
		if !fitsPrefix(f.prefixes, f.end) {
			return fmt.Sprintf("%s is %q, without the prefix %s", f.name, f.end, strings.Join(f.prefixes, " or "))
		}
	}
	return ""
}

package pricing_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/pricing"
)

var (
	oracleCases = flag.Int("oracle.cases", 100_000, "random cases that the oracle checks")
	oracleSeed  = flag.Uint64("oracle.seed", 0, "the one case that the oracle checks, as a failure names it")
)

// TestOracle prices random plans and usage by the engine and by the oracle.
func TestOracle(t *testing.T) {
	on := enabled()
	if *oracleSeed != 0 {
		checkSeed(t, *oracleSeed, on)
		return
	}
	cases := *oracleCases
	if testing.Short() {
		cases = min(cases, 2_000)
	}
	const shards = 8
	var discarded, vague, ran atomic.Int64
	t.Run("shards", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := shard + 1; seed <= cases; seed += shards {
					outcome := checkSeed(t, uint64(seed), on)
					ran.Add(1)
					switch outcome {
					case discardedCase:
						discarded.Add(1)
					case vagueCase:
						vague.Add(1)
					case failedCase:
						return
					}
				}
			})
		}
	})
	t.Logf("%d cases, %d discarded, %d compared without their totals", ran.Load(), discarded.Load(), vague.Load())
	if discarded.Load()*20 > ran.Load() || vague.Load()*20 > ran.Load() {
		t.Errorf("%d of %d cases were discarded and %d not compared to the end: the generator makes too many bad ones", discarded.Load(), ran.Load(), vague.Load())
	}
}

// TestOracleRapid is the same with rapid's choice of seeds and features, of
// which it finds the fewest that fail.
func TestOracleRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		on := map[feature]bool{}
		for _, f := range features {
			on[f] = rapid.Bool().Draw(t, string(f))
		}
		c := newCase(rapid.Uint64().Draw(t, "seed"), on)
		if len(c.plan.Check(c.decks)) > 0 {
			t.Skip("not a plan")
		}
		if _, diff := c.compare(); diff != "" {
			t.Fatalf("%s\n%s", diff, c.shrunk())
		}
	})
}

type caseOutcome int

const (
	comparedCase caseOutcome = iota
	discardedCase
	vagueCase
	failedCase
)

func checkSeed(t *testing.T, seed uint64, on map[feature]bool) caseOutcome {
	c := newCase(seed, on)
	if problems := c.plan.Check(c.decks); len(problems) > 0 {
		if *oracleSeed != 0 {
			t.Logf("seed %d is discarded: %v", seed, problems)
		}
		return discardedCase
	}
	vague, diff := c.compare()
	if diff != "" {
		small := c.shrunk()
		_, diff = small.compare()
		t.Errorf("seed %d (run it alone with -oracle.seed=%d):\n%s\n%s", seed, seed, diff, small)
		return failedCase
	}
	if vague {
		return vagueCase
	}
	return comparedCase
}

// compare prices the case twice and says where the two differ. It is vague
// where the oracle does not know the totals.
func (c *tenantCase) compare() (vague bool, diff string) {
	defer func() {
		if r := recover(); r != nil {
			diff = fmt.Sprintf("panic: %v", r)
		}
	}()
	var carried pricing.Carried
	var left leftover
	for i := range c.periods {
		p := &c.periods[i]
		if cent := decimal.New(1, -2); p.dearer {
			for k := range carried.Advance {
				carried.Advance[k].UnitPrice = carried.Advance[k].UnitPrice.Add(cent)
			}
			for k := range left.advances {
				left.advances[k].price = add(left.advances[k].price, rat(cent))
			}
		}
		o := &oracle{plan: c.plan, decks: c.rows, rates: c.fx, span: p.span, taxes: c.taxes}
		want := o.price(p.records, left)
		r := pricing.NewRater(c.plan, pricing.Tables{Decks: c.decks, Rates: c.rates}, p.span, carried)
		for k := range p.records {
			if k%2 == 0 { // which changes nothing
				r.Explain(&p.records[k])
			}
			res := r.Rate(&p.records[k])
			if got := (outcome{res.Outcome, res.Charge}); got != want.outcomes[k] {
				return false, fmt.Sprintf("record %d: engine %v (%s), oracle %v", k, got, res.Reason, want.outcomes[k])
			}
		}
		lines := r.Lines()
		for k := range lines {
			r.ExplainLine(&lines[k])
		}
		carried = r.Carry()
		net, taxes, total := c.plan.Total(lines, c.taxes)
		if diff := c.differ(i, want, lines, r.Unrated(), net, taxes, total, carried); diff != "" {
			return false, diff
		}
		if want.vague {
			return true, ""
		}
		left = leftover{want.advances, want.unused, want.used}
	}
	return false, ""
}

func (c *tenantCase) differ(i int, want *expected, lines []pricing.Line, unrated []pricing.Unrated, net decimal.Decimal, taxes []pricing.Tax, total decimal.Decimal, carried pricing.Carried) string {
	span := &c.periods[i].span
	var got, expect []string
	records := int64(0)
	keys := newLineKeys(c.plan, want.vague)
	for k := range lines {
		l := &lines[k]
		records += l.Records
		if !l.Amount.Equal(pricing.Round(l.Exact(), pricing.MinorUnits(c.plan.Currency), c.plan.Rounding)) {
			return fmt.Sprintf("period %d: %s %s is not %s x %s / %d rounded", i, l.Charge, l.Amount, l.Quantity, l.UnitPrice, l.Per)
		}
		keys.add(&oline{charge: l.Charge, cat: l.Category, kind: l.Kind, unit: string(l.Unit), quantity: rat(l.Quantity), price: rat(l.UnitPrice), per: l.Per, amount: rat(l.Amount), taxCode: l.TaxCode})
	}
	got = keys.sorted()
	keys = newLineKeys(c.plan, want.vague)
	for _, l := range want.lines {
		keys.add(l)
	}
	expect = keys.sorted()
	unratedCount := map[pricing.Kind]int64{}
	for _, u := range unrated {
		unratedCount[u.Kind] += u.Records
	}
	for k, n := range unratedCount {
		got = append(got, fmt.Sprintf("unrated %s %d", k, n))
	}
	for k, n := range want.unrated {
		expect = append(expect, fmt.Sprintf("unrated %s %d", k, n))
	}
	rated := int64(0)
	for _, o := range want.outcomes {
		// What is left of a fee in advance may be no line, or a line of no records.
		advance := func(c pricing.Charge) bool { return c.ID == o.charge && c.Flat != nil && c.Flat.InAdvance }
		if o.outcome == pricing.Rated && !slices.ContainsFunc(c.plan.Charges, advance) {
			rated++
		}
	}
	if records != rated {
		got = append(got, fmt.Sprintf("records %d", records))
		expect = append(expect, fmt.Sprintf("records %d", rated))
	}
	for _, a := range carried.Advance {
		if a.From.Before(span.To) || a.Plan != c.plan.Name {
			got = append(got, fmt.Sprintf("advance of %s %s", a.Plan, a.From))
		}
		got = append(got, fmt.Sprintf("advance %s %d x %s", a.Charge, a.Days, rat(a.UnitPrice).RatString()))
	}
	for _, a := range want.advances {
		expect = append(expect, fmt.Sprintf("advance %s %d x %s", a.charge, a.days, a.price.RatString()))
	}
	for _, u := range carried.Unused {
		left := rat(u.Quantity)
		k := slices.IndexFunc(c.plan.Allowances, func(a pricing.Allowance) bool { return a.ID == u.Allowance })
		if k >= 0 && c.plan.Allowances[k].Unit == pricing.Minute {
			left = roundTo(mul(left, whole(60)), 5, pricing.HalfUp) // of minutes that never end
		}
		if left.Sign() != 0 {
			got = append(got, fmt.Sprintf("unused %s %s %s", u.Allowance, u.Period, left.RatString()))
		}
	}
	for _, u := range want.unused {
		expect = append(expect, fmt.Sprintf("unused %s %s %s", u.id, u.period, u.left.RatString()))
	}
	if !want.vague {
		for _, t := range taxes {
			if !t.Base.IsZero() || !t.Amount.IsZero() {
				got = append(got, fmt.Sprintf("tax %s on %s: %s", t.Name, rat(t.Base).RatString(), rat(t.Amount).RatString()))
			}
		}
		for _, t := range want.taxes {
			if t.base.Sign() != 0 || t.amount.Sign() != 0 {
				expect = append(expect, fmt.Sprintf("tax %s on %s: %s", t.name, t.base.RatString(), t.amount.RatString()))
			}
		}
		got = append(got, fmt.Sprintf("net %s total %s", rat(net).RatString(), rat(total).RatString()))
		expect = append(expect, fmt.Sprintf("net %s total %s", want.net.RatString(), want.total.RatString()))
		for _, k := range carried.Credits {
			if !k.Amount.IsZero() {
				got = append(got, fmt.Sprintf("used %s %s", k.Credit, rat(k.Amount).RatString()))
			}
		}
		for id, used := range want.used {
			expect = append(expect, fmt.Sprintf("used %s %s", id, used.RatString()))
		}
	}
	slices.Sort(got)
	slices.Sort(expect)
	if slices.Equal(got, expect) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "period %d, %s to %s, billed %s to %s, %s", i, span.From, span.To, span.BilledFrom, span.BilledTo, span.Location)
	for _, s := range got {
		if !slices.Contains(expect, s) {
			fmt.Fprintf(&b, "\n  engine: %s", s)
		}
	}
	for _, s := range expect {
		if !slices.Contains(got, s) {
			fmt.Fprintf(&b, "\n  oracle: %s", s)
		}
	}
	for _, s := range got {
		fmt.Fprintf(&b, "\n    engine has %s", s)
	}
	return b.String()
}

// lineKeys are what two lists of lines are compared by. What the semantics
// leave open is left out: lines of nothing, how many lines what is free has,
// and the unit of what is billed in advance.
type lineKeys struct {
	plan  *pricing.Plan
	vague bool
	keys  []string
	free  map[string]*big.Rat
}

func newLineKeys(plan *pricing.Plan, vague bool) *lineKeys {
	return &lineKeys{plan, vague, nil, map[string]*big.Rat{}}
}

func (k *lineKeys) add(l *oline) {
	if l.quantity.Sign() == 0 {
		return
	}
	kind, unit, charge := string(l.kind), l.unit, l.charge
	switch l.cat {
	case pricing.Adjustments:
		if k.vague || l.amount.Sign() == 0 {
			return
		}
	case pricing.Surcharges, pricing.CreditsUsed:
		if k.vague || l.amount.Sign() == 0 {
			return
		}
		charge, unit = "", ""
	}
	at := slices.IndexFunc(k.plan.Charges, func(c pricing.Charge) bool { return c.ID == charge })
	if at < 0 {
		charge = "" // of the whole invoice, whatever it is called
	}
	if at >= 0 && k.plan.Charges[at].Percentage != nil && len(k.plan.Charges[at].Percentage.Tiers) > 0 {
		kind = "" // of a sum over all kinds
	}
	if at >= 0 && k.plan.Charges[at].Flat != nil && l.cat != pricing.Adjustments {
		kind = ""
		if k.plan.Charges[at].Flat.InAdvance {
			k.keys = append(k.keys, fmt.Sprint(charge, " ", l.exact().RatString(), " = ", l.amount.RatString(), " ", l.taxCode))
			return
		}
	} else if l.price.Sign() == 0 {
		key := fmt.Sprint(charge, " ", kind, " ", unit, " free ")
		if k.free[key] == nil {
			k.free[key] = new(big.Rat)
		}
		k.free[key].Add(k.free[key], l.quantity)
		return
	}
	k.keys = append(k.keys, fmt.Sprint(charge, " ", l.cat == pricing.Adjustments, " ", kind, ": ", l.quantity.RatString(), " ", unit, " x ", l.price.RatString(), " / ", l.per, " = ", l.amount.RatString(), " ", l.taxCode))
}

func (k *lineKeys) sorted() []string {
	for key, n := range k.free {
		k.keys = append(k.keys, key+n.RatString())
	}
	slices.Sort(k.keys)
	return k.keys
}

// shrunk is the case without whatever the difference does not need.
func (c *tenantCase) shrunk() *tenantCase {
	best := c
	fails := func(s *tenantCase) bool {
		if len(s.plan.Check(s.decks)) > 0 {
			return false
		}
		_, diff := s.compare()
		return diff != ""
	}
	for again := true; again; {
		again = false
		for _, smaller := range best.smaller() {
			if fails(smaller) {
				best, again = smaller, true
				break
			}
		}
	}
	return best
}

func without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }

// smaller are the cases with one thing less.
func (c *tenantCase) smaller() (out []*tenantCase) {
	plan := func(change func(p *pricing.Plan)) {
		s, p := *c, *c.plan
		p.Charges = slices.Clone(p.Charges)
		change(&p)
		s.plan = &p
		out = append(out, &s)
	}
	for i := len(c.periods) - 1; i > 0; i-- {
		s := *c
		s.periods = c.periods[:i]
		out = append(out, &s)
	}
	for i := range c.plan.Charges {
		plan(func(p *pricing.Plan) { p.Charges = without(p.Charges, i) })
		plan(func(p *pricing.Plan) { p.Charges[i].Limits = pricing.Limits{} })
		plan(func(p *pricing.Plan) { p.Charges[i].From, p.Charges[i].Until = pricing.Date{}, pricing.Date{} })
	}
	for i := range c.plan.Discounts {
		plan(func(p *pricing.Plan) { p.Discounts = without(p.Discounts, i) })
	}
	for i := range c.plan.Surcharges {
		plan(func(p *pricing.Plan) { p.Surcharges = without(p.Surcharges, i) })
	}
	for i := range c.plan.Credits {
		plan(func(p *pricing.Plan) { p.Credits = without(p.Credits, i) })
	}
	for i, a := range c.plan.Allowances {
		plan(func(p *pricing.Plan) { p.Allowances = without(p.Allowances, i) })
		for k := range a.Charges {
			plan(func(p *pricing.Plan) {
				p.Allowances = slices.Clone(p.Allowances)
				p.Allowances[i].Charges = without(a.Charges, k)
			})
		}
	}
	plan(func(p *pricing.Plan) { p.Limits = pricing.Limits{} })
	if c.plan.Limits == (pricing.Limits{}) {
		out = out[:len(out)-1]
	}
	for i := range c.taxes {
		s := *c
		s.taxes = without(c.taxes, i)
		out = append(out, &s)
	}
	for i := range c.periods {
		for k := range c.periods[i].records {
			s := *c
			s.periods = slices.Clone(c.periods)
			s.periods[i].records = without(c.periods[i].records, k)
			out = append(out, &s)
		}
	}
	return slices.DeleteFunc(out, func(s *tenantCase) bool { return s.String() == c.String() })
}

func (c *tenantCase) String() string {
	var b strings.Builder
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		s := string(out)
		for _, nothing := range []string{`"from":"",`, `"until":""`, `"to":"",`, `"to":""`, `"connect_fee":"0",`, `"minimum_seconds":0,`, `"minimum_charge":"0",`, `"free_units":"0",`, `"free_units":"0"`} {
			s = strings.ReplaceAll(s, nothing, "")
		}
		return s
	}
	fmt.Fprintf(&b, "plan %s\ntaxes %s\n", text(c.plan), text(c.taxes))
	for name, rows := range c.rows {
		if strings.Contains(text(c.plan), `"`+name+`"`) {
			fmt.Fprintf(&b, "%s\n%s", name, deckCSV(rows))
		}
	}
	for _, x := range c.fx {
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", x.day, x.from, x.to, x.rate)
	}
	for i := range c.periods {
		p := &c.periods[i]
		fmt.Fprintf(&b, "period %s to %s billed %s to %s began %s holdings %v before %v next %v dearer %v\n", p.span.From, p.span.To, p.span.BilledFrom, p.span.BilledTo, p.span.Began, p.span.Subaccounts, p.span.NumbersBefore, p.span.Next != nil, p.dearer)
		for k := range p.records {
			r := &p.records[k]
			cost := "-"
			if r.Cost.Valid {
				cost = r.Cost.Decimal.String() + " " + r.Currency
			}
			fmt.Fprintf(&b, "  %s %s %s %s %s -> %s %s %s cost %s %s\n", r.Kind, r.Account, r.Direction, r.Status, r.From, r.To, r.StartedAt.In(p.span.Location).Format("Mon 2006-01-02 15:04:05 -0700"), r.Quantity, cost, r.Category)
		}
	}
	return b.String()
}

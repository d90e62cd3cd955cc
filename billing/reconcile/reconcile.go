// Package reconcile compares the usage that was metered, record by record, with
// Twilio's own sums of it, the Usage Records that the main account is billed by:
// per subaccount, category and UTC day. It says of every difference what is
// likely to have caused it.
//
// It never calls Twilio and never changes a figure: both sides are in the
// warehouse.
package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

// ErrNotPulled says that there are no Usage Records of a month to compare with.
var ErrNotPulled = errors.New("twilio's usage records of the month were not pulled")

// Compare compares a calendar month, in UTC, with Twilio's Usage Records as they
// were last pulled. A difference is above the tolerance when its cost is, in the
// currency of the costs, or when its costs are in different currencies. The UTC
// days from today on are not compared, and none that is after the figures of its
// subaccount. The error is [ErrNotPulled] where there is no day to compare.
//
// Both sides are read in order, once, and held one subaccount and day at a time.
func Compare(ctx context.Context, db *warehouse.DB, month, today pricing.Date, tolerance decimal.Decimal) (*billing.Reconciliation, error) {
	r, err := compare(ctx, db, month.FirstOfMonth(), today, tolerance)
	if err != nil {
		return nil, fmt.Errorf("reconcile %s: %w", month.String()[:7], err)
	}
	return r, nil
}

func compare(ctx context.Context, db *warehouse.DB, month, today pricing.Date, tolerance decimal.Decimal) (*billing.Reconciliation, error) {
	first := month.Start(time.UTC)
	asOf, err := db.UsageRecordsAsOf(ctx, first)
	if err != nil {
		return nil, err
	}
	if len(asOf) == 0 || !month.Before(today) {
		return nil, ErrNotPulled
	}
	failed, err := db.FailedUsageRecords(ctx, first)
	if err != nil {
		return nil, err
	}
	known, err := db.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	c := comparison{
		tolerance: tolerance, asOf: asOf, until: until(month, today, asOf), names: map[string]string{},
		costs: map[string]*costs{}, monthly: map[string]decimal.Decimal{},
		differences: []billing.UsageDifference{},
	}
	out := &billing.Reconciliation{
		Period: billing.Days{From: month, To: month.NextMonth()}, Until: c.until, Tolerance: tolerance,
		NotPulled: []billing.Account{}, Stale: []billing.StaleRecords{}, NotCompared: []billing.CategoryCost{},
	}
	for _, a := range known {
		c.names[a.SID] = a.Name
		account := billing.Account{SID: a.SID, Name: a.Name}
		at, pulled := asOf[a.SID]
		_, failed := failed[a.SID]
		switch {
		case pulled && (failed || c.end(a.SID).Before(c.until)):
			out.Stale = append(out.Stale, billing.StaleRecords{Account: account, AsOf: at, Until: c.end(a.SID)})
		case !pulled && a.Created.Before(c.until.Start(time.UTC)):
			out.NotPulled = append(out.NotPulled, account)
		}
	}

	ours := newCursor(db.EachUsageDay(ctx, first, metered), func(d *warehouse.UsageDay) at { return at{d.Account, pricing.DateOf(d.Day)} })
	defer ours.stop()
	theirs := newCursor(db.EachUsageRecord(ctx, first), func(r *warehouse.UsageRecord) at { return at{r.Account, pricing.DateOf(r.Day)} })
	defer theirs.stop()
	windows := newCursor(db.EachWindow(ctx, first), func(w *warehouse.WindowState) at { return at{w.Account, pricing.DateOf(w.Day)} })
	defer windows.stop()
	for ours.more() || theirs.more() {
		now := ours.at()
		if !ours.more() || theirs.more() && theirs.at().before(now) {
			now = theirs.at()
		}
		for windows.more() && windows.at().before(now) {
			windows.skip()
		}
		o, t, w := ours.take(now), theirs.take(now), windows.take(now)
		if now.day.Before(c.end(now.account)) {
			c.day(now, o, t, w)
		}
	}
	if err := errors.Join(ours.err, theirs.err, windows.err); err != nil {
		return nil, err
	}

	out.Compared, out.Differences = c.compared, c.differences
	for _, currency := range slices.Sorted(maps.Keys(c.costs)) {
		if s := c.costs[currency]; out.Currency == "" || s.days > c.costs[out.Currency].days {
			out.Currency, out.Ours, out.Twilio = currency, s.ours, s.twilio
		}
	}
	for _, category := range slices.Sorted(maps.Keys(c.monthly)) {
		out.NotCompared = append(out.NotCompared, billing.CategoryCost{Category: category, Cost: c.monthly[category], Reason: whyNotPhoneNumbers})
	}
	slices.SortFunc(out.Differences, func(a, b billing.UsageDifference) int {
		return cmp.Or(strings.Compare(a.Account.SID, b.Account.SID), strings.Compare(a.Category, b.Category),
			strings.Compare(a.Day.String(), b.Day.String()))
	})
	return out, nil
}

// comparison is what comparing has found so far.
type comparison struct {
	tolerance   decimal.Decimal
	asOf        map[string]time.Time // of when Twilio's figures are, by subaccount
	until       pricing.Date         // first day that is not compared
	names       map[string]string    // of subaccounts
	compared    int
	costs       map[string]*costs // by currency
	monthly     map[string]decimal.Decimal
	differences []billing.UsageDifference
}

// until is the first day of a month that is not compared: today, or the one after
// the youngest of Twilio's figures.
func until(month, today pricing.Date, asOf map[string]time.Time) pricing.Date {
	var last time.Time
	for _, at := range asOf {
		if last.Before(at) {
			last = at
		}
	}
	return earliest(month.NextMonth(), today, dayAfter(last))
}

// end is the first day of a subaccount that is not compared.
func (c *comparison) end(account string) pricing.Date {
	return earliest(c.until, dayAfter(c.asOf[account]))
}

// dayAfter is the first UTC day that figures of a time have nothing of.
func dayAfter(asOf time.Time) pricing.Date {
	return pricing.DateOf(asOf.Add(-1).UTC()).AddDays(1)
}

func earliest(first pricing.Date, more ...pricing.Date) pricing.Date {
	for _, d := range more {
		if d.Before(first) {
			first = d
		}
	}
	return first
}

// costs are what was compared in one currency.
type costs struct {
	days         int // subaccounts x categories x days
	ours, twilio decimal.Decimal
}

// usage is our side of a category.
type usage struct {
	billing.UsageFigures
	resource                 string
	costs                    map[string]decimal.Decimal // by currency
	unpriced, late, vanished int64                      // of its records
}

// charge is Twilio's side of a category.
type charge struct {
	billing.UsageFigures
	currency string
	unpriced bool // Twilio has no price of some of it yet
}

// day compares one subaccount's day.
func (c *comparison) day(now at, ours []warehouse.UsageDay, theirs []warehouse.UsageRecord, windows []warehouse.WindowState) {
	d := dayOf{at: now, cut: c.asOf[now.account], windows: map[string]warehouse.WindowState{}, unpriced: map[string]int64{}}
	for _, w := range windows {
		d.windows[w.Resource] = w
	}
	usages := map[string]*usage{}
	for _, u := range ours {
		d.add(usages, &u)
	}
	charges, others := c.charges(theirs, usages)
	for _, category := range metered {
		o, t := usages[category.Name], charges[category.Name]
		if o == nil && t == nil {
			continue
		}
		c.compared++
		if o == nil {
			o = &usage{resource: resourceOf(category.Kind)}
		}
		if t == nil {
			t = &charge{}
		}
		currency, mixed := o.settle(t)
		if s := c.costsIn(currency); !mixed {
			s.days++
			s.ours, s.twilio = s.ours.Add(o.Cost), s.twilio.Add(t.Cost)
		}
		if !mixed && agree(category.Name, o, t) {
			continue
		}
		diff := c.difference(now, category.Name, o.UsageFigures, t.UsageFigures)
		diff.Above = diff.Above || mixed
		diff.Cause, diff.Detail = d.cause(category.Name, o, t, mixed)
		c.differences = append(c.differences, diff)
	}
	for _, r := range others {
		c.compared++
		c.costsIn(r.currency).twilio = c.costsIn(r.currency).twilio.Add(r.Cost)
		diff := c.difference(now, r.category, billing.UsageFigures{}, r.UsageFigures)
		diff.Cause, diff.Detail = billing.CategoryNotMetered, r.detail
		c.differences = append(c.differences, diff)
	}
}

func (c *comparison) costsIn(currency string) *costs {
	s := c.costs[currency]
	if s == nil {
		s = &costs{}
		c.costs[currency] = s
	}
	return s
}

func (c *comparison) difference(now at, category string, ours, twilio billing.UsageFigures) billing.UsageDifference {
	d := billing.UsageDifference{
		Account:  billing.Account{SID: now.account, Name: c.names[now.account]},
		Category: category, Day: now.day, Ours: ours, Twilio: twilio,
	}
	d.Above = d.Cost().Abs().GreaterThan(c.tolerance)
	return d
}

// add adds usage to its category.
func (d *dayOf) add(usages map[string]*usage, u *warehouse.UsageDay) {
	o := usages[u.Category]
	if o == nil {
		o = &usage{resource: u.Resource, costs: map[string]decimal.Decimal{}}
		usages[u.Category] = o
	}
	o.Records += u.Records
	o.Quantity = o.Quantity.Add(decimal.NewFromInt(u.Quantity))
	o.unpriced += u.Unpriced
	o.late += u.Late
	if !u.Cost.IsZero() {
		o.costs[u.Currency] = o.costs[u.Currency].Add(u.Cost)
	}
	// A pull writes every record that it finds: one from an older sync than its
	// window's was not found again.
	if u.Sync < d.windows[u.Resource].Sync {
		o.vanished += u.Records
	}
	d.unpriced[u.Resource] += u.Unpriced
}

// settle sets our cost, in Twilio's currency where there is any in it. mixed
// reports that some cost is in another currency than the other side's.
func (o *usage) settle(t *charge) (currency string, mixed bool) {
	currency = t.currency
	if t.Cost.IsZero() || currency == "" {
		for _, code := range slices.Sorted(maps.Keys(o.costs)) { // nothing, in any currency
			currency = code
			break
		}
	}
	o.Cost = o.costs[currency]
	others := len(o.costs)
	if _, has := o.costs[currency]; has {
		others--
	} else if others > 0 {
		o.Cost = o.costs[slices.Min(slices.Collect(maps.Keys(o.costs)))]
	}
	return currency, others > 0
}

// other is a Usage Record that nothing of ours can be compared with.
type other struct {
	charge
	category, detail string
}

// charges sorts a day's Usage Records: by the category that each is compared in,
// and what is in none of them.
func (c *comparison) charges(records []warehouse.UsageRecord, usages map[string]*usage) (charges map[string]*charge, others []other) {
	charges = map[string]*charge{}
	var sum, all decimal.Decimal
	var totalled *warehouse.UsageRecord
	for i := range records {
		r := &records[i]
		role, category := roleOf(r.Category)
		switch role {
		case compared, fee:
			t := charges[category]
			if t == nil {
				t = &charge{currency: r.Currency}
				charges[category] = t
			}
			if role == compared {
				t.Records, t.Quantity, t.currency = r.Records.IntPart(), r.Quantity, r.Currency
			}
			t.Cost = t.Cost.Add(r.Cost)
			t.unpriced = t.unpriced || r.Currency == "" && r.Cost.IsZero()
			sum = sum.Add(r.Cost)
		case monthly:
			c.monthly[category] = c.monthly[category].Add(r.Cost)
			sum = sum.Add(r.Cost)
		case total:
			totalled, all = r, r.Cost
		case notMetered:
			// The parts of one that is listed are in it.
			if r.Cost.IsZero() || slices.ContainsFunc(others, func(o other) bool { return strings.HasPrefix(r.Category, o.category+"-") }) {
				continue
			}
			others = append(others, other{
				charge{UsageFigures: billing.UsageFigures{Records: r.Records.IntPart(), Quantity: r.Quantity, Cost: r.Cost}, currency: r.Currency},
				r.Category, "Twilio charges for it, and it is in no list that is pulled",
			})
			sum = sum.Add(r.Cost)
		}
	}
	// Twilio says that some costs are in no category but the total. Where the
	// categories come to more than the total, they overlap, and nothing is lost.
	// What is in a category without a price, too, is a difference there.
	for name, t := range charges {
		if o := usages[name]; o != nil && t.unpriced {
			sum = sum.Sub(t.Cost)
			for _, cost := range o.costs {
				sum = sum.Add(cost)
			}
		}
	}
	if rest := all.Sub(sum); totalled != nil && rest.IsPositive() {
		others = append(others, other{
			charge{UsageFigures: billing.UsageFigures{Cost: rest}, currency: totalled.Currency},
			totalPrice, "Twilio's total has it, and none of its categories",
		})
	}
	return charges, others
}

// agree reports whether both sides say the same.
func agree(category string, o *usage, t *charge) bool {
	return o.Cost.Equal(t.Cost) && counted(category, o, t)
}

// counted reports whether both sides have the same records, whatever they cost.
func counted(category string, o *usage, t *charge) bool {
	records := decimal.NewFromInt(o.Records)
	if category != segments {
		return o.Records == t.Records && o.Quantity.Equal(t.Quantity)
	}
	is := func(d decimal.Decimal) bool { return d.Equal(records) || d.Equal(o.Quantity) }
	return is(decimal.NewFromInt(t.Records)) && is(t.Quantity)
}

// dayOf is what is known of a subaccount's day besides its figures.
type dayOf struct {
	at
	cut      time.Time // of when Twilio's figures are
	windows  map[string]warehouse.WindowState
	unpriced map[string]int64 // records without a cost, by resource
}

// cause is what a difference is likely to come from, and what speaks for it.
// What is certain comes before what is only possible.
func (d *dayOf) cause(category string, o *usage, t *charge, mixed bool) (cause, detail string) {
	w, pulled := d.windows[o.resource]
	same := counted(category, o, t)
	more := t.Records > o.Records || t.Cost.GreaterThan(o.Cost)
	switch {
	case mixed:
		return billing.CurrencyDiffers, fmt.Sprintf("Twilio's is %s, ours is in %s", cmp.Or(t.currency, "not said"),
			strings.Join(slices.Sorted(maps.Keys(o.costs)), ", "))
	case same && t.unpriced && o.Cost.GreaterThan(t.Cost):
		return billing.PriceStillNull, fmt.Sprintf("Twilio has no price of its %s yet, as of %s", category, stamp(d.cut))
	case !pulled:
		return billing.WindowNotClosed, fmt.Sprintf("the day's %s were never pulled", o.resource)
	case w.PulledAt.Before(d.day.AddDays(1).Start(time.UTC)):
		return billing.WindowNotClosed, fmt.Sprintf("the day's %s were last pulled at %s, before it was over", o.resource, stamp(w.PulledAt))
	case same && o.unpriced > 0 && t.Cost.GreaterThan(o.Cost):
		return billing.PriceStillNull, fmt.Sprintf("%s without a price when last pulled, at %s", records(o.unpriced), stamp(w.PulledAt))
	case o.vanished > 0 && !more:
		return billing.RecordVanished, fmt.Sprintf("%s in none of Twilio's lists any more, by the pull of %s", records(o.vanished), stamp(w.PulledAt))
	case o.late > 0:
		return billing.RecordAfterTheCut, fmt.Sprintf("%s started or changed after %s, of when Twilio's figures are", records(o.late), stamp(d.cut))
	case int64(w.Pending) > d.unpriced[o.resource]:
		return billing.WindowNotClosed, fmt.Sprintf("%s of the day's %s not final when last pulled, at %s", records(int64(w.Pending)), o.resource, stamp(w.PulledAt))
	case more && d.cut.After(w.PulledAt):
		return billing.RecordAfterTheCut, fmt.Sprintf("the day's %s were last pulled at %s, and Twilio's figures are of %s", o.resource, stamp(w.PulledAt), stamp(d.cut))
	case same && t.Cost.Sub(o.Cost).Abs().LessThan(decimal.New(1, -pricing.MinorUnits(t.currency))):
		return billing.Rounding, "the same records, and less than the currency's smallest unit"
	}
	return billing.UnknownCause, "nothing that is known of the day explains it"
}

func records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }

// resourceOf is the list that has the records of a kind.
func resourceOf(kind string) string {
	switch pricing.Kind(kind) {
	case pricing.Call:
		return "calls"
	case pricing.Recording:
		return "recordings"
	case pricing.Transcription:
		return "transcriptions"
	}
	return "messages"
}

// at is a subaccount and one of its days.
type at struct {
	account string
	day     pricing.Date // UTC
}

func (a at) before(b at) bool {
	if a.account != b.account {
		return a.account < b.account
	}
	return a.day.Before(b.day)
}

// cursor walks rows that are ordered by subaccount and day.
type cursor[R any] struct {
	next func() (R, error, bool)
	stop func()
	key  func(*R) at
	row  R
	ok   bool
	err  error
}

func newCursor[R any](rows iter.Seq2[R, error], key func(*R) at) *cursor[R] {
	c := &cursor[R]{key: key}
	c.next, c.stop = iter.Pull2(rows)
	c.skip()
	return c
}

// more reports whether there is a row.
func (c *cursor[R]) more() bool { return c.ok }

// at is where the row is.
func (c *cursor[R]) at() at { return c.key(&c.row) }

// skip goes to the next row; an error ends the rows.
func (c *cursor[R]) skip() {
	if c.row, c.err, c.ok = c.next(); c.err != nil {
		c.ok = false
	}
}

// take answers the rows that are where now is.
func (c *cursor[R]) take(now at) (rows []R) {
	for c.ok && c.at() == now {
		rows = append(rows, c.row)
		c.skip()
	}
	return rows
}

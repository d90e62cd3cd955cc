package twiliosim

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Usage Records are what the main account is billed by: sums per category and
// UTC day. They are added up here from the slots of the world, by rules of
// their own: nothing of the lists and their filters, statuses and prices is
// used, so that a mistake there shows as a difference.
//
// Categories, and what their counts and quantities are, as on
// https://www.twilio.com/docs/usage/api/usage-record#usage-categories. The page
// has messages as the quantity of sms; here it is segments, since each is
// charged like a message.

// usageLag is how far Usage Records are behind the clock, in seconds.
const usageLag = 3600

type category int

const (
	noCategory category = iota - 1
	calls
	callsInbound
	callsInboundLocal
	callsInboundMobile
	callsInboundTollFree
	callsOutbound
	callsClient
	callsSIP
	callsSIPInbound
	callsSIPOutbound
	trunkingOrigination
	trunkingTermination
	recordings
	callsRecordings
	trunkingRecordings
	transcriptions
	sms
	smsInbound
	smsOutbound
	mms
	mmsInbound
	mmsOutbound
	channelsInbound
	channelsOutbound
	phoneNumbers
	phoneNumbersLocal
	phoneNumbersMobile
	phoneNumbersTollFree
	categoryCount
)

// totalPrice is the category of all costs. It has no count.
const totalPrice = "totalprice"

type categoryInfo struct {
	name, description, countUnit, usageUnit string
	partOf                                  category // whose figures hold this one's too
}

var categories = [categoryCount]categoryInfo{
	calls:                {"calls", "Voice Minutes", "calls", "minutes", noCategory},
	callsInbound:         {"calls-inbound", "Inbound Voice Minutes", "calls", "minutes", calls},
	callsInboundLocal:    {"calls-inbound-local", "Inbound Local Calls", "calls", "minutes", callsInbound},
	callsInboundMobile:   {"calls-inbound-mobile", "Inbound Mobile Calls", "calls", "minutes", callsInbound},
	callsInboundTollFree: {"calls-inbound-tollfree", "Inbound Toll-Free Calls", "calls", "minutes", callsInbound},
	callsOutbound:        {"calls-outbound", "Outbound Voice Minutes", "calls", "minutes", calls},
	callsClient:          {"calls-client", "Client Minutes", "calls", "minutes", noCategory},
	callsSIP:             {"calls-sip", "SIP Minutes", "calls", "minutes", noCategory},
	callsSIPInbound:      {"calls-sip-inbound", "Inbound SIP Minutes", "calls", "minutes", callsSIP},
	callsSIPOutbound:     {"calls-sip-outbound", "Outbound SIP Minutes", "calls", "minutes", callsSIP},
	trunkingOrigination:  {"trunking-origination", "Trunking Origination", "calls", "minutes", noCategory},
	trunkingTermination:  {"trunking-termination", "Trunking Termination", "calls", "minutes", noCategory},
	recordings:           {"recordings", "Recordings", "recordings", "minutes", noCategory},
	callsRecordings:      {"calls-recordings", "Call Recordings", "recordings", "minutes", recordings},
	trunkingRecordings:   {"trunking-recordings", "Trunking Recordings", "recordings", "minutes", recordings},
	transcriptions:       {"transcriptions", "Transcriptions", "transcriptions", "minutes", noCategory},
	sms:                  {"sms", "SMS", "messages", "segments", noCategory},
	smsInbound:           {"sms-inbound", "Inbound SMS", "messages", "segments", sms},
	smsOutbound:          {"sms-outbound", "Outbound SMS", "messages", "segments", sms},
	mms:                  {"mms", "MMS", "messages", "messages", noCategory},
	mmsInbound:           {"mms-inbound", "Inbound MMS", "messages", "messages", mms},
	mmsOutbound:          {"mms-outbound", "Outbound MMS", "messages", "messages", mms},
	channelsInbound:      {"channels-messaging-inbound", "Inbound Channel Messages", "messages", "messages", noCategory},
	channelsOutbound:     {"channels-messaging-outbound", "Outbound Channel Messages", "messages", "messages", noCategory},
	phoneNumbers:         {"phonenumbers", "Phone Numbers", "numbers", "numbers", noCategory},
	phoneNumbersLocal:    {"phonenumbers-local", "Local Phone Numbers", "numbers", "numbers", phoneNumbers},
	phoneNumbersMobile:   {"phonenumbers-mobile", "Mobile Phone Numbers", "numbers", "numbers", phoneNumbers},
	phoneNumbersTollFree: {"phonenumbers-tollfree", "Toll-Free Phone Numbers", "numbers", "numbers", phoneNumbers},
}

// Difference is added to an account's Usage Records of a day, and to nothing
// else: what a reconciliation should find. The categories that contain it, and
// totalprice, have it too. The quantity differs by one unit per record.
type Difference struct {
	Account  string
	Category string    // may be one that the world has no usage of
	Day      time.Time // UTC
	Records  int64
	Cost     decimal.Decimal // USD, at most 5 decimals
}

// ParseDifference reads ACCOUNT:CATEGORY:DAY:RECORDS:COST, such as
// AC0123...:calls:2026-10-15:+3:+0.12.
func ParseDifference(s string) (Difference, error) {
	bad := func(why string) (Difference, error) {
		return Difference{}, fmt.Errorf("difference %q: %s: write ACCOUNT:CATEGORY:DAY:RECORDS:COST, such as AC0123456789abcdef0123456789abcdef:calls:2026-10-15:+3:+0.12", s, why)
	}
	parts := strings.Split(s, ":")
	if len(parts) != 5 {
		return bad("has not five parts")
	}
	d := Difference{Account: parts[0], Category: parts[1]}
	var err error
	if d.Day, err = time.Parse(time.DateOnly, parts[2]); err != nil {
		return bad("the day is not one")
	}
	if d.Records, err = strconv.ParseInt(parts[3], 10, 64); err != nil {
		return bad("the records are no whole number")
	}
	if d.Cost, err = decimal.NewFromString(parts[4]); err != nil || !d.Cost.Equal(d.Cost.Truncate(5)) {
		return bad("the cost is not a number of at most 5 decimals")
	}
	if d.Account == "" || d.Category == "" {
		return bad("the account or the category is empty")
	}
	return d, nil
}

// knows says what of a difference is not in the world; nil for nothing.
func (s *Server) knows(d Difference) error {
	if !slices.ContainsFunc(s.accounts, func(a account) bool { return a.sid == d.Account }) {
		return fmt.Errorf("difference of account %q: the world has no such account; its Accounts.json lists those it has", d.Account)
	}
	if at := d.Day.Unix(); at < s.from || at >= s.to {
		return fmt.Errorf("difference of %s: the world has the days from %s to before %s",
			d.Day.Format(time.DateOnly), time.Unix(s.from, 0).UTC().Format(time.DateOnly), time.Unix(s.to, 0).UTC().Format(time.DateOnly))
	}
	return nil
}

// Differ adds a difference to those of the options.
func (s *Server) Differ(d Difference) {
	s.differing.Lock()
	defer s.differing.Unlock()
	s.differences = append(s.differences, d)
}

// figures are what a category comes to. cost is in 1/100,000 USD.
type figures struct{ count, usage, cost int64 }

func (f *figures) add(g figures) {
	f.count += g.count
	f.usage += g.usage
	f.cost += g.cost
}

// ledger is the usage of a run of days, by category.
type ledger struct {
	start int64 // midnight of the first day
	days  []usageDay
}

type usageDay struct {
	categories [categoryCount]figures
	total      int64              // cost
	unknown    map[string]figures // categories of differences that the world has no usage of
}

// book adds figures to the day of the instant, where that is one of the
// ledger's.
func (l *ledger) book(at int64, c category, f figures) {
	if at < l.start || at >= l.start+int64(len(l.days))*day {
		return
	}
	d := &l.days[(at-l.start)/day]
	d.total += f.cost
	for ; c != noCategory; c = categories[c].partOf {
		d.categories[c].add(f)
	}
}

// usage adds up the account's usage of the ledger's days as of an instant. A
// record counts once Twilio charges for it, and its cost once it has a price.
func (s *Server) usage(l *ledger, index uint32, asOf int64) {
	v := s.view(index, asOf)
	known := func(cost, priced int64) int64 {
		if priced > asOf {
			return 0
		}
		return cost
	}
	minutes := func(seconds int64) int64 { return (seconds + 59) / 60 }
	bookCall := func(c *call) {
		if c.final == "completed" && c.end <= asOf {
			l.book(c.start, c.category(), figures{1, minutes(c.duration), known(c.price, c.priced)})
		}
	}

	// What hangs on a slot has its date within a day of it.
	first := max(0, int((l.start-s.firstDay)/day)-1)
	last := min(s.dayOf(s.to-1), int((l.start-s.firstDay)/day)+len(l.days)-1)
	for d := first; d <= last; d++ {
		b := v.bucket(kindCall, uint16(d))
		for slot := range b.n {
			c := v.call(&b, slot)
			bookCall(&c)
			if c.dials {
				leg := v.dialled(&b, &c)
				bookCall(&leg)
			}
			if !c.recorded {
				continue
			}
			if r, ok := v.recording(&b, slot); ok && r.ready <= asOf {
				of := callsRecordings
				if r.source == "Trunking" {
					of = trunkingRecordings
				}
				l.book(r.created, of, figures{1, minutes(r.duration), known(r.price, r.priced)})
			}
			for _, t := range transcriptionResource.slot(v, &b, slot, nil) {
				if t.ready <= asOf {
					l.book(t.created, transcriptions, figures{1, minutes(t.duration), known(transcriptionPrice, t.priced)})
				}
			}
		}
		b = v.bucket(kindMessage, uint16(d))
		for slot := range b.n {
			m := v.message(&b, slot)
			undelivered := m.final == "undelivered" && m.other.via == viaWhatsApp && m.settled <= asOf
			if m.final != "failed" && m.final != "canceled" && !undelivered && m.sent <= asOf {
				l.book(m.sent, m.category(), figures{1, m.segments, known(m.price, m.priced)})
			}
		}
	}
	for _, n := range v.numbers {
		s.bill(l, &n, asOf)
	}
	s.differing.RLock()
	defer s.differing.RUnlock()
	for _, d := range s.differences {
		if d.Account == v.account.sid && d.Day.Unix() <= asOf {
			l.differ(d)
		}
	}
}

// bill books a number's monthly fee on the days of the month that it was bought
// on, for the account that holds it then; on the last of shorter months.
func (s *Server) bill(l *ledger, n *number, asOf int64) {
	bought := time.Unix(n.bought, 0).UTC()
	of, fee := phoneNumbersLocal, int64(115_000)
	switch n.kind {
	case "mobile":
		of = phoneNumbersMobile
	case "toll free":
		of, fee = phoneNumbersTollFree, 215_000
	}
	for i := range l.days {
		at := l.start + int64(i)*day + n.bought%day
		t := time.Unix(at, 0).UTC()
		lastOfMonth := t.AddDate(0, 0, 1).Day() == 1
		due := t.Day() == bought.Day() || lastOfMonth && t.Day() < bought.Day()
		if due && at >= n.from && at < n.to && at <= asOf {
			l.book(at, of, figures{1, 1, fee})
		}
	}
}

// differ books a difference.
func (l *ledger) differ(d Difference) {
	f := figures{d.Records, d.Records, d.Cost.Shift(5).IntPart()}
	at := d.Day.Unix()
	if i := slices.IndexFunc(categories[:], func(c categoryInfo) bool { return c.name == d.Category }); i >= 0 {
		l.book(at, category(i), f)
		return
	}
	if at < l.start || at >= l.start+int64(len(l.days))*day {
		return
	}
	of := &l.days[(at-l.start)/day]
	of.total += f.cost
	if d.Category == totalPrice {
		return
	}
	if of.unknown == nil {
		of.unknown = map[string]figures{}
	}
	sum := of.unknown[d.Category]
	sum.add(f)
	of.unknown[d.Category] = sum
}

// category is the one that a leg is billed in.
func (c *call) category() category {
	in := c.direction == inbound
	switch {
	case c.direction == trunkingOriginating:
		return trunkingOrigination
	case c.direction == trunkingTerminating:
		return trunkingTermination
	case c.other.via == viaClient:
		return callsClient
	case c.other.via == viaSIP && in:
		return callsSIPInbound
	case c.other.via == viaSIP:
		return callsSIPOutbound
	case !in:
		return callsOutbound
	}
	switch c.own.kind {
	case "mobile":
		return callsInboundMobile
	case "toll free":
		return callsInboundTollFree
	}
	return callsInboundLocal
}

// category is the one that a message is billed in.
func (m *message) category() category {
	in := m.direction == inbound
	switch {
	case m.other.via == viaWhatsApp && in:
		return channelsInbound
	case m.other.via == viaWhatsApp:
		return channelsOutbound
	case m.media > 0 && in:
		return mmsInbound
	case m.media > 0:
		return mmsOutbound
	case in:
		return smsInbound
	}
	return smsOutbound
}

// usageRow is one Usage Record.
type usageRow struct {
	category, description, countUnit, usageUnit string
	figures
	from, to int64 // midnights of the first and last day
}

// usageRows lists a day's records, or those of a sum of days.
func (d *usageDay) usageRows(rows []usageRow, from, to int64, wanted string) []usageRow {
	add := func(r usageRow) {
		if wanted == "" || wanted == r.category {
			rows = append(rows, r)
		}
	}
	for i, c := range categories {
		add(usageRow{c.name, c.description, c.countUnit, c.usageUnit, d.categories[i], from, to})
	}
	names := make([]string, 0, len(d.unknown))
	for name := range d.unknown {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(usageRow{name, name, "", "", d.unknown[name], from, to})
	}
	add(usageRow{totalPrice, "Total Price", "", "usd", figures{cost: d.total}, from, to})
	return rows
}

// usageList appends a page of an account's Usage Records: with daily one for
// each category and day, newest first, else one for each category.
func (s *Server) usageList(b []byte, index uint32, u *url.URL, daily bool, now int64) ([]byte, *apiError) {
	const name = "UsageRecords"
	q := u.Query()
	p, fail := parsePaging(q)
	if fail != nil {
		return b, fail
	}
	asOf := now - usageLag
	from, fail := s.usageDate(q, "StartDate", min(s.accounts[index].created, s.from), now)
	if fail != nil {
		return b, fail
	}
	to, fail := s.usageDate(q, "EndDate", now, now)
	if fail != nil {
		return b, fail
	}
	from, to = max(from, floorDay(s.accounts[index].created)), min(to, floorDay(asOf))
	l := ledger{start: from}
	if to >= from {
		l.days = make([]usageDay, (to-from)/day+1)
		s.usage(&l, index, asOf)
		if index == 0 && !strings.EqualFold(q.Get("IncludeSubaccounts"), "false") {
			for i := 1; i < len(s.accounts); i++ {
				if s.accounts[i].created <= now {
					s.usage(&l, uint32(i), asOf)
				}
			}
		}
	}
	var rows []usageRow
	if daily {
		for i := range slices.Backward(l.days) {
			at := from + int64(i)*day
			rows = l.days[i].usageRows(rows, at, at, q.Get("Category"))
		}
	} else {
		sum := l.sum()
		rows = sum.usageRows(rows, from, max(from, to), q.Get("Category"))
	}
	at := 0
	if p.token != "" {
		i, err := strconv.Atoi(p.token)
		if err != nil || i < 0 || i >= len(rows) {
			return b, errPageToken
		}
		if at = i + 1; p.newer {
			at = max(0, i-p.size)
		}
	}
	end := min(at+p.size, len(rows))
	b = p.appendEnvelope(b, u.Path, name, q, end-at, end < len(rows), strconv.Itoa(at), strconv.Itoa(end-1))
	b = append(b, `,"usage_records":[`...)
	for i := at; i < end; i++ {
		if i > at {
			b = append(b, ',')
		}
		b = rows[i].appendJSON(b, &s.accounts[index], asOf)
	}
	return append(b, "]}"...), nil
}

// sum is all days in one.
func (l *ledger) sum() *usageDay {
	all := &usageDay{unknown: map[string]figures{}}
	for i := range l.days {
		d := &l.days[i]
		for c := range d.categories {
			all.categories[c].add(d.categories[c])
		}
		all.total += d.total
		for name, f := range d.unknown {
			sum := all.unknown[name]
			sum.add(f)
			all.unknown[name] = sum
		}
	}
	return all
}

// usageDate reads a date, or an offset from the clock such as -30days, as a
// midnight.
func (s *Server) usageDate(q url.Values, name string, missing, now int64) (int64, *apiError) {
	value := q.Get(name)
	if value == "" {
		return floorDay(missing), nil
	}
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		return t.Unix(), nil
	}
	if n, ok := strings.CutSuffix(value, "days"); ok {
		if days, err := strconv.ParseInt(n, 10, 16); err == nil {
			return floorDay(now) + days*day, nil
		}
	}
	return 0, errParameter("Invalid date value for " + name)
}

func (r *usageRow) appendJSON(b []byte, a *account, asOf int64) []byte {
	date := func(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateOnly) }
	cost := decimal.New(r.cost, -5).StringFixed(5)
	count, usage := strconv.FormatInt(r.count, 10), strconv.FormatInt(r.figures.usage, 10)
	if r.category == totalPrice { // Count is empty, and Usage the same as Price
		count, usage = "", cost
	}
	b = append(b, `{"category":`...)
	b = appendString(b, r.category)
	b = append(b, `,"description":`...)
	b = appendString(b, r.description)
	b = append(b, `,"account_sid":"`...)
	b = append(b, a.sid...)
	b = append(b, `","start_date":"`...)
	b = append(b, date(r.from)...)
	b = append(b, `","end_date":"`...)
	b = append(b, date(r.to)...)
	b = append(b, `","as_of":"`...)
	b = append(b, time.Unix(asOf, 0).UTC().Format("2006-01-02T15:04:05+00:00")...)
	b = append(b, `","count":"`...)
	b = append(b, count...)
	b = append(b, `","count_unit":"`...)
	b = append(b, r.countUnit...)
	b = append(b, `","usage":"`...)
	b = append(b, usage...)
	b = append(b, `","usage_unit":"`...)
	b = append(b, r.usageUnit...)
	b = append(b, `","price":"`...)
	b = append(b, cost...)
	b = append(b, `","price_unit":"usd","api_version":"2010-04-01","uri":"`+accountsPath+`/`...)
	b = append(b, a.sid...)
	b = append(b, `/Usage/Records.json?Category=`...)
	b = append(b, url.QueryEscape(r.category)...)
	return append(b, `","subresource_uris":{}}`...)
}

package twiliosim

import "strconv"

type direction uint8

const (
	inbound direction = iota
	outboundAPI
	outboundDial
	outboundReply
	trunkingTerminating
	trunkingOriginating
)

var directions = [...]string{"inbound", "outbound-api", "outbound-dial", "outbound-reply", "trunking-terminating", "trunking-originating"}

// call is one leg. Times are Unix seconds.
type call struct {
	at        pos
	h         uint64
	direction direction
	final     string // status in the end
	own       *number
	other     party
	created   int64
	start     int64 // when it is dialled
	answered  int64 // never, if it is not
	end       int64
	priced    int64 // when the price appears; maybe never
	duration  int64 // seconds connected
	price     int64 // in 1/100,000 USD
	recorded  bool
	dials     bool // it has a child leg
}

// Bounds of a call's parts in seconds.
const (
	maxQueue = 900
	maxRing  = 60
	maxTalk  = 14400
	// Recorded calls are set up in a fixed time, so that recordings are created
	// in the same order as their calls.
	recordedRing = 5
	recordAfter  = 7
)

var callResource = resource[call]{
	key: "calls", kind: kindCall, buckets: kindCall, lag: maxQueue,
	slot: func(v *view, b *bucket, slot uint32, rows []call) []call {
		parent := v.call(b, slot)
		rows = append(rows, parent)
		if parent.dials {
			rows = append(rows, v.dialled(b, &parent))
		}
		return rows
	},
}

// durations are the quantiles of the length of a call in steps of 1/32.
var durations = [33]int64{1, 5, 9, 13, 18, 22, 27, 31, 36, 41, 46, 52, 58, 60, 68, 75, 83, 92, 101, 112, 120, 138, 155, 174, 197, 225, 260, 304, 370, 470, 640, 1150, 5400}

func drawDuration(h uint64) int64 {
	if pick(h, 4096) == 0 {
		return between(mix(h), 5400, maxTalk)
	}
	i := pick(h, 32)
	return durations[i] + int64(pick(h<<32, uint64(durations[i+1]-durations[i])))
}

// call computes the first leg in a slot.
func (v *view) call(b *bucket, slot uint32) call {
	key := b.slotKey(slot)
	t := &v.account.traits
	c := call{
		at:      pos{kind: kindCall, day: b.day, account: v.index, slot: slot},
		h:       key,
		created: b.created(slot),
		other:   phone(draw(key, 1), t.home),
	}
	c.own = v.held(draw(key, 2), c.created)
	rate := c.other.callRate()
	completed := uint64(78)
	switch n := pick(key, 1000); {
	case n < 400, n < 470 && !t.client, n < 500 && n >= 470 && !t.sip:
		c.direction, rate, completed = inbound, c.own.callRate(), 92
	case n < 470:
		c.direction, c.other.via, rate = inbound, viaClient, 400
	case n < 500:
		c.direction, c.other.via, rate = inbound, viaSIP, 400
	case n < 530 && t.trunk:
		c.direction, rate = trunkingOriginating, 420
	case n < 570 && t.trunk:
		c.direction = trunkingTerminating
	case n < 600 && t.client:
		c.direction, c.other.via, rate = outboundAPI, viaClient, 400
	case n < 620 && t.sip:
		c.direction, c.other.via, rate = outboundAPI, viaSIP, 400
	default:
		c.direction = outboundAPI
	}
	c.drawEnd(draw(key, 3), draw(key, 4), completed)
	if c.final == "completed" {
		dials := uint64(0)
		switch c.direction {
		case inbound:
			dials = 30
		case outboundAPI:
			dials = 5
		}
		c.dials = c.duration >= 30 && pick(draw(key, 5), 100) < dials
		c.recorded = c.duration >= 15 && t.records(key) && c.created+recordAfter < v.account.to
	}
	queue, ring := int64(0), int64(0)
	if c.direction == outboundAPI || c.direction == trunkingTerminating {
		h := draw(key, 6)
		ring = between(h<<32, 3, 25)
		switch n := pick(h, 1000); {
		case c.dials || c.recorded:
			ring = recordedRing
		case n < 5:
			queue = between(draw(h, 1), 60, maxQueue)
		case n < 300:
			queue = 1
		}
	}
	c.begin(queue, ring, v.account.to)
	c.setPrice(rate, draw(key, 7))
	return c
}

// records tells whether the account would record the call of a slot.
func (t *traits) records(slotKey uint64) bool {
	return pick(draw(slotKey, 8), 100) < uint64(t.recorded)
}

// transcribes tells the same of transcribing its recording.
func (t *traits) transcribes(slotKey uint64) bool {
	return t.transcribed && pick(draw(slotKey, 9), 100) < 50
}

// dialled computes the leg that the parent's <Dial> made.
func (v *view) dialled(b *bucket, parent *call) call {
	key := draw(parent.h, 50)
	c := call{
		at:        parent.at,
		h:         key,
		direction: outboundDial,
		own:       parent.own,
		other:     phone(draw(key, 1), v.account.traits.home),
	}
	c.at.leg = 1
	switch n := pick(draw(key, 2), 100); {
	case n < 20 && v.account.traits.client:
		c.other.via = viaClient
	case n < 30 && v.account.traits.sip:
		c.other.via = viaSIP
	}
	// It comes into being during the parent call, but not after the next slot.
	c.created = max(parent.created, min(parent.answered+between(draw(key, 3), 2, 10), b.end(parent.at.slot)))
	c.drawEnd(draw(key, 4), draw(key, 5), 80)
	ring := between(draw(key, 6), 2, 10)
	c.duration = max(min(c.duration, parent.end-c.created-ring), 1)
	if c.final != "completed" {
		c.duration = 0
	}
	c.begin(0, ring, v.account.to)
	c.setPrice(c.other.callRate(), draw(key, 7))
	return c
}

// drawEnd draws how the call ends and how long it lasts.
func (c *call) drawEnd(h, hDuration, completed uint64) {
	n := pick(h, 100)
	rest := 100 - completed
	switch {
	case n < completed:
		c.final, c.duration = "completed", drawDuration(hDuration)
	case n < completed+rest*45/100:
		c.final = "no-answer"
	case n < completed+rest*70/100:
		c.final = "busy"
	case n < completed+rest*90/100:
		c.final = "failed"
	default:
		c.final = "canceled"
	}
}

// begin sets the times of the call, dialled before the account's usage ends.
func (c *call) begin(queue, ring, usageEnd int64) {
	c.start = min(c.created+queue, usageEnd-1)
	c.answered = never
	switch c.final {
	case "completed":
		c.answered = c.start + ring
		c.end = c.answered + c.duration
	case "no-answer":
		c.end = c.start + between(draw(c.h, 60), 20, maxRing)
	default:
		c.end = c.start + between(draw(c.h, 60), 1, 12)
	}
}

// setPrice charges whole minutes of a completed call.
func (c *call) setPrice(rate int64, h uint64) {
	c.priced = never
	if c.final == "completed" {
		c.price = (c.duration + 59) / 60 * rate
		c.priced = later(c.end, priceDelay(h))
	}
}

// priceDelay is how long after the end of a call or the sending of a message
// its price appears: mostly minutes, some 30 hours, a few never.
func priceDelay(h uint64) int64 {
	switch n := pick(h, 1000); {
	case n < 2:
		return never
	case n < 12:
		return between(h<<32, 3*3600, 30*3600)
	case n < 100:
		return between(h<<32, 600, 3*3600)
	}
	return between(h<<32, 20, 600)
}

func later(t, delay int64) int64 {
	if t == never || delay == never {
		return never
	}
	return t + delay
}

func (c call) position() pos      { return c.at }
func (c call) sid(v *view) string { return string(v.append(nil, "CA", c.at)) }
func (c call) createdAt() int64   { return c.created }
func (c call) quantity() int64    { return c.duration }

func (c call) dated(now int64) int64 { return by(c.start, now) }
func (c call) ended(now int64) int64 { return by(c.end, now) }

func (c call) charge(now int64) int64 {
	if c.priced > now {
		return 0
	}
	return c.price
}

// by is t, if that has come.
func by(t, now int64) int64 {
	if t > now {
		return never
	}
	return t
}

func (c *call) status(now int64) string {
	switch {
	case now >= c.end:
		return c.final
	case now >= c.answered:
		return "in-progress"
	case now >= c.start:
		return "ringing"
	}
	return "queued"
}

func (c call) matches(f *filter, v *view) bool {
	if f.status != "" && f.status != c.status(v.now) {
		return false
	}
	if f.parent != "" && (c.at.leg == 0 || f.parent != string(v.append(nil, "CA", c.parent()))) {
		return false
	}
	if f.from == "" && f.to == "" {
		return true
	}
	from, to := c.ends(nil, nil)
	return (f.from == "" || f.from == string(from)) && (f.to == "" || f.to == string(to))
}

func (c *call) parent() pos {
	p := c.at
	p.leg = 0
	return p
}

// ends appends the addresses of both ends.
func (c *call) ends(from, to []byte) ([]byte, []byte) {
	switch c.direction {
	case inbound, trunkingOriginating:
		return c.other.append(from), append(to, c.own.e164...)
	}
	return append(from, c.own.e164...), c.other.append(to)
}

var callSubresources = [...][2]string{
	{"events", "Events"}, {"notifications", "Notifications"}, {"payments", "Payments"}, {"recordings", "Recordings"},
	{"siprec", "Siprec"}, {"streams", "Streams"}, {"transcriptions", "Transcriptions"},
	{"user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"}, {"user_defined_messages", "UserDefinedMessages"},
}

func (c call) appendJSON(b []byte, v *view) []byte {
	now := v.now
	var buf [4][64]byte
	sid := v.append(buf[0][:0], "CA", c.at)
	from, to := c.ends(buf[1][:0], buf[2][:0])

	b = append(b, `{"sid":"`...)
	b = append(b, sid...)
	b = append(b, `","date_created":`...)
	b = appendDate(b, c.created)
	b = append(b, `,"date_updated":`...)
	b = appendDate(b, latest(now, c.created, c.start, c.answered, c.end, c.priced))
	b = append(b, `,"parent_call_sid":`...)
	if c.at.leg == 1 {
		b = append(b, '"')
		b = v.append(b, "CA", c.parent())
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"account_sid":"`...)
	b = append(b, v.account.sid...)
	b = append(b, `","to":"`...)
	b = append(b, to...)
	b = append(b, `","to_formatted":"`...)
	b = appendDisplay(b, to)
	b = append(b, `","from":"`...)
	b = append(b, from...)
	b = append(b, `","from_formatted":"`...)
	b = appendDisplay(b, from)
	b = append(b, `","phone_number_sid":"`...)
	b = append(b, c.own.sid...)
	b = append(b, `","status":"`...)
	b = append(b, c.status(now)...)
	b = append(b, `","start_time":`...)
	b = appendDateBy(b, c.start, now)
	b = append(b, `,"end_time":`...)
	b = appendDateBy(b, c.end, now)
	b = append(b, `,"duration":`...)
	switch {
	case now >= c.end && c.final == "completed":
		b = append(b, '"')
		b = strconv.AppendInt(b, c.duration, 10)
		b = append(b, '"')
	case now >= c.end && c.final == "failed":
		b = append(b, `"0"`...)
	default:
		b = append(b, "null"...)
	}
	b = append(b, `,"price":`...)
	b = appendPriceBy(b, c.price, c.priced, now)
	b = append(b, `,"price_unit":"USD","direction":"`...)
	b = append(b, directions[c.direction]...)
	b = append(b, `","answered_by":`...)
	if c.direction == outboundAPI && now >= c.answered && pick(draw(c.h, 61), 10) == 0 {
		b = append(b, `"human"`...)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"api_version":"2010-04-01","forwarded_from":null,"group_sid":null,"caller_name":null,"queue_time":"`...)
	b = strconv.AppendInt(b, (min(c.start, now)-c.created)*1000, 10)
	b = append(b, `","trunk_sid":`...)
	if c.direction == trunkingTerminating || c.direction == trunkingOriginating {
		b = append(b, '"')
		b = v.append(b, "TK", pos{kind: kindTrunk, account: v.index})
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"uri":"`...)
	b = append(b, v.path...)
	b = append(b, "/Calls/"...)
	b = append(b, sid...)
	b = append(b, `.json","subresource_uris":{`...)
	for _, sub := range callSubresources {
		b = append(b, '"')
		b = append(b, sub[0]...)
		b = append(b, `":"`...)
		b = append(b, v.path...)
		b = append(b, "/Calls/"...)
		b = append(b, sid...)
		b = append(b, '/')
		b = append(b, sub[1]...)
		b = append(b, `.json",`...)
	}
	b[len(b)-1] = '}'
	return append(b, '}')
}

// latest is the last of the times that has come.
func latest(now int64, times ...int64) (last int64) {
	for _, t := range times {
		if t <= now {
			last = max(last, t)
		}
	}
	return last
}

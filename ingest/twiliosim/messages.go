package twiliosim

import "strconv"

// BodyMarker is in every message body and every transcription text. Both are
// personal data that a metering system has no reason to keep: a test can look
// for the marker in whatever was stored.
const BodyMarker = "PRIVATE-TEXT-7f3a"

// message is one SMS, MMS or WhatsApp message. Times are Unix seconds.
type message struct {
	at        pos
	h         uint64
	direction direction
	final     string // status in the end
	own       *number
	other     party
	media     int64
	segments  int64
	created   int64
	sent      int64 // never, if it was canceled before
	settled   int64 // when the last status is known
	read      int64 // WhatsApp; mostly never
	priced    int64 // when the price appears; maybe never
	price     int64 // in 1/100,000 USD
	service   bool  // sent through a messaging service
	errorCode int
}

// maxHeld is how long an outbound message may stay queued, in seconds.
const maxHeld = 20 * 3600

var messageResource = resource[message]{
	key: "messages", kind: kindMessage, buckets: kindMessage, lag: maxHeld,
	slot: func(v *view, b *bucket, slot uint32, rows []message) []message {
		return append(rows, v.message(b, slot))
	},
}

// Shares of the directions and channels are in the switches below; rates are
// those of the other end's country, or of the own number's when inbound.
func (v *view) message(b *bucket, slot uint32) message {
	key := b.slotKey(slot)
	t := &v.account.traits
	m := message{
		at:       pos{kind: kindMessage, day: b.day, account: v.index, slot: slot},
		h:        key,
		created:  b.created(slot),
		other:    phone(draw(key, 1), t.home),
		segments: 1,
		read:     never,
		priced:   never,
	}
	m.other.mobile = true
	m.own = v.held(draw(key, 2), m.created)
	switch n := pick(key, 100); {
	case n < 30:
		m.direction = inbound
	case n < 45:
		m.direction = outboundReply
	default:
		m.direction = outboundAPI
		m.service = t.service
	}

	c := &countries[m.other.country]
	rate := c.smsOut
	if m.direction == inbound {
		rate = countries[m.own.country].smsIn
	}
	switch n := pick(draw(key, 3), 100); {
	case n < 14 && t.whatsapp:
		m.other.via, rate = viaWhatsApp, 500
	case n < 22 && m.own.country < northAmerica && m.other.country < northAmerica:
		m.media = between(draw(key, 4), 1, 3)
		rate = 2200
		if m.direction == inbound {
			rate = 1650
		}
	default:
		switch n := pick(draw(key, 4), 100); {
		case n < 2:
			m.segments = 4
		case n < 6:
			m.segments = 3
		case n < 18:
			m.segments = 2
		}
	}

	h := draw(key, 5)
	if m.direction == inbound {
		m.final = "received"
		m.sent = min(m.created+1, v.account.to-1)
		m.settled = m.sent
	} else {
		v.send(&m, h)
	}
	free := m.final == "failed" || m.final == "canceled" || m.final == "undelivered" && m.other.via == viaWhatsApp
	if !free {
		m.price = m.segments * rate
		m.priced = later(m.settled, priceDelay(draw(key, 6)))
	}
	return m
}

// send sets the course of an outbound message.
func (v *view) send(m *message, h uint64) {
	if m.service && pick(h, 1000) < 6 { // scheduled, and called off an hour later
		m.final, m.sent, m.settled = "canceled", never, m.created+3600
		return
	}
	held := between(h<<32, 1, 4)
	switch n := pick(draw(h, 1), 1000); {
	case n < 3:
		held = between(draw(h, 2), 3600, maxHeld)
	case n < 40:
		held = between(draw(h, 2), 10, 600)
	}
	m.sent = min(m.created+held, v.account.to-1)
	m.settled = m.sent + between(draw(h, 3), 1, 90)
	switch n := pick(draw(h, 4), 100); {
	case n < 93:
		m.final = "delivered"
		if m.other.via == viaWhatsApp && pick(draw(h, 5), 10) < 6 {
			m.read = m.settled + between(draw(h, 6), 5, 3*3600)
		}
	case n < 96:
		m.final, m.errorCode = "undelivered", [...]int{30003, 30005, 30006, 30007}[pick(draw(h, 5), 4)]
	case n < 98:
		m.final, m.errorCode = "failed", [...]int{30001, 30008, 30034}[pick(draw(h, 5), 3)]
		m.settled = m.sent
	default: // the carrier sends no receipt
		m.final, m.settled = "sent", m.sent
	}
}

func (m message) position() pos      { return m.at }
func (m message) sid(v *view) string { return string(v.append(nil, m.prefix(), m.at)) }
func (m message) createdAt() int64   { return m.created }

// quantity is segments for SMS; one for MMS and WhatsApp.
func (m message) quantity() int64 { return m.segments }

func (m message) dated(now int64) int64 { return by(m.sent, now) }
func (m message) ended(int64) int64     { return never }

func (m message) charge(now int64) int64 {
	if m.priced > now {
		return 0
	}
	return m.price
}

func (m *message) status(now int64) string {
	switch {
	case now >= m.read:
		return "read"
	case now >= m.settled:
		return m.final
	case m.sent == never:
		return "scheduled"
	case now >= m.sent:
		return "sent"
	case m.direction == inbound:
		return "receiving"
	}
	return "queued"
}

// pending tells whether the messaging service has yet to pick the sender and to
// split the text.
func (m *message) pending(now int64) bool { return m.service && now < m.sent }

func (m message) matches(f *filter, v *view) bool {
	if f.from == "" && f.to == "" {
		return true
	}
	from, to := m.ends(nil, nil)
	if m.pending(v.now) {
		from = nil
	}
	return (f.from == "" || f.from == string(from)) && (f.to == "" || f.to == string(to))
}

func (m *message) ends(from, to []byte) ([]byte, []byte) {
	own, other := from, to
	if m.direction == inbound {
		own, other = to, from
	}
	if m.other.via == viaWhatsApp {
		own = append(own, "whatsapp:"...)
	}
	own, other = append(own, m.own.e164...), m.other.append(other)
	if m.direction == inbound {
		return other, own
	}
	return own, other
}

// prefix is SM, or MM with media.
func (m *message) prefix() string {
	if m.media > 0 {
		return "MM"
	}
	return "SM"
}

var errorMessages = map[int]string{
	30001: "Queue overflow",
	30003: "Unreachable destination handset",
	30005: "Unknown destination handset",
	30006: "Landline or unreachable carrier",
	30007: "Message filtered",
	30008: "Unknown error",
	30034: "US A2P 10DLC - Message from an Unregistered Number",
}

var greetings = [...]string{"Hi Anna", "Dear Mr Novák", "Hello Dr. Müller", "Olá João", "Good morning, Søren", "Γεια σου Ελένη", "Hey \"Bob\"", "こんにちは 田中さん"}
var matters = [...]string{"your one-time code is", "your appointment no.", "we could not deliver parcel", "your taxi will arrive; booking", "please call back about invoice", "your table is ready, guest"}

// appendBody writes the inside of a JSON string: text of the kind that people
// get, with letters, quotes and line breaks that trip encoders.
func appendBody(b []byte, h uint64) []byte {
	b = appendText(b, greetings[pick(h, uint64(len(greetings)))])
	b = append(b, `,\n`...)
	b = append(b, matters[pick(h<<32, uint64(len(matters)))]...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, 100000+draw(h, 1)%900000, 10)
	b = append(b, ". "...)
	return append(b, BodyMarker...)
}

func (m message) appendJSON(b []byte, v *view) []byte {
	now := v.now
	var buf [3][64]byte
	sid := v.append(buf[0][:0], m.prefix(), m.at)
	from, to := m.ends(buf[1][:0], buf[2][:0])

	b = append(b, `{"body":"`...)
	b = appendBody(b, draw(m.h, 60))
	b = append(b, `","num_segments":"`...)
	if m.pending(now) {
		b = append(b, '0')
	} else {
		b = strconv.AppendInt(b, m.segments, 10)
	}
	b = append(b, `","direction":"`...)
	b = append(b, directions[m.direction]...)
	b = append(b, `","from":`...)
	if m.pending(now) {
		b = append(b, "null"...)
	} else {
		b = append(b, '"')
		b = append(b, from...)
		b = append(b, '"')
	}
	b = append(b, `,"to":"`...)
	b = append(b, to...)
	b = append(b, `","date_updated":`...)
	b = appendDate(b, latest(now, m.created, m.sent, m.settled, m.read, m.priced))
	b = append(b, `,"price":`...)
	b = appendPriceBy(b, m.price, m.priced, now)
	b = append(b, `,"error_message":`...)
	if m.errorCode != 0 && now >= m.settled {
		b = appendString(b, errorMessages[m.errorCode])
		b = append(b, `,"error_code":`...)
		b = strconv.AppendInt(b, int64(m.errorCode), 10)
	} else {
		b = append(b, `null,"error_code":null`...)
	}
	b = append(b, `,"uri":"`...)
	b = append(b, v.path...)
	b = append(b, "/Messages/"...)
	b = append(b, sid...)
	b = append(b, `.json","account_sid":"`...)
	b = append(b, v.account.sid...)
	b = append(b, `","num_media":"`...)
	b = strconv.AppendInt(b, m.media, 10)
	b = append(b, `","status":"`...)
	b = append(b, m.status(now)...)
	b = append(b, `","messaging_service_sid":`...)
	if m.service {
		b = append(b, '"')
		b = v.append(b, "MG", pos{kind: kindService, account: v.index})
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"sid":"`...)
	b = append(b, sid...)
	b = append(b, `","date_sent":`...)
	b = appendDateBy(b, m.sent, now)
	b = append(b, `,"date_created":`...)
	b = appendDate(b, m.created)
	b = append(b, `,"price_unit":"USD","api_version":"2010-04-01","subresource_uris":{"media":"`...)
	b = append(b, v.path...)
	b = append(b, "/Messages/"...)
	b = append(b, sid...)
	b = append(b, `/Media.json"`...)
	if m.errorCode != 0 {
		b = append(b, `,"feedback":"`...)
		b = append(b, v.path...)
		b = append(b, "/Messages/"...)
		b = append(b, sid...)
		b = append(b, `/Feedback.json"`...)
	}
	return append(b, "}}"...)
}

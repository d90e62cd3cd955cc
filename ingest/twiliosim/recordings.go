package twiliosim

import "strconv"

// recording is of a parent call. Times are Unix seconds.
type recording struct {
	at       pos
	h        uint64
	call     pos
	source   string
	channels int64
	created  int64
	ready    int64
	deleted  int64 // softly, by the customer; mostly never
	priced   int64
	duration int64 // seconds
	price    int64 // in 1/100,000 USD
}

// keptDeleted is how long the list can still show a deleted recording.
const keptDeleted = 40 * day

var recordingResource = resource[recording]{
	key: "recordings", kind: kindRecording, buckets: kindCall, lag: recordAfter,
	slot: func(v *view, b *bucket, slot uint32, rows []recording) []recording {
		if r, ok := v.recording(b, slot); ok {
			rows = append(rows, r)
		}
		return rows
	},
}

// recording computes the recording of the call in the slot, if it has one.
func (v *view) recording(b *bucket, slot uint32) (recording, bool) {
	if !v.account.traits.records(b.slotKey(slot)) { // spares computing most calls
		return recording{}, false
	}
	c := v.call(b, slot)
	if !c.recorded {
		return recording{}, false
	}
	key := draw(c.h, 70)
	r := recording{
		at:       pos{kind: kindRecording, day: b.day, account: v.index, slot: slot},
		h:        key,
		call:     c.at,
		channels: 1,
		created:  c.created + recordAfter,
		deleted:  never,
	}
	r.duration = c.end - r.created
	switch {
	case c.dials:
		r.source, r.channels = "DialVerb", 2
	case c.direction == trunkingTerminating || c.direction == trunkingOriginating:
		r.source, r.channels = "Trunking", 2
	case c.direction == outboundAPI:
		r.source = "OutboundAPI"
	case pick(draw(key, 1), 10) < 3:
		r.source = "StartCallRecordingAPI"
	default:
		r.source = "RecordVerb"
	}
	r.ready = c.end + between(draw(key, 2), 1, 30)
	if h := draw(key, 3); pick(h, 100) < 15 {
		// Not so soon that a month's first recordings are out of the list before
		// the month has settled: a world that is pulled late is whole, too.
		r.deleted = r.ready + between(h<<32, 20*day, 30*day)
	}
	r.price = (r.duration + 59) / 60 * 250
	r.priced = later(r.ready, priceDelay(draw(key, 4)))
	return r, true
}

func (r recording) position() pos      { return r.at }
func (r recording) sid(v *view) string { return string(v.append(nil, "RE", r.at)) }
func (r recording) createdAt() int64   { return r.created }
func (r recording) quantity() int64    { return r.duration }

func (r recording) dated(int64) int64 { return r.created }
func (r recording) ended(int64) int64 { return never }

func (r recording) charge(now int64) int64 {
	if r.priced > now {
		return 0
	}
	return r.price
}

func (r *recording) status(now int64) string {
	switch {
	case now >= r.deleted:
		return "deleted"
	case now >= r.ready:
		return "completed"
	case now >= r.created+r.duration:
		return "processing"
	}
	return "in-progress"
}

func (r recording) matches(f *filter, v *view) bool {
	if v.now >= r.deleted && (!f.deleted || v.now >= r.deleted+keptDeleted) {
		return false
	}
	return f.call == "" || f.call == string(v.append(nil, "CA", r.call))
}

func (r recording) appendJSON(b []byte, v *view) []byte {
	now := v.now
	var buf [64]byte
	sid := v.append(buf[:0], "RE", r.at)
	b = append(b, `{"account_sid":"`...)
	b = append(b, v.account.sid...)
	b = append(b, `","api_version":"2010-04-01","call_sid":"`...)
	b = v.append(b, "CA", r.call)
	b = append(b, `","conference_sid":null,"date_created":`...)
	b = appendDate(b, r.created)
	b = append(b, `,"date_updated":`...)
	b = appendDate(b, latest(now, r.created, r.created+r.duration, r.ready, r.deleted, r.priced))
	b = append(b, `,"start_time":`...)
	b = appendDate(b, r.created)
	b = append(b, `,"duration":`...)
	if now >= r.ready {
		b = append(b, '"')
		b = strconv.AppendInt(b, r.duration, 10)
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"sid":"`...)
	b = append(b, sid...)
	b = append(b, `","price":`...)
	b = appendPriceBy(b, r.price, r.priced, now)
	b = append(b, `,"price_unit":"USD","status":"`...)
	b = append(b, r.status(now)...)
	b = append(b, `","channels":`...)
	b = strconv.AppendInt(b, r.channels, 10)
	b = append(b, `,"source":"`...)
	b = append(b, r.source...)
	b = append(b, `","error_code":null,"uri":"`...)
	b = append(b, v.path...)
	b = append(b, "/Recordings/"...)
	b = append(b, sid...)
	b = append(b, `.json","encryption_details":null,"subresource_uris":{`...)
	for _, sub := range [...][2]string{{"add_on_results", "AddOnResults"}, {"transcriptions", "Transcriptions"}} {
		b = append(b, '"')
		b = append(b, sub[0]...)
		b = append(b, `":"`...)
		b = append(b, v.path...)
		b = append(b, "/Recordings/"...)
		b = append(b, sid...)
		b = append(b, '/')
		b = append(b, sub[1]...)
		b = append(b, `.json",`...)
	}
	b[len(b)-1] = '}'
	b = append(b, `,"media_url":"https://api.twilio.com`...)
	b = append(b, v.path...)
	b = append(b, "/Recordings/"...)
	b = append(b, sid...)
	return append(b, `"}`...)
}

// transcription is of a recording of up to two minutes.
type transcription struct {
	at        pos
	h         uint64
	recording pos
	created   int64
	ready     int64
	priced    int64
	duration  int64
	final     string // completed or failed
}

const (
	maxTranscribed = 120
	// transcribeAfter is the time from the call's creation to that of the
	// transcription, when the longest recording is over. It is fixed, so that
	// transcriptions are created in the order of their calls.
	transcribeAfter    = recordAfter + maxTranscribed + 10
	transcriptionPrice = 5000
)

var transcriptionResource = resource[transcription]{
	key: "transcriptions", kind: kindTranscription, buckets: kindCall, lag: transcribeAfter,
	slot: func(v *view, b *bucket, slot uint32, rows []transcription) []transcription {
		if !v.account.traits.transcribes(b.slotKey(slot)) {
			return rows
		}
		r, ok := v.recording(b, slot)
		if !ok || r.duration > maxTranscribed || r.source == "Trunking" || r.created-recordAfter+transcribeAfter >= v.account.to {
			return rows
		}
		key := draw(r.h, 10)
		t := transcription{
			at:        pos{kind: kindTranscription, day: b.day, account: v.index, slot: slot},
			h:         key,
			recording: r.at,
			created:   r.created - recordAfter + transcribeAfter,
			duration:  r.duration,
			final:     "completed",
		}
		if pick(draw(key, 1), 100) < 6 {
			t.final = "failed"
		}
		t.ready = t.created + between(draw(key, 2), 30, 300)
		t.priced = later(t.ready, priceDelay(draw(key, 3)))
		return append(rows, t)
	},
}

func (t transcription) position() pos               { return t.at }
func (t transcription) sid(v *view) string          { return string(v.append(nil, "TR", t.at)) }
func (t transcription) createdAt() int64            { return t.created }
func (t transcription) quantity() int64             { return t.duration }
func (t transcription) dated(int64) int64           { return t.created }
func (t transcription) ended(int64) int64           { return never }
func (t transcription) matches(*filter, *view) bool { return true }

func (t transcription) charge(now int64) int64 {
	if t.priced > now {
		return 0
	}
	return transcriptionPrice
}

func (t transcription) appendJSON(b []byte, v *view) []byte {
	now := v.now
	var buf [64]byte
	sid := v.append(buf[:0], "TR", t.at)
	b = append(b, `{"account_sid":"`...)
	b = append(b, v.account.sid...)
	b = append(b, `","api_version":"2010-04-01","date_created":`...)
	b = appendDate(b, t.created)
	b = append(b, `,"date_updated":`...)
	b = appendDate(b, latest(now, t.created, t.ready, t.priced))
	b = append(b, `,"duration":"`...)
	b = strconv.AppendInt(b, t.duration, 10)
	b = append(b, `","price":`...)
	// The schema makes this price a number, unlike those of the other resources.
	if now >= t.priced {
		b = appendAmount(b, transcriptionPrice)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"price_unit":"USD","recording_sid":"`...)
	b = v.append(b, "RE", t.recording)
	b = append(b, `","sid":"`...)
	b = append(b, sid...)
	b = append(b, `","status":"`...)
	switch {
	case now < t.ready:
		b = append(b, "in-progress"...)
	default:
		b = append(b, t.final...)
	}
	b = append(b, `","transcription_text":`...)
	if now >= t.ready && t.final == "completed" {
		b = append(b, '"')
		b = appendBody(b, draw(t.h, 60))
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"type":"fast","uri":"`...)
	b = append(b, v.path...)
	b = append(b, "/Transcriptions/"...)
	b = append(b, sid...)
	return append(b, `.json"}`...)
}

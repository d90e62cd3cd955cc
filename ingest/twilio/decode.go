package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// text is a JSON value of any type, kept as text: Twilio sends numbers as
// strings, and in places as numbers.
type text struct {
	s    string
	form form
}

type form uint8

const (
	absent form = iota // no such key, or null
	quoted             // a string
	number             // a number; the text is as written
	other              // anything else; the text is not kept
)

// UnmarshalJSON never fails, so that the error about a value of the wrong type
// can name the record.
func (t *text) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == 'n':
		*t = text{}
	case c == '"':
		inner := b[1 : len(b)-1]
		for _, c := range inner {
			if c == '\\' || c >= utf8.RuneSelf {
				t.form = quoted
				return json.Unmarshal(b, &t.s)
			}
		}
		*t = text{string(inner), quoted}
	case c == '-' || c >= '0' && c <= '9':
		*t = text{string(b), number}
	default:
		*t = text{form: other}
	}
	return nil
}

// row holds the fields of a call, message, recording or transcription that are
// metered.
type row struct {
	SID           text `json:"sid"`
	AccountSID    text `json:"account_sid"`
	ParentCallSID text `json:"parent_call_sid"`
	CallSID       text `json:"call_sid"`
	ConferenceSID text `json:"conference_sid"`
	RecordingSID  text `json:"recording_sid"`
	Direction     text `json:"direction"`
	Status        text `json:"status"`
	From          text `json:"from"`
	To            text `json:"to"`
	Duration      text `json:"duration"`
	NumSegments   text `json:"num_segments"`
	NumMedia      text `json:"num_media"`
	Price         text `json:"price"`
	PriceUnit     text `json:"price_unit"`
	StartTime     text `json:"start_time"`
	DateSent      text `json:"date_sent"`
	DateCreated   text `json:"date_created"`
	DateUpdated   text `json:"date_updated"`
}

// decodePage appends the rows of body to page, whose Account, URL and days are
// set, and answers the address of the next page, empty at the end. Rows of
// other days are left out once it is known whose they are and which day theirs
// is, so that a bad record stops the pull of its own day and no other.
//
// The error is a *PageError or a *DecodeError. body may be reused afterwards.
func decodePage(r Resource, body []byte, page *Page) (next string, err error) {
	var e struct {
		Next           text   `json:"next_page_uri"`
		Calls          *[]row `json:"calls"`
		Messages       *[]row `json:"messages"`
		Recordings     *[]row `json:"recordings"`
		Transcriptions *[]row `json:"transcriptions"`
	}
	broken := json.Unmarshal(body, &e)
	rows := map[Resource]*[]row{
		Calls: e.Calls, Messages: e.Messages, Recordings: e.Recordings, Transcriptions: e.Transcriptions,
	}[r]
	next, err = checkEnvelope(page.Account, r, page.URL, broken, string(r), rows != nil, e.Next)
	if err != nil {
		return "", err
	}
	page.grow(len(*rows))
	for i := range *rows {
		rec := record{account: page.Account, resource: r, url: page.URL}
		rec.appendTo(page, &(*rows)[i])
		if rec.err != nil {
			return "", rec.err
		}
	}
	return next, nil
}

// decodeAccounts reads a page of accounts, listed with main's credentials.
func decodeAccounts(main, uri string, body []byte) (all []Account, next string, err error) {
	var e struct {
		Next text `json:"next_page_uri"`
		Rows *[]struct {
			SID          text `json:"sid"`
			OwnerSID     text `json:"owner_account_sid"`
			FriendlyName text `json:"friendly_name"`
			Status       text `json:"status"`
			Type         text `json:"type"`
			DateCreated  text `json:"date_created"`
			DateUpdated  text `json:"date_updated"`
		} `json:"accounts"`
	}
	broken := json.Unmarshal(body, &e)
	next, err = checkEnvelope(main, accounts, uri, broken, "accounts", e.Rows != nil, e.Next)
	if err != nil {
		return nil, "", err
	}
	for _, r := range *e.Rows {
		rec := record{account: main, resource: accounts, url: uri}
		a := Account{
			SID:          rec.identity(r.SID),
			OwnerSID:     rec.required("owner_account_sid", r.OwnerSID),
			FriendlyName: rec.str("friendly_name", r.FriendlyName),
			Status:       rec.str("status", r.Status),
			Type:         rec.str("type", r.Type),
			Created:      rec.requiredDate("date_created", r.DateCreated),
		}
		a.Updated = rec.updated(r.DateUpdated, a.Created)
		if !accountSID.MatchString(a.SID) {
			rec.fail("sid", a.SID, "not an account sid (AC and 32 hex digits)")
		}
		if !accountStatuses[a.Status] {
			rec.fail("status", a.Status, unknownStatus)
		}
		if rec.err != nil {
			return nil, "", rec.err
		}
		all = append(all, a)
	}
	return all, next, nil
}

// decodeNumbers reads a page of an account's phone numbers.
func decodeNumbers(account, uri string, body []byte) (all []Number, next string, err error) {
	var e struct {
		Next text `json:"next_page_uri"`
		Rows *[]struct {
			SID          text `json:"sid"`
			AccountSID   text `json:"account_sid"`
			PhoneNumber  text `json:"phone_number"`
			FriendlyName text `json:"friendly_name"`
			Type         text `json:"type"`
			Status       text `json:"status"`
			DateCreated  text `json:"date_created"`
			DateUpdated  text `json:"date_updated"`
		} `json:"incoming_phone_numbers"`
	}
	broken := json.Unmarshal(body, &e)
	next, err = checkEnvelope(account, Numbers, uri, broken, "incoming_phone_numbers", e.Rows != nil, e.Next)
	if err != nil {
		return nil, "", err
	}
	for _, r := range *e.Rows {
		rec := record{account: account, resource: Numbers, url: uri}
		n := Number{SID: rec.identity(r.SID)}
		rec.owned(r.AccountSID)
		n.PhoneNumber = rec.required("phone_number", r.PhoneNumber)
		n.FriendlyName = rec.str("friendly_name", r.FriendlyName)
		n.Type = rec.str("type", r.Type)
		n.Status = rec.str("status", r.Status)
		n.Created = rec.requiredDate("date_created", r.DateCreated)
		n.Updated = rec.updated(r.DateUpdated, n.Created)
		if rec.err != nil {
			return nil, "", rec.err
		}
		all = append(all, n)
	}
	return all, next, nil
}

// checkEnvelope is the error for a page that is not a list with rows under key,
// and the address of the next page, where null, "" and no such key mean the end.
func checkEnvelope(account string, r Resource, uri string, broken error, key string, hasRows bool, next text) (string, error) {
	reason := ""
	syntax, isSyntax := errors.AsType[*json.SyntaxError](broken)
	switch {
	case isSyntax:
		reason = fmt.Sprintf("is not JSON or was cut short, at byte %d", syntax.Offset)
	case broken != nil:
		reason = "does not have the form of a list of " + key
	case !hasRows:
		reason = fmt.Sprintf("lacks its list %q", key)
	case next.form == number || next.form == other:
		reason = "has a next_page_uri that is not a string"
	default:
		return next.s, nil
	}
	return "", &PageError{Account: account, Resource: r, URL: uri, Reason: reason, transient: true}
}

const unknownStatus = "a status this version does not know; check for a newer version"

// record reads the fields of one record and remembers the first error.
type record struct {
	account  string
	resource Resource
	url      string
	sid      string
	err      error
}

// fail notes what is wrong with a field.
func (r *record) fail(field, value, reason string) {
	if r.err == nil {
		r.err = &DecodeError{Account: r.account, Resource: r.resource, SID: clip(r.sid), Field: field,
			Value: clip(value), URL: r.url, Reason: reason}
	}
}

// appendTo adds a row to the page, unless it is of another day or of none yet.
func (r *record) appendTo(p *Page, in *row) {
	r.identity(in.SID)
	r.owned(in.AccountSID)
	created := r.requiredDate("date_created", in.DateCreated)
	started := created
	switch r.resource {
	case Calls:
		started = r.date("start_time", in.StartTime)
	case Messages:
		started = r.date("date_sent", in.DateSent)
	}
	if r.err != nil || started.IsZero() || started.Before(p.from) || !started.Before(p.to) {
		return
	}

	status := r.str("status", in.Status)
	final, known := statuses[r.resource][status]
	if !known {
		r.fail("status", status, unknownStatus)
	}
	var parent, kind, direction, from, to string
	if names := directions[r.resource]; names != nil {
		direction, from, to = r.str("direction", in.Direction), r.str("from", in.From), r.str("to", in.To)
		if direction != "" && !names[direction] {
			p.oddities = append(p.oddities, oddity{r.resource, "direction", clip(direction)})
		}
	}
	var quantity int64
	switch r.resource {
	case Calls:
		kind = KindCall
		parent = r.str("parent_call_sid", in.ParentCallSID)
		quantity = r.count("duration", in.Duration)
	case Messages:
		quantity = 1
		segments, media := r.count("num_segments", in.NumSegments), r.count("num_media", in.NumMedia)
		var channel string
		kind, channel = messageKind(from, to, media)
		if kind == KindSMS {
			quantity = segments
		}
		if channel != "" {
			p.oddities = append(p.oddities, oddity{r.resource, "channel", clip(channel)})
		}
	case Recordings:
		kind = KindRecording
		parent = r.str("call_sid", in.CallSID)
		if parent == "" {
			parent = r.str("conference_sid", in.ConferenceSID)
		}
		// Some clients report "-1" for a recording that is still being made.
		if in.Duration.s == "-1" && status != "completed" {
			in.Duration = text{}
		}
		quantity = r.count("duration", in.Duration)
	case Transcriptions:
		kind = KindTranscription
		parent = r.str("recording_sid", in.RecordingSID)
		quantity = r.count("duration", in.Duration)
	}
	price := r.price(in.Price)
	currency := r.currency(in.PriceUnit)
	updated := r.updated(in.DateUpdated, created)
	if r.err != nil {
		return
	}

	p.SID = append(p.SID, r.sid)
	p.ParentSID = append(p.ParentSID, parent)
	p.Kind = append(p.Kind, kind)
	p.Direction = append(p.Direction, direction)
	p.Status = append(p.Status, status)
	p.From = append(p.From, from)
	p.To = append(p.To, to)
	p.Created = append(p.Created, created)
	p.Started = append(p.Started, started)
	p.Updated = append(p.Updated, updated)
	p.Quantity = append(p.Quantity, quantity)
	p.Price = append(p.Price, price)
	p.Currency = append(p.Currency, currency)
	p.Final = append(p.Final, final.isFinal(kind, price.Valid))
}

// messageKind tells the kinds of message apart.
//
// A message of a channel that is neither the phone network nor WhatsApp, such
// as "rcs:" or "messenger:", is counted like a WhatsApp message: one per
// message, which is how Twilio charges for all channels. Its addresses keep the
// channel's name, which is answered too, so no phone number's rate can match.
func messageKind(from, to string, media int64) (kind, channel string) {
	a, b := scheme(from), scheme(to)
	switch {
	case a == "whatsapp" || b == "whatsapp":
		return KindWhatsApp, ""
	case a != "" || b != "":
		if a == "" {
			a = b
		}
		return KindWhatsApp, a
	case media > 0:
		return KindMMS, ""
	}
	return KindSMS, ""
}

// scheme is what stands before the colon of an address, folded; empty for phone
// numbers, alphanumeric senders and SIMs, which are all on the phone network.
func scheme(address string) string {
	name, _, found := strings.Cut(address, ":")
	if !found {
		return ""
	}
	if name = strings.ToLower(name); name == "sim" {
		return ""
	}
	return name
}

// str reads a string; empty for null.
func (r *record) str(field string, t text) string {
	if t.form == number || t.form == other {
		r.fail(field, "", "not a string")
		return ""
	}
	return t.s
}

// required reads a string that must be there.
func (r *record) required(field string, t text) string {
	s := r.str(field, t)
	if s == "" {
		r.fail(field, "", "missing")
	}
	return s
}

// identity reads the record's sid, which later errors name.
func (r *record) identity(t text) string {
	r.sid = r.required("sid", t)
	return r.sid
}

// owned checks that a record is of the account that was asked for.
func (r *record) owned(t text) {
	if sid := r.required("account_sid", t); r.err == nil && sid != r.account {
		r.fail("account_sid", sid, "not the account that was asked for")
	}
}

// dateLayouts are RFC 2822, which Twilio documents, and ISO 8601, which some
// resources have been seen to send.
var dateLayouts = []string{"Mon, 2 Jan 2006 15:04:05 -0700", time.RFC3339, "2006-01-02T15:04:05Z0700"}

// date reads an instant with any offset as UTC; zero if there is none yet. The
// years are those that a 32-bit count of seconds can hold.
func (r *record) date(field string, t text) time.Time {
	s := r.str(field, t)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			if at = at.UTC(); at.Year() >= 1970 && at.Year() <= 2105 {
				return at
			}
			break
		}
	}
	r.fail(field, s, "not a date like Tue, 31 Aug 2010 20:36:28 +0000 or 2010-08-31T20:36:28Z of the years 1970 to 2105")
	return time.Time{}
}

func (r *record) requiredDate(field string, t text) time.Time {
	at := r.date(field, t)
	if at.IsZero() {
		r.fail(field, "", "missing")
	}
	return at
}

// updated reads date_updated, which a record may lack.
func (r *record) updated(t text, created time.Time) time.Time {
	if at := r.date("date_updated", t); !at.IsZero() {
		return at
	}
	return created
}

// count reads a whole number that is not negative; 0 if there is none yet. It
// is less than 2^31, so that sums of many fit in 64 bits.
func (r *record) count(field string, t text) int64 {
	if t.s == "" && t.form != other {
		return 0
	}
	n, err := strconv.ParseUint(t.s, 10, 31)
	if err != nil {
		r.fail(field, t.s, "not a whole number from 0 to 2147483647")
	}
	return int64(n)
}

// mostCost is the first cost with too many digits before the point.
var mostCost = decimal.New(1, 10)

// price reads what Twilio charges as a positive number; see Price.
func (r *record) price(t text) Price {
	if t.s == "" && t.form != other {
		return Price{}
	}
	// Only a JSON number may have an exponent; the library bounds it.
	if len(t.s) > 64 || t.form != number && !plainDecimal(t.s) {
		r.fail("price", t.s, "not a decimal number")
		return Price{}
	}
	d, err := decimal.NewFromString(t.s)
	if err != nil {
		r.fail("price", t.s, "not a decimal number of a usual size")
		return Price{}
	}
	switch r.resource {
	case Calls, Messages:
		d = d.Neg()
	default:
		d = d.Abs()
	}
	if d.Abs().GreaterThanOrEqual(mostCost) {
		r.fail("price", t.s, "more than 10 digits before the point")
	}
	short := d.Truncate(8)
	if !short.Equal(d) {
		r.fail("price", t.s, "more than 8 digits after the point")
	}
	return Price{Decimal: short, Valid: true}
}

// plainDecimal reports whether s is digits with, at most, a minus before and a
// point within.
func plainDecimal(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return isDigits(whole) && (!point || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// currency reads an ISO 4217 code in either case; empty if there is none.
func (r *record) currency(t text) string {
	s := r.str("price_unit", t)
	if s == "" {
		return ""
	}
	code := strings.ToUpper(s)
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		r.fail("price_unit", s, "not a currency code like USD")
	}
	return code
}

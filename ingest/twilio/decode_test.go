package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fields are a record on the wire.
type fields map[string]any

const rfc2822 = "Thu, 08 Oct 2026 10:00:00 +0000"

// base is a good record of a resource, of 2026-10-08.
func base(r Resource) fields {
	f := fields{
		"sid": "XX1", "account_sid": subSID, "status": "completed", "duration": "80",
		"price": "-0.03000", "price_unit": "USD",
		"date_created": "Thu, 08 Oct 2026 09:59:59 +0000", "date_updated": "Thu, 08 Oct 2026 10:02:00 +0000",
		"uri": "/x", "subresource_uris": fields{"media": "/y"}, "future_field": []any{1, nil},
	}
	switch r {
	case Calls:
		maps.Copy(f, fields{"sid": "CA1", "parent_call_sid": "CA0", "direction": "outbound-dial", "from": "client:joe",
			"to": "+15550002", "start_time": rfc2822, "end_time": nil})
	case Messages:
		maps.Copy(f, fields{"sid": "SM1", "status": "delivered", "num_segments": "3", "num_media": "0", "direction": "outbound-api",
			"from": "+15550001", "to": "+15550002", "date_sent": rfc2822, "body": "personal text", "error_code": 30008, "duration": nil})
	case Recordings:
		maps.Copy(f, fields{"sid": "RE1", "call_sid": "CA1", "conference_sid": nil, "channels": 2, "start_time": "Wed, 07 Oct 2026 23:59:00 +0000"})
	case Transcriptions:
		maps.Copy(f, fields{"sid": "TR1", "recording_sid": "RE1", "transcription_text": "personal text", "type": "fast"})
	}
	return f
}

// with is f with some fields changed, or removed where a value is gone.
func (f fields) with(changes fields) fields {
	out := maps.Clone(f)
	for k, v := range changes {
		if v == gone {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

var gone = new(int)

// encode is a page of records with a next page.
func encode(t testing.TB, key string, next any, rows ...fields) string {
	t.Helper()
	if rows == nil {
		rows = []fields{}
	}
	b, err := json.Marshal(fields{key: rows, "page": 0, "page_size": 1000, "start": 0, "end": 0,
		"next_page_uri": next, "total": 7, "meta": fields{"a": 1}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decode is a page with one record, of the days 2026-10-08 and -09.
func decode(t testing.TB, r Resource, f fields) (*Page, error) {
	t.Helper()
	p := &Page{Account: subSID, Resource: r, URL: "/2010-04-01/page", from: day(8), to: day(10)}
	_, err := decodePage(r, []byte(encode(t, string(r), nil, f)), p)
	return p, err
}

// shown is a page of one record as text.
func shown(p *Page) string {
	if p.Len() != 1 {
		return fmt.Sprintf("%d records", p.Len())
	}
	price := "null"
	if p.Price[0].Valid {
		price = p.Price[0].Decimal.String()
	}
	const layout = "02 15:04:05"
	return strings.Join([]string{p.Kind[0], p.SID[0], p.ParentSID[0], p.Direction[0], p.Status[0], p.From[0], p.To[0],
		p.Created[0].Format(layout), p.Started[0].Format(layout), p.Updated[0].Format(layout),
		fmt.Sprint(p.Quantity[0]), price, p.Currency[0], fmt.Sprint(p.Final[0])}, "|")
}

func TestDecodeWholeRecord(t *testing.T) {
	for r, want := range map[Resource]string{
		Calls:          "call|CA1|CA0|outbound-dial|completed|client:joe|+15550002|08 09:59:59|08 10:00:00|08 10:02:00|80|0.03|USD|true",
		Messages:       "sms|SM1||outbound-api|delivered|+15550001|+15550002|08 09:59:59|08 10:00:00|08 10:02:00|3|0.03|USD|true",
		Recordings:     "recording|RE1|CA1||completed|||08 09:59:59|08 09:59:59|08 10:02:00|80|0.03|USD|true",
		Transcriptions: "transcription|TR1|RE1||completed|||08 09:59:59|08 09:59:59|08 10:02:00|80|0.03|USD|true",
	} {
		p, err := decode(t, r, base(r))
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(p); got != want {
			t.Errorf("%s:\n got %s\nwant %s", r, got, want)
		}
	}
}

// Every column has one element per record, also when nothing is filtered.
func TestColumnsAreEqualInLength(t *testing.T) {
	for r := range sources {
		p := &Page{Account: subSID, Resource: r, from: day(8), to: day(9)}
		outside := base(r).with(fields{"sid": "old", "date_created": "Wed, 07 Oct 2026 23:59:59 +0000",
			"start_time": "Wed, 07 Oct 2026 23:59:59 +0000", "date_sent": "Wed, 07 Oct 2026 23:59:59 +0000"})
		body := encode(t, string(r), "/2010-04-01/next", base(r), outside, base(r).with(fields{"sid": "last"}))
		next, err := decodePage(r, []byte(body), p)
		if err != nil || next != "/2010-04-01/next" {
			t.Fatalf("next %q, error %v", next, err)
		}
		if diff := cmp.Diff([]string{base(r)["sid"].(string), "last"}, p.SID); diff != "" {
			t.Errorf("%s: order: %s", r, diff)
		}
		v := reflect.ValueOf(*p)
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Slice && v.Type().Field(i).IsExported() && f.Len() != p.Len() {
				t.Errorf("%s: column %s has %d elements of %d", r, v.Type().Field(i).Name, f.Len(), p.Len())
			}
		}
	}
}

func TestDecodeFields(t *testing.T) {
	quantity := func(p *Page) string { return fmt.Sprint(p.Quantity[0]) }
	price := func(p *Page) string { return fmt.Sprint(p.Price[0].Valid, " ", p.Price[0].Decimal) }
	currency := func(p *Page) string { return p.Currency[0] }
	started := func(p *Page) string { return p.Started[0].Format(time.RFC3339Nano) }
	created := func(p *Page) string { return p.Created[0].Format(time.RFC3339) }
	updated := func(p *Page) string { return p.Updated[0].Format(time.RFC3339) }
	parent := func(p *Page) string { return p.ParentSID[0] }
	kind := func(p *Page) string { return p.Kind[0] + " " + fmt.Sprint(p.Quantity[0]) }
	ends := func(p *Page) string { return p.Direction[0] + " " + p.From[0] + " " + p.To[0] }

	for _, tt := range []struct {
		r      Resource
		change fields
		get    func(*Page) string
		want   string // "!field" for a DecodeError about the field, "-" for a record left out
	}{
		// Durations.
		{Calls, fields{"duration": "0"}, quantity, "0"},
		{Calls, fields{"duration": ""}, quantity, "0"},
		{Calls, fields{"duration": nil}, quantity, "0"},
		{Calls, fields{"duration": gone}, quantity, "0"},
		{Calls, fields{"duration": 12}, quantity, "12"},
		{Calls, fields{"duration": "2147483647"}, quantity, "2147483647"},
		{Calls, fields{"duration": "2147483648"}, nil, "!duration"},
		{Calls, fields{"duration": "-1"}, nil, "!duration"},
		{Calls, fields{"duration": -1}, nil, "!duration"},
		{Calls, fields{"duration": "1.5"}, nil, "!duration"},
		{Calls, fields{"duration": "1m"}, nil, "!duration"},
		{Calls, fields{"duration": fields{}}, nil, "!duration"},
		{Calls, fields{"duration": true}, nil, "!duration"},
		{Recordings, fields{"duration": "-1", "status": "processing"}, quantity, "0"},
		{Recordings, fields{"duration": "-1", "status": "completed"}, nil, "!duration"},
		{Recordings, fields{"duration": "-2", "status": "processing"}, nil, "!duration"},
		{Transcriptions, fields{"duration": "x"}, nil, "!duration"},

		// Prices: the sign turned, and absolute for recordings and transcriptions.
		{Calls, fields{"price": "-0.0085"}, price, "true 0.0085"},
		{Calls, fields{"price": "0.0085"}, price, "true -0.0085"},
		{Calls, fields{"price": "-0.00000"}, price, "true 0"},
		{Calls, fields{"price": "0"}, price, "true 0"},
		{Calls, fields{"price": nil}, price, "false 0"},
		{Calls, fields{"price": ""}, price, "false 0"},
		{Calls, fields{"price": gone}, price, "false 0"},
		{Calls, fields{"price": json.Number("-0.10000000000000000")}, price, "true 0.1"},
		{Calls, fields{"price": json.Number("-1e-05")}, price, "true 0.00001"},
		{Calls, fields{"price": "-9999999999.99999999"}, price, "true 9999999999.99999999"},
		{Calls, fields{"price": "-10000000000"}, nil, "!price"},
		{Calls, fields{"price": "-0.000000001"}, nil, "!price"},
		{Calls, fields{"price": json.Number("-1e-9")}, nil, "!price"},
		{Calls, fields{"price": json.Number("-1e9999")}, nil, "!price"},
		{Calls, fields{"price": json.Number("-1e-9999")}, nil, "!price"},
		{Calls, fields{"price": json.Number("-1e999999999")}, nil, "!price"},
		{Calls, fields{"price": json.Number("-1e-999999999")}, nil, "!price"},
		{Calls, fields{"price": json.Number("1e99999999999999999999")}, nil, "!price"},
		{Calls, fields{"price": "-" + strings.Repeat("0", 64)}, nil, "!price"},
		{Calls, fields{"price": "1e3"}, nil, "!price"},
		{Calls, fields{"price": "0,03"}, nil, "!price"},
		{Calls, fields{"price": "USD 1"}, nil, "!price"},
		{Calls, fields{"price": "."}, nil, "!price"},
		{Calls, fields{"price": "1."}, nil, "!price"},
		{Calls, fields{"price": "+1"}, nil, "!price"},
		{Calls, fields{"price": "-"}, nil, "!price"},
		{Calls, fields{"price": "NaN"}, nil, "!price"},
		{Calls, fields{"price": []any{}}, nil, "!price"},
		{Messages, fields{"price": "-0.00750"}, price, "true 0.0075"},
		{Recordings, fields{"price": "0.04"}, price, "true 0.04"},
		{Recordings, fields{"price": "-0.0025"}, price, "true 0.0025"},
		{Recordings, fields{"price": json.Number("0.0025")}, price, "true 0.0025"},
		{Recordings, fields{"price": json.Number("-0.0025")}, price, "true 0.0025"},
		{Transcriptions, fields{"price": "-0.05000"}, price, "true 0.05"},
		{Transcriptions, fields{"price": json.Number("0.05")}, price, "true 0.05"},
		{Transcriptions, fields{"price": "0.00000"}, price, "true 0"},

		// Currencies.
		{Calls, fields{"price_unit": "usd"}, currency, "USD"},
		{Calls, fields{"price_unit": "JPY"}, currency, "JPY"},
		{Calls, fields{"price_unit": nil}, currency, ""},
		{Calls, fields{"price_unit": ""}, currency, ""},
		{Calls, fields{"price_unit": "dollar"}, nil, "!price_unit"},
		{Calls, fields{"price_unit": "U$D"}, nil, "!price_unit"},
		{Calls, fields{"price_unit": 840}, nil, "!price_unit"},

		// Dates, and the half-open days [8, 10).
		{Calls, fields{"start_time": "Thu, 08 Oct 2026 01:30:00 +0100"}, started, "2026-10-08T00:30:00Z"},
		{Calls, fields{"start_time": "Thu, 8 Oct 2026 01:30:00 +0000"}, started, "2026-10-08T01:30:00Z"},
		{Calls, fields{"start_time": "Thu, 08 Oct 2026 00:30:00 +0100"}, nil, "-"},
		{Calls, fields{"start_time": "Thu, 08 Oct 2026 00:00:00 +0000"}, started, "2026-10-08T00:00:00Z"},
		{Calls, fields{"start_time": "Fri, 09 Oct 2026 23:59:59 +0000"}, started, "2026-10-09T23:59:59Z"},
		{Calls, fields{"start_time": "Sat, 10 Oct 2026 00:00:00 +0000"}, nil, "-"},
		{Calls, fields{"start_time": "Wed, 07 Oct 2026 23:30:00 -0100"}, started, "2026-10-08T00:30:00Z"},
		{Calls, fields{"start_time": "2026-10-08T10:00:00Z"}, started, "2026-10-08T10:00:00Z"},
		{Calls, fields{"start_time": "2026-10-08T10:00:00.25+02:00"}, started, "2026-10-08T08:00:00.25Z"},
		{Calls, fields{"start_time": "2026-10-08T10:00:00+0000"}, started, "2026-10-08T10:00:00Z"},
		{Calls, fields{"start_time": nil}, nil, "-"},
		{Calls, fields{"start_time": ""}, nil, "-"},
		{Calls, fields{"start_time": "yesterday"}, nil, "!start_time"},
		{Calls, fields{"start_time": "2026-10-08"}, nil, "!start_time"},
		{Calls, fields{"start_time": 1791453600}, nil, "!start_time"},
		{Calls, fields{"start_time": "Thu, 08 Oct 1969 10:00:00 +0000"}, nil, "!start_time"},
		{Calls, fields{"start_time": "Thu, 08 Oct 2106 10:00:00 +0000"}, nil, "!start_time"},
		{Calls, fields{"date_created": "Thu, 08 Oct 2026 12:00:00 +0200"}, created, "2026-10-08T10:00:00Z"},
		{Calls, fields{"date_created": nil}, nil, "!date_created"},
		{Calls, fields{"date_created": "x"}, nil, "!date_created"},
		{Calls, fields{"date_updated": nil}, updated, "2026-10-08T09:59:59Z"},
		{Calls, fields{"date_updated": "x"}, nil, "!date_updated"},
		{Messages, fields{"date_sent": nil}, nil, "-"},
		{Messages, fields{"date_sent": "x"}, nil, "!date_sent"},
		{Messages, fields{"date_sent": "Fri, 09 Oct 2026 10:00:00 +0000"}, started, "2026-10-09T10:00:00Z"},
		{Recordings, fields{"date_created": "Wed, 07 Oct 2026 10:00:00 +0000", "start_time": rfc2822}, nil, "-"},
		{Transcriptions, fields{"date_created": "Fri, 01 Oct 2021 10:00:00 +0000"}, nil, "-"},

		// Whose record it is, checked for every day.
		{Calls, fields{"sid": nil}, nil, "!sid"},
		{Calls, fields{"sid": ""}, nil, "!sid"},
		{Calls, fields{"sid": 7}, nil, "!sid"},
		{Calls, fields{"account_sid": otherSID}, nil, "!account_sid"},
		{Calls, fields{"account_sid": gone}, nil, "!account_sid"},
		{Calls, fields{"account_sid": otherSID, "start_time": nil}, nil, "!account_sid"},
		{Messages, fields{"account_sid": otherSID}, nil, "!account_sid"},

		// Another day's record is another day's concern.
		{Calls, fields{"start_time": nil, "status": "teleported", "price": "x", "duration": "-3"}, nil, "-"},

		// Parents.
		{Calls, fields{"parent_call_sid": nil}, parent, ""},
		{Calls, fields{"parent_call_sid": 5}, nil, "!parent_call_sid"},
		{Recordings, fields{"call_sid": nil, "conference_sid": "CF1"}, parent, "CF1"},
		{Recordings, fields{"call_sid": gone, "conference_sid": gone}, parent, ""},

		// Ends.
		{Calls, fields{"direction": nil, "from": nil, "to": ""}, ends, "  "},
		{Calls, fields{"direction": "sideways", "from": "sip:a@b", "to": "käthe"}, ends, "sideways sip:a@b käthe"},
		{Calls, fields{"from": "a\"b\\c"}, ends, `outbound-dial a"b\c +15550002`},
		{Calls, fields{"from": 5}, nil, "!from"},
		{Calls, fields{"to": fields{}}, nil, "!to"},
		{Calls, fields{"direction": false}, nil, "!direction"},

		// Kinds of message.
		{Messages, fields{"num_segments": "0"}, kind, "sms 0"},
		{Messages, fields{"num_segments": nil}, kind, "sms 0"},
		{Messages, fields{"num_media": nil}, kind, "sms 3"},
		{Messages, fields{"num_media": "2"}, kind, "mms 1"},
		{Messages, fields{"from": nil}, kind, "sms 3"},
		{Messages, fields{"from": "Subtally & Co"}, kind, "sms 3"},
		{Messages, fields{"from": "sim:DE1"}, kind, "sms 3"},
		{Messages, fields{"from": "whatsapp:+15550001"}, kind, "whatsapp 1"},
		{Messages, fields{"to": "whatsapp:+15550001", "num_media": "2"}, kind, "whatsapp 1"},
		{Messages, fields{"from": "messenger:123"}, kind, "whatsapp 1"},
		{Messages, fields{"from": "rcs:agent", "to": "rcs:+15550002"}, kind, "whatsapp 1"},
		{Messages, fields{"num_segments": "x"}, nil, "!num_segments"},
		{Messages, fields{"num_segments": "-1"}, nil, "!num_segments"},
		{Messages, fields{"num_media": "x"}, nil, "!num_media"},

		// Statuses.
		{Calls, fields{"status": "teleported"}, nil, "!status"},
		{Calls, fields{"status": nil}, nil, "!status"},
		{Calls, fields{"status": "Completed"}, nil, "!status"},
		{Calls, fields{"status": "delivered"}, nil, "!status"},
		{Messages, fields{"status": "completed"}, nil, "!status"},
		{Recordings, fields{"status": 3}, nil, "!status"},
		{Transcriptions, fields{"status": "absent"}, nil, "!status"},
	} {
		name := strings.ReplaceAll(fmt.Sprintf("%s %v", tt.r, map[string]any(tt.change)), "/", "_")
		t.Run(name, func(t *testing.T) {
			in := base(tt.r).with(tt.change)
			p, err := decode(t, tt.r, in)
			field, wantErr := strings.CutPrefix(tt.want, "!")
			switch {
			case wantErr:
				bad, ok := errors.AsType[*DecodeError](err)
				if !ok {
					t.Fatalf("error %v, want a DecodeError", err)
				}
				if bad.Field != field || bad.Account != subSID || bad.Resource != tt.r || bad.URL != p.URL {
					t.Errorf("%#v: want field %s", bad, field)
				}
				if sid, ok := in["sid"].(string); ok && bad.SID != sid {
					t.Errorf("%#v: want the sid %s", bad, sid)
				}
				if s, ok := in[field].(string); ok && len(s) < 100 && bad.Value != s && field != "from" && field != "to" {
					t.Errorf("%#v: want the value %q", bad, s)
				}
				noSecretIn(t, err)
			case err != nil:
				t.Fatal(err)
			case tt.want == "-":
				if p.Len() != 0 {
					t.Errorf("taken: %s", shown(p))
				}
			default:
				if p.Len() != 1 {
					t.Fatal("left out")
				}
				if got := tt.get(p); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestFinal(t *testing.T) {
	// Per status: final without a price, final with one.
	for r, want := range map[Resource]string{
		Calls: `busy:true,true canceled:true,true completed:false,true failed:true,true in-progress:false,false
			no-answer:true,true queued:false,false ringing:false,false`,
		Messages: `accepted:false,false canceled:true,true delivered:false,true failed:true,true partially_delivered:false,true
			queued:false,false read:false,true received:false,true receiving:false,false scheduled:false,false
			sending:false,false sent:false,true undelivered:false,true`,
		Recordings: `absent:true,true completed:false,true deleted:false,true in-progress:false,false paused:false,false
			processing:false,false stopped:false,false`,
		Transcriptions: `completed:false,true failed:false,true in-progress:false,false`,
	} {
		rows := strings.Fields(want)
		if len(rows) != len(statuses[r]) {
			t.Errorf("%s: %d statuses, want %d", r, len(statuses[r]), len(rows))
		}
		for _, row := range rows {
			status, want, _ := strings.Cut(row, ":")
			var got []string
			for _, price := range []any{nil, "-0.01"} {
				p, err := decode(t, r, base(r).with(fields{"status": status, "price": price}))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprint(p.Final[0]))
			}
			if got := strings.Join(got, ","); got != want {
				t.Errorf("%s %s: final %s, want %s", r, status, got, want)
			}
		}
	}
	p, err := decode(t, Messages, base(Messages).with(fields{"status": "undelivered", "price": nil, "to": "whatsapp:+1555"}))
	if err != nil || !p.Final[0] {
		t.Errorf("an undelivered WhatsApp message is not final: %v", err)
	}
}

func TestDecodeBrokenPages(t *testing.T) {
	whole := encode(t, "calls", nil, base(Calls))
	for name, body := range map[string]string{
		"empty":             "",
		"html":              "<html>personal text</html>",
		"cut":               whole[:len(whole)-1],
		"cut early":         whole[:20],
		"trailing":          whole + "personal text",
		"no rows":           `{"page":0,"next_page_uri":null}`,
		"rows of another":   encode(t, "messages", nil, base(Messages)),
		"null rows":         `{"calls":null}`,
		"rows no list":      `{"calls":{}}`,
		"rows a string":     `{"calls":"personal text"}`,
		"rows of strings":   `{"calls":["personal text"]}`,
		"a list":            `["personal text"]`,
		"null":              `null`,
		"next is a number":  `{"calls":[],"next_page_uri":5}`,
		"next is an object": `{"calls":[],"next_page_uri":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := &Page{Account: subSID, Resource: Calls, URL: "/2010-04-01/page", from: day(8), to: day(9)}
			_, err := decodePage(Calls, []byte(body), p)
			bad, ok := errors.AsType[*PageError](err)
			if !ok {
				t.Fatalf("error %v, want a PageError", err)
			}
			if bad.Account != subSID || bad.Resource != Calls || bad.URL != p.URL || !bad.transient {
				t.Errorf("%#v", bad)
			}
			noSecretIn(t, err)
		})
	}
	for _, body := range []string{`{"calls":[]}`, `{"calls":[],"next_page_uri":""}`, `{"calls":[],"next_page_uri":null,"x":{}}`} {
		if next, err := decodePage(Calls, []byte(body), &Page{}); next != "" || err != nil {
			t.Errorf("%s: next %q, error %v: want the end", body, next, err)
		}
	}
}

// A page must survive the buffer it was read from.
func TestDecodeKeepsNothingOfTheBody(t *testing.T) {
	body := []byte(encode(t, "calls", nil, base(Calls)))
	p := &Page{Account: subSID, Resource: Calls, from: day(8), to: day(9)}
	if _, err := decodePage(Calls, body, p); err != nil {
		t.Fatal(err)
	}
	before := shown(p)
	for i := range body {
		body[i] = 'x'
	}
	if after := shown(p); after != before {
		t.Errorf("changed to %s", after)
	}
}

// Nothing that holds personal data or a token has a field to go to.
func TestNoFieldForSecrets(t *testing.T) {
	for _, v := range []any{Page{}, row{}, Account{}, Number{}} {
		for i := range reflect.TypeOf(v).NumField() {
			f := reflect.TypeOf(v).Field(i)
			for _, word := range []string{"body", "text", "token", "secret"} {
				if strings.Contains(strings.ToLower(f.Name+" "+string(f.Tag)), word) {
					t.Errorf("%T has the field %s", v, f.Name)
				}
			}
		}
	}
}

func FuzzDecodePage(f *testing.F) {
	order := []Resource{Calls, Messages, Recordings, Transcriptions}
	for i, r := range order {
		body := encode(f, string(r), "/2010-04-01/Accounts/"+subSID+"/next", base(r), base(r).with(fields{"price": json.Number("-1e-5")}))
		f.Add(byte(i), []byte(body))
		f.Add(byte(i), []byte(body[:len(body)/2]))
	}
	f.Add(byte(0), []byte(`{"calls":[null,{}]}`))
	f.Add(byte(0), []byte(`{"calls":[{"sid":"\ud800","account_sid":"`+subSID+`","date_created":"`+rfc2822+`","start_time":"`+rfc2822+`","status":"completed","price":1e400}]}`))
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		r := order[int(which)%len(order)]
		p := &Page{Account: subSID, Resource: r, from: day(8), to: day(9)}
		_, err := decodePage(r, body, p)
		if err != nil {
			_, isPage := errors.AsType[*PageError](err)
			_, isRecord := errors.AsType[*DecodeError](err)
			if !isPage && !isRecord {
				t.Fatalf("error of another type: %#v", err)
			}
			_ = err.Error()
			return
		}
		for i := range p.Len() {
			if p.SID[i] == "" || p.Kind[i] == "" || p.Started[i].Before(p.from) || !p.Started[i].Before(p.to) ||
				p.Quantity[i] < 0 || p.Price[i].Decimal.Exponent() < -8 || p.Price[i].Decimal.Abs().Cmp(mostCost) >= 0 {
				t.Fatalf("record %d: %s", i, shown(p))
			}
		}
	})
}

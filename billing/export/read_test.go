package export

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

var sameTime = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

// read is what a file holds.
func read(r io.Reader, name string) (out []pricing.Record, err error) {
	err = ReadUsage(r, name, october, func(_ int, rec *pricing.Record) error {
		out = append(out, *rec)
		return nil
	})
	return out, err
}

// Noon in Berlin, where October begins two hours before it does in UTC.
var noon = time.Date(2026, 10, 1, 10, 0, 0, 0, time.UTC)

func TestReadUsage(t *testing.T) {
	full := pricing.Record{
		Account: "AC1", SID: "CA1", ParentSID: "CA0", Kind: pricing.Call, Direction: "inbound", Status: "busy",
		From: "+4930", To: "sip:a,b@example.com", StartedAt: time.Date(2026, 10, 5, 10, 0, 0, 500_000_000, time.UTC),
		Quantity: number("7.5"), Cost: decimal.NewNullDecimal(number("0.00850001")), Currency: "USD",
	}
	other := pricing.Record{
		Account: "AC", SID: "line-3", Kind: pricing.Other, Category: "lookups", Status: "counted", StartedAt: noon, Quantity: number("1200"),
	}
	sms := pricing.Record{
		Account: "AC", SID: "line-4", Kind: pricing.SMS, Direction: "outbound", Status: "delivered", StartedAt: noon, Quantity: number("2"),
	}
	held := pricing.Record{Account: "AC", SID: "line-5", Kind: pricing.Number, Status: "held", To: "+4930", StartedAt: noon, Quantity: number("1")}
	want := []pricing.Record{full, other, sms, held}

	const table = "\xef\xbb\xbfQuantity, Kind ,account,sid,parent_sid,category,started_at,direction,status,from,to,cost,cost_currency,unit,amount,tenant\n" +
		"7.5,call,AC1,CA1,CA0,,2026-10-05T12:00:00.5+02:00,inbound,busy,+4930,\"sip:a,b@example.com\",0.00850001,USD,second,9.99,acme\n" +
		" 1200 ,other,,,,lookups,,,,,,,,,,\n" +
		"2.0000000,sms,,,,,,,,,,,,,,\n" +
		"1,number,,,,,,,,,+4930,,,,,\n"
	const lines = `{"quantity": 7.5, "kind": "call", "account": "AC1", "sid": "CA1", "parent_sid": "CA0", "started_at": "2026-10-05T12:00:00.5+02:00",
 "direction": "inbound", "status": "busy", "from": "+4930", "to": "sip:a,b@example.com", "cost": "0.00850001", "cost_currency": "USD", "unit": "second", "amount": 9.99}
` + "\n" + `{"kind": "other", "category": "lookups", "quantity": "1200", "cost": null}
{"kind": "sms", "quantity": 2}
{"kind": "number", "to": "+4930", "quantity": 1}`
	oneALine := strings.Replace(lines, "\n \"direction", " \"direction", 1)

	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, table) //nolint:errcheck // into memory
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"u.csv": table, "u.ndjson": oneALine, "U.JSONL": oneALine, "dir.d/u.csv.gz": zipped.String()} {
		got, err := read(strings.NewReader(text), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, sameTime); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Sums of many tenants are large, and a cost is negative where it is a refund.
func TestReadUsageNumbers(t *testing.T) {
	const text = "kind,quantity,cost,cost_currency\n" +
		"other,999999999999999999.999999,-0.00850001,USD\n" +
		"other,1000000000000.0000000,-999999999999999999,USD\n"
	got, err := read(strings.NewReader(text), "u.csv")
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range [][2]string{{"999999999999999999.999999", "-0.00850001"}, {"1000000000000", "-999999999999999999"}} {
		if !got[i].Quantity.Equal(number(want[0])) || !got[i].Cost.Decimal.Equal(number(want[1])) {
			t.Errorf("quantity %s and cost %s, want %s", got[i].Quantity, got[i].Cost.Decimal, want)
		}
	}
}

// What a record has by default is charged for.
func TestReadUsageDefaults(t *testing.T) {
	for _, kind := range pricing.Kinds {
		got, err := read(strings.NewReader("kind,quantity\n"+string(kind)+",1\n"), "u.csv")
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", kind, got, err)
		}
		if !pricing.Charged(kind, got[0].Status) {
			t.Errorf("%s: status %q is not charged", kind, got[0].Status)
		}
		if directed := got[0].Channel() != ""; directed != (got[0].Direction == "outbound") {
			t.Errorf("%s: direction %q", kind, got[0].Direction)
		}
	}
}

// Everything wrong in a file is reported at once, with its line.
func TestReadUsageProblems(t *testing.T) {
	kinds := "; use one of [call sms mms whatsapp recording transcription number other]"
	for _, c := range []struct {
		name, file, text string
		want             []string
	}{
		{"rows", "u.csv", `kind,quantity,sid,started_at,direction,status,cost,cost_currency,unit
call,60,CA1,,,,,,
cal,60,CA2,,,,,,
,60,CA3,,,,,,
call,,CA4,2026-10-05,inbund,complete,1,,minute
call,60,CA1,,,,,,
sms,1e3,,,,,1,usd,
sms,-2,,,,,0.123456789,USD,
sms,0.0000001,,,,,-1000000000000000000,USD,
sms,1000000000000000000,,,,,"1,5",USD,
sms,+1,,,,,.5,USD,
sms,--1,,,,,-,USD,
call,60,CA1,,,,,,
call,10000000001,,,,,,,
number,0.5,,,,,,,
call,60
`, []string{
			`3: "cal" is not a kind of usage` + kinds,
			`4: the kind is missing` + kinds,
			`5: "inbund" is not a direction; use inbound or outbound, or Twilio's word for it`,
			`5: "complete" is not a status of a call; use one of [queued ringing in-progress completed busy failed no-answer canceled]`,
			`5: unit "minute": the quantity of a call is in the unit second`,
			`5: started_at "2026-10-05" is not a time such as 2026-10-05T10:00:00Z or 2026-10-05T12:00:00+02:00`,
			`5: the quantity is missing; that of a call is in the unit second`,
			`5: the cost has no cost_currency`,
			`6: the record of line 2 stands here again, with the same account and sid; it would be billed twice`,
			`7: quantity "1e3" is not a plain decimal number such as 0.0125`,
			`7: cost_currency "usd" is not an ISO 4217 currency code such as USD`,
			`8: quantity -2 is negative`,
			`8: cost 0.123456789 has more than 8 decimals`,
			`9: quantity 0.0000001 has more than 6 decimals`,
			`9: cost -1000000000000000000 has more than 18 digits before the point`,
			`10: quantity 1000000000000000000 has more than 18 digits before the point`,
			`10: cost "1,5" is not a plain decimal number such as 0.0125`,
			`11: quantity "+1" is not a plain decimal number such as 0.0125`,
			`11: cost ".5" is not a plain decimal number such as 0.0125`,
			`12: quantity "--1" is not a plain decimal number such as 0.0125`,
			`12: cost "-" is not a plain decimal number such as 0.0125`,
			`13: the record of line 2 stands here again, with the same account and sid; it would be billed twice`,
			`14: quantity 10000000001: nothing lasts for more than 10000000000 seconds`,
			`15: quantity 0.5: a number is held for whole days`,
			`16: 2 fields where the header has 9`,
		}},
		{"header", "u.csv", "kind,minutes,to,to\ncall,1,,\n", []string{
			`1: unknown column "minutes"; a usage file has ` + strings.Join(usageColumns, ", "),
			`1: column "to" stands twice`,
			`1: column "quantity" is missing`,
		}},
		{"nothing", "u.csv", "", []string{`1: a usage file needs a header line, such as kind,quantity,to; it may have ` + strings.Join(usageColumns, ", ")}},
		{"quotes", "u.csv", "kind,quantity,to\ncall,60,\"a\"b\nsms,x,\n", []string{
			`2: extraneous or missing " in quoted-field`,
			`3: quantity "x" is not a plain decimal number such as 0.0125`,
		}},
		{"encoding", "u.csv", "kind,quantity,to\ncall,60,M\xfcller\ncall,60,a\rb\n", []string{
			`2: not UTF-8; save the file in that encoding`,
			`3: "a\rb" holds a carriage return`,
		}},
		// A sid that is given may be the one that another line would get.
		{"made up", "u.csv", "kind,quantity,sid\ncall,60,line-3\ncall,60,\n", []string{
			`3: the record of line 2 stands here again, with the same account and sid; it would be billed twice`,
		}},
		{"objects", "u.ndjson", `{"kind": "call", "quantity": 1e2}
{"kind": "call", "quantity": 60, "kind": "sms"}
{"kind": "call", "quantity": 60, "minutes": 1}
{"kind": "call", "quantity": 60, "to": 14155550100}
{"kind": "call", "quantity": true}
{"kind": "call", "quantity": [60]}
{"kind": "call", "quantity": 60} {"kind": "call", "quantity": 60}
{"kind": "call", "quantity": 60,}
{"kind": "call"
[60]
{"kind": "M` + "\xfc" + `ller", "quantity": 60}
`, []string{
			`1: quantity "1e2" is not a plain decimal number such as 0.0125`,
			`2: key "kind" stands twice`,
			`3: unknown key "minutes"; a usage record has ` + strings.Join(usageColumns, ", "),
			`4: to must be text in quotes, not the number 14155550100`,
			`5: quantity must be text or a number`,
			`6: quantity must be text or a number`,
			`7: something follows the object; give each record a line of its own`,
			`8: not valid JSON: invalid character '}' looking for beginning of object key string`,
			`9: not valid JSON: the object does not end`,
			`10: not a JSON object such as {"kind": "call", "quantity": 60}`,
			`11: not UTF-8; save the file in that encoding`,
		}},
		{"long", "u.ndjson", "{\"kind\": \"call\", \"quantity\": 60}\n" + strings.Repeat(" ", maxJSONLine+1), []string{
			`2: the line is longer than 1 MiB; give each record a line of its own`,
		}},
		{"name", "u.xlsx", "", []string{`0: the name must end in .csv, .ndjson or .jsonl, with or without .gz`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(strings.NewReader(c.text), c.file)
			var wrong *UsageError
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v", err)
			}
			var got []string
			for _, p := range wrong.Problems {
				got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Text))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems: %s", diff)
			}
			if wrong.Total != len(c.want) {
				t.Errorf("%d problems in total, want %d", wrong.Total, len(c.want))
			}
		})
	}
}

// The same sid of two accounts is two records.
func TestReadUsageAccounts(t *testing.T) {
	if got, err := read(strings.NewReader("account,sid,kind,quantity\nAC1,PN1,number,1\nAC2,PN1,number,1\n"), "u.csv"); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// A file with a problem on every line does not fill the screen.
func TestReadUsageManyProblems(t *testing.T) {
	_, err := read(strings.NewReader("kind,quantity\n"+strings.Repeat("call,x\n", 250)), "u.csv")
	var wrong *UsageError
	if !errors.As(err, &wrong) || wrong.Total != 250 || len(wrong.Problems) != 100 || wrong.Problems[99].Line != 101 {
		t.Errorf("%d problems, %v", wrong.Total, err)
	}
}

func TestReadUsageErrors(t *testing.T) {
	const text = "kind,quantity\ncall,60\n"
	stop := errors.New("stop")
	if err := ReadUsage(strings.NewReader(text), "u.csv", october, func(int, *pricing.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("each: %v", err)
	}
	if _, err := read(strings.NewReader(text), "u.csv.gz"); !errors.Is(err, gzip.ErrHeader) {
		t.Errorf("not compressed: %v", err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, text) //nolint:errcheck // into memory
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"u.csv.gz", "u.ndjson.gz"} {
		if _, err := read(bytes.NewReader(zipped.Bytes()[:zipped.Len()-4]), name); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s cut off: %v", name, err)
		}
	}
}

// Whatever a file holds, it is refused or read; and what was read, written as
// an export and read again, is the same.
func FuzzReadUsage(f *testing.F) {
	const header = "account,kind,sid,parent_sid,started_at,direction,status,from,to,quantity,cost,cost_currency\n"
	for _, text := range []string{
		header + "AC1,call,CA1,CA0,2026-10-05T10:00:00Z,outbound-api,completed,+1415,\"sip:a,b@example.com\",65,0.0085,USD\n",
		header + "AC1,sms,SM1,,9999-12-31T23:59:59-01:00,inbound,received,+1415,\"x\ny\",2,,\n",
		"kind,quantity\ncall,60\n\nnumber,1\nother,0.000001\n",
		"\xef\xbb\xbfkind,quantity,to\nmms,1,\"\"\"\"\n",
		"kind,quantity,sid\ncall,60,line-3\ncall,60,\n",
		"kind,quantity,to\nsms,1,\"a\r\r\nb\"\nsms,1,\\.\n",
		"kind,quantity\ncall,60",
		"kind,quantity,started_at\ncall,60,2026-10-05T10:00:00.000000001+02:00\n",
	} {
		f.Add([]byte(text), false)
	}
	for _, text := range []string{
		`{"kind": "call", "quantity": 60.50, "cost": "0.0085", "cost_currency": "USD"}` + "\n\n" + `{"kind": "sms", "quantity": "2"}`,
		`{"kind": "call", "quantity": 60, "to": "\ud800\u0000\r\n"}`,
		`{"kind": "call", "quantity": 60, "amount": {"a": [1]}}`,
		`{"kind": "number", "quantity": 1, "started_at": "0000-01-01T00:00:00+23:59"}`,
		`{"kind": "call"] 60`,
	} {
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		name := "u.csv"
		if isJSON {
			name = "u.ndjson"
		}
		first, err := read(bytes.NewReader(data), name)
		if err != nil {
			return
		}
		var b bytes.Buffer
		out, err := NewUsage(&b, Format{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			rec := &first[i]
			row := warehouse.UsageRow{
				Account: rec.Account, SID: rec.SID, Kind: string(rec.Kind), ParentSID: rec.ParentSID,
				Direction: rec.Direction, Status: rec.Status, From: rec.From, To: rec.To,
				StartedAt: rec.StartedAt, Quantity: rec.Quantity, Currency: rec.Currency,
			}
			if rec.Cost.Valid {
				row.Cost = &rec.Cost.Decimal
			}
			if err := out.Add(&billing.Document{Tenant: "acme", Period: october, Currency: "USD"}, &billing.Item{UsageRow: &row}); err != nil {
				t.Fatal(err)
			}
			rec.Category = "" // no stored record has one
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := read(&b, "u.csv")
		if err != nil {
			t.Fatalf("written, it is refused: %v", err)
		}
		if diff := cmp.Diff(first, again, sameTime); diff != "" {
			t.Errorf("read back: %s", diff)
		}
	})
}

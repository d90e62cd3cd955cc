package export

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

var october = billing.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "Europe/Berlin")

// crlf is CSV whose lines end in CRLF, as RFC 4180 has it: not those within
// quotes.
func crlf(text string) string {
	var b strings.Builder
	quoted := false
	for _, r := range text {
		if r == '"' {
			quoted = !quoted
		}
		if r == '\n' && !quoted {
			b.WriteByte('\r')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// awkward is a name with everything that CSV has to quote.
const awkward = "Škoda, \"Söhne\"\nGmbH"

func TestLines(t *testing.T) {
	var b bytes.Buffer
	out, err := NewLines(&b, Format{})
	if err != nil {
		t.Fatal(err)
	}
	doc := &billing.Document{Kind: billing.Invoice, Revision: 1, Period: october, Tenant: "acme", Number: "INV-2026-000001", Currency: "USD", Lines: []pricing.Line{
		{Charge: "calls", Category: pricing.Calls, Kind: pricing.Call, Description: "Calls, by second", Item: `The "Rock"`, Records: 2,
			Quantity: number("61"), Unit: pricing.Second, UnitPrice: number("0.01"), Per: 60, Amount: number("0.01")},
		{Charge: "sms", Category: pricing.Messages, Kind: pricing.SMS, Description: "two\nlines", Records: 1000000,
			Quantity: number("1000000"), Unit: pricing.Segment, UnitPrice: number("0.0075"), Per: 1, Amount: number("7500")},
		{Charge: "fee", Category: pricing.Fees, Description: "Fee", Quantity: number("1"), Unit: pricing.Month, UnitPrice: number("49.00"), Per: 1, Amount: number("49"), TaxCode: "reduced"},
	}}
	yen := &billing.Document{Kind: billing.CreditNote, Revision: 2, Corrects: &billing.Correction{Number: "INV-1"},
		Adjustments: []billing.Adjustment{{Number: "INV-0", Period: billing.Days{From: pricing.Date{Year: 2026, Month: 9, Day: 3}}}},
		Period:      october, Tenant: "yen", Currency: "JPY", Lines: []pricing.Line{
			{Charge: "calls", Category: pricing.Calls, Kind: pricing.Call, Description: "Calls", Records: 1,
				Quantity: number("90"), Unit: pricing.Second, UnitPrice: number("5"), Per: 60, Amount: number("8"), Adjusts: "INV-0",
				From: pricing.Date{Year: 2026, Month: 9, Day: 3}, To: october.From},
		}}
	if err := out.Add(doc, billing.Finalized); err != nil {
		t.Fatal(err)
	}
	if err := out.Add(yen, billing.Parked); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `period,tenant,invoice,status,line,charge,category,kind,description,item,records,quantity,unit,unit_price,per,exact_amount,rounding,amount,currency,document,revision,corrects,adjusts,adjusted_period,from,to,tax_code
2026-10,acme,INV-2026-000001,finalized,1,calls,calls,call,"Calls, by second","The ""Rock""",2,61,second,0.01,60,0.01016666666667,-0.00016666666667,0.01,USD,invoice,1,,,,,,
2026-10,acme,INV-2026-000001,finalized,2,sms,messages,sms,"two
lines",,1000000,1000000,segment,0.0075,1,7500,0,7500.00,USD,invoice,1,,,,,,
2026-10,acme,INV-2026-000001,finalized,3,fee,fees,,Fee,,0,1,month,49,1,49,0,49.00,USD,invoice,1,,,,,,reduced
2026-10,yen,,parked,1,calls,calls,call,Calls,,1,90,second,5,60,7.5,0.5,8,JPY,credit_note,2,INV-1,INV-0,2026-09,2026-09-03,2026-10-01,
`
	if got := b.String(); got != crlf(want) {
		t.Errorf("lines.csv is\n%s\nwant\n%s", got, want)
	}
}

func TestUsage(t *testing.T) {
	rate, text := number("0.01"), number("0.0079")
	plan := &pricing.Plan{Name: "p", Currency: "EUR", Charges: []pricing.Charge{
		{ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
			PerMinute: &pricing.PerMinute{Rate: &rate, ConnectFee: number("0.05"), Initial: 1, Increment: 1}},
		{ID: "sms", Description: "Texts", Match: pricing.Match{Kind: []pricing.Kind{pricing.SMS}}, PerUnit: &pricing.PerUnit{UnitPrice: &text}},
	}}
	span := pricing.Span{From: october.From, To: october.To, BilledFrom: october.From, BilledTo: october.To, Location: time.UTC}
	rater := pricing.NewRater(plan, pricing.Tables{}, span, pricing.Carried{})
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.FixedZone("CEST", 7200))
	cost := number("0.0085")

	var b bytes.Buffer
	out, err := NewUsage(&b, Format{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []warehouse.UsageRow{
		{Account: "AC1", SID: "CA1", ParentSID: "CA0", Kind: "call", Direction: "outbound-api", Status: "completed", From: "+1415", To: "sip:a,b@example.com", Quantity: number("7.000000"), Cost: &cost, Currency: "USD"},
		{Account: "AC1", SID: "SM1", Kind: "sms", Direction: "inbound", Status: "received", From: "+49151", To: awkward, Quantity: number("2")},
		{Account: "AC1", SID: "SM2", Kind: "sms", Direction: "outbound-api", Status: "failed", Quantity: number("2")},
		{Account: "AC1", SID: "MM1", Kind: "mms", Direction: "outbound-api", Status: "sent", Quantity: number("1")},
	} {
		row.StartedAt = at
		rec := pricing.Record{Kind: pricing.Kind(row.Kind), Direction: row.Direction, Status: row.Status, From: row.From, To: row.To, StartedAt: at, Quantity: row.Quantity}
		res := rater.Rate(&rec)
		if err := out.Add(&billing.Document{Tenant: "acme", Period: october, Number: "INV-1", Currency: "EUR", Revision: 1}, &billing.Item{UsageRow: &row, Result: res, Amount: rater.Itemize(res)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `period,tenant,invoice,account,kind,sid,category,parent_sid,started_at,direction,status,from,to,quantity,unit,outcome,charge,item,billed_quantity,billed_unit,unit_price,per,amount,currency,cost,cost_currency,revision
2026-10,acme,INV-1,AC1,call,CA1,,CA0,2026-10-05T10:00:00Z,outbound-api,completed,+1415,"sip:a,b@example.com",7,second,rated,calls,,7,second,0.01,60,0.05116666666667,EUR,0.0085,USD,1
2026-10,acme,INV-1,AC1,sms,SM1,,,2026-10-05T10:00:00Z,inbound,received,+49151,"Škoda, ""Söhne""
GmbH",2,segment,rated,sms,,2,segment,0.0079,1,0.0158,EUR,,,1
2026-10,acme,INV-1,AC1,sms,SM2,,,2026-10-05T10:00:00Z,outbound-api,failed,,,2,segment,not charged,,,,,,,0,EUR,,,1
2026-10,acme,INV-1,AC1,mms,MM1,,,2026-10-05T10:00:00Z,outbound-api,sent,,,1,message,unrated,,,,,,,0,EUR,,,1
`
	if got := b.String(); got != crlf(want) {
		t.Errorf("usage.csv is\n%s\nwant\n%s", got, want)
	}
}

func TestStatement(t *testing.T) {
	margin := decimal.NewNullDecimal(number("-0.25"))
	st := &billing.Statement{
		Period: october, Currency: "USD",
		Tenants: []billing.StatementRow{
			{Tenant: "acme", Name: awkward, Number: "INV-2026-000001", Kind: billing.Invoice, Revision: 2, Corrects: "INV-0", Overdue: 4,
				Status: billing.Finalized, Records: 3, Currency: "USD", Revenue: number("1"), Tax: number("0.19"), Total: number("1.19"), Cost: number("1.25"), Margin: margin},
			{Tenant: "yen", Name: "Yen", Kind: billing.Invoice, Revision: 1, Status: billing.Parked, Reason: "no rate: call: deck \"x\", none", Currency: "JPY",
				Revenue: number("120"), Total: number("120"), Cost: number("0.00850000")},
		},
		Unassigned: []billing.UnassignedRow{{Account: billing.Account{SID: "AC9", Name: "Main"}, Status: "active", Records: 7, Cost: number("2")}},
		Unrated:    []billing.UnratedRow{{Tenant: "yen", Kind: pricing.Call, Reason: "none", Records: 1, Cost: number("0.5")}},
		Totals: []billing.CurrencyTotal{
			{Currency: "JPY", Tenants: 1, Revenue: number("120"), Total: number("120"), Cost: number("0.0085")},
			{Currency: "USD", Tenants: 1, Records: 3, Revenue: number("1"), Tax: number("0.19"), Total: number("1.19"), Cost: number("1.25"), Margin: margin},
		},
	}
	st.NotCharged = []billing.NotChargedRow{{Tenant: "acme", Kind: pricing.SMS, Status: "failed", Records: 2, Cost: number("0.002")}}
	st.Vanished = []billing.VanishedRow{{Tenant: "acme", Account: billing.Account{SID: "AC2", Name: "Two"}, Kind: pricing.Call, Records: 1, Cost: number("0.01")}}
	st.Categories = []billing.CategoryRow{{Category: pricing.Calls, Currency: "USD", Records: 3, Revenue: number("1"), Cost: number("1.25"), Margin: margin}}
	st.Leakage = []billing.Leak{{Cause: billing.OwnUse, Records: 7, Cost: number("2")}}
	st.OtherCosts = []billing.OtherCost{{Currency: "SEK", Records: 1, Cost: number("9.5")}}
	st.Check = billing.CostCheck{Tenants: number("1.2585"), Outside: number("0.25"), Unassigned: number("2"), Elsewhere: number("0.5"), All: number("3.5")}
	st.Reconciliation = &billing.Reconciliation{
		Currency: "USD", Compared: 12, Ours: number("3.25"), Twilio: number("3.5"), Tolerance: number("0.01"),
		Period: billing.Days{From: october.From, To: october.To}, Until: october.To.AddDays(-1),
		NotPulled: []billing.Account{{SID: "AC3", Name: "Three"}},
		Stale:     []billing.StaleRecords{{Account: billing.Account{SID: "AC4", Name: "Four"}, AsOf: october.From.Start(time.UTC).Add(36 * time.Hour), Until: october.From.AddDays(2)}},
		Differences: []billing.UsageDifference{{
			Account: billing.Account{SID: "AC2", Name: "Two"}, Category: "sms", Day: october.From, Above: true, Cause: "price still null",
			Ours: billing.UsageFigures{Records: 5, Cost: number("0.25")}, Twilio: billing.UsageFigures{Records: 6, Cost: number("0.5")},
		}},
	}
	var b bytes.Buffer
	if err := Statement(&b, Format{}, st); err != nil {
		t.Fatal(err)
	}
	const want = `period,row,tenant,name,account,invoice,status,reason,kind,records,currency,revenue,tax,total,cost,cost_currency,margin,document,revision,corrects,overdue_days,margin_percent,category,day,twilio_records,twilio_cost
2026-10,tenant,acme,"Škoda, ""Söhne""
GmbH",,INV-2026-000001,finalized,,,3,USD,1.00,0.19,1.19,1.25,USD,-0.25,invoice,2,INV-0,4,-25,,,,
2026-10,tenant,yen,Yen,,,parked,"no rate: call: deck ""x"", none",,0,JPY,120,0,120,0.0085,USD,,invoice,1,,,,,,,
2026-10,unassigned,,Main,AC9,,active,,,7,,,,,2,USD,,,,,,,,,,
2026-10,unrated,yen,,,,,none,call,1,,,,,0.5,USD,,,,,,,,,,
2026-10,not charged,acme,,,,failed,,sms,2,,,,,0.002,USD,,,,,,,,,,
2026-10,vanished,acme,Two,AC2,,,,call,1,,,,,0.01,USD,,,,,,,,,,
2026-10,category,,,,,,,,3,USD,1.00,,,1.25,USD,-0.25,,,,,-25,calls,,,
2026-10,leakage,,,,,,main_account,,7,,,,,2,USD,,,,,,,,,,
2026-10,total,,1 tenant,,,,,,0,JPY,120,0,120,0.0085,USD,,,,,,,,,,
2026-10,total,,1 tenant,,,,,,3,USD,1.00,0.19,1.19,1.25,USD,-0.25,,,,,-25,,,,
2026-10,other cost,,,,,,,,1,,,,,9.5,SEK,,,,,,,,,,
2026-10,check,,tenants,,,,,,,,,,,1.2585,USD,,,,,,,,,,
2026-10,check,,outside,,,,,,,,,,,0.25,USD,,,,,,,,,,
2026-10,check,,unassigned,,,,,,,,,,,2,USD,,,,,,,,,,
2026-10,check,,elsewhere,,,,,,,,,,,0.5,USD,,,,,,,,,,
2026-10,check,,all,,,,,,,,,,,3.5,USD,,,,,,,,,,
2026-10,check,,difference,,,,,,,,,,,0.0085,USD,,,,,,,,,,
2026-10,reconciliation,,"12 compared, 1 difference, 1 above 0.01, accounts not compared: 1, accounts with stale figures: 1",,,in part,,,,,,,,3.25,USD,,,,,,,,,,3.5
2026-10,not compared,,,,,,days from this one on,,,,,,,0,,,,,,,,,2026-10-31,,
2026-10,not compared,,Three,AC3,,,its Usage Records are missing,,,,,,,0,,,,,,,,,,,
2026-10,stale,,Four,AC4,,,compared up to this day with Twilio's figures of 2026-10-02T12:00:00Z,,,,,,,0,,,,,,,,,2026-10-03,,
2026-10,difference,,Two,AC2,,above tolerance,price still null,,5,,,,,0.25,USD,,,,,,,sms,2026-10-01,6,0.5
`
	if got := b.String(); got != crlf(want) {
		t.Errorf("statement.csv is\n%s\nwant\n%s", got, want)
	}
	// What was quoted reads back as it was.
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || rows[1][slices.Index(StatementTable.Names(), "name")] != awkward {
		t.Errorf("read back: %v, %q", err, rows)
	}
}

// fullDisk fails every write.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left on device")

// An export that could not be written in full is never taken for whole.
func TestWriteErrors(t *testing.T) {
	lines, err := NewLines(fullDisk{}, Format{})
	if err == nil {
		err = lines.Close()
	}
	if !errors.Is(err, errFull) {
		t.Errorf("lines: %v", err)
	}
	usage, err := NewUsage(fullDisk{}, Format{})
	if err == nil {
		err = usage.Close()
	}
	if !errors.Is(err, errFull) {
		t.Errorf("usage: %v", err)
	}
	if err := Statement(fullDisk{}, Format{}, &billing.Statement{Period: october}); !errors.Is(err, errFull) {
		t.Errorf("statement: %v", err)
	}
}

package pricing

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func decp(s string) *decimal.Decimal { d := dec(s); return &d }

// inOctober is the whole of October 2026, 31 days, in UTC.
var inOctober = Span{
	From: october, To: Date{2026, 11, 1}, BilledFrom: october, BilledTo: Date{2026, 11, 1}, Location: time.UTC,
}

var noonOctober10 = time.Date(2026, 10, 10, 12, 0, 0, 0, time.UTC)

func call(to string, seconds int64) Record {
	return Record{
		SID: "CA1", Kind: Call, Direction: "outbound-api", Status: "completed", From: "+14155550100", To: to,
		StartedAt: noonOctober10, Quantity: decimal.NewFromInt(seconds),
		Cost: decimal.NewNullDecimal(dec("0.0140")), Currency: "USD",
	}
}

func sms(segments int64) Record {
	r := call("+14155550111", segments)
	r.Kind, r.Status, r.SID = SMS, "delivered", "SM1"
	return r
}

func plan(charges ...Charge) *Plan {
	for i := range charges {
		if charges[i].ID == "" {
			charges[i].ID = fmt.Sprintf("c%d", i+1)
		}
		if charges[i].Description == "" {
			charges[i].Description = "Usage"
		}
	}
	return &Plan{Name: "test", Currency: "USD", Charges: charges}
}

// show prints a line as "description/item quantity unit x price/per = amount".
func show(l Line) string {
	item := ""
	if l.Item != "" {
		item = "/" + l.Item
	}
	return fmt.Sprintf("%s%s: %d records, %s %s x %s/%d = %s", l.Description, item, l.Records, l.Quantity, l.Unit, l.UnitPrice, l.Per, l.Amount.StringFixed(2))
}

func showAll(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, show(l))
	}
	return out
}

// checkLines prices usage that a plan has rates for, and compares the lines. The
// records' own amounts must add up to them.
func checkLines(t *testing.T, p *Plan, usage []Record, want []string) {
	t.Helper()
	if problems := p.Check(nil); len(problems) > 0 {
		t.Fatalf("plan: %v", problems)
	}
	r := NewRater(p, Tables{}, inOctober, Carried{})
	var itemized, exact decimal.Decimal
	for i := range usage {
		res := r.Rate(&usage[i])
		if res.Outcome != Rated {
			t.Errorf("record %d: %s", i, res.Reason)
		}
		itemized = itemized.Add(r.Itemize(res))
	}
	lines := r.Lines()
	for i := range lines {
		exact = exact.Add(lines[i].Exact())
	}
	if diff := cmp.Diff(want, showAll(lines)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if !itemized.Equal(exact) {
		t.Errorf("records add up to %s, lines to %s", itemized, exact)
	}
}

func TestRate(t *testing.T) {
	world := mustDeck(t, `prefix,destination,rate,connect_fee,minimum,initial,increment
1,United States,0.0130,,,,
49,Germany,0.0200,,,,
4915,Germany mobile,0.0900,0.0500,,30,6
4916,Germany mobile,0.0900,0.0500,,30,6
882,Satellite,6.00,,2.50,1,1
`)
	calls := Match{Kind: []Kind{Call}}
	tests := []struct {
		name  string
		plan  *Plan
		usage []Record
		want  []string
	}{
		{"per minute, 60/60: 61 s is two minutes",
			// 60 s + 120 s + 60 s = 240 s at 0.02 a minute: 4 x 0.02.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.02")}}),
			[]Record{call("+4930", 60), call("+4930", 61), call("+4930", 1)},
			[]string{"Usage: 3 records, 240 second x 0.02/60 = 0.08"}},
		{"per minute, 30/6: 31 s is 36 s",
			// 30 + 36 + 36 + 42 = 144 s at 0.10 a minute: 2.4 x 0.10 = 0.24.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.10"), Initial: 30, Increment: 6}}),
			[]Record{call("+4930", 1), call("+4930", 31), call("+4930", 36), call("+4930", 37)},
			[]string{"Usage: 4 records, 144 second x 0.1/60 = 0.24"}},
		{"per minute, 1/1: divided once, not per call",
			// 32 + 57 + 75 = 164 s at 0.0125 a minute: 2.05 / 60 = 0.034166...
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.0125"), Initial: 1, Increment: 1}}),
			[]Record{call("+4930", 32), call("+4930", 57), call("+4930", 75)},
			[]string{"Usage: 3 records, 164 second x 0.0125/60 = 0.03"}},
		{"a call of no second is rated and costs nothing, connect fee and minimum included",
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.02"), ConnectFee: dec("0.01"), MinimumCharge: dec("0.05")}}),
			[]Record{call("+4930", 0)},
			[]string{"Usage: 1 records, 0 second x 0.02/60 = 0.00"}},
		{"minimum duration comes before the increments",
			// 5 s counts as 20 s, billed as 20 by 1/1; 25 s stays 25. 45 s x 0.60 / 60.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.60"), MinimumSeconds: 20, Initial: 1, Increment: 1}}),
			[]Record{call("+4930", 5), call("+4930", 25)},
			[]string{"Usage: 2 records, 45 second x 0.6/60 = 0.45"}},
		{"connect fee is a line of its own",
			// 2 minutes x 0.02 and 2 x 0.01.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.02"), ConnectFee: dec("0.01")}}),
			[]Record{call("+4930", 10), call("+4930", 60)},
			[]string{"Usage: 2 records, 120 second x 0.02/60 = 0.04", "Usage, connect fee: 0 records, 2 call x 0.01/1 = 0.02"}},
		{"a call below the minimum charge is billed at it",
			// 1 minute x 0.02 + 0.01 = 0.03 is under 0.05; 3 minutes + 0.01 = 0.07 is not; 2 minutes + 0.01 = 0.05 neither.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.02"), ConnectFee: dec("0.01"), MinimumCharge: dec("0.05")}}),
			[]Record{call("+4930", 10), call("+4930", 180), call("+4930", 120)},
			[]string{"Usage: 2 records, 300 second x 0.02/60 = 0.10", "Usage, connect fee: 0 records, 2 call x 0.01/1 = 0.02", "Usage, minimum charge: 1 records, 1 call x 0.05/1 = 0.05"}},
		{"rate deck: longest prefix, own fees and increments, destinations joined",
			// Germany 60 s; mobile by two prefixes 30 + 36 s at 0.09 = 0.099, 2 connect fees;
			// satellite 10 s x 6.00 / 60 = 1.00 is under 2.50.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Deck: "world"}}),
			[]Record{call("+4930", 20), call("+4915112345", 20), call("+4916012345", 31), call("+8821", 10)},
			[]string{
				"Usage/Germany: 1 records, 60 second x 0.02/60 = 0.02",
				"Usage/Germany mobile: 2 records, 66 second x 0.09/60 = 0.10",
				"Usage, connect fee/Germany mobile: 0 records, 2 call x 0.05/1 = 0.10",
				"Usage, minimum charge/Satellite: 1 records, 1 call x 2.5/1 = 2.50"}},
		{"the first seconds of each call are free",
			// 61 - 10 = 51 s and 5 - 10 = none, by 1/1: 51 x 0.60 / 60; both pay the connect fee.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.60"), FreeSeconds: 10, Initial: 1, Increment: 1, ConnectFee: dec("0.01")}}),
			[]Record{call("+4930", 61), call("+4930", 5)},
			[]string{"Usage: 2 records, 51 second x 0.6/60 = 0.51", "Usage, connect fee: 0 records, 2 call x 0.01/1 = 0.02"}},
		{"rate slots: the first minute whole, then by 6 seconds, the rate for 30 seconds",
			// 125 s: 60 s at 0.10 a minute, then 65 s up to 66 s at 0.02 for 30 s: 66 x 0.02 / 30 = 0.044.
			// 20 s: a minute at 0.10.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Slots: []Slot{{Rate: dec("0.10")}, {From: 60, Rate: dec("0.02"), Per: 30, Increment: 6}}}}),
			[]Record{call("+4930", 125), call("+4930", 20)},
			[]string{"Usage/second 0 to 60: 2 records, 120 second x 0.1/60 = 0.20", "Usage/from second 60: 0 records, 66 second x 0.02/30 = 0.04"}},
		{"rate slots go by the seconds of the call, also after free ones",
			// 65 s, 30 free: seconds 30 to 60 at 0.60 a minute, 60 to 65 at 0.30: 0.30 + 0.025.
			plan(Charge{Match: calls, PerMinute: &PerMinute{FreeSeconds: 30, Slots: []Slot{{Rate: dec("0.60"), Increment: 1}, {From: 60, Rate: dec("0.30"), Increment: 1}}}}),
			[]Record{call("+4930", 65)},
			[]string{"Usage/second 0 to 60: 1 records, 30 second x 0.6/60 = 0.30", "Usage/from second 60: 0 records, 5 second x 0.3/60 = 0.03"}},
		{"a deck row's minimum is never above the charge's maximum",
			// 10 s by satellite would be 1.00, its minimum 2.50, but no call costs more than 2.00.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Deck: "world", MaximumCharge: decp("2")}}),
			[]Record{call("+8821", 10)},
			[]string{"Usage, minimum charge/Satellite: 1 records, 1 call x 2/1 = 2.00"}},
		{"a call above the maximum charge is billed at it",
			// 10 minutes x 0.10 + 0.05 = 1.05 is above 1.00; 9 minutes + 0.05 = 0.95 is not.
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("0.10"), ConnectFee: dec("0.05"), MaximumCharge: decp("1.00")}}),
			[]Record{call("+4930", 600), call("+4930", 540)},
			[]string{"Usage: 1 records, 540 second x 0.1/60 = 0.90", "Usage, connect fee: 0 records, 1 call x 0.05/1 = 0.05", "Usage, maximum charge: 1 records, 1 call x 1/1 = 1.00"}},
		{"per unit counts segments",
			plan(Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0.0079")}}),
			[]Record{sms(1), sms(3)},
			[]string{"Usage: 2 records, 4 segment x 0.0079/1 = 0.03"}},
		{"per record counts messages",
			plan(Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{UnitPrice: decp("0.0079"), Meter: Meter{Quantity: QuantityRecords}}}),
			[]Record{sms(1), sms(3)},
			[]string{"Usage: 2 records, 2 message x 0.0079/1 = 0.02"}},
		{"per unit by deck",
			plan(Charge{Match: Match{Kind: []Kind{SMS}}, PerUnit: &PerUnit{Deck: "world"}}),
			[]Record{sms(2)},
			[]string{"Usage/United States: 1 records, 2 segment x 0.013/1 = 0.03"}},
		{"a number held 15 of 31 days costs 15/31 of the month",
			// 15 x 1.15 / 31 = 0.556...
			plan(Charge{Match: Match{Kind: []Kind{Number}}, PerUnit: &PerUnit{UnitPrice: decp("1.15"), Per: PerMonth}}),
			func() (days []Record) {
				for i := range 15 {
					days = append(days, Record{Kind: Number, StartedAt: noonOctober10.AddDate(0, 0, i), Quantity: dec("1")})
				}
				return days
			}(),
			[]string{"Usage: 15 records, 15 day x 1.15/31 = 0.56"}},
		{"cost plus: multiplier and a fee per unit",
			// 2 x 0.014 x 1.15 = 0.0322; 90 s x 0.001 = 0.09.
			plan(Charge{Match: calls, CostPlus: &CostPlus{Multiplier: decp("1.15"), Add: dec("0.001")}}),
			[]Record{call("+4930", 60), call("+4930", 30)},
			[]string{"Usage: 2 records, 0.028 USD x 1.15/1 = 0.03", "Usage, fee per second: 0 records, 90 second x 0.001/1 = 0.09"}},
		{"cost plus: a missing cost that the plan names",
			// 1 x 0.014 + 1 x 0.01 = 0.024, times 2.
			plan(Charge{Match: calls, CostPlus: &CostPlus{Multiplier: decp("2"), MissingCost: decp("0.01")}}),
			func() []Record {
				r := call("+4930", 60)
				r.Cost, r.Currency = decimal.NullDecimal{}, ""
				return []Record{call("+4930", 60), r}
			}(),
			[]string{"Usage: 2 records, 0.024 USD x 2/1 = 0.05"}},
		{"the first charge that fits wins",
			plan(Charge{Match: Match{Kind: []Kind{Call}, ToPrefix: []string{"49"}}, PerMinute: &PerMinute{Rate: decp("1")}},
				Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("2")}}),
			[]Record{call("+4930", 60), call("+3312", 60), call("client:bob", 60)},
			[]string{"Usage: 1 records, 60 second x 1/60 = 1.00", "Usage: 2 records, 120 second x 2/60 = 4.00"}},
		{"a charge holds from its first day until its last, by the record's start",
			plan(Charge{Match: calls, Until: Date{2026, 10, 10}, PerMinute: &PerMinute{Rate: decp("1")}},
				Charge{Match: calls, From: Date{2026, 10, 10}, PerMinute: &PerMinute{Rate: decp("2")}}),
			[]Record{call("+4930", 60), func() Record { r := call("+4930", 60); r.StartedAt = r.StartedAt.AddDate(0, 0, -1); return r }()},
			[]string{"Usage: 1 records, 60 second x 1/60 = 1.00", "Usage: 1 records, 60 second x 2/60 = 2.00"}},
		{"a flat fee needs no usage",
			plan(Charge{Flat: &Flat{Amount: dec("49")}}), nil,
			[]string{"Usage: 0 records, 1 month x 49/1 = 49.00"}},
		{"records that are not charged make no line",
			plan(Charge{Match: calls, PerMinute: &PerMinute{Rate: decp("1")}}),
			[]Record{func() Record { r := call("+4930", 0); r.Status = "busy"; return r }()},
			nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			decks := map[string]*Deck{"world": world}
			if problems := tt.plan.Check(decks); len(problems) > 0 {
				t.Fatalf("plan: %v", problems)
			}
			r := NewRater(tt.plan, Tables{Decks: decks}, inOctober, Carried{})
			for i := range tt.usage {
				if res := r.Rate(&tt.usage[i]); res.Outcome == NoRate {
					t.Errorf("record %d has no rate: %s", i, res.Reason)
				}
			}
			if diff := cmp.Diff(tt.want, showAll(r.Lines())); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlatFeeByTheDay(t *testing.T) {
	tests := []struct {
		name                   string
		from, until            Date // of the charge
		billedFrom, billedTo   Date
		prorate                string
		quantity, unit, amount string // empty quantity: no line
	}{
		// 31 days in October; the fee is 31.00, so a day is 1.00.
		{"whole period", Date{}, Date{}, october, Date{2026, 11, 1}, "", "1", "month", "31.00"},
		{"tenant starts on the 15th", Date{}, Date{}, Date{2026, 10, 15}, Date{2026, 11, 1}, "", "17", "day", "17.00"},
		{"tenant ends after the 15th", Date{}, Date{}, october, Date{2026, 10, 16}, ProrateDay, "15", "day", "15.00"},
		{"charge starts on the 31st", Date{2026, 10, 31}, Date{}, october, Date{2026, 11, 1}, "", "1", "day", "1.00"},
		{"charged whole", Date{2026, 10, 31}, Date{}, october, Date{2026, 11, 1}, ProrateNone, "1", "month", "31.00"},
		{"charge ended before", Date{}, october, october, Date{2026, 11, 1}, ProrateNone, "", "", ""},
		{"charge and tenant do not meet", Date{2026, 10, 20}, Date{}, october, Date{2026, 10, 20}, ProrateNone, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := plan(Charge{From: tt.from, Until: tt.until, Flat: &Flat{Amount: dec("31"), Prorate: tt.prorate}})
			span := inOctober
			span.BilledFrom, span.BilledTo = tt.billedFrom, tt.billedTo
			lines := NewRater(p, Tables{}, span, Carried{}).Lines()
			if tt.quantity == "" {
				if len(lines) != 0 {
					t.Errorf("lines = %v, want none", showAll(lines))
				}
				return
			}
			if len(lines) != 1 || lines[0].Quantity.String() != tt.quantity || string(lines[0].Unit) != tt.unit || lines[0].Amount.StringFixed(2) != tt.amount {
				t.Errorf("lines = %v, want %s %s for %s", showAll(lines), tt.quantity, tt.unit, tt.amount)
			}
		})
	}
}

func TestUnratedIsReportedNeverBilled(t *testing.T) {
	d := mustDeck(t, "prefix,destination,rate\n1,US,0.01\n")
	p := plan(
		Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Deck: "world"}},
		Charge{Match: Match{Kind: []Kind{SMS}}, CostPlus: &CostPlus{}},
	)
	r := NewRater(p, Tables{Decks: map[string]*Deck{"world": d}}, inOctober, Carried{})
	noCost := sms(1)
	noCost.Cost.Valid = false
	euros := sms(1)
	euros.Currency = "EUR"
	mms := sms(1)
	mms.Kind = MMS
	failed := call("+4930", 0)
	failed.Status = "failed"
	for _, rec := range []Record{call("+4930", 60), call("+4930", 60), call("client:bob", 60), noCost, euros, mms, failed, call("+14155550111", 60)} {
		r.Rate(&rec)
	}
	var got []string
	for _, u := range r.Unrated() {
		got = append(got, fmt.Sprintf("%s %s: %d records, cost %s %s", u.Kind, u.Reason, u.Records, u.Cost, u.Currency))
	}
	want := []string{
		`call deck "world" has no rate for +4930: 2 records, cost 0.028 USD`,
		`call the far end is not a telephone number, as deck "world" needs: 1 records, cost 0.014 USD`,
		"sms no exchange rate from EUR to USD: 1 records, cost 0.014 EUR",
		"sms twilio has not said the cost yet: 1 records, cost 0 USD",
		"mms no charge fits: 1 records, cost 0.014 USD",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unrated (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Usage/US: 1 records, 60 second x 0.01/60 = 0.01"}, showAll(r.Lines())); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTotal(t *testing.T) {
	line := func(amount string) Line { return Line{Amount: dec(amount)} }
	tests := []struct {
		name, currency  string
		lines           []Line
		rate            string
		net, tax, total string
	}{
		// 0.03 + 0.03 + 10.00 = 10.06; 19 % is 1.9114.
		{"tax on the sum, not on each line", "USD", []Line{line("0.03"), line("0.03"), line("10.00")}, "19", "10.06", "1.91", "11.97"},
		// 8.875 % of 100.00 = 8.875.
		{"half a cent goes up", "USD", []Line{line("100.00")}, "8.875", "100", "8.88", "108.88"},
		// 10 % of 1235 yen = 123.5.
		{"yen have no decimals", "JPY", []Line{line("1235")}, "10", "1235", "124", "1359"},
		// 5 % of 1.234 dinar = 0.0617.
		{"dinars have three", "BHD", []Line{line("1.234")}, "5", "1.234", "0.062", "1.296"},
		{"nothing", "USD", nil, "19", "0", "0", "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net, taxes, total := (&Plan{Currency: tt.currency}).Total(tt.lines, []TaxRate{{Name: "VAT", Rate: dec(tt.rate)}})
			if !net.Equal(dec(tt.net)) || !taxes[0].Amount.Equal(dec(tt.tax)) || !taxes[0].Base.Equal(net) || !total.Equal(dec(tt.total)) {
				t.Errorf("net %s, tax %s, total %s; want %s, %s, %s", net, taxes[0].Amount, total, tt.net, tt.tax, tt.total)
			}
		})
	}
}

func TestSeveralTaxes(t *testing.T) {
	line := func(amount, code string) Line { return Line{Amount: dec(amount), TaxCode: code} }
	lines := []Line{line("100.00", "services"), line("50.00", "goods"), line("7.00", "")}
	tests := []struct {
		name  string
		rates []TaxRate
		want  []string // base and amount of each tax
		total string
	}{
		// 10 % of 100 and 5 % of 50.
		{"by tax code", []TaxRate{{Name: "A", Rate: dec("10"), Codes: []string{"services"}}, {Name: "B", Rate: dec("5"), Codes: []string{"goods"}}},
			[]string{"A 100 10", "B 50 2.5"}, "169.50"},
		// 5 % of 157 = 7.85; 9.975 % of 157 + 7.85 = 16.4437875.
		{"compound", []TaxRate{{Name: "GST", Rate: dec("5")}, {Name: "QST", Rate: dec("9.975"), Compound: true}},
			[]string{"GST 157 7.85", "QST 164.85 16.44"}, "181.29"},
		{"a code that no line has", []TaxRate{{Name: "A", Rate: dec("10"), Codes: []string{"food"}}}, nil, "157.00"},
		{"reverse charge", []TaxRate{{Name: "VAT", Rate: dec("0"), Note: "Reverse charge"}}, []string{"VAT 157 0 Reverse charge"}, "157.00"},
	}
	for _, tt := range tests {
		_, taxes, total := (&Plan{Currency: "USD"}).Total(lines, tt.rates)
		var got []string
		for _, tax := range taxes {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", tax.Name, tax.Base, tax.Amount, tax.Note)))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || total.StringFixed(2) != tt.total {
			t.Errorf("%s: total %s, want %s; taxes (-want +got):\n%s", tt.name, total, tt.total, diff)
		}
	}
}

func TestDayIsTheTenants(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(
		Charge{ID: "old", Match: Match{Kind: []Kind{Call}}, Until: Date{2026, 10, 11}, PerMinute: &PerMinute{Rate: decp("1")}},
		Charge{ID: "new", Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Rate: decp("2")}},
	)
	span := inOctober
	span.Location = tokyo
	r := NewRater(p, Tables{}, span, Carried{})
	for at, want := range map[string]string{ // Tokyo is nine hours ahead
		"2026-10-10T14:59:59Z": "old",
		"2026-10-10T15:00:00Z": "new",
	} {
		rec := call("+4930", 60)
		rec.StartedAt, _ = time.Parse(time.RFC3339, at)
		if got := r.Rate(&rec).Charge; got != want {
			t.Errorf("charge at %s = %s, want %s", at, got, want)
		}
	}
}

// TestAgainstRationals prices random calls with an oracle that knows nothing of
// the engine: it adds up each call's price as a fraction, and rounds sums by
// the definition of half up.
func TestAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := func(label string, max int64) decimal.Decimal {
			return decimal.New(rapid.Int64Range(0, max).Draw(t, label), -rapid.Int32Range(0, 6).Draw(t, label+" scale"))
		}
		m := PerMinute{
			ConnectFee:     price("connect fee", 1000),
			MinimumCharge:  price("minimum charge", 1000),
			MinimumSeconds: rapid.Int64Range(0, 90).Draw(t, "minimum seconds"),
			Initial:        rapid.SampledFrom([]int64{0, 1, 6, 30, 60}).Draw(t, "initial"),
			Increment:      rapid.SampledFrom([]int64{0, 1, 6, 7, 60}).Draw(t, "increment"),
		}
		rate := price("rate", 100_000)
		m.Rate = &rate
		r := NewRater(plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &m}), Tables{}, inOctober, Carried{})

		initial, increment := m.Initial, m.Increment
		if initial == 0 {
			initial = 60
		}
		if increment == 0 {
			increment = 60
		}
		sum := new(big.Rat)
		var itemized decimal.Decimal
		for _, seconds := range rapid.SliceOfN(rapid.Int64Range(0, 10_000), 0, 40).Draw(t, "calls") {
			rec := call("+4930", seconds)
			itemized = itemized.Add(r.Itemize(r.Rate(&rec)))
			if seconds == 0 {
				continue
			}
			billed := max(seconds, m.MinimumSeconds)
			if billed <= initial {
				billed = initial
			} else {
				steps := (billed - initial) / increment
				if (billed-initial)%increment != 0 {
					steps++
				}
				billed = initial + steps*increment
			}
			amount := new(big.Rat).Mul(rat(rate), big.NewRat(billed, 60))
			amount.Add(amount, rat(m.ConnectFee))
			if amount.Cmp(rat(m.MinimumCharge)) < 0 {
				amount = rat(m.MinimumCharge)
			}
			sum.Add(sum, amount)
		}

		exact, rounded := new(big.Rat), new(big.Rat)
		var lineSum decimal.Decimal
		for _, l := range r.Lines() {
			x := new(big.Rat).Mul(rat(l.Quantity), rat(l.UnitPrice))
			x.Quo(x, new(big.Rat).SetInt64(l.Per))
			exact.Add(exact, x)
			rounded.Add(rounded, roundRat(x, 1, 2, HalfUp))
			lineSum = lineSum.Add(l.Exact())
			if want := roundRat(x, 1, 2, HalfUp); rat(l.Amount).Cmp(want) != 0 {
				t.Fatalf("%s: amount of %s, want %s", show(l), x.FloatString(20), want.FloatString(2))
			}
		}
		if exact.Cmp(sum) != 0 {
			t.Fatalf("lines add up to %s, the calls to %s", exact.FloatString(20), sum.FloatString(20))
		}
		if !itemized.Equal(lineSum) {
			t.Fatalf("records add up to %s, the lines' exact amounts to %s", itemized, lineSum)
		}
	})
}

func TestOrderOfUsageDoesNotMatter(t *testing.T) {
	d := mustDeck(t, "prefix,destination,rate\n1,US,0.0131\n49,DE,0.0207\n4915,DE mobile,0.0907\n")
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Deck: "world", Initial: 1, Increment: 1, ConnectFee: dec("0.003")}})
	rapid.Check(t, func(t *rapid.T) {
		var usage []Record
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			usage = append(usage, call("+"+rapid.SampledFrom([]string{"1415", "4930", "49151"}).Draw(t, "to"), rapid.Int64Range(0, 300).Draw(t, "seconds")))
		}
		price := func(list []Record) string {
			r := NewRater(p, Tables{Decks: map[string]*Deck{"world": d}}, inOctober, Carried{})
			for i := range list {
				r.Rate(&list[i])
			}
			return strings.Join(showAll(r.Lines()), "\n")
		}
		want := price(usage)
		if got := price(rapid.Permutation(usage).Draw(t, "permuted")); got != want {
			t.Fatalf("another order gives\n%s\ninstead of\n%s", got, want)
		}
	})
}

func BenchmarkRate(b *testing.B) {
	d := mustDeck(b, "prefix,destination,rate\n1,US,0.0131\n49,DE,0.0207\n4915,DE mobile,0.0907\n")
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Deck: "world", Initial: 30, Increment: 6}})
	r := NewRater(p, Tables{Decks: map[string]*Deck{"world": d}}, inOctober, Carried{})
	rec := call("+4915112345678", 61)
	b.ReportAllocs()
	for b.Loop() {
		r.Rate(&rec)
	}
}

// A tenant's month of 1,000,000 calls that are alike in groups of 50: 20,000 of
// them, to so many prefixes of a deck of 200,000 rows.
func BenchmarkMonth(b *testing.B) {
	csv, prefixes := bigDeck()
	tables := Tables{Decks: map[string]*Deck{"world": mustDeck(b, csv)}}
	p := plan(Charge{Match: Match{Kind: []Kind{Call}}, PerMinute: &PerMinute{Deck: "world", Initial: 30, Increment: 6}})
	for _, n := range []int{200, 2_000} {
		b.Run(fmt.Sprintf("%d_prefixes", n), func(b *testing.B) {
			groups := make([]Record, 20_000)
			for i := range groups {
				groups[i] = call("+"+prefixes[i%n*37]+"5550100", int64(1+i%600))
			}
			b.ReportAllocs()
			for b.Loop() {
				r := NewRater(p, tables, inOctober, Carried{})
				for i := range groups {
					r.RateGroup(&groups[i], 50)
				}
				var records int64
				for _, l := range r.Lines() {
					records += l.Records
				}
				if records != 1_000_000 || len(r.Unrated()) > 0 {
					b.Fatalf("%d records on lines, %v", records, r.Unrated())
				}
			}
		})
	}
}

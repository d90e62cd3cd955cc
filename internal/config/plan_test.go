package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

var lineBreak = regexp.MustCompile(`\r\n|[\n\r\x{85}\x{2028}\x{2029}]`) // by YAML 1.1

// Whatever a plan file holds, decoding and checking answer a plan that can be
// priced by, or problems that each name a line of it.
func FuzzPlan(f *testing.F) {
	for _, pattern := range []string{"testdata/good/plans/*.yaml", "../../cmd/subtally/example/plans/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no plans in %s (%v)", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	// Every model, and what follows from the charges' lines.
	f.Add([]byte(`
name: all
currency: EUR
rounding: half_even
minimum: 5
statuses: {call: [completed, busy]}
charges:
  - {id: a, description: A, match: {kind: [call], channel: [voice], from_prefix: ["49"]}, from: 2026-10-02, until: 2026-10-30, per_minute: {slots: [{from: 0, rate: 0.05}, {from: 60, rate: 0.03, increment: 6}]}}
  - {id: b, description: B, match: {kind: [call]}, tax_code: x, per_minute: {deck: world, free_seconds: 3, minimum_seconds: 2, minimum_charge: 0.01, maximum_charge: 9}}
  - {id: c, description: C, match: {kind: [sms]}, graduated: {free_units: 1, tiers: [{up_to: 10, unit_price: 0.02}, {unit_price: 0.01, flat_fee: 1}]}}
  - {id: d, description: D, match: {kind: [mms]}, volume: {quantity: records, over: subaccount, tiers: [{up_to: 5, unit_price: 0.045}, {unit_price: 0.039}]}}
  - {id: e, description: E, match: {kind: [recording]}, per_unit: {convert: {divide: 3600}, unit_price: 0.25}}
  - {id: f, description: F, match: {kind: [whatsapp]}, percentage: {rate: 15, fee: 0.01, free_amount: 5.00}}
  - {id: g, description: G, match: {kind: [transcription]}, cost_plus: {multiplier: 1.25, add: 0.001, missing_cost: 0}}
  - {id: h, description: H, match: {kind: [number]}, per_unit: {unit_price: 2, per: month}}
  - {id: i, description: I, match: {kind: [other]}, package: {size: 100, price: 3}, maximum: 2}
  - {id: j, description: J, flat: {amount: 49, prorate: none}}
discounts: [{id: k, description: K, percent: 10, charges: [a, j], until: 2027-01-01}, {id: l, description: L, amount: 25.00}]
`))
	f.Add([]byte("\"0")) // the YAML package names no line of this
	f.Add([]byte("name: \xff\r\n"))
	decks := mustLoad(f, good(f, nil), nil).Decks
	rates, wrong := pricing.ParseExchangeRates(strings.NewReader("date,from,to,rate\n2026-10-01,USD,EUR,0.92\n"))
	if len(wrong) > 0 {
		f.Fatal(wrong)
	}
	tables := pricing.Tables{Decks: decks, Rates: rates}

	began, ended := october.AddDays(3), october.NextMonth()
	held := []pricing.Holding{{SID: "AC1", From: began, To: ended}}
	month := pricing.Span{From: october, To: ended, BilledFrom: began, BilledTo: ended, Location: time.UTC, Began: began, Subaccounts: held}
	month.Next = &pricing.Span{From: ended, To: ended.NextMonth(), BilledFrom: ended, BilledTo: ended.NextMonth(), Location: time.UTC, Began: began}
	status := map[pricing.Kind]string{pricing.SMS: "delivered", pricing.MMS: "received", pricing.WhatsApp: "read"}
	ends := []string{"+4915112345678", "+12025550100", "client:bob", "+442071838750"}
	var records []pricing.Record
	for _, kind := range pricing.Kinds {
		for i, to := range ends {
			rec := pricing.Record{
				Account: "AC1", SID: fmt.Sprint(kind, i), Kind: kind, Direction: "outbound-api", Status: cmp.Or(status[kind], "completed"),
				From: "+14155550100", To: to, StartedAt: began.AddDays(9 * i).Start(time.UTC).Add(-time.Second), Quantity: decimal.NewFromInt(int64(90 * i)),
			}
			if i > 0 { // one has no cost
				rec.Cost, rec.Currency = decimal.NewNullDecimal(decimal.New(1, -2)), "USD"
			}
			records = append(records, rec)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var problems Problems
		plan, doc := decodePlan("plan.yaml", data, decks, &problems)
		lines := 1 + len(lineBreak.FindAll(data, -1))
		for _, p := range problems.List {
			if p.Line < 1 && p.Text != "the file is empty" || p.Line > lines {
				t.Errorf("a problem on line %d of %d: %s", p.Line, lines, p)
			}
			if strings.ContainsAny(p.String(), "\r\n") {
				t.Errorf("a problem spans lines: %q", p)
			}
		}
		if doc == nil && len(problems.List) == 0 {
			t.Fatal("neither a plan nor a problem")
		}
		if len(problems.List) > 0 {
			return
		}
		digest := plan.Digest(decks)
		rater := pricing.NewRater(plan, tables, month, pricing.Carried{})
		for i := range records {
			rater.Itemize(rater.Rate(&records[i]))
		}
		plan.Total(rater.Lines(), nil)
		rater.Carry()
		rater.Unrated()
		again, _ := decodePlan("plan.yaml", data, decks, &problems)
		if plan.Digest(decks) != digest || again.Digest(decks) != digest {
			t.Error("the plan's digest changes")
		}
	})
}

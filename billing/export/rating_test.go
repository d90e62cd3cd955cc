package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// rated is a call of 61 seconds at 0.01 a minute with a tax of 10 %, and a
// record without a price.
func rated(t *testing.T, name string, fee string) *billing.Rating {
	t.Helper()
	rate := number("0.01")
	plan := &pricing.Plan{Name: name, Currency: "USD", Charges: []pricing.Charge{
		{ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
			PerMinute: &pricing.PerMinute{Rate: &rate, Initial: 1, Increment: 1}},
		{ID: "fee", Description: "Fee", Flat: &pricing.Flat{Amount: number(fee)}},
	}}
	at := time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	o := &billing.Offline{
		Period: october, Taxes: []pricing.TaxRate{{Name: "VAT", Rate: number("10")}},
		Usage: func(each func(*pricing.Record) error) error {
			for _, kind := range []pricing.Kind{pricing.Call, pricing.SMS} {
				rec := pricing.Record{SID: string(kind), Kind: kind, Status: chargedStatus[kind], StartedAt: at, Quantity: number("61"),
					Cost: decimal.NewNullDecimal(number("0.5")), Currency: "USD"}
				if err := each(&rec); err != nil {
					return err
				}
			}
			return nil
		},
	}
	ratings, err := o.Price(&billing.PriceList{Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	ratings[0].Document.Plans[0].Digest = "d1"
	return ratings[0]
}

func TestRating(t *testing.T) {
	r := rated(t, "standard", "49.00")
	var b bytes.Buffer
	if err := RatingJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	// 61 x 0.01 / 60 = 0.61 / 60 = 61/6000; the tax is 10 % of 0.01 + 49.00.
	const want = `{"plan":"standard","digest":"d1","period":"2026-10","time_zone":"Europe/Berlin","currency":"USD","lines":[` +
		`{"charge":"calls","category":"calls","kind":"call","description":"Calls","item":"","records":1,"quantity":"61","unit":"second","unit_price":"0.01","per":60,` +
		`"exact":"61/6000","amount":"0.01"},` +
		`{"charge":"fee","category":"fees","kind":"","description":"Fee","item":"","records":0,"quantity":"1","unit":"month","unit_price":"49","per":1,` +
		`"exact":"49","amount":"49.00"}],` +
		`"net":"49.01","taxes":[{"name":"VAT","rate":"10","base":"49.01","amount":"4.90"}],"total":"53.91",` +
		`"unrated":[{"kind":"sms","reason":"no charge fits","records":1,"cost":"0.5","currency":"USD"}],` +
		`"not_charged":0,"records":2,"outside":0,"carried":{}}`
	if got := compact.String(); got != want {
		t.Errorf("JSON is\n%s\nwant\n%s", got, want)
	}

	b.Reset()
	if err := RatingCSV(&b, r); err != nil {
		t.Fatal(err)
	}
	const lines = `period,tenant,invoice,status,line,charge,category,kind,description,item,records,quantity,unit,unit_price,per,exact_amount,rounding,amount,currency,document,revision,corrects,adjusts,adjusted_period,from,to,tax_code
2026-10,,,,1,calls,calls,call,Calls,,1,61,second,0.01,60,0.01016666666667,-0.00016666666667,0.01,USD,,0,,,,,,
2026-10,,,,2,fee,fees,,Fee,,0,1,month,49,1,49,0,49.00,USD,,0,,,,,,
`
	if got := b.String(); got != crlf(lines) {
		t.Errorf("CSV is\n%s\nwant\n%s", got, lines)
	}
	if err := RatingCSV(fullDisk{}, r); !errors.Is(err, errFull) {
		t.Errorf("CSV on a full disk: %v", err)
	}
}

func TestComparison(t *testing.T) {
	c, err := billing.Compare(rated(t, "standard", "49.00"), rated(t, "light", "9.5"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ComparisonCSV(&b, c); err != nil {
		t.Fatal(err)
	}
	// The tax is 10 % of 49.01 and of 9.51.
	const want = `period,row,charge,amount,against,difference,currency
2026-10,charge,calls,0.01,0.01,0.00,USD
2026-10,charge,fee,49.00,9.50,-39.50,USD
2026-10,net,,49.01,9.51,-39.50,USD
2026-10,tax,,4.90,0.95,-3.95,USD
2026-10,total,,53.91,10.46,-43.45,USD
`
	if got := b.String(); got != want {
		t.Errorf("CSV is\n%s\nwant\n%s", got, want)
	}
	if err := ComparisonCSV(fullDisk{}, c); !errors.Is(err, errFull) {
		t.Errorf("CSV on a full disk: %v", err)
	}

	b.Reset()
	if err := ComparisonJSON(&b, c); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Plan, Against struct{ Plan, Total string }
		Charges       []struct{ Charge, Amount, Against, Difference string }
		Total         struct{ Amount, Against, Difference string }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Plan.Plan != "standard" || got.Against.Plan != "light" || got.Against.Total != "10.46" ||
		len(got.Charges) != 2 || got.Charges[1].Charge != "fee" || got.Charges[1].Difference != "-39.50" || got.Total.Difference != "-43.45" {
		t.Errorf("JSON says %+v", got)
	}
}

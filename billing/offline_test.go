package billing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// offlinePlan charges 0.01 a message and a fee.
func offlinePlan(name, fee string) *PriceList {
	price := number("0.01")
	return &PriceList{Plan: &pricing.Plan{Name: name, Currency: "USD", Charges: []pricing.Charge{
		{ID: "sms", Description: "Texts", Match: pricing.Match{Kind: []pricing.Kind{pricing.SMS}}, PerUnit: &pricing.PerUnit{UnitPrice: &price}},
		{ID: "fee", Description: "Fee", Flat: &pricing.Flat{Amount: number(fee)}},
	}}}
}

// texts is the usage of texts of 100 segments that start at these times.
func texts(times ...string) func(func(*pricing.Record) error) error {
	return func(each func(*pricing.Record) error) error {
		for _, at := range times {
			start, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return err
			}
			rec := pricing.Record{Account: "AC" + at[:4], SID: at, Kind: pricing.SMS, Status: "delivered", StartedAt: start, Quantity: decimal.NewFromInt(100)}
			if err := each(&rec); err != nil {
				return err
			}
		}
		return nil
	}
}

func octoberDay(d int) pricing.Date { return pricing.Date{Year: 2026, Month: 10, Day: d} }

func TestOffline(t *testing.T) {
	// New York is four hours behind UTC until 1 November, 6 o'clock UTC.
	usage := texts("2026-10-01T03:59:59Z", "2026-10-01T04:00:00Z", "2026-10-15T03:59:59Z", "2026-10-15T04:00:00Z",
		"2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z")
	for _, c := range []struct {
		name             string
		from, until      pricing.Date
		records, outside int64
		net, total       string
	}{
		// 4 texts of 1.00, the fee of 31.00; 10 % of 35.00 is 3.50.
		{"month", pricing.Date{}, pricing.Date{}, 4, 2, "35", "38.5"},
		// 2 texts, 17 days of the fee; 10 % of 19.00.
		{"from", octoberDay(15), pricing.Date{}, 2, 4, "19", "20.9"},
		// 2 texts, 14 days of the fee; 10 % of 16.00.
		{"until", pricing.Date{}, octoberDay(15), 2, 4, "16", "17.6"},
		{"long before", pricing.Date{Year: 2025, Month: 1, Day: 1}, pricing.Date{Year: 2027, Month: 1, Day: 1}, 4, 2, "35", "38.5"},
		{"not yet", pricing.Date{Year: 2026, Month: 11, Day: 1}, pricing.Date{}, 0, 6, "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &Offline{
				Period: Month(octoberDay(1), "America/New_York"), From: c.from, Until: c.until, Usage: usage,
				Taxes: []pricing.TaxRate{{Name: "VAT", Rate: decimal.NewFromInt(10)}},
			}
			ratings, err := o.Price(offlinePlan("standard", "31.00"))
			if err != nil {
				t.Fatal(err)
			}
			r := ratings[0]
			if d := &r.Document; d.Net.String() != c.net || d.Total.String() != c.total || d.Usage.Records != c.records || r.Outside != c.outside {
				t.Errorf("net %s, total %s, %d records and %d outside; want %s, %s, %d, %d",
					d.Net, d.Total, d.Usage.Records, r.Outside, c.net, c.total, c.records, c.outside)
			}
		})
	}
}

// What is not charged or has no price is told, and in no line.
func TestOfflineLeftOut(t *testing.T) {
	usage := func(each func(*pricing.Record) error) error {
		at := time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
		return errors.Join(
			each(&pricing.Record{SID: "1", Kind: pricing.SMS, Status: "failed", StartedAt: at, Quantity: decimal.NewFromInt(1)}),
			each(&pricing.Record{SID: "2", Kind: pricing.MMS, Status: "sent", StartedAt: at, Quantity: decimal.NewFromInt(1)}))
	}
	ratings, err := (&Offline{Period: Month(octoberDay(1), "UTC"), Usage: usage}).Price(offlinePlan("standard", "31.00"))
	if err != nil {
		t.Fatal(err)
	}
	r := ratings[0]
	if r.NotCharged != 1 || r.Document.Usage.Records != 2 || len(r.Document.Lines) != 1 {
		t.Errorf("%d not charged of %d, lines %v", r.NotCharged, r.Document.Usage.Records, r.Document.Lines)
	}
	if want := []pricing.Unrated{{Kind: pricing.MMS, Reason: "no charge fits", Records: 1}}; !cmp.Equal(r.Unrated, want) {
		t.Errorf("unrated %v", r.Unrated)
	}
}

// The accounts of the usage are the tenant's subaccounts for all days that are
// billed, of this month and of the next.
func TestOfflineSpan(t *testing.T) {
	o := &Offline{Period: Month(octoberDay(1), "UTC"), From: octoberDay(15)}
	november, december := pricing.Date{Year: 2026, Month: 11, Day: 1}, pricing.Date{Year: 2026, Month: 12, Day: 1}
	got := o.span([]string{"AC1", "AC2"}, time.UTC)
	want := pricing.Span{
		From: octoberDay(1), To: november, BilledFrom: octoberDay(15), BilledTo: november, Location: time.UTC, Began: octoberDay(15),
		Subaccounts: []pricing.Holding{{SID: "AC1", From: octoberDay(15), To: november}, {SID: "AC2", From: octoberDay(15), To: november}},
		Next: &pricing.Span{
			From: november, To: december, BilledFrom: november, BilledTo: december, Location: time.UTC, Began: octoberDay(15),
			Subaccounts: []pricing.Holding{{SID: "AC1", From: octoberDay(15), To: december}, {SID: "AC2", From: octoberDay(15), To: december}},
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *time.Location) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	for _, until := range []pricing.Date{octoberDay(20), november} {
		o.Until = until
		if next := o.span(nil, time.UTC).Next; next != nil {
			t.Errorf("a tenant that ends on %s has a next month %v", until, next)
		}
	}
	o.Until = november.AddDays(9)
	if next := o.span(nil, time.UTC).Next; next == nil || next.BilledTo != o.Until {
		t.Errorf("the next month is %v", next)
	}
}

func TestCompare(t *testing.T) {
	o := &Offline{Period: Month(octoberDay(1), "UTC"), Usage: texts("2026-10-05T00:00:00Z")}
	other := offlinePlan("other", "25.50")
	other.Plan.Charges[1].ID = "platform"
	ratings, err := o.Price(offlinePlan("standard", "31.00"), other)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(ratings[0], ratings[1])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range append(c.Charges, ChargeDifference{"net", c.Net}, ChargeDifference{"tax", c.Tax}, ChargeDifference{"total", c.Total}) {
		got = append(got, strings.Join([]string{d.Charge, d.Plan.String(), d.Against.String(), d.By().String()}, " "))
	}
	// 1.00 + 31.00 against 1.00 + 25.50.
	want := []string{"sms 1 1 0", "fee 31 0 -31", "platform 0 25.5 25.5", "net 32 26.5 -5.5", "tax 0 0 0", "total 32 26.5 -5.5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	other.Plan.Currency = "EUR"
	if ratings, err = o.Price(offlinePlan("standard", "31.00"), other); err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(ratings[0], ratings[1]); err == nil || !strings.Contains(err.Error(), "standard is in USD and other in EUR") {
		t.Errorf("two currencies: %v", err)
	}
}

// A tax is explained by its name: what it is on, and what it makes of that. The
// text is 1.00, the fee 31.00.
func TestOfflineExplainTaxes(t *testing.T) {
	tax := func(name, rate string, codes ...string) pricing.TaxRate {
		return pricing.TaxRate{Name: name, Rate: number(rate), Codes: codes}
	}
	inclusive := func(rate pricing.TaxRate) pricing.TaxRate { rate.Inclusive = true; return rate }
	compound := func(rate pricing.TaxRate) pricing.TaxRate { rate.Compound = true; return rate }
	for _, c := range []struct {
		name, explain, rounding string
		taxes                   []pricing.TaxRate
		want                    []string
	}{
		{"not asked for", "fee", "", []pricing.TaxRate{tax("VAT", "9.5")}, nil},
		{"on top", "VAT", "", []pricing.TaxRate{tax("VAT", "9.55"), tax("Levy", "1")}, []string{
			"VAT", "lines: all, which come to 32.00", "base: 32.00", "amount: 32 x 9.55 / 100 = 3.056",
			"rounded: to 2 decimals, half_up, once for the invoice: 3.06", "total: on top of the lines",
		}},
		// 0.095 is 0.10, and 2.945 is 2.95.
		{"by line", "VAT", pricing.TaxPerLine, []pricing.TaxRate{tax("VAT", "9.5")}, []string{
			"VAT", "lines: all, which come to 32.00", "base: 32.00", "amount: 32 x 9.5 / 100 = 3.04",
			"rounded: to 2 decimals, half_up, on each line, and added up: 3.05", "total: on top of the lines",
		}},
		// The first is on no line, and not on the document. 32 x 10 / 110 = 2.909, and
		// what is without it of the fee is 31 - 2.818.
		{"contained", "VAT", "", []pricing.TaxRate{tax("VAT", "5", "other"), inclusive(tax("VAT", "10")), tax("VAT", "1", "service")}, []string{
			"VAT", "lines: all, which come to 32.00", "base: 29.09, without VAT, which is contained", "amount: 32 x 10 / 110",
			"rounded: to 2 decimals, half_up, once for the invoice: 2.91", "total: contained in the lines",
			"VAT", "lines: 2, which come to 31.00", "base: 28.18, without VAT, which is contained", "amount: 28.18 x 1 / 100 = 0.2818",
			"rounded: to 2 decimals, half_up, once for the invoice: 0.28", "total: on top of the lines",
		}},
		// 1 % of 32.00 is 0.32; 10 % of 32.32 is 3.23.
		{"compound", "GST", "", []pricing.TaxRate{tax("Levy", "1"), compound(tax("GST", "10"))}, []string{
			"GST", "lines: all, which come to 32.00", "base: 32.32, with Levy, which comes before", "amount: 32.32 x 10 / 100 = 3.232",
			"rounded: to 2 decimals, half_up, once for the invoice: 3.23", "total: on top of the lines",
		}},
		// Of 31.00 the levy of 10 % and the tax of 5 % are 15 of 115 parts: 2.6957 and 1.3478.
		{"contained beside another", "Levy", "", []pricing.TaxRate{inclusive(tax("Levy", "10", "service")), inclusive(tax("GST", "5"))}, []string{
			"Levy", "lines: 2, which come to 31.00", "base: 26.95, without Levy, which is contained, without GST, which is contained",
			"amount: 10 % of the base, before the base is rounded",
			"rounded: to 2 decimals, half_up, once for the invoice: 2.70", "total: contained in the lines",
		}},
		// On lines of their own the two have nothing to do with each other.
		{"contained apart from another", "VAT", "", []pricing.TaxRate{inclusive(tax("Toll", "3", "text")), inclusive(tax("VAT", "10", "service"))}, []string{
			"VAT", "lines: 2, which come to 31.00", "base: 28.18, without VAT, which is contained", "amount: 31 x 10 / 110",
			"rounded: to 2 decimals, half_up, once for the invoice: 2.82", "total: contained in the lines",
		}},
		// What is contained is on nothing that comes on top: 32 x 5 / 105 = 1.524.
		{"compound and contained", "GST", "", []pricing.TaxRate{tax("Levy", "1"), compound(inclusive(tax("GST", "5")))}, []string{
			"GST", "lines: all, which come to 32.00", "base: 30.48, without GST, which is contained", "amount: 32 x 5 / 105",
			"rounded: to 2 decimals, half_up, once for the invoice: 1.52", "total: contained in the lines",
		}},
		{"on nothing", "all", "", []pricing.TaxRate{tax("VAT", "9", pricing.Untaxed)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := offlinePlan("standard", "31.00")
			list.Plan.Charges[0].TaxCode, list.Plan.Charges[1].TaxCode = "text", "service"
			list.Plan.TaxRounding = c.rounding
			o := &Offline{Period: Month(octoberDay(1), "UTC"), Explain: c.explain, Usage: texts("2026-10-05T00:00:00Z"), Taxes: c.taxes}
			ratings, err := o.Price(list)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range ratings[0].Explained {
				if e.Tax == "" {
					continue
				}
				got = append(got, e.Tax)
				for _, s := range e.Steps {
					got = append(got, s.What+": "+s.Text)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

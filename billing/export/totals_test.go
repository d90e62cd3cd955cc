package export

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/billing"
	"subtally/pricing"
)

// tester is a test, or a case of rapid's.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// randomInvoices are documents that add up, as pricing makes them: invoices,
// drafts and credit notes, of several currencies, with taxes on top of the prices
// and within them.
func randomInvoices(t *rapid.T) (list []Invoice) {
	numbers := 0
	for i := range rapid.IntRange(1, 6).Draw(t, "documents") {
		currency := rapid.SampledFrom([]string{"USD", "JPY", "BHD"}).Draw(t, "currency")
		places := pricing.MinorUnits(currency)
		plan := &pricing.Plan{Name: "p", Currency: currency}
		doc := &billing.Document{
			Kind: billing.Invoice, Revision: 1, Tenant: fmt.Sprintf("t%d", i), Currency: currency, Period: october,
			Billed:    billing.Days{From: october.From, To: october.To},
			Plans:     []billing.PlanRef{{Name: "p"}, {Name: "p"}, {Name: "q"}},
			Buyer:     billing.Party{Name: rapid.SampledFrom([]string{awkward, "=1+1", "+49 30 1", "Ünïcode; AG", ""}).Draw(t, "name")},
			Seller:    billing.Party{Name: "Seller"},
			IssueDate: october.To.AddDays(3), DueDate: october.To.AddDays(33),
		}
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			l := pricing.Line{
				Charge:      rapid.SampledFrom([]string{"calls", "fee", "sms"}).Draw(t, "charge"),
				Category:    rapid.SampledFrom(pricing.Categories).Draw(t, "category"),
				Kind:        rapid.SampledFrom(append([]pricing.Kind{""}, pricing.Kinds...)).Draw(t, "kind"),
				Unit:        rapid.SampledFrom([]pricing.Unit{pricing.Second, pricing.Month, pricing.PerOnce}).Draw(t, "unit"),
				Quantity:    decimal.New(rapid.Int64Range(-1_000_000, 100_000_000).Draw(t, "quantity"), -rapid.Int32Range(0, 3).Draw(t, "decimals")),
				UnitPrice:   decimal.New(rapid.Int64Range(0, 1_000_000).Draw(t, "price"), -6),
				Per:         rapid.SampledFrom([]int64{1, 60}).Draw(t, "per"),
				TaxCode:     rapid.SampledFrom([]string{"", "reduced", pricing.Untaxed}).Draw(t, "tax code"),
				Description: rapid.SampledFrom([]string{"Calls", awkward, "-1", "@x", "\ttab", "a;=b"}).Draw(t, "description"),
			}
			exact := l.Exact()
			l.Amount = pricing.Round(exact, places, pricing.HalfUp)
			doc.Lines = append(doc.Lines, l)
		}
		var rates []pricing.TaxRate
		for k := range rapid.IntRange(0, 2).Draw(t, "taxes") {
			rates = append(rates, pricing.TaxRate{
				Name: fmt.Sprintf("VAT%d", k), Rate: decimal.New(rapid.Int64Range(0, 2500).Draw(t, "rate"), -2),
				Inclusive: rapid.Bool().Draw(t, "inclusive"), Compound: rapid.Bool().Draw(t, "compound"),
			})
		}
		doc.Net, doc.Taxes, doc.Total = plan.Total(doc.Lines, rates)
		invoice := Invoice{Document: doc, Status: billing.Drafted}
		if rapid.Bool().Draw(t, "finalized") {
			numbers++
			doc.Number = fmt.Sprintf("INV-%06d", numbers)
			invoice.Status, invoice.SHA256, invoice.Open = billing.Finalized, "aa", decimal.NewNullDecimal(doc.Total)
		}
		list = append(list, invoice)
		if doc.Number != "" && rapid.Bool().Draw(t, "credited") {
			list = append(list, creditOf(invoice))
		}
	}
	return list
}

// creditOf takes an invoice back.
func creditOf(invoice Invoice) Invoice {
	doc := *invoice.Document
	doc.Kind, doc.Number, doc.Corrects = billing.CreditNote, "CN-"+doc.Number, &billing.Correction{Number: doc.Number}
	doc.Lines, doc.Taxes = nil, nil
	for _, l := range invoice.Lines {
		l.Quantity, l.Amount = l.Quantity.Neg(), l.Amount.Neg()
		doc.Lines = append(doc.Lines, l)
	}
	for _, t := range invoice.Taxes {
		t.Base, t.Amount = t.Base.Neg(), t.Amount.Neg()
		doc.Taxes = append(doc.Taxes, t)
	}
	doc.Net, doc.Total = doc.Net.Neg(), doc.Total.Neg()
	invoice.Document, invoice.Open = &doc, decimal.NewNullDecimal(doc.Total)
	return invoice
}

// sums adds up figures of documents by their number, as a reader does.
func sums(list []Invoice, of func(Invoice) []decimal.Decimal) map[string][]decimal.Decimal {
	out := map[string][]decimal.Decimal{}
	for _, doc := range list {
		key := doc.Number
		figures := of(doc)
		if out[key] == nil {
			out[key] = make([]decimal.Decimal, len(figures))
		}
		for i, n := range figures {
			out[key][i] = out[key][i].Add(n)
		}
	}
	return out
}

// same compares sums; one of nothing is 0.
func same(t tester, what string, got, want map[string][]decimal.Decimal) {
	t.Helper()
	for key := range got {
		if want[key] == nil {
			t.Errorf("%s: %q is not expected", what, key)
		}
	}
	for key, figures := range want {
		for i, n := range figures {
			var sum decimal.Decimal
			if got[key] != nil {
				sum = got[key][i]
			}
			if !sum.Equal(n) {
				t.Errorf("%s of %q: sum %d is %s, want %s", what, key, i, sum, n)
			}
		}
	}
}

// What other programs make of each export adds up to the documents.
func TestExportsAddUp(t *testing.T) {
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			made := func(rt tester, write func(b *bytes.Buffer) error) []byte {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					rt.Fatal(err)
				}
				return b.Bytes()
			}
			check := func(rt tester, list []Invoice) {

				file := made(rt, func(b *bytes.Buffer) error { return Invoices(b, r.format, list) })
				same(rt, "invoices", r.sums(t, file, "number", "net", "tax", "total", "open"), sums(list, func(doc Invoice) []decimal.Decimal {
					return []decimal.Decimal{doc.Net, doc.Total.Sub(doc.Net), doc.Total, doc.Open.Decimal}
				}))

				file = made(rt, func(b *bytes.Buffer) error { return Taxes(b, r.format, list) })
				same(rt, "taxes", r.sums(t, file, "number", "amount"), sums(list, func(doc Invoice) []decimal.Decimal {
					return []decimal.Decimal{doc.Total.Sub(doc.Net)}
				}))

				file = made(rt, func(b *bytes.Buffer) error {
					lines, err := NewLines(b, r.format)
					if err != nil {
						return err
					}
					for _, doc := range list {
						if err := lines.Add(doc.Document, doc.Status); err != nil {
							return err
						}
					}
					return lines.Close()
				})
				same(rt, "lines", r.sums(t, file, "invoice", "amount"), sums(list, func(doc Invoice) []decimal.Decimal {
					gross := doc.Net
					for _, tax := range doc.Taxes {
						if tax.Inclusive {
							gross = gross.Add(tax.Amount)
						}
					}
					return []decimal.Decimal{gross}
				}))

				file = made(rt, func(b *bytes.Buffer) error { return Focus(b, r.format, list) })
				same(rt, "focus", r.sums(t, file, "InvoiceId", "BilledCost", "EffectiveCost"), sums(list, func(doc Invoice) []decimal.Decimal {
					return []decimal.Decimal{doc.Total, doc.Total}
				}))

				accounts := &billing.JournalAccounts{Receivable: "1200", Revenue: "4000", Tax: "2200",
					RevenueByCategory: map[string]string{"fees": "4020"}, RevenueByCharge: map[string]string{"sms": "4030"},
					RevenueByTaxCode: map[string]string{"reduced": "4040"}, TaxByName: map[string]string{"VAT1": "2210"}}
				var bookings []billing.JournalLine
				var finalized []Invoice
				for _, doc := range list {
					if doc.Number == "" {
						continue
					}
					finalized = append(finalized, doc)
					lines, err := accounts.Invoice(doc.Document)
					if err != nil {
						rt.Fatal(err)
					}
					bookings = append(bookings, lines...)
				}
				file = made(rt, func(b *bytes.Buffer) error { return Journal(b, r.format, "2026-10", bookings) })
				for key, figures := range r.sums(t, file, "document", "debit", "credit") {
					if !figures[0].Equal(figures[1]) {
						rt.Errorf("journal of %s: debits %s, credits %s", key, figures[0], figures[1])
					}
				}
				owed := map[string][]decimal.Decimal{}
				for key, figures := range r.sums(t, file, "account,document", "debit", "credit") {
					if number, ok := bytes.CutPrefix([]byte(key), []byte("1200|")); ok {
						owed[string(number)] = []decimal.Decimal{figures[0].Sub(figures[1])}
					}
				}
				same(rt, "receivable", owed, sums(finalized, func(doc Invoice) []decimal.Decimal { return []decimal.Decimal{doc.Total} }))
			}
			if r.name == "encoding/csv" {
				rapid.Check(t, func(rt *rapid.T) { check(rt, randomInvoices(rt)) })
				return
			}
			for seed := range 12 { // the others are programs, and take their time
				check(t, rapid.Custom(randomInvoices).Example(seed))
			}
		})
	}
}

// What pricing makes of each record adds up to the line, in every reader.
func TestUsageAddsUp(t *testing.T) {
	rate, fee := number("0.0135"), number("0.05")
	plan := &pricing.Plan{Name: "p", Currency: "EUR", Charges: []pricing.Charge{
		{ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
			PerMinute: &pricing.PerMinute{Rate: &rate, ConnectFee: fee, Initial: 1, Increment: 1}},
	}}
	span := pricing.Span{From: october.From, To: october.To, BilledFrom: october.From, BilledTo: october.To, Location: time.UTC}
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			rater := pricing.NewRater(plan, pricing.Tables{}, span, pricing.Carried{})
			var b bytes.Buffer
			out, err := NewUsage(&b, r.format)
			if err != nil {
				t.Fatal(err)
			}
			doc := &billing.Document{Tenant: "acme", Period: october, Number: "INV-1", Currency: "EUR", Revision: 1}
			for i := range 1000 {
				if err := out.Add(doc, generated(rater, i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			var want decimal.Decimal
			for _, l := range rater.Lines() {
				want = want.Add(l.Exact())
			}
			got := r.sums(t, b.Bytes(), "tenant", "amount", "quantity")["acme"]
			if len(got) != 2 || !got[0].Equal(want) {
				t.Errorf("amounts add up to %v, the lines to %s", got, want)
			}
		})
	}
}

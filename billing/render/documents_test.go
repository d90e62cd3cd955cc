package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// readJSON reads a document of testdata.
func readJSON[T any](t testing.TB, name string) *T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	v := new(T)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	return v
}

func layout(t testing.TB) templates.Layout {
	t.Helper()
	l, err := templates.Default()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// nullDec is a decimal that is there.
func nullDec(s string) decimal.NullDecimal { return decimal.NewNullDecimal(dec(s)) }

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// addUp sets the sums of a document from its lines, with one tax.
func addUp(doc *billing.Document) {
	digits, err := minorUnits(doc.Currency)
	if err != nil {
		panic(err)
	}
	doc.Net = decimal.Zero
	for i := range doc.Lines {
		l := &doc.Lines[i]
		l.Amount = l.Quantity.Mul(l.UnitPrice).DivRound(decimal.NewFromInt(l.Per), digits)
		doc.Net = doc.Net.Add(l.Amount)
	}
	tax := pricing.Tax{Name: "VAT", Rate: dec("19"), Base: doc.Net}
	tax.Amount = doc.Net.Mul(dec("0.19")).Round(digits)
	doc.Taxes = []pricing.Tax{tax}
	doc.Total = doc.Net.Add(tax.Amount)
}

// withLines is the typical invoice with n lines of call usage instead.
func withLines(t testing.TB, n int) *billing.Document {
	doc := readJSON[billing.Document](t, "typical")
	doc.Lines = nil
	for i := range n {
		line := pricing.Line{
			Charge: "calls", Category: pricing.Calls, Kind: pricing.Call,
			Description: "Outbound calls", Item: fmt.Sprintf("Destination %d", i+1),
			Records: int64(i + 1), Quantity: decimal.NewFromInt(int64(61 * (i + 1))),
			Unit: pricing.Second, UnitPrice: dec("0.00725"), Per: 60,
		}
		if i%3 == 1 {
			line.Item = ""
		}
		doc.Lines = append(doc.Lines, line)
	}
	addUp(doc)
	return doc
}

// withTenants is the typical statement with n tenants instead.
func withTenants(t testing.TB, n int) *billing.Statement {
	st := readJSON[billing.Statement](t, "statement")
	st.Tenants, st.Categories, st.Vanished, st.Reconciliation = nil, nil, nil, nil
	total := billing.CurrencyTotal{Currency: "USD", Tenants: n, Margin: decimal.NewNullDecimal(decimal.Zero)}
	for i := range n {
		r := billing.StatementRow{
			Tenant: fmt.Sprintf("tenant-%03d", i+1), Name: fmt.Sprintf("Customer %d Communications Ltd", i+1),
			Number: fmt.Sprintf("INV-2026-%05d", i+1), Kind: billing.Invoice, Revision: 1, Status: "finalized", Records: int64(37 * i),
			Currency: "USD", Revenue: decimal.New(int64(12345*i), -2), Cost: decimal.New(int64(876543*i), -4),
		}
		if i%17 == 16 {
			r.Number, r.Status = "", "parked"
			r.Reason = "12 calls to +882 have no rate in deck world-2026: add the prefix to the deck, then run again"
		}
		r.Total = r.Revenue
		r.Margin = decimal.NewNullDecimal(r.Revenue.Sub(r.Cost))
		st.Tenants = append(st.Tenants, r)
		total.Records += r.Records
		total.Revenue = total.Revenue.Add(r.Revenue)
		total.Cost = total.Cost.Add(r.Cost)
		total.Margin.Decimal = total.Margin.Decimal.Add(r.Margin.Decimal)
	}
	total.Total = total.Revenue
	st.Totals = []billing.CurrencyTotal{total}
	return st
}

// invoices are the documents of the golden files: every invoice of testdata,
// and one too long to be written down.
func invoices(t testing.TB) map[string]*billing.Document {
	docs := map[string]*billing.Document{"lines500": withLines(t, 500)}
	for _, name := range documents(t, true) {
		docs[name] = readJSON[billing.Document](t, name)
	}
	return docs
}

var october = billing.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "UTC")

// statements are the documents of the golden files.
func statements(t testing.TB) map[string]*billing.Statement {
	docs := map[string]*billing.Statement{
		"statement300": withTenants(t, 300),
		"statement0":   {Period: october, IssueDate: october.To, MainAccount: billing.Account{SID: "AC1"}},
	}
	for _, name := range documents(t, false) {
		docs[name] = readJSON[billing.Statement](t, name)
	}
	return docs
}

// documents names the invoices or the statements of testdata. A new one is a
// file there; run the tests with -update to make its golden files. One whose
// name begins with cjk is set with a font for that.
func documents(t testing.TB, invoices bool) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		// A statement has no number of its own.
		if _, invoice := (*readJSON[map[string]any](t, name))["number"]; invoice == invoices {
			names = append(names, name)
		}
	}
	return names
}

// cjkFont is a font with Chinese, Japanese and Korean characters; nil where it
// is not installed.
func cjkFont(t testing.TB) []byte {
	t.Helper()
	ttf, err := os.ReadFile("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("%v: install fonts-droid-fallback", err)
	}
	return ttf
}

// layoutOf is the layout that a golden document is drawn with: in its own locale.
func layoutOf(t testing.TB, name string, doc *billing.Document) templates.Layout {
	t.Helper()
	l, err := templates.Embedded().Layout(cmp.Or(doc.Locale, templates.DefaultLocale))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(name, "cjk") {
		l.Fonts.More = []templates.Font{{Name: "DroidSansFallbackFull.ttf", TTF: cjkFont(t)}}
	}
	return l
}

package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// numbered is a text of n words that differ.
func numbered(name string, n int) string {
	var words []string
	for i := range n {
		words = append(words, fmt.Sprintf("%s-%d", name, i))
	}
	return strings.Join(words, " ")
}

// Every word of a document that may be long is printed, however long it is.
func TestNothingIsDropped(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	doc.Seller.Name, doc.Buyer.Name = numbered("seller", 25), numbered("buyer", 30)
	doc.Buyer.Address = strings.Fields(numbered("street", 14))
	doc.Taxes[0].Name, doc.Taxes[0].Note = numbered("tax", 24), numbered("note", 350)
	doc.Corrects = &billing.Correction{Number: "INV-1", IssueDate: doc.IssueDate, Reason: numbered("reason", 350)}
	doc.Payment.Instructions = []string{numbered("bank", 350)}
	doc.Lines[0].Description, doc.Lines[0].Item = numbered("description", 60), numbered("item", 40)
	pages := readPDF(t, invoicePDF(t, doc))
	checkGeometry(t, pages)
	printed := map[string]bool{}
	for _, p := range pages {
		for word := range strings.FieldsSeq(p.String()) {
			printed[word] = true
		}
	}
	for _, text := range []string{
		doc.Seller.Name, doc.Buyer.Name, strings.Join(doc.Buyer.Address, " "), doc.Taxes[0].Name, doc.Taxes[0].Note, doc.Corrects.Reason,
		doc.Payment.Instructions[0], doc.Lines[0].Description, doc.Lines[0].Item,
	} {
		for word := range strings.FieldsSeq(text) {
			if !printed[word] {
				t.Errorf("%q is not printed", word)
				break
			}
		}
	}
	if _, err := FindMissing(doc, layout(t)); err != nil {
		t.Error(err)
	}
}

// The days that are billed are printed: they are the time of the supply.
func TestBilledDays(t *testing.T) {
	day := func(d int) pricing.Date { return pricing.Date{Year: 2026, Month: 10, Day: d} }
	month := billing.Days{From: day(1), To: day(31).AddDays(1)}
	for name, tt := range map[string]struct {
		billed billing.Days
		final  bool
		want   string
	}{
		"the month":          {month, false, "October 1, 2026 – October 31, 2026 (Europe/Berlin)"},
		"begins within it":   {billing.Days{From: day(12), To: month.To}, false, "October 12, 2026 – October 31, 2026 (Europe/Berlin)"},
		"closed on the 17th": {billing.Days{From: day(1), To: day(18)}, true, "October 1, 2026 – October 17, 2026 (Europe/Berlin)"},
		"only given back":    {billing.Days{From: day(1), To: day(1)}, false, "October 1, 2026 – October 31, 2026 (Europe/Berlin)"},
	} {
		doc := readJSON[billing.Document](t, "typical")
		doc.Billed, doc.Final = tt.billed, tt.final
		text := strings.Join(strings.Fields(readPDF(t, invoicePDF(t, doc))[0].String()), " ")
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s: %q is not printed:\n%s", name, tt.want, text)
		}
	}
}

// wideStatement has long amounts in many currencies, and every status.
func wideStatement(t testing.TB) *billing.Statement {
	st := withTenants(t, 11)
	st.Totals, st.Tenants[10].Margin = nil, decimal.NewNullDecimal(dec("-1234567.891234"))
	statuses := []string{billing.Drafted, billing.Parked, billing.Finalized, "paid", "overdue", billing.Credited}
	for i, code := range []string{"INR", "EUR", "BRL", "MXN", "CAD", "CHF", "PLN", "JPY", "BHD", "USD", "USD"} {
		r := &st.Tenants[i]
		r.Number, r.Currency, r.Status, r.Cost = fmt.Sprintf("INV-2026-%06d", i+1), code, statuses[i%len(statuses)], dec("12345678.901234")
		r.Revenue, r.Tax, r.Total = dec("12345678.00"), dec("2222723.00"), dec("14568401.00")
		if r.Status == billing.Finalized {
			r.Overdue = 33
		}
		if i == 3 {
			r.Kind, r.Corrects = billing.CreditNote, "INV-2026-000003"
		}
		if i < 10 {
			st.Totals = append(st.Totals, billing.CurrencyTotal{Currency: code, Tenants: 1, Records: 1, Revenue: r.Revenue, Tax: r.Tax, Total: r.Total, Cost: r.Cost})
		}
	}
	return st
}

// No number and no word of the statement's table of tenants is broken.
func TestStatementBreaksNoNumber(t *testing.T) {
	for _, language := range append(slices.Clone(templates.Languages), "de-CH", "en-IN", "fr-CH", "pt-PT") {
		l, err := templates.Embedded().Layout(language)
		if err != nil {
			t.Fatal(err)
		}
		st := wideStatement(t)
		var b bytes.Buffer
		if err := Statement(&b, st, l); err != nil {
			t.Fatal(err)
		}
		pages := readPDF(t, b.Bytes())
		checkGeometry(t, pages)
		words := map[string]bool{}
		for _, p := range pages {
			for _, text := range p.texts {
				for _, word := range strings.Split(text.s, " ") {
					words[word] = true
				}
			}
		}
		sh, err := newSheet(st, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sh.Sections {
			for _, r := range s.Rows {
				for _, c := range r.Cells {
					for _, text := range append([]string{c.Text}, c.Small...) {
						for _, word := range strings.Split(text, " ") {
							if !words[word] {
								t.Errorf("%s: %s: %q is not printed in one piece", language, s.ID, word)
							}
						}
					}
				}
			}
		}
	}
}

// A name that cannot be set is printed as codes, and a reason whole.
func TestStatementNamesWhatCannotBeSet(t *testing.T) {
	st := withTenants(t, 1)
	st.Tenants[0].Name = "שם Ltd"
	st.Tenants[0].Status, st.Tenants[0].Reason = billing.Parked, "the script of U+05E9 ש (buyer name), U+05DD ם (buyer name) cannot be set: "+numbered("advice", 120)
	all := ""
	for _, p := range readPDF(t, statementPDF(t, st)) {
		all += strings.Join(strings.Fields(p.String()), " ") + " "
	}
	for _, want := range []string{"U+05E9 U+05DD Ltd", "the script of U+05E9 (buyer name), U+05DD (buyer name) cannot be set: advice-0", "advice-119"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not printed:\n%s", want, all)
		}
	}
	if strings.ContainsRune(all, replacement) {
		t.Error("a replacement sign is printed")
	}
}

// What a customer is not to pay has no due date, and is not negative twice.
func TestHeadline(t *testing.T) {
	for name, want := range map[string]string{"zero": "EUR\u00a00.00", "creditnote": "EUR\u00a01,780.81"} {
		p := readPDF(t, invoicePDF(t, readJSON[billing.Document](t, name)))[0]
		if p.count(want) != 1 || p.count("Due date") > 0 {
			t.Errorf("%s: %q %d times, %d due dates", name, want, p.count(want), p.count("Due date"))
		}
	}
}

// What is left of a credit is no price of anything.
func TestCreditHasNoPrice(t *testing.T) {
	doc := withLines(t, 1)
	doc.Lines = append(doc.Lines, pricing.Line{
		Charge: "goodwill", Category: pricing.CreditsUsed, Description: "Goodwill", Quantity: dec("1"), Unit: pricing.Month, Per: 1, UnitPrice: dec("-0.70"),
	})
	addUp(doc)
	all := ""
	for _, p := range readPDF(t, invoicePDF(t, doc)) {
		all += p.String()
	}
	if strings.Contains(all, "-0.70 / month") || strings.Count(all, "-0.70") != 3 { // the line, its subtotal and the summary
		t.Errorf("the credit is printed %d times, or as a price:\n%s", strings.Count(all, "-0.70"), all)
	}
}

// The entries of a chart's legend are of one size.
func TestLegend(t *testing.T) {
	l := layout(t)
	l.Categories = map[pricing.Category]string{pricing.Calls: "Calls to mobile phones", pricing.Messages: "SMS"}
	doc := readJSON[billing.Document](t, "typical")
	doc.Corrects = nil
	var b bytes.Buffer
	if err := Invoice(&b, doc, l, nil); err != nil {
		t.Fatal(err)
	}
	sizes := map[string][]float64{}
	for _, p := range readPDF(t, b.Bytes()) {
		for _, text := range p.texts {
			sizes[text.s] = append(sizes[text.s], text.size)
		}
	}
	long, short := sizes[l.Categories[pricing.Calls]], sizes["SMS"]
	if len(long) < 2 || len(short) < 2 || long[1] >= body.size || long[1] != short[1] {
		t.Errorf("sizes %v and %v", long, short)
	}
}

// A masked number is not broken while another column has room.
func TestAnnexKeepsNumbers(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	items := manyItems(300)
	for i := range items {
		items[i].From, items[i].To, items[i].Item = "whatsapp:+1415•••1234", "whatsapp:+4915•••5678", "United Kingdom, mobile and special services"
		items[i].Amount = dec("0.0333333333333333")
	}
	for _, p := range readPDF(t, annexPDF(t, doc, withAnnex(t, doc, itemized{doc.Accounts[0].SID, items}))) {
		if whole, parts := p.count("whatsapp:+1415•••1234"), strings.Count(p.String(), "whatsapp:+1415"); whole != parts {
			t.Errorf("%d numbers of %d in one piece", whole, parts)
		}
		checkGeometry(t, []page{p})
	}
}

// A statement in German says how long an invoice is overdue, and what its own dates
// are, in the right words; categories in several currencies say which.
func TestStatementInGerman(t *testing.T) {
	l, err := templates.Embedded().Layout("de-DE")
	if err != nil {
		t.Fatal(err)
	}
	st := wideStatement(t)
	st.Categories = []billing.CategoryRow{{Currency: "BHD", Category: pricing.Calls, Revenue: dec("12.345")}}
	st.Unassigned = []billing.UnassignedRow{{Account: billing.Account{SID: "AC1"}, Status: "suspended"}}
	sh, err := newSheet(st, l)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(sh)
	for _, want := range []string{"abgeschlossen, überfällig seit 33 Tagen", "{Zeitraum 1. Oktober 2026", "{Datum 1. November 2026", "12,345\u00a0BHD", "{gesperrt "} {
		if !strings.Contains(said, want) {
			t.Errorf("the statement lacks %q", want)
		}
	}
}

package render

import (
	"fmt"
	"strings"
	"testing"

	"subtally/billing"
	"subtally/pricing"
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

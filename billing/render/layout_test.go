package render

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// withLayout draws a document of testdata in a layout of its own.
func withLayout(t *testing.T, name, locale, yaml string, files map[string][]byte) []page {
	t.Helper()
	all := maps.Clone(files)
	if all == nil {
		all = map[string][]byte{}
	}
	all[templates.LayoutFile] = []byte(yaml)
	l, err := templates.New(all).Layout(locale)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Invoice(&b, readJSON[billing.Document](t, name), l, nil); err != nil {
		t.Fatal(err)
	}
	return readPDF(t, b.Bytes())
}

// inOrder reports which of some texts is the first that does not follow those
// before it.
func inOrder(t *testing.T, pages []page, want ...string) {
	t.Helper()
	all := ""
	for _, p := range pages {
		all += p.String()
	}
	at := 0
	for _, s := range want {
		i := strings.Index(all[at:], s+"\n")
		if i < 0 {
			t.Errorf("%q does not follow; the text is\n%s", s, all)
			return
		}
		at += i + len(s)
	}
}

func TestSections(t *testing.T) {
	pages := withLayout(t, "typical", "en", `sections: [totals, parties, lines]`, nil)
	inOrder(t, pages, "Total EUR", "Billed to", "Details", "Subtotal Fees")
	for _, p := range pages {
		for _, s := range []string{"Summary", "Daily usage", "Total due", "Payment"} {
			if p.count(s) > 0 {
				t.Errorf("%q is printed", s)
			}
		}
	}
	inOrder(t, withLayout(t, "adjusted", "en", `sections: [parties, adjustments, lines, totals]`, nil),
		"Adjustments of earlier invoices", // heading
		"Invoice INV-2026-00031, September 1, 2026 – September 30, 2026: 3 usage records came after the invoice",
		"0.14", "0.30",
		"Invoice INV-2026-00019, August 1, 2026 – August 31, 2026: Twilio changed the duration of 1 call",
		"-0.09", "Subtotal Adjustments of earlier invoices", "0.35", "Details", "Subtotal Fees", "Net")
	// Without adjustments the section is left out, and its texts too.
	pages = withLayout(t, "typical", "en", `{sections: [parties, adjustments, lines, totals], texts: [{before: adjustments, text: Changed}]}`, nil)
	if n := pages[0].count("Changed") + pages[0].count("Adjustments of earlier invoices"); n != 0 {
		t.Errorf("an empty section is printed %d times", n)
	}
}

// The reason of an adjustment, and by how much usage differs, are in the
// invoice's language; the month and the days stand in the heading alone.
func TestAdjustmentIsWorded(t *testing.T) {
	l, err := templates.Embedded().Layout("de")
	if err != nil {
		t.Fatal(err)
	}
	doc := readJSON[billing.Document](t, "adjusted")
	i := slices.IndexFunc(doc.Lines, func(l pricing.Line) bool { return l.Adjusts != "" })
	line := &doc.Lines[i]
	a := &doc.Adjustments[slices.IndexFunc(doc.Adjustments, func(a billing.Adjustment) bool { return a.Number == line.Adjusts })]
	a.Reason = billing.UsageLateOrChanged
	a.Changes = []billing.Change{{
		LineKey: billing.LineKey{Charge: line.Charge, Kind: line.Kind, Description: line.Description, Item: "Zone 1", TaxCode: line.TaxCode, Unit: pricing.Second},
		Records: 1, Quantity: decimal.NewFromInt(13678), Amount: line.Amount,
	}}
	month := a.Period.From.String()[:7]
	line.Item = month + ": usage came late or changed, Zone 1 (+1 record, +13678 seconds)"
	for range 2 {
		var b bytes.Buffer
		if err := Invoice(&b, doc, l, nil); err != nil {
			t.Fatal(err)
		}
		pages := readPDF(t, b.Bytes())
		inOrder(t, pages, "nachträglich gemeldete oder geänderte", "Nutzung", "Zone 1, +1 Datensatz, +13.678 s")
		if pages[0].count("late or changed") > 0 || pages[0].count(month) > 0 {
			t.Errorf("the line's own words are printed: %s", pages[0])
		}
		doc = doc.CreditNote(doc.IssueDate, billing.Correction{Number: doc.Number}) // it has the same words
	}
}

func TestColumns(t *testing.T) {
	pages := withLayout(t, "typical", "en",
		`{sections: [parties, lines, totals], columns: [{name: amount}, {name: item, width: 1}, {name: description, width: 2}, {name: records}, {name: tax_code}]}`, nil)
	checkGeometry(t, pages)
	inOrder(t, pages, "Amount (EUR)", "Item", "Description", "Records", "Tax code", "Calls", "53.26", "Germany, landline", "Outbound calls",
		"316.44", "Subtotal Calls", "1,023.57", "Subtotal Messages")
	if n := strings.Count(fmt.Sprint(pages), "Germany, landline"); n != 1 {
		t.Errorf("an item with a column of its own is printed %d times", n)
	}
	for _, columns := range []string{
		`[{name: description, width: 1}, {name: amount}]`,
		`[{name: quantity}, {name: amount}, {name: description, width: 1}]`,
		`[{name: tax_code}, {name: description, width: 1}, {name: item, width: 1}, {name: records}, {name: quantity}, {name: unit_price}, {name: amount}]`,
	} {
		for _, name := range []string{"typical", "longnames", "zero", "adjusted"} {
			pages := withLayout(t, name, "en", "columns: "+columns, nil)
			checkGeometry(t, pages)
			inOrder(t, pages, "Details", "Net", "Payment")
		}
	}
}

func TestTexts(t *testing.T) {
	const layout = `
texts:
  - before: totals
    text: "{number}, {tenant}: {seller} to {buyer} on {issue_date} for {period}"
  - after: payment
    text: {all: "Pay {total}, net {net}, by {due_date} in {currency}.", de: "Bitte {total} bis {due_date}.", fr: ""}
footer: {all: "{seller} · {number}", de: "Handelsregister Hamburg, HRB 12345"}
`
	before := "INV-2026-00042, brightpath: Norddial Telekommunikation GmbH to Brightpath Logistics B.V."
	pages := withLayout(t, "typical", "en-GB", layout, nil)
	checkGeometry(t, pages)
	joined := strings.ReplaceAll(fmt.Sprint(pages), "\n", " ")
	for _, want := range []string{
		before + " on 1 November 2026 for 1 October 2026 – 31 October 2026",
		"Pay EUR\u00a01,780.81, net EUR\u00a01,496.48, by 15 November 2026 in EUR.",
		"Page 2 of 3 Norddial Telekommunikation GmbH · INV-2026-00042",
	} {
		if !strings.Contains(joined, want) {
			t.Errorf("%q is missing", want)
		}
	}
	// Lines of a text are lines on the page.
	inOrder(t, withLayout(t, "typical", "en", "texts: [{before: totals, text: \"one\\ntwo {number}\"}]\nfooter: \"first\\nsecond\"", nil), "one", "two INV-2026-00042", "first", "second")
	pages = withLayout(t, "typical", "de", layout, nil)
	inOrder(t, pages, "Bitte 1.780,81\u00a0EUR bis 15. November 2026.")
	if n := pages[0].count("Handelsregister Hamburg, HRB 12345") + pages[1].count("Handelsregister Hamburg, HRB 12345"); n != 2 {
		t.Errorf("the footer stands on %d pages of 2", n)
	}
	if strings.Contains(fmt.Sprint(withLayout(t, "typical", "fr", layout, nil)), "Pay ") {
		t.Error("a text that is empty in a language is printed in another")
	}
	// However long, a footer stays on the page.
	for _, bottom := range []int{10, 20, 40} {
		for _, p := range withLayout(t, "typical", "en", fmt.Sprintf("{page: {margins: {bottom: %d}}, footer: %s}", bottom, strings.Repeat("word ", 200)), nil) {
			if last := p.texts[len(p.texts)-1]; !strings.HasSuffix(last.s, "word…") || last.y+0.2*last.size > p.height {
				t.Errorf("bottom margin of %d mm: the footer ends with %q at %.1f of %.1f", bottom, last.s, last.y, p.height)
			}
		}
	}
}

func TestLogo(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 200, 50))
	for x := range 200 {
		for y := range 50 {
			picture.Set(x, y, color.NRGBA{R: uint8(x), G: uint8(4 * y), B: 90, A: uint8(200 - y)})
		}
	}
	var asPNG, asJPEG bytes.Buffer
	if err := png.Encode(&asPNG, picture); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, picture, nil); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"logo.png": asPNG.Bytes(), "logo.jpg": asJPEG.Bytes()}
	without := withLayout(t, "typical", "en", "{}", nil)
	find := func(pages []page, s string) text {
		for _, text := range pages[0].texts {
			if text.s == s {
				return text
			}
		}
		t.Fatalf("%q is missing", s)
		return text{}
	}
	for _, tt := range []struct{ file, position, moves, stays string }{
		{"logo.png", "left", "Speicherstadt 14", "INV-2026-00042"},
		{"logo.jpg", "right", "INV-2026-00042", "Speicherstadt 14"},
	} {
		yaml := fmt.Sprintf("brand: {logo: {file: %s, height: 15, position: %s}}", tt.file, tt.position)
		with := withLayout(t, "typical", "en", yaml, files)
		checkGeometry(t, with)
		// 15 mm and the space beneath.
		if got, want := find(with, tt.moves).y-find(without, tt.moves).y, 15*pointsPerMM+10; got < want-0.1 || got > want+0.1 {
			t.Errorf("%s: %q is %.1f lower, want %.1f", tt.file, tt.moves, got, want)
		}
		if find(with, tt.stays).y != find(without, tt.stays).y {
			t.Errorf("%s: %q has moved", tt.file, tt.stays)
		}
	}
	// Every form of picture that the check lets pass can be drawn.
	for name, picture := range map[string]image.Image{
		"gray": image.NewGray(picture.Rect), "colours": image.NewPaletted(picture.Rect, color.Palette{color.Black, color.White}),
		"transparent colours": image.NewPaletted(picture.Rect, color.Palette{color.Transparent, color.White, color.NRGBA{1, 2, 3, 4}}),
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, picture); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			withLayout(t, "zero", "en", "brand: {logo: {file: l.png, height: 9, position: left}}", map[string][]byte{"l.png": b.Bytes()})
		})
	}
	// A logo that a check would have refused is no reason to draw without it.
	l, err := templates.New(map[string][]byte{"layout.yaml": []byte("brand: {logo: {file: l.png, height: 9, position: left}}"), "l.png": []byte("text")}).Layout("en")
	if err != nil {
		t.Fatal(err)
	}
	if err := Invoice(io.Discard, readJSON[billing.Document](t, "typical"), l, nil); err == nil {
		t.Error("no error for a picture that is none")
	}
}

func TestKinds(t *testing.T) {
	for name, want := range map[string][]string{
		"creditnote": {"Credit note", "Takes back invoice INV-2026-00042 of November 1, 2026", "Reason: The rate for calls to the Netherlands was wrong.",
			"Amount credited", "EUR\u00a01,780.81", "-5,137 calls", "-1,780.81", "The amount is in your favour: it is set off against what you owe, or paid back. Nothing is to be paid."},
		"adjusted": {"Faktura", "końcowa", "Zastępuje fakturę INV-2026-00042 z dnia 1 listopada 2026", "Termin płatności"},
		"reverse":  {"Rechnung", "USt. 0\u00a0% auf 1.496,48", "Steuerschuldnerschaft des Leistungsempfängers (Reverse-Charge-Verfahren)."},
	} {
		pages := readPDF(t, invoicePDF(t, readJSON[billing.Document](t, name)))
		checkGeometry(t, pages)
		inOrder(t, pages, want...)
		due := 0
		for _, p := range pages {
			due += p.count("Due date")
		}
		if name == "creditnote" && due > 0 {
			t.Errorf("a credit note has a due date, %d times", due)
		}
	}
}

// TestVersion1 holds that documents that were drawn come out in the same bytes.
func TestVersion1(t *testing.T) {
	const golden = "testdata/version1.sha256"
	var got strings.Builder
	pdfs := map[string][]byte{}
	for name, doc := range invoices(t) {
		pdfs[name] = invoicePDF(t, doc)
	}
	for _, name := range slices.Sorted(maps.Keys(pdfs)) {
		fmt.Fprintf(&got, "%x  %s\n", sha256.Sum256(pdfs[name]), name)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the drawing of version 1 has changed (-want +got):\n%s\n"+
			"Invoices that were sent would come out in other bytes. Make it version 2: raise Version, draw documents whose layout says so in the new way and the others as before, and hold version 2 in a golden of its own.\n"+
			"Only where no invoice has been sent in version 1 yet, or where only testdata has changed, rewrite it with -update.", diff)
	}
}

func TestNewerVersion(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	doc.Layout.Version = Version + 1
	if err := Invoice(io.Discard, doc, layout(t), nil); err == nil || !strings.Contains(err.Error(), "version 2 of the drawing") {
		t.Errorf("error %v", err)
	}
}

// TestDrawable holds that the fonts have all that is printed in every language and
// region, narrow no-break spaces among it.
func TestDrawable(t *testing.T) {
	g := coverage(t)
	for _, language := range templates.Languages {
		for _, region := range []string{"", "-AT", "-BE", "-BR", "-CA", "-CH", "-DE", "-ES", "-FR", "-GB", "-IN", "-IT", "-MX", "-NL", "-PL", "-PT", "-US", "-ZA"} {
			l, err := templates.Embedded().Layout(language + region)
			if err != nil {
				t.Fatal(err)
			}
			all := []string{l.Locale.Money(dec("-1234567.89"), "EUR"), l.Locale.Percent(dec("-19.5"), 1)}
			for month := time.January; month <= time.December; month++ {
				d := pricing.Date{Year: 2026, Month: month, Day: 1}
				all = append(all, l.Locale.Date(d), l.Month(d))
			}
			labels := reflect.ValueOf(l.Labels)
			for i := range labels.NumField() {
				all = append(all, labels.Field(i).String())
			}
			for _, unit := range l.Units {
				all = slices.AppendSeq(all, maps.Values(unit))
			}
			for _, s := range all {
				if got := g.clean(s); got != s {
					t.Errorf("%s: %q is printed as %q", l.Locale, s, got)
				}
			}
		}
	}
}

// The statement speaks a language too.
func TestStatementInPolish(t *testing.T) {
	l, err := templates.Embedded().Layout("pl")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Statement(&b, readJSON[billing.Statement](t, "statement"), l); err != nil {
		t.Fatal(err)
	}
	pages := readPDF(t, b.Bytes())
	checkGeometry(t, pages)
	inOrder(t, pages, "Zestawienie", "październik 2026", "2058,13\u00a0EUR")
}

package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt and *.png from the PDFs as they are now")

// allPDFs are the PDFs of all golden documents by name.
func allPDFs(t testing.TB) map[string][]byte {
	pdfs := map[string][]byte{}
	for name, doc := range invoices(t) {
		if strings.HasPrefix(name, "cjk") && cjkFont(t) == nil {
			t.Logf("%s is left out: install fonts-droid-fallback", name)
			continue
		}
		var b bytes.Buffer
		if err := Invoice(&b, doc, layoutOf(t, name, doc), nil); err != nil {
			t.Fatal(err)
		}
		pdfs[name] = b.Bytes()
	}
	for name, st := range statements(t) {
		pdfs[name] = statementPDF(t, st)
	}
	return pdfs
}

var manySpaces = regexp.MustCompile(` {2,}`)

func TestGolden(t *testing.T) {
	for name, pdf := range allPDFs(t) {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for line := range strings.Lines(poppler(t, pdf, "pdftotext", "-layout")) {
				// How many spaces stand for a gap differs between versions of poppler.
				line = strings.TrimSpace(manySpaces.ReplaceAllString(strings.ReplaceAll(line, "\f", "=== page ===\n"), "  "))
				if line != "" {
					lines = append(lines, line+"\n")
				}
			}
			got := strings.Join(lines, "")
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("text of the PDF (-want +got); if it is right, run the test with -update:\n%s", diff)
			}
		})
	}
}

var (
	bboxPage = regexp.MustCompile(`<page width="([0-9.]+)" height="([0-9.]+)"`)
	bboxWord = regexp.MustCompile(`<word xMin="([-0-9.]+)" yMin="([-0-9.]+)" xMax="([-0-9.]+)" yMax="([-0-9.]+)">(.*)</word>`)
)

// TestGeometry holds that nothing is off the page and nothing overlaps, by our
// own measure and by poppler's.
func TestGeometry(t *testing.T) {
	for name, pdf := range allPDFs(t) {
		t.Run(name, func(t *testing.T) {
			checkGeometry(t, readPDF(t, pdf))

			var width, height float64
			for line := range strings.Lines(poppler(t, pdf, "pdftotext", "-bbox")) {
				if m := bboxPage.FindStringSubmatch(line); m != nil {
					width, height = number64(t, []byte(m[1])), number64(t, []byte(m[2]))
				}
				m := bboxWord.FindStringSubmatch(line)
				if m == nil || m[5] == "DRAFT" {
					continue
				}
				left, top := number64(t, []byte(m[1])), number64(t, []byte(m[2]))
				right, bottom := number64(t, []byte(m[3])), number64(t, []byte(m[4]))
				if left < 50 || top < 20 || right > width-50 || bottom > height-20 {
					t.Errorf("%q at x %.1f to %.1f, y %.1f to %.1f is off the text area", m[5], left, right, top, bottom)
				}
			}
		})
	}
}

// TestSameBytes renders again and again, at once and one by one, from the
// document and from its JSON: one file.
func TestSameBytes(t *testing.T) {
	doc, st := readJSON[billing.Document](t, "typical"), readJSON[billing.Statement](t, "statement")
	// As drafted, before it was ever written: decimals with zeros at the end.
	doc.Lines[0].UnitPrice = decimal.New(145000, -7)
	again := new(billing.Document)
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}

	var mu sync.Mutex
	sums := map[string]map[[32]byte]bool{"invoice": {}, "statement": {}}
	add := func(name string, draw func(io.Writer) error) {
		h := sha256.New()
		if err := draw(h); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		sums[name][[32]byte(h.Sum(nil))] = true
	}
	l := layout(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			d := doc
			if i%2 == 1 {
				d = again
			}
			add("invoice", func(w io.Writer) error { return Invoice(w, d, l, nil) })
		})
		add("statement", func(w io.Writer) error { return Statement(w, st, l) })
	}
	group.Wait()
	for _, date := range []string{"/CreationDate (D:20261101000000)", "/ModDate (D:20261101000000)"} {
		if !bytes.Contains(invoicePDF(t, doc), []byte(date)) {
			t.Errorf("the file lacks %s: its dates are not the document's", date)
		}
	}
	for name, set := range sums {
		if len(set) != 1 {
			t.Errorf("%d different files of one %s", len(set), name)
		}
	}
}

// TestPageBreaks holds for any number of lines: each is printed once, beneath
// a head on every page, and neither the totals nor a subtotal nor a title is
// without a line.
func TestPageBreaks(t *testing.T) {
	for n := 1; n <= 80; n++ {
		doc := withLines(t, n)
		if n%2 == 0 { // a second category
			for i := n / 2; i < n; i++ {
				doc.Lines[i].Category, doc.Lines[i].Description = pricing.Messages, "SMS sent"
			}
		}
		pages := readPDF(t, invoicePDF(t, doc))
		lines := 0
		for i, p := range pages {
			calls, messages := p.count("Outbound calls"), p.count("SMS sent")
			here := calls + messages
			lines += here
			if p.count("Details") > 0 && here < min(n, 2) {
				t.Errorf("%d lines: the table on page %d begins with only %d", n, i+1, here)
			}
			if p.count("Subtotal Calls") > 0 && calls == 0 || p.count("Subtotal Messages") > 0 && messages == 0 {
				t.Errorf("%d lines: a subtotal on page %d has no line above", n, i+1)
			}
			if i > 0 && p.count("Messages") > 0 && messages == 0 {
				t.Errorf("%d lines: a title on page %d has no line beneath", n, i+1)
			}
			if heads := p.count("Description"); here > 0 && heads != 1 {
				t.Errorf("%d lines: page %d has %d table heads", n, i+1, heads)
			}
			if p.count("Total EUR") > 0 && here < min(n, 2) {
				t.Errorf("%d lines: the totals on page %d have only %d lines above", n, i+1, here)
			}
			if want := fmt.Sprintf("Page %d of %d", i+1, len(pages)); p.count(want) != 1 {
				t.Errorf("%d lines: page %d does not say %q", n, i+1, want)
			}
			if p.count("Invoice INV-2026-00042") == 0 {
				t.Errorf("%d lines: page %d does not name the invoice", n, i+1)
			}
		}
		if lines != n {
			t.Errorf("%d lines, %d printed", n, lines)
		}
		if n%8 == 0 {
			checkGeometry(t, pages)
		}
	}
}

func TestDraft(t *testing.T) {
	for i, p := range readPDF(t, invoicePDF(t, readJSON[billing.Document](t, "draft"))) {
		if p.count("DRAFT") != 1 || p.count("Draft invoice") == 0 {
			t.Errorf("page %d is not marked as a draft", i+1)
		}
	}
	for i, p := range readPDF(t, invoicePDF(t, readJSON[billing.Document](t, "typical"))) {
		if p.count("DRAFT") != 0 {
			t.Errorf("page %d of a numbered invoice is marked as a draft", i+1)
		}
	}
}

// The legal ground of a tax stands below the total, on the same page.
func TestTaxNote(t *testing.T) {
	for n := 1; n <= 40; n++ {
		doc := withLines(t, n)
		doc.Taxes[0].Note = "Reverse charge: the recipient owes the tax"
		pages := readPDF(t, invoicePDF(t, doc))
		checkGeometry(t, pages)
		with := 0
		for _, p := range pages {
			if p.count("Reverse charge: the recipient owes the tax") == 0 {
				continue
			}
			with++
			if p.count("Total "+doc.Currency) == 0 {
				t.Errorf("%d lines: the note is not on the page of the total", n)
			}
		}
		if with != 1 {
			t.Errorf("%d lines: the note stands on %d pages", n, with)
		}
	}
}

// An invoice says how to pay only if anything is to be paid.
func TestPayment(t *testing.T) {
	const iban = "IBAN DE02 1203 0000 0000 2020 51"
	tests := []struct {
		unitPrice string
		terms     int
		want      string
		how       bool
	}{
		{"1", 14, "Payable within 14 days, by November 15, 2026.", true},
		{"1", 0, "Payable on receipt, by November 15, 2026.", true},
		{"0", 14, "Nothing is to be paid.", false},
		{"-1", 14, "The amount is in your favour. Nothing is to be paid.", false},
	}
	for _, tt := range tests {
		doc := readJSON[billing.Document](t, "typical")
		doc.Lines = doc.Lines[:1]
		doc.Lines[0].UnitPrice = dec(tt.unitPrice)
		addUp(doc)
		doc.Payment = billing.Payment{TermsDays: tt.terms, Instructions: []string{iban}}
		got, how := 0, 0
		for _, p := range readPDF(t, invoicePDF(t, doc)) {
			got += p.count(tt.want)
			how += p.count(iban)
		}
		if got != 1 || (how == 1) != tt.how {
			t.Errorf("price %s, %d days: %q stands there %d times, how to pay %d times", tt.unitPrice, tt.terms, tt.want, got, how)
		}
	}
}

func TestCharts(t *testing.T) {
	day := func(seconds, messages int64) []billing.Day {
		return []billing.Day{{Date: pricing.Date{Year: 2026, Month: 10, Day: 1}, Seconds: seconds, Messages: messages}}
	}
	const calls, messages, none = "Call minutes per day", "Messages per day", "No usage in this period"
	for name, test := range map[string]struct {
		days          []billing.Day
		want, notWant []string
	}{
		"both":          {day(61, 7), []string{calls, messages, "max 1:01 min", "max 7"}, []string{none}},
		"only calls":    {day(60, 0), []string{calls, "max 1 min"}, []string{messages, none}},
		"only messages": {day(0, 1000), []string{messages, "max 1,000"}, []string{calls, none}},
		"neither":       {day(0, 0), []string{none}, []string{calls, messages}},
		"no days":       {nil, []string{none}, []string{calls, messages}},
	} {
		t.Run(name, func(t *testing.T) {
			doc := readJSON[billing.Document](t, "typical")
			doc.Daily = test.days
			p := readPDF(t, invoicePDF(t, doc))[0]
			for _, s := range test.want {
				if p.count(s) != 1 {
					t.Errorf("%q is missing", s)
				}
			}
			for _, s := range test.notWant {
				if p.count(s) != 0 {
					t.Errorf("%q is printed", s)
				}
			}
		})
	}
}

// TestSummary holds that the summary is the sum of the lines as printed.
func TestSummary(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	sum := decimal.Zero
	for _, g := range byCategory(doc.Lines, layout(t)) {
		sum = sum.Add(g.amount)
	}
	if !sum.Equal(doc.Net) {
		t.Errorf("the categories add up to %s, the net is %s", sum, doc.Net)
	}
	other := byCategory([]pricing.Line{{Category: "faxes"}, {Category: pricing.Fees}, {Category: pricing.Calls}}, layout(t))
	var names []string
	for _, g := range other {
		names = append(names, g.name)
	}
	if diff := cmp.Diff([]string{"Calls", "Fees", "faxes"}, names); diff != "" {
		t.Errorf("categories (-want +got):\n%s", diff)
	}
}

func TestInvoiceRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*billing.Document)
		want  string
	}{
		"unknown currency":  {func(d *billing.Document) { d.Currency = "EURO" }, "EURO"},
		"no currency":       {func(d *billing.Document) { d.Currency = "" }, "ISO 4217"},
		"no issue date":     {func(d *billing.Document) { d.IssueDate = pricing.Date{} }, "issue date"},
		"fraction of cents": {func(d *billing.Document) { d.Lines[0].Amount = dec("1.005") }, "line 1"},
		"tax in fractions":  {func(d *billing.Document) { d.Taxes[0].Amount = dec("1.005") }, "VAT"},
		"price for nothing": {func(d *billing.Document) { d.Lines[1].Per = 0 }, "line 2"},
		"wrong net":         {func(d *billing.Document) { d.Net = d.Net.Add(dec("0.01")) }, "net"},
		"wrong total":       {func(d *billing.Document) { d.Total = d.Total.Add(dec("0.01")) }, "total"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := readJSON[billing.Document](t, "typical")
			test.spoil(doc)
			var b bytes.Buffer
			err := Invoice(&b, doc, layout(t), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "INV-2026-00042") {
				t.Errorf("error %v, want one about %s of INV-2026-00042", err, test.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written", b.Len())
			}
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) {
	if w.err == nil {
		panic("disk on fire")
	}
	return 0, w.err
}

func TestErrors(t *testing.T) {
	doc, st, l := readJSON[billing.Document](t, "draft"), readJSON[billing.Statement](t, "statement"), layout(t)
	full := errors.New("disk full")
	if err := Invoice(brokenWriter{full}, doc, l, nil); !errors.Is(err, full) || !strings.Contains(err.Error(), "brightpath") {
		t.Errorf("a draft on a full disk: %v", err)
	}
	if err := Statement(brokenWriter{full}, st, l); !errors.Is(err, full) || !strings.Contains(err.Error(), "2026-10") {
		t.Errorf("a statement on a full disk: %v", err)
	}
	if err := Invoice(brokenWriter{}, doc, l, nil); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("a panic: %v", err)
	}
	if err := Statement(brokenWriter{}, st, l); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("a panic: %v", err)
	}
	if err := Invoice(io.Discard, nil, l, nil); err == nil {
		t.Error("no error for no invoice")
	}
	if err := Statement(io.Discard, nil, l); err == nil {
		t.Error("no error for no statement")
	}
	st.Currency = "?"
	if err := Statement(io.Discard, st, l); err == nil {
		t.Error("no error for a statement in an unknown currency")
	}
}

func TestStatement(t *testing.T) {
	all := ""
	tenants := 0
	for i, p := range readPDF(t, statementPDF(t, withTenants(t, 300))) {
		all += p.String()
		here := strings.Count(p.String(), "tenant-")
		tenants += here
		if here > 0 && p.count("Tenant") == 0 {
			t.Errorf("page %d has no table head", i+1)
		}
	}
	if tenants != 300 {
		t.Errorf("%d tenants printed, want 300", tenants)
	}
	pages := readPDF(t, statementPDF(t, readJSON[billing.Statement](t, "statement")))
	all = ""
	for _, p := range pages {
		all += p.String()
	}
	for _, want := range []string{
		"Norddial main account", "2,871.30425", "EUR\u00a02,058.13", "31.8%", "-3.7%", "-3.7%\n12 calls to +882 have no rate in deck world-2026: add the prefix to the deck, then run again",
		"old trial\nAC00000000000000000000000000000077\nsuspended", "no rate for prefix 882", "1,514.13075",
		"finalized,\noverdue by 12\ndays", "CN-2026-00001\nCredit note\ncorrects\nINV-2026-00043", "Revision 2", "-USD\u00a0640.00", "Taxes contained in prices",
		"The main account's own usage", "failed\n412\n0.41200", "Acme dispatch", "Difference\n0.00000", "4,428.90925",
		"The 10 largest differences", "record after the cut", "-0.120",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestEmptyStatement(t *testing.T) {
	st := readJSON[billing.Statement](t, "statement")
	*st = billing.Statement{Period: st.Period, IssueDate: st.IssueDate, Seller: st.Seller, MainAccount: st.MainAccount}
	none, not := 0, 0
	for _, p := range readPDF(t, statementPDF(t, st)) {
		none, not = none+p.count("None"), not+p.count("Not reconciled.")
	}
	if none != 6 || not != 1 {
		t.Errorf("%d empty sections say None, want 6; %d that it is not reconciled, want 1", none, not)
	}
}

// TestPaginate holds the rules of page breaks on blocks of plain heights.
// Neither a tenant nor a cost leaves the currency open; costs in another one
// have a table of their own.
func TestStatementCurrencies(t *testing.T) {
	st := withTenants(t, 3)
	st.Tenants, st.Totals, st.Currency = nil, nil, ""
	checkGeometry(t, readPDF(t, statementPDF(t, st)))

	st = withTenants(t, 3)
	st.OtherCosts = []billing.OtherCost{{Currency: "SEK", Records: 7, Cost: dec("1234.5")}}
	pages := readPDF(t, statementPDF(t, st))
	checkGeometry(t, pages)
	found := 0
	for _, p := range pages {
		found += p.count("SEK") + p.count("1,234.50")
	}
	if found != 2 {
		t.Errorf("the cost in another currency is printed %d times in part, want once in whole", found)
	}
}

func TestPaginate(t *testing.T) {
	draw := func(float64) {}
	b := func(height float64) block { return block{height: height, draw: draw} }
	kept := func(b block) block { b.keep = true; return b }
	under := func(b, head block) block { b.repeat = []block{head}; return b }
	for name, test := range map[string]struct {
		blocks []block
		want   string // heights on each page
	}{
		"fits exactly":            {[]block{b(60), b(40)}, "60 40"},
		"breaks":                  {[]block{b(60), b(41)}, "60 | 41"},
		"keeps together":          {[]block{b(60), kept(b(30)), b(20)}, "60 | 30 20"},
		"no space on top":         {[]block{b(90), space(15), b(20)}, "90 | 20"},
		"head repeated":           {[]block{kept(b(10)), under(b(80), b(10)), under(b(20), b(10))}, "10 80 | 10 20"},
		"higher than a page":      {[]block{kept(b(60)), kept(b(60)), b(60)}, "60 | 60 | 60"},
		"too high with its head":  {[]block{b(50), under(kept(b(80)), b(30)), b(10)}, "50 | 30 80 | 10"},
		"one block over the page": {[]block{b(120), b(10)}, "120 | 10"},
	} {
		t.Run(name, func(t *testing.T) {
			var pages []string
			for _, p := range paginate(test.blocks, 0, 0, 100) {
				var heights []string
				for _, b := range p {
					heights = append(heights, strconv.FormatFloat(b.height, 'f', -1, 64))
				}
				pages = append(pages, strings.Join(heights, " "))
			}
			if got := strings.Join(pages, " | "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

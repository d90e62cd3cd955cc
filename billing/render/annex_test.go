package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// itemized are the usage records of one subaccount.
type itemized struct {
	account string
	items   []billing.AnnexItem
}

// withAnnex encodes an annex, and makes it the document's.
func withAnnex(t testing.TB, doc *billing.Document, groups ...itemized) []byte {
	t.Helper()
	head := billing.AnnexHead{Schema: billing.AnnexSchema, Currency: doc.Currency, NotCharged: 12}
	var body, out bytes.Buffer
	write := func(b *bytes.Buffer, v any) {
		if err := json.NewEncoder(b).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range groups {
		sum := decimal.Zero
		for _, i := range g.items {
			sum = sum.Add(i.Amount)
		}
		head.Records += int64(len(g.items))
		head.Amount = head.Amount.Add(sum)
		write(&body, billing.AnnexGroup{Account: g.account, Records: int64(len(g.items)), Amount: sum})
		for _, i := range g.items {
			write(&body, i)
		}
	}
	write(&out, head)
	out.Write(body.Bytes())
	hash := sha256.Sum256(out.Bytes())
	doc.Annex = &billing.Annex{Records: head.Records, SHA256: hex.EncodeToString(hash[:])}
	return out.Bytes()
}

func annexPDF(t testing.TB, doc *billing.Document, annex []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Invoice(&b, doc, layout(t), annex); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// manyItems are n calls and messages over October, in Berlin.
func manyItems(n int) []billing.AnnexItem {
	berlin := time.FixedZone("", 2*60*60)
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, berlin)
	places := []string{"Germany, landline", "Germany, mobile", "Netherlands, landline", "United Kingdom, mobile"}
	items := make([]billing.AnnexItem, n)
	for i := range items {
		item := billing.AnnexItem{
			Start: start.Add(time.Duration(i) * 24 * 24 * time.Hour / time.Duration(n)), Kind: pricing.Call, Direction: pricing.Outbound,
			From: "+493055501200", To: fmt.Sprintf("+4915%09d", i*7919%1_000_000_000), Item: places[i%len(places)],
			Quantity: decimal.NewFromInt(int64(i % 700)), Amount: decimal.New(int64(i%700)*145, -6),
		}
		item.Billed = item.Quantity
		if i%3 == 1 {
			item.Kind, item.Item, item.Quantity, item.Amount = pricing.SMS, "", decimal.NewFromInt(1), dec("0.0725")
			item.Billed = item.Quantity
		}
		items[i] = item
	}
	return items
}

// TestAnnex reads the pages of a small annex as a person does.
func TestAnnex(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	doc.MaskNumbers = true
	at := func(s string) time.Time {
		start, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return start
	}
	annex := withAnnex(t, doc,
		itemized{doc.Accounts[0].SID, []billing.AnnexItem{
			{Start: at("2026-10-01T00:00:00+02:00"), Kind: pricing.Call, Direction: pricing.Outbound, From: "+49305•••1200", To: "+49151•••5678",
				Item: "Germany, mobile", Quantity: dec("61"), Billed: dec("120"), Amount: dec("0.178")},
			{Start: at("2026-10-01T23:59:59+02:00"), Kind: pricing.WhatsApp, Direction: pricing.Inbound, From: "whatsapp:+49301•••4567", To: "+49305•••1200",
				Quantity: dec("1"), Billed: dec("1"), Amount: dec("0.0333333333333333")},
			{Start: at("2026-10-25T02:30:00+01:00"), Kind: pricing.Call, Direction: pricing.Inbound, From: "sip:alice@example.com", To: "client:bob",
				Quantity: dec("3600"), Amount: dec("0")},
		}},
		itemized{"AC00000000000000000000000000000001", []billing.AnnexItem{
			{Start: at("2026-10-31T12:00:00+01:00"), Kind: pricing.Number, To: "•••80", Quantity: dec("1"), Billed: dec("1"), Amount: dec("-0.1")},
		}})
	pdf := annexPDF(t, doc, annex)
	pages := readPDF(t, pdf)
	checkGeometry(t, pages)
	var got []string
	for line := range strings.Lines(poppler(t, pdf, "pdftotext", "-layout", "-f", strconv.Itoa(len(pages)))) {
		if line = strings.TrimSpace(manySpaces.ReplaceAllString(line, "  ")); line != "" {
			got = append(got, line)
		}
	}
	want := strings.Split(`Norddial Telekommunikation GmbH  Invoice INV-2026-00042
Itemized usage
Times are those of Europe/Berlin. Amounts are exact; a line of the invoice rounds them once, over all of its records.
Where a quantity is rounded before it is priced, the billed one follows after a slash.
Telephone numbers are shown without their middle digits.
Usage records that are not charged, such as failed calls, are not listed: 12
Time  Usage  From  To  Destination  Quantity  Amount (EUR)
Brightpath production (AC0a1b2c3d4e5f60718293a4b5c6d7e8f9)  3 records  0.2113333333333333
October 1, 2026  2 records  0.2113333333333333
00:00:00  Call, out  +49305•••1200  +49151•••5678  Germany, mobile  1:01 min / 2 min  0.178
23:59:59  WhatsApp, in  whatsapp:+49301•••4567  +49305•••1200  1 message  0.0333333333333333
October 25, 2026  1 record  0.00
02:30:00  Call, in  sip:alice@example.com  client:bob  60 min  0.00
AC00000000000000000000000000000001  1 record  -0.10
October 31, 2026  1 record  -0.10
12:00:00  Phone number  •••80  1 day  -0.10
Total, 4 records  0.1113333333333333
Invoice INV-2026-00042  Page 4 of 4`, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the last page (-want +got):\n%s", diff)
	}
}

// TestAnnexPages holds for annexes of any length: each record is printed once, under
// its day and its subaccount on every page, and the pages are counted on.
func TestAnnexPages(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	names := []string{"Brightpath production", "Brightpath support desk"}
	for n := 1; n < 400; n += 7 {
		items := manyItems(n)
		for i := range items {
			items[i].To = fmt.Sprintf("+4915%09d", i)
		}
		groups := []itemized{{doc.Accounts[0].SID, items[:n/2]}, {doc.Accounts[1].SID, items[n/2:]}}
		if n/2 == 0 {
			groups = groups[1:]
		}
		pages := readPDF(t, annexPDF(t, doc, withAnnex(t, doc, groups...)))
		next := 0
		for i, p := range pages {
			if p.count(fmt.Sprintf("Page %d of %d", i+1, len(pages))) != 1 {
				t.Errorf("%d records: page %d does not say its number", n, i+1)
			}
			if next == 0 && p.count("Itemized usage") == 0 {
				continue
			}
			if p.count("Destination") != 1 || p.count("Details") > 0 || p.count("Payment") > 0 {
				t.Errorf("%d records: page %d has no head of its own, or more than the annex", n, i+1)
			}
			group, day, last := "", "", ""
			for _, text := range p.texts {
				for _, name := range names {
					if strings.HasPrefix(text.s, name) {
						group, day = name, ""
					}
				}
				if strings.HasPrefix(text.s, "October ") {
					day = strings.TrimSuffix(text.s, " (continued)")
				}
				if strings.HasPrefix(text.s, "+4915") {
					if text.s != items[next].To {
						t.Fatalf("%d records: %s on page %d, where %s is next", n, text.s, i+1, items[next].To)
					}
					want := names[1]
					if next < n/2 {
						want = names[0]
					}
					if group != want || day != items[next].Start.Format("January 2, 2006") {
						t.Errorf("%d records: record %d on page %d is under %q, %q", n, next, i+1, group, day)
					}
					next++
				}
				if !strings.HasPrefix(text.s, "Invoice INV") && !strings.HasPrefix(text.s, "Page ") {
					last = text.s
				}
			}
			if strings.Contains(last, "(continued)") {
				t.Errorf("%d records: a title is the last of page %d", n, i+1)
			}
		}
		if next != n {
			t.Errorf("%d records, %d printed", n, next)
		}
		checkGeometry(t, pages)
	}
}

// In every language the annex fits, and numbers and dates are written as in it.
func TestAnnexLanguages(t *testing.T) {
	for _, language := range templates.Languages {
		l, err := templates.Embedded().Layout(language)
		if err != nil {
			t.Fatal(err)
		}
		doc := readJSON[billing.Document](t, "typical")
		doc.MaskNumbers = true
		items := manyItems(150)
		items[2].Kind, items[2].Direction, items[2].From = pricing.WhatsApp, pricing.Inbound, "whatsapp:+49301•••4567"
		items[3].Kind, items[3].Direction, items[3].Quantity, items[3].Billed = pricing.Transcription, "", dec("61"), dec("120")
		items[5].Kind, items[5].Amount = pricing.Number, dec("1234.0333333333333")
		var b bytes.Buffer
		if err := Invoice(&b, doc, l, withAnnex(t, doc, itemized{doc.Accounts[0].SID, items})); err != nil {
			t.Fatal(err)
		}
		pages := readPDF(t, b.Bytes())
		checkGeometry(t, pages)
		if language != "de" {
			continue
		}
		text := fmt.Sprint(pages)
		for _, want := range []string{"1. Oktober 2026", "1.234,0333333333333", "0,0725", "whatsapp:+49301"} {
			if !strings.Contains(text, want) {
				t.Errorf("German: no %q", want)
			}
		}
	}
}

// Very long texts and amounts do not run into each other.
func TestAnnexLongTexts(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	items := manyItems(300)
	items[7].From = "sip:" + strings.Repeat("reception.", 30) + "desk@example.com"
	items[90].To = strings.Repeat("W", 2000)
	items[120].Item = strings.Repeat("Some island far away ", 20)
	items[200].Amount, items[200].Quantity = dec("1234567.12345678901234567"), dec("99999999")
	for i, s := range nasty {
		items[i+10].From, items[i+11].Item = s, s
	}
	pages := readPDF(t, annexPDF(t, doc, withAnnex(t, doc, itemized{doc.Accounts[0].SID, items})))
	checkGeometry(t, pages)
	if n := pages[len(pages)-1].count("Total, 300 records"); n != 1 {
		t.Errorf("the last page has %d totals", n)
	}
}

// No page is printed without the annex that the document names, or with another.
func TestAnnexMissing(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	annex := withAnnex(t, doc, itemized{doc.Accounts[0].SID, manyItems(3)})
	l := layout(t)
	pages := readPDF(t, annexPDF(t, doc, annex))
	if err := Invoice(io.Discard, doc, l, nil); err == nil || !strings.Contains(err.Error(), "INV-2026-00042") {
		t.Errorf("without the annex: %v", err)
	}
	if err := Invoice(io.Discard, doc, l, bytes.Replace(annex, []byte("+49305"), []byte("+49306"), 1)); err == nil {
		t.Error("with another annex: no error")
	}
	cut := annex[:len(annex)-10]
	hash := sha256.Sum256(cut)
	doc.Annex.SHA256 = hex.EncodeToString(hash[:])
	if err := Invoice(io.Discard, doc, l, cut); err == nil {
		t.Error("with half an annex: no error")
	}
	doc.Annex = &billing.Annex{}
	if err := Invoice(io.Discard, doc, l, nil); err == nil {
		t.Error("a draft that was not itemized: no error")
	}

	doc.Annex = nil
	if without := readPDF(t, invoicePDF(t, doc)); len(without) != len(pages)-1 {
		t.Errorf("%d pages without an annex, %d with one", len(without), len(pages))
	}
	doc.Annex = &billing.Annex{Records: 123_456}
	text := ""
	for _, p := range readPDF(t, invoicePDF(t, doc)) {
		text += p.String()
	}
	if !strings.Contains(text, "The 123,456 usage records of this invoice are too many to list here.") {
		t.Error("an annex that is too long is not spoken of")
	}
	none := readJSON[billing.Document](t, "typical")
	if got := readPDF(t, annexPDF(t, none, withAnnex(t, none))); len(got) != len(pages)-1 {
		t.Errorf("an annex without records has %d pages", len(got)-len(pages)+1)
	}
}

// TestAnnexSameBytes renders at once and again: one file.
func TestAnnexSameBytes(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	annex := withAnnex(t, doc, itemized{doc.Accounts[0].SID, manyItems(200)})
	want := annexPDF(t, doc, annex)
	t.Setenv("TZ", "Asia/Tokyo")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var b bytes.Buffer
			if err := Invoice(&b, doc, layout(t), annex); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("another file: %v", err)
			}
		})
	}
	group.Wait()
}

// Where a line's own text holds a number, it is masked like those of records.
func TestMaskedLines(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	doc.MaskNumbers = true
	doc.Lines[0].Item = "Hotline +4915112345678"
	doc.Lines[1].Description = "Calls to +14155551234"
	var text string
	for _, p := range readPDF(t, invoicePDF(t, doc)) {
		text += p.String()
	}
	for _, hidden := range []string{"+4915112345678", "1234567", "+14155551234", "555123"} {
		if strings.Contains(text, hidden) {
			t.Errorf("the text has %s", hidden)
		}
	}
	for _, shown := range []string{"Hotline +49151•••5678", "Calls to +1415•••1234"} {
		if !strings.Contains(text, shown) {
			t.Errorf("the text lacks %s", shown)
		}
	}
}

// An annex of 20,000 records, as one tenant may have them a month.
func BenchmarkAnnex(b *testing.B) {
	doc := readJSON[billing.Document](b, "typical")
	annex := withAnnex(b, doc, itemized{doc.Accounts[0].SID, manyItems(12_000)}, itemized{doc.Accounts[1].SID, manyItems(8_000)})
	l := layout(b)
	var pdf bytes.Buffer
	if err := Invoice(&pdf, doc, l, annex); err != nil {
		b.Fatal(err)
	}
	size := pdf.Len()
	pages := strings.Count(pdf.String(), "/Type /Page\n")
	pdf = bytes.Buffer{}
	stop := make(chan struct{})
	peak := make(chan uint64)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		var m runtime.MemStats
		top := uint64(0)
		for {
			select {
			case <-stop:
				peak <- top
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapAlloc)
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if err := Invoice(io.Discard, doc, l, annex); err != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	b.ReportMetric(float64(<-peak-before.HeapAlloc)/(1<<20), "peak-MB")
	b.ReportMetric(float64(size), "bytes/pdf")
	b.ReportMetric(float64(pages), "pages")
}

package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
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

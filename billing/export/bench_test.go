package export

import (
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

// generated is the i-th of many calls, priced.
func generated(rater *pricing.Rater, i int) *billing.Item {
	cost := decimal.New(int64(85+i%7), -4)
	row := &warehouse.UsageRow{
		Account: "AC00000000000000000000000000000001", SID: fmt.Sprintf("CA%032x", i), Kind: "call", Direction: "outbound-api", Status: "completed",
		From: "+14155550100", To: fmt.Sprintf("+4930%07d", i*7919%10_000_000), StartedAt: october.From.Start(time.UTC).Add(time.Duration(i) * time.Second),
		Quantity: decimal.NewFromInt(int64(1 + i*31%3600)), Cost: &cost, Currency: "USD", Final: true,
	}
	rec := pricing.Record{Account: row.Account, SID: row.SID, Kind: pricing.Kind(row.Kind), Direction: row.Direction, Status: row.Status,
		From: row.From, To: row.To, StartedAt: row.StartedAt, Quantity: row.Quantity}
	res := rater.Rate(&rec)
	return &billing.Item{UsageRow: row, Result: res, Amount: rater.Itemize(res)}
}

// usageRows is how many rows [BenchmarkUsageMemory] writes.
var usageRows = flag.Int("export.rows", 1_000_000, "rows that the memory of an export is measured with")

var benchDocument = &billing.Document{Tenant: "acme", Period: october, Number: "INV-2026-000001", Currency: "EUR", Revision: 1}

// benchItems are calls enough that no dictionary holds all of their sids.
func benchItems() []*billing.Item {
	rate := number("0.0135")
	plan := &pricing.Plan{Name: "p", Currency: "EUR", Charges: []pricing.Charge{
		{ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
			PerMinute: &pricing.PerMinute{Rate: &rate, ConnectFee: number("0.05"), Initial: 1, Increment: 1}},
	}}
	span := pricing.Span{From: october.From, To: october.To, BilledFrom: october.From, BilledTo: october.To, Location: time.UTC}
	rater := pricing.NewRater(plan, pricing.Tables{}, span, pricing.Carried{})
	items := make([]*billing.Item, 20_000)
	for i := range items {
		items[i] = generated(rater, i)
	}
	return items
}

var benchFormats = []struct {
	name string
	Format
}{{"csv", Format{}}, {"spreadsheet", Format{Spreadsheet: true}}, {"csv.gz", Format{Compressed: true}}, {"parquet", Format{Parquet: true}}}

// BenchmarkUsage writes usage, a row an operation. encoding/csv, which takes each
// cell as a string, is what the own writer has to beat.
func BenchmarkUsage(b *testing.B) {
	items := benchItems()
	for _, f := range benchFormats {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			out, err := NewUsage(io.Discard, f.Format)
			if err != nil {
				b.Fatal(err)
			}
			i := 0
			for b.Loop() {
				if err := out.Add(benchDocument, items[i%len(items)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			if err := out.Close(); err != nil {
				b.Fatal(err)
			}
			perSecond(b)
		})
	}
	b.Run("encoding/csv", func(b *testing.B) {
		b.ReportAllocs()
		out := csv.NewWriter(io.Discard)
		i := 0
		var cells []string
		for b.Loop() {
			item := items[i%len(items)]
			part := &item.Parts[0]
			unitPrice, per, _ := part.Price()
			cells = append(cells[:0], october.Label(), "acme", "INV-2026-000001", item.Account, item.Kind, item.SID, "", item.ParentSID,
				item.StartedAt.UTC().Format(time.RFC3339Nano), item.Direction, item.Status, item.From, item.To, item.Quantity.String(),
				string(pricing.Kind(item.Kind).Unit()), outcomes[item.Outcome], item.Charge, part.Item(), part.Quantity.String(), string(part.Unit()),
				unitPrice.String(), strconv.FormatInt(per, 10), item.Amount.String(), "EUR", item.Cost.String(), item.Currency, "1")
			if err := out.Write(cells); err != nil {
				b.Fatal(err)
			}
			i++
		}
		out.Flush()
		perSecond(b)
	})
}

func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkUsageMemory writes many rows once and reports the most memory that
// the heap took meanwhile: as much for ten million rows as for one.
func BenchmarkUsageMemory(b *testing.B) {
	items := benchItems()
	for _, f := range benchFormats {
		b.Run(f.name, func(b *testing.B) {
			var peak uint64
			for b.Loop() {
				runtime.GC()
				out, err := NewUsage(io.Discard, f.Format)
				if err != nil {
					b.Fatal(err)
				}
				for i := range *usageRows {
					if err := out.Add(benchDocument, items[i%len(items)]); err != nil {
						b.Fatal(err)
					}
					if i%10_000 == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
				}
				if err := out.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
			b.ReportMetric(float64(*usageRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

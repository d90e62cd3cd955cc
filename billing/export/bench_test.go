package export

import (
	"fmt"
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

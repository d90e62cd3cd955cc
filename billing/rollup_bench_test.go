package billing

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

// BenchmarkStatement rolls up the invoices of 1,000 tenants in 24 time zones
// with 200,000 usage records.
func BenchmarkStatement(b *testing.B) {
	db := warehousetest.Open(b)
	const tenants, records = 1000, 200_000
	accounts := []warehouse.Account{{SID: sid(0), OwnerSID: sid(0), Name: "Main", Status: "active"}}
	var months []TenantMonth
	for i := range tenants {
		d := document(fmt.Sprintf("t%04d", i), sid(i+1), amountLine(pricing.Calls, "100"))
		d.Period.TimeZone = fmt.Sprintf("Etc/GMT-%d", i%15)
		months = append(months, TenantMonth{Document: d, Status: Drafted})
		accounts = append(accounts, warehouse.Account{SID: sid(i + 1), OwnerSID: sid(0), Status: "active"})
	}
	if err := db.InsertAccounts(b.Context(), accounts, 1); err != nil {
		b.Fatal(err)
	}
	u := &warehouse.Usage{}
	cost := decimal.RequireFromString("0.0079")
	from := time.Date(2026, 9, 30, 0, 0, 0, 0, time.UTC)
	for i := range records {
		at := from.Add(time.Duration(i) * 13 * time.Second)
		u.Account, u.SID, u.Kind = append(u.Account, sid(i%(tenants+1))), append(u.SID, fmt.Sprint(i)), append(u.Kind, "call")
		u.Direction, u.Status = append(u.Direction, ""), append(u.Status, "completed")
		u.From, u.To, u.ParentSID = append(u.From, ""), append(u.To, ""), append(u.ParentSID, "")
		u.Created, u.Started, u.Updated = append(u.Created, at), append(u.Started, at), append(u.Updated, at)
		u.Quantity, u.Cost = append(u.Quantity, decimal.NewFromInt(60)), append(u.Cost, &cost)
		u.Currency, u.Final = append(u.Currency, "USD"), append(u.Final, true)
	}
	if err := db.InsertUsage(b.Context(), u, 1); err != nil {
		b.Fatal(err)
	}
	biller := biller(b, db)
	for b.Loop() {
		st, err := biller.Statement(b.Context(), date(b, "2026-10-01"), date(b, "2026-11-04"), months)
		if err != nil {
			b.Fatal(err)
		}
		if len(st.Tenants) != tenants || !st.Check.Difference().IsZero() {
			b.Fatalf("%d tenants, difference %s", len(st.Tenants), st.Check.Difference())
		}
	}
}

package nightly

import (
	"strings"
	"testing"

	"subtally/billing"
)

// A tenant is invoiced by the seller that it names, with numbers of that one.
func TestSellers(t *testing.T) {
	j, _ := newJob(t)
	b := j.Biller
	b.Sellers = map[string]billing.Seller{
		"europe": {Party: billing.Party{Name: "Europe"}, NumberFormat: "EU-{seq:03}", CreditNoteFormat: "EUCN-{seq}"},
	}
	b.Tenants[1].Seller = "europe"
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	m := &run(t, j, o).Months[0]
	if got := statuses(m); got != "t1 finalized INV-2026-000001, t2 finalized EU-001, t3 finalized INV-2026-000002" {
		t.Errorf("invoices: %s", got)
	}
	e, err := j.reg.Number("EU-001")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := j.document(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if doc.SellerID != "europe" || doc.Seller.Name != "Europe" || !e.Total.Equal(doc.Total) || e.Due != doc.DueDate || e.Issued != doc.IssueDate || e.Currency != doc.Currency {
		t.Errorf("document of %q, %+v; entry %+v", doc.SellerID, doc.Seller, e)
	}
	// One that is gone is missed when it is needed.
	b.Sellers, o.Period = nil, date(t, "2026-10-01")
	b.Tenants[1].ID = "t9"
	if _, err := j.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `seller "europe" is not configured any more`) {
		t.Errorf("without its seller: %v", err)
	}
}

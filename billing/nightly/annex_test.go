package nightly

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/internal/warehouse"
)

// TestItemized finalizes an invoice that lists its usage records with masked
// numbers: no number of the usage is in the list, every record is, and the PDF is
// never made without it.
func TestItemized(t *testing.T) {
	j, _ := newJob(t)
	j.Biller.Tenants[0].Itemize, j.Biller.Tenants[0].MaskNumbers = true, true
	first := at(t, "2026-11-25")
	first.Period = date(t, "2026-10-01")
	m := run(t, j, first).Months[0]
	if len(m.Finalized) != 3 || len(m.NotListed) != 0 {
		t.Fatalf("finalized %v, not listed %v", m.Finalized, m.NotListed)
	}
	docs, err := j.Look(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	doc := docs[0].Document
	annex, err := j.Biller.Annex(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	var records int64
	var amount decimal.Decimal
	if _, err := j.Biller.Redraft(t.Context(), doc, func(i *billing.Item) error {
		for _, number := range []string{i.From, i.To} {
			if strings.HasPrefix(number, "+") && bytes.Contains(annex, []byte(number[1:])) {
				t.Errorf("%s is in the annex", number)
			}
		}
		amount = amount.Add(i.Amount)
		if len(i.Parts) > 0 {
			records++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var head billing.AnnexHead
	err = billing.ReadAnnex(annex, func(h billing.AnnexHead) error { head = h; return nil },
		func(billing.AnnexGroup) error { return nil }, func(*billing.AnnexItem) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if records == 0 || head.Records != records || !head.Amount.Equal(amount) || doc.Annex.Records != records || head.Records+head.NotCharged != doc.Usage.Records {
		t.Errorf("the annex has %d records, %d not charged, of %s; the usage %d, of %s", head.Records, head.NotCharged, head.Amount, records, amount)
	}
	if docs[1].Document.Annex != nil {
		t.Error("the invoice of another tenant has an annex")
	}

	// The same file again, with another tenant configured under the id.
	path := filepath.Join(j.Files.Dir, "2026-10", "invoices", doc.Number+".pdf")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	j.Biller.Tenants[0].Itemize, j.Biller.Tenants[0].MaskNumbers = false, false
	run(t, j, first)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the invoice made again is another one: %v", err)
	}

	lost := *doc
	lost.Annex = &billing.Annex{Records: doc.Annex.Records, SHA256: strings.Repeat("0", 64)}
	path = filepath.Join(t.TempDir(), "invoice.pdf")
	if err := j.Files.Invoice(t.Context(), j.Biller, path, &lost); !errors.Is(err, warehouse.ErrNoBlob) {
		t.Errorf("an invoice whose annex is lost: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an invoice was written without its annex: %v", err)
	}
}

// TestNotListed says of which tenants the usage is too much to list.
func TestNotListed(t *testing.T) {
	j, _ := newJob(t)
	j.Biller.Tenants[1].Itemize = true
	var u warehouse.Usage
	start := date(t, "2026-10-10").Start(time.UTC)
	for i := range billing.AnnexLimit + 1 {
		u.Account, u.SID, u.Kind = append(u.Account, j.Biller.Tenants[1].Subaccounts[0].SID), append(u.SID, fmt.Sprint("SM", i)), append(u.Kind, "sms")
		u.Direction, u.Status = append(u.Direction, "inbound"), append(u.Status, "received")
		u.From, u.To, u.ParentSID = append(u.From, "+14155550100"), append(u.To, "+14155550101"), append(u.ParentSID, "")
		u.Created, u.Started, u.Updated = append(u.Created, start), append(u.Started, start), append(u.Updated, start)
		u.Quantity, u.Cost, u.Currency, u.Final = append(u.Quantity, decimal.New(1, 0)), append(u.Cost, nil), append(u.Currency, ""), append(u.Final, true)
	}
	if err := j.Biller.DB.InsertUsage(t.Context(), &u, 0); err != nil {
		t.Fatal(err)
	}
	o := at(t, "2026-11-25")
	o.Period = date(t, "2026-10-01")
	for range 2 { // also when it is finalized
		if m := run(t, j, o).Months[0]; !slices.Equal(m.NotListed, []string{"t2"}) {
			t.Errorf("not listed: %v", m.NotListed)
		}
	}
}

package billing

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

// itemizedTenant has two subaccounts, and a plan in which a call costs 0.07 a
// minute by half minutes and 0.01 to connect, and an SMS 0.0079.
func itemizedTenant(t testing.TB, db *warehouse.DB) *Biller {
	t.Helper()
	insertAccounts(t, db, "Main", "First", "Second")
	who := tenant("a", "Europe/Berlin", Assignment{SID: sid(2)}, Assignment{SID: sid(3)})
	who.Itemize = true
	b := biller(t, db, who)
	rate, sms := number("0.07"), number("0.0079")
	b.Plans["minutes USD"] = &pricing.Plan{Name: "minutes USD", Currency: "USD", Charges: []pricing.Charge{
		{ID: "calls", Description: "Calls", Match: pricing.Match{Kind: []pricing.Kind{pricing.Call}},
			PerMinute: &pricing.PerMinute{Rate: &rate, Initial: 30, Increment: 30, ConnectFee: number("0.01")}},
		{ID: "sms", Description: "SMS", Match: pricing.Match{Kind: []pricing.Kind{pricing.SMS}}, PerUnit: &pricing.PerUnit{UnitPrice: &sms}},
		{ID: "platform", Description: "Platform", Flat: &pricing.Flat{Amount: number("5")}},
	}}
	insert(t, db, 1,
		metered{account: sid(3), sid: "a", at: "2026-10-05T00:00:00Z", quantity: "61"},
		metered{account: sid(2), sid: "b", at: "2026-10-06T00:00:00Z", quantity: "60", to: "whatsapp:+493012344567"},
		metered{account: sid(2), sid: "c", at: "2026-10-05T22:30:00Z", quantity: "3", kind: "sms", status: "sent", to: "24680"},
		metered{account: sid(2), sid: "d", at: "2026-10-07T00:00:00Z", quantity: "0", status: "failed"},
		// Summer time has ended in Berlin.
		metered{account: sid(2), sid: "e", at: "2026-10-31T22:59:59Z", quantity: "29"},
	)
	return b
}

func draftOf(t testing.TB, b *Biller) *Document {
	t.Helper()
	d, _ := drafted(t, b, "a", "2026-10-01")
	return &d.Document
}

func TestItemize(t *testing.T) {
	db := warehousetest.Open(t)
	b := itemizedTenant(t, db)
	doc := draftOf(t, b)
	annex, err := b.Itemize(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	// 61 s are billed as 90: 0.105 and 0.01 to connect. 60 s are 0.07 + 0.01, 29 s as
	// 30 are 0.035 + 0.01, three segments 0.0237.
	want := `{"schema":"subtally.annex/1","currency":"USD","records":4,"not_charged":1,"amount":"0.2637"}
{"account":"` + sid(2) + `","records":3,"amount":"0.1487"}
{"start":"2026-10-06T00:30:00+02:00","kind":"sms","direction":"outbound","from":"+14155550100","to":"24680","quantity":"3","billed":"3","amount":"0.0237"}
{"start":"2026-10-06T02:00:00+02:00","kind":"call","direction":"outbound","from":"+14155550100","to":"whatsapp:+493012344567","quantity":"60","billed":"60","amount":"0.08"}
{"start":"2026-10-31T23:59:59+01:00","kind":"call","direction":"outbound","from":"+14155550100","to":"+4915112345678","quantity":"29","billed":"30","amount":"0.045"}
{"account":"` + sid(3) + `","records":1,"amount":"0.115"}
{"start":"2026-10-05T02:00:00+02:00","kind":"call","direction":"outbound","from":"+14155550100","to":"+4915112345678","quantity":"61","billed":"90","amount":"0.115"}
`
	if diff := cmp.Diff(want, string(annex)); diff != "" {
		t.Errorf("annex (-want +got):\n%s", diff)
	}
	if doc.Annex.Records != 4 || len(doc.Annex.SHA256) != 64 {
		t.Errorf("the document names %+v", *doc.Annex)
	}
	if sum := usageSum(doc); !sum.Equal(number("0.2637")) {
		t.Errorf("the lines' exact amounts are %s", sum)
	}

	// The same numbers, masked, also in what is stored.
	b.Tenants[0].MaskNumbers = true
	doc = draftOf(t, b)
	if err := b.StoreAnnex(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	doc.Number = "INV-1"
	stored, err := b.Annex(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	masked := strings.NewReplacer("+14155550100", "+1415•••0100", `"24680"`, `"•••80"`, "+493012344567", "+49301•••4567", "+4915112345678", "+49151•••5678")
	if diff := cmp.Diff(masked.Replace(want), string(stored)); diff != "" {
		t.Errorf("stored annex (-want +got):\n%s", diff)
	}

	// What the document names and is not there must not be left out.
	doc.Annex.SHA256 = strings.Repeat("0", 64)
	if _, err := b.Annex(t.Context(), doc); !errors.Is(err, warehouse.ErrNoBlob) || !strings.Contains(err.Error(), "INV-1") {
		t.Errorf("an annex that is not there: %v", err)
	}
	// A draft's is made again; other usage than the draft's lines are of is none.
	doc.Number = ""
	if again, err := b.Annex(t.Context(), doc); err != nil || !bytes.Equal(again, stored) {
		t.Errorf("a draft's annex made again: %v", err)
	}
	insert(t, db, 2, metered{account: sid(2), sid: "f", at: "2026-10-09T00:00:00Z"})
	if _, err := b.Itemize(t.Context(), doc); err == nil || !strings.Contains(err.Error(), "draft it again") {
		t.Errorf("an annex of other usage: %v", err)
	}
	b.Tenants[0].Itemize = false
	doc = draftOf(t, b)
	if annex, err := b.Annex(t.Context(), doc); doc.Annex != nil || annex != nil || err != nil {
		t.Errorf("a tenant that does not want it has an annex %v, %v", doc.Annex, err)
	}
}

// usageSum adds up the exact amounts of the lines that usage records are behind.
func usageSum(doc *Document) (sum decimal.Decimal) {
	for i := range doc.Lines {
		switch l := &doc.Lines[i]; l.Category {
		case pricing.Fees, pricing.Adjustments, pricing.Surcharges, pricing.CreditsUsed:
		default:
			sum = sum.Add(l.Exact())
		}
	}
	return sum
}

// A record's share of a sum that is priced as a whole, and a price that never ends,
// add up to the lines to the last digit too.
func TestItemizeSums(t *testing.T) {
	db := warehousetest.Open(t)
	b := itemizedTenant(t, db)
	third, upTo := number("0.01"), number("100")
	for name, charge := range map[string]pricing.Charge{
		"thirds": {PerMinute: &pricing.PerMinute{Rate: &third, Initial: 1, Increment: 1}},
		"tiers": {Graduated: &pricing.Graduated{Tiered: pricing.Tiered{Tiers: []pricing.Tier{
			{UpTo: &upTo, UnitPrice: number("0.0007")}, {UnitPrice: number("0.0003")},
		}}}},
	} {
		charge.ID, charge.Description, charge.Match = "calls", "Calls", pricing.Match{Kind: []pricing.Kind{pricing.Call}}
		b.Plans["minutes USD"].Charges[0] = charge
		doc := draftOf(t, b)
		annex, err := b.Itemize(t.Context(), doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var head AnnexHead
		var all, group, account decimal.Decimal
		err = ReadAnnex(annex, func(h AnnexHead) error { head = h; return nil }, func(g AnnexGroup) error {
			if !group.Equal(account) {
				t.Errorf("%s: the records of a subaccount add up to %s, not to %s", name, account, group)
			}
			group, account = g.Amount, decimal.Zero
			return nil
		}, func(i *AnnexItem) error { all, account = all.Add(i.Amount), account.Add(i.Amount); return nil })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum := usageSum(doc); !head.Amount.Equal(sum) || !all.Equal(sum) || !group.Equal(account) || sum.IsZero() {
			t.Errorf("%s: the records add up to %s, the annex says %s, the lines' exact amounts are %s", name, all, head.Amount, sum)
		}
	}
}

func TestAnnexTooLong(t *testing.T) {
	db := warehousetest.Open(t)
	b := itemizedTenant(t, db)
	var u warehouse.Usage
	start := instant(t, "2026-10-10T00:00:00Z")
	for i := range AnnexLimit - 5 {
		u.Account, u.SID, u.Kind = append(u.Account, sid(2)), append(u.SID, fmt.Sprint("SM", i)), append(u.Kind, "sms")
		u.Direction, u.Status = append(u.Direction, "outbound-api"), append(u.Status, "sent")
		u.From, u.To, u.ParentSID = append(u.From, "+14155550100"), append(u.To, "+14155550101"), append(u.ParentSID, "")
		at := start.Add(time.Duration(i) * time.Second)
		u.Created, u.Started, u.Updated = append(u.Created, start), append(u.Started, at), append(u.Updated, at)
		u.Quantity, u.Cost, u.Currency, u.Final = append(u.Quantity, number("1")), append(u.Cost, nil), append(u.Currency, ""), append(u.Final, true)
	}
	if err := db.InsertUsage(t.Context(), &u, 1); err != nil {
		t.Fatal(err)
	}
	doc := draftOf(t, b) // with the five that were there
	if annex, err := b.Itemize(t.Context(), doc); err != nil || bytes.Count(annex, []byte("\n")) != AnnexLimit-1+3 || doc.Annex.SHA256 == "" {
		t.Errorf("as many as can be: %d lines, %+v, %v", bytes.Count(annex, []byte("\n")), doc.Annex, err)
	}
	insert(t, db, 2, metered{account: sid(2), sid: "f", at: "2026-10-09T00:00:00Z"})
	doc = draftOf(t, b)
	if err := b.StoreAnnex(t.Context(), doc); err != nil || *doc.Annex != (Annex{Records: AnnexLimit + 1}) || !doc.AnnexTooLong() {
		t.Errorf("one too many: %+v, %v", doc.Annex, err)
	}
	doc.Number = "INV-1"
	if annex, err := b.Annex(t.Context(), doc); annex != nil || err != nil {
		t.Errorf("one too many: %d bytes, %v", len(annex), err)
	}
}

func TestReadAnnexErrors(t *testing.T) {
	head := `{"schema":"subtally.annex/1","currency":"USD","records":1,"not_charged":0,"amount":"1"}` + "\n"
	group := `{"account":"AC","records":1,"amount":"1"}` + "\n"
	item := `{"start":"2026-10-06T00:30:00+02:00","kind":"sms","quantity":"3","amount":"1"}` + "\n"
	for name, text := range map[string]string{
		"empty":          "",
		"another schema": strings.Replace(head, "/1", "/2", 1) + group + item,
		"no group":       head,
		"no item":        head + group,
		"half an item":   head + group + item[:20],
		"too long":       head + group + item + item,
	} {
		err := ReadAnnex([]byte(text), func(AnnexHead) error { return nil }, func(AnnexGroup) error { return nil }, func(*AnnexItem) error { return nil })
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := ReadAnnex([]byte(head+group+item), func(AnnexHead) error { return nil }, func(AnnexGroup) error { return nil }, func(*AnnexItem) error { return nil }); err != nil {
		t.Error(err)
	}
}

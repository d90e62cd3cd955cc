package billing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// AnnexSchema names the shape of an annex; it changes when a field changes its
// meaning.
const AnnexSchema = "subtally.annex/1"

// AnnexLimit is how many usage records a period may have for its invoice to list
// them: 50,000 are about 750 pages, and 100 MB of memory while they are drawn.
// Beyond it the invoice points to the CSV export of usage instead.
const AnnexLimit = 50_000

// An annex is JSON, an object a line: an [AnnexHead], and for each subaccount an
// [AnnexGroup] with an [AnnexItem] for each of its usage records. Subaccounts are
// ordered by sid, records by start and sid. It holds what is printed, so numbers
// are masked in it where the document masks them.

// AnnexHead is the first line of an annex. Items have exact amounts: over all of
// them they add up to the exact amounts of the document's lines that are neither
// fees, adjustments, surcharges nor credits, while each line is rounded once.
type AnnexHead struct {
	Schema     string          `json:"schema"`
	Currency   string          `json:"currency"`    // of all amounts, ISO 4217
	Records    int64           `json:"records"`     // items listed
	NotCharged int64           `json:"not_charged"` // usage records that are not, since no line is for them, such as failed calls
	Amount     decimal.Decimal `json:"amount"`      // sum of the items
}

// AnnexGroup says whose the items after it are.
type AnnexGroup struct {
	Account string          `json:"account"` // sid
	Records int64           `json:"records"`
	Amount  decimal.Decimal `json:"amount"` // sum of its items
}

// AnnexItem is a usage record. An amount that a price per line or per sum decides
// is what the sum's amount grew by; see [pricing.Rater.Itemize].
type AnnexItem struct {
	Start     time.Time         `json:"start"` // in the tenant's time zone, whose offset it is written with
	Kind      pricing.Kind      `json:"kind"`
	Direction pricing.Direction `json:"direction,omitempty"`
	From      string            `json:"from,omitempty"`
	To        string            `json:"to,omitempty"`
	Item      string            `json:"item,omitempty"`  // of the line, such as a destination
	Quantity  decimal.Decimal   `json:"quantity"`        // in the kind's unit
	Billed    decimal.Decimal   `json:"billed,omitzero"` // the same after rounding; 0 where billed in another unit
	Amount    decimal.Decimal   `json:"amount"`          // exact
}

// AnnexTooLong reports whether a document that is to list its usage records has
// too many of them.
func (d *Document) AnnexTooLong() bool { return d.Annex != nil && d.Usage.Records > AnnexLimit }

// itemizer collects the annex of a document.
type itemizer struct {
	doc    *Document
	zone   *time.Location
	head   AnnexHead
	groups map[string]*itemGroup
}

type itemGroup struct {
	AnnexGroup
	items bytes.Buffer
}

// add takes a usage record of the document, in the order of their start.
func (a *itemizer) add(item *Item) error {
	if item.Outcome != pricing.Rated {
		a.head.NotCharged++
		return nil
	}
	rec := record(item.UsageRow)
	line := AnnexItem{
		Start: rec.StartedAt.In(a.zone), Kind: rec.Kind, Direction: rec.Dir(), From: rec.From, To: rec.To,
		Quantity: rec.Quantity, Amount: item.Amount,
	}
	if a.doc.MaskNumbers {
		line.From, line.To = MaskNumber(line.From), MaskNumber(line.To)
	}
	if len(item.Parts) > 0 {
		part := item.Parts[0]
		if part.Item() != rec.Account { // of a sum over the subaccount
			line.Item = a.doc.Printed(part.Item())
		}
		if part.Unit() == rec.Kind.Unit() {
			line.Billed = part.Quantity
		}
	}
	g := a.groups[rec.Account]
	if g == nil {
		g = &itemGroup{AnnexGroup: AnnexGroup{Account: rec.Account}}
		a.groups[rec.Account] = g
	}
	a.head.Records++
	a.head.Amount = a.head.Amount.Add(item.Amount)
	g.Records++
	g.Amount = g.Amount.Add(item.Amount)
	return json.NewEncoder(&g.items).Encode(line)
}

func (a *itemizer) encode() ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	if err := lines.Encode(a.head); err != nil {
		return nil, err
	}
	groups := make([]*itemGroup, 0, len(a.groups))
	for _, g := range a.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *itemGroup) int { return cmp.Compare(a.Account, b.Account) })
	for _, g := range groups {
		if err := lines.Encode(g.AnnexGroup); err != nil {
			return nil, err
		}
		g.items.WriteTo(&out) //nolint:errcheck // a buffer has no errors
	}
	return out.Bytes(), nil
}

// Itemize makes the annex of a document that is to have one, and says in the
// document which it is. It is nil where the document has none, or has more usage
// records than [AnnexLimit]. The usage must be that which the document was drafted
// from.
func (b *Biller) Itemize(ctx context.Context, doc *Document) ([]byte, error) {
	if doc.Annex == nil {
		return nil, nil
	}
	if doc.AnnexTooLong() {
		doc.Annex = &Annex{Records: doc.Usage.Records}
		return nil, nil
	}
	what := fmt.Sprintf("itemize the invoice of tenant %s for %s", doc.Tenant, doc.Period.Label())
	zone, err := time.LoadLocation(doc.Period.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("%s: time zone %q: %w", what, doc.Period.TimeZone, err)
	}
	list := itemizer{
		doc: doc, zone: zone, head: AnnexHead{Schema: AnnexSchema, Currency: doc.Currency}, groups: map[string]*itemGroup{},
	}
	again, err := b.Redraft(ctx, doc, list.add)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if again.Document.Usage != doc.Usage {
		return nil, fmt.Errorf("%s: its usage has changed since it was drafted: draft it again", what)
	}
	annex, err := list.encode()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	sum := sha256.Sum256(annex)
	doc.Annex = &Annex{Records: list.head.Records, SHA256: hex.EncodeToString(sum[:])}
	return annex, nil
}

// StoreAnnex makes the annex of a document that is to be finalized, and stores it
// under the hash that the document then has.
func (b *Biller) StoreAnnex(ctx context.Context, doc *Document) error {
	annex, err := b.Itemize(ctx, doc)
	if err != nil || annex == nil {
		return err
	}
	if _, err := b.DB.PutBlob(ctx, "annex", annex); err != nil {
		return fmt.Errorf("store the annex of the invoice of tenant %s for %s: %w", doc.Tenant, doc.Period.Label(), err)
	}
	return nil
}

// Annex is what a document lists its usage records with: that which was stored
// with an invoice, or one made for a draft. It is nil where there is none to print.
func (b *Biller) Annex(ctx context.Context, doc *Document) ([]byte, error) {
	if doc.Number == "" {
		return b.Itemize(ctx, doc)
	}
	if doc.Annex == nil || doc.Annex.SHA256 == "" { // none, or too long
		return nil, nil
	}
	annex, err := b.DB.Blob(ctx, doc.Annex.SHA256)
	if err != nil {
		return nil, fmt.Errorf("read the annex of invoice %s: %w", doc.Number, err)
	}
	return annex, nil
}

// ReadAnnex reads an annex: the head, then each group before its items.
func ReadAnnex(annex []byte, head func(AnnexHead) error, group func(AnnexGroup) error, item func(*AnnexItem) error) error {
	lines := json.NewDecoder(bytes.NewReader(annex))
	var h AnnexHead
	if err := lines.Decode(&h); err != nil {
		return fmt.Errorf("read annex: %w", err)
	}
	if h.Schema != AnnexSchema {
		return fmt.Errorf("read annex: schema %q is not %q: a newer version wrote it", h.Schema, AnnexSchema)
	}
	if err := head(h); err != nil {
		return err
	}
	for left := h.Records; left > 0; {
		var g AnnexGroup
		if err := lines.Decode(&g); err != nil {
			return fmt.Errorf("read annex: %w", err)
		}
		if err := group(g); err != nil {
			return err
		}
		for range g.Records {
			var i AnnexItem
			if err := lines.Decode(&i); err != nil {
				return fmt.Errorf("read annex: subaccount %s: %w", g.Account, err)
			}
			if err := item(&i); err != nil {
				return err
			}
		}
		left -= g.Records
	}
	if lines.More() {
		return errors.New("read annex: it goes on after its last record")
	}
	return nil
}

// Package register keeps finalized invoices and credit notes: their numbers,
// their documents and the chain of hashes over them.
//
// An entry's identity (tenant, period, revision, kind) is decided before its
// number; finalizing one identity again answers the entry that is there.
// Numbers of a series follow each other without a gap, and all entries have
// positions in one log, also when several processes finalize at once: see
// [Register.Finalize]. Nothing is ever changed or deleted.
//
// The package does not know what a document says.
package register

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Options say how writers keep out of each other's way.
type Options struct {
	// SingleWriter says that only one process ever finalizes. A server without
	// Keeper needs it; it changes nothing where Keeper is, or on the embedded
	// engine, whose data folder the caller has locked.
	SingleWriter bool
}

// Register is the list of finalized invoices and credit notes. It is not safe
// for concurrent use.
type Register struct {
	db      *warehouse.DB
	options Options
	claims  bool // numbers are claimed in Keeper
	ready   bool // Ready found that finalizing is possible

	list     []warehouse.Invoice // by series and number
	index    map[Identity]Entry
	numbers  map[string]Entry
	credited map[string]Entry             // credit notes, by the number that they take back
	last     map[string]warehouse.Invoice // of each series
	broken   error                        // a write whose outcome is not known: the next number is not known either
}

// The kinds of entries. They are the kinds of documents.
const (
	Invoice    = "invoice"
	CreditNote = "credit_note"
)

// Identity is what an entry is for. There is one entry per identity. A credit
// note has the revision of the invoice that it takes back.
type Identity struct {
	Kind     string       `json:"kind"`
	Tenant   string       `json:"tenant"`
	From     pricing.Date `json:"from"` // the period
	To       pricing.Date `json:"to"`
	Revision int          `json:"revision"`
}

// Series is a run of numbers that follow each other.
type Series struct {
	Format string // see CheckFormat; one series for each year where it holds {year}
}

// Draft is a document that is to be finalized, and what lists repeat of it.
type Draft struct {
	Document []byte
	Total    decimal.Decimal // in Currency, at most 6 decimals
	Currency string          // ISO 4217
	Issued   pricing.Date
	Due      pricing.Date
	Corrects string // of a credit note: the number of the invoice that it takes back
}

// Entry is a finalized invoice or credit note.
type Entry struct {
	Identity
	Position uint64          `json:"position"` // among all entries, from 1, in the order in which they were finalized
	Number   string          `json:"number"`
	Issued   pricing.Date    `json:"issued"`
	Due      pricing.Date    `json:"due"`
	Total    decimal.Decimal `json:"total"` // in Currency
	Currency string          `json:"currency"`
	Corrects string          `json:"corrects,omitempty"`
	SHA256   string          `json:"sha256"` // hex
	Series   string          `json:"series"` // the number format, with the year filled in
	Seq      uint32          `json:"seq"`    // in the series, from 1
}

// Open reads the register. A claim whose process died before it wrote the row
// gets its row.
func Open(ctx context.Context, db *warehouse.DB, o Options) (*Register, error) {
	r := &Register{
		db: db, options: o,
		index: map[Identity]Entry{}, numbers: map[string]Entry{}, credited: map[string]Entry{}, last: map[string]warehouse.Invoice{},
	}
	if err := r.read(ctx); err != nil {
		return nil, fmt.Errorf("open register: %w", err)
	}
	return r, nil
}

func (r *Register) read(ctx context.Context) (err error) {
	if !r.db.Embedded() {
		if r.claims, err = r.db.HasClaims(ctx); err != nil {
			return err
		}
	}
	rows, err := r.db.Invoices(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b warehouse.Invoice) int { return cmp.Compare(a.Position, b.Position) })
	for _, v := range rows {
		// A replica may have a row before the one that was written before it.
		for r.claims && r.next() < v.Position {
			if done, err := r.complete(ctx); err != nil {
				return err
			} else if !done {
				break
			}
		}
		if v.Position != r.next() {
			return fmt.Errorf("invoice %s is number %d of all, and the one before it number %d: the register was changed or has lost an invoice; `subtally verify` says more; restore it from a backup", v.Number, v.Position, len(r.list))
		}
		if err := r.add(v); err != nil {
			return err
		}
	}
	return r.catchUp(ctx)
}

// next is the position of the next entry.
func (r *Register) next() uint64 { return uint64(len(r.list)) + 1 }

// add takes an entry into the lists.
func (r *Register) add(v warehouse.Invoice) error {
	last := r.last[v.Series]
	if v.Seq != last.Seq+1 || v.PrevSHA256 != last.SHA256 {
		return fmt.Errorf("invoice %s does not follow on number %d of series %s: the register was changed or has lost an invoice; `subtally verify` says more; restore it from a backup", v.Number, last.Seq, v.Series)
	}
	e := entry(&v)
	r.last[v.Series] = v
	r.index[e.Identity] = e
	r.numbers[e.Number] = e
	if e.Kind == CreditNote {
		r.credited[e.Corrects] = e
	}
	i, _ := slices.BinarySearchFunc(r.list, v, func(a, b warehouse.Invoice) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Seq, b.Seq))
	})
	r.list = slices.Insert(r.list, i, v)
	return nil
}

func entry(v *warehouse.Invoice) Entry {
	return Entry{
		Identity: Identity{
			Kind: v.Kind, Tenant: v.Tenant, From: pricing.DateOf(v.PeriodFrom), To: pricing.DateOf(v.PeriodTo), Revision: int(v.Revision),
		},
		Position: v.Position, Number: v.Number, Issued: pricing.DateOf(v.Issued), Due: pricing.DateOf(v.Due),
		Total: v.Total, Currency: v.Currency, Corrects: v.Corrects, SHA256: v.SHA256, Series: v.Series, Seq: v.Seq,
	}
}

// Find answers the entry of an identity.
func (r *Register) Find(id Identity) (Entry, bool) {
	e, ok := r.index[id]
	return e, ok
}

// Latest answers the invoice of a period that stands: the one of the highest
// revision that no credit note takes back.
func (r *Register) Latest(tenant string, from, to pricing.Date) (Entry, bool) {
	var latest Entry
	for revision := 1; ; revision++ {
		e, ok := r.Find(Identity{Invoice, tenant, from, to, revision})
		if !ok {
			return latest, latest.Number != ""
		}
		if _, back := r.CreditOf(e); !back {
			latest = e
		}
	}
}

// CreditOf answers the credit note that takes an invoice back.
func (r *Register) CreditOf(e Entry) (Entry, bool) {
	credit, ok := r.credited[e.Number]
	return credit, ok
}

// Number answers the entry with a number.
func (r *Register) Number(number string) (Entry, error) {
	e, ok := r.numbers[number]
	if !ok {
		return Entry{}, fmt.Errorf("invoice %q is not in the register", number)
	}
	return e, nil
}

// Entries lists every entry, by series and number.
func (r *Register) Entries() []Entry {
	out := make([]Entry, len(r.list))
	for i := range r.list {
		out[i] = entry(&r.list[i])
	}
	return out
}

// Document reads an entry's document and checks it against its hash.
func (r *Register) Document(ctx context.Context, e Entry) ([]byte, error) {
	doc, err := r.db.InvoiceDocument(ctx, e.Series, e.Seq)
	if err != nil {
		return nil, err
	}
	if !r.Holds(e, doc) {
		return nil, changed(e)
	}
	return doc, nil
}

// EachDocument gives every entry with its document, checked against its hash, by
// series and number.
func (r *Register) EachDocument(ctx context.Context, each func(Entry, []byte) error) error {
	seen := map[string]bool{}
	return r.db.EachInvoice(ctx, func(v warehouse.Invoice, document []byte) error {
		e, ok := r.numbers[v.Number]
		if !ok || seen[v.Number] {
			return nil // finalized since by another process; or written again, which verify looks at
		}
		if !r.Holds(e, document) {
			return changed(e)
		}
		seen[v.Number] = true
		return each(e, document)
	})
}

func changed(e Entry) error {
	return fmt.Errorf("invoice %s: the stored document does not have the hash it was finalized with: it was changed", e.Number)
}

// Holds reports whether a document is the entry's, to the last byte.
func (r *Register) Holds(e Entry, document []byte) bool {
	i, ok := slices.BinarySearchFunc(r.list, e, func(v warehouse.Invoice, e Entry) int {
		return cmp.Or(cmp.Compare(v.Series, e.Series), cmp.Compare(v.Seq, e.Seq))
	})
	return ok && hash(r.list[i].PrevSHA256, document) == e.SHA256
}

// hash chains a document to the one before it in the series.
func hash(prev string, document []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(document)
	return hex.EncodeToString(h.Sum(nil))
}

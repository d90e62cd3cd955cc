// Package register keeps finalized invoices: their numbers, their documents
// and the chain of hashes over them.
//
// An invoice's identity (tenant, period, revision) is decided before its
// number; finalizing one identity again answers the invoice that is there.
// Numbers of a series follow each other without a gap, since a number and its
// document are stored in one row or not at all. Nothing is ever changed or
// deleted.
//
// The package does not know what a document says. Only one process may
// finalize at a time; the caller holds the lock.
package register

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Register is the list of finalized invoices.
type Register struct {
	db     *warehouse.DB
	format string
	list   []warehouse.Invoice
	index  map[Identity]Entry
	broken error // a write whose outcome is not known: the next number is not known either
}

// Identity is what an invoice is for. There is one invoice per identity.
type Identity struct {
	Tenant   string       `json:"tenant"`
	From     pricing.Date `json:"from"` // the period
	To       pricing.Date `json:"to"`
	Revision int          `json:"revision"`
}

// Entry is a finalized invoice.
type Entry struct {
	Identity
	Number string `json:"number"`
	SHA256 string `json:"sha256"` // hex
	series string
	seq    uint32
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// CheckFormat says what is wrong with a number format such as
// "INV-{year}-{seq:06}": it must hold {seq} or {seq:0N} once, and may hold
// {year}, the year of the issue date.
func CheckFormat(format string) error {
	seqs := 0
	for _, p := range placeholder.FindAllString(format, -1) {
		switch {
		case p == "{year}":
		case seqWidth(p) >= 0:
			seqs++
		default:
			return fmt.Errorf("number format %q: %s is not known; use {year} and {seq} or {seq:06}", format, p)
		}
	}
	if seqs != 1 {
		return fmt.Errorf("number format %q must hold {seq}, or {seq:06}, exactly once", format)
	}
	if rest := placeholder.ReplaceAllString(format, ""); !regexp.MustCompile(`^[A-Za-z0-9._-]*$`).MatchString(rest) {
		return fmt.Errorf("number format %q: besides placeholders only letters, digits and . _ - may stand in it, as the number becomes a file name", format)
	}
	return nil
}

// seqWidth is the width of a {seq} placeholder, 0 for none given; -1 when p is
// something else.
func seqWidth(p string) int {
	if p == "{seq}" {
		return 0
	}
	digits, ok := strings.CutPrefix(p, "{seq:0")
	digits, ok2 := strings.CutSuffix(digits, "}")
	n, err := strconv.Atoi(digits)
	if !ok || !ok2 || err != nil || n < 1 || n > 9 {
		return -1
	}
	return n
}

// series is the format with its year filled in: numbers count from 1 in each.
func series(format string, issued pricing.Date) string {
	return strings.ReplaceAll(format, "{year}", fmt.Sprintf("%04d", issued.Year))
}

// number is the seq-th number of a series.
func number(series string, seq uint32) string {
	return placeholder.ReplaceAllStringFunc(series, func(p string) string {
		return fmt.Sprintf("%0*d", seqWidth(p), seq)
	})
}

// Open reads the register. New invoices get numbers by format.
func Open(ctx context.Context, db *warehouse.DB, format string) (*Register, error) {
	if err := CheckFormat(format); err != nil {
		return nil, err
	}
	list, err := db.Invoices(ctx)
	if err != nil {
		return nil, fmt.Errorf("open register: %w", err)
	}
	r := &Register{db: db, format: format, list: list, index: map[Identity]Entry{}}
	var before warehouse.Invoice
	for i, v := range list {
		if v.Series != before.Series {
			before = warehouse.Invoice{Series: v.Series}
		}
		if v.Seq != before.Seq+1 || v.PrevSHA256 != before.SHA256 {
			return nil, fmt.Errorf("open register: invoice %s does not follow on number %d of series %s: the register was changed or has lost an invoice; restore it from a backup", v.Number, before.Seq, v.Series)
		}
		before = v
		e := entry(&list[i])
		r.index[e.Identity] = e
	}
	return r, nil
}

func entry(v *warehouse.Invoice) Entry {
	return Entry{
		Identity: Identity{Tenant: v.Tenant, From: pricing.DateOf(v.PeriodFrom.UTC()), To: pricing.DateOf(v.PeriodTo.UTC()), Revision: int(v.Revision)},
		Number:   v.Number, SHA256: v.SHA256, series: v.Series, seq: v.Seq,
	}
}

// Find answers the invoice of an identity.
func (r *Register) Find(id Identity) (Entry, bool) {
	e, ok := r.index[id]
	return e, ok
}

// Number answers the invoice with a number.
func (r *Register) Number(number string) (Entry, error) {
	for i := range r.list {
		if r.list[i].Number == number {
			return entry(&r.list[i]), nil
		}
	}
	return Entry{}, fmt.Errorf("invoice %q is not in the register", number)
}

// Entries lists every invoice, by series and number.
func (r *Register) Entries() []Entry {
	out := make([]Entry, len(r.list))
	for i := range r.list {
		out[i] = entry(&r.list[i])
	}
	return out
}

// Document reads an invoice's document and checks it against its hash.
func (r *Register) Document(ctx context.Context, e Entry) ([]byte, error) {
	doc, err := r.db.InvoiceDocument(ctx, e.series, e.seq)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.list, func(v warehouse.Invoice) bool { return v.Series == e.series && v.Seq == e.seq })
	if i < 0 || hash(r.list[i].PrevSHA256, doc) != e.SHA256 {
		return nil, fmt.Errorf("invoice %s: the stored document does not have the hash it was finalized with: it was changed", e.Number)
	}
	return doc, nil
}

// Finalize gives an identity its number and stores the document that build
// makes for it. An identity that has an invoice keeps it, and build is not
// called.
func (r *Register) Finalize(ctx context.Context, id Identity, issued pricing.Date, build func(number string) ([]byte, error)) (Entry, error) {
	if e, ok := r.Find(id); ok {
		return e, nil
	}
	if r.broken != nil {
		return Entry{}, fmt.Errorf("finalize invoice of tenant %s: an invoice before it may or may not have been written: run again: %w", id.Tenant, r.broken)
	}
	v := warehouse.Invoice{
		Series: series(r.format, issued), Seq: 1, Tenant: id.Tenant, Revision: uint32(id.Revision),
		PeriodFrom: id.From.Start(time.UTC), PeriodTo: id.To.Start(time.UTC),
	}
	for i := range r.list {
		if last := &r.list[i]; last.Series == v.Series {
			v.Seq, v.PrevSHA256 = last.Seq+1, last.SHA256
		}
	}
	v.Number = number(v.Series, v.Seq)
	if e, err := r.Number(v.Number); err == nil {
		return Entry{}, fmt.Errorf("finalize invoice of tenant %s: number %s already belongs to an invoice of tenant %s: choose another number format", id.Tenant, v.Number, e.Tenant)
	}
	doc, err := build(v.Number)
	if err != nil {
		return Entry{}, fmt.Errorf("finalize invoice of tenant %s: %w", id.Tenant, err)
	}
	v.SHA256 = hash(v.PrevSHA256, doc)
	if err := r.db.InsertInvoice(ctx, v, doc); err != nil {
		r.broken = err
		return Entry{}, fmt.Errorf("finalize invoice of tenant %s: %w", id.Tenant, err)
	}
	r.list = append(r.list, v)
	slices.SortStableFunc(r.list, func(a, b warehouse.Invoice) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Seq, b.Seq))
	})
	e := entry(&v)
	r.index[id] = e
	return e, nil
}

// hash chains a document to the invoice before it in the series.
func hash(prev string, document []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(document)
	return hex.EncodeToString(h.Sum(nil))
}

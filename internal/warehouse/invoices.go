package warehouse

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/shopspring/decimal"
)

// Invoice is a finalized invoice or credit note as stored, without its document.
type Invoice struct {
	Position   uint64          `json:"position"` // among all of them, from 1
	Claimed    bool            `json:"claimed"`  // in Keeper, before the row was written
	Kind       string          `json:"kind"`
	Series     string          `json:"series"`
	Seq        uint32          `json:"seq"`
	Number     string          `json:"number"`
	Tenant     string          `json:"tenant"`
	PeriodFrom time.Time       `json:"period_from"` // midnight UTC of the calendar date, as all dates here
	PeriodTo   time.Time       `json:"period_to"`
	Revision   uint32          `json:"revision"`
	Issued     time.Time       `json:"issued"`
	Due        time.Time       `json:"due"`
	Total      decimal.Decimal `json:"total"` // at most 6 decimals, in Currency
	Currency   string          `json:"currency"`
	Corrects   string          `json:"corrects"`    // number of the invoice that a credit note takes back
	SHA256     string          `json:"sha256"`      // hex, of PrevSHA256 followed by the document
	PrevSHA256 string          `json:"prev_sha256"` // of the one before it in the series; empty for the first
}

const invoiceColumns = `position, claimed, kind, series, seq, number, tenant, period_from, period_to, revision,
	issued, due, total, currency, corrects, sha256, prev_sha256`

// InsertInvoice writes a finalized invoice with its document, all or nothing.
// Writing the same again changes nothing; who may write which is the caller's
// to settle.
func (db *DB) InsertInvoice(ctx context.Context, v Invoice, document []byte) error {
	if places := -v.Total.Exponent(); places > 6 {
		return fmt.Errorf("write invoice %s: its total %s has more than 6 decimals", v.Number, v.Total)
	}
	err := db.insert(ctx, "INSERT INTO invoices ("+invoiceColumns+", document)",
		[]uint64{v.Position}, []bool{v.Claimed}, []string{v.Kind}, []string{v.Series}, []uint32{v.Seq}, []string{v.Number},
		[]string{v.Tenant}, []time.Time{v.PeriodFrom}, []time.Time{v.PeriodTo}, []uint32{v.Revision},
		[]time.Time{v.Issued}, []time.Time{v.Due}, []decimal.Decimal{v.Total}, []string{v.Currency}, []string{v.Corrects},
		[]string{v.SHA256}, []string{v.PrevSHA256}, []string{string(document)})
	if err != nil {
		return fmt.Errorf("write invoice %s: %w", v.Number, err)
	}
	return nil
}

// Invoices lists every finalized invoice, by series and number.
func (db *DB) Invoices(ctx context.Context) ([]Invoice, error) {
	rows, err := db.query(ctx, "SELECT "+invoiceColumns+" FROM invoices FINAL ORDER BY series, seq")
	if err != nil {
		return nil, fmt.Errorf("read invoices: %w", err)
	}
	defer rows.Close()
	var out []Invoice
	for rows.Next() {
		var v Invoice
		if err := rows.Scan(v.columns()...); err != nil {
			return nil, fmt.Errorf("read invoices: %w", err)
		}
		out = append(out, v)
	}
	return out, db.rowsErr("read invoices", rows)
}

// InvoiceDocument reads the document of a finalized invoice.
func (db *DB) InvoiceDocument(ctx context.Context, series string, seq uint32) ([]byte, error) {
	rows, err := db.query(ctx, "SELECT document FROM invoices FINAL WHERE series = ? AND seq = ?", series, seq)
	if err != nil {
		return nil, fmt.Errorf("read invoice %s %d: %w", series, seq, err)
	}
	defer rows.Close()
	var document string
	if !rows.Next() {
		if err := db.rowsErr("read invoice", rows); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("read invoice %s %d: not in the register", series, seq)
	}
	if err := rows.Scan(&document); err != nil {
		return nil, fmt.Errorf("read invoice %s %d: %w", series, seq, err)
	}
	return []byte(document), nil
}

// HasInvoice reports whether the row of a finalized invoice is there.
func (db *DB) HasInvoice(ctx context.Context, series string, seq uint32) (bool, error) {
	rows, err := db.query(ctx, "SELECT 1 FROM invoices WHERE series = ? AND seq = ? LIMIT 1", series, seq)
	if err != nil {
		return false, fmt.Errorf("look for invoice %s %d: %w", series, seq, err)
	}
	defer rows.Close()
	found := rows.Next()
	return found, db.rowsErr("look for an invoice", rows)
}

// EachInvoice gives every row of a finalized invoice with its document, by
// series and number: all there are, also where two rows of one number differ.
func (db *DB) EachInvoice(ctx context.Context, each func(Invoice, []byte) error) error {
	rows, err := db.query(ctx, "SELECT "+invoiceColumns+", document FROM invoices ORDER BY series, seq")
	if err != nil {
		return fmt.Errorf("read invoices: %w", err)
	}
	defer rows.Close()
	var last Invoice
	var lastDocument string
	for rows.Next() {
		var v Invoice
		var document string
		if err := rows.Scan(append(v.columns(), &document)...); err != nil {
			return fmt.Errorf("read invoices: %w", err)
		}
		if document == lastDocument && reflect.DeepEqual(v, last) {
			continue // written again by whoever completed it
		}
		if err := each(v, []byte(document)); err != nil {
			return err
		}
		last, lastDocument = v, document
	}
	return db.rowsErr("read invoices", rows)
}

// columns are where invoiceColumns are read to.
func (v *Invoice) columns() []any {
	return []any{
		&v.Position, &v.Claimed, &v.Kind, &v.Series, &v.Seq, &v.Number, &v.Tenant, &v.PeriodFrom, &v.PeriodTo, &v.Revision,
		&v.Issued, &v.Due, &v.Total, &v.Currency, &v.Corrects, &v.SHA256, &v.PrevSHA256,
	}
}

package warehouse

import (
	"context"
	"fmt"
	"time"
)

// Invoice is a finalized invoice as stored.
type Invoice struct {
	Series     string
	Seq        uint32
	Number     string
	Tenant     string
	PeriodFrom time.Time // midnight UTC of the calendar date
	PeriodTo   time.Time // midnight UTC of the calendar date
	Revision   uint32
	SHA256     string // hex, of PrevSHA256 followed by the document
	PrevSHA256 string // of the invoice before it in the series; empty for the first
}

// InsertInvoice writes a finalized invoice with its document, all or nothing.
// Only one process may do so at a time.
func (db *DB) InsertInvoice(ctx context.Context, v Invoice, document []byte) error {
	err := db.insert(ctx, `INSERT INTO invoices (series, seq, number, tenant, period_from, period_to, revision, document, sha256, prev_sha256)`,
		[]string{v.Series}, []uint32{v.Seq}, []string{v.Number}, []string{v.Tenant}, []time.Time{v.PeriodFrom}, []time.Time{v.PeriodTo},
		[]uint32{v.Revision}, []string{string(document)}, []string{v.SHA256}, []string{v.PrevSHA256})
	if err != nil {
		return fmt.Errorf("write invoice %s: %w", v.Number, err)
	}
	return nil
}

// Invoices lists every finalized invoice, by series and number.
func (db *DB) Invoices(ctx context.Context) ([]Invoice, error) {
	rows, err := db.query(ctx, `SELECT series, seq, number, tenant, period_from, period_to, revision, sha256, prev_sha256
		FROM invoices FINAL ORDER BY series, seq`)
	if err != nil {
		return nil, fmt.Errorf("read invoices: %w", err)
	}
	defer rows.Close()
	var out []Invoice
	for rows.Next() {
		var v Invoice
		if err := rows.Scan(&v.Series, &v.Seq, &v.Number, &v.Tenant, &v.PeriodFrom, &v.PeriodTo, &v.Revision, &v.SHA256, &v.PrevSHA256); err != nil {
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

package warehouse

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Payment is a payment of a finalized invoice as stored.
type Payment struct {
	Number     string          // of the invoice
	Position   uint32          // among the invoice's payments, from 1
	PaidOn     time.Time       // midnight UTC of the calendar date
	Amount     decimal.Decimal // at most 6 decimals, in Currency
	Currency   string
	Reference  string // the bank's or the payer's; may be empty
	RecordedAt time.Time
}

// InsertPayment writes a payment.
func (db *DB) InsertPayment(ctx context.Context, p Payment) error {
	err := db.insert(ctx, "INSERT INTO payments (number, position, paid_on, amount, currency, reference, recorded_at)",
		[]string{p.Number}, []uint32{p.Position}, []time.Time{p.PaidOn}, []decimal.Decimal{p.Amount}, []string{p.Currency}, []string{p.Reference}, []time.Time{p.RecordedAt})
	if err != nil {
		return fmt.Errorf("write payment of invoice %s: %w", p.Number, err)
	}
	return nil
}

// Payments lists every payment, by invoice and position.
func (db *DB) Payments(ctx context.Context) ([]Payment, error) {
	rows, err := db.query(ctx, `SELECT number, position, paid_on, amount, currency, reference, recorded_at
		FROM payments FINAL ORDER BY number, position, reference, paid_on, amount`)
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	defer rows.Close()
	var out []Payment
	for rows.Next() {
		var p Payment
		if err := rows.Scan(&p.Number, &p.Position, &p.PaidOn, &p.Amount, &p.Currency, &p.Reference, &p.RecordedAt); err != nil {
			return nil, fmt.Errorf("read payments: %w", err)
		}
		out = append(out, p)
	}
	return out, db.rowsErr("read payments", rows)
}

package register

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// What becomes of an entry. A partly paid invoice stays finalized.
const (
	Finalized = "finalized"
	Paid      = "paid"     // in full, or paid out in full; an invoice over nothing is so by itself
	Credited  = "credited" // taken back by a credit note
)

// Statuses are all of them.
var Statuses = []string{Finalized, Paid, Credited}

// Payment is a payment of an invoice, or of a part of it; negative for what was
// paid out to the buyer, or set off against another invoice.
type Payment struct {
	Number    string          `json:"number"` // of the invoice, or of the credit note where that is paid out
	On        pricing.Date    `json:"date"`
	Amount    decimal.Decimal `json:"amount"` // in Currency
	Currency  string          `json:"currency"`
	Reference string          `json:"reference,omitempty"` // tells payments of an invoice apart, where given
}

// Receivable is what is to be had of an entry.
type Receivable struct {
	Entry
	Status string          `json:"status"`
	Paid   decimal.Decimal `json:"paid"` // so far, in Currency
	// Open is what the buyer still has to pay, in Currency; negative for what is
	// owed to the buyer: by an invoice below zero, or by the credit note of one
	// that was paid. A credited invoice has nothing open.
	Open decimal.Decimal `json:"open"`
	// DaysOverdue counts from the day after the due date while the buyer has anything to pay.
	DaysOverdue int `json:"days_overdue"`
}

// Receivables says of every entry what is to be had of it: overdue as of a date,
// everything else after all entries and payments.
func Receivables(entries []Entry, payments []Payment, asOf pricing.Date) []Receivable {
	paid := map[string]decimal.Decimal{}
	for _, p := range payments {
		paid[p.Number] = paid[p.Number].Add(p.Amount)
	}
	credited := map[string]bool{}
	for i := range entries {
		if entries[i].Kind == CreditNote {
			credited[entries[i].Corrects] = true
		}
	}
	out := make([]Receivable, len(entries))
	for i, e := range entries {
		r := Receivable{Entry: e, Status: Finalized, Paid: paid[e.Number]}
		switch {
		case e.Kind == CreditNote:
			// What was paid of the invoice goes back; the rest is not to be had any more.
			back := paid[e.Corrects]
			r.Open = back.Add(r.Paid).Neg()
			if !back.IsZero() && r.Open.IsZero() {
				r.Status = Paid
			}
		case credited[e.Number]:
			r.Status = Credited
		default:
			if r.Open = e.Total.Sub(r.Paid); r.Open.IsZero() {
				r.Status = Paid
			}
		}
		if r.Open.IsPositive() && e.Due.Before(asOf) {
			r.DaysOverdue = e.Due.DaysUntil(asOf)
		}
		out[i] = r
	}
	return out
}

// Payments lists every payment, by invoice, in the order of recording.
func (r *Register) Payments(ctx context.Context) ([]Payment, error) {
	rows, err := r.db.Payments(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Payment, len(rows))
	for i, p := range rows {
		out[i] = Payment{Number: p.Number, On: pricing.DateOf(p.PaidOn), Amount: p.Amount, Currency: p.Currency, Reference: p.Reference}
	}
	return out, nil
}

// Pay records a payment of an invoice, of all that is open where p has no
// amount; a negative one of an invoice below zero, or of the credit note of a
// paid one. A reference that a payment of the invoice has already is that
// payment, which is answered again, and false with it. The caller holds the
// lock of the data folder.
func (r *Register) Pay(ctx context.Context, p Payment, now time.Time) (Payment, bool, error) {
	recorded, isNew, err := r.pay(ctx, p, now)
	if err != nil {
		return p, false, fmt.Errorf("pay invoice %s: %w", p.Number, err)
	}
	return recorded, isNew, nil
}

func (r *Register) pay(ctx context.Context, p Payment, now time.Time) (Payment, bool, error) {
	e, ok := r.numbers[p.Number]
	if !ok {
		return p, false, fmt.Errorf("it is not in the register: only a finalized invoice can be paid")
	}
	if p.Currency != "" && p.Currency != e.Currency {
		return p, false, fmt.Errorf("it is in %s, and the payment in %s: record what the payment comes to in %s", e.Currency, p.Currency, e.Currency)
	}
	all, err := r.Payments(ctx)
	if err != nil {
		return p, false, err
	}
	position := uint32(1)
	var paid []Payment
	for _, before := range all {
		if before.Number == p.Number {
			paid = append(paid, before)
			position++
		}
	}
	for _, before := range paid {
		if p.Reference != "" && before.Reference == p.Reference {
			if !p.Amount.IsZero() && !p.Amount.Equal(before.Amount) {
				return p, false, fmt.Errorf("reference %q is that of its payment of %s on %s: give another payment another reference", p.Reference, before.Amount, before.On)
			}
			return before, false, nil
		}
	}
	if credit, back := r.CreditOf(e); back {
		return p, false, fmt.Errorf("credit note %s has taken it back: pay the invoice that stands for it", credit.Number)
	}
	is := Receivables([]Entry{e}, all, p.On)[0]
	places := pricing.MinorUnits(e.Currency)
	owed := "open"
	if is.Open.IsNegative() {
		owed = "owed to the tenant"
	}
	switch {
	case is.Open.IsZero() && len(paid) > 0:
		return p, false, fmt.Errorf("it is paid, last on %s", paid[len(paid)-1].On)
	case is.Open.IsZero() && e.Kind == CreditNote:
		return p, false, fmt.Errorf("it is the credit note for %s, of which nothing was paid: there is nothing to pay out", e.Corrects)
	case is.Open.IsZero():
		return p, false, fmt.Errorf("its total is %s %s: there is nothing to pay", e.Total.StringFixed(places), e.Currency)
	case p.Amount.IsZero():
		p.Amount = is.Open
	case p.Amount.Sign() != is.Open.Sign():
		return p, false, fmt.Errorf("%s is not an amount to pay: %s %s are %s", p.Amount, is.Open.StringFixed(places), e.Currency, owed)
	case !p.Amount.Equal(p.Amount.Truncate(places)):
		return p, false, fmt.Errorf("%s has more than the %d decimals of %s", p.Amount, places, e.Currency)
	case p.Amount.Abs().GreaterThan(is.Open.Abs()):
		return p, false, fmt.Errorf("%s %s is more than the %s that are %s", p.Amount.StringFixed(places), e.Currency, is.Open.StringFixed(places), owed)
	}
	p.Currency = e.Currency
	err = r.db.InsertPayment(ctx, warehouse.Payment{
		Number: p.Number, Position: position, PaidOn: midnight(p.On), Amount: p.Amount, Currency: p.Currency, Reference: p.Reference, RecordedAt: now,
	})
	return p, true, err
}

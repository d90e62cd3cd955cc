package pricing

import "github.com/shopspring/decimal"

// Advance is a fee that an invoice billed for days after its own period.
type Advance struct {
	Plan        string          `json:"plan"`
	Charge      string          `json:"charge"` // its id
	Description string          `json:"description"`
	TaxCode     string          `json:"tax_code,omitempty"`
	From        Date            `json:"from"` // the period that the fee is for
	To          Date            `json:"to"`
	Days        int64           `json:"days"`       // billed; of all subaccounts or numbers together where the fee is for each
	UnitPrice   decimal.Decimal `json:"unit_price"` // for all days of the period
}

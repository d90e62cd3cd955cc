package pricing

import "github.com/shopspring/decimal"

// Line is one priced line of an invoice. Its exact amount is
// Quantity x UnitPrice / Per, and nothing else: what is printed is what the
// amount was made from.
type Line struct {
	Charge      string          `json:"charge"`      // id in the plan of the charge, or of the discount, surcharge or credit; empty for limits of the whole invoice
	Category    Category        `json:"category"`    //
	Kind        Kind            `json:"kind"`        // empty for fees
	Description string          `json:"description"` // the charge's description, and which part of it this line is
	Item        string          `json:"item"`        // what the line is about within the charge, such as a destination; may be empty
	Records     int64           `json:"records"`     // usage records behind the line; 0 for fees
	Quantity    decimal.Decimal `json:"quantity"`    // billed units, exact
	Unit        Unit            `json:"unit"`        //
	UnitPrice   decimal.Decimal `json:"unit_price"`  // in the plan's currency, for Per units
	Per         int64           `json:"per"`         // how many units UnitPrice buys: 60 for a price per minute over seconds
	Amount      decimal.Decimal `json:"amount"`      // rounded once, to the currency's minor unit
	TaxCode     string          `json:"tax_code,omitempty"`
	From        Date            `json:"from,omitzero"` // first day that the line is for, where not the invoice's own period
	To          Date            `json:"to,omitzero"`   // first day that it is no longer for
}

// Tax is one tax of an invoice; see [Plan.Total]. An inclusive tax is contained
// in the lines, not in Base. A compound tax has taxes before it in its Base.
type Tax struct {
	Name      string          `json:"name"`                // as printed, such as "VAT"
	Rate      decimal.Decimal `json:"rate"`                // percent: 19 means 19 %
	Base      decimal.Decimal `json:"base"`                // taxable amount, minor unit
	Amount    decimal.Decimal `json:"amount"`              // minor unit
	Note      string          `json:"note,omitempty"`      // printed below the total
	Inclusive bool            `json:"inclusive,omitempty"` // contained in the lines
}

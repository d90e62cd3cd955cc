package pricing

import "github.com/shopspring/decimal"

// Credit is an amount that invoices are lowered by until it is used up. What
// one invoice does not use is carried to the next.
type Credit struct {
	ID          string          `yaml:"id" json:"id"`
	Description string          `yaml:"description" json:"description"` // printed on the invoice
	Amount      decimal.Decimal `yaml:"amount" json:"amount"`
	From        Date            `yaml:"from" json:"from"`   // the period must begin on this day or later
	Until       Date            `yaml:"until" json:"until"` // the period must begin before this day
}

// Taken is what invoices have used of a credit so far.
type Taken struct {
	Credit string          `json:"credit"` // its id
	Amount decimal.Decimal `json:"amount"`
}

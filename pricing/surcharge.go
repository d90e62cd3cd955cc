package pricing

import "github.com/shopspring/decimal"

// Surcharge is added on top of what charges came to, such as a regulatory fee
// of telecommunications: a percentage of it, or a fixed amount for each tenant,
// subaccount, number or line.
type Surcharge struct {
	ID          string           `yaml:"id" json:"id"`
	Description string           `yaml:"description" json:"description"` // printed on the invoice
	Percent     *decimal.Decimal `yaml:"percent" json:"percent,omitempty"`
	Amount      *decimal.Decimal `yaml:"amount" json:"amount,omitempty"`
	Per         string           `yaml:"per" json:"per,omitempty"`         // of Amount; SurchargeTenant where empty
	Charges     []string         `yaml:"charges" json:"charges,omitempty"` // ids; all where empty
	TaxCode     string           `yaml:"tax_code" json:"tax_code,omitempty"`
	From        Date             `yaml:"from" json:"from"`   // the period must begin on this day or later
	Until       Date             `yaml:"until" json:"until"` // the period must begin before this day
}

// What the amount of a surcharge is for.
const (
	SurchargeTenant     = "tenant"
	SurchargeSubaccount = "subaccount" // each that the tenant has in the period
	SurchargeNumber     = "number"     // each phone number that was billed in the period
	SurchargeLine       = "line"       // each line of the invoice with an amount
)

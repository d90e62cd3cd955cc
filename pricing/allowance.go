package pricing

import "github.com/shopspring/decimal"

// Allowance is a quantity that each period includes. It comes off the usage of
// its charges in their order, and within a charge off the dearest first.
type Allowance struct {
	ID          string          `yaml:"id" json:"id"`
	Description string          `yaml:"description" json:"description"` // printed on the invoice
	Quantity    decimal.Decimal `yaml:"quantity" json:"quantity"`
	Unit        Unit            `yaml:"unit" json:"unit"`
	Charges     []string        `yaml:"charges" json:"charges"`             // ids, the first served first
	Rollover    int             `yaml:"rollover" json:"rollover,omitempty"` // periods in which what is left may still be used
	Prorate     string          `yaml:"prorate" json:"prorate,omitempty"`   // ProrateDay where empty
}

// Unused is what is left of the allowance of one period.
type Unused struct {
	Allowance string          `json:"allowance"` // its id
	Period    Date            `json:"period"`    // first day of the period that it was granted for
	Quantity  decimal.Decimal `json:"quantity"`  // in the allowance's unit
}

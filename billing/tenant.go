package billing

import (
	"subtally/pricing"
)

// Tenant is a customer of the reseller. It owns subaccounts, each from a date
// until a date, and is invoiced per calendar month in its own time zone.
type Tenant struct {
	ID          string            `yaml:"id"`              // names files; to be kept for good
	Plan        string            `yaml:"plan"`            // name of a plan
	TimeZone    string            `yaml:"time_zone"`       // IANA name
	From        pricing.Date      `yaml:"from,omitempty"`  // first day billed; since billing.start where empty
	Until       pricing.Date      `yaml:"until,omitempty"` // first day no longer billed; for ever where empty
	Buyer       Party             `yaml:"buyer"`           // printed on its invoices
	Taxes       []pricing.TaxRate `yaml:"taxes,omitempty"` // in this order
	Subaccounts []Assignment      `yaml:"subaccounts"`
}

// Assignment is a subaccount in a tenant's hands from a date until a date, in
// the tenant's time zone.
type Assignment struct {
	SID   string       `yaml:"sid"`             // of the subaccount: AC and 32 hexadecimal digits
	From  pricing.Date `yaml:"from,omitempty"`  // the tenant's From where empty
	Until pricing.Date `yaml:"until,omitempty"` // first day no longer the tenant's; the tenant's Until where empty
}

package billing

import (
	"subtally/pricing"
)

// Tenant is a customer of the reseller. It owns subaccounts, each from a date
// until a date, and is invoiced per calendar month in its own time zone.
type Tenant struct {
	ID          string            `yaml:"id"`                     // names files; to be kept for good
	Seller      string            `yaml:"seller,omitempty"`       // id of the seller that invoices it; the default one where empty
	Plan        string            `yaml:"plan"`                   // name of a plan
	PlanChanges []PlanChange      `yaml:"plan_changes,omitempty"` // in the order of their days
	TimeZone    string            `yaml:"time_zone"`              // IANA name
	From        pricing.Date      `yaml:"from,omitempty"`         // first day billed; since billing.start where empty
	Until       pricing.Date      `yaml:"until,omitempty"`        // first day no longer billed; for ever where empty
	Buyer       Party             `yaml:"buyer"`                  // printed on its invoices
	Taxes       []pricing.TaxRate `yaml:"taxes,omitempty"`        // in this order
	Credits     []pricing.Credit  `yaml:"credits,omitempty"`      // besides those of the plan
	Subaccounts []Assignment      `yaml:"subaccounts"`
}

// PlanChange is another plan from a day on.
type PlanChange struct {
	From pricing.Date `yaml:"from"`
	Plan string       `yaml:"plan"`
}

// PlansOn are the tenant's plans on the days [from, to), each with its own.
func (t *Tenant) PlansOn(from, to pricing.Date) []PlanRef {
	if !from.Before(to) {
		return nil
	}
	out := []PlanRef{{Name: t.Plan, Days: Days{from, to}}}
	for _, change := range t.PlanChanges {
		last := &out[len(out)-1]
		switch {
		case !change.From.Before(to):
			return out
		case !last.From.Before(change.From):
			last.Name = change.Plan
		case last.Name != change.Plan:
			last.To = change.From
			out = append(out, PlanRef{Name: change.Plan, Days: Days{change.From, to}})
		}
	}
	return out
}

// Assignment is a subaccount in a tenant's hands from a date until a date, in
// the tenant's time zone.
type Assignment struct {
	SID   string       `yaml:"sid"`             // of the subaccount: AC and 32 hexadecimal digits
	From  pricing.Date `yaml:"from,omitempty"`  // the tenant's From where empty
	Until pricing.Date `yaml:"until,omitempty"` // first day no longer the tenant's; the tenant's Until where empty
}

// since is the first of the days without a gap on which the tenant has had the
// assignment's subaccount, by this assignment or by others before it; no date
// where none is set.
func (t *Tenant) since(a Assignment) pricing.Date {
	for _, before := range t.Subaccounts {
		if before.SID == a.SID && before.Until == a.From && before.From.Before(a.From) {
			return t.since(before)
		}
	}
	return a.From
}

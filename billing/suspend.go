package billing

import (
	"slices"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// What becomes of a tenant's subaccounts when an invoice stays unpaid.
const (
	OverduePropose = "propose" // a person is told, and decides; where nothing is set
	OverdueSuspend = "suspend" // the nightly run suspends them
	OverdueIgnore  = "ignore"  // nothing
)

// OverduePolicies are the values of [Tenant.Overdue].
var OverduePolicies = []string{OverduePropose, OverdueSuspend, OverdueIgnore}

// Suspension is a tenant with invoices overdue for so long that its subaccounts
// may be suspended.
type Suspension struct {
	Tenant    string    `json:"tenant"`
	Invoices  []Overdue `json:"invoices"`  // the longest overdue first
	Accounts  []Account `json:"accounts"`  // its own on the day and active, ordered by sid
	Automatic bool      `json:"automatic"` // the nightly run does it
}

// Overdue is an invoice that is not paid in full, though its due date is past.
type Overdue struct {
	Number   string          `json:"number"`
	Due      pricing.Date    `json:"due"`
	Days     int             `json:"days"` // since the due date
	Open     decimal.Decimal `json:"open"`
	Currency string          `json:"currency"`
}

// Suspensions lists the tenants, in the configuration's order, that have
// invoices overdue for at least so many days, and active subaccounts. A tenant
// that is no longer configured has none to be suspended.
func (b *Biller) Suspensions(asOf pricing.Date, after int, known []warehouse.Account, overdue map[string][]Overdue) []Suspension {
	var out []Suspension
	for i := range b.Tenants {
		t := &b.Tenants[i]
		late := slices.DeleteFunc(slices.Clone(overdue[t.ID]), func(o Overdue) bool { return o.Days < after })
		if len(late) == 0 || t.Overdue == OverdueIgnore {
			continue
		}
		slices.SortStableFunc(late, func(a, b Overdue) int { return b.Days - a.Days })
		s := Suspension{Tenant: t.ID, Invoices: late, Automatic: t.Overdue == OverdueSuspend}
		today := Period{From: asOf, To: asOf.AddDays(1), TimeZone: t.TimeZone}
		for _, held := range b.accounts(t, today) {
			for _, a := range known {
				if a.SID == held.SID && a.Status == "active" && a.OwnerSID != a.SID {
					s.Accounts = append(s.Accounts, Account{SID: a.SID, Name: a.Name})
				}
			}
		}
		if len(s.Accounts) > 0 {
			out = append(out, s)
		}
	}
	return out
}

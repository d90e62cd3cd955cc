package billing

import (
	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Statement is the roll-up of one month for the main account: what every
// tenant was invoiced, what Twilio charged for it, and what is left.
type Statement struct {
	Period      Period          `json:"period"`     // the month, in the main account's time zone
	IssueDate   pricing.Date    `json:"issue_date"` // the billing date of the run that made it
	Seller      Party           `json:"seller"`
	MainAccount Account         `json:"main_account"`
	Currency    string          `json:"currency"` // of costs and margins: the one that most costs are in
	Tenants     []StatementRow  `json:"tenants"`  // ordered by tenant id
	Unassigned  []UnassignedRow `json:"unassigned"`
	Unrated     []UnratedRow    `json:"unrated"`
	Vanished    []VanishedRow   `json:"vanished"`
	Totals      []CurrencyTotal `json:"totals"`      // one per invoice currency, ordered by code
	OtherCosts  []OtherCost     `json:"other_costs"` // costs in other currencies, which are in no other figure
}

// OtherCost is what Twilio charged in another currency than the statement's.
type OtherCost struct {
	Currency string          `json:"currency"`
	Records  int64           `json:"records"`
	Cost     decimal.Decimal `json:"cost"`
}

// StatementRow is one tenant's month.
type StatementRow struct {
	Tenant   string              `json:"tenant"`
	Name     string              `json:"name"`
	Number   string              `json:"number"` // invoice number; empty for a draft
	Status   string              `json:"status"` // finalized, draft or parked
	Reason   string              `json:"reason"` // why parked; empty otherwise
	Records  int64               `json:"records"`
	Currency string              `json:"currency"` // of the revenue
	Revenue  decimal.Decimal     `json:"revenue"`  // invoice net: taxes are not the reseller's
	Tax      decimal.Decimal     `json:"tax"`
	Total    decimal.Decimal     `json:"total"`
	Cost     decimal.Decimal     `json:"cost"`   // what Twilio charged, in the statement's currency
	Margin   decimal.NullDecimal `json:"margin"` // Revenue - Cost; null when the currencies differ
}

// UnassignedRow is usage of an account in a time when no tenant owned it. The
// main account's own usage is among it.
type UnassignedRow struct {
	Account Account         `json:"account"`
	Status  string          `json:"status"` // the subaccount's status at Twilio
	Records int64           `json:"records"`
	Cost    decimal.Decimal `json:"cost"`
}

// UnratedRow is usage of a tenant that no charge or rate covers.
type UnratedRow struct {
	Tenant  string          `json:"tenant"`
	Kind    pricing.Kind    `json:"kind"`
	Reason  string          `json:"reason"`
	Records int64           `json:"records"`
	Cost    decimal.Decimal `json:"cost"`
}

// VanishedRow is usage that is billed, but that Twilio does not list any more.
type VanishedRow struct {
	Tenant  string          `json:"tenant"` // empty where none owned the account
	Account Account         `json:"account"`
	Kind    pricing.Kind    `json:"kind"`
	Records int64           `json:"records"`
	Cost    decimal.Decimal `json:"cost"`
}

// CurrencyTotal adds up the tenants of one invoice currency.
type CurrencyTotal struct {
	Currency string              `json:"currency"`
	Tenants  int                 `json:"tenants"`
	Records  int64               `json:"records"`
	Revenue  decimal.Decimal     `json:"revenue"`
	Tax      decimal.Decimal     `json:"tax"`
	Total    decimal.Decimal     `json:"total"`
	Cost     decimal.Decimal     `json:"cost"`
	Margin   decimal.NullDecimal `json:"margin"`
}

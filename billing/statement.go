package billing

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Statement is the roll-up of one month for the main account: what every
// tenant was invoiced, what Twilio charged for it, and what is left. Costs are
// positive and in Currency wherever no other one is named, with every decimal
// that they have; costs in other currencies are in OtherCosts alone.
type Statement struct {
	Period         Period          `json:"period"`     // the month, in the main account's time zone
	IssueDate      pricing.Date    `json:"issue_date"` // the billing date of the run that made it
	Seller         Party           `json:"seller"`
	MainAccount    Account         `json:"main_account"`
	Currency       string          `json:"currency"` // of costs and margins: the one that most costs are in
	Tenants        []StatementRow  `json:"tenants"`  // ordered by tenant id, then in the order the documents were made
	Categories     []CategoryRow   `json:"categories"`
	Unassigned     []UnassignedRow `json:"unassigned"`
	Unrated        []UnratedRow    `json:"unrated"`
	NotCharged     []NotChargedRow `json:"not_charged"`
	Leakage        []Leak          `json:"leakage"`
	Vanished       []VanishedRow   `json:"vanished"`
	Totals         []CurrencyTotal `json:"totals"`         // one per invoice currency, ordered by code
	OtherCosts     []OtherCost     `json:"other_costs"`    // costs in other currencies, which are in no other figure
	Check          CostCheck       `json:"check"`          // that no cost is missing
	Reconciliation *Reconciliation `json:"reconciliation"` // nil where it was not done
}

// OtherCost is what Twilio charged in another currency than the statement's.
type OtherCost struct {
	Currency string          `json:"currency"`
	Records  int64           `json:"records"`
	Cost     decimal.Decimal `json:"cost"`
}

// StatementRow is one document of a tenant's month: its invoice or draft, and
// where that was corrected, the invoice taken back, the credit note, whose
// amounts are negative, and the invoice made instead. Records and cost are those
// of the month's usage; they stand with the document that bills it in the end.
type StatementRow struct {
	Tenant   string              `json:"tenant"`
	Name     string              `json:"name"`
	Number   string              `json:"number"` // of the invoice or credit note; empty for a draft
	Kind     DocumentKind        `json:"kind"`
	Revision int                 `json:"revision"`
	Corrects string              `json:"corrects,omitempty"` // number of the invoice that the document takes back or replaces
	Status   string              `json:"status"`             // draft, parked, finalized, paid or credited
	Reason   string              `json:"reason"`             // why parked; empty otherwise
	Overdue  int                 `json:"overdue,omitempty"`  // days past its due date, where any amount is open
	Records  int64               `json:"records"`
	Currency string              `json:"currency"` // of the revenue
	Revenue  decimal.Decimal     `json:"revenue"`  // the document's net: taxes are not the reseller's
	Tax      decimal.Decimal     `json:"tax"`
	Total    decimal.Decimal     `json:"total"`
	Cost     decimal.Decimal     `json:"cost"`   // what Twilio charged, in the statement's currency
	Margin   decimal.NullDecimal `json:"margin"` // Revenue - Cost; null when the currencies differ
}

// ContainedTaxes is the category of what tenants' lines contain of taxes, which
// is no revenue.
const ContainedTaxes pricing.Category = "contained_taxes"

// CategoryRow is what the tenants with one invoice currency used of a category,
// and were invoiced for it. Over the rows of a currency, revenue, records and cost
// add up to its total.
type CategoryRow struct {
	Category pricing.Category    `json:"category"`
	Currency string              `json:"currency"` // of the revenue
	Records  int64               `json:"records"`
	Revenue  decimal.Decimal     `json:"revenue"`
	Cost     decimal.Decimal     `json:"cost"`   // of the usage of the kinds in the category
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

// NotChargedRow is usage of a tenant that Twilio charges for and the tenant's
// plan, by its status, does not, such as the fee of a failed message.
type NotChargedRow struct {
	Tenant  string          `json:"tenant"`
	Kind    pricing.Kind    `json:"kind"`
	Status  string          `json:"status"`  // as Twilio words it
	Records int64           `json:"records"` // only those that cost something
	Cost    decimal.Decimal `json:"cost"`
}

// Leak sums up the costs that no tenant is invoiced for, of one cause.
type Leak struct {
	Cause   LeakCause       `json:"cause"`
	Records int64           `json:"records"`
	Cost    decimal.Decimal `json:"cost"`
}

// LeakCause says why a cost is invoiced to nobody.
type LeakCause string

// The causes, in the order of documents.
const (
	OwnUse     LeakCause = "main_account" // the main account's own usage
	NoTenant   LeakCause = "no_tenant"
	NoPrice    LeakCause = "no_price"
	FreeStatus LeakCause = "not_charged"
	TakenBack  LeakCause = "credited" // the invoice was taken back, and no other one stands for it
)

// VanishedRow is usage that is billed, but that Twilio does not list any more.
type VanishedRow struct {
	Tenant  string          `json:"tenant"` // empty where none owned the account
	Account Account         `json:"account"`
	Kind    pricing.Kind    `json:"kind"`
	Records int64           `json:"records"`
	Cost    decimal.Decimal `json:"cost"`
}

// CurrencyTotal adds up the documents of one invoice currency.
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

// CostCheck compares the costs on a statement with all costs of the month, added
// up apart from any tenant or account:
//
//	Tenants - Outside + Unassigned + Elsewhere = All
type CostCheck struct {
	Tenants    decimal.Decimal `json:"tenants"`    // of all tenants' months, each in its own time zone
	Outside    decimal.Decimal `json:"outside"`    // of that, what lies before or after the main account's month
	Unassigned decimal.Decimal `json:"unassigned"` // without a tenant
	Elsewhere  decimal.Decimal `json:"elsewhere"`  // in the main account's month, but in the month before or after of its tenant, or before billing began
	All        decimal.Decimal `json:"all"`        // everything that the main account's month has
}

// Difference is the cost that stands on the statement without being in the
// month's usage, or, negative, that is missing on it. It is zero unless usage is
// billed to two tenants at once.
func (c CostCheck) Difference() decimal.Decimal {
	return c.Tenants.Sub(c.Outside).Add(c.Unassigned).Add(c.Elsewhere).Sub(c.All)
}

var hundred = decimal.NewFromInt(100)

// MarginPercent is a margin in percent of its revenue, halves rounded away from
// zero to one decimal; null where there is no margin, or no revenue above zero.
func MarginPercent(margin decimal.NullDecimal, revenue decimal.Decimal) (none decimal.NullDecimal) {
	if !margin.Valid || !revenue.IsPositive() {
		return none
	}
	return decimal.NewNullDecimal(margin.Decimal.Mul(hundred).DivRound(revenue, 1))
}

// TenantMargin is a tenant's margin over all documents of the month.
type TenantMargin struct {
	Tenant string
	Name   string
	Margin decimal.Decimal
}

// Margins are the tenants' margins in the statement's currency, the greatest
// first. Tenants that are invoiced in another currency have none.
func (st *Statement) Margins() (out []TenantMargin) {
	for _, r := range st.Tenants {
		if r.Currency != st.Currency || !r.Margin.Valid {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Tenant != r.Tenant {
			out = append(out, TenantMargin{Tenant: r.Tenant, Name: r.Name})
		}
		last := &out[len(out)-1]
		last.Margin = last.Margin.Add(r.Margin.Decimal)
	}
	slices.SortStableFunc(out, func(a, b TenantMargin) int { return b.Margin.Cmp(a.Margin) })
	return out
}

// Worst are the n differences of the reconciliation with the greatest cost
// between both sides, and where that is equal, the most records.
func (r *Reconciliation) Worst(n int) []UsageDifference {
	out := slices.Clone(r.Differences)
	slices.SortStableFunc(out, func(a, b UsageDifference) int {
		records := func(d UsageDifference) int64 {
			return max(d.Ours.Records-d.Twilio.Records, d.Twilio.Records-d.Ours.Records)
		}
		return cmp.Or(b.Ours.Cost.Sub(b.Twilio.Cost).Abs().Cmp(a.Ours.Cost.Sub(a.Twilio.Cost).Abs()), cmp.Compare(records(b), records(a)))
	})
	return out[:min(n, len(out))]
}

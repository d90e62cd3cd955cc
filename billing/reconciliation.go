package billing

import (
	"time"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Reconciliation is the usage in the warehouse against Twilio's own Usage
// Records, for the UTC days of a calendar month. It takes no notice of the time
// zones that tenants' months are cut in: Twilio sums by UTC day.
type Reconciliation struct {
	Period      Days              `json:"period"`       // UTC days, half-open
	Until       pricing.Date      `json:"until"`        // first UTC day that is not compared: the period's end, or where either side ends before it
	Currency    string            `json:"currency"`     // of the costs
	Compared    int               `json:"compared"`     // subaccounts x categories x days that either side has
	Ours        decimal.Decimal   `json:"ours"`         // cost, of all that was compared
	Twilio      decimal.Decimal   `json:"twilio"`       // cost
	Tolerance   decimal.Decimal   `json:"tolerance"`    // of cost, for each difference
	Differences []UsageDifference `json:"differences"`  // ordered by subaccount, category and day
	NotCompared []CategoryCost    `json:"not_compared"` // what Twilio charges by other rules than those of records; ordered by category
	NotPulled   []Account         `json:"not_pulled"`   // subaccounts whose Usage Records are missing, and of which nothing is compared; ordered by sid
	Stale       []StaleRecords    `json:"stale"`        // subaccounts that are compared with older figures of Twilio's than the others; ordered by sid
}

// StaleRecords says of when the Usage Records of a subaccount are that could not
// be pulled again.
type StaleRecords struct {
	Account Account      `json:"account"`
	AsOf    time.Time    `json:"as_of"` // UTC
	Until   pricing.Date `json:"until"` // first UTC day that is not compared
}

// CategoryCost is what all subaccounts cost in one of Twilio's categories.
type CategoryCost struct {
	Category string          `json:"category"`
	Cost     decimal.Decimal `json:"cost"`
	Reason   string          `json:"reason"` // why it is not compared
}

// UsageDifference is a subaccount's category on a day of which Twilio has
// other figures.
type UsageDifference struct {
	Account  Account      `json:"account"`
	Category string       `json:"category"` // Twilio's, such as calls or sms
	Day      pricing.Date `json:"day"`      // UTC
	Ours     UsageFigures `json:"ours"`
	Twilio   UsageFigures `json:"twilio"`
	Cause    string       `json:"cause"`  // the likely one
	Detail   string       `json:"detail"` // what speaks for it
	Above    bool         `json:"above"`  // the tolerance
}

// Cost is by how much Twilio's cost is higher than ours.
func (d *UsageDifference) Cost() decimal.Decimal { return d.Twilio.Cost.Sub(d.Ours.Cost) }

// The likely causes of a difference.
const (
	PriceStillNull     = "price still null"     // Twilio has priced records since, that were read without a price; or has none for its own figures yet
	WindowNotClosed    = "window not closed"    // the day's records were never read, or when they were not final
	RecordAfterTheCut  = "record after the cut" // one side was read later than the other
	RecordVanished     = "record vanished"      // Twilio's lists do not have it any more
	CategoryNotMetered = "category not metered" // Twilio charges for what is in no list that is read
	CurrencyDiffers    = "currency differs"     // the costs cannot be compared
	Rounding           = "rounding"             // less than the currency's smallest unit, on the same records
	UnknownCause       = "unknown"
)

// UsageFigures are what one side says of a day.
type UsageFigures struct {
	Records  int64           `json:"records"`
	Quantity decimal.Decimal `json:"quantity"` // in the category's unit
	Cost     decimal.Decimal `json:"cost"`     // positive
}

// NeedsPerson reports whether someone has to look: a difference above the
// tolerance, or a subaccount that could not be compared, or only with old
// figures. A month that was not reconciled needs nobody.
func (r *Reconciliation) NeedsPerson() bool {
	return r != nil && (r.Above() > 0 || len(r.NotPulled) > 0 || len(r.Stale) > 0)
}

// Whole reports whether every subaccount and day of the period was compared, with
// figures that are not stale.
func (r *Reconciliation) Whole() bool {
	return len(r.NotPulled) == 0 && len(r.Stale) == 0 && !r.Cut()
}

// Cut reports whether days at the end of the period were not compared.
func (r *Reconciliation) Cut() bool { return !r.Until.IsZero() && r.Until.Before(r.Period.To) }

// Above counts the differences that are above the tolerance.
func (r *Reconciliation) Above() int {
	n := 0
	for _, d := range r.Differences {
		if d.Above {
			n++
		}
	}
	return n
}

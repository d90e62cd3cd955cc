package billing

import (
	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Reconciliation is the usage in the warehouse against Twilio's own Usage
// Records, for the UTC days of a month.
type Reconciliation struct {
	Period      Days              `json:"period"`      // UTC days, half-open
	Currency    string            `json:"currency"`    // of the costs
	Compared    int               `json:"compared"`    // subaccounts x categories x days that either side has
	Ours        decimal.Decimal   `json:"ours"`        // cost, of all that was compared
	Twilio      decimal.Decimal   `json:"twilio"`      // cost
	Tolerance   decimal.Decimal   `json:"tolerance"`   // of cost, for each difference
	Differences []UsageDifference `json:"differences"` // ordered by subaccount, category and day
}

// UsageDifference is a subaccount's category on a day of which Twilio has
// other figures.
type UsageDifference struct {
	Account  Account      `json:"account"`
	Category string       `json:"category"` // Twilio's, such as calls or sms
	Day      pricing.Date `json:"day"`      // UTC
	Ours     UsageFigures `json:"ours"`
	Twilio   UsageFigures `json:"twilio"`
	Cause    string       `json:"cause"` // the likely one
	Above    bool         `json:"above"` // the tolerance
}

// UsageFigures are what one side says of a day.
type UsageFigures struct {
	Records  int64           `json:"records"`
	Quantity decimal.Decimal `json:"quantity"` // in the category's unit
	Cost     decimal.Decimal `json:"cost"`     // positive
}

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

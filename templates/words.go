package templates

import (
	"reflect"
	"regexp"

	"github.com/shopspring/decimal"

	"subtally/pricing"
)

// Words are what is printed in one language, as in a file of labels/.
type Words struct {
	Labels     Labels                      `yaml:"labels"`
	Months     []string                    `yaml:"months"` // from January, as they stand without a day
	Categories map[pricing.Category]string `yaml:"categories"`
	Kinds      map[pricing.Kind]string     `yaml:"kinds"`
	Units      map[pricing.Unit]UnitName   `yaml:"units"` // also Minute and Hour
	Statuses   map[string]string           `yaml:"statuses"`
}

// Units that only documents count in: usage is stored in seconds.
const (
	Minute pricing.Unit = "minute"
	Hour   pricing.Unit = "hour"
	// LateDay is a day after the words of overdue_by, where German has another case.
	LateDay pricing.Unit = "late_day"
)

// UnitName is how a unit is written after a count, by CLDR's category of
// plurals: one, few, many, other. A category that is left out is as other.
type UnitName map[string]string

// Labels are the words printed; {words in braces} are filled in by [Fill].
type Labels struct {
	Invoice      string `yaml:"invoice"`
	DraftInvoice string `yaml:"draft_invoice"`
	DraftMark    string `yaml:"draft_mark"`
	CreditNote   string `yaml:"credit_note"`
	FinalInvoice string `yaml:"final_invoice"`
	Revision     string `yaml:"revision"`
	TakesBack    string `yaml:"takes_back"`
	Replaces     string `yaml:"replaces"`
	ReasonIs     string `yaml:"reason_is"`
	BilledTo     string `yaml:"billed_to"`
	TaxID        string `yaml:"tax_id"`
	IssueDate    string `yaml:"issue_date"`
	DueDate      string `yaml:"due_date"`
	Month        string `yaml:"month"`
	Period       string `yaml:"period"`
	PeriodRange  string `yaml:"period_range"`
	Plan         string `yaml:"plan"`
	Tenant       string `yaml:"tenant"`
	Subaccounts  string `yaml:"subaccounts"`
	More         string `yaml:"more"`
	TotalDue     string `yaml:"total_due"`
	TotalCredit  string `yaml:"total_credit"`

	Summary     string `yaml:"summary"`
	Category    string `yaml:"category"`
	Records     string `yaml:"records"`
	Amount      string `yaml:"amount"`
	Net         string `yaml:"net"`
	DailyUsage  string `yaml:"daily_usage"`
	CallMinutes string `yaml:"call_minutes"`
	Messages    string `yaml:"messages"`
	Maximum     string `yaml:"maximum"`
	NoUsage     string `yaml:"no_usage"`

	Share        string `yaml:"share"`
	ShareLeftOut string `yaml:"share_left_out"`
	LessThan     string `yaml:"less_than"`

	Details          string `yaml:"details"`
	Description      string `yaml:"description"`
	Item             string `yaml:"item"`
	TaxCode          string `yaml:"tax_code"`
	Quantity         string `yaml:"quantity"`
	UnitPrice        string `yaml:"unit_price"`
	PricePer         string `yaml:"price_per"`
	Subtotal         string `yaml:"subtotal"`
	Continued        string `yaml:"continued"`
	Adjustments      string `yaml:"adjustments"`
	AdjustmentOf     string `yaml:"adjustment_of"`
	NoLines          string `yaml:"no_lines"`
	TaxLine          string `yaml:"tax_line"`
	TaxContained     string `yaml:"tax_contained"`
	WithTaxes        string `yaml:"with_taxes"`
	DayRange         string `yaml:"day_range"`
	Total            string `yaml:"total"`
	Payment          string `yaml:"payment"`
	PaymentTerms     string `yaml:"payment_terms"`
	PaymentOnReceipt string `yaml:"payment_on_receipt"`
	NothingToPay     string `yaml:"nothing_to_pay"`
	InYourFavour     string `yaml:"in_your_favour"`
	Credited         string `yaml:"credited"`
	Page             string `yaml:"page"`

	Annex           string `yaml:"annex"`
	AnnexNote       string `yaml:"annex_note"`
	AnnexBilled     string `yaml:"annex_billed"`
	AnnexNotCharged string `yaml:"annex_not_charged"`
	AnnexMasked     string `yaml:"annex_masked"`
	AnnexTooLong    string `yaml:"annex_too_long"`
	AnnexTotal      string `yaml:"annex_total"`
	Time            string `yaml:"time"`
	Usage           string `yaml:"usage"`
	Incoming        string `yaml:"incoming"`
	Outgoing        string `yaml:"outgoing"`
	From            string `yaml:"from"`
	To              string `yaml:"to"`
	Destination     string `yaml:"destination"`

	Statement       string `yaml:"statement"`
	StatementDate   string `yaml:"statement_date"`
	StatementPeriod string `yaml:"statement_period"`
	MainAccount     string `yaml:"main_account"`
	Totals          string `yaml:"totals"`
	Currency        string `yaml:"currency"`
	Tenants         string `yaml:"tenants"`
	Number          string `yaml:"number"`
	Status          string `yaml:"status"`
	Cost            string `yaml:"cost"`
	Revenue         string `yaml:"revenue"`
	Tax             string `yaml:"tax"`
	Gross           string `yaml:"gross"`
	Margin          string `yaml:"margin"`
	MarginPercent   string `yaml:"margin_percent"`
	NoValue         string `yaml:"no_value"`
	Unassigned      string `yaml:"unassigned"`
	Account         string `yaml:"account"`
	Unrated         string `yaml:"unrated"`
	OtherCosts      string `yaml:"other_costs"`
	Kind            string `yaml:"kind"`
	Reason          string `yaml:"reason"`
	None            string `yaml:"none"`

	Attention          string `yaml:"attention"`
	ParkedCount        string `yaml:"parked_count"`
	DraftCount         string `yaml:"draft_count"`
	OverdueCount       string `yaml:"overdue_count"`
	UnratedCount       string `yaml:"unrated_count"`
	UnassignedCount    string `yaml:"unassigned_count"`
	AboveCount         string `yaml:"above_count"`
	CheckFailed        string `yaml:"check_failed"`
	OtherCurrency      string `yaml:"other_currency"`
	Nothing            string `yaml:"nothing"`
	Margins            string `yaml:"margins"`
	Others             string `yaml:"others"`
	OthersCut          string `yaml:"others_cut"`
	MarginsDescription string `yaml:"margins_description"`
	MarginsElsewhere   string `yaml:"margins_elsewhere"`
	Corrects           string `yaml:"corrects"`
	OverdueBy          string `yaml:"overdue_by"`
	Categories         string `yaml:"categories"`
	ContainedTaxes     string `yaml:"contained_taxes"`
	Leakage            string `yaml:"leakage"`
	LeakageNote        string `yaml:"leakage_note"`
	Cause              string `yaml:"cause"`
	OwnUse             string `yaml:"own_use"`
	NotCharged         string `yaml:"not_charged"`
	NotChargedTitle    string `yaml:"not_charged_title"`
	Vanished           string `yaml:"vanished"`
	Check              string `yaml:"check"`
	CheckTenants       string `yaml:"check_tenants"`
	CheckOutside       string `yaml:"check_outside"`
	CheckElsewhere     string `yaml:"check_elsewhere"`
	CheckSum           string `yaml:"check_sum"`
	CheckAll           string `yaml:"check_all"`
	CheckDifference    string `yaml:"check_difference"`
	Reconciliation     string `yaml:"reconciliation"`
	NotReconciled      string `yaml:"not_reconciled"`
	NoDifferences      string `yaml:"no_differences"`
	Compared           string `yaml:"compared"`
	Differences        string `yaml:"differences"`
	Above              string `yaml:"above"`
	Tolerance          string `yaml:"tolerance"`
	Ours               string `yaml:"ours"`
	Twilio             string `yaml:"twilio"`
	Difference         string `yaml:"difference"`
	Largest            string `yaml:"largest"`
	DayUTC             string `yaml:"day_utc"`
	RecordsOurs        string `yaml:"records_ours"`
	RecordsTwilio      string `yaml:"records_twilio"`
	LikelyCause        string `yaml:"likely_cause"`

	NotCompared         string `yaml:"not_compared"`
	NotComparedCount    string `yaml:"not_compared_count"`
	NoUsageRecords      string `yaml:"no_usage_records"`
	FiguresOf           string `yaml:"figures_of"`
	DaysFrom            string `yaml:"days_from"`
	NoDifferencesInPart string `yaml:"no_differences_in_part"`
	CreditedUse         string `yaml:"credited_use"`
	// Why an earlier invoice is adjusted.
	AdjustedLate          string `yaml:"adjusted_late"`
	AdjustedChanged       string `yaml:"adjusted_changed"`
	AdjustedLateOrChanged string `yaml:"adjusted_late_or_changed"`
	AdjustedFollows       string `yaml:"adjusted_follows"`
	AdjustedInvoiced      string `yaml:"adjusted_invoiced"`
}

// all are the labels by their keys.
func (l *Labels) all() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i).String()
	}
	return out
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// Unit is the unit as written after a count.
func (l *Layout) Unit(u pricing.Unit, n decimal.Decimal) string {
	name, ok := l.Units[u]
	if !ok {
		return string(u)
	}
	if form, ok := name[l.Locale.Plural(n)]; ok {
		return form
	}
	return name["other"]
}

package billing

import (
	"subtally/pricing"

	"github.com/shopspring/decimal"
)

// DocumentSchema names the shape of [Document]'s JSON; it changes when a
// field changes its meaning.
const DocumentSchema = "subtally.invoice/1"

// Document is everything an invoice says. Its PDF and CSV are functions of
// the document alone, so that regenerating them gives the same bytes. It is the
// tenant's to see, and holds no wholesale cost but what lines of cost_plus and
// percentage were made from.
type Document struct {
	Schema    string          `json:"schema"`
	Kind      DocumentKind    `json:"kind"`
	Number    string          `json:"number"`     // empty on a draft
	Revision  int             `json:"revision"`   // 1 for the first invoice of a tenant's period
	IssueDate pricing.Date    `json:"issue_date"` // the billing date of the run that finalized it
	DueDate   pricing.Date    `json:"due_date"`
	SellerID  string          `json:"seller_id,omitempty"` // of one of the sellers that are configured beside the default one
	Seller    Party           `json:"seller"`
	Tenant    string          `json:"tenant"` // the tenant's id
	Buyer     Party           `json:"buyer"`
	Period    Period          `json:"period"`
	Billed    Days            `json:"billed"`   // the part of the period that the tenant is billed for
	Currency  string          `json:"currency"` // ISO 4217
	Plans     []PlanRef       `json:"plans"`    // each for its days, in their order
	Accounts  []Account       `json:"accounts"` // the subaccounts billed, each for its days, ordered by sid
	Lines     []pricing.Line  `json:"lines"`
	Net       decimal.Decimal `json:"net"` // sum of the lines' rounded amounts, less the taxes contained in them
	Taxes     []pricing.Tax   `json:"taxes"`
	Total     decimal.Decimal `json:"total"` // Net plus the taxes' amounts
	Daily     []Day           `json:"daily"` // one per day of the period, in order
	Payment   Payment         `json:"payment"`
	Usage     Watermark       `json:"usage"`

	Final       bool         `json:"final,omitempty"`        // the tenant's last: its subaccounts are closed
	Corrects    *Correction  `json:"corrects,omitempty"`     // of a credit note, and of a revision
	Adjustments []Adjustment `json:"adjustments,omitempty"`  // of invoices before this one, with lines that name them
	Locale      string       `json:"locale"`                 // BCP 47, such as de-AT: language, and form of numbers and dates
	MaskNumbers bool         `json:"mask_numbers,omitempty"` // telephone numbers are printed without their middle digits
	Layout      Layout       `json:"layout"`
	Annex       *Annex       `json:"annex,omitempty"` // where the tenant's invoices are itemized

	// What prices the invoice besides plans and usage.
	Ended   []PlanRef              `json:"ended_plans,omitempty"`    // without a day any more: they give back what they billed in advance
	Rates   []pricing.ExchangeRate `json:"exchange_rates,omitempty"` // by which costs were converted
	Began   pricing.Date           `json:"began,omitzero"`           // the tenant's first day, where it is known
	Credits []pricing.Credit       `json:"credits,omitempty"`        // the tenant's own
	Next    *Upcoming              `json:"next,omitempty"`           // what fees in advance are for; nil where the tenant ends with the period
	Opening pricing.Carried        `json:"opening,omitzero"`         // what the invoice before left
	Closing pricing.Carried        `json:"closing,omitzero"`         // what this one leaves to the next
}

// DocumentKind says what a document is.
type DocumentKind string

// The kinds of documents in the register.
const (
	Invoice    DocumentKind = "invoice"
	CreditNote DocumentKind = "credit_note" // takes back one invoice, whole: its lines with their quantities negated
)

// Correction is the invoice that a credit note takes back, or that a revision
// stands for after that.
type Correction struct {
	Number    string       `json:"number"`
	SHA256    string       `json:"sha256"` // of the register's entry
	IssueDate pricing.Date `json:"issue_date"`
	Reason    string       `json:"reason"` // printed
}

// Adjustment says that usage of an invoiced period came or changed after its
// invoice, or after the last adjustment of it: what the period comes to today,
// less what has been invoiced for it. The lines with its number in Adjusts are
// that difference; there are none where the amounts are the same.
type Adjustment struct {
	Number  string           `json:"number"` // of the period's invoice
	Period  Days             `json:"period"`
	Reason  AdjustmentReason `json:"reason"`
	On      string           `json:"on,omitempty"` // of [AlreadyInvoiced]: the invoice that has it
	Records int64            `json:"records"`      // usage records more than were invoiced before; negative for fewer
	Usage   Watermark        `json:"usage"`        // that the adjustment was made from
	Changes []Change         `json:"changes,omitempty"`
	// What the period began with, and what it leaves, as it is priced today.
	Opening pricing.Carried `json:"opening,omitzero"`
	Closing pricing.Carried `json:"closing,omitzero"`
}

// AdjustmentReason is why a period comes to something else: one of those below,
// or a text to be printed as it is.
type AdjustmentReason string

// The reasons. A watermark tells that the usage records are the same ones, or
// that there were none; else late ones and changed ones cannot be told apart.
const (
	UsageLate          AdjustmentReason = "late"
	UsageChanged       AdjustmentReason = "changed"
	UsageLateOrChanged AdjustmentReason = "late_or_changed"
	FollowsAdjustment  AdjustmentReason = "follows" // from what an earlier period leaves now
	AlreadyInvoiced    AdjustmentReason = "already_invoiced"
)

// Change is by how much an adjusted period differs in lines of one kind from what
// has been invoiced for it.
type Change struct {
	LineKey
	Records  int64           `json:"records"`
	Quantity decimal.Decimal `json:"quantity"` // in Unit
	Amount   decimal.Decimal `json:"amount"`   // of amounts that are rounded each
}

// LineKey is what invoice lines have to have in common to be compared.
type LineKey struct {
	Charge      string       `json:"charge"`
	Kind        pricing.Kind `json:"kind"`
	Description string       `json:"description"`
	Item        string       `json:"item"`
	TaxCode     string       `json:"tax_code,omitempty"`
	Unit        pricing.Unit `json:"unit"`
}

// Layout identifies what a document is drawn with: the version of the drawing,
// and the layout's files by the SHA-256, in hex, under which they are stored.
type Layout struct {
	Version int    `json:"version"`
	SHA256  string `json:"sha256"`
}

// Annex identifies the list of usage records that is printed behind an invoice,
// by the SHA-256, in hex, under which it is stored. Where an invoice has more
// usage records than [AnnexLimit] there is no list and no hash. On a draft both are
// filled in by [Biller.Itemize].
type Annex struct {
	Records int64  `json:"records"` // listed, or too many to be
	SHA256  string `json:"sha256"`
}

// Upcoming is what is known of the period after an invoice's own.
type Upcoming struct {
	From     pricing.Date `json:"from"`
	To       pricing.Date `json:"to"`
	Billed   Days         `json:"billed"`
	Plans    []PlanRef    `json:"plans"`
	Accounts []Account    `json:"accounts"`
}

// Party is a seller or a buyer as printed on an invoice.
type Party struct {
	Name    string   `json:"name" yaml:"name"`
	Address []string `json:"address,omitempty" yaml:"address,omitempty"` // printed line by line
	TaxID   string   `json:"tax_id,omitempty" yaml:"tax_id,omitempty"`   // such as a VAT identification number
	Email   string   `json:"email,omitempty" yaml:"email,omitempty"`
	Phone   string   `json:"phone,omitempty" yaml:"phone,omitempty"`
	Website string   `json:"website,omitempty" yaml:"website,omitempty"`
}

// Account is a subaccount or the main account. On an invoice it has the days
// that are billed, half-open.
type Account struct {
	SID  string       `json:"sid"`
	Name string       `json:"name"`
	From pricing.Date `json:"from,omitzero"`
	To   pricing.Date `json:"to,omitzero"`
	// Since is the first day that it is the tenant's, in this period or before;
	// no date where that is not known.
	Since pricing.Date `json:"since,omitzero"`
}

// Days is a half-open run of calendar days, [From, To).
type Days struct {
	From pricing.Date `json:"from"`
	To   pricing.Date `json:"to"`
}

// PlanRef names a plan that priced an invoice, and the days that it was in
// force on; the digest is the SHA-256, in hex, of the plan and its rate decks, and
// what they are stored under once the invoice is finalized. See [pricing.EncodePlan].
type PlanRef struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"` // empty where nothing is priced yet
	Days
}

// Day is the usage of one day in the tenant's time zone, for the chart.
type Day struct {
	Date     pricing.Date `json:"date"`
	Seconds  int64        `json:"seconds"`  // connected seconds of calls
	Messages int64        `json:"messages"` // messages of every kind
}

// Payment says how and until when to pay.
type Payment struct {
	TermsDays    int      `json:"terms_days"`
	Instructions []string `json:"instructions,omitempty"` // printed line by line, such as bank details
}

// Watermark identifies the usage that an invoice was made from.
type Watermark struct {
	Records int64  `json:"records"`  // usage records in the period, charged or not
	SIDHash string `json:"sid_hash"` // sum of the 64-bit hashes of their sids, in hex
	Content string `json:"content"`  // sum of the 64-bit hashes of all of them that prices them, in hex
}

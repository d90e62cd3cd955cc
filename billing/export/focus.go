package export

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// FocusTable is the table of [Focus]: the names and values of FOCUS 1.2, the
// FinOps Open Cost and Usage Specification, https://focus.finops.org. Own columns
// begin with x_, as it asks for.
var FocusTable = Table{Name: "focus", Version: 1,
	Rows: "A line or a tax of an invoice, a credit note or a draft, after FOCUS 1.2 (FinOps Open Cost and Usage Specification). Over the rows of a document BilledCost adds up to its total, taxes included. There is one price for everyone, so that ListCost and ContractedCost are the amount before rounding.",
	Columns: []Column{
		{"BilledCost", amount, "the line's amount without taxes contained in it, or the tax"},
		{"EffectiveCost", amount, "BilledCost: nothing is amortized"},
		{"ListCost", exact, "ListUnitPrice x PricingQuantity; BilledCost where there is no unit price"},
		{"ContractedCost", exact, "ListCost"},
		{"BillingAccountId", text, "the tenant's id"},
		{"BillingAccountName", text, "the buyer's name"},
		{"BillingCurrency", text, "ISO 4217"},
		{"BillingPeriodStart", instant, "of the tenant's month, UTC"},
		{"BillingPeriodEnd", instant, "the first instant after it"},
		{"ChargePeriodStart", instant, "of what the line is for, UTC"},
		{"ChargePeriodEnd", instant, "the first instant after it"},
		{"ChargeCategory", text, "Usage, Purchase (fees), Tax, Credit, or Adjustment (minimums, maximums, discounts, surcharges)"},
		{"ChargeClass", text, "Correction for an adjustment of an earlier month, a credit note and the invoice that stands for what it took back; otherwise empty"},
		{"ChargeDescription", text, "as printed"},
		{"InvoiceId", text, "number; empty for a draft"},
		{"InvoiceIssuerName", text, "the seller's name"},
		{"ProviderName", text, "the seller's name"},
		{"PublisherName", text, "Twilio"},
		{"ServiceCategory", text, "Other: FOCUS has no category for telephony"},
		{"ServiceName", text, "Calls, Messages, Recordings, Transcriptions, Numbers, Other, Fees, Adjustments, Surcharges, Credits or Tax"},
		{"SubAccountId", text, "sid of the subaccount where the document bills only one"},
		{"SubAccountName", text, "its name"},
		{"SkuId", text, "id of the charge in the plan"},
		{"SkuMeter", text, "what is measured, such as Call; empty for fees"},
		{"PricingQuantity", quantity, "billed units, negative where the amount is; empty for a tax"},
		{"PricingUnit", text, "Seconds, Segments, Messages, Days, Months and so on; the currency's code where a sum of money is priced, such as for a percentage of the cost; empty for a tax"},
		{"ConsumedQuantity", quantity, "of usage that is no correction: the billed units, or the usage records where it is money or nothing that is priced"},
		{"ConsumedUnit", text, "of ConsumedQuantity; Records for usage records"},
		{"ListUnitPrice", exact, "for one PricingUnit, never negative; where it never ends, rounded to 24 decimals: x_UnitPrice and x_UnitPricePer are exact. Where the price contains a tax, BilledCost / PricingQuantity. Empty for a tax"},
		{"ContractedUnitPrice", exact, "ListUnitPrice"},
		{"x_UnitPrice", price, "as the plan has it, for x_UnitPricePer units, with a tax that it contains; never negative; empty for a tax"},
		{"x_UnitPricePer", integer, "such as 60 for a price per minute over seconds"},
		{"x_Line", integer, "of the document, counted from 1; taxes follow the lines"},
		{"x_Records", integer, "usage records behind the line"},
		{"x_Item", text, "what the line is about within the charge, such as a destination"},
		{"x_Document", text, "invoice or credit_note"},
		{"x_Status", text, "such as finalized, draft or parked"},
		{"x_Adjusts", text, "number of the invoice that the line is an adjustment of"},
		{"x_TaxCode", text, "the charge's"},
		{"x_TaxRate", percent, "percent, of a tax"},
		{"x_Period", text, "the tenant's month, such as 2026-10"},
	},
}

// focusService are the names of services, by the category of the line.
var focusService = map[pricing.Category]string{
	pricing.Calls: "Calls", pricing.Messages: "Messages", pricing.Recordings: "Recordings", pricing.Transcriptions: "Transcriptions",
	pricing.Numbers: "Numbers", pricing.Others: "Other", pricing.Fees: "Fees", pricing.Adjustments: "Adjustments",
	pricing.Surcharges: "Surcharges", pricing.CreditsUsed: "Credits",
}

// focusUnits are units in FOCUS's unit format: in the plural, with a capital.
var focusUnits = map[pricing.Unit]string{
	pricing.Second: "Seconds", pricing.Segment: "Segments", pricing.Message: "Messages", pricing.Day: "Days", pricing.PerCall: "Calls",
	pricing.Minute: "Minutes", pricing.Block: "Blocks", pricing.Month: "Months", pricing.PerUnitOfOther: "Units", pricing.PerNumber: "Numbers",
	pricing.PerSubaccount: "Subaccounts", pricing.PerLine: "Lines", pricing.PerRecord: "Records", pricing.PerOnce: "Fees",
}

// focusUnit is the PricingUnit of a line: the code of a currency where the quantity
// is money.
func focusUnit(l *pricing.Line) string {
	if l.Unit == "" {
		return focusUnits[pricing.PerUnitOfOther]
	}
	return cmp.Or(focusUnits[l.Unit], string(l.Unit))
}

// focusMeters are what is measured, by kind of usage.
var focusMeters = map[pricing.Kind]string{
	pricing.Call: "Call", pricing.SMS: "SMS", pricing.MMS: "MMS", pricing.WhatsApp: "WhatsApp", pricing.Recording: "Recording",
	pricing.Transcription: "Transcription", pricing.Number: "Phone Number", pricing.Other: "Other",
}

// focusCategory is the ChargeCategory of a line.
func focusCategory(l *pricing.Line) string {
	switch l.Category {
	case pricing.Fees:
		return "Purchase"
	case pricing.Adjustments, pricing.Surcharges:
		return "Adjustment"
	case pricing.CreditsUsed:
		return "Credit"
	}
	return "Usage"
}

// focusDocument is what the rows of a document share.
type focusDocument struct {
	Invoice
	loc            *time.Location
	from, to       time.Time // of the period
	first, last    time.Time // of the days that are billed
	account        billing.Account
	places         int32
	line           int64
	containedTaxes bool
}

// Focus writes a row per line and tax of each document.
func Focus(w io.Writer, f Format, list []Invoice) error {
	out, err := newWriter(w, f, &FocusTable)
	if err != nil {
		return err
	}
	for _, doc := range list {
		if err := focusRows(out, doc); err != nil {
			return fmt.Errorf("document %q of tenant %s: %w", doc.Number, doc.Tenant, err)
		}
	}
	return out.Close()
}

func focusRows(out *writer, invoice Invoice) error {
	doc := focusDocument{Invoice: invoice, places: pricing.MinorUnits(invoice.Currency)}
	if _, err := taxSum(doc.Document); err != nil {
		return err
	}
	nets, err := doc.LineNets()
	if err != nil {
		return err
	}
	if doc.from, doc.to, err = doc.Period.Bounds(); err != nil {
		return err
	}
	if doc.loc, err = time.LoadLocation(doc.Period.TimeZone); err != nil {
		return err
	}
	doc.first, doc.last = doc.from, doc.to
	if doc.Billed.From.Before(doc.Billed.To) {
		if doc.Billed.From != doc.Period.From {
			doc.first = doc.Billed.From.Start(doc.loc)
		}
		doc.last = doc.Billed.To.Start(doc.loc)
	}
	if len(doc.Accounts) == 1 {
		doc.account = doc.Accounts[0]
	}
	for _, t := range doc.Taxes {
		doc.containedTaxes = doc.containedTaxes || t.Inclusive
	}
	for i := range doc.Lines {
		if err := doc.writeLine(out, &doc.Lines[i], nets[i]); err != nil {
			return err
		}
	}
	for i := range doc.Taxes {
		if err := doc.writeTax(out, &doc.Taxes[i]); err != nil {
			return err
		}
	}
	return nil
}

// bill writes the columns up to ChargePeriodEnd.
func (doc *focusDocument) bill(out *writer, billed, list decimal.Decimal, first, last time.Time) {
	out.fixed(billed, doc.places)
	out.fixed(billed, doc.places)
	out.decimal(list)
	out.decimal(list)
	out.texts(doc.Tenant, doc.Buyer.Name, doc.Currency)
	for _, t := range []time.Time{doc.from, doc.to, first, last} {
		out.time(t)
	}
}

// issued writes the columns from InvoiceId to SubAccountName.
func (doc *focusDocument) issued(out *writer, service string) {
	out.texts(doc.Number, doc.Seller.Name, doc.Seller.Name, "Twilio", "Other", service, doc.account.SID, doc.account.Name)
}

func (doc *focusDocument) writeLine(out *writer, l *pricing.Line, net decimal.Decimal) error {
	first, last := doc.first, doc.last
	if !l.From.IsZero() {
		first = l.From.Start(doc.loc)
	}
	if !l.To.IsZero() {
		last = l.To.Start(doc.loc)
	}
	category, class := focusCategory(l), ""
	if l.Adjusts != "" || doc.Corrects != nil {
		class = "Correction"
	}
	list := l.Exact()
	if doc.containedTaxes {
		list = net
	}
	doc.bill(out, net, list, first, last)
	out.texts(category, class, l.Description)
	doc.issued(out, focusService[l.Category])
	out.texts(l.Charge, focusMeters[l.Kind])
	// A unit price is never negative: what is taken off is a negative quantity.
	quantity, price := l.Quantity, l.UnitPrice
	if price.IsNegative() {
		quantity, price = quantity.Neg(), price.Neg()
	}
	unit := focusUnit(l)
	out.decimal(quantity)
	out.text(unit)
	switch {
	case category != "Usage" || class != "":
		out.none()
		out.none()
	case l.Quantity.IsPositive() && focusUnits[l.Unit] != "":
		out.decimal(l.Quantity)
		out.text(unit)
	case l.Records > 0: // FOCUS wants a quantity above zero, and money is not consumed
		out.decimal(decimal.NewFromInt(l.Records))
		out.text(focusUnits[pricing.PerRecord])
	default:
		out.none()
		out.none()
	}
	one := price.DivRound(decimal.NewFromInt(l.Per), exact.scale)
	if doc.containedTaxes && !quantity.IsZero() {
		one = net.DivRound(quantity, exact.scale)
	}
	out.decimal(one)
	out.decimal(one)
	out.decimal(price)
	out.integer(l.Per)
	doc.line++
	out.integer(doc.line)
	out.integer(l.Records)
	out.texts(l.Item, string(doc.Kind), doc.Status, l.Adjusts, l.TaxCode)
	out.none()
	out.text(doc.Period.Label())
	return out.end("line", l.Description, "of tenant", doc.Tenant)
}

func (doc *focusDocument) writeTax(out *writer, t *pricing.Tax) error {
	class := ""
	if doc.Corrects != nil {
		class = "Correction"
	}
	doc.bill(out, t.Amount, t.Amount, doc.first, doc.last)
	out.texts("Tax", class, fmt.Sprintf("%s %s %%", t.Name, t.Rate))
	doc.issued(out, "Tax")
	for range 10 { // from SkuId to x_UnitPricePer
		out.none()
	}
	doc.line++
	out.integer(doc.line)
	out.integer(0)
	out.texts("", string(doc.Kind), doc.Status, "", "")
	out.decimal(t.Rate)
	out.text(doc.Period.Label())
	return out.end("tax", t.Name, "of tenant", doc.Tenant)
}

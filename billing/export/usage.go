package export

import (
	"io"

	"subtally/billing"
	"subtally/pricing"
)

// UsageTable is the table of [Usage].
var UsageTable = Table{Name: "usage", Version: 1,
	Rows: "A usage record of a tenant's month, each once. Over the records of a tenant, amount adds up to the exact_amount of its lines that are neither fees, adjustments, surcharges nor credits, to the last digit. Records of an invoice that a credit note took back are listed with the invoice that stands for it.",
	Columns: []Column{
		{"period", text, "the month that the record is billed in, such as 2026-10, in the tenant's time zone"},
		{"tenant", text, "the tenant's id"},
		{"invoice", text, "number of the invoice; empty for a draft"},
		{"account", text, "sid of the subaccount"},
		{"kind", text, "call, sms, mms, whatsapp, recording, transcription or number"},
		{"sid", text, "the record's sid"},
		{"category", text, "of kind other: what is counted"},
		{"parent_sid", text, "sid of the call that a call leg, recording or transcription belongs to"},
		{"started_at", instant, "when it began"},
		{"direction", text, "as Twilio words it, such as outbound-api"},
		{"status", text, "as Twilio words it, such as completed"},
		{"from", text, "the sender's or caller's number or address"},
		{"to", text, "the receiver's"},
		{"quantity", quantity, "how much was used, in unit"},
		{"unit", text, "second, segment, message, day or unit"},
		{"outcome", text, "rated, not charged (Twilio does not charge for it either, or the plan says so) or unrated (it has no rate)"},
		{"charge", text, "id of the plan's charge that priced it"},
		{"item", text, "what it was priced as within the charge, such as a destination"},
		{"billed_quantity", quantity, "what was billed of it, in billed_unit"},
		{"billed_unit", text, "unit of billed_quantity"},
		{"unit_price", price, "in currency, for per units; empty where the price is one of a sum of records"},
		{"per", integer, "how many units unit_price buys"},
		{"amount", exact, "in currency, before rounding and taxes: all that the record was billed; where the price is one of a sum, what the sum's amount grew by"},
		{"currency", text, "of unit_price and amount, ISO 4217"},
		{"cost", cost, "what Twilio charges for it, in cost_currency; empty while it has not said"},
		{"cost_currency", text, "ISO 4217"},
		{"revision", integer, "of the invoice"},
	},
}

// Usage writes priced usage records.
type Usage struct {
	*writer
	doc   *billing.Document // of the record before
	month string            // its period's
}

// NewUsage writes the header.
func NewUsage(w io.Writer, f Format) (*Usage, error) {
	out, err := newWriter(w, f, &UsageTable)
	return &Usage{writer: out}, err
}

// MoreUsage writes records as plain CSV without a header, behind what [NewUsage]
// and others have written.
func MoreUsage(w io.Writer, f Format) *Usage {
	return &Usage{writer: &writer{table: &UsageTable, sink: newCSV(w, f)}}
}

// Concatenates reports whether files of the format can be written in pieces, one
// behind the other.
func (f Format) Concatenates() bool { return !f.Parquet && !f.Compressed }

// outcomes are the words for what pricing made of a record.
var outcomes = [...]string{
	pricing.Rated:      "rated",
	pricing.NotCharged: "not charged",
	pricing.NoRate:     "unrated",
}

// Add writes one record of an invoice. A record on more than one line (a call
// with a connect fee) shows quantity and price of the first, and the amount of
// all. One that counts towards a sum (tiers, packages) has no price of its own:
// its amount is what the sum's amount grew by.
func (u *Usage) Add(doc *billing.Document, item *billing.Item) error {
	if doc != u.doc {
		u.doc, u.month = doc, doc.Period.Label()
	}
	u.texts(u.month, doc.Tenant, doc.Number, item.Account, item.Kind, item.SID, "", item.ParentSID)
	u.time(item.StartedAt)
	u.texts(item.Direction, item.Status, item.From, item.To)
	u.decimal(item.Quantity)
	u.texts(string(pricing.Kind(item.Kind).Unit()), outcomes[item.Outcome], item.Charge)
	if len(item.Parts) > 0 {
		part := &item.Parts[0]
		u.text(part.Item())
		u.decimal(part.Quantity)
		u.text(string(part.Unit()))
		if unitPrice, per, ok := part.Price(); ok {
			u.decimal(unitPrice)
			u.integer(per)
		} else {
			u.none()
			u.none()
		}
	} else {
		for range 5 {
			u.none()
		}
	}
	u.decimal(item.Amount)
	u.text(doc.Currency)
	if item.Cost != nil {
		u.decimal(*item.Cost)
	} else {
		u.none()
	}
	u.text(item.Currency)
	u.integer(int64(doc.Revision))
	return u.end("record", item.SID, "of tenant", doc.Tenant)
}

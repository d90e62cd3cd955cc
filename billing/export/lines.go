package export

import (
	"io"
	"slices"

	"subtally/billing"
	"subtally/pricing"
)

// LinesTable is the table of [Lines].
var LinesTable = Table{Name: "lines", Version: 1,
	Rows: "A line of an invoice, a credit note or a draft. Over the lines of a document, amount adds up to its net and the taxes contained in it; exact_amount + rounding = amount on each line.",
	Columns: []Column{
		{"period", text, "the document's month, such as 2026-10, in the tenant's time zone"},
		{"tenant", text, "the tenant's id"},
		{"invoice", text, "number of the invoice or credit note; empty for a draft"},
		{"status", text, "of the document, such as finalized, draft or parked"},
		{"line", integer, "1 for the document's first"},
		{"charge", text, "id of the charge in the plan, or of the discount, surcharge or credit"},
		{"category", text, "calls, messages, recordings, transcriptions, numbers, other, fees, adjustments, surcharges or credits"},
		{"kind", text, "kind of usage; empty where no usage is behind the line"},
		{"description", text, "as printed"},
		{"item", text, "what the line is about within the charge, such as a destination"},
		{"records", integer, "usage records behind the line; 0 for fees"},
		{"quantity", quantity, "billed units; negated on a credit note"},
		{"unit", text, "of quantity"},
		{"unit_price", price, "in currency, for per units"},
		{"per", integer, "how many units unit_price buys: 60 for a price per minute over seconds"},
		{"exact_amount", exact, "quantity x unit_price / per; where that never ends, rounded 12 decimals past those of the product"},
		{"rounding", exact, "amount - exact_amount"},
		{"amount", amount, "rounded to the currency's minor unit; a tax that is contained in the price is in it"},
		{"currency", text, "ISO 4217"},
		{"document", text, "invoice or credit_note"},
		{"revision", integer, "1 for the first invoice of a tenant's month; a credit note has that of the invoice it takes back"},
		{"corrects", text, "number of the invoice that the document takes back or stands for"},
		{"adjusts", text, "number of the invoice that the line is an adjustment of"},
		{"adjusted_period", text, "its month, such as 2026-09"},
		{"from", date, "first day that the line is for, where that is not the document's own period"},
		{"to", date, "first day that it is no longer for"},
		{"tax_code", text, "the charge's, by which taxes are chosen"},
	},
}

// Lines writes the lines of invoices, in the order given.
type Lines struct{ *writer }

// NewLines writes the header.
func NewLines(w io.Writer, f Format) (*Lines, error) {
	out, err := newWriter(w, f, &LinesTable)
	return &Lines{out}, err
}

// Add writes the lines of one invoice. The status is that of its statement row.
func (l *Lines) Add(doc *billing.Document, status string) error {
	places := pricing.MinorUnits(doc.Currency)
	for i := range doc.Lines {
		line := &doc.Lines[i]
		sum := line.Exact()
		l.texts(doc.Period.Label(), doc.Tenant, doc.Number, status)
		l.integer(int64(i + 1))
		l.texts(line.Charge, string(line.Category), string(line.Kind), doc.Printed(line.Description), doc.Printed(line.Item))
		l.integer(line.Records)
		l.decimal(line.Quantity)
		l.text(string(line.Unit))
		l.decimal(line.UnitPrice)
		l.integer(line.Per)
		l.decimal(sum)
		l.decimal(line.Amount.Sub(sum))
		l.fixed(line.Amount, places)
		l.texts(doc.Currency, string(doc.Kind))
		l.integer(int64(doc.Revision))
		l.texts(corrected(doc), line.Adjusts, adjustedPeriod(doc, line))
		l.day(line.From)
		l.day(line.To)
		l.text(line.TaxCode)
		if err := l.end("line", line.Description, "of tenant", doc.Tenant); err != nil {
			return err
		}
	}
	return nil
}

// corrected is the number of the invoice that a document takes back or stands
// for; empty for none.
func corrected(doc *billing.Document) string {
	if doc.Corrects == nil {
		return ""
	}
	return doc.Corrects.Number
}

// adjustedPeriod is the month of the invoice that a line is an adjustment of;
// empty where it is of none.
func adjustedPeriod(doc *billing.Document, line *pricing.Line) string {
	i := slices.IndexFunc(doc.Adjustments, func(a billing.Adjustment) bool { return a.Number == line.Adjusts })
	if i < 0 {
		return ""
	}
	return doc.Adjustments[i].Period.From.String()[:len("2026-10")]
}

package export

import (
	"fmt"
	"io"
	"strconv"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// JournalTable is the table of [Journal].
var JournalTable = Table{Name: "journal", Version: 1,
	Rows: "One side of a booking. Over each document, and over all rows of a currency, debits and credits add up to the same. Finalized invoices and credit notes are booked on the day they were issued; payments, where there is an account for them, in the month that they arrived in, on their day; what Twilio charges, where accounts for it are configured, on the last day of the month.",
	Columns: []Column{
		{"date", date, "of the booking"},
		{"document", text, "number of the invoice or credit note, or of the invoice that was paid; of Twilio's costs, COST- and the month"},
		{"line", integer, "1 for the document's first"},
		{"account", text, "code, from journal in the configuration"},
		{"description", text, "the buyer, the category of revenue, the tax and its rate, or the payment's reference"},
		{"debit", amount, "in currency; 0 on the credit side"},
		{"credit", amount, "in currency; 0 on the debit side"},
		{"currency", text, "ISO 4217"},
		{"tenant", text, "the tenant's id; empty for costs of no tenant"},
		{"category", text, "of revenue: calls, messages and so on"},
		{"tax_code", text, "of revenue: the charges' tax code"},
		{"entry", text, "invoice, credit_note, payment or cost"},
		{"period", text, "the month exported, such as 2026-10"},
	},
}

// Journal writes bookings of a month such as 2026-10, which must balance in each
// currency.
func Journal(w io.Writer, f Format, month string, lines []billing.JournalLine) error {
	open := map[string]decimal.Decimal{} // debits less credits, by currency
	for _, l := range lines {
		open[l.Currency] = open[l.Currency].Add(l.Debit).Sub(l.Credit)
	}
	for _, l := range lines {
		if off := open[l.Currency]; !off.IsZero() {
			return fmt.Errorf("export journal: debits less credits are %s %s, not 0: nothing was written", off, l.Currency)
		}
	}
	out, err := newWriter(w, f, &JournalTable)
	if err != nil {
		return err
	}
	number := 0
	for i, l := range lines {
		if number++; i > 0 && lines[i-1].Document != l.Document {
			number = 1
		}
		places := pricing.MinorUnits(l.Currency)
		out.date(l.Date)
		out.text(l.Document)
		out.integer(int64(number))
		out.texts(l.Account, l.Description)
		out.fixed(l.Debit, places)
		out.fixed(l.Credit, places)
		out.texts(l.Currency, l.Tenant, string(l.Category), l.TaxCode, l.Entry, month)
		if err := out.end("line", strconv.Itoa(number), "of", l.Document); err != nil {
			return err
		}
	}
	return out.Close()
}

package export

import (
	"fmt"
	"io"
	"strings"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// InvoicesTable is the table of [Invoices].
var InvoicesTable = Table{Name: "invoices", Version: 1,
	Rows: "An invoice, a credit note or a draft. On each, net + tax = total. A credit note has what it takes back, negated, so that the sums over all documents are what was billed.",
	Columns: []Column{
		{"period", text, "the month, such as 2026-10, in the tenant's time zone"},
		{"tenant", text, "the tenant's id"},
		{"name", text, "the buyer's name, as printed"},
		{"tax_id", text, "the buyer's, such as a VAT identification number"},
		{"document", text, "invoice or credit_note"},
		{"number", text, "empty for a draft"},
		{"revision", integer, "1 for the first invoice of a tenant's month; a credit note has that of the invoice it takes back"},
		{"corrects", text, "number of the invoice that the document takes back or stands for"},
		{"issue_date", date, "of a draft: the billing date it was made for"},
		{"due_date", date, "when it is to be paid"},
		{"status", text, "finalized, paid, credited (taken back), draft or parked; a credit note is finalized"},
		{"net", amount, "without taxes, in currency"},
		{"tax", amount, "all taxes, those contained in the prices too; the export taxes has each"},
		{"total", amount, "net + tax"},
		{"currency", text, "ISO 4217"},
		{"open", amount, "what is still to be paid of it; negative for what was paid on an invoice that was taken back; empty for a draft"},
		{"plans", text, "names of the plans that priced it, separated by a space"},
		{"locale", text, "BCP 47: what the document is printed in"},
		{"sha256", text, "of the register's entry, in hex; empty for a draft"},
		{"from", date, "first day that is billed"},
		{"to", date, "first day that is no longer billed"},
		{"lines", integer, "how many the document has"},
		{"records", integer, "usage records in the period, charged or not"},
		{"paid", amount, "so far; empty for a draft"},
		{"days_overdue", integer, "days since the due date while anything is open, as of --as-of; otherwise 0"},
	},
}

// TaxesTable is the table of the taxes of [Invoices].
var TaxesTable = Table{Name: "taxes", Version: 1,
	Rows: "A tax of an invoice, a credit note or a draft. Over the taxes of a document, amount adds up to the document's tax.",
	Columns: []Column{
		{"period", text, "the document's month, such as 2026-10, in the tenant's time zone"},
		{"tenant", text, "the tenant's id"},
		{"name", text, "the buyer's name, as printed"},
		{"tax_id", text, "the buyer's"},
		{"document", text, "invoice or credit_note"},
		{"number", text, "of the document; empty for a draft"},
		{"issue_date", date, "of the document"},
		{"status", text, "of the document, such as finalized, draft or parked"},
		{"tax", text, "name of the tax, as printed"},
		{"rate", percent, "percent: 19 means 19 %"},
		{"base", amount, "what it is a percentage of, in currency"},
		{"amount", amount, "in currency"},
		{"currency", text, "ISO 4217"},
		{"inclusive", text, "yes where it is contained in the prices, otherwise no"},
		{"note", text, "printed: the legal ground of an exemption or a reverse charge"},
	},
}

// Invoice is a document with what is known of it besides.
type Invoice struct {
	*billing.Document
	Status      string
	SHA256      string              // of the register's entry, in hex; empty for a draft
	Paid        decimal.NullDecimal // so far, in the document's currency; null for a draft
	Open        decimal.NullDecimal // what is still to be paid; null for a draft
	DaysOverdue int                 // 0 where it is not
}

// taxSum is the sum of a document's taxes. The error is that of a document that
// does not add up.
func taxSum(doc *billing.Document) (sum decimal.Decimal, err error) {
	for _, t := range doc.Taxes {
		sum = sum.Add(t.Amount)
	}
	if !doc.Net.Add(sum).Equal(doc.Total) {
		return sum, fmt.Errorf("document %q of tenant %s does not add up: net %s and taxes %s are not its total %s",
			doc.Number, doc.Tenant, doc.Net, sum, doc.Total)
	}
	return sum, nil
}

// Invoices writes a row per document.
func Invoices(w io.Writer, f Format, list []Invoice) error {
	out, err := newWriter(w, f, &InvoicesTable)
	if err != nil {
		return err
	}
	for _, doc := range list {
		taxes, err := taxSum(doc.Document)
		if err != nil {
			return fmt.Errorf("export invoices: %w", err)
		}
		places := pricing.MinorUnits(doc.Currency)
		out.texts(doc.Period.Label(), doc.Tenant, doc.Buyer.Name, doc.Buyer.TaxID, string(doc.Kind), doc.Number)
		out.integer(int64(doc.Revision))
		out.text(corrected(doc.Document))
		out.day(doc.IssueDate)
		out.day(doc.DueDate)
		out.text(doc.Status)
		for _, sum := range []decimal.Decimal{doc.Net, taxes, doc.Total} {
			out.fixed(sum, places)
		}
		out.text(doc.Currency)
		out.optionalFixed(doc.Open, places)
		out.texts(planNames(doc.Document), doc.Locale, doc.SHA256)
		out.day(doc.Billed.From)
		out.day(doc.Billed.To)
		out.integer(int64(len(doc.Lines)))
		out.integer(doc.Usage.Records)
		out.optionalFixed(doc.Paid, places)
		out.integer(int64(doc.DaysOverdue))
		if err := out.end("document", doc.Number, "of tenant", doc.Tenant); err != nil {
			return err
		}
	}
	return out.Close()
}

// planNames are a document's plans, each once, in the order of their days.
func planNames(doc *billing.Document) string {
	var names []string
	for i, p := range doc.Plans {
		if i == 0 || p.Name != doc.Plans[i-1].Name {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, " ")
}

// Taxes writes a row per tax of each document.
func Taxes(w io.Writer, f Format, list []Invoice) error {
	out, err := newWriter(w, f, &TaxesTable)
	if err != nil {
		return err
	}
	for _, doc := range list {
		places := pricing.MinorUnits(doc.Currency)
		for _, t := range doc.Taxes {
			out.texts(doc.Period.Label(), doc.Tenant, doc.Buyer.Name, doc.Buyer.TaxID, string(doc.Kind), doc.Number)
			out.day(doc.IssueDate)
			out.texts(doc.Status, t.Name)
			out.decimal(t.Rate)
			out.fixed(t.Base, places)
			out.fixed(t.Amount, places)
			inclusive := "no"
			if t.Inclusive {
				inclusive = "yes"
			}
			out.texts(doc.Currency, inclusive, t.Note)
			if err := out.end("document", doc.Number, "of tenant", doc.Tenant); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// Package verify looks for what is wrong in the register: the chain of its
// entries, every document and what it names, and payments.
//
// It reads what is stored, as it is stored, and never changes anything.
package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Options say what else is looked at.
type Options struct {
	// Plan checks the plan that a document names by its digest. Where nil,
	// plans are not looked at.
	Plan func(ctx context.Context, digest string) error
}

// Report is what there is, and what is wrong with it.
type Report struct {
	Invoices int                `json:"invoices"` // and credit notes
	Payments int                `json:"payments"`
	Series   []register.Head    `json:"series"`
	Problems []register.Problem `json:"problems"`
}

// Run verifies the register. The error is that of a warehouse that cannot be
// read; what is wrong with what was read is in the report.
func Run(ctx context.Context, db *warehouse.DB, o Options) (*Report, error) {
	schema, err := compile()
	if err != nil {
		return nil, err
	}
	v := &verifier{ctx: ctx, db: db, options: o, schema: schema, named: map[string]error{}, entries: map[string]register.Entry{}}
	heads, problems, err := register.Verify(ctx, db, func(e register.Entry, document []byte) error {
		v.entries[e.Number] = e
		v.document(e, document)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v.creditNotes()
	payments, err := db.Payments(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v.payments(payments)
	report := &Report{Payments: len(payments), Series: append([]register.Head{}, heads...), Problems: append(problems, v.problems...)}
	if report.Problems == nil {
		report.Problems = []register.Problem{}
	}
	for _, h := range heads {
		report.Invoices += h.Entries
	}
	return report, nil
}

func compile() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(billing.InvoiceSchema))
	if err != nil {
		return nil, fmt.Errorf("read the schema of invoices: %w", err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("invoice", doc); err != nil {
		return nil, fmt.Errorf("read the schema of invoices: %w", err)
	}
	return c.Compile("invoice")
}

type verifier struct {
	ctx      context.Context
	db       *warehouse.DB
	options  Options
	schema   *jsonschema.Schema
	named    map[string]error // what is wrong with what documents name, by kind and digest
	entries  map[string]register.Entry
	notes    []*billing.Document // credit notes
	problems []register.Problem
}

func (v *verifier) bad(number, format string, args ...any) {
	v.problems = append(v.problems, register.Problem{Number: number, Text: fmt.Sprintf(format, args...)})
}

// document checks one document, and its row against it.
func (v *verifier) document(e register.Entry, data []byte) {
	if err := v.valid(data); err != nil {
		v.bad(e.Number, "its document is not one by the schema: %s", oneLine(err))
	}
	doc, err := billing.ParseDocument(data)
	if err != nil {
		v.bad(e.Number, "%v", err)
		return
	}
	v.row(e, doc)
	if err := doc.Check(); err != nil {
		v.bad(e.Number, "%v", err)
	}
	if doc.Kind == billing.CreditNote {
		v.notes = append(v.notes, doc)
	}
	for _, plan := range doc.PricedBy() {
		if v.options.Plan != nil && plan.Digest != "" {
			v.names(e.Number, "plan "+plan.Name, plan.Digest, v.options.Plan)
		}
	}
	if doc.Layout.SHA256 != "" {
		v.names(e.Number, "layout", doc.Layout.SHA256, v.blob)
	}
	if doc.Annex != nil && doc.Annex.SHA256 != "" {
		v.names(e.Number, "annex", doc.Annex.SHA256, v.blob)
	}
}

// valid holds a document against the schema.
func (v *verifier) valid(document []byte) error {
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return v.schema.Validate(instance)
}

func (v *verifier) blob(ctx context.Context, name string) error {
	_, err := v.db.Blob(ctx, name)
	return err
}

// names checks something that a document names by its hash, once.
func (v *verifier) names(number, what, digest string, check func(context.Context, string) error) {
	key := what + " " + digest
	err, known := v.named[key]
	if !known {
		err = check(v.ctx, digest)
		v.named[key] = err
	}
	if err != nil {
		v.bad(number, "its %s: %v", what, err)
	}
}

// row checks that what an entry repeats is what its document says.
func (v *verifier) row(e register.Entry, doc *billing.Document) {
	says := func(what, row, document string) {
		if row != document {
			v.bad(e.Number, "its %s is %q in the register, and %q in its document", what, row, document)
		}
	}
	says("number", e.Number, doc.Number)
	says("kind", e.Kind, string(doc.Kind))
	says("tenant", e.Tenant, doc.Tenant)
	says("period", e.From.String()+" to "+e.To.String(), doc.Period.From.String()+" to "+doc.Period.To.String())
	says("revision", fmt.Sprint(e.Revision), fmt.Sprint(doc.Revision))
	says("date of issue", e.Issued.String(), doc.IssueDate.String())
	says("due date", e.Due.String(), doc.DueDate.String())
	says("total", e.Total.String(), doc.Total.String())
	says("currency", e.Currency, doc.Currency)
	corrects := ""
	if doc.Kind == billing.CreditNote && doc.Corrects != nil {
		corrects = doc.Corrects.Number
	}
	says("corrected invoice", e.Corrects, corrects)
}

// creditNotes checks that each takes back the whole of one invoice.
func (v *verifier) creditNotes() {
	by := map[string]string{}
	for _, note := range v.notes {
		if note.Corrects == nil {
			v.bad(note.Number, "it does not say which invoice it takes back")
			continue
		}
		e, ok := v.entries[note.Corrects.Number]
		if !ok || e.Kind != register.Invoice {
			v.bad(note.Number, "it takes back invoice %s, which is not in the register", note.Corrects.Number)
			continue
		}
		if other := by[e.Number]; other != "" {
			v.bad(note.Number, "it takes back invoice %s, which %s takes back too", e.Number, other)
		}
		by[e.Number] = note.Number
		if note.Corrects.SHA256 != e.SHA256 || note.Corrects.IssueDate != e.Issued {
			v.bad(note.Number, "it takes back invoice %s of %s with the hash %s, which is of %s and has %s",
				e.Number, note.Corrects.IssueDate, note.Corrects.SHA256, e.Issued, e.SHA256)
		}
		data, err := v.db.InvoiceDocument(v.ctx, e.Series, e.Seq)
		if err != nil {
			v.bad(note.Number, "it takes back invoice %s: %v", e.Number, err)
			continue
		}
		invoice, err := billing.ParseDocument(data)
		if err != nil {
			continue // said of the invoice itself
		}
		if err := note.CheckTakesBack(invoice); err != nil {
			v.bad(note.Number, "%v", err)
		}
	}
}

// payments checks that each is of an entry, and that none is paid more than it
// is over, or a credit note more than was paid of its invoice.
func (v *verifier) payments(all []warehouse.Payment) {
	sums := map[string]decimal.Decimal{}
	for _, p := range all {
		sums[p.Number] = sums[p.Number].Add(p.Amount)
	}
	paid := map[string]decimal.Decimal{}
	count := map[string]uint32{}
	references := map[[2]string]bool{}
	for _, p := range all {
		e, ok := v.entries[p.Number]
		if !ok {
			v.bad(p.Number, "there is a payment of %s on %s, and no such invoice", p.Amount, pricing.DateOf(p.PaidOn))
			continue
		}
		limit, what := e.Total, "its total"
		if e.Kind == register.CreditNote {
			limit, what = sums[e.Corrects].Neg(), "what goes back of the payments of "+e.Corrects
		}
		if p.Currency != e.Currency {
			v.bad(p.Number, "a payment of it is in %s, and it is in %s", p.Currency, e.Currency)
		}
		if p.Amount.Sign() != limit.Sign() {
			v.bad(p.Number, "a payment of it is over %s, and %s is %s", p.Amount, what, limit)
		}
		if count[p.Number]++; p.Position != count[p.Number] {
			v.bad(p.Number, "its payment %d is missing", count[p.Number])
			count[p.Number] = p.Position
		}
		if reference := [2]string{p.Number, p.Reference}; p.Reference != "" && references[reference] {
			v.bad(p.Number, "two payments of it have the reference %q", p.Reference)
		} else {
			references[reference] = true
		}
		before := paid[p.Number]
		paid[p.Number] = before.Add(p.Amount)
		over := func(d decimal.Decimal) bool { return d.Abs().GreaterThan(limit.Abs()) }
		if over(paid[p.Number]) && !over(before) {
			v.bad(p.Number, "its payments come to %s, more than %s of %s", paid[p.Number], what, limit)
		}
	}
}

// oneLine is an error of several lines as one.
func oneLine(err error) string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	lines := strings.Split(invalid.Error(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines[i]), "-"))
	}
	return strings.Join(lines[1:], "; ")
}

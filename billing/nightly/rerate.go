package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/pricing"
)

// ErrRefused says that an invoice cannot be corrected, and why.
var ErrRefused = errors.New("it cannot be corrected")

func refuse(number, format string, args ...any) error {
	return fmt.Errorf("invoice %s: %w: %s", number, ErrRefused, fmt.Sprintf(format, args...))
}

// Rerating is a finalized invoice beside what its period comes to with the
// configuration and the usage of today.
type Rerating struct {
	Before *billing.Document
	After  *billing.Document // the revision to be; it has no number yet
	Credit *billing.Document // the credit note, where it is finalized already
}

// Differs reports whether there is anything to correct. Where the invoice has been
// credited there is.
func (r *Rerating) Differs() bool {
	return r.Credit != nil || !billing.SameAmounts(r.Before, r.After)
}

// Rerate prices the period of a finalized invoice again, and changes nothing.
// Where the invoice has been taken back and no revision stands for it, the
// revision is what is left to do.
func (j *Job) Rerate(ctx context.Context, number, reason string, o Options) (*Rerating, error) {
	if err := j.openRegister(ctx); err != nil {
		return nil, err
	}
	e, doc, credit, err := j.correctable(ctx, number)
	if err != nil {
		return nil, err
	}
	r := &Rerating{Before: doc, Credit: credit}
	i := slices.IndexFunc(j.Biller.Tenants, func(t billing.Tenant) bool { return t.ID == e.Tenant })
	if i < 0 {
		return nil, refuse(number, "tenant %s is not configured any more", e.Tenant)
	}
	t := &j.Biller.Tenants[i]
	if err := j.compare(ctx); err != nil {
		return nil, err
	}
	c, err := j.chainTo(ctx, t, e.From, number)
	if err != nil {
		return nil, err
	}
	draft, err := j.Biller.Draft(ctx, t, doc.Period, o.AsOf, c.closing, nil)
	if err != nil {
		return nil, err
	}
	if n := len(draft.Unrated); n > 0 {
		u := draft.Unrated[0]
		return nil, refuse(number, "usage has no rate today, such as %d records of %s: %s", u.Records, u.Kind, u.Reason)
	}
	r.After = &draft.Document
	r.After.Revision = e.Revision + 1
	r.After.Corrects = &billing.Correction{Number: number, SHA256: e.SHA256, IssueDate: doc.IssueDate, Reason: reason}
	if credit != nil {
		r.After.Corrects = credit.Corrects
	}
	invoiced, err := j.alreadyInvoiced(ctx, e, r.After)
	if err != nil {
		return nil, err
	}
	draft.Adjust(t, slices.Concat(c.adjustments, invoiced))
	if other, err := j.billedBefore(ctx, r.After); err != nil {
		return nil, err
	} else if other != "" {
		return nil, refuse(number, "%s", other)
	}
	if next, done := j.reg.Latest(e.Tenant, e.To, e.To.NextMonth()); done {
		after, err := j.document(ctx, next)
		if err != nil {
			return nil, err
		}
		if !billing.SameCarried(r.After.Closing, after.Opening) {
			return nil, refuse(number, "it leaves fees in advance, an allowance or credits to %s, which is finalized, and would leave something else: credit and finalize the later invoices first, or let what was changed begin later", next.Number)
		}
	}
	if !r.Differs() {
		return r, nil
	}
	if credit == nil {
		if err := j.printable(ctx, number, doc.CreditNote(o.AsOf, *r.After.Corrects)); err != nil {
			return nil, err
		}
	}
	return r, j.printable(ctx, number, r.After)
}

// printable refuses to correct an invoice by a document that cannot be printed as it
// is.
func (j *Job) printable(ctx context.Context, number string, doc *billing.Document) error {
	what := "its revision"
	if doc.Kind == billing.CreditNote {
		what = "its credit note"
	}
	reason, err := j.Files.unprintable(ctx, j.Biller, doc)
	if err == nil && reason != "" {
		err = refuse(number, "%s cannot be printed: %s", what, reason)
	}
	return err
}

// correctable reads an invoice that may be taken back, or has been without a
// revision that stands for it, and the credit note in that case.
func (j *Job) correctable(ctx context.Context, number string) (e register.Entry, doc, credit *billing.Document, err error) {
	if e, err = j.reg.Number(number); err != nil {
		return e, nil, nil, fmt.Errorf("%w; a draft has no number, and is made again by every run", err)
	}
	if e.Kind != register.Invoice {
		return e, nil, nil, refuse(number, "it is a credit note")
	}
	if doc, err = j.document(ctx, e); err != nil {
		return e, nil, nil, err
	}
	note, back := j.reg.CreditOf(e)
	if !back {
		return e, doc, nil, nil
	}
	id := e.Identity
	id.Revision++
	if revision, done := j.reg.Find(id); done {
		return e, nil, nil, refuse(number, "%s has taken it back, and %s was made after it", note.Number, revision.Number)
	}
	credit, err = j.document(ctx, note)
	return e, doc, credit, err
}

// Correct finalizes the credit note of a rerated invoice, and then its revision.
// Both have identities that are decided, so that after a process that died
// between the two another Rerate goes on to the revision, and neither is there
// twice.
func (j *Job) Correct(ctx context.Context, r *Rerating) error {
	if r.Credit == nil {
		note, err := j.credit(ctx, r.Before, r.After.IssueDate, *r.After.Corrects)
		if err != nil {
			return err
		}
		r.Credit = note
	}
	e, err := j.finalize(ctx, r.After)
	if err != nil {
		return err
	}
	if r.After, err = j.document(ctx, e); err != nil {
		return err
	}
	_, err = j.Files.write(ctx, j.Biller, r.After)
	return err
}

// Credit takes an invoice back by a credit note alone, and answers the note and
// where it is. The period is not invoiced again before a person finalizes it.
func (j *Job) Credit(ctx context.Context, number, reason string, o Options) (*billing.Document, string, error) {
	if err := j.openRegister(ctx); err != nil {
		return nil, "", err
	}
	e, doc, note, err := j.correctable(ctx, number)
	if err != nil {
		return nil, "", err
	}
	if note == nil {
		corrects := billing.Correction{Number: number, SHA256: e.SHA256, IssueDate: doc.IssueDate, Reason: reason}
		if err := j.printable(ctx, number, doc.CreditNote(o.AsOf, corrects)); err != nil {
			return nil, "", err
		}
		if note, err = j.credit(ctx, doc, o.AsOf, corrects); err != nil {
			return nil, "", err
		}
	}
	path, err := j.Files.write(ctx, j.Biller, note)
	return note, path, err
}

// credit finalizes the credit note of an invoice.
func (j *Job) credit(ctx context.Context, doc *billing.Document, issued pricing.Date, corrects billing.Correction) (*billing.Document, error) {
	e, err := j.finalize(ctx, doc.CreditNote(issued, corrects))
	if err != nil {
		return nil, err
	}
	note, err := j.document(ctx, e)
	if err != nil {
		return nil, err
	}
	_, err = j.Files.write(ctx, j.Biller, note)
	return note, err
}

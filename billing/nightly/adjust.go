package nightly

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/pricing"
)

// LateUsage is usage of an invoiced month that came or changed after its invoice,
// or after the last adjustment of it.
type LateUsage struct {
	Invoice string `json:"invoice"`
	Records int64  `json:"records"`           // more than were invoiced; negative for fewer, 0 where they changed
	Problem string `json:"problem,omitempty"` // why it cannot be adjusted on the tenant's next invoice
}

// chain is what a tenant's invoiced months come to today, up to a month that is
// to be invoiced.
type chain struct {
	from        pricing.Date // the first month that has changed; no date where none has
	adjustments []billing.Adjustment
	problems    map[string]string // why a month cannot be adjusted, by invoice
	closing     pricing.Carried   // what the month right before leaves; nothing where it has no invoice
}

// standing are a tenant's invoices that no credit note takes back, in the order
// in which they were finalized. One of them may be left out, as if it was taken
// back.
func (j *Job) standing(tenant, without string) (out []register.Entry) {
	for _, e := range j.ofTenant[tenant] {
		if _, back := j.reg.CreditOf(e); e.Kind == register.Invoice && !back && e.Number != without {
			out = append(out, e)
		}
	}
	return out
}

// numbers are all that the invoices of a period have had.
func (j *Job) numbers(of register.Entry) (out []string) {
	for _, e := range j.ofTenant[of.Tenant] {
		if e.Kind == register.Invoice && e.From == of.From {
			out = append(out, e.Number)
		}
	}
	return out
}

// indexEntries lists the register's entries by tenant, in the order in which they were
// finalized.
func (j *Job) indexEntries() {
	j.ofTenant = map[string][]register.Entry{}
	for _, e := range j.reg.Entries() {
		j.ofTenant[e.Tenant] = append(j.ofTenant[e.Tenant], e)
	}
	for _, list := range j.ofTenant {
		slices.SortFunc(list, func(a, b register.Entry) int { return cmp.Compare(a.Position, b.Position) })
	}
	j.chains, j.marks, j.briefs = map[string]*chain{}, map[string]billing.Watermark{}, map[string]*billing.Document{}
}

// compare reads, for all tenants at once, what there is to know for drafts: what
// usage there is of every invoiced month, however long ago, since usage may come
// late without end, and which subaccounts were closed.
func (j *Job) compare(ctx context.Context) error {
	if err := j.closed(ctx); err != nil {
		return err
	}
	j.briefs, j.marks = map[string]*billing.Document{}, map[string]billing.Watermark{}
	var docs []*billing.Document
	err := j.reg.EachDocument(ctx, func(e register.Entry, data []byte) error {
		if _, back := j.reg.CreditOf(e); back || e.Kind != register.Invoice {
			return nil
		}
		doc, err := billing.ParseDocument(data)
		if err != nil {
			return err
		}
		j.briefs[e.Number] = brief(doc)
		docs = append(docs, j.briefs[e.Number])
		return nil
	})
	if err != nil {
		return err
	}
	return j.mark(ctx, docs...)
}

// brief is what of a document says whether its period is what was invoiced. All
// invoices that there ever were are held so.
func brief(doc *billing.Document) *billing.Document {
	b := *doc
	b.Lines, b.Daily, b.Taxes = nil, nil, nil
	b.Adjustments = slices.Clone(doc.Adjustments)
	for i := range b.Adjustments {
		b.Adjustments[i].Changes = nil
	}
	return &b
}

// brief is that of a standing invoice.
func (j *Job) brief(ctx context.Context, e register.Entry) (*billing.Document, error) {
	if b := j.briefs[e.Number]; b != nil {
		return b, nil
	}
	doc, err := j.document(ctx, e)
	if err == nil {
		j.briefs[e.Number] = brief(doc)
	}
	return j.briefs[e.Number], err
}

func (j *Job) mark(ctx context.Context, docs ...*billing.Document) error {
	marks, err := j.Biller.Watermarks(ctx, docs)
	for i := range marks {
		j.marks[docs[i].Number] = marks[i]
	}
	return err
}

// chainTo prices again what has changed of the tenant's invoiced months before
// first. One invoice may be left out, as if it was taken back.
func (j *Job) chainTo(ctx context.Context, t *billing.Tenant, first pricing.Date, without string) (*chain, error) {
	key := t.ID + " " + first.String() + " " + without
	if c := j.chains[key]; c != nil {
		return c, nil
	}
	all := j.standing(t.ID, without)
	invoices, err := readAll(ctx, all, j.brief)
	if err != nil {
		return nil, err
	}
	before := slices.DeleteFunc(slices.Clone(all), func(e register.Entry) bool { return !e.From.Before(first) })
	slices.SortStableFunc(before, func(a, b register.Entry) int { return cmp.Compare(a.From.String(), b.From.String()) })
	c := &chain{problems: map[string]string{}}
	var end pricing.Date
	for _, e := range before {
		v, err := j.invoiced(e, invoices)
		if err != nil {
			return nil, err
		}
		opening := v.Opening
		if e.From == end {
			opening = c.closing
		}
		if _, known := j.marks[e.Number]; !known {
			if err := j.mark(ctx, v.Document); err != nil {
				return nil, err
			}
		}
		touched, err := j.touched(ctx, e, without)
		if err != nil {
			return nil, err
		}
		if end, c.closing = e.To, v.Closing; !touched && v.Unchanged(j.marks[e.Number], opening) {
			continue
		}
		if c.from.IsZero() { // briefs do not say what it was invoiced at
			c.from = e.From
			all = slices.DeleteFunc(all, func(other register.Entry) bool { return other.From.Before(c.from) })
			if invoices, err = readAll(ctx, all, j.document); err != nil {
				return nil, err
			}
			if v, err = j.invoiced(e, invoices); err != nil {
				return nil, err
			}
		}
		a, unrated, err := j.Biller.Adjust(ctx, v, opening)
		if err != nil {
			return nil, err
		}
		if c.closing = a.Closing; len(a.Changes) == 0 && v.Unchanged(a.Usage, opening) {
			continue
		}
		if problem := j.unadjustable(t, v.Document, first, unrated); problem != "" {
			c.problems[e.Number] = problem
			continue
		}
		c.closing = a.Closing
		c.adjustments = append(c.adjustments, a)
	}
	if end != first {
		c.closing = pricing.Carried{}
	}
	j.chains[key] = c
	return c, nil
}

// touched reports whether the usage of an invoiced period does not tell what was
// invoiced for it: an invoice that adjusted it was taken back, or one adjusted an
// invoice of it that was.
func (j *Job) touched(ctx context.Context, e register.Entry, without string) (bool, error) {
	numbers := j.numbers(e)
	for _, other := range j.ofTenant[e.Tenant] {
		_, back := j.reg.CreditOf(other)
		back = back || other.Number == without
		if other.Kind != register.Invoice || !back && len(numbers) == 1 {
			continue
		}
		doc, err := j.brief(ctx, other)
		if err != nil {
			return false, err
		}
		for _, a := range doc.Adjustments {
			if slices.Contains(numbers, a.Number) && (back || a.Number != e.Number) {
				return true, nil
			}
		}
	}
	return false, nil
}

// alreadyInvoiced are the adjustments by which later invoices have billed a period
// whose invoice was taken back, reversed: its next revision bills all of it.
func (j *Job) alreadyInvoiced(ctx context.Context, of register.Entry, revision *billing.Document) ([]billing.Adjustment, error) {
	var out []billing.Adjustment
	for _, later := range j.standing(of.Tenant, of.Number) {
		on, err := j.document(ctx, later)
		if err != nil {
			return nil, err
		}
		for _, a := range on.Adjustments {
			if !slices.Contains(j.numbers(of), a.Number) {
				continue
			}
			if on.Currency != revision.Currency && len(a.Changes) > 0 {
				return nil, refuse(of.Number, "%s has adjusted it in %s, and it would be in %s now: correct %s first", on.Number, on.Currency, revision.Currency, on.Number)
			}
			out = append(out, a.Reversed(of.Number, on.Number, revision.Usage))
		}
	}
	return out, nil
}

// readAll reads documents of entries, in their order.
func readAll(ctx context.Context, list []register.Entry, read func(context.Context, register.Entry) (*billing.Document, error)) ([]*billing.Document, error) {
	out := make([]*billing.Document, len(list))
	for i, e := range list {
		var err error
		if out[i], err = read(ctx, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// invoiced is what has been invoiced for an entry's period by the documents given.
func (j *Job) invoiced(e register.Entry, invoices []*billing.Document) (*billing.Invoiced, error) {
	var own *billing.Document
	var others []*billing.Document
	for _, doc := range invoices {
		if doc.Number == e.Number {
			own = doc
		} else {
			others = append(others, doc)
		}
	}
	if own == nil {
		return nil, fmt.Errorf("invoice %s is not among its tenant's", e.Number)
	}
	return billing.NewInvoiced(own, j.numbers(e), others...), nil
}

// unadjustable says why the difference of a month cannot stand on the invoice for
// a later one; empty where it can.
func (j *Job) unadjustable(t *billing.Tenant, doc *billing.Document, first pricing.Date, unrated []pricing.Unrated) string {
	if len(unrated) > 0 {
		var n int64
		for _, u := range unrated {
			n += u.Records
		}
		return fmt.Sprintf("%d records have no rate under the plan of that time (%s: %s): `subtally invoice regenerate %s --rerate` prices the month by the plan of today",
			n, unrated[0].Kind, unrated[0].Reason, doc.Number)
	}
	if now := j.Biller.CurrencyOf(t, billing.Month(first, t.TimeZone)); now != doc.Currency {
		return fmt.Sprintf("it was invoiced in %s, and the tenant's plan is in %s now: `subtally invoice regenerate %s --rerate` makes a new invoice of the month", doc.Currency, now, doc.Number)
	}
	return ""
}

// adjusts reports whether what changed of earlier months belongs on the tenant's
// invoice for the period: it is the first one after them that is not finalized. A
// month that a person has credited waits for that person, and nothing waits for it.
func (j *Job) adjusts(ctx context.Context, t *billing.Tenant, p billing.Period) (bool, error) {
	c, err := j.chainTo(ctx, t, p.From, "")
	if err != nil || c.from.IsZero() {
		return true, err
	}
	for first := c.from; first.Before(p.From); first = first.NextMonth() {
		month := billing.Month(first, t.TimeZone)
		if j.hasEntry(t.ID, month) {
			continue
		}
		if bills, err := j.billsOwn(ctx, t, month); err != nil || bills {
			return false, err
		}
	}
	return true, nil
}

// hasEntry reports whether the tenant's month was ever invoiced.
func (j *Job) hasEntry(tenant string, p billing.Period) bool {
	_, has := j.reg.Find(register.Identity{Kind: register.Invoice, Tenant: tenant, From: p.From, To: p.To, Revision: 1})
	return has
}

// Late lists the invoices of a month whose usage is not what was invoiced.
func (j *Job) Late(ctx context.Context, first pricing.Date) ([]LateUsage, error) {
	out := []LateUsage{}
	for _, e := range j.reg.Entries() {
		if _, back := j.reg.CreditOf(e); back || e.Kind != register.Invoice || e.From != first {
			continue
		}
		mark, compared := j.marks[e.Number]
		if !compared {
			continue
		}
		invoices, err := readAll(ctx, j.standing(e.Tenant, ""), j.brief)
		if err != nil {
			return nil, err
		}
		v, err := j.invoiced(e, invoices)
		if err != nil {
			return nil, err
		}
		if mark == v.Usage {
			continue
		}
		l := LateUsage{Invoice: e.Number, Records: mark.Records - v.Usage.Records, Problem: "its tenant is not configured any more: configure it again, with the day that it left as until, and it is billed"}
		if i := slices.IndexFunc(j.Biller.Tenants, func(t billing.Tenant) bool { return t.ID == e.Tenant }); i >= 0 {
			c, err := j.chainTo(ctx, &j.Biller.Tenants[i], e.To, "")
			if err != nil {
				return nil, err
			}
			l.Problem = c.problems[e.Number]
		}
		out = append(out, l)
	}
	return out, nil
}

// billsLate reports whether a tenant that is not billed any more has an invoice
// for the period all the same, with nothing but adjustments. It is for the last
// month that is due on the billing date or, where that one is invoiced, for the
// month after it, which is drafted: so whatever is there on a night is on an
// invoice that can be finalized, whichever nights were missed before.
func (j *Job) billsLate(ctx context.Context, t *billing.Tenant, p billing.Period, o Options) (bool, error) {
	isDue := func(p billing.Period) bool { return !o.AsOf.Before(p.To.AddDays(j.GraceDays)) }
	before, after := billing.Month(p.From.AddDays(-1).FirstOfMonth(), t.TimeZone), billing.Month(p.To, t.TimeZone)
	switch {
	case o.AsOf.Before(p.From), isDue(after):
		return false, nil
	case !isDue(p):
		if !isDue(before) {
			return false, nil
		}
		if late, err := j.comesToAnything(ctx, t, before); err != nil || late && !j.hasEntry(t.ID, before) {
			return false, err
		}
	}
	return j.comesToAnything(ctx, t, p)
}

// comesToAnything reports whether adjustments belong on the tenant's invoice for
// the period, of which some amount is not zero.
func (j *Job) comesToAnything(ctx context.Context, t *billing.Tenant, p billing.Period) (bool, error) {
	if ok, err := j.adjusts(ctx, t, p); err != nil || !ok {
		return false, err
	}
	c, err := j.chainTo(ctx, t, p.From, "")
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(c.adjustments, func(a billing.Adjustment) bool {
		return slices.ContainsFunc(a.Changes, func(c billing.Change) bool { return !c.Amount.IsZero() })
	}), nil
}

// Changed lists the finalized invoices whose usage does not come to what it came
// to then, by charge and before rounding. The difference is on an invoice after
// them. Usage that changed without changing an amount, as in its cost, is not
// listed.
func Changed(ctx context.Context, b *billing.Biller, tenants []billing.TenantMonth) ([]string, error) {
	var docs []*billing.Document
	for _, t := range tenants {
		if t.Status == billing.Finalized && t.Document.Kind == billing.Invoice {
			docs = append(docs, t.Document)
		}
	}
	marks, err := b.Watermarks(ctx, docs)
	if err != nil {
		return nil, err
	}
	var other []*billing.Document
	for i, doc := range docs {
		if doc.Usage != marks[i] {
			other = append(other, doc)
		}
	}
	drafts, err := b.Redrafts(ctx, other, nil)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for i, doc := range other {
		if !maps.EqualFunc(usageAmounts(doc), usageAmounts(&drafts[i].Document), decimal.Decimal.Equal) {
			out = append(out, doc.Number)
		}
	}
	return out, nil
}

// usageAmounts are what a document's usage comes to, by charge, without what
// comes to nothing.
func usageAmounts(doc *billing.Document) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for i := range doc.Lines {
		l := &doc.Lines[i]
		switch l.Category {
		case pricing.Fees, pricing.Adjustments, pricing.Surcharges, pricing.CreditsUsed:
			continue
		}
		if exact := l.Exact(); !exact.IsZero() {
			out[l.Charge] = out[l.Charge].Add(exact)
		}
	}
	return out
}

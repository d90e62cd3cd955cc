package billing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Biller drafts invoices and statements from the usage in the warehouse.
type Biller struct {
	DB           *warehouse.DB
	Tenants      []Tenant
	Plans        map[string]*pricing.Plan
	Tables       pricing.Tables
	Seller       Seller            // the default one
	Sellers      map[string]Seller // others, by id
	Start        pricing.Date      // nothing before it is billed
	TimeZone     string            // the main account's, for statements
	Locale       string            // of documents, where the tenant has none of its own
	Layout       Layout            // of documents
	PaymentDays  int
	Instructions []string // how to pay

	// Closed says when subaccounts were closed, by sid.
	Closed map[string]time.Time

	lists priceLists
}

// Draft is an invoice that has no number yet, with what must not be printed
// on it.
type Draft struct {
	Document Document
	Unrated  []pricing.Unrated // usage that could not be priced; the invoice must not be finalized while there is any

	last *pricing.Plan // at the end of the document's days: its rounding holds for the taxes
}

// Item is one priced usage record of a draft.
type Item struct {
	*warehouse.UsageRow
	pricing.Result
	Amount decimal.Decimal // exact; over a line's records it adds up to the line's exact amount
}

// Billed is the part of a period that the tenant is billed for, as dates.
// Nothing is billed when from is not before to.
func (b *Biller) Billed(t *Tenant, p Period) (from, to pricing.Date) {
	return laterDate(p.From, b.Start, t.From), earlierDate(p.To, t.Until, b.Ends(t))
}

// accounts are the tenant's subaccounts in a period, each with the days it is
// the tenant's, ordered by sid and day.
func (b *Biller) accounts(t *Tenant, p Period) []Account {
	from, to := b.Billed(t, p)
	var out []Account
	for _, a := range t.Subaccounts {
		days := Account{SID: a.SID, From: laterDate(from, a.From), To: earlierDate(to, a.Until, b.closed(t, a.SID)), Since: laterDate(t.From, t.since(a))}
		if days.From.Before(days.To) {
			out = append(out, days)
		}
	}
	slices.SortFunc(out, func(a, b Account) int {
		return cmp.Or(cmp.Compare(a.SID, b.SID), cmp.Compare(a.From.String(), b.From.String()))
	})
	return out
}

// Slices is the usage that the document bills.
func (d *Document) Slices() ([]warehouse.Slice, error) {
	loc, err := time.LoadLocation(d.Period.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("tenant %s: time zone %q: %w", d.Tenant, d.Period.TimeZone, err)
	}
	sids := map[Days][]string{}
	for _, a := range d.Accounts {
		days := Days{a.From, a.To}
		sids[days] = append(sids[days], a.SID)
	}
	var out []warehouse.Slice
	for days, list := range sids {
		s := warehouse.Slice{Accounts: list, From: days.From.Start(loc), To: days.To.Start(loc)}
		if days.From == d.Period.From {
			s.From = d.Period.start(loc)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b warehouse.Slice) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return out, nil
}

// Draft prices a tenant's period. opening is what the tenant's invoice before it
// leaves. When each is not nil it is given every usage record, in the order of
// their start; the item is reused between calls. See [Draft.Adjust] for what came
// late of earlier periods.
func (b *Biller) Draft(ctx context.Context, t *Tenant, p Period, issued pricing.Date, opening pricing.Carried, each func(*Item) error) (*Draft, error) {
	var items func(int, *Item) error
	if each != nil {
		items = func(_ int, item *Item) error { return each(item) }
	}
	drafts, err := b.drafts(ctx, []Drafting{{t, p, opening}}, issued, items)
	if err != nil {
		return nil, err
	}
	return drafts[0], nil
}

// Drafting is a tenant's period that is to be drafted.
type Drafting struct {
	Tenant  *Tenant
	Period  Period
	Opening pricing.Carried // what the tenant's invoice before it leaves
}

// Drafts prices several tenants' periods, as Draft does each, with one query for
// the usage of all.
func (b *Biller) Drafts(ctx context.Context, list []Drafting, issued pricing.Date) ([]*Draft, error) {
	return b.drafts(ctx, list, issued, nil)
}

func (b *Biller) drafts(ctx context.Context, list []Drafting, issued pricing.Date, each func(int, *Item) error) ([]*Draft, error) {
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("draft invoices: %w", err)
	}
	docs := make([]Document, len(list))
	for i, d := range list {
		doc, err := b.document(ctx, d.Tenant, d.Period, issued, d.Opening, known)
		if err != nil {
			return nil, fmt.Errorf("draft invoice of tenant %s for %s: %w", d.Tenant.ID, d.Period.Label(), err)
		}
		docs[i] = *doc
	}
	drafts, err := b.price(ctx, docs, each)
	if err != nil {
		return nil, fmt.Errorf("draft %s: %w", named(docs), err)
	}
	for i, d := range drafts {
		d.Adjust(list[i].Tenant, nil)
	}
	return drafts, nil
}

// named says which documents an error is about.
func named(docs []Document) string {
	text := fmt.Sprintf("invoice of tenant %s for %s", docs[0].Tenant, docs[0].Period.Label())
	if len(docs) > 1 {
		text += fmt.Sprintf(" and %d others", len(docs)-1)
	}
	return text
}

// document is what is known of an invoice before its usage is priced.
func (b *Biller) document(ctx context.Context, t *Tenant, p Period, issued pricing.Date, opening pricing.Carried, known []warehouse.Account) (*Document, error) {
	seller, err := b.SellerOf(t.Seller)
	if err != nil {
		return nil, err
	}
	doc := Document{
		Schema: DocumentSchema, Kind: Invoice, Revision: 1,
		IssueDate: issued, DueDate: issued.AddDays(b.PaymentDays),
		SellerID: t.Seller, Seller: seller.Party, Tenant: t.ID, Buyer: t.Buyer, Period: p,
		Accounts: b.accounts(t, p), Began: t.From, Credits: t.Credits, Opening: opening,
		Payment: Payment{TermsDays: b.PaymentDays, Instructions: b.Instructions},
		Locale:  cmp.Or(t.Locale, b.Locale), Layout: b.Layout,
	}
	doc.MaskNumbers = t.MaskNumbers
	if t.Itemize {
		doc.Annex = &Annex{} // filled in by Itemize
	}
	if doc.Billed.From, doc.Billed.To = b.Billed(t, p); !doc.Billed.From.Before(doc.Billed.To) {
		doc.Billed = Days{p.From, p.From} // what was billed in advance is given back
		doc.Plans = t.PlansOn(p.From, p.From.AddDays(1))
		doc.Plans[0].To = p.From
	} else {
		doc.Plans = t.PlansOn(doc.Billed.From, doc.Billed.To)
	}
	_, doc.Final = b.UntilClosed(t, p)
	next := Month(p.To, p.TimeZone)
	if from, to := b.Billed(t, next); from.Before(to) {
		doc.Next = &Upcoming{
			From: next.From, To: next.To, Billed: Days{from, to}, Plans: t.PlansOn(from, to), Accounts: b.accounts(t, next),
		}
	}
	for i := range doc.Accounts {
		doc.Accounts[i].Name = accountName(known, doc.Accounts[i].SID)
	}
	doc.Ended = b.ended(&doc)
	for _, plans := range []*[]PlanRef{&doc.Ended, &doc.Plans, doc.upcoming()} {
		if *plans, err = b.identify(ctx, *plans); err != nil {
			return nil, err
		}
	}
	return &doc, nil
}

// upcoming are the plans of the period after it.
func (d *Document) upcoming() *[]PlanRef {
	if d.Next == nil {
		return new([]PlanRef)
	}
	return &d.Next.Plans
}

// Redraft prices again what a document bills: its own accounts and days, by the
// plans and exchange rates of that time, from the usage as it is now. Nothing of
// the document changes but its lines, its usage, and what it leaves to the next.
// Exchange rates of days that it has none for are those configured now.
func (b *Biller) Redraft(ctx context.Context, doc *Document, each func(*Item) error) (*Draft, error) {
	var items func(int, *Item) error
	if each != nil {
		items = func(_ int, item *Item) error { return each(item) }
	}
	drafts, err := b.Redrafts(ctx, []*Document{doc}, items)
	if err != nil {
		return nil, err
	}
	return drafts[0], nil
}

// Redrafts prices several documents again, as Redraft does each, with one query
// for the usage of all. Each is given the index of a document, in order, with an
// item.
func (b *Biller) Redrafts(ctx context.Context, list []*Document, each func(int, *Item) error) ([]*Draft, error) {
	docs := make([]Document, len(list))
	for i, doc := range list {
		docs[i] = *doc
	}
	drafts, err := b.price(ctx, docs, each)
	if err != nil {
		return nil, fmt.Errorf("price again %s: %w", named(docs), err)
	}
	return drafts, nil
}

// underway is a document whose usage is being priced.
type underway struct {
	doc   *Document
	pr    *pricer
	daily *daily
	mark  warehouse.Watermark
}

// price fills in what follows from the documents' usage: lines, days, watermark,
// and what is left to the next.
func (b *Biller) price(ctx context.Context, docs []Document, each func(int, *Item) error) ([]*Draft, error) {
	all := make([]underway, len(docs))
	lists := make([][]warehouse.Slice, len(docs))
	var twice [][]warehouse.Slice // of those documents that need two passes
	for i := range docs {
		doc := &docs[i]
		loc, err := time.LoadLocation(doc.Period.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: time zone %q: %w", doc.Tenant, doc.Period.TimeZone, err)
		}
		if lists[i], err = doc.Slices(); err != nil {
			return nil, err
		}
		all[i] = underway{doc: doc, daily: newDaily(doc.Period, loc)}
		if all[i].pr, err = b.newPricer(ctx, doc, loc); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", doc.Tenant, err)
		}
		if each != nil && all[i].pr.twoPasses() {
			if twice == nil {
				twice = make([][]warehouse.Slice, len(docs))
			}
			twice[i] = lists[i]
		}
	}
	err := b.DB.EachUsageOf(ctx, twice, func(i int, row *warehouse.UsageRow) error {
		rec := record(row)
		all[i].pr.rate(&rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range twice {
		if twice[i] != nil {
			all[i].pr.again()
		}
	}
	item := Item{}
	err = b.DB.EachUsageOf(ctx, lists, func(i int, row *warehouse.UsageRow) error {
		u := &all[i]
		u.mark.Add(row)
		rec := record(row)
		rater, res := u.pr.rate(&rec)
		if res.Outcome == pricing.Rated {
			u.daily.add(&rec)
		}
		if each == nil {
			return nil
		}
		item = Item{UsageRow: row, Result: res, Amount: rater.Itemize(res)}
		return each(i, &item)
	})
	if err != nil {
		return nil, err
	}
	drafts := make([]*Draft, len(docs))
	for i := range all {
		drafts[i] = all[i].draft()
	}
	return drafts, nil
}

// draft is the document when all of its usage has been priced.
func (u *underway) draft() *Draft {
	doc := *u.doc
	doc.Currency = u.pr.last.Currency
	doc.Lines, doc.Closing = u.pr.lines()
	doc.Rates = u.pr.exchangeRates()
	doc.Daily = u.daily.days
	doc.Usage = watermark(u.mark)
	return &Draft{Document: doc, Unrated: u.pr.unrated(), last: u.pr.last.Plan}
}

// record is a warehouse row as pricing takes it.
func record(row *warehouse.UsageRow) pricing.Record {
	rec := pricing.Record{
		Account: row.Account, SID: row.SID, ParentSID: row.ParentSID, Kind: pricing.Kind(row.Kind),
		Direction: row.Direction, Status: row.Status, From: row.From, To: row.To,
		StartedAt: row.StartedAt, Quantity: row.Quantity, Currency: row.Currency,
	}
	if row.Cost != nil {
		rec.Cost = decimal.NewNullDecimal(*row.Cost)
	}
	return rec
}

// Canonical is the document's JSON in one fixed form: the fields in the order
// of the type, no white space, amounts as strings without trailing zeros.
func (d *Document) Canonical() ([]byte, error) {
	out, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode invoice of tenant %s for %s: %w", d.Tenant, d.Period.Label(), err)
	}
	return out, nil
}

// ParseDocument reads the canonical JSON of an invoice.
func ParseDocument(data []byte) (*Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("read invoice document: %w", err)
	}
	if d.Schema != DocumentSchema {
		return nil, fmt.Errorf("read invoice document %s: schema %q is not %q: a newer version wrote it", d.Number, d.Schema, DocumentSchema)
	}
	return &d, nil
}

// daily collects the chart's days.
type daily struct {
	days   []Day
	starts []time.Time // of each day, and of the one after the last
}

func newDaily(p Period, loc *time.Location) *daily {
	d := &daily{}
	for date := p.From; date.Before(p.To); date = date.AddDays(1) {
		d.days = append(d.days, Day{Date: date})
		d.starts = append(d.starts, date.Start(loc))
	}
	return d
}

func (d *daily) add(rec *pricing.Record) {
	i, exact := slices.BinarySearchFunc(d.starts, rec.StartedAt, time.Time.Compare)
	if !exact {
		i--
	}
	i = max(i, 0) // a period may begin a little before its first day; see Period.Begin
	switch rec.Kind.Category() {
	case pricing.Calls:
		d.days[i].Seconds += rec.Quantity.IntPart()
	case pricing.Messages:
		d.days[i].Messages++
	}
}

func accountName(known []warehouse.Account, sid string) string {
	i, ok := slices.BinarySearchFunc(known, sid, func(a warehouse.Account, sid string) int { return cmp.Compare(a.SID, sid) })
	if !ok {
		return ""
	}
	return known[i].Name
}

// laterDate is the latest of the dates, leaving out those that are not set.
func laterDate(d pricing.Date, more ...pricing.Date) pricing.Date {
	for _, m := range more {
		if !m.IsZero() && d.Before(m) {
			d = m
		}
	}
	return d
}

// earlierDate is the earliest of the dates, leaving out those that are not set.
func earlierDate(d pricing.Date, more ...pricing.Date) pricing.Date {
	for _, m := range more {
		if !m.IsZero() && m.Before(d) {
			d = m
		}
	}
	return d
}

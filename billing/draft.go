package billing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-faster/city"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// Biller drafts invoices and statements from the usage in the warehouse.
type Biller struct {
	DB           *warehouse.DB
	Tenants      []Tenant
	Plans        map[string]*pricing.Plan
	Decks        map[string]*pricing.Deck
	Seller       Party
	Start        pricing.Date // nothing before it is billed
	TimeZone     string       // the main account's, for statements
	PaymentDays  int
	Instructions []string // how to pay
}

// Tenant answers a tenant by id.
func (b *Biller) Tenant(id string) (*Tenant, error) {
	for i := range b.Tenants {
		if b.Tenants[i].ID == id {
			return &b.Tenants[i], nil
		}
	}
	return nil, fmt.Errorf("tenant %q is not configured", id)
}

// Draft is an invoice that has no number yet, with what must not be printed
// on it.
type Draft struct {
	Document Document
	Unrated  []pricing.Unrated // usage that could not be priced; the invoice must not be finalized while there is any
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
	return laterDate(p.From, b.Start, t.From), earlierDate(p.To, t.Until)
}

// Slices are the tenant's usage of a period: each subaccount in the days it is
// the tenant's. Accounts lists the sids, in order.
func (b *Biller) Slices(t *Tenant, p Period) (slicesOut []warehouse.Slice, accounts []string, err error) {
	loc, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return nil, nil, fmt.Errorf("tenant %s: time zone %q: %w", t.ID, t.TimeZone, err)
	}
	billedFrom, billedTo := b.Billed(t, p)
	type days struct{ from, to pricing.Date }
	sids := map[days][]string{}
	for _, a := range t.Subaccounts {
		d := days{laterDate(billedFrom, a.From), earlierDate(billedTo, a.Until)}
		if d.from.Before(d.to) {
			sids[d] = append(sids[d], a.SID)
			accounts = append(accounts, a.SID)
		}
	}
	for d, list := range sids {
		slices.Sort(list)
		slicesOut = append(slicesOut, warehouse.Slice{Accounts: list, From: d.from.Start(loc), To: d.to.Start(loc)})
	}
	slices.SortFunc(slicesOut, func(a, b warehouse.Slice) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	})
	slices.Sort(accounts)
	return slicesOut, slices.Compact(accounts), nil
}

// Draft prices a tenant's period. When each is not nil it is given every
// usage record, in the order of their start; the item is reused between calls.
func (b *Biller) Draft(ctx context.Context, t *Tenant, p Period, issued pricing.Date, each func(*Item) error) (*Draft, error) {
	draft, err := b.draft(ctx, t, p, issued, each)
	if err != nil {
		return nil, fmt.Errorf("draft invoice of tenant %s for %s: %w", t.ID, p.Label(), err)
	}
	return draft, nil
}

func (b *Biller) draft(ctx context.Context, t *Tenant, p Period, issued pricing.Date, each func(*Item) error) (*Draft, error) {
	plan := b.Plans[t.Plan]
	if plan == nil {
		return nil, fmt.Errorf("plan %q is not configured", t.Plan)
	}
	loc, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", p.TimeZone, err)
	}
	use, sids, err := b.Slices(t, p)
	if err != nil {
		return nil, err
	}
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}

	span := pricing.Span{From: p.From, To: p.To, Location: loc}
	span.BilledFrom, span.BilledTo = b.Billed(t, p)
	rater := pricing.NewRater(plan, b.Decks, span)
	daily := newDaily(p, loc)
	var mark struct {
		records int64
		hash    uint64
	}
	item := Item{}
	err = b.DB.EachUsage(ctx, use, func(row *warehouse.UsageRow) error {
		mark.records++
		mark.hash += city.CH64([]byte(row.SID))
		rec := record(row)
		res := rater.Rate(&rec)
		if res.Outcome == pricing.Rated {
			daily.add(&rec)
		}
		if each == nil {
			return nil
		}
		item = Item{UsageRow: row, Result: res, Amount: rater.Itemize(res)}
		return each(&item)
	})
	if err != nil {
		return nil, err
	}

	doc := Document{
		Schema: DocumentSchema, Revision: 1,
		IssueDate: issued, DueDate: issued.AddDays(b.PaymentDays),
		Seller: b.Seller, Tenant: t.ID, Buyer: t.Buyer, Period: p, Currency: plan.Currency,
		Plan:    PlanRef{Name: plan.Name, Digest: plan.Digest(b.Decks)},
		Lines:   rater.Lines(),
		Daily:   daily.days,
		Payment: Payment{TermsDays: b.PaymentDays, Instructions: b.Instructions},
		Usage:   Watermark{Records: mark.records, SIDHash: fmt.Sprintf("%016x", mark.hash)},
	}
	for _, sid := range sids {
		doc.Accounts = append(doc.Accounts, Account{SID: sid, Name: accountName(known, sid)})
	}
	var taxes []pricing.TaxRate
	if t.Tax != nil {
		taxes = append(taxes, *t.Tax)
	}
	doc.Net, doc.Taxes, doc.Total = pricing.Total(doc.Lines, taxes, plan.Currency, plan.Rounding)
	return &Draft{Document: doc, Unrated: rater.Unrated()}, nil
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

// SameLines reports whether two documents bill the same: equal lines, in the
// same order.
func (d *Document) SameLines(other *Document) bool {
	return slices.EqualFunc(d.Lines, other.Lines, func(a, b pricing.Line) bool {
		return a.Charge == b.Charge && a.Kind == b.Kind && a.Item == b.Item && a.Description == b.Description &&
			a.Records == b.Records && a.Unit == b.Unit && a.Per == b.Per &&
			a.Quantity.Equal(b.Quantity) && a.UnitPrice.Equal(b.UnitPrice) && a.Amount.Equal(b.Amount)
	})
}

package billing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// The states of a document on a statement.
const (
	Drafted   = "draft"
	Parked    = "parked" // due, and not finalized
	Finalized = "finalized"
	Paid      = "paid"
	Credited  = "credited" // taken back by a credit note
)

// TenantMonth is a document of a tenant's month: the invoice or its draft, and
// where that was corrected, the invoice taken back, the credit note, and the
// revision.
type TenantMonth struct {
	Document *Document
	Status   string
	Reason   string            // why it is parked
	Overdue  int               // days past its due date, where any amount is open
	Unrated  []pricing.Unrated // empty when finalized
}

// Issued reports whether the document is in the register, and never changes.
func (m *TenantMonth) Issued() bool { return m.Status != Drafted && m.Status != Parked }

// Stands reports whether the document is what is asked for the month: neither
// taken back nor what takes another one back. Only then is the usage its own.
func (m *TenantMonth) Stands() bool {
	return m.Status != Credited && m.Document.Kind != CreditNote
}

// Statement rolls up a month. The months of the tenants must be of the same
// calendar month, each in its tenant's own time zone. Once all of them are
// finalized the statement has the date of the last document, so that making it
// again gives the same; until then, and while any is overdue, it is of the day
// issued. near are the finalized documents of the months around it: with time
// zones apart, the edges of this month are in them.
func (b *Biller) Statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth, near ...*Document) (*Statement, error) {
	st, err := b.statement(ctx, first, issued, months, near)
	if err != nil {
		return nil, fmt.Errorf("statement for %s: %w", Month(first, b.TimeZone).Label(), err)
	}
	return st, nil
}

func (b *Biller) statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth, near []*Document) (*Statement, error) {
	months = slices.Clone(months)
	slices.SortStableFunc(months, func(a, b TenantMonth) int {
		return cmp.Or(cmp.Compare(a.Document.Tenant, b.Document.Tenant), cmp.Compare(a.Document.Revision, b.Document.Revision),
			cmp.Compare(kindOf(b.Document), kindOf(a.Document))) // an invoice, and then its credit note
	})
	if len(months) > 0 && !slices.ContainsFunc(months, func(m TenantMonth) bool { return !m.Issued() || m.Overdue > 0 }) {
		issued = pricing.Date{}
		for _, m := range months {
			issued = laterDate(issued, m.Document.IssueDate)
		}
	}
	st := &Statement{
		Period: Month(first, b.TimeZone), IssueDate: issued, Seller: b.Seller.Party,
		Tenants: []StatementRow{}, Unassigned: []UnassignedRow{}, Unrated: []UnratedRow{}, NotCharged: []NotChargedRow{},
		Vanished: []VanishedRow{}, OtherCosts: []OtherCost{}, Categories: []CategoryRow{}, Totals: []CurrencyTotal{},
	}
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range known {
		if a.OwnerSID == a.SID {
			st.MainAccount = Account{SID: a.SID, Name: a.Name}
		}
	}
	for _, m := range months {
		d := m.Document
		row := StatementRow{
			Tenant: d.Tenant, Name: d.Buyer.Name, Number: d.Number, Kind: kindOf(d), Revision: d.Revision,
			Status: m.Status, Reason: m.Reason, Overdue: m.Overdue,
			Currency: d.Currency, Revenue: d.Net, Tax: d.Total.Sub(d.Net), Total: d.Total,
		}
		if d.Corrects != nil {
			row.Corrects = d.Corrects.Number
		}
		st.Tenants = append(st.Tenants, row)
	}

	parts, err := b.parts(known, st.Period, months, near)
	if err != nil {
		return nil, err
	}
	list := make([]warehouse.Slice, len(parts))
	for i := range parts {
		list[i] = parts[i].Slice
	}
	sums, err := b.DB.SumUsage(ctx, list)
	if err != nil {
		return nil, err
	}
	from, to, err := st.Period.Bounds()
	if err != nil {
		return nil, err
	}
	all, err := b.DB.TotalUsage(ctx, from, to)
	if err != nil {
		return nil, err
	}
	st.Currency, st.OtherCosts = currencies(parts, sums)
	if st.Currency == "" && len(st.Tenants) > 0 {
		st.Currency = st.Tenants[0].Currency // a cost of nothing is that in any currency
	}
	for _, s := range all {
		st.Check.All = st.Check.All.Add(st.cost(s))
	}
	totals, free := newTotals(st), map[string]int{}
	for _, s := range sums {
		switch part := &parts[s.Slice]; part.is {
		case billed:
			totals.use(part, s)
		case unassigned:
			st.addUnassigned(free, known, s)
		case elsewhere:
			st.Check.Elsewhere = st.Check.Elsewhere.Add(st.cost(s))
		}
	}
	slices.SortFunc(st.Unassigned, func(a, b UnassignedRow) int { return cmp.Compare(a.Account.SID, b.Account.SID) })
	for _, m := range months {
		totals.lines(m.Document)
		for _, u := range m.Unrated {
			out := UnratedRow{Tenant: m.Document.Tenant, Kind: u.Kind, Reason: u.Reason, Records: u.Records}
			if u.Currency == st.Currency {
				out.Cost = u.Cost
			}
			st.Unrated = append(st.Unrated, out)
		}
	}
	totals.finish()
	st.leakage(months)
	return st, nil
}

// kindOf is a document's kind; those of before there were credit notes say none.
func kindOf(d *Document) DocumentKind { return cmp.Or(d.Kind, Invoice) }

// cost is that of a sum where it is in the statement's currency.
func (st *Statement) cost(s warehouse.UsageSum) decimal.Decimal {
	if s.Currency != st.Currency {
		return decimal.Zero
	}
	return s.Cost
}

// addUnassigned adds the usage of an account, which a map holds the row of.
func (st *Statement) addUnassigned(rows map[string]int, known []warehouse.Account, s warehouse.UsageSum) {
	i, seen := rows[s.Account]
	if !seen {
		i = len(st.Unassigned)
		rows[s.Account] = i
		row := UnassignedRow{Account: Account{SID: s.Account}}
		if a := find(known, s.Account); a != nil {
			row.Account.Name, row.Status = a.Name, a.Status
		}
		st.Unassigned = append(st.Unassigned, row)
	}
	row := &st.Unassigned[i]
	row.Records += int64(s.Records)
	row.Cost = row.Cost.Add(st.cost(s))
}

// find is the account of the sid; nil for none. Accounts are ordered by sid.
func find(known []warehouse.Account, sid string) *warehouse.Account {
	i, ok := slices.BinarySearchFunc(known, sid, func(a warehouse.Account, sid string) int { return cmp.Compare(a.SID, sid) })
	if !ok {
		return nil
	}
	return &known[i]
}

// leakage sums up what is invoiced to nobody. A cost is in one cause only.
func (st *Statement) leakage(months []TenantMonth) {
	causes := []LeakCause{OwnUse, NoTenant, NoPrice, FreeStatus, TakenBack}
	st.Leakage = make([]Leak, len(causes))
	for i, c := range causes {
		st.Leakage[i].Cause = c
	}
	add := func(cause LeakCause, records int64, cost decimal.Decimal) {
		l := &st.Leakage[slices.Index(causes, cause)]
		l.Records += records
		l.Cost = l.Cost.Add(cost)
	}
	for _, u := range st.Unassigned {
		cause := NoTenant
		if u.Account.SID == st.MainAccount.SID {
			cause = OwnUse
		}
		add(cause, u.Records, u.Cost)
		st.Check.Unassigned = st.Check.Unassigned.Add(u.Cost)
	}
	for _, u := range st.Unrated {
		add(NoPrice, u.Records, u.Cost)
	}
	for _, n := range st.NotCharged {
		add(FreeStatus, n.Records, n.Cost)
	}
	for tenant, i := range lastDocuments(months) {
		if months[i].Stands() {
			continue
		}
		records, cost := st.Tenants[i].Records, st.Tenants[i].Cost
		for _, n := range st.NotCharged {
			if n.Tenant == tenant {
				records, cost = records-n.Records, cost.Sub(n.Cost)
			}
		}
		add(TakenBack, records, cost)
	}
}

// totals adds up a statement's tenants and categories.
type totals struct {
	st         *Statement
	categories map[[2]string]*CategoryRow // by currency and category
}

func newTotals(st *Statement) *totals { return &totals{st, map[[2]string]*CategoryRow{}} }

func (t *totals) category(currency string, c pricing.Category) *CategoryRow {
	key := [2]string{currency, string(c)}
	if t.categories[key] == nil {
		t.categories[key] = &CategoryRow{Category: c, Currency: currency}
	}
	return t.categories[key]
}

// use adds usage that a document bills.
func (t *totals) use(part *part, s warehouse.UsageSum) {
	row, kind, cost := &t.st.Tenants[part.row], pricing.Kind(s.Kind), t.st.cost(s)
	row.Records += int64(s.Records)
	row.Cost = row.Cost.Add(cost)
	c := t.category(row.Currency, kind.Category())
	c.Records += int64(s.Records)
	c.Cost = c.Cost.Add(cost)
	t.st.Check.Tenants = t.st.Check.Tenants.Add(cost)
	if part.outside {
		t.st.Check.Outside = t.st.Check.Outside.Add(cost)
	}
	if s.Costing == 0 || part.charged(kind, s.Status) {
		return
	}
	// Sums come by tenant, so the row to add to is among the last ones.
	free := t.st.NotCharged
	i := len(free) - 1
	for i >= 0 && free[i].Tenant == row.Tenant && (free[i].Kind != kind || free[i].Status != s.Status) {
		i--
	}
	if i < 0 || free[i].Tenant != row.Tenant {
		i = len(free)
		free = append(free, NotChargedRow{Tenant: row.Tenant, Kind: kind, Status: s.Status})
	}
	free[i].Records += int64(s.Costing)
	free[i].Cost = free[i].Cost.Add(cost)
	t.st.NotCharged = free
}

// lines adds what a document invoices.
func (t *totals) lines(d *Document) {
	for i := range d.Lines {
		c := t.category(d.Currency, d.Lines[i].Category)
		c.Revenue = c.Revenue.Add(d.Lines[i].Amount)
	}
	for _, tax := range d.Taxes {
		if tax.Inclusive {
			c := t.category(d.Currency, ContainedTaxes)
			c.Revenue = c.Revenue.Sub(tax.Amount)
		}
	}
}

// finish works out margins and totals, and puts every list in order.
func (t *totals) finish() {
	st := t.st
	totals := map[string]*CurrencyTotal{}
	for i := range st.Tenants {
		row := &st.Tenants[i]
		row.Margin = st.margin(row.Currency, row.Revenue, row.Cost)
		sum := totals[row.Currency]
		if sum == nil {
			sum = &CurrencyTotal{Currency: row.Currency}
			totals[row.Currency] = sum
		}
		if i == 0 || st.Tenants[i-1].Tenant != row.Tenant || st.Tenants[i-1].Currency != row.Currency {
			sum.Tenants++
		}
		sum.Records += row.Records
		sum.Revenue = sum.Revenue.Add(row.Revenue)
		sum.Tax = sum.Tax.Add(row.Tax)
		sum.Total = sum.Total.Add(row.Total)
		sum.Cost = sum.Cost.Add(row.Cost)
	}
	for _, sum := range totals {
		sum.Margin = st.margin(sum.Currency, sum.Revenue, sum.Cost)
		st.Totals = append(st.Totals, *sum)
	}
	slices.SortFunc(st.Totals, func(a, b CurrencyTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	for _, c := range t.categories {
		c.Margin = st.margin(c.Currency, c.Revenue, c.Cost)
		st.Categories = append(st.Categories, *c)
	}
	order := append(slices.Clone(pricing.Categories), ContainedTaxes)
	slices.SortFunc(st.Categories, func(a, b CategoryRow) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(slices.Index(order, a.Category), slices.Index(order, b.Category)))
	})
	slices.SortFunc(st.NotCharged, func(a, b NotChargedRow) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(slices.Index(pricing.Kinds, a.Kind), slices.Index(pricing.Kinds, b.Kind)), cmp.Compare(a.Status, b.Status))
	})
}

// margin is revenue less cost; none where that is in another currency, also if it
// is nothing: a tenant's documents would else have margins, or none, in turn.
func (st *Statement) margin(currency string, revenue, cost decimal.Decimal) (none decimal.NullDecimal) {
	if currency != st.Currency && st.Currency != "" && !(revenue.IsZero() && cost.IsZero()) {
		return none
	}
	return decimal.NewNullDecimal(revenue.Sub(cost))
}

// currencies finds the currency that most costs are in, by records, and sums
// up the others, ordered by code.
func currencies(parts []part, sums []warehouse.UsageSum) (main string, others []OtherCost) {
	all := map[string]*OtherCost{}
	for _, s := range sums {
		// What is elsewhere is on another month's statement.
		if s.Cost.IsZero() || parts[s.Slice].is == elsewhere {
			continue
		}
		c := all[s.Currency]
		if c == nil {
			c = &OtherCost{Currency: s.Currency}
			all[s.Currency] = c
		}
		c.Records += int64(s.Costing)
		c.Cost = c.Cost.Add(s.Cost)
	}
	for code, c := range all {
		if main == "" || c.Records > all[main].Records || c.Records == all[main].Records && code < main {
			main = code
		}
	}
	others = []OtherCost{}
	for code, c := range all {
		if code != main {
			others = append(others, *c)
		}
	}
	slices.SortFunc(others, func(a, b OtherCost) int { return cmp.Compare(a.Currency, b.Currency) })
	return main, others
}

// part is usage that stands in one place of a statement.
type part struct {
	warehouse.Slice
	is      place
	row     int           // of the tenant, where billed
	plan    *pricing.Plan // that is in force, where billed; nil where it is not configured any more
	outside bool          // of the main account's month, where billed
}

type place int

const (
	billed     place = iota // by a document of the month
	unassigned              // no tenant's
	elsewhere               // in the main account's month, but in the month before or after of its tenant, or before billing began
)

// charged reports whether the tenant pays for a record of a kind and status.
func (p *part) charged(k pricing.Kind, status string) bool {
	if p.plan == nil {
		return pricing.Charged(k, status)
	}
	return p.plan.Charged(k, status)
}

// parts are all usage of the month, and of the tenants' months, each in its own
// place. A month that was invoiced is owned as its document says; the
// configuration counts for those that were not.
func (b *Biller) parts(known []warehouse.Account, month Period, months []TenantMonth, near []*Document) ([]part, error) {
	from, to, err := month.Bounds()
	if err != nil {
		return nil, err
	}
	var out []part
	mine := map[string][]instants{}     // what this month's documents bill, by account
	invoiced := map[string][]instants{} // by tenant
	last := lastDocuments(months)
	for i := range months {
		m := &months[i]
		if last[m.Document.Tenant] != i {
			continue
		}
		list, err := b.billedParts(m.Document, i, from, to)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			for _, sid := range p.Accounts {
				mine[sid] = append(mine[sid], instants{p.From, p.To})
			}
		}
		out = append(out, list...)
		if m.Issued() {
			near = append(near, m.Document)
		}
	}
	owned := map[string][]instants{}
	for _, doc := range near {
		billed, err := doc.Slices()
		if err != nil {
			return nil, err
		}
		for _, s := range billed {
			for _, sid := range s.Accounts {
				owned[sid] = append(owned[sid], instants{s.From, s.To})
			}
		}
		begin, end, err := doc.Period.Bounds()
		if err != nil {
			return nil, err
		}
		invoiced[doc.Tenant] = append(invoiced[doc.Tenant], instants{begin, end})
	}
	for i := range b.Tenants {
		t := &b.Tenants[i]
		loc, err := time.LoadLocation(t.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: time zone %q: %w", t.ID, t.TimeZone, err)
		}
		for _, a := range t.Subaccounts {
			// What a tenant used before billing began is not unassigned.
			has := instants{from, to}
			if first := laterDate(b.Start, t.From, a.From); b.Start.Before(first) {
				has.from = first.Start(loc)
			}
			if until := earlierDate(pricing.Date{Year: 9999, Month: 12, Day: 31}, t.Until, a.Until, b.closed(t, a.SID)); until.Year < 9999 {
				has.to = until.Start(loc)
				// A day of a number is one in UTC, and stands at its noon.
				if at, closed := b.Closed[a.SID]; closed && until == b.closed(t, a.SID) {
					if end := at.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour); has.to.Before(end) {
						has.to = end
					}
				}
			}
			owned[a.SID] = append(owned[a.SID], gaps(has, invoiced[t.ID])...)
		}
	}
	// Accounts that are in a place at the same times share one slice.
	rest := map[place]map[instants][]string{unassigned: {}, elsewhere: {}}
	for _, a := range known {
		free := gaps(instants{from, to}, slices.Concat(mine[a.SID], owned[a.SID]))
		for _, gap := range free {
			rest[unassigned][gap] = append(rest[unassigned][gap], a.SID)
		}
		for _, gap := range gaps(instants{from, to}, slices.Concat(mine[a.SID], free)) {
			rest[elsewhere][gap] = append(rest[elsewhere][gap], a.SID)
		}
	}
	for _, is := range []place{unassigned, elsewhere} {
		first := len(out)
		for gap, sids := range rest[is] {
			out = append(out, part{Slice: warehouse.Slice{Accounts: sids, From: gap.from, To: gap.to}, is: is})
		}
		slices.SortFunc(out[first:], func(a, b part) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	}
	return out, nil
}

// lastDocuments are the indexes of the documents whose usage is on the statement,
// by tenant: the last invoice that was not taken back, or where all were, the last
// credit note, since what was used still cost something.
func lastDocuments(months []TenantMonth) map[string]int {
	last := map[string]int{}
	for i := range months {
		tenant := months[i].Document.Tenant
		if before, seen := last[tenant]; !seen || months[i].Stands() || !months[before].Stands() {
			last[tenant] = i
		}
	}
	return last
}

// billedParts are the usage that a document bills, cut where its plan changes
// and where the main account's month [from, to) begins and ends.
func (b *Biller) billedParts(d *Document, row int, from, to time.Time) ([]part, error) {
	list, err := d.Slices()
	if err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(d.Period.TimeZone)
	if err != nil {
		return nil, err
	}
	cuts := []time.Time{from, to}
	for _, p := range d.Plans {
		cuts = append(cuts, p.From.Start(loc))
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var out []part
	for _, s := range list {
		for _, at := range append(cuts, s.To) {
			if !s.From.Before(at) || s.To.Before(at) {
				continue
			}
			p := part{Slice: s, row: row, outside: s.From.Before(from) || !s.From.Before(to)}
			p.To = at
			for _, ref := range d.Plans {
				if p.plan == nil || !s.From.Before(ref.From.Start(loc)) {
					p.plan = b.Plans[ref.Name]
				}
			}
			out = append(out, p)
			s.From = at
		}
	}
	return out, nil
}

// instants is the time [from, to).
type instants struct{ from, to time.Time }

// gaps is what is left of all when the parts are taken away.
func gaps(all instants, parts []instants) []instants {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b instants) int { return a.from.Compare(b.from) })
	var out []instants
	at := all.from
	for _, p := range parts {
		if at.Before(p.from) && at.Before(all.to) {
			end := p.from
			if all.to.Before(end) {
				end = all.to
			}
			out = append(out, instants{at.UTC(), end.UTC()})
		}
		if at.Before(p.to) {
			at = p.to
		}
	}
	if at.Before(all.to) {
		out = append(out, instants{at.UTC(), all.to.UTC()})
	}
	return out
}

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

// The states of a tenant's month on a statement.
const (
	Finalized = "finalized"
	Drafted   = "draft"
	Parked    = "parked"
	Credited  = "credited" // finalized, and taken back by a credit note
)

// TenantMonth is what became of a tenant's invoice for a month.
type TenantMonth struct {
	Document *Document
	Status   string
	Reason   string            // why it is parked
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
// finalized the statement has the date of the last invoice, so that making it
// again gives the same; until then it is of the day issued. near are the
// finalized documents of the months around it: with time zones apart, the edges
// of this month are in them.
func (b *Biller) Statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth, near ...*Document) (*Statement, error) {
	st, err := b.statement(ctx, first, issued, months, near)
	if err != nil {
		return nil, fmt.Errorf("statement for %s: %w", Month(first, b.TimeZone).Label(), err)
	}
	return st, nil
}

func (b *Biller) statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth, near []*Document) (*Statement, error) {
	if len(months) > 0 && !slices.ContainsFunc(months, func(m TenantMonth) bool { return !m.Issued() }) {
		issued = pricing.Date{}
		for _, m := range months {
			issued = laterDate(issued, m.Document.IssueDate)
		}
	}
	st := &Statement{Period: Month(first, b.TimeZone), IssueDate: issued, Seller: b.Seller.Party}
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range known {
		if a.OwnerSID == a.SID {
			st.MainAccount = Account{SID: a.SID, Name: a.Name}
		}
	}

	var use [][]warehouse.UsageSum // of each tenant, and of none
	for _, m := range months {
		st.Tenants = append(st.Tenants, StatementRow{
			Tenant: m.Document.Tenant, Name: m.Document.Buyer.Name, Number: m.Document.Number, Status: m.Status, Reason: m.Reason,
			Currency: m.Document.Currency, Revenue: m.Document.Net, Total: m.Document.Total,
			Tax: m.Document.Total.Sub(m.Document.Net),
		})
		if !m.Stands() {
			use = append(use, nil)
			continue
		}
		billed, err := m.Document.Slices()
		if err != nil {
			return nil, err
		}
		sums, err := b.DB.SumUsage(ctx, billed)
		if err != nil {
			return nil, err
		}
		use = append(use, sums)
	}
	free, err := b.unassigned(known, st.Period, months, near)
	if err != nil {
		return nil, err
	}
	sums, err := b.DB.SumUsage(ctx, free)
	if err != nil {
		return nil, err
	}
	st.Currency, st.OtherCosts = currencies(append(use, sums))
	if st.Currency == "" && len(st.Tenants) > 0 {
		st.Currency = st.Tenants[0].Currency // a cost of nothing is that in any currency
	}

	for i := range months {
		row := &st.Tenants[i]
		for _, s := range use[i] {
			row.Records += int64(s.Records)
			if s.Currency == st.Currency {
				row.Cost = row.Cost.Add(s.Cost)
			}
		}
		for _, u := range months[i].Unrated {
			out := UnratedRow{Tenant: row.Tenant, Kind: u.Kind, Reason: u.Reason, Records: u.Records}
			if u.Currency == st.Currency {
				out.Cost = u.Cost
			}
			st.Unrated = append(st.Unrated, out)
		}
	}
	for _, s := range sums {
		if n := len(st.Unassigned); n == 0 || st.Unassigned[n-1].Account.SID != s.Account {
			row := UnassignedRow{Account: Account{SID: s.Account, Name: accountName(known, s.Account)}}
			for _, a := range known {
				if a.SID == s.Account {
					row.Status = a.Status
				}
			}
			st.Unassigned = append(st.Unassigned, row)
		}
		row := &st.Unassigned[len(st.Unassigned)-1]
		row.Records += int64(s.Records)
		if s.Currency == st.Currency {
			row.Cost = row.Cost.Add(s.Cost)
		}
	}
	slices.SortFunc(st.Tenants, func(a, b StatementRow) int { return cmp.Compare(a.Tenant, b.Tenant) })
	slices.SortStableFunc(st.Unrated, func(a, b UnratedRow) int { return cmp.Compare(a.Tenant, b.Tenant) })

	totals := map[string]*CurrencyTotal{}
	for i := range st.Tenants {
		row := &st.Tenants[i]
		t := totals[row.Currency]
		if t == nil {
			t = &CurrencyTotal{Currency: row.Currency}
			totals[row.Currency] = t
		}
		// Without any cost there is nothing in another currency to subtract.
		if row.Currency == st.Currency || row.Cost.IsZero() {
			row.Margin = decimal.NewNullDecimal(row.Revenue.Sub(row.Cost))
		}
		t.Tenants++
		t.Records += row.Records
		t.Revenue = t.Revenue.Add(row.Revenue)
		t.Tax = t.Tax.Add(row.Tax)
		t.Total = t.Total.Add(row.Total)
		t.Cost = t.Cost.Add(row.Cost)
	}
	for _, t := range totals {
		if t.Currency == st.Currency || t.Cost.IsZero() {
			t.Margin = decimal.NewNullDecimal(t.Revenue.Sub(t.Cost))
		}
		st.Totals = append(st.Totals, *t)
	}
	slices.SortFunc(st.Totals, func(a, b CurrencyTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return st, nil
}

// currencies finds the currency that most costs are in, by records, and sums
// up the others, ordered by code.
func currencies(use [][]warehouse.UsageSum) (main string, others []OtherCost) {
	all := map[string]*OtherCost{}
	for _, sums := range use {
		for _, s := range sums {
			if s.Cost.IsZero() { // nothing, in any currency
				continue
			}
			c := all[s.Currency]
			if c == nil {
				c = &OtherCost{Currency: s.Currency}
				all[s.Currency] = c
			}
			c.Records += int64(s.Records)
			c.Cost = c.Cost.Add(s.Cost)
		}
	}
	for code, c := range all {
		if main == "" || c.Records > all[main].Records || c.Records == all[main].Records && code < main {
			main = code
		}
	}
	for code, c := range all {
		if code != main {
			others = append(others, *c)
		}
	}
	slices.SortFunc(others, func(a, b OtherCost) int { return cmp.Compare(a.Currency, b.Currency) })
	return main, others
}

// unassigned is the usage of the month in times when no tenant owns it. A
// month that was invoiced is owned as its document says; the configuration
// counts for those that were not.
func (b *Biller) unassigned(known []warehouse.Account, month Period, months []TenantMonth, near []*Document) ([]warehouse.Slice, error) {
	from, to, err := month.Bounds()
	if err != nil {
		return nil, err
	}
	owned := map[string][]instants{}
	invoiced := map[string][]instants{} // by tenant
	own := func(doc *Document) error {
		billed, err := doc.Slices()
		for _, s := range billed {
			for _, sid := range s.Accounts {
				owned[sid] = append(owned[sid], instants{s.From, s.To})
			}
		}
		return err
	}
	for _, m := range months {
		if err := own(m.Document); err != nil {
			return nil, err
		}
		if m.Issued() {
			near = append(near, m.Document)
		}
	}
	for _, doc := range near {
		if err := own(doc); err != nil {
			return nil, err
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
	// Accounts that are free at the same times share one slice.
	free := map[instants][]string{}
	for _, a := range known {
		for _, gap := range gaps(instants{from, to}, owned[a.SID]) {
			free[gap] = append(free[gap], a.SID)
		}
	}
	var use []warehouse.Slice
	for gap, sids := range free {
		use = append(use, warehouse.Slice{Accounts: sids, From: gap.from, To: gap.to})
	}
	slices.SortFunc(use, func(a, b warehouse.Slice) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return use, nil
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

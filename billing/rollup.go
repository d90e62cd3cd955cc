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
)

// TenantMonth is what became of a tenant's invoice for a month.
type TenantMonth struct {
	Document *Document
	Status   string
	Reason   string            // why it is parked
	Unrated  []pricing.Unrated // empty when finalized
}

// Statement rolls up a month. The months of the tenants must be of the same
// calendar month, each in its tenant's own time zone. Once all of them are
// finalized the statement has the date of the last invoice, so that making it
// again gives the same; until then it is of the day issued.
func (b *Biller) Statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth) (*Statement, error) {
	st, err := b.statement(ctx, first, issued, months)
	if err != nil {
		return nil, fmt.Errorf("statement for %s: %w", Month(first, b.TimeZone).Label(), err)
	}
	return st, nil
}

func (b *Biller) statement(ctx context.Context, first pricing.Date, issued pricing.Date, months []TenantMonth) (*Statement, error) {
	if !slices.ContainsFunc(months, func(m TenantMonth) bool { return m.Status != Finalized }) {
		issued = pricing.Date{}
		for _, m := range months {
			issued = laterDate(issued, m.Document.IssueDate)
		}
	}
	st := &Statement{Period: Month(first, b.TimeZone), IssueDate: issued, Seller: b.Seller}
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range known {
		if a.OwnerSID == a.SID {
			st.MainAccount = Account{SID: a.SID, Name: a.Name}
		}
	}

	cost := costs{}
	totals := map[string]*CurrencyTotal{}
	for _, m := range months {
		use, err := m.Document.Slices()
		if err != nil {
			return nil, err
		}
		row := StatementRow{
			Tenant: m.Document.Tenant, Name: m.Document.Buyer.Name, Number: m.Document.Number, Status: m.Status, Reason: m.Reason,
			Currency: m.Document.Currency, Revenue: m.Document.Net, Total: m.Document.Total,
			Tax: m.Document.Total.Sub(m.Document.Net),
		}
		sums, err := b.DB.SumUsage(ctx, use)
		if err != nil {
			return nil, err
		}
		for _, s := range sums {
			row.Records += int64(s.Records)
			row.Cost = row.Cost.Add(cost.add(s.Currency, s.Cost))
		}
		st.Tenants = append(st.Tenants, row)
		for _, u := range m.Unrated {
			st.Unrated = append(st.Unrated, UnratedRow{
				Tenant: m.Document.Tenant, Kind: u.Kind, Reason: u.Reason, Records: u.Records, Cost: cost.add(u.Currency, u.Cost),
			})
		}
	}
	slices.SortFunc(st.Tenants, func(a, b StatementRow) int { return cmp.Compare(a.Tenant, b.Tenant) })
	slices.SortStableFunc(st.Unrated, func(a, b UnratedRow) int { return cmp.Compare(a.Tenant, b.Tenant) })

	if st.Unassigned, err = b.unassigned(ctx, known, st.Period, months, cost); err != nil {
		return nil, err
	}
	if st.Currency, err = cost.currency(); err != nil {
		return nil, err
	}
	if st.Currency == "" && len(st.Tenants) > 0 {
		st.Currency = st.Tenants[0].Currency // a cost of nothing is that in any currency
	}

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

// unassigned lists what each account used in the month while no tenant owned
// it, by sid.
func (b *Biller) unassigned(ctx context.Context, known []warehouse.Account, month Period, months []TenantMonth, cost costs) ([]UnassignedRow, error) {
	from, to, err := month.Bounds()
	if err != nil {
		return nil, err
	}
	owned := map[string][]instants{}
	for i := range b.Tenants {
		t := &b.Tenants[i]
		loc, err := time.LoadLocation(t.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: time zone %q: %w", t.ID, t.TimeZone, err)
		}
		for _, a := range t.Subaccounts {
			// What a tenant used before billing began is not unassigned.
			begin := from
			if first := laterDate(b.Start, t.From, a.From); b.Start.Before(first) {
				begin = first.Start(loc)
			}
			end := to
			if until := earlierDate(pricing.Date{Year: 9999, Month: 12, Day: 31}, t.Until, a.Until); until.Year < 9999 {
				end = until.Start(loc)
			}
			owned[a.SID] = append(owned[a.SID], instants{begin, end})
		}
	}
	// An invoice keeps what it billed, whoever owns the account by now.
	for _, m := range months {
		billed, err := m.Document.Slices()
		if err != nil {
			return nil, err
		}
		for _, s := range billed {
			for _, sid := range s.Accounts {
				owned[sid] = append(owned[sid], instants{s.From, s.To})
			}
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
	sums, err := b.DB.SumUsage(ctx, use)
	if err != nil {
		return nil, err
	}
	var rows []UnassignedRow
	for _, s := range sums {
		c := cost.add(s.Currency, s.Cost)
		if n := len(rows); n > 0 && rows[n-1].Account.SID == s.Account {
			rows[n-1].Records += int64(s.Records)
			rows[n-1].Cost = rows[n-1].Cost.Add(c)
			continue
		}
		row := UnassignedRow{Account: Account{SID: s.Account, Name: accountName(known, s.Account)}, Records: int64(s.Records), Cost: c}
		for _, a := range known {
			if a.SID == s.Account {
				row.Status = a.Status
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
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

// costs notes which currencies costs came in.
type costs map[string]bool

func (c costs) add(currency string, amount decimal.Decimal) decimal.Decimal {
	if currency != "" && !amount.IsZero() {
		c[currency] = true
	}
	return amount
}

// currency is the one that all costs are in; empty without costs.
func (c costs) currency() (string, error) {
	var list []string
	for code := range c {
		list = append(list, code)
	}
	slices.Sort(list)
	switch len(list) {
	case 0:
		return "", nil
	case 1:
		return list[0], nil
	}
	return "", fmt.Errorf("twilio's costs come in %v, and amounts in different currencies cannot be added up", list)
}

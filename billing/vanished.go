package billing

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"subtally/pricing"
)

// Vanished lists a month's usage that Twilio listed once and does not list any
// more. It stays billed. Whose it is, the month's documents say; usage that none of
// them bills counts where it falls into the month in the main account's time zone.
// Costs are those in the currency, ISO 4217.
func (b *Biller) Vanished(ctx context.Context, first pricing.Date, currency string, months []TenantMonth) ([]VanishedRow, error) {
	month := Month(first, b.TimeZone)
	from, to, err := month.Bounds()
	if err != nil {
		return nil, err
	}
	begin, end := from, to
	type owner struct {
		instants
		tenant string
	}
	owners := map[string][]owner{} // by account
	for _, m := range months {
		if !m.Stands() {
			continue
		}
		use, err := m.Document.Slices()
		if err != nil {
			return nil, err
		}
		for _, s := range use {
			for _, sid := range s.Accounts {
				owners[sid] = append(owners[sid], owner{instants{s.From, s.To}, m.Document.Tenant})
			}
			if s.From.Before(begin) {
				begin = s.From
			}
			if s.To.After(end) {
				end = s.To
			}
		}
	}
	list, err := b.DB.Vanished(ctx, begin, end)
	if err != nil || len(list) == 0 {
		return []VanishedRow{}, err
	}
	known, err := b.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := []VanishedRow{}
	for _, v := range list {
		row := VanishedRow{Account: Account{SID: v.Account, Name: accountName(known, v.Account)}, Kind: pricing.Kind(v.Kind), Records: int64(v.Records)}
		i := slices.IndexFunc(owners[v.Account], func(o owner) bool { return !v.StartedAt.Before(o.from) && v.StartedAt.Before(o.to) })
		if i >= 0 {
			row.Tenant = owners[v.Account][i].tenant
		} else if v.StartedAt.Before(from) || !v.StartedAt.Before(to) {
			continue
		}
		if v.Currency == currency {
			row.Cost = v.Cost
		}
		same := func(other VanishedRow) bool {
			return other.Tenant == row.Tenant && other.Account.SID == row.Account.SID && other.Kind == row.Kind
		}
		if at := slices.IndexFunc(out, same); at >= 0 {
			out[at].Records += row.Records
			out[at].Cost = out[at].Cost.Add(row.Cost)
		} else {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b VanishedRow) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Account.SID, b.Account.SID),
			cmp.Compare(slices.Index(pricing.Kinds, a.Kind), slices.Index(pricing.Kinds, b.Kind)))
	})
	return out, nil
}

package billing

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"subtally/internal/warehouse"
)

func TestSuspensions(t *testing.T) {
	known := []warehouse.Account{
		{SID: sid(1), OwnerSID: sid(1), Status: "active", Name: "main"},
		{SID: sid(2), OwnerSID: sid(1), Status: "active", Name: "two"},
		{SID: sid(3), OwnerSID: sid(1), Status: "suspended", Name: "three"},
		{SID: sid(4), OwnerSID: sid(1), Status: "active", Name: "four"},
	}
	own := func(sids ...string) (out []Assignment) {
		for _, s := range sids {
			out = append(out, Assignment{SID: s})
		}
		return out
	}
	late := Overdue{Number: "INV-1", Due: date(t, "2026-12-04"), Days: 14, Open: number("10"), Currency: "USD"}
	later := Overdue{Number: "INV-0", Due: date(t, "2026-11-04"), Days: 44, Open: number("3"), Currency: "USD"}
	soon := Overdue{Number: "INV-2", Due: date(t, "2026-12-05"), Days: 13, Open: number("10"), Currency: "USD"}
	for _, test := range []struct {
		name    string
		tenant  Tenant
		overdue []Overdue
		want    []Suspension
	}{
		{"not for long enough", Tenant{Subaccounts: own(sid(2))}, []Overdue{soon}, nil},
		{"long enough, the oldest first, what is not for long enough left out", Tenant{Subaccounts: own(sid(4), sid(2))}, []Overdue{soon, late, later},
			[]Suspension{{Tenant: "a", Invoices: []Overdue{later, late}, Accounts: []Account{{SID: sid(2), Name: "two"}, {SID: sid(4), Name: "four"}}}}},
		{"suspended already", Tenant{Subaccounts: own(sid(3))}, []Overdue{late}, nil},
		{"one of two suspended already", Tenant{Subaccounts: own(sid(3), sid(4))}, []Overdue{late},
			[]Suspension{{Tenant: "a", Invoices: []Overdue{late}, Accounts: []Account{{SID: sid(4), Name: "four"}}}}},
		{"by policy", Tenant{Overdue: OverdueSuspend, Subaccounts: own(sid(2))}, []Overdue{late},
			[]Suspension{{Tenant: "a", Invoices: []Overdue{late}, Accounts: []Account{{SID: sid(2), Name: "two"}}, Automatic: true}}},
		{"ignored", Tenant{Overdue: OverdueIgnore, Subaccounts: own(sid(2))}, []Overdue{late}, nil},
		{"never the main account", Tenant{Overdue: OverdueSuspend, Subaccounts: own(sid(1))}, []Overdue{late}, nil},
		{"another tenant's by now", Tenant{Subaccounts: []Assignment{{SID: sid(2), Until: date(t, "2026-12-18")}}}, []Overdue{late}, nil},
		{"its last day", Tenant{Subaccounts: []Assignment{{SID: sid(2), Until: date(t, "2026-12-19")}}}, []Overdue{late},
			[]Suspension{{Tenant: "a", Invoices: []Overdue{late}, Accounts: []Account{{SID: sid(2), Name: "two"}}}}},
		{"nothing overdue", Tenant{Overdue: OverdueSuspend, Subaccounts: own(sid(2))}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.tenant.ID, test.tenant.TimeZone = "a", "UTC"
			b := &Biller{Tenants: []Tenant{test.tenant}, Start: date(t, "2026-10-01")}
			got := b.Suspensions(date(t, "2026-12-18"), 14, known, map[string][]Overdue{"a": test.overdue})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

package config

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"subtally/billing"
	"subtally/pricing"
)

// checkJournal checks the accounts that the journal books on.
func (l *loader) checkJournal(a *billing.JournalAccounts) {
	codes := []struct{ key, code string }{{"receivable", a.Receivable}, {"revenue", a.Revenue}, {"tax", a.Tax}}
	for _, optional := range []struct{ key, code string }{{"bank", a.Bank}, {"cost", a.Cost}, {"accrued_cost", a.AccruedCost}} {
		if l.main.has("journal." + optional.key) {
			codes = append(codes, optional)
		}
	}
	for _, by := range []struct {
		key   string
		codes map[string]string
	}{{"revenue_by_charge", a.RevenueByCharge}, {"revenue_by_tax_code", a.RevenueByTaxCode}, {"revenue_by_category", a.RevenueByCategory}, {"tax_by_name", a.TaxByName}} {
		for _, name := range slices.Sorted(maps.Keys(by.codes)) {
			codes = append(codes, struct{ key, code string }{join(by.key, name), by.codes[name]})
		}
	}
	for _, c := range codes {
		if c.code == "" || c.code != strings.TrimSpace(c.code) || strings.ContainsFunc(c.code, unicode.IsControl) {
			l.main.problem("journal."+c.key, "%q is not an account: give its code in your books, such as 1200", c.code)
		}
	}
	var known []string
	for _, category := range pricing.Categories {
		known = append(known, string(category))
	}
	for _, name := range slices.Sorted(maps.Keys(a.RevenueByCategory)) {
		if !slices.Contains(known, name) {
			l.main.problem(join("journal.revenue_by_category", name), "%q is not a category of invoice lines; known: %s", name, strings.Join(known, ", "))
		}
	}
	if l.main.has("journal.cost") != l.main.has("journal.accrued_cost") {
		l.main.problem("journal", "cost and accrued_cost are the two sides of one booking: give both or neither")
	}
}

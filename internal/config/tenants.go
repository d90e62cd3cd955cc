package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// tenantForm keeps tenant ids fit for file names on every system.
var tenantForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// tenantCheck checks the tenants file.
type tenantCheck struct {
	doc      *document
	plans    map[string]*pricing.Plan
	complete bool // the plans are all known
	sellers  []string
	start    pricing.Date
	claims   []claim
}

// claim is a subaccount in a tenant's hands, from an instant until another.
type claim struct {
	tenant      *billing.Tenant
	sid         string
	path        string
	line        int
	zone        *time.Location
	from, until time.Time
}

var (
	distantPast   = time.Time{}
	distantFuture = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

	hundred = decimal.NewFromInt(100)
)

func (c *tenantCheck) check(tenants []billing.Tenant) {
	first := map[string]int{}
	for i := range tenants {
		t := &tenants[i]
		at := fmt.Sprintf("tenants[%d]", i)
		if !tenantForm.MatchString(t.ID) {
			c.doc.problem(at+".id", "%q is not a tenant id: it needs 1 to 64 of a to z, 0 to 9, '.', '_' and '-', the first a letter or digit, since files are named by it", t.ID)
		} else if line, dup := first[t.ID]; dup {
			c.doc.problem(at+".id", "tenant %q is already on line %d; give this one another id", t.ID, line)
		} else {
			first[t.ID] = c.doc.line(at + ".id")
		}
		c.tenant(at, t)
	}
	c.overlaps()
}

func (c *tenantCheck) tenant(at string, t *billing.Tenant) {
	bad := c.doc.problem
	if t.Plan == "" {
		bad(at+".plan", "tenant %q needs a plan", t.ID)
	} else {
		c.plan(at+".plan", t.Plan)
	}
	c.seller(at+".seller", t.Seller)
	c.planChanges(at, t)
	if plan := c.plans[t.Plan]; plan != nil {
		all := *plan // the credits of every plan that the tenant comes to have
		for _, change := range t.PlanChanges {
			if next := c.plans[change.Plan]; next != nil {
				all.Credits = append(slices.Clip(all.Credits), next.Credits...)
			}
		}
		for _, b := range all.CheckCredits(t.Credits) {
			bad(at+"."+b.Path, "%s", b.Text)
		}
	}
	if t.Buyer.Name == "" {
		bad(at+".buyer.name", "tenant %q needs a buyer with a name: invoices print it", t.ID)
	}
	checkTaxes(c.doc, at+".taxes", t.Taxes)
	c.order(at, t.From, t.Until)

	zone, err := loadZone(t.TimeZone)
	if t.TimeZone == "" {
		bad(at+".time_zone", "tenant %q needs a time zone: an IANA name such as Europe/Berlin", t.ID)
	} else if err != nil {
		bad(at+".time_zone", "%v", err)
	}
	for j := range t.Subaccounts {
		c.assignment(fmt.Sprintf("%s.subaccounts[%d]", at, j), t, &t.Subaccounts[j])
	}
	if zone == nil || c.damaged(at, "from", "until", "time_zone") {
		return
	}
	for j, a := range t.Subaccounts {
		path := fmt.Sprintf("%s.subaccounts[%d]", at, j)
		from, until := distantPast, distantFuture
		if day := firstDate(a.From, t.From, c.start); !day.IsZero() {
			from = day.Start(zone)
		}
		if day := firstDate(a.Until, t.Until); !day.IsZero() {
			until = day.Start(zone)
		}
		if accountForm.MatchString(a.SID) && !c.doc.damaged(path) && from.Before(until) {
			c.claims = append(c.claims, claim{t, a.SID, path, c.doc.line(path), zone, from, until})
		}
	}
}

// plan checks that there is a plan of the name.
func (c *tenantCheck) plan(at, name string) {
	if !c.complete || c.plans[name] != nil {
		return
	}
	names := slices.Sorted(maps.Keys(c.plans))
	if s := suggest(name, names); s != "" {
		c.doc.problem(at, "there is no plan %q; did you mean %q?", name, s)
	} else {
		c.doc.problem(at, "there is no plan %q; there is %s", name, strings.Join(names, ", "))
	}
}

// seller checks that there is a seller of the id.
func (c *tenantCheck) seller(at, id string) {
	if id == "" || slices.Contains(c.sellers, id) {
		return
	}
	if s := suggest(id, c.sellers); s != "" {
		c.doc.problem(at, "there is no seller %q under sellers; did you mean %q?", id, s)
	} else {
		c.doc.problem(at, "there is no seller %q under sellers; the one under seller is a tenant's without this key", id)
	}
}

// planChanges checks that a tenant's plans follow on each other in time and
// have one currency, since invoices hand credits and allowances on. Within a
// month a plan must not come back: an invoice has each plan once.
func (c *tenantCheck) planChanges(at string, t *billing.Tenant) {
	name, from := t.Plan, t.From
	since := map[string]pricing.Date{} // when each plan was last left
	for i, change := range t.PlanChanges {
		at := fmt.Sprintf("%s.plan_changes[%d]", at, i)
		c.plan(at+".plan", change.Plan)
		switch {
		case change.From.IsZero():
			c.doc.problem(at+".from", "a change of plan needs the day from which the new one holds")
		case !from.IsZero() && !from.Before(change.From):
			c.doc.problem(at+".from", "%s is not after %s, when the plan before it begins", change.From, from)
		case change.Plan == name:
			c.doc.problem(at+".plan", "plan %q is in force already", name)
		}
		if a, b := c.plans[t.Plan], c.plans[change.Plan]; a != nil && b != nil && a.Currency != b.Currency {
			c.doc.problem(at+".plan", "plan %q is in %s and plan %q in %s: a tenant has one currency; make another tenant", change.Plan, b.Currency, t.Plan, a.Currency)
		}
		since[name] = change.From
		if left, was := since[change.Plan]; was && change.Plan != name && left.FirstOfMonth() == change.From.FirstOfMonth() {
			c.doc.problem(at+".plan", "plan %q comes back in the month that it ended in, on %s; copy it under another name", change.Plan, left)
		}
		name, from = change.Plan, change.From
	}
}

// checkTaxes reports what is wrong in a list of taxes, which stands at the
// path list.
func checkTaxes(doc *document, list string, taxes []pricing.TaxRate) {
	if len(taxes) > 10 { // each may be on all before it
		doc.problem(list, "%d taxes: no invoice has more than 10", len(taxes))
	}
	for i, tax := range taxes {
		at := fmt.Sprintf("%s[%d]", list, i)
		if tax.Name == "" {
			doc.problem(at+".name", "a tax needs a name such as VAT: invoices print it")
		}
		if !doc.has(at + ".rate") {
			doc.problem(at+".rate", "a tax needs a rate in percent")
		}
		if tax.Rate.IsNegative() || tax.Rate.GreaterThan(hundred) {
			doc.problem(at+".rate", "%s is not a percentage from 0 to 100", tax.Rate)
		}
		exclusive := slices.IndexFunc(taxes[:i], func(before pricing.TaxRate) bool { return !before.Inclusive })
		if tax.Inclusive && tax.Compound && exclusive >= 0 {
			doc.problem(at+".compound", "tax %q is contained in the prices, so it cannot be on %q, which comes on top of them: put it before that one, or leave compound out", tax.Name, taxes[exclusive].Name)
		}
	}
}

func (c *tenantCheck) assignment(at string, t *billing.Tenant, a *billing.Assignment) {
	bad := c.doc.problem
	if !accountForm.MatchString(a.SID) {
		bad(at+".sid", "%q is not an account sid: AC and 32 hexadecimal digits", a.SID)
	}
	c.order(at, a.From, a.Until)
	outside := func(key string, day pricing.Date) {
		if !t.From.IsZero() && day.Before(t.From) {
			bad(at+"."+key, "%s is before tenant %q begins on %s", day, t.ID, t.From)
		}
		if !t.Until.IsZero() && t.Until.Before(day) {
			bad(at+"."+key, "%s is after tenant %q ends on %s", day, t.ID, t.Until)
		}
	}
	if !a.From.IsZero() {
		outside("from", a.From)
	}
	if !a.Until.IsZero() {
		outside("until", a.Until)
	}
}

func (c *tenantCheck) order(at string, from, until pricing.Date) {
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		c.doc.problem(at+".until", "until %s is not after from %s: it is the first day no longer included", until, from)
	}
}

func (c *tenantCheck) damaged(at string, keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return c.doc.damaged(at + "." + key) })
}

// firstDate is the first of the dates that is given.
func firstDate(dates ...pricing.Date) pricing.Date {
	for _, d := range dates {
		if !d.IsZero() {
			return d
		}
	}
	return pricing.Date{}
}

// overlaps finds subaccounts that are claimed twice for the same time. It
// compares instants: the days of two tenants in different time zones begin at
// different times.
func (c *tenantCheck) overlaps() {
	bySID := map[string][]claim{}
	for _, cl := range c.claims {
		// Twilio writes sids in lower case; another spelling is the same one.
		sid := strings.ToLower(cl.sid)
		bySID[sid] = append(bySID[sid], cl)
	}
	for _, claims := range bySID {
		slices.SortStableFunc(claims, func(a, b claim) int { return a.from.Compare(b.from) })
		holder := claims[0]
		for _, next := range claims[1:] {
			if next.from.Before(holder.until) {
				c.overlap(holder, next)
			}
			if holder.until.Before(next.until) {
				holder = next
			}
		}
	}
}

// overlap reports two claims on one subaccount, at the one that stands later
// in the file. b does not begin before a.
func (c *tenantCheck) overlap(a, b claim) {
	since := "from the start"
	if b.from != distantPast {
		since = "from " + pricing.DateOf(b.from.In(b.zone)).String()
	}
	first, second := a, b
	if first.line > second.line {
		first, second = b, a
	}
	text := fmt.Sprintf("tenant %q has subaccount %s twice %s, here and on line %d; let one end before the other begins", a.tenant.ID, a.sid, since, first.line)
	if a.tenant != b.tenant {
		text = fmt.Sprintf("tenants %q (line %d) and %q both have subaccount %s %s; let one end before the other begins", first.tenant.ID, first.line, second.tenant.ID, a.sid, since)
		if a.zone.String() != b.zone.String() {
			text += fmt.Sprintf(" (their days begin at different times: %s, %s)", first.zone, second.zone)
		}
	}
	c.doc.problem(second.path, "%s", text)
}

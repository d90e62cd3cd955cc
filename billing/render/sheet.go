package render

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// sheet is a statement in words: what its PDF and its HTML page both print.
type sheet struct {
	Title, Month string
	Seller       billing.Party
	Address      []string // of the seller, below its name
	Facts        []sheetFact
	Attention    []string // what needs a person; empty for nothing
	Sections     []section
}

type sheetFact struct {
	Label string
	Value string
	Small string // below the value; may be empty
}

// section is a title with a table, a chart or a sentence beneath.
type section struct {
	ID      string // unique on the page
	Title   string
	Note    string // beneath all else; may be empty
	Empty   string // instead of a table without rows
	Columns []sheetColumn
	Rows    []sheetRow
	Bars    []bar
}

type sheetColumn struct {
	Title  string
	Number bool    // right-aligned
	Share  float64 // of the PDF's room that is left; 0 is as wide as its cells need
}

// Class is the column's class on a page: its cells do not break.
func (c sheetColumn) Class() string {
	switch {
	case c.Number:
		return "number"
	case c.Share == 0:
		return "short"
	}
	return "text"
}

type sheetRow struct {
	Cells []sheetCell
	Sum   bool   // adds up the rows above
	Note  string // beneath the cells, over the width of all of them; may be empty
}

// sheetCell is a text, and smaller ones below it.
type sheetCell struct {
	Text  string
	Small []string
	Tone  tone
}

// Long reports whether the cell must break, also in a column of short texts.
func (c sheetCell) Long() bool {
	return slices.ContainsFunc(append([]string{c.Text}, c.Small...), func(s string) bool { return utf8.RuneCountInString(s) > 28 })
}

// tone is how a text is meant.
type tone string

const (
	plainTone   tone = ""
	strongTone  tone = "strong"
	warningTone tone = "warning"
)

// bar is one of a chart's.
type bar struct {
	Name, Value string
	Share       float64 // of the chart's width, negative for a loss
}

// sheetMaker writes amounts, counts and dates as the layout has them.
type sheetMaker struct {
	st         *billing.Statement
	layout     templates.Layout
	labels     templates.Labels
	costDigits int32 // the most decimals that any cost or margin has
}

func newSheet(st *billing.Statement, l templates.Layout) (*sheet, error) {
	m := &sheetMaker{st: st, layout: l, labels: l.Labels, costDigits: 2}
	if st.Currency != "" { // else there is neither a tenant nor a cost
		var err error
		if m.costDigits, err = minorUnits(st.Currency); err != nil {
			return nil, err
		}
	}
	for _, d := range m.costs() {
		m.costDigits = max(m.costDigits, decimals(d))
	}
	sh := &sheet{
		Title: m.labels.Statement, Month: l.Month(st.Period.From), Seller: st.Seller,
		Address: m.address(), Facts: m.facts(), Attention: m.attention(),
	}
	totals, err := m.totals()
	if err != nil {
		return nil, err
	}
	tenants, err := m.tenants()
	if err != nil {
		return nil, err
	}
	categories, err := m.categories()
	if err != nil {
		return nil, err
	}
	sh.Sections = append(sh.Sections, totals)
	sh.Sections = append(sh.Sections, m.margins()...)
	sh.Sections = append(sh.Sections, tenants, categories, m.leakage(), m.unassigned(), m.unrated())
	sh.Sections = append(sh.Sections, m.notCharged()...)
	sh.Sections = append(sh.Sections, m.vanished()...)
	sh.Sections = append(sh.Sections, m.otherCosts()...)
	sh.Sections = append(sh.Sections, m.check())
	sh.Sections = append(sh.Sections, m.reconciliation()...)
	return sh, nil
}

// costs are all amounts printed with the same number of decimals, so that the
// columns add up to the eye.
func (m *sheetMaker) costs() (all []decimal.Decimal) {
	st := m.st
	for _, r := range st.Tenants {
		all = append(all, r.Cost, r.Margin.Decimal)
	}
	for _, r := range st.Categories {
		all = append(all, r.Cost, r.Margin.Decimal)
	}
	for _, r := range st.Unassigned {
		all = append(all, r.Cost)
	}
	for _, r := range st.Unrated {
		all = append(all, r.Cost)
	}
	for _, r := range st.NotCharged {
		all = append(all, r.Cost)
	}
	for _, r := range st.Vanished {
		all = append(all, r.Cost)
	}
	for _, t := range st.Totals {
		all = append(all, t.Cost, t.Margin.Decimal)
	}
	return append(all, st.Check.Elsewhere, st.Check.Outside, st.Check.All)
}

func (m *sheetMaker) cost(d decimal.Decimal) string { return m.layout.Locale.Number(d, m.costDigits) }

func (m *sheetMaker) count(n int64) string { return m.layout.Locale.Count(n) }

func (m *sheetMaker) date(d pricing.Date) string { return m.layout.Locale.Date(d) }

// amounts prints amounts of a currency, without its code. A tenant that was
// parked before its plan was known has neither.
func (m *sheetMaker) amounts(code string, list ...decimal.Decimal) (cells []sheetCell, err error) {
	digits := int32(0)
	if code != "" {
		if digits, err = minorUnits(code); err != nil {
			return nil, err
		}
	}
	for _, d := range list {
		text := m.layout.Locale.Number(d, digits)
		if code == "" && d.IsZero() {
			text = m.labels.NoValue
		}
		cells = append(cells, sheetCell{Text: text})
	}
	return cells, nil
}

// margin prints a margin and its share of the revenue.
func (m *sheetMaker) margin(margin decimal.NullDecimal, revenue decimal.Decimal) (amount, share sheetCell) {
	amount.Text, share.Text = m.labels.NoValue, m.labels.NoValue
	if !margin.Valid {
		return amount, share
	}
	amount.Text = m.cost(margin.Decimal)
	if revenue.IsPositive() {
		share.Text = percent(margin.Decimal, revenue, m.layout)
	}
	if margin.Decimal.IsNegative() {
		amount.Tone, share.Tone = warningTone, warningTone
	}
	return amount, share
}

// inCurrency fills in the currency of a column's title.
func (m *sheetMaker) inCurrency(title string) string {
	return strings.TrimSuffix(templates.Fill(title, "currency", m.st.Currency), " ()")
}

func (m *sheetMaker) costColumn() sheetColumn {
	return sheetColumn{Title: m.inCurrency(m.labels.Cost), Number: true}
}

func (m *sheetMaker) status(status string) string {
	if name, ok := m.layout.Statuses[status]; ok {
		return name
	}
	return status
}

func (m *sheetMaker) kind(k pricing.Kind) string {
	if name := m.layout.Kinds[k]; name != "" {
		return name
	}
	return string(k)
}

func (m *sheetMaker) category(c pricing.Category) string {
	if c == billing.ContainedTaxes {
		return m.labels.ContainedTaxes
	}
	if name := m.layout.Categories[c]; name != "" {
		return name
	}
	return string(c)
}

func (m *sheetMaker) address() []string {
	p := m.st.Seller
	lines := slices.Clone(p.Address)
	if p.TaxID != "" {
		lines = append(lines, templates.Fill(m.labels.TaxID, "id", p.TaxID))
	}
	for _, s := range []string{p.Email, p.Phone, p.Website} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	return lines
}

func (m *sheetMaker) facts() []sheetFact {
	p := m.st.Period
	return []sheetFact{
		{m.labels.MainAccount, m.st.MainAccount.Name, m.st.MainAccount.SID},
		{m.labels.StatementPeriod, templates.Fill(m.labels.PeriodRange, "first", m.date(p.From), "last", m.date(p.Last()), "zone", p.TimeZone), ""},
		{m.labels.StatementDate, m.date(m.st.IssueDate), ""},
	}
}

// attention lists what a person has to look at.
func (m *sheetMaker) attention() (out []string) {
	st, w := m.st, m.labels
	var parked, drafts, overdue int
	for _, r := range st.Tenants {
		switch r.Status {
		case billing.Parked:
			parked++
		case billing.Drafted:
			drafts++
		}
		if r.Overdue > 0 {
			overdue++
		}
	}
	say := func(n int, text string) {
		if n > 0 {
			out = append(out, templates.Fill(text, "count", m.count(int64(n))))
		}
	}
	say(parked, w.ParkedCount)
	say(drafts, w.DraftCount)
	say(overdue, w.OverdueCount)
	for _, l := range st.Leakage {
		text := map[billing.LeakCause]string{billing.NoPrice: w.UnratedCount, billing.NoTenant: w.UnassignedCount}[l.Cause]
		if text != "" && l.Records > 0 {
			out = append(out, templates.Fill(text, "records", m.count(l.Records), "cost", m.layout.Locale.Money(l.Cost, st.Currency)))
		}
	}
	for _, c := range st.OtherCosts {
		out = append(out, templates.Fill(w.OtherCurrency, "cost", m.layout.Locale.Money(c.Cost, c.Currency)))
	}
	if r := st.Reconciliation; r != nil {
		say(r.Above(), w.AboveCount)
		say(len(r.NotPulled)+len(r.Stale), w.NotComparedCount)
	}
	if d := st.Check.Difference(); !d.IsZero() {
		out = append(out, templates.Fill(w.CheckFailed, "difference", m.layout.Locale.Money(d, st.Currency)))
	}
	return out
}

func (m *sheetMaker) totals() (section, error) {
	s := section{ID: "totals", Title: m.labels.Totals, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Currency, Share: 1},
		{Title: m.labels.Tenants, Number: true},
		{Title: m.labels.Records, Number: true},
		{Title: m.labels.Revenue, Number: true},
		{Title: m.labels.Tax, Number: true},
		{Title: m.labels.Gross, Number: true},
		m.costColumn(),
		{Title: m.labels.Margin, Number: true},
		{Title: m.labels.MarginPercent, Number: true},
	}}
	for _, t := range m.st.Totals {
		cells := []sheetCell{{Text: t.Currency, Tone: strongTone}, {Text: m.count(int64(t.Tenants))}, {Text: m.count(t.Records)}}
		amounts, err := m.amounts(t.Currency, t.Revenue, t.Tax, t.Total)
		if err != nil {
			return s, err
		}
		cells = append(cells, amounts...)
		margin, share := m.margin(t.Margin, t.Revenue)
		for _, c := range []*sheetCell{&margin, &share} {
			if c.Tone == plainTone {
				c.Tone = strongTone
			}
		}
		s.Rows = append(s.Rows, sheetRow{Cells: append(cells, sheetCell{Text: m.cost(t.Cost)}, margin, share)})
	}
	return s, nil
}

// maxBars is how many tenants have a bar of their own.
const maxBars = 20

// margins is the chart of the tenants' margins: those that are furthest from
// zero, in order, and the others in one.
func (m *sheetMaker) margins() []section {
	all := m.st.Margins()
	if len(all) == 0 {
		return nil
	}
	s := section{ID: "margins", Title: m.inCurrency(m.labels.Margins)}
	shown, others := all, decimal.Zero
	if len(all) > maxBars+1 {
		byWeight := slices.Clone(all)
		slices.SortStableFunc(byWeight, func(a, b billing.TenantMargin) int { return b.Margin.Abs().Cmp(a.Margin.Abs()) })
		rest := map[string]bool{}
		for _, t := range byWeight[maxBars:] {
			others, rest[t.Tenant] = others.Add(t.Margin), true
		}
		shown = slices.DeleteFunc(slices.Clone(all), func(t billing.TenantMargin) bool { return rest[t.Tenant] })
	}
	low, high := decimal.Zero, decimal.Zero
	for _, t := range shown {
		low, high = decimal.Min(low, t.Margin), decimal.Max(high, t.Margin)
	}
	add := func(name string, margin decimal.Decimal) {
		b := bar{Name: name, Value: m.cost(margin)}
		if span := high.Sub(low); span.IsPositive() {
			b.Share = decimal.Max(low, decimal.Min(high, margin)).DivRound(span, 6).InexactFloat64()
		}
		s.Bars = append(s.Bars, b)
	}
	for _, t := range shown {
		add(cmp.Or(t.Name, t.Tenant), t.Margin)
	}
	if n := len(all) - len(shown); n > 0 {
		// All the others together would make each of the bars a dot.
		text := m.labels.Others
		if others.GreaterThan(high) || others.LessThan(low) {
			text = m.labels.OthersCut
		}
		add(templates.Fill(text, "count", m.count(int64(n))), others)
	}
	if slices.ContainsFunc(m.st.Tenants, func(r billing.StatementRow) bool { return r.Currency != m.st.Currency }) {
		s.Note = m.inCurrency(m.labels.MarginsElsewhere)
	}
	return []section{s}
}

// zero is where the bars begin, as a share of the chart's width.
func (s section) zero() float64 {
	low := 0.0
	for _, b := range s.Bars {
		low = min(low, b.Share)
	}
	return -low
}

func (m *sheetMaker) tenants() (section, error) {
	s := section{ID: "tenants", Title: m.labels.Tenants, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Tenant, Share: 1},
		{Title: m.labels.Number},
		{Title: m.labels.Status},
		{Title: m.labels.Records, Number: true},
		{Title: m.labels.Revenue, Number: true},
		{Title: m.labels.Tax, Number: true},
		{Title: m.labels.Gross, Number: true},
		m.costColumn(),
		{Title: m.labels.Margin, Number: true},
		{Title: m.labels.MarginPercent, Number: true},
	}}
	for i := range m.st.Tenants {
		t := &m.st.Tenants[i]
		cells := []sheetCell{{Text: t.Name, Small: []string{t.Tenant}}, m.documentCell(t), m.statusCell(t), {Text: m.count(t.Records)}}
		amounts, err := m.amounts(t.Currency, t.Revenue, t.Tax, t.Total)
		if err != nil {
			return s, err
		}
		if t.Currency != "" {
			amounts[2].Text = m.layout.Locale.Money(t.Total, t.Currency)
		}
		cells = append(cells, amounts...)
		margin, share := m.margin(t.Margin, t.Revenue)
		s.Rows = append(s.Rows, sheetRow{Cells: append(cells, sheetCell{Text: m.cost(t.Cost)}, margin, share), Note: t.Reason})
	}
	return s, nil
}

// documentCell is a document's number, and what it is where it is no first
// invoice.
func (m *sheetMaker) documentCell(t *billing.StatementRow) sheetCell {
	c := sheetCell{Text: t.Number}
	if t.Number == "" {
		c.Text = m.labels.NoValue
	}
	if t.Kind == billing.CreditNote {
		c.Small = append(c.Small, m.labels.CreditNote)
	} else if t.Revision > 1 {
		c.Small = append(c.Small, templates.Fill(m.labels.Revision, "revision", strconv.Itoa(t.Revision)))
	}
	if t.Corrects != "" {
		c.Small = append(c.Small, templates.Fill(m.labels.Corrects, "number", t.Corrects))
	}
	return c
}

func (m *sheetMaker) statusCell(t *billing.StatementRow) sheetCell {
	c := sheetCell{Text: m.status(t.Status)}
	if t.Overdue > 0 {
		c.Text += ", " + templates.Fill(m.labels.OverdueBy, "days", m.lateDays(t.Overdue))
	}
	if t.Overdue > 0 || t.Status == billing.Drafted || t.Status == billing.Parked {
		c.Tone = warningTone
	}
	return c
}

// lateDays is a count of days such as "33 Tagen".
func (m *sheetMaker) lateDays(n int) string {
	return m.count(int64(n)) + " " + m.layout.Unit(templates.LateDay, decimal.NewFromInt(int64(n)))
}

func (m *sheetMaker) categories() (section, error) {
	s := section{ID: "categories", Title: m.labels.Categories, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Category, Share: 1},
		{Title: m.labels.Records, Number: true},
		{Title: m.labels.Revenue, Number: true},
		m.costColumn(),
		{Title: m.labels.Margin, Number: true},
		{Title: m.labels.MarginPercent, Number: true},
	}}
	add := func(name, currency string, records int64, revenue, cost decimal.Decimal, margin decimal.NullDecimal, sum bool) error {
		amounts, err := m.amounts(currency, revenue)
		if err != nil {
			return err
		}
		amount, share := m.margin(margin, revenue)
		if len(m.st.Totals) > 1 && currency != "" { // or a row does not say what it is in
			amounts[0].Text = m.layout.Locale.Money(revenue, currency)
		}
		row := sheetRow{Sum: sum, Cells: []sheetCell{{Text: name}, {Text: m.count(records)}, amounts[0], {Text: m.cost(cost)}, amount, share}}
		if sum {
			for i := range row.Cells {
				row.Cells[i].Tone = strongTone
			}
		}
		s.Rows = append(s.Rows, row)
		return nil
	}
	for _, t := range m.st.Totals {
		for _, c := range m.st.Categories {
			if c.Currency != t.Currency {
				continue
			}
			if err := add(m.category(c.Category), c.Currency, c.Records, c.Revenue, c.Cost, c.Margin, false); err != nil {
				return s, err
			}
		}
		if err := add(strings.TrimSpace(templates.Fill(m.labels.Total, "currency", t.Currency)), t.Currency, t.Records, t.Revenue, t.Cost, t.Margin, true); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (m *sheetMaker) leakage() section {
	s := section{ID: "leakage", Title: m.labels.Leakage, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Cause, Share: 1},
		{Title: m.labels.Records, Number: true},
		m.costColumn(),
	}}
	names := map[billing.LeakCause]string{
		billing.OwnUse: m.labels.OwnUse, billing.NoTenant: m.labels.Unassigned,
		billing.NoPrice: m.labels.Unrated, billing.FreeStatus: m.labels.NotCharged, billing.TakenBack: m.labels.CreditedUse,
	}
	for _, l := range m.st.Leakage {
		s.Note = m.labels.LeakageNote
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: names[l.Cause]}, {Text: m.count(l.Records)}, {Text: m.cost(l.Cost)}}})
	}
	return s
}

func accountCell(a billing.Account) sheetCell {
	if a.Name == "" {
		return sheetCell{Text: a.SID}
	}
	return sheetCell{Text: a.Name, Small: []string{a.SID}}
}

func (m *sheetMaker) unassigned() section {
	s := section{ID: "unassigned", Title: m.labels.Unassigned, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Account, Share: 1},
		{Title: m.labels.Status},
		{Title: m.labels.Records, Number: true},
		m.costColumn(),
	}}
	for _, u := range m.st.Unassigned {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{accountCell(u.Account), {Text: m.status(u.Status)}, {Text: m.count(u.Records)}, {Text: m.cost(u.Cost)}}})
	}
	return s
}

func (m *sheetMaker) unrated() section {
	s := section{ID: "unrated", Title: m.labels.Unrated, Empty: m.labels.None, Columns: []sheetColumn{
		{Title: m.labels.Tenant, Share: 1},
		{Title: m.labels.Kind},
		{Title: m.labels.Reason, Share: 2},
		{Title: m.labels.Records, Number: true},
		m.costColumn(),
	}}
	for _, u := range m.st.Unrated {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: u.Tenant}, {Text: m.kind(u.Kind)}, {Text: u.Reason}, {Text: m.count(u.Records)}, {Text: m.cost(u.Cost)}}})
	}
	return s
}

func (m *sheetMaker) notCharged() []section {
	if len(m.st.NotCharged) == 0 {
		return nil
	}
	s := section{ID: "not-charged", Title: m.labels.NotChargedTitle, Columns: []sheetColumn{
		{Title: m.labels.Tenant, Share: 1},
		{Title: m.labels.Kind},
		{Title: m.labels.Status},
		{Title: m.labels.Records, Number: true},
		m.costColumn(),
	}}
	for _, u := range m.st.NotCharged {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: u.Tenant}, {Text: m.kind(u.Kind)}, {Text: m.status(u.Status)}, {Text: m.count(u.Records)}, {Text: m.cost(u.Cost)}}})
	}
	return []section{s}
}

func (m *sheetMaker) vanished() []section {
	if len(m.st.Vanished) == 0 {
		return nil
	}
	s := section{ID: "vanished", Title: m.labels.Vanished, Columns: []sheetColumn{
		{Title: m.labels.Tenant, Share: 1},
		{Title: m.labels.Account, Share: 1},
		{Title: m.labels.Kind},
		{Title: m.labels.Records, Number: true},
		m.costColumn(),
	}}
	for _, u := range m.st.Vanished {
		tenant := u.Tenant
		if tenant == "" {
			tenant = m.labels.NoValue
		}
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: tenant}, accountCell(u.Account), {Text: m.kind(u.Kind)}, {Text: m.count(u.Records)}, {Text: m.cost(u.Cost)}}})
	}
	return []section{s}
}

// otherCosts is what was charged in other currencies than the statement's.
func (m *sheetMaker) otherCosts() []section {
	if len(m.st.OtherCosts) == 0 {
		return nil
	}
	s := section{ID: "other-costs", Title: m.labels.OtherCosts, Columns: []sheetColumn{
		{Title: m.labels.Currency, Share: 1},
		{Title: m.labels.Records, Number: true},
		{Title: strings.TrimSuffix(templates.Fill(m.labels.Cost, "currency", ""), " ()"), Number: true},
	}}
	for _, c := range m.st.OtherCosts {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: c.Currency}, {Text: m.count(c.Records)}, {Text: m.layout.Locale.Number(c.Cost, 2)}}})
	}
	return []section{s}
}

func (m *sheetMaker) check() section {
	c := m.st.Check
	s := section{ID: "check", Title: m.labels.Check, Columns: []sheetColumn{{Title: "", Share: 1}, m.costColumn()}}
	add := func(name string, d decimal.Decimal, t tone) {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{{Text: name, Tone: t}, {Text: m.cost(d), Tone: t}}, Sum: t != plainTone})
	}
	add(m.labels.CheckTenants, c.Tenants, plainTone)
	if !c.Outside.IsZero() {
		add(m.labels.CheckOutside, c.Outside.Neg(), plainTone)
	}
	add(m.labels.Unassigned, c.Unassigned, plainTone)
	if !c.Elsewhere.IsZero() {
		add(m.labels.CheckElsewhere, c.Elsewhere, plainTone)
	}
	add(m.labels.CheckSum, c.All.Add(c.Difference()), strongTone)
	add(m.labels.CheckAll, c.All, plainTone)
	t := strongTone
	if !c.Difference().IsZero() {
		t = warningTone
	}
	add(m.labels.CheckDifference, c.Difference(), t)
	return s
}

// largestDifferences is how many of them are printed.
const largestDifferences = 10

func (m *sheetMaker) reconciliation() []section {
	s := section{ID: "reconciliation", Title: m.labels.Reconciliation}
	r := m.st.Reconciliation
	if r == nil {
		s.Empty = m.labels.NotReconciled
		return []section{s}
	}
	in := func(title string) string { return templates.Fill(title, "currency", r.Currency) }
	digits := int32(2)
	for _, d := range []decimal.Decimal{r.Tolerance, r.Ours, r.Twilio} {
		digits = max(digits, decimals(d))
	}
	worst := r.Worst(largestDifferences)
	for _, d := range worst {
		digits = max(digits, decimals(d.Ours.Cost), decimals(d.Twilio.Cost))
	}
	amount := func(d decimal.Decimal) string { return m.layout.Locale.Number(d, digits) }
	s.Columns = []sheetColumn{
		{Title: m.labels.Compared, Share: 1},
		{Title: m.labels.Differences, Number: true},
		{Title: m.labels.Above, Number: true},
		{Title: in(m.labels.Tolerance), Number: true},
		{Title: in(m.labels.Ours), Number: true},
		{Title: in(m.labels.Twilio), Number: true},
		{Title: in(m.labels.Difference), Number: true},
	}
	above := sheetCell{Text: m.count(int64(r.Above()))}
	if r.Above() > 0 {
		above.Tone = warningTone
	}
	s.Rows = []sheetRow{{Cells: []sheetCell{
		{Text: m.count(int64(r.Compared))}, {Text: m.count(int64(len(r.Differences)))}, above, {Text: amount(r.Tolerance)},
		{Text: amount(r.Ours)}, {Text: amount(r.Twilio)}, {Text: amount(r.Ours.Sub(r.Twilio)), Tone: strongTone},
	}}}
	sections := []section{s}
	if !r.Whole() {
		sections = append(sections, m.notCompared(r))
	}
	if len(r.Differences) == 0 {
		sections[0].Note = m.labels.NoDifferences
		if !r.Whole() {
			sections[0].Note = m.labels.NoDifferencesInPart
		}
		return sections
	}
	list := section{ID: "differences", Title: templates.Fill(m.labels.Largest, "count", strconv.Itoa(len(worst))), Columns: []sheetColumn{
		{Title: m.labels.Account, Share: 1},
		{Title: m.labels.Category},
		{Title: m.labels.DayUTC},
		{Title: m.labels.RecordsOurs, Number: true},
		{Title: m.labels.RecordsTwilio, Number: true},
		{Title: in(m.labels.Ours), Number: true},
		{Title: in(m.labels.Twilio), Number: true},
		{Title: in(m.labels.Difference), Number: true},
		{Title: m.labels.LikelyCause, Share: 1.2},
	}}
	for _, d := range worst {
		by := sheetCell{Text: amount(d.Ours.Cost.Sub(d.Twilio.Cost))}
		if d.Above {
			by.Tone = warningTone
		}
		list.Rows = append(list.Rows, sheetRow{Cells: []sheetCell{
			accountCell(d.Account), {Text: d.Category}, {Text: d.Day.String()}, {Text: m.count(d.Ours.Records)}, {Text: m.count(d.Twilio.Records)},
			{Text: amount(d.Ours.Cost)}, {Text: amount(d.Twilio.Cost)}, by, {Text: d.Cause},
		}})
	}
	return append(sections, list)
}

// notCompared is what a reconciliation is without.
func (m *sheetMaker) notCompared(r *billing.Reconciliation) section {
	s := section{ID: "not-compared", Title: m.labels.NotCompared, Columns: []sheetColumn{
		{Title: m.labels.Account, Share: 1}, {Title: m.labels.Reason, Share: 2},
	}}
	say := func(account sheetCell, reason string) {
		s.Rows = append(s.Rows, sheetRow{Cells: []sheetCell{account, {Text: reason, Tone: warningTone}}})
	}
	from := func(d pricing.Date) string { return templates.Fill(m.labels.DaysFrom, "date", m.date(d)) }
	if r.Cut() {
		say(sheetCell{}, from(r.Until))
	}
	for _, a := range r.NotPulled {
		say(accountCell(a), m.labels.NoUsageRecords)
	}
	for _, a := range r.Stale {
		text := templates.Fill(m.labels.FiguresOf, "date", m.date(pricing.DateOf(a.AsOf.UTC())))
		if a.Until.Before(r.Until) {
			text += " " + from(a.Until) + "."
		}
		say(accountCell(a.Account), text)
	}
	return s
}

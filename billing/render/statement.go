package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/templates"
)

// Statement writes the PDF of a month's statement for the main account.
// Costs are printed with all their decimals, so that the columns add up.
func Statement(w io.Writer, st *billing.Statement, l templates.Layout) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("drawing %s: %v", statementName(st), r)
		}
	}()
	if err := drawStatement(w, st, l); err != nil {
		return fmt.Errorf("drawing %s: %w", statementName(st), err)
	}
	return nil
}

func statementName(st *billing.Statement) string {
	if st == nil {
		return "a statement that is nil"
	}
	return "statement " + st.Period.Label()
}

// statement is what the parts of one statement's PDF share.
type statement struct {
	*canvas
	st         *billing.Statement
	labels     templates.Labels
	costDigits int32 // the most decimals that any cost or margin has
}

func drawStatement(w io.Writer, st *billing.Statement, l templates.Layout) error {
	digits := int32(2)
	if st.Currency != "" { // else there is neither a tenant nor a cost
		var err error
		if digits, err = minorUnits(st.Currency); err != nil {
			return err
		}
	}
	month := l.Month(st.Period.From)
	name := l.Labels.Statement + " " + month
	c, err := newCanvas(l, true, name, st.Seller.Name, st.IssueDate)
	if err != nil {
		return err
	}
	s := &statement{canvas: c, st: st, labels: l.Labels, costDigits: digits}
	for _, d := range s.costs() {
		s.costDigits = max(s.costDigits, decimals(d))
	}
	totals, err := s.totals()
	if err != nil {
		return err
	}
	tenants, err := s.tenants()
	if err != nil {
		return err
	}
	blocks := slices.Concat(s.letterhead(month), totals, tenants, s.unassigned(), s.unrated(), s.otherCosts())
	return c.write(w, blocks, furniture{name: name, owner: st.Seller.Name})
}

// costs are all amounts printed with the same number of decimals.
func (s *statement) costs() []decimal.Decimal {
	var all []decimal.Decimal
	for _, r := range s.st.Tenants {
		all = append(all, r.Cost, r.Margin.Decimal)
	}
	for _, r := range s.st.Unassigned {
		all = append(all, r.Cost)
	}
	for _, r := range s.st.Unrated {
		all = append(all, r.Cost)
	}
	for _, t := range s.st.Totals {
		all = append(all, t.Cost, t.Margin.Decimal)
	}
	return all
}

func (s *statement) cost(d decimal.Decimal) string { return s.layout.Locale.Number(d, s.costDigits) }

func (s *statement) costTitle() string {
	return strings.TrimSuffix(templates.Fill(s.labels.Cost, "currency", s.st.Currency), " ()")
}

// margin prints a margin and its share of the revenue.
func (s *statement) margin(margin decimal.NullDecimal, revenue decimal.Decimal) (amount, share string) {
	amount, share = s.labels.NoValue, s.labels.NoValue
	if margin.Valid {
		amount = s.cost(margin.Decimal)
		if revenue.IsPositive() {
			share = percent(margin.Decimal, revenue, s.layout)
		}
	}
	return amount, share
}

// money prints an amount with its currency. A tenant that was parked before
// its plan was known has neither.
func (s *statement) money(d decimal.Decimal, code string) (string, error) {
	if code == "" && d.IsZero() {
		return s.labels.NoValue, nil
	}
	if _, err := minorUnits(code); err != nil {
		return "", err
	}
	return s.layout.Locale.Money(d, code), nil
}

func (s *statement) letterhead(month string) []block {
	half := (s.textWidth() - columnGap) / 2
	title := s.box(half, true,
		paragraph{s.labels.Statement, style{size: 22, bold: true, colour: s.layout.Brand.Accent}, 1},
		paragraph{month, style{size: 10, bold: true, colour: ink}, 1})
	seller := s.box(half, false, s.party(s.st.Seller, style{size: 13, bold: true, colour: ink}, small)...)
	facts := s.facts(half*0.75, []fact{
		{s.labels.MainAccount, account(s.st.MainAccount)},
		textFact(s.labels.Period, s.periodRange(s.st.Period)),
		textFact(s.labels.IssueDate, s.date(s.st.IssueDate)),
	})
	return []block{{height: max(seller.height, title.height+16+facts.height) + 14, draw: func(y float64) {
		seller.draw(s.left, y)
		title.draw(s.right-half, y-5)
		facts.draw(s.right-half*0.75, y+title.height+10)
	}}}
}

// section is a heading and a table, or a word that there is nothing.
func (s *statement) section(title string, columns []column, rows []row) []block {
	blocks := []block{space(18), s.heading(title)}
	if len(rows) == 0 {
		return append(blocks, s.textBlock(paragraph{text: s.labels.None, style: details}))
	}
	rows[0].keep = len(rows) > 1 // at least two beneath a heading
	return append(blocks, s.table(columns, rows)...)
}

func (s *statement) totals() ([]block, error) {
	var rows []row
	for _, t := range s.st.Totals {
		cells := []cell{strongCell(t.Currency), plainCell(s.layout.Locale.Count(int64(t.Tenants))), plainCell(s.layout.Locale.Count(t.Records)), plainCell(s.cost(t.Cost))}
		for _, d := range []decimal.Decimal{t.Revenue, t.Tax, t.Total} {
			text, err := s.money(d, t.Currency)
			if err != nil {
				return nil, fmt.Errorf("totals: %w", err)
			}
			cells = append(cells, plainCell(text))
		}
		margin, share := s.margin(t.Margin, t.Revenue)
		rows = append(rows, row{cells: append(cells, strongCell(margin), strongCell(share)), rule: hairline})
	}
	return s.section(s.labels.Totals, []column{
		{title: s.labels.Currency, share: 1},
		{title: s.labels.Tenants, right: true},
		{title: s.labels.Records, right: true},
		{title: s.costTitle(), right: true},
		{title: s.labels.Revenue, right: true},
		{title: s.labels.Tax, right: true},
		{title: s.labels.Gross, right: true},
		{title: s.labels.Margin, right: true},
		{title: s.labels.MarginPercent, right: true},
	}, rows), nil
}

func (s *statement) tenants() ([]block, error) {
	var rows []row
	for _, t := range s.st.Tenants {
		revenue, err := s.money(t.Revenue, t.Currency)
		if err != nil {
			return nil, fmt.Errorf("tenant %q: %w", t.Tenant, err)
		}
		status := paragraph{s.status(t.Status), body, 1}
		if t.Status != "finalized" {
			status.style = style{size: body.size, bold: true, colour: warning}
		}
		number := t.Number
		if number == "" {
			number = s.labels.NoValue
		}
		margin, share := s.margin(t.Margin, t.Revenue)
		rows = append(rows, row{rule: hairline, cells: []cell{
			{text: []paragraph{{t.Name, body, 3}, {t.Tenant, small, 2}}},
			plainCell(number),
			{text: []paragraph{status, {t.Reason, small, 6}}},
			plainCell(s.layout.Locale.Count(t.Records)),
			plainCell(s.cost(t.Cost)),
			plainCell(revenue),
			plainCell(margin),
			plainCell(share),
		}})
	}
	return s.section(s.labels.Tenants, []column{
		{title: s.labels.Tenant, share: 1.1},
		{title: s.labels.Number},
		{title: s.labels.Status, share: 1},
		{title: s.labels.Records, right: true},
		{title: s.costTitle(), right: true},
		{title: s.labels.Revenue, right: true},
		{title: s.labels.Margin, right: true},
		{title: s.labels.MarginPercent, right: true},
	}, rows), nil
}

func (s *statement) status(status string) string {
	if name, ok := s.layout.Statuses[status]; ok {
		return name
	}
	return status
}

func (s *statement) unassigned() []block {
	var rows []row
	for _, u := range s.st.Unassigned {
		rows = append(rows, row{rule: hairline, cells: []cell{
			{text: account(u.Account)}, plainCell(u.Status), plainCell(s.layout.Locale.Count(u.Records)), plainCell(s.cost(u.Cost)),
		}})
	}
	return s.section(s.labels.Unassigned, []column{
		{title: s.labels.Account, share: 1},
		{title: s.labels.Status},
		{title: s.labels.Records, right: true},
		{title: s.costTitle(), right: true},
	}, rows)
}

func (s *statement) unrated() []block {
	var rows []row
	for _, u := range s.st.Unrated {
		kind := s.layout.Kinds[u.Kind]
		if kind == "" {
			kind = string(u.Kind)
		}
		rows = append(rows, row{rule: hairline, cells: []cell{
			plainCell(u.Tenant), plainCell(kind), plainCell(u.Reason), plainCell(s.layout.Locale.Count(u.Records)), plainCell(s.cost(u.Cost)),
		}})
	}
	return s.section(s.labels.Unrated, []column{
		{title: s.labels.Tenant, share: 1},
		{title: s.labels.Kind},
		{title: s.labels.Reason, share: 2},
		{title: s.labels.Records, right: true},
		{title: s.costTitle(), right: true},
	}, rows)
}

// otherCosts is what was charged in other currencies than the statement's.
func (s *statement) otherCosts() []block {
	if len(s.st.OtherCosts) == 0 {
		return nil
	}
	var rows []row
	for _, c := range s.st.OtherCosts {
		rows = append(rows, row{rule: hairline, cells: []cell{plainCell(c.Currency), plainCell(s.layout.Locale.Count(c.Records)), plainCell(s.layout.Locale.Number(c.Cost, 2))}})
	}
	return s.section(s.labels.OtherCosts, []column{
		{title: s.labels.Currency, share: 1},
		{title: s.labels.Records, right: true},
		{title: strings.TrimSuffix(templates.Fill(s.labels.Cost, "currency", ""), " ()"), right: true},
	}, rows)
}

// Package render draws invoices and statements as PDF. A PDF is a function of
// the document and the layout alone: the same bytes on every run (of one Go
// version, whose zlib compresses it). It never computes an amount: it prints
// the ones in the document, all their digits, and refuses an invoice that
// does not add up. It never shapes or reorders text: Latin, Greek and Cyrillic
// come out right; right-to-left and Indic scripts do not.
package render

import (
	"fmt"
	"io"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// Invoice writes the PDF of an invoice, or of a draft if it has no number.
// Nothing is written if the document cannot be drawn: because its currency is
// unknown, an amount is finer than the currency's minor unit, or its sums are
// not those of its lines and taxes.
func Invoice(w io.Writer, doc *billing.Document, l templates.Layout) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("drawing %s: %v", invoiceName(doc), r)
		}
	}()
	if err := drawInvoice(w, doc, l); err != nil {
		return fmt.Errorf("drawing %s: %w", invoiceName(doc), err)
	}
	return nil
}

// invoiceName says in an error which invoice it is about.
func invoiceName(doc *billing.Document) string {
	if doc == nil {
		return "an invoice that is nil"
	}
	if doc.Number == "" {
		return fmt.Sprintf("draft invoice of tenant %q for period %s", doc.Tenant, doc.Period.Label())
	}
	return fmt.Sprintf("invoice %q of tenant %q", doc.Number, doc.Tenant)
}

// invoice is what the parts of one invoice's PDF share.
type invoice struct {
	*canvas
	doc    *billing.Document
	labels templates.Labels
	digits int32 // of the currency
	groups []group
}

func drawInvoice(w io.Writer, doc *billing.Document, l templates.Layout) error {
	digits, err := minorUnits(doc.Currency)
	if err != nil {
		return err
	}
	if err := doc.Check(); err != nil {
		return err
	}
	name := l.Labels.DraftInvoice
	around := furniture{owner: doc.Seller.Name, watermark: l.Labels.DraftMark}
	if doc.Number != "" {
		name = l.Labels.Invoice + " " + doc.Number
		around.watermark = ""
	}
	around.name = name
	c, err := newCanvas(l, false, name, doc.Seller.Name, doc.IssueDate)
	if err != nil {
		return err
	}
	inv := &invoice{canvas: c, doc: doc, labels: l.Labels, digits: digits, groups: byCategory(doc.Lines, l)}
	blocks := slices.Concat(
		inv.letterhead(), inv.parties(), inv.headline(), inv.summary(), inv.usage(),
		inv.lines(), inv.totals(), inv.payment(),
	)
	return c.write(w, blocks, around)
}

// containedTax is the sum of the taxes that are contained in the lines.
func containedTax(doc *billing.Document) (sum decimal.Decimal) {
	for _, tax := range doc.Taxes {
		if tax.Inclusive {
			sum = sum.Add(tax.Amount)
		}
	}
	return sum
}

// group is the lines of one category.
type group struct {
	name    string
	records int64
	amount  decimal.Decimal
	lines   []pricing.Line
}

// byCategory groups lines in the order of [pricing.Categories]; categories
// that are not among them follow, in the order of their first lines.
func byCategory(lines []pricing.Line, l templates.Layout) []group {
	order := slices.Clone(pricing.Categories)
	found := map[pricing.Category]*group{}
	for _, line := range lines {
		g := found[line.Category]
		if g == nil {
			name := l.Categories[line.Category]
			if name == "" {
				name = string(line.Category)
			}
			g = &group{name: name}
			found[line.Category] = g
			if !slices.Contains(order, line.Category) {
				order = append(order, line.Category)
			}
		}
		g.records += line.Records
		g.amount = g.amount.Add(line.Amount)
		g.lines = append(g.lines, line)
	}
	var groups []group
	for _, category := range order {
		if g := found[category]; g != nil {
			groups = append(groups, *g)
		}
	}
	return groups
}

func (inv *invoice) money(d decimal.Decimal) string { return number(d, inv.digits) }

// letterhead is the seller at the left and the title at the right.
func (inv *invoice) letterhead() []block {
	doc := inv.doc
	title := inv.labels.Invoice
	if doc.Number == "" {
		title = inv.labels.DraftInvoice
	}
	left := inv.textWidth() * 0.6
	seller := inv.box(left-columnGap, false, inv.party(doc.Seller, style{size: 13, bold: true, colour: ink}, small)...)
	heading := []paragraph{
		{title, style{size: 22, bold: true, colour: inv.layout.Page.Accent}, 2},
		{doc.Number, style{size: 10, bold: true, colour: ink}, 12},
	}
	if doc.Revision > 1 {
		heading = append(heading, paragraph{templates.Fill(inv.labels.Revision, "revision", fmt.Sprint(doc.Revision)), small, 1})
	}
	right := inv.box(inv.textWidth()-left, true, heading...)
	return []block{{height: max(seller.height, right.height) + 22, draw: func(y float64) {
		seller.draw(inv.left, y)
		right.draw(inv.left+left, y-5) // so that the capitals of both columns start level
	}}}
}

// party is a seller's or a buyer's address block.
func (c *canvas) party(p billing.Party, name, rest style) []paragraph {
	text := []paragraph{{p.Name, name, 5}}
	for _, line := range p.Address {
		text = append(text, paragraph{line, rest, 4})
		if len(text) > 10 {
			break // no postal address is longer, and the page has an end
		}
	}
	if p.TaxID != "" {
		text = append(text, paragraph{templates.Fill(c.layout.Labels.TaxID, "id", p.TaxID), rest, 2})
	}
	for _, line := range []string{p.Email, p.Phone, p.Website} {
		text = append(text, paragraph{line, rest, 2})
	}
	return text
}

// fact is a labelled value beside an address.
type fact struct {
	label string
	value []paragraph
}

func textFact(label, value string) fact {
	return fact{label, []paragraph{{text: value, style: body, max: 3}}}
}

// facts lists labelled values in a column of the given width.
func (c *canvas) facts(width float64, list []fact) box {
	const labelWidth = 66
	type placed struct {
		label, value box
		y            float64
	}
	var rows []placed
	height := 0.0
	for _, f := range list {
		label := c.box(labelWidth, false, paragraph{f.label, details, 2})
		value := c.box(width-labelWidth-columnGap, false, f.value...)
		if value.height == 0 {
			continue
		}
		rows = append(rows, placed{label, value, height})
		height += max(label.height, value.height) + 2.5
	}
	return box{height, func(x, y float64) {
		for _, r := range rows {
			r.label.draw(x, y+r.y)
			r.value.draw(x+labelWidth+columnGap, y+r.y)
		}
	}}
}

// periodRange names the first and the last day of a period, both inclusive.
func (c *canvas) periodRange(p billing.Period) string {
	return templates.Fill(c.layout.Labels.PeriodRange,
		"first", c.date(p.From), "last", c.date(p.Last()), "zone", p.TimeZone)
}

// plans are those of an invoice. There is more than one only where the plan was
// changed, and then each is with its days.
func (inv *invoice) plans() (out []paragraph) {
	for _, p := range inv.doc.Plans {
		out = append(out, paragraph{p.Name, body, 3})
		if len(inv.doc.Plans) > 1 {
			out = append(out, paragraph{inv.days(p.From, p.To), small, 1})
		}
	}
	return out
}

// account is a subaccount as a name and a sid beneath it.
func account(a billing.Account) []paragraph {
	if a.Name == "" {
		return []paragraph{{a.SID, body, 2}}
	}
	return []paragraph{{a.Name, body, 2}, {a.SID, style{size: 6.5, colour: muted}, 2}}
}

// parties is the buyer at the left and the facts of the invoice at the right.
func (inv *invoice) parties() []block {
	doc, labels := inv.doc, inv.labels
	left := inv.textWidth() * 0.47
	buyer := inv.box(left-columnGap, false, append(
		[]paragraph{{labels.BilledTo, details, 1}},
		inv.party(doc.Buyer, style{size: 10, bold: true, colour: ink}, body)...)...)

	const shown = 3
	var accounts []paragraph
	for i, a := range doc.Accounts {
		if i == shown {
			more := templates.Fill(labels.More, "count", count(int64(len(doc.Accounts)-shown)))
			accounts = append(accounts, paragraph{more, details, 1})
			break
		}
		accounts = append(accounts, account(a)...)
	}
	facts := inv.facts(inv.textWidth()-left, []fact{
		textFact(labels.IssueDate, inv.date(doc.IssueDate)),
		textFact(labels.DueDate, inv.date(doc.DueDate)),
		textFact(labels.Period, inv.periodRange(doc.Period)),
		{labels.Plan, inv.plans()},
		textFact(labels.Tenant, doc.Tenant),
		{labels.Subaccounts, accounts},
	})
	return []block{{height: max(buyer.height, facts.height) + 20, draw: func(y float64) {
		buyer.draw(inv.left, y)
		facts.draw(inv.left+left, y)
	}}}
}

// headline is what the customer looks for first: how much, until when.
func (inv *invoice) headline() []block {
	const height, pad = 54, 16
	accent := inv.layout.Page.Accent
	left := inv.textWidth() * 0.62
	due := inv.fitted(left-2*pad, false, inv.doc.Currency+" "+inv.money(inv.doc.Total), style{size: 19, bold: true, colour: ink})
	right := inv.textWidth() - left - pad
	date := inv.fitted(right, true, inv.date(inv.doc.DueDate), style{size: 12, bold: true, colour: ink})
	dueLabel := inv.fitted(left-2*pad, false, inv.labels.TotalDue, details)
	dateLabel := inv.fitted(right, true, inv.labels.DueDate, details)
	return []block{{height: height + 20, draw: func(y float64) {
		inv.fill(inv.left, y, inv.textWidth(), height, tint(accent, 0.08))
		inv.fill(inv.left, y, 3, height, accent)
		dueLabel.draw(inv.left+pad, y+9)
		due.draw(inv.left+pad, y+21)
		dateLabel.draw(inv.left+left, y+9)
		date.draw(inv.left+left, y+26)
	}}}
}

// summary is the amount per category. It adds up lines as rounded, so it adds
// up to the net.
func (inv *invoice) summary() []block {
	var rows []row
	for _, g := range inv.groups {
		rows = append(rows, row{
			cells: []cell{plainCell(g.name), plainCell(count(g.records)), plainCell(inv.money(g.amount))},
			rule:  hairline,
			keep:  true,
		})
	}
	label, contained := inv.labels.Net, containedTax(inv.doc)
	if !contained.IsZero() {
		label = inv.labels.WithTaxes
	}
	rows = append(rows, row{cells: []cell{strongCell(label), {}, strongCell(inv.money(inv.doc.Net.Add(contained)))}})
	table := inv.table([]column{
		{title: inv.labels.Category, share: 1},
		{title: inv.labels.Records, right: true},
		{title: templates.Fill(inv.labels.Amount, "currency", inv.doc.Currency), right: true},
	}, rows)
	return append([]block{inv.heading(inv.labels.Summary)}, table...)
}

func (inv *invoice) usage() []block {
	return []block{space(16), inv.heading(inv.labels.DailyUsage), inv.dailyCharts(inv.doc.Daily)}
}

// lines is the table of all lines, grouped by category. Its last two lines
// stay with the totals.
func (inv *invoice) lines() []block {
	columns := []column{
		{title: inv.labels.Description, share: 1},
		{title: inv.labels.Quantity, right: true},
		{title: templates.Fill(inv.labels.UnitPrice, "currency", inv.doc.Currency), right: true},
		{title: templates.Fill(inv.labels.Amount, "currency", inv.doc.Currency), right: true},
	}
	title := func(text string) row {
		return row{cells: []cell{{text: []paragraph{{text, style{size: 8.5, bold: true, colour: inv.layout.Page.Accent}, 2}}, span: 4}}}
	}
	var rows []row
	for _, g := range inv.groups {
		first := title(g.name)
		first.keep = true
		rows = append(rows, first)
		continued := title(templates.Fill(inv.labels.Continued, "category", g.name))
		for i, line := range g.lines {
			r := row{
				cells: []cell{
					{text: []paragraph{{text: line.Description, style: body}, {line.Item, small, 3}, {inv.lineDays(line), small, 1}}},
					plainCell(quantity(line, inv.layout)),
					plainCell(unitPrice(line, inv.doc.Period, inv.digits, inv.layout)),
					plainCell(inv.money(line.Amount)),
				},
				rule: hairline,
				// Neither the subtotal nor the table's first line is alone.
				keep: i == len(g.lines)-1 || len(rows) == 1,
			}
			if i > 0 {
				r.under = &continued
			}
			rows = append(rows, r)
		}
		rows = append(rows, row{fill: true, cells: []cell{
			{text: []paragraph{{templates.Fill(inv.labels.Subtotal, "category", g.name), strong, 2}}, span: 3, left: true},
			strongCell(inv.money(g.amount)),
		}})
	}
	if len(rows) == 0 {
		rows = []row{{cells: []cell{{text: []paragraph{{text: inv.labels.NoLines, style: details}}, span: 4}}, rule: hairline, keep: true}}
	}
	lines := 0
	for i := len(rows) - 1; i >= 0 && lines < 2; i-- {
		rows[i].keep = true
		if len(rows[i].cells) == len(columns) {
			lines++
		}
	}
	return append([]block{space(18), inv.heading(inv.labels.Details)}, inv.table(columns, rows)...)
}

// lineDays are the days that a line is for where they are not the invoice's
// own, as of a fee in advance.
func (inv *invoice) lineDays(line pricing.Line) string {
	if line.From.IsZero() {
		return ""
	}
	return inv.days(line.From, line.To)
}

// days names the first and the last of the days [from, to).
func (inv *invoice) days(from, to pricing.Date) string {
	return templates.Fill(inv.labels.DayRange, "first", inv.date(from), "last", inv.date(to.AddDays(-1)))
}

// totals is the net, the taxes and the total at the right.
func (inv *invoice) totals() []block {
	width := inv.textWidth() * 0.56
	x := inv.right - width
	sum := func(label, value string, s style, pad float64) block {
		amount := inv.box(width*0.45, true, paragraph{value, s, 2})
		name := inv.box(width*0.55-columnGap, false, paragraph{label, s, 4})
		return block{height: max(amount.height, name.height) + 2*pad, keep: true, draw: func(y float64) {
			name.draw(x, y+pad)
			amount.draw(inv.right-width*0.45, y+pad)
		}}
	}
	blocks := []block{space(10), sum(inv.labels.Net, inv.money(inv.doc.Net), body, 2.5)}
	for _, tax := range inv.doc.Taxes {
		label := inv.labels.TaxLine
		if tax.Inclusive {
			label = inv.labels.TaxContained
		}
		label = templates.Fill(label, "name", tax.Name, "rate", number(tax.Rate, 0), "base", inv.money(tax.Base))
		blocks = append(blocks, sum(label, inv.money(tax.Amount), body, 2.5))
	}
	total := sum(templates.Fill(inv.labels.Total, "currency", inv.doc.Currency),
		inv.money(inv.doc.Total), style{size: 11, bold: true, colour: ink}, 6)
	text := total.draw
	total.draw = func(y float64) {
		inv.rule(x, y+1, width, 1, inv.layout.Page.Accent)
		text(y)
	}
	total.keep = false
	blocks = append(blocks, total)
	for _, tax := range inv.doc.Taxes {
		if tax.Note != "" {
			blocks[len(blocks)-1].keep = true
			blocks = append(blocks, inv.textBlock(paragraph{text: tax.Note, style: body, max: 6}))
		}
	}
	return blocks
}

// payment says until when and how to pay, if anything is to be paid.
func (inv *invoice) payment() []block {
	if inv.doc.Total.Sign() <= 0 {
		text := inv.labels.NothingToPay
		if inv.doc.Total.IsNegative() {
			text = inv.labels.InYourFavour
		}
		return []block{space(18), inv.heading(inv.labels.Payment), inv.textBlock(paragraph{text: text, style: body})}
	}
	terms := inv.labels.PaymentTerms
	if inv.doc.Payment.TermsDays == 0 {
		terms = inv.labels.PaymentOnReceipt
	}
	terms = templates.Fill(terms, "days", daysText(inv.doc.Payment.TermsDays, inv.layout), "date", inv.date(inv.doc.DueDate))
	blocks := []block{space(18), inv.heading(inv.labels.Payment), inv.textBlock(paragraph{text: terms, style: body})}
	for _, line := range inv.doc.Payment.Instructions {
		// Bank details are read as one; only unusually long ones may break.
		blocks[len(blocks)-1].keep = len(inv.doc.Payment.Instructions) <= 15
		blocks = append(blocks, inv.textBlock(paragraph{text: line, style: body, max: 20}))
	}
	return blocks
}

// Package render draws invoices and statements as PDF. A PDF is a function of
// the document and the layout alone: the same bytes on every run. It never
// computes an amount: it prints the ones in the document, all their digits,
// and refuses an invoice that does not add up. It never shapes or reorders
// text: Latin, Greek, Cyrillic and, with a font for them, ideographs come out
// right; right-to-left and Indic scripts are not set at all: see [FindMissing].
package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jung-kurt/gofpdf"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// Version is that of the drawing: what documents name in their Layout. A change
// by which a document that was sent would come out in other bytes is a new
// version, and documents of the old one keep the old drawing.
const Version = 1

// Invoice writes the PDF of an invoice or a credit note, or of a draft if it has
// no number. The layout is the one that the document names, in its locale, and
// annex what its Annex names; see [billing.Biller.Annex].
// Nothing is written if the document cannot be drawn, and the error is a
// [DrawError]: because it needs a newer
// drawing, its currency is unknown, an amount is finer than the currency's minor
// unit, or its sums are not those of its lines and taxes.
func Invoice(w io.Writer, doc *billing.Document, l templates.Layout, annex []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &DrawError{invoiceName(doc), fmt.Errorf("%v", r)}
		}
	}()
	if err := drawInvoice(w, doc, l, annex); err != nil {
		return &DrawError{invoiceName(doc), err}
	}
	return nil
}

// DrawError says why a document cannot be drawn.
type DrawError struct {
	Document string // such as: invoice "INV-2026-000001" of tenant "acme"
	Err      error
}

// Error names the document too.
func (e *DrawError) Error() string { return fmt.Sprintf("drawing %s: %v", e.Document, e.Err) }

// Unwrap is the reason alone.
func (e *DrawError) Unwrap() error { return e.Err }

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

func drawInvoice(w io.Writer, doc *billing.Document, l templates.Layout, list []byte) error {
	c, err := paintInvoice(doc, l, list)
	if err != nil {
		return err
	}
	return c.output(w)
}

// paintInvoice draws all pages.
func paintInvoice(doc *billing.Document, l templates.Layout, list []byte) (*canvas, error) {
	if doc.Layout.Version > Version {
		return nil, fmt.Errorf("it was made with version %d of the drawing, and this program has version %d: use the subtally that made it, or a newer one", doc.Layout.Version, Version)
	}
	digits, err := minorUnits(doc.Currency)
	if err != nil {
		return nil, err
	}
	if err := doc.Check(); err != nil {
		return nil, err
	}
	name := title(doc, l.Labels)
	around := furniture{owner: doc.Seller.Name, watermark: l.Labels.DraftMark}
	if doc.Number != "" {
		name += " " + doc.Number
		around.watermark = ""
	}
	around.name = name
	c, err := newCanvas(l, false, name, doc.Seller.Name, doc.IssueDate)
	if err != nil {
		return nil, err
	}
	inv := &invoice{canvas: c, doc: doc, labels: l.Labels, digits: digits, groups: byCategory(doc.Lines, l)}
	annex, err := inv.annex(list)
	if err != nil {
		return nil, err
	}
	around.footer = inv.phrase(l.Footer)
	var blocks []block
	for _, name := range l.Sections {
		blocks = append(blocks, inv.withTexts(name, inv.section(name))...)
	}
	blocks = append(blocks, annex...) // always the last, on pages of its own
	return c, c.draw(blocks, around)
}

// title says what a document is.
func title(doc *billing.Document, labels templates.Labels) string {
	switch {
	case doc.Kind == billing.CreditNote:
		return labels.CreditNote
	case doc.Number == "":
		return labels.DraftInvoice
	case doc.Final:
		return labels.FinalInvoice
	}
	return labels.Invoice
}

// section is one of [templates.Sections].
func (inv *invoice) section(name string) []block {
	switch name {
	case "letterhead":
		return inv.letterhead()
	case "parties":
		return append(inv.parties(), inv.correction()...)
	case "headline":
		return inv.headline()
	case "summary":
		return inv.summary()
	case "shares":
		return inv.shareChart()
	case "usage":
		return inv.usage()
	case "lines":
		return inv.lines()
	case "adjustments":
		return inv.adjustments()
	case "totals":
		return inv.totals()
	case "payment":
		return inv.payment()
	}
	return nil // of a newer layout, which check refuses
}

// withTexts puts the layout's own texts around a section that is not empty.
func (inv *invoice) withTexts(name string, section []block) []block {
	if len(section) == 0 {
		return nil
	}
	var before, after []block
	for _, t := range inv.layout.Texts {
		text := strings.TrimSpace(inv.phrase(t.Text))
		if text == "" {
			continue
		}
		var lines []block
		for line := range strings.Lines(text) {
			lines = append(lines, inv.flow(line, body)...)
		}
		switch name {
		case t.Before:
			lines[len(lines)-1].keep = true
			before = append(append(before, lines...), space(8))
		case t.After:
			after = append(append(after, space(8)), lines...)
		}
	}
	return slices.Concat(before, section, after)
}

// phrase is a text of the layout's own, filled in. A draft has its mark for a
// number.
func (inv *invoice) phrase(p templates.Phrase) string {
	doc, locale, billed := inv.doc, inv.layout.Locale, inv.billed()
	return templates.Fill(p.In(locale.Language()),
		"number", cmp.Or(doc.Number, inv.labels.DraftMark), "tenant", doc.Tenant, "seller", doc.Seller.Name, "buyer", doc.Buyer.Name,
		"issue_date", inv.date(doc.IssueDate), "due_date", inv.date(doc.DueDate), "period", inv.days(billed.From, billed.To),
		"net", locale.Money(doc.Net, doc.Currency), "total", locale.Money(doc.Total, doc.Currency), "currency", doc.Currency)
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

// group is the lines of one category, or those that adjust earlier invoices.
type group struct {
	name    string
	adjusts bool
	records int64
	amount  decimal.Decimal
	lines   []pricing.Line
}

// byCategory groups lines in the order of [pricing.Categories]; categories
// that are not among them follow, in the order of their first lines. Lines that
// adjust earlier invoices come last, whatever their categories.
func byCategory(lines []pricing.Line, l templates.Layout) []group {
	order := slices.Clone(pricing.Categories)
	found := map[pricing.Category]*group{}
	earlier := group{name: l.Labels.Adjustments, adjusts: true}
	for _, line := range lines {
		g := &earlier
		if line.Adjusts == "" {
			if g = found[line.Category]; g == nil {
				g = &group{name: cmp.Or(l.Categories[line.Category], string(line.Category))}
				found[line.Category] = g
				if !slices.Contains(order, line.Category) {
					order = append(order, line.Category)
				}
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
	if len(earlier.lines) > 0 {
		// Those of one invoice stand together, in the order of its first.
		slices.SortStableFunc(earlier.lines, func(a, b pricing.Line) int {
			first := func(line pricing.Line) int {
				return slices.IndexFunc(lines, func(other pricing.Line) bool { return other.Adjusts == line.Adjusts })
			}
			return cmp.Compare(first(a), first(b))
		})
		groups = append(groups, earlier)
	}
	return groups
}

func (inv *invoice) money(d decimal.Decimal) string { return inv.layout.Locale.Number(d, inv.digits) }

// letterhead is the seller at the left and the title at the right, with the logo
// over one of them.
func (inv *invoice) letterhead() []block {
	doc := inv.doc
	left := inv.textWidth() * 0.6
	seller := inv.box(left-columnGap, false, inv.party(doc.Seller, style{size: 13, bold: true, colour: ink}, small)...)
	large := style{size: 22, bold: true, colour: inv.layout.Brand.Accent}
	for word := range strings.FieldsSeq(inv.glyphs.clean(title(doc, inv.labels))) {
		for large.size > 12 && inv.measure(large)(word) > inv.textWidth()-left {
			large.size--
		}
	}
	heading := []paragraph{
		{text: title(doc, inv.labels), style: large},
		{text: doc.Number, style: style{size: 10, bold: true, colour: ink}},
	}
	if doc.Revision > 1 {
		heading = append(heading, paragraph{templates.Fill(inv.labels.Revision, "revision", fmt.Sprint(doc.Revision)), small})
	}
	if doc.Final && doc.Number == "" {
		heading = append(heading, paragraph{inv.labels.FinalInvoice, small})
	}
	right := inv.box(inv.textWidth()-left, true, heading...)
	sellerY, rightY := 0.0, -5.0 // so that the capitals of both columns start level
	logo := inv.logo(left - columnGap)
	if logo.height > 0 {
		if inv.layout.Brand.Logo.Position == "right" {
			rightY += logo.height + 10
		} else {
			sellerY += logo.height + 10
		}
	}
	return []block{{height: max(sellerY+seller.height, rightY+5+right.height) + 22, draw: func(y float64) {
		logo.draw(inv.left, y)
		seller.draw(inv.left, y+sellerY)
		right.draw(inv.left+left, y+rightY)
	}}}
}

// logo is the layout's logo, no wider than it may be, at its edge of the page; it
// has no height where there is none.
func (inv *invoice) logo(widest float64) box {
	logo := inv.layout.Brand.Logo
	if logo == nil {
		return box{draw: func(float64, float64) {}}
	}
	kind := "PNG"
	if bytes.HasPrefix(inv.layout.Logo, []byte{0xFF, 0xD8}) { // a JPEG's start of image
		kind = "JPG"
	}
	options := gofpdf.ImageOptions{ImageType: kind}
	image := inv.pdf.RegisterImageOptionsReader("logo", options, bytes.NewReader(inv.layout.Logo))
	if err := inv.pdf.Error(); err != nil {
		inv.pdf.ClearError()
		inv.pdf.SetError(fmt.Errorf("logo %s: %w", logo.File, err))
		return box{draw: func(float64, float64) {}}
	}
	height := logo.Height * pointsPerMM
	width := height * image.Width() / image.Height()
	if width > widest {
		width, height = widest, height*widest/width
	}
	return box{height, func(x, y float64) {
		if logo.Position == "right" {
			x = inv.right - width
		}
		inv.pdf.ImageOptions("logo", x, y, width, height, false, options, 0, "")
	}}
}

// party is a seller's or a buyer's address block.
func (c *canvas) party(p billing.Party, name, rest style) []paragraph {
	text := []paragraph{{text: p.Name, style: name}}
	for _, line := range p.Address {
		text = append(text, paragraph{text: line, style: rest})
	}
	if p.TaxID != "" {
		text = append(text, paragraph{text: templates.Fill(c.layout.Labels.TaxID, "id", p.TaxID), style: rest})
	}
	for _, line := range []string{p.Email, p.Phone, p.Website} {
		text = append(text, paragraph{text: line, style: rest})
	}
	return text
}

// fact is a labelled value beside an address.
type fact struct {
	label string
	value []paragraph
}

func textFact(label, value string) fact {
	return fact{label, []paragraph{{text: value, style: body}}}
}

// maxFactLines is how many lines a value has at most: all of them stay on one page.
const maxFactLines = 8

// facts lists labelled values in a column of the given width.
func (c *canvas) facts(width float64, list []fact) box {
	labelWidth := 66.0
	for _, f := range list {
		labelWidth = min(max(labelWidth, c.measure(details)(c.glyphs.clean(f.label))+0.5), 0.45*width)
	}
	type placed struct {
		label, value box
		y            float64
	}
	var rows []placed
	height := 0.0
	for _, f := range list {
		label := c.box(labelWidth, false, paragraph{text: f.label, style: details})
		value, cut := c.boxOf(maxFactLines, width-labelWidth-columnGap, false, f.value...)
		c.cut = cmp.Or(c.cut, cut)
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

// billed is the part of the period that the invoice is for: in German law, for
// one, the time of the supply that it has to name. It is the period where nothing
// of it is billed, as when only fees in advance are given back.
func (inv *invoice) billed() billing.Days {
	if d := inv.doc.Billed; d.From.Before(d.To) {
		return d
	}
	return billing.Days{From: inv.doc.Period.From, To: inv.doc.Period.To}
}

// periodRange names the first and the last day that are billed.
func (inv *invoice) periodRange() string {
	d := inv.billed()
	return templates.Fill(inv.labels.PeriodRange,
		"first", inv.date(d.From), "last", inv.date(d.To.AddDays(-1)), "zone", inv.doc.Period.TimeZone)
}

// plans are those of an invoice. There is more than one only where the plan was
// changed, and then each is with its days.
func (inv *invoice) plans() (out []paragraph) {
	for _, p := range inv.doc.Plans {
		out = append(out, paragraph{text: p.Name, style: body})
		if len(inv.doc.Plans) > 1 {
			out = append(out, paragraph{text: inv.days(p.From, p.To), style: small})
		}
	}
	return out
}

// account is a subaccount as a name and a sid beneath it.
func account(a billing.Account) []paragraph {
	if a.Name == "" {
		return []paragraph{{text: a.SID, style: body}}
	}
	return []paragraph{{text: a.Name, style: body}, {text: a.SID, style: style{size: 6.5, colour: muted}}}
}

// parties is the buyer at the left and the facts of the invoice at the right.
func (inv *invoice) parties() []block {
	doc, labels := inv.doc, inv.labels
	left := inv.textWidth() * 0.47
	buyer := inv.box(left-columnGap, false, append(
		[]paragraph{{labels.BilledTo, details}},
		inv.party(doc.Buyer, style{size: 10, bold: true, colour: ink}, body)...)...)

	const shown = 3
	var accounts []paragraph
	for i, a := range doc.Accounts {
		if i == shown {
			more := templates.Fill(labels.More, "count", inv.layout.Locale.Count(int64(len(doc.Accounts)-shown)))
			accounts = append(accounts, paragraph{more, details})
			break
		}
		accounts = append(accounts, account(a)...)
	}
	due := textFact(labels.DueDate, inv.date(doc.DueDate))
	if !doc.Total.IsPositive() {
		due = fact{}
	}
	facts := inv.facts(inv.textWidth()-left, []fact{
		textFact(labels.IssueDate, inv.date(doc.IssueDate)),
		due,
		textFact(labels.Period, inv.periodRange()),
		{labels.Plan, inv.plans()},
		textFact(labels.Tenant, doc.Tenant),
		{labels.Subaccounts, accounts},
	})
	return []block{{height: max(buyer.height, facts.height) + 20, draw: func(y float64) {
		buyer.draw(inv.left, y)
		facts.draw(inv.left+left, y)
	}}}
}

// credits reports whether the document is a credit note with nothing to pay.
func (inv *invoice) credits() bool {
	return inv.doc.Kind == billing.CreditNote && !inv.doc.Total.IsPositive()
}

// correction says which invoice the document takes back or replaces, and why.
func (inv *invoice) correction() []block {
	corrects := inv.doc.Corrects
	if corrects == nil {
		return nil
	}
	text := inv.labels.Replaces
	if inv.doc.Kind == billing.CreditNote {
		text = inv.labels.TakesBack
	}
	text = templates.Fill(text, "number", corrects.Number, "date", inv.date(corrects.IssueDate))
	blocks := inv.flow(text, strong)
	if corrects.Reason != "" {
		blocks[len(blocks)-1].keep = true
		blocks = append(blocks, inv.flow(templates.Fill(inv.labels.ReasonIs, "reason", corrects.Reason), body)...)
	}
	return append(blocks, space(14))
}

// headline is what the customer looks for first: how much, until when.
func (inv *invoice) headline() []block {
	const height, pad = 54, 16
	accent := inv.layout.Brand.Accent
	left := inv.textWidth() * 0.62
	total, label := inv.doc.Total, inv.labels.TotalDue
	if inv.credits() { // the word says that it is not to be paid
		total, label = total.Neg(), inv.labels.TotalCredit
	}
	due := inv.fitted(left-2*pad, false, inv.layout.Locale.Money(total, inv.doc.Currency), style{size: 19, bold: true, colour: ink})
	right := inv.textWidth() - left - pad
	date := inv.fitted(right, true, inv.date(inv.doc.DueDate), style{size: 12, bold: true, colour: ink})
	dueLabel := inv.fitted(left-2*pad, false, label, details)
	dateLabel := inv.fitted(right, true, inv.labels.DueDate, details)
	return []block{{height: height + 20, draw: func(y float64) {
		inv.fill(inv.left, y, inv.textWidth(), height, tint(accent, 0.08))
		inv.fill(inv.left, y, 3, height, accent)
		dueLabel.draw(inv.left+pad, y+9)
		due.draw(inv.left+pad, y+21)
		if inv.doc.Total.IsPositive() {
			dateLabel.draw(inv.left+left, y+9)
			date.draw(inv.left+left, y+26)
		}
	}}}
}

// summary is the amount per category. It adds up lines as rounded, so it adds
// up to the net.
func (inv *invoice) summary() []block {
	var rows []row
	for _, g := range inv.groups {
		rows = append(rows, row{
			cells: []cell{plainCell(g.name), plainCell(inv.layout.Locale.Count(g.records)), plainCell(inv.money(g.amount))},
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
	groups := inv.groups
	if slices.Contains(inv.layout.Sections, "adjustments") {
		groups = slices.DeleteFunc(slices.Clone(groups), func(g group) bool { return g.adjusts })
	}
	return append([]block{space(18), inv.heading(inv.labels.Details)}, inv.groupTable(groups)...)
}

// adjustments is the table of the lines that adjust earlier invoices, if there are
// any.
func (inv *invoice) adjustments() []block {
	i := slices.IndexFunc(inv.groups, func(g group) bool { return g.adjusts })
	if i < 0 {
		return nil
	}
	return append([]block{space(18), inv.heading(inv.labels.Adjustments)}, inv.groupTable(inv.groups[i:i+1])...)
}

// groupTable is a table of lines, grouped.
func (inv *invoice) groupTable(groups []group) []block {
	var columns []column
	for _, c := range inv.layout.Columns {
		columns = append(columns, column{title: inv.columnTitle(c.Name), right: !isText(c.Name), share: c.Width})
	}
	title := func(text ...paragraph) row {
		return row{cells: []cell{{text: text, span: len(columns), left: columns[0].right}}, most: maxHeadLines}
	}
	heading := style{size: 8.5, bold: true, colour: inv.layout.Brand.Accent}
	var rows []row
	for _, g := range groups {
		first := title(paragraph{g.name, heading})
		first.keep = true
		rows = append(rows, first)
		again := paragraph{templates.Fill(inv.labels.Continued, "category", g.name), heading}
		continued := title(again)
		for i, line := range g.lines {
			if line.Adjusts != "" && (i == 0 || g.lines[i-1].Adjusts != line.Adjusts) {
				of := paragraph{inv.adjustmentOf(line), details}
				heads := title(of)
				heads.keep = true
				if i > 0 {
					under := title(again)
					heads.under = &under
				}
				rows = append(rows, heads)
				continued = title(again, of)
			}
			r := row{
				rule: hairline,
				// Neither the subtotal nor the table's first line is alone.
				keep: i == len(g.lines)-1 || len(rows) == 1,
			}
			for _, c := range inv.layout.Columns {
				r.cells = append(r.cells, inv.lineCell(c.Name, line))
			}
			if i > 0 {
				under := continued
				r.under = &under
			}
			rows = append(rows, r)
		}
		rows = append(rows, inv.subtotal(columns, templates.Fill(inv.labels.Subtotal, "category", g.name), g.amount))
	}
	if len(rows) == 0 {
		rows = []row{title(paragraph{text: inv.labels.NoLines, style: details})}
		rows[0].rule, rows[0].keep = hairline, true
	}
	lines := 0
	for i := len(rows) - 1; i >= 0 && lines < 2; i-- {
		rows[i].keep = true
		if len(rows[i].cells) == len(columns) {
			lines++
		}
	}
	return inv.table(columns, rows)
}

// isText reports whether a column of lines is set at the left, as words are.
func isText(column string) bool {
	return column == "description" || column == "item" || column == "tax_code"
}

// columnTitle is the head of one of [templates.Columns].
func (inv *invoice) columnTitle(name string) string {
	labels, code := inv.labels, inv.doc.Currency
	switch name {
	case "description":
		return labels.Description
	case "item":
		return labels.Item
	case "records":
		return labels.Records
	case "quantity":
		return labels.Quantity
	case "unit_price":
		return templates.Fill(labels.UnitPrice, "currency", code)
	case "tax_code":
		return labels.TaxCode
	case "amount":
		return templates.Fill(labels.Amount, "currency", code)
	}
	return "" // of a newer layout, which check refuses
}

// lineCell is what stands in a line's column.
func (inv *invoice) lineCell(name string, line pricing.Line) cell {
	item, worded := inv.adjustedItem(line)
	if worded { // the heading over it has its days
		line.From, line.To = pricing.Date{}, pricing.Date{}
	}
	line.Description, line.Item = inv.doc.Printed(line.Description), inv.doc.Printed(item)
	switch name {
	case "description":
		text := []paragraph{{text: line.Description, style: body}}
		if !inv.hasColumn("item") {
			text = append(text, paragraph{line.Item, small})
		}
		return cell{text: append(text, paragraph{inv.lineDays(line), small})}
	case "item":
		return plainCell(line.Item)
	case "records":
		return plainCell(inv.layout.Locale.Count(line.Records))
	case "quantity":
		return plainCell(quantity(line, inv.layout))
	case "unit_price":
		if line.Category == pricing.CreditsUsed { // what is left of a credit is no price
			return cell{}
		}
		return plainCell(unitPrice(line, inv.doc.Period, inv.digits, inv.layout))
	case "tax_code":
		return plainCell(line.TaxCode)
	case "amount":
		return plainCell(inv.money(line.Amount))
	}
	return cell{}
}

func (inv *invoice) hasColumn(name string) bool {
	return slices.ContainsFunc(inv.layout.Columns, func(c templates.Column) bool { return c.Name == name })
}

// subtotal is a group's sum in the column of amounts, with its name before it, or
// after it where that column is the first.
func (inv *invoice) subtotal(columns []column, name string, sum decimal.Decimal) row {
	i := slices.IndexFunc(inv.layout.Columns, func(c templates.Column) bool { return c.Name == "amount" })
	label := cell{text: []paragraph{{name, strong}}}
	var cells []cell
	if i > 0 {
		label.span, label.left = i, !columns[0].right
		cells = append(cells, label)
	}
	cells = append(cells, strongCell(inv.money(sum)))
	if rest := len(columns) - 1 - i; rest > 0 {
		after := cell{span: rest}
		if i == 0 {
			after.text, after.left = label.text, columns[1].right
		}
		cells = append(cells, after)
	}
	return row{fill: true, cells: cells}
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
		amount := inv.box(width*0.45, true, paragraph{value, s})
		name := inv.box(width*0.55-columnGap, false, paragraph{label, s})
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
		label = templates.Fill(label, "name", tax.Name, "rate", inv.layout.Locale.Percent(tax.Rate, 0), "base", inv.money(tax.Base))
		blocks = append(blocks, sum(label, inv.money(tax.Amount), body, 2.5))
	}
	total := sum(templates.Fill(inv.labels.Total, "currency", inv.doc.Currency),
		inv.money(inv.doc.Total), style{size: 11, bold: true, colour: ink}, 6)
	text := total.draw
	total.draw = func(y float64) {
		inv.rule(x, y+1, width, 1, inv.layout.Brand.Accent)
		text(y)
	}
	total.keep = false
	blocks = append(blocks, total)
	for _, tax := range inv.doc.Taxes {
		if tax.Note != "" {
			blocks[len(blocks)-1].keep = true
			blocks = append(blocks, inv.flow(tax.Note, body)...)
		}
	}
	return blocks
}

// payment says until when and how to pay, if anything is to be paid.
func (inv *invoice) payment() []block {
	if inv.doc.Total.Sign() <= 0 {
		text := inv.labels.NothingToPay
		switch {
		case inv.doc.Total.IsNegative() && inv.credits():
			text = inv.labels.Credited
		case inv.doc.Total.IsNegative():
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
		blocks = append(blocks, inv.flow(line, body)...)
	}
	return blocks
}

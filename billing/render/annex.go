package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// The annex is set small and close, one line for a usage record: an invoice may
// have many thousands.
var (
	annexText = style{size: 6.5, colour: ink}
	annexHead = style{size: 6.5, bold: true, colour: muted}
	annexDay  = style{size: 7, bold: true, colour: ink}
)

const (
	annexGap     = 8.0 // between columns
	annexHeadRow = 14.0
	annexLine    = 8.6 // from one line of an item to the next
	annexLines   = 12  // of an item, at most
)

// rowKind says what a row of the annex is.
type rowKind int

const (
	itemRow  rowKind = iota
	dayRow           // title of a day's items
	groupRow         // title of a subaccount's days
	totalRow
)

// annexRowHeight is the height of each kind of row.
var annexRowHeight = [...]float64{itemRow: 9.6, dayRow: 15, groupRow: 20, totalRow: 20}

// The columns of the annex.
const (
	timeColumn = iota
	usageColumn
	fromColumn
	toColumn
	destinationColumn
	quantityColumn
	amountColumn
	annexColumns
)

// annexRow is one line of the annex, all of it clean text. A title has its text in
// the first column and its sum in the last.
type annexRow struct {
	kind  rowKind
	more  int // lines besides the first, of an item
	cells [annexColumns]string
}

func (r *annexRow) height() float64 {
	return annexRowHeight[r.kind] + float64(r.more)*annexLine
}

// annexTable is the annex as rows, with what they need of each column.
type annexTable struct {
	*invoice
	rows       []annexRow
	widths     [annexColumns]float64
	billed     bool // some quantity was rounded before it was priced
	notCharged int64

	day        pricing.Date // of the items being read
	dayTitle   int          // index of its title's row, filled in when its sum is known
	dayAmount  decimal.Decimal
	dayRecords int64
	usages     map[string]string // names of kinds with directions
}

// annex lists every usage record behind the invoice on pages of its own, if the
// document says so. Each page is one block.
func (inv *invoice) annex(list []byte) ([]block, error) {
	want := inv.doc.Annex
	if want == nil {
		return nil, nil
	}
	if want.SHA256 == "" && want.Records > 0 {
		text := templates.Fill(inv.labels.AnnexTooLong, "count", inv.layout.Locale.Count(want.Records))
		return []block{space(18), inv.heading(inv.labels.Annex), inv.textBlock(paragraph{text: text, style: body})}, nil
	}
	if sum := sha256.Sum256(list); hex.EncodeToString(sum[:]) != want.SHA256 {
		return nil, errors.New("the list of usage records is not the one that its annex names")
	}
	t := annexTable{invoice: inv, usages: map[string]string{}}
	if err := t.read(list); err != nil {
		return nil, err
	}
	if len(t.rows) == 0 {
		return nil, nil
	}
	return t.pages(), nil
}

// read sets the rows.
func (t *annexTable) read(list []byte) error {
	var head billing.AnnexHead
	err := billing.ReadAnnex(list, func(h billing.AnnexHead) error {
		head = h
		t.notCharged = h.NotCharged
		return nil
	}, func(g billing.AnnexGroup) error {
		t.endDay()
		t.title(groupRow, t.accountName(g.Account), g.Records, g.Amount)
		t.day = pricing.Date{}
		return nil
	}, t.item)
	if err != nil || head.Records == 0 {
		return err
	}
	t.endDay()
	t.rows = append(t.rows, annexRow{kind: totalRow, cells: [annexColumns]string{
		t.glyphs.clean(templates.Fill(t.labels.AnnexTotal, "count", t.records(head.Records))), amountColumn: t.money(head.Amount),
	}})
	t.widen(&t.rows[len(t.rows)-1], annexDay, amountColumn)
	t.head(func(i int, text string) { t.widths[i] = max(t.widths[i], t.measure(annexHead)(text)) })
	t.fit()
	return nil
}

func (t *annexTable) item(i *billing.AnnexItem) error {
	if day := pricing.DateOf(i.Start); day != t.day {
		t.endDay()
		t.day, t.dayTitle, t.dayAmount, t.dayRecords = day, len(t.rows), decimal.Zero, 0
		t.rows = append(t.rows, annexRow{})
	}
	t.dayAmount = t.dayAmount.Add(i.Amount)
	t.dayRecords++
	quantity := t.quantity(i.Kind, i.Quantity)
	if !i.Billed.IsZero() && !i.Billed.Equal(i.Quantity) {
		t.billed = true
		quantity += " / " + t.quantity(i.Kind, i.Billed)
	}
	t.rows = append(t.rows, annexRow{cells: [annexColumns]string{
		i.Start.Format("15:04:05"), t.usageOf(i), t.glyphs.clean(i.From), t.glyphs.clean(i.To), t.glyphs.clean(i.Item),
		t.glyphs.clean(quantity), t.money(i.Amount),
	}})
	t.widen(&t.rows[len(t.rows)-1], annexText, timeColumn, usageColumn, fromColumn, toColumn, destinationColumn, quantityColumn, amountColumn)
	return nil
}

// endDay writes the title of the day whose items are all there.
func (t *annexTable) endDay() {
	if t.day.IsZero() {
		return
	}
	end := len(t.rows)
	t.title(dayRow, t.date(t.day), t.dayRecords, t.dayAmount)
	t.rows[t.dayTitle], t.rows = t.rows[end], t.rows[:end]
}

// title appends the title of a group or a day, with its count and sum.
func (t *annexTable) title(kind rowKind, name string, records int64, amount decimal.Decimal) {
	t.rows = append(t.rows, annexRow{kind: kind, cells: [annexColumns]string{
		t.glyphs.clean(name), quantityColumn: t.glyphs.clean(t.records(records)), amountColumn: t.money(amount),
	}})
	t.widen(&t.rows[len(t.rows)-1], annexDay, amountColumn) // a count may reach over the column before
}

// widen makes columns wide enough for a row's cells.
func (t *annexTable) widen(r *annexRow, s style, columns ...int) {
	measure := t.measure(s)
	for _, i := range columns {
		t.widths[i] = max(t.widths[i], measure(r.cells[i]))
	}
}

// fit gives the destinations what room is left. Where there is none, texts are
// broken into lines: first those with words, so that telephone numbers are not.
func (t *annexTable) fit() {
	room := t.textWidth() - (annexColumns-1)*annexGap - t.widths[timeColumn] - t.widths[quantityColumn] - t.widths[amountColumn]
	words := []float64{t.widths[usageColumn], t.widths[destinationColumn]}
	numbers := []float64{t.widths[fromColumn], t.widths[toColumn]}
	if left := room - words[0] - words[1] - numbers[0] - numbers[1]; left >= 0 {
		t.widths[destinationColumn] += left
		return
	}
	longest := t.measure(annexText)("whatsapp:+999999999999999") // after ITU-T E.164
	reserved := min(numbers[0], longest) + min(numbers[1], longest)
	t.shrink(make([]column, 2), words, max(room-reserved, 0))
	t.shrink(make([]column, 2), numbers, max(room-words[0]-words[1], 0))
	t.widths[usageColumn], t.widths[destinationColumn] = words[0], words[1]
	t.widths[fromColumn], t.widths[toColumn] = numbers[0], numbers[1]
	for i := range t.rows {
		if r := &t.rows[i]; r.kind == itemRow {
			for column := usageColumn; column < quantityColumn; column++ {
				r.more = max(r.more, len(t.lines(column, r.cells[column], annexText))-1)
			}
		}
	}
}

// lines breaks the text of a cell into lines.
func (t *annexTable) lines(column int, text string, s style) []string {
	// A little more room, or rounding would break the widest text.
	return wrap(text, t.widths[column]+0.01, annexLines, t.measure(s))
}

func (t *annexTable) records(n int64) string {
	return t.layout.Locale.Count(n) + " " + t.layout.Unit(pricing.PerRecord, decimal.NewFromInt(n))
}

func (t *annexTable) quantity(kind pricing.Kind, d decimal.Decimal) string {
	return quantity(pricing.Line{Quantity: d, Unit: kind.Unit(), Per: 60}, t.layout)
}

// usageOf names the kind and the direction of a usage record.
func (t *annexTable) usageOf(i *billing.AnnexItem) string {
	key := string(i.Kind) + " " + string(i.Direction)
	name, ok := t.usages[key]
	if !ok {
		if name = t.layout.Kinds[i.Kind]; name == "" {
			name = string(i.Kind)
		}
		switch i.Direction {
		case pricing.Inbound:
			name = templates.Fill(t.labels.Incoming, "kind", name)
		case pricing.Outbound:
			name = templates.Fill(t.labels.Outgoing, "kind", name)
		}
		name = t.glyphs.clean(name)
		t.usages[key] = name
	}
	return name
}

// accountName is a subaccount's name with its sid.
func (t *annexTable) accountName(sid string) string {
	i := slices.IndexFunc(t.doc.Accounts, func(a billing.Account) bool { return a.SID == sid })
	if i < 0 || t.doc.Accounts[i].Name == "" {
		return sid
	}
	return fmt.Sprintf("%s (%s)", t.doc.Accounts[i].Name, sid)
}

// annexPage is what stands on a page: titles that are repeated, and rows.
type annexPage struct {
	repeated []annexRow
	rows     []annexRow
}

// pages lays the rows out. A title is never the last row of a page.
func (t *annexTable) pages() []block {
	notes := []paragraph{{text: templates.Fill(t.labels.AnnexNote, "zone", t.doc.Period.TimeZone), style: details}}
	if t.billed {
		notes = append(notes, paragraph{text: t.labels.AnnexBilled, style: details})
	}
	if t.doc.MaskNumbers {
		notes = append(notes, paragraph{text: t.labels.AnnexMasked, style: details})
	}
	if t.notCharged > 0 {
		notes = append(notes, paragraph{text: templates.Fill(t.labels.AnnexNotCharged, "count", t.layout.Locale.Count(t.notCharged)), style: details})
	}
	title, intro := t.heading(t.labels.Annex), t.box(t.textWidth(), false, notes...)
	start := title.height + intro.height + 10

	height := t.bottom - t.top - headerSpace
	var blocks []block
	for i, p := range t.paginate(height-annexHeadRow-start, height-annexHeadRow) {
		// As high as a page, so that it gets one of its own.
		blocks = append(blocks, block{height: height, draw: func(y float64) {
			if i == 0 {
				title.draw(y)
				intro.draw(t.left, y+title.height)
				y += start
			}
			t.drawPage(p, y)
		}})
	}
	return blocks
}

// paginate divides the rows into pages with so much room on the first one and on
// those after it.
func (t *annexTable) paginate(first, room float64) (pages []annexPage) {
	left := first
	page := annexPage{}
	from := 0
	var group, day *annexRow // that the next row is under
	for i := range t.rows {
		r := &t.rows[i]
		need := 0.0
		for j := i; j < len(t.rows); j++ { // with the first item beneath a title
			need += t.rows[j].height()
			if k := t.rows[j].kind; k != groupRow && k != dayRow {
				break
			}
		}
		if need > left && i > from {
			page.rows = t.rows[from:i]
			pages = append(pages, page)
			page, from, left = annexPage{}, i, room
			if r.kind == itemRow || r.kind == dayRow {
				page.repeated = append(page.repeated, t.continued(*group))
				left -= annexRowHeight[groupRow]
			}
			if r.kind == itemRow {
				page.repeated = append(page.repeated, t.continued(*day))
				left -= annexRowHeight[dayRow]
			}
		}
		left -= r.height()
		switch r.kind {
		case groupRow:
			group = r
		case dayRow:
			day = r
		}
	}
	page.rows = t.rows[from:]
	return append(pages, page)
}

// continued is a title on a page after its own: without the sum.
func (t *annexTable) continued(title annexRow) annexRow {
	return annexRow{kind: title.kind, cells: [annexColumns]string{
		t.glyphs.clean(templates.Fill(t.labels.Continued, "category", title.cells[0])),
	}}
}

// head calls each with the title of every column.
func (t *annexTable) head(each func(i int, text string)) {
	for i, text := range [annexColumns]string{
		t.labels.Time, t.labels.Usage, t.labels.From, t.labels.To, t.labels.Destination, t.labels.Quantity,
		templates.Fill(t.labels.Amount, "currency", t.doc.Currency),
	} {
		each(i, t.glyphs.clean(text))
	}
}

func (t *annexTable) drawPage(p annexPage, y float64) {
	t.head(func(i int, text string) { t.cell(i, y, t.lines(i, text, annexHead)[0], annexHead) })
	t.rule(t.left, y+annexHeadRow-4, t.textWidth(), 0.5, t.layout.Brand.Accent)
	y += annexHeadRow
	for _, rows := range [][]annexRow{p.repeated, p.rows} {
		for i := range rows {
			t.drawRow(&rows[i], y)
			y += rows[i].height()
		}
	}
}

func (t *annexTable) drawRow(r *annexRow, y float64) {
	if r.kind == itemRow {
		for i, text := range r.cells {
			t.cell(i, y, text, annexText)
		}
		return
	}
	s := annexDay
	y += annexRowHeight[r.kind] - annexRowHeight[itemRow] - 2
	switch r.kind {
	case groupRow:
		s.colour = t.layout.Brand.Accent
	case totalRow:
		t.rule(t.left, y-3, t.textWidth(), 1, t.layout.Brand.Accent)
	}
	width := t.textWidth() - t.widths[amountColumn] - max(t.widths[quantityColumn], t.measure(s)(r.cells[quantityColumn])) - 2*annexGap
	t.fitted(width, false, r.cells[0], s).draw(t.left, y)
	t.cell(quantityColumn, y, r.cells[quantityColumn], s)
	t.cell(amountColumn, y, r.cells[amountColumn], s)
}

// cell draws clean text in a column of the annex.
func (t *annexTable) cell(column int, y float64, text string, s style) {
	if text == "" {
		return
	}
	x := t.left
	for _, w := range t.widths[:column] {
		x += w + annexGap
	}
	switch {
	case column >= quantityColumn:
		t.line(x+t.widths[column]-t.measure(s)(text), y, text, s)
	case column >= usageColumn:
		for i, line := range t.lines(column, text, s) {
			t.line(x, y+float64(i)*annexLine, line, s)
		}
	default:
		t.line(x, y, text, s)
	}
}

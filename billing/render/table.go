package render

import (
	"cmp"
	"slices"
	"strings"
)

// column is a column of a table.
type column struct {
	title string
	right bool    // numbers are right-aligned
	share float64 // of the room that is left; 0 is as wide as its cells need
}

// cell is the text of one or more columns of a row.
type cell struct {
	text []paragraph
	span int  // columns covered; 0 means 1
	left bool // left-aligned in a right-aligned column, and the other way round
}

func plainCell(text string) cell { return cell{text: []paragraph{{text, body}}} }

func strongCell(text string) cell { return cell{text: []paragraph{{text, strong}}} }

// row is a row of a table; it never splits over a page.
type row struct {
	cells []cell
	rule  colour // of the line beneath
	fill  bool   // with a pale ground
	keep  bool   // on the same page as the next row
	under *row   // repeated beneath the head when this row starts a page
	most  int    // lines of a cell; 0 means maxLines
	close bool   // belongs to the row above
}

const (
	cellPad      = 3.8
	maxHeadLines = 6    // of what is repeated on each page
	fixedShare   = 0.68 // of a table's width that columns without a share may take in all
)

// table lays a table out over the width of the text. Its head is repeated on
// every page. The last row may be kept with what follows.
func (c *canvas) table(columns []column, rows []row) []block {
	rows, widths := c.columnWidths(columns, rows)

	head := row{rule: c.layout.Brand.Accent, most: maxHeadLines}
	for _, col := range columns {
		head.cells = append(head.cells, cell{text: []paragraph{{text: col.title, style: style{size: 7, bold: true, colour: muted}}}})
	}
	headBlock := c.tableRow(columns, widths, head)
	headBlock.keep = true
	blocks := []block{headBlock}
	for _, r := range rows {
		b := c.tableRow(columns, widths, r)
		b.keep = r.keep
		b.repeat = []block{headBlock}
		if r.under != nil {
			b.repeat = append(b.repeat, c.tableRow(columns, widths, *r.under))
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// columnWidths gives columns without a share what their widest cell needs,
// and the rest to the others. Cells wrap in what they get. Where it is not enough,
// cells wrap between words, then the rows are set smaller, so that no number and
// no word is broken; only what is absurdly long is.
func (c *canvas) columnWidths(columns []column, rows []row) ([]row, []float64) {
	room := c.textWidth() - float64(len(columns)-1)*columnGap
	limit := room * fixedShare
	set := rows
	widths, fixed := c.needs(columns, rows, false)
	for _, try := range []struct{ scale, share float64 }{{1, fixedShare}, {0.95, 0.72}, {0.9, 0.76}, {0.85, 0.79}, {0.8, 0.82}, {0.75, 0.84}, {0.7, 0.86}} {
		if fixed <= limit {
			break
		}
		limit = room * try.share
		set = scaled(rows, try.scale)
		widths, fixed = c.needs(columns, set, true)
	}
	if natural, all := c.needs(columns, set, false); all > fixed && fixed < limit { // some of the words fit side by side
		grow := min(1, (limit-fixed)/(all-fixed))
		for i := range widths {
			widths[i] += (natural[i] - widths[i]) * grow
		}
		fixed += (all - fixed) * grow
	}
	if fixed > limit { // a single absurd cell makes nothing small
		set = rows
		widths, _ = c.needs(columns, set, false)
		fixed = c.shrink(columns, widths, room*fixedShare)
	}
	shares := 0.0
	for _, col := range columns {
		shares += col.share
	}
	for i, col := range columns {
		if col.share > 0 {
			widths[i] = (room - fixed) * col.share / shares
		}
	}
	return set, widths
}

// needs is how wide the columns without a share are, and all of them together: as
// their widest cell or, by words, as their longest word.
func (c *canvas) needs(columns []column, rows []row, words bool) (widths []float64, sum float64) {
	widths = make([]float64, len(columns))
	for i, col := range columns {
		if col.share > 0 {
			continue
		}
		widths[i] = c.textNeeds(paragraph{col.title, style{size: 7, bold: true}}, words)
		for _, r := range rows {
			for _, p := range r.cell(i).text {
				widths[i] = max(widths[i], c.textNeeds(p, words))
			}
		}
		widths[i] += 0.5 // or rounding would wrap the widest cell
		sum += widths[i]
	}
	return widths, sum
}

// textNeeds is the width of a text, or of its longest word.
func (c *canvas) textNeeds(p paragraph, words bool) (width float64) {
	text := c.glyphs.clean(p.text)
	if !words {
		return c.measure(p.style)(text)
	}
	for word := range strings.SplitSeq(text, " ") {
		width = max(width, c.measure(p.style)(word))
	}
	return width
}

// scaled are rows in a smaller type.
func scaled(rows []row, scale float64) []row {
	out := slices.Clone(rows)
	for i := range out {
		out[i].cells = slices.Clone(out[i].cells)
		for j := range out[i].cells {
			text := slices.Clone(out[i].cells[j].text)
			for k := range text {
				text[k].style.size *= scale
			}
			out[i].cells[j].text = text
		}
	}
	return out
}

// shrink cuts the widest columns until all without a share fit the limit: a
// single absurd cell does not squeeze the others.
func (c *canvas) shrink(columns []column, widths []float64, limit float64) float64 {
	low, high := 0.0, limit
	sum := func(top float64) float64 {
		s := 0.0
		for i, col := range columns {
			if col.share == 0 {
				s += min(widths[i], top)
			}
		}
		return s
	}
	for range 40 {
		if mid := (low + high) / 2; sum(mid) > limit {
			high = mid
		} else {
			low = mid
		}
	}
	for i, col := range columns {
		if col.share == 0 {
			widths[i] = min(widths[i], low)
		}
	}
	return sum(low)
}

// cell is the row's cell in column i alone; an empty one where a cell that spans
// columns stands there.
func (r row) cell(i int) cell {
	at := 0
	for _, cl := range r.cells {
		if at == i && cl.span <= 1 {
			return cl
		}
		at += max(cl.span, 1)
	}
	return cell{}
}

func (c *canvas) tableRow(columns []column, widths []float64, r row) block {
	type placed struct {
		box
		x float64
	}
	var boxes []placed
	x, i, height := c.left, 0, 0.0
	for _, cl := range r.cells {
		first, width := i, -float64(columnGap)
		for range max(cl.span, 1) {
			width += widths[i] + columnGap
			i++
		}
		b, cut := c.boxOf(cmp.Or(r.most, maxLines), width, columns[first].right != cl.left, cl.text...)
		c.cut = cmp.Or(c.cut, cut)
		boxes = append(boxes, placed{b, x})
		x += width + columnGap
		height = max(height, b.height)
	}
	height = max(height, body.size*lineHeight) + 2*cellPad
	top := cellPad
	if r.close {
		top, height = 0, height-cellPad
	}
	return block{height: height, draw: func(y float64) {
		if r.fill {
			c.fill(c.left, y, c.textWidth(), height, tint(c.layout.Brand.Accent, 0.06))
		}
		for _, b := range boxes {
			b.draw(b.x, y+top)
		}
		if r.rule != (colour{}) {
			c.rule(c.left, y+height-0.5, c.textWidth(), 0.5, r.rule)
		}
	}}
}

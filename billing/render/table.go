package render

import "cmp"

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
}

const (
	cellPad      = 3.8
	maxHeadLines = 6    // of what is repeated on each page
	fixedShare   = 0.68 // of a table's width that columns without a share may take in all
)

// table lays a table out over the width of the text. Its head is repeated on
// every page. The last row may be kept with what follows.
func (c *canvas) table(columns []column, rows []row) []block {
	widths := c.columnWidths(columns, rows)

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
// and the rest to the others. Cells wrap in what they get.
func (c *canvas) columnWidths(columns []column, rows []row) []float64 {
	widths := make([]float64, len(columns))
	fixed, shares := 0.0, 0.0
	for i, col := range columns {
		shares += col.share
		if col.share > 0 {
			continue
		}
		widths[i] = c.measure(style{size: 7, bold: true})(c.glyphs.clean(col.title))
		for _, r := range rows {
			widths[i] = max(widths[i], c.cellWidth(r, i))
		}
		widths[i] += 0.5 // or rounding would wrap the widest cell
		fixed += widths[i]
	}
	room := c.textWidth() - float64(len(columns)-1)*columnGap
	if limit := room * fixedShare; fixed > limit {
		fixed = c.shrink(columns, widths, limit)
	}
	for i, col := range columns {
		if col.share > 0 {
			widths[i] = (room - fixed) * col.share / shares
		}
	}
	return widths
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

// cellWidth is the natural width of a row's cell in column i; 0 if a cell
// that spans columns stands there.
func (c *canvas) cellWidth(r row, i int) float64 {
	at := 0
	for _, cl := range r.cells {
		if at == i && cl.span <= 1 {
			w := 0.0
			for _, p := range cl.text {
				w = max(w, c.measure(p.style)(c.glyphs.clean(p.text)))
			}
			return w
		}
		at += max(cl.span, 1)
	}
	return 0
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
	return block{height: height, draw: func(y float64) {
		if r.fill {
			c.fill(c.left, y, c.textWidth(), height, tint(c.layout.Brand.Accent, 0.06))
		}
		for _, b := range boxes {
			b.draw(b.x, y+cellPad)
		}
		if r.rule != (colour{}) {
			c.rule(c.left, y+height-0.5, c.textWidth(), 0.5, r.rule)
		}
	}}
}

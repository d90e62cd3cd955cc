package render

import (
	"fmt"
	"io"

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

func drawStatement(w io.Writer, st *billing.Statement, l templates.Layout) error {
	sh, err := newSheet(st, l)
	if err != nil {
		return err
	}
	name := sh.Title + " " + sh.Month
	c, err := newCanvas(l, true, name, st.Seller.Name, st.IssueDate)
	if err != nil {
		return err
	}
	c.glyphs.codes = true // it is for people who have to find out whose it is
	blocks := c.sheetHead(sh)
	for _, s := range sh.Sections {
		blocks = append(blocks, c.section(s)...)
	}
	return c.write(w, blocks, furniture{name: name, owner: st.Seller.Name})
}

func (c *canvas) sheetHead(sh *sheet) []block {
	half := (c.textWidth() - columnGap) / 2
	title := c.box(half, true,
		paragraph{sh.Title, style{size: 22, bold: true, colour: c.layout.Brand.Accent}},
		paragraph{sh.Month, style{size: 10, bold: true, colour: ink}})
	seller := c.box(half, false, c.party(sh.Seller, style{size: 13, bold: true, colour: ink}, small)...)
	var list []fact
	for _, f := range sh.Facts {
		list = append(list, fact{f.Label, []paragraph{{f.Value, body}, {f.Small, style{size: 6.5, colour: muted}}}})
	}
	facts := c.facts(half*0.75, list)
	blocks := []block{{height: max(seller.height, title.height+16+facts.height) + 14, draw: func(y float64) {
		seller.draw(c.left, y)
		title.draw(c.right-half, y-5)
		facts.draw(c.right-half*0.75, y+title.height+10)
	}}}
	for _, text := range sh.Attention {
		blocks = append(blocks, c.textBlock(paragraph{text: text, style: style{size: body.size, bold: true, colour: warning}}))
	}
	return blocks
}

// section is a heading and what is beneath it.
func (c *canvas) section(s section) []block {
	blocks := []block{space(18), c.heading(s.Title)}
	if len(s.Bars) > 0 {
		blocks = append(blocks, c.bars(s))
	}
	if len(s.Rows) > 0 {
		blocks = append(blocks, c.table(s.table())...)
	} else if s.Empty != "" {
		blocks = append(blocks, c.textBlock(paragraph{text: s.Empty, style: details}))
	}
	if s.Note != "" {
		blocks[len(blocks)-1].keep = true
		blocks = append(blocks, space(3), c.textBlock(paragraph{text: s.Note, style: details}))
	}
	return blocks
}

func (s section) table() (columns []column, rows []row) {
	for _, col := range s.Columns {
		columns = append(columns, column{title: col.Title, right: col.Number, share: col.Share})
	}
	for _, r := range s.Rows {
		out := row{rule: hairline, fill: r.Sum}
		for _, cl := range r.Cells {
			text := []paragraph{{cl.Text, toneStyle(cl.Tone)}}
			for _, line := range cl.Small {
				text = append(text, paragraph{line, small})
			}
			out.cells = append(out.cells, cell{text: text})
		}
		if r.Note == "" {
			rows = append(rows, out)
			continue
		}
		out.rule, out.keep = colour{}, true
		rows = append(rows, out, row{
			cells: []cell{{text: []paragraph{{r.Note, small}}, span: len(columns), left: columns[0].right}}, rule: hairline, close: true,
		})
	}
	rows[0].keep = len(rows) > 1 // at least two beneath a heading
	return columns, rows
}

func toneStyle(t tone) style {
	switch t {
	case strongTone:
		return strong
	case warningTone:
		return style{size: body.size, bold: true, colour: warning}
	}
	return body
}

const (
	barPitch = 9.6  // from one bar to the next
	barNames = 0.22 // of the width
	barSums  = 0.12 // of the width
)

// bars draws one bar for each tenant: the name, the bar to the right of the line
// at zero or, for a loss, to its left, and the amount.
func (c *canvas) bars(s section) block {
	names, sums := c.textWidth()*barNames, c.textWidth()*barSums
	room := c.textWidth() - names - sums - 2*columnGap
	zero := c.left + names + columnGap + s.zero()*room
	return block{height: float64(len(s.Bars))*barPitch + 4, draw: func(y float64) {
		for i, b := range s.Bars {
			top := y + float64(i)*barPitch
			c.fitted(names, false, b.Name, style{size: 6.5, colour: ink}).draw(c.left, top)
			c.fitted(sums, true, b.Value, style{size: 6.5, colour: ink}).draw(c.right-sums, top)
			width := b.Share * room
			if width < 0 {
				c.fill(zero+width, top+1.4, -width, barPitch-3, tint(warning, 0.8))
			} else if width > 0 {
				c.fill(zero, top+1.4, width, barPitch-3, tint(c.layout.Brand.Accent, 0.75))
			}
		}
		c.fill(zero-0.3, y, 0.6, float64(len(s.Bars))*barPitch, muted)
	}}
}

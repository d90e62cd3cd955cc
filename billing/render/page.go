package render

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jung-kurt/gofpdf"

	"subtally/pricing"
	"subtally/templates"
)

// All lengths are in points (1/72 inch), measured from the top left corner:
// gofpdf then writes them without a conversion of its own.
const (
	pointsPerMM = 72 / 25.4
	lineHeight  = 1.36 // of the font size
	baseline    = 0.98 // from the top of a line, of the font size
	bandHeight  = 5    // the accent band at the top edge
	headerSpace = 26   // the running header of the second page on
	columnGap   = 11
)

type colour = templates.Colour

var (
	ink      = colour{R: 0x1E, G: 0x26, B: 0x30} // drawn as the layout's colour of text
	muted    = colour{R: 0x68, G: 0x73, B: 0x80}
	hairline = colour{R: 0xDD, G: 0xE2, B: 0xE8}
	pale     = colour{R: 0xF1, G: 0xF3, B: 0xF5}
	warning  = colour{R: 0xA8, G: 0x4B, B: 0x08}
)

// tint mixes c with white: 0 is white, 1 is c.
func tint(c colour, share float64) colour {
	mix := func(v uint8) uint8 { return uint8(math.Round(255 - (255-float64(v))*share)) }
	return colour{R: mix(c.R), G: mix(c.G), B: mix(c.B)}
}

// style is how text is set.
type style struct {
	size   float64 // points
	bold   bool
	colour colour
}

var (
	body    = style{size: 8, colour: ink}
	strong  = style{size: 8, colour: ink, bold: true}
	small   = style{size: 7, colour: muted}
	details = style{size: 8, colour: muted}
)

// canvas measures and draws on the pages of one document.
type canvas struct {
	pdf    *gofpdf.Fpdf
	glyphs *glyphs
	layout templates.Layout

	width, height            float64 // of the page
	left, right, top, bottom float64 // the edges of the text area
	current                  style   // what gofpdf is set to
}

// newCanvas starts a document. Everything in the file that is not drawn comes
// from its arguments too: the same document gives the same bytes.
func newCanvas(l templates.Layout, landscape bool, title, author string, date pricing.Date) (*canvas, error) {
	if date.IsZero() {
		return nil, fmt.Errorf("it has no issue date")
	}
	fonts, err := templates.Fonts()
	if err != nil {
		return nil, err
	}
	g, err := fontGlyphs()
	if err != nil {
		return nil, err
	}
	orientation := "P"
	if landscape {
		orientation = "L"
	}
	pdf := gofpdf.New(orientation, "pt", l.Page.Size, "")
	created := date.Start(time.UTC)
	pdf.SetCreationDate(created)
	pdf.SetModificationDate(created)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("Subtally", true)
	pdf.SetTitle(g.clean(title), true)
	pdf.SetAuthor(g.clean(author), true)
	pdf.SetAutoPageBreak(false, 0)
	// gofpdf writes into a font's bytes while it makes the subset.
	pdf.AddUTF8FontFromBytes("sans", "", bytes.Clone(fonts.Regular))
	pdf.AddUTF8FontFromBytes("sans", "B", bytes.Clone(fonts.Bold))

	c := &canvas{pdf: pdf, glyphs: g, layout: l}
	c.width, c.height = pdf.GetPageSize()
	m := l.Page.Margins
	c.left, c.right = m.Left*pointsPerMM, c.width-m.Right*pointsPerMM
	c.top, c.bottom = m.Top*pointsPerMM, c.height-m.Bottom*pointsPerMM
	return c, pdf.Error()
}

func (c *canvas) textWidth() float64 { return c.right - c.left }

func (c *canvas) date(d pricing.Date) string { return c.layout.Locale.Date(d) }

func (c *canvas) use(s style) {
	if s == c.current {
		return
	}
	weight := ""
	if s.bold {
		weight = "B"
	}
	if s.bold != c.current.bold || s.size != c.current.size {
		c.pdf.SetFont("sans", weight, s.size)
	}
	col := s.colour
	if col == ink {
		col = c.layout.Brand.Text
	}
	c.pdf.SetTextColor(int(col.R), int(col.G), int(col.B))
	c.current = s
}

// measure is the width of clean text.
func (c *canvas) measure(s style) func(string) float64 {
	c.use(s)
	return c.pdf.GetStringWidth
}

// line draws one line of clean text; (x, y) is its top left corner.
func (c *canvas) line(x, y float64, text string, s style) {
	if text == "" {
		return
	}
	c.use(s)
	c.pdf.Text(x, y+baseline*s.size, text)
}

func (c *canvas) fill(x, y, w, h float64, col colour) {
	c.pdf.SetFillColor(int(col.R), int(col.G), int(col.B))
	c.pdf.Rect(x, y, w, h, "F")
}

// rule draws a horizontal line as a thin rectangle.
func (c *canvas) rule(x, y, w, thickness float64, col colour) { c.fill(x, y, w, thickness, col) }

// paragraph is text in one style.
type paragraph struct {
	text  string
	style style
	max   int // lines printed at most; 0 means 12
}

// box is wrapped text of a known height, drawn with its top left corner at a
// given place.
type box struct {
	height float64
	draw   func(x, y float64)
}

// box wraps paragraphs into a width. Empty paragraphs take no room. Between
// a large and a small one, such as a name and its address, is a little space.
func (c *canvas) box(width float64, right bool, paragraphs ...paragraph) box {
	type placed struct {
		text   string
		dx, dy float64
		style  style
	}
	var lines []placed
	height := 0.0
	for _, p := range paragraphs {
		text := c.glyphs.clean(p.text)
		if text == "" {
			continue
		}
		if p.max == 0 {
			p.max = 12
		}
		if n := len(lines); n > 0 && math.Abs(lines[n-1].style.size-p.style.size) > 1.5 {
			height += 2.5
		}
		measure := c.measure(p.style)
		for _, s := range wrap(text, width, p.max, measure) {
			dx := 0.0
			if right {
				dx = width - measure(s)
			}
			lines = append(lines, placed{s, dx, height, p.style})
			height += p.style.size * lineHeight
		}
	}
	return box{height, func(x, y float64) {
		for _, l := range lines {
			c.line(x+l.dx, y+l.dy, l.text, l.style)
		}
	}}
}

// fitted is one line of text, set smaller than its style as far as 6 points
// to fit the width, and then cut.
func (c *canvas) fitted(width float64, right bool, text string, s style) box {
	text = c.glyphs.clean(text)
	full := s.size * lineHeight
	for s.size > 6 && c.measure(s)(text) > width {
		s.size--
	}
	b := c.box(width, right, paragraph{text, s, 1})
	return box{full, func(x, y float64) { b.draw(x, y+(full-b.height)*0.8) }}
}

// block is a part of a document that stays on one page.
type block struct {
	height float64
	draw   func(y float64) // nil is white space, left out at the top of a page
	keep   bool            // on the same page as the next block
	repeat []block         // drawn above the block when it starts a page
}

func space(height float64) block { return block{height: height, keep: true} }

// heading is a section title that stays with what follows it.
func (c *canvas) heading(text string) block {
	b := c.box(c.textWidth(), false, paragraph{text, style{size: 11, bold: true, colour: ink}, 1})
	return block{height: b.height + 5, draw: func(y float64) { b.draw(c.left, y) }, keep: true}
}

// textBlock is wrapped text over the whole width.
func (c *canvas) textBlock(p paragraph) block {
	b := c.box(c.textWidth(), false, p)
	return block{height: b.height, draw: func(y float64) { b.draw(c.left, y) }}
}

type placedBlock struct {
	block
	y float64
}

// paginate puts blocks on pages between top and bottom; on the first page the
// top is first. Blocks that keep together move together. If they are more
// than a page, they break between blocks.
func paginate(blocks []block, first, top, bottom float64) [][]placedBlock {
	var pages [][]placedBlock
	var page []placedBlock
	y := first
	breakPage := func() {
		pages = append(pages, page)
		page, y = nil, top
	}
	place := func(b block) {
		if len(page) == 0 {
			if b.draw == nil {
				return
			}
			for _, r := range b.repeat {
				page = append(page, placedBlock{r, y})
				y += r.height
			}
		}
		page = append(page, placedBlock{b, y})
		y += b.height
	}
	for len(blocks) > 0 {
		n := 1
		for n < len(blocks) && blocks[n-1].keep {
			n++
		}
		group := blocks[:n]
		blocks = blocks[n:]
		if y+sumHeight(group) > bottom && len(page) > 0 {
			lead := group
			for len(lead) > 1 && lead[0].draw == nil {
				lead = lead[1:]
			}
			if top+sumHeight(lead)+sumHeight(lead[0].repeat) <= bottom {
				breakPage()
			}
		}
		for _, b := range group {
			if y+b.height > bottom && len(page) > 0 {
				breakPage()
			}
			place(b)
		}
	}
	return append(pages, page)
}

func sumHeight(blocks []block) float64 {
	h := 0.0
	for _, b := range blocks {
		h += b.height
	}
	return h
}

// furniture is what stands around the text of every page.
type furniture struct {
	name      string // of the document, such as "Invoice INV-2026-00042"
	owner     string // who issued it
	watermark string // drawn large behind the text; may be empty
	footer    string // at the foot of every page; the name where empty
}

// write lays the blocks out, draws all pages and writes the file.
func (c *canvas) write(w io.Writer, blocks []block, f furniture) error {
	// Measuring is over before the first page begins, so the number of pages is
	// known when the first footer is drawn.
	pages := paginate(blocks, c.top, c.top+headerSpace, c.bottom)
	for i, page := range pages {
		c.pdf.AddPage()
		if f.watermark != "" {
			c.watermark(f.watermark)
		}
		c.fill(0, 0, c.width, bandHeight, c.layout.Brand.Accent)
		if i > 0 {
			c.runningHeader(f)
		}
		for _, b := range page {
			if b.draw != nil {
				b.draw(b.y)
			}
		}
		c.footer(f, i+1, len(pages))
	}
	return c.pdf.Output(w)
}

func (c *canvas) runningHeader(f furniture) {
	half := (c.textWidth() - columnGap) / 2
	c.fitted(half, false, f.owner, small).draw(c.left, c.top-4)
	c.fitted(half, true, f.name, small).draw(c.right-half, c.top-4)
	c.rule(c.left, c.top+9, c.textWidth(), 0.5, hairline)
}

func (c *canvas) footer(f furniture, page, pages int) {
	y := c.bottom + 16
	c.rule(c.left, y-6, c.textWidth(), 0.5, hairline)
	number := c.box(90, true, paragraph{templates.Fill(c.layout.Labels.Page,
		"page", fmt.Sprint(page), "pages", fmt.Sprint(pages)), small, 1})
	number.draw(c.right-90, y)
	width := c.textWidth() - 90 - columnGap
	if f.footer == "" {
		c.fitted(width, false, f.name, small).draw(c.left, y)
		return
	}
	lines := max(1, int((c.height-y-bandHeight)/(small.size*lineHeight)))
	c.box(width, false, paragraph{f.footer, small, lines}).draw(c.left, y)
}

func (c *canvas) watermark(text string) {
	s := style{size: 130, bold: true, colour: pale}
	text = c.glyphs.clean(text)
	for s.size > 6 && c.measure(s)(text) > 0.8*c.width {
		s.size--
	}
	w := c.measure(s)(text)
	x, y := c.width/2, c.height/2
	c.pdf.TransformBegin()
	c.pdf.TransformRotate(45, x, y)
	c.line(x-w/2, y-s.size/2, text, s)
	c.pdf.TransformEnd()
}

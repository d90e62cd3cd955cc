package render

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
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
	faces  []*face // by the fonts of glyphs; nil as long as it is not used
	layout templates.Layout

	width, height            float64 // of the page
	left, right, top, bottom float64 // the edges of the text area
	current                  style   // what gofpdf is set to, with the face
	face                     *face
	cut                      string // the first text that is printed in part only; empty for none
}

// newCanvas starts a document. Everything in the file that is not drawn comes
// from its arguments too: the same document gives the same bytes.
func newCanvas(l templates.Layout, landscape bool, title, author string, date pricing.Date) (*canvas, error) {
	if date.IsZero() {
		return nil, fmt.Errorf("it has no issue date")
	}
	g, err := newGlyphs(l.Fonts)
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
	pdf.SetTitle(property(g.clean(title)), true)
	pdf.SetAuthor(property(g.clean(author)), true)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetCompression(false) // finish does it

	c := &canvas{pdf: pdf, glyphs: g, faces: make([]*face, len(g.fonts)), layout: l}
	c.width, c.height = pdf.GetPageSize()
	m := l.Page.Margins
	c.left, c.right = m.Left*pointsPerMM, c.width-m.Right*pointsPerMM
	c.top, c.bottom = m.Top*pointsPerMM, c.height-m.Bottom*pointsPerMM
	return c, pdf.Error()
}

func (c *canvas) textWidth() float64 { return c.right - c.left }

func (c *canvas) date(d pricing.Date) string { return c.layout.Locale.Date(d) }

// use sets gofpdf to a style and to a face.
func (c *canvas) use(s style, f *face) {
	if s == c.current && f == c.face {
		return
	}
	if f != c.face || s.size != c.current.size {
		c.pdf.SetFont(f.name, "", s.size)
	}
	col := s.colour
	if col == ink {
		col = c.layout.Brand.Text
	}
	c.pdf.SetTextColor(int(col.R), int(col.G), int(col.B))
	c.current, c.face = s, f
}

// openFace is the face of a font in this document.
func (c *canvas) openFace(i int) *face {
	if c.faces[i] == nil {
		f := &face{font: c.glyphs.fonts[i], name: fmt.Sprintf("face%d", i), codes: map[rune]uint16{}}
		c.pdf.AddFontFromBytes(f.name, "", stubFont(f.name), nil)
		c.faces[i] = f
	}
	return c.faces[i]
}

// measure is the width of clean text.
func (c *canvas) measure(s style) func(string) float64 {
	return func(text string) float64 {
		return float64(c.glyphs.fonts.width(text, s.bold)) * s.size / 1000
	}
}

// line draws one line of clean text; (x, y) is its top left corner. Where no
// font has all of it, it is drawn in runs of one font each.
func (c *canvas) line(x, y float64, text string, s style) {
	for text != "" {
		font, n := c.glyphs.fonts.run(text, s.bold)
		f := c.openFace(font)
		codes, err := f.encode(text[:n])
		if err != nil {
			c.pdf.SetError(err)
			return
		}
		c.use(s, f)
		c.pdf.Text(x, y+baseline*s.size, codes)
		if n < len(text) {
			x += c.measure(s)(text[:n])
		}
		text = text[n:]
	}
}

func (c *canvas) fill(x, y, w, h float64, col colour) {
	if r, g, b := c.pdf.GetFillColor(); r != int(col.R) || g != int(col.G) || b != int(col.B) {
		c.pdf.SetFillColor(int(col.R), int(col.G), int(col.B))
	}
	c.pdf.Rect(x, y, w, h, "F")
}

// rule draws a horizontal line as a thin rectangle.
func (c *canvas) rule(x, y, w, thickness float64, col colour) { c.fill(x, y, w, thickness, col) }

// paragraph is text in one style.
type paragraph struct {
	text  string
	style style
}

// box is wrapped text of a known height, drawn with its top left corner at a
// given place.
type box struct {
	height float64
	draw   func(x, y float64)
}

// maxBox is how high a box is at most, and maxLines how many lines it has: a page
// has room for them. No name, address or description is as long, and what is cut is
// noted.
const (
	maxBox   = 480
	maxLines = 40
)

// box wraps paragraphs into a width. Empty paragraphs take no room. Between
// a large and a small one, such as a name and its address, is a little space.
func (c *canvas) box(width float64, right bool, paragraphs ...paragraph) box {
	b, cut := c.boxOf(maxLines, width, right, paragraphs...)
	c.cut = cmp.Or(c.cut, cut)
	return b
}

// boxOf is a box of so many lines at most, and the first of its texts that is not
// printed whole.
func (c *canvas) boxOf(most int, width float64, right bool, paragraphs ...paragraph) (b box, cut string) {
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
		left := min(most-len(lines), int((maxBox-height)/(p.style.size*lineHeight)))
		if left <= 0 {
			cut = cmp.Or(cut, text)
			break
		}
		if n := len(lines); n > 0 && math.Abs(lines[n-1].style.size-p.style.size) > 1.5 {
			height += 2.5
		}
		measure := c.measure(p.style)
		wrapped := wrap(text, width, left, measure)
		if last := wrapped[len(wrapped)-1]; strings.HasSuffix(last, "…") && !strings.HasSuffix(text, last) {
			cut = cmp.Or(cut, text)
		}
		for _, s := range wrapped {
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
	}}, cut
}

// fitted is one line of text, set smaller than its style as far as 6 points
// to fit the width, and then cut.
func (c *canvas) fitted(width float64, right bool, text string, s style) box {
	text = c.glyphs.clean(text)
	full := s.size * lineHeight
	for s.size > 6 && c.measure(s)(text) > width {
		s.size--
	}
	b, _ := c.boxOf(1, width, right, paragraph{text, s})
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
	b := c.box(c.textWidth(), false, paragraph{text, style{size: 11, bold: true, colour: ink}})
	return block{height: b.height + 5, draw: func(y float64) { b.draw(c.left, y) }, keep: true}
}

// textBlock is wrapped text over the whole width.
func (c *canvas) textBlock(p paragraph) block {
	b := c.box(c.textWidth(), false, p)
	return block{height: b.height, draw: func(y float64) { b.draw(c.left, y) }}
}

// flow is wrapped text over the whole width that goes on on the next page where it
// does not fit one. Short ones stay together.
func (c *canvas) flow(text string, s style) (blocks []block) {
	const short = 12 // lines
	lines := wrap(c.glyphs.clean(text), c.textWidth(), maxRunes, c.measure(s))
	for i, line := range lines {
		blocks = append(blocks, block{
			height: s.size * lineHeight,
			draw:   func(y float64) { c.line(c.left, y, line, s) },
			keep:   i+1 < len(lines) && (len(lines) <= short || i == 0 || i == len(lines)-2),
		})
	}
	return blocks
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

// draw lays the blocks out and draws all pages.
func (c *canvas) draw(blocks []block, f furniture) error {
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
	c.cut = cmp.Or(c.cut, c.glyphs.cut)
	return c.pdf.Error()
}

// write draws the document and writes the file.
func (c *canvas) write(w io.Writer, blocks []block, f furniture) error {
	if err := c.draw(blocks, f); err != nil {
		return err
	}
	return c.output(w)
}

// output writes the file of what is drawn.
func (c *canvas) output(w io.Writer) error {
	raw := writers.Get().(*writer)
	defer writers.Put(raw)
	raw.b = raw.b[:0]
	if err := c.pdf.Output(raw); err != nil {
		return err
	}
	return finish(w, raw.b, slices.DeleteFunc(slices.Clone(c.faces), func(f *face) bool { return f == nil }))
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
	number, _ := c.boxOf(1, 90, true, paragraph{templates.Fill(c.layout.Labels.Page,
		"page", fmt.Sprint(page), "pages", fmt.Sprint(pages)), small})
	number.draw(c.right-90, y)
	width := c.textWidth() - 90 - columnGap
	if f.footer == "" {
		c.fitted(width, false, f.name, small).draw(c.left, y)
		return
	}
	lines := max(1, int((c.height-y-bandHeight)/(small.size*lineHeight)))
	var footer []paragraph
	for line := range strings.Lines(f.footer) {
		footer = append(footer, paragraph{line, small})
	}
	text, cut := c.boxOf(lines, width, false, footer...)
	c.cut = cmp.Or(c.cut, cut)
	text.draw(c.left, y)
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

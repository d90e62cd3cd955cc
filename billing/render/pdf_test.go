package render

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"subtally/billing"
)

func TestMain(m *testing.M) {
	api.DisableConfigDir()
	os.Exit(m.Run())
}

func invoicePDF(t testing.TB, doc *billing.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Invoice(&b, doc, layoutOf(t, "", doc), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func statementPDF(t testing.TB, st *billing.Statement) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Statement(&b, st, layout(t)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// text is a piece of text on a page; y is its baseline, from the top.
type text struct {
	x, y, width, size float64
	bold              bool
	s                 string
}

// page is what is printed on a page, in the order of drawing.
type page struct {
	width, height float64
	texts         []text
}

// count is how many pieces of text are s.
func (p page) count(s string) int {
	n := 0
	for _, t := range p.texts {
		if t.s == s {
			n++
		}
	}
	return n
}

func (p page) String() string {
	var b strings.Builder
	for _, t := range p.texts {
		b.WriteString(t.s + "\n")
	}
	return b.String()
}

var textOperator = regexp.MustCompile(`(?s)BT /(F[0-9a-f]+) ([0-9.]+) Tf ET|BT (-?[0-9.]+) (-?[0-9.]+) Td \(((?:[^\\)]|\\.)*)\) Tj ET`)

// readPDF validates a PDF and reads its text back.
func readPDF(t testing.TB, pdf []byte) []page {
	t.Helper()
	ctx, err := api.ReadAndValidate(bytes.NewReader(pdf), model.NewDefaultConfiguration())
	if err != nil {
		t.Fatalf("not a valid PDF: %v", err)
	}
	sizes, err := ctx.PageDims()
	if err != nil {
		t.Fatal(err)
	}
	fonts := readFonts(t, ctx)
	var pages []page
	for i, size := range sizes {
		r, err := pdfcpu.ExtractPageContent(ctx, i+1)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		p := page{width: size.Width, height: size.Height}
		var font pdfFont
		fontSize := 0.0
		for _, m := range textOperator.FindAllSubmatch(content, -1) {
			if m[1] != nil {
				font, fontSize = fonts[string(m[1])], number64(t, m[2])
				continue
			}
			s, width := font.decode(t, m[5])
			p.texts = append(p.texts, text{
				x: number64(t, m[3]), y: size.Height - number64(t, m[4]),
				width: float64(width) * fontSize / 1000, size: fontSize, bold: font.bold, s: s,
			})
		}
		pages = append(pages, p)
	}
	return pages
}

// pdfFont is what a PDF says of the codes of a font.
type pdfFont struct {
	bold   bool
	text   map[int]string
	widths []int // in thousandths, from code 1 on
}

var unicodeEntry = regexp.MustCompile(`(?m)^<([0-9A-F]{4})> <((?:[0-9A-F]{4})+)>$`)

// readFonts reads the fonts of a file's pages, by their names there.
func readFonts(t testing.TB, ctx *model.Context) map[string]pdfFont {
	t.Helper()
	entry := func(d types.Dict, key string) types.Object {
		o, err := ctx.Dereference(d[key])
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first, _, _, err := ctx.PageDict(1, false)
	if err != nil {
		t.Fatal(err)
	}
	fonts := map[string]pdfFont{}
	resources := entry(first, "Resources").(types.Dict)
	if resources["Font"] == nil {
		return fonts
	}
	for name := range entry(resources, "Font").(types.Dict) {
		dict := entry(entry(resources, "Font").(types.Dict), name).(types.Dict)
		base := string(entry(dict, "BaseFont").(types.Name))
		font := pdfFont{bold: strings.HasSuffix(base, "-Bold"), text: map[int]string{}}
		stream := entry(dict, "ToUnicode").(types.StreamDict)
		if err := stream.Decode(); err != nil {
			t.Fatal(err)
		}
		for _, m := range unicodeEntry.FindAllSubmatch(stream.Content, -1) {
			code, err := strconv.ParseInt(string(m[1]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := hex.DecodeString(string(m[2]))
			if err != nil {
				t.Fatal(err)
			}
			var units []uint16
			for i := 0; i+1 < len(raw); i += 2 {
				units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
			}
			font.text[int(code)] = string(utf16.Decode(units))
		}
		descendants := entry(dict, "DescendantFonts").(types.Array)
		descendant, err := ctx.DereferenceDict(descendants[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range entry(descendant, "W").(types.Array)[1].(types.Array) {
			font.widths = append(font.widths, w.(types.Integer).Value())
		}
		fonts[name] = font
	}
	return fonts
}

// decode reads a string of a page: its text, and its width in thousandths of
// the font size.
func (f pdfFont) decode(t testing.TB, b []byte) (text string, width int) {
	t.Helper()
	var raw []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' {
			if i++; b[i] == 'r' {
				raw = append(raw, '\r')
				continue
			}
		}
		raw = append(raw, b[i])
	}
	for i := 0; i+1 < len(raw); i += 2 {
		code := int(raw[i])<<8 | int(raw[i+1])
		s, ok := f.text[code]
		if !ok || code > len(f.widths) {
			t.Fatalf("the font has no code %d of %q", code, raw)
		}
		text += s
		width += f.widths[code-1]
	}
	return text, width
}

func number64(t testing.TB, b []byte) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// checkGeometry fails if text leaves the text area or two texts overlap.
func checkGeometry(t testing.TB, pages []page) {
	t.Helper()
	m := layout(t).Page.Margins
	for n, p := range pages {
		var texts []text
		for _, a := range p.texts {
			if a.size > 30 { // the watermark lies behind all of it
				continue
			}
			if a.x < m.Left*pointsPerMM-0.1 || a.x+a.width > p.width-m.Right*pointsPerMM+0.1 ||
				a.y-a.size < m.Top*pointsPerMM-12 || a.y > p.height-m.Bottom*pointsPerMM+30 {
				t.Errorf("page %d: %q at (%.1f, %.1f), %.1f wide, is off the text area", n+1, a.s, a.x, a.y, a.width)
			}
			for _, b := range texts {
				if a.x+0.3 < b.x+b.width && b.x+0.3 < a.x+a.width &&
					a.y-0.72*a.size < b.y+0.18*b.size && b.y-0.72*b.size < a.y+0.18*a.size {
					t.Errorf("page %d: %q and %q overlap at (%.1f, %.1f)", n+1, a.s, b.s, a.x, a.y)
				}
			}
			texts = append(texts, a)
		}
	}
}

// poppler runs one of its tools on a PDF and answers what it prints.
func poppler(t *testing.T, pdf []byte, tool string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed: install poppler-utils", tool)
		}
		t.Skipf("%s is not installed (package poppler-utils)", tool)
	}
	path := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, append(flags, path, "-")...).Output()
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return string(out)
}

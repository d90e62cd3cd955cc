package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"unicode"

	"subtally/billing"
	"subtally/templates"
)

// StatementHTML writes the page of a month's statement for the main account:
// one file that asks for no other, and says what the PDF says.
func StatementHTML(w io.Writer, st *billing.Statement, l templates.Layout) error {
	if err := writePage(w, st, l); err != nil {
		return fmt.Errorf("writing the page of %s: %w", statementName(st), err)
	}
	return nil
}

// statementPage is what the template of the page is filled with.
type statementPage struct {
	*sheet
	Language string
	Policy   string
	Style    template.CSS
	Labels   templates.Labels
	Sections []pageSection
}

type pageSection struct {
	section
	Chart *pageChart
}

// pageChart is a chart in percent of its width and pixels of its height, so that
// it needs no script and no scaled text to fit a screen.
type pageChart struct {
	Height int
	Bars   []pageBar
}

type pageBar struct {
	Name, Short, Value string
	Loss               bool
	X, Width, Zero     string // percent
	TextY, Y, EndY     int
}

func writePage(w io.Writer, st *billing.Statement, l templates.Layout) error {
	if st == nil {
		return fmt.Errorf("there is none")
	}
	sh, err := newSheet(st, l)
	if err != nil {
		return err
	}
	page, css, err := templates.StatementHTML()
	if err != nil {
		return err
	}
	a := l.Brand.Accent
	css = fmt.Sprintf(":root { --accent: #%02x%02x%02x; }\n%s", a.R, a.G, a.B, css)
	sum := sha256.Sum256([]byte(css))
	data := statementPage{
		sheet: sh, Language: l.Locale.String(), Labels: l.Labels, Style: template.CSS(css),
		// Nothing is loaded, sent or run, whatever a name may hold.
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
	}
	for _, s := range sh.Sections {
		data.Sections = append(data.Sections, pageSection{s, s.chart()})
	}
	data.visible()
	var out bytes.Buffer
	if err := page.Execute(&out, data); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// longestName is what of a name fits above a bar on a narrow screen, in runes.
const longestName = 30

// chart is the section's bars, each beneath its name; nil where it has none.
func (s section) chart() *pageChart {
	if len(s.Bars) == 0 {
		return nil
	}
	const pitch = 30
	percent := func(share float64) string { return strconv.FormatFloat(100*share, 'f', 3, 64) }
	zero := s.zero()
	c := &pageChart{Height: len(s.Bars)*pitch + 2}
	for i, b := range s.Bars {
		out := pageBar{
			Name: b.Name, Short: b.Name, Value: b.Value, Loss: b.Share < 0, TextY: i*pitch + 13, Y: i*pitch + 18, EndY: i*pitch + 27,
			Zero: percent(zero),
			X:    percent(min(zero, zero+b.Share)), Width: percent(max(b.Share, -b.Share)),
		}
		if r := []rune(b.Name); len(r) > longestName {
			out.Short = string(r[:longestName-1]) + "…"
		}
		c.Bars = append(c.Bars, out)
	}
	return c
}

// visible takes out of all texts what others wrote to steer a screen: control
// characters, and those that turn the direction of writing.
func (p *statementPage) visible() {
	clean := func(texts ...*string) {
		for _, s := range texts {
			*s = strings.Map(func(r rune) rune {
				switch {
				case unicode.IsSpace(r) && !unicode.Is(unicode.Zs, r): // breaks of lines, but not spaces that do not break
					return ' '
				case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
					return -1
				}
				return r
			}, strings.ToValidUTF8(*s, "\uFFFD"))
		}
	}
	clean(&p.Seller.Name)
	for i := range p.Address {
		clean(&p.Address[i])
	}
	for i := range p.Facts {
		clean(&p.Facts[i].Value, &p.Facts[i].Small)
	}
	for _, s := range p.Sections {
		for i, r := range s.Rows {
			clean(&s.Rows[i].Note)
			for i := range r.Cells {
				clean(&r.Cells[i].Text)
				for j := range r.Cells[i].Small {
					clean(&r.Cells[i].Small[j])
				}
			}
		}
		if s.Chart != nil {
			for i := range s.Chart.Bars {
				clean(&s.Chart.Bars[i].Name, &s.Chart.Bars[i].Short)
			}
		}
	}
}

package templates

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // of logos
	_ "image/png"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"
)

// Problem is one thing wrong in a layout.
type Problem struct {
	File string // within the layout's folder
	Path string // within the file, such as columns[2].name; empty for the whole file
	Text string
}

// MaxLogo and MaxFont are the sizes, in bytes, of the largest files that a layout
// may have: they are stored with it, and a logo stands in every document.
const (
	MaxLogo = 1 << 20
	MaxFont = 32 << 20
)

const maxPixels = 4000 // of a logo, each way

// Base reads the embedded layout, which a folder's files override.
func Base() (*Design, map[string]*Words, error) {
	design, words := &Design{}, map[string]*Words{}
	read := func(name string, into any) error {
		data, err := fs.ReadFile(Files, name)
		if err == nil {
			err = yaml.Unmarshal(data, into)
		}
		if err != nil {
			return fmt.Errorf("embedded layout: %s: %w", name, err)
		}
		return nil
	}
	if err := read(LayoutFile, design); err != nil {
		return nil, nil, err
	}
	for _, language := range Languages {
		words[language] = &Words{}
		if err := read(LabelsFile(language), words[language]); err != nil {
			return nil, nil, err
		}
	}
	return design, words, nil
}

// Assets are the names of the logo and the fonts.
func (d *Design) Assets() (logo string, fonts []string) {
	if d.Brand.Logo != nil {
		logo = d.Brand.Logo.File
	}
	for _, name := range append([]string{d.Brand.Fonts.Regular, d.Brand.Fonts.Bold}, d.Brand.Fonts.More...) {
		if name != "" && !slices.Contains(fonts, name) {
			fonts = append(fonts, name)
		}
	}
	return logo, fonts
}

// Check finds what is wrong in a design and in the words of each language, as
// they are with a folder's files over [Base], and in the logo and fonts among
// the files.
func Check(d *Design, words map[string]*Words, files map[string][]byte) []Problem {
	c := &check{file: LayoutFile}
	c.page(&d.Page)
	c.brand(&d.Brand, files)
	c.sections(d.Sections)
	c.columns(d.Columns)
	c.texts(d)
	_, base, err := Base()
	if err != nil {
		return append(c.problems, Problem{Text: err.Error()})
	}
	for _, language := range slices.Sorted(maps.Keys(words)) {
		c.file = LabelsFile(language)
		c.words(words[language], base[language], language)
	}
	return c.problems
}

type check struct {
	file     string
	problems []Problem
}

func (c *check) bad(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.file, path, fmt.Sprintf(format, args...)})
}

func (c *check) page(p *Page) {
	if p.Size != "A4" && p.Size != "Letter" {
		c.bad("page.size", "%q is not a paper: use A4 or Letter", p.Size)
	}
	for _, m := range []struct {
		name string
		mm   float64
	}{{"left", p.Margins.Left}, {"right", p.Margins.Right}, {"top", p.Margins.Top}, {"bottom", p.Margins.Bottom}} {
		// Without these bounds a table or a footer would not fit.
		if m.mm < 10 || m.mm > 40 {
			c.bad("page.margins."+m.name, "%g mm does not do: use 10 to 40", m.mm)
		}
	}
}

// assetName keeps logos and fonts beside layout.yaml.
var assetName = regexp.MustCompile(`^[\pL\pN_][\pL\pN_. -]*$`)

func (c *check) brand(b *Brand, files map[string][]byte) {
	asset := func(at, name string) []byte {
		switch data, ok := files[name]; {
		case !assetName.MatchString(name) || name == LayoutFile:
			c.bad(at, "%q is not the name of a file beside %s", name, LayoutFile)
		case !ok:
			c.bad(at, "there is no file %q beside %s", name, LayoutFile)
		default:
			return data
		}
		return nil
	}
	if l := b.Logo; l != nil {
		if data := asset("brand.logo.file", l.File); data != nil {
			if err := checkImage(data); err != nil {
				c.bad("brand.logo.file", "%s: %v", l.File, err)
			}
		}
		if l.Height < 3 || l.Height > 60 {
			c.bad("brand.logo.height", "%g mm does not do: use 3 to 60", l.Height)
		}
		if l.Position != "" && l.Position != "left" && l.Position != "right" {
			c.bad("brand.logo.position", "%q is not a place: use left or right", l.Position)
		}
	}
	for _, colour := range []struct {
		name     string
		of       Colour
		lightest float64
	}{{"text", b.Text, 0.6}, {"accent", b.Accent, 0.9}} {
		if colour.of.Brightness() > colour.lightest {
			c.bad("brand."+colour.name, "#%02X%02X%02X is too light to be read on white paper: use a darker one", colour.of.R, colour.of.G, colour.of.B)
		}
	}
	font := func(at, name string) {
		if data := asset(at, name); data != nil {
			if err := CheckFont(name, data); err != nil {
				c.bad(at, "%v", err)
			}
		}
	}
	if b.Fonts.Regular != "" {
		font("brand.fonts.regular", b.Fonts.Regular)
	}
	if b.Fonts.Bold != "" {
		font("brand.fonts.bold", b.Fonts.Bold)
	}
	if b.Fonts.Bold != "" && b.Fonts.Regular == "" {
		c.bad("brand.fonts.bold", "a bold font needs the regular one beside it")
	}
	for i, name := range b.Fonts.More {
		font(fmt.Sprintf("brand.fonts.more[%d]", i), name)
	}
}

// checkImage refuses what a PDF cannot take over as it is, or not for every
// invoice.
func checkImage(data []byte) error {
	if len(data) > MaxLogo {
		return fmt.Errorf("it has %d bytes: save it with %d at most", len(data), MaxLogo)
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it is neither a PNG nor a JPEG: %w", err)
	}
	if format != "png" && format != "jpeg" { // another package may know more formats
		return fmt.Errorf("it is a %s, whatever its name: save it as PNG or JPEG", strings.ToUpper(format))
	}
	if size.Width > maxPixels || size.Height > maxPixels {
		return fmt.Errorf("it has %d × %d pixels: scale it to %d each way at most", size.Width, size.Height, maxPixels)
	}
	// After the signature of 8 bytes a PNG has the chunk IHDR (W3C PNG, 11.2.1).
	const depth, interlace = 24, 28
	if format == "png" && (data[depth] > 8 || data[interlace] != 0) {
		return fmt.Errorf("it is interlaced or has 16 bits per channel: save it without interlacing, with 8 bits")
	}
	if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	return nil
}

func (c *check) sections(list []string) {
	for i, name := range list {
		at := fmt.Sprintf("sections[%d]", i)
		switch {
		case !slices.Contains(Sections, name):
			c.bad(at, "there is no section %q; known here: %s", name, strings.Join(Sections, ", "))
		case slices.Index(list, name) < i:
			c.bad(at, "the section %q is there twice", name)
		}
	}
	for _, name := range []string{"parties", "totals"} {
		if !slices.Contains(list, name) {
			c.bad("sections", "an invoice needs the section %q", name)
		}
	}
	if !slices.Contains(list, "lines") && !slices.Contains(list, "summary") {
		c.bad("sections", `an invoice needs the section "lines" or "summary"`)
	}
}

func (c *check) columns(list []Column) {
	var names []string
	widths := 0.0
	for i, column := range list {
		at := fmt.Sprintf("columns[%d]", i)
		switch {
		case !slices.Contains(Columns, column.Name):
			c.bad(at+".name", "there is no column %q; known here: %s", column.Name, strings.Join(Columns, ", "))
		case slices.Contains(names, column.Name):
			c.bad(at+".name", "the column %q is there twice", column.Name)
		}
		if column.Width < 0 || column.Width > 100 {
			c.bad(at+".width", "%g is not a share: use 0 to 100, where 0 is as wide as the column's cells", column.Width)
		}
		names = append(names, column.Name)
		widths += column.Width
	}
	for _, name := range []string{"description", "amount"} {
		if !slices.Contains(names, name) {
			c.bad("columns", "the lines need the column %q", name)
		}
	}
	if widths <= 0 {
		c.bad("columns", "give one column or more a width, such as 1: they share the room that is left")
	}
}

func (c *check) texts(d *Design) {
	for i, text := range d.Texts {
		at := fmt.Sprintf("texts[%d]", i)
		place, name := at+".before", text.Before
		if name == "" {
			place, name = at+".after", text.After
		}
		switch {
		case (text.Before == "") == (text.After == ""):
			c.bad(at, "say where it stands: before or after a section")
		case !slices.Contains(d.Sections, name):
			c.bad(place, "the invoice has no section %q; it has %s", name, strings.Join(d.Sections, ", "))
		}
		if len(text.Text) == 0 {
			c.bad(at, "it has no text")
		}
		c.phrase(at+".text", text.Text)
	}
	c.phrase("footer", d.Footer)
}

// stray is a brace that is not of a placeholder.
func stray(text string) bool {
	return strings.ContainsAny(placeholder.ReplaceAllString(text, ""), "{}")
}

func (c *check) phrase(at string, p Phrase) {
	for _, language := range slices.Sorted(maps.Keys(p)) {
		at := at + "." + language
		if language != AllLanguages && !slices.Contains(Languages, language) {
			c.bad(at, "%q is not a language here: use %s or %s", language, strings.Join(Languages, ", "), AllLanguages)
		}
		for _, word := range placeholder.FindAllString(p[language], -1) {
			if !slices.Contains(Placeholders, strings.Trim(word, "{}")) {
				c.bad(at, "there is no placeholder %s; known here: {%s}", word, strings.Join(Placeholders, "}, {"))
			}
		}
		if stray(p[language]) {
			c.bad(at, "a brace is not closed, or not opened: a placeholder is written like {number}")
		}
	}
}

// words checks those of a language. The embedded ones say which words there are,
// and what is filled into them.
func (c *check) words(w, base *Words, language string) {
	labels, known := w.Labels.all(), base.Labels.all()
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		at := "labels." + key
		if labels[key] == "" {
			c.bad(at, "the word is missing")
		}
		if stray(labels[key]) {
			c.bad(at, "a brace is not closed, or not opened: a placeholder is written like {number}")
		}
		words := placeholder.FindAllString(known[key], -1)
		for _, word := range placeholder.FindAllString(labels[key], -1) {
			switch {
			case len(words) == 0:
				c.bad(at, "there is no placeholder %s: nothing is filled in here", word)
			case !slices.Contains(words, word):
				c.bad(at, "there is no placeholder %s; known here: %s", word, strings.Join(words, ", "))
			}
		}
	}
	if len(w.Months) != 12 {
		c.bad("months", "it has %d months, not 12", len(w.Months))
	}
	keys(c, "categories", w.Categories, base.Categories)
	keys(c, "kinds", w.Kinds, base.Kinds)
	keys(c, "statuses", w.Statuses, base.Statuses)
	need := plurals(language)
	for _, unit := range slices.Sorted(maps.Keys(w.Units)) {
		at := "units." + string(unit)
		if _, ok := base.Units[unit]; !ok {
			c.bad(at, "there is no unit %q; known here: %s", unit, list(base.Units))
			continue
		}
		for _, form := range slices.Sorted(maps.Keys(w.Units[unit])) {
			if !slices.Contains(need, form) {
				c.bad(at+"."+form, "the language has no plural %q; it has %s", form, strings.Join(need, ", "))
			}
		}
		for _, form := range need {
			if w.Units[unit][form] == "" {
				c.bad(at, "it needs the plurals %s: %s is missing", strings.Join(need, ", "), form)
			}
		}
	}
}

// keys checks a map of words.
func keys[K ~string](c *check, at string, words, base map[K]string) {
	for _, key := range slices.Sorted(maps.Keys(words)) {
		if _, ok := base[key]; !ok {
			c.bad(at+"."+string(key), "there is no %q; known here: %s", key, list(base))
		} else if words[key] == "" {
			c.bad(at+"."+string(key), "the word is missing")
		}
	}
}

func list[K ~string, V any](m map[K]V) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, string(key))
	}
	return strings.Join(out, ", ")
}

// plurals are the categories of plurals that numbers have in a language, as
// CLDR's rules give them.
func plurals(language string) []string {
	l, err := ParseLocale(language)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range []string{"zero", "one", "two", "few", "many", "other"} {
		found := l.Plural(decimal.New(15, -1)) == name
		for n := int64(0); n <= 200 && !found; n++ {
			found = l.Plural(decimal.NewFromInt(n)) == name
		}
		if found {
			out = append(out, name)
		}
	}
	return out
}

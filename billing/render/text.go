package render

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"

	"subtally/templates"
)

const (
	// replacement is drawn for what the fonts cannot draw; they have it.
	replacement = '\uFFFD'

	// maxRunes cuts absurd strings, and maxMarks heaps of combining marks,
	// before they cost time or cover the lines above and below.
	maxRunes = 1000
	maxMarks = 3
)

// glyphs is the set of runes up to U+FFFF that a set of fonts can all draw.
type glyphs [1 << 16 / 64]uint64

func (g *glyphs) has(r rune) bool {
	return r >= 0 && r <= 0xFFFF && g[r/64]&(1<<(r%64)) != 0
}

// fontGlyphs is what both fonts of package templates can draw.
var fontGlyphs = sync.OnceValues(func() (*glyphs, error) {
	set, err := templates.Fonts()
	if err != nil {
		return nil, err
	}
	regular, err := sfnt.Parse(set.Regular)
	if err != nil {
		return nil, fmt.Errorf("reading the regular font: %w", err)
	}
	bold, err := sfnt.Parse(set.Bold)
	if err != nil {
		return nil, fmt.Errorf("reading the bold font: %w", err)
	}
	var g glyphs
	var buf sfnt.Buffer
	for r := rune(' '); r <= 0xFFFF; r++ {
		i, err := regular.GlyphIndex(&buf, r)
		if err != nil || i == 0 {
			continue
		}
		if i, err = bold.GlyphIndex(&buf, r); err == nil && i != 0 {
			g[r/64] |= 1 << (r % 64)
		}
	}
	return &g, nil
})

// clean makes any string fit to print on one line: valid UTF-8 in NFC,
// without control, bidirectional and other invisible characters, white space
// as single spaces, and U+FFFD in place of every rune that the fonts lack.
// gofpdf fails or panics on runes above U+FFFF and passes the others on.
func (g *glyphs) clean(s string) string {
	if plain(s) {
		return s
	}
	// Bytes per rune are bounded, so this keeps far more than maxRunes.
	if limit := 16 * maxRunes; len(s) > limit {
		s = s[:limit]
	}
	s = strings.ToValidUTF8(s, string(replacement))
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00A0' && r != '\u202F', unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")

	out := make([]rune, 0, len(s))
	marks := maxMarks // a mark needs something to stand on
	for _, r := range norm.NFC.String(s) {
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else if marks = 0; r == ' ' {
			marks = maxMarks
		}
		if len(out) == 0 && unicode.IsSpace(r) {
			marks = maxMarks // trimmed off, so a mark cannot stand on it
			continue
		}
		if r == ' ' && len(out) > 0 && out[len(out)-1] == ' ' {
			continue // a mark between them was left out
		}
		if !g.has(r) {
			r = replacement
		}
		if out = append(out, r); len(out) == maxRunes {
			out[maxRunes-1] = '…'
			break
		}
	}
	return strings.TrimSpace(string(out))
}

// plain reports whether s is short printable ASCII that clean has nothing to
// do with.
func plain(s string) bool {
	if len(s) > maxRunes {
		return false
	}
	space := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && space {
			return false
		}
		space = s[i] == ' '
	}
	return s == "" || !space
}

// wrap breaks clean text into lines no wider than width, at spaces where it
// can and inside a word where it must. It gives at least one line and at most
// limit, the last ending in "…" when there is more.
func wrap(text string, width float64, limit int, measure func(string) float64) []string {
	var lines []string
	for measure(text) > width {
		if len(lines) == limit-1 {
			n := prefix(text, width-measure("…"), measure)
			return append(lines, strings.TrimSpace(text[:n])+"…")
		}
		n := prefix(text, width, measure)
		line, rest := text[:n], text[n:]
		if space := strings.LastIndexByte(line, ' '); space > 0 && rest != "" && rest[0] != ' ' {
			line, rest = text[:space], text[space:]
		}
		lines = append(lines, strings.TrimSpace(line))
		text = strings.TrimSpace(rest)
	}
	if text != "" || len(lines) == 0 {
		lines = append(lines, text)
	}
	return lines
}

// prefix is how many bytes of text fit into width: whole runes with their
// combining marks, and at least one.
func prefix(text string, width float64, measure func(string) float64) int {
	n, w := 0, 0.0
	for n < len(text) {
		_, size := utf8.DecodeRuneInString(text[n:])
		for n+size < len(text) {
			r, s := utf8.DecodeRuneInString(text[n+size:])
			if !unicode.Is(unicode.M, r) {
				break
			}
			size += s
		}
		w += measure(text[n : n+size])
		if n > 0 && w > width {
			break
		}
		n += size
	}
	return n
}

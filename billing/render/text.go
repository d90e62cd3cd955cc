package render

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"subtally/templates"
)

const (
	// replacement is drawn for what cannot be drawn, if the fonts have it.
	replacement = '\uFFFD'

	// maxRunes cuts absurd strings, and maxMarks heaps of combining marks,
	// before they cost time or cover the lines above and below.
	maxRunes = 4000
	maxMarks = 3
)

// glyphs is what one document can draw.
type glyphs struct {
	fonts       fontStack
	replacement rune
	codes       bool          // write the code of what cannot be drawn, such as U+05D0, not a replacement
	lacking     map[rune]bool // what was to be drawn and cannot
	cut         string        // the beginning of the first text that was too long to be drawn whole
}

func newGlyphs(set templates.FontSet) (*glyphs, error) {
	fonts, err := openFonts(set)
	if err != nil {
		return nil, err
	}
	g := &glyphs{fonts: fonts, replacement: replacement, lacking: map[rune]bool{}}
	if fonts.pick(replacement, false) < 0 {
		g.replacement = '?'
	}
	for r := rune(' '); r <= '~'; r++ {
		if fonts.pick(r, false) < 0 {
			return nil, fmt.Errorf("no font of the layout has %U %c: use a regular font with Latin letters and digits", r, r)
		}
	}
	if fonts.pick('…', false) < 0 {
		return nil, fmt.Errorf("no font of the layout has %U %c: use another regular font", '…', '…')
	}
	return g, nil
}

// has reports whether r can be drawn.
func (g *glyphs) has(r rune) bool {
	return r >= ' ' && (r <= '~' || g.fonts.pick(r, false) >= 0 && settable(r))
}

// scripts are those that are set right one character after the other, from
// left to right. The others need shaping, which neither gofpdf nor this
// package does: their letters join, change places or run from right to left.
var scripts = []*unicode.RangeTable{
	unicode.Latin, unicode.Common, unicode.Inherited, unicode.Greek, unicode.Cyrillic,
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo,
	unicode.Armenian, unicode.Georgian, unicode.Cherokee, unicode.Coptic, unicode.Ethiopic,
	unicode.Canadian_Aboriginal, unicode.Braille, unicode.Yi, unicode.Lisu, unicode.Tifinagh, unicode.Vai,
}

// settable reports whether r is of a script that can be set. Hangul in single
// letters, which NFC has not composed, cannot.
func settable(r rune) bool {
	return !unicode.In(r, jamo) && unicode.In(r, scripts...)
}

// jamo are the letters that Hangul syllables are composed of.
var jamo = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x1100, Hi: 0x11FF, Stride: 1}, {Lo: 0xA960, Hi: 0xA97C, Stride: 1}, {Lo: 0xD7B0, Hi: 0xD7FB, Stride: 1},
}}

// property makes clean text fit for the file's properties, where gofpdf writes
// characters above U+FFFF wrong.
func property(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return replacement
		}
		return r
	}, text)
}

// clean makes any string fit to print on one line: valid UTF-8 in NFC,
// without control, bidirectional and other invisible characters, white space
// as single spaces, and U+FFFD in place of every rune that cannot be drawn.
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
			g.lacking[r] = true
			if g.codes {
				out = appendCode(out, r)
				continue
			}
			r = g.replacement
		}
		if out = append(out, r); len(out) == maxRunes {
			out[maxRunes-1] = '…'
			g.cut = cmp.Or(g.cut, string(out[:40])+"…")
			break
		}
	}
	return strings.TrimSpace(string(out))
}

// appendCode appends the code of a character as a word of its own, unless that is
// what stands there already.
func appendCode(out []rune, r rune) []rune {
	code := fmt.Sprintf("%U ", r)
	if n := len(out); n > 0 && out[n-1] != ' ' {
		out = append(out, ' ')
	}
	if strings.HasSuffix(string(out), code) || len(out)+len(code) > maxRunes {
		return out
	}
	return append(out, []rune(code)...)
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

// wrap breaks clean text into lines no wider than width, at spaces and between
// ideographs where it can and inside a word where it must. It gives at least one line and at most
// limit, the last ending in "…" when there is more.
func wrap(text string, width float64, limit int, measure func(string) float64) []string {
	var lines []string
	for measure(text) > width {
		if len(lines) == limit-1 {
			n := prefix(text, width-measure("…"), measure)
			return append(lines, strings.TrimSpace(text[:n])+"…")
		}
		n := prefix(text, width, measure)
		if b := lastBreak(text, n); b > 0 {
			n = b
		}
		lines = append(lines, strings.TrimSpace(text[:n]))
		text = strings.TrimSpace(text[n:])
	}
	if text != "" || len(lines) == 0 {
		lines = append(lines, text)
	}
	return lines
}

// lastBreak is the last place of text, at most n bytes from its start, where a
// line may end; 0 if there is none.
func lastBreak(text string, n int) int {
	if n == len(text) {
		return n
	}
	for n > 0 {
		before, size := utf8.DecodeLastRuneInString(text[:n])
		after, _ := utf8.DecodeRuneInString(text[n:])
		if after == ' ' || before != ' ' && breaksBetween(before, after) {
			return n
		}
		n -= size
	}
	return 0
}

// breaksBetween reports whether a line may end between two characters that no
// space is between: at an ideograph, but neither before a closing mark nor
// after an opening one (a short form of Unicode Standard Annex 14).
func breaksBetween(before, after rune) bool {
	return (ideographic(before) || ideographic(after)) &&
		!unicode.In(after, unicode.M, unicode.Pe, unicode.Pf, unicode.Po, unicode.Lm) && !strings.ContainsRune(smallKana, after) &&
		!unicode.In(before, unicode.Ps, unicode.Pi)
}

// smallKana belong to the letter before them.
const smallKana = "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"

func ideographic(r rune) bool {
	return r >= ideographs && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi, wide)
}

// wide are marks as wide as ideographs: U+3000 to U+303F and the fullwidth forms.
var wide = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x3000, Hi: 0x303F, Stride: 1}, {Lo: 0xFF01, Hi: 0xFF60, Stride: 1}}}

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

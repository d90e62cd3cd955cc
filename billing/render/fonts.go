package render

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"subtally/templates"
	"subtally/templates/truetype"
)

// font is a font file as all documents share it.
type font struct {
	*truetype.Font
	mu       sync.Mutex
	programs map[blocks]*program
}

// program is the part of a font that is embedded in documents.
type program struct {
	runes []rune // the character of glyph i+1 is at index i
	zlib  []byte
	size  int // before compression
}

// Alphabets are cut in whole blocks of blockSize characters, so that documents
// of the same languages have the same part of a font, which is then made once.
// From ideographs on only the characters of the document are cut. Either way
// the part is a function of the document alone.
const (
	blockSize  = 16
	ideographs = 0x2E80
)

// blocks is a set of blocks below ideographs.
type blocks [(ideographs/blockSize + 63) / 64]uint64

// keepFonts and keepPrograms bound what is kept for the next document. A
// layout has a few fonts and its customers a few combinations of languages.
const (
	keepFonts    = 32
	keepPrograms = 256
)

var parsed = struct {
	sync.Mutex
	fonts map[fontFile]*font
}{fonts: map[fontFile]*font{}}

// fontFile is the identity of a file in memory: hashing megabytes for each
// document would take longer than drawing it.
type fontFile struct {
	first *byte
	size  int
}

// parseFont reads a font file, or answers what it read of it before.
func parseFont(ttf []byte) (*font, error) {
	if len(ttf) == 0 {
		return nil, fmt.Errorf("it is empty: use a layout with fonts")
	}
	id := fontFile{&ttf[0], len(ttf)}
	parsed.Lock()
	defer parsed.Unlock()
	if f := parsed.fonts[id]; f != nil {
		return f, nil
	}
	t, err := truetype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	if len(parsed.fonts) == keepFonts {
		clear(parsed.fonts)
	}
	f := &font{Font: t, programs: map[blocks]*program{}}
	parsed.fonts[id] = f
	return f, nil
}

// program is the part of the font for a document with the given characters.
func (f *font) program(used []rune) *program {
	var set blocks
	var exact []rune
	for _, r := range used {
		if b := r / blockSize; r < ideographs {
			set[b/64] |= 1 << (b % 64)
		} else {
			exact = append(exact, r)
		}
	}
	if len(exact) > 0 {
		return f.cut(set, exact)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.programs[set]
	if p == nil {
		if len(f.programs) == keepPrograms {
			clear(f.programs)
		}
		p = f.cut(set, nil)
		f.programs[set] = p
	}
	return p
}

func (f *font) cut(set blocks, exact []rune) *program {
	var runes []rune
	for r := range rune(ideographs) {
		if b := r / blockSize; set[b/64]&(1<<(b%64)) != 0 && f.Has(r) {
			runes = append(runes, r)
		}
	}
	slices.Sort(exact)
	runes = append(runes, exact...)
	ttf := f.Cut(runes)
	var w writer
	compress(&w, ttf)
	return &program{runes: runes, zlib: w.b, size: len(ttf)}
}

// glyph is the number of the glyph that draws r.
func (p *program) glyph(r rune) uint16 {
	i, ok := slices.BinarySearch(p.runes, r)
	if !ok {
		return 0
	}
	return uint16(i + 1)
}

// fontStack is the fonts of a layout: regular, bold, and those for further
// characters.
type fontStack []*font

func openFonts(set templates.FontSet) (fontStack, error) {
	var stack fontStack
	for _, f := range append([]templates.Font{{Name: "regular", TTF: set.Regular}, {Name: "bold", TTF: set.Bold}}, set.More...) {
		font, err := parseFont(f.TTF)
		if err != nil {
			return nil, fmt.Errorf("font %s of the layout: %w", f.Name, err)
		}
		stack = append(stack, font)
	}
	return stack, nil
}

// pick is the index of the font that r is set in; -1 if none has it.
func (s fontStack) pick(r rune, bold bool) int {
	if bold && s[1].Has(r) {
		return 1
	}
	if s[0].Has(r) {
		return 0
	}
	for i, f := range s[2:] {
		if f.Has(r) {
			return i + 2
		}
	}
	return -1
}

// run is the first run of text that is set in one font: which, and how many
// bytes.
func (s fontStack) run(text string, bold bool) (font, n int) {
	font = -1
	for i, r := range text {
		f := max(s.pick(r, bold), 0)
		if font >= 0 && f != font {
			return font, i
		}
		font = f
	}
	return font, len(text)
}

// width is that of text in thousandths of the font size.
func (s fontStack) width(text string, bold bool) int {
	w := 0
	for _, r := range text {
		w += s[max(s.pick(r, bold), 0)].Advance(r)
	}
	return w
}

// maxCodes is far more characters than a document has, and few enough for the
// 16 bits of a code with all that glyphs are made of.
const maxCodes = 20_000

// face is a font as one document uses it. In the pages a character is a code of
// two bytes: 1 for the first character that was drawn, and so on.
type face struct {
	font  *font
	name  string // in the file that gofpdf writes
	runes []rune // the character of code i+1 is at index i
	codes map[rune]uint16
}

// encode writes text as codes.
func (f *face) encode(text string) (string, error) {
	b := make([]byte, 0, 2*len(text))
	for _, r := range text {
		code, ok := f.codes[r]
		if !ok {
			if len(f.runes) == maxCodes {
				return "", fmt.Errorf("it has more than %d different characters: shorten it", maxCodes)
			}
			f.runes = append(f.runes, r)
			code = uint16(len(f.runes))
			f.codes[r] = code
		}
		b = binary.BigEndian.AppendUint16(b, code)
	}
	return string(b), nil
}

// Package truetype reads TrueType fonts and cuts them down to the characters
// that a document has. It never draws and never shapes: a character is one
// glyph, in the order of the text. The format is that of ISO/IEC 14496-22.
package truetype

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf16"
)

// Font is a font as read. It is never changed, so any number of goroutines
// may share it.
type Font struct {
	// Name is the PostScript name, letters and digits only; "Font" if the file
	// has none.
	Name string

	// All in thousandths of the font size, as PDF wants them.
	Ascent, Descent, CapHeight, StemV int
	Bounds                            [4]int // left, bottom, right, top of all glyphs

	ItalicAngle int // degrees, negative when leaning to the right
	FixedPitch  bool

	head, hhea, maxp, glyf []byte
	loca                   []uint32 // where each glyph begins in glyf, and the end
	metrics                []metric // of each glyph
	advances               []uint16 // of each glyph, in thousandths of the font size
	scale                  float64  // from the font's units to thousandths
	pages                  [0x110000 >> 8]*[256]uint16
}

// metric is a glyph's advance and left side bearing in the font's units.
type metric struct{ advance, bearing uint16 }

// formats says in errors which files work.
const formats = "use a TrueType font with glyf outlines (.ttf)"

// Parse reads a font file and checks all that drawing from it will need. It
// keeps ttf; do not write into it afterwards.
func Parse(ttf []byte) (*Font, error) {
	tables, err := directory(ttf)
	if err != nil {
		return nil, err
	}
	for _, need := range []struct {
		name string
		size int
	}{{"head", 54}, {"hhea", 36}, {"maxp", 6}, {"hmtx", 4}, {"loca", 4}, {"glyf", 0}, {"cmap", 4}} {
		table, ok := tables[need.name]
		if !ok {
			return nil, fmt.Errorf("it has no table %s: %s", need.name, formats)
		}
		if len(table) < need.size {
			return nil, fmt.Errorf("its table %s is only %d bytes: %s", need.name, len(table), formats)
		}
	}
	f := &Font{
		Name: postScriptName(tables["name"]),
		head: tables["head"][:54], hhea: tables["hhea"][:36], maxp: tables["maxp"], glyf: tables["glyf"],
	}
	if err := f.readMetrics(tables["hmtx"]); err != nil {
		return nil, err
	}
	if err := f.readGlyphs(tables["loca"]); err != nil {
		return nil, err
	}
	if err := f.readCharacters(tables["cmap"]); err != nil {
		return nil, err
	}
	return f, f.describe(tables["OS/2"], tables["post"])
}

func u16(b []byte, at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
func i16(b []byte, at int) int { return int(int16(binary.BigEndian.Uint16(b[at:]))) }
func u32(b []byte, at int) int { return int(binary.BigEndian.Uint32(b[at:])) }

// directory finds the tables of a font file.
func directory(ttf []byte) (map[string][]byte, error) {
	if len(ttf) < 12 {
		return nil, fmt.Errorf("it is only %d bytes: %s", len(ttf), formats)
	}
	switch magic := string(ttf[:4]); magic {
	case "\x00\x01\x00\x00", "true":
	case "OTTO":
		return nil, errors.New("it is an OpenType font with CFF outlines (.otf): " + formats)
	case "ttcf":
		return nil, errors.New("it is a collection of fonts (.ttc): take one font out of it and " + formats)
	case "wOFF", "wOF2":
		return nil, errors.New("it is a web font (.woff, .woff2): unpack it and " + formats)
	default:
		return nil, fmt.Errorf("it begins with %q and is no TrueType font: %s", magic, formats)
	}
	n := u16(ttf, 4)
	if len(ttf) < 12+16*n {
		return nil, fmt.Errorf("it is cut off after %d bytes: get the whole file", len(ttf))
	}
	tables := make(map[string][]byte, n)
	for i := range n {
		entry := ttf[12+16*i:]
		name, at, size := string(entry[:4]), u32(entry, 8), u32(entry, 12)
		if at+size > len(ttf) {
			return nil, fmt.Errorf("it is cut off after %d bytes: its table %s ends at byte %d; get the whole file", len(ttf), name, at+size)
		}
		tables[name] = ttf[at : at+size : at+size]
	}
	return tables, nil
}

func (f *Font) readMetrics(hmtx []byte) error {
	unitsPerEm := u16(f.head, 18)
	if unitsPerEm < 16 || unitsPerEm > 16384 {
		return fmt.Errorf("its em is %d units, not 16 to 16384: %s", unitsPerEm, formats)
	}
	f.scale = 1000 / float64(unitsPerEm)
	glyphs, full := u16(f.maxp, 4), u16(f.hhea, 34)
	if full < 1 || full > glyphs || len(hmtx) < 4*full+2*(glyphs-full) {
		return fmt.Errorf("its table hmtx does not fit %d glyphs: get the whole file", glyphs)
	}
	f.metrics, f.advances = make([]metric, glyphs), make([]uint16, glyphs)
	for i := range f.metrics {
		if i < full {
			f.metrics[i] = metric{uint16(u16(hmtx, 4*i)), uint16(u16(hmtx, 4*i+2))}
		} else { // the last advance is that of all glyphs behind it
			f.metrics[i] = metric{f.metrics[full-1].advance, uint16(u16(hmtx, 4*full+2*(i-full)))}
		}
		f.advances[i] = uint16(f.thousandths(int(f.metrics[i].advance)))
	}
	return nil
}

func (f *Font) readGlyphs(loca []byte) error {
	long := u16(f.head, 50) == 1
	size := 2
	if long {
		size = 4
	}
	n := len(f.metrics)
	if len(loca) < size*(n+1) {
		return fmt.Errorf("its table loca does not fit %d glyphs: get the whole file", n)
	}
	f.loca = make([]uint32, n+1)
	for i := range f.loca {
		at := 0
		if long {
			at = u32(loca, 4*i)
		} else {
			at = 2 * u16(loca, 2*i)
		}
		if at > len(f.glyf) || i > 0 && at < int(f.loca[i-1]) {
			return fmt.Errorf("its glyph %d is outside of table glyf: get the whole file", i)
		}
		f.loca[i] = uint32(at)
	}
	for i := range n {
		if err := f.checkGlyph(i); err != nil {
			return fmt.Errorf("its glyph %d is damaged: %w", i, err)
		}
	}
	return nil
}

// readCharacters reads which glyph draws which character.
func (f *Font) readCharacters(cmap []byte) error {
	var best []byte // the subtable with the most characters
	bestFormat := 0
	for i := range u16(cmap, 2) {
		if len(cmap) < 4+8*(i+1) {
			return errors.New("its table cmap is cut off: get the whole file")
		}
		entry := cmap[4+8*i:]
		platform, encoding, at := u16(entry, 0), u16(entry, 2), u32(entry, 4)
		if platform != 0 && (platform != 3 || encoding != 1 && encoding != 10) || at+16 > len(cmap) {
			continue // not Unicode
		}
		if format := u16(cmap, at); (format == 4 || format == 12) && format > bestFormat {
			best, bestFormat = cmap[at:], format
		}
	}
	switch bestFormat {
	case 4:
		return f.readFormat4(best)
	case 12:
		return f.readFormat12(best)
	}
	return errors.New("it has no characters by Unicode (a cmap of format 4 or 12): use another font")
}

func (f *Font) readFormat4(t []byte) error {
	segments := u16(t, 6) / 2
	if len(t) < 16+8*segments {
		return errors.New("its table cmap is cut off: get the whole file")
	}
	ends, starts := t[14:], t[16+2*segments:]
	deltas, offsets := t[16+4*segments:], t[16+6*segments:]
	next := 0 // segments are in order; so a damaged file does not take for ever
	for s := range segments {
		end, offset := u16(ends, 2*s), u16(offsets, 2*s)
		for c := max(next, u16(starts, 2*s)); c <= end && c != 0xFFFF; c++ {
			glyph := c
			if offset != 0 {
				at := 2*s + offset + 2*(c-u16(starts, 2*s))
				if at+2 > len(offsets) {
					break
				}
				if glyph = u16(offsets, at); glyph == 0 {
					continue
				}
			}
			f.setGlyph(rune(c), (glyph+u16(deltas, 2*s))&0xFFFF)
		}
		next = max(next, end+1)
	}
	return nil
}

func (f *Font) readFormat12(t []byte) error {
	groups := u32(t, 12)
	if (len(t)-16)/12 < groups {
		return errors.New("its table cmap is cut off: get the whole file")
	}
	next := 0 // groups are in order too
	for g := range groups {
		first, last, glyph := u32(t, 16+12*g), min(u32(t, 20+12*g), 0x10FFFF), u32(t, 24+12*g)
		for c := max(next, first); c <= last; c++ {
			f.setGlyph(rune(c), glyph+c-first)
		}
		next = max(next, last+1)
	}
	return nil
}

func (f *Font) setGlyph(r rune, glyph int) {
	if glyph == 0 || glyph >= len(f.metrics) {
		return
	}
	page := f.pages[r>>8]
	if page == nil {
		page = new([256]uint16)
		f.pages[r>>8] = page
	}
	page[r&0xFF] = uint16(glyph)
}

// glyph is the number of the glyph that draws r; 0 is none.
func (f *Font) glyph(r rune) int {
	if r < 0 || r > 0x10FFFF {
		return 0
	}
	page := f.pages[r>>8]
	if page == nil {
		return 0
	}
	return int(page[r&0xFF])
}

// Has reports whether the font has a glyph for r.
func (f *Font) Has(r rune) bool { return f.glyph(r) != 0 }

// Advance is how far r moves the pen, in thousandths of the font size.
func (f *Font) Advance(r rune) int { return int(f.advances[f.glyph(r)]) }

func (f *Font) thousandths(units int) int { return int(math.Round(f.scale * float64(units))) }

// describe reads what a PDF says about a font besides its glyphs.
func (f *Font) describe(os2, post []byte) error {
	for i := range f.Bounds {
		f.Bounds[i] = f.thousandths(i16(f.head, 36+2*i))
	}
	f.Ascent, f.Descent = f.thousandths(i16(f.hhea, 4)), f.thousandths(i16(f.hhea, 6))
	f.CapHeight = f.Ascent
	if capital := f.outline(f.glyph('H')); len(capital) > 0 {
		f.CapHeight = f.thousandths(i16(capital, 8))
	}
	weight := 400
	if len(os2) >= 10 {
		weight = u16(os2, 4)
		// OS/2 fsType: 2 is restricted licence, 0x100 no subsetting, 0x200 bitmaps only.
		if rights := u16(os2, 8); rights&0xF == 2 || rights&0x300 != 0 {
			return fmt.Errorf("its licence bits (fsType %#04x) forbid embedding a part of it: use another font", rights)
		}
	}
	// Fonts do not tell how thick their stems are: this is the usual guess.
	f.StemV = 50 + weight*weight/(65*65)
	if len(post) >= 16 {
		f.ItalicAngle, f.FixedPitch = i16(post, 4), u32(post, 12) != 0
	}
	return nil
}

// postScriptName reads name 6 of a name table.
func postScriptName(t []byte) string {
	if len(t) < 6 {
		return "Font"
	}
	for i := range u16(t, 2) {
		at := 6 + 12*i
		if at+12 > len(t) {
			break
		}
		from := u16(t, 4) + u16(t, at+10)
		to := from + u16(t, at+8)
		if u16(t, at+6) != 6 || to > len(t) {
			continue
		}
		text := string(t[from:to])
		if platform := u16(t, at); platform == 0 || platform == 3 {
			units := make([]uint16, 0, len(text)/2)
			for j := from; j+2 <= to; j += 2 {
				units = append(units, uint16(u16(t, j)))
			}
			text = string(utf16.Decode(units))
		}
		var name []byte
		for j := range len(text) {
			if c := text[j]; c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' {
				name = append(name, c)
			}
		}
		if len(name) > 0 && len(name) < 64 {
			return string(name)
		}
	}
	return "Font"
}

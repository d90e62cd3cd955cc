package truetype

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Flags of the components of a composite glyph.
const (
	argsAreWords    = 1 << 0
	hasScale        = 1 << 3
	moreComponents  = 1 << 5
	hasTwoScales    = 1 << 6
	hasMatrix       = 1 << 7
	hasInstructions = 1 << 8
)

// header is the bytes of a glyph before its outline: contours and bounds.
const header = 10

// outline is the data of a glyph; empty for one that draws nothing.
func (f *Font) outline(glyph int) []byte { return f.glyf[f.loca[glyph]:f.loca[glyph+1]] }

// component is a place in a composite glyph.
type component struct {
	at    int // of its flags; the number of the glyph is 2 bytes behind
	flags int
	glyph int
}

// components walks over the components of a composite glyph and answers where
// they end. Any other glyph has none, and ends at 0.
func components(outline []byte) (list []component, end int, err error) {
	if len(outline) < header || i16(outline, 0) >= 0 {
		return nil, 0, nil
	}
	at := header
	for {
		if at+4 > len(outline) {
			return nil, 0, errors.New("it ends within its components; get the whole file")
		}
		c := component{at: at, flags: u16(outline, at), glyph: u16(outline, at+2)}
		list = append(list, c)
		at += 6
		if c.flags&argsAreWords != 0 {
			at += 2
		}
		switch {
		case c.flags&hasScale != 0:
			at += 2
		case c.flags&hasTwoScales != 0:
			at += 4
		case c.flags&hasMatrix != 0:
			at += 8
		}
		if at > len(outline) {
			return nil, 0, errors.New("it ends within its components; get the whole file")
		}
		if c.flags&moreComponents == 0 {
			return list, at, nil
		}
	}
}

// checkGlyph finds whether a glyph can be cut out.
func (f *Font) checkGlyph(glyph int) error {
	outline := f.outline(glyph)
	if len(outline) == 0 {
		return nil
	}
	if len(outline) < header {
		return errors.New("it is too short; get the whole file")
	}
	list, _, err := components(outline)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.glyph >= len(f.metrics) {
			return errors.New("it is made of a glyph that the font has not; get the whole file")
		}
	}
	if contours := i16(outline, 0); contours > 0 {
		at := header + 2*contours
		if at+2 > len(outline) || at+2+u16(outline, at) > len(outline) {
			return errors.New("it ends within its outline; get the whole file")
		}
	}
	return nil
}

// Cut makes a font file of the glyphs of the given characters. In it the
// character at index i of runes is glyph i+1, also where two characters share
// a glyph of the font, and those that the font lacks are empty. It has what a
// PDF needs and no more (ISO 32000-1, 9.9): neither names nor characters, and
// no hints, which are for screens of few pixels; outlines and advances are the
// font's own. The characters and the parts that they are made of must be fewer
// than 65,536.
func (f *Font) Cut(runes []rune) []byte {
	glyphs := make([]int, 1, 2*len(runes)+1) // by their new numbers; 0 is for missing ones
	for _, r := range runes {
		glyphs = append(glyphs, f.glyph(r))
	}
	renumbered := map[int]int{}
	for i, g := range glyphs {
		renumbered[g] = i
	}
	// Behind them stand the other parts of composite glyphs.
	for i := 0; i < len(glyphs); i++ {
		list, _, _ := components(f.outline(glyphs[i]))
		for _, c := range list {
			if _, ok := renumbered[c.glyph]; !ok {
				renumbered[c.glyph] = len(glyphs)
				glyphs = append(glyphs, c.glyph)
			}
		}
	}

	var glyf, loca, hmtx []byte
	for _, g := range glyphs {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		glyf = appendOutline(glyf, f.outline(g), renumbered)
		hmtx = binary.BigEndian.AppendUint16(hmtx, f.metrics[g].advance)
		hmtx = binary.BigEndian.AppendUint16(hmtx, f.metrics[g].bearing)
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))

	head, hhea, maxp := slices.Clone(f.head), slices.Clone(f.hhea), slices.Clone(f.maxp)
	binary.BigEndian.PutUint32(head[8:], 0)  // the checksum, filled in at the end
	binary.BigEndian.PutUint16(head[50:], 1) // loca is of 32 bits
	binary.BigEndian.PutUint16(hhea[34:], uint16(len(glyphs)))
	binary.BigEndian.PutUint16(maxp[4:], uint16(len(glyphs)))
	return assemble([]table{
		{"glyf", glyf}, {"head", head}, {"hhea", hhea}, {"hmtx", hmtx}, {"loca", loca}, {"maxp", maxp},
	})
}

// appendOutline appends a glyph without its hints, padded to 4 bytes.
func appendOutline(glyf, outline []byte, renumbered map[int]int) []byte {
	if len(outline) == 0 {
		return glyf
	}
	if list, end, _ := components(outline); len(list) > 0 {
		composite := slices.Clone(outline[:end])
		for _, c := range list {
			binary.BigEndian.PutUint16(composite[c.at:], uint16(c.flags&^hasInstructions))
			binary.BigEndian.PutUint16(composite[c.at+2:], uint16(renumbered[c.glyph]))
		}
		glyf = append(glyf, composite...)
	} else if contours := i16(outline, 0); contours > 0 {
		at := header + 2*contours
		glyf = append(glyf, outline[:at]...)
		glyf = append(glyf, 0, 0)
		glyf = append(glyf, outline[at+2+u16(outline, at):]...)
	}
	return pad(glyf)
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

type table struct {
	name string
	data []byte
}

// assemble writes a font file. The tables are in the order of their names.
func assemble(tables []table) []byte {
	power := 0
	for 2<<power <= len(tables) {
		power++
	}
	file := []byte{0, 1, 0, 0}
	for _, v := range []int{len(tables), 16 << power, power, 16*len(tables) - 16<<power} {
		file = binary.BigEndian.AppendUint16(file, uint16(v))
	}
	at, head := 12+16*len(tables), 0
	for _, t := range tables {
		if t.name == "head" {
			head = at
		}
		file = append(file, t.name...)
		file = binary.BigEndian.AppendUint32(file, checksum(pad(slices.Clone(t.data))))
		file = binary.BigEndian.AppendUint32(file, uint32(at))
		file = binary.BigEndian.AppendUint32(file, uint32(len(t.data)))
		at += (len(t.data) + 3) &^ 3
	}
	for _, t := range tables {
		file = pad(append(file, t.data...))
	}
	binary.BigEndian.PutUint32(file[head+8:], 0xB1B0AFBA-checksum(file))
	return file
}

// checksum adds up the 32-bit words of padded data.
func checksum(data []byte) (sum uint32) {
	for i := 0; i < len(data); i += 4 {
		sum += binary.BigEndian.Uint32(data[i:])
	}
	return sum
}

package render

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"sync"
	"unicode/utf16"

	"github.com/klauspost/compress/zlib"
)

// gofpdf embeds a font by parsing all of it, cutting it and compressing what is
// left, for each document. So it is not told of the fonts: it sets text in a
// font that it does not embed, and writes a file that is not compressed.
// [finish] then compresses the file's streams and puts the fonts in.

// stubFont is the definition of a font as gofpdf reads it.
func stubFont(name string) []byte { return fmt.Appendf(nil, `{"Tp":"Core","Name":%q}`, name) }

// stubObject is what gofpdf makes of it.
func stubObject(name string) string {
	return "<</Type /Font\n/BaseFont /" + name + "\n/Subtype /Type1\n/Encoding /WinAnsiEncoding\n>>\n"
}

// compressors are zlib writers. This is not the standard library's zlib: that
// compresses otherwise from one version of Go to the next, while go.mod pins
// this one, and old invoices keep their bytes.
var compressors = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// compress writes data to w as a zlib stream.
func compress(w *writer, data []byte) {
	z := compressors.Get().(*zlib.Writer)
	defer compressors.Put(z)
	z.Reset(w)
	// A writer keeps all in memory and does not fail.
	_, _ = z.Write(data)
	_ = z.Close()
}

// object is one of a PDF file, from its first line to "endobj".
type object struct {
	number, at int
	body       []byte // without the line of its number
}

var errUnexpected = errors.New("gofpdf wrote a file of an unexpected form: build with the pinned version of gofpdf")

// finish writes the file that gofpdf wrote with its streams compressed and the
// fonts put in place.
func finish(w io.Writer, raw []byte, faces []*face) error {
	objects, trailer, err := readObjects(raw)
	if err != nil {
		return err
	}
	out := writers.Get().(*writer)
	defer writers.Put(out)
	out.b = append(out.b[:0], raw[:objects[0].at]...)
	out.at = append(out.at[:0], make([]int, len(objects)+1)...)
	left := slices.Clone(faces)
	for _, o := range objects {
		out.begin(o.number)
		i := slices.IndexFunc(left, func(f *face) bool { return string(o.body) == stubObject(f.name)+"endobj\n" })
		if i >= 0 {
			out.font(left[i])
			left = slices.Delete(left, i, i+1)
			continue
		}
		out.stream(o.body)
	}
	if len(left) > 0 {
		return errUnexpected
	}
	out.end(trailer)
	_, err = w.Write(out.b)
	return err
}

// readObjects finds the objects of a file by its table of them, in the order in
// which they stand there, and the entries of its trailer.
func readObjects(raw []byte) (objects []object, trailer []byte, err error) {
	const entry = 20 // bytes of a line of the table
	start := bytes.LastIndex(raw, []byte("startxref\n"))
	if start < 0 {
		return nil, nil, errUnexpected
	}
	line, _, _ := bytes.Cut(raw[start+len("startxref\n"):], []byte("\n"))
	table, err := strconv.Atoi(string(line))
	if err != nil || table > start {
		return nil, nil, errUnexpected
	}
	head, rest, _ := bytes.Cut(bytes.TrimPrefix(raw[table:start], []byte("xref\n0 ")), []byte("\n"))
	n, err := strconv.Atoi(string(head))
	if err != nil || n < 2 || len(rest) < entry*n {
		return nil, nil, errUnexpected
	}
	for i := 1; i < n; i++ {
		at, err := strconv.Atoi(string(rest[entry*i : entry*i+10]))
		if err != nil || at <= 0 || at >= table {
			return nil, nil, errUnexpected
		}
		objects = append(objects, object{number: i, at: at})
	}
	slices.SortFunc(objects, func(a, b object) int { return cmp.Compare(a.at, b.at) })
	for i := range objects {
		end := table
		if i+1 < len(objects) {
			end = objects[i+1].at
		}
		var ok bool
		_, objects[i].body, ok = bytes.Cut(raw[objects[i].at:end], []byte(" 0 obj\n"))
		if !ok || !bytes.HasSuffix(objects[i].body, []byte("endobj\n")) {
			return nil, nil, errUnexpected
		}
	}
	_, trailer, ok := bytes.Cut(rest[entry*n:], []byte(fmt.Sprintf("/Size %d\n", n)))
	if !ok {
		return nil, nil, errUnexpected
	}
	return objects, trailer, nil
}

// writer writes the objects of a PDF file.
type writer struct {
	b  []byte
	at []int // where the objects begin, by their numbers
}

// writers hold files while they are made.
var writers = sync.Pool{New: func() any { return new(writer) }}

func (w *writer) Write(b []byte) (int, error) {
	w.b = append(w.b, b...)
	return len(b), nil
}

func (w *writer) begin(number int) {
	w.at[number] = len(w.b)
	w.printf("%d 0 obj\n", number)
}

func (w *writer) add() {
	w.at = append(w.at, 0)
	w.begin(len(w.at) - 1)
}

func (w *writer) printf(format string, args ...any) { w.b = fmt.Appendf(w.b, format, args...) }

// stream writes an object, compressed if it is a stream and is not yet.
func (w *writer) stream(body []byte) {
	const begin, end = "stream\n", "\nendstream\nendobj\n"
	dict, rest, ok := bytes.Cut(body, []byte("\n"+begin))
	before, length, plain := bytes.Cut(dict, []byte("/Length "))
	digits, after, _ := bytes.Cut(length, []byte(">>"))
	size, err := strconv.Atoi(string(digits))
	if !ok || !plain || err != nil || len(after) > 0 || bytes.Contains(dict, []byte("/Filter")) ||
		size+len(end) != len(rest) || !bytes.HasSuffix(rest, []byte(end)) {
		w.b = append(w.b, body...)
		return
	}
	w.b = append(w.b, before...)
	w.compressed(rest[:size])
}

// compressed writes data as the rest of an object, behind the entries of its
// dictionary.
func (w *writer) compressed(data []byte) {
	w.b = append(w.b, "/Filter /FlateDecode /Length "...)
	length := len(w.b)
	w.b = append(w.b, "        >>\nstream\n"...)
	begin := len(w.b)
	compress(w, data)
	copy(w.b[length:], strconv.Itoa(len(w.b)-begin))
	w.b = append(w.b, "\nendstream\nendobj\n"...)
}

// font writes a font and what belongs to it, as a composite font (ISO 32000-1,
// 9.7): two bytes in a text are a code of the face.
func (w *writer) font(f *face) {
	program := f.font.program(f.runes)
	name := tag(f.runes) + "+" + f.font.Name
	next := len(w.at) // the number of the first object behind
	w.printf("<</Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R>>\nendobj\n",
		name, next, next+1)

	w.add()
	w.printf("<</Type /Font /Subtype /CIDFontType2 /BaseFont /%s\n/CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>>\n"+
		"/FontDescriptor %d 0 R /CIDToGIDMap %d 0 R\n/W [1 [", name, next+2, next+3)
	for i, r := range f.runes {
		if i > 0 {
			w.b = append(w.b, ' ')
		}
		w.b = strconv.AppendInt(w.b, int64(f.font.Advance(r)), 10)
	}
	w.printf("]]>>\nendobj\n")

	w.add()
	w.printf("<<")
	w.compressed(toUnicode(f.runes))

	w.add()
	flags := 4 // symbolic: its characters are not those of Adobe's Latin set
	if f.font.FixedPitch {
		flags |= 1
	}
	if f.font.ItalicAngle != 0 {
		flags |= 1 << 6
	}
	b := f.font.Bounds
	w.printf("<</Type /FontDescriptor /FontName /%s /Flags %d /FontBBox [%d %d %d %d] /ItalicAngle %d\n"+
		"/Ascent %d /Descent %d /CapHeight %d /StemV %d /FontFile2 %d 0 R>>\nendobj\n",
		name, flags, b[0], b[1], b[2], b[3], f.font.ItalicAngle,
		f.font.Ascent, f.font.Descent, f.font.CapHeight, f.font.StemV, next+4)

	w.add()
	glyphs := make([]byte, 2, 2+2*len(f.runes))
	for _, r := range f.runes {
		glyphs = binary.BigEndian.AppendUint16(glyphs, program.glyph(r))
	}
	w.printf("<<")
	w.compressed(glyphs)

	w.add()
	w.printf("<</Length1 %d /Filter /FlateDecode /Length %d>>\nstream\n", program.size, len(program.zlib))
	w.b = append(w.b, program.zlib...)
	w.b = append(w.b, "\nendstream\nendobj\n"...)
}

// tag is the six letters that tell one part of a font from another.
func tag(runes []rune) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, string(runes)) // a hash does not fail
	letters := make([]byte, 6)
	for i, sum := 0, h.Sum32(); i < len(letters); i, sum = i+1, sum/26 {
		letters[i] = 'A' + byte(sum%26)
	}
	return string(letters)
}

// toUnicode maps codes to text, for copying and searching (Adobe Technical
// Note 5411).
func toUnicode(runes []rune) []byte {
	const perSection = 100 // at most
	b := []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	code := 0
	for section := range slices.Chunk(runes, perSection) {
		b = fmt.Appendf(b, "%d beginbfchar\n", len(section))
		for _, r := range section {
			code++
			b = append(b, '<')
			b = appendHex(b, uint16(code))
			b = append(b, "> <"...)
			for _, unit := range utf16.AppendRune(nil, r) {
				b = appendHex(b, unit)
			}
			b = append(b, ">\n"...)
		}
		b = append(b, "endbfchar\n"...)
	}
	return append(b, "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"...)
}

func appendHex(b []byte, v uint16) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, digits[v>>12], digits[v>>8&15], digits[v>>4&15], digits[v&15])
}

// end writes the table of objects and the trailer.
func (w *writer) end(trailer []byte) {
	table := len(w.b)
	w.printf("xref\n0 %d\n0000000000 65535 f \n", len(w.at))
	for _, at := range w.at[1:] {
		w.printf("%010d 00000 n \n", at)
	}
	w.printf("trailer\n<<\n/Size %d\n%sstartxref\n%d\n%%%%EOF\n", len(w.at), trailer, table)
}

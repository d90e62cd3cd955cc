package truetype

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"codeberg.org/go-fonts/dejavu/dejavusans"
	"codeberg.org/go-fonts/dejavu/dejavusansbold"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

var fonts = map[string][]byte{"regular": dejavusans.TTF, "bold": dejavusansbold.TTF}

func parse(t testing.TB, ttf []byte) *Font {
	t.Helper()
	f, err := Parse(ttf)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestParse holds characters and advances against another reader of fonts.
func TestParse(t *testing.T) {
	for name, ttf := range fonts {
		t.Run(name, func(t *testing.T) {
			f := parse(t, ttf)
			oracle, err := sfnt.Parse(ttf)
			if err != nil {
				t.Fatal(err)
			}
			var b sfnt.Buffer
			count := 0
			for r := range rune(0x20000) {
				if r == 0xFFFF { // not a character; ends the table
					continue
				}
				want, err := oracle.GlyphIndex(&b, r)
				if err != nil {
					t.Fatal(err)
				}
				if f.glyph(r) != int(want) {
					t.Fatalf("%U is glyph %d, want %d", r, f.glyph(r), want)
				}
				if want == 0 {
					continue
				}
				count++
				advance, err := oracle.GlyphAdvance(&b, want, fixed.I(2048), font.HintingNone)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := f.Advance(r), int(math.Round(float64(advance.Round())*1000/2048)); got != want {
					t.Fatalf("%U is %d wide, want %d", r, got, want)
				}
			}
			if count < 5000 {
				t.Errorf("only %d characters", count)
			}
		})
	}
	f := parse(t, dejavusans.TTF)
	got := []any{f.Name, f.Ascent, f.Descent, f.CapHeight, f.StemV, f.Bounds, f.ItalicAngle, f.FixedPitch}
	if diff := cmp.Diff([]any{"DejaVuSans", 928, -236, 729, 87, [4]int{-1021, -463, 1793, 1232}, 0, false}, got); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
	for _, r := range []rune{-1, 0x10FFFF, 0x110000} {
		if f.Has(r) {
			t.Errorf("the font has %U", r)
		}
	}
}

// TestCut holds each glyph of a cut font, with its parts, against the font's
// own.
func TestCut(t *testing.T) {
	all := maps.Clone(fonts)
	const path = "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"
	if ttf, err := os.ReadFile(path); err == nil {
		all["cjk"] = ttf
	} else if os.Getenv("CI") != "" {
		t.Errorf("%v: install fonts-droid-fallback", err)
	}
	for name, ttf := range all {
		t.Run(name, func(t *testing.T) {
			f := parse(t, ttf)
			oracle, err := sfnt.Parse(ttf)
			if err != nil {
				t.Fatal(err)
			}
			every := rune(3)
			if name == "cjk" {
				every = 32
			}
			var runes []rune
			for r := range rune(0x20000) {
				if f.Has(r) && r%every == 1 {
					runes = append(runes, r)
				}
			}
			file := f.Cut(runes)
			tables, err := directory(file)
			if err != nil {
				t.Fatal(err)
			}
			cut := reopen(t, file, ttf)
			var b sfnt.Buffer
			outline := func(of *sfnt.Font, glyph int) any {
				segments, err := of.LoadGlyph(&b, sfnt.GlyphIndex(glyph), fixed.I(2048), nil)
				if err != nil {
					t.Fatal(err)
				}
				advance, err := of.GlyphAdvance(&b, sfnt.GlyphIndex(glyph), fixed.I(2048), font.HintingNone)
				if err != nil {
					t.Fatal(err)
				}
				return struct {
					Segments sfnt.Segments
					Advance  fixed.Int26_6
				}{slices.Clone(segments), advance}
			}
			for i, r := range runes {
				if got, want := u16(tables["hmtx"], 4*i+6), int(f.metrics[f.glyph(r)].bearing); got != want {
					t.Fatalf("%U begins at %d, want %d", r, got, want)
				}
				if want, got := outline(oracle, f.glyph(r)), outline(cut, i+1); !reflect.DeepEqual(want, got) {
					t.Fatalf("%U (-font +cut):\n%s", r, cmp.Diff(want, got))
				}
			}
			if diff := cmp.Diff(outline(oracle, 0), outline(cut, 0)); diff != "" {
				t.Errorf("missing glyph (-font +cut):\n%s", diff)
			}
		})
	}
}

// reopen reads a cut font with the tables of the whole one that PDF does not
// need and sfnt does.
func reopen(t *testing.T, cut, whole []byte) *sfnt.Font {
	t.Helper()
	tables, err := directory(cut)
	if err != nil {
		t.Fatal(err)
	}
	more, err := directory(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cmap", "name", "OS/2", "post"} {
		tables[name] = more[name]
	}
	// Names that a cut font has no room for are not asked for.
	tables["post"] = append([]byte{0, 3, 0, 0}, tables["post"][4:32]...)
	var list []table
	for name, data := range tables {
		list = append(list, table{name, data})
	}
	slices.SortFunc(list, func(a, b table) int { return strings.Compare(a.name, b.name) })
	f, err := sfnt.Parse(assemble(list))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Two characters that share a glyph keep apart, so that a PDF can tell which
// was meant; and one that the font lacks is empty.
func TestCutNumbers(t *testing.T) {
	f := parse(t, dejavusans.TTF)
	f.setGlyph('\u0410', f.glyph('A'))
	tables, err := directory(f.Cut([]rune{'A', 'V', '\u0410', 'Ä', '\u4E2D'}))
	if err != nil {
		t.Fatal(err)
	}
	advance := func(i int) int { return u16(tables["hmtx"], 4*i) }
	if advance(1) != advance(3) || advance(1) != advance(4) || advance(5) != advance(0) || advance(1) == 0 {
		t.Errorf("advances in hmtx % x", tables["hmtx"])
	}
	var sum uint32
	for cut := f.Cut([]rune("sum")); len(cut) > 0; cut = cut[4:] {
		sum += binary.BigEndian.Uint32(cut)
	}
	if sum != 0xB1B0AFBA {
		t.Errorf("the file's checksum is %#x", sum)
	}
}

// spoiled is DejaVu Sans with a table changed.
func spoiled(name string, change func(table []byte)) []byte {
	ttf := bytes.Clone(dejavusans.TTF)
	tables, err := directory(ttf)
	if err != nil {
		panic(err)
	}
	change(tables[name])
	return ttf
}

func TestParseRefuses(t *testing.T) {
	renamed := func(name, to string) []byte {
		return bytes.Replace(dejavusans.TTF, []byte(name), []byte(to), 1)
	}
	magic := func(m string) []byte { return append([]byte(m), dejavusans.TTF[4:]...) }
	for name, test := range map[string]struct {
		ttf  []byte
		want string
	}{
		"empty":           {nil, "0 bytes"},
		"text":            {[]byte("not a font at all"), `begins with "not "`},
		"CFF outlines":    {magic("OTTO"), "CFF outlines (.otf): use a TrueType font with glyf outlines (.ttf)"},
		"collection":      {magic("ttcf"), "(.ttc)"},
		"web font":        {magic("wOFF"), "web font"},
		"web font 2":      {magic("wOF2"), "web font"},
		"no outlines":     {renamed("glyf", "CFF "), "no table glyf: use a TrueType font with glyf outlines"},
		"cut in the list": {dejavusans.TTF[:40], "cut off after 40 bytes"},
		"cut":             {dejavusans.TTF[:40_000], "cut off after 40000 bytes"},
		"one byte cut":    {dejavusans.TTF[:len(dejavusans.TTF)-1], "get the whole file"},
		"too many glyphs": {spoiled("maxp", func(t []byte) { t[4] = 0xFF }), "hmtx does not fit"},
		"no em":           {spoiled("head", func(t []byte) { t[18], t[19] = 0, 0 }), "em is 0 units"},
		"glyph outside":   {spoiled("loca", func(t []byte) { t[40], t[41] = 0xFF, 0xFF }), "outside of table glyf"},
		"glyph damaged":   {spoiled("glyf", func(t []byte) { t[0], t[1] = 0x7F, 0xFF }), "glyph 0 is damaged"},
		"no Unicode":      {spoiled("cmap", func(t []byte) { clear(t[4:]) }), "no characters by Unicode"},
		"restricted":      {spoiled("OS/2", func(t []byte) { t[9] = 2 }), "fsType 0x0002"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(test.ttf); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	small := parse(f, dejavusans.TTF).Cut([]rune("small Ä"))
	for _, seed := range [][]byte{nil, small, dejavusans.TTF[:2000], []byte("OTTO")} {
		f.Add(seed)
	}
	tables, err := directory(dejavusans.TTF)
	if err != nil {
		f.Fatal(err)
	}
	cut, err := directory(small)
	if err != nil {
		f.Fatal(err)
	}
	cut["cmap"], cut["name"] = tables["cmap"], tables["name"]
	var list []table
	for _, name := range []string{"cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name"} {
		list = append(list, table{name, cut[name]})
	}
	f.Add(assemble(list))
	f.Fuzz(func(t *testing.T, ttf []byte) {
		font, err := Parse(ttf)
		if err != nil {
			return
		}
		font.Cut([]rune("aÄ中\U00020BB7"))
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		parse(b, dejavusans.TTF)
	}
}

func BenchmarkCut(b *testing.B) {
	f := parse(b, dejavusans.TTF)
	var latin []rune
	for r := rune(' '); r < 0x180; r++ {
		latin = append(latin, r)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Cut(latin)
	}
}

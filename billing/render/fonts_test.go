package render

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jung-kurt/gofpdf"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

func newTestCanvas(t testing.TB, l templates.Layout) *canvas {
	t.Helper()
	c, err := newCanvas(l, false, "title", "author", pricing.Date{Year: 2026, Month: 1, Day: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWholeRepertoire holds every character, as cut and embedded by us, against
// the same page made by gofpdf alone with the whole font. (Of a font with
// advances that many glyphs share, as Chinese ones have, gofpdf moves parts of
// some glyphs: package truetype holds those against another reader.)
func TestWholeRepertoire(t *testing.T) {
	const size, step = 9.0, 15.0
	l := layout(t)
	for i, weight := range []string{"regular", "bold"} {
		t.Run(weight, func(t *testing.T) {
			c := newTestCanvas(t, l)
			plain := gofpdf.New("P", "pt", l.Page.Size, "")
			plain.AddUTF8FontFromBytes("whole", "", bytes.Clone([][]byte{l.Fonts.Regular, l.Fonts.Bold}[i]))
			var all []rune
			for r := rune(' '); r <= 0xFFFF; r++ {
				if c.glyphs.fonts[i].Has(r) && settable(r) {
					all = append(all, r)
				}
			}
			const columns, rows = 38, 54
			for n, r := range all {
				if n%(columns*rows) == 0 {
					c.pdf.AddPage()
					plain.AddPage()
					plain.SetFont("whole", "", size)
				}
				x, y := 10+step*float64(n%columns), 10+step*float64(n/columns%rows)
				c.line(x, y, string(r), style{size: size, bold: i == 1})
				plain.Text(x, y+baseline*size, string(r))
			}
			var ours, theirs bytes.Buffer
			if err := c.output(&ours); err != nil {
				t.Fatal(err)
			}
			if err := plain.Output(&theirs); err != nil {
				t.Fatal(err)
			}
			got, want := pages(t, ours.Bytes(), 72, 99), pages(t, theirs.Bytes(), 72, 99)
			if len(all) < 3000 || len(got) != (len(all)-1)/(columns*rows)+1 || len(want) != len(got) {
				t.Fatalf("%d characters on %d pages and %d", len(all), len(got), len(want))
			}
			for p := range got {
				if !bytes.Equal(got[p].Pix, want[p].Pix) {
					t.Errorf("page %d looks otherwise: %s", p+1, difference(sideBySide(want[p:p+1]), sideBySide(got[p:p+1])))
				}
			}
			// The text layer has each character, and no other.
			var text strings.Builder
			for _, p := range readPDF(t, ours.Bytes()) {
				for _, s := range p.texts {
					text.WriteString(s.s)
				}
			}
			if text.String() != string(all) {
				t.Error("the text layer has other characters")
			}
		})
	}
}

// TestHistory holds that a file does not depend on what its process drew
// before it, where and when.
func TestHistory(t *testing.T) {
	const variable = "SUBTALLY_TEST_HISTORY"
	names := slices.Sorted(maps.Keys(invoices(t)))
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(name, "cjk") && cjkFont(t) == nil
	})
	sums := func(order []string) string {
		hashes := map[string]string{}
		docs := invoices(t)
		for _, name := range order {
			h := sha256.New()
			if err := Invoice(h, docs[name], layoutOf(t, name, docs[name]), nil); err != nil {
				t.Fatal(err)
			}
			hashes[name] = fmt.Sprintf("%s %x\n", name, h.Sum(nil))
		}
		var all strings.Builder
		for _, name := range names {
			all.WriteString(hashes[name])
		}
		return all.String()
	}
	if out := os.Getenv(variable); out != "" {
		slices.Reverse(names)
		order := slices.Clone(names)
		slices.Reverse(names)
		if err := os.WriteFile(out, []byte(sums(order)), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := sums(names)
	out := t.TempDir() + "/sums"
	cmd := exec.Command(os.Args[0], "-test.run", "^TestHistory$")
	cmd.Env = append(os.Environ(), variable+"="+out, "TZ=Asia/Tokyo", "LANG=de_DE.UTF-8", "GOMAXPROCS=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("files of this process and of one that drew them in another order (-this +that):\n%s", diff)
	}
	if diff := cmp.Diff(want, sums(names)); diff != "" {
		t.Errorf("files drawn before and after:\n%s", diff)
	}
}

// TestParallel draws at once what shares fonts, programs and compressors; the
// race detector looks on. There are more fonts than are kept.
func TestParallel(t *testing.T) {
	l := layout(t)
	docs := slices.Collect(maps.Values(map[string]*billing.Document{
		"typical": invoices(t)["typical"], "scripts": invoices(t)["scripts"], "bhd": invoices(t)["bhd"],
	}))
	want := make([][32]byte, len(docs))
	for i, doc := range docs {
		want[i] = sha256.Sum256(invoicePDF(t, doc))
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			own := l
			for i := range 3 * len(docs) {
				if i%3 == 0 {
					own.Fonts.Regular, own.Fonts.Bold = bytes.Clone(l.Fonts.Regular), bytes.Clone(l.Fonts.Bold)
				}
				var b bytes.Buffer
				if err := Invoice(&b, docs[i%len(docs)], own, nil); err != nil {
					t.Error(err)
				} else if sha256.Sum256(b.Bytes()) != want[i%len(docs)] {
					t.Error("another file")
				}
			}
		})
	}
	group.Wait()
	for range keepFonts {
		if _, err := parseFont(bytes.Clone(l.Fonts.Bold)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(parsed.fonts); n > keepFonts {
		t.Errorf("%d fonts are kept", n)
	}
}

// TestCompress holds that a compressor that has worked before writes the same
// as a new one.
func TestCompress(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var data [][]byte
	var want [][]byte
	for range 40 {
		d := make([]byte, random.IntN(60_000))
		for i := range d {
			d[i] = "0123456789 .TdTj"[random.IntN(16)]
		}
		compressors = sync.Pool{New: compressors.New}
		var w writer
		compress(&w, d)
		data, want = append(data, d), append(want, w.b)
	}
	for range 200 {
		i := random.IntN(len(data))
		var w writer
		compress(&w, data[i])
		if !bytes.Equal(w.b, want[i]) {
			t.Fatalf("%d bytes are compressed otherwise after others", len(data[i]))
		}
	}
}

// TestFontRuns holds which font a text is set in, and where its parts stand.
func TestFontRuns(t *testing.T) {
	ttf := cjkFont(t)
	if ttf == nil {
		t.Skip("fonts-droid-fallback is not installed")
	}
	l := layout(t)
	l.Fonts.More = []templates.Font{{Name: "cjk.ttf", TTF: ttf}}
	for _, bold := range []bool{false, true} {
		c := newTestCanvas(t, l)
		s := style{size: 10, bold: bold}
		c.pdf.AddPage()
		c.line(100, 100, "Tel 東京 03 é", s)
		var b bytes.Buffer
		if err := c.output(&b); err != nil {
			t.Fatal(err)
		}
		texts := readPDF(t, b.Bytes())[0].texts
		x := 100.0
		for i, want := range []string{"Tel ", "東京", " 03 é"} {
			if i >= len(texts) || texts[i].s != want || texts[i].x-x > 0.01 || x-texts[i].x > 0.01 {
				t.Fatalf("bold %t: %+v, want %q at %.2f", bold, texts, want, x)
			}
			x += texts[i].width
		}
		if got := c.measure(s)("Tel 東京 03 é"); got < x-100-0.01 || got > x-100+0.01 {
			t.Errorf("bold %t: measured %.2f, drawn %.2f", bold, got, x-100)
		}
		if texts[1].width != 20 {
			t.Errorf("two ideographs are %.2f wide, want 20", texts[1].width)
		}
	}
}

// A character above U+FFFF is drawn and can be copied; in the file's title,
// which gofpdf writes, a sign stands for it.
func TestBeyondTheFirstPlane(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	doc.Seller.Name, doc.Buyer.Name = "😀 Ltd", "😀"
	if missing := findMissing(t, doc, layout(t)); len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
	pdf := invoicePDF(t, doc)
	if p := readPDF(t, pdf)[0]; p.count("😀") == 0 {
		t.Errorf("the page has no face:\n%s", p)
	}
	if bytes.Contains(pdf, []byte("\xd8\x3d")) || !bytes.Contains(pdf, []byte("/Author (\xfe\xff\xff\xfd\x00 \x00L\x00t\x00d)")) {
		t.Error("the author is written wrong")
	}
}

func TestFontsRefused(t *testing.T) {
	cut := func(f []byte) []byte { return f[:40_000] }
	for name, test := range map[string]struct {
		change func(*templates.FontSet)
		want   string
	}{
		"none":        {func(f *templates.FontSet) { *f = templates.FontSet{} }, "font regular of the layout: it is empty"},
		"cut":         {func(f *templates.FontSet) { f.Bold = cut(f.Bold) }, "font bold of the layout: it is cut off"},
		"not a font":  {func(f *templates.FontSet) { f.More = []templates.Font{{Name: "cjk.otf", TTF: []byte("OTTO 12345678")}} }, "font cjk.otf of the layout: it is an OpenType font"},
		"no alphabet": {func(f *templates.FontSet) { f.Regular = withoutCharacters(f.Regular); f.Bold = f.Regular }, "no font of the layout has U+0020"},
	} {
		t.Run(name, func(t *testing.T) {
			l := layout(t)
			test.change(&l.Fonts)
			err := Invoice(io.Discard, readJSON[billing.Document](t, "typical"), l, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

// withoutCharacters is a font whose only character is U+FFFE.
func withoutCharacters(ttf []byte) []byte {
	ttf = bytes.Clone(ttf)
	entry := bytes.Index(ttf, []byte("cmap"))
	at := int(ttf[entry+8])<<24 | int(ttf[entry+9])<<16 | int(ttf[entry+10])<<8 | int(ttf[entry+11])
	copy(ttf[at:], []byte{
		0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12, // one table of Unicode, 12 bytes from here
		0, 4, 0, 32, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, // two segments
		0xFF, 0xFE, 0xFF, 0xFF, 0, 0, 0xFF, 0xFE, 0xFF, 0xFF, 0, 5, 0, 1, 0, 0, 0, 0,
	})
	return ttf
}

func TestFindMissing(t *testing.T) {
	l := layout(t)
	doc := readJSON[billing.Document](t, "typical")
	if missing := findMissing(t, doc, l); len(missing) > 0 || Explain(missing) != "" {
		t.Errorf("missing %v: %s", missing, Explain(missing))
	}
	doc.Buyer.Name = "中文 中 é"
	doc.Buyer.Address = []string{"Straße 1", "שלום"}
	doc.Lines[1].Item = "한국 हिन्दी 中"
	doc.Taxes[0].Name = "\u1100\u1161"
	l.Labels.Total = "Total 合 {currency}"
	var got []string
	missing := findMissing(t, doc, l)
	for _, m := range missing {
		got = append(got, m.String())
	}
	want := []string{
		"buyer name: U+4E2D 中", "buyer name: U+6587 文",
		"buyer address: U+05E9 ש", "buyer address: U+05DC ל", "buyer address: U+05D5 ו", "buyer address: U+05DD ם",
		"line 2 item: U+D55C 한", "line 2 item: U+AD6D 국",
		"line 2 item: U+0939 ह", "line 2 item: U+093F ि", "line 2 item: U+0928 न", "line 2 item: U+094D ्", "line 2 item: U+0926 द", "line 2 item: U+0940 ी",
		"tax 1 name: U+AC00 가",
		"layout: U+5408 合",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	const text = "no font of the layout has U+4E2D 中 (buyer name), U+6587 文 (buyer name), U+D55C 한 (line 2 item), U+AD6D 국 (line 2 item), U+AC00 가 (tax 1 name), " +
		"U+5408 合 (layout): add one that has to the layout's fonts; the script of U+05E9 ש (buyer address), U+05DC ל (buyer address), U+05D5 ו (buyer address), " +
		"U+05DD ם (buyer address), U+0939 ह (line 2 item), U+093F ि (line 2 item), and 4 more cannot be set: write it in Latin letters"
	if diff := cmp.Diff(text, Explain(missing)); diff != "" {
		t.Errorf("explained (-want +got):\n%s", diff)
	}

	if ttf := cjkFont(t); ttf != nil {
		l.Fonts.More = []templates.Font{{Name: "cjk.ttf", TTF: ttf}}
		for _, m := range findMissing(t, doc, l) {
			if m.Rune == '中' || m.Rune == '合' {
				t.Errorf("%v, with a font that has it", m)
			}
		}
	}
}

func findMissing(t *testing.T, doc *billing.Document, l templates.Layout) []Missing {
	t.Helper()
	missing, err := FindMissing(doc, l)
	if err != nil {
		t.Fatal(err)
	}
	return missing
}

// What cannot be drawn, or not whole, is an error that says what.
func TestFindUndrawable(t *testing.T) {
	long := strings.Repeat("long words ", 300)
	for name, tt := range map[string]struct {
		change func(*billing.Document, *templates.Layout)
		want   string // empty where it can be drawn
	}{
		"typical":      {func(*billing.Document, *templates.Layout) {}, ""},
		"long reason":  {func(d *billing.Document, _ *templates.Layout) { d.Corrects = &billing.Correction{Reason: long} }, ""},
		"long note":    {func(d *billing.Document, _ *templates.Layout) { d.Taxes[0].Note = long }, ""},
		"long payment": {func(d *billing.Document, _ *templates.Layout) { d.Payment.Instructions = []string{long, long} }, ""},
		"long name":    {func(d *billing.Document, _ *templates.Layout) { d.Seller.Name = long }, "the text that begins with \"long words long words "},
		"very long": {func(d *billing.Document, _ *templates.Layout) { d.Taxes[0].Note = strings.Repeat("words ", 1000) },
			"the text that begins with \"words words "},
		"address of 60 lines": {func(d *billing.Document, _ *templates.Layout) {
			d.Buyer.Address = strings.Split(strings.Repeat("line|", 60)+"last", "|")
		}, "the text that begins with \"line\" is too long"},
		"logo": {func(_ *billing.Document, l *templates.Layout) {
			l.Brand.Logo, l.Logo = &templates.Logo{File: "our.png", Height: 10, Position: "left"}, []byte("GIF89a")
		}, "logo our.png: "},
		"currency": {func(d *billing.Document, _ *templates.Layout) { d.Currency = "ABC" }, `currency "ABC"`},
	} {
		doc, l := readJSON[billing.Document](t, "typical"), layout(t)
		tt.change(doc, &l)
		_, err := FindMissing(doc, l)
		var draw *DrawError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (!errors.As(err, &draw) || !strings.Contains(draw.Err.Error(), tt.want)):
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	if _, err := FindMissing(nil, layout(t)); err == nil {
		t.Error("no error for no document")
	}
}

// TestMissingIsWhatIsPrinted puts a missing character into each string of a
// document in turn: it is reported if, and only if, a replacement is printed.
func TestMissingIsWhatIsPrinted(t *testing.T) {
	l := layout(t)
	doc := readJSON[billing.Document](t, "typical")
	doc.Lines, doc.Accounts = doc.Lines[:2], doc.Accounts[:1]
	addUp(doc)
	doc.Taxes[0].Note = "note"
	reported := 0
	var each func(v reflect.Value)
	each = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			before := v.String()
			defer v.SetString(before)
			v.SetString(before + "中")
			var b bytes.Buffer
			if err := Invoice(&b, doc, l, nil); err != nil {
				return // such as an unknown currency
			}
			printed := false
			for _, p := range readPDF(t, b.Bytes()) {
				printed = printed || strings.ContainsRune(p.String(), replacement)
			}
			missing := findMissing(t, doc, l)
			if printed != (len(missing) == 1) || printed && missing[0].Where == "layout" {
				t.Errorf("after %q: printed %t, reported %v", before, printed, missing)
			}
			reported += len(missing)
		case reflect.Pointer:
			if !v.IsNil() {
				each(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				each(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					each(v.Field(i))
				}
			}
		}
	}
	each(reflect.ValueOf(doc))
	if reported < 20 {
		t.Errorf("only %d strings are printed", reported)
	}
}

package render

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"subtally/billing"
	"subtally/pricing"
)

func coverage(t testing.TB) *glyphs {
	t.Helper()
	g, err := newGlyphs(layout(t).Fonts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestClean(t *testing.T) {
	g := coverage(t)
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"plain (text) \\ 1,234.50", "plain (text) \\ 1,234.50"},
		{"  two  spaces\tand\r\nlines ", "two spaces and lines"},
		{"Zu\u0308rich", "Zürich"},
		{"Nguye\u0302\u0303n Thị Ánh", "Nguyễn Thị Ánh"},
		{"ᾧ ἔστιν Ωμέγα", "ᾧ ἔστιν Ωμέγα"},
		{"Ђурђевак Їжак Ёлка Қазақ", "Ђурђевак Їжак Ёлка Қазақ"},
		{"party 🎉", "party \uFFFD"},
		{"family 👨\u200d👩\u200d👧", "family \uFFFD\uFFFD\uFFFD"},
		{"\x1b[31mred\x00", "[31mred"},
		{"\u202egnp.exe\u202c", "gnp.exe"},
		{"\u2066a\u2069\u200b\u200f\ufeffb\u00ad\u034f\ufe0f", "ab"},
		{"line\u2028separator", "line separator"},
		{"bad \xff\xfe end", "bad \uFFFD end"},
		{"日本", "\uFFFD\uFFFD"},
		{"\u0301 mark", "mark"},
		{"x\u0301\u0302\u0303\u0304\u0305\u0306", "x\u0301\u0302\u0303"},
		{"no\u00a0break", "no\u00a0break"},
		{strings.Repeat("x", 5000), strings.Repeat("x", maxRunes-1) + "…"},
	} {
		if got := g.clean(test.in); got != test.want {
			t.Errorf("clean(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

// TestCoverage holds that both fonts draw the scripts promised.
func TestCoverage(t *testing.T) {
	g := coverage(t)
	for name, table := range map[string]*unicode.RangeTable{
		"Latin to Extended-B":       {R16: []unicode.Range16{{Lo: 0x20, Hi: 0x7E, Stride: 1}, {Lo: 0xA0, Hi: 0xAC, Stride: 1}, {Lo: 0xAE, Hi: 0x24F, Stride: 1}}},
		"Latin Extended Additional": {R16: []unicode.Range16{{Lo: 0x1E00, Hi: 0x1E9B, Stride: 1}, {Lo: 0x1EA0, Hi: 0x1EF9, Stride: 1}}},
		"Greek":                     {R16: []unicode.Range16{{Lo: 0x386, Hi: 0x386, Stride: 1}, {Lo: 0x388, Hi: 0x38A, Stride: 1}, {Lo: 0x38E, Hi: 0x3A1, Stride: 1}, {Lo: 0x3A3, Hi: 0x3FF, Stride: 1}}},
		"Cyrillic":                  {R16: []unicode.Range16{{Lo: 0x400, Hi: 0x482, Stride: 1}, {Lo: 0x48A, Hi: 0x525, Stride: 1}}},
	} {
		for _, r := range table.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c++ {
				if !g.has(c) {
					t.Errorf("%s: the fonts lack %U", name, c)
				}
			}
		}
	}
	for c := rune(0x1F00); c <= 0x1FFE; c++ { // polytonic Greek has unassigned gaps
		if unicode.IsLetter(c) && !g.has(c) {
			t.Errorf("polytonic Greek: the fonts lack %U", c)
		}
	}
	if !g.has(replacement) || !g.has('…') || !g.has('–') {
		t.Error("the fonts lack what the renderer itself prints")
	}
}

func TestWrap(t *testing.T) {
	width := func(s string) float64 { return float64(utf8.RuneCountInString(s)) }
	for _, test := range []struct {
		in    string
		width float64
		limit int
		want  string
	}{
		{"", 10, 3, ""},
		{"one two three", 7, 5, "one two|three"},
		{"one two three", 13, 5, "one two three"},
		{"one two three", 6, 5, "one|two|three"},
		{"donaudampfschiff", 6, 5, "donaud|ampfsc|hiff"},
		{"a donaudampfschiff", 6, 5, "a|donaud|ampfsc|hiff"},
		{"one two three four", 7, 2, "one two|three…"},
		{"one two three", 4, 1, "one…"},
		{"ax\u0301x\u0301", 2, 9, "ax\u0301|x\u0301"},
		{"xyz", 0, 9, "x|y|z"},
		{"株式会社東京通信", 3, 9, "株式会|社東京|通信"},
		{"Kunde 北京某某有限公司", 8, 9, "Kunde 北京|某某有限公司"},
		{"北京 Telecom Ltd", 6, 9, "北京|Teleco|m Ltd"},
		{"東京都「千代田」区", 4, 9, "東京都|「千代|田」区"},
		{"通信料。追加", 3, 9, "通信|料。追|加"},
		{"サーバー料金", 3, 9, "サー|バー料|金"},
		{"サーバー料金", 4, 9, "サーバー|料金"},
		{"キャッシュ", 3, 9, "キャッ|シュ"},
		{"株式会社東京通信", 3, 2, "株式会|社東…"},
	} {
		measure := func(s string) float64 { return width(strings.ReplaceAll(s, "\u0301", "")) }
		if got := strings.Join(wrap(test.in, test.width, test.limit, measure), "|"); got != test.want {
			t.Errorf("wrap(%q, %g, %d) = %q, want %q", test.in, test.width, test.limit, got, test.want)
		}
	}
}

// nasty are strings that broke, or could break, a document.
var nasty = []string{
	"", " ", "plain", "🎉", "👨\u200d👩\u200d👧\ufe0f", "\x1b[31m", "\u202egnp.exe", "\xff\xfe\xfd", "\xed\xa0\x80",
	"Zu\u0308rich\u0301\u0302\u0303\u0304", "\u0301", "Ⴀ\u0300", "\u1100\u1161\u11a8", "日本語", "العربية", "नमस्ते",
	"()\\\r\n", "{page} {nb} {count}", "\U0010FFFF\uFFFF\uFFFE", "\u115f\u3164\u00a0\u2003", "\u00a0\u0300", "𝒜𝓁𝑔𝑒𝒷𝓇𝒶",
	strings.Repeat("W", 300), strings.Repeat("e\u0301", 2000), strings.Repeat("many words ", 400), strings.Repeat("\u200b", 20_000),
}

func checkClean(t interface{ Fatalf(string, ...any) }, g *glyphs, s string) {
	got := g.clean(s)
	if !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) || utf8.RuneCountInString(got) > maxRunes {
		t.Fatalf("clean(%q) = %q: not valid, not NFC or too long", s, got)
	}
	for _, r := range got {
		if !g.has(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			t.Fatalf("clean(%q) = %q still has %U", s, got, r)
		}
	}
	if again := g.clean(got); again != got {
		t.Fatalf("clean(%q) = %q, and cleaned again %q", s, got, again)
	}
}

// filled is an invoice in which every string is s.
func filled(t testing.TB, s string) *billing.Document {
	doc := withLines(t, 2)
	party := billing.Party{Name: s, Address: []string{s, s}, TaxID: s, Email: s, Phone: s, Website: s}
	doc.Number, doc.Seller, doc.Buyer, doc.Tenant, doc.Plans[0].Name, doc.Period.TimeZone = s, party, party, s, s, s
	doc.Accounts = []billing.Account{{SID: s, Name: s}}
	doc.Payment.Instructions = []string{s, s}
	doc.Taxes[0].Name = s
	for i := range doc.Lines {
		l := &doc.Lines[i]
		l.Charge, l.Category, l.Kind = s, pricing.Category(s), pricing.Kind(s)
		l.Description, l.Item, l.Unit = s, s, pricing.Unit(s)
	}
	return doc
}

func FuzzClean(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	g := coverage(f)
	f.Fuzz(func(t *testing.T, s string) { checkClean(t, g, s) })
}

func FuzzInvoice(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkGeometry(t, readPDF(t, invoicePDF(t, filled(t, s))))
	})
}

// nastyString mixes ordinary letters with runes of every plane and raw bytes.
var nastyString = rapid.Custom(func(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(0, 40).Draw(t, "parts") {
		switch rapid.IntRange(0, 4).Draw(t, "part") {
		case 0:
			b.WriteString(rapid.StringN(0, 30, -1).Draw(t, "text"))
		case 1:
			b.WriteRune(rune(rapid.IntRange(0, unicode.MaxRune).Draw(t, "rune")))
		case 2:
			b.WriteRune(rune(rapid.IntRange(0x300, 0x36F).Draw(t, "mark")))
		case 3:
			b.Write(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes"))
		case 4:
			b.WriteString(rapid.SampledFrom(nasty).Draw(t, "nasty"))
		}
	}
	return b.String()
})

func TestAnyString(t *testing.T) {
	g := coverage(t)
	rapid.Check(t, func(r *rapid.T) { checkClean(r, g, nastyString.Draw(r, "s")) })
}

// TestInvoiceOfAnyStrings draws a few whole documents; the fuzz target draws
// many.
func TestInvoiceOfAnyStrings(t *testing.T) {
	l := layout(t)
	for i := range 25 {
		s := nastyString.Example(i)
		var b bytes.Buffer
		if err := Invoice(&b, filled(t, s), l, nil); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		checkGeometry(t, readPDF(t, b.Bytes()))
	}
}

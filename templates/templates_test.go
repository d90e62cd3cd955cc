package templates

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"subtally/pricing"
)

func TestDefault(t *testing.T) {
	l, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Colour{0x1F, 0x5F, 0x8B}, l.Brand.Accent); diff != "" {
		t.Errorf("accent (-want +got):\n%s", diff)
	}
	if got := l.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}); got != "October 2026" {
		t.Errorf("month %q", got)
	}
}

// TestEmbedded holds that each language has every word, with everything that is
// filled into it, and every plural.
func TestEmbedded(t *testing.T) {
	design, words, err := Base()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Check(design, words, nil) {
		t.Errorf("%s: %s: %s", p.File, p.Path, p.Text)
	}
	english := words["en"]
	for _, language := range Languages {
		text, err := fs.ReadFile(Files, LabelsFile(language))
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(new(Words)); err != nil {
			t.Errorf("%s: %v", language, err)
		}
		w := words[language]
		for key, label := range w.Labels.all() {
			got, want := placeholder.FindAllString(label, -1), placeholder.FindAllString(english.Labels.all()[key], -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: labels.%s fills in %v, want %v", language, key, got, want)
			}
		}
		for what, missing := range map[string][]string{
			"categories": lack(pricing.Categories, w.Categories),
			"kinds":      lack(pricing.Kinds, w.Kinds),
			"units":      lack(units, w.Units),
			"statuses":   lack(slices.Collect(maps.Keys(english.Statuses)), w.Statuses),
		} {
			if len(missing) > 0 {
				t.Errorf("%s: %s lack %v", language, what, missing)
			}
		}
		// Only Polish has other names for months without a day than with one.
		l := locale(t, language)
		for i, name := range w.Months {
			if got := l.dates.MonthWide(time.Month(i + 1)); got != name && language != "pl" {
				t.Errorf("%s: month %d is %q, and %q to CLDR", language, i+1, name, got)
			}
		}
	}
}

// units are all that lines count in.
var units = []pricing.Unit{
	pricing.Second, Minute, Hour, LateDay, pricing.Segment, pricing.Message, pricing.Day, pricing.PerCall, pricing.Month, pricing.Block,
	pricing.PerUnitOfOther, pricing.PerNumber, pricing.PerSubaccount, pricing.PerLine, pricing.PerRecord, pricing.PerOnce,
}

func lack[K ~string, V any](want []K, words map[K]V) (missing []string) {
	for _, key := range want {
		if _, ok := words[key]; !ok {
			missing = append(missing, string(key))
		}
	}
	return missing
}

// A language says the same thing with another word for nearly everything: a label
// that was left in English would not show otherwise.
func TestTranslated(t *testing.T) {
	_, words, err := Base()
	if err != nil {
		t.Fatal(err)
	}
	english := words["en"].Labels.all()
	for _, language := range Languages {
		same := []string{}
		for key, label := range words[language].Labels.all() {
			if label == english[key] && strings.ContainsAny(placeholder.ReplaceAllString(label, ""), "abcdefghijklmnopqrstuvwxyz") {
				same = append(same, key)
			}
		}
		slices.Sort(same)
		if language != "en" && len(same) > 8 {
			t.Errorf("%s has %d labels as in English: %v", language, len(same), same)
		}
	}
}

func TestUnit(t *testing.T) {
	polish, err := Embedded().Layout("pl")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string]string{"1": "dzień", "2": "dni", "5": "dni", "22": "dni", "1.5": "dnia"} {
		if got := polish.Unit(pricing.Day, dec(n)); got != want {
			t.Errorf("%s %s, want %s", n, got, want)
		}
	}
	if got := polish.Unit("fax", dec("3")); got != "fax" {
		t.Errorf("an unknown unit is %q", got)
	}
}

func folder(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range names() {
		data, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

func TestBundle(t *testing.T) {
	if got := New(folder(t)).SHA256(); got != Embedded().SHA256() {
		t.Errorf("a copy of the embedded layout is %s, not %s", got, Embedded().SHA256())
	}
	b := New(map[string][]byte{
		"layout.yaml":    []byte(`brand: {accent: "#010203", logo: {file: l.png, height: 9, position: right}, fonts: {regular: r.ttf, more: [m.ttf]}}`),
		"labels/de.yaml": []byte("labels: {invoice: Honorarnote}\nunits: {day: {one: Tg., other: Tg.}}"),
		"l.png":          []byte("logo"), "r.ttf": []byte("regular"), "m.ttf": []byte("more"),
	})
	if b.SHA256() == Embedded().SHA256() {
		t.Error("another layout has the SHA-256 of the embedded one")
	}
	again, err := Decode(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if again.SHA256() != b.SHA256() {
		t.Errorf("read back, it is %s, not %s", again.SHA256(), b.SHA256())
	}
	for _, b := range []*Bundle{b, again} {
		l, err := b.Layout("de-AT")
		if err != nil {
			t.Fatal(err)
		}
		got := []string{l.Labels.Invoice, l.Labels.CreditNote, l.Units[pricing.Day]["other"], l.Units[pricing.Month]["other"],
			fmt.Sprint(l.Brand.Accent, l.Brand.Text, l.Page.Margins.Left, len(l.Sections)),
			string(l.Logo), string(l.Fonts.Regular), string(l.Fonts.Bold), string(l.Fonts.More[0].TTF), l.Locale.String()}
		want := []string{"Honorarnote", "Rechnungskorrektur", "Tg.", "Monate", "{1 2 3} {30 38 48} 20 9", "logo", "regular", "regular", "more", "de-AT"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if _, err := b.Layout("xx"); err == nil {
		t.Error("no error for a locale that there is not")
	}
	if _, err := Decode([]byte("no archive")); err == nil {
		t.Error("no error for what is no bundle")
	}
}

// A stored layout of another version may have keys that this one does not know.
func TestDecodeIsLenient(t *testing.T) {
	b, err := Decode(New(map[string][]byte{"layout.yaml": []byte("hologram: 1\nfooter: foot")}).Encode())
	if err != nil {
		t.Fatal(err)
	}
	if l, err := b.Layout("en"); err != nil || l.Footer.In("en") != "foot" {
		t.Errorf("footer %q, %v", l.Footer, err)
	}
}

func picture(t *testing.T, img image.Image, jpg bool) []byte {
	t.Helper()
	var b bytes.Buffer
	err := png.Encode(&b, img)
	if jpg {
		b.Reset()
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheck(t *testing.T) {
	regular, err := Fonts()
	if err != nil {
		t.Fatal(err)
	}
	small := image.NewNRGBA(image.Rect(0, 0, 8, 4))
	good := picture(t, small, false)
	interlaced := bytes.Clone(good)
	interlaced[28] = 1
	binary.BigEndian.PutUint32(interlaced[29:], crc32.ChecksumIEEE(interlaced[12:29]))
	deep := image.NewNRGBA64(image.Rect(0, 0, 8, 4))
	deep.Set(1, 1, color.NRGBA64{1, 2, 3, 4})
	var asGIF bytes.Buffer // this package reads the format as others of the program do
	if err := gif.Encode(&asGIF, small, nil); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"gif.png": asGIF.Bytes(), "good.png": good, "good.jpg": picture(t, small, true), "text.png": []byte("text"), "cut.png": good[:len(good)-20],
		"interlaced.png": interlaced, "deep.png": picture(t, deep, false),
		"wide.png": picture(t, image.NewGray(image.Rect(0, 0, 4001, 1)), false),
		"huge.png": append(bytes.Clone(good), make([]byte, MaxLogo)...),
		"good.ttf": regular.Regular, "bad.ttf": []byte("OTTO"),
	}
	logo := func(file string) string {
		return fmt.Sprintf("brand: {logo: {file: %s, height: 10, position: left}}", file)
	}
	for name, tt := range map[string]struct {
		layout, german string
		want           string // as path: text; several in lines, each in part
	}{
		"nothing":             {},
		"png":                 {layout: logo("good.png")},
		"jpeg":                {layout: logo("good.jpg")},
		"fonts":               {layout: "brand: {fonts: {regular: good.ttf, bold: good.ttf, more: [good.ttf]}}"},
		"paper":               {layout: "page: {size: A0}", want: `page.size: "A0" is not a paper`},
		"margin":              {layout: "page: {margins: {left: 2}}", want: "page.margins.left: 2 mm does not do"},
		"no place of a logo":  {layout: "brand: {logo: {file: good.png, height: 10}}"},
		"white text":          {layout: `brand: {text: "#FFFFFF", accent: "#FFFFE0"}`, want: "brand.text: #FFFFFF is too light to be read on white paper: use a darker one\nbrand.accent: #FFFFE0 is too light"},
		"yellow accent":       {layout: `brand: {accent: "#FFD000"}`},
		"open brace":          {layout: "texts: [{after: totals, text: 'Hi {buyer'}]\nfooter: 'number}'", want: "texts[0].text.all: a brace is not closed, or not opened: a placeholder is written like {number}\nfooter.all: a brace is not closed"},
		"gif":                 {layout: logo("gif.png"), want: "brand.logo.file: gif.png: it is a GIF, whatever its name: save it as PNG or JPEG"},
		"no picture":          {layout: logo("text.png"), want: "brand.logo.file: text.png: it is neither a PNG nor a JPEG"},
		"cut picture":         {layout: logo("cut.png"), want: "brand.logo.file: cut.png: it is damaged"},
		"interlaced picture":  {layout: logo("interlaced.png"), want: "brand.logo.file: interlaced.png: it is interlaced"},
		"deep picture":        {layout: logo("deep.png"), want: "brand.logo.file: deep.png: it is interlaced or has 16 bits"},
		"wide picture":        {layout: logo("wide.png"), want: "4001 × 1 pixels"},
		"huge picture":        {layout: logo("huge.png"), want: "save it with 1048576 at most"},
		"missing picture":     {layout: logo("none.png"), want: `brand.logo.file: there is no file "none.png" beside layout.yaml`},
		"picture elsewhere":   {layout: logo("../good.png"), want: `brand.logo.file: "../good.png" is not the name of a file`},
		"logo's place":        {layout: "brand: {logo: {file: good.png, height: 2, position: middle}}", want: "brand.logo.height: 2 mm\nbrand.logo.position: \"middle\" is not a place"},
		"bad font":            {layout: "brand: {fonts: {regular: bad.ttf}}", want: "brand.fonts.regular: font bad.ttf"},
		"bold alone":          {layout: "brand: {fonts: {bold: good.ttf}}", want: "brand.fonts.bold: a bold font needs the regular one"},
		"missing font":        {layout: "brand: {fonts: {more: [good.ttf, none.ttf]}}", want: `brand.fonts.more[1]: there is no file "none.ttf"`},
		"unknown section":     {layout: "sections: [parties, lines, total, totals]", want: `sections[2]: there is no section "total"; known here: letterhead`},
		"section twice":       {layout: "sections: [parties, lines, totals, lines]", want: `sections[3]: the section "lines" is there twice`},
		"sections left out":   {layout: "sections: [letterhead]", want: "sections: an invoice needs the section \"parties\"\nsections: an invoice needs the section \"totals\"\nsections: an invoice needs the section \"lines\" or \"summary\""},
		"few sections":        {layout: "sections: [totals, summary, parties]"},
		"unknown column":      {layout: "columns: [{name: description, width: 1}, {name: price}, {name: amount}]", want: `columns[1].name: there is no column "price"`},
		"column twice":        {layout: "columns: [{name: description, width: 1}, {name: amount}, {name: amount}]", want: `columns[2].name: the column "amount" is there twice`},
		"no amount":           {layout: "columns: [{name: description, width: 1}]", want: `columns: the lines need the column "amount"`},
		"no width":            {layout: "columns: [{name: description}, {name: amount}]", want: "columns: give one column or more a width"},
		"width below zero":    {layout: "columns: [{name: description, width: 1}, {name: amount, width: -1}]", want: "columns[1].width: -1 is not a share\ncolumns: give one column"},
		"unknown placeholder": {layout: "texts: [{after: totals, text: {all: '{iban}'}}]", want: "texts[0].text.all: there is no placeholder {iban}; known here: {number}"},
		"text nowhere":        {layout: "texts: [{text: {all: x}}]", want: "texts[0]: say where it stands"},
		"text twice":          {layout: "texts: [{before: lines, after: lines, text: {all: x}}]", want: "texts[0]: say where it stands"},
		"text at no section":  {layout: "texts: [{before: adjustments, text: {all: x}}]", want: `texts[0].before: the invoice has no section "adjustments"`},
		"empty text":          {layout: "texts: [{before: lines}]", want: "texts[0]: it has no text"},
		"unknown language":    {layout: "footer: {sv: x}", want: `footer.sv: "sv" is not a language here`},
		"footer":              {layout: "footer: {all: '{number} {due}'}", want: "footer.all: there is no placeholder {due}"},
		"missing word":        {german: "labels: {invoice: ''}", want: "labels.invoice: the word is missing"},
		"label's placeholder": {german: "labels: {page: 'S. {seite}'}", want: "labels.page: there is no placeholder {seite}; known here: {page}, {pages}"},
		"label without any":   {german: "labels: {invoice: 'R. {number}'}", want: "labels.invoice: there is no placeholder {number}: nothing is filled in here"},
		"unknown category":    {german: "categories: {fax: Fax}", want: `categories.fax: there is no "fax"; known here: adjustments`},
		"unknown kind":        {german: "kinds: {fax: Fax}", want: `kinds.fax: there is no "fax"`},
		"empty status":        {german: "statuses: {draft: ''}", want: "statuses.draft: the word is missing"},
		"unknown unit":        {german: "units: {fax: {one: x, other: x}}", want: `units.fax: there is no unit "fax"`},
		"missing plural":      {german: "units: {day: {one: Tag}}", want: "units.day: it needs the plurals one, other: other is missing"},
		"unknown plural":      {german: "units: {day: {one: Tag, few: Tage, other: Tage}}", want: "units.day.few: the language has no plural"},
		"months":              {german: "months: [Jänner]", want: "months: it has 1 months, not 12"},
	} {
		t.Run(name, func(t *testing.T) {
			design, words, err := Base()
			if err != nil {
				t.Fatal(err)
			}
			for text, into := range map[string]any{tt.layout: design, tt.german: words["de"]} {
				if text == "" {
					continue
				}
				d := yaml.NewDecoder(strings.NewReader(text))
				d.KnownFields(true)
				if err := d.Decode(into); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, p := range Check(design, words, files) {
				got = append(got, p.Path+": "+p.Text)
				if want := LayoutFile; tt.german == "" && p.File != want {
					t.Errorf("in %s, want %s", p.File, want)
				}
			}
			var want []string
			if tt.want != "" {
				want = strings.Split(tt.want, "\n")
			}
			if !slices.EqualFunc(got, want, strings.Contains) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tt.want)
			}
		})
	}
}

func TestFill(t *testing.T) {
	got := Fill("{a} of {b}", "a", "{b}", "b", "2")
	if want := "{b} of 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFonts(t *testing.T) {
	f, err := Fonts()
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.Clone(f.Regular)[:40_000]
	if err := checkDigest("cut.ttf", "7da195a74c55bef988d0d48f9508bd5d849425c1770dba5d7bfc6ce9ed848954", cut); err == nil {
		t.Error("a cut font passed the check")
	}
}

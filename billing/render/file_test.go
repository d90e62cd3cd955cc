package render

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/jung-kurt/gofpdf"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// TestImages holds that pictures of every kind come through the pass that
// compresses a file.
func TestImages(t *testing.T) {
	bounds := image.Rect(0, 0, 40, 40)
	green := image.NewUniform(color.NRGBA{G: 128, A: 255})
	transparent, indexed := image.NewNRGBA(bounds), image.NewPaletted(bounds, palette.WebSafe)
	draw.Draw(transparent, image.Rect(0, 0, 40, 20), green, image.Point{}, draw.Src)
	draw.Draw(indexed, bounds, green, image.Point{}, draw.Src)
	var files [3]bytes.Buffer
	if err := errors.Join(png.Encode(&files[0], transparent), png.Encode(&files[1], indexed), jpeg.Encode(&files[2], indexed, nil)); err != nil {
		t.Fatal(err)
	}
	c := newTestCanvas(t, layout(t))
	c.pdf.AddPage()
	for i, kind := range []string{"png", "png", "jpg"} {
		options := gofpdf.ImageOptions{ImageType: kind}
		name := string(rune('a' + i))
		c.pdf.RegisterImageOptionsReader(name, options, &files[i])
		c.pdf.ImageOptions(name, 100, 100+float64(i)*100, 40, 40, false, options, 0, "")
	}
	c.line(100, 50, "text", body)
	var b bytes.Buffer
	if err := c.output(&b); err != nil {
		t.Fatal(err)
	}
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode = model.ValidationStrict
	if err := api.Validate(bytes.NewReader(b.Bytes()), conf); err != nil {
		t.Error(err)
	}
	page := pages(t, b.Bytes(), 72, 1)[0]
	for _, y := range []int{110, 220, 320} {
		if grey := page.GrayAt(120, y).Y; grey > 120 || grey < 50 {
			t.Errorf("at (120, %d) is grey %d, want a green as dark as 75", y, grey)
		}
	}
	if page.GrayAt(120, 135).Y != 255 {
		t.Error("what is transparent is drawn")
	}
}

// A file of another form, as another version of gofpdf might write, is refused.
func TestFinishRefuses(t *testing.T) {
	c := newTestCanvas(t, layout(t))
	c.pdf.AddPage()
	c.line(100, 50, "text", body)
	var raw bytes.Buffer
	if err := c.pdf.Output(&raw); err != nil {
		t.Fatal(err)
	}
	if err := finish(io.Discard, raw.Bytes(), c.faces[:1]); err != nil {
		t.Fatal(err)
	}
	file := raw.String()
	for name, test := range map[string]string{
		"empty":         "",
		"no table":      strings.Replace(file, "startxref\n", "startxref\n9", 1),
		"no number":     strings.Replace(file, "startxref\n", "startxref\nx", 1),
		"table damaged": strings.Replace(file, "xref\n0 ", "xref\n1 ", 1),
		"object moved":  strings.Replace(file, "%PDF-1.3\n", "%PDF-1.3\n%\n", 1),
		"another size":  strings.Replace(file, "/Size", "/size", 1),
		"another font":  strings.Replace(file, "/WinAnsiEncoding", "/MacRomanEncodin", 1),
	} {
		if test == file {
			t.Fatalf("%s: nothing is spoiled", name)
		}
		if err := finish(io.Discard, []byte(test), c.faces[:1]); !errors.Is(err, errUnexpected) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTooManyCharacters(t *testing.T) {
	f := &face{codes: map[rune]uint16{}}
	for r := range rune(maxCodes) {
		if _, err := f.encode(string(r + 0x10000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.encode("one more"); err == nil || !strings.Contains(err.Error(), "more than 20000") {
		t.Errorf("error %v", err)
	}
}

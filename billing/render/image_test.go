package render

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"subtally/templates"
)

// Golden pages are small grey pictures, so that they can be looked at and do
// not show how a version of poppler smooths letters: a pixel is the mean of 4 x
// 4 at 72 dpi, in 16 levels. Two pictures are the same if no pixel differs by
// more than maxDifference of 255 and all by no more than maxMean on average; a
// block that is missing, moved by a line or of another colour is far above.
// Which letters stand there is what the text goldens are for.
const (
	thumbnail     = 4
	levels        = 16
	maxDifference = 60
	maxMean       = 1.5
	goldenPages   = 3 // of long documents the first ones
)

// pages draws pages of a PDF in grey, with poppler.
func pages(t *testing.T, pdf []byte, dpi, last int) (pictures []*image.Gray) {
	t.Helper()
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("pdftoppm is not installed: install poppler-utils")
		}
		t.Skip("pdftoppm is not installed (package poppler-utils)")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "document.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("pdftoppm", "-gray", "-r", fmt.Sprint(dpi), "-l", fmt.Sprint(last), path, filepath.Join(dir, "page")).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("pdftoppm: %v: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pgm"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var width, height int
		if _, err := fmt.Sscanf(string(data), "P5\n%d %d\n255\n", &width, &height); err != nil {
			t.Fatal(err)
		}
		picture := image.NewGray(image.Rect(0, 0, width, height))
		copy(picture.Pix, data[len(data)-width*height:])
		pictures = append(pictures, picture)
	}
	return pictures
}

// sideBySide is the thumbnails of pages side by side.
func sideBySide(pages []*image.Gray) *image.Gray {
	width, height := 0, 0
	for _, p := range pages {
		width += p.Rect.Dx() / thumbnail
		height = max(height, p.Rect.Dy()/thumbnail)
	}
	out := image.NewGray(image.Rect(0, 0, width, height))
	left := 0
	for _, p := range pages {
		for y := range p.Rect.Dy() / thumbnail {
			for x := range p.Rect.Dx() / thumbnail {
				sum := 0
				for i := range thumbnail * thumbnail {
					sum += int(p.GrayAt(x*thumbnail+i%thumbnail, y*thumbnail+i/thumbnail).Y)
				}
				const step = 255 / (levels - 1)
				mean := sum / (thumbnail * thumbnail)
				out.SetGray(left+x, y, color.Gray{Y: uint8((mean + step/2) / step * step)})
			}
		}
		left += p.Rect.Dx() / thumbnail
	}
	return out
}

// difference compares two pictures: empty if they are the same.
func difference(want, got *image.Gray) string {
	if want.Rect != got.Rect {
		return fmt.Sprintf("it is %v, not %v", got.Rect.Max, want.Rect.Max)
	}
	sum, most, at := 0, 0, image.Point{}
	for i := range want.Pix {
		d := max(int(want.Pix[i]), int(got.Pix[i])) - min(int(want.Pix[i]), int(got.Pix[i]))
		sum += d
		if d > most {
			most, at = d, image.Pt(i%want.Stride, i/want.Stride)
		}
	}
	mean := float64(sum) / float64(len(want.Pix))
	if most <= maxDifference && mean <= maxMean {
		return ""
	}
	return fmt.Sprintf("pixels differ by %.2f on average, and by %d at %v", mean, most, at)
}

// TestPictures holds the pages of every golden document against its picture.
func TestPictures(t *testing.T) {
	for name, pdf := range allPDFs(t) {
		t.Run(name, func(t *testing.T) {
			got := sideBySide(pages(t, pdf, 72, goldenPages))
			path := filepath.Join("testdata", name+".png")
			if *update {
				var b bytes.Buffer
				if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, got); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			golden, err := png.Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			want := image.NewGray(golden.Bounds())
			draw.Draw(want, want.Rect, golden, image.Point{}, draw.Src)
			if d := difference(want, got); d != "" {
				t.Errorf("its pages look otherwise: %s; if they are right, run the test with -update", d)
			}
		})
	}
}

// TestDifference holds that the tolerance finds what it is to find.
func TestDifference(t *testing.T) {
	typical := invoices(t)["typical"]
	l := layout(t)
	draw := func() *image.Gray {
		var b bytes.Buffer
		if err := Invoice(&b, typical, l, nil); err != nil {
			t.Fatal(err)
		}
		return sideBySide(pages(t, b.Bytes(), 72, goldenPages))
	}
	want := draw()
	if d := difference(want, draw()); d != "" {
		t.Errorf("the same document: %s", d)
	}
	for name, change := range map[string]func(){
		"moved by two points": func() { l.Page.Margins.Top += 0.7 },
		"another colour":      func() { l.Brand.Accent = templates.Colour{R: 0xF0, G: 0xB0, B: 0x80} },
		"no chart":            func() { typical.Daily = nil },
		"regular for bold":    func() { l.Fonts.Bold = l.Fonts.Regular },
	} {
		t.Run(name, func(t *testing.T) {
			document, kept := *typical, l
			defer func() { *typical, l = document, kept }()
			change()
			if difference(want, draw()) == "" {
				t.Error("nobody would notice")
			}
		})
	}
}

// TestValid validates every golden document by the letter of the standard, and
// as readers do.
func TestValid(t *testing.T) {
	for name, pdf := range allPDFs(t) {
		for mode, number := range map[string]int{"strict": model.ValidationStrict, "relaxed": model.ValidationRelaxed} {
			conf := model.NewDefaultConfiguration()
			conf.ValidationMode = number
			if err := api.Validate(bytes.NewReader(pdf), conf); err != nil {
				t.Errorf("%s, %s: %v", name, mode, err)
			}
		}
	}
}

package templates

import (
	"strings"
	"testing"
)

func TestCheckFont(t *testing.T) {
	f, err := Fonts()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckFont("DejaVuSans.ttf", f.Regular); err != nil {
		t.Error(err)
	}
	err = CheckFont("noto.otf", append([]byte("OTTO"), f.Regular[4:]...))
	const want = "font noto.otf: it is an OpenType font with CFF outlines (.otf): use a TrueType font with glyf outlines (.ttf)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

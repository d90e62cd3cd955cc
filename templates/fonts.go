package templates

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"codeberg.org/go-fonts/dejavu/dejavusans"
	"codeberg.org/go-fonts/dejavu/dejavusansbold"
	"golang.org/x/image/font/sfnt"
)

// FontSet is the TrueType fonts that documents are set in. Do not write into
// the slices: all callers share them.
type FontSet struct {
	Regular []byte
	Bold    []byte
	More    []Font // tried in their order for characters that Regular lacks
}

// Font is a font file for further characters, such as Chinese ones. What is
// bold is set in it too.
type Font struct {
	Name string // of the file, for errors
	TTF  []byte
}

// Fonts are DejaVu Sans 2.37: Latin, Greek and Cyrillic. Another font, even a
// shortened one, would draw wrong documents without any error, so the digests
// are checked at first use.
var Fonts = sync.OnceValues(func() (FontSet, error) {
	for _, f := range []struct {
		name, sha256 string
		ttf          []byte
	}{
		{"DejaVuSans.ttf", "7da195a74c55bef988d0d48f9508bd5d849425c1770dba5d7bfc6ce9ed848954", dejavusans.TTF},
		{"DejaVuSans-Bold.ttf", "e6476c1b80502924294eed40894c5b18e06c181444ca953e5334262df9c27724", dejavusansbold.TTF},
	} {
		if err := checkDigest(f.name, f.sha256, f.ttf); err != nil {
			return FontSet{}, err
		}
	}
	return FontSet{Regular: dejavusans.TTF, Bold: dejavusansbold.TTF}, nil
})

func checkDigest(name, want string, ttf []byte) error {
	sum := sha256.Sum256(ttf)
	if got := hex.EncodeToString(sum[:]); got != want {
		return fmt.Errorf("font %s (%d bytes) has sha256 %s, want %s: build with the pinned module codeberg.org/go-fonts/dejavu", name, len(ttf), got, want)
	}
	return nil
}

// CheckFont reports whether documents can be set in a font file. Only TrueType
// with glyf outlines works: not OpenType with CFF outlines, a collection or a
// web font, and no file that is cut off.
func CheckFont(name string, ttf []byte) error {
	if _, err := sfnt.Parse(ttf); err != nil || !bytes.HasPrefix(ttf, []byte{0, 1, 0, 0}) {
		return fmt.Errorf("font %s: not a TrueType font with glyf outlines", name)
	}
	return nil
}

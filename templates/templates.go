// Package templates holds what an invoice or a statement looks like: layouts
// (page, brand, sections, columns, texts), every printed word in the languages
// there are, how each locale writes numbers and dates, and the fonts; all
// embedded in the binary, and layouts overridable from a folder. It never reads
// a file, never draws and never sees an invoice; package render does.
package templates

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"subtally/pricing"
)

//go:embed default
var embedded embed.FS

// Files is the embedded layout as a folder: layout.yaml, and labels/ with a file
// for each language.
var Files = func() fs.FS {
	files, err := fs.Sub(embedded, "default")
	if err != nil {
		panic(err) // the name is not a path
	}
	return files
}()

// LayoutFile is the name of the file in a layout's folder that says how pages
// look; LabelsFile answers that of the file with the words of a language.
const LayoutFile = "layout.yaml"

// LabelsFile is the name of the file in a layout's folder that has the words of
// a language.
func LabelsFile(language string) string { return "labels/" + language + ".yaml" }

// Bundle is all files of a layout: those of a folder, and the embedded ones that
// they override file by file and key by key. It holds all that a document needs
// to be drawn again when both have changed.
type Bundle struct {
	files   map[string][]byte // those of the embedded layout below base/
	sha256  string
	encoded []byte

	mu      sync.Mutex
	layouts map[string]Layout // by locale
}

const base = "base/"

// Embedded is the layout of the binary.
var Embedded = sync.OnceValue(func() *Bundle { return New(nil) })

// New lays the files of a folder, by their names, over the embedded layout. They
// have been found right by [Check]. A file that is as the embedded one overrides
// nothing.
func New(folder map[string][]byte) *Bundle {
	files := maps.Clone(folder)
	if files == nil {
		files = map[string][]byte{}
	}
	for _, name := range names() {
		data, err := fs.ReadFile(Files, name)
		if err != nil {
			panic(err) // it was embedded when the binary was built
		}
		if bytes.Equal(files[name], data) {
			delete(files, name)
		}
		files[base+name] = data
	}
	return bundle(files)
}

// names are the embedded layout's files.
func names() []string {
	out := []string{LayoutFile}
	for _, language := range Languages {
		out = append(out, LabelsFile(language))
	}
	return out
}

func bundle(files map[string][]byte) *Bundle {
	b := &Bundle{files: files, layouts: map[string]Layout{}}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644, Format: tar.FormatPAX}
		if err := errors.Join(w.WriteHeader(header), second(w.Write(files[name]))); err != nil {
			panic(err) // nothing fails in memory but a header that has no such form
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	b.encoded = out.Bytes()
	sum := sha256.Sum256(b.encoded)
	b.sha256 = hex.EncodeToString(sum[:])
	return b
}

func second(_ int, err error) error { return err }

// Encode is the bundle as it is stored: a tar archive of its files in the order
// of their names, without times and owners, so that the same files give the
// same bytes.
func (b *Bundle) Encode() []byte { return b.encoded }

// SHA256 identifies the bundle: it is that of its encoding, in hex.
func (b *Bundle) SHA256() string { return b.sha256 }

// Decode reads what Encode made, by this version or an older one.
func Decode(data []byte) (*Bundle, error) {
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read a stored layout: %w", err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("read %s of a stored layout: %w", header.Name, err)
		}
	}
	return bundle(files), nil
}

// Layout is what an invoice and a statement look like, in one locale.
type Layout struct {
	Design
	Words
	Locale *Locale
	Fonts  FontSet
	Logo   []byte // of Brand.Logo; a PNG or JPEG
}

// Layout is the bundle in a locale. The answer's slices and maps are shared: do
// not write into them.
func (b *Bundle) Layout(locale string) (Layout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.layouts[locale]; ok {
		return l, nil
	}
	l, err := b.layout(locale)
	if err != nil {
		return Layout{}, fmt.Errorf("layout %.12s in locale %q: %w", b.sha256, locale, err)
	}
	b.layouts[locale] = l
	return l, nil
}

func (b *Bundle) layout(locale string) (l Layout, err error) {
	if l.Locale, err = ParseLocale(locale); err != nil {
		return l, err
	}
	// Not strictly: a stored layout may have keys that there are no more.
	read := func(name string, into any) error {
		for _, name := range []string{base + name, name} {
			if err := yaml.Unmarshal(b.files[name], into); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	if err := errors.Join(read(LayoutFile, &l.Design), read(LabelsFile(l.Locale.Language()), &l.Words)); err != nil {
		return l, err
	}
	if l.Fonts, err = Fonts(); err != nil {
		return l, err
	}
	fonts := l.Brand.Fonts
	if fonts.Regular != "" {
		l.Fonts.Regular, l.Fonts.Bold = b.files[fonts.Regular], b.files[fonts.Regular]
	}
	if fonts.Bold != "" {
		l.Fonts.Bold = b.files[fonts.Bold]
	}
	for _, name := range fonts.More {
		l.Fonts.More = append(l.Fonts.More, Font{Name: name, TTF: b.files[name]})
	}
	if l.Brand.Logo != nil {
		l.Logo = b.files[l.Brand.Logo.File]
	}
	return l, nil
}

// Default is the embedded layout in the default locale.
func Default() (Layout, error) { return Embedded().Layout(DefaultLocale) }

// Month is a calendar month, such as October 2026.
func (l *Layout) Month(d pricing.Date) string {
	return Fill(l.Labels.Month, "month", l.Months[d.Month-1], "year", fmt.Sprint(d.Year))
}

// Fill replaces the {words in braces} of a label: pairs are a word and its
// value, in turn. Values are not searched for words again.
func Fill(label string, pairs ...string) string {
	oldnew := make([]string, len(pairs))
	for i, p := range pairs {
		if i%2 == 0 {
			p = "{" + p + "}"
		}
		oldnew[i] = p
	}
	return strings.NewReplacer(oldnew...).Replace(label)
}

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"subtally/templates"
)

// loadLayout reads the folder of a layout over the embedded one; the embedded one
// where none is configured. Whatever is wrong in the folder is added to the
// problems.
func (l *loader) loadLayout(dir string) *templates.Bundle {
	if !l.main.has("layout") {
		return templates.Embedded()
	}
	folder := l.resolve(dir)
	if info, err := os.Stat(folder); dir == "" || err != nil || !info.IsDir() {
		l.main.problem("layout", "%q is not a folder; `subtally init` writes one to start from", dir)
		return nil
	}
	design, words, err := templates.Base()
	if err != nil {
		l.main.problem("layout", "%v", err)
		return nil
	}
	files, docs := map[string][]byte{}, map[string]*document{}
	read := func(name string, limit int64) bool {
		data, err := readFile(filepath.Join(folder, name), limit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false
		case err != nil:
			l.problems.add(Problem{File: filepath.Join(folder, name), Text: err.Error()})
			return false
		}
		files[name] = data
		return true
	}
	decode := func(name string, into any) {
		if read(name, maxFile) && holdsYAML(files[name]) {
			docs[name] = parse(filepath.Join(folder, name), files[name], into, &l.problems)
		}
	}
	decode(templates.LayoutFile, design)
	for _, language := range templates.Languages {
		decode(templates.LabelsFile(language), words[language])
	}
	l.strayLabels(folder)
	l.strayFiles(folder)
	logo, fonts := design.Assets()
	if logo != "" && filepath.IsLocal(logo) {
		read(logo, 2*templates.MaxLogo) // the check says more of one that is larger than it may be
	}
	for _, font := range fonts {
		if filepath.IsLocal(font) {
			read(font, templates.MaxFont)
		}
	}
	for _, p := range templates.Check(design, words, files) {
		if doc := docs[p.File]; doc != nil {
			doc.problem(p.Path, "%s", p.Text)
		} else {
			l.problems.add(Problem{File: filepath.Join(folder, p.File), Path: p.Path, Text: p.Text})
		}
	}
	return templates.New(files)
}

// holdsYAML reports whether a file says anything: one in which all is commented
// out overrides nothing.
func holdsYAML(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
}

// strayFiles reports YAML beside layout.yaml: what is written there has no effect.
// Other files, such as a font's licence, do no harm.
func (l *loader) strayFiles(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.problems.add(Problem{File: folder, Text: withoutPath(err).Error()})
	}
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.Name() != templates.LayoutFile && !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			l.problems.add(Problem{
				File: filepath.Join(folder, e.Name()),
				Text: fmt.Sprintf("nothing reads this file: a layout is %s, and its words are labels/de.yaml and so on", templates.LayoutFile),
			})
		}
	}
}

// strayLabels reports files among the labels that are of no language.
func (l *loader) strayLabels(folder string) {
	entries, err := os.ReadDir(filepath.Join(folder, "labels"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.problems.add(Problem{File: filepath.Join(folder, "labels"), Text: withoutPath(err).Error()})
	}
	known := map[string]bool{}
	for _, language := range templates.Languages {
		known[templates.LabelsFile(language)] = true
	}
	for _, e := range entries {
		if !known["labels/"+e.Name()] {
			l.problems.add(Problem{
				File: filepath.Join(folder, "labels", e.Name()),
				Text: fmt.Sprintf("not the labels of a language; they are in %s", strings.Join(templates.Languages, ".yaml, ")+".yaml"),
			})
		}
	}
}

// checkLocale checks a locale of documents.
func checkLocale(name string) error {
	_, err := templates.ParseLocale(name)
	return err
}

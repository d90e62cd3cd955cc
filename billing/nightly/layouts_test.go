package nightly

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"subtally/billing"
	"subtally/templates"
)

// TestDrawnAsFinalized changes everything that a document could be drawn by but
// itself, and draws it again: the bytes are the same.
func TestDrawnAsFinalized(t *testing.T) {
	j, _ := newJob(t)
	j.Files.Layout = templates.New(map[string][]byte{
		"layout.yaml":    []byte(`{brand: {accent: "#A03050"}, sections: [parties, totals, lines, headline], footer: "{seller} {number}"}`),
		"labels/de.yaml": []byte("labels: {invoice: Honorarnote}"),
	})
	j.Biller.Layout = NewLayout(j.Files.Layout)
	j.Biller.Tenants[2].Locale = "de-AT"
	run(t, j, at(t, "2026-11-04"))

	t.Setenv("LANG", "fr_FR.UTF-8") // and another time zone in the script layout
	other := &Files{Dir: t.TempDir(), Layout: templates.New(map[string][]byte{"layout.yaml": []byte(`{page: {size: Letter}}`)}), Locale: "fr"}
	locales := ""
	for _, e := range j.reg.Entries() {
		doc, err := Document(t.Context(), j.reg, e)
		if err != nil {
			t.Fatal(err)
		}
		locales += doc.Locale + " "
		if doc.Layout != j.Biller.Layout {
			t.Errorf("%s has layout %v, want %v", doc.Number, doc.Layout, j.Biller.Layout)
		}
		path := filepath.Join(other.Dir, doc.Number+".pdf")
		for range 2 { // the second time from what was read
			if err := other.Invoice(t.Context(), j.Biller, path, doc); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(filepath.Join(j.Files.Dir, "2026-10", "invoices", doc.Number+".pdf"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is drawn in other bytes than before", doc.Number)
		}
		doc.Layout = NewLayout(other.Layout) // or the comparison says nothing
		if err := other.Invoice(t.Context(), j.Biller, path, doc); err != nil {
			t.Fatal(err)
		}
		if got, err = os.ReadFile(path); err != nil || bytes.Equal(got, want) {
			t.Errorf("%s is drawn in the same bytes with another layout (%v)", doc.Number, err)
		}
	}
	if want := "en en de-AT "; locales != want {
		t.Errorf("locales %s, want %s", locales, want)
	}
}

// A document whose layout is gone, or that a newer program has made, is not drawn
// in some other way.
func TestLayoutRefused(t *testing.T) {
	j, _ := newJob(t)
	draft, err := j.Biller.Draft(t.Context(), &j.Biller.Tenants[0], billing.Month(date(t, "2026-10-01"), "UTC"), date(t, "2026-11-04"), (&billing.Document{}).Closing, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(j.Files.Dir, "a.pdf")
	for want, layout := range map[string]billing.Layout{
		"not in the warehouse":         {Version: 1, SHA256: strings.Repeat("0", 64)},
		"version 2 of the drawing":     {Version: 2, SHA256: j.Files.Layout.SHA256()},
		"layout of invoice INV-7 of t": {Version: 1, SHA256: strings.Repeat("1", 64)},
	} {
		doc := draft.Document
		doc.Number, doc.Layout = "INV-7", layout
		if err := j.Files.Invoice(t.Context(), j.Biller, path, &doc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
	// Those of before layouts were kept have none.
	doc := draft.Document
	doc.Layout, doc.Locale = billing.Layout{}, ""
	if err := j.Files.Invoice(t.Context(), j.Biller, path, &doc); err != nil {
		t.Error(err)
	}
}

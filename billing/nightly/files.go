package nightly

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"subtally/billing"
	"subtally/billing/export"
	"subtally/billing/render"
	"subtally/templates"
)

// Files writes a month's documents into a folder of its own below Dir:
//
//	2026-10/invoices/INV-2026-000001.pdf
//	2026-10/drafts/acme.pdf
//	2026-10/lines.csv
//	2026-10/usage.csv
//	2026-10/statement.pdf
//	2026-10/statement.csv
//	2026-10/statement.html
//
// Every file appears whole or not at all.
type Files struct {
	Dir    string
	Layout *templates.Bundle // of drafts and statements, and of invoices from now on
	Locale string            // of statements

	layouts layouts
}

// Month writes everything of a month and answers the paths, invoices first.
// An invoice's PDF that is there stays, unless its number was given in this
// run. Once the statement there has every invoice as it was finalized, the
// other files stay too: a finished month must not change.
func (f *Files) Month(ctx context.Context, b *billing.Biller, st *billing.Statement, tenants []billing.TenantMonth, finalized []string) (paths []string, err error) {
	dir := filepath.Join(f.Dir, st.Period.Label())
	if err := removeUnfinished(dir); err != nil {
		return nil, err
	}
	linesPath := filepath.Join(dir, "lines.csv")
	var lines bytes.Buffer
	if err := Lines(&lines, export.Format{}, tenants); err != nil {
		return nil, err
	}
	before, err := os.ReadFile(linesPath)
	keep := err == nil && bytes.Equal(before, lines.Bytes()) && len(finalized) == 0 && len(tenants) > 0 &&
		f.stated(st.Period.Label(), tenants)
	missing := func(path string, replace bool) bool {
		paths = append(paths, path)
		_, err := os.Stat(path)
		return replace || err != nil
	}
	var print []*billing.TenantMonth
	for i := range tenants {
		t := &tenants[i]
		replace := !t.Issued() || slices.Contains(finalized, t.Document.Number)
		if missing(f.invoicePath(t), replace) {
			print = append(print, t)
		}
	}
	err = inOrder(ctx, len(print), func(ctx context.Context, i int) (string, error) {
		return f.print(ctx, b, print[i])
	}, func(i int, path string) error {
		if path == "" {
			paths = slices.DeleteFunc(paths, func(p string) bool { return p == f.invoicePath(print[i]) })
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range tenants {
		if err := f.dropDraft(&tenants[i]); err != nil {
			return nil, err
		}
	}
	slices.Sort(paths)
	paths = append(paths, linesPath)
	if path := filepath.Join(dir, "usage.csv"); missing(path, !keep) {
		if err := WriteFile(path, func(w io.Writer) error { return Usage(ctx, w, export.Format{}, b, tenants) }); err != nil {
			return nil, err
		}
	}
	rewrite := false
	for _, path := range f.statementPaths(st) {
		rewrite = missing(path, !keep) || rewrite
	}
	if rewrite {
		if _, err := f.Statement(st); err != nil {
			return nil, err
		}
	}
	if !keep {
		// Last: it says that the others are as they should be.
		err = WriteFile(linesPath, func(w io.Writer) error { _, err := w.Write(lines.Bytes()); return err })
		if err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// removeUnfinished removes what a run that was killed had begun to write. The
// caller's lock says that nobody is writing now.
func removeUnfinished(dir string) error {
	for _, pattern := range []string{".*.csv*", ".*.pdf*", ".*.html*", "invoices/.*.pdf*", "invoices/.*.csv*", "drafts/.*.pdf*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("look for unfinished files in %s: %w", dir, err)
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove an unfinished file: %w", err)
			}
		}
	}
	return nil
}

// dropDraft removes the draft of an invoice that is finalized.
func (f *Files) dropDraft(t *billing.TenantMonth) error {
	if !t.Issued() {
		return nil
	}
	if err := os.Remove(f.draftPath(t.Document)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the draft that is now invoice %s: %w", t.Document.Number, err)
	}
	return nil
}

func (f *Files) statementPaths(st *billing.Statement) []string {
	dir := filepath.Join(f.Dir, st.Period.Label())
	return []string{filepath.Join(dir, "statement.csv"), filepath.Join(dir, "statement.pdf"), filepath.Join(dir, "statement.html")}
}

// Statement writes a statement as CSV, PDF and HTML, all or none, and answers
// their paths.
func (f *Files) Statement(st *billing.Statement) ([]string, error) {
	paths := f.statementPaths(st)
	var made [3]bytes.Buffer
	if err := export.Statement(&made[0], export.Format{}, st); err != nil {
		return nil, fmt.Errorf("write %s: %w", paths[0], err)
	}
	layout, err := f.Layout.Layout(f.Locale)
	if err != nil {
		return nil, err
	}
	if err := render.Statement(&made[1], st, layout); err != nil {
		return nil, fmt.Errorf("write %s: %w", paths[1], err)
	}
	if err := render.StatementHTML(&made[2], st, layout); err != nil {
		return nil, fmt.Errorf("write %s: %w", paths[2], err)
	}
	for i := range made {
		if err := WriteFile(paths[i], func(w io.Writer) error { _, err := w.Write(made[i].Bytes()); return err }); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// stated reports whether the month's statement.csv has every document of the
// tenants, and all of them are finalized.
func (f *Files) stated(month string, tenants []billing.TenantMonth) bool {
	var numbers []string
	for _, t := range tenants {
		if !t.Issued() {
			return false
		}
		numbers = append(numbers, t.Document.Number)
	}
	return f.states(month, numbers)
}

// states reports whether the month's statement.csv has just these invoices,
// and no draft.
func (f *Files) states(month string, numbers []string) bool {
	file, err := os.Open(filepath.Join(f.Dir, month, "statement.csv"))
	if err != nil {
		return false
	}
	defer file.Close()
	in := csv.NewReader(file)
	rows, err := in.ReadAll()
	if err != nil || len(rows) == 0 {
		return false
	}
	row, invoice, status := slices.Index(rows[0], "row"), slices.Index(rows[0], "invoice"), slices.Index(rows[0], "status")
	if row < 0 || invoice < 0 || status < 0 {
		return false // of another version
	}
	var stated []string
	for _, r := range rows[1:] {
		if r[row] != "tenant" {
			continue
		}
		if r[status] == billing.Drafted || r[status] == billing.Parked {
			return false
		}
		stated = append(stated, r[invoice])
	}
	slices.Sort(stated)
	return slices.Equal(stated, slices.Sorted(slices.Values(numbers)))
}

// complete reports whether everything is there of a month whose invoices have
// these numbers.
func (f *Files) complete(month string, numbers []string) bool {
	names := []string{"lines.csv", "usage.csv", "statement.pdf", "statement.html"}
	for _, number := range numbers {
		names = append(names, filepath.Join("invoices", number+".pdf"))
	}
	return f.states(month, numbers) && !slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(f.Dir, month, name))
		return err != nil
	})
}

// invoicePath is where a tenant's invoice, or its draft, is written.
func (f *Files) invoicePath(t *billing.TenantMonth) string {
	if !t.Issued() {
		return f.draftPath(t.Document)
	}
	return filepath.Join(f.Dir, t.Document.Period.Label(), "invoices", t.Document.Number+".pdf")
}

// write writes the PDF of a document that is in the register, and answers its
// path.
func (f *Files) write(ctx context.Context, b *billing.Biller, doc *billing.Document) (string, error) {
	path := f.invoicePath(&billing.TenantMonth{Document: doc, Status: billing.Finalized})
	return path, f.Invoice(ctx, b, path, doc)
}

// Regenerate writes a document of the register again, as PDF and as CSV beside it,
// and answers their paths. Both follow from the document alone.
func (f *Files) Regenerate(ctx context.Context, b *billing.Biller, doc *billing.Document) ([]string, error) {
	path, err := f.write(ctx, b, doc)
	if err != nil {
		return nil, err
	}
	lines := strings.TrimSuffix(path, ".pdf") + ".csv"
	err = WriteFile(lines, func(w io.Writer) error {
		return Lines(w, export.Format{}, []billing.TenantMonth{{Document: doc, Status: billing.Finalized}})
	})
	return []string{path, lines}, err
}

func (f *Files) draftPath(doc *billing.Document) string {
	return filepath.Join(f.Dir, doc.Period.Label(), "drafts", doc.Tenant+".pdf")
}

// Invoice writes an invoice's PDF, in the layout and the locale that the document
// names, with the annex that b has for it; a file that has its bytes already is
// left alone.
func (f *Files) Invoice(ctx context.Context, b *billing.Biller, path string, doc *billing.Document) error {
	layout, err := f.layout(ctx, b, doc)
	if err != nil {
		return err
	}
	annex, err := b.Annex(ctx, doc)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := render.Invoice(&pdf, doc, layout, annex); err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, pdf.Bytes()) {
		return nil
	}
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(pdf.Bytes())
		return err
	})
}

// print writes the PDF of a tenant's invoice or draft, and answers its path. There
// is no file, and no path, of a draft that is parked because it cannot be drawn.
func (f *Files) print(ctx context.Context, b *billing.Biller, t *billing.TenantMonth) (string, error) {
	path := f.invoicePath(t)
	err := f.Invoice(ctx, b, path, t.Document)
	if _, ok := errors.AsType[*render.DrawError](err); !ok || t.Status != billing.Parked {
		return path, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("remove the draft of before: %w", err)
	}
	return "", nil
}

// WriteFile makes a file that appears under its name only when it is complete
// and on disk.
func WriteFile(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if IsFolder(path) {
		return fmt.Errorf("write %s: it is a folder: name a file in it, such as %s", path, filepath.Join(path, "NAME"+filepath.Ext(path)))
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer file.Cleanup() //nolint:errcheck // after the replacement there is nothing to clean up
	err = WriteOut(file, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		if err := fill(buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// IsFolder reports whether there is a folder of that name.
func IsFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// WriteOut fills a writer. Where it fails, as on a full disk, the error is that
// alone: which record was on its way does not matter.
func WriteOut(w io.Writer, fill func(io.Writer) error) error {
	out := &outWriter{w: w}
	err := fill(out)
	if out.err == nil {
		return err
	}
	err = out.err
	var path *fs.PathError // whose name may be that of a temporary file
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("the output could not be written: %w", err)
}

// outWriter keeps the error of a write.
type outWriter struct {
	w   io.Writer
	err error
}

func (o *outWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

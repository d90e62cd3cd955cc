package nightly

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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
//
// Every file appears whole or not at all.
type Files struct {
	Dir    string
	Layout templates.Layout
}

// Month writes everything of a month and answers the paths, invoices first.
// With keep, files that are there are left alone: a month that was finished in
// an earlier run must not change. Numbers of invoices whose usage.csv no
// longer adds up to them come back as changed; see [Usage].
func (f *Files) Month(ctx context.Context, b *billing.Biller, st *billing.Statement, tenants []billing.TenantMonth, keep bool) (paths, changed []string, err error) {
	dir := filepath.Join(f.Dir, st.Period.Label())
	add := func(path string, make func() error) error {
		paths = append(paths, path)
		if _, err := os.Stat(path); keep && err == nil {
			return nil
		}
		return make()
	}
	for _, t := range tenants {
		path := f.invoicePath(t.Document.Period, &t)
		if err := add(path, func() error { return f.Invoice(path, t.Document) }); err != nil {
			return nil, nil, err
		}
		if t.Status != billing.Finalized {
			continue
		}
		if err := os.Remove(f.draftPath(t.Document.Period, t.Tenant.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("remove the draft that is now invoice %s: %w", t.Document.Number, err)
		}
	}
	slices.Sort(paths)
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"lines.csv", func(w io.Writer) error { return Lines(w, tenants) }},
		{"usage.csv", func(w io.Writer) (err error) { changed, err = Usage(ctx, w, b, tenants); return err }},
	} {
		path := filepath.Join(dir, file.name)
		if err := add(path, func() error { return WriteFile(path, file.write) }); err != nil {
			return nil, nil, err
		}
	}
	missing := slices.ContainsFunc(f.statementPaths(st), func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
	if !keep || missing {
		if _, err := f.Statement(st); err != nil {
			return nil, nil, err
		}
	}
	return append(paths, f.statementPaths(st)...), changed, nil
}

func (f *Files) statementPaths(st *billing.Statement) []string {
	dir := filepath.Join(f.Dir, st.Period.Label())
	return []string{filepath.Join(dir, "statement.csv"), filepath.Join(dir, "statement.pdf")}
}

// Statement writes a statement as CSV and PDF and answers their paths.
func (f *Files) Statement(st *billing.Statement) ([]string, error) {
	paths := f.statementPaths(st)
	for i, write := range []func(io.Writer) error{
		func(w io.Writer) error { return export.Statement(w, st) },
		func(w io.Writer) error { return render.Statement(w, st, f.Layout) },
	} {
		if err := WriteFile(paths[i], write); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// complete reports whether everything is there of a month whose invoices have
// these numbers.
func (f *Files) complete(month string, numbers []string) bool {
	names := []string{"lines.csv", "usage.csv", "statement.csv", "statement.pdf"}
	for _, number := range numbers {
		names = append(names, filepath.Join("invoices", number+".pdf"))
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(f.Dir, month, name))
		return err != nil
	})
}

// invoicePath is where a tenant's invoice, or its draft, is written.
func (f *Files) invoicePath(p billing.Period, t *billing.TenantMonth) string {
	if t.Status != billing.Finalized {
		return f.draftPath(p, t.Tenant.ID)
	}
	return filepath.Join(f.Dir, p.Label(), "invoices", t.Document.Number+".pdf")
}

func (f *Files) draftPath(p billing.Period, tenant string) string {
	return filepath.Join(f.Dir, p.Label(), "drafts", tenant+".pdf")
}

// Invoice writes an invoice's PDF; a file that has its bytes already is left
// alone.
func (f *Files) Invoice(path string, doc *billing.Document) error {
	var pdf bytes.Buffer
	if err := render.Invoice(&pdf, doc, f.Layout); err != nil {
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

// Lines writes the tenants' invoice lines as CSV.
func Lines(w io.Writer, tenants []billing.TenantMonth) error {
	out, err := export.NewLines(w)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if err := out.Add(t.Document, t.Status); err != nil {
			return err
		}
	}
	return out.Close()
}

// Usage writes the tenants' usage records as CSV, each with its amount. It
// answers the numbers of those finalized invoices that the amounts do not add
// up to, because their usage or plan has changed since.
func Usage(ctx context.Context, w io.Writer, b *billing.Biller, tenants []billing.TenantMonth) (changed []string, err error) {
	out, err := export.NewUsage(w)
	if err != nil {
		return nil, err
	}
	for _, t := range tenants {
		doc := t.Document
		again, err := b.Draft(ctx, t.Tenant, doc.Period, doc.IssueDate, func(item *billing.Item) error {
			return out.Add(doc.Tenant, doc.Period, doc.Number, doc.Currency, item)
		})
		if err != nil {
			return nil, err
		}
		if t.Status == billing.Finalized && !doc.SameLines(&again.Document) {
			changed = append(changed, doc.Number)
		}
	}
	return changed, out.Close()
}

// WriteFile makes a file that appears under its name only when it is complete
// and on disk.
func WriteFile(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer file.Cleanup() //nolint:errcheck // after the replacement there is nothing to clean up
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err := fill(buffered); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

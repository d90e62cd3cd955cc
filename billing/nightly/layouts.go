package nightly

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"subtally/billing"
	"subtally/billing/render"
	"subtally/templates"
)

// layouts are the bundles that documents name, as they were read from the
// warehouse or stored in it.
type layouts struct {
	mu     sync.Mutex
	read   map[string]*templates.Bundle // by SHA-256
	stored map[string]bool
}

// NewLayout is what documents that are drawn with a bundle from now on say of it.
func NewLayout(b *templates.Bundle) billing.Layout {
	return billing.Layout{Version: render.Version, SHA256: b.SHA256()}
}

// keepLayout stores what the document is drawn with, so that it can be drawn again
// when another layout is configured. It must have been stored before the document
// is.
func (f *Files) keepLayout(ctx context.Context, b *billing.Biller, doc *billing.Document) error {
	if doc.Layout.SHA256 != f.Layout.SHA256() {
		return nil // the one of a document that is in the register
	}
	f.layouts.mu.Lock()
	defer f.layouts.mu.Unlock()
	if f.layouts.stored[doc.Layout.SHA256] {
		return nil
	}
	if _, err := b.DB.PutBlob(ctx, "layout", f.Layout.Encode()); err != nil {
		return fmt.Errorf("keep the layout of invoices: %w", err)
	}
	if f.layouts.stored == nil {
		f.layouts.stored = map[string]bool{}
	}
	f.layouts.stored[doc.Layout.SHA256] = true
	return nil
}

// layout is what a document is drawn with: the bundle and the locale that it
// names, whatever is configured now. Documents of before layouts were kept were
// drawn with the embedded one.
func (f *Files) layout(ctx context.Context, b *billing.Biller, doc *billing.Document) (templates.Layout, error) {
	bundle := templates.Embedded()
	switch doc.Layout.SHA256 {
	case "":
	case f.Layout.SHA256():
		bundle = f.Layout
	default:
		var err error
		if bundle, err = f.storedLayout(ctx, b, doc.Layout.SHA256); err != nil {
			return templates.Layout{}, fmt.Errorf("layout of invoice %s of tenant %s: %w", doc.Number, doc.Tenant, err)
		}
	}
	return bundle.Layout(cmp.Or(doc.Locale, templates.DefaultLocale))
}

// storedLayout reads a bundle from the warehouse, once.
func (f *Files) storedLayout(ctx context.Context, b *billing.Biller, sha256 string) (*templates.Bundle, error) {
	f.layouts.mu.Lock()
	defer f.layouts.mu.Unlock()
	if bundle := f.layouts.read[sha256]; bundle != nil {
		return bundle, nil
	}
	data, err := b.DB.Blob(ctx, sha256)
	if err != nil {
		return nil, err
	}
	bundle, err := templates.Decode(data)
	if err != nil {
		return nil, err
	}
	if f.layouts.read == nil {
		f.layouts.read = map[string]*templates.Bundle{}
	}
	f.layouts.read[sha256] = bundle
	return bundle, nil
}

package nightly

import (
	"context"

	"subtally/billing"
	"subtally/billing/render"
)

// Missing finds the characters that a document cannot be printed with in the
// fonts of its layout. What is finalized is printed as it is for ever, so a
// tenant is parked before that.
func (f *Files) Missing(ctx context.Context, b *billing.Biller, doc *billing.Document) ([]render.Missing, error) {
	l, err := f.layout(ctx, b, doc)
	if err != nil {
		return nil, err
	}
	return render.FindMissing(doc, l), nil
}

package nightly

import (
	"context"
	"errors"
	"fmt"

	"subtally/billing"
	"subtally/billing/render"
)

// Missing finds the characters that a document cannot be printed with in the
// fonts of its layout. The error is a [render.DrawError] where it cannot be drawn
// at all.
func (f *Files) Missing(ctx context.Context, b *billing.Biller, doc *billing.Document) ([]render.Missing, error) {
	l, err := f.layout(ctx, b, doc)
	if err != nil {
		return nil, err
	}
	return render.FindMissing(doc, l)
}

// unprintable says why a document cannot be printed as it is; empty where it can.
// What is finalized is printed as it is for ever, so this is asked before that.
func (f *Files) unprintable(ctx context.Context, b *billing.Biller, doc *billing.Document) (string, error) {
	missing, err := f.Missing(ctx, b, doc)
	if draw, ok := errors.AsType[*render.DrawError](err); ok {
		return fmt.Sprintf("it cannot be drawn: %v", draw.Err), nil
	}
	return render.Explain(missing), err
}

package nightly

import (
	"subtally/billing"
	"subtally/billing/render"
)

// unprintable says which characters of a draft would be printed as a
// replacement sign, and what to do; empty for none. What is finalized is
// printed as it is for ever, so this comes first.
func (j *Job) unprintable(doc *billing.Document) string {
	return render.Explain(render.FindMissing(doc, j.Files.Layout))
}

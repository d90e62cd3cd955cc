package nightly

import (
	"context"
	"time"

	"subtally/billing"
	"subtally/pricing"
)

// A query for the usage of one small tenant takes longer to set up than to
// answer, and the usage of many large ones at a time takes much memory to sort.
const (
	batchRecords = 200_000
	batchTenants = 64
)

// span is a run [from, to) of neighbours in a list.
type span struct{ from, to int }

// batches cuts a list into runs whose usage is read by one query each. weight is
// about how many usage records an element has.
func batches(n int, weight func(i int) int) []span {
	var out []span
	sum := 0
	for i := range n {
		w := weight(i)
		if last := len(out) - 1; last >= 0 && sum+w <= batchRecords && i-out[last].from < batchTenants {
			out[last].to, sum = i+1, sum+w
			continue
		}
		out, sum = append(out, span{i, i + 1}), w
	}
	return out
}

// usageAround is about how many usage records each account has in a month,
// wherever the tenants' months are cut.
func usageAround(ctx context.Context, b *billing.Biller, first pricing.Date) (map[string]int, error) {
	return b.DB.CountUsage(ctx, first.AddDays(-1).Start(time.UTC), first.NextMonth().AddDays(1).Start(time.UTC))
}

package pricing

import (
	"maps"

	"github.com/shopspring/decimal"
)

// taken is what the raters of one period, each of which prices other days by
// another plan, have to tell each other. What has the same id in their plans is
// one thing, to be used, taken off or charged once.
type taken struct {
	unused     []Unused                   // what is left of allowances, also of those that expire with the period
	discounted map[string]decimal.Decimal // by fixed discounts, by id
	surcharged map[held]bool              // by fixed surcharges, by id
}

// Follow makes the rater go on where another one of the same period has ended,
// which prices earlier days by another plan: with what that one has left of
// allowances, of fixed discounts and of fixed surcharges. That one must have
// been asked for Lines or, before Again, for Again.
func (r *Rater) Follow(before *Rater) {
	r.carried.Unused = before.after.unused
	r.before = before.after
}

// begin forgets what the rater itself has taken, so that Lines may be asked for
// again.
func (t taken) begin() taken {
	t.discounted, t.surcharged = maps.Clone(t.discounted), maps.Clone(t.surcharged)
	if t.discounted == nil {
		t.discounted, t.surcharged = map[string]decimal.Decimal{}, map[held]bool{}
	}
	return t
}

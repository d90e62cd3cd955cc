package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// blobPlan is the kind of stored plans.
const blobPlan = "plan"

// priceList is a plan with the rate decks that it uses.
type priceList struct {
	*pricing.Plan
	decks  map[string]*pricing.Deck
	digest string
}

// priceLists are the plans that a biller has had in its hands, so that a plan of
// 200,000 rates is hashed, stored and read once and not for each invoice.
type priceLists struct {
	mu         sync.Mutex
	configured map[*pricing.Plan]*priceList
	byDigest   map[string]*priceList // that were stored, or read
	stored     map[string]bool       // digests of what is known to be in the warehouse
}

// priceList is the plan that a reference names: the configured one where the
// reference has no digest yet, as on a draft, or where it is still the same;
// otherwise the one that was stored when the invoice was finalized.
func (b *Biller) priceList(ctx context.Context, ref PlanRef) (*priceList, error) {
	b.lists.mu.Lock()
	defer b.lists.mu.Unlock()
	if plan := b.Plans[ref.Name]; plan != nil {
		list := b.lists.configured[plan]
		if list == nil {
			list = &priceList{plan, b.Tables.Decks, plan.Digest(b.Tables.Decks)}
			if b.lists.configured == nil {
				b.lists.configured = map[*pricing.Plan]*priceList{}
			}
			b.lists.configured[plan] = list
		}
		if ref.Digest == "" || ref.Digest == list.digest {
			return list, nil
		}
	}
	if ref.Digest == "" {
		return nil, fmt.Errorf("plan %q is not configured", ref.Name)
	}
	if list := b.lists.byDigest[ref.Digest]; list != nil {
		return list, nil
	}
	data, err := b.DB.Blob(ctx, ref.Digest)
	if errors.Is(err, warehouse.ErrNoBlob) {
		return nil, fmt.Errorf("plan %q is not configured as it was, and was not stored: restore it from a backup: %w", ref.Name, err)
	} else if err != nil {
		return nil, fmt.Errorf("plan %q: %w", ref.Name, err)
	}
	list := &priceList{digest: ref.Digest}
	if list.Plan, list.decks, err = pricing.DecodePlan(data); err != nil {
		return nil, err
	}
	if b.lists.byDigest == nil {
		b.lists.byDigest = map[string]*priceList{}
	}
	b.lists.byDigest[ref.Digest] = list
	return list, nil
}

// StorePlans stores what priced a document under the digests that the document
// has, so that the period can be priced again under the plans of that time,
// whatever is configured then. It comes before the document is finalized.
func (b *Biller) StorePlans(ctx context.Context, doc *Document) error {
	for _, ref := range doc.PricedBy() {
		if err := b.storePlan(ctx, ref); err != nil {
			return fmt.Errorf("store plan %q of the invoice of tenant %s for %s: %w", ref.Name, doc.Tenant, doc.Period.Label(), err)
		}
	}
	return nil
}

func (b *Biller) storePlan(ctx context.Context, ref PlanRef) error {
	list, err := b.priceList(ctx, ref)
	if err != nil {
		return err
	}
	b.lists.mu.Lock()
	defer b.lists.mu.Unlock()
	if b.lists.stored[ref.Digest] {
		return nil
	}
	data, err := pricing.EncodePlan(list.Plan, list.decks)
	if err != nil {
		return err
	}
	name, err := b.DB.PutBlob(ctx, blobPlan, data)
	if err != nil {
		return err
	}
	if name != ref.Digest {
		return fmt.Errorf("it was changed since the draft: its digest is %s, and the draft has %s", name, ref.Digest)
	}
	if b.lists.stored == nil {
		b.lists.stored = map[string]bool{}
	}
	b.lists.stored[ref.Digest] = true
	return nil
}

// PricedBy are all the plans that a document is made with: those of its days,
// those that it bills in advance, and those that it only gives back.
func (d *Document) PricedBy() []PlanRef {
	plans := slices.Concat(d.Ended, d.Plans)
	if d.Next != nil {
		plans = append(plans, d.Next.Plans...)
	}
	return plans
}

// identify gives references to plans the digests of what they name.
func (b *Biller) identify(ctx context.Context, plans []PlanRef) ([]PlanRef, error) {
	out := slices.Clone(plans)
	for i := range out {
		list, err := b.priceList(ctx, out[i])
		if err != nil {
			return nil, err
		}
		out[i].Digest = list.digest
	}
	return out, nil
}

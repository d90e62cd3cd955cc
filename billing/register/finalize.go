package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"subtally/internal/warehouse"
	"subtally/pricing"
)

// ErrNoKeeper says that the server has nothing by which several processes could
// agree on numbers, and that the configuration does not promise that there is
// only one.
var ErrNoKeeper = errors.New("invoices cannot be finalized on this ClickHouse server, since it has no Keeper to claim their numbers in: " +
	"give the server a Keeper and keeper_map_path_prefix, or set clickhouse.single_writer: true if only one process ever finalizes")

// claim is what a position in the log is claimed with: the row to come, and the
// document's name among the blobs.
type claim struct {
	warehouse.Invoice
	Document string `json:"document"` // SHA-256, hex
}

// The steps of finalizing, in their order. Whatever ends a process between two
// of them, the next one goes on from there.
const (
	stepBuilt   = "document built"
	stepStored  = "document stored"
	stepClaimed = "number claimed"
	stepWritten = "row written"
)

// reached is told of every step. Tests end the process there.
var reached = func(step string) {}

// Ready says why nothing can be finalized here; nil where it can. Commands that
// finalize ask before they begin anything.
func (r *Register) Ready(ctx context.Context) error {
	if r.ready || r.db.Embedded() {
		return nil
	}
	if !r.claims {
		err := r.db.MakeClaims(ctx)
		if errors.Is(err, warehouse.ErrNoClaims) {
			return r.withoutKeeper()
		}
		if err != nil {
			return fmt.Errorf("prepare to finalize: %w", err)
		}
		r.claims = true
		if err := r.catchUp(ctx); err != nil {
			return fmt.Errorf("prepare to finalize: %w", err)
		}
	}
	r.ready = true
	return nil
}

func (r *Register) withoutKeeper() error {
	for i := range r.list {
		if r.list[i].Claimed {
			return fmt.Errorf("invoice %s was claimed in Keeper, which this server does not have: "+
				"numbers given without it could be given twice; connect the server to the Keeper that has the claims", r.list[i].Number)
		}
	}
	if !r.options.SingleWriter {
		return ErrNoKeeper
	}
	r.ready = true
	return nil
}

// Finalize gives an identity the next number of a series and stores what build
// makes for it. An identity that has an entry keeps it, and build is not called.
//
// Where the server has Keeper, an entry is committed by one strict insert: its
// position in the log of all entries is claimed, with all that its row will
// say, after its document was stored. Whoever finds the position taken writes
// the winner's row, if it is missing, and tries the next one; build may be
// called again then, with another number. So every claim but the last has its
// row, a process that dies leaves nothing behind that the next one does not
// complete, and no lease or time-out is needed. Elsewhere there is one writer,
// by the lock of the data folder or the word of the configuration, and the row
// with the document in it is the commit.
func (r *Register) Finalize(ctx context.Context, id Identity, in Series, issued pricing.Date, build func(number string) (Draft, error)) (Entry, error) {
	e, err := r.finalize(ctx, id, in, issued, build)
	if err != nil {
		return Entry{}, fmt.Errorf("finalize %s of tenant %s for %s: %w", id.what(), id.Tenant, id.From, err)
	}
	return e, nil
}

func (id *Identity) what() string {
	if id.Kind == CreditNote {
		return "credit note"
	}
	return "invoice"
}

func (r *Register) finalize(ctx context.Context, id Identity, in Series, issued pricing.Date, build func(number string) (Draft, error)) (Entry, error) {
	if err := CheckFormat(in.Format); err != nil {
		return Entry{}, err
	}
	if err := r.Ready(ctx); err != nil {
		return Entry{}, err
	}
	for {
		if e, ok := r.Find(id); ok {
			return e, nil
		}
		// Asking first saves making a document for a number that is gone.
		if n := len(r.list); r.claims {
			if err := r.catchUp(ctx); err != nil {
				return Entry{}, err
			} else if len(r.list) > n {
				continue
			}
		}
		if r.broken != nil {
			return Entry{}, fmt.Errorf("an invoice before it may or may not have been written: run again: %w", r.broken)
		}
		v, document, err := r.build(id, in, issued, build)
		if err != nil {
			return Entry{}, err
		}
		reached(stepBuilt)
		if r.claims {
			mine, err := r.claim(ctx, v, document)
			if err != nil {
				return Entry{}, err
			}
			if !mine {
				continue
			}
			reached(stepClaimed)
		}
		if err := r.db.InsertInvoice(ctx, v, document); err != nil {
			if !r.claims { // a claim tells, whenever it is looked at
				r.broken = err
			}
			return Entry{}, err
		}
		reached(stepWritten)
		if err := r.add(v); err != nil {
			return Entry{}, err
		}
	}
}

// build makes the row and the document of the next entry.
func (r *Register) build(id Identity, in Series, issued pricing.Date, build func(number string) (Draft, error)) (warehouse.Invoice, []byte, error) {
	name := series(in.Format, issued)
	last := r.last[name]
	v := warehouse.Invoice{
		Position: r.next(), Claimed: r.claims, Kind: id.Kind, Series: name, Seq: last.Seq + 1, PrevSHA256: last.SHA256,
		Tenant: id.Tenant, PeriodFrom: midnight(id.From), PeriodTo: midnight(id.To), Revision: uint32(id.Revision),
	}
	v.Number = number(name, v.Seq)
	if e, taken := r.numbers[v.Number]; taken {
		return v, nil, fmt.Errorf("number %s already belongs to an invoice of tenant %s: choose another number format", v.Number, e.Tenant)
	}
	d, err := build(v.Number)
	if err != nil {
		return v, nil, err
	}
	v.Issued, v.Due, v.Total, v.Currency, v.Corrects = midnight(d.Issued), midnight(d.Due), d.Total, d.Currency, d.Corrects
	v.SHA256 = hash(v.PrevSHA256, d.Document)
	return v, d.Document, nil
}

func midnight(d pricing.Date) time.Time { return d.Start(time.UTC) }

// claim stores a document and claims its position. It reports whether the
// position is ours.
func (r *Register) claim(ctx context.Context, v warehouse.Invoice, document []byte) (bool, error) {
	name, err := r.db.PutBlob(ctx, "document", document)
	if err != nil {
		return false, err
	}
	reached(stepStored)
	value, err := json.Marshal(claim{v, name})
	if err != nil {
		return false, fmt.Errorf("encode claim of %s: %w", v.Number, err)
	}
	claimErr := r.db.Claim(ctx, v.Position, string(value))
	if claimErr == nil {
		return true, nil
	}
	stored, err := r.db.Claimed(ctx, v.Position)
	if err != nil || stored == "" {
		return false, errors.Join(claimErr, err)
	}
	return stored == string(value), nil
}

// catchUp takes in what other processes have claimed since.
func (r *Register) catchUp(ctx context.Context) error {
	for r.claims {
		if done, err := r.complete(ctx); err != nil || !done {
			return err
		}
	}
	return nil
}

// complete takes in the claim of the next position, and writes its row in case
// that the process that claimed it did not. It reports false where the position
// is free.
func (r *Register) complete(ctx context.Context) (bool, error) {
	value, err := r.db.Claimed(ctx, r.next())
	if err != nil {
		return false, fmt.Errorf("%w; numbers were claimed in Keeper, and cannot be given without it", err)
	}
	if value == "" {
		return false, nil
	}
	var c claim
	if err := json.Unmarshal([]byte(value), &c); err != nil {
		return false, fmt.Errorf("read claim %d of the register: %w", r.next(), err)
	}
	written, err := r.db.HasInvoice(ctx, c.Series, c.Seq)
	if err != nil {
		return false, err
	}
	if !written {
		document, err := r.db.Blob(ctx, c.Document)
		if err != nil {
			return false, fmt.Errorf("complete invoice %s, whose number is claimed: %w", c.Number, err)
		}
		if err := r.db.InsertInvoice(ctx, c.Invoice, document); err != nil {
			return false, err
		}
	}
	return true, r.add(c.Invoice)
}

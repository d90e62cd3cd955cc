package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"subtally/internal/warehouse"
)

// Problem is something that is wrong with an entry.
type Problem struct {
	Number string `json:"number"` // of the entry
	Text   string `json:"problem"`
}

// Head is where a series stands. Noted outside, it shows when the last entries
// of a series are lost, which a chain alone cannot show.
type Head struct {
	Series  string `json:"series"`
	Entries int    `json:"entries"`
	Number  string `json:"number"` // the last one
	SHA256  string `json:"sha256"` // of the last one
}

// Verify walks every entry as it is stored, by series and number: that numbers,
// positions and identities are without gap and unique, that each hash is that of
// the document and hangs on the one before, and that claims in Keeper say the
// same. check looks at what the package cannot: an entry against its document.
// Unlike Open it answers whatever is wrong; the error is that of a warehouse
// that cannot be read.
func Verify(ctx context.Context, db *warehouse.DB, check func(e Entry, document []byte) error) (heads []Head, problems []Problem, err error) {
	w := &walk{at: map[uint64]string{}, whose: map[Identity]string{}}
	if w.claims, err = db.HasClaims(ctx); err != nil {
		return nil, nil, err
	}
	one := func(v warehouse.Invoice, document []byte) error {
		w.row(&v, document)
		if w.claims {
			if err := w.claim(ctx, db, &v); err != nil {
				return err
			}
		} else if v.Claimed {
			w.bad(v.Number, "it is marked as claimed in Keeper, and there are no claims here")
		}
		return check(entry(&v), document)
	}
	if err = db.EachInvoice(ctx, one); errors.Is(err, warehouse.ErrDamaged) {
		*w = walk{claims: w.claims, at: map[uint64]string{}, whose: map[Identity]string{}}
		err = w.damaged(ctx, db, one)
	}
	if err != nil {
		return nil, nil, err
	}
	w.positions()
	return w.heads, w.problems, nil
}

// damaged walks entries of which some documents cannot be read: their file was
// changed, which spoils all that lie in the same block of it.
func (w *walk) damaged(ctx context.Context, db *warehouse.DB, one func(warehouse.Invoice, []byte) error) error {
	rows, err := db.Invoices(ctx)
	if err != nil {
		return err
	}
	for _, v := range rows {
		document, err := db.InvoiceDocument(ctx, v.Series, v.Seq)
		if errors.Is(err, warehouse.ErrDamaged) {
			w.bad(v.Number, "its document cannot be read: %v", warehouse.ErrDamaged)
			w.place(&v)
			continue
		}
		if err != nil {
			return err
		}
		if err := one(v, document); err != nil {
			return err
		}
	}
	return nil
}

// walk is what Verify has seen.
type walk struct {
	claims   bool
	last     warehouse.Invoice
	heads    []Head
	at       map[uint64]string // numbers by position
	most     uint64            // position
	whose    map[Identity]string
	problems []Problem
}

func (w *walk) bad(number, format string, args ...any) {
	w.problems = append(w.problems, Problem{number, fmt.Sprintf(format, args...)})
}

func (w *walk) row(v *warehouse.Invoice, document []byte) {
	w.place(v)
	if got := hash(v.PrevSHA256, document); got != v.SHA256 {
		w.bad(v.Number, "its document, or its hash, was changed: the hash is %s, and %s of what is stored", v.SHA256, got)
	}
}

// place looks at an entry's place among the others.
func (w *walk) place(v *warehouse.Invoice) {
	if len(w.heads) == 0 || w.last.Series != v.Series {
		w.last = warehouse.Invoice{Series: v.Series}
		w.heads = append(w.heads, Head{Series: v.Series})
	}
	switch before := w.last.Seq; {
	case v.Seq == before && before > 0:
		w.bad(v.Number, "it is stored twice, and not the same")
	case v.Seq == before+2:
		w.bad(v.Number, "the entry before it, %s, is missing", number(v.Series, before+1))
	case v.Seq != before+1:
		w.bad(v.Number, "the entries before it, %s to %s, are missing", number(v.Series, before+1), number(v.Series, v.Seq-1))
	case v.PrevSHA256 != w.last.SHA256:
		w.bad(v.Number, "it does not hang on the entry before it: it has %s as that one's hash, which is %s", orNone(v.PrevSHA256), orNone(w.last.SHA256))
	case v.Position <= w.last.Position:
		w.bad(v.Number, "its position, %d, is not after that of the entry before it, %d", v.Position, w.last.Position)
	}
	if want := number(v.Series, v.Seq); v.Number != want {
		w.bad(v.Number, "it is number %d of series %s, which is %s", v.Seq, v.Series, want)
	}
	if v.Kind != Invoice && v.Kind != CreditNote {
		w.bad(v.Number, "its kind is %q", v.Kind)
	}
	if other := w.at[v.Position]; other != "" && other != v.Number {
		w.bad(other, "it has the same position as %s, %d", v.Number, v.Position)
		w.bad(v.Number, "it has the same position as %s, %d", other, v.Position)
	}
	w.at[v.Position] = v.Number
	w.most = max(w.most, v.Position)
	id := entry(v).Identity
	if other := w.whose[id]; other != "" && other != v.Number {
		w.bad(v.Number, "it is for what %s is for: tenant %s, %s to %s, revision %d", other, id.Tenant, id.From, id.To, id.Revision)
	}
	w.whose[id] = v.Number
	head := &w.heads[len(w.heads)-1]
	head.Entries++
	head.Number, head.SHA256 = v.Number, v.SHA256
	w.last = *v
}

func orNone(hash string) string {
	if hash == "" {
		return "none"
	}
	return hash
}

// claim holds a row against the claim of its position.
func (w *walk) claim(ctx context.Context, db *warehouse.DB, v *warehouse.Invoice) error {
	value, err := db.Claimed(ctx, v.Position)
	if err != nil {
		return err
	}
	if value == "" {
		if v.Claimed {
			w.bad(v.Number, "its claim, at position %d in Keeper, is missing", v.Position)
		}
		return nil
	}
	var c claim
	if err := json.Unmarshal([]byte(value), &c); err != nil {
		w.bad(v.Number, "its claim, at position %d in Keeper, cannot be read: %v", v.Position, err)
		return nil
	}
	stored, err := json.Marshal(v)
	if err != nil {
		return err
	}
	claimed, err := json.Marshal(c.Invoice)
	if err != nil {
		return err
	}
	if string(stored) != string(claimed) {
		w.bad(v.Number, "its row and its claim in Keeper differ: %s and %s", stored, claimed)
	}
	return nil
}

// positions looks for entries that are gone.
func (w *walk) positions() {
	var missing []string
	for p := uint64(1); p < w.most && len(missing) < 10; p++ {
		if w.at[p] == "" {
			missing = append(missing, strconv.FormatUint(p, 10))
		}
	}
	if len(missing) > 0 {
		w.bad(w.at[w.most], "it is entry %d of all, and there is none at %s", w.most, strings.Join(missing, ", "))
	}
}

package pricing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// EncodePlan is the plan with the rate decks it uses, in a fixed form from which
// DecodePlan makes the same plan again: a line of JSON for the plan, then one for
// each deck, by name. Its SHA-256 is [Plan.Digest].
func EncodePlan(p *Plan, decks map[string]*Deck) ([]byte, error) {
	var out bytes.Buffer
	if err := p.encode(&out, decks); err != nil {
		return nil, fmt.Errorf("encode plan %q: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

// encodedDeck is a deck's line; JSON has it as an array of two.
type encodedDeck struct {
	name string
	rows []DeckRow
}

func (d encodedDeck) MarshalJSON() ([]byte, error) { return json.Marshal([]any{d.name, d.rows}) }

func (d *encodedDeck) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&d.name, &d.rows})
}

func (p *Plan) encode(w io.Writer, decks map[string]*Deck) error {
	enc := json.NewEncoder(w)
	if err := enc.Encode(p); err != nil {
		return err
	}
	for _, name := range p.DeckNames() {
		if d := decks[name]; d != nil {
			if err := enc.Encode(encodedDeck{name, d.rows}); err != nil {
				return err
			}
		}
	}
	return nil
}

// DecodePlan reads what EncodePlan made.
func DecodePlan(data []byte) (*Plan, map[string]*Deck, error) {
	in := json.NewDecoder(bytes.NewReader(data))
	p := new(Plan)
	if err := in.Decode(p); err != nil {
		return nil, nil, fmt.Errorf("read a stored plan: %w", err)
	}
	decks := map[string]*Deck{}
	for {
		var d encodedDeck
		if err := in.Decode(&d); errors.Is(err, io.EOF) {
			return p, decks, nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("read a rate deck of the stored plan %q: %w", p.Name, err)
		}
		deck, err := newDeck(d.name, d.rows)
		if err != nil {
			return nil, nil, fmt.Errorf("read a rate deck of the stored plan %q: %w", p.Name, err)
		}
		decks[d.name] = deck
	}
}

// newDeck makes a deck of rows in order, by prefix and then by day.
func newDeck(name string, rows []DeckRow) (*Deck, error) {
	d := &Deck{Name: name, rows: rows, days: make([]rowDays, len(rows))}
	keys := make([]prefixKey, len(rows))
	for i := range rows {
		key, ok := parsePrefix(rows[i].Prefix)
		if !ok {
			return nil, fmt.Errorf("deck %q: prefix %q is not 1 to %d digits", name, rows[i].Prefix, maxPrefix)
		}
		keys[i], d.days[i] = key, rows[i].days()
	}
	d.keys = newPrefixes(keys)
	return d, nil
}

// Digest identifies the plan and the rate decks it uses: the SHA-256, in hex, of
// what [EncodePlan] makes of them. Two plans with equal digests price alike.
func (p *Plan) Digest(decks map[string]*Deck) string {
	h := sha256.New()
	p.encode(h, decks) //nolint:errcheck // a hash accepts every write, and a Plan always encodes
	return hex.EncodeToString(h.Sum(nil))
}

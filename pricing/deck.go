package pricing

import (
	"cmp"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Deck is a rate deck: prefixes of telephone numbers and what they cost. The
// longest prefix of a number that has a row in force prices it.
type Deck struct {
	Name string
	rows []*DeckRow // by prefix, then by day
	trie []node
}

// DeckRow is one row of a rate deck. A nil field leaves the charge's own value
// in place.
type DeckRow struct {
	Prefix      string           `json:"prefix"`      // digits, without +
	Destination string           `json:"destination"` // printed on the invoice
	Rate        decimal.Decimal  `json:"rate"`        // for 60 seconds or one unit, as the charge has it
	ConnectFee  *decimal.Decimal `json:"connect_fee,omitempty"`
	Minimum     *decimal.Decimal `json:"minimum,omitempty"`   // minimum charge per call
	Initial     *int64           `json:"initial,omitempty"`   // seconds
	Increment   *int64           `json:"increment,omitempty"` // seconds
	From        Date             `json:"from"`                // first day in force; always where zero
	To          Date             `json:"to"`                  // first day no longer in force; for ever where zero
}

// inForce reports whether the row holds on the day.
func (r *DeckRow) inForce(day Date) bool {
	return (r.From.IsZero() || !day.Before(r.From)) && (r.To.IsZero() || day.Before(r.To))
}

// always reports whether the row holds on every day.
func (r *DeckRow) always() bool { return r.From.IsZero() && r.To.IsZero() }

// node is one digit of the prefix tree. Rows of one prefix that follow each
// other in time stand side by side in Deck.rows.
type node struct {
	next        [10]int32 // index of the child; 0 for none, as the root is no child
	first, last int32     // rows of this prefix: rows[first:last]
}

// DeckColumns are the columns that a deck may have; the first three it must
// have.
var DeckColumns = []string{"prefix", "destination", "rate", "connect_fee", "minimum", "initial", "increment", "effective_from", "effective_to"}

// Indexes into DeckColumns.
const (
	colPrefix = iota
	colDestination
	colRate
	colConnectFee
	colMinimum
	colInitial
	colIncrement
	colFrom
	colTo
)

// maxPrefix is the most digits that a telephone number has, by E.164.
const maxPrefix = 15

// maxSeconds bounds every duration in a plan or deck: a day and a half more
// than the longest call any carrier lets stand.
const maxSeconds = 100_000

// ParseDeck reads a rate deck as CSV with a header of DeckColumns. columns maps
// some of these to what the file calls them; the file may then have columns
// besides, which are not looked at. Names are compared without regard to case.
// ParseDeck answers every problem of the file at once, by line; the deck is nil
// when there is any.
func ParseDeck(name string, r io.Reader, columns map[string]string) (*Deck, []Problem) {
	p := deckParser{
		sheet:        openSheet(r, DeckColumns, 3, columns),
		destinations: memo[string]{}, seconds: memo[*int64]{}, dates: memo[Date]{},
	}
	if len(p.problems) > 0 {
		return nil, p.wrong()
	}
	for p.next() {
		p.row()
	}
	if len(p.rows) == 0 && len(p.problems) == 0 {
		p.bad("a rate deck needs at least one rate")
	}
	p.checkDates()
	if len(p.problems) > 0 {
		return nil, p.wrong()
	}

	d := &Deck{Name: name, rows: make([]*DeckRow, len(p.order))}
	for i, at := range p.order {
		d.rows[i] = p.rows[at.row]
	}
	d.trie = plant(p.order)
	return d, nil
}

// plant makes the prefix tree of rows in order.
func plant(order []place) []node {
	nodes, last := 1, prefixKey(0)
	for _, at := range order {
		if at.key != last {
			nodes += at.key.len() - at.key.common(last)
			last = at.key
		}
	}
	trie := make([]node, 1, nodes)
	var path [maxPrefix + 1]int32 // to the last prefix, from the root on
	last = 0
	for i, at := range order {
		n := at.key.len()
		if at.key != last {
			for depth := at.key.common(last); depth < n; depth++ {
				next := int32(len(trie))
				trie = append(trie, node{})
				trie[path[depth]].next[at.key.digit(depth)] = next
				path[depth+1] = next
			}
			trie[path[n]].first = int32(i)
			last = at.key
		}
		trie[path[n]].last = int32(i) + 1
	}
	return trie
}

// deckParser makes rows of a file's text.
type deckParser struct {
	*sheet
	rows  []*DeckRow
	order []place // of the rows whose prefix and dates can be read

	destinations memo[string]
	seconds      memo[*int64]
	dates        memo[Date]
}

// place is where a row belongs among the others, and where it comes from.
type place struct {
	key  prefixKey
	row  int32 // in deckParser.rows
	line int32
}

// memo keeps what texts were read as: a deck says the same few things in many
// rows. Nothing in it is ever changed.
type memo[T any] map[string]T

func (m memo[T]) read(text string, read func(string) (T, error)) (T, error) {
	v, ok := m[text]
	if ok {
		return v, nil
	}
	text = strings.Clone(text) // the row's text is much longer
	v, err := read(text)
	if err == nil {
		m[text] = v
	}
	return v, err
}

// row reads the row at hand.
func (p *deckParser) row() {
	row := new(DeckRow)
	prefix := p.get(colPrefix)
	row.Prefix = strings.Clone(strings.TrimPrefix(prefix, "+"))
	key, ok := parsePrefix(row.Prefix)
	if !ok {
		p.bad("prefix %q must be 1 to %d digits", prefix, maxPrefix)
	}

	var err error
	row.Destination, err = p.destinations.read(p.get(colDestination), parseDestination)
	if err != nil {
		p.bad("destination: %v", err)
	} else if row.Destination == "" {
		p.bad("prefix %q has no destination", row.Prefix)
	}
	if rate := p.amount(colRate); rate != nil {
		row.Rate = *rate
	} else if p.get(colRate) == "" {
		p.bad("prefix %q has no rate", row.Prefix)
	}
	row.ConnectFee = p.amount(colConnectFee)
	row.Minimum = p.amount(colMinimum)
	row.Initial = p.duration(colInitial)
	row.Increment = p.duration(colIncrement)

	before := len(p.problems)
	row.From, row.To = p.date(colFrom), p.date(colTo)
	if !row.From.IsZero() && !row.To.IsZero() && !row.From.Before(row.To) {
		p.bad("effective_to %s is not after effective_from %s", row.To, row.From)
	}
	if ok && len(p.problems) == before {
		p.order = append(p.order, place{key, int32(len(p.rows)), int32(p.line)})
	}
	p.rows = append(p.rows, row)
}

// amount is the price in a column; nil where there is none.
func (p *deckParser) amount(column int) *decimal.Decimal {
	text := p.get(column)
	if text == "" {
		return nil
	}
	v, err := parseAmount(text)
	if err != nil {
		p.bad("%s: %v", DeckColumns[column], err)
		return nil
	}
	return &v
}

// duration is the number of seconds in a column; nil where there is none.
func (p *deckParser) duration(column int) *int64 {
	text := p.get(column)
	if text == "" {
		return nil
	}
	v, err := p.seconds.read(text, parseSeconds)
	if err != nil {
		p.bad("%s: %v", DeckColumns[column], err)
		return nil
	}
	return v
}

// date is the day in a column; zero where there is none.
func (p *deckParser) date(column int) Date {
	text := p.get(column)
	if text == "" {
		return Date{}
	}
	v, err := p.dates.read(text, ParseDate)
	if err != nil {
		p.bad("%s: %v", DeckColumns[column], err)
	}
	return v
}

// prefixKey is a prefix as a number that orders as the text does, only faster:
// four bits a digit, from the left; 0 is no digit, 1 is the digit 0.
type prefixKey uint64

func parsePrefix(prefix string) (key prefixKey, ok bool) {
	if !isDigits(prefix, maxPrefix) {
		return 0, false
	}
	for i := range len(prefix) {
		key |= prefixKey(prefix[i]-'0'+1) << (60 - 4*i)
	}
	return key, true
}

func (k prefixKey) len() int        { return 16 - bits.TrailingZeros64(uint64(k))/4 }
func (k prefixKey) digit(i int) int { return int(k>>(60-4*i)&15) - 1 }

// common counts the digits with which two different prefixes begin.
func (k prefixKey) common(other prefixKey) int { return bits.LeadingZeros64(uint64(k^other)) / 4 }

// isDigits reports whether text is 1 to so many digits.
func isDigits(text string, most int) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != "" && len(text) <= most
}

// parseDestination refuses what no invoice can print: an export in an older
// character set than UTF-8.
func parseDestination(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("%q is not UTF-8; save the file as UTF-8", text)
	}
	return text, nil
}

func parseSeconds(text string) (*int64, error) {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 1 || v > maxSeconds {
		return nil, fmt.Errorf("%q is not a number of seconds from 1 to %d", text, int64(maxSeconds))
	}
	return &v, nil
}

// parseAmount reads a price: plain digits with a point, as much as 18 before
// and 18 after it. Exponents, signs, separators and leading zeros are refused,
// since a carrier's "1,234" or "1e3" is more often a slip than a price.
func parseAmount(text string) (decimal.Decimal, error) {
	whole, fraction, point := strings.Cut(text, ".")
	if !isDigits(whole, 18) || whole[0] == '0' && len(whole) > 1 || point && !isDigits(fraction, 18) {
		return decimal.Decimal{}, fmt.Errorf("%q is not a price like 0.0125", text)
	}
	return decimal.NewFromString(text)
}

// checkDates puts the rows in order, by prefix and then by day, and reports
// those of one prefix that are in force on the same days, and the days between
// them on which none is.
func (p *deckParser) checkDates() {
	slices.SortFunc(p.order, func(a, b place) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		if c := p.rows[a.row].From.compare(p.rows[b.row].From); c != 0 {
			return c
		}
		return cmp.Compare(a.line, b.line)
	})
	var holder place // of the rows of one prefix so far, the one that is in force for longest
	for _, next := range p.order {
		if next.key != holder.key {
			holder = next
			continue
		}
		a, b := p.rows[holder.row], p.rows[next.row]
		switch {
		case a.To.IsZero() || b.From.Before(a.To):
			days := " for some of the same days"
			if a.always() && b.always() {
				days = ""
			}
			p.badAt(int(max(holder.line, next.line)), "prefix %s is already on line %d%s", a.Prefix, min(holder.line, next.line), days)
		case a.To.Before(b.From):
			p.badAt(int(next.line), "prefix %s has no rate from %s until %s, between line %d and this one; effective_to is the first day no longer in force", a.Prefix, a.To, b.From, holder.line)
		}
		if !a.To.IsZero() && (b.To.IsZero() || a.To.Before(b.To)) {
			holder = next
		}
	}
}

// Len counts the deck's rows.
func (d *Deck) Len() int { return len(d.rows) }

// Lookup finds the row of the longest prefix of number that is in force on
// the day; nil when there is none. number is digits, without +.
func (d *Deck) Lookup(number string, day Date) *DeckRow {
	var path [maxPrefix]*node // the nodes that have rows, the shortest prefix first
	depth, at := 0, int32(0)
	for i := range len(number) {
		c := number[i] - '0'
		if c > 9 {
			break
		}
		if at = d.trie[at].next[c]; at == 0 {
			break
		}
		if n := &d.trie[at]; n.first < n.last {
			path[depth] = n
			depth++
		}
	}
	for depth--; depth >= 0; depth-- {
		for _, row := range d.rows[path[depth].first:path[depth].last] {
			if row.inForce(day) {
				return row
			}
		}
	}
	return nil
}

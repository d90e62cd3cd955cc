package pricing

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Deck is a rate deck: prefixes of telephone numbers and what they cost. The
// longest prefix of a number that has a row in force prices it.
type Deck struct {
	Name string
	rows []DeckRow
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

// node is one digit of the prefix tree. Rows of one prefix that follow each
// other in time stand side by side in Deck.rows.
type node struct {
	next        [10]int32 // index of the child; 0 for none, as the root is no child
	first, last int32     // rows of this prefix: rows[first:last]
}

// deckColumns are the columns a deck may have; the first three it must have.
var deckColumns = []string{"prefix", "destination", "rate", "connect_fee", "minimum", "initial", "increment", "effective_from", "effective_to"}

// maxSeconds bounds every duration in a plan or deck: a day and a half more
// than the longest call any carrier lets stand.
const maxSeconds = 100_000

// ParseDeck reads a rate deck as CSV with a header. The columns prefix,
// destination and rate must be there; connect_fee, minimum, initial,
// increment, effective_from and effective_to may be. It answers every problem
// of the file at once; the deck is nil when there is any.
func ParseDeck(name string, r io.Reader) (*Deck, []Problem) {
	var out []Problem
	bad := func(line int, format string, args ...any) {
		out = append(out, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
	}
	in := csv.NewReader(&skipBOM{r: r})
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		bad(1, "a rate deck needs a header line: %s", strings.Join(deckColumns, ","))
		return nil, out
	}
	column := map[string]int{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		switch {
		case !slices.Contains(deckColumns, h):
			bad(1, "unknown column %q; a rate deck has %s", h, strings.Join(deckColumns, ", "))
		case has(column, h):
			bad(1, "column %q stands twice", h)
		default:
			column[h] = i
		}
	}
	for _, h := range deckColumns[:3] {
		if !has(column, h) {
			bad(1, "column %q is missing", h)
		}
	}
	if len(out) > 0 {
		return nil, out
	}

	width := len(header)
	var rows []DeckRow
	var lines []int
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			bad(parse.Line, "%v", parse.Err)
			continue
		}
		if err != nil {
			bad(0, "%v", err)
			break
		}
		line, _ := in.FieldPos(0)
		if len(fields) != width {
			bad(line, "%d fields where the header has %d", len(fields), width)
			continue
		}
		get := func(h string) string {
			if i, ok := column[h]; ok {
				return strings.TrimSpace(fields[i])
			}
			return ""
		}
		row, problems := parseRow(get)
		for _, p := range problems {
			bad(line, "%s", p)
		}
		rows = append(rows, row)
		lines = append(lines, line)
	}
	if len(rows) == 0 && len(out) == 0 {
		bad(1, "a rate deck needs at least one rate")
	}

	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := strings.Compare(rows[a].Prefix, rows[b].Prefix); c != 0 {
			return c
		}
		return strings.Compare(rows[a].From.String(), rows[b].From.String())
	})
	d := &Deck{Name: name, rows: make([]DeckRow, 0, len(rows)), trie: make([]node, 1, len(rows)+1)}
	for at, i := range order {
		row := rows[i]
		if at > 0 {
			prev := rows[order[at-1]]
			if row.Prefix != "" && prev.Prefix == row.Prefix && (prev.To.IsZero() || row.From.Before(prev.To)) {
				bad(lines[i], "prefix %s is already on line %d%s", row.Prefix, lines[order[at-1]], forSameDays(prev, row))
			}
		}
		d.rows = append(d.rows, row)
	}
	if len(out) > 0 {
		slices.SortStableFunc(out, func(a, b Problem) int { return a.Line - b.Line })
		return nil, out
	}
	for i := range d.rows {
		d.insert(int32(i))
	}
	return d, nil
}

func forSameDays(a, b DeckRow) string {
	if a.From.IsZero() && a.To.IsZero() && b.From.IsZero() && b.To.IsZero() {
		return ""
	}
	return " for some of the same days"
}

func has(m map[string]int, key string) bool { _, ok := m[key]; return ok }

// parseRow reads one row through get, which answers a column's text.
func parseRow(get func(string) string) (row DeckRow, problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	row.Prefix = strings.TrimPrefix(get("prefix"), "+")
	if row.Prefix == "" || len(row.Prefix) > 15 || digits("+"+row.Prefix) == "" {
		bad("prefix %q must be 1 to 15 digits", get("prefix"))
	}
	row.Destination = get("destination")
	if row.Destination == "" {
		bad("prefix %s has no destination", row.Prefix)
	}
	amount := func(column string) *decimal.Decimal {
		text := get(column)
		if text == "" {
			return nil
		}
		v, err := parseAmount(text)
		if err != nil {
			bad("%s: %v", column, err)
			return nil
		}
		return &v
	}
	if rate := amount("rate"); rate != nil {
		row.Rate = *rate
	} else if get("rate") == "" {
		bad("prefix %s has no rate", row.Prefix)
	}
	row.ConnectFee = amount("connect_fee")
	row.Minimum = amount("minimum")
	seconds := func(column string) *int64 {
		text := get(column)
		if text == "" {
			return nil
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 1 || v > maxSeconds {
			bad("%s: %q is not a number of seconds from 1 to %d", column, text, int64(maxSeconds))
			return nil
		}
		return &v
	}
	row.Initial = seconds("initial")
	row.Increment = seconds("increment")
	date := func(column string) Date {
		text := get(column)
		if text == "" {
			return Date{}
		}
		d, err := ParseDate(text)
		if err != nil {
			bad("%s: %v", column, err)
		}
		return d
	}
	row.From, row.To = date("effective_from"), date("effective_to")
	if !row.From.IsZero() && !row.To.IsZero() && !row.From.Before(row.To) {
		bad("effective_to %s is not after effective_from %s", row.To, row.From)
	}
	return row, problems
}

var amountForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`)

// parseAmount reads a price: plain digits with a point, as much as 18 before
// and 18 after it. Exponents, signs, separators and leading zeros are refused,
// since a carrier's "1,234" or "1e3" is more often a slip than a price.
func parseAmount(text string) (decimal.Decimal, error) {
	if !amountForm.MatchString(text) {
		return decimal.Decimal{}, fmt.Errorf("%q is not a price like 0.0125", text)
	}
	return decimal.NewFromString(text)
}

func (d *Deck) insert(i int32) {
	at := int32(0)
	for _, c := range []byte(d.rows[i].Prefix) {
		next := d.trie[at].next[c-'0']
		if next == 0 {
			next = int32(len(d.trie))
			d.trie = append(d.trie, node{})
			d.trie[at].next[c-'0'] = next
		}
		at = next
	}
	n := &d.trie[at]
	if n.first == n.last {
		n.first = i
	}
	n.last = i + 1
}

// Len counts the deck's rows.
func (d *Deck) Len() int { return len(d.rows) }

// Lookup finds the row of the longest prefix of number that is in force on
// the day; nil when there is none. number is digits, without +.
func (d *Deck) Lookup(number string, day Date) *DeckRow {
	var best *DeckRow
	at := int32(0)
	for i := range len(number) {
		c := number[i] - '0'
		if c > 9 {
			return best
		}
		at = d.trie[at].next[c]
		if at == 0 {
			return best
		}
		for r := d.trie[at].first; r < d.trie[at].last; r++ {
			if d.rows[r].inForce(day) {
				best = &d.rows[r]
			}
		}
	}
	return best
}

// skipBOM drops the byte order mark that spreadsheets put before CSV.
type skipBOM struct {
	r     io.Reader
	begun bool
}

func (s *skipBOM) Read(p []byte) (int, error) {
	if s.begun || len(p) < 3 {
		return s.r.Read(p)
	}
	s.begun = true
	n, err := io.ReadFull(s.r, p[:3])
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if n == 3 && string(p[:3]) == "\xef\xbb\xbf" {
		return s.r.Read(p)
	}
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

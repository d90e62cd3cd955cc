package pricing

import (
	"math/bits"
	"slices"
)

// maxPrefix is the most digits that a telephone number has, by E.164.
const maxPrefix = 15

// prefixKey is a prefix as a number that orders as the text does, only faster:
// four bits a digit, from the left; 0 is no digit, 1 is the digit 0.
type prefixKey uint64

func parsePrefix(prefix string) (key prefixKey, ok bool) {
	if !isDigits(prefix, maxPrefix) {
		return 0, false
	}
	return keyOf(prefix), true
}

// keyOf is the key of the digits that a text begins with, maxPrefix at most.
func keyOf(text string) (key prefixKey) {
	free := 64 // bits to the right of the last digit
	for i := range min(len(text), maxPrefix) {
		digit := text[i] - '0'
		if digit > 9 {
			break
		}
		key, free = key<<4|prefixKey(digit+1), free-4
	}
	return key << free
}

func (k prefixKey) len() int        { return 16 - bits.TrailingZeros64(uint64(k))/4 }
func (k prefixKey) digit(i int) int { return int(k>>(60-4*i)&15) - 1 }

// begins reports whether k is a prefix of other.
func (k prefixKey) begins(other prefixKey) bool {
	return (k^other)>>(bits.TrailingZeros64(uint64(k))&^3) == 0
}

// isDigits reports whether text is 1 to so many digits.
func isDigits(text string, most int) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != "" && len(text) <= most
}

// prefixes finds the longest prefix of a number by binary search. Of all that
// stand before the number in order, the last either is a prefix of it or begins
// with the longest one that is. So it is that one or one of its parents.
type prefixes struct {
	keys []prefixKey // in order, each once
	at   []keyRows   // of each key; one more at the end

	// start says how many keys stand before each prefix of so many digits, so
	// that the search begins among few.
	digits int
	start  []int32
}

// keyRows is what belongs to a key.
type keyRows struct {
	parent int32 // index of the longest other key that begins it; -1 for none
	first  int32 // its first row in Deck.rows; the last is before the next key's first
}

// newPrefixes takes the keys of rows in order.
func newPrefixes(rows []prefixKey) *prefixes {
	p := &prefixes{}
	for i, key := range rows {
		if last := len(p.keys) - 1; last >= 0 && p.keys[last] == key {
			continue
		}
		parent := int32(len(p.keys)) - 1
		for parent >= 0 && !p.keys[parent].begins(key) {
			parent = p.at[parent].parent
		}
		p.keys, p.at = append(p.keys, key), append(p.at, keyRows{parent, int32(i)})
	}
	p.at = append(p.at, keyRows{-1, int32(len(rows))})
	spans := 1
	for p.digits < 5 && spans*10 <= len(p.keys) {
		p.digits, spans = p.digits+1, spans*10
	}
	p.start = make([]int32, spans+1)
	for n := range spans {
		var from prefixKey // the digits of n
		for i, rest := 0, n; i < p.digits; i++ {
			from |= prefixKey(rest%10+1) << (60 - 4*(p.digits-1-i))
			rest /= 10
		}
		at, _ := slices.BinarySearch(p.keys, from)
		p.start[n] = int32(at)
	}
	p.start[spans] = int32(len(p.keys))
	return p
}

// longest is the index of the longest key that begins a number; -1 for none.
func (p *prefixes) longest(number string) int32 {
	key := keyOf(number)
	from, to := 0, len(p.keys)
	if key.len() >= p.digits {
		n := 0
		for i := range p.digits {
			n = n*10 + key.digit(i)
		}
		from, to = int(p.start[n]), int(p.start[n+1])
	}
	for keys := p.keys[from:to]; len(keys) > 0; { // up to the first key after the number
		half := (len(keys) + 1) / 2
		if keys[half-1] <= key {
			from += half
			keys = keys[half:]
		} else {
			keys = keys[:half-1]
		}
	}
	at := int32(from) - 1
	for at >= 0 && !p.keys[at].begins(key) {
		at = p.at[at].parent
	}
	return at
}

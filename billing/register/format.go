package register

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"subtally/pricing"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// CheckFormat says what is wrong with a number format such as
// "INV-{year}-{seq:06}": it must hold {seq} or {seq:0N} once, and may hold
// {year}, the year of the issue date.
func CheckFormat(format string) error {
	seqs := 0
	for _, p := range placeholder.FindAllString(format, -1) {
		switch {
		case p == "{year}":
		case seqWidth(p) >= 0:
			seqs++
		default:
			return fmt.Errorf("number format %q: %s is not known; use {year} and {seq} or {seq:06}", format, p)
		}
	}
	if seqs != 1 {
		return fmt.Errorf("number format %q must hold {seq}, or {seq:06}, exactly once", format)
	}
	if rest := placeholder.ReplaceAllString(format, ""); !regexp.MustCompile(`^[A-Za-z0-9._-]*$`).MatchString(rest) {
		return fmt.Errorf("number format %q: besides placeholders only letters, digits and . _ - may stand in it, as the number becomes a file name", format)
	}
	return nil
}

// seqWidth is the width of a {seq} placeholder, 0 for none given; -1 when p is
// something else.
func seqWidth(p string) int {
	if p == "{seq}" {
		return 0
	}
	digits, ok := strings.CutPrefix(p, "{seq:0")
	digits, ok2 := strings.CutSuffix(digits, "}")
	n, err := strconv.Atoi(digits)
	if !ok || !ok2 || err != nil || n < 1 || n > 9 {
		return -1
	}
	return n
}

// series is the format with its year filled in: numbers count from 1 in each.
func series(format string, issued pricing.Date) string {
	return strings.ReplaceAll(format, "{year}", fmt.Sprintf("%04d", issued.Year))
}

// number is the seq-th number of a series.
func number(series string, seq uint32) string {
	return placeholder.ReplaceAllStringFunc(series, func(p string) string {
		return fmt.Sprintf("%0*d", seqWidth(p), seq)
	})
}

const (
	digits  = "0123456789"
	nonzero = "123456789"
)

// piece is one character of a number, out of a set; or any count of them, none
// included.
type piece struct {
	set  string
	many bool
}

// pieces are the numbers that a format makes.
func pieces(format string) (out []piece) {
	for rest := format; rest != ""; {
		at := placeholder.FindStringIndex(rest)
		if at == nil || at[0] > 0 {
			out, rest = append(out, piece{set: rest[:1]}), rest[1:]
			continue
		}
		switch p := rest[:at[1]]; {
		case p == "{year}":
			out = append(out, piece{set: nonzero}, piece{set: digits}, piece{set: digits}, piece{set: digits})
		case seqWidth(p) <= 1:
			out = append(out, piece{set: nonzero}, piece{set: digits, many: true})
		default:
			out = append(append(out, slices.Repeat([]piece{{set: digits}}, seqWidth(p))...), piece{set: digits, many: true})
		}
		rest = rest[at[1]:]
	}
	return out
}

// Overlap reports whether two number formats can make the same number.
func Overlap(a, b string) bool {
	x, y := pieces(a), pieces(b)
	tried := map[[2]int]bool{}
	var meet func(i, j int) bool
	meet = func(i, j int) bool {
		if tried[[2]int{i, j}] {
			return false
		}
		tried[[2]int{i, j}] = true
		if i < len(x) && x[i].many && meet(i+1, j) || j < len(y) && y[j].many && meet(i, j+1) {
			return true
		}
		if i == len(x) || j == len(y) {
			return i == len(x) && j == len(y)
		}
		if !strings.ContainsAny(x[i].set, y[j].set) {
			return false
		}
		after := func(p piece, at int) int {
			if p.many {
				return at
			}
			return at + 1
		}
		return meet(after(x[i], i), after(y[j], j))
	}
	return meet(0, 0)
}

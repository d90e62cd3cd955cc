package pricing

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

// ExchangeRates are dated rates between currencies. A rate holds from its day
// until the next one of the same two currencies.
type ExchangeRates struct {
	rates map[[2]string][]exchangeRate // by the currencies from and to, ordered by day
	fixed []ExchangeRate               // come before rates, for the days that they hold
}

type exchangeRate struct {
	day  Date
	rate decimal.Decimal // units of the second currency for one of the first
	line int
}

var exchangeColumns = []string{"date", "from", "to", "rate"}

// ParseExchangeRates reads rates as CSV with the columns date, from, to, rate,
// in any order of columns and rows: 2026-10-01,USD,EUR,0.9213 says that from
// that day on one dollar is 0.9213 euros. It answers every problem of the file
// at once, by line; the rates are nil when there is any.
func ParseExchangeRates(r io.Reader) (*ExchangeRates, []Problem) {
	s := openSheet(r, exchangeColumns, len(exchangeColumns), nil)
	if len(s.problems) > 0 {
		return nil, s.wrong()
	}
	x := &ExchangeRates{rates: map[[2]string][]exchangeRate{}}
	for s.next() {
		before := len(s.problems)
		rate := exchangeRate{line: s.line}
		var err error
		if rate.day, err = ParseDate(s.get(0)); err != nil {
			s.bad("date: %v", err)
		}
		pair := [2]string{strings.ToUpper(s.get(1)), strings.ToUpper(s.get(2))}
		for i, code := range pair {
			if !currency.IsValid(code) {
				s.bad("%s: %q is not an ISO 4217 currency code such as USD", exchangeColumns[i+1], code)
			}
		}
		if pair[0] == pair[1] && currency.IsValid(pair[0]) {
			s.bad("from and to are the same currency")
		}
		if rate.rate, err = parseAmount(s.get(3)); err != nil {
			s.bad("rate: %v", err)
		} else if rate.rate.IsZero() {
			s.bad("rate: a rate of 0 would make every cost nothing")
		}
		if len(s.problems) == before {
			x.rates[pair] = append(x.rates[pair], rate)
		}
	}
	if len(x.rates) == 0 && len(s.problems) == 0 {
		s.bad("there is no exchange rate below the header")
	}
	for pair, rates := range x.rates {
		slices.SortStableFunc(rates, func(a, b exchangeRate) int { return a.day.compare(b.day) })
		first := rates[0] // of its day
		for _, next := range rates[1:] {
			if next.day == first.day {
				s.badAt(next.line, "the rate from %s to %s on %s is already on line %d", pair[0], pair[1], first.day, first.line)
			} else {
				first = next
			}
		}
	}
	if len(s.problems) > 0 {
		return nil, s.wrong()
	}
	return x, nil
}

// ExchangeRate is what one unit of a currency is in another from a day on.
type ExchangeRate struct {
	From string          `json:"from"` // ISO 4217
	To   string          `json:"to"`   // ISO 4217
	Day  Date            `json:"day"`  // the first day that it holds
	Rate decimal.Decimal `json:"rate"` // units of To for one of From
	// Until is the first day that the next rate holds; none where there is no next.
	Until Date `json:"until,omitzero"`
}

// ExchangeRates are the rates by which costs were converted so far, ordered by
// currency and day.
func (r *Rater) ExchangeRates() []ExchangeRate {
	out := slices.Collect(maps.Values(r.rates))
	slices.SortFunc(out, func(a, b ExchangeRate) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), a.Day.compare(b.Day))
	})
	return out
}

// missing says why there is no rate.
func (x *ExchangeRates) missing(from, to string) string {
	if x != nil {
		if rates := x.rates[[2]string{from, to}]; len(rates) > 0 {
			return fmt.Sprintf("no exchange rate from %s to %s before %s", from, to, rates[0].day)
		}
	}
	return fmt.Sprintf("no exchange rate from %s to %s", from, to)
}

// Lookup is the rate in force on a day: the latest that is not after it.
// Nothing is inverted and nothing goes by way of a third currency. A nil
// ExchangeRates has no rate.
func (x *ExchangeRates) Lookup(from, to string, day Date) (rate ExchangeRate, ok bool) {
	if x == nil {
		return rate, false
	}
	for _, r := range x.fixed {
		if r.From == from && r.To == to && !day.Before(r.Day) && (r.Until.IsZero() || day.Before(r.Until)) {
			return r, true
		}
	}
	rates := x.rates[[2]string{from, to}]
	i, exact := slices.BinarySearchFunc(rates, day, func(r exchangeRate, d Date) int { return r.day.compare(d) })
	if !exact {
		i--
	}
	if i < 0 {
		return rate, false
	}
	rate = ExchangeRate{From: from, To: to, Day: rates[i].day, Rate: rates[i].rate}
	if i+1 < len(rates) {
		rate.Until = rates[i+1].day
	}
	return rate, true
}

// After are the rates with others that come before them, for the days that those
// hold: what an invoice was made with stays, whatever is configured later.
func (x *ExchangeRates) After(fixed []ExchangeRate) *ExchangeRates {
	if len(fixed) == 0 {
		return x
	}
	out := &ExchangeRates{fixed: fixed}
	if x != nil {
		out.rates = x.rates
	}
	return out
}

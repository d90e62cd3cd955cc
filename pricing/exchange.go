package pricing

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

// ExchangeRates are dated rates between currencies. A rate holds from its day
// until the next one of the same two currencies.
type ExchangeRates struct {
	rates map[[2]string][]exchangeRate // by the currencies from and to, ordered by day
}

type exchangeRate struct {
	day  Date
	rate decimal.Decimal // units of the second currency for one of the first
	line int
}

// ParseExchangeRates reads rates as CSV with the columns date, from, to, rate:
// 2026-10-01,USD,EUR,0.9213 says that from that day on one dollar is 0.9213
// euros. It answers every problem of the file at once; the rates are nil when
// there is any.
func ParseExchangeRates(r io.Reader) (*ExchangeRates, []Problem) {
	var out []Problem
	bad := func(line int, format string, args ...any) {
		out = append(out, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
	}
	columns := []string{"date", "from", "to", "rate"}
	in := csv.NewReader(&skipBOM{r: r})
	in.FieldsPerRecord = -1
	header, err := in.Read()
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
	}
	if err != nil || !slices.Equal(header, columns) {
		bad(1, "exchange rates need the header line %s", strings.Join(columns, ","))
		return nil, out
	}
	x := &ExchangeRates{rates: map[[2]string][]exchangeRate{}}
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
		if len(fields) != len(columns) {
			bad(line, "%d fields where the header has %d", len(fields), len(columns))
			continue
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		rate := exchangeRate{line: line}
		if rate.day, err = ParseDate(fields[0]); err != nil {
			bad(line, "date: %v", err)
		}
		for i, code := range fields[1:3] {
			if !currency.IsValid(code) {
				bad(line, "%s: %q is not an ISO 4217 currency code such as USD", columns[i+1], code)
			}
		}
		if fields[1] == fields[2] {
			bad(line, "from and to are the same currency")
		}
		if rate.rate, err = parseAmount(fields[3]); err != nil {
			bad(line, "rate: %v", err)
		} else if rate.rate.IsZero() {
			bad(line, "rate: a rate of 0 would make every cost nothing")
		}
		pair := [2]string{fields[1], fields[2]}
		x.rates[pair] = append(x.rates[pair], rate)
	}
	for pair, rates := range x.rates {
		slices.SortStableFunc(rates, func(a, b exchangeRate) int { return strings.Compare(a.day.String(), b.day.String()) })
		for i := range rates[1:] {
			if a, b := rates[i], rates[i+1]; a.day == b.day && !a.day.IsZero() {
				bad(b.line, "the rate from %s to %s on %s is already on line %d", pair[0], pair[1], a.day, a.line)
			}
		}
	}
	if len(out) > 0 {
		slices.SortStableFunc(out, func(a, b Problem) int { return a.Line - b.Line })
		return nil, out
	}
	return x, nil
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
func (x *ExchangeRates) Lookup(from, to string, day Date) (rate decimal.Decimal, ok bool) {
	if x == nil {
		return rate, false
	}
	rates := x.rates[[2]string{from, to}]
	i, exact := slices.BinarySearchFunc(rates, day, func(r exchangeRate, d Date) int { return d.DaysUntil(r.day) })
	if exact {
		return rates[i].rate, true
	}
	if i == 0 {
		return rate, false
	}
	return rates[i-1].rate, true
}

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
	"subtally/templates"
)

// minorUnits is how many decimals a currency has after ISO 4217.
func minorUnits(code string) (int32, error) {
	digits, ok := currency.GetDigits(code)
	if !ok {
		return 0, fmt.Errorf("currency %q is not an ISO 4217 code", code)
	}
	return int32(digits), nil
}

// number prints every digit of d, with at least so many decimals and commas
// between thousands. Zeros at the end do not depend on how d was written, so
// a document read back from JSON prints the same.
func number(d decimal.Decimal, decimals int32) string {
	whole, fraction, _ := strings.Cut(d.Abs().String(), ".")
	if missing := int(decimals) - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	var b strings.Builder
	if d.IsNegative() {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return b.String()
}

// count prints a whole number with commas between thousands.
func count(n int64) string { return number(decimal.NewFromInt(n), 0) }

// decimals counts the decimals that d needs.
func decimals(d decimal.Decimal) int32 {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return int32(len(fraction))
}

var sixty = decimal.NewFromInt(60)

// minutes prints seconds exactly, as "12 min" or "12:34 min".
func minutes(seconds decimal.Decimal, l templates.Layout) string {
	whole, rest := seconds.Abs().QuoRem(sixty, 0)
	s := number(whole, 0)
	if !rest.IsZero() {
		s += ":" + twoDigits(rest)
	}
	return sign(seconds) + s + " " + unitName(templates.Minute, whole, l)
}

// hours prints seconds exactly, as "12 h" or "12:34:56 h".
func hours(seconds decimal.Decimal, l templates.Layout) string {
	mins, secs := seconds.Abs().QuoRem(sixty, 0)
	whole, mins := mins.QuoRem(sixty, 0)
	s := number(whole, 0)
	if !mins.IsZero() || !secs.IsZero() {
		s += ":" + twoDigits(mins) + ":" + twoDigits(secs)
	}
	return sign(seconds) + s + " " + unitName(templates.Hour, whole, l)
}

func sign(d decimal.Decimal) string {
	if d.IsNegative() {
		return "-"
	}
	return ""
}

func twoDigits(d decimal.Decimal) string {
	s := number(d, 0)
	if d.LessThan(decimal.NewFromInt(10)) {
		s = "0" + s
	}
	return s
}

// unitName is the unit as written after a count.
func unitName(u pricing.Unit, n decimal.Decimal, l templates.Layout) string {
	name, ok := l.Units[u]
	switch {
	case !ok:
		return string(u)
	case n.Abs().Equal(decimal.NewFromInt(1)):
		return name.One
	}
	return name.Other
}

// quantity prints a line's quantity exactly, in the unit of its price where
// that is a minute or an hour.
func quantity(line pricing.Line, l templates.Layout) string {
	if line.Unit == pricing.Second {
		switch line.Per {
		case 60:
			return minutes(line.Quantity, l)
		case 3600:
			return hours(line.Quantity, l)
		}
	}
	return number(line.Quantity, 0) + " " + unitName(line.Unit, line.Quantity, l)
}

// unitPrice prints every decimal of a line's price, at least the currency's,
// and what the price buys, such as "0.00725 / min". A price per day that buys
// all days of the line's month, which is the period's but for fees in advance, is
// a price per month.
func unitPrice(line pricing.Line, p billing.Period, digits int32, l templates.Layout) string {
	if !line.From.IsZero() {
		p = billing.Month(line.From, p.TimeZone)
	}
	one := decimal.NewFromInt(1)
	var per string
	switch {
	case line.Per == 1:
		per = unitName(line.Unit, one, l)
	case line.Unit == pricing.Second && line.Per == 60:
		per = unitName(templates.Minute, one, l)
	case line.Unit == pricing.Second && line.Per == 3600:
		per = unitName(templates.Hour, one, l)
	case line.Unit == pricing.Day && line.Per == int64(p.Days()) && wholeMonth(p):
		per = unitName(pricing.Month, one, l)
	default:
		n := decimal.NewFromInt(line.Per)
		per = number(n, 0) + " " + unitName(line.Unit, n, l)
	}
	return templates.Fill(l.Labels.PricePer, "price", number(line.UnitPrice, digits), "unit", per)
}

func wholeMonth(p billing.Period) bool {
	return p.From == p.From.FirstOfMonth() && p.To == p.From.NextMonth()
}

// percent prints part / whole x 100 with one decimal, halves rounded away
// from zero.
func percent(part, whole decimal.Decimal) string {
	return number(part.Mul(decimal.NewFromInt(100)).DivRound(whole, 1), 1) + " %"
}

// daysText is a count of days such as "14 days".
func daysText(n int, l templates.Layout) string {
	return strconv.Itoa(n) + " " + unitName(pricing.Day, decimal.NewFromInt(int64(n)), l)
}

package render

import (
	"fmt"
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

// decimals counts the decimals that d needs.
func decimals(d decimal.Decimal) int32 {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return int32(len(fraction))
}

var sixty = decimal.NewFromInt(60)

// minutes prints seconds exactly, as "12 min" or "12:34 min".
func minutes(seconds decimal.Decimal, l templates.Layout) string {
	whole, rest := seconds.Abs().QuoRem(sixty, 0)
	s := l.Locale.Sign(seconds) + l.Locale.Number(whole, 0)
	if !rest.IsZero() {
		s += ":" + twoDigits(rest, l)
	}
	return s + " " + l.Unit(templates.Minute, whole)
}

// hours prints seconds exactly, as "12 h" or "12:34:56 h".
func hours(seconds decimal.Decimal, l templates.Layout) string {
	mins, secs := seconds.Abs().QuoRem(sixty, 0)
	whole, mins := mins.QuoRem(sixty, 0)
	s := l.Locale.Sign(seconds) + l.Locale.Number(whole, 0)
	if !mins.IsZero() || !secs.IsZero() {
		s += ":" + twoDigits(mins, l) + ":" + twoDigits(secs, l)
	}
	return s + " " + l.Unit(templates.Hour, whole)
}

func twoDigits(d decimal.Decimal, l templates.Layout) string {
	s := l.Locale.Number(d, 0)
	if d.LessThan(decimal.NewFromInt(10)) {
		s = "0" + s
	}
	return s
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
	return l.Locale.Number(line.Quantity, 0) + " " + l.Unit(line.Unit, line.Quantity)
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
		per = l.Unit(line.Unit, one)
	case line.Unit == pricing.Second && line.Per == 60:
		per = l.Unit(templates.Minute, one)
	case line.Unit == pricing.Second && line.Per == 3600:
		per = l.Unit(templates.Hour, one)
	case line.Unit == pricing.Day && line.Per == int64(p.Days()) && wholeMonth(p):
		per = l.Unit(pricing.Month, one)
	default:
		n := decimal.NewFromInt(line.Per)
		per = l.Locale.Number(n, 0) + " " + l.Unit(line.Unit, n)
	}
	return templates.Fill(l.Labels.PricePer, "price", l.Locale.Number(line.UnitPrice, digits), "unit", per)
}

func wholeMonth(p billing.Period) bool {
	return p.From == p.From.FirstOfMonth() && p.To == p.From.NextMonth()
}

// percent prints part / whole x 100 with one decimal, halves rounded away
// from zero.
func percent(part, whole decimal.Decimal, l templates.Layout) string {
	return l.Locale.Percent(part.Mul(decimal.NewFromInt(100)).DivRound(whole, 1), 1)
}

// daysText is a count of days such as "14 days".
func daysText(n int, l templates.Layout) string {
	days := decimal.NewFromInt(int64(n))
	return l.Locale.Number(days, 0) + " " + l.Unit(pricing.Day, days)
}

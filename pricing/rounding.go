package pricing

import (
	"slices"
	"strings"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
)

// Rounding is how an exact amount becomes one in the currency's minor unit.
type Rounding string

// The rounding modes. All are symmetric about zero.
const (
	HalfUp   Rounding = "half_up"   // ties away from zero: 0.005 to 0.01
	HalfEven Rounding = "half_even" // ties to the even neighbour: 0.005 to 0.00, 0.015 to 0.02
	Up       Rounding = "up"        // away from zero
	Down     Rounding = "down"      // towards zero
)

func (m Rounding) valid() bool { return m == "" || slices.Contains(Roundings, m) }

// MinorUnits is the number of decimals of an amount in the currency, by ISO
// 4217: JPY 0, USD 2, BHD 3.
func MinorUnits(code string) int32 {
	n, _ := currency.GetDigits(code)
	return int32(n)
}

// Round rounds an amount once, to places decimals.
func Round(amount decimal.Decimal, places int32, mode Rounding) decimal.Decimal {
	return divide(amount, 1, places, mode)
}

// divide is n/den rounded once, to places decimals. den is positive.
func divide(n decimal.Decimal, den int64, places int32, mode Rounding) decimal.Decimal {
	return divideBy(n, decimal.NewFromInt(den), places, mode)
}

// divideBy is n/d rounded once, to places decimals. d is positive.
func divideBy(n, d decimal.Decimal, places int32, mode Rounding) decimal.Decimal {
	q, rest := n.QuoRem(d, places) // n = d*q + rest, q cut towards zero
	if rest.IsZero() {
		return q
	}
	step := decimal.New(1, -places)
	if n.IsNegative() {
		step = step.Neg()
	}
	half := rest.Abs().Mul(decimal.NewFromInt(2)).Cmp(d.Shift(-places))
	switch mode {
	case Up:
		return q.Add(step)
	case Down:
		return q
	case HalfEven:
		odd := q.Shift(places).Mod(decimal.NewFromInt(2)).Sign() != 0
		if half > 0 || half == 0 && odd {
			return q.Add(step)
		}
		return q
	}
	if half >= 0 {
		return q.Add(step)
	}
	return q
}

// exactPlaces is how many decimals past an amount's own a quotient by Per
// keeps when it never ends, as 0.01 / 60 does.
const exactPlaces = 12

// quotient is n/den with every decimal it has; one that never ends is rounded
// half to even, exactPlaces past the decimals of n. A quotient by 60 or by the
// days of a month that ends does so within two decimals of n's.
func quotient(n decimal.Decimal, den int64) decimal.Decimal {
	return divide(n, den, decimals(n)+exactPlaces, HalfEven)
}

// decimals counts the decimals of a number, without trailing zeros: 1.50 has
// one, as 1.5 does.
func decimals(n decimal.Decimal) int32 {
	_, after, _ := strings.Cut(n.String(), ".")
	return int32(len(after))
}

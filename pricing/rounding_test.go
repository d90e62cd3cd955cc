package pricing

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestRound(t *testing.T) {
	tests := []struct {
		amount                     string
		places                     int32
		halfUp, halfEven, up, down string
	}{
		{"0", 2, "0", "0", "0", "0"},
		{"1.23", 2, "1.23", "1.23", "1.23", "1.23"},
		// Ties.
		{"0.005", 2, "0.01", "0", "0.01", "0"},
		{"0.015", 2, "0.02", "0.02", "0.02", "0.01"},
		{"3.685", 2, "3.69", "3.68", "3.69", "3.68"},
		{"13.965", 2, "13.97", "13.96", "13.97", "13.96"},
		{"2.5", 0, "3", "2", "3", "2"},
		{"0.0005", 3, "0.001", "0", "0.001", "0"},
		// Just beside a tie.
		{"0.00499999999999999999", 2, "0", "0", "0.01", "0"},
		{"0.00500000000000000001", 2, "0.01", "0.01", "0.01", "0"},
		// Negative amounts mirror positive ones.
		{"-0.005", 2, "-0.01", "0", "-0.01", "0"},
		{"-13.965", 2, "-13.97", "-13.96", "-13.97", "-13.96"},
		{"-1.231", 2, "-1.23", "-1.23", "-1.24", "-1.23"},
		{"1000000000000.000000001", 2, "1000000000000", "1000000000000", "1000000000000.01", "1000000000000"},
	}
	for _, tt := range tests {
		for mode, want := range map[Rounding]string{HalfUp: tt.halfUp, "": tt.halfUp, HalfEven: tt.halfEven, Up: tt.up, Down: tt.down} {
			if got := Round(dec(tt.amount), tt.places, mode); !got.Equal(dec(want)) {
				t.Errorf("Round(%s, %d, %q) = %s, want %s", tt.amount, tt.places, mode, got, want)
			}
		}
	}
}

// roundRat rounds n/den by the definition of each mode, in rationals.
func roundRat(n *big.Rat, den int64, places int32, mode Rounding) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	x := new(big.Rat).Quo(n, new(big.Rat).SetInt64(den))
	x.Mul(x, new(big.Rat).SetInt(scale))
	sign := x.Sign()
	x.Abs(x)
	floor := new(big.Int).Quo(x.Num(), x.Denom())
	rest := new(big.Rat).Sub(x, new(big.Rat).SetInt(floor))
	half := rest.Cmp(big.NewRat(1, 2))
	more := false
	switch mode {
	case Up:
		more = rest.Sign() > 0
	case HalfUp:
		more = half >= 0
	case HalfEven:
		more = half > 0 || half == 0 && floor.Bit(0) == 1
	}
	if more {
		floor.Add(floor, big.NewInt(1))
	}
	out := new(big.Rat).SetFrac(floor, scale)
	if sign < 0 {
		out.Neg(out)
	}
	return out
}

func rat(d decimal.Decimal) *big.Rat { return d.Rat() }

func TestDivideAgainstRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := decimal.New(rapid.Int64Range(-1e15, 1e15).Draw(t, "n"), -rapid.Int32Range(0, 12).Draw(t, "scale"))
		den := rapid.SampledFrom([]int64{1, 2, 3, 7, 28, 29, 30, 31, 60, 100, 1000}).Draw(t, "den")
		places := rapid.Int32Range(0, 6).Draw(t, "places")
		mode := rapid.SampledFrom([]Rounding{HalfUp, HalfEven, Up, Down}).Draw(t, "mode")
		got, want := divide(n, den, places, mode), roundRat(rat(n), den, places, mode)
		if rat(got).Cmp(want) != 0 {
			t.Fatalf("divide(%s, %d, %d, %s) = %s, want %s", n, den, places, mode, got, want.FloatString(int(places)))
		}
	})
}

func TestQuotientIsExactWhereItEnds(t *testing.T) {
	for _, tt := range []struct {
		n    string
		den  int64
		want string
	}{
		{"0.0125", 1, "0.0125"},
		{"1.5", 60, "0.025"},
		{"0.0001", 60, "0.0000016666666667"},
		{"0.0003", 60, "0.000005"},
		{"62", 31, "2"},
		{"1", 3, "0.333333333333"},
	} {
		if got := quotient(dec(tt.n), tt.den); !got.Equal(dec(tt.want)) {
			t.Errorf("quotient(%s, %d) = %s, want %s", tt.n, tt.den, got, tt.want)
		}
	}
}

func TestMinorUnits(t *testing.T) {
	for code, want := range map[string]int32{"JPY": 0, "USD": 2, "EUR": 2, "BHD": 3, "CLP": 0} {
		if got := MinorUnits(code); got != want {
			t.Errorf("MinorUnits(%s) = %d, want %d", code, got, want)
		}
	}
}

package render

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/billing"
	"subtally/pricing"
)

func TestMinorUnits(t *testing.T) {
	for code, want := range map[string]int32{"JPY": 0, "USD": 2, "BHD": 3} {
		if got, err := minorUnits(code); err != nil || got != want {
			t.Errorf("minorUnits(%s) = %d, %v, want %d", code, got, err, want)
		}
	}
}

// TestQuantityAndPrice reads as an invoice line: so much at that price.
func TestQuantityAndPrice(t *testing.T) {
	october := billing.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "UTC")
	for _, test := range []struct {
		quantity string
		unit     pricing.Unit
		price    string
		per      int64
		want     string
	}{
		{"7380", pricing.Second, "0.025", 60, "123 min at 0.025 / min"},
		{"7384", pricing.Second, "0.00725", 60, "123:04 min at 0.00725 / min"},
		{"59", pricing.Second, "1", 60, "0:59 min at 1.00 / min"},
		{"-90", pricing.Second, "1", 60, "-1:30 min at 1.00 / min"},
		{"60.25", pricing.Second, "1", 60, "1:00.25 min at 1.00 / min"},
		{"74040000", pricing.Second, "1", 60, "1,234,000 min at 1.00 / min"},
		{"7200", pricing.Second, "1", 3600, "2 h at 1.00 / h"},
		{"7263", pricing.Second, "1", 3600, "2:01:03 h at 1.00 / h"},
		{"7263", pricing.Second, "0.0001", 1, "7,263 s at 0.0001 / s"},
		{"7263", pricing.Second, "0.01", 6, "7,263 s at 0.01 / 6 s"},
		{"1", pricing.Segment, "0.0075", 1, "1 segment at 0.0075 / segment"},
		{"1234", pricing.Segment, "0.5", 1, "1,234 segments at 0.50 / segment"},
		{"0", pricing.Message, "5", 1000, "0 messages at 5.00 / 1,000 messages"},
		{"17", pricing.Day, "1.15", 31, "17 days at 1.15 / month"},
		{"1", pricing.Day, "1.15", 30, "1 day at 1.15 / 30 days"},
		{"1", pricing.Day, "0.1", 1, "1 day at 0.10 / day"},
		{"2.5", pricing.PerCall, "1", 1, "2.5 calls at 1.00 / call"},
		{"1", pricing.Month, "49", 1, "1 month at 49.00 / month"},
		{"3", "fax", "1", 1, "3 fax at 1.00 / fax"},
	} {
		line := pricing.Line{Quantity: dec(test.quantity), Unit: test.unit, UnitPrice: dec(test.price), Per: test.per}
		got := quantity(line, layout(t)) + " at " + unitPrice(line, october, 2, layout(t))
		if got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// A price for all days of a period is one per month only if that is a month.
func TestPricePerDaysOfAnOddPeriod(t *testing.T) {
	p := billing.Period{From: pricing.Date{Year: 2026, Month: 10, Day: 5}, To: pricing.Date{Year: 2026, Month: 10, Day: 15}}
	line := pricing.Line{Quantity: dec("2"), Unit: pricing.Day, UnitPrice: dec("1"), Per: 10}
	if got, want := unitPrice(line, p, 2, layout(t)), "1.00 / 10 days"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A fee in advance is for the days of the month that it is for.
func TestPricePerDaysOfAnotherMonth(t *testing.T) {
	p := billing.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "UTC")
	line := pricing.Line{Quantity: dec("16"), Unit: pricing.Day, UnitPrice: dec("30"), Per: 30, From: pricing.Date{Year: 2026, Month: 11, Day: 15}, To: pricing.Date{Year: 2026, Month: 12, Day: 1}}
	if got, want := unitPrice(line, p, 2, layout(t)), "30.00 / month"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestQuantityIsExact reads printed quantities back: nothing is lost.
func TestQuantityIsExact(t *testing.T) {
	l := layout(t)
	rapid.Check(t, func(t *rapid.T) {
		q := decimal.New(rapid.Int64().Draw(t, "quantity"), -rapid.Int32Range(0, 12).Draw(t, "decimals"))
		per := rapid.SampledFrom([]int64{1, 6, 60, 3600}).Draw(t, "per")
		text := quantity(pricing.Line{Quantity: q, Unit: pricing.Second, Per: per}, l)
		digits, unit, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), " ")
		parts := strings.Split(strings.TrimPrefix(digits, "-"), ":")
		factor := map[string]decimal.Decimal{"s": dec("1"), "min": dec("60"), "h": dec("3600")}[unit]
		got := decimal.Zero
		for _, part := range parts {
			got = got.Add(dec(part).Mul(factor))
			factor = factor.DivRound(sixty, 0)
		}
		if strings.HasPrefix(digits, "-") {
			got = got.Neg()
		}
		if !got.Equal(q) {
			t.Fatalf("%s s is printed as %s", q, text)
		}
	})
}

func TestPercent(t *testing.T) {
	for _, test := range []struct{ part, whole, want string }{
		{"1", "3", "33.3%"}, {"2", "3", "66.7%"}, {"-3.3", "88.1", "-3.7%"}, {"1", "1", "100.0%"},
		{"0.0005", "1", "0.1%"}, {"123456", "1", "12,345,600.0%"},
	} {
		if got := percent(dec(test.part), dec(test.whole), layout(t)); got != test.want {
			t.Errorf("percent(%s, %s) = %s, want %s", test.part, test.whole, got, test.want)
		}
	}
}

package render

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/billing"
	"subtally/pricing"
)

func TestShares(t *testing.T) {
	for _, test := range []struct{ amounts, want, below string }{
		{"", "", ""},
		{"0", "", ""},
		{"-5", "", "a"},
		{"12.34", "100.0%", ""},
		{"1 1 1", "33.4% 33.3% 33.3%", ""},
		{"2 1", "66.7% 33.3%", ""},
		// 0.55, 0.45 and 99 of 100: whole tenths 5, 4 and 990, and the first of two
		// equal remainders.
		{"0.55 0.45 99", "0.6% 0.4% 99.0%", ""},
		// 0.0099 %: not a tenth, but there.
		{"1 10000", "< 0.1% 100.0%", ""},
		{"60 0 -20 40", "60.0% 40.0%", "c"},
		{"-1 7 -3", "100.0%", "a c"},
	} {
		var groups []group
		for i, a := range strings.Fields(test.amounts) {
			groups = append(groups, group{name: string(rune('a' + i)), amount: dec(a)})
		}
		got, below := shares(groups, layout(t))
		var percents []string
		for _, s := range got {
			percents = append(percents, s.percent)
		}
		if strings.Join(percents, " ") != test.want || strings.Join(below, " ") != test.below {
			t.Errorf("shares of %q: %q, below zero %q; want %q, %q", test.amounts, percents, below, test.want, test.below)
		}
	}
}

// TestApportion holds that percentages add up to 100 and are less than one unit off.
func TestApportion(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var amounts []decimal.Decimal
		sum := decimal.Zero
		for _, cents := range rapid.SliceOfN(rapid.Int64Range(1, 1_000_000_00), 1, 12).Draw(r, "cents") {
			amounts = append(amounts, decimal.New(cents, -2))
			sum = sum.Add(amounts[len(amounts)-1])
		}
		total := int64(0)
		for i, n := range apportion(amounts, 1000) {
			total += n
			off := decimal.NewFromInt(n).Mul(sum).Sub(amounts[i].Mul(decimal.NewFromInt(1000))).Abs()
			if !off.LessThan(sum) {
				r.Fatalf("%s of %s is %d of 1000", amounts[i], sum, n)
			}
		}
		if total != 1000 {
			r.Fatalf("the shares of %s are %d of 1000", amounts, total)
		}
	})
}

func TestShareWidths(t *testing.T) {
	for _, amounts := range [][]string{{"1"}, {"1", "1"}, {"0.01", "1000000"}, {"0.01", "0.01", "0.01", "99999", "5"}} {
		var list []share
		for _, a := range amounts {
			list = append(list, share{amount: dec(a)})
		}
		widths := shareWidths(list, 480)
		sum := float64(len(widths)-1) * shareGap
		for _, w := range widths {
			sum += w
		}
		if math.Abs(sum-480) > 1e-6 || slices.Min(widths) < shareLeast {
			t.Errorf("widths of %s: %v, in all %g", amounts, widths, sum)
		}
	}
}

// Whatever the accent is, the shares of an invoice differ in grey print.
func TestShadesInGrey(t *testing.T) {
	for _, accent := range []colour{{R: 0x1F, G: 0x5F, B: 0x8B}, {}, {R: 255, G: 255, B: 255}, {R: 255, G: 224}, {B: 255}, {R: 192}} {
		for n := 1; n <= len(pricing.Categories); n++ {
			last := 0.0
			for i := range n {
				b := shade(accent, i, n).Brightness()
				if b < last+0.05 || b > 0.9 {
					t.Errorf("accent %v: shade %d of %d has brightness %.2f after %.2f", accent, i+1, n, b, last)
				}
				last = b
			}
		}
	}
}

// TestShareChart reads the chart of an invoice with a credit and a tiny category,
// and finds none on one without amounts.
func TestShareChart(t *testing.T) {
	doc := readJSON[billing.Document](t, "typical")
	line := func(c pricing.Category, amount string) pricing.Line {
		return pricing.Line{Category: c, Quantity: dec("1"), Unit: pricing.Month, UnitPrice: dec(amount), Per: 1}
	}
	doc.Lines = []pricing.Line{line(pricing.Calls, "899.50"), line(pricing.Messages, "0.50"), line(pricing.Fees, "100"), line(pricing.CreditsUsed, "-40")}
	addUp(doc)
	pages := readPDF(t, invoicePDF(t, doc))
	checkGeometry(t, pages)
	text := pages[0].String()
	// 89.95, 0.05 and 10 %: whole tenths 899, 0 and 100; of equal remainders the first.
	for _, want := range []string{"Share per category (EUR)", "Calls\n899.50\n90.0%", "Messages\n0.50\n< 0.1%", "Fees\n100.00\n10.0%", "Below zero, and not in the chart: Credits"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, name := range []string{"zero"} {
		for _, p := range readPDF(t, invoicePDF(t, readJSON[billing.Document](t, name))) {
			if strings.Contains(p.String(), "Share per category") {
				t.Errorf("%s has a chart of shares", name)
			}
		}
	}
	for i := range doc.Lines { // as a credit note has them
		doc.Lines[i].Quantity = doc.Lines[i].Quantity.Neg()
	}
	doc.Lines[3].Quantity = decimal.Zero
	addUp(doc)
	if text := fmt.Sprint(readPDF(t, invoicePDF(t, doc))); strings.Contains(text, "Share per category") {
		t.Error("an invoice below zero has a chart of shares")
	}
}

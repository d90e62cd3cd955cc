package pricing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// showTaxes prints an invoice's sums: the net, each tax as "name base amount"
// with "in" where it is contained in the lines, and the total.
func showTaxes(net decimal.Decimal, taxes []Tax, total decimal.Decimal) []string {
	out := []string{"net " + net.String()}
	for _, tax := range taxes {
		s := fmt.Sprintf("%s %s %s", tax.Name, tax.Base, tax.Amount)
		if tax.Inclusive {
			s += " in"
		}
		out = append(out, s)
	}
	return append(out, "total "+total.String())
}

func TestInclusiveTaxes(t *testing.T) {
	// lines reads amounts and tax codes: "119.00 A, 7".
	lines := func(s string) (out []Line) {
		for text := range strings.SplitSeq(s, ", ") {
			amount, code, _ := strings.Cut(text, " ")
			out = append(out, Line{Amount: dec(amount), TaxCode: code})
		}
		return out
	}
	in := func(name, rate string, codes ...string) TaxRate {
		return TaxRate{Name: name, Rate: dec(rate), Codes: codes, Inclusive: true}
	}
	on := func(name, rate string, codes ...string) TaxRate {
		return TaxRate{Name: name, Rate: dec(rate), Codes: codes}
	}
	compound := func(r TaxRate) TaxRate { r.Compound = true; return r }
	tests := []struct {
		name     string
		currency string
		rounding Rounding
		perLine  bool
		lines    string
		rates    []TaxRate
		want     string
	}{
		// 119 x 19/119.
		{"one", "USD", "", false, "100.00, 19.00", []TaxRate{in("VAT", "19")}, "net 100; VAT 100 19 in; total 119"},
		// 10.06 x 19/119 = 1.60621...; 10.06 - 1.61.
		{"one, rounded once", "USD", "", false, "0.03, 0.03, 10.00", []TaxRate{in("VAT", "19")}, "net 8.45; VAT 8.45 1.61 in; total 10.06"},
		// 0.14 x 12/112 = 0.015 goes up to 0.02, and 0.12 are left, not the 0.125 that would go up to 0.13.
		{"half a cent: base and tax make the price", "USD", "", false, "0.14", []TaxRate{in("VAT", "12")}, "net 0.12; VAT 0.12 0.02 in; total 0.14"},
		// 0.42 x 12/112 = 0.045 goes to 0.04.
		{"half to even", "USD", HalfEven, false, "0.42", []TaxRate{in("VAT", "12")}, "net 0.38; VAT 0.38 0.04 in; total 0.42"},
		// 115 / 1.15 = 100; 10 and 5 of it.
		{"two: neither is on the other", "USD", "", false, "115.00", []TaxRate{in("A", "10"), in("B", "5")}, "net 100; A 100 10 in; B 100 5 in; total 115"},
		// 10 / 1.15 = 8.69565...; 0.869565... and 0.434782...
		{"two, rounded", "USD", "", false, "10.00", []TaxRate{in("A", "10"), in("B", "5")}, "net 8.7; A 8.7 0.87 in; B 8.7 0.43 in; total 10"},
		// 1 + 0.1 + 0.05 x 1.1 = 1.155; 231 / 1.155 = 200; 20, and 5 % of 220.
		{"compound", "USD", "", false, "231.00", []TaxRate{in("A", "10"), compound(in("B", "5"))}, "net 200; A 200 20 in; B 220 11 in; total 231"},
		// 1 + 0.1 + 0.11 + 0.05 x 1.21 = 1.2705; 1270.50 / 1.2705 = 1000.
		{"compound twice", "USD", "", false, "1270.50", []TaxRate{in("A", "10"), compound(in("B", "10")), compound(in("C", "5"))},
			"net 1000; A 1000 100 in; B 1100 110 in; C 1210 60.5 in; total 1270.5"},
		// 110 / 1.1 = 100, on which comes 7 %.
		{"and one on top: on the price without the first", "USD", "", false, "110.00", []TaxRate{in("A", "10"), on("B", "7")}, "net 100; A 100 10 in; B 100 7; total 117"},
		{"the order of the two does not matter", "USD", "", false, "110.00", []TaxRate{on("B", "7"), in("A", "10")}, "net 100; B 100 7; A 100 10 in; total 117"},
		// 105 x 5/105 = 5; what is contained cannot be on what comes on top.
		{"one that is contained and compound, after one on top", "USD", "", false, "105.00", []TaxRate{on("A", "10"), compound(in("B", "5"))}, "net 100; A 100 10; B 100 5 in; total 115"},
		// 7 % of 110.
		{"and one on top that is compound: on the price as it is", "USD", "", false, "110.00", []TaxRate{in("A", "10"), compound(on("B", "7"))}, "net 100; A 100 10 in; B 110 7.7; total 117.7"},
		// 10.01 x 10/110 = 0.91 exactly; 20.03 x 10/110 = 1.8209...; together 2.7309... The lines of Y alone: 20.03 - 1.82 = 18.21; 5 % is 0.9105.
		{"and one on top of some of its lines", "USD", "", false, "10.01 X, 20.03 Y", []TaxRate{in("A", "10"), on("B", "5", "Y")}, "net 27.31; A 27.31 2.73 in; B 18.21 0.91; total 30.95"},
		// 110 / 1.1 = 100 of X; 115.50 / 1.155 = 100 of Y: 10 + 10, and 5 % of 110.
		{"compound on some of the lines of the one before", "USD", "", false, "110.00 X, 115.50 Y", []TaxRate{in("A", "10"), compound(in("B", "5", "Y"))},
			"net 200; A 200 20 in; B 110 5.5 in; total 225.5"},
		// 110 x 10/110 - 55 x 10/110 = 10 - 5.
		{"a credit contains taxes too", "USD", "", false, "110.00, -55.00", []TaxRate{in("A", "10")}, "net 50; A 50 5 in; total 55"},
		// -10.06 x 19/119 = -1.60621...
		{"all lines below zero", "USD", "", false, "-10.06", []TaxRate{in("VAT", "19")}, "net -8.45; VAT -8.45 -1.61 in; total -10.06"},
		// 1234 x 10/110 = 112.18...
		{"yen", "JPY", "", false, "1234", []TaxRate{in("JCT", "10")}, "net 1122; JCT 1122 112 in; total 1234"},
		// 1.234 x 5/105 = 0.058761...
		{"dinar", "BHD", "", false, "1.234", []TaxRate{in("VAT", "5")}, "net 1.175; VAT 1.175 0.059 in; total 1.234"},
		{"a rate of 0", "USD", "", false, "5.00", []TaxRate{in("VAT", "0")}, "net 5; VAT 5 0 in; total 5"},
		{"a code that no line has", "USD", "", false, "5.00 X", []TaxRate{in("A", "10", "Y")}, "net 5; total 5"},

		{"no tax on none", "USD", "", false, "119.00, 50.00 none", []TaxRate{in("VAT", "19"), on("B", "10")}, "net 150; VAT 100 19 in; B 100 10; total 179"},
		{"but one that lists it", "USD", "", false, "100.00, 50.00 none", []TaxRate{on("VAT", "19"), on("Levy", "2", "none")}, "net 150; VAT 100 19; Levy 50 1; total 170"},
		// GST is 5 % of both: 5 + 2.50; QST is on X and its GST alone: 10 % of 105.
		{"a compound tax is on the taxes of its own lines", "USD", "", false, "100.00 X, 50.00 Y", []TaxRate{on("GST", "5"), compound(on("QST", "10", "X"))},
			"net 150; GST 150 7.5; QST 105 10.5; total 168"},

		// 10 % of 0.15 is 0.015, three times, together 0.045.
		{"per invoice: half a cent once", "USD", "", false, "0.15, 0.15, 0.15", []TaxRate{on("VAT", "10")}, "net 0.45; VAT 0.45 0.05; total 0.5"},
		{"per line: half a cent three times", "USD", "", true, "0.15, 0.15, 0.15", []TaxRate{on("VAT", "10")}, "net 0.45; VAT 0.45 0.06; total 0.51"},
		// 1.05 x 10/110 = 0.09545..., three times 0.2864.
		{"per invoice, contained", "USD", "", false, "1.05, 1.05, 1.05", []TaxRate{in("VAT", "10")}, "net 2.86; VAT 2.86 0.29 in; total 3.15"},
		{"per line, contained", "USD", "", true, "1.05, 1.05, 1.05", []TaxRate{in("VAT", "10")}, "net 2.85; VAT 2.85 0.3 in; total 3.15"},
		// 10 % of 0.15 is 0.015: 0.02 on each; then 10 % of 0.17 is 0.017: 0.02 on each.
		{"per line, compound", "USD", "", true, "0.15, 0.15, 0.15", []TaxRate{on("A", "10"), compound(on("B", "10"))}, "net 0.45; A 0.45 0.06; B 0.51 0.06; total 0.57"},
		// 10 % of 0.45 is 0.045: 0.05; then 10 % of 0.50.
		{"per invoice, compound", "USD", "", false, "0.15, 0.15, 0.15", []TaxRate{on("A", "10"), compound(on("B", "10"))}, "net 0.45; A 0.45 0.05; B 0.5 0.05; total 0.55"},
		// 0.02 on each, and a credit's -0.02.
		{"per line, a line below zero", "USD", "", true, "0.15, 0.15, -0.15", []TaxRate{on("VAT", "10")}, "net 0.15; VAT 0.15 0.02; total 0.17"},
		{"per line, no tax on none", "USD", "", true, "0.15, 0.15 none", []TaxRate{on("VAT", "10")}, "net 0.3; VAT 0.15 0.02; total 0.32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Plan{Currency: tt.currency, Rounding: tt.rounding}
			if tt.perLine {
				p.TaxRounding = TaxPerLine
			}
			got := showTaxes(p.Total(lines(tt.lines), tt.rates))
			if diff := cmp.Diff(strings.Split(tt.want, "; "), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTaxesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"USD", "JPY", "BHD"}).Draw(t, "currency")
		places := MinorUnits(code)
		p := &Plan{
			Currency:    code,
			Rounding:    rapid.SampledFrom([]Rounding{HalfUp, HalfEven, Up, Down}).Draw(t, "rounding"),
			TaxRounding: rapid.SampledFrom([]string{"", TaxPerInvoice, TaxPerLine}).Draw(t, "tax rounding"),
		}
		codes := rapid.SampledFrom([]string{"", "A", "B", Untaxed})
		var lines []Line
		var sum decimal.Decimal
		for range rapid.IntRange(0, 5).Draw(t, "lines") {
			l := Line{Amount: decimal.New(rapid.Int64Range(-1000, 100_000).Draw(t, "amount"), -places), TaxCode: codes.Draw(t, "code")}
			lines, sum = append(lines, l), sum.Add(l.Amount)
		}
		var rates []TaxRate
		for range rapid.IntRange(0, 4).Draw(t, "taxes") {
			rates = append(rates, TaxRate{
				Rate:      decimal.New(rapid.Int64Range(0, 100_000).Draw(t, "rate"), -3),
				Codes:     rapid.SliceOfN(codes, 0, 2).Draw(t, "codes"),
				Inclusive: rapid.Bool().Draw(t, "inclusive"),
				Compound:  rapid.Bool().Draw(t, "compound"),
			})
		}
		net, taxes, total := p.Total(lines, rates)
		all, onTop := net, sum
		for _, tax := range taxes {
			all = all.Add(tax.Amount)
			if !tax.Inclusive {
				onTop = onTop.Add(tax.Amount)
			}
			if decimals(tax.Amount) > places || decimals(tax.Base) > places {
				t.Fatalf("tax %+v is not in minor units", tax)
			}
		}
		if !all.Equal(total) {
			t.Fatalf("net and taxes add up to %s, not to the total of %s", all, total)
		}
		if !onTop.Equal(total) {
			t.Fatalf("lines and the taxes on top add up to %s, not to the total of %s", onTop, total)
		}
	})
}

// What is left after inclusive taxes, taxed with the same rates on top, is the
// price again where it was made so.
func TestInclusiveIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var on, in []TaxRate
		for range rapid.IntRange(1, 4).Draw(t, "taxes") {
			rate := TaxRate{Rate: decimal.NewFromInt(rapid.Int64Range(0, 100).Draw(t, "rate")), Compound: rapid.Bool().Draw(t, "compound")}
			on = append(on, rate)
			rate.Inclusive = true
			in = append(in, rate)
		}
		// Four taxes of whole percents end within eight decimals of a whole net.
		net := decimal.New(rapid.Int64Range(-1000, 1000).Draw(t, "net"), 8-MinorUnits("USD"))
		p := &Plan{Currency: "USD"}
		_, added, total := p.Total([]Line{{Amount: net}}, on)
		back, contained, same := p.Total([]Line{{Amount: total}}, in)
		if !back.Equal(net) || !same.Equal(total) {
			t.Fatalf("net %s of %s, want %s", back, total, net)
		}
		for i := range added {
			if !contained[i].Amount.Equal(added[i].Amount) || !contained[i].Base.Equal(added[i].Base) {
				t.Fatalf("tax %d contained: %+v; on top: %+v", i, contained[i], added[i])
			}
		}
	})
}

func TestCheckTaxRounding(t *testing.T) {
	for rounding, want := range map[string]string{"": "", TaxPerInvoice: "", TaxPerLine: "", "total": `tax_rounding: "total" is not known; use invoice or line`} {
		p := plan(Charge{Flat: &Flat{}})
		p.TaxRounding = rounding
		got := ""
		for _, problem := range p.Check(nil) {
			got += problem.Path + ": " + problem.Text
		}
		if got != want {
			t.Errorf("%q: %q, want %q", rounding, got, want)
		}
	}
}

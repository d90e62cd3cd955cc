package pricing

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustRates(t testing.TB, csv string) *ExchangeRates {
	t.Helper()
	x, problems := ParseExchangeRates(strings.NewReader(csv))
	if len(problems) > 0 {
		t.Fatalf("ParseExchangeRates: %v", byLine(problems))
	}
	return x
}

func TestExchangeRateIsTheLatestOnOrBeforeTheDay(t *testing.T) {
	// In no order of days, as a file is that new rates are put on top of.
	x := mustRates(t, `date,from,to,rate
2026-10-15,USD,EUR,0.93
2026-10-01,USD,EUR,0.92
2026-10-31,USD,EUR,0.94
2026-10-10,USD,GBP,0.75
2025-12-31,USD,JPY,149.5
`)
	tests := []struct{ from, to, day, want string }{
		{"USD", "EUR", "2026-09-30", ""},
		{"USD", "EUR", "2026-10-01", "0.92"},
		{"USD", "EUR", "2026-10-02", "0.92"},
		{"USD", "EUR", "2026-10-14", "0.92"},
		{"USD", "EUR", "2026-10-15", "0.93"},
		{"USD", "EUR", "2026-10-30", "0.93"},
		{"USD", "EUR", "2026-10-31", "0.94"},
		{"USD", "EUR", "2031-01-01", "0.94"},
		{"USD", "GBP", "2026-10-09", ""},
		{"USD", "GBP", "2026-10-10", "0.75"},
		{"USD", "JPY", "2026-01-01", "149.5"},
		{"EUR", "USD", "2026-10-31", ""}, // not inverted
		{"GBP", "EUR", "2026-10-31", ""}, // not by way of USD
		{"USD", "USD", "2026-10-31", ""},
		{"usd", "EUR", "2026-10-31", ""}, // records have capitals
	}
	for _, tt := range tests {
		day, err := ParseDate(tt.day)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := x.Lookup(tt.from, tt.to, day)
		if ok != (tt.want != "") || ok && got.Rate.String() != tt.want {
			t.Errorf("Lookup(%s, %s, %s) = %v, %t, want %q", tt.from, tt.to, tt.day, got, ok, tt.want)
		}
	}
	if rate, ok := (*ExchangeRates)(nil).Lookup("USD", "EUR", october); ok {
		t.Errorf("no rates have the rate %v", rate)
	}
}

func TestExchangeRateAgainstTryingEveryRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 1, 20, rapid.ID).Draw(t, "days")
		csv := "date,from,to,rate\n"
		for _, n := range days {
			day := october.AddDays(n).String()
			csv += day + ",USD,EUR,1." + strings.ReplaceAll(day, "-", "") + "\n"
		}
		x, problems := ParseExchangeRates(strings.NewReader(csv))
		if len(problems) > 0 {
			t.Fatal(byLine(problems))
		}
		on := rapid.IntRange(-2, 62).Draw(t, "on")
		latest := -1
		for _, n := range days {
			if n <= on && n > latest {
				latest = n
			}
		}
		got, ok := x.Lookup("USD", "EUR", october.AddDays(on))
		if ok != (latest >= 0) {
			t.Fatalf("found a rate: %t, in\n%s", ok, csv)
		}
		if want := "1." + strings.ReplaceAll(october.AddDays(latest).String(), "-", ""); ok && got.Rate.StringFixed(8) != want {
			t.Fatalf("rate %v, want %s in\n%s", got, want, csv)
		}
	})
}

func TestParseExchangeRatesTakesWhatSpreadsheetsWrite(t *testing.T) {
	x := mustRates(t, "\xef\xbb\xbf\r\nFrom, To ,Rate,DATE\r\n\r\n usd ,Eur,0.92,2026-10-01\r\n,,,\r\n  \r\n\"USD\",GBP,123456789012345678.123456789012345678,2026-10-01")
	if rate, ok := x.Lookup("USD", "EUR", october); !ok || rate.Rate.String() != "0.92" {
		t.Errorf("rate to EUR = %v, %t", rate, ok)
	}
	if rate, ok := x.Lookup("USD", "GBP", october); !ok || rate.Rate.String() != "123456789012345678.123456789012345678" {
		t.Errorf("rate to GBP = %v, %t", rate, ok)
	}
}

func TestParseExchangeRatesReportsEveryProblem(t *testing.T) {
	const header = "date,from,to,rate\n"
	tests := []struct {
		name, csv string
		want      []string
	}{
		{"empty file", "", []string{"1: the header line is missing: date,from,to,rate"}},
		{"no rows", header, []string{"1: there is no exchange rate below the header"}},
		{"columns", "date,from,price,to,from\n2026-10-01,USD,1,EUR,x\n", []string{
			`1: unknown column "price"; the columns are date, from, to, rate`, `1: column "from" stands twice`, `1: column "rate" is missing`}},
		{"no header", "2026-10-01,USD,EUR,0.92\n", []string{
			`1: unknown column "2026-10-01"; the columns are date, from, to, rate`, `1: unknown column "usd"; the columns are date, from, to, rate`,
			`1: unknown column "eur"; the columns are date, from, to, rate`, `1: unknown column "0.92"; the columns are date, from, to, rate`,
			`1: column "date" is missing`, `1: column "from" is missing`, `1: column "to" is missing`, `1: column "rate" is missing`}},
		{"all at once", header +
			"01.10.2026,USD,EUR,0.92\n" +
			"2026-10-01,$,EURO,0.92\n" +
			"2026-10-01,USD,usd,1\n" +
			"2026-10-01,USD,EUR,\"0,92\"\n" +
			"2026-10-02,USD,EUR,0\n" +
			"2026-10-03,USD,EUR,-1\n" +
			"2026-10-04,USD,EUR\n" +
			"2026-02-30,x,x,\n", []string{
			`2: date: "01.10.2026" is not a date like 2026-10-31`,
			`3: from: "$" is not an ISO 4217 currency code such as USD`,
			`3: to: "EURO" is not an ISO 4217 currency code such as USD`,
			`4: from and to are the same currency`,
			`5: rate: "0,92" is not a price like 0.0125`,
			`6: rate: a rate of 0 would make every cost nothing`,
			`7: rate: "-1" is not a price like 0.0125`,
			`8: 3 fields where the header has 4`,
			`9: date: "2026-02-30" is not a date like 2026-10-31`,
			`9: from: "X" is not an ISO 4217 currency code such as USD`,
			`9: to: "X" is not an ISO 4217 currency code such as USD`,
			`9: rate: "" is not a price like 0.0125`}},
		{"a day twice, and a third time, by line", header +
			"2026-10-01,USD,EUR,0.92\n2026-10-02,USD,EUR,0.93\n2026-10-01,USD,GBP,0.75\n" +
			"2026-10-01,usd,eur,0.92\n2026-10-02,USD,EUR,0.94\n2026-10-01,USD,EUR,0.91\n2026-10-01,USD,GBP,0.75\n", []string{
			"5: the rate from USD to EUR on 2026-10-01 is already on line 2",
			"6: the rate from USD to EUR on 2026-10-02 is already on line 3",
			"7: the rate from USD to EUR on 2026-10-01 is already on line 2",
			"8: the rate from USD to GBP on 2026-10-01 is already on line 4"}},
		{"broken quotes", header + "2026-10-01,US\"D,EUR,1\n2026-10-01,USD,EUR,x\n", []string{
			"2: bare \" in non-quoted-field", `3: rate: "x" is not a price like 0.0125`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, problems := ParseExchangeRates(strings.NewReader(tt.csv))
			if diff := cmp.Diff(tt.want, byLine(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if x != nil {
				t.Error("rates with problems were answered")
			}
		})
	}
	x, problems := ParseExchangeRates(io.MultiReader(strings.NewReader(header+"2026-10-01,USD,EUR,1\n"), iotest.ErrReader(errors.New("disk failed"))))
	if diff := cmp.Diff([]string{"0: disk failed"}, byLine(problems)); diff != "" || x != nil {
		t.Errorf("rates %v, problems (-want +got):\n%s", x, diff)
	}
}

// Whatever a file holds, ParseExchangeRates answers rates that can be found
// from their day on, or problems.
func FuzzParseExchangeRates(f *testing.F) {
	f.Add("date,from,to,rate\n2026-10-01,USD,EUR,0.92\n2026-09-01,usd,eur,0.9\n")
	f.Add("\xef\xbb\xbfrate,to,from,date\r\n,,,\r\n1,EUR,USD,2026-10-01\r\n1,EUR,USD,2026-10-01\r\n")
	f.Add("date,from,to,rate\n\"2026-10-\n01\",U\"SD,EUR,1e3\n")
	f.Fuzz(func(t *testing.T, csv string) {
		x, problems := ParseExchangeRates(strings.NewReader(csv))
		if (x == nil) == (len(problems) == 0) {
			t.Fatalf("rates %v with problems %v", x, problems)
		}
		checkProblems(t, csv, problems)
		if x == nil {
			return
		}
		if len(x.rates) == 0 {
			t.Error("rates without a rate")
		}
		for pair, rates := range x.rates {
			for i, r := range rates {
				if got, ok := x.Lookup(pair[0], pair[1], r.day); !ok || !got.Rate.Equal(r.rate) || got.Rate.Sign() <= 0 || got.Day != r.day {
					t.Errorf("Lookup(%v, %s) = %v, %t, want %s", pair, r.day, got, ok, r.rate)
				}
				before, ok := x.Lookup(pair[0], pair[1], r.day.AddDays(-1))
				if ok != (i > 0) || ok && !before.Rate.Equal(rates[i-1].rate) {
					t.Errorf("Lookup(%v, the day before %s) = %v, %t", pair, r.day, before, ok)
				}
			}
		}
	})
}

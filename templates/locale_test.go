package templates

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/pricing"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func locale(t testing.TB, name string) *Locale {
	t.Helper()
	l, err := ParseLocale(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLocaleForms holds the forms of CLDR 48, and of CLDR 36 for dates. A space in
// what is wanted is a no-break space, and a _ a narrow one.
func TestLocaleForms(t *testing.T) {
	october, january := pricing.Date{Year: 2026, Month: 10, Day: 31}, pricing.Date{Year: 2027, Month: 1, Day: 1}
	for _, tt := range []struct{ locale, october, january, thousand, million, amount, debt, percent string }{
		{"en", "October 31, 2026", "January 1, 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-US", "October 31, 2026", "January 1, 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-GB", "31 October 2026", "1 January 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-IE", "31 October 2026", "1 January 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-CA", "October 31, 2026", "January 1, 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-ZA", "31 October 2026", "01 January 2027", "1 234,50", "1 234 567,89", "USD 1 234,50", "-USD 1 234,50", "19,5%"},
		{"en-IN", "31 October 2026", "1 January 2027", "1,234.50", "12,34,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"en-DE", "31 October 2026", "1 January 2027", "1.234,50", "1.234.567,89", "1.234,50 USD", "-1.234,50 USD", "19,5 %"},
		{"de", "31. Oktober 2026", "1. Januar 2027", "1.234,50", "1.234.567,89", "1.234,50 USD", "-1.234,50 USD", "19,5 %"},
		{"de-DE", "31. Oktober 2026", "1. Januar 2027", "1.234,50", "1.234.567,89", "1.234,50 USD", "-1.234,50 USD", "19,5 %"},
		{"de-AT", "31. Oktober 2026", "1. Jänner 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "-USD 1.234,50", "19,5 %"},
		{"de-CH", "31. Oktober 2026", "1. Januar 2027", "1'234.50", "1'234'567.89", "USD 1'234.50", "USD-1'234.50", "19.5%"},
		{"fr", "31 octobre 2026", "1 janvier 2027", "1_234,50", "1_234_567,89", "1_234,50 USD", "-1_234,50 USD", "19,5 %"},
		{"fr-CA", "31 octobre 2026", "1 janvier 2027", "1 234,50", "1 234 567,89", "1 234,50 USD", "-1 234,50 USD", "19,5 %"},
		{"fr-BE", "31 octobre 2026", "1 janvier 2027", "1_234,50", "1_234_567,89", "1_234,50 USD", "-1_234,50 USD", "19,5 %"},
		{"es", "31 de octubre de 2026", "1 de enero de 2027", "1234,50", "1.234.567,89", "1234,50 USD", "-1234,50 USD", "19,5 %"},
		{"es-MX", "31 de octubre de 2026", "1 de enero de 2027", "1,234.50", "1,234,567.89", "USD 1,234.50", "-USD 1,234.50", "19.5%"},
		{"es-AR", "31 de octubre de 2026", "1 de enero de 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "-USD 1.234,50", "19,5%"},
		{"fr-CH", "31 octobre 2026", "1 janvier 2027", "1_234.50", "1_234_567.89", "1_234.50 USD", "-1_234.50 USD", "19,5%"},
		{"pt", "31 de outubro de 2026", "1 de janeiro de 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "-USD 1.234,50", "19,5%"},
		{"pt-BR", "31 de outubro de 2026", "1 de janeiro de 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "-USD 1.234,50", "19,5%"},
		{"pt-PT", "31 de outubro de 2026", "1 de janeiro de 2027", "1234,50", "1 234 567,89", "1234,50 USD", "-1234,50 USD", "19,5%"},
		{"it", "31 ottobre 2026", "1 gennaio 2027", "1234,50", "1.234.567,89", "1234,50 USD", "-1234,50 USD", "19,5%"},
		{"it-CH", "31 ottobre 2026", "1 gennaio 2027", "1234.50", "1'234'567.89", "USD 1234.50", "USD-1234.50", "19.5%"},
		{"nl", "31 oktober 2026", "1 januari 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "USD -1.234,50", "19,5%"},
		{"nl-BE", "31 oktober 2026", "1 januari 2027", "1.234,50", "1.234.567,89", "USD 1.234,50", "USD -1.234,50", "19,5%"},
		{"pl", "31 października 2026", "1 stycznia 2027", "1234,50", "1 234 567,89", "1234,50 USD", "-1234,50 USD", "19,5%"},
		{"pl-PL", "31 października 2026", "1 stycznia 2027", "1234,50", "1 234 567,89", "1234,50 USD", "-1234,50 USD", "19,5%"},
	} {
		t.Run(tt.locale, func(t *testing.T) {
			l := locale(t, tt.locale)
			spaces := strings.NewReplacer(" ", "\u00a0", "_", "\u202f")
			for _, c := range []struct{ what, got, want string }{
				{"date", l.Date(october), tt.october},
				{"date", l.Date(january), tt.january},
				{"thousand", l.Number(dec("1234.5"), 2), spaces.Replace(tt.thousand)},
				{"million", l.Number(dec("1234567.89"), 2), spaces.Replace(tt.million)},
				{"amount", l.Money(dec("1234.5"), "USD"), spaces.Replace(tt.amount)},
				{"amount below zero", l.Money(dec("-1234.5"), "USD"), spaces.Replace(tt.debt)},
				{"percent", l.Percent(dec("19.5"), 0), spaces.Replace(tt.percent)},
			} {
				if c.got != c.want {
					t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
				}
			}
		})
	}
}

func TestNumber(t *testing.T) {
	l := locale(t, "en")
	for _, test := range []struct {
		d        decimal.Decimal
		decimals int32
		want     string
	}{
		{dec("0"), 2, "0.00"},
		{dec("1234.5"), 2, "1,234.50"},
		{dec("-1234567.891"), 2, "-1,234,567.891"},
		{dec("999"), 0, "999"},
		{dec("1000"), 0, "1,000"},
		{dec("0.00725"), 2, "0.00725"},
		{dec("0.02500"), 2, "0.025"},
		{dec("-0.5"), 3, "-0.500"},
		{decimal.New(12, 3), 0, "12,000"},
		{dec("123456789012345678901234567890.123456789012345678"), 2, "123,456,789,012,345,678,901,234,567,890.123456789012345678"},
	} {
		if got := l.Number(test.d, test.decimals); got != test.want {
			t.Errorf("Number(%s, %d) = %s, want %s", test.d, test.decimals, got, test.want)
		}
	}
	for code, want := range map[string]string{"JPY": "JPY\u00a01,235", "USD": "USD\u00a01,235.00", "BHD": "BHD\u00a01,235.000"} {
		if got := l.Money(dec("1235"), code); got != want {
			t.Errorf("Money in %s: got %q, want %q", code, got, want)
		}
	}
}

// TestNumberIsExact reads printed numbers back: nothing is lost in any locale.
func TestNumberIsExact(t *testing.T) {
	var all []string
	for _, language := range Languages {
		all = append(all, language)
		for _, region := range []string{"AT", "BE", "BR", "CA", "CH", "GB", "IN", "MX", "PT", "US", "ZA"} {
			all = append(all, language+"-"+region)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		l, err := ParseLocale(rapid.SampledFrom(all).Draw(t, "locale"))
		if err != nil {
			t.Fatal(err)
		}
		d := decimal.New(rapid.Int64().Draw(t, "number"), -rapid.Int32Range(0, 12).Draw(t, "decimals"))
		text := l.Number(d, 2)
		back := strings.NewReplacer(l.group, "", l.decimal, ".", l.minus, "-").Replace(text)
		if got, err := decimal.NewFromString(back); err != nil || !got.Equal(d) {
			t.Fatalf("%s is printed as %q in %s", d, text, l)
		}
	})
}

func TestPlural(t *testing.T) {
	for language, want := range map[string]string{
		"pl": "0 many, 1 one, 2 few, 4 few, 5 many, 12 many, 22 few, 101 many, 1.5 other, 1000000 many, 100000000000002 few",
		"en": "0 other, 1 one, 2 other, 1.5 other, 10000001 other",
		"fr": "0 one, 1 one, 1.5 one, 2 other",
		"de": "0 other, 1 one, 0.1 other",
	} {
		l := locale(t, language)
		for pair := range strings.SplitSeq(want, ", ") {
			n, form, _ := strings.Cut(pair, " ")
			if got := l.Plural(dec(n)); got != form {
				t.Errorf("%s: %s is %s, want %s", language, n, got, form)
			}
			if got := l.Plural(dec("-" + n)); got != form {
				t.Errorf("%s: -%s is %s, want %s", language, n, got, form)
			}
		}
	}
}

func TestParseLocaleRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"":              "is not a locale",
		"english":       "is not a locale",
		"de_DE":         `did you mean "de-DE"?`,
		"de-at":         `did you mean "de-AT"?`,
		"DE":            `did you mean "de"?`,
		"xx":            "is not a locale",
		"de-QQQ":        "is not a locale",
		"sv-SE":         "use one of de, en, es, fr, it, nl, pl, pt, or one of them and a region, such as en-SE",
		"ja":            "not printed in that language",
		"de-u-nu-arab":  `did you mean "de"?`,
		"de-DE-1996":    `did you mean "de-DE"?`,
		"Local":         "is not a locale",
		"en_US.UTF-8":   "is not a locale",
		"zh-Hans-CN":    `did you mean "zh-CN"?`,
		"und":           "not printed in that language",
		" de":           "is not a locale",
		"de-AT\x00\xff": "is not a locale",
	} {
		if _, err := ParseLocale(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %s", name, err, want)
		}
	}
}

package templates

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/bojanz/currency"
	"github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/de_AT"
	"github.com/go-playground/locales/de_CH"
	"github.com/go-playground/locales/de_IT"
	"github.com/go-playground/locales/de_LI"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/en_001"
	"github.com/go-playground/locales/en_BW"
	"github.com/go-playground/locales/en_BZ"
	"github.com/go-playground/locales/en_CA"
	"github.com/go-playground/locales/en_MT"
	"github.com/go-playground/locales/en_ZA"
	"github.com/go-playground/locales/en_ZW"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/es_HN"
	"github.com/go-playground/locales/es_PE"
	"github.com/go-playground/locales/es_UY"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/fr_CH"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/nl"
	"github.com/go-playground/locales/pl"
	"github.com/go-playground/locales/pt"
	"github.com/shopspring/decimal"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"subtally/pricing"
)

// Languages are those that documents are printed in.
var Languages = []string{"de", "en", "es", "fr", "it", "nl", "pl", "pt"}

// DefaultLocale is that of documents that name none.
const DefaultLocale = "en"

// Locale is how numbers, amounts and dates are written, after CLDR: with the
// digits 0 to 9, and with every digit that a number has.
//
// The forms are those of the libraries, learnt by having them format samples:
// they round amounts to so many decimals, and know no plain decimals.
type Locale struct {
	tag      language.Tag
	language string
	dates    locales.Translator

	group, decimal, minus string
	first, others, least  int    // digits of the last group, of those before it, and before the last for there to be groups
	money, negative       string // an amount and one below zero, such as "USD 1"
	percent               string // such as "1 %"
	percentDecimal        string // the decimal mark of percentages
}

// calendars have the dates and percentages of languages, and of their regions
// that write them in another way.
var calendars = func() map[string]locales.Translator {
	all := map[string]locales.Translator{}
	for _, l := range []locales.Translator{
		de.New(), de_AT.New(), de_CH.New(), de_IT.New(), de_LI.New(),
		en.New(), en_001.New(), en_BW.New(), en_BZ.New(), en_CA.New(), en_MT.New(), en_ZA.New(), en_ZW.New(),
		es.New(), es_HN.New(), es_PE.New(), es_UY.New(),
		fr.New(), fr_CH.New(), it.New(), nl.New(), pl.New(), pt.New(),
	} {
		all[strings.ReplaceAll(l.Locale(), "_", "-")] = l
	}
	return all
}()

// known keeps locales that were asked for: learning one's forms takes longer
// than writing an invoice's numbers.
var known sync.Map

// ParseLocale reads a locale: a language of [Languages], or one and a region,
// such as de-AT (BCP 47).
func ParseLocale(name string) (*Locale, error) {
	if l, ok := known.Load(name); ok {
		return l.(*Locale), nil
	}
	l, err := learn(name)
	if err != nil {
		return nil, err
	}
	known.Store(name, l)
	return l, nil
}

// The samples that forms are learnt from.
const (
	sample = "1234567890.5"
	code   = "USD"
)

func learn(name string) (*Locale, error) {
	const form = "use a language, or one and a region, such as de or de-AT"
	tag, err := language.Parse(name)
	if err != nil || name == "" {
		return nil, fmt.Errorf("%q is not a locale: %s", name, form)
	}
	base, _, region := tag.Raw()
	plain := base.String()
	if region.String() != "ZZ" {
		plain += "-" + region.String()
	}
	if name != plain {
		return nil, fmt.Errorf("%q is not a locale as it is written here: did you mean %q?", name, plain)
	}
	l := &Locale{tag: tag, language: base.String()}
	for at := tag; l.dates == nil; at = at.Parent() {
		if at == language.Und {
			return nil, fmt.Errorf("locale %q: documents are not printed in that language: use one of %s, or one of them and a region, such as en-%s",
				name, strings.Join(Languages, ", "), region)
		}
		l.dates = calendars[at.String()]
	}
	f := currency.NewFormatter(currency.NewLocale(name))
	f.MinDigits = 0
	format := func(number string, display currency.Display) string {
		f.CurrencyDisplay = display
		amount, amountErr := currency.NewAmount(number, code)
		if amountErr != nil {
			err = amountErr
		}
		return f.Format(amount)
	}
	l.money, l.negative = format("1", currency.DisplayCode), format("-1", currency.DisplayCode)
	l.minus = strings.TrimSuffix(format("-1", currency.DisplayNone), "1")
	l.percent = l.percentForm()
	groups, marks := split(format(sample, currency.DisplayNone))
	if err != nil {
		return nil, fmt.Errorf("learn how locale %q writes numbers: %w", name, err)
	}
	n := len(groups) - 1 // of the decimals
	l.group, l.decimal = marks[0], marks[n-1]
	l.percentDecimal = l.decimal
	if name == "fr-CH" { // where the point is that of amounts only
		l.percentDecimal = ","
	}
	l.first, l.others, l.least = len(groups[n-1]), len(groups[n-2]), 1
	if short, _ := split(format("1"+strings.Repeat("0", l.first), currency.DisplayNone)); len(short) == 1 {
		l.least = 2
	}
	return l, nil
}

// percentForm is how 1 percent is written, such as "1 %", after CLDR 48, which has
// no space in Dutch and in the Spanish of the Americas, and one in the English of
// Austria and Germany; the library is older.
func (l *Locale) percentForm() string {
	form := l.dates.FmtPercent(1, 0)
	american := false
	for at := l.tag; at != language.Und; at = at.Parent() {
		american = american || at == language.LatinAmericanSpanish
	}
	switch name := l.tag.String(); {
	case l.language == "nl", american:
		return strings.ReplaceAll(form, "\u00a0", "")
	case name == "en-AT", name == "en-DE":
		return "1\u00a0%"
	}
	return form
}

// split cuts a number into its runs of digits and the marks between them.
func split(number string) (digits, marks []string) {
	start := 0
	for i, r := range number {
		if i > start && unicode.IsDigit(r) != unicode.IsDigit(rune(number[start])) {
			if unicode.IsDigit(r) {
				marks = append(marks, number[start:i])
			} else {
				digits = append(digits, number[start:i])
			}
			start = i
		}
	}
	return append(digits, number[start:]), marks
}

// Language is the locale's, such as de.
func (l *Locale) Language() string { return l.language }

// String is the locale as in BCP 47, such as de-AT.
func (l *Locale) String() string { return l.tag.String() }

// Number writes every digit of d, with at least so many decimals. Zeros at the
// end do not depend on how d was written, so a document read back from JSON
// prints the same.
func (l *Locale) Number(d decimal.Decimal, decimals int32) string {
	return l.Sign(d) + l.digits(d, decimals)
}

// Sign is what a number that is below zero is written with before it; empty for
// others.
func (l *Locale) Sign(d decimal.Decimal) string {
	if d.IsNegative() {
		return l.minus
	}
	return ""
}

// digits writes a number without its sign.
func (l *Locale) digits(d decimal.Decimal, decimals int32) string {
	return l.write(d, decimals, l.decimal)
}

// write writes a number without its sign, with a mark before its decimals.
func (l *Locale) write(d decimal.Decimal, decimals int32, mark string) string {
	whole, fraction, _ := strings.Cut(d.Abs().String(), ".")
	if missing := int(decimals) - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	var b strings.Builder
	grouped := len(whole) >= l.first+l.least
	for i := range len(whole) {
		if left := len(whole) - i; grouped && i > 0 && left >= l.first && (left-l.first)%l.others == 0 {
			b.WriteString(l.group)
		}
		b.WriteByte(whole[i])
	}
	if fraction != "" {
		b.WriteString(mark + fraction)
	}
	return b.String()
}

// Count writes a whole number.
func (l *Locale) Count(n int64) string { return l.Number(decimal.NewFromInt(n), 0) }

// Money writes an amount with the code of its currency, which is what sets
// dollars apart from other dollars, in the order and with the sign that the
// locale writes amounts in. It has at least the decimals of the currency's
// minor unit (ISO 4217).
func (l *Locale) Money(d decimal.Decimal, currency string) string {
	form := l.money
	if d.IsNegative() {
		form = l.negative
	}
	return strings.NewReplacer("1", l.digits(d, pricing.MinorUnits(currency)), code, currency).Replace(form)
}

// Percent writes a share in percent.
func (l *Locale) Percent(d decimal.Decimal, decimals int32) string {
	number := l.write(d, decimals, l.percentDecimal)
	return l.Sign(d) + strings.Replace(l.percent, "1", number, 1)
}

// Date writes a day in CLDR's long form, such as 31. Oktober 2026.
func (l *Locale) Date(d pricing.Date) string { return l.dates.FmtDateLong(d.Start(time.UTC)) }

// Plural is the category of a number in CLDR's rules for plurals, as written
// without zeros at its end: zero, one, two, few, many or other.
func (l *Locale) Plural(d decimal.Decimal) string {
	whole, fraction, _ := strings.Cut(d.Abs().String(), ".")
	// The rules look at the last digits of long numbers only.
	last := func(s string) int {
		n, _ := strconv.Atoi(s[max(0, len(s)-7):])
		if len(s) > 7 {
			n += 10_000_000
		}
		return n
	}
	v, f := len(fraction), last(fraction)
	return pluralNames[plural.Cardinal.MatchPlural(l.tag, last(whole), v, v, f, f)]
}

var pluralNames = map[plural.Form]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

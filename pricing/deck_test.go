package pricing

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustDeck(t testing.TB, csv string) *Deck {
	t.Helper()
	d, problems := ParseDeck("world", strings.NewReader(csv), nil)
	if len(problems) > 0 {
		t.Fatalf("ParseDeck: %v", problems)
	}
	return d
}

// byLine are problems of a file as text.
func byLine(problems []Problem) (out []string) {
	for _, p := range problems {
		out = append(out, fmt.Sprintf("%d: %s", p.Line, p.Text))
	}
	return out
}

var october = Date{2026, 10, 1}

func TestLookupTakesTheLongestPrefix(t *testing.T) {
	d := mustDeck(t, `prefix,destination,rate
1,United States,0.0130
1242,Bahamas,0.2200
49,Germany,0.0200
4915,Germany mobile,0.0500
+44,United Kingdom,0.0110
990000000000000,Fifteen digits,0.1000
990000000000001,Fifteen others,0.1000
99000000000000,Fourteen digits,0.1000
`)
	for number, want := range map[string]string{
		"14155550100":   "United States",
		"12425550100":   "Bahamas",
		"124":           "United States",
		"4930123456":    "Germany",
		"4915112345678": "Germany mobile",
		"491":           "Germany",
		"442071838750":  "United Kingdom",
		"4":             "",
		"33123456789":   "",
		"":              "",
		"49x":           "Germany",

		"990000000000000":  "Fifteen digits",
		"9900000000000012": "Fifteen others",
		"990000000000002":  "Fourteen digits",
		"9900000000000":    "",
	} {
		got := ""
		if row := d.Lookup(number, october); row != nil {
			got = row.Destination
		}
		if got != want {
			t.Errorf("Lookup(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestLookupFollowsTheRowsDates(t *testing.T) {
	d := mustDeck(t, `prefix,destination,rate,effective_from,effective_to
49,old,0.02,,2026-10-15
49,new,0.03,2026-10-15,
4915,mobile,0.05,2026-10-20,2026-10-25
`)
	for day, want := range map[string]string{
		"2026-10-14": "old", "2026-10-15": "new", "2026-10-19": "new",
		"2026-10-20": "mobile", "2026-10-24": "mobile", "2026-10-25": "new",
	} {
		date, _ := ParseDate(day)
		if got := d.Lookup("4915112345678", date).Destination; got != want {
			t.Errorf("Lookup on %s = %q, want %q", day, got, want)
		}
	}
}

func TestLookupAgainstTryingEveryRow(t *testing.T) {
	day := func(n int) Date { return october.AddDays(n) }
	rapid.Check(t, func(t *rapid.T) {
		prefixes := rapid.SliceOfNDistinct(rapid.StringMatching(`[1-9][0-3]{0,5}`), 1, 30, rapid.ID).Draw(t, "prefixes")
		csv := "prefix,destination,rate,effective_from,effective_to\n"
		type row struct {
			prefix   string
			from, to Date
		}
		var rows []row
		for _, p := range prefixes {
			from := rapid.IntRange(0, 9).Draw(t, "from")
			change := rapid.IntRange(from+1, 10).Draw(t, "change")
			to := rapid.IntRange(change+1, 11).Draw(t, "to")
			for _, r := range []row{{p, day(change), day(to)}, {p, day(from), day(change)}} {
				rows = append(rows, r)
				csv += fmt.Sprintf("%s,from %s,1,%s,%s\n", p, r.from, r.from, r.to)
			}
		}
		d, problems := ParseDeck("d", strings.NewReader(csv), nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		number := rapid.StringMatching(`[1-9][0-3]{0,20}`).Draw(t, "number")
		on := day(rapid.IntRange(-1, 12).Draw(t, "day"))
		var want row
		for _, r := range rows {
			if strings.HasPrefix(number, r.prefix) && len(r.prefix) > len(want.prefix) && !on.Before(r.from) && on.Before(r.to) {
				want = r
			}
		}
		var got row
		if r := d.Lookup(number, on); r != nil {
			got = row{r.Prefix, r.From, r.To}
		}
		if got != want {
			t.Fatalf("Lookup(%s, %s) = %v, want %v in\n%s", number, on, got, want, csv)
		}
	})
}

func TestParseDeckReportsEveryProblem(t *testing.T) {
	const dated = "prefix,destination,rate,effective_from,effective_to\n"
	tests := []struct {
		name, csv string
		want      []string
	}{
		{"empty file", "", []string{"1: the header line is missing: prefix,destination,rate,connect_fee,minimum,initial,increment,effective_from,effective_to"}},
		{"no rows", "prefix,destination,rate\n", []string{"1: a rate deck needs at least one rate"}},
		{"columns", "prefix,Destination,price,prefix\n", []string{
			`1: unknown column "price"; the columns are prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
			`1: column "prefix" stands twice`, `1: column "rate" is missing`}},
		{"duplicate prefix", "prefix,destination,rate\n49,Germany,0.02\n1,US,0.01\n49,Germany,0.03\n", []string{"4: prefix 49 is already on line 2"}},
		{"overlapping dates", "prefix,destination,rate,effective_from,effective_to\n49,a,1,2026-01-01,\n49,b,2,2026-06-01,\n", []string{"3: prefix 49 is already on line 2 for some of the same days"}},
		{"all at once", "prefix,destination,rate,initial,effective_from\n" +
			"4x,Germany,0.02,,\n" +
			"49,,0.02,,\n" +
			"44,UK,,,\n" +
			"33,France,\"0,02\",,\n" +
			"34,Spain,-1,,\n" +
			"35,Portugal,1e3,,\n" +
			"36,Hungary,.5,,\n" +
			"37,X,007,,\n" +
			"38,Y,1,0,31.12.2026\n" +
			"39,Z\n", []string{
			`2: prefix "4x" must be 1 to 15 digits`,
			`3: prefix "49" has no destination`,
			`4: prefix "44" has no rate`,
			`5: rate: "0,02" is not a price like 0.0125`,
			`6: rate: "-1" is not a price like 0.0125`,
			`7: rate: "1e3" is not a price like 0.0125`,
			`8: rate: ".5" is not a price like 0.0125`,
			`9: rate: "007" is not a price like 0.0125`,
			`10: initial: "0" is not a number of seconds from 1 to 100000`,
			`10: effective_from: "31.12.2026" is not a date like 2026-10-31`,
			`11: 2 fields where the header has 5`}},
		{"dates the wrong way", "prefix,destination,rate,effective_from,effective_to\n49,a,1,2026-06-01,2026-06-01\n", []string{"2: effective_to 2026-06-01 is not after effective_from 2026-06-01"}},
		{"broken quotes", "prefix,destination,rate\n49,\"Germany,1\n1,US,1\n", []string{"2: extraneous or missing \" in quoted-field"}},
		{"broken quotes, then more", "prefix,destination,rate\n49,Ger\"many,1\n1,US,x\n", []string{
			"2: bare \" in non-quoted-field", `3: rate: "x" is not a price like 0.0125`}},
		{"broken header", "pre\"fix,destination,rate\n49,Germany,1\n", []string{"1: bare \" in non-quoted-field"}},
		{"header further down", "\n\nprefix,rate\n", []string{`3: column "destination" is missing`}},
		{"no digits, in lines", "prefix,destination,rate\n\"4\n9\",,\n1234567890123456,Sixteen digits,1\n", []string{
			`2: prefix "4\n9" must be 1 to 15 digits`, `2: prefix "4\n9" has no destination`, `2: prefix "4\n9" has no rate`,
			`4: prefix "1234567890123456" must be 1 to 15 digits`}},
		{"19 digits, or none after the point", "prefix,destination,rate\n49,Germany,1234567890123456789\n1,US,0.1234567890123456789\n33,France,1.\n", []string{
			`2: rate: "1234567890123456789" is not a price like 0.0125`, `3: rate: "0.1234567890123456789" is not a price like 0.0125`,
			`4: rate: "1." is not a price like 0.0125`}},
		{"an older character set", "prefix,destination,rate\n225,C\xf4te d'Ivoire,0.3\n", []string{
			`2: destination: "C\xf4te d'Ivoire" is not UTF-8; save the file as UTF-8`}},
		{"overlap with a row that is no neighbour", dated + "49,b,1,2026-03-01,2026-04-01\n49,a,1,2026-01-01,\n49,c,1,2026-05-01,2026-06-01\n", []string{
			"3: prefix 49 is already on line 2 for some of the same days", "4: prefix 49 is already on line 3 for some of the same days"}},
		{"an end that is taken for inclusive", dated + "49,a,1,,2026-01-31\n49,b,2,2026-02-01,\n", []string{
			"3: prefix 49 has no rate from 2026-01-31 until 2026-02-01, between line 2 and this one; effective_to is the first day no longer in force"}},
		{"gaps and overlaps, by line", dated + "1,b,1,2026-06-01,\n49,a,1,2026-01-01,2026-02-01\n49,c,1,2026-04-01,2026-05-01\n49,d,1,2026-04-15,2026-06-01\n1,a,1,,2026-05-01\n49,b,1,2026-02-01,2026-03-01\n", []string{
			"2: prefix 1 has no rate from 2026-05-01 until 2026-06-01, between line 6 and this one; effective_to is the first day no longer in force",
			"4: prefix 49 has no rate from 2026-03-01 until 2026-04-01, between line 7 and this one; effective_to is the first day no longer in force",
			"5: prefix 49 is already on line 4 for some of the same days"}},
		{"dates that cannot be read overlap with nothing", dated + "49,a,1,yesterday,\n49,b,1,,\n49,c,1,2026-02-01,2026-01-01\n", []string{
			`2: effective_from: "yesterday" is not a date like 2026-10-31`, "4: effective_to 2026-01-01 is not after effective_from 2026-02-01"}},
		{"a bad price does not hide a duplicate", "prefix,destination,rate\n49,a,x\n49,b,1\n", []string{
			`2: rate: "x" is not a price like 0.0125`, "3: prefix 49 is already on line 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, problems := ParseDeck("world", strings.NewReader(tt.csv), nil)
			if diff := cmp.Diff(tt.want, byLine(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if d != nil {
				t.Error("a deck with problems was answered")
			}
		})
	}
}

func TestParseDeckTakesWhatSpreadsheetsWrite(t *testing.T) {
	d := mustDeck(t, "\xef\xbb\xbfPrefix, Destination ,RATE\r\n,,\r\n49,\"Germany, fixed\",0.02\r\n\r\n  \r\n,,\r\n")
	if row := d.Lookup("4930", october); row == nil || row.Destination != "Germany, fixed" || !row.Rate.Equal(dec("0.02")) {
		t.Errorf("Lookup = %+v", row)
	}
	if d.Len() != 1 {
		t.Errorf("Len = %d, want 1", d.Len())
	}
}

func TestParseDeckReadsEveryColumn(t *testing.T) {
	d := mustDeck(t, strings.Join(DeckColumns, ",")+"\n+49,Germany,123456789012345678.123456789012345678,0.01,0.02,30,6,2026-01-01,2027-01-01\n")
	fee, minimum, initial, increment := dec("0.01"), dec("0.02"), int64(30), int64(6)
	want := &DeckRow{"49", "Germany", dec("123456789012345678.123456789012345678"), &fee, &minimum, &initial, &increment, Date{2026, 1, 1}, Date{2027, 1, 1}}
	if diff := cmp.Diff(want, d.Lookup("49", october)); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestParseDeckByTheFilesOwnNames(t *testing.T) {
	const csv = "Country,Dial Code,Price,Prefix,Minimum,Interval\nGermany,49,0.02,x,0.03,6\n"
	tests := []struct {
		name    string
		columns map[string]string
		want    []string // problems
	}{
		{"some of them", map[string]string{"prefix": "Dial Code", "destination": " country", "rate": "PRICE"}, nil},
		{"one column for two", map[string]string{"prefix": "Dial Code", "destination": "Country", "rate": "Price", "initial": "Interval", "increment": "Interval"}, nil},
		{"a name of ours for another", map[string]string{"prefix": "Dial Code", "destination": "Prefix", "rate": "Minimum"}, nil},
		{"missing", map[string]string{"prefix": "Code", "destination": "Country", "connect_fee": "Set-up"}, []string{
			`1: column "Code" is missing, which is to be the prefix; the file has ["Country" "Dial Code" "Price" "Prefix" "Minimum" "Interval"]`,
			`1: column "rate" is missing`,
			`1: column "Set-up" is missing, which is to be the connect_fee; the file has ["Country" "Dial Code" "Price" "Prefix" "Minimum" "Interval"]`}},
		{"none", nil, []string{
			`1: unknown column "country"; the columns are prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
			`1: unknown column "dial code"; the columns are prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
			`1: unknown column "price"; the columns are prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
			`1: unknown column "interval"; the columns are prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
			`1: column "destination" is missing`, `1: column "rate" is missing`}},
	}
	six := int64(6)
	minimum := dec("0.03")
	rows := map[string]*DeckRow{
		"some of them":               {Prefix: "49", Destination: "Germany", Rate: dec("0.02"), Minimum: &minimum},
		"one column for two":         {Prefix: "49", Destination: "Germany", Rate: dec("0.02"), Minimum: &minimum, Initial: &six, Increment: &six},
		"a name of ours for another": {Prefix: "49", Destination: "x", Rate: dec("0.03")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, problems := ParseDeck("world", strings.NewReader(csv), tt.columns)
			if diff := cmp.Diff(tt.want, byLine(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if want := rows[tt.name]; want != nil && d != nil {
				if diff := cmp.Diff(want, d.Lookup("49", october)); diff != "" {
					t.Errorf("row (-want +got):\n%s", diff)
				}
			}
		})
	}
	_, problems := ParseDeck("world", strings.NewReader("Code,destination,rate,code,rate,X,X\n"), map[string]string{"prefix": "Code"})
	if diff := cmp.Diff([]string{`1: column "code" stands twice`, `1: column "rate" stands twice`}, byLine(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseDeckReportsAFileThatCannotBeRead(t *testing.T) {
	broken := iotest.ErrReader(errors.New("disk failed"))
	for name, r := range map[string]io.Reader{
		"at once": broken,
		"later":   io.MultiReader(strings.NewReader("prefix,destination,rate\n49,Germany,0.02\n"), broken),
	} {
		d, problems := ParseDeck("world", r, nil)
		if diff := cmp.Diff([]string{"0: disk failed"}, byLine(problems)); diff != "" || d != nil {
			t.Errorf("%s: deck %v, problems (-want +got):\n%s", name, d, diff)
		}
	}
}

// Whatever a file holds, ParseDeck answers a deck in which every row can be
// found, or problems.
func FuzzParseDeck(f *testing.F) {
	f.Add("prefix,destination,rate\n49,Germany,0.02\n", "")
	f.Add("\xef\xbb\xbfprefix,destination,rate,effective_from,effective_to\n49,a,1,2026-01-01,2026-02-01\n49,a,1,2026-02-01,\n4,b,2,,\n", "")
	f.Add("prefix,destination,rate,effective_from,effective_to\n49,a,1,,2026-01-31\n49,a,1,2026-02-01,\n49,a,1,2026-02-02,\n", "")
	f.Add("prefix,destination,rate\n\"", "")
	f.Add("Code,Destination,Rate,X,prefix\n+49,Germany,0.02,,\n,,,,\n\"4\n\",,,\n", "code")
	f.Fuzz(func(t *testing.T, csv, prefix string) {
		var columns map[string]string
		if prefix != "" {
			columns = map[string]string{"prefix": prefix}
		}
		d, problems := ParseDeck("world", strings.NewReader(csv), columns)
		if (d == nil) == (len(problems) == 0) {
			t.Fatalf("deck %v with problems %v", d, problems)
		}
		checkProblems(t, csv, problems)
		if d == nil {
			return
		}
		if d.Len() == 0 {
			t.Error("a deck without a rate")
		}
		for i := range d.rows {
			row, day := &d.rows[i], october
			if !row.From.IsZero() {
				day = row.From
			} else if !row.To.IsZero() {
				day = row.To.AddDays(-1)
			}
			if got := d.Lookup(row.Prefix, day); got != row {
				t.Errorf("Lookup(%s, %s) = %+v, want %+v", row.Prefix, day, got, row)
			}
			if got := d.Lookup(row.Prefix+"5550100", day); got == nil || len(got.Prefix) < len(row.Prefix) {
				t.Errorf("Lookup(%s5550100, %s) = %+v, want a prefix of at least %s", row.Prefix, day, got, row.Prefix)
			}
		}
	})
}

// checkProblems checks that problems of a file are in its lines, in order, and
// a line of text each.
func checkProblems(t *testing.T, file string, problems []Problem) {
	t.Helper()
	last := 1
	for _, p := range problems {
		if p.Line < last || p.Line > 1+strings.Count(file, "\n") {
			t.Errorf("problem on line %d after line %d, of %d: %s", p.Line, last, 1+strings.Count(file, "\n"), p.Text)
		}
		if strings.ContainsAny(p.Text, "\r\n") || p.Text == "" {
			t.Errorf("problem is no line of text: %q", p.Text)
		}
		last = p.Line
	}
}

// bigDeck is a deck as a wholesale carrier ships it, of 200,000 rows in no
// order: prefixes of 1 to 10 digits, one in twenty with a change of price.
func bigDeck() (csv string, prefixes []string) {
	random := rand.New(rand.NewPCG(1, 2)) // the same deck each time
	seen := map[string]bool{}
	for len(prefixes) < 190_000 {
		p := make([]byte, 1+random.IntN(10))
		for i := range p {
			p[i] = '0' + byte(random.IntN(10))
		}
		if !seen[string(p)] {
			seen[string(p)] = true
			prefixes = append(prefixes, string(p))
		}
	}
	var b strings.Builder
	b.WriteString("prefix,destination,rate,connect_fee,minimum,initial,increment,effective_from,effective_to\n")
	for i, p := range prefixes {
		row := fmt.Sprintf("%s,Country %d mobile network %d", p, random.IntN(220), random.IntN(30))
		rate := func() string { return fmt.Sprintf("0.%05d", random.IntN(50_000)) }
		connect := [...]string{"", "", "", "0.0100"}[random.IntN(4)]
		initial := [...]string{"1", "6", "30", "60"}[random.IntN(4)]
		from := fmt.Sprintf("2026-%02d-%02d", 1+random.IntN(6), 1+random.IntN(28))
		if i%19 > 0 {
			fmt.Fprintf(&b, "%s,%s,%s,,%s,6,%s,\n", row, rate(), connect, initial, from)
			continue
		}
		change := fmt.Sprintf("2026-%02d-01", 7+random.IntN(6))
		fmt.Fprintf(&b, "%s,%s,%s,,%s,6,%s,%s\n", row, rate(), connect, initial, from, change)
		fmt.Fprintf(&b, "%s,%s,%s,,%s,6,%s,\n", row, rate(), connect, initial, change)
	}
	return b.String(), prefixes
}

func BenchmarkParseDeck(b *testing.B) {
	csv, _ := bigDeck()
	b.SetBytes(int64(len(csv)))
	b.ReportAllocs()
	for b.Loop() {
		mustDeck(b, csv)
	}
	b.StopTimer()
	before := heapMB()
	d := mustDeck(b, csv)
	b.ReportMetric(heapMB()-before, "deck-MB")
	k := d.keys
	b.ReportMetric(float64(8*(cap(k.keys)+cap(k.at)+cap(d.days))+4*cap(k.start))/1e6, "prefixes-MB")
}

// heapMB is the memory in use.
func heapMB() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// Calls go to few of a deck's prefixes, mostly; numbers scattered over all of it
// find little in a cache.
func BenchmarkLookup(b *testing.B) {
	csv, prefixes := bigDeck()
	d := mustDeck(b, csv)
	for _, n := range []int{64, 131_072} {
		b.Run(fmt.Sprintf("%d_numbers", n), func(b *testing.B) {
			numbers := make([]string, n)
			for i := range numbers {
				numbers[i] = prefixes[i*37%len(prefixes)] + "5550100"
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Lookup(numbers[i%n], october)
			}
		})
	}
}

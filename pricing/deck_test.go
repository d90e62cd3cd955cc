package pricing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustDeck(t testing.TB, csv string) *Deck {
	t.Helper()
	d, problems := ParseDeck("world", strings.NewReader(csv))
	if len(problems) > 0 {
		t.Fatalf("ParseDeck: %v", problems)
	}
	return d
}

var october = Date{2026, 10, 1}

func TestLookupTakesTheLongestPrefix(t *testing.T) {
	d := mustDeck(t, `prefix,destination,rate
1,United States,0.0130
1242,Bahamas,0.2200
49,Germany,0.0200
4915,Germany mobile,0.0500
+44,United Kingdom,0.0110
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

func TestLookupAgainstTryingEveryPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefixes := rapid.SliceOfNDistinct(rapid.StringMatching(`[1-9][0-3]{0,5}`), 1, 30, rapid.ID).Draw(t, "prefixes")
		csv := "prefix,destination,rate\n"
		for _, p := range prefixes {
			csv += p + "," + p + ",1\n"
		}
		d, problems := ParseDeck("d", strings.NewReader(csv))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		number := rapid.StringMatching(`[1-9][0-3]{0,9}`).Draw(t, "number")
		want := ""
		for _, p := range prefixes {
			if strings.HasPrefix(number, p) && len(p) > len(want) {
				want = p
			}
		}
		got := ""
		if row := d.Lookup(number, october); row != nil {
			got = row.Destination
		}
		if got != want {
			t.Fatalf("Lookup(%s) = %q, want %q", number, got, want)
		}
	})
}

func TestParseDeckReportsEveryProblem(t *testing.T) {
	tests := []struct {
		name, csv string
		want      []string
	}{
		{"empty file", "", []string{"1: a rate deck needs a header line: prefix,destination,rate,connect_fee,minimum,initial,increment,effective_from,effective_to"}},
		{"no rows", "prefix,destination,rate\n", []string{"1: a rate deck needs at least one rate"}},
		{"columns", "prefix,Destination,price,prefix\n", []string{
			`1: unknown column "price"; a rate deck has prefix, destination, rate, connect_fee, minimum, initial, increment, effective_from, effective_to`,
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
			`3: prefix 49 has no destination`,
			`4: prefix 44 has no rate`,
			`5: rate: "0,02" is not a price like 0.0125`,
			`6: rate: "-1" is not a price like 0.0125`,
			`7: rate: "1e3" is not a price like 0.0125`,
			`8: rate: ".5" is not a price like 0.0125`,
			`9: rate: "007" is not a price like 0.0125`,
			`10: initial: "0" is not a number of seconds from 1 to 100000`,
			`10: effective_from: "31.12.2026" is not a date like 2026-10-31`,
			`11: 2 fields where the header has 5`}},
		{"dates the wrong way", "prefix,destination,rate,effective_from,effective_to\n49,a,1,2026-06-01,2026-06-01\n", []string{"2: effective_to 2026-06-01 is not after effective_from 2026-06-01"}},
		{"broken quotes", "prefix,destination,rate\n49,\"Germany,1\n", []string{"2: extraneous or missing \" in quoted-field"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, problems := ParseDeck("world", strings.NewReader(tt.csv))
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Text))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if d != nil {
				t.Error("a deck with problems was answered")
			}
		})
	}
}

func TestParseDeckTakesWhatSpreadsheetsWrite(t *testing.T) {
	d := mustDeck(t, "\xef\xbb\xbfPrefix, Destination ,RATE\r\n49,\"Germany, fixed\",0.02\r\n")
	if row := d.Lookup("4930", october); row == nil || row.Destination != "Germany, fixed" || !row.Rate.Equal(dec("0.02")) {
		t.Errorf("Lookup = %+v", row)
	}
	if d.Len() != 1 {
		t.Errorf("Len = %d, want 1", d.Len())
	}
}

func FuzzParseDeck(f *testing.F) {
	f.Add("prefix,destination,rate\n49,Germany,0.02\n")
	f.Add("\xef\xbb\xbfprefix,destination,rate,effective_from,effective_to\n49,a,1,2026-01-01,2026-02-01\n49,a,1,2026-02-01,\n")
	f.Add("prefix,destination,rate\n\"")
	f.Fuzz(func(t *testing.T, csv string) {
		d, problems := ParseDeck("world", strings.NewReader(csv))
		if (d == nil) == (len(problems) == 0) {
			t.Fatalf("deck %v with problems %v", d, problems)
		}
		if d != nil {
			d.Lookup("4915112345678", october)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	var csv strings.Builder
	csv.WriteString("prefix,destination,rate\n")
	for i := range 200_000 {
		fmt.Fprintf(&csv, "%d,somewhere,0.01\n", 1_000_000+i*13)
	}
	d := mustDeck(b, csv.String())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		number := [...]string{"1000013555", "2600000123", "1999999999", "3123456789"}[i%4]
		d.Lookup(number, october)
	}
}

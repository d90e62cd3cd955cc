package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// lay writes an archive's files to a new folder and goes there.
func lay(t *testing.T, archive string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const planWithDecks = `
-- plans/p.yaml --
name: p
currency: USD
charges:
  - id: calls
    description: Calls
    match: {kind: [call]}
    per_minute: {deck: world}
  - id: sms
    description: Texts
    match: {kind: [sms]}
    per_unit: {deck: texts}
`

const deckHeader = "prefix,destination,rate\n"

// Decks are where the caller says, or near the plan, the nearest first.
func TestLoadPlan(t *testing.T) {
	const (
		beside = "\n-- plans/world.csv --\n" + deckHeader + "1,a,1\n"
		below  = "\n-- plans/decks/world.csv --\n" + deckHeader + "1,a,1\n2,b,1\n"
		across = "\n-- decks/world.csv --\n" + deckHeader + "1,a,1\n2,b,1\n3,c,1\n"
		texts  = "\n-- plans/texts.csv --\n" + deckHeader + "1,a,1\n"
		given  = "\n-- given.csv --\n" + deckHeader + "1,a,1\n2,b,1\n3,c,1\n4,d,1\n"
	)
	for name, c := range map[string]struct {
		files string
		decks map[string]DeckFile
		rates int
	}{
		"beside": {beside + below + across + texts, nil, 1},
		"below":  {below + across + texts, nil, 2},
		"across": {across + texts, nil, 3},
		"given":  {given + beside + texts, map[string]DeckFile{"world": {File: "given.csv"}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, planWithDecks+c.files+"\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n")
			list, err := LoadPlan("plans/p.yaml", c.decks, "rates.csv")
			if err != nil {
				t.Fatal(err)
			}
			if n := list.Tables.Decks["world"].Len(); list.Plan.Name != "p" || n != c.rates || list.Tables.Rates == nil {
				t.Errorf("plan %q, deck of %d rates, want %d; exchange rates %v", list.Plan.Name, n, c.rates, list.Tables.Rates)
			}
		})
	}
}

// Everything wrong is reported at once, with file and line.
func TestLoadPlanProblems(t *testing.T) {
	for _, c := range []struct {
		name, files, plan string
		decks             map[string]DeckFile
		want              []string
	}{
		{"no plan", "", "none.yaml", nil, []string{
			"none.yaml: plan file: no such file or directory",
			"rates.csv: exchange rates: no such file or directory",
		}},
		{"no deck", planWithDecks + "\n-- decks/world.csv --\n" + deckHeader + "1,a,x\n-- rates.csv --\ndate\n", "plans/p.yaml", nil, []string{
			`decks/world.csv:2: rate: "x" is not a price like 0.0125`,
			`plans/p.yaml:11: charges[1].per_unit.deck: rate deck "texts" is in none of plans/texts.csv, plans/decks/texts.csv, decks/texts.csv; name its file with --deck texts=FILE`,
			`rates.csv:1: column "from" is missing`, `rates.csv:1: column "to" is missing`, `rates.csv:1: column "rate" is missing`,
		}},
		{"no deck of a band", "-- p.yaml --\nname: p\ncurrency: USD\ncharges:\n  - id: a\n    description: A\n    match: {kind: [call]}\n    per_minute:\n      deck: world\n      times:\n        - {name: b, rate: 1, days: [monday]}\n        - {name: c, deck: world}\n" +
			"-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n", "p.yaml", nil, []string{
			`p.yaml:8: charges[0].per_minute.deck: rate deck "world" is in none of world.csv, decks/world.csv, ../decks/world.csv; name its file with --deck world=FILE`,
			`p.yaml:11: charges[0].per_minute.times[1].deck: rate deck "world" is in none of world.csv, decks/world.csv, ../decks/world.csv; name its file with --deck world=FILE`,
		}},
		{"columns", planWithDecks + "\n-- world.csv --\nDial Code,destination,rate\n1,a,1\n-- texts.csv --\n" + deckHeader + "1,a,1\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n", "plans/p.yaml",
			map[string]DeckFile{"world": {File: "world.csv", Columns: map[string]string{"prefix": "Code"}}, "texts": {File: "texts.csv"}}, []string{
				`world.csv:1: column "Code" is missing, which is to be the prefix; the file has ["Dial Code" "destination" "rate"]`,
			}},
		{"not there", planWithDecks + "\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n-- texts.csv --\n" + deckHeader + "1,a,1\n", "plans/p.yaml",
			map[string]DeckFile{"world": {File: "elsewhere.csv"}, "texts": {File: "texts.csv"}}, []string{
				`elsewhere.csv: rate deck "world": no such file or directory`,
			}},
		{"plan", "-- p.yaml --\nname: p\ncurrency: USDX\ncharge: []\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n", "p.yaml", nil, []string{
			`p.yaml:2: currency: "USDX" is not an ISO 4217 currency code such as USD`,
			`p.yaml:3: unknown key "charge"; did you mean "charges"?`,
		}},
		{"fee", "-- p.yaml --\nname: p\ncurrency: USD\ncharges: [{id: a, description: A, flat: {}}]\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n", "p.yaml", nil, []string{
			"p.yaml:3: charges[0].flat.amount: a flat fee needs an amount",
		}},
		{"no YAML", "-- p.yaml --\n\n-- rates.csv --\ndate,from,to,rate\n2026-10-01,USD,EUR,0.9\n", "p.yaml", nil, []string{"p.yaml: the file is empty"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lay(t, c.files)
			list, err := LoadPlan(c.plan, c.decks, "rates.csv")
			if list != nil || err == nil {
				t.Fatal("loaded without a problem")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A configuration file is read for its decks and exchange rates alone.
func TestLoadTables(t *testing.T) {
	lay(t, `
-- conf/subtally.yaml --
output_dir: .
plans: [none.yaml]
decks: {world: decks/world.csv, carrier: {file: decks/carrier.csv, columns: {prefix: Dial Code}}}
exchange_rates: rates.csv
-- conf/none.yaml --
decks: {}
-- conf/bad.yaml --
deks: {}
plans: plans
decks:
  world: decks/none.csv
  carrier: {file: decks/carrier.csv, columns: {prefx: Dial Code}}
  empty: {columns: {}}
exchange_rates: none.csv
-- conf/decks/world.csv --
not read
-- conf/decks/carrier.csv --
-- conf/rates.csv --
`)
	decks, rates, err := LoadTables("conf/subtally.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]DeckFile{
		"world":   {File: "conf/decks/world.csv"},
		"carrier": {File: "conf/decks/carrier.csv", Columns: map[string]string{"prefix": "Dial Code"}},
	}
	if diff := cmp.Diff(want, decks); diff != "" || rates != "conf/rates.csv" {
		t.Errorf("exchange rates %q, decks: %s", rates, diff)
	}
	if decks, rates, err := LoadTables("conf/none.yaml"); len(decks) > 0 || rates != "" || err != nil {
		t.Errorf("nothing configured: %v, %q, %v", decks, rates, err)
	}
	for file, want := range map[string]string{
		"conf/bad.yaml": `conf/bad.yaml:1: unknown key "deks"; did you mean "decks"?
conf/bad.yaml:2: plans: must be a list, not a single value
conf/bad.yaml:4: decks.world: rate deck file "decks/none.csv": no such file or directory
conf/bad.yaml:5: decks.carrier.columns.prefx: a rate deck has no column "prefx"; did you mean "prefix"?
conf/bad.yaml:6: decks.empty: name the file of the rate deck
conf/bad.yaml:7: exchange_rates: exchange rates file "none.csv": no such file or directory`,
		"absent.yaml": "absent.yaml: no such file or directory; `subtally init` writes an example",
	} {
		if _, _, err := LoadTables(file); err == nil || err.Error() != want {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestLoadTaxes(t *testing.T) {
	lay(t, `
-- good.yaml --
taxes:
  - {name: VAT, rate: 19}
  - {name: Levy, rate: 0.5, compound: true}
-- bad.yaml --
taxes:
  - {name: VAT, rate: 190}
  - {rat: 5}
-- none.yaml --
tax: []
`)
	taxes, err := LoadTaxes("good.yaml")
	if err != nil || len(taxes) != 2 || taxes[1].Rate.String() != "0.5" || !taxes[1].Compound {
		t.Errorf("%v, %v", taxes, err)
	}
	for file, want := range map[string]string{
		"bad.yaml": `bad.yaml:2: taxes[0].rate: 190 is not a percentage from 0 to 100
bad.yaml:3: taxes[1]: unknown key "rat"; did you mean "rate"?
bad.yaml:3: taxes[1].name: a tax needs a name such as VAT: invoices print it`,
		"none.yaml": `none.yaml:1: unknown key "tax"; known here: taxes
none.yaml:1: taxes: the list of taxes is missing`,
		"absent.yaml": "absent.yaml: taxes: no such file or directory",
	} {
		if _, err := LoadTaxes(file); err == nil || err.Error() != want {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestJoin(t *testing.T) {
	one := &Problems{List: []Problem{{File: "b", Text: "x"}, {File: "a", Line: 2, Text: "y"}}}
	two := &Problems{List: []Problem{{File: "a", Line: 2, Text: "y"}, {File: "a", Line: 1, Text: "z"}}}
	if err := Join(nil, one, nil, two); err == nil || err.Error() != "a:1: z\na:2: y\nb: x" {
		t.Errorf("joined: %v", err)
	}
	other := errors.New("disk on fire")
	if err := Join(one, other); err != other {
		t.Errorf("with another error: %v", err)
	}
	if err := Join(nil, nil); err != nil {
		t.Errorf("nothing wrong: %v", err)
	}
}

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"subtally/billing"
	"subtally/pricing"
)

// LoadPlan reads a plan that stands alone, with the rate decks and exchange
// rates that it needs. decks says in which file a rate deck is; one that it
// does not name is looked for as NAME.csv beside the plan, then in decks there
// and in ../decks. rates is the file of exchange rates; empty for none. The
// error is a [*Problems] that lists everything wrong.
func LoadPlan(path string, decks map[string]DeckFile, rates string) (*billing.PriceList, error) {
	var problems Problems
	list := &billing.PriceList{Tables: pricing.Tables{Decks: map[string]*pricing.Deck{}}}
	if rates != "" {
		var err error
		if list.Tables.Rates, err = loadRates(rates, &problems); err != nil {
			problems.add(Problem{File: rates, Text: fmt.Sprintf("exchange rates: %v", err)})
		}
	}
	data, err := readFile(path, maxFile)
	if err != nil {
		problems.add(Problem{File: path, Text: fmt.Sprintf("plan file: %v", err)})
		return nil, problems.err()
	}
	list.Plan = new(pricing.Plan)
	doc := parse(path, data, list.Plan, &problems)
	if doc == nil {
		return nil, problems.err()
	}
	for _, name := range list.Plan.DeckNames() {
		file, given := decks[name]
		if !given {
			if file.File, err = findDeck(path, name); err != nil {
				// As nil it is a deck that Check says nothing about.
				list.Tables.Decks[name] = nil
				for _, at := range deckPaths(list.Plan, name) {
					doc.problem(at, "%v", err)
				}
				continue
			}
		}
		list.Tables.Decks[name], err = loadDeck(name, file, &problems)
		if err != nil {
			problems.add(Problem{File: file.File, Text: fmt.Sprintf("rate deck %q: %v", name, err)})
		}
	}
	checkPlan(doc, list.Plan, list.Tables.Decks)
	if err := problems.err(); err != nil {
		return nil, err
	}
	return list, nil
}

// findDeck is the file of a rate deck near a plan.
func findDeck(plan, name string) (string, error) {
	dir := filepath.Dir(plan)
	var tried []string
	for _, folder := range []string{".", "decks", filepath.Join("..", "decks")} {
		file := filepath.Join(dir, folder, name+".csv")
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, nil
		}
		tried = append(tried, file)
	}
	return "", fmt.Errorf("rate deck %q is in none of %s; name its file with --deck %s=FILE", name, strings.Join(tried, ", "), name)
}

// deckPaths are where a plan names a rate deck.
func deckPaths(plan *pricing.Plan, name string) (paths []string) {
	for i, charge := range plan.Charges {
		at := fmt.Sprintf("charges[%d]", i)
		if m := charge.PerUnit; m != nil && m.Deck == name {
			paths = append(paths, at+".per_unit.deck")
		}
		m := charge.PerMinute
		if m == nil {
			continue
		}
		if m.Deck == name {
			paths = append(paths, at+".per_minute.deck")
		}
		for j, band := range m.Times {
			if band.Deck == name {
				paths = append(paths, fmt.Sprintf("%s.per_minute.times[%d].deck", at, j))
			}
		}
	}
	return paths
}

// LoadTables reads which files the configuration file at path names as rate
// decks, by their names, and as exchange rates; empty for none. They are joined
// to its folder, and not read. What else is in the file must be decoded, but is
// not checked. The error is a [*Problems] that lists everything wrong.
func LoadTables(path string) (decks map[string]DeckFile, rates string, err error) {
	l, f := open(path)
	if l.main == nil {
		return nil, "", l.problems.err()
	}
	decks = map[string]DeckFile{}
	for _, name := range slices.Sorted(maps.Keys(f.Decks)) {
		at, section := join("decks", name), f.Decks[name]
		if l.checkDeck(at, section) {
			decks[name] = DeckFile{l.there(at, "rate deck", section.File), section.Columns}
		}
	}
	if l.main.has("exchange_rates") {
		rates = l.there("exchange_rates", "exchange rates", f.Rates)
	}
	return decks, rates, l.problems.err()
}

// there is where a file name in subtally.yaml, at the path at, points to. That
// no file is there is a problem.
func (l *loader) there(at, what, name string) string {
	path := l.resolve(name)
	f, err := Open(path)
	if err != nil {
		l.main.problem(at, "%s file %q: %v", what, name, err)
		return path
	}
	f.Close()
	return path
}

// LoadTaxes reads a file with a list of taxes as a tenant has it, under the key
// taxes. The error is a [*Problems] that lists everything wrong.
func LoadTaxes(path string) ([]pricing.TaxRate, error) {
	var problems Problems
	data, err := readFile(path, maxFile)
	if err != nil {
		problems.add(Problem{File: path, Text: fmt.Sprintf("taxes: %v", err)})
		return nil, problems.err()
	}
	var f struct {
		Taxes []pricing.TaxRate `yaml:"taxes"`
	}
	if doc := parse(path, data, &f, &problems); doc != nil {
		if f.Taxes == nil {
			doc.problem("taxes", "the list of taxes is missing")
		}
		checkTaxes(doc, "taxes", f.Taxes)
	}
	return f.Taxes, problems.err()
}

// Join is the errors of several calls as one [*Problems], each problem once;
// nil where all are nil. An error that is no list of problems comes first and
// alone.
func Join(errs ...error) error {
	var all Problems
	for _, err := range errs {
		var problems *Problems
		switch {
		case err == nil:
		case !errors.As(err, &problems):
			return err
		default:
			for _, p := range problems.List {
				if !slices.Contains(all.List, p) {
					all.add(p)
				}
			}
		}
	}
	return all.err()
}

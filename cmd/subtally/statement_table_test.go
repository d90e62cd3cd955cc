package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/pricing"
)

// The table of a statement with all there can be on one.
func TestPrintStatement(t *testing.T) {
	text, err := os.ReadFile("../../billing/render/testdata/statement.json")
	if err != nil {
		t.Fatal(err)
	}
	var st billing.Statement
	if err := json.Unmarshal(text, &st); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	printStatement(&b, &st)
	const path = "testdata/statement.txt"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	documents, _, _ := strings.Cut(b.String(), "\nPARKED")
	for line := range strings.Lines(documents) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > tableWidth {
			t.Errorf("%d columns, want %d at most: %s", n, tableWidth, line)
		}
	}
	b.Reset()
	printStatement(&b, &billing.Statement{Period: st.Period})
	if got := b.String(); got != "2026-10\nNOT RECONCILED with Twilio's Usage Records\n" {
		t.Errorf("a month without anything:\n%s", got)
	}
}

// Margins have the decimals of their currency.
func TestMargin(t *testing.T) {
	d := decimal.NewNullDecimal(decimal.RequireFromString("12.3456"))
	for code, want := range map[string]string{"USD": "12.35", "JPY": "12", "BHD": "12.346"} {
		if got := margin(d, pricing.MinorUnits(code)); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for s, want := range map[string]string{"": "", "abcde": "abcde", "abcdef": "abcd…", "äöüßéè": "äöüß…"} {
		if got := short(s, 5); got != want {
			t.Errorf("short(%q) = %q, want %q", s, got, want)
		}
	}
}

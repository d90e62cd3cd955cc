package pricing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"subtally/pricing"
)

// A plan that was stored and read again is the same plan: it prices random usage
// as the oracle does, which has the plan as it was.
func TestDecodedPlanPricesAlike(t *testing.T) {
	on := enabled()
	decoded := 0
	for seed := range uint64(2_000) {
		c := newCase(seed+1, on)
		if len(c.plan.Check(c.decks)) > 0 {
			continue
		}
		stored, err := pricing.EncodePlan(c.plan, c.decks)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(stored); hex.EncodeToString(sum[:]) != c.plan.Digest(c.decks) {
			t.Fatalf("seed %d: the digest is not the hash of what is stored", seed+1)
		}
		if c.plan, c.decks, err = pricing.DecodePlan(stored); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed+1, err, stored)
		}
		again, err := pricing.EncodePlan(c.plan, c.decks)
		if err != nil || !bytes.Equal(again, stored) {
			t.Fatalf("seed %d: %v: stored again it is\n%s\nwas\n%s", seed+1, err, again, stored)
		}
		if _, diff := c.compare(); diff != "" {
			t.Fatalf("seed %d: %s", seed+1, diff)
		}
		decoded++
	}
	if decoded < 1_000 {
		t.Errorf("only %d plans were compared", decoded)
	}
}

func TestDecodePlanRefuses(t *testing.T) {
	plan := `{"name":"p","currency":"USD"}` + "\n"
	for _, tt := range []struct{ stored, want string }{
		{"", "read a stored plan: EOF"},
		{`{"name":1}`, "read a stored plan: json:"},
		{plan + `["de",[{"prefix":"49"}`, `read a rate deck of the stored plan "p": unexpected EOF`},
		{plan + `["de",[{"prefix":"4x"}]]`, `read a rate deck of the stored plan "p": deck "de": prefix "4x" is not 1 to 15 digits`},
	} {
		if _, _, err := pricing.DecodePlan([]byte(tt.stored)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.stored, err, tt.want)
		}
	}
}

// What an invoice was made with comes before what is configured, for the days
// that it held.
func TestExchangeRatesAfter(t *testing.T) {
	parse := func(rows string) *pricing.ExchangeRates {
		x, problems := pricing.ParseExchangeRates(strings.NewReader("date,from,to,rate\n" + rows))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return x
	}
	day := func(s string) pricing.Date {
		d, err := pricing.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	then := parse("2026-10-01,USD,EUR,0.92\n2026-10-10,USD,EUR,0.93\n2026-10-20,USD,EUR,0.94\n")
	var used []pricing.ExchangeRate // on days up to the ninth, and on the 20th
	for _, d := range []string{"2026-10-04", "2026-10-20"} {
		rate, _ := then.Lookup("USD", "EUR", day(d))
		used = append(used, rate)
	}
	if diff := cmp.Diff([]pricing.Date{day("2026-10-10"), {}}, []pricing.Date{used[0].Until, used[1].Until}); diff != "" {
		t.Errorf("until (-want +got):\n%s", diff)
	}
	now := parse("2026-10-01,USD,EUR,0.5\n2026-10-05,USD,EUR,0.6\n2026-10-12,USD,EUR,0.7\n2026-10-25,USD,EUR,0.8\n2026-10-01,USD,GBP,0.75\n")
	for _, x := range []*pricing.ExchangeRates{now, nil} {
		var got []string
		for _, d := range []string{"2026-09-30", "2026-10-01", "2026-10-09", "2026-10-10", "2026-10-12", "2026-10-19", "2026-10-20", "2026-10-31"} {
			rate, ok := x.After(used).Lookup("USD", "EUR", day(d))
			got = append(got, fmt.Sprint(rate.Rate, " ", ok))
		}
		want := []string{"0 false", "0.92 true", "0.92 true", "0.6 true", "0.7 true", "0.7 true", "0.94 true", "0.94 true"}
		if x == nil {
			want = []string{"0 false", "0.92 true", "0.92 true", "0 false", "0 false", "0 false", "0.94 true", "0.94 true"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rates (-want +got):\n%s", diff)
		}
	}
	if rate, ok := now.After(used).Lookup("USD", "GBP", day("2026-10-04")); !ok || rate.Rate.String() != "0.75" {
		t.Errorf("another currency: %v", rate)
	}
}

// BenchmarkStoredPlan stores and reads a plan with a rate deck of 200,000 rows.
func BenchmarkStoredPlan(b *testing.B) {
	var csv strings.Builder
	csv.WriteString("prefix,destination,rate\n")
	for i := range 200_000 {
		fmt.Fprintf(&csv, "1%07d,Destination %d,0.%04d\n", i, i%500, i%9_999+1)
	}
	deck, problems := pricing.ParseDeck("large", strings.NewReader(csv.String()), nil)
	if len(problems) > 0 {
		b.Fatal(problems[0])
	}
	decks := map[string]*pricing.Deck{"large": deck}
	plan := &pricing.Plan{Name: "p", Currency: "USD", Charges: []pricing.Charge{{ID: "calls", PerMinute: &pricing.PerMinute{Deck: "large"}}}}
	stored, err := pricing.EncodePlan(plan, decks)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			if _, err := pricing.EncodePlan(plan, decks); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := pricing.DecodePlan(stored); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(stored)), "bytes")
	})
}

package warehouse

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// A record counts in each slice that it is in, and in none that it is beside.
func TestSumUsage(t *testing.T) {
	db := openTest(t)
	at := func(day int) time.Time { return time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC) }
	u := records("ACa", "CA1", "CA2", "SM3", "CA4", "CA5")
	u.Started = []time.Time{at(1), at(9), at(10), at(10), at(20)}
	u.Kind[2] = "sms"
	u.Status[3] = "failed"
	free := decimal.Zero
	u.Cost[0], u.Cost[3], u.Cost[4] = nil, &free, &free
	u.Currency[4] = "EUR"
	insert(t, db, u, 1)
	insert(t, db, u, 2) // pulled again
	insert(t, db, records("ACb", "CA6"), 2)

	sums, err := db.SumUsage(t.Context(), []Slice{
		{Accounts: []string{"ACb", "ACa"}, From: at(1), To: at(10)},
		{Accounts: []string{"ACb"}, From: at(1), To: at(2)},
		{From: at(1), To: at(30)},
		{Accounts: []string{"ACa", "ACb"}, From: at(10), To: at(30)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sums {
		got = append(got, fmt.Sprint(s.Slice, s.Account, " ", s.Kind, " ", s.Status, " ", s.Records, " of which ", s.Costing, " cost ", s.Cost, s.Currency))
	}
	want := []string{
		"0ACa call completed 1 of which 0 cost 0",
		"0ACa call completed 1 of which 1 cost 0.014USD",
		"3ACa call completed 1 of which 0 cost 0EUR",
		"3ACa call failed 1 of which 0 cost 0USD",
		"3ACa sms completed 1 of which 1 cost 0.014USD",
		"3ACb call completed 1 of which 1 cost 0.014USD",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}

	all, err := db.TotalUsage(t.Context(), at(1), at(20))
	if err != nil || len(all) != 2 || all[0].Currency != "" || all[0].Records != 1 || all[1].Records != 4 || all[1].Costing != 3 || all[1].Cost.String() != "0.042" {
		t.Errorf("all of it: %+v, %v; want 1 record without a cost and 4 for 0.042 USD", all, err)
	}
}

// The answer does not depend on how many queries it took.
func TestSumUsageOfManySlices(t *testing.T) {
	db := openTest(t)
	const n = slicesPerQuery*2 + 7
	list := make([]Slice, n)
	used := 0
	for i := range list {
		account := fmt.Sprintf("AC%032x", i)
		list[i] = october(account)
		if i%4000 == 0 {
			insert(t, db, records(account, "CA1"), 1)
			used++
		}
	}
	sums, err := db.SumUsage(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	if len(sums) != used {
		t.Fatalf("%d sums, want %d", len(sums), used)
	}
	for i, s := range sums {
		if s.Slice != i*4000 || s.Account != list[s.Slice].Accounts[0] || s.Records != 1 {
			t.Errorf("sum %d is %+v, want that of slice %d", i, s, i*4000)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/pricing"
)

func TestPrintMonthNotListed(t *testing.T) {
	var out strings.Builder
	st := &billing.Statement{Period: billing.Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "UTC")}
	printMonth(&out, &nightly.Month{Statement: st, NotListed: []string{"acme"}})
	want := "NOT LISTED  the invoice of acme is to be itemized, but has more than 50000 usage records: they are in usage.csv\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("printed %q, without %q", out.String(), want)
	}
}

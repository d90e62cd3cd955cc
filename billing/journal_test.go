package billing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"subtally/pricing"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// booked is a journal as text.
func booked(t *testing.T, lines []JournalLine, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s %s %s %s/%s %s %s|%s|%s %s\n", l.Date, l.Entry, l.Document, l.Account, l.Debit, l.Credit, l.Currency, l.Tenant, l.Category, l.TaxCode, l.Description)
	}
	return b.String()
}

var journalAccounts = JournalAccounts{
	Receivable: "1200", Revenue: "4000", Tax: "2200", Cost: "5000", AccruedCost: "2100",
	RevenueByCategory: map[string]string{"fees": "4020", "calls": "4010"},
	RevenueByTaxCode:  map[string]string{"digital": "4030"},
	RevenueByCharge:   map[string]string{"setup": "4040"},
	TaxByName:         map[string]string{"VAT": "2210"},
}

func TestJournalInvoice(t *testing.T) {
	doc := &Document{
		Kind: Invoice, Number: "INV-1", IssueDate: pricing.Date{Year: 2026, Month: 11, Day: 4}, Tenant: "acme", Buyer: Party{Name: "Acme"}, Currency: "EUR",
		Lines: []pricing.Line{
			{Charge: "calls", Category: pricing.Calls, Amount: dec("60.00")},
			{Charge: "sms", Category: pricing.Messages, TaxCode: "digital", Amount: dec("20.00")},
			{Charge: "evening", Category: pricing.Calls, Amount: dec("10.00")},
			{Charge: "setup", Category: pricing.Fees, TaxCode: "digital", Amount: dec("25.00")},
			{Charge: "platform", Category: pricing.Fees, Amount: dec("5.00")},
			{Charge: "numbers", Category: pricing.Numbers},
			{Charge: "outage", Category: pricing.CreditsUsed, Amount: dec("-20.00")},
		},
		Net: dec("100.00"), Total: dec("121.50"),
		Taxes: []pricing.Tax{{Name: "VAT", Rate: dec("19"), Base: dec("100"), Amount: dec("19.00")}, {Name: "City", Rate: dec("2.5"), Base: dec("100"), Amount: dec("2.50")}},
	}
	lines, err := journalAccounts.Invoice(doc)
	const want = `2026-11-04 invoice INV-1 1200 121.5/0 EUR acme|| Acme
2026-11-04 invoice INV-1 4010 0/70 EUR acme|calls| calls
2026-11-04 invoice INV-1 4030 0/20 EUR acme|messages|digital messages
2026-11-04 invoice INV-1 4040 0/25 EUR acme|fees|digital fees
2026-11-04 invoice INV-1 4020 0/5 EUR acme|fees| fees
2026-11-04 invoice INV-1 4000 20/0 EUR acme|credits| credits
2026-11-04 invoice INV-1 2210 0/19 EUR acme|| VAT 19 %
2026-11-04 invoice INV-1 2200 0/2.5 EUR acme|| City 2.5 %
`
	if got := booked(t, lines, err); got != want {
		t.Errorf("journal is\n%s\nwant\n%s", got, want)
	}

	// A credit note is the same the other way round.
	credit := *doc
	credit.Kind, credit.Lines, credit.Taxes = CreditNote, slices.Clone(doc.Lines), slices.Clone(doc.Taxes)
	for i := range credit.Lines {
		credit.Lines[i].Amount = credit.Lines[i].Amount.Neg()
	}
	for i := range credit.Taxes {
		credit.Taxes[i].Amount = credit.Taxes[i].Amount.Neg()
	}
	credit.Net, credit.Total = doc.Net.Neg(), doc.Total.Neg()
	reversed, err := journalAccounts.Invoice(&credit)
	if err != nil || len(reversed) != len(lines) {
		t.Fatalf("credit note: %v, %v", reversed, err)
	}
	for i, l := range reversed {
		if l.Entry != "credit_note" || !l.Debit.Equal(lines[i].Credit) || !l.Credit.Equal(lines[i].Debit) || l.Account != lines[i].Account {
			t.Errorf("line %d: %+v, want %+v reversed", i, l, lines[i])
		}
	}

	// What does not add up is not booked.
	doc.Total = dec("121.51")
	if _, err := journalAccounts.Invoice(doc); err == nil || !strings.Contains(err.Error(), `invoice INV-1 of tenant "acme" does not balance: debits less credits are 0.01 EUR`) {
		t.Errorf("a total that is a cent off: %v", err)
	}
	doc.Net = dec("99")
	if _, err := journalAccounts.Invoice(doc); err == nil || !strings.Contains(err.Error(), "its lines are 100, less 0 of taxes in them, and its net 99") {
		t.Errorf("a net that is off: %v", err)
	}
}

func TestJournalCosts(t *testing.T) {
	st := &Statement{
		Period: Month(pricing.Date{Year: 2026, Month: 10, Day: 1}, "UTC"), Currency: "USD",
		Tenants:    []StatementRow{{Tenant: "acme", Name: "Acme", Cost: dec("10.005")}, {Tenant: "idle", Name: "Idle"}, {Tenant: "zed", Name: "Zed", Cost: dec("-0.124")}},
		Unassigned: []UnassignedRow{{Account: Account{SID: "AC9"}, Cost: dec("2.0049")}},
		OtherCosts: []OtherCost{{Currency: "JPY", Cost: dec("120.5")}},
	}
	lines, err := journalAccounts.Costs(st)
	// 10.01 - 0.12 + 2.00 = 11.89.
	const want = `2026-10-31 cost COST-2026-10 5000 10.01/0 USD acme|| Acme
2026-10-31 cost COST-2026-10 5000 0/0.12 USD zed|| Zed
2026-10-31 cost COST-2026-10 5000 2/0 USD || no tenant: AC9
2026-10-31 cost COST-2026-10 2100 0/11.89 USD || Twilio
2026-10-31 cost COST-2026-10 5000 121/0 JPY || in JPY
2026-10-31 cost COST-2026-10 2100 0/121 JPY || Twilio
`
	if got := booked(t, lines, err); got != want {
		t.Errorf("journal is\n%s\nwant\n%s", got, want)
	}
	none := JournalAccounts{Receivable: "1", Revenue: "2", Tax: "3"}
	if lines, err := none.Costs(st); err != nil || lines != nil {
		t.Errorf("without accounts: %v, %v", lines, err)
	}
}

func TestJournalPayment(t *testing.T) {
	receipt := Receipt{Number: "INV-1", Tenant: "acme", On: pricing.Date{Year: 2026, Month: 12, Day: 1}, Amount: dec("50.25"), Currency: "EUR", Reference: "SEPA 7"}
	if lines, err := journalAccounts.Payment(receipt); err != nil || lines != nil {
		t.Errorf("without an account: %v, %v", lines, err)
	}
	with := journalAccounts
	with.Bank = "1000"
	lines, err := with.Payment(receipt)
	const want = `2026-12-01 payment INV-1 1000 50.25/0 EUR acme|| SEPA 7
2026-12-01 payment INV-1 1200 0/50.25 EUR acme|| SEPA 7
`
	if got := booked(t, lines, err); got != want {
		t.Errorf("journal is\n%s\nwant\n%s", got, want)
	}
}

func TestLineNets(t *testing.T) {
	line := func(amount, code string) pricing.Line { return pricing.Line{Amount: dec(amount), TaxCode: code} }
	for _, test := range []struct {
		name     string
		lines    []pricing.Line
		currency string
		tax      string // contained
		want     string
	}{
		{"none contained", []pricing.Line{line("1", ""), line("2", "")}, "EUR", "0", "[1 2]"},
		// 19 % in 119: 19. A third of the lines each: 6.33, 6.34 and 6.33.
		{"in thirds", []pricing.Line{line("39.67", ""), line("39.67", ""), line("39.66", "")}, "EUR", "19.00", "[33.34 33.33 33.33]"},
		{"untaxed lines keep theirs", []pricing.Line{line("11.90", ""), line("5", "none"), line("-1.19", "x")}, "EUR", "1.71", "[10 5 -1]"},
		{"yen", []pricing.Line{line("100", ""), line("10", "")}, "JPY", "10", "[91 9]"},
		{"lines cancel out", []pricing.Line{line("5", ""), line("-5", "")}, "EUR", "0.01", "[5 -5.01]"},
	} {
		doc := &Document{Lines: test.lines, Currency: test.currency, Taxes: []pricing.Tax{{Inclusive: true, Amount: dec(test.tax)}, {Amount: dec("7")}}}
		for _, l := range test.lines {
			doc.Net = doc.Net.Add(l.Amount)
		}
		doc.Net = doc.Net.Sub(dec(test.tax))
		nets, err := doc.LineNets()
		if got := fmt.Sprint(nets); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", test.name, got, err, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		plan := &pricing.Plan{Currency: "EUR"}
		doc := &Document{Currency: "EUR"}
		for range rapid.IntRange(1, 9).Draw(t, "lines") {
			doc.Lines = append(doc.Lines, line(decimal.New(rapid.Int64Range(-5000, 100000).Draw(t, "cents"), -2).String(), rapid.SampledFrom([]string{"", "none", "x"}).Draw(t, "code")))
		}
		doc.Net, doc.Taxes, doc.Total = plan.Total(doc.Lines, []pricing.TaxRate{{Name: "a", Rate: dec("19"), Inclusive: true}, {Name: "b", Rate: dec("7"), Codes: []string{"x"}, Inclusive: true}})
		nets, err := doc.LineNets()
		if err != nil {
			t.Fatal(err)
		}
		var sum decimal.Decimal
		for i, n := range nets {
			sum = sum.Add(n)
			if doc.Lines[i].TaxCode == pricing.Untaxed && !n.Equal(doc.Lines[i].Amount) {
				t.Errorf("untaxed line %d: %s of %s", i, n, doc.Lines[i].Amount)
			}
			if !n.Equal(n.Round(2)) {
				t.Errorf("line %d: %s", i, n)
			}
		}
		if !sum.Equal(doc.Net) {
			t.Errorf("lines add up to %s, want %s", sum, doc.Net)
		}
	})
}

package export

import (
	"bytes"
	"strings"
	"testing"

	"subtally/billing"
)

// Bookings that do not balance are never written, in whatever currency and
// however little is missing.
func TestJournalMustBalance(t *testing.T) {
	lines := []billing.JournalLine{
		{Document: "INV-1", Account: "1200", Debit: number("10"), Currency: "EUR", Date: october.To},
		{Document: "INV-1", Account: "4000", Credit: number("10"), Currency: "EUR", Date: october.To},
		{Document: "INV-2", Account: "1200", Debit: number("10"), Currency: "USD", Date: october.To},
		{Document: "INV-2", Account: "4000", Credit: number("9.99"), Currency: "USD", Date: october.To},
	}
	var b bytes.Buffer
	err := Journal(&b, Format{}, "2026-10", lines)
	if err == nil || !strings.Contains(err.Error(), "debits less credits are 0.01 USD, not 0: nothing was written") || b.Len() > 0 {
		t.Errorf("error %v, and %q", err, b.String())
	}
	lines[3].Credit = number("10")
	if err := Journal(&b, Format{}, "2026-10", lines); err != nil {
		t.Fatal(err)
	}
	const want = `date,document,line,account,description,debit,credit,currency,tenant,category,tax_code,entry,period
2026-11-01,INV-1,1,1200,,10.00,0.00,EUR,,,,,2026-10
2026-11-01,INV-1,2,4000,,0.00,10.00,EUR,,,,,2026-10
2026-11-01,INV-2,1,1200,,10.00,0.00,USD,,,,,2026-10
2026-11-01,INV-2,2,4000,,0.00,10.00,USD,,,,,2026-10
`
	if got := b.String(); got != crlf(want) {
		t.Errorf("journal.csv is\n%s\nwant\n%s", got, want)
	}
}

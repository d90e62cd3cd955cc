package warehouse

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"subtally/internal/warehouse/engine/enginetest"
)

func day(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

// Invoices from before they had positions get these, and what lists need from
// their documents.
func TestInvoicesFromBefore(t *testing.T) {
	db := openBare(t)
	if err := db.exec(t.Context(), "DROP TABLE invoices"); err != nil {
		t.Fatal(err)
	}
	before := fstest.MapFS{}
	for _, name := range []string{"0001_usage.sql", "0002_register.sql", "0003_durable.sql", "0004_blobs.sql"} {
		text, err := fs.ReadFile(migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: text}
	}
	if err := db.migrate(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	document := `{"issue_date":"2026-11-04","due_date":"2026-12-04","currency":"USD","total":"11.97"}`
	err := db.insert(t.Context(), "INSERT INTO invoices (series, seq, number, tenant, period_from, period_to, revision, document, sha256, prev_sha256)",
		[]string{"B", "A", "A"}, []uint32{1, 2, 1}, []string{"B1", "A2", "A1"}, []string{"b", "b", "a"},
		[]time.Time{day(10, 1), day(10, 1), day(10, 1)}, []time.Time{day(11, 1), day(11, 1), day(11, 1)}, []uint32{1, 2, 1},
		[]string{document, document, document}, []string{"h1", "h2", "h3"}, []string{"", "h3", ""})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is left to do
		if err := db.migrate(t.Context(), migrations()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Invoices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	of := func(position uint64, series string, seq uint32, tenant string, revision uint32, hash, prev string) Invoice {
		return Invoice{
			Position: position, Kind: "invoice", Series: series, Seq: seq, Number: series + string('0'+rune(seq)), Tenant: tenant,
			PeriodFrom: day(10, 1), PeriodTo: day(11, 1), Revision: revision, Issued: day(11, 4), Due: day(12, 4),
			Total: decimal.RequireFromString("11.97"), Currency: "USD", SHA256: hash, PrevSHA256: prev,
		}
	}
	want := []Invoice{of(1, "A", 1, "a", 1, "h3", ""), of(2, "A", 2, "b", 2, "h2", "h3"), of(3, "B", 1, "b", 1, "h1", "")}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("invoices (-want +got):\n%s", diff)
	}
	if got, err := db.InvoiceDocument(t.Context(), "A", 2); err != nil || string(got) != document {
		t.Errorf("document %s, %v", got, err)
	}
}

// A total wider than its column would be cut in silence.
func TestTotalsAreWhole(t *testing.T) {
	v := Invoice{Number: "A1", PeriodFrom: day(10, 1), PeriodTo: day(11, 1), Issued: day(11, 4), Due: day(12, 4), Total: decimal.RequireFromString("1.1234567")}
	wantError(t, openTest(t).InsertInvoice(t.Context(), v, nil), "more than 6 decimals")
}

func TestClaims(t *testing.T) {
	db := openTest(t)
	if err := db.MakeClaims(t.Context()); !errors.Is(err, ErrNoClaims) {
		t.Errorf("without Keeper: %v", err)
	}
	dsn, password := enginetest.KeeperDSN(t)
	db = openAt(t, dsn, password)
	if has, err := db.HasClaims(t.Context()); err != nil || has {
		t.Errorf("claims before any: %v, %v", has, err)
	}
	for range 2 {
		if err := db.MakeClaims(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if has, err := db.HasClaims(t.Context()); err != nil || !has {
		t.Errorf("no claims: %v, %v", has, err)
	}
	const value = `{"a":"it's \"x\" \\ ?"}`
	if err := db.Claim(t.Context(), 7, value); err != nil {
		t.Fatal(err)
	}
	for _, again := range []string{"other", value} {
		if err := db.Claim(t.Context(), 7, again); err == nil || !strings.Contains(err.Error(), "claim position 7 of the register") {
			t.Errorf("claimed twice: %v", err)
		}
	}
	for position, want := range map[uint64]string{6: "", 7: value, 70: ""} {
		if got, err := db.Claimed(t.Context(), position); err != nil || got != want {
			t.Errorf("claim %d: %q, %v; want %q", position, got, err, want)
		}
	}
}

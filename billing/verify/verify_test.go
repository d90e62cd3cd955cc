package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/engine/enginetest"
	"subtally/internal/warehouse/warehousetest"
	"subtally/pricing"
)

func TestMain(m *testing.M) { os.Exit(warehousetest.Main(m)) }

var (
	d        = decimal.RequireFromString
	october  = pricing.Date{Year: 2026, Month: 10, Day: 1}
	november = pricing.Date{Year: 2026, Month: 11, Day: 1}
)

// invoice is over 180 s at 0.02 a minute, 0.06, and a fee of 10.00; with 19 % of
// 10.06, 1.9114, rounded to 1.91, it comes to 11.97.
func invoice(tenant string) *billing.Document {
	return &billing.Document{
		Schema: billing.DocumentSchema, Kind: billing.Invoice, Revision: 1,
		IssueDate: november.AddDays(3), DueDate: november.AddDays(33),
		Seller: billing.Party{Name: "Seller"}, Tenant: tenant, Buyer: billing.Party{Name: "Buyer " + tenant},
		Period: billing.Month(october, "UTC"), Billed: billing.Days{From: october, To: november}, Currency: "USD",
		Lines: []pricing.Line{
			{Charge: "calls", Category: pricing.Calls, Kind: pricing.Call, Description: "Calls", Records: 3, Quantity: d("180"), Unit: "second", UnitPrice: d("0.02"), Per: 60, Amount: d("0.06")},
			{Charge: "fee", Description: "Fee", Quantity: d("1"), UnitPrice: d("10"), Per: 1, Amount: d("10")},
		},
		Net: d("10.06"), Taxes: []pricing.Tax{{Name: "VAT", Rate: d("19"), Base: d("10.06"), Amount: d("1.91")}}, Total: d("11.97"),
		Payment: billing.Payment{TermsDays: 30}, Usage: billing.Watermark{Records: 3, SIDHash: "0123456789abcdef"}, Locale: "en",
	}
}

// creditNote takes an invoice back.
func creditNote(of *billing.Document, e register.Entry) *billing.Document {
	note := *of
	note.Kind, note.Number = billing.CreditNote, ""
	note.Corrects = &billing.Correction{Number: e.Number, SHA256: e.SHA256, IssueDate: e.Issued, Reason: "wrong price"}
	note.Lines = slices.Clone(of.Lines)
	for i := range note.Lines {
		note.Lines[i].Quantity, note.Lines[i].Amount = of.Lines[i].Quantity.Neg(), of.Lines[i].Amount.Neg()
	}
	note.Taxes = slices.Clone(of.Taxes)
	note.Taxes[0].Base, note.Taxes[0].Amount = of.Taxes[0].Base.Neg(), of.Taxes[0].Amount.Neg()
	note.Net, note.Total = of.Net.Neg(), of.Total.Neg()
	return &note
}

// place is a warehouse with invoices of tenants a, b and c, and a credit note
// for b's.
type place struct {
	db      *warehouse.DB
	sql     driver.Conn
	entries []register.Entry
	layout  string
}

func newPlace(t *testing.T, dsn, password string) *place {
	t.Helper()
	p := &place{db: warehousetest.Connect(t, dsn, password)}
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	options.Auth.Password = password
	options.Settings = clickhouse.Settings{"mutations_sync": 2}
	if p.sql, err = clickhouse.Open(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.sql.Close() })
	if p.layout, err = p.db.PutBlob(t.Context(), "layout", []byte("a layout")); err != nil {
		t.Fatal(err)
	}
	r, err := register.Open(t.Context(), p.db, register.Options{SingleWriter: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"a", "b", "c"} {
		p.finalize(t, r, invoice(tenant))
	}
	p.finalize(t, r, creditNote(invoice("b"), p.entries[1]))
	return p
}

func (p *place) finalize(t *testing.T, r *register.Register, doc *billing.Document) {
	t.Helper()
	doc.Layout = billing.Layout{Version: 1, SHA256: p.layout}
	id := register.Identity{Kind: string(doc.Kind), Tenant: doc.Tenant, From: doc.Period.From, To: doc.Period.To, Revision: doc.Revision}
	format := "INV-{year}-{seq:06}"
	if doc.Kind == billing.CreditNote {
		format = "CN-{year}-{seq:06}"
	}
	e, err := r.Finalize(t.Context(), id, register.Series{Format: format}, doc.IssueDate, func(number string) (register.Draft, error) {
		doc.Number = number
		data, err := doc.Canonical()
		draft := register.Draft{Document: data, Total: doc.Total, Currency: doc.Currency, Issued: doc.IssueDate, Due: doc.DueDate}
		if doc.Corrects != nil {
			draft.Corrects = doc.Corrects.Number
		}
		return draft, err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.entries = append(p.entries, e)
}

func (p *place) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if err := p.sql.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// problems are what is found, and must be found of the number only.
func (p *place) problems(t *testing.T) []register.Problem {
	t.Helper()
	report, err := Run(t.Context(), p.db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Problems
}

// wantProblem holds that a problem of the entry is found with a text in it.
func (p *place) wantProblem(t *testing.T, number, text string) {
	t.Helper()
	found := p.problems(t)
	if !slices.ContainsFunc(found, func(x register.Problem) bool { return x.Number == number && strings.Contains(x.Text, text) }) {
		t.Errorf("no problem of %s with %q was found: %v", number, text, found)
	}
}

// keep keeps the rows of the register, to put them back after a change.
func (p *place) keep(t *testing.T) (restore func()) {
	t.Helper()
	p.exec(t, "CREATE TABLE kept AS invoices")
	p.exec(t, "INSERT INTO kept SELECT * FROM invoices")
	return func() {
		t.Helper()
		p.exec(t, "TRUNCATE TABLE invoices")
		p.exec(t, "INSERT INTO invoices SELECT * FROM kept")
	}
}

func servers(t *testing.T, test func(t *testing.T, p *place)) {
	t.Run("one writer", func(t *testing.T) {
		dsn, password := enginetest.DSN(t)
		test(t, newPlace(t, dsn, password))
	})
	t.Run("keeper", func(t *testing.T) {
		dsn, password := enginetest.KeeperDSN(t)
		test(t, newPlace(t, dsn, password))
	})
}

func TestNothingWrong(t *testing.T) {
	servers(t, func(t *testing.T, p *place) {
		pay := warehouse.Payment{Number: p.entries[0].Number, Position: 1, PaidOn: november.Start(time.UTC), Amount: d("11.97"), Currency: "USD", RecordedAt: november.Start(time.UTC)}
		if err := p.db.InsertPayment(t.Context(), pay); err != nil {
			t.Fatal(err)
		}
		p.exec(t, "INSERT INTO invoices SELECT * FROM invoices") // as whoever completes a row does
		report, err := Run(t.Context(), p.db, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Problems) > 0 || report.Invoices != 4 || report.Payments != 1 {
			t.Errorf("%+v", report)
		}
		want := []register.Head{
			{Series: "CN-2026-{seq:06}", Entries: 1, Number: "CN-2026-000001", SHA256: p.entries[3].SHA256},
			{Series: "INV-2026-{seq:06}", Entries: 3, Number: "INV-2026-000003", SHA256: p.entries[2].SHA256},
		}
		if !slices.Equal(report.Series, want) {
			t.Errorf("series %v, want %v", report.Series, want)
		}
	})
}

// Every column of a row, changed by one byte, is found and named.
func TestEveryColumn(t *testing.T) {
	servers(t, func(t *testing.T, p *place) {
		rows, err := p.sql.Query(t.Context(), "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'invoices' AND name NOT IN ('series', 'seq')")
		if err != nil {
			t.Fatal(err)
		}
		var columns [][2]string
		for rows.Next() {
			var name, typ string
			if err := rows.Scan(&name, &typ); err != nil {
				t.Fatal(err)
			}
			columns = append(columns, [2]string{name, typ})
		}
		if err := rows.Err(); err != nil || len(columns) < 14 {
			t.Fatalf("columns %v, %v", columns, err)
		}
		restore := p.keep(t)
		for _, c := range columns {
			name, change := c[0], c[0]+" + 1"
			switch {
			case c[1] == "Bool":
				change = "NOT " + name
			case strings.Contains(c[1], "String"):
				change = fmt.Sprintf("if(%[1]s = '', 'x', concat(substring(%[1]s, 1, 1) = 'x' ? 'y' : 'x', substring(%[1]s, 2)))", name)
			}
			p.exec(t, "ALTER TABLE invoices UPDATE "+name+" = "+change+" WHERE tenant = 'b' AND kind = 'invoice'")
			number := p.entries[1].Number
			if name == "number" {
				number = "xNV-2026-000002"
			}
			found := p.problems(t)
			if !slices.ContainsFunc(found, func(x register.Problem) bool { return x.Number == number }) {
				t.Errorf("%s changed, and nothing found of %s: %v", name, number, found)
			}
			restore()
		}
		// What is in the key cannot be updated.
		for _, change := range []string{"replaceOne(series, 'INV', 'INW') AS series", "5 AS seq"} {
			p.exec(t, "INSERT INTO invoices SELECT * REPLACE("+change+") FROM kept WHERE tenant = 'b' AND kind = 'invoice'")
			p.exec(t, "ALTER TABLE invoices DELETE WHERE series = 'INV-2026-{seq:06}' AND seq = 2")
			p.wantProblem(t, p.entries[1].Number, "")
			restore()
		}
		if found := p.problems(t); len(found) > 0 {
			t.Errorf("as it was: %v", found)
		}
	})
}

// One byte of the document, wherever it is, is found.
func TestEveryPartOfTheDocument(t *testing.T) {
	dsn, password := enginetest.DSN(t)
	p := newPlace(t, dsn, password)
	restore := p.keep(t)
	data, err := p.db.InvoiceDocument(t.Context(), p.entries[1].Series, p.entries[1].Seq)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= len(data); at += 31 {
		p.exec(t, "ALTER TABLE invoices UPDATE document = concat(substring(document, 1, ? - 1), if(substring(document, ?, 1) = '0', '1', '0'), substring(document, ? + 1)) WHERE tenant = 'b' AND kind = 'invoice'", at, at, at)
		p.wantProblem(t, p.entries[1].Number, "its document, or its hash, was changed")
		restore()
	}
	// With a hash that fits the document it does not hang on with the others.
	p.exec(t, "ALTER TABLE invoices UPDATE document = replaceOne(document, '11.97', '11.96') WHERE tenant = 'b' AND kind = 'invoice'")
	p.exec(t, "ALTER TABLE invoices UPDATE sha256 = lower(hex(SHA256(concat(prev_sha256, document)))) WHERE tenant = 'b' AND kind = 'invoice'")
	p.wantProblem(t, p.entries[1].Number, "its net and taxes add up to 11.97, not to its total 11.96")
	p.wantProblem(t, p.entries[1].Number, `its total is "11.97" in the register, and "11.96" in its document`)
	p.wantProblem(t, p.entries[2].Number, "it does not hang on the entry before it")
	p.wantProblem(t, p.entries[3].Number, "it takes back invoice INV-2026-000002 of 2026-11-04 with the hash")
	p.wantProblem(t, p.entries[3].Number, "its total is -11.97, and 11.96 on invoice INV-2026-000002")
}

// A byte that was changed in the database's own files spoils the documents in its
// block: they are named, and the others are looked at as ever.
func TestDamagedFile(t *testing.T) {
	dsn, password := enginetest.DSN(t)
	p := newPlace(t, dsn, password)
	var part string
	err := p.sql.QueryRow(t.Context(), `SELECT path FROM system.parts WHERE database = currentDatabase() AND table = 'invoices'
		AND active ORDER BY modification_time, name LIMIT 1`).Scan(&part)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(part, "data.bin")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document := bytes.Index(data, []byte("\x28\xb5\x2f\xfd")) // the magic number of Zstandard, RFC 8878: no other column is packed by it
	if document < 0 {
		t.Fatalf("no document in %d bytes", len(data))
	}
	data[document+200] ^= 1
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	found := p.problems(t)
	if len(found) == 0 || len(found) > 2*len(p.entries) {
		t.Fatalf("found %v", found)
	}
	p.wantProblem(t, p.entries[0].Number, "its document cannot be read: the database's files are damaged")
}

func TestRowsThatAreGone(t *testing.T) {
	servers(t, func(t *testing.T, p *place) {
		restore := p.keep(t)
		remove := func(tenant string) {
			t.Helper()
			restore()
			p.exec(t, "ALTER TABLE invoices DELETE WHERE tenant = ? AND kind = 'invoice'", tenant)
		}
		remove("a")
		p.wantProblem(t, "INV-2026-000002", "the entry before it, INV-2026-000001, is missing")
		remove("b")
		p.wantProblem(t, "INV-2026-000003", "the entry before it, INV-2026-000002, is missing")
		p.wantProblem(t, "CN-2026-000001", "it takes back invoice INV-2026-000002, which is not in the register")
		remove("c") // the last of its series, but the credit note came after it
		p.wantProblem(t, "CN-2026-000001", "it is entry 4 of all, and there is none at 3")
	})
}

// What documents name is looked at, once.
func TestWhatDocumentsName(t *testing.T) {
	dsn, password := enginetest.DSN(t)
	p := newPlace(t, dsn, password)
	p.exec(t, "ALTER TABLE blobs UPDATE data = 'b layout' WHERE kind = 'layout'")
	for _, e := range p.entries {
		p.wantProblem(t, e.Number, "its layout: read blob "+p.layout+": it does not have that hash any more")
	}
	p.exec(t, "TRUNCATE TABLE blobs")
	p.wantProblem(t, "INV-2026-000001", "its layout: read blob "+p.layout+": not in the warehouse")

	p.layout = ""
	r, err := register.Open(t.Context(), p.db, register.Options{SingleWriter: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"e", "f"} {
		doc := invoice(tenant)
		doc.Plans = []billing.PlanRef{{Name: "standard", Digest: "abc", Days: doc.Billed}}
		doc.Annex = &billing.Annex{Records: 3, SHA256: "def"}
		p.finalize(t, r, doc)
	}
	asked := 0
	report, err := Run(t.Context(), p.db, Options{Plan: func(_ context.Context, digest string) error {
		asked++
		return fmt.Errorf("no %s", digest)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 {
		t.Errorf("a plan was looked for %d times", asked)
	}
	for _, number := range []string{"INV-2026-000004", "INV-2026-000005"} {
		for _, want := range []string{"its plan standard: no abc", "its annex: read blob def: not in the warehouse"} {
			if !slices.Contains(report.Problems, register.Problem{Number: number, Text: want}) {
				t.Errorf("no %q of %s in %v", want, number, report.Problems)
			}
		}
	}
}

func TestPayments(t *testing.T) {
	dsn, password := enginetest.DSN(t)
	p := newPlace(t, dsn, password)
	pay := func(number string, position uint32, amount, currency, reference string) {
		t.Helper()
		err := p.db.InsertPayment(t.Context(), warehouse.Payment{
			Number: number, Position: position, PaidOn: november.Start(time.UTC), Amount: d(amount), Currency: currency, Reference: reference, RecordedAt: november.Start(time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pay("INV-2026-000001", 1, "10", "USD", "one")
	pay("INV-2026-000001", 2, "1.97", "USD", "")
	if found := p.problems(t); len(found) > 0 {
		t.Errorf("two payments: %v", found)
	}
	pay("INV-2026-000001", 3, "0.01", "EUR", "one")
	pay("INV-2026-000003", 2, "-1", "USD", "")
	pay("INV-2026-000009", 1, "1", "USD", "")
	pay("CN-2026-000001", 1, "1", "USD", "")
	for number, want := range map[string]string{
		"INV-2026-000001": "its payments come to 11.98, more than its total of 11.97",
		"INV-2026-000003": "its payment 1 is missing",
		"INV-2026-000009": "there is a payment of 1 on 2026-11-01, and no such invoice",
		"CN-2026-000001":  "a payment of it is over 1, and what goes back of the payments of",
	} {
		p.wantProblem(t, number, want)
	}
	p.wantProblem(t, "INV-2026-000001", "a payment of it is in EUR, and it is in USD")
	p.wantProblem(t, "INV-2026-000001", `two payments of it have the reference "one"`)
	p.wantProblem(t, "INV-2026-000003", "a payment of it is over -1")
}

// Every document that the tests of the page draw is one by the schema, as it
// would be stored; and what the schema does not know is refused.
func TestSchema(t *testing.T) {
	schema, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	v := &verifier{schema: schema}
	files, err := filepath.Glob("../render/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "statement") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc billing.Document
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		doc.Kind = cmp.Or(doc.Kind, billing.Invoice) // which drawing does without
		data, err := doc.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if err := v.valid(data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	data, err := invoice("a").Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.valid(data); err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{
		`"total":"11.97"`:           `"total":11.97`,
		`"net":"10.06"`:             `"net":"10.060"`,
		`"kind":"invoice"`:          `"kind":"bill"`,
		`"schema":`:                 `"Schema":`,
		`"records":3`:               `"records":3.5`,
		`"due_date":"2026-12-04"`:   `"due_date":"2026-13-04"`,
		`"currency":"USD",`:         ``,
		`"locale":"en"`:             `"locale":"en","extra":1`,
		`"issue_date":"2026-11-04"`: `"issue_date":"04.11.2026"`,
	} {
		if !strings.Contains(string(data), old) {
			t.Fatalf("%s is not in %s", old, data)
		}
		if err := v.valid([]byte(strings.Replace(string(data), old, changed, 1))); err == nil {
			t.Errorf("%s passes", changed)
		}
	}
}

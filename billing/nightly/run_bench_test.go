package nightly

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"subtally/billing"
	"subtally/billing/register"
	"subtally/ingest"
	"subtally/ingest/twilio"
	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse"
	"subtally/internal/warehouse/engine/enginetest"
	"subtally/pricing"
	"subtally/templates"
)

// BenchmarkRun is a night on which a month of 1,000 tenants with 5 million
// usage records, all of them ingested, is rated, drafted, finalized and printed.
// It reports the most memory that this process, the engine not counted, has had
// resident. Another size is set by SUBTALLY_BENCH_TENANTS and
// SUBTALLY_BENCH_RECORDS.
func BenchmarkRun(b *testing.B) {
	tenants, records := setting(b, "SUBTALLY_BENCH_TENANTS", 1000), setting(b, "SUBTALLY_BENCH_RECORDS", 5_000_000)
	BoundMemory()
	for b.Loop() {
		b.StopTimer()
		j, o := ingested(b, tenants, records)
		b.StartTimer()
		r, err := j.Run(context.Background(), o)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Months) == 0 || len(r.Months[0].Finalized) != tenants {
			b.Fatalf("%d of %d invoices were finalized", len(r.Months[0].Finalized), tenants)
		}
		if n := r.Months[0].Statement.Totals[0].Records; n != int64(records) {
			b.Fatalf("%d records were billed, want %d", n, records)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(residentPeak(b))/(1<<20), "MB-resident")
}

func setting(b *testing.B, name string, value int) int {
	if text := os.Getenv(name); text != "" {
		var err error
		if value, err = strconv.Atoi(text); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
	}
	return value
}

// residentPeak is the most memory in bytes that the process has had resident.
func residentPeak(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64) // kB
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

// ingested is a job on a warehouse that has the usage of October: calls, half of
// them to one of 400 prefixes, and messages, evenly over the tenants.
func ingested(b *testing.B, tenants, records int) (*Job, Options) {
	b.Helper()
	asOf := date(b, "2026-11-05")
	sim, err := twiliosim.New(twiliosim.World{
		Seed: 1, Subaccounts: tenants + 20, Records: 0, From: date(b, "2026-09-01").Start(time.UTC), To: date(b, "2026-09-02").Start(time.UTC),
	}, twiliosim.Options{Now: asOf.Start(time.UTC)})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(sim)
	b.Cleanup(server.Close)
	quiet := slog.New(slog.DiscardHandler)
	client, err := twilio.New(twilio.Options{
		BaseURL: server.URL, Main: twilio.Credentials{Username: sim.MainSID(), Password: sim.AuthToken()}, Concurrency: 8, Log: quiet,
	})
	if err != nil {
		b.Fatal(err)
	}
	dsn, password := enginetest.DSN(b)
	db, err := warehouse.Open(b.Context(), warehouse.Options{DSN: dsn, Password: password, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	settings, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		b.Fatal(err)
	}
	settings.Auth.Password = password
	conn, err := clickhouse.Open(settings)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()

	var sids []string
	var deck bytes.Buffer
	deck.WriteString("prefix,destination,rate\n")
	for i := range 400 {
		fmt.Fprintf(&deck, "%d,Destination %d,0.0%d\n", 1000+i*7, i%60, 100+i)
	}
	deck.WriteString("1,United States,0.012\n")
	world, wrong := pricing.ParseDeck("world", &deck, nil)
	if len(wrong) > 0 {
		b.Fatal(wrong)
	}
	p := plan("standard", "USD")
	p.Charges[0].PerMinute = &pricing.PerMinute{Deck: "world", Initial: 60, Increment: 60}
	biller := &billing.Biller{
		DB: db, Plans: map[string]*pricing.Plan{"standard": p}, Tables: pricing.Tables{Decks: map[string]*pricing.Deck{"world": world}},
		Seller: billing.Seller{Party: billing.Party{Name: "Seller"}, NumberFormat: "INV-{year}-{seq:06}", CreditNoteFormat: "CN-{year}-{seq:06}"},
		Start:  date(b, "2026-10-01"), TimeZone: "UTC", PaymentDays: 30, Locale: templates.DefaultLocale, Layout: NewLayout(templates.Embedded()),
	}
	var plain []twiliosim.AccountInfo
	for _, a := range sim.Accounts() {
		if a.Role == twiliosim.RolePlain {
			plain = append(plain, a)
		}
	}
	for i, a := range plain[:tenants] {
		sids = append(sids, a.SID)
		biller.Tenants = append(biller.Tenants, billing.Tenant{
			ID: fmt.Sprintf("t%05d", i), Plan: "standard", TimeZone: "UTC", Buyer: billing.Party{Name: a.FriendlyName},
			Subaccounts: []billing.Assignment{{SID: a.SID}},
		})
	}
	var all []string
	for _, a := range sim.Accounts() {
		all = append(all, a.SID)
	}
	insert := strings.ReplaceAll(`INSERT INTO usage (account, sid, kind, direction, status, from_number, to_number, parent_sid, created_at, started_at,
			updated_at, quantity, cost, currency, is_final, sync, version)
		WITH {sids} AS accounts, cityHash64(number) AS h, toDateTime('2026-10-01 00:00:00', 'UTC') + h % (31 * 86400) AS at, number % 10 < 6 AS is_call
		SELECT accounts[intDiv(h, 8) % length(accounts) + 1], if(is_call, 'CA', 'SM') || lower(hex(MD5(toString(number)))),
			if(is_call, 'call', 'sms'), 'outbound-api', if(is_call, 'completed', 'delivered'), '+14155550100',
			if(h % 2 = 0, '+1' || toString(2000000000 + h % 7999999999), '+' || toString(1000 + 7 * (h % 400)) || toString(1000000 + h % 8999999)), '',
			at, at, at + 60, if(is_call, 1 + intDiv(h, 256) % 600, 1 + intDiv(h, 256) % 3), toDecimal64(0.0079, 8), 'USD', true, 1, 1
		FROM numbers(`+strconv.Itoa(records)+`) SETTINGS max_insert_block_size = 250000`, "{sids}", "['"+strings.Join(sids, "','")+"']")
	checkpoints := `INSERT INTO windows (account, resource, day, pulled_at, records, sid_hash, pending, sync)
		SELECT account, resource, toDate('2026-09-30') + number, toDateTime('2026-11-05 00:00:00', 'UTC'), 0, 0, 0, 1 FROM numbers(37)
		ARRAY JOIN ['calls', 'messages', 'recordings', 'transcriptions', 'numbers'] AS resource
		CROSS JOIN (SELECT arrayJoin(['` + strings.Join(all, "','") + `']) AS account) AS a`
	for _, statement := range []string{insert, checkpoints} {
		if err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%v in %.200s", err, statement)
		}
	}
	return &Job{
		Biller: biller, Register: register.Options{SingleWriter: true}, GraceDays: 3, Log: quiet,
		Files:  &Files{Dir: b.TempDir(), Layout: templates.Embedded(), Locale: templates.DefaultLocale},
		Syncer: &ingest.Syncer{Client: client, DB: db, Start: date(b, "2026-09-30").Start(time.UTC), Settle: 15 * 24 * time.Hour, Workers: 8, Log: quiet},
	}, Options{AsOf: asOf, Now: asOf.Start(time.UTC)}
}

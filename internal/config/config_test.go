package config

import (
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"subtally/billing"
	"subtally/pricing"
)

var update = flag.Bool("update", false, "rewrite the expected problems in testdata/bad, and the schemas")

var october = pricing.Date{Year: 2026, Month: 10, Day: 1}

func noEnv(string) (string, bool) { return "", false }

// good copies testdata/good to a new folder, with some of its files replaced.
func good(t testing.TB, replace map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/good")); err != nil {
		t.Fatal(err)
	}
	for name, text := range replace {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mustLoad(t testing.TB, dir string, env map[string]string) *Config {
	t.Helper()
	c, err := Load(filepath.Join(dir, "subtally.yaml"), func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// problemsOf loads a folder that must not load, and answers its problems with
// paths relative to the folder.
func problemsOf(t *testing.T, dir string) []string {
	t.Helper()
	c, err := Load(filepath.Join(dir, "subtally.yaml"), noEnv)
	if c != nil || err == nil {
		t.Fatal("loaded without a problem")
	}
	var problems *Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is a %T, want *Problems: %v", err, err)
	}
	return strings.Split(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""), "\n")
}

// Each archive in testdata/bad replaces files of testdata/good; its comment
// lists the problems that must be reported then.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d archives in testdata/bad, want 40 and more (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			replace := map[string]string{}
			for _, f := range archive.Files {
				replace[f.Name] = string(f.Data)
			}
			got := strings.Join(problemsOf(t, good(t, replace)), "\n") + "\n"
			if *update {
				archive.Comment = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Comment), got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	dir := good(t, nil)
	c := mustLoad(t, dir, nil)
	if c.Plans["standard"] == nil || c.Decks["world"].Len() != 3 || len(c.Tenants) != 2 {
		t.Errorf("loaded %d plans, %d decks, %d tenants", len(c.Plans), len(c.Decks), len(c.Tenants))
	}
	if got := c.Plans["standard"].Charges[1].PerMinute.Rate.String(); got != "0.01" {
		t.Errorf("rate %s, want 0.01", got)
	}
	if got := c.Tenants[1].Buyer.TaxID; got != "0123" {
		t.Errorf("tax id %q, want its text, 0123", got)
	}
	c.Plans, c.Decks, c.Tenants = nil, nil, nil
	want := &Config{
		Dir:        dir,
		Twilio:     Twilio{BaseURL: "https://api.twilio.com", Concurrency: 8, Accounts: map[string]Credentials{}},
		ClickHouse: ClickHouse{DataDir: filepath.Join(dir, "data")},
		Seller:     billing.Seller{Party: billing.Party{Name: "Example Voice Inc."}, NumberFormat: "INV-{year}-{seq:06}", CreditNoteFormat: "CN-{year}-{seq:06}"},
		Billing: Billing{
			Start: pricing.Date{Year: 2026, Month: 10, Day: 1}, TimeZone: "America/New_York",
			GraceDays: 3, SettleDays: 15, NumberFormat: "INV-{year}-{seq:06}", CreditNoteFormat: "CN-{year}-{seq:06}", PaymentDays: 30,
		},
		Schedule:  Schedule{Cron: "15 3 * * *", TimeZone: "America/New_York"},
		OutputDir: filepath.Join(dir, "out"),
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
}

func TestEverything(t *testing.T) {
	dir := good(t, map[string]string{"subtally.yaml": "\xef\xbb\xbf" + `
twilio:
  base_url: http://127.0.0.1:8080/
  concurrency: "3"
  credentials:
    - {account: AC00000000000000000000000000000001, password_env: ACME_AUTH_TOKEN}
    - {account: AC00000000000000000000000000000002, username: SK00000000000000000000000000000009, password_env: BERLIN_KEY}
clickhouse: {dsn: clickhouse://subtally@ch.example.net:9000/subtally, port: 9001, data_dir: /var/lib/subtally}
seller: {name: S, address: [Line 1, Line 2], tax_id: "1", email: a@example.com, phone: +1 415 555 0100, website: example.com}
billing:
  start: "2026-10-01"
  time_zone: Europe/Berlin
  grace_days: 0
  settle_days: 20
  number_format: R{seq}
  payment_days: 14
  payment_instructions: [IBAN 1]
schedule: {cron: 0 2 * * 1-5, time_zone: UTC}
output_dir: /srv/invoices
plans: [plans/standard.yaml, plans/*.yaml]
decks: {world: decks/world.csv, carrier: {file: decks/carrier.csv, columns: {prefix: Dial Code, destination: Name, rate: Price}}, plain: {file: decks/world.csv}}
exchange_rates: rates.csv
tenants: tenants.yaml
`,
		"decks/carrier.csv": "Name,Dial Code,Price,Remark\nGermany,49,0.02,new\n",
		"rates.csv":         "date,from,to,rate\n2026-10-01,USD,EUR,0.92\n",
	})
	c := mustLoad(t, dir, map[string]string{
		"TWILIO_ACCOUNT_SID": "AC0000000000000000000000000000000f", "TWILIO_AUTH_TOKEN": "main-token",
		"ACME_AUTH_TOKEN": "acme-token", "BERLIN_KEY": "berlin-key", "SUBTALLY_CLICKHOUSE_PASSWORD": "ch-password",
	})
	if row := c.Decks["carrier"].Lookup("4930", october); row == nil || row.Destination != "Germany" || row.Rate.String() != "0.02" {
		t.Errorf("row of the deck with columns of its own: %+v", row)
	}
	if got := c.Decks["plain"].Len(); got != 3 {
		t.Errorf("%d rows in the deck that only names its file, want 3", got)
	}
	if rate, ok := c.Rates.Lookup("USD", "EUR", october); !ok || rate.Rate.String() != "0.92" {
		t.Errorf("rate from USD to EUR %s, %t, want 0.92", rate, ok)
	}
	c.Rates = nil
	c.Plans, c.Decks, c.Tenants = nil, nil, nil
	want := &Config{
		Dir: dir,
		Twilio: Twilio{
			BaseURL: "http://127.0.0.1:8080", Concurrency: 3,
			Main: MainAccount{"AC0000000000000000000000000000000f", "main-token"},
			Accounts: map[string]Credentials{
				"AC00000000000000000000000000000001": {"AC00000000000000000000000000000001", "ACME_AUTH_TOKEN", "acme-token"},
				"AC00000000000000000000000000000002": {"SK00000000000000000000000000000009", "BERLIN_KEY", "berlin-key"},
			},
		},
		ClickHouse: ClickHouse{DataDir: "/var/lib/subtally", Port: 9001, DSN: "clickhouse://subtally@ch.example.net:9000/subtally", Password: "ch-password"},
		Seller: billing.Seller{
			Party:        billing.Party{Name: "S", Address: []string{"Line 1", "Line 2"}, TaxID: "1", Email: "a@example.com", Phone: "+1 415 555 0100", Website: "example.com"},
			NumberFormat: "R{seq}", CreditNoteFormat: "CN-{year}-{seq:06}",
		},
		Billing: Billing{
			Start: pricing.Date{Year: 2026, Month: 10, Day: 1}, TimeZone: "Europe/Berlin",
			GraceDays: 0, SettleDays: 20, NumberFormat: "R{seq}", CreditNoteFormat: "CN-{year}-{seq:06}", PaymentDays: 14, PaymentInstructions: []string{"IBAN 1"},
		},
		Schedule:  Schedule{Cron: "0 2 * * 1-5", TimeZone: "UTC"},
		OutputDir: "/srv/invoices",
	}
	same := cmp.Comparer(func(a, b Secret) bool { return a == b })
	if diff := cmp.Diff(want, c, same); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
	if err := c.NeedTwilio(); err != nil {
		t.Errorf("all credentials are set, but: %v", err)
	}

	for verb := range strings.SplitSeq("%v %+v %#v %s %q %x %d", " ") {
		out := fmt.Sprintf(verb, c)
		out += fmt.Sprintf(verb, c.ClickHouse.Password)
		for _, secret := range []string{"main-token", "acme-token", "berlin-key", "ch-password"} {
			if strings.Contains(out, secret) || strings.Contains(out, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s prints the secret %s: %s", verb, secret, out)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "config", c, "token", c.Twilio.Main.AuthToken)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if out := string(text) + log.String(); strings.Contains(out, "-token") || strings.Contains(out, "ch-password") || !strings.Contains(out, `"[secret]"`) {
		t.Errorf("JSON or log shows a secret: %s", out)
	}
	if got := c.Twilio.Main.AuthToken.Reveal(); got != "main-token" {
		t.Errorf("Reveal = %q", got)
	}
}

func TestNeedTwilio(t *testing.T) {
	dir := good(t, nil)
	sid := "AC0000000000000000000000000000000f"
	for _, test := range []struct {
		env      map[string]string
		accounts map[string]Credentials
		want     string
	}{
		{nil, nil, "twilio credentials are missing: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN in the environment"},
		{map[string]string{envAccountSID: sid, envAuthToken: "t"}, map[string]Credentials{"AC2": {"AC2", "B", ""}, "AC1": {"AC1", "A", ""}, "AC3": {"AC3", "C", "c"}},
			"twilio credentials are missing: set A, B in the environment"},
		{map[string]string{envAccountSID: "token-by-mistake", envAuthToken: "t"}, nil,
			"TWILIO_ACCOUNT_SID in the environment is not an account sid: AC and 32 hexadecimal digits"},
	} {
		c := mustLoad(t, dir, test.env)
		c.Twilio.Accounts = test.accounts
		if err := c.NeedTwilio(); err == nil || err.Error() != test.want {
			t.Errorf("%v: %v, want %s", test.env, err, test.want)
		}
	}
}

func TestHandovers(t *testing.T) {
	const header = "tenants:\n"
	const tenant = "  - {id: %s, plan: standard, time_zone: %s, buyer: {name: B}, subaccounts: [%s]}\n"
	const sid = "sid: AC00000000000000000000000000000001"
	for _, test := range []struct{ name, tenants string }{
		{"from one tenant to another at midnight", fmt.Sprintf(tenant, "a", "Europe/Berlin", "{"+sid+", until: 2026-11-01}") + fmt.Sprintf(tenant, "b", "Europe/Berlin", "{"+sid+", from: 2026-11-01}")},
		{"eastwards, a day later", fmt.Sprintf(tenant, "a", "America/New_York", "{"+sid+", until: 2026-11-01}") + fmt.Sprintf(tenant, "b", "Europe/Berlin", "{"+sid+", from: 2026-11-02}")},
		{"westwards, the same day", fmt.Sprintf(tenant, "a", "Europe/Berlin", "{"+sid+", until: 2026-11-01}") + fmt.Sprintf(tenant, "b", "America/New_York", "{"+sid+", from: 2026-11-01}")},
		{"twice in one tenant", fmt.Sprintf(tenant, "a", "Europe/Berlin", "{"+sid+", until: 2026-11-01}, {"+sid+", from: 2026-12-01}")},
		{"a claim that ended before billing began", fmt.Sprintf(tenant, "a", "UTC", "{"+sid+", until: 2026-09-01}") + fmt.Sprintf(tenant, "b", "UTC", "{"+sid+"}")},
		{"no tenants", "  []\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mustLoad(t, good(t, map[string]string{"tenants.yaml": header + test.tenants}), nil)
		})
	}
}

func TestFileTooLarge(t *testing.T) {
	comment := "#" + strings.Repeat("-", maxFile) + "\n"
	dir := good(t, map[string]string{"plans/standard.yaml": comment})
	got := problemsOf(t, dir)
	want := []string{`subtally.yaml:5: plans[0]: plan file "plans/standard.yaml": larger than 1 MiB, too large for a configuration file`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
}

func TestNoFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "subtally.yaml"), noEnv)
	if err == nil || !strings.Contains(err.Error(), "subtally init") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error does not say what to do: %v", err)
	}
}

// A folder whose own name looks like a pattern must not change which plans
// are found.
func TestGlobInFolderName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.CopyFS(dir, os.DirFS("testdata/good")); err != nil {
		t.Fatal(err)
	}
	if c := mustLoad(t, dir, nil); len(c.Plans) != 1 {
		t.Errorf("%d plans, want 1", len(c.Plans))
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"time_zone", "start", "grace_days"}
	for word, want := range map[string]string{
		"tme_zone": "time_zone", "timeZone": "time_zone", "Time-Zone": "time_zone", "strat": "start", "stat": "start", "dart": "", "colour": "",
	} {
		if got := suggest(word, known); got != want {
			t.Errorf("suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

// Whatever a file holds, Load answers a configuration or problems that each
// fit on a line.
func FuzzLoad(f *testing.F) {
	names := []string{"subtally.yaml", "plans/standard.yaml", "tenants.yaml"}
	var dirs []string
	for _, name := range names {
		dirs = append(dirs, good(f, nil))
		data, err := os.ReadFile(filepath.Join("testdata/good", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(len(dirs)-1), data)
	}
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if i := slices.Index(names, file.Name); i >= 0 {
				f.Add(uint8(i), file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		i := int(which) % len(names)
		if err := os.WriteFile(filepath.Join(dirs[i], names[i]), data, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := Load(filepath.Join(dirs[i], "subtally.yaml"), noEnv)
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v and error %v", c, err)
		}
		var problems *Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("error is a %T", err)
		}
		if err != nil && strings.Count(err.Error(), "\n") != len(problems.List)-1 {
			t.Errorf("a problem spans lines:\n%s", err)
		}
	})
}

// Every type that a file may hold can be decoded: a new one must not wait for a
// user to find out.
func TestEveryTypeHasADecoding(t *testing.T) {
	known := map[reflect.Kind]bool{reflect.String: true, reflect.Int: true, reflect.Int64: true, reflect.Bool: true}
	seen := map[reflect.Type]bool{}
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		if seen[typ] || reflect.PointerTo(typ).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(path, typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				if f := typ.Field(i); f.Tag.Get("yaml") != "" {
					walk(path+"."+f.Name, f.Type)
				}
			}
		default:
			if !known[typ.Kind()] {
				t.Errorf("%s: no decoding for %s", path, typ)
			}
		}
	}
	for _, v := range []any{file{}, tenantsFile{}, pricing.Plan{}} {
		walk(reflect.TypeOf(v).Name(), reflect.TypeOf(v))
	}
}

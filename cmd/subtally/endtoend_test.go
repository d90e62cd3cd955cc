package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"subtally/billing"
	"subtally/billing/nightly"
	"subtally/ingest"
	"subtally/ingest/twiliosim"
	"subtally/internal/config"
	"subtally/internal/warehouse/engine"
	"subtally/pricing"
)

// TestEndToEnd bills a month of a small world and holds what comes out against
// itself, against the stand-in, and against what comes out when it is done in
// another environment, or with processes killed on the way.
func TestEndToEnd(t *testing.T) {
	base := newSite(t)
	base.nights(t)
	reference := base.copy(t)
	start := time.Now()
	if status, stderr := reference.run(t); status != statusPerson {
		t.Fatalf("the reference ended with status %d: %s", status, stderr)
	}
	took := time.Since(start)
	requests := reference.requests.Load()
	want := reference.outcome(t)
	t.Logf("the undisturbed run took %v and %d requests; invoices:\n%s", took, requests, want.invoices)

	t.Run("sums", func(t *testing.T) { reference.checkSums(t) })
	t.Run("elsewhere", func(t *testing.T) { testElsewhere(t, want) })
	t.Run("killed", func(t *testing.T) { testKilled(t, base, want, took, requests) })
	t.Run("engine killed", func(t *testing.T) { testEngineKilled(t, base, want, requests) })
}

const (
	finalizeOn = "2026-11-18"
	octoberDir = "out/2026-10"
)

// site is a configuration with its data and documents, in a folder of its own,
// and a stand-in for Twilio.
type site struct {
	dir      string
	sim      *twiliosim.Server
	url      string
	requests atomic.Int64 // that the stand-in has seen
}

// newSite writes the configuration of a world with a number that moves, and
// tenants in several time zones: one with two subaccounts, one with a Unicode
// name who came late, one whose costs are in another currency, and a
// subaccount that is nobody's any more.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.serve(t)
	a := s.sim.Accounts()
	usd := []pricing.TaxRate{{Name: "Sales tax", Rate: decimal.RequireFromString("8.875")}}
	tenants := []billing.Tenant{
		{ID: "cost-plus", Plan: "cost-plus", TimeZone: "America/Los_Angeles", Buyer: billing.Party{Name: `"Fern, Hill" & Sons`},
			Subaccounts: []billing.Assignment{{SID: a[5].SID}, {SID: a[6].SID}}},
		{ID: "late", Plan: "by the second", TimeZone: "Pacific/Auckland", Buyer: billing.Party{Name: a[7].FriendlyName}, From: mustDate("2026-10-07"),
			Subaccounts: []billing.Assignment{{SID: a[7].SID}}},
		{ID: "moved-from", Plan: "standard", TimeZone: "America/New_York", Buyer: billing.Party{Name: a[1].FriendlyName}, Taxes: usd,
			Subaccounts: []billing.Assignment{{SID: a[1].SID}, {SID: a[3].SID}}},
		{ID: "moved-to", Plan: "tiered", TimeZone: "Europe/Berlin", Buyer: billing.Party{Name: a[2].FriendlyName},
			Subaccounts: []billing.Assignment{{SID: a[2].SID}}},
		{ID: "yen", Plan: "yen", TimeZone: "Asia/Tokyo", Buyer: billing.Party{Name: "Киото Телеком K.K."},
			Subaccounts: []billing.Assignment{{SID: a[4].SID}, {SID: a[8].SID, Until: mustDate("2026-10-11")}}},
	}
	for i := range tenants[1:] {
		tenants[i+1].Until = mustDate("2026-11-01") // November is there, but short
	}
	list, err := yaml.Marshal(map[string]any{"tenants": tenants})
	if err != nil {
		t.Fatal(err)
	}
	// Seconds at a price per minute, and numbers at a price per month, have
	// amounts that never end.
	const seconds = `name: by the second
currency: USD
charges:
  - {id: calls, description: Calls, match: {kind: [call]}, per_minute: {rate: 0.01, connect_fee: 0.003, initial: 1, increment: 1}}
  - {id: media, description: Media, match: {kind: [recording, transcription]}, per_minute: {rate: 0.0047, minimum_charge: 0.001, initial: 1, increment: 1}}
  - {id: messages, description: "Messages, all", match: {kind: [sms, mms, whatsapp]}, per_unit: {unit_price: 0.00791}}
  - {id: numbers, description: Numbers, match: {kind: [number]}, per_unit: {unit_price: 1.15, per: month}}
  - {id: fee, description: Fee, flat: {amount: 10}}
`
	yen := strings.NewReplacer("by the second", "yen", "USD", "JPY\nrounding: half_even", "0.01,", "1.7,").Replace(seconds)
	for name, text := range map[string]string{
		"subtally.yaml": `twilio: {base_url: ` + s.url + `}
clickhouse: {data_dir: data}
seller: {name: Example Voice Inc.}
billing: {start: 2026-10-01, time_zone: America/New_York}
output_dir: out
plans: [plans/*.yaml]
decks: {world: decks/world.csv, sms: decks/sms.csv, evening: decks/evening.csv}
tenants: tenants.yaml
`,
		"tenants.yaml":       string(list),
		"plans/seconds.yaml": seconds,
		"plans/yen.yaml":     yen,
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"plans", "decks"} {
		files, err := fs.Sub(exampleFiles, "example/"+name)
		if err == nil {
			err = os.CopyFS(filepath.Join(s.dir, name), files)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// serve starts the site's stand-in.
func (s *site) serve(t *testing.T) {
	t.Helper()
	var err error
	s.sim, err = twiliosim.New(twiliosim.World{
		Seed: 5, Subaccounts: 8, Records: 10_000,
		From: mustDate("2026-09-30").Start(time.UTC), To: mustDate("2026-11-03").Start(time.UTC),
	}, twiliosim.Options{Now: mustDate(finalizeOn).Start(time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
}

// copy makes a site with the same data, and a stand-in of its own.
func (s *site) copy(t *testing.T) *site {
	t.Helper()
	c := &site{dir: filepath.Join(t.TempDir(), "site")}
	c.serve(t)
	if out, err := exec.Command("cp", "-a", s.dir, c.dir).CombinedOutput(); err != nil {
		t.Fatalf("copy a site: %v: %s", err, out)
	}
	path := filepath.Join(c.dir, "subtally.yaml")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte(s.url), []byte(c.url), 1), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := leftOver(c.dir, 10*time.Second); left != nil {
			t.Errorf("processes are left behind: %s", left)
		}
	})
	return c
}

// open opens the site within this process.
func (s *site) open(t *testing.T) *app {
	t.Helper()
	conf, err := config.Load(filepath.Join(s.dir, "subtally.yaml"), func(name string) (string, bool) {
		secret, ok := map[string]string{"TWILIO_ACCOUNT_SID": s.sim.MainSID(), "TWILIO_AUTH_TOKEN": s.sim.AuthToken()}[name]
		return secret, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), conf, true)
	if errors.Is(err, engine.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	// The nights on which the number lists are read around the day that a
	// number moves, which is 17 October.
	nightBefore, nightAfter = "2026-10-16", "2026-10-18"
	// When drafts are written, and a closed account is looked at for the last
	// time.
	draftOn = "2026-11-02"
)

// nights pulls usage on some nights of the month, and writes drafts.
func (s *site) nights(t *testing.T) {
	t.Helper()
	a := s.open(t)
	defer a.Close()
	job, err := a.job(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, night := range []string{"2026-10-09", nightBefore, nightAfter} {
		now := mustDate(night).Start(time.UTC)
		s.sim.SetNow(now)
		summary, err := job.Syncer.Sync(t.Context(), ingest.Request{Now: now})
		if err := errors.Join(err, summary.Error()); err != nil {
			t.Fatal(err)
		}
	}
	now := mustDate(draftOn)
	s.sim.SetNow(now.Start(time.UTC))
	if _, err := job.Run(t.Context(), nightly.Options{AsOf: now, Now: now.Start(time.UTC)}); err != nil {
		t.Fatal(err)
	}
	for name := range s.files(t, octoberDir) {
		if strings.Contains(name, "invoices") {
			t.Errorf("%s was written before it was due", name)
		}
	}
}

// command is subtally in a process of its own. What it leaves in its folder of
// temporary files, should it be killed, is the test's.
func (s *site) command(t *testing.T, env []string, args ...string) (c *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	c = exec.CommandContext(t.Context(), self, append(args, "-c", filepath.Join(s.dir, "subtally.yaml"))...)
	c.Args[0] = "subtally" // which tells TestMain to be the program
	c.Env = append(os.Environ(), "TWILIO_ACCOUNT_SID="+s.sim.MainSID(), "TWILIO_AUTH_TOKEN="+s.sim.AuthToken(), "TMPDIR="+tmp)
	// Under the race detector a process would sleep a second before it exits.
	c.Env = append(append(c.Env, "GORACE=atexit_sleep_ms=0"), env...)
	stderr = new(bytes.Buffer)
	c.Stderr = stderr
	return c, stderr
}

// exec runs subtally and answers how it ended.
func (s *site) exec(t *testing.T, env []string, args ...string) (status int, stderr string) {
	t.Helper()
	c, said := s.command(t, env, args...)
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), said.String()
}

// run is the run that finalizes. It ends with statusPerson, since there is
// usage without a tenant.
func (s *site) run(t *testing.T, env ...string) (status int, stderr string) {
	t.Helper()
	return s.exec(t, env, "run", "--as-of", finalizeOn)
}

// files are the files below a folder of the site with their hash, but for
// hidden ones: those are not complete, and not to be looked at.
func (s *site) files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(s.dir), dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		data, err := os.ReadFile(filepath.Join(s.dir, path))
		out[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// outcome is all that a site's runs have brought forth.
type outcome struct {
	invoices string // the register: numbers, hashes and documents
	files    map[string]string
}

func (s *site) outcome(t *testing.T) outcome {
	t.Helper()
	a := s.open(t)
	defer a.Close()
	reg, err := a.register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range reg.Entries() {
		doc, err := reg.Document(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s %s %s %.12x\n", e.Number, e.Tenant, e.From, e.SHA256, sha256.Sum256(doc))
	}
	return outcome{b.String(), s.files(t, "out")}
}

// check holds the site's outcome against that of the undisturbed run.
func (s *site) check(t *testing.T, want outcome) {
	t.Helper()
	got := s.outcome(t)
	if got.invoices != want.invoices {
		t.Errorf("invoices are\n%swant\n%s", got.invoices, want.invoices)
	}
	if diff := cmp.Diff(want.files, got.files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Where and how often usage is pulled and billed makes no difference, nor does
// a first start that is killed; and billing once more changes nothing.
func testElsewhere(t *testing.T, want outcome) {
	s := newSite(t)
	env := []string{"TZ=Asia/Tokyo", "GOMAXPROCS=1", "LANG=tr_TR.UTF-8"}
	s.sim.SetNow(mustDate(nightBefore).Start(time.UTC))
	for _, k := range []killing{
		appears("the engine's first start", "data/engine/hold"),
		appears("the engine's second start", "data/engine/password"),
		{"the first answers", func(s *site, _ time.Duration) bool { return s.requests.Load() > 3 }},
	} {
		if !s.kill(t, k, "sync", "--as-of", nightBefore) {
			t.Errorf("could not be killed at %s", k.at)
		}
	}
	for _, night := range []string{nightBefore, nightAfter, draftOn} {
		s.sim.SetNow(mustDate(night).Start(time.UTC))
		if status, stderr := s.exec(t, env, "sync", "--as-of", night); status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
	}
	s.sim.SetNow(mustDate(finalizeOn).Start(time.UTC))
	for range 2 {
		if status, stderr := s.run(t, env...); status != statusPerson {
			t.Fatalf("status %d: %s", status, stderr)
		}
		s.check(t, want)
		if t.Failed() {
			return
		}
		old := time.Unix(1, 0)
		for name := range s.files(t, octoberDir) {
			path := filepath.Join(s.dir, name)
			if info, err := os.Stat(path); err != nil || info.ModTime().Equal(old) {
				continue
			}
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// killing is a moment at which a run is killed.
type killing struct {
	at      string
	reached func(s *site, since time.Duration) bool
}

// appears is the moment at which there is a file that one of the patterns fits.
func appears(name string, patterns ...string) killing {
	return killing{name, func(s *site, _ time.Duration) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			found, _ := filepath.Glob(filepath.Join(s.dir, pattern))
			return found != nil
		})
	}}
}

// writing is the moment at which a document is half written: it does not have
// its name yet.
func writing(name string) killing {
	return appears("writing "+name, "tmp/."+name+"*", octoberDir+"/."+name+"*", octoberDir+"/*/."+name+"*")
}

// testKilled kills a run at twelve moments and lets the next one finish. Moments
// of one list follow each other: each kills the run that goes on where the one
// before it was killed.
func testKilled(t *testing.T, base *site, want outcome, took time.Duration, requests int64) {
	random := rand.New(rand.NewPCG(1, 2))
	after := func(percent int) killing {
		part := float64(percent) + 8*random.Float64() - 4
		return killing{fmt.Sprintf("%.0f %% of the time", part), func(_ *site, since time.Duration) bool {
			return since >= time.Duration(part/100*float64(took))
		}}
	}
	asked := func(percent int64) killing {
		return killing{fmt.Sprintf("%d %% of the requests", percent), func(s *site, _ time.Duration) bool {
			return s.requests.Load() >= requests*percent/100
		}}
	}
	finalized := func(n uint64) killing {
		return killing{fmt.Sprintf("%d finalized", n), func(s *site, _ time.Duration) bool { return s.finalized() >= n }}
	}
	starting := killing{"the engine's start", func(s *site, _ time.Duration) bool {
		pid, _, _ := s.engineState()
		return pid != 0
	}}
	hits, kills := 0, 0
	for _, list := range [][]killing{
		{starting, after(5), asked(30), asked(70), finalized(1), writing("INV-"),
			appears("the last invoice", octoberDir+"/invoices/*-000005.pdf"), writing("usage.csv")},
		{starting, after(30), finalized(5)},
		{after(55)},
	} {
		s := base.copy(t)
		var names []string
		for _, k := range list {
			names = append(names, k.at)
			kills++
			if s.kill(t, k, "run", "--as-of", finalizeOn) {
				hits++
				t.Logf("killed: %s", k.at)
			} else {
				t.Logf("ended before it could be killed: %s", k.at)
			}
		}
		if status, stderr := s.run(t); status != statusPerson {
			t.Errorf("after kills at %q the run ended with status %d: %s", names, status, stderr)
		}
		s.check(t, want)
		if t.Failed() {
			t.Fatalf("after kills at %q", names)
		}
	}
	if t.Logf("%d of %d kills hit a process at work", hits, kills); hits < kills-1 {
		t.Errorf("only %d of %d kills hit a process at work", hits, kills)
	}
}

// kill starts a command, kills it at the moment, and reports whether it was
// still at work.
func (s *site) kill(t *testing.T, k killing, args ...string) bool {
	t.Helper()
	s.requests.Store(0)
	// What the one before left half written says nothing of this one's progress.
	for _, pattern := range []string{"tmp/.*", octoberDir + "/.*", octoberDir + "/*/.*"} {
		left, _ := filepath.Glob(filepath.Join(s.dir, pattern))
		for _, path := range left {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, stderr := s.command(t, nil, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	ended := make(chan struct{})
	go func() {
		c.Wait()
		close(ended)
	}()
	for !k.reached(s, time.Since(start)) {
		select {
		case <-ended:
			if status := c.ProcessState.ExitCode(); status != 0 && status != statusPerson {
				t.Fatalf("before it could be killed at %s, it ended with status %d: %s", k.at, status, stderr)
			}
			return false
		case <-time.After(time.Millisecond):
		}
	}
	c.Process.Kill()
	<-ended
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	return status.Signaled() && status.Signal() == syscall.SIGKILL
}

// engineState is the engine that serves the site now, with its password; pid
// is 0 when none does.
func (s *site) engineState() (pid, port int, password string) {
	var state struct{ PID, Port int }
	raw, err := os.ReadFile(filepath.Join(s.dir, "data", "engine", "state.json"))
	if err != nil || json.Unmarshal(raw, &state) != nil {
		return 0, 0, ""
	}
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(state.PID), "cmdline"))
	if err != nil || !bytes.Contains(line, []byte(s.dir+"/")) {
		return 0, 0, "" // of an earlier engine
	}
	secret, _ := os.ReadFile(filepath.Join(s.dir, "data", "engine", "password"))
	return state.PID, state.Port, string(secret)
}

// finalized counts the invoices in the register of the run that is at work, 0
// when it cannot be asked. It does not hold the engine as a user would.
func (s *site) finalized() (n uint64) {
	_, port, password := s.engineState()
	if port == 0 {
		return 0
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{"127.0.0.1:" + strconv.Itoa(port)}, DialTimeout: time.Second,
		Auth: clickhouse.Auth{Database: engine.Database, Username: engine.User, Password: password},
	})
	if err != nil {
		return 0
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if conn.QueryRow(ctx, "SELECT count() FROM invoices").Scan(&n) != nil {
		return 0
	}
	return n
}

// When the engine dies, the run says so and ends; the next one does the rest.
func testEngineKilled(t *testing.T, base *site, want outcome, requests int64) {
	s := base.copy(t)
	for _, moment := range []struct {
		name    string
		reached func() bool
	}{
		{"pulling", func() bool { return s.requests.Load() >= requests/2 }},
		{"finalizing", func() bool { return s.finalized() >= 2 }},
	} {
		name := moment.name
		s.requests.Store(0)
		c, stderr := s.command(t, nil, "run", "--as-of", finalizeOn)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			c.Wait()
			close(ended)
		}()
		for !moment.reached() {
			select {
			case <-ended:
				t.Fatalf("%s: ended before the engine could be killed: %s", name, stderr)
			case <-time.After(time.Millisecond):
			}
		}
		pid, _, _ := s.engineState()
		if pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
			t.Fatalf("%s: no engine to kill", name)
		}
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			c.Process.Kill()
			<-ended
			t.Fatalf("%s: still there 30 s after its engine died: %s", name, stderr)
		}
		if status := c.ProcessState.ExitCode(); status != statusFailed {
			t.Errorf("%s: status %d, want %d", name, status, statusFailed)
		}
		for _, part := range []string{"subtally: ", "engine died", "engine.log", "signal: killed"} {
			if !strings.Contains(stderr.String(), part) {
				t.Errorf("%s: the error does not say %q: %s", name, part, stderr)
			}
		}
		if strings.Contains(stderr.String(), s.sim.AuthToken()) {
			t.Errorf("%s: the error holds a secret", name)
		}
	}
	if status, stderr := s.run(t); status != statusPerson {
		t.Errorf("afterwards the run ended with status %d: %s", status, stderr)
	}
	s.check(t, want)
}

// table is a CSV file by its columns' names.
func (s *site) table(t *testing.T, name string, columns []string) []map[string]string {
	t.Helper()
	got, rows := readTable(t, filepath.Join(s.dir, octoberDir, name))
	if !slices.Equal(got, columns) {
		t.Fatalf("%s has columns %v, want %v", name, got, columns)
	}
	return rows
}

// readTable reads a CSV file by its columns' names.
func readTable(t *testing.T, path string) (columns []string, out []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, column := range rows[0] {
			m[column] = row[i]
		}
		out = append(out, m)
	}
	return rows[0], out
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func rat(d decimal.Decimal) *big.Rat { return d.Rat() }

// checkSums adds up what was exported, in other ways than billing does.
func (s *site) checkSums(t *testing.T) {
	a := s.open(t)
	defer a.Close()
	reg, err := a.register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]*billing.Document{}
	for _, e := range reg.Entries() {
		if documents[e.Tenant], err = nightly.Document(t.Context(), reg, e); err != nil {
			t.Fatal(err)
		}
	}
	if len(documents) != len(a.config.Tenants) {
		t.Fatalf("%d invoices of %d tenants", len(documents), len(a.config.Tenants))
	}

	// By tenant: what lines say of usage and of fees, and what usage says.
	lines, fees, rounding, net, usage := sums{}, sums{}, sums{}, sums{}, sums{}
	endless := map[string]int{}
	for _, row := range s.table(t, "lines.csv", strings.Split("period,tenant,invoice,status,line,charge,category,kind,description,item,"+
		"records,quantity,unit,unit_price,per,exact_amount,rounding,amount,currency,"+
		"document,revision,corrects,adjusts,adjusted_period,from,to,tax_code", ",")) {
		who, exact, amount := row["tenant"], dec(row["exact_amount"]), dec(row["amount"])
		if row["category"] == "fees" {
			fees.add(who, exact)
		} else {
			lines.add(who, exact)
		}
		rounding.add(who, dec(row["rounding"]))
		net.add(who, amount)
		if !exact.Add(dec(row["rounding"])).Equal(amount) {
			t.Errorf("%s line %s: %s + %s is not %s", who, row["line"], exact, row["rounding"], amount)
		}
		ideal := new(big.Rat).Mul(rat(dec(row["quantity"])), rat(dec(row["unit_price"])))
		ideal.Quo(ideal, rat(dec(row["per"])))
		off := new(big.Rat).Sub(ideal, rat(exact))
		switch ends := terminates(ideal); {
		case ends && off.Sign() != 0:
			t.Errorf("%s line %s: exact amount %s, want %s", who, row["line"], exact, ideal.FloatString(30))
		case !ends:
			endless[who]++
			if off.Abs(off).Cmp(big.NewRat(1, 1_000_000_000_000)) > 0 {
				t.Errorf("%s line %s: exact amount %s is too far from %s", who, row["line"], exact, ideal.FloatString(30))
			}
		}
		doc := documents[who]
		if want := rounded(ideal, pricing.MinorUnits(doc.Currency), who == "yen"); rat(amount).Cmp(want) != 0 {
			t.Errorf("%s line %s: %s rounded to %s", who, row["line"], ideal.FloatString(20), amount)
		}
		if row["invoice"] != doc.Number || row["currency"] != doc.Currency || row["status"] != billing.Finalized {
			t.Errorf("%s line %s: invoice %s, %s, %s", who, row["line"], row["invoice"], row["currency"], row["status"])
		}
	}
	seen := map[string]bool{}
	moved, days := s.sim.MovedNumber(), map[string]int{}
	kinds, records := map[string]map[string]int64{}, map[string]int64{}
	for _, row := range s.table(t, "usage.csv", strings.Split("period,tenant,invoice,account,kind,sid,category,parent_sid,started_at,direction,status,from,to,"+
		"quantity,unit,outcome,charge,item,billed_quantity,billed_unit,unit_price,per,amount,currency,cost,cost_currency,revision", ",")) {
		who, id := row["tenant"], row["account"]+" "+row["sid"]
		if seen[id] {
			t.Errorf("%s stands twice", id)
		}
		seen[id] = true
		if strings.HasPrefix(row["sid"], moved.SID+"/") {
			days[row["account"]]++
		}
		records[who]++
		if kinds[row["account"]] == nil {
			kinds[row["account"]] = map[string]int64{}
		}
		kinds[row["account"]][row["kind"]]++
		usage.add(who, dec(row["amount"]))
		if row["outcome"] == "unrated" {
			t.Errorf("%s is unrated", id)
		}
	}
	statement := map[string]map[string]string{}
	for _, row := range s.table(t, "statement.csv", strings.Split("period,row,tenant,name,account,invoice,status,reason,kind,"+
		"records,currency,revenue,tax,total,cost,cost_currency,margin,document,revision,corrects,overdue_days,margin_percent,category,day,twilio_records,twilio_cost", ",")) {
		if row["row"] == "tenant" {
			statement[row["tenant"]] = row
		}
	}
	for i := range a.config.Tenants {
		who := &a.config.Tenants[i]
		doc := documents[who.ID]
		if !usage[who.ID].Equal(lines[who.ID]) {
			t.Errorf("%s: usage adds up to %s, its lines to %s", who.ID, usage[who.ID], lines[who.ID])
		}
		if sum := usage[who.ID].Add(fees[who.ID]).Add(rounding[who.ID]); !sum.Equal(doc.Net) || !net[who.ID].Equal(doc.Net) {
			t.Errorf("%s: usage, fees and rounding add up to %s, amounts to %s, the invoice is %s", who.ID, sum, net[who.ID], doc.Net)
		}
		row := statement[who.ID]
		if !dec(row["revenue"]).Equal(doc.Net) || !dec(row["total"]).Equal(doc.Total) || row["name"] != who.Buyer.Name ||
			(row["margin"] == "") != (doc.Currency != "USD") {
			t.Errorf("%s: the statement says %v, the invoice %s and %s", who.ID, row, doc.Net, doc.Total)
		}
		use, err := doc.Slices()
		if err != nil {
			t.Fatal(err)
		}
		stored, err := a.db.SumUsage(t.Context(), use)
		if err != nil {
			t.Fatal(err)
		}
		var n int64
		for _, sum := range stored {
			n += int64(sum.Records)
		}
		if records[who.ID] != n || doc.Usage.Records != n || row["records"] != strconv.FormatInt(n, 10) || n == 0 {
			t.Errorf("%s: %d rows in usage.csv, %d in the warehouse, %d on the invoice, %s on the statement", who.ID, records[who.ID], n, doc.Usage.Records, row["records"])
		}
		// And what Twilio has, as far as the stand-in counts alike.
		from, to, err := doc.Period.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		for _, assigned := range who.Subaccounts {
			if !who.From.IsZero() || !assigned.Until.IsZero() {
				continue
			}
			k := kinds[assigned.SID]
			if calls, messages := s.sim.Count(assigned.SID, "Calls", from, to), s.sim.Count(assigned.SID, "Messages", from, to); k["call"] != calls ||
				k["sms"]+k["mms"]+k["whatsapp"] != messages {
				t.Errorf("%s: %v, but Twilio has %d calls and %d messages", who.ID, k, calls, messages)
			}
		}
	}
	for _, who := range []string{"late", "yen"} {
		if endless[who] < 2 {
			t.Errorf("%s has %d lines whose amount never ends: the test is void", who, endless[who])
		}
	}
	// The number that moves is the old account's up to the night after.
	if want := map[string]int{moved.FromAccount: 17, moved.ToAccount: 14}; !maps.Equal(days, want) {
		t.Errorf("days of the number that moves: %v, want %v", days, want)
	}
}

// sums are amounts by tenant.
type sums map[string]decimal.Decimal

func (s sums) add(who string, d decimal.Decimal) { s[who] = s[who].Add(d) }

// terminates reports whether a number has finitely many decimals.
func terminates(r *big.Rat) bool {
	den := new(big.Int).Set(r.Denom())
	for _, p := range []int64{2, 5} {
		prime, rest := big.NewInt(p), new(big.Int)
		for {
			q, _ := new(big.Int).QuoRem(den, prime, rest)
			if rest.Sign() != 0 {
				break
			}
			den = q
		}
	}
	return den.IsInt64() && den.Int64() == 1
}

// rounded rounds a positive number to places decimals, ties up or to even.
func rounded(r *big.Rat, places int32, even bool) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(scale))
	n, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	switch half := new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom()); {
	case half > 0, half == 0 && (!even || n.Bit(0) == 1):
		n.Add(n, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(n, scale)
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/shopspring/decimal"

	"subtally/ingest/twiliosim"
	"subtally/internal/warehouse/engine"
)

// TestMain runs the tests, or, in a process that a script starts as subtally,
// the program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == engine.Command {
		engine.Main(os.Args[2:])
	}
	testscript.Main(m, map[string]func(){"subtally": main})
}

// TestScripts runs the program as its users do. Besides testscript's commands
// and subtally the scripts have:
//
//	world [name=value...]  serve a stand-in for Twilio, and expand the configuration
//	clock TIME             set the stand-in's clock
//	fault ...              break what the stand-in answers; see cmdFault
//	hold N|wait|off        let N requests pass and no more; wait for the one after them
//	exits N COMMAND...     run a command that ends with status N
//	expand FILE...         replace $VARIABLES in files
//	csv FILE COLUMN SUM [COLUMN=VALUE...]  add up a column over rows; "rows" counts them
//	json [TEXT...]         standard output is JSON, and holds the texts
//	digest DIR FILE        write the SHA-256 of every file below DIR to FILE
//	secret DIR...          no file below, and nothing printed so far, holds a secret
//	server                 start a ClickHouse server without Keeper, at $DSN
//	idle                   no process works on this script's files
//
// A script gets the configuration of testdata/script/default.txt, but for
// files that it brings itself.
func TestScripts(t *testing.T) {
	installed := sync.OnceValue(func() error {
		e, err := engine.Start(context.Background(), engine.Options{
			DataDir: filepath.Join(t.TempDir(), "data"), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		return e.Close()
	})
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		WorkdirRoot:         t.TempDir(),
		Setup:               setupScript,
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name != "engine" {
				return false, fmt.Errorf("unknown condition")
			}
			err := installed()
			if errors.Is(err, engine.ErrNotInstalled) && os.Getenv("CI") == "" {
				return false, nil
			}
			return err == nil, err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":  cmdWorld,
			"clock":  cmdClock,
			"fault":  cmdFault,
			"hold":   cmdHold,
			"exits":  cmdExits,
			"expand": cmdExpand,
			"csv":    cmdCSV,
			"json":   cmdJSON,
			"digest": cmdDigest,
			"secret": cmdSecret,
			"server": cmdServer,
			"idle":   cmdIdle,
		},
	})
}

func scripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	return files
}

// worldKey is where a script's world is kept.
type worldKey struct{}

// setupScript writes the default configuration and sets the environment.
func setupScript(env *testscript.Env) error {
	defaults, err := txtar.ParseFile("testdata/script/default.txt")
	if err != nil {
		return err
	}
	for _, f := range defaults.Files {
		path := filepath.Join(env.WorkDir, f.Name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	// The engine is where the user has installed it.
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "SUBTALLY_ENGINE_DIR"} {
		if value := os.Getenv(name); value != "" {
			env.Setenv(name, value)
		}
	}
	// A program with the race detector waits a second before it ends.
	env.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	w := &world{}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if w.http != nil {
			w.release()
			w.http.Close()
		}
	})
	// After the script's own processes have ended.
	env.T().(testing.TB).Cleanup(func() {
		if left := leftOver(env.WorkDir, 10*time.Second); left != nil {
			env.T().(testing.TB).Errorf("processes are left behind: %s", left)
		}
	})
	return nil
}

// world is a stand-in for Twilio with faults on top.
type world struct {
	sim  *twiliosim.Server
	http *httptest.Server
	said bytes.Buffer // all that commands printed

	mu     sync.Mutex
	faults []fault
	pass   int           // requests to let go before the next one is held
	held   chan struct{} // closed to let requests go; nil when none is held
	asked  chan struct{} // closed when a request waits
}

// fault changes answers of one list.
type fault struct {
	path  string // of the list
	times int    // how many answers it still changes; for ever where negative
	spoil func(w http.ResponseWriter, good []byte)
}

func worldOf(ts *testscript.TestScript) *world {
	w := ts.Value(worldKey{}).(*world)
	if w.sim == nil {
		ts.Fatalf("start a world first")
	}
	return w
}

// ServeHTTP answers as the world does, but for its faults.
func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	held := w.held
	if w.pass > 0 {
		w.pass--
		held = nil
	}
	if held != nil {
		select {
		case <-w.asked:
		default:
			close(w.asked)
		}
	}
	var hit *fault
	for i := range w.faults {
		if f := &w.faults[i]; f.path == r.URL.Path && f.times != 0 {
			f.times--
			hit = f
			break
		}
	}
	w.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
			return
		}
	}
	if hit == nil {
		w.sim.ServeHTTP(out, r)
		return
	}
	r.Header.Del("Accept-Encoding")
	good := httptest.NewRecorder()
	w.sim.ServeHTTP(good, r)
	// The clock of the world is not this machine's.
	out.Header().Set("Date", good.Header().Get("Date"))
	hit.spoil(out, good.Body.Bytes())
}

func (w *world) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		close(w.held)
		w.held = nil
	}
}

// cmdWorld serves a world and puts into the environment: the credentials,
// TWILIO_URL, the accounts' sids as A0 (the main account), A1, A2 and so on,
// their tokens as TOKEN0 and so on, and MOVED, the number that moves from A1 to
// A2 half-way. A second world takes the place of the first.
func cmdWorld(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if w.http != nil {
		w.http.Close()
	}
	made := twiliosim.World{Seed: 1, Subaccounts: 6, Records: 3000, From: utc(ts, "2026-09-30"), To: utc(ts, "2026-11-03")}
	options := twiliosim.Options{Now: utc(ts, "2026-11-18")}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		var err error
		switch name {
		case "seed":
			made.Seed, err = strconv.ParseUint(value, 10, 64)
		case "subaccounts":
			made.Subaccounts, err = strconv.Atoi(value)
		case "records":
			made.Records, err = strconv.ParseInt(value, 10, 64)
		case "from":
			made.From = utc(ts, value)
		case "to":
			made.To = utc(ts, value)
		case "now":
			options.Now = utc(ts, value)
		case "rate429":
			options.Faults.Rate429, err = strconv.ParseFloat(value, 64)
		default:
			ts.Fatalf("unknown setting %q", name)
		}
		ts.Check(err)
	}
	var err error
	w.sim, err = twiliosim.New(made, options)
	ts.Check(err)
	w.http = httptest.NewServer(w)
	ts.Setenv("TWILIO_URL", w.http.URL)
	ts.Setenv("TWILIO_ACCOUNT_SID", w.sim.MainSID())
	ts.Setenv("TWILIO_AUTH_TOKEN", w.sim.AuthToken())
	for i, a := range w.sim.Accounts() {
		ts.Setenv("A"+strconv.Itoa(i), a.SID)
		ts.Setenv("TOKEN"+strconv.Itoa(i), a.AuthToken)
	}
	ts.Setenv("MOVED", w.sim.MovedNumber().PhoneNumber)
	cmdExpand(ts, false, []string{"subtally.yaml", "tenants.yaml"})
}

func utc(ts *testscript.TestScript, s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	t, err := time.Parse(time.DateOnly, s)
	ts.Check(err)
	return t
}

func cmdClock(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: clock TIME")
	}
	worldOf(ts).sim.SetNow(utc(ts, args[0]))
}

// cmdFault breaks the answers of one list: fault ACCOUNT RESOURCE KIND [TIMES],
// where RESOURCE is as in Twilio's paths and KIND is one of
//
//	set:FIELD=JSON  one record of 15 October has another value; its sid goes into BAD
//	lose:DAY        one record of that day of October is not listed; its sid goes into BAD
//	without:KEY     the page lacks a key
//	html            the page is HTML
//	cut             the page ends in the middle
//	hangup          the connection breaks in the middle of the page
//	status:N        the answer is an error
//
// For the list of accounts ACCOUNT is "-" and RESOURCE "Accounts", and the
// record set is the one of account A2. "fault off" mends everything.
func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	if len(args) == 1 && args[0] == "off" {
		w.mu.Lock()
		w.faults = nil
		w.mu.Unlock()
		return
	}
	if len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: fault ACCOUNT RESOURCE KIND [TIMES]")
	}
	f := fault{path: "/2010-04-01/Accounts/" + args[0] + "/" + args[1] + ".json", times: -1}
	if args[0] == "-" {
		f.path = "/2010-04-01/" + args[1] + ".json"
	}
	if len(args) == 4 {
		n, err := strconv.Atoi(args[3])
		ts.Check(err)
		f.times = n
	}
	kind, arg, _ := strings.Cut(args[2], ":")
	switch kind {
	case "set":
		field, value, _ := strings.Cut(arg, "=")
		var v any
		ts.Check(json.Unmarshal([]byte(value), &v))
		bad := w.record(ts, f.path, "15")
		ts.Setenv("BAD", bad)
		f.spoil = edit(func(page map[string]any) {
			for _, row := range rowsOf(page) {
				if row["sid"] == bad {
					row[field] = v
				}
			}
		})
	case "lose":
		bad := w.record(ts, f.path, arg)
		ts.Setenv("BAD", bad)
		f.spoil = edit(func(page map[string]any) {
			for key, value := range page {
				if list, ok := value.([]any); ok {
					page[key] = slices.DeleteFunc(list, func(row any) bool { return row.(map[string]any)["sid"] == bad })
				}
			}
		})
	case "without":
		f.spoil = edit(func(page map[string]any) { delete(page, arg) })
	case "html":
		f.spoil = func(out http.ResponseWriter, _ []byte) {
			out.Header().Set("Content-Type", "text/html")
			io.WriteString(out, "<html><body>Scheduled maintenance</body></html>") //nolint:errcheck // the client has gone
		}
	case "cut":
		f.spoil = func(out http.ResponseWriter, good []byte) {
			out.Write(good[:len(good)/2]) //nolint:errcheck // as above
		}
	case "hangup":
		f.spoil = func(out http.ResponseWriter, good []byte) {
			out.Header().Set("Content-Length", strconv.Itoa(len(good)))
			out.Write(good[:len(good)/2]) //nolint:errcheck // as above
			out.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	case "status":
		code, err := strconv.Atoi(arg)
		ts.Check(err)
		f.spoil = func(out http.ResponseWriter, _ []byte) { out.WriteHeader(code) }
	default:
		ts.Fatalf("unknown fault %q", kind)
	}
	w.mu.Lock()
	w.faults = append(w.faults, f)
	w.mu.Unlock()
}

// record is the sid of a record of a day of October in the list at path, or of
// account A2 in the list of accounts.
func (w *world) record(ts *testscript.TestScript, path, day string) string {
	r := httptest.NewRequest(http.MethodGet, path+"?PageSize=1000", nil)
	r.SetBasicAuth(w.sim.MainSID(), w.sim.AuthToken())
	answer := httptest.NewRecorder()
	w.sim.ServeHTTP(answer, r)
	var page map[string]any
	ts.Check(json.Unmarshal(answer.Body.Bytes(), &page))
	for _, row := range rowsOf(page) {
		created, _ := row["date_created"].(string)
		if strings.Contains(created, " "+day+" Oct 2026 ") || row["sid"] == ts.Getenv("A2") {
			return row["sid"].(string)
		}
	}
	ts.Fatalf("%s has no record of %s October", path, day)
	return ""
}

// edit is a fault that changes the page.
func edit(change func(page map[string]any)) func(http.ResponseWriter, []byte) {
	return func(out http.ResponseWriter, good []byte) {
		var page map[string]any
		in := json.NewDecoder(bytes.NewReader(good))
		in.UseNumber()
		if err := in.Decode(&page); err != nil {
			http.Error(out, err.Error(), http.StatusTeapot)
			return
		}
		change(page)
		json.NewEncoder(out).Encode(page) //nolint:errcheck // the client has gone
	}
}

// rowsOf are the records of a page.
func rowsOf(page map[string]any) []map[string]any {
	var rows []map[string]any
	for _, value := range page {
		list, _ := value.([]any)
		for _, row := range list {
			rows = append(rows, row.(map[string]any))
		}
	}
	return rows
}

func cmdHold(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	switch arg := strings.Join(args, " "); arg {
	case "wait":
		select {
		case <-w.asked:
		case <-time.After(30 * time.Second):
			ts.Fatalf("nothing was asked for")
		}
	case "off":
		w.release()
	default:
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		w.mu.Lock()
		w.pass, w.held, w.asked = n, make(chan struct{}), make(chan struct{})
		w.mu.Unlock()
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	said := &ts.Value(worldKey{}).(*world).said
	said.WriteString(ts.ReadFile("stdout"))
	said.WriteString(ts.ReadFile("stderr"))
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func cmdExpand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

func cmdCSV(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: csv FILE COLUMN SUM [COLUMN=VALUE...]")
	}
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	column := func(name string) int {
		i := slices.Index(rows[0], name)
		if i < 0 {
			ts.Fatalf("%s has no column %q", args[0], name)
		}
		return i
	}
	var sum decimal.Decimal
rows:
	for _, row := range rows[1:] {
		for _, filter := range args[3:] {
			name, value, _ := strings.Cut(filter, "=")
			if row[column(name)] != value {
				continue rows
			}
		}
		if args[1] == "rows" {
			sum = sum.Add(decimal.NewFromInt(1))
			continue
		}
		n, err := decimal.NewFromString(row[column(args[1])])
		ts.Check(err)
		sum = sum.Add(n)
	}
	want, err := decimal.NewFromString(args[2])
	ts.Check(err)
	if sum.Equal(want) == neg {
		ts.Fatalf("%s of %s is %s", args[1], args[0], sum)
	}
}

func cmdJSON(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile("stdout")
	if !json.Valid([]byte(text)) {
		ts.Fatalf("not JSON: %.200s", text)
	}
	for _, want := range args {
		if !strings.Contains(text, want) {
			ts.Fatalf("%s is not in %s", want, text)
		}
	}
}

// filesBelow reads every regular file below dir; there may be no dir.
func filesBelow(ts *testscript.TestScript, dir string, each func(name string, data []byte)) {
	root := ts.MkAbs(dir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		each(filepath.ToSlash(name), data)
		return err
	})
	ts.Check(err)
}

func cmdDigest(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: digest DIR FILE")
	}
	var out strings.Builder
	filesBelow(ts, args[0], func(name string, data []byte) {
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(data), name)
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.String()), 0o644))
}

func cmdSecret(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	secrets := []string{twiliosim.BodyMarker}
	for _, a := range w.sim.Accounts() {
		secrets = append(secrets, a.AuthToken)
	}
	check := func(name string, data []byte) {
		for i, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				ts.Fatalf("%s holds secret %d (0 is a message's text, others are tokens)", name, i)
			}
		}
	}
	check("what was printed", w.said.Bytes())
	for _, dir := range args {
		n := 0
		filesBelow(ts, dir, func(name string, data []byte) { n++; check(dir+"/"+name, data) })
		if n == 0 {
			ts.Fatalf("there is nothing in %s", dir)
		}
	}
}

func cmdIdle(ts *testscript.TestScript, _ bool, _ []string) {
	if left := leftOver(ts.Getenv("WORK"), 0); left != nil {
		ts.Fatalf("processes are left behind: %s", left)
	}
}

// leftOver lists processes whose arguments name dir, as the engine's do, after
// they had some time to end.
func leftOver(dir string, wait time.Duration) []string {
	for deadline := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			line, err := os.ReadFile(file)
			if err == nil && bytes.Contains(line, []byte(dir)) {
				left = append(left, strings.ReplaceAll(string(line), "\x00", " "))
			}
		}
		if left == nil || time.Now().After(deadline) {
			return left
		}
	}
}

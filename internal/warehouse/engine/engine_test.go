package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/gofrs/flock"

	"subtally/internal/warehouse/engine"
	"subtally/internal/warehouse/engine/enginetest"
)

// userDir, in the environment of this test binary, makes it a user of the
// engine on that folder: it prints the engine's process id and port and holds
// the engine until its standard input ends.
const userDir = "ENGINE_TEST_USER_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(userDir); dir != "" {
		if err := beUser(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(enginetest.Main(m))
}

func beUser(dir string) error {
	e, err := engine.Start(context.Background(), engine.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	fmt.Println(e.PID(), e.Addr())
	io.Copy(io.Discard, os.Stdin)
	return e.Close()
}

// user is another process that uses the engine.
type user struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	pid   int
	addr  string
}

// startUser runs another user of the engine on dir and waits until it has it.
func startUser(t *testing.T, dir string) *user {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), userDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := &user{cmd: cmd, stdin: stdin}
	t.Cleanup(u.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the other user did not start: %v", err)
	}
	if _, err := fmt.Sscan(line, &u.pid, &u.addr); err != nil {
		t.Fatal(err)
	}
	return u
}

// kill ends the user as kill -9 does.
func (u *user) kill() {
	u.cmd.Process.Kill()
	u.cmd.Wait()
}

// leave lets the user close the engine.
func (u *user) leave(t *testing.T) {
	t.Helper()
	u.stdin.Close()
	if err := u.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// start starts or joins the engine on dir and closes it with the test.
func start(t *testing.T, dir string) *engine.Engine {
	t.Helper()
	e, err := engine.Start(t.Context(), engine.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	enginetest.Require(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// connect returns a connection to the engine as its user.
func connect(t *testing.T, e *engine.Engine) driver.Conn {
	t.Helper()
	return connectAs(t, e, engine.User, e.Password(), engine.Database)
}

func connectAs(t *testing.T, e *engine.Engine, name, password, database string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{e.Addr()},
		Auth:        clickhouse.Auth{Database: database, Username: name, Password: password},
		DialTimeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustExec(t *testing.T, conn driver.Conn, query string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func count(t *testing.T, conn driver.Conn, query string) uint64 {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// waitGone fails the test if the process is there after the given time.
func waitGone(t *testing.T, pid int, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("engine process %d is still there after %s", pid, within)
		}
	}
}

// alive says whether the process runs; one that has ended and whose parent did
// not ask yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return len(after) > 0 && after[0] != 'Z'
}

func TestDataSurvivesRestart(t *testing.T) {
	dir := engineDir(t)
	var password string
	for round := range 3 {
		e := start(t, dir)
		if round > 0 && e.Password() != password {
			t.Error("the password changed from one start to the next")
		}
		password = e.Password()
		conn := connect(t, e)
		mustExec(t, conn, "CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = MergeTree ORDER BY n")
		mustExec(t, conn, "INSERT INTO t VALUES (?)", round)
		if got, want := count(t, conn, "SELECT count() FROM t"), uint64(round+1); got != want {
			t.Fatalf("start %d: %d rows, want %d", round, got, want)
		}
		conn.Close()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if alive(e.PID()) {
			t.Fatal("Close returned before the engine had ended")
		}
		if err := e.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
}

func TestEngineEndsWithItsLastUser(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, first, second *user)
	}{
		{"closed in order", func(t *testing.T, first, second *user) {
			first.leave(t)
			if !alive(second.pid) {
				t.Error("the engine ended with the first of two users")
			}
			second.leave(t)
		}},
		{"starter killed first", func(t *testing.T, first, second *user) {
			first.kill()
			time.Sleep(300 * time.Millisecond) // time enough to stop, were it to
			if !alive(second.pid) {
				t.Error("the engine ended with the process that started it")
			}
			second.leave(t)
		}},
		{"both killed", func(t *testing.T, first, second *user) {
			first.kill()
			second.kill()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := engineDir(t)
			enginetest.RequireInstalled(t)
			first := startUser(t, dir)
			second := startUser(t, dir)
			if first.pid != second.pid || first.addr != second.addr {
				t.Fatalf("two engines: %d at %s and %d at %s", first.pid, first.addr, second.pid, second.addr)
			}
			tt.end(t, first, second)
			waitGone(t, first.pid, 10*time.Second)
		})
	}
}

// A user who comes while the engine stops gets a working one all the same.
func TestJoinWhileStopping(t *testing.T) {
	dir := engineDir(t)
	enginetest.RequireInstalled(t)
	last := startUser(t, dir)
	for i := range 6 {
		go last.cmd.Process.Kill()
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		next := startUser(t, dir)
		time.Sleep(100 * time.Millisecond)
		if !alive(next.pid) {
			t.Fatalf("round %d: joined an engine that was stopping", i)
		}
		last = next
	}
}

// An engine whose last user has gone looks once more, under the lock under which
// users come, before it stops.
func TestUserWhoComesJustInTimeKeepsTheEngine(t *testing.T) {
	dir := engineDir(t)
	enginetest.RequireInstalled(t)
	last := startUser(t, dir)
	lock := flock.New(filepath.Join(dir, "engine", "lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	last.kill()
	time.Sleep(100 * time.Millisecond) // the engine has seen it go
	hold, err := os.OpenFile(filepath.Join(dir, "engine", "hold"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	time.Sleep(300 * time.Millisecond)
	if !alive(last.pid) {
		t.Error("the engine stopped under its new user")
	}
	hold.Close()
	waitGone(t, last.pid, 10*time.Second)
}

func TestSimultaneousStartsGiveOneEngine(t *testing.T) {
	dir := engineDir(t)
	enginetest.RequireInstalled(t)
	pids := make([]int, 4)
	var wg sync.WaitGroup
	for i := range pids {
		wg.Go(func() { pids[i] = start(t, dir).PID() })
	}
	wg.Wait()
	for _, pid := range pids {
		if pid != pids[0] {
			t.Fatalf("more than one engine on a folder: %v", pids)
		}
	}
}

func TestAcknowledgedRowsSurviveKill(t *testing.T) {
	dir := engineDir(t)
	e := start(t, dir)
	conn := connect(t, e)
	mustExec(t, conn, "CREATE TABLE t (n UInt64) ENGINE = ReplacingMergeTree ORDER BY n")

	var acknowledged uint64
	killed := time.AfterFunc(700*time.Millisecond, func() { syscall.Kill(e.PID(), syscall.SIGKILL) })
	defer killed.Stop()
	var died error
	for died == nil {
		if err := conn.Exec(t.Context(), "INSERT INTO t SELECT number FROM numbers(?, 1000)", acknowledged); err != nil {
			died = e.Explain(err)
			break
		}
		acknowledged += 1000
	}
	if !errors.Is(died, engine.ErrDied) || !strings.Contains(died.Error(), "killed") {
		t.Errorf("error of the insert: %v; want one that says the engine was killed", died)
	}
	if acknowledged == 0 {
		t.Fatal("nothing was acknowledged before the kill")
	}
	conn.Close()
	e.Close()

	conn = connect(t, start(t, dir))
	// The insert under way may have been stored or not, but whole.
	got := count(t, conn, "SELECT count() FROM t FINAL")
	if got != acknowledged && got != acknowledged+1000 {
		t.Errorf("%d rows after the restart, %d were acknowledged", got, acknowledged)
	}
}

// What other processes do to the port must not end the engine for its users.
func TestEngineSurvivesBadClients(t *testing.T) {
	dir := engineDir(t)
	e := start(t, dir)
	raw := func(send string, reset bool) func(t *testing.T) {
		return func(t *testing.T) {
			c, err := net.Dial("tcp", e.Addr())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, send)
			if reset {
				c.(*net.TCPConn).SetLinger(0)
			}
			c.Close()
		}
	}
	login := func(name, password, database string) func(t *testing.T) {
		return func(t *testing.T) {
			if err := connectAs(t, e, name, password, database).Ping(t.Context()); err == nil {
				t.Error("logged in")
			}
		}
	}
	tests := []struct {
		name string
		do   func(t *testing.T)
	}{
		{"wrong password", login(engine.User, "wrong", engine.Database)},
		{"unknown user", login("nobody", "", engine.Database)},
		{"unknown database", login(engine.User, e.Password(), "subtally_none")},
		{"connects and leaves", raw("", false)},
		{"speaks HTTP", raw("GET / HTTP/1.1\r\n\r\n", false)},
		{"half a hello", raw("\x00\x05hello", false)},
		{"reset", raw("\x00\x05hello", true)},
		{"reset in a result", func(t *testing.T) {
			conn, reset := connectToReset(t, e)
			rows, err := conn.Query(t.Context(), "SELECT number, repeat('x', 1000) FROM numbers(1000000)")
			if err != nil {
				t.Fatal(err)
			}
			rows.Next()
			reset()
			rows.Close()
		}},
		{"reset in an insert", func(t *testing.T) {
			conn, reset := connectToReset(t, e)
			mustExec(t, conn, "CREATE TABLE half (n UInt64) ENGINE = MergeTree ORDER BY n")
			batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO half")
			if err != nil {
				t.Fatal(err)
			}
			batch.Append(uint64(1))
			batch.Flush()
			reset()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.do)
	}
	// An abort takes the library seconds, in which it still answers.
	time.Sleep(200 * time.Millisecond)
	conn := connect(t, e)
	count(t, conn, "SELECT count() FROM system.one")
	log, err := os.ReadFile(filepath.Join(dir, "engine.log"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(log, []byte("<Fatal>")) {
		t.Errorf("the engine was ended by a client:\n%s", log)
	}
}

// connectToReset returns a connection and a function that breaks it.
func connectToReset(t *testing.T, e *engine.Engine) (driver.Conn, func()) {
	t.Helper()
	var socket net.Conn
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:         []string{e.Addr()},
		Auth:         clickhouse.Auth{Database: engine.Database, Username: engine.User, Password: e.Password()},
		MaxOpenConns: 1,
		DialContext: func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			var err error
			socket, err = d.DialContext(ctx, "tcp", addr)
			return socket, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, func() {
		socket.(*net.TCPConn).SetLinger(0)
		socket.Close()
	}
}

// default has no password, so every local user may try: none gets in.
func TestDefaultUserIsShut(t *testing.T) {
	e := start(t, engineDir(t))
	stranger := connectAs(t, e, "default", "", "default")
	for _, query := range []string{
		"SELECT 1",
		"SELECT * FROM file('/etc/hostname', 'LineAsString')",
		"SELECT * FROM system.tables",
		"SELECT * FROM engine.hold",
		"CREATE TEMPORARY TABLE x (n UInt64)",
		"CREATE DATABASE x",
		"KILL QUERY WHERE 1 SYNC",
		"SYSTEM STOP LISTEN TCP",
	} {
		if err := stranger.Exec(t.Context(), query); err == nil {
			t.Errorf("default may: %s", query)
		}
	}
	count(t, connect(t, e), "SELECT count() FROM system.one") // still serving
}

// The real user has what the warehouse needs and no way out of the database.
func TestUserCannotLeaveTheDatabase(t *testing.T) {
	e := start(t, engineDir(t))
	conn := connect(t, e)
	for _, query := range []string{
		"SELECT * FROM file('/etc/hostname', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"CREATE DATABASE other",
		"CREATE USER x",
	} {
		if err := conn.Exec(t.Context(), query); err == nil {
			t.Errorf("%s may: %s", engine.User, query)
		}
	}
	mustExec(t, conn, "CREATE DATABASE subtally_other")
	mustExec(t, conn, "DROP DATABASE subtally_other")
}

func TestSecretsStayPrivate(t *testing.T) {
	dir := engineDir(t)
	t.Setenv("TWILIO_AUTH_TOKEN", "do-not-pass-on")
	e := start(t, dir)

	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, path := range all {
		line, _ := os.ReadFile(path)
		if bytes.Contains(line, []byte(e.Password())) {
			t.Errorf("%s holds the password", path)
		}
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", e.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(environ, []byte("do-not-pass-on")) {
		t.Error("the engine's process has our environment")
	}
	for _, name := range []string{"engine/password", "engine/users.xml", "engine/state.json", "engine.log"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if perm := info.Mode().Perm(); perm != 0o600 {
			t.Errorf("%s has mode %o", name, perm)
		}
	}
	users, err := os.ReadFile(filepath.Join(dir, "engine/users.xml"))
	if err != nil || bytes.Contains(users, []byte(e.Password())) {
		t.Errorf("users.xml holds the password in clear, or: %v", err)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	e := start(t, engineDir(t))
	_, port, _ := net.SplitHostPort(e.Addr())
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
			c.Close()
			t.Errorf("the engine listens on %s", ip)
		}
	}
}

// A service manager or a terminal signals every process it knows of.
func TestEngineOutlivesSignalsToItsUsers(t *testing.T) {
	e := start(t, engineDir(t))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		syscall.Kill(e.PID(), sig)
	}
	time.Sleep(200 * time.Millisecond)
	count(t, connect(t, e), "SELECT count() FROM system.one")
}

func TestStartErrors(t *testing.T) {
	enginetest.RequireInstalled(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name    string
		setup   func(t *testing.T, o *engine.Options)
		want    error
		says    []string
		timeout time.Duration
	}{
		{
			name:  "not installed",
			setup: func(t *testing.T, o *engine.Options) { t.Setenv("SUBTALLY_ENGINE_DIR", t.TempDir()) },
			want:  engine.ErrNotInstalled,
			says:  []string{"make engine", "deploy/engine/install.sh"},
		},
		{
			name:  "no folder",
			setup: func(t *testing.T, o *engine.Options) { o.DataDir = "" },
			want:  engine.ErrDataDir,
		},
		{
			name:  "folder cannot be made",
			setup: func(t *testing.T, o *engine.Options) { o.DataDir = filepath.Join(file, "data") },
			want:  engine.ErrDataDir,
			says:  []string{file, "user " + strconv.Itoa(os.Getuid())},
		},
		{
			name: "folder cannot be written",
			setup: func(t *testing.T, o *engine.Options) {
				if os.Getuid() == 0 {
					t.Skip("root may write everywhere")
				}
				if err := os.Chmod(o.DataDir, 0o500); err != nil {
					t.Fatal(err)
				}
			},
			want: engine.ErrDataDir,
			says: []string{"user " + strconv.Itoa(os.Getuid())},
		},
		{
			name:  "port taken",
			setup: func(t *testing.T, o *engine.Options) { o.Port = port },
			want:  engine.ErrPortTaken,
			says:  []string{strconv.Itoa(port)},
		},
		{
			name: "dies before anything",
			setup: func(t *testing.T, o *engine.Options) {
				o.Executable = script(t, "echo out of luck >&2; exit 3")
			},
			want: engine.ErrDied,
			says: []string{"out of luck", "exit status 3", "engine.log"},
		},
		{
			name: "dies while it starts",
			setup: func(t *testing.T, o *engine.Options) {
				o.Executable = script(t, "[ $2 = prepare ] && exit 0; echo out of memory >&2; exit 4")
			},
			want: engine.ErrDied,
			says: []string{"out of memory", "exit status 4", "engine.log"},
		},
		{
			name: "hangs before anything",
			setup: func(t *testing.T, o *engine.Options) {
				o.Executable = script(t, "echo thinking >&2; exec sleep 1000")
			},
			want:    engine.ErrNotReady,
			says:    []string{"thinking", "engine.log"},
			timeout: 500 * time.Millisecond,
		},
		{
			name: "hangs while it starts",
			setup: func(t *testing.T, o *engine.Options) {
				o.Executable = script(t, "[ $2 = prepare ] && exit 0; echo thinking >&2; exec sleep 1000")
			},
			want:    engine.ErrNotReady,
			says:    []string{"thinking", "engine.log"},
			timeout: 500 * time.Millisecond,
		},
		{
			name: "folder of another ClickHouse",
			setup: func(t *testing.T, o *engine.Options) {
				other := engineDir(t)
				start(t, other)
				if err := os.Symlink(filepath.Join(other, "clickhouse"), filepath.Join(o.DataDir, "clickhouse")); err != nil {
					t.Fatal(err)
				}
			},
			want:    engine.ErrLocked,
			says:    []string{"PID: "},
			timeout: 500 * time.Millisecond,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := engine.Options{DataDir: engineDir(t), Log: slog.New(slog.DiscardHandler)}
			tt.setup(t, &o)
			ctx := t.Context()
			if tt.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.timeout)
				defer cancel()
			}
			e, err := engine.Start(ctx, o)
			if err == nil {
				e.Close()
				t.Fatal("it started")
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v; want %v", err, tt.want)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
		})
	}
}

// script makes a program in the place of our executable.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// engineDir is a data folder for the test, which fails if an engine is left on
// it in the end.
func engineDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			left := processesOn(dir)
			if len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("left behind: %q", left)
				return
			}
		}
	})
	return dir
}

// processesOn lists the command lines that name the folder.
func processesOn(dir string) []string {
	var lines []string
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		if line, _ := os.ReadFile(path); bytes.Contains(line, []byte(dir)) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

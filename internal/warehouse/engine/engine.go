// Package engine runs the embedded ClickHouse: libchdb.so, loaded by a child
// process of our own executable, that serves the native protocol on a loopback
// port for as long as somebody uses it. The child is a process of its own so
// that a crash or an out-of-memory in the library cannot take billing with it.
//
// One engine serves a data folder. Every process that uses it holds the write
// end of a FIFO in that folder; when the last one ends, however it ends, the
// engine reads the end of the FIFO and stops. The package never speaks SQL for
// its users, never listens on anything but 127.0.0.1, and never restarts an
// engine behind their back.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

const (
	// User is the only user who may do anything in the engine.
	User = "subtally"
	// Database is the database that exists from the start. User may create
	// others whose names begin with it.
	Database = "subtally"
)

const (
	readyTimeout = 60 * time.Second // a data folder with many parts loads for seconds, not minutes
	stopTimeout  = 20 * time.Second // until an engine without users has ended
	portAttempts = 3                // free ports tried when another process takes the one that was found
)

// The ways in which the engine fails to start or goes away. The errors returned
// wrap one of these and say which folder, port or process is meant.
var (
	ErrNotInstalled = errors.New("the ClickHouse engine is not installed")
	ErrDataDir      = errors.New("data folder cannot be used")
	ErrLocked       = errors.New("data folder is in use by another ClickHouse")
	ErrPortTaken    = errors.New("port is taken")
	ErrNotReady     = errors.New("engine did not become ready")
	ErrDied         = errors.New("engine died")
)

// errStopping says that the engine that was found is on its way out, so that
// Start must look again.
var errStopping = errors.New("engine is stopping")

// Options says where and how the engine runs.
type Options struct {
	// DataDir is made if it does not exist. It holds the data, the password
	// and engine.log, and belongs to one operating system user.
	DataDir string
	// Port on 127.0.0.1; 0 takes any free one. It is not looked at when an
	// engine runs on DataDir already.
	Port int
	// Executable is the program to run as the engine, os.Executable() if
	// empty. Its main must call Main when its first argument is Command.
	Executable string
	// Keeper is the host:port of a ZooKeeper, for tests of what only servers
	// have; nothing configures it.
	Keeper string
	// Log is told of starts and stops; nil is slog.Default().
	Log *slog.Logger
}

// Engine is one user's hold on a running engine. It is safe for concurrent use.
type Engine struct {
	dir      dataDir
	log      *slog.Logger
	hold     *os.File // write end of the FIFO
	pid      int
	port     int
	password string
	child    *child // nil when another process started the engine
}

// state is what a process needs to know of an engine that another one started.
type state struct {
	PID  int `json:"pid"`
	Port int `json:"port"`
}

// Start starts the engine on o.DataDir, or joins the one that runs there. It
// returns when the engine accepts connections, and fails after a minute, or
// when ctx ends, if it does not.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Executable == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("start engine: find own executable: %w", err)
		}
		o.Executable = self
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()

	dir, err := openDataDir(o.DataDir)
	if err != nil {
		return nil, err
	}
	for {
		e, err := startOrJoin(ctx, dir, o)
		if !errors.Is(err, errStopping) {
			return e, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the one on %s neither answers nor ends (%w); see %s",
				ErrNotReady, dir.root, ctx.Err(), dir.logFile())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func startOrJoin(ctx context.Context, dir dataDir, o Options) (*Engine, error) {
	// Whoever holds this lock decides whether there is an engine: two
	// processes that start at once, and an engine that is about to stop.
	lock := flock.New(dir.lockFile())
	if ok, err := lock.TryLockContext(ctx, 20*time.Millisecond); !ok {
		return nil, fmt.Errorf("%w: wait for another process to start the one on %s: %w", ErrNotReady, dir.root, err)
	}
	defer lock.Unlock()

	hold, err := openHold(dir)
	if err == nil {
		e, err := join(ctx, dir, o, hold)
		if err != nil {
			hold.Close()
		}
		return e, err
	}
	if !errors.Is(err, syscall.ENXIO) { // ENXIO: nobody reads the FIFO
		return nil, fmt.Errorf("%w: open %s: %w", ErrDataDir, dir.holdFile(), err)
	}
	return start(ctx, dir, o)
}

// join uses the engine that reads the FIFO.
func join(ctx context.Context, dir dataDir, o Options, hold *os.File) (*Engine, error) {
	var st state
	raw, err := os.ReadFile(dir.stateFile())
	if err != nil || json.Unmarshal(raw, &st) != nil {
		return nil, errStopping // it lost the process that was starting it
	}
	password, err := os.ReadFile(dir.passwordFile())
	if err != nil {
		return nil, fmt.Errorf("%w: read the engine's password: %w", ErrDataDir, err)
	}
	e := &Engine{dir: dir, log: o.Log, hold: hold, pid: st.PID, port: st.Port, password: string(password)}
	if err := e.waitReady(ctx); err != nil {
		if errors.Is(err, ErrDied) {
			return nil, errStopping
		}
		return nil, err
	}
	o.Log.Debug("joined the running ClickHouse engine", "data", dir.root, "pid", e.pid, "port", e.port)
	return e, nil
}

// start runs a new engine; the caller holds the lock and knows there is none.
func start(ctx context.Context, dir dataDir, o Options) (*Engine, error) {
	lib, err := findLibrary()
	if err != nil {
		return nil, err
	}
	// An engine whose starter was killed may be about to lock the folder: it
	// holds this lock from before it begins until it has ended.
	alive, err := dir.lockAlive(ctx)
	if err != nil {
		return nil, err
	}
	defer alive.Close()
	if err := dir.waitUnlocked(ctx); err != nil {
		return nil, err
	}
	password, err := dir.prepare(ctx, o, lib, alive)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		port, err := choosePort(o.Port)
		if err != nil {
			return nil, err
		}
		e, err := serve(ctx, dir, o, lib, port, password, alive)
		if err == nil {
			o.Log.Info("started the ClickHouse engine", "data", dir.root, "pid", e.pid, "port", e.port)
			return e, nil
		}
		if !errors.Is(err, ErrPortTaken) || o.Port != 0 || attempt == portAttempts {
			return nil, err
		}
	}
}

func serve(ctx context.Context, dir dataDir, o Options, lib string, port int, password string, alive *os.File) (*Engine, error) {
	// Reader first: a FIFO without one cannot be opened for writing without
	// waiting. The child gets the reader and nothing else: with a write end of
	// its own it would never see the end of the last user.
	reader, err := openFIFO(dir, syscall.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", ErrDataDir, dir.holdFile(), err)
	}
	defer reader.Close()
	hold, err := openHold(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", ErrDataDir, dir.holdFile(), err)
	}

	// The state of an engine before this one would send joiners to its port.
	if err := os.Remove(dir.stateFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		hold.Close()
		return nil, fmt.Errorf("%w: remove %s: %w", ErrDataDir, dir.stateFile(), err)
	}
	c, err := run(dir, o.Executable, reader, alive, modeServe, lib, dir.root, strconv.Itoa(port))
	if err != nil {
		hold.Close()
		return nil, err
	}
	e := &Engine{dir: dir, log: o.Log, hold: hold, pid: c.cmd.Process.Pid, port: port, password: password, child: c}
	reader.Close()

	raw, err := json.Marshal(state{PID: e.pid, Port: port})
	if err == nil {
		err = renameio.WriteFile(dir.stateFile(), raw, 0o600)
	}
	if err != nil {
		err = fmt.Errorf("%w: write %s: %w", ErrDataDir, dir.stateFile(), err)
	} else {
		err = e.waitReady(ctx)
	}
	if err != nil {
		hold.Close()
		c.stop(2 * time.Second)
		return nil, err
	}
	return e, nil
}

// waitReady returns when the engine answers to its user.
func (e *Engine) waitReady(ctx context.Context) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:         []string{e.Addr()},
		Auth:         clickhouse.Auth{Database: "default", Username: User, Password: e.password},
		DialTimeout:  2 * time.Second,
		MaxOpenConns: 1,
	})
	if err != nil {
		return fmt.Errorf("connect to engine at %s: %w", e.Addr(), err)
	}
	defer conn.Close()
	for {
		err := conn.Ping(ctx)
		if err == nil {
			return nil
		}
		// A port that was taken while the engine started is somebody else's,
		// and a dead engine never answers: neither is worth waiting for.
		if e.died(0) {
			return e.deathReport(err)
		}
		if e.child != nil && e.portTaken() {
			return portTaken(e.port)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: engine on %s (pid %d, %s): %w; last answer: %w; last lines of %s:\n%s",
				ErrNotReady, e.dir.root, e.pid, e.Addr(), ctx.Err(), err, e.dir.logFile(), e.logTail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Addr is the engine's host:port for the native protocol.
func (e *Engine) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(e.port)) }

// Password of User: random, made once for each data folder. It must not be
// logged or put on a command line.
func (e *Engine) Password() string { return e.password }

// PID is the process id of the engine.
func (e *Engine) PID() int { return e.pid }

// Explain returns err, or, if the engine has died, an error that wraps ErrDied
// and err and shows the last lines of the engine's log. A caller that got an
// error from a connection to the engine passes it through Explain.
func (e *Engine) Explain(err error) error {
	if err == nil || errors.Is(err, ErrDied) {
		return err
	}
	var answered *clickhouse.Exception
	if errors.As(err, &answered) {
		return err
	}
	// The connection breaks a moment before the process is gone.
	if !e.died(300 * time.Millisecond) {
		return err
	}
	return e.deathReport(err)
}

// died says whether the engine is gone: the FIFO has lost its reader. It waits
// up to the given time for that.
func (e *Engine) died(wait time.Duration) bool {
	raw, err := e.hold.SyscallConn()
	if err != nil {
		return false // closed by us
	}
	gone := false
	raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, int(wait.Milliseconds()))
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	return gone
}

func (e *Engine) deathReport(cause error) error {
	ended := ""
	if e.child != nil {
		ended = " (" + e.child.result() + ")"
	}
	return fmt.Errorf("%w: engine on %s, pid %d%s: %w; last lines of %s:\n%s",
		ErrDied, e.dir.root, e.pid, ended, cause, e.dir.logFile(), e.logTail())
}

func (e *Engine) logTail() []byte {
	var from int64
	if e.child != nil {
		from = e.child.logFrom
	}
	return tail(e.dir.logFile(), from)
}

// Close lets go of the engine. If nobody else uses it, Close waits until it has
// ended. Connections to it must be closed first.
func (e *Engine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()

	lock := flock.New(e.dir.lockFile())
	locked, _ := lock.TryLockContext(ctx, 5*time.Millisecond)
	err := e.hold.Close()
	last := locked && !held(e.dir)
	if locked {
		lock.Unlock()
	}
	if errors.Is(err, fs.ErrClosed) || !last {
		return nil
	}
	if e.child != nil {
		select {
		case <-e.child.done:
		case <-ctx.Done():
		}
	}
	if !e.dir.waitFree(ctx) {
		return fmt.Errorf("stop engine on %s: pid %d has not ended within %s; see %s", e.dir.root, e.pid, stopTimeout, e.dir.logFile())
	}
	e.log.Info("stopped the ClickHouse engine", "data", e.dir.root, "pid", e.pid)
	return nil
}

// portTaken says whether another process took the port after it was found free.
func (e *Engine) portTaken() bool {
	return bytes.Contains(e.logTail(), []byte("Address already in use"))
}

func portTaken(port int) error {
	return fmt.Errorf("%w: 127.0.0.1:%d; stop the process that listens on it or choose another port", ErrPortTaken, port)
}

// choosePort returns want if it is free, or a free port when want is 0.
func choosePort(want int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(want)))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return 0, portTaken(want)
		}
		return 0, fmt.Errorf("find a port for the engine: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// openHold opens the write end of the FIFO, or fails with ENXIO when no engine
// reads it.
func openHold(dir dataDir) (*os.File, error) { return openFIFO(dir, syscall.O_WRONLY) }

// held says whether any process holds the write end of the FIFO: reading an
// empty FIFO gives EAGAIN then, and the end of the file otherwise. Only for the
// holder of the lock, who knows that nobody is just opening it.
func held(dir dataDir) bool {
	fd, err := syscall.Open(dir.holdFile(), syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	_, err = syscall.Read(fd, make([]byte, 1))
	return errors.Is(err, syscall.EAGAIN)
}

func openFIFO(dir dataDir, mode int) (*os.File, error) {
	fd, err := syscall.Open(dir.holdFile(), mode|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), dir.holdFile()), nil
}

// child is an engine process that this process started.
type child struct {
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	logFrom int64         // size of the log when it started
}

// run starts our executable as the engine, which holds the lock alive until it
// ends.
func run(dir dataDir, executable string, stdin, alive *os.File, args ...string) (*child, error) {
	log, from, err := dir.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(executable, append([]string{Command}, args...)...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{alive}
	cmd.Dir = dir.root
	// Only what the library may need: our own environment holds secrets.
	cmd.Env = []string{"TZ=UTC", "HOME=" + dir.run(""), "PATH=" + os.Getenv("PATH")}
	// A session of its own, or Ctrl-C would end it before its users.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start engine process %s: %w", executable, err)
	}
	c := &child{cmd: cmd, done: make(chan struct{}), logFrom: from}
	go func() {
		cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// stop waits for the process to end, and kills it if it does not in time.
func (c *child) stop(wait time.Duration) {
	select {
	case <-c.done:
	case <-time.After(wait):
		c.cmd.Process.Kill()
		<-c.done
	}
}

// result says how the process ended.
func (c *child) result() string {
	select {
	case <-c.done:
		return c.cmd.ProcessState.String()
	case <-time.After(time.Second):
		return "still ending"
	}
}

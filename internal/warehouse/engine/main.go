package engine

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/ebitengine/purego"
	"github.com/gofrs/flock"
)

// Command is the first argument with which the program runs itself as the
// engine. It is for this package only and has no place in a help text.
const Command = "clickhouse-engine"

const (
	modePrepare = "prepare" // LIBRARY DATADIR: make the databases and end
	modeServe   = "serve"   // LIBRARY DATADIR PORT: serve until nobody holds the FIFO on stdin
)

// engine.hold is the process's standard input as a table: reading it is how the
// serving session waits without the right to read files, which every local user
// would share.
const (
	prepareQuery = "CREATE DATABASE IF NOT EXISTS engine; " +
		"CREATE TABLE IF NOT EXISTS engine.hold (line String) ENGINE = File(LineAsString, stdin); " +
		"CREATE DATABASE IF NOT EXISTS " + Database
	serveQuery = "SYSTEM START LISTEN TCP; SELECT count() FROM engine.hold FORMAT Null; SYSTEM STOP LISTEN TCP"
)

// Main is the engine process. The program's main calls it with os.Args[2:] when
// os.Args[1] is Command; it does not return.
func Main(args []string) {
	// It ends after its users, not with them: a service manager signals all
	// of a service's processes at once.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	var err error
	switch {
	case len(args) == 3 && args[0] == modePrepare:
		d := dataDir{args[2]}
		err = clickhouseLocal(args[1], "--path", d.data(), "--query", prepareQuery)
	case len(args) == 4 && args[0] == modeServe:
		d := dataDir{args[2]}
		if err = stopWithLastUser(d); err == nil {
			// A clickhouse-local that is not interactive aborts on every
			// broken connection and every refused login.
			err = clickhouseLocal(args[1], "--interactive",
				"--config-file", d.configFile(), "--path", d.data(),
				"--listen_host", "127.0.0.1", "--tcp_port", args[3], "--query", serveQuery,
				"--progress", "off", "--progress-table", "off", "--disable_suggestion", "--history_file", os.DevNull)
		}
	default:
		err = fmt.Errorf("%s is how the program runs its own database and takes no other use", Command)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0) // without the library's destructors, which have aborted
}

// stopWithLastUser puts a terminal in the place of the FIFO on standard input,
// for the interactive mode, and ends its input when the FIFO has no writers any
// more.
func stopWithLastUser(d dataDir) error {
	fifo, err := syscall.Dup(0)
	if err != nil {
		return fmt.Errorf("keep standard input: %w", err)
	}
	syscall.CloseOnExec(fifo)
	if err := syscall.SetNonblock(fifo, false); err != nil {
		return fmt.Errorf("keep standard input: %w", err)
	}
	keyboard, terminal, err := openTerminal()
	if err != nil {
		return err
	}
	defer terminal.Close()
	if err := dup2(int(terminal.Fd()), 0); err != nil {
		return fmt.Errorf("replace standard input: %w", err)
	}
	go func() {
		waitLastUser(d, fifo)
		// A query that hangs must not keep the engine: what was acknowledged
		// is on disk.
		deadline := time.Now().Add(stopTimeout / 2)
		// Once for engine.hold, once for the prompt after the serving query.
		for time.Now().Before(deadline) {
			keyboard.Write([]byte{4})
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Fprintln(os.Stderr, "the engine did not stop in time: ending it")
		os.Exit(1)
	}()
	return nil
}

// waitLastUser returns when the FIFO has no writers, after closing it, so that
// from then on nobody can join.
func waitLastUser(d dataDir, fifo int) {
	lock := flock.New(d.lockFile())
	buf := make([]byte, 64)
	for {
		n, err := syscall.Read(fifo, buf)
		if n > 0 || err == syscall.EINTR {
			continue
		}
		// Users come under the lock, so under the lock there is no race with
		// one who comes just now. A lock that fails means the folder is gone.
		if lock.Lock() == nil && held(d) {
			lock.Unlock()
			continue
		}
		syscall.Close(fifo)
		lock.Unlock()
		return
	}
}

// clickhouseLocal runs the library's clickhouse-local with the arguments.
func clickhouseLocal(library string, args ...string) error {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", library, err)
	}
	var query func(argc int32, argv **byte) uintptr
	purego.RegisterLibFunc(&query, lib, "chdb_query_cmdline")

	// C may keep the strings: they live as long as the process.
	argv := make([]*byte, 0, len(args)+2)
	var pin runtime.Pinner
	for _, a := range append([]string{"clickhouse"}, args...) {
		p, err := syscall.BytePtrFromString(a)
		if err != nil {
			return fmt.Errorf("argument %q: %w", a, err)
		}
		pin.Pin(p)
		argv = append(argv, p)
	}
	argv = append(argv, nil)
	query(int32(len(argv)-1), &argv[0])
	return nil
}

// findLibrary returns the path of the installed ClickHouse library:
// $SUBTALLY_ENGINE_DIR if that is set, else where deploy/engine/install.sh and
// chDB's own installer put it.
func findLibrary() (string, error) {
	const installed = "node_modules/@chdb/lib-*/libchdb.so"
	dir, others := os.Getenv("SUBTALLY_ENGINE_DIR"), []string(nil)
	if dir == "" {
		cache := os.Getenv("XDG_CACHE_HOME")
		if cache == "" {
			cache = filepath.Join(os.Getenv("HOME"), ".cache")
		}
		dir = filepath.Join(cache, "subtally", "engine")
		others = []string{"/usr/local/lib/libchdb.so"}
	}
	for _, pattern := range append([]string{filepath.Join(dir, installed)}, others...) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%w: no libchdb.so in %s; run `make engine` (or deploy/engine/install.sh), "+
		"or name a ClickHouse server in the configuration", ErrNotInstalled, dir)
}

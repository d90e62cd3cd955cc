package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/google/renameio/v2"
)

// dataDir is the folder of one embedded engine:
//
//	clickhouse/       what ClickHouse itself keeps
//	engine.log        what it said, since the last time the file grew too long
//	engine/           how it is run: configuration, users, password, lock,
//	                  the FIFO that its users hold, and the state for joiners
type dataDir struct{ root string }

func (d dataDir) data() string           { return filepath.Join(d.root, "clickhouse") }
func (d dataDir) logFile() string        { return filepath.Join(d.root, "engine.log") }
func (d dataDir) run(name string) string { return filepath.Join(d.root, "engine", name) }
func (d dataDir) lockFile() string       { return d.run("lock") }
func (d dataDir) holdFile() string       { return d.run("hold") }
func (d dataDir) stateFile() string      { return d.run("state.json") }
func (d dataDir) passwordFile() string   { return d.run("password") }
func (d dataDir) configFile() string     { return d.run("config.xml") }
func (d dataDir) usersFile() string      { return d.run("users.xml") }

const maxLog = 4 << 20 // bytes of engine.log kept from one start to the next

//go:embed config.xml users.xml
var configs embed.FS

var configTemplates = template.Must(template.ParseFS(configs, "*.xml"))

// openDataDir makes the folder and what must be in it before anything runs.
func openDataDir(path string) (dataDir, error) {
	root, err := filepath.Abs(path)
	if path == "" || err != nil {
		return dataDir{}, fmt.Errorf("%w: no folder given", ErrDataDir)
	}
	d := dataDir{root}
	for _, dir := range []string{root, d.run(""), d.data()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return d, fmt.Errorf("%w: %w; give a folder that user %d can write", ErrDataDir, err, os.Getuid())
		}
	}
	if err := syscall.Mkfifo(d.holdFile(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return d, fmt.Errorf("%w: make FIFO %s: %w; give a folder that user %d can write", ErrDataDir, d.holdFile(), err, os.Getuid())
	}
	return d, nil
}

// waitUnlocked waits for an engine that is ending to give up the folder. One
// that does not give it up was not started by us.
func (d dataDir) waitUnlocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if d.waitFree(ctx) {
		return nil
	}
	status, _ := os.ReadFile(d.statusFile())
	first, _, _ := strings.Cut(string(status), "\n")
	return fmt.Errorf("%w: %s (its status file says %q); stop that process or choose another data folder", ErrLocked, d.data(), first)
}

// lockAlive takes the lock that engines of ours hold on the folder while they
// live, waiting for one that is ending. It is the kernel's lock on the open
// file: every process that has the file open shares it, and the last one's end
// frees it.
func (d dataDir) lockAlive(ctx context.Context) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	f, err := os.OpenFile(d.run("alive.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("%w: the engine that ran on %s has not ended; see %s", ErrLocked, d.root, d.logFile())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return f, nil
}

func (d dataDir) statusFile() string { return filepath.Join(d.data(), "status") }

// waitFree says whether ClickHouse's own lock on the folder was free before ctx
// ended.
func (d dataDir) waitFree(ctx context.Context) bool {
	for {
		if d.free() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// free tries the lock that a ClickHouse holds on its folder while it runs.
func (d dataDir) free() bool {
	f, err := os.Open(d.statusFile())
	if err != nil {
		return true // never used yet; anything else ClickHouse itself will say
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// prepare writes the configuration and, the first time, makes the databases and
// the user's password. It returns the password.
//
// The databases are made in a session of full rights that listens nowhere; the
// session that listens later has next to none.
func (d dataDir) prepare(ctx context.Context, o Options, lib string, alive *os.File) (password string, err error) {
	if err := d.writeConfig("config.xml", d.configFile(), d.config(o)); err != nil {
		return "", err
	}
	kept, err := os.ReadFile(d.passwordFile())
	switch {
	case err == nil:
		password = string(kept)
	case errors.Is(err, fs.ErrNotExist):
		if err := d.makeDatabases(ctx, o.Executable, lib, alive); err != nil {
			return "", err
		}
		// Last, because its presence says that the folder is complete.
		password = rand.Text()
		if err := renameio.WriteFile(d.passwordFile(), []byte(password), 0o600); err != nil {
			return "", fmt.Errorf("%w: write the engine's password: %w", ErrDataDir, err)
		}
	default:
		return "", fmt.Errorf("%w: read the engine's password: %w", ErrDataDir, err)
	}
	sum := sha256.Sum256([]byte(password))
	err = d.writeConfig("users.xml", d.usersFile(), map[string]string{
		"User": User, "Database": Database, "PasswordSHA256": hex.EncodeToString(sum[:]),
	})
	return password, err
}

// config is what config.xml is filled in with.
func (d dataDir) config(o Options) map[string]string {
	host, port, _ := net.SplitHostPort(o.Keeper)
	return map[string]string{"Users": d.usersFile(), "Dir": d.data(), "KeeperHost": host, "KeeperPort": port}
}

func (d dataDir) makeDatabases(ctx context.Context, executable, lib string, alive *os.File) error {
	c, err := run(d, executable, nil, alive, modePrepare, lib, d.root)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		c.stop(0)
		return fmt.Errorf("%w: prepare data folder %s: %w; last lines of %s:\n%s",
			ErrNotReady, d.root, ctx.Err(), d.logFile(), tail(d.logFile(), c.logFrom))
	}
	if !c.cmd.ProcessState.Success() {
		return fmt.Errorf("%w: prepare data folder %s: %s; last lines of %s:\n%s",
			ErrDied, d.root, c.result(), d.logFile(), tail(d.logFile(), c.logFrom))
	}
	return nil
}

func (d dataDir) writeConfig(name, path string, values map[string]string) error {
	var b bytes.Buffer
	if err := configTemplates.ExecuteTemplate(&b, name, values); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("%w: write %s: %w", ErrDataDir, path, err)
	}
	return nil
}

// openLog opens engine.log for appending, emptied if it has grown too long, and
// returns its size.
func (d dataDir) openLog() (*os.File, int64, error) {
	f, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	info, err := f.Stat()
	size := int64(0)
	if err == nil {
		size = info.Size()
	}
	if size > maxLog {
		if err = f.Truncate(0); err == nil {
			size = 0
		}
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return f, size, nil
}

// tail returns the last lines of a log from the given offset on, as far as they
// can be read.
func tail(path string, from int64) []byte {
	const most = 4 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	cut := info.Size()-from > most
	if cut {
		from = info.Size() - most
	}
	b, _ := io.ReadAll(io.NewSectionReader(f, from, most))
	if cut {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return bytes.TrimSpace(b)
}

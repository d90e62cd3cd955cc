package enginetest

import (
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
	"sync"
	"testing"
	"time"

	"subtally/internal/warehouse/engine"
)

// zooKeeper is where Debian's package zookeeper puts it.
const zooKeeper = "/usr/share/zookeeper/bin/zkServer.sh"

var withKeeper = sync.OnceValues(startWithKeeper)

// KeeperDSN returns the address and password for a database that does not exist
// yet, on an engine that has a ZooKeeper, as a server of a cluster has. The test
// is skipped where ZooKeeper is not installed, but not under CI.
func KeeperDSN(t testing.TB) (dsn, password string) {
	t.Helper()
	if _, err := os.Stat(zooKeeper); err != nil && os.Getenv("CI") == "" {
		t.Skipf("ZooKeeper is not installed, run `make test-deps`: %v", err)
	}
	e, err := withKeeper()
	Require(t, err)
	name := fmt.Sprintf("%s_test_%d", engine.Database, databases.Add(1))
	return "clickhouse://" + engine.User + "@" + e.Addr() + "/" + name, e.Password()
}

func startWithKeeper() (*engine.Engine, error) {
	dir, err := os.MkdirTemp("", "subtally-keeper-")
	if err != nil {
		return nil, err
	}
	addr, end, err := startZooKeeper(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	e, err := engine.Start(context.Background(), engine.Options{DataDir: filepath.Join(dir, "data"), Keeper: addr, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		end()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	before := stop
	stop = func() error {
		err := e.Close()
		end()
		return errors.Join(err, os.RemoveAll(dir), before())
	}
	return e, nil
}

// startZooKeeper starts a server of its own on a free port and waits until it
// answers.
func startZooKeeper(dir string) (addr string, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	conf := filepath.Join(dir, "zoo.cfg")
	text := "tickTime=2000\ndataDir=" + filepath.Join(dir, "zookeeper") + "\nclientPortAddress=127.0.0.1\nclientPort=" + port + "\nadmin.enableServer=false\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command(zooKeeper, "start-foreground", conf)
	cmd.Env = append(os.Environ(), "JMXDISABLE=true", "ZOO_LOG_DIR="+dir, "SERVER_JVMFLAGS=-Xmx256m")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start ZooKeeper: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	end = func() {
		cmd.Process.Kill()
		<-ended
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		if serves(addr) {
			return addr, end, nil
		}
		select {
		case <-ended:
			return "", nil, fmt.Errorf("ZooKeeper ended: %s", said.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			end()
			return "", nil, fmt.Errorf("ZooKeeper at %s does not answer: %s", addr, said.Bytes())
		}
	}
}

// serves asks a ZooKeeper whether it serves.
func serves(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("srvr")); err != nil {
		return false
	}
	answer, _ := io.ReadAll(conn)
	return bytes.Contains(answer, []byte("Mode:"))
}

//go:build !linux

package engine

import (
	"errors"
	"os"
	"syscall"
)

func openTerminal() (keyboard, terminal *os.File, err error) {
	return nil, nil, errors.New("the embedded engine runs on Linux only: name a ClickHouse server in the configuration")
}

func dup2(from, to int) error { return syscall.Dup2(from, to) }

package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/moby/term"
	xterm "golang.org/x/term"
)

// errNoTerminal is docker's refusal of -it behind a pipe.
var errNoTerminal = errors.New("the input device is not a TTY")

// checkTerminal refuses to join a container's terminal to what is none.
func (e *Env) checkTerminal(stdin, tty bool) error {
	if _, is := terminal(e.In); stdin && tty && !is {
		return errNoTerminal
	}
	return nil
}

// rawTerminal gives every key to the container, Ctrl-C too, until restore is
// called; calling it again does nothing. It is for a terminal that is joined to
// the container's; else it does nothing.
func (s *streams) rawTerminal() (restore func(), err error) {
	fd, is := terminal(s.in)
	if !s.tty || !is {
		return func() {}, nil
	}
	before, err := xterm.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("switching the terminal to raw mode: %w", err)
	}
	return sync.OnceFunc(func() { _ = xterm.Restore(fd, before) }), nil
}

// windowSize is the size of the terminal that shows the output, 0 and 0 if it is
// none.
func (s *streams) windowSize() (rows, columns int) {
	fd, is := terminal(s.screen)
	if !s.tty || !is {
		return 0, 0
	}
	columns, rows, err := xterm.GetSize(fd)
	if err != nil {
		return 0, 0
	}
	return rows, columns
}

// followWindow calls resize with every new size of the window until ctx ends, and
// once more when it has come to rest: conmon takes sizes that arrive together
// for the first of them.
func (s *streams) followWindow(ctx context.Context, resize func(rows, columns int)) {
	const rest = 500 * time.Millisecond
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for again := time.NewTimer(rest); ; {
		select {
		case <-changed:
			again.Reset(rest)
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return
		}
		if rows, columns := s.windowSize(); rows > 0 || columns > 0 {
			resize(rows, columns)
		}
	}
}

// defaultDetachKeys are docker's: ctrl-p,ctrl-q.
var defaultDetachKeys = []byte{'p' & 0x1f, 'q' & 0x1f}

// detachKeys reads --detach-keys; where it is empty config.json's detachKeys
// count, and where that is empty too docker's own.
// Source: https://docs.docker.com/reference/cli/docker/container/attach/#detach-keys
func (e *Env) detachKeys(flag string) ([]byte, error) {
	keys := flag
	if keys == "" {
		keys = e.DockerConfigFile().DetachKeys
	}
	if keys == "" {
		return defaultDetachKeys, nil
	}
	bytes, err := term.ToBytes(keys)
	if err != nil {
		return nil, fmt.Errorf("Invalid detach keys (%s) provided: take a letter or ctrl-LETTER, several with commas between", keys)
	}
	return bytes, nil
}

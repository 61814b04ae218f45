// Package engine finds or starts Podman's API and holds the calls that take
// several requests.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/containers/podman/v4/pkg/bindings"
	"golang.org/x/sys/unix"
)

// Options say which engine to reach.
type Options struct {
	Hosts     []string // -H; else DOCKER_HOST, then CONTAINER_HOST
	AllowRoot bool     // run as root on root's own store
}

// Connect returns a context that carries a connection to Podman's API.
func Connect(ctx context.Context, _ Options) (context.Context, error) {
	dir := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "dockless")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the runtime directory: %w", err)
	}
	socket := filepath.Join(dir, "podman.sock")
	if conn, err := net.Dial("unix", socket); err == nil {
		conn.Close()
	} else if err := start(dir, socket); err != nil {
		return nil, fmt.Errorf("starting podman's service: %w", err)
	}
	return bindings.NewConnection(ctx, "unix://"+socket)
}

func start(dir, socket string) error {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	if conn, err := net.Dial("unix", socket); err == nil {
		return conn.Close()
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	file, err := listener.(*net.UnixListener).File()
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.Command("/bin/sh", "-c", "LISTEN_PID=$$ exec podman system service --time=60 unix://"+socket)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(0)
	return cmd.Process.Release()
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// start sees to it that a service listens on one of the place's sockets. One
// process at a time does so, under a lock: of many commands at once the first
// starts a service and the others find it. It returns nil where it started
// nothing itself.
func (at place) start(ctx context.Context, idle func() (time.Duration, error)) (*service, error) {
	if err := at.usable(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(at.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the runtime directory: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(at.dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("waiting to start podman's service: %w", err)
	}
	defer unlock()
	for _, socket := range []string{at.podman, at.own()} {
		if l, err := dial(ctx, socket, patience); err == nil {
			return nil, l.Close() // another command was faster
		}
	}
	podman, err := equipped()
	if err != nil {
		return nil, err
	}
	at.makeNamespace(ctx, podman)
	if at.startUnit(ctx) {
		return nil, nil
	}
	timeout, err := idle()
	if err != nil {
		return nil, err
	}
	s, err := at.spawn(podman, timeout)
	if err != nil {
		return nil, fmt.Errorf("starting podman's service: %w", err)
	}
	return s, nil
}

// lock takes an exclusive lock on a file; the kernel drops it with the process.
func lock(ctx context.Context, name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(file.Fd()), unix.LOCK_EX) }()
	select {
	case err = <-locked:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

func answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// makeNamespace lets Podman make its user namespace, and the process that keeps
// it, before there is a service. A service that has to make it by itself cannot
// commit on Podman 4.3 ("runroot must be set"). If this fails, the service's own
// start says why.
func (at place) makeNamespace(ctx context.Context, podman string) {
	kept := filepath.Join(filepath.Dir(at.dir), "libpod/tmp/pause.pid")
	if _, err := os.Stat(kept); err == nil || os.Geteuid() == 0 {
		return
	}
	cmd := exec.CommandContext(ctx, podman, "unshare", "true")
	cmd.Dir, cmd.Env = "/", serviceEnvironment()
	_ = cmd.Run()
}

// startUnit starts podman.socket where the user's systemd answers: then the
// service lives in a cgroup of its own and survives the session. Where that
// does not work it is not tried again for an hour.
func (at place) startUnit(ctx context.Context) bool {
	failed := filepath.Join(at.dir, "no-unit")
	if info, err := os.Stat(failed); err == nil && time.Since(info.ModTime()) < time.Hour {
		return false
	}
	if !answers(at.manager) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, "systemctl", at.scope, "start", "podman.socket").CombinedOutput()
	if err == nil && answers(at.podman) {
		return true
	}
	_ = os.WriteFile(failed, output, 0o600) // only spares the next command the attempt
	return false
}

// service is a Podman service that this process has started.
type service struct {
	log  string
	exit chan struct{} // closed at its end
}

// spawn starts `podman system service` on our own socket. We listen and hand the
// socket over, so that whoever dials from now on waits in the kernel's queue.
// Podman is not given the path: it would unlink it first.
// The protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
func (at place) spawn(podman string, idle time.Duration) (*service, error) {
	if err := os.Remove(at.own()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: at.own(), Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	socket, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	// Each service begins its log anew; it holds warnings only, so it stays small.
	log, err := os.OpenFile(at.log(), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	seconds := int((idle + time.Second - 1) / time.Second)
	cmd := exec.Command("/bin/sh", "-c", `umask 022; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" system service --time="$1"`, podman, strconv.Itoa(seconds))
	cmd.Dir = "/" // a service must not hold on to the directory it was started from
	cmd.Env = serviceEnvironment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // not ended by the terminal's Ctrl-C
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &service{log: at.log(), exit: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(s.exit)
	}()
	return s, nil
}

// serviceEnvironment is this process's, without what would make Podman a client
// of another engine or tie it to the unit that this process runs in.
func serviceEnvironment() []string {
	var env []string
	for _, assignment := range os.Environ() {
		name, _, _ := strings.Cut(assignment, "=")
		switch name {
		case "CONTAINER_HOST", "CONTAINER_CONNECTION", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
			"TMPDIR": // the caller's own, which the service may outlive
		default:
			env = append(env, assignment)
		}
	}
	bus := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus")
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" && answers(bus) {
		env = append(env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+bus)
	}
	return env
}

// ended tells whether the service is over. Its end is known a moment after its
// socket hangs up.
func (s *service) ended() bool {
	select {
	case <-s.exit:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// lastWords is the error of a service that ended at its start.
func (s *service) lastWords() error {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return fmt.Errorf("podman's service ended at its start: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "Error: ")
	if last == "" {
		last = "it said nothing"
	}
	return fmt.Errorf("podman's service ended at its start: %s (see: podman info)", last)
}

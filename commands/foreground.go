package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
)

// foreground is a container in front of the person: its streams are joined to
// ours, its exit code is ours.
type foreground struct {
	streams
	id      string
	signals *signals // nil: ours are not passed on
}

// startFailure is what kept a container from running.
type startFailure struct{ error }

func (s *startFailure) Unwrap() error { return s.error }

// follow joins the container, calls start, and returns when the container has
// ended, with its exit code as an *exit, or before that with errDetached,
// errNoReader, or the signal that has ended conn. An error from before it ran is
// a *startFailure.
func (f *foreground) follow(conn context.Context, start func(conn context.Context) error) error {
	conn, end := context.WithCancelCause(conn)
	defer end(nil)
	stream, err := engine.Attach(conn, f.id, f.in != nil, f.tty)
	if err != nil {
		return &startFailure{err}
	}
	defer stream.Close()
	restore, err := f.rawTerminal()
	if err != nil {
		return err
	}
	defer restore()
	conn, calm := f.untilHangup(conn)
	defer calm()
	joined := make(chan error, 1)
	go func() { joined <- f.join(conn, stream, restore) }()
	if rows, columns := f.windowSize(); rows > 0 {
		f.resize(conn, rows, columns)
		go f.followWindow(conn, func(rows, columns int) { f.resize(conn, rows, columns) })
	}
	started := make(chan struct{})
	if f.signals != nil {
		go f.signals.passOn(conn, f.id, started, end)
	}
	if err := start(conn); err != nil {
		return &startFailure{err}
	}
	close(started)
	waited := f.wait(conn)
	if err := <-joined; err != nil {
		return err
	}
	restore()
	return f.ended(conn, waited)
}

// untilHangup lets the signals that would end us at once end conn instead, so
// that the terminal is restored.
func (s *streams) untilHangup(conn context.Context) (context.Context, context.CancelFunc) {
	return untilSignal(conn, 0, syscall.SIGHUP, syscall.SIGQUIT)
}

// resize sets the size of the container's terminal. Podman has it from the
// attach on; that the container has ended meanwhile is no news here.
func (f *foreground) resize(conn context.Context, rows, columns int) {
	_ = containers.ResizeContainerTTY(conn, f.id, new(containers.ResizeTTYOptions).WithHeight(rows).WithWidth(columns))
}

// outcome is what a wait for a container came to.
type outcome struct {
	code int
	err  error
}

// wait asks Podman for the exit code at once after the start: it keeps the
// answer for us even if the container is removed in the instant in which it
// ends. Before the start the answer would be 0.
func (f *foreground) wait(conn context.Context) <-chan outcome {
	waited := make(chan outcome, 1)
	go func() {
		code, err := containers.Wait(conn, f.id, nil)
		waited <- outcome{int(code), err}
	}()
	return waited
}

// ended returns the exit code of a container whose output has ended. Podman
// answers a wait late (4.x after the clean-up, a process of its own that takes
// longer than a short command), so the container's state is looked at as well.
func (f *foreground) ended(conn context.Context, waited <-chan outcome) error {
	const longest = 250 * time.Millisecond
	for pause := time.Millisecond; ; pause = min(2*pause, longest) {
		container, err := lookAt(conn, f.id)
		if err == nil && container.ended() {
			return exitWith(container.State.ExitCode)
		}
		if engine.Status(err) == http.StatusNotFound {
			pause = longest // the wait will tell
		}
		select {
		case o := <-waited:
			if o.err != nil {
				return f.lost(conn, o.err)
			}
			return exitWith(o.code)
		case <-conn.Done():
			return context.Cause(conn)
		case <-time.After(pause):
		}
	}
}

// lost is for a wait that failed: the exit code may still be in the events, or
// the container runs on without us.
func (f *foreground) lost(conn context.Context, waitErr error) error {
	if container, err := lookAt(conn, f.id); err == nil && container.State.Running {
		return ours(fmt.Errorf("lost container %s, which runs on (attach joins it again): %w", f.id[:12], waitErr))
	}
	if code, err := engine.DiedWith(conn, f.id); err == nil {
		return exitWith(code)
	}
	return ours(fmt.Errorf("waiting for container %s: %w", f.id[:12], waitErr))
}

// exitWith is a container's exit code as ours.
func exitWith(code int) error {
	if code == 0 {
		return nil
	}
	return &exit{code: code}
}

// glance is the part of Podman's inspect that the commands on a container's
// streams go by.
type glance struct {
	ID    string
	State struct {
		Status          string
		Running, Paused bool
		ExitCode        int
	}
	Config struct {
		Tty, OpenStdin bool
		Env            []string
	}
	Path       string
	HostConfig struct{ AutoRemove bool }
}

// ended tells that the container has run and runs no more.
func (g *glance) ended() bool {
	return g.State.Status == "exited" || g.State.Status == "stopped"
}

// settled looks at a container as lookAt does, after the clean-up of its last run
// is through. That is a process of Podman's own, which would clean up after a
// container that is being made ready for its next run too.
func settled(conn context.Context, name string) (*glance, error) {
	const patience = 10 * time.Second
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		container, err := lookAt(conn, name)
		if err != nil || container.State.Status != "stopped" || time.Since(begun) > patience {
			return container, err
		}
	}
}

// commandOf is the first word of a container's command, for an error about it.
func commandOf(conn context.Context, name string) string {
	container, err := lookAt(conn, name)
	if err != nil {
		return name
	}
	return container.Path
}

func lookAt(conn context.Context, name string) (*glance, error) {
	container := new(glance)
	err := engine.Call(conn, http.MethodGet, engine.Libpod+"/containers/"+name+"/json", nil, nil, container)
	return container, err
}

// errForced ends a command whose container does not heed its signals.
var errForced = errors.New("got 3 SIGTERM/SIGINTs, forcefully exiting")

// signals are those that arrived for the container.
type signals struct{ arrived chan os.Signal }

// takeSignals keeps all signals for a container from now on. They end us no
// more; only the third SIGINT or SIGTERM does, as with docker.
func takeSignals() *signals {
	s := &signals{make(chan os.Signal, 128)}
	signal.Notify(s.arrived)
	return s
}

func (s *signals) release() {
	if s != nil {
		signal.Stop(s.arrived)
	}
}

// passOn sends the signals to the container once it is started, and calls end on
// the third that asks for an end.
func (s *signals) passOn(conn context.Context, id string, started <-chan struct{}, end context.CancelCauseFunc) {
	var early []syscall.Signal
	requests := 0
	for {
		select {
		case <-started:
			for _, number := range early {
				s.send(conn, id, number)
			}
			started, early = nil, nil
		case arrived := <-s.arrived:
			number, ok := arrived.(syscall.Signal)
			switch {
			case !ok, number == syscall.SIGCHLD, number == syscall.SIGPIPE, number == syscall.SIGURG: // ours, and Go's
				continue
			case number == syscall.SIGINT, number == syscall.SIGTERM:
				if requests++; requests == 3 {
					end(errForced)
					return
				}
			}
			if started != nil {
				early = append(early, number)
				continue
			}
			s.send(conn, id, number)
		case <-conn.Done():
			return
		}
	}
}

// send does not wait for Podman: the next signal may be the one to end us. A
// container that ends meanwhile is no error.
func (s *signals) send(conn context.Context, id string, number syscall.Signal) {
	go func() { _ = signalContainer(conn, id, number) }()
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
)

// pauseMeanwhile pauses a running container. The person waits for resume, or
// ends this process in any way: then it is resumed, too. Where it cannot be
// paused that is said, and all goes on.
func pauseMeanwhile(conn context.Context, env *Env, id, name string) (resume func() error, err error) {
	unlock, err := engine.LockPausing(conn)
	if err != nil {
		return nil, err
	}
	conn = context.WithoutCancel(conn)
	guard, err := guardPause(conn, env, id)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("pausing container %s: %w", name, err)
	}
	if err := containers.Pause(conn, id, nil); err != nil {
		guard.dismiss()
		unlock()
		if text := err.Error(); !strings.Contains(text, "is not running, can't pause") && !strings.Contains(text, "is already paused") {
			fmt.Fprintf(env.Err, "WARNING: container %s runs on while it is read: %s\n", name, oneLine(text))
		}
		return func() error { return nil }, nil
	}
	return sync.OnceValue(func() error {
		defer unlock()
		err := containerError(name, containers.Unpause(conn, id, nil))
		if err != nil && !errors.As(err, new(*noSuch)) && !strings.Contains(err.Error(), "is not paused") { // somebody was faster, or has killed it
			return fmt.Errorf("resuming container %s: %w", name, err)
		}
		guard.dismiss()
		return nil
	}), nil
}

// guard is a process that outlives this one, however that ends, and then resumes
// a container.
type guard struct {
	*exec.Cmd
	line io.WriteCloser
}

func guardPause(ctx context.Context, env *Env, id string) (*guard, error) {
	var command []string
	for _, host := range env.Where.Hosts {
		command = append(command, "--host", host)
	}
	unpause, err := env.child(ctx, append(command, "unpause", id)...)
	if err != nil {
		return nil, err
	}
	// The line never comes if we are gone.
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", `read -r _ || exec "$@"`, "sh", unpause.Path}, unpause.Args[1:]...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what a terminal sends is not for it
	line, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &guard{cmd, line}, cmd.Start()
}

// dismiss ends it.
func (g *guard) dismiss() {
	fmt.Fprintln(g.line)
	_ = g.Wait() // it does nothing more
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/api/handlers"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types"
	"github.com/urfave/cli/v2"
)

type execOptions struct {
	types.ExecConfig
	env        opts.ListOpts
	envFile    []string
	detachKeys string
}

func execCommand(env *Env) *cli.Command {
	o := &execOptions{env: opts.NewListOpts(opts.ValidateEnv)}
	return &cli.Command{
		Name:      "exec",
		Usage:     "Execute a command in a running container",
		ArgsUsage: "CONTAINER COMMAND [ARG...]",
		Flags: []cli.Flag{
			boolean(&o.Detach, "detach", "d", "Detached mode: run command in the background"),
			str(&o.detachKeys, "detach-keys", "", "Override the key sequence for detaching a container"),
			value(&o.env, "env", "e", "Set environment variables"),
			list(&o.envFile, "env-file", "", "Read in a file of environment variables"),
			boolean(&o.AttachStdin, "interactive", "i", "Keep STDIN open even if not attached"),
			boolean(&o.Privileged, "privileged", "", "Give extended privileges to the command"),
			boolean(&o.Tty, "tty", "t", "Allocate a pseudo-TTY"),
			str(&o.User, "user", "u", "Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
			str(&o.WorkingDir, "workdir", "w", "Working directory inside the container"),
		},
		Action: arguments(2, -1, func(ctx context.Context, args []string) error {
			name, err := containerName(args[0])
			if err != nil {
				return err
			}
			o.Cmd = args[1:]
			return runExec(ctx, env, o, name)
		}),
	}
}

func runExec(ctx context.Context, env *Env, o *execOptions, name string) error {
	keys, err := env.detachKeys(o.detachKeys)
	if err != nil {
		return err
	}
	if o.Env, err = opts.ReadKVEnvStrings(o.envFile, o.env.GetAll()); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	if err := o.prepare(conn, env, name); err != nil {
		return o.failed(name, err)
	}
	session, err := containers.ExecCreate(conn, name, &handlers.ExecCreateConfig{ExecConfig: o.ExecConfig})
	if err != nil {
		return o.failed(name, err)
	}
	if o.Detach {
		return o.failed(name, unexited(startError(o.Cmd[0], containers.ExecStart(conn, session, nil))))
	}
	streams := env.streams(o.Tty, keys)
	s := &streams
	if o.AttachStdin {
		s.in = env.In
	}
	return o.failed(name, s.followExec(conn, session))
}

// prepare makes of the options what Podman is asked for.
func (o *execOptions) prepare(conn context.Context, env *Env, name string) error {
	// A name alone is a variable that is not set here either.
	known := o.Env[:0]
	for _, pair := range o.Env {
		if strings.Contains(pair, "=") {
			known = append(known, pair)
		}
	}
	o.Env = known
	// Podman looks for its default keys in what is piped in too, and misses those
	// that arrive together: the search is ours, and this one finds nothing.
	o.DetachKeys = strings.Repeat("ctrl-^,ctrl-_,", 8) + "ctrl-^"
	o.AttachStdout, o.AttachStderr = true, true
	if o.Detach {
		o.AttachStdin, o.AttachStdout, o.AttachStderr = false, false, false
	}
	if !o.Tty {
		return nil
	}
	container, err := lookAt(conn, name)
	if err != nil {
		return err
	}
	if !o.Detach {
		if err := env.checkTerminal(o.AttachStdin, o.Tty); err != nil {
			return err
		}
	}
	if !setsTerm(container.Config.Env) && !setsTerm(o.Env) {
		o.Env = append(o.Env, "TERM=xterm")
	}
	return nil
}

func setsTerm(env []string) bool {
	for _, pair := range env {
		if strings.HasPrefix(pair, "TERM=") {
			return true
		}
	}
	return false
}

// followExec runs a session in front of the person and returns its exit code as
// an *exit.
func (s *streams) followExec(conn context.Context, session string) error {
	rows, columns := s.windowSize()
	stream, err := engine.StartExec(conn, session, s.tty, rows, columns)
	if err != nil {
		return err
	}
	defer stream.Close()
	restore, err := s.rawTerminal()
	if err != nil {
		return err
	}
	defer restore()
	conn, calm := s.untilHangup(conn)
	defer calm()
	if rows > 0 {
		go s.followWindow(conn, func(rows, columns int) {
			_ = containers.ResizeExecTTY(conn, session, new(containers.ResizeExecTTYOptions).WithHeight(rows).WithWidth(columns))
		})
	}
	failure := new(execFailure)
	failure.hold(s)
	err = s.join(conn, stream, restore)
	restore()
	if errors.Is(err, errNoReader) {
		stopExec(context.WithoutCancel(conn), session)
		return &exit{code: 128 + int(syscall.SIGPIPE)}
	}
	if err != nil {
		return err
	}
	ended, err := containers.ExecInspect(conn, session, nil)
	if err != nil {
		return fmt.Errorf("asking for the command's exit code: %w", err)
	}
	if ended.Running {
		return fmt.Errorf("podman's service went away in the middle of this command, which runs on in container %s", ended.ContainerID[:12])
	}
	if err := failure.release(ended.ExitCode); err != nil {
		return err
	}
	return exitWith(ended.ExitCode)
}

// stopExec ends a command whose output nobody reads any more: on its own it would
// have been killed by SIGPIPE. Podman signals it at once and is then slow to see
// that it has gone, which is not waited for. Before 4.8 it cannot do this: there
// the command runs on, as with docker.
func stopExec(conn context.Context, session string) {
	conn, cancel := context.WithTimeout(conn, 200*time.Millisecond)
	defer cancel()
	_ = containers.ExecRemove(conn, session, new(containers.ExecRemoveOptions).WithForce(true))
}

// failed puts Podman's error about an exec into docker's words.
func (o *execOptions) failed(name string, err error) error {
	if err == nil {
		return nil
	}
	var failure *startFailure
	text := err.Error()
	switch {
	case errors.As(err, &failure):
		return startError(o.Cmd[0], failure.error)
	case strings.Contains(text, "is paused"), strings.Contains(text, "container that is paused"):
		return fmt.Errorf("container %s is paused, unpause the container before exec", name)
	case strings.Contains(text, "can only create exec sessions on running containers"),
		strings.Contains(text, "can only start exec sessions when their container is running"),
		strings.Contains(text, "cannot exec in a container that is not running"):
		return fmt.Errorf("container %s is not running", name)
	}
	return containerError(name, err)
}

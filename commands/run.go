package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

type runOptions struct {
	*createOptions
	detach, sigProxy bool
	detachKeys       string
}

func runCommand(env *Env) *cli.Command {
	o := &runOptions{createOptions: &createOptions{}, sigProxy: true}
	return &cli.Command{
		Name:      "run",
		Usage:     "Create and run a new container from an image",
		ArgsUsage: "IMAGE [COMMAND] [ARG...]",
		Flags: append(createFlags(o.createOptions),
			boolean(&o.detach, "detach", "d", "Run container in background and print container ID"),
			str(&o.detachKeys, "detach-keys", "", "Override the key sequence for detaching a container"),
			boolean(&o.sigProxy, "sig-proxy", "", "Proxy received signals to the process"),
		),
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return runContainer(ctx, env, o, args[0], args[1:])
		}),
	}
}

func runContainer(ctx context.Context, env *Env, o *runOptions, image string, command []string) error {
	if err := o.check(env); err != nil {
		return err
	}
	keys, err := env.detachKeys(o.detachKeys)
	if err != nil {
		return ours(err)
	}
	id, err := createContainer(ctx, env, o.createOptions, image, command)
	if err != nil {
		if caught(ctx) != 0 {
			return ctx.Err()
		}
		return ours(err)
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return ours(err)
	}
	if o.detach {
		err = o.background(conn, env, id)
	} else {
		err = o.foreground(conn, env, id, keys)
	}
	return o.finish(context.WithoutCancel(conn), id, err)
}

// check refuses what docker's client refuses before it asks for anything. These
// are its only errors here with exit code 1.
func (o *runOptions) check(env *Env) error {
	if !o.detach {
		return env.checkTerminal(o.attaches("stdin"), o.tty)
	}
	if o.attach.Len() > 0 {
		return errors.New("conflicting options: cannot specify both --attach and --detach")
	}
	return nil
}

// attaches tells whether a stream of the container is joined to ours: those of
// -a, else both outputs; and stdin with -i.
// Source: https://docs.docker.com/reference/cli/docker/container/run/#attach
func (o *runOptions) attaches(stream string) bool {
	if stream == "stdin" && o.interactive {
		return true
	}
	if o.attach.Len() == 0 {
		return stream != "stdin"
	}
	return o.attach.Get(stream)
}

func (o *runOptions) background(conn context.Context, env *Env, id string) error {
	if _, err := fmt.Fprintln(env.Out, id); err != nil {
		return err
	}
	if err := startContainer(context.WithoutCancel(conn), id); err != nil {
		return &startFailure{err}
	}
	return nil
}

func (o *runOptions) foreground(conn context.Context, env *Env, id string, keys []byte) error {
	f := &foreground{id: id, streams: env.streams(o.tty, keys)}
	if o.attaches("stdin") && o.interactive {
		f.in = env.In
	}
	if !o.attaches("stdout") {
		f.out = io.Discard
	}
	if !o.attaches("stderr") {
		f.err = io.Discard
	}
	if o.sigProxy {
		f.signals = takeSignals()
		defer f.signals.release()
		if caught(conn) != 0 { // before that
			return &startFailure{context.Cause(conn)}
		}
		conn = context.WithoutCancel(conn)
	}
	return f.follow(conn, func(conn context.Context) error { return startContainer(conn, id) })
}

// finish makes the command's result of what came of the container, and removes
// the container where --rm asks for it.
func (o *runOptions) finish(conn context.Context, id string, err error) error {
	var (
		result  *exit
		failure *startFailure
		signal  interrupted
	)
	switch {
	case errors.As(err, &failure):
		err = startError(commandOf(conn, id), failure.error)
	case errors.Is(err, errDetached):
		return nil
	case errors.Is(err, errForced):
		return &exit{code: exitError, err: err}
	case errors.As(err, &signal):
		return err // without --sig-proxy the container runs on
	case errors.Is(err, errNoReader):
		// The command on its own would have been killed by SIGPIPE; a container's
		// first process is immune to that.
		_ = signalContainer(conn, id, syscall.SIGKILL)
		err = &exit{code: 128 + int(syscall.SIGPIPE)}
	case o.detach, err != nil && !errors.As(err, &result), result != nil && result.err != nil:
		return ours(err)
	}
	if o.remove {
		if removeErr := removeEnded(conn, id); removeErr != nil {
			return errors.Join(err, ours(removeErr))
		}
	}
	return err
}

// startContainer starts a container; one that runs already is no error.
func startContainer(conn context.Context, name string) error {
	return containers.Start(conn, name, nil)
}

// removeEnded removes a container that has ended or never ran. The server does
// that too (--rm outlives us so), but later.
func removeEnded(conn context.Context, id string) error {
	const patience = 10 * time.Second
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		_, err := containers.Remove(conn, id, new(containers.RemoveOptions).WithForce(true).WithVolumes(true).WithTimeout(0))
		switch {
		case err == nil, engine.Status(err) == http.StatusNotFound:
			return nil
		case time.Since(begun) > patience: // until then the server may be at it
			return fmt.Errorf("removing container %s: %w", id[:12], err)
		}
	}
}

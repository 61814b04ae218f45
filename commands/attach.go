package commands

import (
	"context"
	"errors"
	"syscall"

	"github.com/urfave/cli/v2"
)

func attachCommand(env *Env) *cli.Command {
	var noStdin bool
	var keys string
	sigProxy := true
	return &cli.Command{
		Name:      "attach",
		Usage:     "Attach local standard input, output, and error streams to a running container",
		ArgsUsage: "CONTAINER",
		Flags: []cli.Flag{
			str(&keys, "detach-keys", "", "Override the key sequence for detaching a container"),
			boolean(&noStdin, "no-stdin", "", "Do not attach STDIN"),
			boolean(&sigProxy, "sig-proxy", "", "Proxy all received signals to the process"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			name, err := containerName(args[0])
			if err != nil {
				return err
			}
			return attach(ctx, env, name, !noStdin, sigProxy, keys)
		}),
	}
}

func attach(ctx context.Context, env *Env, name string, stdin, sigProxy bool, detachKeys string) error {
	keys, err := env.detachKeys(detachKeys)
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := lookAt(conn, name)
	switch {
	case err != nil:
		return containerError(name, err)
	case container.State.Paused || container.State.Status == "paused":
		return errors.New("You cannot attach to a paused container, unpause it first")
	case !container.State.Running:
		return errors.New("You cannot attach to a stopped container, start it first")
	}
	if err := env.checkTerminal(stdin, container.Config.Tty); err != nil {
		return err
	}
	f := &foreground{id: container.ID, streams: env.streams(container.Config.Tty, keys)}
	if stdin && container.Config.OpenStdin {
		f.in = env.In
	}
	if sigProxy && !container.Config.Tty {
		f.signals = takeSignals()
		defer f.signals.release()
		conn = context.WithoutCancel(conn)
	}
	err = f.follow(conn, func(conn context.Context) error {
		// A shell draws its prompt anew when its window changes, and only then:
		// docker also makes it one larger for a moment.
		if rows, columns := f.windowSize(); rows > 0 {
			f.resize(conn, rows+1, columns+1)
			f.resize(conn, rows, columns)
		}
		return nil
	})
	return f.result(conn, name, err)
}

// result is what start -a and attach return for what came of the container,
// which is not theirs to end.
func (f *foreground) result(conn context.Context, name string, err error) error {
	var failure *startFailure
	switch {
	case errors.As(err, &failure):
		return unexited(startError(commandOf(conn, name), containerError(name, failure.error)))
	case errors.Is(err, errNoReader):
		return &exit{code: 128 + int(syscall.SIGPIPE)}
	}
	return unexited(err)
}

// unexited takes run's exit code from an error: other commands have 1.
func unexited(err error) error {
	var known *exit
	if errors.As(err, &known) && known.err != nil {
		return known.err
	}
	return err
}

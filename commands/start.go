package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

type startOptions struct {
	attach, interactive                   bool
	detachKeys, checkpoint, checkpointDir string
}

func startCommand(env *Env) *cli.Command {
	o := new(startOptions)
	return &cli.Command{
		Name:      "start",
		Usage:     "Start one or more stopped containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags: []cli.Flag{
			boolean(&o.attach, "attach", "a", "Attach STDOUT/STDERR and forward signals"),
			str(&o.checkpoint, "checkpoint", "", "Restore from this checkpoint"),
			str(&o.checkpointDir, "checkpoint-dir", "", "Use a custom checkpoint storage directory"),
			str(&o.detachKeys, "detach-keys", "", "Override the key sequence for detaching a container"),
			boolean(&o.interactive, "interactive", "i", "Attach container's STDIN"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			switch {
			case o.checkpoint != "" || o.checkpointDir != "":
				return errors.New("--checkpoint: checkpoints need CRIU as root, which a rootless engine cannot have; start without it")
			case !o.attach && !o.interactive:
				return start(ctx, env, args)
			case len(args) > 1:
				return errors.New("you cannot start and attach multiple containers at once")
			}
			return o.startAttached(ctx, env, args[0])
		}),
	}
}

// start starts containers one after the other, as docker does.
func start(ctx context.Context, env *Env, names []string) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var failed []string
	for _, typed := range names {
		name, err := containerName(typed)
		if err == nil {
			err = startContainer(conn, name)
		}
		if err != nil {
			complain(env.Err, env.Program, unexited(startError(commandOf(conn, name), containerError(name, err))))
			failed = append(failed, typed)
			continue
		}
		fmt.Fprintln(env.Out, typed)
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed to start containers: %s", strings.Join(failed, ", ")) //nolint:revive // docker's words
	}
	return nil
}

// startAttached starts a container in front of the person.
func (o *startOptions) startAttached(ctx context.Context, env *Env, typed string) error {
	name, err := containerName(typed)
	if err != nil {
		return err
	}
	keys, err := env.detachKeys(o.detachKeys)
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := settled(conn, name)
	if err != nil {
		return containerError(name, err)
	}
	if container.State.Paused || container.State.Status == "paused" {
		return errors.New("cannot start a paused container, try unpause instead")
	}
	f := &foreground{id: container.ID, streams: env.streams(container.Config.Tty, keys)}
	if o.interactive && container.Config.OpenStdin {
		f.in = env.In
	}
	if !container.Config.Tty {
		f.signals = takeSignals()
		defer f.signals.release()
		conn = context.WithoutCancel(conn)
	}
	err = f.follow(conn, func(conn context.Context) error { return startContainer(conn, container.ID) })
	if errors.Is(err, errDetached) {
		return nil
	}
	if err = f.result(conn, name, err); container.HostConfig.AutoRemove && !errors.Is(err, errNoReader) {
		_ = removeEnded(context.WithoutCancel(conn), container.ID)
	}
	return err
}

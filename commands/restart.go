package commands

import (
	"context"
	"fmt"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func restartCommand(env *Env) *cli.Command {
	var how stopping
	return &cli.Command{
		Name:      "restart",
		Usage:     "Restart one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags:     how.flags(),
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			if err := how.settle(env); err != nil {
				return err
			}
			return eachContainer(ctx, env, args, func(conn context.Context, name string) error {
				return restart(conn, name, how)
			})
		}),
	}
}

// restart stops a container, if it runs, and starts it. The API restarts by the
// container's own signal only, with a timeout of 0 unless told, and no paused
// container.
func restart(conn context.Context, name string, how stopping) error {
	if how.signal != "" {
		if err := stopWith(conn, name, how); err != nil {
			return fmt.Errorf("Cannot restart container %s: %w", name, containerError(name, err))
		}
		return containers.Start(conn, name, nil)
	}
	if !how.timeout.given {
		container, err := containers.Inspect(conn, name, nil)
		if err != nil {
			return err
		}
		how.timeout.value = int64(container.Config.StopTimeout)
	}
	if err := letRun(conn, name); err != nil {
		return err
	}
	return containers.Restart(conn, name, new(containers.RestartOptions).WithTimeout(int(seconds(how.timeout))))
}

package commands

import (
	"context"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func pauseCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "pause",
		Usage:     "Pause all processes within one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return pause(ctx, env, args)
		}),
	}
}

func pause(ctx context.Context, env *Env, names []string) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	return each(env, names, func(name string) error {
		return containerError(name, containers.Pause(conn, name, nil))
	})
}

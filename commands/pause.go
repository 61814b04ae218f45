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
			return eachContainer(ctx, env, args, func(conn context.Context, name string) error {
				return containers.Pause(conn, name, nil)
			})
		}),
	}
}

package commands

import (
	"context"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func unpauseCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "unpause",
		Usage:     "Unpause all processes within one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return eachContainer(ctx, env, args, func(conn context.Context, name string) error {
				return containers.Unpause(conn, name, nil)
			})
		}),
	}
}

package commands

import (
	"context"
	"errors"

	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/docker/docker/api/types/volume"
	"github.com/urfave/cli/v2"
)

func volumeInspectCommand(env *Env) *cli.Command {
	var format string
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Display detailed information on one or more volumes",
		ArgsUsage: "VOLUME [VOLUME...]",
		Flags:     []cli.Flag{str(&format, "format", "f", inspectFormatHelp)},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return inspect(env, args, format, func(name string) (any, error) {
				conn, err := env.Engine(ctx)
				if err != nil {
					return nil, err
				}
				return inspectVolume(conn, name)
			})
		}),
	}
}

// inspectVolume returns Docker's description of the volume of exactly this
// name: Podman would take the beginning of one as well.
func inspectVolume(conn context.Context, name string) (*volume.Volume, error) {
	if name == "" {
		return nil, errors.New("invalid volume name or ID: value is empty")
	}
	known, err := volumes.Inspect(conn, name, nil)
	if err != nil {
		return nil, volumeError(name, err)
	}
	if known.Name != name {
		return nil, noSuchVolume(name)
	}
	return dockerapi.NewVolume(known), nil
}

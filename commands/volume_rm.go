package commands

import (
	"context"
	"errors"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/urfave/cli/v2"
)

func volumeRemoveCommand(env *Env) *cli.Command {
	var force bool
	return &cli.Command{
		Name:      "rm",
		Aliases:   []string{"remove"},
		Usage:     "Remove one or more volumes",
		ArgsUsage: "VOLUME [VOLUME...]",
		Flags:     []cli.Flag{boolean(&force, "force", "f", "Force the removal of one or more volumes")},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			return each(env, args, func(name string) error {
				err := removeVolume(conn, name)
				var missing *noSuch
				if force && errors.As(err, &missing) {
					return nil
				}
				return err
			})
		}),
	}
}

// removeVolume removes the volume of exactly this name. Podman's own force is
// not for it: that removes the containers that use the volume, too.
func removeVolume(conn context.Context, name string) error {
	if _, err := inspectVolume(conn, name); err != nil {
		return err
	}
	return volumeInUse(conn, name, volumes.Remove(conn, name, nil))
}

package commands

import (
	"context"
	"errors"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/urfave/cli/v2"
)

func networkDisconnectCommand(env *Env) *cli.Command {
	var force bool
	return &cli.Command{
		Name:      "disconnect",
		Usage:     "Disconnect a container from a network",
		ArgsUsage: "NETWORK CONTAINER",
		Flags:     []cli.Flag{boolean(&force, "force", "f", "Force the container to disconnect from a network")},
		Action: arguments(2, 2, func(ctx context.Context, args []string) error {
			name, container := args[0], strings.TrimPrefix(args[1], "/")
			switch name {
			case "":
				return errors.New("invalid network name or ID: value is empty")
			case "host":
				return errors.New("cannot disconnect container from host network - container was created in host network mode")
			}
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			err = network.Disconnect(conn, podmanNetwork(name), container, new(network.DisconnectOptions).WithForce(force))
			return connectionError(name, container, err)
		}),
	}
}

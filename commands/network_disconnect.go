package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/containers/podman/v4/pkg/domain/entities"
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
			known, err := network.Inspect(conn, podmanNetwork(name), nil)
			if err != nil {
				return networkError(name, err)
			}
			if err := refuseLastDisconnect(conn, known.Name, container); err != nil {
				return err
			}
			err = network.Disconnect(conn, known.Name, container, new(network.DisconnectOptions).WithForce(force))
			return connectionError(name, container, err)
		}),
	}
}

// refuseLastDisconnect keeps a running container of Podman 4's from losing all
// its networks, published ports included: that Podman ends the namespace in
// which all of them are with the disconnect of the only container there.
func refuseLastDisconnect(conn context.Context, name, container string) error {
	if version := bindings.ServiceVersion(conn); version == nil || version.Major >= 5 {
		return nil
	}
	running, err := containers.List(conn, nil)
	if err != nil {
		return err
	}
	running = slices.DeleteFunc(running, func(c entities.ListContainer) bool { return len(c.Networks) == 0 })
	if len(running) != 1 || !slices.Contains(running[0].Networks, name) || len(running[0].Networks) == 1 {
		return nil
	}
	if slices.Contains(running[0].Names, container) || strings.HasPrefix(running[0].ID, container) {
		return fmt.Errorf("container %s would be cut off all of its networks: Podman %s does so where no other container runs in any;"+
			" stop it first, disconnect it, and start it again", container, bindings.ServiceVersion(conn))
	}
	return nil
}

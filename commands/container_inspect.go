package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/urfave/cli/v2"
)

func containerInspectCommand(env *Env) *cli.Command {
	var (
		format string
		size   bool
	)
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Display detailed information on one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags: []cli.Flag{
			str(&format, "format", "f", inspectFormatHelp),
			boolean(&size, "size", "s", "Display total file sizes"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return inspect(env, args, format, func(name string) (any, error) {
				conn, err := env.Engine(ctx)
				if err != nil {
					return nil, err
				}
				return inspectContainer(conn, name, size)
			})
		}),
	}
}

// inspectContainer returns Docker's description of a container; an absent one
// is a *noSuch.
func inspectContainer(conn context.Context, name string, size bool) (*dockerapi.Container, error) {
	bare := strings.TrimPrefix(name, "/")
	if bare == "" {
		return nil, errors.New("invalid container name or ID: value is empty")
	}
	data, err := containers.Inspect(conn, bare, new(containers.InspectOptions).WithSize(size))
	if err != nil {
		return nil, containerError(name, err)
	}
	if data.State == nil || data.Config == nil || data.HostConfig == nil || data.HostConfig.LogConfig == nil || data.NetworkSettings == nil {
		return nil, fmt.Errorf("inspecting container %s: the answer is not whole", name)
	}
	c := dockerapi.NewContainer(data)
	return c, completeNetworkIDs(conn, c)
}

// completeNetworkIDs puts ids in the place of the names that Podman before 5
// tells.
func completeNetworkIDs(conn context.Context, c *dockerapi.Container) error {
	for name, endpoint := range c.NetworkSettings.Networks {
		if endpoint.NetworkID == "" || dockerapi.Anonymous(endpoint.NetworkID) {
			continue
		}
		known, err := network.Inspect(conn, endpoint.NetworkID, nil)
		if err != nil {
			return networkError(name, err)
		}
		endpoint.NetworkID = known.ID
	}
	return nil
}

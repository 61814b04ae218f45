package commands

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"dockless/bindings/engine"
	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/docker/docker/api/types"
	"github.com/urfave/cli/v2"
)

func networkInspectCommand(env *Env) *cli.Command {
	var (
		format  string
		verbose bool // tells more of swarm networks, which there are none of
	)
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Display detailed information on one or more networks",
		ArgsUsage: "NETWORK [NETWORK...]",
		Flags: []cli.Flag{
			str(&format, "format", "f", inspectFormatHelp),
			boolean(&verbose, "verbose", "v", "Verbose output for diagnostics"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return inspect(env, args, format, func(name string) (any, error) {
				conn, err := env.Engine(ctx)
				if err != nil {
					return nil, err
				}
				return inspectNetwork(conn, name)
			})
		}),
	}
}

// inspectNetwork returns Docker's description of a network, that of bridge,
// host and none included. Podman tells a network's settings in its own API and
// the containers in it, on all versions, only in the one shaped like Docker's.
func inspectNetwork(conn context.Context, name string) (*dockerapi.Network, error) {
	if known := dockerapi.Predefined(name); known != nil {
		return known, nil
	}
	if name == "" {
		return nil, errors.New("invalid network name or ID: value is empty")
	}
	known, err := network.Inspect(conn, podmanNetwork(name), nil)
	if err != nil {
		return nil, networkError(name, err)
	}
	var shaped struct {
		Containers map[string]types.EndpointResource
	}
	path := engine.Docker + "/networks/" + url.PathEscape(known.Name)
	if err := engine.Call(conn, http.MethodGet, path, nil, nil, &shaped); err != nil {
		return nil, networkError(name, err)
	}
	return dockerapi.NewNetwork(known, shaped.Containers), nil
}

// podmanNetwork is Podman's name for a network of Docker's.
func podmanNetwork(name string) string {
	if name == dockerBridge {
		return podmanBridge
	}
	return name
}

package commands

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/docker/docker/api/types"
	"github.com/urfave/cli/v2"
)

func portCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "port",
		Usage:     "List port mappings or a specific mapping for the container",
		ArgsUsage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
		Action: arguments(1, 2, func(ctx context.Context, args []string) error {
			wanted := ""
			if len(args) > 1 {
				wanted = args[1]
			}
			return port(ctx, env, args[0], wanted)
		}),
	}
}

func port(ctx context.Context, env *Env, name, wanted string) error {
	number, protocol, _ := strings.Cut(wanted, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	if wanted != "" {
		if _, err := strconv.ParseUint(number, 10, 16); err != nil {
			return fmt.Errorf("Error: invalid port (%s): %w", number, err)
		}
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	ports, err := publishedPorts(conn, name)
	if err != nil {
		return err
	}
	var lines []string
	for _, p := range ports {
		public := fmt.Sprintf("%s:%d", p.IP, p.PublicPort)
		switch {
		case wanted == "":
			lines = append(lines, fmt.Sprintf("%d/%s -> %s", p.PrivatePort, p.Type, public))
		case strconv.Itoa(int(p.PrivatePort)) == number && p.Type == protocol:
			lines = append(lines, public)
		}
	}
	if wanted != "" && len(lines) == 0 {
		return fmt.Errorf("Error: No public port '%s' published for %s", wanted, name)
	}
	slices.SortFunc(lines, naturally)
	for _, line := range lines {
		fmt.Fprintln(env.Out, line)
	}
	return nil
}

// publishedPorts asks Podman's list, because there newer servers still tell a
// port on every address from one on 0.0.0.0 alone.
func publishedPorts(conn context.Context, name string) ([]types.Port, error) {
	inspected, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return nil, containerError(name, err)
	}
	query := url.Values{"all": {"true"}, "filters": {`{"id":["` + inspected.ID + `"]}`}}
	var list []*listedContainer
	if err := engine.Call(conn, http.MethodGet, engine.Libpod+"/containers/json", query, nil, &list); err != nil {
		return nil, err
	}
	var ports []types.Port
	for _, c := range list {
		ports = append(ports, c.dockerPorts()...)
	}
	return ports, nil
}

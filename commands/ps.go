package commands

import (
	"context"
	"fmt"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type psOptions struct {
	all, quiet, noTrunc, latest, size bool
	last                              int
	format                            string
	filter                            opts.FilterOpt
}

func psCommand(env *Env) *cli.Command {
	o := &psOptions{last: -1}
	return &cli.Command{
		Name:  "ps",
		Usage: "List containers",
		Flags: []cli.Flag{
			boolean(&o.all, "all", "a", "Show all containers (default shows just running)"),
			filters(&o.filter, "Filter output based on conditions provided"),
			str(&o.format, "format", "", "Format output using a custom template"),
			integer(&o.last, "last", "n", "Show n last created containers (includes all states)"),
			boolean(&o.latest, "latest", "l", "Show the latest created container (includes all states)"),
			boolean(&o.noTrunc, "no-trunc", "", "Don't truncate output"),
			boolean(&o.quiet, "quiet", "q", "Only display container IDs"),
			boolean(&o.size, "size", "s", "Display total file sizes"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return ps(ctx, env, o)
		}),
	}
}

func ps(ctx context.Context, env *Env, o *psOptions) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	list, err := containers.List(conn, new(containers.ListOptions).WithAll(o.all))
	if err != nil {
		return err
	}
	for _, c := range list {
		fmt.Fprintln(env.Out, c.ID[:12])
	}
	return nil
}

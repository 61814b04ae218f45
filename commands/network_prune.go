package commands

import (
	"context"
	"net/http"
	"slices"

	"dockless/bindings/engine"

	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

func networkPruneCommand(env *Env) *cli.Command {
	var (
		force  bool
		filter opts.FilterOpt
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove all unused networks",
		Flags: []cli.Flag{
			pruneFilter(&filter, `Provide filter values (e.g. "until=<timestamp>")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			kept := pruneFilters(env, filter)
			if err := checkPruneFilters(kept); err != nil {
				return err
			}
			sure, err := confirm(ctx, env, force, "WARNING! This will remove all custom networks not used by at least one container.")
			if !sure {
				return err
			}
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			p, err := pruneNetworks(conn, kept)
			printPruned(env, p)
			return err
		}),
	}
}

// pruneNetworks removes the networks without any container, running or not.
func pruneNetworks(conn context.Context, kept dockerfilters.Args) (pruned, error) {
	result := pruned{heading: "Deleted Networks:"}
	filters, err := serverFilters(kept)
	if err != nil {
		return result, err
	}
	var reports []struct { // the bindings cannot read an Error
		Name  string
		Error any
	}
	if err := engine.Call(conn, http.MethodPost, engine.Libpod+"/networks/prune", filters, nil, &reports); err != nil {
		return result, err
	}
	for _, report := range reports {
		if report.Error == nil {
			result.lines = append(result.lines, report.Name)
		}
	}
	slices.Sort(result.lines)
	return result, nil
}

package commands

import (
	"context"
	"net/http"

	"dockless/bindings/engine"

	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

func containerPruneCommand(env *Env) *cli.Command {
	var (
		force  bool
		filter opts.FilterOpt
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove all stopped containers",
		Flags: []cli.Flag{
			pruneFilter(&filter, `Provide filter values (e.g. "until=<timestamp>")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			kept := pruneFilters(env, filter)
			if err := checkPruneFilters(kept); err != nil {
				return err
			}
			if sure, err := confirm(ctx, env, force, "WARNING! This will remove all stopped containers."); !sure {
				return err
			}
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			p, err := pruneContainers(conn, kept)
			if err != nil {
				return err
			}
			printPruned(env, p)
			printReclaimed(env, p.bytes)
			return nil
		}),
	}
}

// pruneContainers removes the containers that do not run.
func pruneContainers(conn context.Context, kept dockerfilters.Args) (pruned, error) {
	result := pruned{heading: "Deleted Containers:"}
	filters, err := serverFilters(kept)
	if err != nil {
		return result, err
	}
	var reports []struct { // the bindings cannot read an Err
		ID   string `json:"Id"`
		Size int64
		Err  any
	}
	if err := engine.Call(conn, http.MethodPost, engine.Libpod+"/containers/prune", filters, nil, &reports); err != nil {
		return result, err
	}
	for _, report := range reports {
		if report.Err == nil {
			result.lines = append(result.lines, report.ID)
			result.bytes += report.Size
		}
	}
	return result, nil
}

package commands

import (
	"context"
	"errors"
	"slices"

	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/system"
	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

func volumePruneCommand(env *Env) *cli.Command {
	var (
		all, force bool
		filter     opts.FilterOpt
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove unused local volumes",
		Flags: []cli.Flag{
			boolean(&all, "all", "a", "Remove all unused volumes, not just anonymous ones"),
			pruneFilter(&filter, `Provide filter values (e.g. "label=<label>")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			kept := pruneFilters(env, filter)
			warning := "WARNING! This will remove anonymous local volumes not used by at least one container."
			if all {
				warning = "WARNING! This will remove all local volumes not used by at least one container."
				if kept.Contains("all") {
					return errors.New("conflicting options: cannot specify both --all and --filter all=1")
				}
				kept.Add("all", "true")
			}
			if err := kept.Validate(volumePruneFilters); err != nil {
				return err
			}
			if sure, err := confirm(ctx, env, force, warning); !sure {
				return err
			}
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			p, err := pruneVolumes(conn, kept)
			printPruned(env, p)
			printReclaimed(env, p.bytes)
			return err
		}),
	}
}

// volumePruneFilters are the filters that docker volume prune knows.
// Source: https://docs.docker.com/reference/cli/docker/volume/prune/#filter
var volumePruneFilters = map[string]bool{"all": true, "label": true, "label!": true}

// pruneVolumes removes the volumes that no container uses, one by one: Podman's
// own prune knows no anonymous volumes before 4.7, and takes what was made
// meanwhile.
func pruneVolumes(conn context.Context, kept dockerfilters.Args) (pruned, error) {
	result := pruned{heading: "Deleted Volumes:"}
	all, err := kept.GetBoolOrDefault("all", false)
	if err != nil {
		return result, err
	}
	unused, err := volumes.List(conn, new(volumes.ListOptions).WithFilters(map[string][]string{"dangling": {"true"}}))
	if err != nil || len(unused) == 0 {
		return result, err
	}
	usage, err := system.DiskUsage(conn, nil)
	if err != nil {
		return result, err
	}
	sizes := map[string]int64{}
	for _, v := range usage.Volumes {
		sizes[v.VolumeName] = v.Size
	}
	for _, v := range unused {
		if !all && !v.Anonymous && !dockerapi.Anonymous(v.Name) || !hasLabels(kept, v.Labels) {
			continue
		}
		if err := volumes.Remove(conn, v.Name, nil); err != nil {
			continue // taken by a container, or removed, since the list was made
		}
		result.lines = append(result.lines, v.Name)
		result.bytes += sizes[v.Name]
	}
	slices.Sort(result.lines)
	return result, nil
}

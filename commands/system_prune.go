package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

func systemPruneCommand(env *Env) *cli.Command {
	var (
		all, force, volumes bool
		filter              opts.FilterOpt
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove unused data",
		Flags: []cli.Flag{
			boolean(&all, "all", "a", "Remove all unused images not just dangling ones"),
			pruneFilter(&filter, `Provide filter values (e.g. "label=<key>=<value>")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
			boolean(&volumes, "volumes", "", "Prune anonymous volumes"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			kept := pruneFilters(env, filter)
			if volumes && kept.Contains("until") {
				return errors.New(`the "until" filter is not supported with "--volumes"`)
			}
			if err := checkPruneFilters(kept); err != nil {
				return err
			}
			if sure, err := confirm(ctx, env, force, systemPruneWarning(all, volumes, kept)); !sure {
				return err
			}
			return systemPrune(ctx, env, all, volumes, kept)
		}),
	}
}

func systemPrune(ctx context.Context, env *Env, all, volumes bool, kept dockerfilters.Args) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var bytes int64
	for _, prune := range []func() (pruned, error){
		func() (pruned, error) { return pruneContainers(conn, kept) },
		func() (pruned, error) { return pruneNetworks(conn, kept) },
		func() (pruned, error) {
			if !volumes {
				return pruned{}, nil
			}
			return pruneVolumes(conn, kept)
		},
		func() (pruned, error) { return pruneImages(conn, all, kept) },
		func() (pruned, error) { return pruneCache(ctx, env, all, kept) },
	} {
		p, err := prune()
		printPruned(env, p)
		if err != nil {
			return err
		}
		bytes += p.bytes
	}
	printReclaimed(env, bytes)
	return nil
}

// pruneCache removes what builds have left. It knows no labels: with a filter for
// them all of it stays.
func pruneCache(ctx context.Context, env *Env, all bool, kept dockerfilters.Args) (pruned, error) {
	if kept.Contains("label") || kept.Contains("label!") {
		return pruned{}, nil
	}
	command := []string{"builder", "prune", "--force", "--for-system", fmt.Sprintf("--all=%t", all)}
	for _, text := range kept.Get("until") {
		since, err := timestamp(text, time.Now())
		if err != nil {
			return pruned{}, err
		}
		command = append(command, "--filter", "until="+time.Since(since).String())
	}
	var answer prunedCache
	if err := env.askChild(ctx, &answer, command...); err != nil {
		return pruned{}, err
	}
	result := pruned{heading: "Deleted build cache objects:", bytes: answer.Bytes}
	for _, record := range answer.Removed {
		result.lines = append(result.lines, record.ID)
	}
	return result, nil
}

// systemPruneWarning is docker's list of what will go.
func systemPruneWarning(all, volumes bool, kept dockerfilters.Args) string {
	lines := []string{"WARNING! This will remove:", "  - all stopped containers", "  - all networks not used by at least one container"}
	if volumes {
		lines = append(lines, "  - all anonymous volumes not used by at least one container")
	}
	if all {
		lines = append(lines, "  - all images without at least one container associated to them", "  - all build cache")
	} else {
		lines = append(lines, "  - all dangling images", "  - unused build cache")
	}
	var filters []string
	for _, key := range []string{"label", "label!", "until"} {
		for _, value := range kept.Get(key) {
			filters = append(filters, "  - "+key+"="+value)
		}
	}
	if len(filters) > 0 {
		slices.SortFunc(filters, naturally)
		lines = append(append(lines, "", "  Items to be pruned will be filtered with:"), filters...)
	}
	return strings.Join(lines, "\n") + "\n"
}

package commands

import (
	"context"
	"fmt"

	"dockless/bindings/store"

	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

func builderPruneCommand(env *Env) *cli.Command {
	var (
		all, force bool
		filter     opts.FilterOpt
		keep       opts.MemBytes
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove build cache",
		Flags: []cli.Flag{
			boolean(&all, "all", "a", "Remove all unused build cache, not just dangling ones"),
			pruneFilter(&filter, `Provide filter values (e.g. "until=24h")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
			value(&keep, "keep-storage", "", "Amount of disk space to keep for cache"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			if len(filter.Value().Keys()) > 0 || keep.Value() > 0 {
				return fmt.Errorf("the cache is removed as a whole: leave out --filter and --keep-storage")
			}
			warning := "WARNING! This will remove all dangling build cache."
			if all {
				warning = "WARNING! This will remove all build cache, and all images without a name that no container uses."
			}
			if sure, err := confirm(ctx, env, force || store.Entered(), warning); !sure {
				return err
			}
			images, err := env.Store()
			if err != nil {
				return err
			}
			defer images.Close()
			removed, bytes, err := images.PruneCache(ctx, func(r store.CacheRecord) bool { return all || !r.Shared })
			var lines []string
			for _, record := range removed {
				lines = append(lines, record.ID)
			}
			printPruned(env, pruned{heading: "Deleted build cache objects:", lines: lines})
			printReclaimed(env, bytes)
			return err
		}),
	}
}

package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"dockless/bindings/store"

	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// cachePrune are the flags of builder prune.
type cachePrune struct {
	all, force, verbose, forSystem bool
	builder                        string
	filter                         opts.FilterOpt
	keep, reserved, most, free     opts.MemBytes
}

func builderPruneCommand(env *Env) *cli.Command {
	o := &cachePrune{}
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove build cache",
		Flags: []cli.Flag{
			boolean(&o.all, "all", "a", "Include internal/frontend images"),
			str(&o.builder, "builder", "", "Override the configured builder instance"),
			pruneFilter(&o.filter, "Provide filter values"),
			boolean(&o.force, "force", "f", "Do not prompt for confirmation"),
			hidden(value(&o.keep, "keep-storage", "", "Amount of disk space to keep for cache")),
			value(&o.most, "max-used-space", "", "Maximum amount of disk space allowed to keep for cache"),
			value(&o.free, "min-free-space", "", "Target amount of free disk space after pruning"),
			value(&o.reserved, "reserved-space", "", "Amount of disk space always allowed to keep for cache"),
			boolean(&o.verbose, "verbose", "", "Provide a more verbose output"),
			hidden(boolean(&o.forSystem, "for-system", "", "Print what system prune asks for")),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			if err := checkBuilder(o.builder); err != nil {
				return err
			}
			kept := pruneFilters(env, o.filter)
			if err := checkCacheFilters(kept); err != nil {
				return err
			}
			what := "all dangling build cache"
			if o.all {
				what = "all build cache"
			}
			if !o.force && !store.Entered() {
				if sure, err := agreed(ctx, env, "WARNING! This will remove "+what+". Are you sure you want to continue?"); !sure {
					return err
				}
			}
			return builderPrune(ctx, env, o, kept)
		}),
	}
}

// builderPrune removes the records of the build cache that fit, those that were
// of no use for the longest time first, until what is left is as little as the
// flags say. What an image needs stays without --all.
func builderPrune(ctx context.Context, env *Env, o *cachePrune, kept dockerfilters.Args) error {
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	records, err := cacheRecords(images)
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(r *types.BuildCache) bool { return r.Shared && !o.all || !matchesCache(kept, r) })
	slices.SortFunc(records, func(a, b *types.BuildCache) int { return a.LastUsedAt.Compare(*b.LastUsedAt) })
	excess, err := o.excess(images, records)
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, record := range records {
		if excess <= 0 && o.limited() {
			break
		}
		chosen[record.ID] = true
		excess -= record.Size
	}
	gone, bytes, err := pruneChosen(ctx, images, func(r store.CacheRecord) bool { return chosen[cacheID(r)] })
	if err != nil {
		return err
	}
	if o.forSystem {
		return json.NewEncoder(env.Out).Encode(prunedCache{gone, bytes})
	}
	return o.print(env, gone, bytes)
}

// pruneChosen removes records of all types.
func pruneChosen(ctx context.Context, images *store.Store, choose func(store.CacheRecord) bool) (gone []*types.BuildCache, bytes int64, err error) {
	add := func(kind string, removed []store.CacheRecord, free int64) {
		bytes += free
		for _, record := range removed {
			gone = append(gone, newCacheRecord(record, kind))
		}
	}
	steps, free, err := images.PruneCache(ctx, choose)
	if err != nil {
		return nil, 0, err
	}
	add(cacheStepType, steps, free)
	for _, kind := range []struct {
		name  string
		list  func() ([]store.CacheRecord, error)
		prune func([]store.CacheRecord) ([]store.CacheRecord, int64, error)
	}{{cacheMountType, store.CacheMounts, store.PruneCacheMounts}, {cacheURLType, images.Fetched, store.PruneFetched}} {
		records, err := kind.list()
		if err != nil {
			return nil, 0, err
		}
		removed, free, err := kind.prune(slices.DeleteFunc(records, func(r store.CacheRecord) bool { return !choose(r) }))
		if err != nil {
			return nil, 0, err
		}
		add(kind.name, removed, free)
	}
	return gone, bytes, nil
}

// prunedCache is what system prune is told.
type prunedCache struct {
	Removed []*types.BuildCache
	Bytes   int64
}

// limited tells whether some of the cache may stay.
func (o *cachePrune) limited() bool {
	return o.keep > 0 || o.reserved > 0 || o.most > 0 || o.free > 0
}

// excess is how many bytes have to go, as BuildKit counts them.
func (o *cachePrune) excess(images *store.Store, records []*types.BuildCache) (int64, error) {
	var total int64
	for _, record := range records {
		total += record.Size
	}
	keep := o.most.Value()
	if o.free > 0 {
		var disk unix.Statfs_t
		if err := unix.Statfs(images.GraphRoot(), &disk); err != nil {
			return 0, fmt.Errorf("reading how much room is left on the disk: %w", err)
		}
		after := total - max(o.free.Value()-int64(disk.Bavail)*disk.Bsize, 0)
		if keep == 0 || after < keep {
			keep = after
		}
	}
	keep = max(keep, o.reserved.Value(), o.keep.Value())
	return total - keep, nil
}

// print prints buildx' table, or each record with all that is known of it.
func (o *cachePrune) print(env *Env, gone []*types.BuildCache, bytes int64) error {
	if len(gone) > 0 && !o.verbose {
		fmt.Fprintln(env.Out, "ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED")
	}
	for _, record := range gone {
		row := &cacheRow{record: record}
		if o.verbose {
			row.pretty(env.Out)
			continue
		}
		fmt.Fprintf(env.Out, "%-40s\t%-5t\t\t%-10s\t%s\n", row.mutableID(), true, row.Size(), row.LastUsedAt())
	}
	table := tabwriter.NewWriter(env.Out, 1, 8, 1, '\t', 0)
	fmt.Fprintf(table, "Total:\t%s\n", (&cacheRow{record: &types.BuildCache{Size: bytes}}).Size())
	return table.Flush()
}

package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"dockless/bindings/store"
	"dockless/commands/output"

	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

func buildxDuCommand(env *Env) *cli.Command {
	var format, builder string
	var verbose, forSystem bool
	var filter opts.FilterOpt
	return &cli.Command{
		Name:  "du",
		Usage: "Disk usage",
		Flags: []cli.Flag{
			str(&builder, "builder", "", "Override the configured builder instance"),
			pruneFilter(&filter, "Provide filter values"),
			str(&format, "format", "", "Format the output"),
			boolean(&verbose, "verbose", "", `Shorthand for "--format=pretty"`),
			hidden(boolean(&forSystem, "for-system", "", "Print what system df asks for")),
		},
		Action: arguments(0, 0, func(_ context.Context, _ []string) error {
			if err := checkBuilder(builder); err != nil {
				return err
			}
			kept := filter.Value()
			if err := checkCacheFilters(kept); err != nil {
				return err
			}
			if verbose && format != "" && format != "pretty" {
				return fmt.Errorf("--format and --verbose cannot be used together")
			}
			if verbose {
				format = "pretty"
			}
			return buildxDu(env, kept, format, forSystem)
		}),
	}
}

func buildxDu(env *Env, kept dockerfilters.Args, format string, forSystem bool) error {
	if format != "" && format != "pretty" {
		if err := output.Check(formatter.Format(format), &cacheRow{}); err != nil {
			return err
		}
	}
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	records, err := cacheRecords(images)
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(r *types.BuildCache) bool { return !matchesCache(kept, r) })
	slices.SortFunc(records, func(a, b *types.BuildCache) int { return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.ID, b.ID)) })
	if forSystem {
		return json.NewEncoder(env.Out).Encode(records)
	}
	var rows []*cacheRow
	for _, record := range records {
		rows = append(rows, &cacheRow{record: record})
	}
	switch format {
	case "":
		table := tabwriter.NewWriter(env.Out, 10, 1, 3, ' ', 0)
		fmt.Fprintln(table, "ID\tRECLAIMABLE\tSIZE\tLAST ACCESSED")
		for _, row := range rows {
			fmt.Fprintf(table, "%s\t%t\t%s\t%s\n", row.mutableID(), !row.record.InUse, row.sharedSize(), row.LastUsedAt())
		}
		if err := table.Flush(); err != nil {
			return err
		}
		return printCacheTotals(env.Out, kept, records)
	case "pretty":
		for _, row := range rows {
			row.pretty(env.Out)
		}
		return printCacheTotals(env.Out, kept, records)
	}
	return output.Print(env.Out, formatter.Format(format), nil, rows)
}

// printCacheTotals prints, as buildx does, nothing about a part of the cache.
func printCacheTotals(out io.Writer, kept dockerfilters.Args, records []*types.BuildCache) error {
	if kept.Len() > 0 {
		return nil
	}
	var shared, private, reclaimable int64
	for _, record := range records {
		if record.Shared {
			shared += record.Size
		} else {
			private += record.Size
		}
		if !record.InUse {
			reclaimable += record.Size
		}
	}
	table := tabwriter.NewWriter(out, 1, 8, 1, '\t', 0)
	size := func(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 4) }
	if shared > 0 {
		fmt.Fprintf(table, "Shared:\t%s\nPrivate:\t%s\n", size(shared), size(private))
	}
	fmt.Fprintf(table, "Reclaimable:\t%s\nTotal:\t%s\n", size(reclaimable), size(shared+private))
	return table.Flush()
}

// cacheRow is what buildx du's --format can name.
type cacheRow struct {
	output.Row
	record *types.BuildCache
}

func (r *cacheRow) MarshalJSON() ([]byte, error) { return formatter.MarshalJSON(r) }

func (r *cacheRow) ID() string          { return r.record.ID }
func (r *cacheRow) Parents() []string   { return r.record.Parents }
func (r *cacheRow) CreatedAt() string   { return r.record.CreatedAt.UTC().String() }
func (r *cacheRow) Mutable() bool       { return r.record.Type == cacheMountType }
func (r *cacheRow) Reclaimable() bool   { return !r.record.InUse }
func (r *cacheRow) Shared() bool        { return r.record.Shared }
func (r *cacheRow) Size() string        { return units.HumanSizeWithPrecision(float64(r.record.Size), 4) }
func (r *cacheRow) Description() string { return r.record.Description }
func (r *cacheRow) UsageCount() int     { return r.record.UsageCount }
func (r *cacheRow) Type() string        { return r.record.Type }

func (r *cacheRow) LastUsedAt() string {
	if r.record.LastUsedAt == nil {
		return ""
	}
	return units.HumanDuration(time.Since(*r.record.LastUsedAt)) + " ago"
}

func (r *cacheRow) mutableID() string {
	if r.Mutable() {
		return r.ID() + "*"
	}
	return r.ID()
}

func (r *cacheRow) sharedSize() string {
	if r.Shared() {
		return r.Size() + "*"
	}
	return r.Size()
}

func (r *cacheRow) pretty(out io.Writer) {
	fmt.Fprintf(out, "ID:\t\t%s\nCreated at:\t%s\nMutable:\t%t\nReclaimable:\t%t\nShared:\t\t%t\nSize:\t\t%s\n", r.ID(), r.CreatedAt(), r.Mutable(), r.Reclaimable(), r.Shared(), r.Size())
	fmt.Fprintf(out, "Description:\t%s\nLast used:\t%s\nType:\t\t%s\n\n", printable(r.Description()), r.LastUsedAt(), r.Type())
}

// The types of cache records, as docker names them.
const (
	cacheStepType  = "regular"
	cacheMountType = "exec.cachemount"
	cacheURLType   = "source.http"
)

// cacheRecords are what builds have left for the next ones.
func cacheRecords(images *store.Store) ([]*types.BuildCache, error) {
	steps, err := images.Cache()
	if err != nil {
		return nil, err
	}
	mounts, err := store.CacheMounts()
	if err != nil {
		return nil, err
	}
	urls, err := images.Fetched()
	if err != nil {
		return nil, err
	}
	records := []*types.BuildCache{}
	for _, step := range steps {
		records = append(records, newCacheRecord(step, cacheStepType))
	}
	for _, mount := range mounts {
		records = append(records, newCacheRecord(mount, cacheMountType))
	}
	for _, url := range urls {
		records = append(records, newCacheRecord(url, cacheURLType))
	}
	return records, nil
}

// cacheID is a record's ID, as long as BuildKit's.
func cacheID(r store.CacheRecord) string { return r.ID[:25] }

func newCacheRecord(r store.CacheRecord, kind string) *types.BuildCache {
	return &types.BuildCache{ID: cacheID(r), Type: kind, Description: r.Step, Shared: r.Shared, Size: r.Size, CreatedAt: r.Created, LastUsedAt: &r.Used}
}

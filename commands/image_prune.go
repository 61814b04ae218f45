package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/system"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

func imagePruneCommand(env *Env) *cli.Command {
	var (
		all, force bool
		filter     opts.FilterOpt
	)
	return &cli.Command{
		Name:  "prune",
		Usage: "Remove unused images",
		Flags: []cli.Flag{
			boolean(&all, "all", "a", "Remove all unused images, not just dangling ones"),
			pruneFilter(&filter, `Provide filter values (e.g. "until=<timestamp>")`),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			kept := pruneFilters(env, filter)
			if err := takeDangling(kept, all); err != nil {
				return err
			}
			if err := checkPruneFilters(kept); err != nil {
				return err
			}
			warning := "WARNING! This will remove all dangling images."
			if all {
				warning = "WARNING! This will remove all images without at least one container associated to them."
			}
			if sure, err := confirm(ctx, env, force, warning); !sure {
				return err
			}
			conn, err := env.Engine(ctx)
			if err != nil {
				return err
			}
			p, err := pruneImages(conn, all, kept)
			printPruned(env, p)
			printReclaimed(env, p.bytes)
			return err
		}),
	}
}

// pruneImages removes the images that no container uses: those without a name,
// or all. What others are made from only loses its names.
func pruneImages(conn context.Context, all bool, kept dockerfilters.Args) (pruned, error) {
	result := pruned{heading: "Deleted Images:"}
	unlock, err := engine.LockImages(conn)
	if err != nil {
		return result, err
	}
	defer unlock()
	images, err := readImages(conn)
	if err != nil {
		return result, err
	}
	var until time.Time
	for _, text := range kept.Get("until") {
		if until, err = timestamp(text, time.Now()); err != nil {
			return result, err
		}
	}
	var unused []*entities.ImageSummary
	for _, image := range images.list {
		young := !until.IsZero() && time.Unix(image.Created, 0).After(until)
		nameless := len(image.Names) == 0
		if image.Containers == 0 && (nameless && !images.isParent(image) || !nameless && all) && !young && hasLabels(kept, image.Labels) {
			unused = append(unused, image)
		}
	}
	if len(unused) == 0 {
		return result, nil
	}
	before, err := system.DiskUsage(conn, nil)
	if err != nil {
		return result, err
	}
	for _, image := range unused {
		result.lines = append(result.lines, images.prune(image)...)
	}
	after, err := system.DiskUsage(conn, nil)
	if err != nil {
		return result, err
	}
	result.bytes = max(0, layersSize(before)-layersSize(after))
	return result, nil
}

// prune takes an image's names away and then the image, and returns docker's
// lines about it. What has come into use meanwhile stays.
func (s *imageSet) prune(image *entities.ImageSummary) []string {
	names := slices.Clone(image.Names)
	if len(names) == 0 {
		names = []string{image.ID}
	}
	var lines []string
	for _, name := range names {
		done, _ := s.removeNamed(name, false, false)
		for _, item := range done {
			if item.Deleted != "" {
				lines = append(lines, "deleted: "+item.Deleted)
			} else {
				lines = append(lines, "untagged: "+item.Untagged)
			}
		}
	}
	return lines
}

// takeDangling takes the filter dangling, which docker's prune knows too but
// sets itself, out of the others: it may only say what -a says.
func takeDangling(kept dockerfilters.Args, all bool) error {
	if !kept.Contains("dangling") {
		return nil
	}
	dangling, err := kept.GetBoolOrDefault("dangling", !all)
	if err != nil {
		return err
	}
	if dangling == all {
		return fmt.Errorf("invalid filter 'dangling=%t': image prune takes the images without a name, and with -a all: leave the filter out", dangling)
	}
	for _, value := range kept.Get("dangling") {
		kept.Del("dangling", value)
	}
	return nil
}

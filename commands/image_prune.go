package commands

import (
	"context"
	"net/http"
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/images"
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
// or all. Each goes name by name and never by force: Podman's force removes
// containers, and a container may come to use an image meanwhile.
func pruneImages(conn context.Context, all bool, kept dockerfilters.Args) (pruned, error) {
	result := pruned{heading: "Deleted Images:"}
	var list []*entities.ImageSummary
	if err := engine.Call(conn, http.MethodGet, engine.Libpod+"/images/json", nil, nil, &list); err != nil {
		return result, err
	}
	var until time.Time
	for _, text := range kept.Get("until") {
		var err error
		if until, err = timestamp(text, time.Now()); err != nil {
			return result, err
		}
	}
	var unused []*entities.ImageSummary
	for _, image := range list {
		dangling := len(image.RepoTags) == 0 && (len(image.Names) == 0 || image.Dangling)
		young := !until.IsZero() && time.Unix(image.Created, 0).After(until)
		if image.Containers == 0 && (all || dangling) && !young && hasLabels(kept, image.Labels) {
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
		result.lines = append(result.lines, pruneImage(conn, image)...)
	}
	after, err := system.DiskUsage(conn, nil)
	if err != nil {
		return result, err
	}
	result.bytes = max(0, layersSize(before)-layersSize(after))
	return result, nil
}

// pruneImage takes an image's names away and then the image, and returns
// docker's lines about it. What is in use, or the base of another image, stays.
func pruneImage(conn context.Context, image *entities.ImageSummary) []string {
	names := image.RepoTags
	if len(names) == 0 {
		names = []string{image.ID}
	}
	var lines []string
	for _, name := range names {
		report, _ := images.Remove(conn, []string{name}, nil) // its errors say that the image is in use
		if report == nil {
			continue
		}
		for _, untagged := range report.Untagged {
			lines = append(lines, "untagged: "+familiarName(untagged))
		}
		for _, deleted := range report.Deleted {
			lines = append(lines, "deleted: sha256:"+deleted)
		}
	}
	return lines
}

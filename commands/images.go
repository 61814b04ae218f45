package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dockless/commands/output"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

type imagesOptions struct {
	all, digests, noTrunc, quiet bool
	format                       string
	filter                       opts.FilterOpt
}

func imagesCommand(env *Env) *cli.Command {
	o := &imagesOptions{}
	return &cli.Command{
		Name:      "images",
		Usage:     "List images",
		ArgsUsage: "[REPOSITORY[:TAG]]",
		Flags: []cli.Flag{
			boolean(&o.all, "all", "a", "Show all images (default hides intermediate images)"),
			boolean(&o.digests, "digests", "", "Show digests"),
			filters(&o.filter, "Filter output based on conditions provided"),
			str(&o.format, "format", "", formatHelp),
			boolean(&o.noTrunc, "no-trunc", "", "Don't truncate output"),
			boolean(&o.quiet, "quiet", "q", "Only show image IDs"),
			refused("bool", "tree", "an image here is of one platform; leave it out", "false"),
		},
		Action: func(c *cli.Context) error {
			return arguments(0, 1, func(ctx context.Context, args []string) error {
				for _, pattern := range args {
					o.filter.Value().Add("reference", pattern)
				}
				found, err := listImages(ctx, env, o)
				if err == nil && found == 0 && c.Command.Name == "images" {
					hintAtSubcommand(env, args)
				}
				return err
			})(c)
		},
	}
}

// hintAtSubcommand helps who typed images ls for image ls, as docker does.
func hintAtSubcommand(env *Env, args []string) {
	for _, word := range args {
		switch word {
		case "build", "history", "import", "inspect", "list", "load", "ls", "prune", "pull", "push", "rm", "save", "tag":
			fmt.Fprintf(env.Err, "\nNo images found matching %q: did you mean \"%s image %s\"?\n", word, env.Program, word)
		}
	}
}

// listImages prints the images, and returns how many lines there were.
func listImages(ctx context.Context, env *Env, o *imagesOptions) (found int, err error) {
	format := formatter.NewImageFormat(listFormat(o.format, env.DockerConfigFile().ImagesFormat, o.quiet), o.quiet, o.digests)
	if err := output.Check(format, &imageRow{}); err != nil {
		return 0, err
	}
	if err := o.filter.Value().Validate(imageFilters); err != nil {
		return 0, err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return 0, err
	}
	list, err := imageSummaries(conn, o.all)
	if err != nil {
		return 0, err
	}
	matching, err := newImageFilter(conn, o.filter.Value(), list)
	if err != nil {
		return 0, err
	}
	slices.SortStableFunc(list, func(a, b *entities.ImageSummary) int { return int(b.Created - a.Created) })
	var rows []*imageRow
	for _, image := range list {
		if tags, digests, matches := matching.names(image); matches {
			withDigests := o.digests || format.Contains("{{.Digest}}")
			rows = append(rows, newImageRows(image, imageNames(tags, digests, withDigests), !o.noTrunc)...)
		}
	}
	return len(rows), output.Print(env.Out, format, imageHeadings, rows)
}

// listFormat picks the format of a list: --format, else that of Docker's
// config.json (not with -q), else docker's table.
func listFormat(given, configured string, quiet bool) string {
	if given != "" {
		return given
	}
	if configured != "" && !quiet {
		return configured
	}
	return formatter.TableFormatKey
}

// imageRow is a line of docker images.
// Source: https://docs.docker.com/reference/cli/docker/image/ls/#format
type imageRow struct {
	output.Row
	Containers, CreatedAt, CreatedSince, Digest, ID, Repository, SharedSize, Size, Tag, UniqueSize, VirtualSize string
}

var imageHeadings = output.Headings{
	"Containers": "CONTAINERS", "CreatedAt": "CREATED AT", "CreatedSince": "CREATED", "Digest": "DIGEST", "ID": "IMAGE ID",
	"Repository": "REPOSITORY", "SharedSize": "SHARED SIZE", "Size": "SIZE", "Tag": "TAG", "UniqueSize": "UNIQUE SIZE",
	"VirtualSize": "SIZE",
}

// MarshalJSON writes what a template's json would leave as it is (<, >, &) as
// docker's rows do.
func (r *imageRow) MarshalJSON() ([]byte, error) {
	type plain imageRow
	return json.Marshal((*plain)(r))
}

// imageName is one name of an image in docker's columns.
type imageName struct{ repository, tag, digest string }

const none = "<none>"

// imageNames splits an image's names into docker's columns: a line for each
// tag, for each of its digests where they are shown, and for each repository
// known by digest alone.
func imageNames(tags, digests []string, withDigests bool) []imageName {
	var names []imageName
	digestsOf := map[string][]string{}
	for _, name := range digests {
		repository, digest, _ := strings.Cut(name, "@")
		digestsOf[repository] = append(digestsOf[repository], digest)
	}
	tagged := map[string]bool{}
	for _, name := range tags {
		repository, tag := splitTag(name)
		tagged[repository] = true
		if !withDigests || len(digestsOf[repository]) == 0 {
			names = append(names, imageName{repository, tag, none})
			continue
		}
		for _, digest := range digestsOf[repository] {
			names = append(names, imageName{repository, tag, digest})
		}
	}
	for _, name := range digests {
		if repository, digest, _ := strings.Cut(name, "@"); !tagged[repository] {
			names = append(names, imageName{repository, none, digest})
			tagged[repository] = !withDigests
		}
	}
	if len(names) == 0 {
		return []imageName{{none, none, none}}
	}
	return names
}

// splitTag splits a name at its tag; a colon before a slash is a port's.
func splitTag(name string) (repository, tag string) {
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 || strings.Contains(name[colon:], "/") {
		return name, none
	}
	return name[:colon], name[colon+1:]
}

func newImageRows(image *entities.ImageSummary, names []imageName, trunc bool) []*imageRow {
	id := "sha256:" + image.ID
	if trunc {
		id = image.ID[:min(12, len(image.ID))]
	}
	created := time.Unix(image.Created, 0)
	var since string
	if !created.IsZero() {
		since = units.HumanDuration(time.Since(created)) + " ago"
	}
	size := units.HumanSizeWithPrecision(float64(image.Size), 3)
	rows := make([]*imageRow, len(names))
	for i, name := range names {
		rows[i] = &imageRow{
			Containers:   strconv.Itoa(image.Containers),
			CreatedAt:    created.String(),
			CreatedSince: since,
			Digest:       name.digest,
			ID:           id,
			Repository:   name.repository,
			SharedSize:   "N/A",
			Size:         size,
			Tag:          name.tag,
			UniqueSize:   "N/A",
			VirtualSize:  units.HumanSize(float64(image.Size)),
		}
	}
	return rows
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/distribution/reference"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/opencontainers/go-digest"
)

// imageFilters are the filters that docker images knows.
var imageFilters = map[string]bool{
	"before": true, "dangling": true, "label": true, "reference": true, "since": true, "until": true,
}

// imageFilter is docker images --filter, done here because Podman reads
// references and dangling in another way.
//
// Source: https://docs.docker.com/reference/cli/docker/image/ls/#filter
type imageFilter struct {
	args          dockerfilters.Args
	dangling      bool
	before, since time.Time
	owner         map[string]string // names to the ids of their images
	parents       map[string]bool   // ids of images that others are made from
}

func newImageFilter(conn context.Context, args dockerfilters.Args, list []*entities.ImageSummary) (*imageFilter, error) {
	f := &imageFilter{args: args, owner: map[string]string{}, parents: map[string]bool{}}
	for _, image := range list {
		f.parents[image.ParentId] = true
		for _, name := range image.RepoTags {
			f.owner[name] = image.ID
		}
	}
	var err error
	if f.dangling, err = args.GetBoolOrDefault("dangling", false); err != nil {
		return nil, err
	}
	for _, pattern := range args.Get("reference") {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("invalid filter 'reference=%s': %w", pattern, err)
		}
	}
	for _, name := range args.Get("before") {
		created, err := imageCreated(conn, name)
		if err != nil {
			return nil, err
		}
		if f.before.IsZero() || created.Before(f.before) {
			f.before = created
		}
	}
	for _, name := range args.Get("since") {
		created, err := imageCreated(conn, name)
		if err != nil {
			return nil, err
		}
		if created.After(f.since) {
			f.since = created
		}
	}
	for _, value := range args.Get("until") {
		until, err := timestamp(value, time.Now())
		if err != nil {
			return nil, fmt.Errorf("invalid filter 'until=%s': %w", value, err)
		}
		if f.before.IsZero() || until.Before(f.before) {
			f.before = until
		}
	}
	return f, nil
}

func imageCreated(conn context.Context, typed string) (time.Time, error) {
	name, err := storedImage(conn, typed)
	if err != nil {
		return time.Time{}, err
	}
	image, err := images.GetImage(conn, name, nil)
	if err != nil {
		return time.Time{}, absentImage(typed, err)
	}
	if image.Created == nil {
		return time.Time{}, errors.New("the image " + typed + " has no creation time")
	}
	return image.Created.Truncate(time.Second), nil // the list knows no more
}

// names returns the image's names as docker shows them, without those that the
// filters leave out, and whether the image is to be listed at all.
func (f *imageFilter) names(image *entities.ImageSummary) (tags, digests []string, matches bool) {
	created := time.Unix(image.Created, 0)
	if !f.before.IsZero() && !created.Before(f.before) || !f.since.IsZero() && !created.After(f.since) ||
		f.args.Contains("label") && !f.args.MatchKVList("label", image.Labels) {
		return nil, nil, false
	}
	slices.Sort(image.RepoTags)
	for _, name := range image.RepoTags {
		if !isDigestName(name) { // with Podman 4.3
			tags = f.add(tags, image, name)
		}
	}
	for _, name := range dockerapi.RepoDigests(image.RepoDigests, digest.Digest(image.Digest), "") {
		digests = f.add(digests, image, name)
	}
	if len(tags)+len(digests) == 0 {
		return nil, nil, !f.args.Contains("reference") && (f.dangling && !f.parents[image.ID] || !f.args.Contains("dangling"))
	}
	return tags, digests, !f.dangling || len(tags) == 0
}

// add appends an image's name as docker shows it if no reference filter leaves
// it out. A name of plain Podman keeps its localhost/ only where the short name
// is another image's.
func (f *imageFilter) add(names []string, image *entities.ImageSummary, name string) []string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil || strings.HasPrefix(name, none) {
		return names
	}
	shown := reference.FamiliarString(named)
	short := strings.TrimPrefix(shown, localhost)
	if twin, err := imageReference(short); err == nil {
		if owner := f.owner[twin.String()]; owner == "" || owner == image.ID {
			shown = short
		}
	}
	if f.args.Contains("reference") && !slices.ContainsFunc(f.args.Get("reference"), func(pattern string) bool {
		return matchesReference(pattern, named) || matchesReference(localhost+pattern, named)
	}) || slices.Contains(names, shown) {
		return names
	}
	return append(names, shown)
}

func matchesReference(pattern string, named reference.Named) bool {
	matches, err := reference.FamiliarMatch(pattern, named)
	return err == nil && matches
}

// localhost is where plain Podman puts names without a registry.
const localhost = "localhost/"

// shortName is an image's full name as a person would type it: no docker.io,
// library/, localhost/ or :latest.
func shortName(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(familiarName(name), localhost), ":latest")
}

// isImage tells whether a person who types this means the image with that id
// and those names.
func isImage(typed, id string, tags, digests []string) bool {
	if hex := strings.TrimPrefix(typed, "sha256:"); isHex(hex) && strings.HasPrefix(id, hex) {
		return true
	}
	named, err := imageReference(typed)
	if err != nil {
		return false
	}
	name := named.String()
	local := localhost + reference.FamiliarString(named)
	return slices.Contains(tags, name) || slices.Contains(tags, local) || slices.Contains(digests, name)
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/opencontainers/image-spec/identity"
)

// imageSet is all images of the engine and what they are to each other, for a
// command that removes some of them. It is kept as it was read, but for what
// the command itself takes away.
//
// Podman is never asked to force, which would remove containers too, nor to
// remove an image that others are made from, which it would do without a word.
type imageSet struct {
	conn context.Context
	list []*entities.ImageSummary
}

func readImages(conn context.Context) (*imageSet, error) {
	list, err := imageSummaries(conn, true)
	if err != nil {
		return nil, err
	}
	s := &imageSet{conn, list}
	for _, image := range s.list {
		slices.Sort(image.Names) // docker's order
	}
	return s, nil
}

// imageSummaries asks Podman for its images, with all for those too that others
// are made from and that have no name. Podman fails where an image goes away
// while it makes the list, so it is asked again.
func imageSummaries(conn context.Context, all bool) ([]*entities.ImageSummary, error) {
	for attempts := 1; ; attempts++ {
		var list []*entities.ImageSummary
		err := engine.Call(conn, http.MethodGet, engine.Libpod+"/images/json", url.Values{"all": {strconv.FormatBool(all)}}, nil, &list)
		switch {
		case err == nil:
			return list, nil
		case attempts == 10 || !strings.Contains(err.Error(), "image not known"):
			return nil, fmt.Errorf("listing the images: %w", err)
		}
	}
}

// find returns the image that a person means, and the full name they mean it by:
// "" where that is an id.
func (s *imageSet) find(typed string) (*entities.ImageSummary, string, error) {
	hex := strings.TrimPrefix(typed, "sha256:")
	if len(hex) < 64 || !isHex(hex) {
		names, err := storedNames(typed)
		if err != nil {
			return nil, "", err
		}
		for _, name := range names {
			for _, image := range s.list {
				if slices.Contains(image.Names, name) || slices.Contains(image.RepoDigests, name) {
					return image, name, nil
				}
			}
		}
	}
	var found *entities.ImageSummary
	for _, image := range s.list {
		switch {
		case !isHex(hex) || !strings.HasPrefix(image.ID, hex):
		case found != nil:
			return nil, "", fmt.Errorf("%w: the ids of several images begin with %s", noSuchImage(typed), hex)
		default:
			found = image
		}
	}
	if found == nil {
		return nil, "", noSuchImage(typed)
	}
	return found, "", nil
}

func (s *imageSet) byID(id string) *entities.ImageSummary {
	for _, image := range s.list {
		if image.ID == id {
			return image
		}
	}
	return nil
}

// isParent tells whether other images are made from this one.
func (s *imageSet) isParent(image *entities.ImageSummary) bool {
	return slices.ContainsFunc(s.list, func(other *entities.ImageSummary) bool { return other.ParentId == image.ID })
}

// users are the containers made from an image, those that run first. Buildah's,
// which are in no list of docker's, count too.
func (s *imageSet) users(image *entities.ImageSummary) ([]entities.ListContainer, error) {
	if image.Containers == 0 {
		return nil, nil
	}
	all, err := containers.List(s.conn, new(containers.ListOptions).WithAll(true).WithExternal(true))
	if err != nil {
		return nil, fmt.Errorf("listing the containers: %w", err)
	}
	var users []entities.ListContainer
	for _, container := range all {
		switch {
		case container.ImageID != image.ID:
		case isRunning(container):
			users = slices.Insert(users, 0, container)
		default:
			users = append(users, container)
		}
	}
	return users, nil
}

func isRunning(c entities.ListContainer) bool {
	return strings.EqualFold(c.State, "running") || strings.EqualFold(c.State, "paused")
}

// untag takes one name, with a tag or a digest, from an image.
func (s *imageSet) untag(image *entities.ImageSummary, name string) (types.ImageDeleteResponseItem, error) {
	colon := strings.LastIndexByte(name, ':') // of a digest too: Podman joins what it gets by a colon
	if err := images.Untag(s.conn, image.ID, name[colon+1:], name[:colon], nil); err != nil {
		return types.ImageDeleteResponseItem{}, fmt.Errorf("untagging %s: %w", familiarName(name), err)
	}
	gone := func(n string) bool { return n == name }
	image.Names, image.RepoTags = slices.DeleteFunc(image.Names, gone), slices.DeleteFunc(image.RepoTags, gone)
	return types.ImageDeleteResponseItem{Untagged: familiarName(name)}, nil
}

// remove deletes an image and, unless noPrune, the parents that nothing needs
// after that.
func (s *imageSet) remove(image *entities.ImageSummary, noPrune bool) ([]types.ImageDeleteResponseItem, error) {
	var done []types.ImageDeleteResponseItem
	options := new(images.RemoveOptions).WithNoPrune(true)
	var layers []imageLayer
	switch described, err := readImage(s.conn, image.ID); {
	case err != nil: // broken, or a list of images of which none is here
	case described.ID != image.ID: // a list too: not the image that Podman takes it for
		options.WithLookupManifest(true)
	default:
		layers = layersOf(described)
	}
	for len(image.Names) > 1 {
		item, err := s.untag(image, image.Names[0])
		if err != nil {
			return done, err
		}
		done = append(done, item)
	}
	if _, failures := images.Remove(s.conn, []string{image.ID}, options); len(failures) > 0 {
		return done, kept(image, errors.Join(failures...))
	}
	for _, name := range image.Names {
		done = append(done, types.ImageDeleteResponseItem{Untagged: familiarName(name)})
	}
	done = append(done, types.ImageDeleteResponseItem{Deleted: "sha256:" + image.ID})
	for _, layer := range layers {
		if _, err := os.Lstat(layer.dir); errors.Is(err, os.ErrNotExist) {
			done = append(done, types.ImageDeleteResponseItem{Deleted: layer.chain})
		}
	}
	s.list = slices.DeleteFunc(s.list, func(other *entities.ImageSummary) bool { return other == image })
	parent := s.byID(image.ParentId)
	if noPrune || parent == nil || len(parent.Names) > 0 || parent.Containers > 0 || s.isParent(parent) {
		return done, nil
	}
	more, _ := s.remove(parent, false) // that it has come into use meanwhile is nobody's error
	return append(done, more...), nil
}

// kept puts the reason why Podman has not removed an image into docker's words:
// a container that came meanwhile, or that somebody else has removed it.
func kept(image *entities.ImageSummary, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "image not known"):
		return &noSuch{kind: "image", name: "sha256:" + image.ID}
	case strings.Contains(text, "image used by "):
		_, user, _ := strings.Cut(text, "image used by ")
		user = user[:min(12, len(user))]
		return conflictf(image, "cannot be forced", "image is being used by container "+user+": remove that first")
	}
	return fmt.Errorf("deleting image %s: %w", shortID(image.ID), err)
}

// imageLayer is a layer of an image: where the store has it, and the digest by
// which docker names it.
type imageLayer struct{ dir, chain string }

// layersOf returns an image's layers from the top down, none where the store
// does not tell (another driver than overlay) or is not on this machine.
func layersOf(image *entities.ImageInspectReport) []imageLayer {
	if image.GraphDriver == nil || image.RootFS == nil {
		return nil
	}
	dirs := []string{image.GraphDriver.Data["UpperDir"]}
	if lower := image.GraphDriver.Data["LowerDir"]; lower != "" {
		dirs = append(dirs, strings.Split(lower, ":")...)
	}
	if _, err := os.Lstat(dirs[0]); err != nil || len(dirs) != len(image.RootFS.Layers) {
		return nil
	}
	chains := identity.ChainIDs(slices.Clone(image.RootFS.Layers))
	layers := make([]imageLayer, len(dirs))
	for i, dir := range dirs {
		layers[i] = imageLayer{filepath.Dir(dir), chains[len(chains)-1-i].String()}
	}
	return layers
}

// isDigestName tells a name with a digest from one with a tag.
func isDigestName(name string) bool { return strings.Contains(name, "@") }

// repository is a full name without its tag or digest.
func repository(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return named.Name()
}

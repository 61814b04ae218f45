package store

import (
	"context"
	"time"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// progressInterval is the time between two reports about one blob.
const progressInterval = 200 * time.Millisecond

// Remote is an image in a registry whose manifest has been read: all that
// read it share one connection, and its digest costs no second request.
type Remote struct {
	types.ImageReference
	// Digest is that of what the registry holds under the name: a list's for an
	// image for several platforms.
	Digest digest.Digest
	name   reference.Named
	source types.ImageSource
}

// Find looks an image up in its registry. name has a tag or a digest; of an
// image for several platforms the one for platform is meant.
func (s *Store) Find(ctx context.Context, name reference.Named, platform imagespec.Platform) (*Remote, error) {
	s.system.OSChoice, s.system.ArchitectureChoice, s.system.VariantChoice = platform.OS, platform.Architecture, platform.Variant
	if err := s.trust(name); err != nil {
		return nil, err
	}
	found, err := find(ctx, s.system, name)
	return found, registryError(name, err)
}

func find(ctx context.Context, system *types.SystemContext, name reference.Named) (*Remote, error) {
	ref, err := docker.NewReference(name)
	if err != nil {
		return nil, err
	}
	source, err := ref.NewImageSource(ctx, system)
	if err != nil {
		return nil, err
	}
	text, _, err := source.GetManifest(ctx, nil)
	if err != nil {
		return nil, err
	}
	found, err := manifest.Digest(text)
	return &Remote{ImageReference: ref, Digest: found, name: name, source: source}, err
}

// NewImageSource returns the source that is open already.
func (r *Remote) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	return r.source, nil
}

// NewImage returns the image of the source that is open already.
func (r *Remote) NewImage(ctx context.Context, system *types.SystemContext) (types.ImageCloser, error) {
	return image.FromSource(ctx, system, r.source)
}

// Pull copies an image that Find has found, and tells whether the store has
// now another one under the name than before. progress, unless nil, is told of
// every blob and must be read until Pull returns.
func (s *Store) Pull(ctx context.Context, remote *Remote, progress chan types.ProgressProperties) (newer bool, err error) {
	before, err := s.Image(remote.name.String())
	absent := err != nil
	id, err := s.add(ctx, remote, []reference.Named{remote.name}, progress)
	if err != nil {
		return false, s.roomy(registryError(remote.name, err))
	}
	return absent || before.ID != id, nil
}

// Tags lists the tags of a repository.
func (s *Store) Tags(ctx context.Context, name reference.Named) ([]string, error) {
	if err := s.trust(name); err != nil {
		return nil, err
	}
	repository, err := docker.NewReference(reference.TagNameOnly(name))
	if err != nil {
		return nil, err
	}
	tags, err := docker.GetRepositoryTags(ctx, s.system, repository)
	return tags, registryError(name, err)
}

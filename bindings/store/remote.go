package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/containerd/platforms"
	"github.com/containers/common/pkg/retry"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Remote is an image in a registry whose manifest, or list of manifests, has
// been read. It must be closed.
type Remote struct {
	// Digest is that of what the registry holds under the name: a list's for an
	// image for several platforms.
	Digest   digest.Digest
	name     reference.Named
	platform imagespec.Platform
	source   types.ImageSource
	manifest []byte
	mime     string
	config   string // the media type that its configuration may have besides those of images
}

// Find looks an image up in its registry, or in a mirror of that which
// registries.conf names. name has a tag or a digest; of an image for several
// platforms the one for platform is meant.
func (s *Store) Find(ctx context.Context, name reference.Named, platform imagespec.Platform) (*Remote, error) {
	s.system.OSChoice, s.system.ArchitectureChoice, s.system.VariantChoice = platform.OS, platform.Architecture, platform.Variant
	if err := s.trust(name); err != nil {
		return nil, err
	}
	r := &Remote{name: name, platform: platform}
	err := s.patiently(ctx, func(ctx context.Context) (err error) {
		r.source, err = newSource(ctx, s.system, name)
		return err
	})
	if err == nil {
		r.manifest, r.mime, err = r.source.GetManifest(ctx, nil) // newSource has read it
	}
	if err == nil {
		r.Digest, err = manifest.Digest(r.manifest)
	}
	if err == nil {
		err = r.asNamed()
	}
	if err != nil {
		r.Close()
		return nil, registryError(name, err)
	}
	return r, nil
}

func newSource(ctx context.Context, system *types.SystemContext, name reference.Named) (types.ImageSource, error) {
	ref, err := docker.NewReference(name)
	if err != nil {
		return nil, err
	}
	source, err := ref.NewImageSource(ctx, system)
	if err != nil {
		return nil, err // and not a source that is nil inside
	}
	return source, nil
}

// asNamed makes sure that the registry answered with what was asked for by
// digest.
func (r *Remote) asNamed() error {
	canonical, is := r.name.(reference.Canonical)
	if !is {
		return nil
	}
	match, err := manifest.MatchesDigest(r.manifest, canonical.Digest())
	if err != nil {
		return err
	}
	if !match {
		return fmt.Errorf("manifest verification failed for digest %s", canonical.Digest())
	}
	r.Digest = canonical.Digest()
	return nil
}

// Close gives the connection back.
func (r *Remote) Close() error {
	if r.source == nil {
		return nil
	}
	return r.source.Close()
}

// patiently does something with a registry that does not read much, within the
// time after which a connection counts as stalled, and again, at most three
// times, where the reason of a failure may pass.
func (s *Store) patiently(ctx context.Context, do func(context.Context) error) error {
	return retry.IfNecessary(ctx, func() error {
		limited, cancel := context.WithTimeoutCause(ctx, s.Stall, stallError(s.Stall))
		defer cancel()
		err := do(limited)
		if err != nil && limited.Err() != nil {
			return context.Cause(limited)
		}
		return err
	}, &retry.Options{MaxRetry: maxRetries, IsErrorRetryable: func(err error) bool {
		var network net.Error
		slow := errors.As(err, &network) && network.Timeout()
		return passing(err) && !slow && !errors.Is(err, syscall.ECONNREFUSED)
	}})
}

// instance is the image for one platform.
func (r *Remote) instance(system *types.SystemContext) (*image.UnparsedImage, digest.Digest, error) {
	if !manifest.MIMETypeIsMultiImage(manifest.NormalizedMIMEType(r.mime)) {
		return image.UnparsedInstance(r.source, nil), r.Digest, nil
	}
	list, err := manifest.ListFromBlob(r.manifest, r.mime)
	if err != nil {
		return nil, "", fmt.Errorf("reading the manifest list: %w", err)
	}
	chosen, err := list.ChooseInstance(system)
	if err != nil {
		return nil, "", fmt.Errorf("no matching manifest for %s in the manifest list entries", platforms.Format(r.platform))
	}
	if err := chosen.Validate(); err != nil {
		return nil, "", fmt.Errorf("reading the manifest list: %w", err)
	}
	return image.UnparsedInstance(r.source, &chosen), chosen, nil
}

// here finds the image in the store, whole and with the name, with nothing but
// the manifest from the registry.
func (s *Store) here(r *Remote, instance digest.Digest) (id string, found bool) {
	whole := func(image storage.Image) bool {
		return slices.Contains(image.Digests, instance) && slices.Contains(image.Digests, r.Digest) &&
			(image.TopLayer == "" || s.Exists(image.TopLayer))
	}
	if image, err := s.Image(r.name.String()); err == nil {
		return image.ID, whole(*image)
	}
	if _, is := r.name.(reference.Canonical); !is {
		return "", false
	}
	// Under a tag of the same repository.
	same, err := s.ImagesByDigest(r.Digest)
	if err != nil {
		return "", false
	}
	for _, image := range same {
		if whole(*image) && slices.ContainsFunc(image.Names, func(other string) bool {
			named, err := reference.ParseNamed(other)
			return err == nil && named.Name() == r.name.Name()
		}) {
			return image.ID, true
		}
	}
	return "", false
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
	var tags []string
	err = s.patiently(ctx, func(ctx context.Context) (err error) {
		tags, err = docker.GetRepositoryTags(ctx, s.system, repository)
		return err
	})
	return tags, registryError(name, err)
}

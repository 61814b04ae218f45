package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/docker/distribution/registry/api/errcode"
	registry "github.com/docker/distribution/registry/api/v2"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// progressInterval is the time between two reports about one blob.
const progressInterval = 200 * time.Millisecond

// Pulled is an image that Pull has put, or found, in the store.
type Pulled struct {
	ID     string
	Digest digest.Digest // of what the registry holds under the name: a list's for several platforms
	Newer  bool          // the store did not have it under this name
}

// Pull copies an image from its registry. name has a tag or a digest; platform
// is this machine's where it is empty; progress, unless nil, is told of every
// blob and must be read until Pull returns.
func (s *Store) Pull(ctx context.Context, name reference.Named, platform imagespec.Platform, progress chan types.ProgressProperties) (Pulled, error) {
	s.system.OSChoice, s.system.ArchitectureChoice, s.system.VariantChoice = platform.OS, platform.Architecture, platform.Variant
	if loopback(reference.Domain(name)) {
		s.system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	source, err := open(ctx, s.system, name)
	if err != nil {
		return Pulled{}, registryError(name, err)
	}
	pulled := Pulled{Digest: source.digest}
	before, err := s.Image(name.String())
	had := err == nil
	if pulled.ID, err = s.add(ctx, source, []reference.Named{name}, progress); err != nil {
		return Pulled{}, registryError(name, err)
	}
	pulled.Newer = !had || before.ID != pulled.ID
	return pulled, nil
}

// Tags lists the tags of a repository.
func (s *Store) Tags(ctx context.Context, name reference.Named) ([]string, error) {
	if loopback(reference.Domain(name)) {
		s.system.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	repository, err := docker.NewReference(reference.TagNameOnly(name))
	if err != nil {
		return nil, err
	}
	tags, err := docker.GetRepositoryTags(ctx, s.system, repository)
	return tags, registryError(name, err)
}

// opened refers to an image in a registry whose manifest has been read: its
// readers share one connection, and the digest costs no second request.
type opened struct {
	types.ImageReference
	source types.ImageSource
	digest digest.Digest
}

func open(ctx context.Context, system *types.SystemContext, name reference.Named) (*opened, error) {
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
	return &opened{ImageReference: ref, source: source, digest: found}, err
}

// NewImageSource returns the source that is open; closing it has no effect.
func (o *opened) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	return o.source, nil
}

func (o *opened) NewImage(ctx context.Context, system *types.SystemContext) (types.ImageCloser, error) {
	return image.FromSource(ctx, system, o.source)
}

// loopback tells whether a registry is on this machine: docker speaks plain
// HTTP to those, too.
func loopback(domain string) bool {
	host, _, err := net.SplitHostPort(domain)
	if err != nil {
		host = domain
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// registryError puts what a registry answered into docker's words.
func registryError(name reference.Named, err error) error {
	var (
		refused errcode.Error
		request *url.Error
		login   docker.ErrUnauthorizedForCredentials
	)
	familiar := reference.FamiliarString(name)
	switch {
	case errors.As(err, &refused) && refused.Code == registry.ErrorCodeManifestUnknown:
		return fmt.Errorf("manifest for %s not found: manifest unknown: %s", familiar, refused.Message)
	case errors.As(err, &refused) && (refused.Code == registry.ErrorCodeNameUnknown || refused.Code == errcode.ErrorCodeDenied || refused.Code == errcode.ErrorCodeUnauthorized),
		errors.As(err, &login):
		return fmt.Errorf("pull access denied for %s, repository does not exist or may require '%s login': %w", reference.FamiliarName(name), "docker", err)
	case errors.As(err, &request):
		return request
	}
	return err
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dockless/bindings/dockerfile"

	"github.com/containerd/platforms"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// base is an image that a build begins with, or takes files from.
type base struct {
	stack
	image  dockerfile.Image
	pulled bool
}

func configs(found map[string]*base) map[string]dockerfile.Image {
	images := map[string]dockerfile.Image{}
	for name, base := range found {
		images[name] = base.image
	}
	return images
}

// bases adds the images that the build needs to those that are found already, and
// pulls those that are absent.
func (s *Store) bases(ctx context.Context, b *Build, found map[string]*base, told *telling) error {
	for more := true; more; { // as ONBUILD of a base may name others
		sources, err := unlessDone(ctx, func() ([]dockerfile.Source, error) { return b.Dockerfile.Images(b.Options, configs(found)) })
		if err != nil {
			return err
		}
		more = false
		for _, source := range sources {
			if found[source.Key()] != nil {
				continue
			}
			more = true
			base, err := s.namedBase(ctx, b, source, told)
			if err != nil {
				return err
			}
			found[source.Key()] = base
		}
	}
	return nil
}

func (s *Store) namedBase(ctx context.Context, b *Build, source dockerfile.Source, told *telling) (*base, error) {
	named, err := reference.ParseNormalizedNamed(source.Image)
	if err != nil {
		return nil, fmt.Errorf("failed to parse stage name %q: %w", source.Image, err) //nolint:revive // Docker's words
	}
	name := reference.TagNameOnly(named)
	if canonical, is := name.(reference.Canonical); is { // what counts is the digest
		if name, err = reference.WithDigest(reference.TrimNamed(name), canonical.Digest()); err != nil {
			return nil, err
		}
	}
	title := "[internal] load metadata for "
	if b.Several {
		title = fmt.Sprintf("[%s internal] load metadata for ", platforms.Format(source.Platform))
	}
	step := told.another(title + name.String())
	base, err := s.base(ctx, b, name, source.Platform, step.layers())
	step.end(err)
	if err != nil {
		return nil, b.Dockerfile.Naming(source, fmt.Errorf("failed to resolve source metadata for %s: %w", name, err)) //nolint:revive // Docker's words
	}
	return base, nil
}

func (s *Store) base(ctx context.Context, b *Build, name reference.Named, platform imagespec.Platform, show Progress) (*base, error) {
	image, err := s.baseHere(name, platform)
	pull := errors.Is(err, storage.ErrImageUnknown) || err == nil && b.Pull
	if pull {
		if name, err = s.pullBase(ctx, name, platform, show); err == nil {
			image, err = s.baseHere(name, platform)
		}
	}
	if err != nil {
		return nil, err
	}
	base, err := s.readBase(image)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", image.ID, err)
	}
	base.pulled = pull
	return base, nil
}

// baseHere is what the store has for a name and a platform: under the full name,
// under plain Podman's localhost/ name, or with that digest.
func (s *Store) baseHere(name reference.Named, platform imagespec.Platform) (*storage.Image, error) {
	names := namesHere(name)
	if canonical, is := name.(reference.Canonical); is {
		same, err := s.ImagesByDigest(canonical.Digest())
		if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return nil, err
		}
		for _, image := range same {
			names = append(names, image.ID)
		}
	}
	for _, name := range names {
		image, err := s.Image(name)
		switch {
		case errors.Is(err, storage.ErrImageUnknown):
		case err != nil:
			return nil, err
		case s.isFor(image, platform):
			return image, nil
		}
	}
	return nil, storage.ErrImageUnknown
}

// pullBase pulls an image, and returns its name. For another machine's platform
// that is its digest, where the image of that name is this machine's: who runs
// that does not want the other one from then on.
func (s *Store) pullBase(ctx context.Context, name reference.Named, platform imagespec.Platform, show Progress) (reference.Named, error) {
	remote, err := s.Find(ctx, name, platform)
	if err != nil {
		return nil, err
	}
	defer remote.Close()
	own := platforms.DefaultSpec()
	if _, err := s.baseHere(name, own); err == nil && !platforms.OnlyStrict(own).Match(platform) {
		_, instance, err := remote.instance(s.system)
		if err == nil {
			remote.name, err = reference.WithDigest(reference.TrimNamed(name), instance)
		}
		if err != nil {
			return nil, registryError(name, err)
		}
	}
	_, err = s.Pull(ctx, remote, show)
	return remote.name, err
}

// readBase reads an image's configuration, and of its layers what a manifest
// says of them.
func (s *Store) readBase(image *storage.Image) (*base, error) {
	text, err := s.ImageBigData(image.ID, digest.NewDigestFromEncoded(digest.Canonical, image.ID).String())
	if err != nil {
		return nil, err
	}
	b := &base{stack: stack{top: image.TopLayer}}
	if err := json.Unmarshal(text, &b.image); err != nil {
		return nil, err
	}
	sizes := map[digest.Digest]int64{}
	for id := image.TopLayer; id != ""; {
		layer, err := s.Layer(id)
		if err != nil {
			return nil, err
		}
		sizes[layer.UncompressedDigest] = layer.UncompressedSize
		id = layer.Parent
	}
	for _, diffID := range b.image.RootFS.DiffIDs {
		b.layers = append(b.layers, stacked{DiffID: diffID, Size: max(sizes[diffID], 0)})
	}
	b.key = keyOf("image", b.image.RootFS.DiffIDs)
	return b, nil
}

// checkRuns makes sure that this machine can execute what RUN starts, and that a
// Dockerfile does not take itself what only the person may give.
func (b *Build) checkRuns(plan *dockerfile.Plan) error {
	for _, stage := range plan.Stages {
		for _, step := range stage.Steps {
			switch {
			case step.Run == nil:
			case step.Run.Network == hostNetwork && !b.HostNetwork && b.Network != hostNetwork:
				return b.Dockerfile.At(step.At, errors.New("network.host is not allowed: RUN --network=host reaches all that listens on this machine; build with --allow network.host if it may"))
			case !runnable(stage.Platform):
				return b.Dockerfile.At(step.At, fmt.Errorf("RUN for %s cannot run on this machine, which is %s: ask for qemu-user-static to be installed (its binfmt_misc handler is missing), or do the work in a stage that begins with FROM --platform=$BUILDPLATFORM",
					platforms.Format(stage.Platform), platforms.Format(platforms.DefaultSpec())))
			}
		}
	}
	return nil
}

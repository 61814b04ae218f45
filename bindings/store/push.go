package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	istorage "github.com/containers/image/v5/storage"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Pushed is the manifest that a registry holds now.
type Pushed struct {
	Digest digest.Digest
	Size   int // bytes
	text   []byte
}

// push is one image on its way to one name.
type push struct {
	store  *Store
	name   reference.NamedTagged
	stored *storage.Image
	image  types.Image
	target types.ImageDestination
	cache  types.BlobInfoCache // of the digests under which registries have layers
	show   Progress
	part   bool // of an index, which names it by its digest
}

// Repository lists the images that have a name in a repository, by tag.
func (s *Store) Repository(name reference.Named) (map[string]*storage.Image, error) {
	images, err := s.Images()
	if err != nil {
		return nil, fmt.Errorf("listing the store's images: %w", err)
	}
	tags := map[string]*storage.Image{}
	for _, prefix := range []string{"localhost/" + reference.FamiliarName(name) + ":", name.Name() + ":"} {
		if strings.HasPrefix(prefix, "localhost/") && reference.Domain(name) != "docker.io" {
			continue // where plain Podman puts what it is not told a registry of
		}
		for i := range images {
			for _, full := range images[i].Names {
				if tag, found := strings.CutPrefix(full, prefix); found && !strings.Contains(tag, "@") {
					tags[tag] = &images[i]
				}
			}
		}
	}
	return tags, nil
}

// Push sends an image to the registry of name, under that name. What the
// registry has already is not sent again: an image that was pulled from there,
// or pushed before, keeps its digest. An image that is not for the platform
// only, unless nil, is refused.
func (s *Store) Push(ctx context.Context, stored *storage.Image, name reference.NamedTagged, only *imagespec.Platform, show Progress) (*Pushed, error) {
	return s.push(ctx, stored, name, only, show, false)
}

func (s *Store) push(ctx context.Context, stored *storage.Image, name reference.NamedTagged, only *imagespec.Platform, show Progress, part bool) (*Pushed, error) {
	text, err := s.ImageBigData(stored.ID, storage.ImageDigestBigDataKey)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of image %s: %w", stored.ID, err)
	}
	switch kind := manifest.GuessMIMEType(text); {
	case manifest.MIMETypeIsMultiImage(kind):
		return nil, fmt.Errorf("%s is a list of images for several platforms: push one of them, or all with podman manifest push --all", reference.FamiliarString(name))
	case kind != manifest.DockerV2Schema2MediaType && kind != imagespec.MediaTypeImageManifest:
		return nil, fmt.Errorf("the manifest of %s is a %s, which registries do not take any more: pull or build it again", reference.FamiliarString(name), kind)
	}
	from, err := istorage.Transport.NewStoreReference(s.Store, nil, stored.ID)
	if err != nil {
		return nil, err
	}
	image, err := from.NewImage(ctx, s.system)
	if err != nil {
		return nil, fmt.Errorf("reading image %s: %w", stored.ID, err)
	}
	defer image.Close()
	if err := isFor(ctx, image, name, only); err != nil {
		return nil, err
	}
	target, err := s.destination(ctx, name)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	p := &push{store: s, name: name, stored: stored, image: image, target: target, cache: s.cache(), show: show, part: part}
	pushed, err := p.run(ctx)
	if err != nil && !s.Exists(stored.ID) {
		return nil, fmt.Errorf("image %s was removed while it was pushed", reference.FamiliarString(name))
	}
	return pushed, registryRefused("push", name, err)
}

// destination is where a registry takes what gets a name.
func (s *Store) destination(ctx context.Context, name reference.Named) (types.ImageDestination, error) {
	if err := s.trust(name); err != nil {
		return nil, err
	}
	to, err := docker.NewReference(name)
	if err != nil {
		return nil, err
	}
	target, err := to.NewImageDestination(ctx, s.system)
	return target, registryRefused("push", name, err)
}

// isFor refuses an image for another platform, in docker's words.
func isFor(ctx context.Context, image types.Image, name reference.Named, only *imagespec.Platform) error {
	if only == nil {
		return nil
	}
	about, err := image.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("reading the image's configuration: %w", err)
	}
	own := platforms.Normalize(imagespec.Platform{OS: about.Os, Architecture: about.Architecture, Variant: about.Variant})
	if platforms.OnlyStrict(*only).Match(own) {
		return nil
	}
	return fmt.Errorf("image with reference %s was found but its platform (%s) does not match the specified platform (%s)",
		reference.FamiliarString(name), platforms.Format(own), platforms.Format(*only))
}

// run sends the configuration first, which is small and shows whether the
// registry takes anything, then the layers, then the manifest.
func (p *push) run(ctx context.Context) (*Pushed, error) {
	_, kind, err := p.image.Manifest(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the image's manifest: %w", err)
	}
	layers, err := p.layers(ctx)
	if err != nil {
		return nil, err
	}
	for _, layer := range slices.Backward(layers) {
		p.show(layer.id(), "Preparing", 0, 0)
	}
	if err := p.putConfig(ctx, p.image); err != nil {
		return nil, err
	}
	sent, err := p.putLayers(ctx, layers)
	if err != nil {
		return nil, err
	}
	pushed, err := p.putManifest(ctx, sent, "")
	var refused types.ManifestTypeRejectedError
	if errors.As(err, &refused) && kind == imagespec.MediaTypeImageManifest { // a registry of before OCI
		pushed, err = p.putManifest(ctx, sent, manifest.DockerV2Schema2MediaType)
	}
	if err != nil {
		return nil, err
	}
	return pushed, p.remember(pushed)
}

func (p *push) putConfig(ctx context.Context, image types.Image) error {
	config, err := image.ConfigBlob(ctx)
	if err != nil {
		return fmt.Errorf("reading the image's configuration: %w", err)
	}
	return p.store.patiently(ctx, func(ctx context.Context) error {
		_, err := p.target.PutBlob(ctx, bytes.NewReader(config), image.ConfigInfo(), p.cache, true)
		return err
	})
}

// putManifest sends the manifest: the stored one, byte for byte, if the
// registry has the layers as that one says, else one like it. kind is the
// media type to change it to, "" for none.
func (p *push) putManifest(ctx context.Context, sent []types.BlobInfo, kind string) (*Pushed, error) {
	image := p.image
	same := slices.EqualFunc(image.LayerInfos(), sent, func(a, b types.BlobInfo) bool { return a.Digest == b.Digest })
	if !same || kind != "" {
		var err error
		image, err = image.UpdatedImage(ctx, types.ManifestUpdateOptions{
			LayerInfos: sent, ManifestMIMEType: kind,
			InformationOnly: types.ManifestUpdateInformation{Destination: p.target, LayerInfos: sent},
		})
		if err != nil {
			return nil, fmt.Errorf("making the manifest: %w", err)
		}
	}
	if image.ConfigInfo().Digest != p.image.ConfigInfo().Digest {
		if err := p.putConfig(ctx, image); err != nil {
			return nil, err
		}
	}
	text, _, err := image.Manifest(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the manifest: %w", err)
	}
	pushed := &Pushed{Digest: digest.FromBytes(text), Size: len(text), text: text}
	var instance *digest.Digest
	if p.part {
		instance = &pushed.Digest
	}
	err = p.store.patiently(ctx, func(ctx context.Context) error { return p.target.PutManifest(ctx, text, instance) })
	if err != nil {
		return nil, err
	}
	return pushed, nil
}

// remember keeps the pushed manifest with the image, which is known by its
// digest from then on.
func (p *push) remember(pushed *Pushed) error {
	if slices.Contains(p.stored.Digests, pushed.Digest) {
		return nil
	}
	key := storage.ImageDigestManifestBigDataNamePrefix + "-" + pushed.Digest.String()
	err := p.store.SetImageBigData(p.stored.ID, key, pushed.text, manifest.Digest)
	if err != nil && !errors.Is(err, storage.ErrImageUnknown) { // removed meanwhile
		return fmt.Errorf("keeping the digest %s with the image: %w", pushed.Digest, err)
	}
	return nil
}

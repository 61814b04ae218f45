package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	maxDepth = 8    // of indexes in indexes
	maxIndex = 1000 // images in all of them
)

// ociImages reads the images of an OCI image layout. Under one name there may
// be several, for different platforms: one of them is chosen.
// Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func (l *loading) ociImages() ([]*offered, error) {
	text, err := l.json("index.json")
	if err != nil {
		return nil, err
	}
	var index imagespec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	var images []*offered
	for _, group := range groups(index.Manifests) {
		var variants []*offered
		for _, descriptor := range group.manifests {
			found, err := l.flatten(descriptor, nil, 0, map[digest.Digest]bool{})
			if err != nil {
				return nil, err
			}
			variants = append(variants, found...)
		}
		if len(variants) == 0 {
			continue // what describes other images, not an image
		}
		image, err := l.choose(variants)
		if err != nil {
			return nil, err
		}
		for _, name := range group.names {
			image.addName(name)
		}
		images = append(images, image)
	}
	if len(images) == 0 {
		return nil, errors.New("the archive's index.json names no image")
	}
	return images, nil
}

// group is what stands under one name in an index.json.
type group struct {
	names     []reference.Named
	manifests []imagespec.Descriptor
}

// groups puts together what is one image: under several names, or for several
// platforms under one.
func groups(all []imagespec.Descriptor) []*group {
	var found []*group
	for _, descriptor := range all {
		name := ociName(descriptor)
		i := slices.IndexFunc(found, func(g *group) bool { return g.takes(descriptor, name) })
		if i < 0 {
			found, i = append(found, &group{}), len(found)
		}
		g := found[i]
		if name != nil {
			g.names = append(g.names, name)
		}
		if !slices.ContainsFunc(g.manifests, func(d imagespec.Descriptor) bool { return d.Digest == descriptor.Digest }) {
			g.manifests = append(g.manifests, descriptor)
		}
	}
	return found
}

func (g *group) takes(descriptor imagespec.Descriptor, name reference.Named) bool {
	if len(g.manifests) == 1 && g.manifests[0].Digest == descriptor.Digest {
		return true
	}
	if descriptor.Platform == nil || name == nil && len(g.names) > 0 ||
		name != nil && !slices.ContainsFunc(g.names, func(n reference.Named) bool { return n.String() == name.String() }) {
		return false
	}
	return !slices.ContainsFunc(g.manifests, func(d imagespec.Descriptor) bool {
		return d.Platform == nil || platforms.Format(*d.Platform) == platforms.Format(*descriptor.Platform)
	})
}

// ociName reads an image's name from its annotations: docker and containerd
// write the whole name into one of their own. The specification's own holds a
// whole name by podman's and skopeo's habit, else a tag, which names nothing.
func ociName(descriptor imagespec.Descriptor) reference.Named {
	text := descriptor.Annotations["io.containerd.image.name"]
	if text == "" {
		text = descriptor.Annotations[imagespec.AnnotationRefName]
	}
	name, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return nil
	}
	tagged, is := name.(reference.NamedTagged)
	if _, digested := name.(reference.Digested); digested || !is {
		return nil
	}
	return tagged
}

// flatten returns the images that a descriptor leads to and that the archive
// holds: an index may name others. list is the outermost index above it.
func (l *loading) flatten(descriptor imagespec.Descriptor, list []byte, depth int, seen map[digest.Digest]bool) ([]*offered, error) {
	if seen[descriptor.Digest] {
		return nil, nil
	}
	seen[descriptor.Digest] = true
	if depth > maxDepth || len(seen) > maxIndex {
		return nil, fmt.Errorf("the archive has indexes in more than %d indexes, or of more than %d images", maxDepth, maxIndex)
	}
	text, err := l.blob(descriptor.Digest)
	var absent missing
	if depth > 0 && errors.As(err, &absent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kind := descriptor.MediaType
	if kind == "" {
		kind = manifest.GuessMIMEType(text)
	}
	if !manifest.MIMETypeIsMultiImage(kind) {
		image, err := l.ociImage(descriptor, text)
		if image == nil || err != nil {
			return nil, err
		}
		image.list = list
		return []*offered{image}, nil
	}
	if list == nil {
		list = text
	}
	var index imagespec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", descriptor.Digest, err)
	}
	var all []*offered
	for _, inner := range index.Manifests {
		found, err := l.flatten(inner, list, depth+1, seen)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// ociImage reads an image; nil: the manifest is that of something else, such as
// how an image was built.
func (l *loading) ociImage(descriptor imagespec.Descriptor, text []byte) (*offered, error) {
	var described imagespec.Manifest
	if err := json.Unmarshal(text, &described); err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", descriptor.Digest, err)
	}
	configs := []string{imagespec.MediaTypeImageConfig, manifest.DockerV2Schema2ConfigMediaType}
	if descriptor.Annotations["vnd.docker.reference.type"] != "" || !slices.Contains(configs, described.Config.MediaType) {
		return nil, nil
	}
	config, err := l.blob(described.Config.Digest)
	if err != nil {
		return nil, err
	}
	image := &offered{newImage: newImage{config: config, manifest: text}}
	if err := image.configure(described.Config.Digest.String()); err != nil {
		return nil, err
	}
	if descriptor.Platform != nil {
		image.platform = *descriptor.Platform
	}
	if len(described.Layers) != len(image.layers) {
		return nil, fmt.Errorf("invalid manifest, layers length mismatch: expected %d, got %d", len(described.Layers), len(image.layers))
	}
	for i, layer := range described.Layers {
		if err := layer.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("reading the manifest %s: the layer %q: %w", descriptor.Digest, layer.Digest, err)
		}
		if strings.HasSuffix(layer.MediaType, "+encrypted") {
			return nil, fmt.Errorf("the layer %s is encrypted: decrypt the archive first (skopeo copy --decryption-key)", layer.Digest)
		}
		image.layers[i].name = blobName(layer.Digest)
	}
	return image, nil
}

// choose picks the image for the platform that is wanted; of one alone there is
// nothing to choose.
func (l *loading) choose(variants []*offered) (*offered, error) {
	if len(variants) == 1 {
		return variants[0], nil
	}
	wanted := platforms.DefaultSpec()
	match := platforms.Only(wanted)
	if l.Platform != nil {
		wanted, match = *l.Platform, platforms.OnlyStrict(*l.Platform)
	}
	var best *offered
	for _, image := range variants {
		if match.Match(image.platform) && (best == nil || match.Less(image.platform, best.platform)) {
			best = image
		}
	}
	if best == nil {
		return nil, noPlatform(wanted, variants)
	}
	return best, nil
}

// suitable leaves the images for the platform that was asked for.
func (l *loading) suitable(images []*offered) ([]*offered, error) {
	var left []*offered
	for _, image := range images {
		if system := image.platform.OS; system != "" && system != "linux" {
			return nil, fmt.Errorf("cannot load %s image on linux", system)
		}
		if l.Platform == nil || platforms.OnlyStrict(*l.Platform).Match(image.platform) {
			left = append(left, image)
		}
	}
	if len(left) == 0 {
		return nil, noPlatform(*l.Platform, images)
	}
	return left, nil
}

func noPlatform(wanted imagespec.Platform, images []*offered) error {
	var there []string
	for _, image := range images {
		if platform := platforms.Format(image.platform); !slices.Contains(there, platform) {
			there = append(there, platform)
		}
	}
	return fmt.Errorf("the archive does not provide the specified platform (%s), only %s: choose with --platform", platforms.Format(wanted), strings.Join(there, ", "))
}

package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerImages reads the images of docker's own format, which is podman's, too.
// Docker 25 and later write an OCI layout into the same archive; the images are
// the same.
// Source: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
func (l *loading) dockerImages() ([]*offered, error) {
	text, err := l.json("manifest.json")
	if err != nil {
		return nil, err
	}
	var items []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(text, &items); err != nil {
		return nil, fmt.Errorf("reading manifest.json: %w", err)
	}
	if len(items) == 0 {
		return nil, errors.New("the archive's manifest.json names no image")
	}
	var images []*offered
	for _, item := range items {
		image := &offered{}
		if image.config, err = l.json(item.Config); err != nil {
			return nil, err
		}
		if err := image.configure(item.Config); err != nil {
			return nil, err
		}
		if len(item.Layers) != len(image.layers) {
			return nil, fmt.Errorf("invalid manifest, layers length mismatch: expected %d, got %d", len(item.Layers), len(image.layers))
		}
		for i, name := range item.Layers {
			image.layers[i].name = name
		}
		for _, tag := range item.RepoTags {
			if err := image.tag(tag); err != nil {
				return nil, err
			}
		}
		images = append(images, image)
	}
	return images, nil
}

// tag gives an image a name, which must have a tag.
func (o *offered) tag(text string) error {
	name, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return fmt.Errorf("the archive's image name %q: %w", text, err)
	}
	tagged, is := name.(reference.NamedTagged)
	if _, digested := name.(reference.Digested); digested || !is {
		return fmt.Errorf("invalid tag %q", text)
	}
	o.addName(tagged)
	return nil
}

// configure reads an image's configuration, which the archive holds by that
// name.
// Source: https://github.com/opencontainers/image-spec/blob/main/config.md
func (o *offered) configure(name string) error {
	var config struct {
		imagespec.Platform
		Created *time.Time
		RootFS  *struct {
			Type    string
			DiffIDs []digest.Digest `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(o.config, &config); err != nil {
		return fmt.Errorf("reading the image configuration %s: %w", name, err)
	}
	if config.RootFS == nil || config.RootFS.Type != "layers" {
		return fmt.Errorf("%s is no image configuration: it has no root file system of layers", name)
	}
	if config.Created != nil {
		o.created = *config.Created
	}
	o.platform = config.Platform
	for _, diffID := range config.RootFS.DiffIDs {
		if err := diffID.Validate(); err != nil {
			return fmt.Errorf("reading the image configuration %s: the layer %q: %w", name, diffID, err)
		}
		o.layers = append(o.layers, offeredLayer{diffID: diffID})
	}
	return nil
}

// dockerManifest describes an image that comes without a manifest just as
// containers/image does: its digest is the same wherever the archive is loaded.
// Source: GetManifest in https://github.com/containers/image/blob/v5.29.3/docker/internal/tarfile/src.go
func (l *loading) dockerManifest(image *offered) ([]byte, error) {
	layers := []manifest.Schema2Descriptor{}
	for _, layer := range image.layers {
		size, err := l.sizeOf(layer)
		if err != nil {
			return nil, err
		}
		layers = append(layers, manifest.Schema2Descriptor{
			MediaType: manifest.DockerV2Schema2LayerMediaType,
			Size:      size,
			Digest:    layer.diffID,
		})
	}
	return manifest.Schema2FromComponents(manifest.Schema2Descriptor{
		MediaType: manifest.DockerV2Schema2ConfigMediaType,
		Size:      int64(len(image.config)),
		Digest:    digest.FromBytes(image.config),
	}, layers).Serialize()
}

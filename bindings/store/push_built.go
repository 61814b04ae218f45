package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// PushBuilt sends an image to the registry of name, under that name; of several,
// for as many platforms, an index gets it. That is in docker's format where all of
// them are.
// Source: https://github.com/opencontainers/image-spec/blob/main/image-index.md,
// https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list
func (s *Store) PushBuilt(ctx context.Context, images []BuiltImage, name reference.NamedTagged, show Progress) (*Pushed, error) {
	index := newIndex()
	index.MediaType = manifest.DockerV2ListMediaType
	for _, image := range images {
		stored, err := s.Image(image.ID)
		if err != nil {
			return nil, fmt.Errorf("pushing the image %s: %w", image.ID, err)
		}
		pushed, err := s.push(ctx, stored, name, nil, show, len(images) > 1)
		if err != nil || len(images) == 1 {
			return pushed, err
		}
		kind := manifest.GuessMIMEType(pushed.text)
		if kind != manifest.DockerV2Schema2MediaType {
			index.MediaType = imagespec.MediaTypeImageIndex
		}
		index.Manifests = append(index.Manifests, imagespec.Descriptor{MediaType: kind, Digest: pushed.Digest, Size: int64(pushed.Size), Platform: &image.Platform})
	}
	text, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	target, err := s.destination(ctx, name)
	if err != nil {
		return nil, err
	}
	defer target.Close()
	err = s.patiently(ctx, func(ctx context.Context) error { return target.PutManifest(ctx, text, nil) })
	return &Pushed{Digest: digest.FromBytes(text), Size: len(text)}, registryRefused("push", name, err)
}

// newIndex is an index of no images yet.
func newIndex() imagespec.Index {
	return imagespec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imagespec.MediaTypeImageIndex, Manifests: []imagespec.Descriptor{}}
}

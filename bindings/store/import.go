package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Import says what to make out of a root file system's archive.
type Import struct {
	Name     reference.Named // nil: none
	Changes  []string        // Dockerfile instructions
	Message  string          // the image's comment
	Platform imagespec.Platform
}

// Import makes an image of one layer out of the tar archive of a root file
// system, plain or compressed, and returns its ID. from is what errors call the
// archive.
// Source: https://docs.docker.com/reference/cli/docker/image/import/
func (s *Store) Import(ctx context.Context, archive io.Reader, from string, o Import) (string, error) {
	var config dockerfile.Image
	if err := dockerfile.Change(&config, o.Changes); err != nil {
		return "", err
	}
	layer, err := s.unpack(ctx, archive)
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", from, err)
	}
	image, err := importedImage(layer, config, o)
	if err != nil {
		return "", errors.Join(err, layer.remove())
	}
	return s.putTogether(ctx, image, layer)
}

// importedImage describes an image of this one layer.
func importedImage(layer *unpacked, config dockerfile.Image, o Import) (newImage, error) {
	now := time.Now().UTC()
	about := unbuilt{Image: config, Comment: o.Message}
	about.Created, about.Platform = &now, o.Platform
	about.RootFS = imagespec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.diffID}}
	about.History = []imagespec.History{{Created: &now, Comment: o.Message}}
	image, err := describeImage(about, stack{}.plus(layer))
	if o.Name != nil {
		image.names = []reference.Named{o.Name}
	}
	return image, err
}

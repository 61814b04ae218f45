package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Commit says what to make of a container.
type Commit struct {
	Container string   // its ID
	Mounts    []string // where it has other files than its own
	Name      string   // of the image, in full and with its tag; "": none
	Author    string
	Message   string // the image's comment
	Command   string // the container's, for the image's history
	Config    dockerfile.ImageConfig
}

// Commit makes an image of what a container has written, on top of the image
// that it was made of, and returns the new image's ID. read is called as soon as
// the container may write again.
// Source: https://docs.docker.com/reference/cli/docker/container/commit/
func (s *Store) Commit(ctx context.Context, o Commit, read func()) (string, error) {
	container, err := s.Container(o.Container)
	if err != nil {
		return "", fmt.Errorf("looking for the container %s in the image store %s: %w", o.Container, s.GraphRoot(), err)
	}
	called := append(slices.Clone(container.Names), container.ID)[0]
	below, err := s.baseOf(container)
	if err != nil {
		return "", fmt.Errorf("committing %s: %w", called, err)
	}
	layer, err := s.writtenLayer(ctx, container, o.Mounts)
	read()
	if err != nil {
		if errors.Is(err, storage.ErrLayerUnknown) {
			return "", fmt.Errorf("No such container: %s", called) // any more
		}
		return "", fmt.Errorf("committing %s: %w", called, err)
	}
	about := o.image(below.image, layer.diffID)
	if layer.diffID != digestOfNothing {
		below.layers = below.plus(layer)
	}
	image, err := describeImage(&about, below.layers)
	if err == nil && o.Name != "" {
		var name reference.Named
		name, err = reference.ParseNamed(o.Name)
		image.names = []reference.Named{name}
	}
	if err != nil {
		return "", errors.Join(err, layer.remove())
	}
	image.layer = below.top
	if layer.diffID == digestOfNothing {
		layer = nil
	}
	return s.putTogether(ctx, image, layer)
}

// baseOf is the image that a container was made of.
func (s *Store) baseOf(container *storage.Container) (*base, error) {
	if container.ImageID == "" { // of a directory
		return &base{}, nil
	}
	image, err := s.Image(container.ImageID)
	if err != nil {
		return nil, fmt.Errorf("its image sha256:%s: %w", container.ImageID, err)
	}
	return s.readBase(image)
}

// writtenLayer makes a layer of what a container has written.
func (s *Store) writtenLayer(ctx context.Context, container *storage.Container, mounts []string) (*unpacked, error) {
	layer, err := s.Layer(container.LayerID)
	if err != nil {
		return nil, err
	}
	files, err := s.written(ctx, layer, mounts)
	if err != nil {
		return nil, err
	}
	made, err := s.unpack(ctx, files)
	if err = cmp.Or(err, files.Close()); err != nil {
		return nil, err
	}
	// Files that are missing because the container was being removed are no change.
	if _, err := s.Layer(container.LayerID); err != nil {
		return nil, cmp.Or(made.remove(), err)
	}
	return made, nil
}

// digestOfNothing is that of a tar archive that holds nothing: of such a layer
// docker makes none.
const digestOfNothing digest.Digest = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

// image describes the new image, made of the one below.
func (o *Commit) image(below dockerfile.Image, layer digest.Digest) unbuilt {
	now := time.Now().UTC()
	image := unbuilt{Image: below, Container: o.Container, Comment: o.Message}
	image.Created, image.Author, image.Config = &now, o.Author, o.Config
	image.RootFS.Type = "layers"
	if layer != digestOfNothing {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, layer)
	}
	image.History = append(image.History, imagespec.History{
		Created: &now, CreatedBy: o.Command, Author: o.Author, Comment: o.Message, EmptyLayer: layer == digestOfNothing,
	})
	return image
}

// unbuilt is an image as docker describes one that was not built: of a
// container, or of an archive.
type unbuilt struct {
	dockerfile.Image
	Container string `json:"container,omitempty"`
	Comment   string `json:"comment,omitempty"`
}

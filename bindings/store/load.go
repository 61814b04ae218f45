package store

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	dockerarchive "github.com/containers/image/v5/docker/archive"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/oci/layout"
	"github.com/containers/image/v5/types"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Loaded is an image that Load has put into the store.
type Loaded struct {
	ID       string            // 64 hexadecimal digits
	Names    []string          // as docker shows them, without docker.io/library/
	Replaced map[string]string // name → ID of the image that had it before
}

// Load puts the images of an archive into the store and reports each as soon as
// it is there. The archive is docker's (docker save) or an OCI one, plain or
// compressed by gzip, xz, zstd or bzip2; a file or a pipe. With only, an image
// that is for another platform is an error.
func (s *Store) Load(ctx context.Context, archive *os.File, only *imagespec.Platform, report func(Loaded)) error {
	return s.roomy(s.loadAll(ctx, archive, only, report))
}

func (s *Store) loadAll(ctx context.Context, archive *os.File, only *imagespec.Platform, report func(Loaded)) error {
	if only != nil {
		s.system.OSChoice, s.system.ArchitectureChoice, s.system.VariantChoice = only.OS, only.Architecture, only.Variant
	}
	path, err := s.plain(ctx, archive)
	if err != nil {
		return err
	}
	var docker, oci bool
	err = eachEntry(path, func(header *tar.Header, _ io.Reader) error {
		switch filepath.Clean(header.Name) {
		case "manifest.json":
			docker = true
		case "index.json":
			oci = true
		}
		return ctx.Err()
	})
	switch {
	case err != nil:
		return fmt.Errorf("reading %s as an image archive: %w", called(archive), err)
	case docker:
		return s.loadDocker(ctx, path, report)
	case oci:
		return s.loadOCI(ctx, path, report)
	}
	return fmt.Errorf("%s holds no image (no manifest.json and no index.json); a root file system is imported, not loaded", called(archive))
}

// loadDocker loads docker's own format,
// https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
func (s *Store) loadDocker(ctx context.Context, path string, report func(Loaded)) error {
	reader, err := dockerarchive.NewReader(s.system, path)
	if err != nil {
		return err
	}
	images, err := reader.List()
	if err := errors.Join(err, reader.Close()); err != nil {
		return err
	}
	if len(images) == 0 {
		return errors.New("the archive's manifest.json names no image")
	}
	for i, references := range images {
		var names []reference.Named
		for _, r := range references {
			if name := r.DockerReference(); name != nil {
				names = append(names, name)
			}
		}
		// By index: two images of one archive may claim the same name.
		source, err := dockerarchive.NewIndexReference(path, i)
		if err != nil {
			return err
		}
		if err := s.load(ctx, source, names, report); err != nil {
			return err
		}
	}
	return nil
}

// loadOCI loads an OCI image layout,
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func (s *Store) loadOCI(ctx context.Context, path string, report func(Loaded)) error {
	dir, err := os.MkdirTemp(s.temp, "oci-")
	if err != nil {
		return err
	}
	if err := unpack(path, dir); err != nil {
		return err
	}
	index := filepath.Join(dir, "index.json")
	text, err := os.ReadFile(index)
	if err != nil {
		return err
	}
	var all imagespec.Index
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("reading index.json: %w", err)
	}
	if len(all.Manifests) == 0 {
		return errors.New("the archive's index.json names no image")
	}
	source, err := layout.NewReference(dir, "")
	if err != nil {
		return err
	}
	for _, descriptor := range all.Manifests {
		// containers/image finds an image of a layout by its tag only, and only if
		// there is one: an index with this image alone stands for the whole.
		one := all
		one.Manifests = []imagespec.Descriptor{descriptor}
		text, err := json.Marshal(one)
		if err != nil {
			return err
		}
		if err := os.WriteFile(index, text, 0o600); err != nil {
			return err
		}
		if err := s.load(ctx, source, ociName(descriptor), report); err != nil {
			return err
		}
	}
	return nil
}

// ociName reads an image's name from its annotations: docker and containerd
// write the whole name into one of their own. The specification's own holds a
// whole name by podman's and skopeo's habit, else a tag, which names nothing.
func ociName(descriptor imagespec.Descriptor) []reference.Named {
	text := descriptor.Annotations["io.containerd.image.name"]
	if text == "" {
		text = descriptor.Annotations[imagespec.AnnotationRefName]
	}
	name, err := reference.ParseNormalizedNamed(text)
	if err != nil || reference.IsNameOnly(name) {
		return nil
	}
	return []reference.Named{name}
}

// heeding is an image in an archive whose blobs end with the context:
// containers/image reads a file to its end whatever happens.
type heeding struct{ types.ImageReference }

type heedingSource struct{ types.ImageSource }

// NewImageSource opens the image.
func (h heeding) NewImageSource(ctx context.Context, system *types.SystemContext) (types.ImageSource, error) {
	source, err := h.ImageReference.NewImageSource(ctx, system)
	return heedingSource{source}, err
}

// GetBlob opens one of the image's blobs.
func (h heedingSource) GetBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache) (io.ReadCloser, int64, error) {
	blob, size, err := h.ImageSource.GetBlob(ctx, info, cache)
	if err != nil {
		return nil, 0, err
	}
	return struct {
		io.Reader
		io.Closer
	}{interruptible(ctx, blob), blob}, size, nil
}

func (s *Store) load(ctx context.Context, source types.ImageReference, names []reference.Named, report func(Loaded)) error {
	loaded := Loaded{Replaced: map[string]string{}}
	for _, name := range names {
		familiar := reference.FamiliarString(name)
		loaded.Names = append(loaded.Names, familiar)
		if old, err := s.Image(name.String()); err == nil {
			loaded.Replaced[familiar] = old.ID
		}
	}
	err := s.suitable(ctx, source)
	if err == nil {
		loaded.ID, err = s.add(ctx, heeding{source}, names)
	}
	if err != nil {
		return err
	}
	report(loaded)
	return nil
}

// suitable refuses an image for another platform than the one that was asked
// for; containers/image chooses only where there are several.
func (s *Store) suitable(ctx context.Context, source types.ImageReference) error {
	if s.system.OSChoice == "" {
		return nil
	}
	image, err := source.NewImage(ctx, s.system)
	if err != nil {
		return err
	}
	defer image.Close()
	about, err := image.Inspect(ctx)
	if err != nil {
		return err
	}
	if about.Os != s.system.OSChoice || about.Architecture != s.system.ArchitectureChoice {
		return fmt.Errorf("the archive's image is for %s/%s, not for %s/%s", about.Os, about.Architecture, s.system.OSChoice, s.system.ArchitectureChoice)
	}
	return nil
}

package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/containers/image/v5/docker/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Load says what to load, and whom to tell of it.
type Load struct {
	// Platform: of several images under one name this one, of others only those
	// for it. nil: this machine's where there is a choice.
	Platform *imagespec.Platform
	// Layer is told how much of a layer has been read, in bytes as they stand in
	// the archive; the name is 12 hexadecimal digits. It may be called from
	// several goroutines.
	Layer func(name string, done, total int64)
	// Image is told of each image when it is there.
	Image func(Loaded)
}

// Loaded is an image that Load has put into the store.
type Loaded struct {
	ID       string            // 64 hexadecimal digits
	Names    []string          // as docker shows them, without docker.io/library/
	Replaced map[string]string // name → ID of the image that had it before
}

// Load puts the images of an archive into the store. The archive is docker's,
// of any age, or an OCI one, plain or compressed with gzip, xz, zstd or bzip2; a
// file or a pipe, which is read once. All of it is verified before the first
// image is stored: of an archive with a fault nothing is kept.
// Source: https://docs.docker.com/reference/cli/docker/image/load/
func (s *Store) Load(ctx context.Context, archive *os.File, o Load) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &loading{Store: s, contents: contents{entries: map[string]*entry{}}, Load: o}
	if err := l.read(ctx, archive); err != nil {
		return s.roomy(err)
	}
	images, err := l.images(ctx)
	if err != nil {
		return s.roomy(err)
	}
	if images == nil {
		return fmt.Errorf("%s holds no image (no manifest.json and no index.json); a root file system is imported, not loaded", called(archive))
	}
	if err := l.allowed(ctx, archive); err != nil {
		return err
	}
	if images, err = l.suitable(images); err != nil {
		return err
	}
	if err := l.prepare(ctx, images); err != nil {
		return s.roomy(err)
	}
	for _, image := range images {
		if err := l.put(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// loading is an archive on its way into the store.
type loading struct {
	*Store
	Load
	contents
	ready unpackedLayers
}

// offered is an image of an archive.
type offered struct {
	newImage
	platform imagespec.Platform
	layers   []offeredLayer
}

// read takes note of what the archive holds.
func (l *loading) read(ctx context.Context, archive *os.File) error {
	plain, err := isPlain(archive)
	if err != nil {
		return readError(archive, err)
	}
	if plain {
		l.file = archive
		err = l.index(ctx)
	} else {
		var stream io.ReadCloser
		if stream, err = uncompress(ctx, archive); err != nil {
			return readError(archive, err)
		}
		defer stream.Close()
		err = l.pass(ctx, stream)
	}
	if err != nil {
		return fmt.Errorf("reading %s as an image archive: %w", called(archive), err)
	}
	return nil
}

// images reads what the archive says of its images; nil: it is no archive of
// images.
func (l *loading) images(ctx context.Context) ([]*offered, error) {
	switch {
	case l.has("manifest.json"):
		return l.dockerImages()
	case l.has("index.json"):
		return l.ociImages()
	case l.has("repositories"):
		return l.oldImages(ctx)
	}
	return nil, nil
}

// put stores a prepared image. No layer that it finds can go away before it
// is used, unless Podman removes it.
func (l *loading) put(ctx context.Context, image *offered) error {
	done, err := l.committing(ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, layer := range image.layers {
		id, found := l.layerOn(image.layer, layer.diffID)
		if !found {
			if id, err = l.putOn(ctx, image.layer, layer); err != nil {
				return l.roomy(err)
			}
		}
		image.layer = id
	}
	if image.manifest == nil {
		if image.manifest, err = l.dockerManifest(image); err != nil {
			return err
		}
	}
	id, replaced, err := l.putImage(image.newImage)
	if err != nil {
		return err
	}
	l.remember(l.blobsOf(image))
	loaded := Loaded{ID: id, Replaced: map[string]string{}}
	for _, name := range image.names {
		familiar := reference.FamiliarString(name)
		loaded.Names = append(loaded.Names, familiar)
		if old := replaced[name.String()]; old != "" {
			loaded.Replaced[familiar] = old
		}
	}
	l.Image(loaded)
	return nil
}

// addName gives an image another name of the archive's, once.
func (o *offered) addName(name reference.Named) {
	if !slices.ContainsFunc(o.names, func(n reference.Named) bool { return n.String() == name.String() }) {
		o.names = append(o.names, name)
	}
}

// metered tells how much has been read.
type metered struct {
	io.Reader
	done int64
	tell func(done int64)
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done += int64(n)
	m.tell(m.done)
	return n, err
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containers/storage/pkg/archive"
	"github.com/containers/storage/pkg/stringid"
)

// Files gives do the files of an image, as a tar archive of its root directory,
// which ends with ctx. The image stays whole until do has returned, whoever
// removes it meanwhile.
func (s *Store) Files(ctx context.Context, id string, do func(files io.Reader) error) (err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("reading the files of the image %s: %w", id, err)
		}
	}()
	image, err := s.Image(id)
	if err != nil {
		return err
	}
	if image.TopLayer != "" {
		release, err := s.hold(ctx, image.TopLayer)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	shown := s.newViews()
	defer func() { err = errors.Join(err, shown.end()) }()
	root, err := shown.root(image.TopLayer)
	if err != nil {
		return err
	}
	files, err := archive.TarWithOptions(root, &archive.TarOptions{Compression: archive.Uncompressed, IncludeFiles: []string{"."}})
	if err != nil {
		return err
	}
	defer files.Close()
	return do(onlyReader{ctx, files})
}

// hold keeps a layer in the store until release is called, or this process has
// ended and the next one has removed what it left: by an empty one on top of it.
func (s *Store) hold(ctx context.Context, layer string) (release func() error, err error) {
	done, err := s.committing(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	id := stringid.GenerateRandomID()
	if err := s.note(id); err != nil {
		return nil, err
	}
	if _, err := s.CreateLayer(id, layer, nil, "", false, nil); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(s.dropLayer(id), s.unnote(id)) }, nil
}

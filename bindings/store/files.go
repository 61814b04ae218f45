package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/containers/storage/pkg/archive"
)

// Files gives do an archive of all the files of an image, as a container of it
// would see them.
func (s *Store) Files(id string, do func(files io.Reader) error) (err error) {
	container, err := s.CreateContainer("", nil, id, "", "", nil)
	if err != nil {
		return fmt.Errorf("reading the files of the image %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, s.DeleteContainer(container.ID)) }()
	root, err := s.Mount(container.ID, "")
	if err != nil {
		return fmt.Errorf("reading the files of the image %s: %w", id, err)
	}
	defer func() {
		_, left := s.Unmount(container.ID, true)
		err = errors.Join(err, left)
	}()
	files, err := archive.TarWithOptions(root, &archive.TarOptions{Compression: archive.Uncompressed, IncludeFiles: []string{"."}})
	if err != nil {
		return fmt.Errorf("reading the files of the image %s: %w", id, err)
	}
	defer files.Close()
	return do(files)
}

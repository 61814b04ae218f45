package store

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containers/storage"
	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/idtools"
)

// written returns the tar archive of what a container has written to its layer,
// without what Podman has put there. mounts are the paths where it has other
// files than that layer's. No lock of the store is held.
func (s *Store) written(ctx context.Context, layer *storage.Layer, mounts []string) (io.ReadCloser, error) {
	driver, err := s.GraphDriver()
	if err != nil {
		return nil, err
	}
	ids := idtools.NewIDMappingsFromMaps(layer.UIDMap, layer.GIDMap)
	if !native(driver) {
		return s.compared(driver, layer, ids)
	}
	dirs, err := layerDirs(driver, layer.ID)
	if err != nil {
		return nil, err
	}
	files, err := os.Open(dirs[0])
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	out := tar.NewWriter(writer)
	buffer := make([]byte, pieceSize)
	put := func(header *tar.Header, content io.Reader) error {
		if err := out.WriteHeader(header); err != nil || content == nil {
			return err
		}
		_, err := io.CopyBuffer(out, content, buffer)
		return err
	}
	u := &upper{ctx: ctx, lower: dirs[1:], put: put, ids: ids, mounts: mounts, first: map[inode]string{}}
	go func() {
		defer files.Close()
		err := u.directory(files, "", true)
		if err == nil {
			err = out.Close()
		}
		writer.CloseWithError(err)
	}()
	return reader, nil
}

// native tells whether the directory of a container's layer says all that the
// container has done: the driver is the kernel's overlay.
func native(driver graphdriver.Driver) bool {
	return slices.Contains(driver.Status(), [2]string{"Native Overlay Diff", "true"})
}

// compared has the driver compare a container's files with those of its image.
func (s *Store) compared(driver graphdriver.Driver, layer *storage.Layer, ids *idtools.IDMappings) (io.ReadCloser, error) {
	parent, err := s.Layer(layer.Parent)
	if err != nil {
		return nil, err
	}
	files, err := driver.Diff(layer.ID, ids, parent.ID, idtools.NewIDMappingsFromMaps(parent.UIDMap, parent.GIDMap), layer.MountLabel)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	go func() {
		err := withoutPlaces(files, writer)
		writer.CloseWithError(errors.Join(err, files.Close()))
	}()
	return reader, nil
}

// withoutPlaces passes an archive on, but not the files that Podman has made to
// mount something over them.
func withoutPlaces(files io.Reader, to io.Writer) error {
	from, out := tar.NewReader(files), tar.NewWriter(to)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean(header.Name), "/")
		if isPlace(name, header.Typeflag == tar.TypeReg && header.Size == 0, header.Linkname) {
			continue
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, from); err != nil {
			return err
		}
	}
}

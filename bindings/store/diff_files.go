package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	graphdriver "github.com/containers/storage/drivers"
	"golang.org/x/sys/unix"
)

// openTarSplit opens a layer's tar-split file, in whichever store the layer is.
func (s *Store) openTarSplit(driver graphdriver.Driver, id string) (*os.File, error) {
	for _, root := range slices.Concat([]string{s.ImageStore(), s.GraphRoot()}, driver.AdditionalImageStores()) {
		if root == "" {
			continue // no separate store for images
		}
		file, err := os.Open(filepath.Join(root, driver.String()+"-layers", id+".tar-split.gz"))
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, fs.ErrNotExist
}

// layerFiles opens the files of a layer.
type layerFiles struct {
	dir    *os.File // what the layer's archive was unpacked to; nil: only the driver knows
	getter graphdriver.FileGetCloser
}

// filesOf returns nil for a driver that has to mount a layer for its files.
func filesOf(driver graphdriver.Driver, id string) (*layerFiles, error) {
	direct, is := driver.(graphdriver.DiffGetterDriver)
	if !is {
		return nil, nil
	}
	getter, err := direct.DiffGetter(id)
	if err != nil {
		return nil, err
	}
	about, err := driver.Metadata(id)
	if err != nil || about["UpperDir"] == "" {
		return &layerFiles{nil, getter}, err
	}
	dir, err := os.Open(about["UpperDir"])
	return &layerFiles{dir, getter}, err
}

// open opens a file as the archive was unpacked: a link in its path never
// leads out of the layer. The driver, which is not so careful, knows where else
// a file may be; an old kernel (before 5.6) leaves all to it.
func (l *layerFiles) open(name string) (io.ReadCloser, error) {
	if l.dir == nil {
		return l.getter.Get(name)
	}
	fd, err := unix.Openat2(int(l.dir.Fd()), name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK, // no named pipe stops it
		Resolve: unix.RESOLVE_IN_ROOT,
	})
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return l.getter.Get(name)
	case err != nil:
		return nil, err
	}
	return descriptor(fd), nil
}

// Close closes the layer's directory.
func (l *layerFiles) Close() error {
	err := l.getter.Close()
	if l.dir != nil {
		err = errors.Join(err, l.dir.Close())
	}
	return err
}

// descriptor is a file without what os.File does for terminals and sockets.
type descriptor int

// Read reads on.
func (d descriptor) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), p)
		switch {
		case err == nil && n == 0:
			return 0, io.EOF
		case !errors.Is(err, unix.EINTR):
			return max(n, 0), err
		}
	}
}

// Close closes the file.
func (d descriptor) Close() error { return unix.Close(int(d)) }

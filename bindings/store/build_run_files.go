package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containers/storage"
	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/stringid"
	"github.com/containers/storage/types"
	"golang.org/x/sys/unix"
)

// writable is the files of a layer for a process that changes them. The kernel
// keeps the changes apart, in a directory that becomes the new layer as it is;
// of what only the store's driver can mount, it makes an archive.
type writable struct {
	store   *Store
	parent  string    // the layer below
	root    string    // where the files are
	layered *unpacked // whose files are the changes; nil: the driver has them
	lower   []string  // directories below, the topmost first
	mounted bool
	id      string // of the driver's layer
}

// writable mounts a layer's files ("": none) for writing. It must be closed.
func (s *Store) writable(ctx context.Context, parent string) (*writable, error) {
	w := &writable{store: s, parent: parent}
	err := w.mount()
	if err != nil {
		err = w.mountDriver(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

var errUnmountable = errors.New("only the driver can mount it")

// mount has the kernel mount it.
func (w *writable) mount() (err error) {
	driver, err := w.store.GraphDriver()
	if err != nil {
		return err
	}
	if driver.String() != "overlay" {
		return errUnmountable
	}
	links, err := os.MkdirTemp(w.store.temp, "writable-")
	if err != nil {
		return err
	}
	w.root = filepath.Join(links, "root")
	work, changes := filepath.Join(links, "work"), filepath.Join(links, "changes")
	empty := filepath.Join(links, "empty")
	for _, dir := range []string{w.root, work, empty} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	w.lower = []string{empty}
	if w.parent != "" {
		if w.lower, err = layerDirs(driver, w.parent); err != nil {
			return err
		}
	}
	w.layered = &unpacked{}
	if w.layered.dir, err = os.MkdirTemp(w.store.temp, "layer-"); err != nil {
		return err
	}
	movable, err := w.store.unpackOptions(w.layered.files())
	if err != nil {
		return err
	}
	if movable == nil {
		return errUnmountable
	}
	if err := likeRoot(w.layered.files(), w.lower[0]); err != nil {
		return err
	}
	if err := os.Symlink(w.layered.files(), changes); err != nil {
		return err
	}
	for _, more := range []string{",volatile", ""} { // what is not finished need not be on the disk
		if err = mountOverlay(links, w.lower, 0, "upperdir=changes,workdir=work"+more); err == nil {
			w.mounted = true
			break
		}
	}
	return err
}

// mountDriver has the driver mount it, with fuse-overlayfs, say.
func (w *writable) mountDriver(ctx context.Context) error {
	if w.layered != nil {
		if err := w.layered.remove(); err != nil {
			return err
		}
		w.layered = nil
	}
	done, err := w.store.committing(ctx)
	if err != nil {
		return err
	}
	defer done()
	id := stringid.GenerateRandomID()
	if err := w.store.note(id); err != nil {
		return err
	}
	unmapped := &storage.LayerOptions{IDMappingOptions: types.IDMappingOptions{HostUIDMapping: true, HostGIDMapping: true}}
	if _, err := w.store.CreateLayer(id, w.parent, nil, "", true, unmapped); err != nil {
		return err
	}
	w.id = id
	driver, err := w.store.GraphDriver()
	if err != nil {
		return err
	}
	w.root, err = driver.Get(id, graphdriver.MountOpts{})
	w.mounted = err == nil
	return err
}

// unmount ends the writing.
func (w *writable) unmount() error {
	if !w.mounted {
		return nil
	}
	w.mounted = false
	if w.id == "" {
		return unix.Unmount(w.root, unix.MNT_DETACH)
	}
	driver, err := w.store.GraphDriver()
	if err != nil {
		return err
	}
	return driver.Put(w.id)
}

// close removes all but what layer has returned.
func (w *writable) close() error {
	err := w.unmount()
	if w.layered != nil {
		err = errors.Join(err, w.layered.remove())
	}
	if w.id != "" {
		err = errors.Join(err, w.store.dropLayer(w.id))
	} else if w.root != "" {
		err = errors.Join(err, RemoveTree(filepath.Dir(w.root)))
	}
	return err
}

// layer makes a layer of the changes, after unmount.
func (w *writable) layer(ctx context.Context) (*unpacked, error) {
	if w.layered == nil {
		plain, err := w.store.Diff(w.parent, w.id, nil)
		if err != nil {
			return nil, err
		}
		defer plain.Close()
		return w.store.unpack(ctx, plain)
	}
	if err := w.layered.describe(ctx, w.lower); err != nil {
		return nil, fmt.Errorf("reading what RUN has changed: %w", err)
	}
	layer := w.layered
	w.layered = nil
	return layer, nil
}

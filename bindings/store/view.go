package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/unshare"
	"golang.org/x/sys/unix"
)

// views shows the files of layers, with all that is below them, for as long as a
// build takes: nobody may write to what is shown.
type views struct {
	store *Store
	mutex sync.Mutex
	roots map[string]string // layer → directory
	close []func() error
}

func (s *Store) newViews() *views {
	return &views{store: s, roots: map[string]string{}}
}

// root is the directory of a layer's files; that of no layer is empty.
func (v *views) root(layer string) (string, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if root, shown := v.roots[layer]; shown {
		return root, nil
	}
	root, err := v.show(layer)
	if err != nil {
		return "", fmt.Errorf("mounting the layer %s: %w", layer, err)
	}
	v.roots[layer] = root
	return root, nil
}

func (v *views) show(layer string) (string, error) {
	if layer == "" {
		return os.MkdirTemp(v.store.temp, "view-")
	}
	driver, err := v.store.GraphDriver()
	if err != nil {
		return "", err
	}
	if driver.String() == "overlay" {
		dirs, err := layerDirs(driver, layer)
		if err != nil {
			return "", err
		}
		if len(dirs) == 1 {
			return dirs[0], nil
		}
		if root, err := v.overlay(dirs); err == nil {
			return root, nil
		}
	}
	root, err := driver.Get(layer, graphdriver.MountOpts{Options: []string{"ro"}}) // with fuse-overlayfs, say
	if err == nil {
		v.close = append(v.close, func() error { return driver.Put(layer) })
	}
	return root, err
}

// layerDirs are the directories of a layer and of those below it, the topmost
// first, as overlay keeps them.
func layerDirs(driver graphdriver.Driver, layer string) ([]string, error) {
	about, err := driver.Metadata(layer)
	if err != nil {
		return nil, err
	}
	dirs := []string{about["UpperDir"]}
	if about["LowerDir"] != "" {
		dirs = append(dirs, strings.Split(about["LowerDir"], ":")...)
	}
	return dirs, nil
}

// overlay mounts directories on top of each other, the topmost first. The place
// of the driver's own mounts is shared with other processes, and a process that
// removes it takes the mount from all.
func (v *views) overlay(dirs []string) (string, error) {
	links, err := os.MkdirTemp(v.store.temp, "view-")
	if err != nil {
		return "", err
	}
	root := filepath.Join(links, "root")
	if err := os.Mkdir(root, 0o700); err != nil {
		return "", err
	}
	if err := mountOverlay(links, dirs, unix.MS_RDONLY, ""); err != nil {
		return "", errors.Join(err, os.RemoveAll(links))
	}
	v.close = append(v.close, func() error { return unix.Unmount(root, unix.MNT_DETACH) })
	return root, nil
}

// mountOverlay mounts directories on top of each other, the topmost first, at
// links/root. It puts links to them beside that, and goes there: all names have
// to fit into one page.
func mountOverlay(links string, dirs []string, flags uintptr, options string) error {
	lower := make([]string, len(dirs))
	for i, dir := range dirs {
		lower[i] = strconv.Itoa(i)
		if err := os.Symlink(dir, filepath.Join(links, lower[i])); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	options = strings.Trim("lowerdir="+strings.Join(lower, ":")+","+options, ",")
	if unshare.IsRootless() {
		options += ",userxattr"
	}
	mounted := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, with its working directory
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Chdir(links)
		}
		if err == nil {
			err = unix.Mount("overlay", "root", "overlay", flags, options)
		}
		mounted <- err
	}()
	return <-mounted
}

// closing has something done when the views end.
func (v *views) closing(do func() error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.close = append(v.close, do)
}

// end takes all of them away.
func (v *views) end() error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	var errs []error
	for _, closing := range v.close {
		errs = append(errs, closing())
	}
	v.close, v.roots = nil, map[string]string{}
	return errors.Join(errs...)
}

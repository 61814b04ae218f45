package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/containers/storage/pkg/idtools"
	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// place is something that was made only to be mounted on. Runtimes make and leave
// what is missing; with docker none of it is in the image.
type place struct {
	path   string
	parent fs.FileInfo // what the directory around it was like before
	made   syscall.Timespec
}

// makePlaces makes what is missing for the mounts.
func (r *run) makePlaces() error {
	for _, mount := range r.spec.Mounts {
		isFile := false
		if mount.Type == "bind" {
			info, err := os.Stat(mount.Source)
			if err != nil {
				return err
			}
			isFile = !info.IsDir()
		}
		if r.isCovered(mount.Destination) {
			continue
		}
		if err := r.makePlace(mount.Destination, isFile); err != nil {
			return fmt.Errorf("making the place of the mount %s: %w", mount.Destination, err)
		}
	}
	return nil
}

// isCovered tells whether something is mounted above a path.
func (r *run) isCovered(path string) bool {
	for _, mount := range r.spec.Mounts {
		if strings.HasPrefix(path, strings.TrimSuffix(mount.Destination, "/")+"/") {
			return true
		}
	}
	return false
}

// makeDir makes the directory that the process begins in, if it is missing, and
// his.
func (r *run) makeDir() error {
	path, err := securejoin.SecureJoin(r.files.root, r.spec.Process.Cwd)
	if err != nil {
		return err
	}
	owner := idtools.IDPair{UID: int(r.spec.Process.User.UID), GID: int(r.spec.Process.User.GID)}
	if err := idtools.MkdirAllAndChownNew(path, 0o755, owner); err != nil {
		return fmt.Errorf("making the working directory: %w", err)
	}
	return nil
}

// makePlace makes a file or directory, no link leading out of the root.
func (r *run) makePlace(name string, isFile bool) error {
	root := r.files.root
	path, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return err
	}
	var missing []string
	for at := path; at != root && len(at) > len(root); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, at)
	}
	slices.Reverse(missing)
	for i, at := range missing {
		parent, err := os.Lstat(filepath.Dir(at))
		if err != nil {
			return err
		}
		if isFile && i == len(missing)-1 {
			err = os.WriteFile(at, nil, 0o644)
		} else {
			err = os.Mkdir(at, 0o755)
		}
		if err != nil {
			return err
		}
		// These two are made for all time with docker.
		if name == "/dev" || name == "/proc" {
			continue
		}
		after, err := os.Lstat(filepath.Dir(at))
		if err != nil {
			return err
		}
		r.places = append(r.places, place{at, parent, after.Sys().(*syscall.Stat_t).Mtim})
	}
	return nil
}

// tidy removes the places, unless something is in them now, and gives the
// directories around them their times back.
func (r *run) tidy() error {
	for _, place := range slices.Backward(r.places) {
		info, err := os.Lstat(place.path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
			continue
		case err != nil:
			return err
		}
		dir := filepath.Dir(place.path)
		around, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		now := around.Sys().(*syscall.Stat_t)
		switch {
		case info.IsDir():
			err = unix.Rmdir(place.path)
		case info.Mode().IsRegular() && info.Size() == 0:
			err = os.Remove(place.path)
		}
		if errors.Is(err, unix.ENOTEMPTY) {
			continue
		}
		if err != nil {
			return err
		}
		if now.Mtim == place.made { // the process has changed nothing there
			now = place.parent.Sys().(*syscall.Stat_t)
		}
		times := []unix.Timespec{unix.Timespec(now.Atim), unix.Timespec(now.Mtim)}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return nil
}

// forget takes those directories out of the changes in which nothing but places
// has been made: overlay had to copy them.
func (r *run) forget() error {
	if r.files.layered == nil {
		return nil
	}
	for _, place := range slices.Backward(r.places) {
		name, err := filepath.Rel(r.files.root, filepath.Dir(place.path))
		if err != nil {
			return err
		}
		for ; name != "."; name = filepath.Dir(name) {
			copied := filepath.Join(r.files.layered.files(), name)
			info, err := os.Lstat(copied)
			if err != nil || !r.files.isSame(name, info) || hides(copied) {
				break
			}
			if err := unix.Rmdir(copied); err != nil {
				break // something else is there
			}
		}
	}
	return nil
}

// hides tells whether a directory hides what is below.
func hides(dir string) bool {
	value := make([]byte, 1)
	n, err := unix.Lgetxattr(dir, overlayAttribute("opaque"), value)
	return err == nil && n == 1 && value[0] == 'y'
}

// isSame tells whether a directory is as it is in the layers below.
func (w *writable) isSame(name string, info fs.FileInfo) bool {
	for _, dir := range w.lower {
		below, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		a, b := info.Sys().(*syscall.Stat_t), below.Sys().(*syscall.Stat_t)
		return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid && a.Mtim == b.Mtim
	}
	return false
}

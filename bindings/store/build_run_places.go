package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containers/storage/pkg/idtools"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// place is something that was made only to be mounted on. Runtimes make and leave
// what is missing; with docker none of it is in the image.
type place struct {
	path   string        // from the root, free of links
	before unix.Stat_t   // what the directory around it was like
	made   unix.Timespec // when it was changed for this
}

// makePlaces makes what is missing for the mounts.
func (r *run) makePlaces() error {
	for _, name := range []string{"dev", "proc", "sys"} { // crun follows a link, and makes files where it leads to
		if info, err := os.Lstat(filepath.Join(r.files.root, name)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("making the places of mounts: /%s of the image is a link: RUN needs an ordinary directory there", name)
		}
	}
	for i, mount := range r.spec.Mounts {
		isFile := false
		if mount.Type == "bind" {
			info, err := os.Stat(mount.Source)
			if err != nil {
				return err
			}
			isFile = !info.IsDir()
		}
		if isCovered(mount.Destination, r.spec.Mounts[:i]) {
			continue
		}
		if err := r.makePlace(mount.Destination, isFile); err != nil {
			return fmt.Errorf("making the place of the mount %s: %w", mount.Destination, err)
		}
	}
	return nil
}

// isCovered tells whether one of the mounts before is above a path.
func isCovered(path string, before []specs.Mount) bool {
	for _, mount := range before {
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
	full, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return err
	}
	var missing []string
	for at := full; at != root && len(at) > len(root); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, at)
	}
	slices.Reverse(missing)
	for i, at := range missing {
		var before, after unix.Stat_t
		if err := unix.Lstat(filepath.Dir(at), &before); err != nil {
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
		if err := unix.Lstat(filepath.Dir(at), &after); err != nil {
			return err
		}
		r.places = append(r.places, place{strings.TrimPrefix(at, root+"/"), before, after.Mtim})
	}
	return nil
}

// tidy removes the places, unless something is in them now, and gives the
// directories around them their times back. The process may have put links in
// the place of directories, and none is followed.
func (r *run) tidy() error {
	root, err := os.Open(r.files.root)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, place := range slices.Backward(r.places) {
		if err := place.remove(root); err != nil && !isMoved(err) {
			return fmt.Errorf("removing the place of a mount, /%s: %w", place.path, err)
		}
	}
	return nil
}

// isMoved tells whether something is not where it was.
func isMoved(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

func (p *place) remove(root *os.File) error {
	name, base := path.Split(p.path)
	dir, err := openFound(int(root.Fd()), strings.TrimSuffix(name, "/"), unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return err
	}
	defer descriptor(dir).Close()
	var there, around unix.Stat_t
	if err := unix.Fstatat(dir, base, &there, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := unix.Fstat(dir, &around); err != nil {
		return err
	}
	switch kind := there.Mode & unix.S_IFMT; {
	case kind == unix.S_IFDIR:
		err = unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
	case kind == unix.S_IFREG && there.Size == 0:
		err = unix.Unlinkat(dir, base, 0)
	}
	if errors.Is(err, unix.ENOTEMPTY) {
		return nil
	}
	if err != nil {
		return err
	}
	times := []unix.Timespec{around.Atim, around.Mtim}
	if around.Mtim == p.made { // the process has changed nothing there
		times = []unix.Timespec{p.before.Atim, p.before.Mtim}
	}
	return unix.UtimesNanoAt(dir, ".", times, 0)
}

// forget takes those directories out of the changes in which nothing but places
// has been made: overlay had to copy them.
func (r *run) forget() error {
	if r.files.layered == nil {
		return nil
	}
	root, err := os.Open(r.files.layered.files())
	if err != nil {
		return err
	}
	defer root.Close()
	for _, place := range slices.Backward(r.places) {
		for name := path.Dir(place.path); name != "."; name = path.Dir(name) {
			if !r.files.isCopy(root, name) || unix.Unlinkat(int(root.Fd()), name, unix.AT_REMOVEDIR) != nil {
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

// isCopy tells whether a directory of the changes is as it is in the layers
// below, and hides nothing of it.
func (w *writable) isCopy(root *os.File, name string) bool {
	copied, err := statFound(root, name)
	if err != nil || copied.Mode&unix.S_IFMT != unix.S_IFDIR || hides(filepath.Join(root.Name(), name)) {
		return false
	}
	for _, lower := range w.lower {
		dir, err := os.Open(lower)
		if err != nil {
			return false
		}
		below, err := statFound(dir, name)
		dir.Close()
		if err == nil {
			return copied.Mode == below.Mode && copied.Uid == below.Uid && copied.Gid == below.Gid && copied.Mtim == below.Mtim
		}
	}
	return false
}

// statFound looks at a file below a directory, if no link is on the way.
func statFound(root *os.File, name string) (stat unix.Stat_t, err error) {
	fd, err := openFound(int(root.Fd()), name, unix.O_PATH)
	if err != nil {
		return stat, err
	}
	return stat, errors.Join(unix.Fstat(fd, &stat), descriptor(fd).Close())
}

package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// enter makes a directory the one that is written to. If it is not there it is
// made, as root's.
func (t *tree) enter(name string) error {
	if t.dir >= 0 && t.name == name {
		return nil
	}
	fd, err := t.open(name)
	if errors.Is(err, unix.ENOENT) && name != "." {
		if err := t.enter(path.Dir(name)); err != nil {
			return err
		}
		if err := unix.Mkdirat(t.dir, path.Base(name), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if fd, err = t.open(name); err == nil {
			err = unix.Fchmod(fd, 0o755) // whatever the umask
		}
	}
	if err != nil {
		return err
	}
	real, err := os.Readlink(opened(fd))
	if err = cmp.Or(err, t.leave()); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	return t.stay(name, path.Join(".", strings.TrimPrefix(real, t.path)), fd)
}

// opened is a path to an open file.
func opened(fd int) string {
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

// stay makes an open directory the one that is written to.
func (t *tree) stay(name, real string, fd int) error {
	t.name, t.real, t.dir = name, real, fd
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	t.times = [2]unix.Timespec{stat.Atim, stat.Mtim}
	return nil
}

// leave gives the directory that was written to its times back.
func (t *tree) leave() error {
	if t.dir < 0 {
		return nil
	}
	err := setTimes(t.dir, "", t.times)
	err = errors.Join(err, unix.Close(t.dir))
	t.dir = -1
	return err
}

// open opens a directory, for which the layer's root is the file system's.
func (t *tree) open(name string) (int, error) {
	return openBelow(int(t.root.Fd()), name)
}

func openBelow(root int, name string) (int, error) {
	if name == "" {
		name = "."
	}
	return unix.Openat2(root, name, &unix.OpenHow{
		Flags:   unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
}

// confinable tells whether the kernel can open a file below a directory, and set
// the times of an open one: Linux 5.8 and newer.
func confinable(dir string) bool {
	root, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	fd, err := openBelow(int(root.Fd()), ".")
	return err == nil && cmp.Or(setTimes(fd, "", [2]unix.Timespec{}), unix.Close(fd)) == nil
}

// replace makes something, in the place of what has the name already: that was
// made under another name, or for a file below it. A directory may stay. What
// the record needs the content of may not go.
func (t *tree) replace(base string, directory bool, do func() error) error {
	err := do()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := t.writer.wait(); err != nil {
		return err
	}
	var old unix.Stat_t
	if err := unix.Fstatat(t.dir, base, &old, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	flags := 0
	switch kind := old.Mode & unix.S_IFMT; {
	case kind == unix.S_IFDIR && directory:
		return nil
	case kind == unix.S_IFREG && old.Size > 0:
		return errors.New("the archive holds this file twice")
	case kind == unix.S_IFDIR:
		flags = unix.AT_REMOVEDIR
	}
	if err := unix.Unlinkat(t.dir, base, flags); err != nil {
		return fmt.Errorf("replacing what the archive held before: %w", err)
	}
	return do()
}

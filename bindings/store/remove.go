package store

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// RemoveTree removes a directory and all that is in it: also directories that
// nobody may enter, and such as are nested deeper than there are descriptors.
func RemoveTree(name string) error {
	if os.RemoveAll(name) == nil {
		return nil
	}
	if err := os.Chmod(name, 0o700); err != nil {
		return err
	}
	fd, err := unix.Open(name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	top := os.NewFile(uintptr(fd), name)
	defer top.Close()
	for moved := 0; ; {
		names, err := top.Readdirnames(-1)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return os.Remove(name)
		}
		for _, base := range names {
			if moved, err = removeAt(top, base, top, moved); err != nil {
				return &os.PathError{Op: "remove", Path: name, Err: err}
			}
		}
		if _, err := top.Seek(0, 0); err != nil {
			return err
		}
	}
}

// removeAt removes a file of a directory. Of the directories in a directory it
// moves each to the top, where their turn comes; moved counts them.
func removeAt(dir *os.File, base string, top *os.File, moved int) (int, error) {
	err := unix.Unlinkat(int(dir.Fd()), base, 0)
	if !errors.Is(err, unix.EISDIR) {
		return moved, err
	}
	if err := unix.Fchmodat(int(dir.Fd()), base, 0o700, 0); err != nil {
		return moved, err
	}
	if dir != top {
		for ; ; moved++ {
			err := unix.Renameat2(int(dir.Fd()), base, int(top.Fd()), "."+strconv.Itoa(moved), unix.RENAME_NOREPLACE)
			if !errors.Is(err, unix.EEXIST) {
				return moved, err
			}
		}
	}
	fd, err := unix.Openat(int(top.Fd()), base, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return moved, err
	}
	sub := os.NewFile(uintptr(fd), base)
	defer sub.Close()
	names, err := sub.Readdirnames(-1)
	for _, name := range names {
		if err == nil {
			moved, err = removeAt(sub, name, top, moved)
		}
	}
	if err != nil {
		return moved, err
	}
	return moved, unix.Unlinkat(int(top.Fd()), base, unix.AT_REMOVEDIR)
}

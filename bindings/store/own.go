package store

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// own gives an open file the owner, mode, extended attributes and times that
// its entry says, in the order in which one does not undo the other.
func (t *tree) own(fd int, header *tar.Header) error {
	if err := t.chown(header, func() error { return unix.Fchown(fd, header.Uid, header.Gid) }); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, uint32(header.Mode)&0o7777); err != nil {
		return err
	}
	err := setXattrs(header, t.options.InUserNS, func(name string, value []byte) error { return unix.Fsetxattr(fd, name, value, 0) })
	if err != nil {
		return err
	}
	return setTimes(fd, "", headerTimes(header))
}

// ownAt is own for what can not be opened.
func (t *tree) ownAt(base string, header *tar.Header) error {
	chown := func() error {
		return unix.Fchownat(t.dir, base, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err := t.chown(header, chown); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstatat(t.dir, base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFLNK { // which has no mode, and would be followed
		if err := unix.Fchmodat(t.dir, base, uint32(header.Mode)&0o7777, 0); err != nil {
			return err
		}
	}
	set := func(name string, value []byte) error { return unix.Lsetxattr(opened(t.dir)+"/"+base, name, value, 0) }
	if err := setXattrs(header, t.options.InUserNS, set); err != nil {
		return err
	}
	return setTimes(t.dir, base, headerTimes(header))
}

// chown tells what an owner that the user namespace does not have is about.
func (t *tree) chown(header *tar.Header, do func() error) error {
	err := do()
	if err == nil || t.options.IgnoreChownErrors {
		return nil
	}
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("its owner %d:%d is not among the ids that /etc/subuid and /etc/subgid give you: %w", header.Uid, header.Gid, err)
	}
	return err
}

// setTimes sets the times of a file in an open directory, or of an open file.
func setTimes(fd int, base string, times [2]unix.Timespec) error {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if base == "" {
		flags = unix.AT_EMPTY_PATH
	}
	return unix.UtimesNanoAt(fd, base, times[:], flags)
}

// headerTimes are the times of access and of modification; no file was read
// before it was written.
func headerTimes(header *tar.Header) [2]unix.Timespec {
	modified, accessed := header.ModTime, header.AccessTime
	if accessed.Before(modified) {
		accessed = modified
	}
	return [2]unix.Timespec{
		{Sec: accessed.Unix(), Nsec: int64(accessed.Nanosecond())},
		{Sec: modified.Unix(), Nsec: int64(modified.Nanosecond())},
	}
}

// setXattrs sets a file's extended attributes but those that are the host's or
// the overlay file system's own. What the disk or the user namespace does not
// allow is left out, as in containers/storage.
func setXattrs(header *tar.Header, userns bool, set func(name string, value []byte) error) error {
	for key, value := range header.PAXRecords {
		name, is := strings.CutPrefix(key, xattrPrefix)
		if !is || name == "security.selinux" || strings.HasPrefix(name, "user.overlay.") || strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		err := set(name, []byte(value))
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !(userns && errors.Is(err, unix.EPERM)) {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}

package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// isPlace tells whether a file is one that Podman makes in each container, to
// mount its own over it or for programs that look for it. Docker keeps these in
// a layer that is no part of an image.
func isPlace(name string, empty bool, link string) bool {
	switch name {
	case "etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv", "run/podman-init":
		return empty
	case "etc/mtab":
		return link == "/proc/mounts"
	}
	return false
}

// made tells whether something in a container's layer is Podman's doing, and
// only that: one of these places, or a directory that is in the layer for their
// sake.
func (u *upper) made(dir *os.File, base, name string, stat *unix.Stat_t) (bool, error) {
	switch kind := stat.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG && isPlace(name, stat.Size == 0, ""):
		return !u.below(name, nil), nil
	case kind == unix.S_IFLNK && name == "etc/mtab":
		target, err := linkTarget(int(dir.Fd()), base)
		return isPlace(name, false, target) && !u.below(name, nil), err
	case kind == unix.S_IFREG && (name == "etc/passwd" || name == "etc/group"):
		return u.onlyAdded(dir, base, name, stat)
	case kind != unix.S_IFDIR:
		return false, nil
	}
	switch name {
	case "dev", "proc", "sys", "etc", "run", "run/secrets":
	default:
		return false, nil
	}
	var was unix.Stat_t
	if u.below(name, &was) && (was.Mode != stat.Mode || was.Uid != stat.Uid || was.Gid != stat.Gid) {
		return false, nil
	}
	opened, err := openNoLink(dir, base, unix.O_DIRECTORY)
	if err != nil {
		return false, changed(err)
	}
	defer opened.Close()
	var unused tar.Header
	if opaque, err := setAttributes(&unused, opened); opaque || err != nil {
		return false, err
	}
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return false, err
	}
	for _, base := range names {
		var stat unix.Stat_t
		if err := unix.Fstatat(int(opened.Fd()), base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return false, err
		}
		if made, err := u.made(opened, base, path.Join(name, base), &stat); !made || err != nil {
			return false, err
		}
	}
	return true, nil
}

// onlyAdded tells whether a file is the one of the layers below, with nothing but
// the line more that Podman adds for a --user who has none.
// Source: generateUserPasswdEntry and generateUserGroupEntry in https://github.com/containers/podman/blob/v4.9.5/libpod/container_internal_common.go
func (u *upper) onlyAdded(dir *os.File, base, name string, stat *unix.Stat_t) (bool, error) {
	const most = 1 << 20
	var was unix.Stat_t
	if !u.below(name, &was) || was.Mode != stat.Mode || was.Uid != stat.Uid || was.Gid != stat.Gid ||
		stat.Size <= was.Size || stat.Size > most {
		return false, nil
	}
	file, err := openNoLink(dir, base, unix.O_NONBLOCK)
	if err != nil {
		return false, changed(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil || int64(len(content)) < was.Size {
		return false, err
	}
	lines := strings.Split(strings.Trim(string(content[was.Size:]), "\n"), "\n")
	fields := strings.Split(lines[0], ":")
	if len(lines) != 1 || len(fields) < 4 || fields[0] != fields[2] ||
		!(len(fields) == 7 && fields[1] == "*" && fields[4] == "container user" || len(fields) == 4 && fields[1] == "x") {
		return false, nil
	}
	old, err := u.contentBelow(name)
	return bytes.Equal(old, content[:was.Size]), err
}

// contentBelow reads a small file of the layers below.
func (u *upper) contentBelow(name string) ([]byte, error) {
	for _, lower := range u.lower {
		file, err := openIn(lower, name, unix.O_RDONLY|unix.O_NONBLOCK)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(file)
		return content, errors.Join(err, file.Close())
	}
	return nil, unix.ENOENT
}

// likeDocker gives a place where something is mounted the mode that docker's
// runtime makes it with; other runtimes have others.
func (u *upper) likeDocker(header *tar.Header, stat *unix.Stat_t) {
	for _, mount := range u.mounts {
		mount = strings.Trim(mount, "/")
		switch {
		case stat.Mode == unix.S_IFDIR|0o1755 && strings.HasPrefix(mount+"/", header.Name+"/") && !u.below(header.Name, nil):
			header.Mode = 0o755
		case (stat.Mode == unix.S_IFREG|0o700 || stat.Mode == unix.S_IFREG|0o755) && stat.Size == 0 && mount == header.Name && !u.below(header.Name, nil):
			header.Mode = 0o644
		}
	}
}

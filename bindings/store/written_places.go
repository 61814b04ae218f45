package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
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
func (p *packer) made(dir *os.File, base, name string, stat *unix.Stat_t) (bool, error) {
	switch kind := stat.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG && isPlace(name, stat.Size == 0, ""):
		return !p.below(name, nil), nil
	case kind == unix.S_IFLNK && name == "etc/mtab":
		target, err := readlink(dir, base)
		return isPlace(name, false, target) && !p.below(name, nil), err
	case kind == unix.S_IFREG && (name == "etc/passwd" || name == "etc/group"):
		return p.onlyAdded(dir, base, name, stat)
	case kind != unix.S_IFDIR:
		return false, nil
	}
	switch name {
	case "dev", "proc", "sys", "etc", "run", "run/secrets":
	default:
		return false, nil
	}
	var was unix.Stat_t
	if p.below(name, &was) && (was.Mode != stat.Mode || was.Uid != stat.Uid || was.Gid != stat.Gid) {
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
		if made, err := p.made(opened, base, path.Join(name, base), &stat); !made || err != nil {
			return false, err
		}
	}
	return true, nil
}

// onlyAdded tells whether a file is the one of the layers below, with nothing but
// the line more that Podman adds for a --user who has none.
// Source: generateUserPasswdEntry and generateUserGroupEntry in https://github.com/containers/podman/blob/v4.9.5/libpod/container_internal_common.go
func (p *packer) onlyAdded(dir *os.File, base, name string, stat *unix.Stat_t) (bool, error) {
	const most = 1 << 20
	var was unix.Stat_t
	if !p.below(name, &was) || was.Mode != stat.Mode || was.Uid != stat.Uid || was.Gid != stat.Gid ||
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
	old, err := p.contentBelow(name)
	return bytes.Equal(old, content[:was.Size]), err
}

// contentBelow reads a small file of the layers below.
func (p *packer) contentBelow(name string) ([]byte, error) {
	for _, lower := range p.lower {
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
func (p *packer) likeDocker(header *tar.Header, stat *unix.Stat_t) {
	for _, mount := range p.mounts {
		mount = strings.Trim(mount, "/")
		switch {
		case stat.Mode == unix.S_IFDIR|0o1755 && strings.HasPrefix(mount+"/", header.Name+"/") && !p.below(header.Name, nil):
			header.Mode = 0o755
		case (stat.Mode == unix.S_IFREG|0o700 || stat.Mode == unix.S_IFREG|0o755) && stat.Size == 0 && mount == header.Name && !p.below(header.Name, nil):
			header.Mode = 0o644
		}
	}
}

// below tells whether the layers below have a file, and what it is.
func (p *packer) below(name string, stat *unix.Stat_t) bool {
	if stat == nil {
		stat = new(unix.Stat_t)
	}
	for _, lower := range p.lower {
		if err := statBelow(lower, name, stat); err == nil {
			return stat.Mode&unix.S_IFMT != unix.S_IFCHR || stat.Rdev != 0
		}
	}
	return false
}

func statBelow(root, name string, stat *unix.Stat_t) error {
	file, err := openIn(root, name, unix.O_PATH)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fstat(int(file.Fd()), stat), file.Close())
}

// openIn opens a file as if a directory were the whole file system.
func openIn(root, name string, flags uint64) (*os.File, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags:   flags | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// setAttributes puts an open file's extended attributes into its header: those
// that mean the same everywhere. opaque tells of a directory that it hides what
// the layers below have in it.
func setAttributes(header *tar.Header, file *os.File) (opaque bool, err error) {
	fd := int(file.Fd())
	size, err := unix.Flistxattr(fd, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(fd, names); err != nil {
		return false, err
	}
	for name := range strings.SplitSeq(string(bytes.TrimRight(names[:size], "\x00")), "\x00") {
		overlay := strings.HasPrefix(name, "user.overlay.") || strings.HasPrefix(name, "trusted.overlay.")
		if !overlay && !strings.HasPrefix(name, "user.") && name != "security.capability" && name != "security.ima" {
			continue
		}
		value, err := attribute(fd, name)
		if err != nil {
			return false, fmt.Errorf("its attribute %s: %w", name, err)
		}
		if !overlay {
			if header.PAXRecords == nil {
				header.PAXRecords = map[string]string{}
			}
			header.PAXRecords["SCHILY.xattr."+name] = value
		} else if _, what, _ := strings.Cut(name, ".overlay."); what == "opaque" {
			opaque = opaque || value == "y"
		} else if what == "redirect" || what == "metacopy" {
			return false, fmt.Errorf("it is kept by overlay's %s, which is not supported", what)
		}
	}
	return opaque, nil
}

func attribute(fd int, name string) (string, error) {
	size, err := unix.Fgetxattr(fd, name, nil)
	if err != nil {
		return "", err
	}
	value := make([]byte, size)
	size, err = unix.Fgetxattr(fd, name, value)
	return string(value[:max(size, 0)]), err
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"
)

// picking finds files in one source.
type picking struct {
	ctx     context.Context
	source  source
	root    *os.File
	ignore  *matcher
	content *reading
}

func newPicking(ctx context.Context, from source) (*picking, error) {
	root, err := os.Open(from.root)
	if err != nil {
		return nil, err
	}
	ignore, err := newMatcher(from.ignore)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	return &picking{ctx: ctx, source: from, root: root, ignore: ignore, content: newReading(ctx, root, from)}, nil
}

// close waits for the digests.
func (p *picking) close() error {
	return errors.Join(p.content.wait(), p.root.Close())
}

// position is a file of the source.
type position struct {
	path    string // from the root, free of links; "" is the root
	stat    unix.Stat_t
	ignored bool // .dockerignore names it; a directory may hold what it does not name
	info    patternmatcher.MatchInfo
}

func (a *position) kind() uint32 { return a.stat.Mode & unix.S_IFMT }

// below looks at a file of a directory. What .dockerignore names is not there,
// but for directories that hold exceptions.
func (p *picking) below(dir *position, name string) (*position, error) {
	at := &position{path: path.Join(dir.path, name)}
	var err error
	if at.ignored, at.info, err = p.ignore.match(at.path, dir.info); err != nil {
		return nil, err
	}
	if at.ignored && !p.ignore.exceptBelow(at.path) {
		return nil, fs.ErrNotExist
	}
	if err := unix.Fstatat(int(p.root.Fd()), at.path, &at.stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, fmt.Errorf("looking at %.200s: %w", path.Join(p.source.root, at.path), err)
	}
	if at.ignored && at.kind() != unix.S_IFDIR {
		return nil, fs.ErrNotExist
	}
	return at, nil
}

// maxLinks is how many links a path may follow, as in Linux.
const maxLinks = 40

// at finds what a path leads to, for which the source's root is the root of the
// file system: the way of its links, too.
func (p *picking) at(name string) (*position, error) {
	root := &position{}
	if err := unix.Fstat(int(p.root.Fd()), &root.stat); err != nil {
		return nil, err
	}
	way, rest, links := []*position{root}, strings.Split(name, "/"), 0
	for len(rest) > 0 {
		part, dir := rest[0], way[len(way)-1]
		rest = rest[1:]
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			way = way[:max(len(way)-1, 1)]
			continue
		case dir.kind() != unix.S_IFDIR:
			return nil, unix.ENOTDIR
		}
		next, err := p.below(dir, part)
		if err != nil {
			return nil, err
		}
		if next.kind() != unix.S_IFLNK {
			way = append(way, next)
			continue
		}
		if links++; links > maxLinks {
			return nil, unix.ELOOP
		}
		target, err := linkTarget(int(p.root.Fd()), next.path)
		if err != nil {
			return nil, err
		}
		if path.IsAbs(target) {
			way = way[:1]
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return way[len(way)-1], nil
}

// linked tells whether a file is a link: to nothing, if at does not find it.
func (p *picking) linked(name string) bool {
	var stat unix.Stat_t
	err := unix.Fstatat(int(p.root.Fd()), strings.TrimPrefix(name, "/"), &stat, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && stat.Mode&unix.S_IFMT == unix.S_IFLNK
}

// matching are the names that a pattern matches, in the order of their parts.
// One without wildcards is its own.
// Source: https://github.com/tonistiigi/fsutil/blob/586307ad452f/copy/copy.go (ResolveWildcards).
func (p *picking) matching(pattern string) (names []string, wild bool, err error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, false, fmt.Errorf("invalid includepatterns: [%s]: %w", pattern[1:], err)
	}
	parts := strings.Split(pattern[1:], "/")
	first := slices.IndexFunc(parts, hasWildcard)
	if first < 0 {
		return []string{pattern}, false, nil
	}
	base := "/" + path.Join(parts[:first]...)
	dir, err := p.at(base)
	if err == nil && dir.kind() != unix.S_IFDIR {
		if p.source.own {
			return nil, true, nil
		}
		err = unix.ENOTDIR
	}
	if err != nil {
		return nil, true, p.absent(base, []string{}, err)
	}
	names, err = p.glob(dir, parts[first:])
	return names, true, err
}

func (p *picking) glob(dir *position, parts []string) (names []string, err error) {
	all, err := p.names(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if matched, _ := filepath.Match(parts[0], name); !matched {
			continue
		}
		at, err := p.below(dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case len(parts) == 1:
			names = append(names, "/"+at.path)
		case at.kind() == unix.S_IFDIR:
			below, err := p.glob(at, parts[1:])
			if err != nil {
				return nil, err
			}
			names = append(names, below...)
		}
	}
	return names, nil
}

// names are those of the files in a directory, in order.
func (p *picking) names(dir *position) ([]string, error) {
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	fd, err := openFound(int(p.root.Fd()), dir.path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, p.unreadable(dir.path, err)
	}
	file := os.NewFile(uintptr(fd), dir.path)
	defer file.Close()
	names, err := file.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// unreadable says what to do about a file of a context that can not be read.
func (p *picking) unreadable(name string, err error) error {
	return unreadable(p.source, name, err)
}

func unreadable(from source, name string, err error) error {
	err = fmt.Errorf("open %s: %w", path.Join(from.root, name), err)
	if errors.Is(err, fs.ErrPermission) && !from.own {
		return fmt.Errorf("%w: make it readable for you, or name it in .dockerignore", err)
	}
	return err
}

// hasWildcard tells whether a part of a path is a pattern.
func hasWildcard(part string) bool {
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '*', '?', '[':
			return true
		case '\\':
			i++
		}
	}
	return false
}

// openFound opens a file below a directory by a path that is free of links, and
// fails if it is no longer.
func openFound(root int, name string, flags int) (int, error) {
	if name == "" {
		name = "."
	}
	flags |= unix.O_CLOEXEC | unix.O_NOFOLLOW
	if flags&unix.O_PATH == 0 {
		flags |= unix.O_NONBLOCK // no named pipe stops it
	}
	for {
		fd, err := unix.Openat2(root, name, &unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // Linux 5.5 and older
			fd, err = openParts(root, strings.Split(name, "/"), flags)
		}
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
	}
}

// openParts does it directory by directory.
func openParts(root int, parts []string, flags int) (int, error) {
	for _, part := range parts[:len(parts)-1] {
		dir, err := unix.Openat(root, part, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		defer descriptor(dir).Close()
		root = dir
	}
	return unix.Openat(root, parts[len(parts)-1], flags, 0)
}

func linkTarget(dir int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := unix.Readlinkat(dir, name, buffer)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buffer[:n]), nil
		}
	}
}

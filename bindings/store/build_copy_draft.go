package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containers/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// draft is a layer on its way: what will be in it, and what that shows of the
// files below.
type draft struct {
	below    *os.File // the root directory of the files below; nil: there are none
	root     *node
	now      unix.Timespec // when what has no time of its own was made
	archives []*unpacking
	disk     string // a directory on that of the store
}

// node is a file of a layer, or one of below that is in its way.
type node struct {
	name   string
	parent *node
	files  map[string]*node // of a directory
	mode   uint32           // its kind, too, as in a Stat_t
	uid    uint32
	gid    uint32
	device uint64
	mtime  unix.Timespec
	link   string
	xattrs map[string]string
	size   int64

	kept    bool      // it is in the layer
	below   bool      // it is a directory in which the files below show
	hides   bool      // it is in the place of such a directory
	from    *found    // its content
	root    string    // the directory below which that is
	names   *sameFile // that it shares with others
	entry   int       // of an archive, that has its content; from 1
	linked  bool      // that entry is only another name
	written bool      // it is in the stream
}

// sameFile is what several names have in common.
type sameFile struct {
	first *node // that is in the stream
}

func (n *node) kind() uint32 { return n.mode & unix.S_IFMT }

func (n *node) path() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

// newDraft begins a layer on top of the files below a directory; "": of none.
func newDraft(below string) (*draft, error) {
	l := &draft{now: unix.NsecToTimespec(time.Now().UnixNano())}
	l.root = &node{mode: unix.S_IFDIR | 0o755, files: map[string]*node{}, mtime: l.now}
	if below == "" {
		return l, nil
	}
	var err error
	if l.below, err = os.Open(below); err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(l.below.Fd()), &stat); err != nil {
		l.close()
		return nil, err
	}
	l.root.mode, l.root.uid, l.root.gid, l.root.below = stat.Mode, stat.Uid, stat.Gid, true
	return l, nil
}

func (l *draft) close() {
	for _, a := range l.archives {
		a.close()
	}
	if l.below != nil {
		l.below.Close()
	}
}

// child is a file of a directory, nil if there is none.
func (l *draft) child(dir *node, name string) (*node, error) {
	if n := dir.files[name]; n != nil || !dir.below {
		return n, nil
	}
	full := strings.TrimPrefix(path.Join(dir.path(), name), "/")
	var stat unix.Stat_t
	err := unix.Fstatat(int(l.below.Fd()), full, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lstat /%s: %w", full, err)
	}
	n := &node{name: name, parent: dir, mode: stat.Mode, uid: stat.Uid, gid: stat.Gid, mtime: stat.Mtim, size: stat.Size, device: stat.Rdev}
	switch n.kind() {
	case unix.S_IFDIR:
		n.files, n.below = map[string]*node{}, true
		n.xattrs, err = xattrsOf(opened(int(l.below.Fd())) + "/" + full)
	case unix.S_IFLNK:
		n.link, err = linkTarget(int(l.below.Fd()), full)
	}
	if err != nil {
		return nil, fmt.Errorf("reading /%s: %w", full, err)
	}
	dir.files[name] = n
	return n, nil
}

// place puts a file into a directory, in the place of what is there.
func (l *draft) place(dir *node, name string, n *node) (*node, error) {
	if strings.HasPrefix(name, archive.WhiteoutPrefix) {
		return nil, fmt.Errorf("%s can not be put into an image: names that begin with %s are how layers hide files; leave it out",
			path.Join(dir.path(), name), archive.WhiteoutPrefix)
	}
	old, err := l.child(dir, name)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if old.written {
			return nil, errAgain
		}
		n.hides = old.hides || old.below
	}
	n.name, n.parent = name, dir
	dir.files[name] = n
	if !dir.kept {
		dir.mtime = l.now
	}
	l.keep(n)
	return n, nil
}

// keep takes a file into the layer, with all directories that it is in.
func (l *draft) keep(n *node) {
	for ; n != nil && !n.kept; n = n.parent {
		n.kept = true
	}
}

// spot is where a path leads: to a file, or to what is missing in a directory.
type spot struct {
	node    *node
	missing []string
}

// resolve finds a path, for which root is the root of the file system: the way
// of its links, too.
func (l *draft) resolve(root *node, name string) (spot, error) {
	at, links := spot{node: root}, 0
	rest := strings.Split(name, "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && len(at.missing) > 0:
			at.missing = at.missing[:len(at.missing)-1]
			continue
		case part == "..":
			if at.node != root {
				at.node = at.node.parent
			}
			continue
		case len(at.missing) > 0:
			at.missing = append(at.missing, part)
			continue
		case at.node.kind() != unix.S_IFDIR:
			return at, fmt.Errorf("lstat %s: %w", path.Join(at.node.path(), part), unix.ENOTDIR)
		}
		next, err := l.child(at.node, part)
		switch {
		case err != nil:
			return at, err
		case next == nil:
			at.missing = append(at.missing, part)
		case next.kind() == unix.S_IFLNK:
			if links++; links > maxLinks {
				return at, fmt.Errorf("lstat %s: %w", next.path(), unix.ELOOP)
			}
			if path.IsAbs(next.link) {
				at.node = root
			}
			rest = append(strings.Split(next.link, "/"), rest...)
		default:
			at.node = next
		}
	}
	return at, nil
}

// makeAll makes the directories that are missing in a place, and returns the
// last: all with the mode, and with the owner if it is not nil.
func (l *draft) makeAll(at spot, perm uint32, owner *owner) (*node, error) {
	dir := at.node
	if dir.kind() != unix.S_IFDIR {
		return nil, fmt.Errorf("mkdir %s: %w", dir.path(), unix.ENOTDIR)
	}
	for _, name := range at.missing {
		n := &node{mode: unix.S_IFDIR | perm, files: map[string]*node{}, mtime: l.now}
		if dir.mode&unix.S_ISGID != 0 { // as the kernel does it
			n.mode |= unix.S_ISGID
			n.gid = dir.gid
		}
		if owner != nil {
			n.uid, n.gid = owner.uid, owner.gid
		}
		var err error
		if dir, err = l.place(dir, name, n); err != nil {
			return nil, err
		}
	}
	return dir, nil
}

// all are the files of the layer, each after its directory.
func (l *draft) all() []*node {
	var nodes []*node
	var add func(dir *node)
	add = func(dir *node) {
		files := make([]*node, 0, len(dir.files))
		for _, file := range dir.files {
			if file.kept {
				files = append(files, file)
			}
		}
		slices.SortFunc(files, func(a, b *node) int { return strings.Compare(a.name, b.name) })
		for _, file := range files {
			nodes = append(nodes, file)
			if file.files != nil {
				add(file)
			}
		}
	}
	add(l.root)
	return nodes
}

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// source is a tree that COPY takes files from.
type source struct {
	root   string    // a directory: a context, or the files of a stage or an image; "" for text of the Dockerfile
	file   string    // what was fetched: a file, or a directory with a git checkout; "": the item's Path below root
	ignore []string  // patterns of .dockerignore, for a context
	own    bool      // its files keep their owners: it is an image or a stage
	seen   string    // a file that remembers the digests of its files between builds; "": none
	read   func(int) // is told how many bytes are read to know what is in the files; may be nil
}

// picked are the files that a Copy takes, in the order in which it puts them.
type picked struct {
	matches []*match
	sum     digest.Digest
}

// match is one of the files that an item names, or a directory, the contents of
// which are taken.
type match struct {
	name   string // under which it goes into a directory
	root   string // of its source
	top    *found
	unpack bool // if it is an archive
}

// found is a file of a source. There may be very many of them.
type found struct {
	name   string // the last part of its path
	dir    *found // that it is in; nil for what a match begins with
	mode   uint32 // its kind, too, as in a Stat_t
	uid    uint32
	gid    uint32
	passed bool // a directory that only holds what is taken
	size   int64
	mtime  unix.Timespec
	sum    [sha256.Size]byte // of the content
	*rare
}

// rare is what few files have.
type rare struct {
	files  []*found          // of a directory, by name
	place  string            // of what has no dir: its path from the source's root, free of links
	device uint64            // of a device: which
	link   string            // where a link leads
	xattrs map[string]string // but those of the host and of the store
	data   []byte            // the content of one that is on no disk
	inode  [2]uint64         // device and number of one with several names
	parts  [][sha256.Size]byte
}

// ordinary is shared by all files that have nothing rare.
var ordinary rare

// rarely is for what is to be set.
func (f *found) rarely() *rare {
	if f.rare == &ordinary {
		f.rare = &rare{}
	}
	return f.rare
}

// path is from the source's root, free of links.
func (f *found) path() string {
	var names []string
	for ; f.dir != nil; f = f.dir {
		names = append(names, f.name)
	}
	slices.Reverse(names)
	return path.Join(f.place, strings.Join(names, "/"))
}

func (f *found) kind() uint32 { return f.mode & unix.S_IFMT }

// digest is that of all that counts for the layer, but for the files below:
// what the Copy says, names, contents, modes, owners, links and extended
// attributes, and no times.
func (p *picked) digest() digest.Digest { return p.sum }

// pick finds the files that a Copy takes; from[i] is the source of c.Items[i].
// It reads them once, for their digest, and those that the source's memory of
// the last build knows not at all.
func (s *Store) pick(ctx context.Context, c *dockerfile.Copy, from []source) (*picked, error) {
	p := &picked{}
	begun := time.Now()
	for i, item := range c.Items {
		matches, err := pickItem(ctx, c, item, from[i], begun)
		if err != nil {
			return nil, err
		}
		p.matches = append(p.matches, matches...)
	}
	p.sum = digestOf(c, p.matches)
	return p, nil
}

func pickItem(ctx context.Context, c *dockerfile.Copy, item dockerfile.Item, from source, begun time.Time) ([]*match, error) {
	if item.Script != nil {
		text := item.Script
		now := unix.NsecToTimespec(begun.UnixNano())
		top := &found{name: path.Base(text.Path), mode: unix.S_IFREG | uint32(text.Mode.Perm()), size: int64(len(text.Data)), mtime: now, rare: &rare{data: text.Data}}
		top.sum = sha256.Sum256(text.Data)
		return []*match{{name: top.name, top: top}}, nil
	}
	if from.file != "" {
		from.root = filepath.Dir(from.file)
	}
	p, err := newPicking(ctx, from)
	if err != nil {
		return nil, err
	}
	matches, err := p.item(c, item)
	if closed := p.close(); err == nil {
		err = closed
	}
	return matches, err
}

// item finds what one item names.
func (p *picking) item(c *dockerfile.Copy, item dockerfile.Item) (matches []*match, err error) {
	switch {
	case p.source.file != "":
		m, err := p.fetched(item, c.Exclude)
		if err != nil {
			return nil, err
		}
		m.unpack = item.URL != "" && c.URLs
		matches = []*match{m}
	case c.Parents:
		matches, err = p.parents(item.Path, c.Exclude)
	default:
		matches, err = p.named(item.Path, nil, c.Exclude)
		for _, m := range matches {
			m.unpack = c.Unpack
		}
	}
	return matches, err
}

// fetched takes what a URL or a git repository has given.
func (p *picking) fetched(item dockerfile.Item, exclude []string) (*match, error) {
	at, err := p.at(filepath.Base(p.source.file))
	if err != nil {
		return nil, err
	}
	switch {
	case item.Git == "":
		exclude = nil // as of any file that is named itself
	case !item.KeepGitDir:
		exclude = append(slices.Clone(exclude), ".git")
	}
	filter, err := newFilter(nil, exclude)
	if err != nil {
		return nil, err
	}
	top, err := p.take(at, filter)
	if err != nil {
		return nil, err
	}
	m := &match{name: path.Base(at.path), root: p.source.root, top: top}
	if item.URL != "" {
		top.mode = unix.S_IFREG | 0o600
		m.name = nameOf(item.URL)
	}
	return m, nil
}

// nameOf is the name of the file that a URL leads to.
// Source: https://github.com/moby/buildkit/blob/v0.25.1/frontend/dockerfile/dockerfile2llb/convert.go (dispatchCopy).
func nameOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		if base := path.Base(u.Path); base != "." && base != ".." && base != "/" {
			return base
		}
	}
	return "__unnamed__"
}

// parents finds the files of a pattern that keep their path behind the pivot.
func (p *picking) parents(pattern string, exclude []string) ([]*match, error) {
	base, below, pivoted := strings.Cut(pattern, "/./")
	if !pivoted {
		base, below = "/", pattern
	}
	below = strings.TrimPrefix(path.Clean("/"+below), "/")
	if below == "" {
		below = "**"
	}
	return p.named(base, []string{below}, exclude)
}

// named finds the files that a pattern matches, and in directories those that
// include has and exclude has not.
func (p *picking) named(pattern string, include, exclude []string) ([]*match, error) {
	pattern = path.Clean("/" + pattern)
	filter, err := newFilter(include, exclude)
	if err != nil {
		return nil, err
	}
	names, wild, err := p.matching(pattern)
	if err != nil {
		return nil, err
	}
	var matches []*match
	for _, name := range names {
		at, err := p.at(name)
		var top *found
		if err == nil {
			top, err = p.take(at, filter)
		}
		if wild && errors.Is(err, fs.ErrNotExist) && !p.linked(name) {
			continue // .dockerignore names it
		}
		if err != nil {
			return nil, p.absent(name, include, err)
		}
		matches = append(matches, &match{name: path.Base(name), root: p.source.root, top: top})
	}
	return matches, nil
}

// absent says in docker's words that something is not there.
func (p *picking) absent(name string, include []string, err error) error {
	switch {
	case errors.Is(err, unix.ELOOP):
		return fmt.Errorf("%s: %w", name, err)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR):
		return err
	case include != nil || p.source.own && !p.linked(name):
		return fmt.Errorf("lstat %s: %w", name, unix.ENOENT)
	}
	return fmt.Errorf("failed to compute cache key: %q: not found", name) //nolint:revive // Docker's words
}

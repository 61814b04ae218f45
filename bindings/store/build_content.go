package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// reading reads files on all processors: for the digests of their contents,
// and for their extended attributes.
type reading struct {
	outer   context.Context
	ctx     context.Context // ends with the first error, too
	group   *errgroup.Group
	root    *os.File
	source  source
	memory  *memory
	buffers sync.Pool
}

// partSize is what is hashed in one go, in bytes: the digest of a longer file is
// that of the digests of its parts, which do not wait for each other.
const partSize = 8 << 20

func newReading(ctx context.Context, root *os.File, from source) *reading {
	c := &reading{outer: ctx, root: root, source: from, memory: remember(from.seen)}
	c.buffers.New = func() any { return new([chunkSize]byte) }
	c.group, c.ctx = errgroup.WithContext(ctx)
	c.group.SetLimit(runtime.GOMAXPROCS(0))
	return c
}

// add has a file read, if it is not known from the last time.
func (c *reading) add(f *found, name string, stat *unix.Stat_t) error {
	now := looks(stat)
	if sum, bare, known := c.memory.find(name, now); known {
		f.sum = sum
		if !bare {
			return c.xattrs(f, name)
		}
		return nil
	}
	if err := c.xattrs(f, name); err != nil {
		return err
	}
	if f.kind() != unix.S_IFREG || f.size == 0 {
		f.sum = sha256.Sum256(nil)
		return nil
	}
	parts := int((f.size + partSize - 1) / partSize)
	if parts > 1 {
		f.rarely().parts = make([][sha256.Size]byte, parts)
	}
	for part := range parts {
		if err := c.ctx.Err(); err != nil {
			return cmp.Or(c.group.Wait(), err)
		}
		c.group.Go(func() error { return c.part(f, name, part) })
	}
	c.memory.note(f, name, now)
	return nil
}

// part hashes a part of a file.
func (c *reading) part(f *found, name string, part int) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	fd, err := openFound(int(c.root.Fd()), name, unix.O_RDONLY)
	if err != nil {
		return unreadable(c.source, name, err)
	}
	defer descriptor(fd).Close()
	buffer := c.buffers.Get().(*[chunkSize]byte)
	defer c.buffers.Put(buffer)
	hash := sha256.New()
	at := int64(part) * partSize
	for end := min(at+partSize, f.size); at < end; {
		n, err := unix.Pread(fd, buffer[:min(end-at, chunkSize)], at)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("reading %s: %w", path.Join(c.source.root, name), err)
		case n == 0:
			return changedSince(path.Join(c.source.root, name))
		}
		hash.Write(buffer[:n])
		at += int64(n)
		if c.source.read != nil {
			c.source.read(n)
		}
	}
	if len(f.parts) == 0 {
		hash.Sum(f.sum[:0])
	} else {
		hash.Sum(f.parts[part][:0])
	}
	return nil
}

// wait returns when all is read.
func (c *reading) wait() error {
	if err := cmp.Or(c.group.Wait(), c.outer.Err()); err != nil {
		return err
	}
	return c.memory.keep()
}

// whole is the digest of a file's content, when all of its parts are read.
func (f *found) whole() [sha256.Size]byte {
	if len(f.parts) > 0 {
		hash := sha256.New()
		for i := range f.parts {
			hash.Write(f.parts[i][:])
		}
		hash.Sum(f.sum[:0])
		f.parts = nil
	}
	return f.sum
}

func changedSince(name string) error {
	return fmt.Errorf("%s has changed while it was copied: build again", name)
}

// xattrs reads a file's extended attributes, but not in a context: there these do
// not come through to docker's.
func (c *reading) xattrs(f *found, name string) error {
	if !c.source.own {
		return nil
	}
	all, err := xattrsOf(opened(int(c.root.Fd())) + "/" + name)
	if err != nil {
		return fmt.Errorf("reading the extended attributes of %s: %w", path.Join(c.source.root, name), err)
	}
	if len(all) > 0 {
		f.rarely().xattrs = all
	}
	return nil
}

// capability is the extended attribute that a build puts into layers. As with
// docker it is the only one: what else there is, the note where a file was
// downloaded from, say, is not pushed to the world.
const capability = "security.capability"

// xattrsOf are the extended attributes of a file that come into layers.
func xattrsOf(name string) (map[string]string, error) {
	var value [64]byte // the kernel has none that is longer
	n, err := unix.Lgetxattr(name, capability, value[:])
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{capability: string(value[:n])}, nil
}

// write writes all of a file that counts, and that of those below it.
func (f *found) write(w io.Writer, named, own bool) {
	name := f.name
	if !named {
		name = ""
	}
	uid, gid, mode := f.uid, f.gid, f.mode
	if !own {
		uid, gid = 0, 0
	}
	if !named && f.kind() == unix.S_IFDIR { // only its contents go anywhere
		uid, gid, mode = 0, 0, unix.S_IFDIR
	}
	if f.passed {
		mode |= 1 << 31
	}
	sum := f.whole()
	fmt.Fprintf(w, "%q %o %d %d %d %q %d %d", name, mode, uid, gid, f.device, f.link, len(f.files), len(f.xattrs))
	if f.kind() == unix.S_IFREG {
		fmt.Fprintf(w, " %d %x", f.size, sum)
	}
	for _, key := range slices.Sorted(maps.Keys(f.xattrs)) {
		fmt.Fprintf(w, " %q %q", key, f.xattrs[key])
	}
	fmt.Fprintln(w)
	for _, file := range f.files {
		file.write(w, true, own)
	}
}

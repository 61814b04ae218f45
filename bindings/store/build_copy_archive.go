package store

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/containers/image/v5/pkg/compression"
	"golang.org/x/sys/unix"
)

// errAgain ends a pass through an archive that holds a file twice, which a layer
// can not: in another pass only the last is taken.
var errAgain = errors.New("the archive holds a file twice")

// unpacking is an archive that ADD unpacks.
type unpacking struct {
	ctx     context.Context
	name    string // of the file
	file    *os.File
	stop    context.CancelFunc
	into    *node
	owner   *owner // nil: as the archive says
	entries *tar.Reader
	entry   int           // from 1
	last    map[int]*node // what entries hold, if that is known
	extra   []*node       // files of below that links have brought into the layer
}

// archive opens a match that is to be unpacked: nil if it is no archive.
func (m *match) archive(ctx context.Context) (*unpacking, error) {
	if !m.unpack || m.top.kind() != unix.S_IFREG || m.top.size == 0 {
		return nil, nil
	}
	root, err := os.Open(m.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fd, err := openFound(int(root.Fd()), m.top.path(), unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path.Join(m.root, m.top.path()), err)
	}
	a := &unpacking{ctx: ctx, name: path.Join(m.root, m.top.path()), file: os.NewFile(uintptr(fd), m.name)}
	plain, _, err := compression.AutoDecompress(bufio.NewReader(a.file))
	if err == nil {
		_, err = tar.NewReader(plain).Next()
		plain.Close()
	}
	if err != nil { // it is copied
		a.close()
		return nil, nil
	}
	return a, nil
}

func (a *unpacking) close() {
	if a.stop != nil {
		a.stop()
	}
	a.file.Close()
}

// begin goes to the archive's beginning. It is decompressed by a goroutine of
// its own.
func (a *unpacking) begin() error {
	if a.stop != nil {
		a.stop()
	}
	var ctx context.Context
	ctx, a.stop = context.WithCancel(a.ctx)
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	file, err := os.Open(opened(int(a.file.Fd()))) // the goroutine before may still read
	if err != nil {
		return err
	}
	a.entry = 0
	a.entries = tar.NewReader(readAhead(ctx, &closing{plain{blob: bufio.NewReaderSize(file, chunkSize)}, file}, 1)[0])
	return nil
}

// closing closes a file when it is read no more.
type closing struct {
	plain
	file *os.File
}

func (c *closing) ended() {
	c.plain.ended()
	c.file.Close()
}

// unpack has an archive unpacked into a directory. With twice it is known
// beforehand what will be left of it.
// Source: https://github.com/moby/buildkit/blob/v0.25.1/solver/llbsolver/file/unpack.go
func (l *draft) unpack(a *unpacking, dest string, how *manner, twice bool) error {
	at, err := l.resolve(l.root, dest)
	if err != nil {
		return err
	}
	if a.into, err = l.makeAll(at, 0o755, how.owner); err != nil {
		return err
	}
	a.owner = how.owner
	if twice {
		a.last = map[int]*node{}
		if err := a.begin(); err != nil {
			return err
		}
		for {
			header, err := a.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			n, err := l.entry(a, header)
			if err != nil {
				return a.failed(header, err)
			}
			if n != nil {
				a.last[a.entry] = n
			}
		}
	}
	return a.begin()
}

func (a *unpacking) next() (*tar.Header, error) {
	header, err := a.entries.Next()
	a.entry++
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("unpacking %s: %w", a.name, err)
	}
	return header, err
}

func (a *unpacking) failed(header *tar.Header, err error) error {
	if errors.Is(err, errAgain) {
		return err
	}
	return fmt.Errorf("unpacking %s: %.200s: %w", a.name, header.Name, err)
}

// entry puts what an entry of an archive holds into the draft; nil is what
// holds nothing. The archive's own directory is the root of the file system for
// all links.
func (l *draft) entry(a *unpacking, header *tar.Header) (*node, error) {
	if len(header.Name) >= unix.PathMax || len(header.Linkname) >= unix.PathMax {
		return nil, unix.ENAMETOOLONG
	}
	name := path.Clean(strings.TrimLeft(header.Name, "/"))
	switch {
	case header.Typeflag == tar.TypeXGlobalHeader || name == ".":
		return nil, nil
	case name == ".." || strings.HasPrefix(name, "../"):
		return nil, fmt.Errorf("invalid entry name %q", header.Name)
	}
	at, err := l.resolve(a.into, path.Dir(name))
	if err != nil {
		return nil, err
	}
	dir, err := l.makeAll(at, 0o755, nil)
	if err != nil {
		return nil, err
	}
	base := path.Base(name)
	if sparse(header) {
		if err := fits(l.disk, header.Size); err != nil {
			return nil, err
		}
	}
	n := &node{entry: a.entry, size: header.Size}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		n.mode = unix.S_IFREG
	case tar.TypeDir:
		n.mode, n.files = unix.S_IFDIR, map[string]*node{}
	case tar.TypeSymlink:
		n.mode, n.link = unix.S_IFLNK, header.Linkname
	case tar.TypeFifo:
		n.mode = unix.S_IFIFO
	case tar.TypeChar, tar.TypeBlock:
		return nil, errors.New("it is a device, which nobody but root can make: leave it out of the archive")
	case tar.TypeLink:
		if n.names, err = l.linked(a, header.Linkname); err != nil {
			return nil, fmt.Errorf("linking to %s: %w", header.Linkname, err)
		}
		n.mode, n.linked = unix.S_IFREG, true
	default:
		return nil, fmt.Errorf("unhandled tar header type %d", header.Typeflag)
	}
	if n.files != nil {
		there, err := l.child(dir, base)
		if err != nil {
			return nil, err
		}
		if there != nil && there.kind() == unix.S_IFDIR {
			if there.written {
				return nil, errAgain
			}
			a.attributes(there, header)
			l.keep(there)
			return there, nil
		}
	}
	a.attributes(n, header)
	return l.place(dir, base, n)
}

// attributes gives a node what an entry says.
func (a *unpacking) attributes(n *node, header *tar.Header) {
	n.mode = n.mode&unix.S_IFMT | uint32(header.Mode)&0o7777
	n.uid, n.gid = uint32(header.Uid), uint32(header.Gid)
	if a.owner != nil {
		n.uid, n.gid = a.owner.uid, a.owner.gid
	}
	n.mtime = unix.Timespec{Sec: header.ModTime.Unix(), Nsec: int64(header.ModTime.Nanosecond())}
	if value, has := header.PAXRecords[xattrPrefix+capability]; has {
		n.xattrs = map[string]string{capability: value}
	}
}

// xattrPrefix begins the names of extended attributes in archives.
const xattrPrefix = "SCHILY.xattr."

// linked finds the file that an entry is another name of. One of below comes
// into the layer for that.
func (l *draft) linked(a *unpacking, name string) (*sameFile, error) {
	name = path.Clean(strings.TrimLeft(name, "/"))
	if name == ".." || strings.HasPrefix(name, "../") {
		return nil, errors.New("invalid hardlink target")
	}
	at, err := l.resolve(a.into, path.Dir(name))
	if err != nil {
		return nil, err
	}
	if len(at.missing) > 0 || at.node.kind() != unix.S_IFDIR {
		return nil, unix.ENOENT
	}
	target, err := l.child(at.node, path.Base(name))
	switch {
	case err != nil:
		return nil, err
	case target == nil:
		return nil, unix.ENOENT
	case target.kind() == unix.S_IFDIR:
		return nil, unix.EPERM
	}
	if target.names == nil {
		target.names = &sameFile{}
		if target.written {
			target.names.first = target
		}
	}
	if !target.kept {
		full := strings.TrimPrefix(target.path(), "/")
		target.root = opened(int(l.below.Fd()))
		target.from = &found{mode: target.mode, size: target.size, mtime: target.mtime, rare: &rare{place: full}}
		if target.xattrs, err = xattrsOf(target.root + "/" + full); err != nil {
			return nil, err
		}
		l.keep(target)
		a.extra = append(a.extra, target)
	}
	return target.names, nil
}

package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containers/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// layerStream is a layer as a tar archive, made while it is read: files are read
// straight into what asks for the archive.
type layerStream struct {
	ctx   context.Context
	draft *draft
	done  chan struct{} // closed when nobody reads any more
	err   error

	queue    []*node // that come next
	left     []*node
	archives []*unpacking
	ending   bool

	header  bytes.Buffer
	head    []byte // that come before the content
	now     *node
	content io.Reader
	file    descriptor // if the content is one; -1: none
	size    int64      // of the content that is left
	padding int64

	root, dir string     // of the last file
	dirFile   descriptor // -1: none
}

func newLayerStream(ctx context.Context, l *draft) *layerStream {
	return &layerStream{ctx: ctx, draft: l, done: make(chan struct{}), left: l.all(), archives: l.archives, file: -1, dirFile: -1}
}

const tarBlock = 512

// Read reads on.
func (s *layerStream) Read(into []byte) (int, error) {
	for s.err == nil {
		if len(s.head) > 0 {
			n := copy(into, s.head)
			s.head = s.head[n:]
			return n, nil
		}
		if s.size > 0 {
			n, err := s.content.Read(into[:min(int64(len(into)), s.size)])
			if s.size -= int64(n); s.size == 0 {
				err = s.endContent()
			} else if errors.Is(err, io.EOF) {
				err = changedSince(s.name())
			}
			s.err = err
			return n, err
		}
		s.err = s.next()
	}
	return 0, s.err
}

func (s *layerStream) name() string { return path.Join(s.now.root, s.now.from.path()) }

// endContent checks that the file is still what it was when it was found.
func (s *layerStream) endContent() error {
	s.head = make([]byte, s.padding)
	if s.file < 0 {
		return nil
	}
	var stat unix.Stat_t
	err := unix.Fstat(int(s.file), &stat)
	if closed := s.file.Close(); err == nil {
		err = closed
	}
	s.file = -1
	if from := s.now.from; err == nil && (stat.Size != from.size || stat.Mtim != from.mtime) {
		err = changedSince(s.name())
	}
	return err
}

// next begins the next entry.
func (s *layerStream) next() error {
	for len(s.queue) > 0 {
		n := s.queue[0]
		if s.queue = s.queue[1:]; !n.written {
			return s.begin(n)
		}
	}
	for len(s.left) > 0 {
		n := s.left[0]
		s.left = s.left[1:]
		if n.entry == 0 || n.kind() == unix.S_IFDIR { // else an archive has its content
			return s.begin(n)
		}
	}
	if len(s.archives) > 0 {
		return s.unpacked(s.archives[0])
	}
	if s.ending {
		return io.EOF
	}
	s.ending = true
	s.head = make([]byte, 2*tarBlock)
	return s.ctx.Err()
}

// unpacked goes on to the next entry of an archive. The directories that it is
// in come before it, and files that it is another name of.
func (s *layerStream) unpacked(a *unpacking) error {
	header, err := a.next()
	if errors.Is(err, io.EOF) {
		s.archives = s.archives[1:]
		return nil
	}
	if err != nil {
		return err
	}
	n := a.last[a.entry]
	if a.last == nil {
		if n, err = s.draft.entry(a, header); err != nil {
			return a.failed(header, err)
		}
	}
	if n == nil || n.written || !n.attached() {
		return nil
	}
	for _, extra := range append(a.extra, n) {
		var above []*node
		for dir := extra.parent; dir.parent != nil && !dir.written; dir = dir.parent {
			above = append(above, dir)
		}
		slices.Reverse(above)
		s.queue = append(append(s.queue, above...), extra)
	}
	a.extra = nil
	return nil
}

// attached tells whether a file is still in the layer.
func (n *node) attached() bool {
	for ; n.parent != nil; n = n.parent {
		if n.parent.files[n.name] != n {
			return false
		}
	}
	return true
}

// letter is tar's for a kind of file.
func letter(kind uint32) byte {
	switch kind {
	case unix.S_IFDIR:
		return tar.TypeDir
	case unix.S_IFLNK:
		return tar.TypeSymlink
	case unix.S_IFIFO:
		return tar.TypeFifo
	}
	return tar.TypeReg
}

// begin writes what comes before a file's content.
func (s *layerStream) begin(n *node) error {
	header := &tar.Header{
		Typeflag: letter(n.kind()), Name: strings.TrimPrefix(n.path(), "/"), Linkname: n.link, Mode: int64(n.mode & 0o7777),
		Uid: int(n.uid), Gid: int(n.gid), ModTime: time.Unix(n.mtime.Unix()), Format: tar.FormatPAX,
	}
	switch {
	case len(header.Name) >= unix.PathMax:
		return fmt.Errorf("%.200s: %w", header.Name, unix.ENAMETOOLONG)
	case n.names != nil && n.names.first != nil:
		header.Typeflag, header.Linkname = tar.TypeLink, strings.TrimPrefix(n.names.first.path(), "/")
	case n.linked:
		return fmt.Errorf("%s is a link to a file that the archive replaces: unpack it and copy what it holds", n.path())
	case n.kind() == unix.S_IFREG:
		header.Size = n.size
	case n.kind() == unix.S_IFDIR:
		header.Name += "/"
	}
	for key, value := range n.xattrs {
		if header.PAXRecords == nil {
			header.PAXRecords = make(map[string]string, len(n.xattrs))
		}
		header.PAXRecords[xattrPrefix+key] = value
	}
	s.header.Reset()
	if err := tar.NewWriter(&s.header).WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", n.path(), err)
	}
	if n.hides && n.files != nil {
		hiding := &tar.Header{Typeflag: tar.TypeReg, Name: header.Name + archive.WhiteoutOpaqueDir}
		if err := tar.NewWriter(&s.header).WriteHeader(hiding); err != nil {
			return fmt.Errorf("%s: %w", n.path(), err)
		}
	}
	s.head, n.written = s.header.Bytes(), true
	if n.names != nil && n.names.first == nil {
		n.names.first = n
	}
	s.now, s.size, s.padding = n, header.Size, -header.Size&(tarBlock-1)
	switch {
	case s.size == 0:
		return nil
	case n.entry > 0:
		s.content = s.archives[0].entries
		return nil
	case n.from.data != nil:
		s.content = bytes.NewReader(n.from.data)
		return nil
	}
	return s.open(n)
}

// open opens a file by its directory, which is the same for many.
func (s *layerStream) open(n *node) error {
	dir, base := path.Split(n.from.path())
	if s.dirFile < 0 || s.root != n.root || s.dir != dir {
		s.closeDir()
		root, err := os.Open(n.root)
		if err != nil {
			return err
		}
		fd, err := openFound(int(root.Fd()), strings.TrimSuffix(dir, "/"), unix.O_DIRECTORY|unix.O_PATH)
		root.Close()
		s.dirFile = descriptor(fd)
		if err != nil {
			return fmt.Errorf("open %s: %w", path.Join(n.root, dir), err)
		}
		s.root, s.dir = n.root, dir
	}
	fd, err := openFound(int(s.dirFile), base, unix.O_RDONLY)
	if err != nil {
		return fmt.Errorf("open %s: %w", s.name(), err)
	}
	s.file = descriptor(fd)
	s.content = s.file
	return nil
}

func (s *layerStream) closeDir() {
	if s.dirFile >= 0 {
		s.dirFile.Close()
		s.dirFile = -1
	}
}

// ended closes what is open: nobody reads any more.
func (s *layerStream) ended() {
	if s.file >= 0 {
		s.file.Close()
		s.file = -1
	}
	s.closeDir()
	close(s.done)
}

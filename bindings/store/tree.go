package store

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/containers/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// tree makes a layer's files below a root that no name and no link leaves:
// every directory is opened as if the root were the whole file system.
type tree struct {
	root    *os.File
	path    string // the root's, free of links
	options *archive.TarOptions
	writer  *writer
	rooted  bool // an entry has set the root's owner and mode

	name  string           // of the directory that was last written to
	real  string           // the same free of links
	dir   int              // the same, open; -1: none
	times [2]unix.Timespec // its own, which every new file changes
}

func newTree(root *os.File, options *archive.TarOptions) (*tree, error) {
	path, err := os.Readlink(opened(int(root.Fd())))
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, path: path, options: options, dir: -1}
	t.writer = newWriter(t.own)
	return t, nil
}

func (t *tree) close() error {
	return errors.Join(t.leave(), t.writer.close())
}

// put makes what an entry describes. A regular file is returned open: its
// content and then its end have to be given to the writer.
func (t *tree) put(header *tar.Header) (*newFile, error) {
	name := path.Clean(header.Name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return nil, errors.New("the name leads out of the layer")
	}
	if name = strings.TrimPrefix(name, "/"); name == "" {
		return nil, t.putRoot(header)
	}
	if name == "." || header.Typeflag == tar.TypeXGlobalHeader {
		return nil, nil // containers/storage and docker pass over it, too
	}
	dir, base := path.Dir(name), path.Base(name)
	if gone, is := strings.CutPrefix(base, archive.WhiteoutPrefix); is && t.options.WhiteoutFormat == archive.OverlayWhiteoutFormat {
		return nil, t.whiteOut(dir, base, gone, header)
	}
	if err := t.enter(dir); err != nil {
		return nil, err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		return t.putFile(base, header)
	case tar.TypeDir:
		return nil, t.putDirectory(name, base, header)
	case tar.TypeLink:
		return nil, t.putLink(base, header)
	case tar.TypeSymlink:
		err := t.replace(base, false, func() error { return unix.Symlinkat(header.Linkname, t.dir, base) })
		if err != nil {
			return nil, err
		}
	case tar.TypeBlock, tar.TypeChar, tar.TypeFifo:
		if t.options.InUserNS && header.Typeflag != tar.TypeFifo {
			return nil, nil // nobody but root on the host can make one
		}
		if err := t.putNode(base, header); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unknown type of file %q", header.Typeflag)
	}
	return nil, t.ownAt(base, header)
}

func (t *tree) putRoot(header *tar.Header) error {
	if header.Typeflag != tar.TypeDir {
		return errors.New("the layer's root is not a directory")
	}
	t.rooted = true
	return errors.Join(t.leave(), t.own(int(t.root.Fd()), header))
}

func (t *tree) putFile(base string, header *tar.Header) (*newFile, error) {
	file := &newFile{name: header.Name, header: header}
	if t.real != t.name {
		file.name = path.Join(t.real, base)
	}
	err := t.replace(base, false, func() (err error) {
		file.fd, err = unix.Openat(t.dir, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		return err
	})
	return file, err
}

func (t *tree) putDirectory(name, base string, header *tar.Header) error {
	if err := t.replace(base, true, func() error { return unix.Mkdirat(t.dir, base, 0o700) }); err != nil {
		return err
	}
	fd, err := unix.Openat(t.dir, base, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	real := path.Join(t.real, base)
	if err := errors.Join(t.own(fd, header), t.leave()); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	return t.stay(name, real, fd) // its files are next, mostly
}

func (t *tree) putLink(base string, header *tar.Header) error {
	if err := t.writer.wait(); err != nil { // the file's own entry has written what this one may change
		return err
	}
	target := path.Join("/", header.Linkname)
	from, err := t.open(strings.TrimPrefix(path.Dir(target), "/"))
	if err != nil {
		return fmt.Errorf("linking to %s: %w", header.Linkname, err)
	}
	err = t.replace(base, false, func() error { return unix.Linkat(from, path.Base(target), t.dir, base, 0) })
	if err = cmp.Or(err, unix.Close(from)); err != nil {
		return fmt.Errorf("linking to %s: %w", header.Linkname, err)
	}
	return t.ownAt(base, header)
}

func (t *tree) putNode(base string, header *tar.Header) error {
	kind := map[byte]uint32{tar.TypeBlock: unix.S_IFBLK, tar.TypeChar: unix.S_IFCHR, tar.TypeFifo: unix.S_IFIFO}[header.Typeflag]
	device := unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor))
	return t.replace(base, false, func() error { return unix.Mknodat(t.dir, base, kind|0o600, int(device)) })
}

// whiteOut hides a file of the layers below, or all of a directory's.
// Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
func (t *tree) whiteOut(dir, base, gone string, header *tar.Header) error {
	err := t.enter(dir)
	if errors.Is(err, unix.ENOTDIR) {
		return nil // the directory itself is hidden
	}
	if err != nil {
		return err
	}
	if base == archive.WhiteoutOpaqueDir {
		return unix.Fsetxattr(t.dir, archive.GetOverlayXattrName("opaque"), []byte("y"), 0)
	}
	if gone == "" || gone == "." || gone == ".." {
		return errors.New("it hides nothing")
	}
	if err := unix.Mknodat(t.dir, gone, unix.S_IFCHR, 0); err != nil {
		return err
	}
	return t.chown(header, func() error {
		return unix.Fchownat(t.dir, gone, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW)
	})
}

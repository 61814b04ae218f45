package store

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containers/storage"
	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/archive"
	"github.com/containers/storage/pkg/idtools"
	"golang.org/x/sys/unix"
)

// written returns the tar archive of what a container has written to its layer,
// without what Podman has put there. mounts are the paths where it has other
// files than that layer's. No lock of the store is held.
func (s *Store) written(ctx context.Context, layer *storage.Layer, mounts []string) (io.ReadCloser, error) {
	driver, err := s.GraphDriver()
	if err != nil {
		return nil, err
	}
	ids := idtools.NewIDMappingsFromMaps(layer.UIDMap, layer.GIDMap)
	if !native(driver) {
		return s.compared(driver, layer, ids)
	}
	dirs, err := layerDirs(driver, layer.ID)
	if err != nil {
		return nil, err
	}
	upper, err := os.Open(dirs[0])
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	p := &packer{ctx: ctx, out: tar.NewWriter(writer), lower: dirs[1:], ids: ids, mounts: mounts, first: map[inode]string{}, buffer: make([]byte, pieceSize)}
	go func() {
		defer upper.Close()
		err := p.directory(upper, "")
		if err == nil {
			err = p.out.Close()
		}
		writer.CloseWithError(err)
	}()
	return reader, nil
}

// native tells whether the directory of a container's layer says all that the
// container has done: the driver is the kernel's overlay.
func native(driver graphdriver.Driver) bool {
	return slices.Contains(driver.Status(), [2]string{"Native Overlay Diff", "true"})
}

// compared has the driver compare a container's files with those of its image.
func (s *Store) compared(driver graphdriver.Driver, layer *storage.Layer, ids *idtools.IDMappings) (io.ReadCloser, error) {
	parent, err := s.Layer(layer.Parent)
	if err != nil {
		return nil, err
	}
	files, err := driver.Diff(layer.ID, ids, parent.ID, idtools.NewIDMappingsFromMaps(parent.UIDMap, parent.GIDMap), layer.MountLabel)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	go func() {
		err := withoutPlaces(files, writer)
		writer.CloseWithError(errors.Join(err, files.Close()))
	}()
	return reader, nil
}

// withoutPlaces passes an archive on, but not the files that Podman has made to
// mount something over them.
func withoutPlaces(files io.Reader, to io.Writer) error {
	from, out := tar.NewReader(files), tar.NewWriter(to)
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean(header.Name), "/")
		if isPlace(name, header.Typeflag == tar.TypeReg && header.Size == 0, header.Linkname) {
			continue
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, from); err != nil {
			return err
		}
	}
}

// packer archives the upper directory of an overlay, as docker does: names in
// order, times in seconds, and what is hidden of the layers below as whiteouts.
type packer struct {
	ctx    context.Context
	out    *tar.Writer
	lower  []string // the directories below, the topmost first
	ids    *idtools.IDMappings
	mounts []string
	first  map[inode]string // the first name of a file that has several
	buffer []byte
}

type inode struct{ device, number uint64 }

// directory archives what is in an open directory. The container may be running:
// no link is followed, and what is gone meanwhile is left out.
func (p *packer) directory(dir *os.File, name string) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("reading /%s: %w", name, err)
	}
	slices.Sort(names)
	for _, base := range names {
		if err := p.ctx.Err(); err != nil {
			return context.Cause(p.ctx)
		}
		below := path.Join(name, base)
		if err := p.entry(dir, base, below); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("reading /%s: %w", below, err)
		}
	}
	return nil
}

func (p *packer) entry(dir *os.File, base, name string) (err error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	kind := stat.Mode & unix.S_IFMT
	if kind == unix.S_IFSOCK { // of a process, and no archive has a type for it
		return nil
	}
	if kind == unix.S_IFCHR && stat.Rdev == 0 {
		return p.out.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(path.Dir(name), archive.WhiteoutPrefix+base), Mode: 0o600, ModTime: modified(&stat), Format: tar.FormatPAX,
		})
	}
	if made, err := p.made(dir, base, name, &stat); made || err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: int64(stat.Mode & 0o7777), ModTime: modified(&stat), Format: tar.FormatPAX}
	if header.Uid, header.Gid, err = p.ids.ToContainer(idtools.IDPair{UID: int(stat.Uid), GID: int(stat.Gid)}); err != nil {
		return err
	}
	if kind != unix.S_IFDIR && stat.Nlink > 1 {
		file := inode{stat.Dev, stat.Ino}
		if first, seen := p.first[file]; seen {
			header.Typeflag, header.Linkname = tar.TypeLink, first
			return p.out.WriteHeader(header)
		}
		defer func() {
			if err == nil {
				p.first[file] = name
			}
		}()
	}
	p.likeDocker(header, &stat)
	switch kind {
	case unix.S_IFDIR:
		return p.openDirectory(dir, base, header)
	case unix.S_IFREG:
		return p.file(dir, base, header)
	case unix.S_IFLNK:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = readlink(dir, base); err != nil {
			return err
		}
	case unix.S_IFIFO:
		header.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		header.Typeflag = map[uint32]byte{unix.S_IFCHR: tar.TypeChar, unix.S_IFBLK: tar.TypeBlock}[kind]
		header.Devmajor, header.Devminor = int64(unix.Major(stat.Rdev)), int64(unix.Minor(stat.Rdev))
	}
	return p.out.WriteHeader(header)
}

func modified(stat *unix.Stat_t) time.Time { return time.Unix(stat.Mtim.Sec, 0) }

func readlink(dir *os.File, base string) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.Fd()), base, target)
	return string(target[:max(n, 0)]), err
}

func (p *packer) openDirectory(parent *os.File, base string, header *tar.Header) error {
	dir, err := openNoLink(parent, base, unix.O_DIRECTORY)
	if err != nil {
		return changed(err)
	}
	defer dir.Close()
	opaque, err := setAttributes(header, dir)
	if err != nil {
		return err
	}
	name := header.Name
	header.Typeflag, header.Name = tar.TypeDir, name+"/"
	if err := p.out.WriteHeader(header); err != nil {
		return err
	}
	if opaque {
		hides := *header
		hides.Typeflag, hides.Name, hides.PAXRecords = tar.TypeReg, path.Join(name, archive.WhiteoutOpaqueDir), nil
		if err := p.out.WriteHeader(&hides); err != nil {
			return err
		}
	}
	return p.directory(dir, name)
}

func (p *packer) file(dir *os.File, base string, header *tar.Header) error {
	file, err := openNoLink(dir, base, unix.O_NONBLOCK)
	if err != nil {
		return changed(err)
	}
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return errChanged
	}
	if _, err := setAttributes(header, file); err != nil {
		return err
	}
	header.Typeflag, header.Size = tar.TypeReg, stat.Size
	if err := p.out.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.CopyBuffer(p.out, io.LimitReader(file, stat.Size), p.buffer)
	if err == nil && n < stat.Size {
		err = errChanged
	}
	return err
}

func openNoLink(dir *os.File, base string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), base), nil
}

// errChanged is about a file that is not the same at the end of its reading as
// at the beginning.
var errChanged = errors.New("it has changed while it was read: commit again, with the container paused or stopped")

// changed is the error for what is a file or a directory no more.
func changed(err error) error {
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO) {
		return errChanged
	}
	return err
}

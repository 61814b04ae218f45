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

	"github.com/containers/storage/pkg/archive"
	"github.com/containers/storage/pkg/idtools"
	"github.com/containers/storage/pkg/unshare"
	"golang.org/x/sys/unix"
)

// upper makes archive entries of the upper directory of an overlay, as docker
// does: names in order, times in seconds, and what is hidden of the layers below
// as whiteouts. Somebody may be writing there: no link is followed, and what is
// gone meanwhile is left out.
type upper struct {
	ctx   context.Context
	lower []string // the directories below, the topmost first
	// put takes an entry, with its content if it is a file that is not empty.
	put func(header *tar.Header, content io.Reader) error
	// Of a container: the IDs that its files have on disk, and where something is
	// mounted over them. What Podman has put there is left out.
	ids    *idtools.IDMappings
	mounts []string
	first  map[inode]string // the first name of a file that has several
}

type inode struct{ device, number uint64 }

// directory goes through what is in an open directory. known tells whether the
// layers below may have something there.
func (u *upper) directory(dir *os.File, name string, known bool) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("reading /%s: %w", name, err)
	}
	slices.Sort(names)
	for _, base := range names {
		if u.ctx.Err() != nil {
			return context.Cause(u.ctx)
		}
		below := path.Join(name, base)
		if err := u.entry(dir, base, below, known); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("reading /%s: %w", below, err)
		}
	}
	return nil
}

func (u *upper) entry(dir *os.File, base, name string, known bool) (err error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	kind := stat.Mode & unix.S_IFMT
	if kind == unix.S_IFSOCK { // no archive has a type for it
		if u.ids != nil {
			return nil // a process may listen there
		}
		return unix.Unlinkat(int(dir.Fd()), base, 0)
	}
	if kind == unix.S_IFCHR && stat.Rdev == 0 {
		return u.put(&tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(path.Dir(name), archive.WhiteoutPrefix+base), Mode: 0o600, ModTime: modified(&stat), Format: tar.FormatPAX,
		}, nil)
	}
	header := &tar.Header{Name: name, Uid: int(stat.Uid), Gid: int(stat.Gid), Mode: int64(stat.Mode & 0o7777), ModTime: modified(&stat), Format: tar.FormatPAX}
	if u.ids != nil {
		if made, err := u.made(dir, base, name, &stat); made || err != nil {
			return err
		}
		if header.Uid, header.Gid, err = u.ids.ToContainer(idtools.IDPair{UID: header.Uid, GID: header.Gid}); err != nil {
			return err
		}
	}
	if kind != unix.S_IFDIR && stat.Nlink > 1 {
		file := inode{stat.Dev, stat.Ino}
		if first, seen := u.first[file]; seen {
			header.Typeflag, header.Linkname = tar.TypeLink, first
			return u.put(header, nil)
		}
		defer func() {
			if err == nil {
				u.first[file] = name
			}
		}()
	}
	u.likeDocker(header, &stat)
	switch kind {
	case unix.S_IFDIR:
		return u.openDirectory(dir, base, header, known)
	case unix.S_IFREG:
		return u.file(dir, base, header)
	case unix.S_IFLNK:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = linkTarget(int(dir.Fd()), base); err != nil {
			return err
		}
	case unix.S_IFIFO:
		header.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		header.Typeflag = map[uint32]byte{unix.S_IFCHR: tar.TypeChar, unix.S_IFBLK: tar.TypeBlock}[kind]
		header.Devmajor, header.Devminor = int64(unix.Major(stat.Rdev)), int64(unix.Minor(stat.Rdev))
	}
	return u.put(header, nil)
}

func modified(stat *unix.Stat_t) time.Time { return time.Unix(stat.Mtim.Sec, 0) }

func (u *upper) openDirectory(parent *os.File, base string, header *tar.Header, known bool) error {
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
	if err := u.put(header, nil); err != nil {
		return err
	}
	known = known && u.below(name, nil)
	if known && opaque {
		hides := *header
		hides.Typeflag, hides.Name, hides.PAXRecords = tar.TypeReg, path.Join(name, archive.WhiteoutOpaqueDir), nil
		if err := u.put(&hides, nil); err != nil {
			return err
		}
	}
	return u.directory(dir, name, known)
}

func (u *upper) file(dir *os.File, base string, header *tar.Header) error {
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
	if header.Size == 0 {
		return u.put(header, nil)
	}
	content := &io.LimitedReader{R: onlyReader{u.ctx, file}, N: header.Size}
	err = u.put(header, content)
	if err == nil && content.N > 0 {
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

// below tells whether the layers below have a file, and what it is.
func (u *upper) below(name string, stat *unix.Stat_t) bool {
	if stat == nil {
		stat = new(unix.Stat_t)
	}
	for _, lower := range u.lower {
		err := statBelow(lower, name, stat)
		if err == nil {
			return stat.Mode&unix.S_IFMT != unix.S_IFCHR || stat.Rdev != 0
		}
		if errors.Is(err, unix.ENOTDIR) {
			return false // hidden by what is no directory
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

// setAttributes puts an open file's capabilities into its header. opaque tells
// of a directory that it hides what the layers below have in it.
func setAttributes(header *tar.Header, file *os.File) (opaque bool, err error) {
	names := make([]byte, 1024)
	size, err := unix.Flistxattr(int(file.Fd()), names)
	if errors.Is(err, unix.ERANGE) {
		names = make([]byte, 64<<10) // the kernel lists no more
		size, err = unix.Flistxattr(int(file.Fd()), names)
	}
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:size]), "\x00"), "\x00") {
		if name == overlayAttribute("redirect") || name == overlayAttribute("metacopy") {
			return false, fmt.Errorf("it is kept by overlay's %s, which is not supported", name)
		}
		if name != overlayAttribute("opaque") && name != capability {
			continue
		}
		var value [64]byte // the kernel's are no longer
		size, err := unix.Fgetxattr(int(file.Fd()), name, value[:])
		switch {
		case err != nil:
			return false, fmt.Errorf("its attribute %s: %w", name, err)
		case name == capability:
			header.PAXRecords = map[string]string{xattrPrefix + capability: string(value[:size])}
		default:
			opaque = string(value[:size]) == "y"
		}
	}
	return opaque, nil
}

// overlayAttribute is an attribute by which overlay keeps something.
func overlayAttribute(name string) string {
	if unshare.IsRootless() {
		return "user.overlay." + name
	}
	return "trusted.overlay." + name
}

package commands

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// unpacking puts an archive into a directory here. The archive is a container's
// word and not trusted: every name is resolved below the directory (os.Root),
// also through links that were there before; devices are left out, and setuid
// bits with the files that have them are not: only the bits.
type unpacking struct {
	root *os.Root
	env  *Env
	made []*tar.Header // directories, by their names here: modes and times come last
}

func unpack(env *Env, content io.Reader, where placement, from *source) error {
	root, err := os.OpenRoot(where.directory)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{root: root, env: env}
	archive := tar.NewReader(content)
	for entries := 0; ; entries++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) && (entries > 0 || from.contents) {
			return u.finish()
		}
		if err != nil {
			return copiedNothing(err)
		}
		header.Name = filepath.Clean(from.rename(header.Name, where.name))
		header.Linkname = linkName(header, from, where)
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("the archive names %q, outside of the destination", header.Name)
		}
		if err := u.entry(header, archive); err != nil {
			return err
		}
	}
}

func linkName(header *tar.Header, from *source, where placement) string {
	if header.Typeflag == tar.TypeLink {
		return filepath.Clean(from.rename(header.Linkname, where.name))
	}
	return header.Linkname
}

func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	name := header.Name
	found, err := u.root.Lstat(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	there := err == nil
	isDir := header.Typeflag == tar.TypeDir
	switch {
	case there && found.IsDir() && isDir:
		return nil // and keeps its mode: it is not the container's
	case there && isDir:
		return fmt.Errorf("cannot overwrite non-directory %q with directory %q", name, u.root.Name())
	case there && found.IsDir():
		return fmt.Errorf("cannot overwrite directory %q with non-directory %q", name, u.root.Name())
	}
	switch header.Typeflag {
	case tar.TypeDir:
		u.made = append(u.made, header)
		return u.root.Mkdir(name, 0o700)
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(header, content)
	case tar.TypeSymlink, tar.TypeLink, tar.TypeFifo:
		if there {
			if err := u.root.Remove(name); err != nil {
				return err
			}
		}
	default:
		fmt.Fprintf(u.env.Err, "%s: left out, a device cannot be made without root: %s\n", u.env.Program, printable(header.Name))
		return nil
	}
	switch header.Typeflag {
	case tar.TypeSymlink:
		return u.root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		return u.root.Link(header.Linkname, name)
	default:
		return u.fifo(header)
	}
}

// file writes beside its place and moves it there when it is whole: what stops
// halfway leaves the old file, or none.
func (u *unpacking) file(header *tar.Header, content io.Reader) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(u.root.Name(), &disk); err != nil {
		return err
	}
	if uint64(header.Size)/uint64(disk.Bsize) > disk.Bavail { // its holes would be filled
		return fmt.Errorf("writing %s: %w", header.Name, unix.ENOSPC)
	}
	name := filepath.Join(filepath.Dir(header.Name), ".dockless-cp-"+strconv.FormatUint(rand.Uint64(), 36))
	file, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err == nil {
		err = file.Chmod(os.FileMode(header.Mode) & os.ModePerm)
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = u.root.Chtimes(name, time.Time{}, header.ModTime)
	}
	if err == nil {
		err = u.root.Rename(name, header.Name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", header.Name, err), u.root.Remove(name))
	}
	return nil
}

func (u *unpacking) fifo(header *tar.Header) error {
	directory, err := u.root.Open(filepath.Dir(header.Name))
	if err != nil {
		return err
	}
	defer directory.Close()
	return unix.Mkfifoat(int(directory.Fd()), filepath.Base(header.Name), uint32(header.Mode)&0o777)
}

// finish gives the directories made here their modes and times, innermost
// first: filling them would have changed the times.
func (u *unpacking) finish() error {
	for _, header := range slices.Backward(u.made) {
		if err := u.root.Chmod(header.Name, os.FileMode(header.Mode)&os.ModePerm); err != nil {
			return err
		}
		if err := u.root.Chtimes(header.Name, time.Time{}, header.ModTime); err != nil {
			return err
		}
	}
	return nil
}

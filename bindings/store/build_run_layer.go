package store

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/containers/storage/pkg/archive"
	"golang.org/x/sys/unix"
)

// description makes the archive of a layer whose files are there already: its
// digest, and the record out of which it can be made again.
type description struct {
	ctx        context.Context
	root       string
	lower      []string // directories below, the topmost first
	record     *record
	archive    *tar.Writer
	headers    []byte
	content    bool // what is written now is a file's
	sum        uint64
	hashed     *readyHash
	links      map[[2]uint64]string // device and inode → name of files with several
	uids, gids map[uint32]bool
}

// describe completes a layer of which there are only the files, in the form that
// overlay keeps them in.
func (u *unpacked) describe(ctx context.Context, lower []string) (err error) {
	d := &description{
		ctx: ctx, root: u.files(), lower: lower, hashed: newReadyHash(),
		links: map[[2]uint64]string{}, uids: map[uint32]bool{}, gids: map[uint32]bool{},
	}
	defer d.hashed.end()
	if d.record, err = newRecord(u.record()); err != nil {
		return err
	}
	d.archive = tar.NewWriter(d)
	err = d.directory("", true)
	err = cmp.Or(err, d.archive.Close())
	err = cmp.Or(err, d.record.segment(d.headers), d.record.close())
	if err != nil {
		return err
	}
	u.diffID, u.size = d.hashed.end()
	u.uids, u.gids = slices.Sorted(maps.Keys(d.uids)), slices.Sorted(maps.Keys(d.gids))
	return nil
}

// Write takes a piece of the archive.
func (d *description) Write(piece []byte) (int, error) {
	if d.content {
		d.sum = updateSum(d.sum, piece)
	} else {
		d.headers = append(d.headers, piece...)
	}
	return d.hashed.Write(piece)
}

// directory puts what is in a directory into the archive. known tells whether
// there may be something of the same name below.
func (d *description) directory(name string, known bool) error {
	entries, err := os.ReadDir(filepath.Join(d.root, name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := d.ctx.Err(); err != nil {
			return context.Cause(d.ctx)
		}
		if err := d.entry(path.Join(name, entry.Name()), known); err != nil {
			return err
		}
	}
	return nil
}

func (d *description) entry(name string, known bool) error {
	file := filepath.Join(d.root, name)
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	if info.Mode()&fs.ModeSocket != 0 {
		return os.Remove(file) // no archive can hold one
	}
	if info.Mode()&fs.ModeCharDevice != 0 && stat.Rdev == 0 {
		return d.write(&tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(path.Dir(name), archive.WhiteoutPrefix+path.Base(name)),
			Uid: int(stat.Uid), Gid: int(stat.Gid), ModTime: info.ModTime().Truncate(time.Second),
		})
	}
	header, err := d.header(name, info)
	if err != nil {
		return err
	}
	d.uids[stat.Uid], d.gids[stat.Gid] = true, true
	switch {
	case header.Typeflag == tar.TypeReg && header.Size > 0:
		return d.file(header, file)
	case header.Typeflag != tar.TypeDir:
		return d.write(header)
	}
	if err := d.write(header); err != nil {
		return err
	}
	below := known && d.below(name)
	if below && hides(file) {
		if err := d.write(&tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(name, archive.WhiteoutOpaqueDir), Mode: header.Mode & 0o777,
			Uid: header.Uid, Gid: header.Gid, ModTime: header.ModTime,
		}); err != nil {
			return err
		}
	}
	return d.directory(name, below)
}

// header describes a file.
func (d *description) header(name string, info fs.FileInfo) (*tar.Header, error) {
	file, stat := filepath.Join(d.root, name), info.Sys().(*syscall.Stat_t)
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(file); err != nil {
			return nil, err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return nil, err
	}
	header.Name, header.Uname, header.Gname = name, "", ""
	header.Format = tar.FormatPAX
	header.ModTime, header.AccessTime, header.ChangeTime = info.ModTime().Truncate(time.Second), time.Time{}, time.Time{}
	if info.IsDir() {
		header.Name += "/"
	} else if stat.Nlink > 1 {
		inode := [2]uint64{stat.Dev, stat.Ino}
		if first, linked := d.links[inode]; linked {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return header, nil
		}
		d.links[inode] = name
	}
	found, err := xattrsOf(file)
	if err != nil {
		return nil, fmt.Errorf("reading the attributes of %s: %w", file, err)
	}
	for key, value := range found {
		if header.PAXRecords == nil {
			header.PAXRecords = map[string]string{}
		}
		header.PAXRecords["SCHILY.xattr."+key] = value
	}
	return header, nil
}

// write puts an entry without content into the archive.
func (d *description) write(header *tar.Header) error {
	if err := d.archive.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	return cmp.Or(d.flush(), d.record.entry(header.Name, 0, nil))
}

func (d *description) flush() error {
	err := d.record.segment(d.headers)
	d.headers = d.headers[:0]
	return err
}

// file puts a file with content into the archive.
func (d *description) file(header *tar.Header, name string) error {
	if err := d.archive.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	if err := d.flush(); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	d.content, d.sum = true, 0
	buffer := make([]byte, min(chunkSize, header.Size))
	n, err := io.CopyBuffer(onlyWriter{d.archive}, onlyReader{d.ctx, io.LimitReader(file, header.Size)}, buffer)
	d.content = false
	if err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	if n != header.Size {
		return fmt.Errorf("%s: %w", header.Name, io.ErrUnexpectedEOF)
	}
	if err := d.archive.Flush(); err != nil {
		return err
	}
	return d.record.entry(header.Name, header.Size, binary.BigEndian.AppendUint64(nil, d.sum))
}

// onlyWriter and onlyReader keep io.CopyBuffer to its buffer.
type onlyWriter struct{ io.Writer }

type onlyReader struct {
	ctx  context.Context
	from io.Reader
}

// Read reads on as long as somebody wants it.
func (r onlyReader) Read(into []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(into)
}

// below tells whether there is something of this name in the layers below.
func (d *description) below(name string) bool {
	for _, dir := range d.lower {
		info, err := os.Lstat(filepath.Join(dir, name))
		switch {
		case err == nil:
			return info.Mode()&fs.ModeCharDevice == 0 || info.Sys().(*syscall.Stat_t).Rdev != 0
		case errors.Is(err, unix.ENOTDIR):
			return false // hidden with a directory above
		}
	}
	return false
}

// hides tells whether a directory hides what is below.
func hides(dir string) bool {
	value := make([]byte, 1)
	n, err := unix.Lgetxattr(dir, opaque(), value)
	return err == nil && n == 1 && value[0] == 'y'
}

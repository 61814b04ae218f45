package store

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/containers/image/v5/pkg/compression"
	graphdriver "github.com/containers/storage/drivers"
	"github.com/containers/storage/pkg/archive"
	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	"golang.org/x/sys/unix"
)

// unpacked is a layer beside the store, which putLayer makes a layer of the
// store: its files in a directory, or its tar archive for a store whose driver
// has to unpack it itself.
type unpacked struct {
	diffID     digest.Digest // of the uncompressed tar
	size       int64         // of the uncompressed tar, in bytes
	dir        string        // holds diff/ and tar-split.gz, or layer.tar
	whole      bool          // it is layer.tar
	rooted     bool          // the tar says what the root's owner and mode are
	uids, gids []uint32      // of its files
}

func (u *unpacked) files() string   { return filepath.Join(u.dir, "diff") }
func (u *unpacked) record() string  { return filepath.Join(u.dir, "tar-split.gz") }
func (u *unpacked) archive() string { return filepath.Join(u.dir, "layer.tar") }

// remove deletes what putLayer has not moved away.
func (u *unpacked) remove() error {
	return os.RemoveAll(u.dir)
}

// unpack reads a layer's tar archive, plain or compressed with gzip, zstd, xz
// or bzip2, to its end and unpacks it in one pass below the store's temporary
// directory. It holds no lock of the store, so that what writes the archive may
// hold one. What it returns has to be removed after use. When it fails, or as
// soon as ctx ends, nothing is left.
func (s *Store) unpack(ctx context.Context, blob io.Reader) (_ *unpacked, err error) {
	u := &unpacked{}
	if u.dir, err = os.MkdirTemp(s.temp, "layer-"); err != nil {
		return nil, err
	}
	options, err := s.unpackOptions(u.files())
	if err != nil {
		return nil, err
	}
	u.whole = options == nil
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if err != nil {
			err = errors.Join(s.roomy(err), u.remove())
		}
	}()
	compressed := bufio.NewReaderSize(readAhead(ctx, blob, 1)[0], chunkSize)
	if _, err := compressed.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, err
	}
	plain, _, err := compression.AutoDecompress(compressed)
	if err != nil {
		return nil, err
	}
	readers := readAhead(ctx, plain, 2)
	hashed := make(chan error, 1)
	go func() {
		hash := digest.Canonical.Digester()
		var err error
		u.size, err = io.Copy(hash.Hash(), readers[0])
		u.diffID = hash.Digest()
		hashed <- err
	}()
	if u.whole {
		err = u.spool(readers[1])
	} else {
		err = u.extract(readers[1], options)
	}
	if err != nil {
		return nil, err
	}
	if err := <-hashed; err != nil {
		return nil, err
	}
	if err := plain.Close(); err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, compressed) // whoever hashes the blob has to see its end
	return u, err
}

// spool keeps the archive as it is.
func (u *unpacked) spool(plain io.Reader) error {
	file, err := os.Create(u.archive())
	if err != nil {
		return err
	}
	_, err = io.Copy(file, plain)
	return errors.Join(err, file.Close())
}

// extract unpacks the archive's files, and records all of it that is not the
// content of files, as containers/storage does to write the same archive again.
func (u *unpacked) extract(plain io.Reader, options *archive.TarOptions) error {
	file, err := os.OpenFile(u.record(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	stream, err := asm.NewInputTarStream(plain, tarsplit.NewJSONPacker(packed), nil)
	if err != nil {
		return err
	}
	seen := newOwners()
	reader, writer := io.Pipe()
	followed := make(chan error, 1)
	go func() {
		err := seen.follow(reader)
		reader.CloseWithError(err)
		followed <- err
	}()
	if err := inside(u.files(), func() error { return archive.Unpack(io.TeeReader(stream, writer), "/", options) }); err != nil {
		writer.CloseWithError(err)
		return err
	}
	_, err = io.Copy(writer, stream) // the padding
	writer.CloseWithError(err)
	if err := errors.Join(err, <-followed); err != nil {
		return err
	}
	u.rooted = seen.root
	u.uids, u.gids = slices.Sorted(maps.Keys(seen.uids)), slices.Sorted(maps.Keys(seen.gids))
	return packed.Close()
}

// owners are those of the files in an archive.
type owners struct {
	uids, gids map[uint32]bool
	root       bool // also of the root
}

func newOwners() *owners {
	return &owners{uids: map[uint32]bool{}, gids: map[uint32]bool{}}
}

// follow reads an archive to its end.
func (o *owners) follow(stream io.Reader) error {
	for files := tar.NewReader(stream); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, stream)
			return err
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(path.Base(header.Name), archive.WhiteoutPrefix) {
			o.uids[uint32(header.Uid)], o.gids[uint32(header.Gid)] = true, true
		}
		o.root = o.root || path.Clean(header.Name) == "/" // archive.Unpack passes over "."
	}
}

// inside does something on a thread for which dir is all that there is of the
// file system: no link leads out of it.
func inside(dir string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with this function
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("leaving the process's root directory: %w", err)
			}
			if err := unix.Chroot(dir); err != nil {
				return fmt.Errorf("entering %s: %w", dir, err)
			}
			if err := unix.Chdir("/"); err != nil {
				return err
			}
			unix.Umask(0)
			return do()
		}()
	}()
	return <-done
}

// unpackOptions are those with which the store's driver would unpack a layer,
// into a directory that this makes at root; nil if the driver has to do it
// itself, or if the directory could not be moved to where the driver wants it.
func (s *Store) unpackOptions(root string) (*archive.TarOptions, error) {
	driver, err := s.GraphDriver()
	if err != nil {
		return nil, err
	}
	differ, able := driver.(graphdriver.DriverWithDiffer)
	masked := slices.ContainsFunc(s.GraphOptions(), func(option string) bool { return strings.Contains(option, "force_mask=") })
	if !able || masked || s.ImageStore() != "" || len(s.UIDMap()) > 0 || len(s.GIDMap()) > 0 {
		return nil, nil
	}
	var noted options
	output, err := differ.ApplyDiffWithDiffer("", "", nil, &noted)
	if err != nil {
		return nil, err
	}
	err = os.Rename(output.Target, root)
	if errors.Is(err, unix.EXDEV) || err == nil && noted.tar == nil {
		return nil, os.RemoveAll(output.Target)
	}
	return noted.tar, err
}

// options is a differ that only takes note of how it is told to unpack.
type options struct{ tar *archive.TarOptions }

// ApplyDiff takes note; of an object store (composefs) there is nothing to note.
func (o *options) ApplyDiff(_ string, tar *archive.TarOptions, how *graphdriver.DifferOptions) (graphdriver.DriverWithDifferOutput, error) {
	if how.Format == graphdriver.DifferOutputFormatDir {
		o.tar = tar
	}
	return graphdriver.DriverWithDifferOutput{}, nil
}

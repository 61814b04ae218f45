package store

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/containers/image/v5/pkg/compression"
	"github.com/opencontainers/go-digest"
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
	return RemoveTree(u.dir)
}

// unpack reads a layer's tar archive, plain or compressed with gzip, zstd, xz
// or bzip2, to its end and unpacks it in one pass below the store's temporary
// directory. It holds no lock of the store, so that what writes the archive may
// hold one. What it returns has to be removed after use. When it fails, or as
// soon as ctx ends, nothing is left; blob may then still be read from until
// its present read ends.
func (s *Store) unpack(ctx context.Context, blob io.Reader) (*unpacked, error) {
	return s.unpackPlain(ctx, &plain{blob: bufio.NewReaderSize(blob, chunkSize)})
}

// unpackPlain is unpack for an archive that is not compressed, even if it looks
// as if it were: it may begin with any file's name.
func (s *Store) unpackPlain(ctx context.Context, from io.Reader) (*unpacked, error) {
	var err error
	u := &unpacked{}
	if u.dir, err = os.MkdirTemp(s.temp, "layer-"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	readers := readAhead(ctx, from, 2)
	hashed := make(chan error, 1)
	go func() {
		hash := digest.Canonical.Digester()
		size, err := io.Copy(hash.Hash(), readers[0])
		u.diffID, u.size = hash.Digest(), size
		hashed <- err
	}()
	err = s.take(u, readers[1])
	if err != nil {
		cancel()
	}
	err = cmp.Or(err, <-hashed)
	cancel()
	if err != nil {
		return nil, cmp.Or(s.roomy(err), u.remove())
	}
	return u, nil
}

// take unpacks the archive, or keeps it for the driver.
func (s *Store) take(u *unpacked, archive io.Reader) error {
	options, err := s.unpackOptions(u.files())
	if err != nil {
		return err
	}
	if u.whole = options == nil; u.whole {
		return u.spool(archive)
	}
	return u.extract(archive, options)
}

// spool keeps the archive as it is.
func (u *unpacked) spool(archive io.Reader) error {
	file, err := os.Create(u.archive())
	if err != nil {
		return err
	}
	_, err = io.Copy(&roomyFile{file, room{dir: file}}, archive)
	return errors.Join(err, file.Close())
}

// plain reads what a blob holds, and the blob itself to its end: whoever hashes
// it has to see that.
type plain struct {
	blob    *bufio.Reader
	content io.ReadCloser
}

// Read reads on, and begins only when it is called.
func (p *plain) Read(into []byte) (int, error) {
	if p.content == nil {
		_, err := p.blob.Peek(1)
		if errors.Is(err, io.EOF) {
			return 0, errors.New("it is empty")
		}
		if err != nil {
			return 0, err
		}
		if p.content, _, err = compression.AutoDecompress(p.blob); err != nil {
			return 0, err
		}
	}
	n, err := p.content.Read(into)
	if errors.Is(err, io.EOF) {
		if _, err := io.Copy(io.Discard, p.blob); err != nil {
			return n, err
		}
	}
	return n, err
}

// ended ends the decompression.
func (p *plain) ended() {
	if p.content != nil {
		p.content.Close()
	}
}

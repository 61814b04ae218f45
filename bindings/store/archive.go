package store

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containers/image/v5/pkg/compression"
)

// plain returns the path of an archive that is neither compressed nor a pipe:
// its own path, or that of a temporary copy.
func (s *Store) plain(ctx context.Context, archive *os.File) (string, error) {
	seekable, err := fromTheStart(archive)
	if err != nil {
		return "", err
	}
	stream, compressed, err := decompress(ctx, archive)
	if err != nil {
		return "", readError(archive, err)
	}
	defer stream.Close()
	if seekable && !compressed {
		return archive.Name(), nil
	}
	spooled, err := os.CreateTemp(s.temp, "archive-")
	if err != nil {
		return "", err
	}
	whole := struct{ io.Reader }{stream} // a WriterTo would make "short write" of a full disk
	if _, err := io.Copy(spooled, whole); err != nil {
		spooled.Close()
		return "", readError(archive, err)
	}
	return spooled.Name(), spooled.Close()
}

// decompress returns what the archive holds, and whether it was compressed.
func decompress(ctx context.Context, archive io.Reader) (io.ReadCloser, bool, error) {
	buffered := bufio.NewReader(interruptible(ctx, archive))
	if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
		return nil, false, errors.New("it is empty")
	}
	return compression.AutoDecompress(buffered)
}

// fromTheStart tells whether the archive is a file that can be opened again by
// its name.
func fromTheStart(archive *os.File) (bool, error) {
	info, err := archive.Stat()
	if err != nil {
		return false, err
	}
	if info.IsDir() {
		return false, fmt.Errorf("reading %s: is a directory", called(archive))
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	again, err := os.Open(archive.Name())
	if err != nil {
		return false, nil //nolint:nilerr // somebody else opened it for us
	}
	again.Close()
	offset, err := archive.Seek(0, io.SeekCurrent)
	return offset == 0, err
}

// interruptible is a reader that fails as soon as ctx ends, also when the pipe
// below it has nothing to read.
func interruptible(ctx context.Context, from io.Reader) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(writer, from)
		writer.CloseWithError(err)
	}()
	return reader
}

func readError(archive *os.File, err error) error {
	return fmt.Errorf("reading %s: %w", called(archive), err)
}

// called is how a person would call the file.
func called(archive *os.File) string {
	if archive.Name() == "/dev/stdin" {
		return "stdin"
	}
	return archive.Name()
}

// eachEntry goes through a plain tar archive. Because it goes to the end, an
// archive that was cut short is an error.
func eachEntry(path string, do func(header *tar.Header, content io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(header, archive); err != nil {
			return err
		}
	}
}

// unpack writes the files of an OCI archive, and nothing else, below dir.
// Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func unpack(path, dir string) error {
	return eachEntry(path, func(header *tar.Header, content io.Reader) error {
		name := filepath.Clean(header.Name)
		blob, err := filepath.Match("blobs/*/*", name)
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || !blob && name != "index.json" && name != "oci-layout" {
			return nil
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		file, err := os.Create(target)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	})
}

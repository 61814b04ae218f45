package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containers/image/v5/pkg/compression"
)

// uncompress returns what a file or a pipe holds, decompressed if need be, and
// ends with ctx, also when the pipe has nothing to read.
func uncompress(ctx context.Context, from *os.File) (io.ReadCloser, error) {
	info, err := from.Stat()
	if err != nil {
		return nil, err
	}
	var raw io.Reader = from
	if !info.Mode().IsRegular() {
		raw = readAhead(ctx, from, 1)[0]
	}
	buffered := bufio.NewReaderSize(raw, chunkSize)
	if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	} else if err != nil {
		return nil, err
	}
	stream, compressed, err := compression.AutoDecompress(buffered)
	if err != nil || !compressed {
		return stream, err
	}
	return struct {
		io.Reader
		io.Closer
	}{readAhead(ctx, stream, 1)[0], stream}, nil
}

// isPlain tells whether an archive is a plain file, which can be read in any
// order.
func isPlain(archive *os.File) (bool, error) {
	info, err := archive.Stat()
	switch {
	case err != nil:
		return false, err
	case info.IsDir():
		return false, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return false, nil
	}
	offset, err := archive.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, err
	}
	decompressor, _, err := compression.DetectCompression(io.NewSectionReader(archive, offset, info.Size()-offset))
	return decompressor == nil && info.Size() > offset, err
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

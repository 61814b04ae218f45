package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path"

	"github.com/klauspost/compress/gzip"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// raw passes an archive on to its parser and keeps the bytes that are not
// content of a file.
type raw struct {
	from    io.Reader
	keeping bool
	kept    []byte
}

// maxHeaders is the most that the headers of one file may take, in bytes:
// names and extended attributes.
const maxHeaders = 4 << 20

// Read passes a piece on.
func (r *raw) Read(into []byte) (int, error) {
	n, err := r.from.Read(into)
	if r.keeping {
		r.kept = append(r.kept, into[:n]...)
		if len(r.kept) > maxHeaders {
			return n, fmt.Errorf("the headers of one file take more than %d MB", maxHeaders>>20)
		}
	}
	return n, err
}

func (r *raw) keep(keeping bool) { r.keeping = keeping }

// take returns the bytes kept since the last time; they are valid until the
// next Read.
func (r *raw) take() []byte {
	kept := r.kept
	r.kept = r.kept[:0]
	return kept
}

// record is a tar-split file in the making.
// Source: https://pkg.go.dev/github.com/vbatts/tar-split/tar/storage#Entry
type record struct {
	file     *os.File
	packed   *gzip.Writer
	encoder  *json.Encoder
	position int
	names    map[uint64]struct{} // hashes of them: an archive may have millions
	seed     maphash.Seed
}

func newRecord(name string) (*record, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	return &record{
		file: file, packed: packed, encoder: json.NewEncoder(packed),
		names: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}, err
}

// segment records bytes as they are.
func (r *record) segment(bytes []byte) error {
	if len(bytes) == 0 {
		return nil
	}
	return r.add(tarsplit.Entry{Type: tarsplit.SegmentType, Payload: bytes})
}

// entry records a file, with the checksum of its content if that is to be read
// from the file. No name may come twice: the content of the first was lost.
func (r *record) entry(name string, size int64, sum []byte) error {
	hash := maphash.String(r.seed, path.Clean(name))
	if _, twice := r.names[hash]; twice {
		return fmt.Errorf("the archive holds %s twice", name)
	}
	r.names[hash] = struct{}{}
	entry := tarsplit.Entry{Type: tarsplit.FileType, Size: size, Payload: sum}
	entry.SetName(name)
	return r.add(entry)
}

func (r *record) add(entry tarsplit.Entry) error {
	entry.Position = r.position
	r.position++
	return r.encoder.Encode(entry)
}

func (r *record) close() error {
	return errors.Join(r.packed.Close(), r.file.Close())
}

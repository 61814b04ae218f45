package store

import (
	"archive/tar"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containers/storage/pkg/archive"
)

// extraction takes an archive apart: into files, and into a record of
// everything else, out of which the same archive can be made again.
type extraction struct {
	options    *archive.TarOptions
	raw        *raw
	files      *tar.Reader
	record     *record
	tree       *tree
	room       room
	uids, gids map[uint32]bool
}

// extract unpacks the archive as containers/storage would. It does so itself
// because that parses an archive three times, and hands it from goroutine to
// goroutine in small pieces.
func (u *unpacked) extract(plain io.Reader, options *archive.TarOptions) (err error) {
	root, err := os.Open(u.files())
	if err != nil {
		return err
	}
	defer root.Close()
	x := &extraction{options: options, raw: &raw{from: plain}, room: room{dir: root}, uids: map[uint32]bool{}, gids: map[uint32]bool{}}
	x.files = tar.NewReader(x.raw)
	if x.record, err = newRecord(u.record()); err != nil {
		return err
	}
	if x.tree, err = newTree(root, options); err != nil {
		return cmp.Or(err, x.record.close())
	}
	err = x.all()
	if err = cmp.Or(err, x.tree.close(), x.record.close()); err != nil {
		return err
	}
	u.rooted = x.tree.rooted
	u.uids, u.gids = slices.Sorted(maps.Keys(x.uids)), slices.Sorted(maps.Keys(x.gids))
	return nil
}

func (x *extraction) all() error {
	for {
		x.raw.keep(true)
		header, err := x.files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := x.entry(header); err != nil {
			return err
		}
	}
	for { // what follows the end mark, too
		if err := x.record.segment(x.raw.take()); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, x.raw, chunkSize); errors.Is(err, io.EOF) {
			return x.record.segment(x.raw.take())
		} else if err != nil {
			return err
		}
	}
}

// entry unpacks and records one entry.
func (x *extraction) entry(header *tar.Header) error {
	if err := cmp.Or(x.record.segment(x.raw.take()), x.room.take(0)); err != nil {
		return err
	}
	if !strings.HasPrefix(path.Base(header.Name), archive.WhiteoutPrefix) {
		x.uids[uint32(header.Uid)], x.gids[uint32(header.Gid)] = true, true
	}
	file, err := x.tree.put(header)
	if err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	if file == nil {
		return x.record.entry(header.Name, 0, nil)
	}
	if sparse(header) || header.Size == 0 {
		if err := fits(opened(int(x.room.dir.Fd())), header.Size); err != nil {
			return err
		}
		if err := x.record.entry(file.name, 0, nil); err != nil {
			return err
		}
		_, err = x.content(file, true)
		return err
	}
	x.raw.keep(false)
	sum, err := x.content(file, false)
	if err != nil {
		return err
	}
	return x.record.entry(file.name, header.Size, sum)
}

// sparse tells whether an archive has less than the content of a file. What it
// has is recorded as it is, because the file does not show what that was.
func sparse(header *tar.Header) bool {
	if header.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// content writes a file's content and returns its checksum.
func (x *extraction) content(file *newFile, recorded bool) ([]byte, error) {
	sum, err := x.parts(file, recorded)
	if err != nil {
		x.tree.writer.write(part{file: file, dropped: true})
		return nil, err
	}
	return sum, x.tree.writer.finish(file)
}

func (x *extraction) parts(file *newFile, recorded bool) ([]byte, error) {
	var sum uint64
	for left := file.header.Size; left > 0; {
		buffer := <-x.tree.writer.free
		n, err := io.ReadFull(x.files, buffer[:min(left, chunkSize)])
		if err != nil {
			return nil, endless(err)
		}
		left -= int64(n)
		sum = updateSum(sum, buffer[:n])
		if err := x.room.take(n); err != nil {
			return nil, err
		}
		if recorded {
			if err := x.record.segment(x.raw.take()); err != nil {
				return nil, err
			}
		}
		x.tree.writer.write(part{file: file, buffer: buffer, content: buffer[:n]})
	}
	return binary.BigEndian.AppendUint64(nil, sum), nil
}

// endless is the error of a file whose end is missing.
func endless(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

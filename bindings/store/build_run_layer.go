package store

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"os"
	"slices"
)

// description makes the archive of a layer whose files are there already: its
// digest, and the record out of which it can be made again.
type description struct {
	record     *record
	archive    *tar.Writer
	headers    []byte
	content    bool // what is written now is a file's
	sum        uint64
	hashed     *readyHash
	buffer     [chunkSize]byte
	uids, gids map[uint32]bool
}

// describe completes a layer of which there are only the files, in the form that
// overlay keeps them in.
func (u *unpacked) describe(ctx context.Context, lower []string) (err error) {
	d := &description{hashed: newReadyHash(), uids: map[uint32]bool{}, gids: map[uint32]bool{}}
	defer d.hashed.end()
	files, err := os.Open(u.files())
	if err != nil {
		return err
	}
	defer files.Close()
	if d.record, err = newRecord(u.record()); err != nil {
		return err
	}
	d.archive = tar.NewWriter(d)
	written := &upper{ctx: ctx, lower: lower, put: d.entry, first: map[inode]string{}}
	err = written.directory(files, "", true)
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

// entry puts an entry into the archive.
func (d *description) entry(header *tar.Header, content io.Reader) error {
	if err := d.archive.WriteHeader(header); err != nil {
		return err
	}
	if err := d.record.segment(d.headers); err != nil {
		return err
	}
	d.headers = d.headers[:0]
	d.uids[uint32(header.Uid)], d.gids[uint32(header.Gid)] = true, true
	if content == nil {
		return d.record.entry(header.Name, 0, nil)
	}
	d.content, d.sum = true, 0
	_, err := io.CopyBuffer(onlyWriter{d.archive}, content, d.buffer[:])
	d.content = false
	if err := cmp.Or(err, d.archive.Flush()); err != nil {
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

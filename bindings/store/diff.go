package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"github.com/containers/storage"
	"github.com/containers/storage/pkg/archive"
	"github.com/klauspost/compress/gzip"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// diff returns the tar archive that a layer was made of, uncompressed and byte
// for byte. The tar-split file beside the layer holds all of the archive but
// the files' content, and a checksum of each: a file that is not what it was
// when it was stored is an error. Several cores read ahead, and no lock of the
// store is held, so that the reader may be slow.
// Source: https://pkg.go.dev/github.com/vbatts/tar-split/tar/storage#Entry
func (s *Store) diff(layer *storage.Layer) (io.ReadCloser, error) {
	driver, err := s.GraphDriver()
	if err != nil {
		return nil, err
	}
	files, err := filesOf(driver, layer.ID)
	if err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", layer.ID, err)
	}
	headers, err := s.openTarSplit(driver, layer.ID)
	if files == nil || errors.Is(err, fs.ErrNotExist) { // it would have to be mounted, or it never was an archive
		plain := archive.Uncompressed
		return s.Diff("", layer.ID, &storage.DiffOptions{Compression: &plain})
	}
	if err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", layer.ID, err)
	}
	return assemble(layer.ID, files, headers), nil
}

// assembly puts a layer's archive together: plan cuts it into pieces, several
// goroutines fill them, and the reader takes them in order.
type assembly struct {
	layer   string
	files   *layerFiles
	headers *os.File
	inOrder chan *piece // a few pieces ahead of the reader
	work    chan *piece
	stop    chan struct{} // closed: the reader is gone
	running sync.WaitGroup

	piece  *piece // the reader's
	buffer *[]byte
	unread []byte
}

// assemble reads a layer's files in the order of its tar-split file, headers.
// Both are closed with what it returns.
func assemble(layer string, files *layerFiles, headers *os.File) *assembly {
	a := &assembly{
		layer: layer, files: files, headers: headers,
		inOrder: make(chan *piece, 4), work: make(chan *piece), stop: make(chan struct{}),
	}
	a.running.Go(a.plan)
	for range min(runtime.GOMAXPROCS(0), 4) {
		a.running.Go(func() {
			for p := range a.work {
				a.fill(p)
			}
		})
	}
	return a
}

// pieceSize is what a piece and a buffer of its content have at least and at
// most; only a large file makes a larger piece, of several buffers.
const pieceSize = 1 << 20

var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, pieceSize)) }}

func emptyBuffer() *[]byte {
	buffer := buffers.Get().(*[]byte)
	*buffer = (*buffer)[:0]
	return buffer
}

// piece is a part of the archive.
type piece struct {
	entries []tarsplit.Entry
	content chan *[]byte // closed at the end of the piece
	err     error        // why content ends too early
}

func (a *assembly) plan() {
	defer close(a.work)
	defer close(a.inOrder)
	next, size := &piece{content: make(chan *[]byte, 1)}, int64(0)
	hand := func() (more bool) {
		select {
		case a.inOrder <- next:
		case <-a.stop:
			return false
		}
		a.work <- next
		next, size = &piece{content: make(chan *[]byte, 1)}, 0
		return true
	}
	unzipped, err := gzip.NewReader(a.headers)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // an empty archive has headers, too
	}
	for decoder := json.NewDecoder(unzipped); err == nil; {
		var entry tarsplit.Entry
		if err = decoder.Decode(&entry); err != nil {
			break
		}
		length := int64(len(entry.Payload))
		if entry.Type == tarsplit.FileType {
			length = entry.Size
		}
		if size+length > pieceSize && size > 0 && !hand() {
			return
		}
		next.entries = append(next.entries, entry)
		size += length
	}
	if !errors.Is(err, io.EOF) {
		next.err = fmt.Errorf("reading layer %s: its list of files (tar-split): %w", a.layer, err)
	}
	hand()
}

// filler writes one piece.
type filler struct {
	*assembly
	piece  *piece
	buffer *[]byte
}

// fill reads what a piece consists of.
func (a *assembly) fill(p *piece) {
	defer close(p.content)
	f := &filler{assembly: a, piece: p, buffer: emptyBuffer()}
	defer func() { buffers.Put(f.buffer) }()
	for i := range p.entries {
		write := f.segment
		if p.entries[i].Type == tarsplit.FileType {
			write = f.file
		}
		if err := write(&p.entries[i]); err != nil {
			p.err = err
			return
		}
	}
	if len(*f.buffer) > 0 {
		p.err = errors.Join(p.err, f.pass())
	}
}

// pass gives the buffer to the reader.
func (f *filler) pass() error {
	select {
	case f.piece.content <- f.buffer:
		f.buffer = emptyBuffer()
		return nil
	case <-f.stop:
		return io.ErrClosedPipe
	}
}

// room returns the free part of the buffer, which is never empty.
func (f *filler) room() ([]byte, error) {
	if len(*f.buffer) == cap(*f.buffer) {
		if err := f.pass(); err != nil {
			return nil, err
		}
	}
	return (*f.buffer)[len(*f.buffer):cap(*f.buffer)], nil
}

func (f *filler) segment(entry *tarsplit.Entry) error {
	for rest := entry.Payload; len(rest) > 0; {
		room, err := f.room()
		if err != nil {
			return err
		}
		n := copy(room, rest)
		*f.buffer, rest = (*f.buffer)[:len(*f.buffer)+n], rest[n:]
	}
	return nil
}

func (f *filler) file(entry *tarsplit.Entry) error {
	if entry.Size == 0 {
		return nil
	}
	damaged := func(why string) error {
		return fmt.Errorf("layer %s: %s is not the file that was stored (%s): remove the image, then load or pull it again", f.layer, entry.GetName(), why)
	}
	file, err := f.files.open(entry.GetName())
	if err != nil {
		return damaged(err.Error())
	}
	defer file.Close()
	sum := uint64(0)
	for left := entry.Size; left > 0; {
		room, err := f.room()
		if err != nil {
			return err
		}
		n, err := file.Read(room[:min(left, int64(len(room)))])
		if errors.Is(err, io.EOF) {
			return damaged("too short")
		}
		if err != nil {
			return fmt.Errorf("layer %s: reading %s: %w", f.layer, entry.GetName(), err)
		}
		sum = updateSum(sum, room[:n])
		*f.buffer = (*f.buffer)[:len(*f.buffer)+n]
		left -= int64(n)
	}
	if !bytes.Equal(binary.BigEndian.AppendUint64(nil, sum), entry.Payload) {
		return damaged("by its checksum")
	}
	return nil
}

// next makes the next buffer the reader's own.
func (a *assembly) next() error {
	if a.buffer != nil {
		buffers.Put(a.buffer)
		a.buffer = nil
	}
	for {
		if a.piece == nil {
			piece, more := <-a.inOrder
			if !more {
				return io.EOF
			}
			a.piece = piece
		}
		if buffer, more := <-a.piece.content; more {
			a.buffer, a.unread = buffer, *buffer
			return nil
		}
		if a.piece.err != nil {
			return a.piece.err
		}
		a.piece = nil
	}
}

// Read reads the archive.
func (a *assembly) Read(p []byte) (int, error) {
	if len(a.unread) == 0 {
		if err := a.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.unread)
	a.unread = a.unread[n:]
	return n, nil
}

// WriteTo writes the rest of the archive, without a copy in between.
func (a *assembly) WriteTo(w io.Writer) (written int64, err error) {
	for {
		n, err := w.Write(a.unread)
		if written += int64(n); err != nil {
			return written, err
		}
		if err := a.next(); errors.Is(err, io.EOF) {
			return written, nil
		} else if err != nil {
			return written, err
		}
	}
}

// Close ends the reading ahead.
func (a *assembly) Close() error {
	close(a.stop)
	a.running.Wait()
	return errors.Join(a.headers.Close(), a.files.Close())
}

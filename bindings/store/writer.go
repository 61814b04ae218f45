package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// newFile is a regular file that is being written.
type newFile struct {
	name   string // from the layer's root, free of links; as in the archive if that is the same
	fd     int
	header *tar.Header
}

// part is a part of a file on its way to the disk, or its end.
type part struct {
	file    *newFile
	buffer  []byte
	content []byte
	end     bool
	dropped bool // the rest will not come
}

// writer writes files in a goroutine of its own, in the order in which they
// came.
type writer struct {
	parts   chan part
	free    chan []byte // buffers
	pending sync.WaitGroup
	err     atomic.Pointer[error]
	ended   chan struct{}
}

const writerBuffers = 8

func newWriter(own func(fd int, header *tar.Header) error) *writer {
	w := &writer{parts: make(chan part, 64), free: make(chan []byte, writerBuffers), ended: make(chan struct{})}
	for range writerBuffers {
		w.free <- make([]byte, chunkSize)
	}
	go func() {
		defer close(w.ended)
		for p := range w.parts {
			if err := p.put(own); err != nil && w.err.Load() == nil {
				err = fmt.Errorf("%s: %w", p.file.header.Name, err)
				w.err.Store(&err)
			}
			if p.buffer != nil {
				w.free <- p.buffer
			}
			w.pending.Done()
		}
	}()
	return w
}

func (p part) put(own func(fd int, header *tar.Header) error) error {
	if sparse, err := p.skip(); sparse || err != nil {
		return err
	}
	for content := p.content; len(content) > 0; {
		n, err := unix.Write(p.file.fd, content)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		content = content[max(n, 0):]
	}
	switch {
	case p.dropped:
		return unix.Close(p.file.fd)
	case p.end:
		return errors.Join(own(p.file.fd, p.file.header), unix.Close(p.file.fd))
	}
	return nil
}

// noughts is a whole buffer of them.
var noughts [chunkSize]byte

// skip leaves a hole in the place of a whole buffer of zeros: the disk has no
// use for them.
func (p part) skip() (skipped bool, err error) {
	if len(p.content) < chunkSize || !bytes.Equal(p.content, noughts[:]) {
		return false, nil
	}
	end, err := unix.Seek(p.file.fd, chunkSize, io.SeekCurrent)
	if err != nil {
		return false, err
	}
	return true, unix.Ftruncate(p.file.fd, end)
}

func (w *writer) write(p part) {
	w.pending.Add(1)
	w.parts <- p
}

// finish has the file closed after all of its content, and returns an error
// that any file has met until now.
func (w *writer) finish(file *newFile) error {
	w.write(part{file: file, end: true})
	return w.failed()
}

func (w *writer) failed() error {
	if err := w.err.Load(); err != nil {
		return *err
	}
	return nil
}

// wait returns when all is written.
func (w *writer) wait() error {
	w.pending.Wait()
	return w.failed()
}

func (w *writer) close() error {
	close(w.parts)
	<-w.ended
	return w.failed()
}

package store

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
)

const (
	chunkSize  = 256 << 10
	chunkCount = 8 // read ahead at most
)

// chunk is a piece of a stream on its way to several readers.
type chunk struct {
	data    []byte
	err     error // what ended the stream after data
	readers atomic.Int32
	free    chan<- *chunk
}

// done gives the piece back when its last reader has done with it.
func (c *chunk) done() {
	if c.readers.Add(-1) == 0 {
		c.free <- c
	}
}

// ahead is a reader of a stream that another goroutine reads before it is
// asked to, and that ends with its context, also when the stream itself has
// nothing to read.
type ahead struct {
	ctx    context.Context
	chunks chan *chunk
	now    *chunk
	rest   []byte
	err    error
}

// readAhead starts to read from, and calls its ended, if it has one, when it
// reads no more. Each of the readers that it returns gets the
// whole stream and must read it to its end or until ctx ends: the slowest of
// them sets the pace.
func readAhead(ctx context.Context, from io.Reader, readers int) []*ahead {
	free := make(chan *chunk, chunkCount)
	for range chunkCount {
		free <- &chunk{data: make([]byte, chunkSize), free: free}
	}
	all := make([]*ahead, readers)
	for i := range all {
		all[i] = &ahead{ctx: ctx, chunks: make(chan *chunk, chunkCount)}
	}
	go func() {
		if reader, has := from.(interface{ ended() }); has {
			defer reader.ended()
		}
		for {
			var c *chunk
			select {
			case c = <-free:
			case <-ctx.Done():
				return
			}
			n, err := 0, error(nil) // io.ReadFull would make io.ErrUnexpectedEOF of an end that is none
			for n < chunkSize && err == nil {
				var more int
				more, err = from.Read(c.data[n:chunkSize])
				n += more
			}
			c.data, c.err = c.data[:n], err
			c.readers.Store(int32(readers))
			for _, reader := range all {
				reader.chunks <- c
			}
			if err != nil {
				return
			}
		}
	}()
	return all
}

// next makes the following piece the present one.
func (a *ahead) next() error {
	if a.now != nil {
		a.err = a.now.err
		a.now.done()
		a.now = nil
	}
	if a.err == nil {
		a.err = context.Cause(a.ctx)
	}
	if a.err != nil {
		return a.err
	}
	select {
	case a.now = <-a.chunks:
		a.rest = a.now.data
		return nil
	case <-a.ctx.Done():
		a.err = context.Cause(a.ctx)
		return a.err
	}
}

// Read reads on.
func (a *ahead) Read(into []byte) (int, error) {
	for len(a.rest) == 0 {
		if err := a.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// WriteTo writes all that is left, without another buffer.
func (a *ahead) WriteTo(to io.Writer) (int64, error) {
	var written int64
	for {
		n, err := to.Write(a.rest)
		written += int64(n)
		a.rest = nil
		if err != nil {
			return written, err
		}
		if err := a.next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return written, err
		}
	}
}

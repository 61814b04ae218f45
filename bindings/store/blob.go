package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containers/common/pkg/retry"
	"github.com/containers/image/v5/types"
)

const (
	// maxRetries is how often in a row something is asked of a registry again.
	maxRetries = 3
	// enough is how many bytes make the next failure the first of its row.
	enough = 1 << 20
	// trickle is how many bytes have to arrive lest a connection counts as
	// stalled.
	trickle = 1 << 10
)

// stallError is that of a registry which sends nothing for so long.
type stallError time.Duration

func (e stallError) Error() string {
	return fmt.Sprintf("the registry has sent nothing for %s; try again, or set DOCKLESS_STALL_TIMEOUT to wait longer", time.Duration(e))
}

// passing tells whether what a registry answered may be different the next
// time.
func passing(err error) bool {
	return retry.IsErrorRetryable(err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		regexp.MustCompile(`(unexpected HTTP status:|status code from registry) 5\d\d`).MatchString(err.Error())
}

// blob reads a blob of a registry. A connection that breaks or stalls or is
// not had is made again, at most three times in a row, after a pause. First
// containers/image goes on where a connection broke, if the registry can do
// that; else what was read already is read once more and passed over. Whoever
// reads has to check the digest.
type blob struct {
	ctx    context.Context
	cancel context.CancelFunc
	source types.ImageSource
	info   types.BlobInfo
	cache  types.BlobInfoCache
	stall  time.Duration

	mutex     sync.Mutex // Close may come while another goroutine reads
	open      *connection
	offset    int64 // of all that was read
	failures  int   // in a row
	lastTried int64 // the offset at the last of them

	failed atomic.Bool // it was not read to its end, and not because of Close
}

// openBlob returns the blob's reader, which connects when it is first read. It
// has to be closed. stall is how long a connection may bring nothing.
func openBlob(ctx context.Context, source types.ImageSource, info types.BlobInfo, cache types.BlobInfoCache, stall time.Duration) *blob {
	b := &blob{source: source, info: info, cache: cache, stall: stall}
	b.ctx, b.cancel = context.WithCancel(ctx)
	return b
}

// Read reads on.
func (b *blob) Read(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	n, err := b.read(p)
	if err != nil && err != io.EOF && b.ctx.Err() == nil { //nolint:errorlint // as in read
		b.failed.Store(true)
	}
	return n, err
}

func (b *blob) read(p []byte) (int, error) {
	for {
		n, err := b.try(p)
		b.offset += int64(n)
		switch {
		case b.info.Size >= 0 && b.offset > b.info.Size:
			return 0, fmt.Errorf("the blob %s is longer than the %d bytes that its manifest says", b.info.Digest, b.info.Size)
		case err == nil && n > 0, err == io.EOF: //nolint:errorlint // only the body's own end: no connection may end with EOF, too
			return n, err
		case b.ctx.Err() != nil:
			return n, context.Cause(b.ctx)
		}
		if err := b.again(err); err != nil || n > 0 {
			return n, err
		}
	}
}

// try reads once, after connecting if need be. Nothing without an error is what
// containers/image reads when it had to connect again.
func (b *blob) try(p []byte) (int, error) {
	if b.open == nil {
		c, err := b.connect()
		if err != nil {
			return 0, err
		}
		b.open = c
	}
	n, err := b.open.read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // as in read
		b.open.close()
		b.open = nil
		err = fmt.Errorf("reading the blob %s: %w", b.info.Digest, broken{err})
	}
	return n, err
}

// broken is an error after the registry had begun to send.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// connect asks for the blob and reads up to where the last connection has come.
func (b *blob) connect() (*connection, error) {
	c := &connection{stall: b.stall, left: b.stall}
	c.ctx, c.end = context.WithCancelCause(b.ctx)
	_, err := c.watched(func() (_ int, err error) {
		c.body, _, err = b.source.GetBlob(c.ctx, b.info, b.cache)
		return 0, err
	})
	if err != nil {
		c.end(nil)
		return nil, err
	}
	passed := make([]byte, min(b.offset, 64<<10))
	for done := int64(0); done < b.offset; {
		n, err := c.read(passed[:min(int64(len(passed)), b.offset-done)])
		done += int64(n)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("reading the blob %s again: %w", b.info.Digest, broken{err})
		}
	}
	return c, nil
}

// again waits before the next try, or returns why there is none.
func (b *blob) again(err error) error {
	if err != nil && !passing(err) && !errors.As(err, new(stallError)) && !errors.As(err, new(broken)) {
		return err
	}
	if b.offset-b.lastTried >= enough {
		b.failures = 0
	}
	b.lastTried = b.offset
	b.failures++
	switch {
	case b.failures <= maxRetries && err == nil: // containers/image has paused
		return nil
	case b.failures <= maxRetries:
		select {
		case <-time.After(time.Second << (b.failures - 1)):
			return nil
		case <-b.ctx.Done():
			return context.Cause(b.ctx)
		}
	case err == nil:
		err = fmt.Errorf("reading the blob %s: %w", b.info.Digest, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("%w (tried %d times)", err, b.failures)
}

// Close ends the reading, also one that goes on in another goroutine.
func (b *blob) Close() error {
	b.cancel()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.open != nil {
		b.open.close()
		b.open = nil
	}
	return nil
}

// connection is one answer of a registry. It ends by itself when too little
// arrives for too long; the time in which nobody reads does not count.
type connection struct {
	ctx     context.Context
	end     context.CancelCauseFunc
	body    io.ReadCloser
	stall   time.Duration
	left    time.Duration // of it
	arrived int64         // since it began
}

func (c *connection) read(p []byte) (int, error) {
	return c.watched(func() (int, error) { return c.body.Read(p) })
}

func (c *connection) watched(wait func() (int, error)) (int, error) {
	began := time.Now()
	watch := time.AfterFunc(c.left, func() { c.end(stallError(c.stall)) })
	n, err := wait()
	watch.Stop()
	c.left -= time.Since(began)
	if c.arrived += int64(n); c.arrived >= trickle {
		c.left, c.arrived = c.stall, 0
	}
	if err != nil && c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	}
	return n, err
}

func (c *connection) close() {
	c.end(nil)
	c.body.Close()
}

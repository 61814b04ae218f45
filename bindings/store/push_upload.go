package store

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/pkg/compression"
	"github.com/containers/image/v5/types"
	"github.com/docker/distribution/registry/api/errcode"
	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
)

// compressionLevel takes two thirds of the time of gzip's usual level, for 5 per
// cent more bytes.
const compressionLevel = 3

// sendStubbornly sends the layer, and again, at most three times and after a
// pause, where the reason of a failure may pass.
func (p *push) sendStubbornly(ctx context.Context, layer pushLayer, sent *types.BlobInfo) error {
	for failures := 1; ; failures++ {
		err := p.send(ctx, layer, sent)
		if err == nil || ctx.Err() != nil || failures > maxRetries || !passingUpload(err) {
			return err
		}
		for left := 1 << (failures - 1); left > 0; left-- {
			plural := "s"
			if left == 1 {
				plural = ""
			}
			p.show(layer.id(), fmt.Sprintf("Retrying in %d second%s", left, plural), 0, 0)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// uploadStall is the error of a registry that takes nothing for so long.
type uploadStall time.Duration

func (e uploadStall) Error() string {
	return fmt.Sprintf("the registry has taken nothing for %s; try again, or set DOCKLESS_STALL_TIMEOUT to wait longer", time.Duration(e))
}

// passingUpload is passing for what is sent. What a registry answers in words is
// its last one.
func passingUpload(err error) bool {
	var refused errcode.Error
	if errors.As(err, &refused) {
		return refused.Code == errcode.ErrorCodeTooManyRequests
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op != "dial" {
		return true
	}
	return passing(err) || errors.As(err, new(uploadStall)) || errors.Is(err, docker.ErrTooManyRequests) || mentions(err, "StatusCode: 429,")
}

// send compresses the layer on its way to the registry.
func (p *push) send(ctx context.Context, layer pushLayer, sent *types.BlobInfo) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	tar, err := p.store.diff(layer.Layer)
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", layer.diffID, err)
	}
	defer tar.Close()
	blob := compress(&checked{
		Reader: tar, want: layer.diffID, hash: digest.Canonical.Hash(), failed: end,
		told: func(done int64) { p.show(layer.id(), "Pushing", done, max(done, layer.UncompressedSize)) },
	})
	defer blob.Close()
	stall := p.store.Stall
	watch := time.AfterFunc(stall, func() { end(uploadStall(stall)) })
	defer watch.Stop()
	put, err := p.target.PutBlob(ctx, &moving{blob, watch, stall}, types.BlobInfo{Size: -1}, p.cache, false)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var request *url.Error
	if errors.As(err, &request) && strings.Contains(request.URL, "?") { // else it may be an error that others have, too
		request.URL, _, _ = strings.Cut(request.URL, "?") // the registry's own notes of the upload
	}
	if err != nil {
		return err
	}
	p.note(put.Digest, layer.diffID, compression.Gzip.Name())
	*sent = types.BlobInfo{Digest: put.Digest, Size: put.Size, CompressionOperation: types.Compress, CompressionAlgorithm: &compression.Gzip}
	return nil
}

// moving is what is being sent. It puts off the end of a connection that takes
// nothing; a registry may need longer to put a whole layer in its place.
type moving struct {
	io.Reader
	watch *time.Timer
	stall time.Duration
}

// Read reads on.
func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if err != nil {
		m.watch.Reset(10 * m.stall)
	} else {
		m.watch.Reset(m.stall)
	}
	return n, err
}

// checked is a layer's tar, which fails in the end if it is not that layer.
type checked struct {
	io.Reader
	want   digest.Digest
	hash   hash.Hash
	done   int64
	told   func(done int64)
	failed func(error) // lest it looks like an error of the connection
}

// Read reads on.
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.hash.Write(p[:n])
	c.done += int64(n)
	if errors.Is(err, io.EOF) {
		got := digest.NewDigest(digest.Canonical, c.hash)
		if got == c.want {
			return n, err
		}
		err = fmt.Errorf("layer %s is damaged in the image store, where its digest is %s: remove the image, then load or pull it again", c.want, got)
	}
	if err != nil {
		c.failed(err)
		return 0, err
	}
	c.told(c.done)
	return n, nil
}

// gzipped is what a goroutine compresses.
type gzipped struct {
	*io.PipeReader
	ended chan struct{}
}

// Close ends the goroutine, and waits until it reads no more.
func (g gzipped) Close() error {
	err := g.PipeReader.Close()
	<-g.ended
	return err
}

// compress reads from and compresses it on all cores. Blocks of a quarter of
// pgzip's own cost nothing and save memory.
func compress(from io.Reader) io.ReadCloser {
	const block = 256 << 10
	reader, writer := io.Pipe()
	g := gzipped{reader, make(chan struct{})}
	go func() {
		defer close(g.ended)
		z, err := pgzip.NewWriterLevel(writer, compressionLevel)
		if err == nil {
			err = z.SetConcurrency(block, min(runtime.GOMAXPROCS(0), 16)) // each block takes 1 MB
		}
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{z}, struct{ io.Reader }{from}, make([]byte, block))
			err = errors.Join(err, z.Close())
		}
		writer.CloseWithError(err)
	}()
	return g
}

package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containers/image/v5/pkg/blobinfocache"
	"github.com/containers/image/v5/pkg/blobinfocache/boltdb"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage/pkg/unshare"
	"golang.org/x/sync/errgroup"
)

// layersAtOnce is how many layers are fetched side by side: docker's
// max-concurrent-downloads.
const layersAtOnce = 3

// fetch unpacks the layers that the store has not got, beside it.
func (s *Store) fetch(ctx context.Context, d *download, show Progress) error {
	if err := s.fetchLayers(ctx, d.source, s.missing("", d.layers, show), show); err != nil {
		return err
	}
	if d.old != nil {
		return d.modernize(ctx)
	}
	return nil
}

// fetchLayers unpacks layers beside the store.
func (s *Store) fetchLayers(ctx context.Context, source types.ImageSource, missing []*remoteLayer, show Progress) error {
	for _, l := range missing {
		show(l.id(), "Pulling fs layer", 0, 0)
	}
	for _, l := range missing[min(layersAtOnce, len(missing)):] {
		show(l.id(), "Waiting", 0, 0)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(layersAtOnce)
	for _, l := range missing {
		group.Go(func() error {
			err := s.fetchLayer(ctx, source, l, show)
			l.bad = err != nil && ctx.Err() == nil
			return err
		})
	}
	return group.Wait()
}

// missing are the layers that are neither in the store, on top of parent, nor
// fetched.
func (s *Store) missing(parent string, layers []*remoteLayer, show Progress) []*remoteLayer {
	var missing []*remoteLayer
	whole := true // so far all of them are in the store
	for _, l := range layers {
		if whole && l.diffID != "" {
			if parent, whole = s.layerOn(parent, l.diffID); whole {
				show(l.id(), "Already exists", 0, 0)
				continue
			}
		}
		whole = false
		if l.staged == nil {
			missing = append(missing, l)
		}
	}
	return missing
}

// fetchLayer unpacks one layer right from the network.
func (s *Store) fetchLayer(ctx context.Context, source types.ImageSource, l *remoteLayer, show Progress) error {
	if s.copyLayer(ctx, l) {
		show(l.id(), "Download complete", 0, 0)
		return nil
	}
	blob := openBlob(ctx, source, l.blob, s.cache(), s.Stall)
	defer blob.Close()
	total := max(l.blob.Size, 0)
	seen := &counter{told: func(done int64) { show(l.id(), "Downloading", done, total) }}
	verifier := l.blob.Digest.Verifier()
	staged, err := s.unpack(ctx, io.TeeReader(blob, io.MultiWriter(verifier, seen)))
	switch {
	case err != nil && (blob.failed.Load() || ctx.Err() != nil):
		return fmt.Errorf("fetching the layer %s: %w", l.blob.Digest, err)
	case err != nil: // not the registry's: no error of a connection, even if it reads like one
		return fmt.Errorf("unpacking the layer %s: %s", l.blob.Digest, err.Error())
	}
	l.staged = staged // from here on to be removed
	show(l.id(), "Verifying Checksum", 0, 0)
	if !verifier.Verified() {
		return fmt.Errorf("filesystem layer verification failed for digest %s", l.blob.Digest)
	}
	if l.diffID != "" && l.diffID != staged.diffID {
		return fmt.Errorf("layers from manifest don't match image configuration: %s is %s, not %s", l.blob.Digest, staged.diffID, l.diffID)
	}
	l.diffID, l.blob.Size, l.fetched = staged.diffID, seen.bytes, true
	show(l.id(), "Download complete", 0, 0)
	return nil
}

// copyLayer unpacks a layer out of the store, which has it on top of another one.
func (s *Store) copyLayer(ctx context.Context, l *remoteLayer) (copied bool) {
	if l.diffID == "" {
		return false
	}
	same, err := s.LayersByUncompressedDigest(l.diffID)
	if err != nil || len(same) == 0 {
		return false
	}
	archive, err := s.diff(&same[0])
	if err != nil {
		return false
	}
	defer archive.Close()
	staged, err := s.unpack(ctx, archive)
	if err != nil {
		return false // it may be on its way out: the registry has it, too
	}
	if staged.diffID != l.diffID {
		_ = staged.remove()
		return false
	}
	l.staged = staged
	return true
}

// counter tells of bytes that pass.
type counter struct {
	bytes int64
	told  func(bytes int64)
}

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	c.told(c.bytes)
	return len(p), nil
}

// cache is what containers/image knows of blobs in registries.
func (s *Store) cache() types.BlobInfoCache { return blobinfocache.DefaultCache(s.system) }

// remember notes which content the compressed blobs have, by which Podman finds
// their layers: Podman 4 in a file of its own.
func (s *Store) remember(layers []*remoteLayer) {
	caches := []types.BlobInfoCache{s.cache()}
	if data, err := os.UserHomeDir(); err == nil && unshare.IsRootless() {
		data = filepath.Join(data, ".local/share")
		if set := os.Getenv("XDG_DATA_HOME"); set != "" {
			data = set
		}
		old := boltdb.New(filepath.Join(data, "containers/cache/blob-info-cache-v1.boltdb")) //nolint:staticcheck // Podman 4's
		caches = append(caches, old)
	}
	defer func() { _ = recover() }() // bbolt panics about a file that is not whole, and this is only a cache
	for _, cache := range caches {
		for _, l := range layers {
			if l.fetched {
				cache.RecordDigestUncompressedPair(l.blob.Digest, l.diffID)
			}
		}
	}
}

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// PruneCache removes those records of the build cache that choose says, with
// their layers. A layer stays as long as an image, a container or another layer
// needs it. It returns what is gone and the bytes that are free now.
func (s *Store) PruneCache(ctx context.Context, choose func(CacheRecord) bool) (removed []CacheRecord, bytes int64, err error) {
	done, err := s.committing(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	records, err := s.cacheRecords()
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(records, func(a, b CacheRecord) int { return cmp.Compare(b.depth, a.depth) }) // children before their parents
	held := map[string]bool{}
	for _, record := range records {
		held[record.ID] = true
	}
	if err := s.dropLostAnchors(held); err != nil {
		return nil, 0, err
	}
	for _, record := range records {
		if record.here && !choose(record) {
			continue
		}
		for _, file := range record.files {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return removed, bytes, fmt.Errorf("removing a record of the build cache: %w", err)
			}
		}
		if !record.here {
			continue
		}
		delete(held, record.ID)
		gone, err := s.dropCached(record.ID, held)
		if err != nil {
			return removed, bytes, err
		}
		if gone {
			bytes += record.Size
		}
		removed = append(removed, record)
	}
	return removed, bytes, nil
}

// keptFor is how long the cache holds what no build has use for.
const keptFor = 30 * 24 * time.Hour

// pruneOld removes from the cache what has been of no use for long, and what was
// of use least lately if it takes more than a tenth of the disk, where that is
// more than 2 GB: docker's own limits. It looks for that once an hour.
// Source: https://docs.docker.com/build/cache/garbage-collection/
func (s *Store) pruneOld(ctx context.Context) error {
	stamp := filepath.Join(s.GraphRoot(), "dockless-pruned")
	if about, err := os.Stat(stamp); err == nil && time.Since(about.ModTime()) < time.Hour {
		return nil
	}
	if err := os.WriteFile(stamp, nil, 0o600); err != nil {
		return err
	}
	now := time.Now()
	if err := os.Chtimes(stamp, now, now); err != nil {
		return err
	}
	excess, err := s.excess()
	if err != nil {
		return err
	}
	_, _, err = s.PruneCache(ctx, func(r CacheRecord) bool { return time.Since(r.Used) > keptFor || excess[r.ID] })
	return cmp.Or(err, s.forget(now.Add(-keptFor)), s.pruneOldFetched(now.Add(-keptFor)))
}

// excess are the layers that only the cache has and that it has no room for.
func (s *Store) excess() (map[string]bool, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(s.GraphRoot(), &disk); err != nil {
		return nil, fmt.Errorf("reading the size of the disk of %s: %w", s.GraphRoot(), err)
	}
	room := max(int64(disk.Blocks)*disk.Bsize/10, 2e9)
	records, err := s.cacheRecords()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b CacheRecord) int { return b.Used.Compare(a.Used) })
	excess := map[string]bool{}
	for _, record := range records {
		if record.Shared || !record.here {
			continue
		}
		if room -= record.Size; room < 0 {
			excess[record.ID] = true
		}
	}
	return excess, nil
}

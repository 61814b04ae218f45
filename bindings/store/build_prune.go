package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containers/common/pkg/config"
	"github.com/containers/storage"
)

// PruneCache removes what builds have left for the next ones: the images without
// a name that others are made from (what they share stays), with all also those
// that nothing is made from, and the caches of RUN --mount=type=cache. What a
// container uses stays. It returns the IDs of the images and the bytes that are
// free now.
func (s *Store) PruneCache(ctx context.Context, all bool) (removed []string, bytes int64, err error) {
	done, err := s.committing(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	if bytes, err = pruneCacheMounts(); err != nil {
		return nil, 0, err
	}
	images, err := s.Images()
	if err != nil {
		return nil, bytes, fmt.Errorf("listing the store's images: %w", err)
	}
	layers, err := s.Layers()
	if err != nil {
		return nil, bytes, fmt.Errorf("listing the store's layers: %w", err)
	}
	containers, err := s.Containers()
	if err != nil {
		return nil, bytes, fmt.Errorf("listing the store's containers: %w", err)
	}
	parent, size, above, used := map[string]string{}, map[string]int64{}, map[string]bool{}, map[string]bool{}
	for _, layer := range layers {
		parent[layer.ID], size[layer.ID] = layer.Parent, max(layer.UncompressedSize, 0)
	}
	for _, image := range images {
		for id := parent[image.TopLayer]; id != ""; id = parent[id] {
			above[id] = true
		}
	}
	for _, container := range containers {
		used[container.ImageID] = true
	}
	for _, image := range images {
		if len(image.Names) > 0 || used[image.ID] || !all && !above[image.TopLayer] {
			continue
		}
		gone, err := s.DeleteImage(image.ID, true)
		if errors.Is(err, storage.ErrImageUsedByContainer) || errors.Is(err, storage.ErrImageUnknown) {
			continue // since the list was made
		}
		if err != nil {
			return removed, bytes, fmt.Errorf("removing the image %s: %w", image.ID, err)
		}
		removed = append(removed, image.ID)
		for _, layer := range gone {
			bytes += size[layer]
		}
	}
	return removed, bytes, nil
}

// pruneCacheMounts removes the caches of RUN --mount=type=cache.
func pruneCacheMounts() (bytes int64, err error) {
	if _, err := config.Reload(); err != nil { // it says where
		return 0, fmt.Errorf("reading containers.conf: %w", err)
	}
	directory := cacheMounts()
	err = filepath.WalkDir(directory, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() {
			if about, err := entry.Info(); err == nil {
				bytes += about.Size()
			}
		}
		return nil
	})
	if err == nil {
		err = os.RemoveAll(directory)
	}
	if err != nil {
		return 0, fmt.Errorf("removing the caches of RUN --mount: %w", err)
	}
	return bytes, nil
}

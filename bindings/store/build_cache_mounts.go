package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/containers/common/pkg/config"
	"golang.org/x/sys/unix"
)

// CacheMounts lists the caches of RUN --mount=type=cache.
func CacheMounts() ([]CacheRecord, error) {
	if _, err := config.Reload(); err != nil { // it says where
		return nil, fmt.Errorf("reading containers.conf: %w", err)
	}
	entries, err := os.ReadDir(cacheMounts())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the caches of RUN --mount: %w", err)
	}
	var records []CacheRecord
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		directory := filepath.Join(cacheMounts(), entry.Name())
		about, err := os.Stat(directory)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody prunes
		}
		if err != nil {
			return nil, fmt.Errorf("reading the caches of RUN --mount: %w", err)
		}
		record := CacheRecord{ID: keyOf(directory).Encoded(), Step: "cached mount " + mountName(entry.Name()), Created: about.ModTime(), Used: about.ModTime(), files: []string{directory}}
		if lock, err := os.Stat(cacheLock(entry.Name())); err == nil && lock.ModTime().After(record.Used) {
			record.Used = lock.ModTime()
		}
		if record.Size, err = sizeBelow(directory); err != nil {
			return nil, fmt.Errorf("reading the caches of RUN --mount: %w", err)
		}
		records = append(records, record)
	}
	return records, nil
}

// mountName is what a cache is called, of the name of its directory.
func mountName(directory string) string {
	if name, err := url.PathUnescape(directory); err == nil {
		return name
	}
	return directory
}

func cacheLock(name string) string { return filepath.Join(cacheMounts(), cacheLocks, name) }

// sizeBelow is what the files below a directory hold, in bytes.
func sizeBelow(directory string) (bytes int64, err error) {
	err = filepath.WalkDir(directory, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var about fs.FileInfo
			if about, err = entry.Info(); err == nil {
				bytes += about.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody works there
		}
		return err
	})
	return bytes, err
}

// PruneCacheMounts removes some of the caches that CacheMounts lists, but none
// that a build is using. It returns what is gone and the bytes that are free now.
func PruneCacheMounts(records []CacheRecord) (removed []CacheRecord, bytes int64, err error) {
	for _, record := range records {
		gone, err := pruneCacheMount(record)
		if err != nil {
			return removed, bytes, fmt.Errorf("removing a cache of RUN --mount: %w", err)
		}
		if gone {
			removed = append(removed, record)
			bytes += record.Size
		}
	}
	return removed, bytes, nil
}

func pruneCacheMount(record CacheRecord) (gone bool, err error) {
	lock, err := os.OpenFile(cacheLock(filepath.Base(record.files[0])), os.O_RDWR, 0)
	if err == nil {
		defer lock.Close()
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, RemoveTree(record.files[0])
}

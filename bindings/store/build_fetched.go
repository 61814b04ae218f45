package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/util/urlutil"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// fetchedFiles has a directory for each URL of ADD: what was downloaded, so that
// the next build only asks whether it is still the same.
func (s *Store) fetchedFiles() string { return filepath.Join(s.GraphRoot(), "dockless-fetched") }

// urlFile, in such a directory, says of which URL it is; its time is that of the
// last build that had use for it.
const urlFile = "url"

// fetchedFrom is the directory of a URL. Nobody removes it until done is called.
func (s *Store) fetchedFrom(url string) (dir string, done func() error, err error) {
	dir = filepath.Join(s.fetchedFiles(), digest.FromString(url).Encoded())
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", nil, err
		}
		lock, err := lockDirectory(dir, unix.LOCK_SH)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody prunes
		}
		if err != nil {
			return "", nil, err
		}
		err = os.WriteFile(filepath.Join(dir, urlFile), []byte(urlutil.RedactCredentials(url)), 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			lock.Close()
			continue
		}
		if err != nil {
			return "", nil, errors.Join(err, lock.Close())
		}
		return dir, lock.Close, nil
	}
}

// Fetched lists what ADD has downloaded.
func (s *Store) Fetched() ([]CacheRecord, error) {
	directories, err := filepath.Glob(filepath.Join(s.fetchedFiles(), "*"))
	if err != nil {
		return nil, err
	}
	var records []CacheRecord
	for _, directory := range directories {
		about, err := os.Stat(filepath.Join(directory, urlFile))
		if err != nil {
			continue // somebody prunes
		}
		url, err := os.ReadFile(filepath.Join(directory, urlFile))
		if err != nil {
			continue
		}
		size, err := sizeBelow(directory)
		if err != nil {
			return nil, fmt.Errorf("reading what was downloaded for builds: %w", err)
		}
		records = append(records, CacheRecord{
			ID: filepath.Base(directory), Step: "http source " + string(url), Size: size,
			Created: about.ModTime(), Used: about.ModTime(), files: []string{directory},
		})
	}
	return records, nil
}

// PruneFetched removes some of what Fetched lists, but nothing that a build is
// using. It returns what is gone and the bytes that are free now.
func PruneFetched(records []CacheRecord) (removed []CacheRecord, bytes int64, err error) {
	for _, record := range records {
		lock, err := lockDirectory(record.files[0], unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(record.files[0]), lock.Close())
		}
		if err != nil {
			return removed, bytes, fmt.Errorf("removing what was downloaded for a build: %w", err)
		}
		removed = append(removed, record)
		bytes += record.Size
	}
	return removed, bytes, nil
}

// pruneOldFetched removes what no build has had use for since.
func (s *Store) pruneOldFetched(since time.Time) error {
	records, err := s.Fetched()
	if err != nil {
		return err
	}
	var old []CacheRecord
	for _, record := range records {
		if record.Used.Before(since) {
			old = append(old, record)
		}
	}
	_, _, err = PruneFetched(old)
	return err
}

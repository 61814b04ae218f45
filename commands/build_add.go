package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/moby/buildkit/util/urlutil"
	"github.com/opencontainers/go-digest"
)

// fetchSource puts what ADD names, a URL or a git repository, below a directory
// and returns its path. In the directory of a URL there may be what was
// downloaded before. show is told how much of a URL has come, and of how much.
// Source: https://docs.docker.com/reference/dockerfile/#add
func fetchSource(ctx context.Context, item dockerfile.Item, directory string, show func(done, total int64)) (string, error) {
	if item.URL != "" {
		return fetchURL(ctx, item, directory, show)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", err
	}
	directory, err := os.MkdirTemp(directory, "") // another stage may ask for the same
	if err != nil {
		return "", err
	}
	f := &fetched{path: directory}
	if err := f.clone(ctx, item.Git, "git", item.KeepGitDir, string(item.Checksum)); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(f.dir("git"))
}

// downloaded is what is known of a file that was downloaded before: it is named
// after its digest.
type downloaded struct {
	ETag, LastModified string // as the server said
	Digest             digest.Digest
}

// downloadedFile is the name of the file that says so.
const downloadedFile = "downloaded.json"

// fetchURL downloads a file, unless it is here and the server says that it is
// still the same. It has the time that the server says, and else that of the
// epoch, and its content is what the checksum says.
func fetchURL(ctx context.Context, item dockerfile.Item, directory string, show func(done, total int64)) (string, error) {
	before, here := readDownloaded(directory, item.Checksum)
	if here && item.Checksum == before.Digest {
		return filepath.Join(directory, before.Digest.Encoded()), nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, item.URL, nil)
	if err != nil {
		return "", err
	}
	if here && before.ETag != "" {
		request.Header.Set("If-None-Match", before.ETag)
	} else if here && before.LastModified != "" {
		request.Header.Set("If-Modified-Since", before.LastModified)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if here && response.StatusCode == http.StatusNotModified {
		return filepath.Join(directory, before.Digest.Encoded()), nil
	}
	if response.StatusCode < 200 || response.StatusCode >= 300 {
		return "", fmt.Errorf("invalid response status %d", response.StatusCode)
	}
	return keepDownloaded(response, item, directory, show)
}

// readDownloaded finds what was downloaded before, if it can be what is wanted.
func readDownloaded(directory string, wanted digest.Digest) (before downloaded, here bool) {
	text, err := os.ReadFile(filepath.Join(directory, downloadedFile))
	if err != nil || json.Unmarshal(text, &before) != nil || before.Digest.Validate() != nil {
		return before, false
	}
	return before, exists(filepath.Join(directory, before.Digest.Encoded())) && (wanted == "" || wanted == before.Digest)
}

func keepDownloaded(response *http.Response, item dockerfile.Item, directory string, show func(done, total int64)) (string, error) {
	file, err := os.CreateTemp(directory, "new-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	algorithm := digest.Canonical
	if item.Checksum != "" {
		algorithm = item.Checksum.Algorithm()
	}
	sum, wanted := digest.Canonical.Digester(), algorithm.Digester()
	shown := &shownBytes{total: max(response.ContentLength, 0), show: show}
	if _, err := io.Copy(io.MultiWriter(file, sum.Hash(), wanted.Hash(), shown), response.Body); err != nil {
		return "", fmt.Errorf("downloading %s: %w", urlutil.RedactCredentials(item.URL), err)
	}
	if item.Checksum != "" && wanted.Digest() != item.Checksum {
		return "", fmt.Errorf("digest mismatch %s: %s", wanted.Digest(), item.Checksum)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("downloading %s: %w", urlutil.RedactCredentials(item.URL), err)
	}
	about := downloaded{ETag: response.Header.Get("ETag"), LastModified: response.Header.Get("Last-Modified"), Digest: sum.Digest()}
	modified, err := http.ParseTime(about.LastModified)
	if err != nil {
		modified = time.Unix(0, 0)
	}
	name := filepath.Join(directory, about.Digest.Encoded())
	if err := cmp.Or(os.Chtimes(file.Name(), modified, modified), os.Rename(file.Name(), name)); err != nil {
		return "", err
	}
	text, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	return name, writeWhole(context.Background(), filepath.Join(directory, downloadedFile), func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
}

// shownBytes shows from time to time how many bytes were written to it.
type shownBytes struct {
	done, total int64
	next        time.Time
	show        func(done, total int64)
}

func (s *shownBytes) Write(p []byte) (int, error) {
	s.done += int64(len(p))
	if now := time.Now(); now.After(s.next) {
		s.next = now.Add(screenInterval)
		s.show(s.done, s.total)
	}
	return len(p), nil
}

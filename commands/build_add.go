package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
)

// fetchSource puts what ADD names, a URL or a git repository, below a directory
// and returns its path.
// Source: https://docs.docker.com/reference/dockerfile/#add
func fetchSource(ctx context.Context, item dockerfile.Item, directory string) (string, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", err
	}
	directory, err := os.MkdirTemp(directory, "") // another stage may ask for the same
	if err != nil {
		return "", err
	}
	if item.Git != "" {
		f := &fetched{path: directory}
		if err := f.clone(ctx, item.Git, "git", item.KeepGitDir, string(item.Checksum)); err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(f.dir("git"))
	}
	return fetchURL(ctx, item, directory)
}

// fetchURL downloads a file. It has the time that the server says, and else that
// of the epoch, and its content is what the checksum says.
func fetchURL(ctx context.Context, item dockerfile.Item, directory string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, item.URL, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return "", fmt.Errorf("invalid response status %d", response.StatusCode)
	}
	name := filepath.Join(directory, urlName(item.URL))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer file.Close()
	algorithm := digest.Canonical
	if item.Checksum != "" {
		algorithm = item.Checksum.Algorithm()
	}
	sum := algorithm.Digester()
	if _, err := io.Copy(io.MultiWriter(file, sum.Hash()), response.Body); err != nil {
		return "", fmt.Errorf("downloading %s: %w", item.URL, err)
	}
	if item.Checksum != "" && sum.Digest() != item.Checksum {
		return "", fmt.Errorf("digest mismatch %s: %s", sum.Digest(), item.Checksum)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("downloading %s: %w", item.URL, err)
	}
	modified, err := http.ParseTime(response.Header.Get("Last-Modified"))
	if err != nil {
		modified = time.Unix(0, 0)
	}
	return name, os.Chtimes(name, modified, modified)
}

// urlName is the name of the file at a URL, as BuildKit has it.
func urlName(address string) string {
	if parsed, err := url.Parse(address); err == nil {
		if base := path.Base(parsed.Path); base != "." && base != "/" {
			return base
		}
	}
	return "__unnamed__"
}

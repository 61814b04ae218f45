package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/containers/podman/v4/pkg/bindings"
)

// PathStat is what the engine knows of a path in a container. Mode is Go's;
// LinkTarget, for a symbolic link, is where it leads, every link on the way
// followed within the container, from its root on.
type PathStat struct {
	Name       string      `json:"name"`
	Size       int64       `json:"size"`
	Mode       os.FileMode `json:"mode"`
	LinkTarget string      `json:"linkTarget"`
}

const pathStatHeader = "X-Docker-Container-Path-Stat"

// StatPath looks at an absolute path in a container, running or not, without
// following a link at its end. Nothing there is status 404; of a link that leads
// nowhere the engine says both.
// Source: https://docs.docker.com/reference/api/engine/version/v1.51/
func StatPath(ctx context.Context, container, path string) (*PathStat, error) {
	return whileEnding(ctx, func() (*PathStat, error) { return statPath(ctx, container, path) })
}

func statPath(ctx context.Context, container, path string) (*PathStat, error) {
	query := url.Values{"path": {path}}
	response, err := archive(ctx, http.MethodHead, container, query, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	header := response.Header.Get(pathStatHeader)
	if header == "" && response.StatusCode != http.StatusNotFound {
		// An answer to HEAD cannot say what is wrong.
		if response, err = archive(ctx, http.MethodGet, container, query, nil); err != nil {
			return nil, err
		}
		defer response.Body.Close()
		header = response.Header.Get(pathStatHeader)
	}
	if header == "" {
		return nil, refusal(response)
	}
	text, err := base64.URLEncoding.DecodeString(header)
	if err != nil {
		return nil, fmt.Errorf("reading what podman says of %s: %w", path, err)
	}
	stat := new(PathStat)
	if err := json.Unmarshal(text, stat); err != nil {
		return nil, fmt.Errorf("reading what podman says of %s: %w", path, err)
	}
	return stat, nil
}

// ReadArchive opens a path in a container as a tar stream, which the caller
// closes. A link at its end is followed; entries are named from the path's last
// element on, those of "/" from there. The engine leaves /dev, /proc and /sys
// out.
func ReadArchive(ctx context.Context, container, path string) (io.ReadCloser, error) {
	return whileEnding(ctx, func() (io.ReadCloser, error) {
		response, err := archive(ctx, http.MethodGet, container, url.Values{"path": {path}}, nil)
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= http.StatusBadRequest {
			defer response.Body.Close()
			return nil, refusal(response)
		}
		return response.Body, nil
	})
}

// whileEnding asks again for a second where Podman takes a container for running
// whose process has just ended.
func whileEnding[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for tries := 0; ; tries++ {
		answer, err := ask()
		if err == nil || tries == 20 || !strings.Contains(err.Error(), "/ns/mnt: no such file") {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// WriteArchive unpacks a tar stream, plain or compressed, in a directory of a
// container. Owners are the archive's; a directory does not replace what is
// none, nor the other way round.
func WriteArchive(ctx context.Context, container, directory string, content io.Reader) error {
	response, err := archive(ctx, http.MethodPut, container, url.Values{
		"path":                 {directory},
		"copyUIDGID":           {"false"}, // Podman's word for: give all to the container's user
		"noOverwriteDirNonDir": {"true"},
	}, content)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(response)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func archive(ctx context.Context, method, container string, query url.Values, body io.Reader) (*http.Response, error) {
	connection, err := bindings.GetClient(ctx)
	if err != nil {
		return nil, err
	}
	address := "http://d" + Libpod + "/containers/" + url.PathEscape(container) + "/archive?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-tar")
	}
	return connection.Client.Do(request)
}

package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/pkg/blobinfocache/none"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
)

// serve starts a registry that answers for any blob with what answer writes.
func serve(t *testing.T, answer http.HandlerFunc) types.ImageSource {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/blobs/"):
			answer(w, r)
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			io.WriteString(w, `{"schemaVersion":2}`) //nolint:errcheck // a test would see nothing of it
		}
	}))
	t.Cleanup(server.Close)
	name, err := reference.ParseNormalizedNamed(strings.TrimPrefix(server.URL, "http://") + "/box:1")
	if err != nil {
		t.Fatal(err)
	}
	source, err := newSource(context.Background(), &types.SystemContext{DockerInsecureSkipTLSVerify: types.OptionalBoolTrue}, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	return source
}

// half writes the beginning of a blob and ends the connection.
func half(w http.ResponseWriter, content []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.Write(content[:len(content)/2]) //nolint:errcheck // as above
	panic(http.ErrAbortHandler)
}

func TestBlobOfRegistryWithoutRanges(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	var asked atomic.Int32
	source := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			half(w, content)
		}
		w.Write(content) //nolint:errcheck // as above
	})
	info := types.BlobInfo{Digest: digest.FromBytes(content), Size: int64(len(content))}
	b := openBlob(context.Background(), source, info, none.NoCache, time.Minute)
	defer b.Close()
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
	}
}

func TestBlobThatTrickles(t *testing.T) {
	source := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "x") //nolint:errcheck // as above
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	b := openBlob(context.Background(), source, types.BlobInfo{Digest: digest.FromString("x"), Size: -1}, none.NoCache, 100*time.Millisecond)
	b.failures = maxRetries // the next is the last
	defer b.Close()
	if _, err := io.ReadAll(b); !errors.As(err, new(stallError)) {
		t.Error(err)
	}
}

func TestBlobThatIsTooLong(t *testing.T) {
	source := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "xyz") }) //nolint:errcheck // as above
	b := openBlob(context.Background(), source, types.BlobInfo{Digest: digest.FromString("x"), Size: 1}, none.NoCache, time.Minute)
	defer b.Close()
	if _, err := io.ReadAll(b); err == nil || !strings.Contains(err.Error(), "longer than the 1 bytes") {
		t.Error(err)
	}
}

func TestBlobClosedWhileRead(t *testing.T) {
	begun := make(chan struct{})
	source := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	b := openBlob(context.Background(), source, types.BlobInfo{Digest: digest.FromString("x"), Size: 1}, none.NoCache, time.Minute)
	read := make(chan error)
	go func() {
		_, err := io.ReadAll(b)
		read <- err
	}()
	<-begun
	b.Close()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if b.failed.Load() {
		t.Error("what Close ended counts as the registry's fault")
	}
}

package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/moby/buildkit/util/urlutil"
)

func isURL(where string) bool {
	return strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://")
}

// download opens what is at a URL. It has to be closed.
func download(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("downloading %s: %s", urlutil.RedactCredentials(url), response.Status)
	}
	return response.Body, nil
}

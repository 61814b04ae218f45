package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// DiedWith returns the exit code of a container that ended in the last minutes,
// from Podman's events. They have it even when the container is gone, which
// Podman 4's own answer to a wait does not survive.
func DiedWith(ctx context.Context, id string) (int, error) {
	filters, err := json.Marshal(map[string][]string{"container": {id}, "event": {"died"}})
	if err != nil {
		return 0, err
	}
	response, err := Open(ctx, http.MethodGet, Libpod+"/events", url.Values{
		"stream": {"false"}, "since": {"5m"}, "filters": {string(filters)},
	}, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	last := ""
	for decoder := json.NewDecoder(response.Body); ; {
		var event struct {
			Actor struct{ Attributes map[string]string }
		}
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, fmt.Errorf("reading podman's events: %w", err)
		}
		last = event.Actor.Attributes["containerExitCode"]
	}
	code, err := strconv.Atoi(last)
	if err != nil {
		return 0, fmt.Errorf("podman has no event of the end of container %s", id)
	}
	return code, nil
}

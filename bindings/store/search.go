package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/docker/reference"
)

// Search asks a registry, a host with or without a port, for repositories with
// the term in their names, limit of them at most. Docker Hub has an index that is
// made for it; of another registry that has none the catalogue is read.
func Search(ctx context.Context, host, term string, limit int) ([]docker.SearchResult, error) {
	name, err := reference.ParseNormalizedNamed(host + "/search")
	if err != nil || reference.Domain(name) != host {
		return nil, fmt.Errorf("%q is not the address of a registry: write HOST/TERM or HOST:PORT/TERM", host)
	}
	system, done, err := reach(name)
	defer done()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	found, err := docker.SearchRegistry(limited, system, host, term, limit)
	if err == nil {
		return found[:min(limit, len(found))], nil
	}
	var request *url.Error
	code, said := refusal(err)
	switch {
	case ctx.Err() == nil && limited.Err() != nil:
		return nil, fmt.Errorf("%s does not answer within %v", host, answerPatience)
	case errors.As(err, &request):
		return nil, requestError(name, request)
	case code != 0:
		return nil, fmt.Errorf("searching %s, which may require '%s': %s", host, loginCommand(name), said)
	}
	return nil, plainly(host, err)
}

package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// host is an engine that the person named.
type host struct {
	socket string // path of the unix socket
	origin string // "-H", "DOCKER_HOST" or "CONTAINER_HOST"
}

// namedHost returns the engine that the command line or the environment names,
// nil for none. As with Docker, -H wins over DOCKER_HOST; an empty variable
// counts as unset.
// Source: https://docs.docker.com/reference/cli/docker/#environment-variables
func namedHost(flags []string) (*host, error) {
	if len(flags) > 1 {
		return nil, errors.New("specify only one -H")
	}
	if len(flags) == 1 {
		return parseHost("-H", flags[0])
	}
	for _, name := range []string{"DOCKER_HOST", "CONTAINER_HOST"} {
		if value := os.Getenv(name); value != "" {
			return parseHost(name, value)
		}
	}
	return nil, nil
}

func parseHost(origin, value string) (*host, error) {
	scheme, path, found := strings.Cut(value, "://")
	if !found {
		return nil, fmt.Errorf("%s %q is not a socket; write unix:///path/to/podman.sock", origin, value)
	}
	switch scheme {
	case "unix":
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("%s %q needs the absolute path of a socket: unix:///path/to/podman.sock", origin, value)
		}
		return &host{socket: path, origin: origin}, nil
	case "ssh":
		target, _, _ := strings.Cut(path, "/")
		return nil, fmt.Errorf("%s %q: only unix:// sockets can be used; forward the remote one with "+
			"ssh -fNL /tmp/podman.sock:/run/user/1000/podman/podman.sock %s, and use unix:///tmp/podman.sock", origin, value, target)
	default:
		return nil, fmt.Errorf("%s %q: only unix:// sockets can be used, not %s://; %s", origin, value, scheme, wayOut(origin))
	}
}

// wayOut says how to get rid of a host that does not work.
func wayOut(origin string) string {
	if origin == "-H" {
		return "leave -H away to use your own engine"
	}
	return "unset " + origin + " to use your own engine"
}

// explain adds where the address came from to an error in reaching it. Scripts
// know Docker's words for an engine that is not there.
func (h *host) explain(err error) error {
	var u *unreachable
	if !errors.As(err, &u) {
		return err
	}
	return fmt.Errorf("Cannot connect to the Docker daemon at unix://%s (%s): %s; %s", u.socket, h.origin, u.reason, wayOut(h.origin))
}

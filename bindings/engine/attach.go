package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Stream carries a container's or an exec session's streams over a connection
// that Podman has taken from HTTP: input is written, output is read. Without a
// terminal output is in frames, which docker/docker/pkg/stdcopy takes apart.
// CloseWrite ends the input, Close the connection.
//
// The bindings have functions for this too; they read past net/http's buffer and
// so lose the first bytes of output now and then.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Attach joins a container that runs or may be started. One that does not run is
// made ready to start: whatever is wrong with it, its command included, is the
// error here and not the start's. What it writes from then on is in the stream.
// With input, the end of the input or of the
// connection is the end of the container's standard input.
//
// Without a terminal the input goes over a connection of its own: a container
// that ends before it has read all of it makes Podman give up the connection
// that the input came by, and what the container wrote last with it.
func Attach(ctx context.Context, container string, input, tty bool) (Stream, error) {
	if !input || tty {
		stream, err := attach(ctx, container, input, true)
		if err == nil {
			accepted(ctx)
		}
		return stream, err
	}
	output, err := attach(ctx, container, false, true)
	if err != nil {
		return nil, err
	}
	in, err := attach(ctx, container, true, false)
	if err != nil {
		output.Close()
		return nil, err
	}
	accepted(ctx)
	return &apart{output, in}, nil
}

// apart is a stream with a connection for each direction.
type apart struct {
	Stream // the output's
	input  Stream
}

// Write implements io.Writer.
func (a *apart) Write(p []byte) (int, error) { return a.input.Write(p) }

// CloseWrite implements Stream.
func (a *apart) CloseWrite() error { return a.input.CloseWrite() }

// Close implements io.Closer.
func (a *apart) Close() error { return errors.Join(a.input.Close(), a.Stream.Close()) }

func attach(ctx context.Context, container string, input, output bool) (Stream, error) {
	return upgrade(ctx, Libpod+"/containers/"+url.PathEscape(container)+"/attach", url.Values{
		"stdin":  {strconv.FormatBool(input)},
		"stdout": {strconv.FormatBool(output)},
		"stderr": {strconv.FormatBool(output)},
		// Podman's own search for the keys misses those that arrive together, and
		// finds them in piped data: it is the caller's business.
		"detachKeys": {""},
	}, nil)
}

func upgrade(ctx context.Context, path string, query url.Values, in any) (Stream, error) {
	response, err := send(ctx, http.MethodPost, path, query, in, http.Header{
		"Connection": {"Upgrade"},
		"Upgrade":    {"tcp"},
	})
	if err != nil {
		return nil, err
	}
	// net/http's body of a 101 hands out what it had read ahead before it reads on.
	if stream, ok := response.Body.(Stream); ok && response.StatusCode == http.StatusSwitchingProtocols {
		return stream, nil
	}
	response.Body.Close()
	return nil, fmt.Errorf("podman answered %s to a request for a stream: see what listens on the socket", response.Status)
}

package commands

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"dockless/bindings/engine"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/moby/term"
)

// streams are the person's ends of a container's or an exec session's streams.
type streams struct {
	in         io.Reader // nil: none
	out, err   io.Writer // io.Discard: not asked for
	tty        bool
	detachKeys []byte // looked for in the input of a terminal
	screen     any    // what shows the output; it may be a terminal
}

// streams are all but the input.
func (e *Env) streams(tty bool, detachKeys []byte) streams {
	return streams{tty: tty, detachKeys: detachKeys, out: e.Out, err: e.Err, screen: e.Out}
}

var (
	// errDetached is the person's wish to leave. The words are docker's.
	errDetached = errors.New("read escape sequence")
	// errNoReader is a reader of ours that has gone (dockless run … | head -1).
	errNoReader = errors.New("nobody reads the output any more")
)

// join copies both ways until the output ends, which is no error. restore gives
// the terminal back as soon as that or the input has ended, or one of them
// panics.
func (s *streams) join(ctx context.Context, stream engine.Stream, restore func()) error {
	// A write to a closed pipe must be an error here, not the end of the process.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)

	ended := make(chan error, 2)
	go func() {
		defer restore()
		ended <- s.copyOut(stream)
	}()
	if s.in != nil {
		go func() {
			defer restore()
			if s.copyIn(stream) {
				ended <- errDetached
			}
		}()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// copyIn tells whether the person has typed the detach keys. The end of the input
// is passed on; an error in passing it on shows in the output's end too.
func (s *streams) copyIn(stream engine.Stream) (detached bool) {
	in := s.in
	if s.tty {
		in = term.NewEscapeProxy(in, s.detachKeys)
	}
	_, err := io.Copy(stream, in)
	if errors.As(err, new(term.EscapeError)) {
		return true
	}
	_ = stream.CloseWrite()
	return false
}

func (s *streams) copyOut(stream engine.Stream) error {
	out, stderr := &sink{Writer: s.out}, &sink{Writer: s.err}
	var err error
	if s.tty {
		_, err = io.Copy(out, stream)
	} else {
		_, err = stdcopy.StdCopy(out, stderr, stream)
	}
	written := errors.Join(out.err, stderr.err)
	switch {
	case errors.Is(written, syscall.EPIPE):
		return errNoReader
	case written != nil:
		return written
	case errors.Is(err, syscall.ECONNRESET): // the other end left some of our input unread
		return nil
	}
	return err
}

// sink remembers the error of its writer, to tell it from those of reading, and
// leaves out what Podman says of its own sockets.
type sink struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	all := len(p)
	if p = p[:all-socketError(p)]; len(p) == 0 {
		return all, nil
	}
	if _, s.err = s.Writer.Write(p); s.err != nil {
		return 0, s.err
	}
	return all, nil
}

// socketError is the length of Podman's last words in a stream whose command has
// left some of its input unread: Error: write unixpacket @->/proc/…/attach:
// write: connection reset by peer. What an exec's command wrote last may be lost
// with it, on Podman's side of the socket; see engine.Attach for a container's.
func socketError(p []byte) int {
	if !bytes.Contains(p, []byte("unixpacket @->")) {
		return 0
	}
	return len(regexp.MustCompile(`Error: (read|write) unixpacket @->\S*/attach: (read|write): [a-z ]+\n$`).Find(p))
}

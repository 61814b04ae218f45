package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/blang/semver/v4"
)

// line is a connection on which Podman has answered a ping.
type line struct {
	net.Conn
	socket  string
	version semver.Version
}

// unreachable is a socket with no Podman behind it that we could use.
type unreachable struct {
	socket string
	reason string // a clause: "nothing listens there"
	gone   bool   // nobody is there: a service may be started
	ends   bool   // somebody is about to go, and may be back at once
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("no engine at unix://%s: %s", u.socket, u.reason)
}

// oldest is the first major version of Podman whose API the bindings speak.
const oldest = 4

// dial connects to a socket and sees that Podman answers there.
func dial(ctx context.Context, socket string, patience time.Duration) (*line, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, refused(socket, err)
	}
	interrupt := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	version, err := ping(conn, socket, patience)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if !interrupt() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &line{Conn: conn, socket: socket, version: version}, nil
}

// refused explains why a socket cannot be dialled.
func refused(socket string, err error) error {
	u := &unreachable{socket: socket, reason: err.Error()}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		u.reason, u.gone = "there is no such socket", true
	case errors.Is(err, syscall.ECONNREFUSED):
		u.reason, u.gone = "nothing listens there", true
	case errors.Is(err, os.ErrPermission):
		u.reason = "permission denied, it belongs to another user"
	case errors.Is(err, syscall.EINVAL):
		u.reason = "the path is too long for a socket (107 bytes at most)"
	}
	return u
}

// ping asks for the version of the Podman behind a connection. Source:
// https://docs.podman.io/en/latest/_static/api.html#tag/system-(compat)/operation/SystemPing
func ping(conn net.Conn, socket string, patience time.Duration) (version semver.Version, err error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return version, err
	}
	_, writeErr := io.WriteString(conn, "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return version, silent(socket, patience, errors.Join(err, writeErr))
	}
	defer response.Body.Close()
	header := response.Header.Get("Libpod-API-Version")
	version, err = semver.ParseTolerant(header)
	u := &unreachable{socket: socket}
	switch {
	case header == "" && strings.HasPrefix(response.Header.Get("Server"), "Docker/"):
		u.reason = "Docker's own daemon answers there, and dockless drives Podman"
	case header == "" || err != nil:
		u.reason = fmt.Sprintf("what answers there is not Podman (%s)", response.Status)
	case version.Major < oldest:
		u.reason = fmt.Sprintf("Podman %s answers there, and dockless needs %d.0 or newer", header, oldest)
	case response.StatusCode != http.StatusOK:
		u.reason = fmt.Sprintf("Podman %s is in trouble there (%s)", header, response.Status)
	case response.Close:
		u.reason, u.gone, u.ends = "Podman's service is about to end there", true, true // of idleness: net/http says so
	default:
		_, err := io.Copy(io.Discard, response.Body) // leaves the connection ready for the next request
		return version, err
	}
	return version, u
}

// silent explains why a ping got no answer in HTTP.
func silent(socket string, patience time.Duration, err error) error {
	u := &unreachable{socket: socket}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.reason = fmt.Sprintf("it takes connections but did not answer within %s; restart what listens there", patience)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		u.reason, u.gone, u.ends = "it hangs up without an answer", true, true
	default:
		u.reason = "what answers there does not speak HTTP"
	}
	return u
}

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"reflect"

	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/errorhandling"
)

// session is a context in which Podman's bindings find their connection.
//
// bindings.NewConnection would make one too, but it dials twice more, takes 0.6 s
// to notice that nobody is there, and leaves its client to send any request again
// whose connection broke. Its keys are of a type that only it can name.
type session struct {
	context.Context
	connection *bindings.Connection
	line       *line
}

var bindingsPath = reflect.TypeFor[bindings.Connection]().PkgPath()

func (s *session) Value(key any) any {
	if t := reflect.TypeOf(key); t.Kind() == reflect.String && t.PkgPath() == bindingsPath {
		switch reflect.ValueOf(key).String() {
		case "Client":
			return s.connection
		case "ServiceVersion":
			return &s.line.version
		}
	}
	return s.Context.Value(key)
}

func newSession(ctx context.Context, r *route, l *line) *session {
	log.SetOutput(io.Discard) // where net/http reports bytes that it has not asked for
	opened := make(chan net.Conn, 1)
	opened <- l.Conn
	dialer := func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case conn := <-opened:
			return conn, nil
		default:
			return redial(ctx, r, l.socket)
		}
	}
	// The bindings want an *http.Transport to dial with; "http" in it is ours.
	transport := &http.Transport{DialContext: dialer}
	transport.RegisterProtocol("http", &once{
		socket: l.socket,
		inner:  &http.Transport{DialContext: dialer, DisableCompression: true},
	})
	return &session{
		Context: ctx,
		line:    l,
		connection: &bindings.Connection{
			URI:    &url.URL{Scheme: "unix", Path: l.socket},
			Client: &http.Client{Transport: transport},
		},
	}
}

// redial opens a further connection. A service that has ended meanwhile, for
// want of requests during a long download, is started again.
func redial(ctx context.Context, r *route, socket string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err == nil {
		return conn, nil
	}
	if !gone(refused(socket, err)) {
		return nil, err
	}
	l, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return l.Conn, nil
}

// once sends each request once. The bindings send one whose connection broke
// twice more, whatever it does and with its body used up; but a container may
// have been created before the service died. So a broken connection is made an
// answer, which nobody sends again. Only what changes nothing is asked again: a
// service may end of idleness between its ping and the first question.
type once struct {
	inner  http.RoundTripper
	socket string
}

// RoundTrip implements http.RoundTripper.
func (o *once) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.inner.RoundTrip(request)
	if err != nil && request.Method == http.MethodGet && request.Context().Err() == nil {
		response, err = o.inner.RoundTrip(request)
	}
	if err == nil {
		if response.StatusCode != http.StatusSwitchingProtocols {
			response.Body = &body{ReadCloser: response.Body, once: o}
		}
		return response, nil
	}
	if request.Context().Err() != nil {
		return nil, err
	}
	var absent *unreachable
	if !errors.As(err, &absent) {
		err = o.broken(err)
	}
	text, err := json.Marshal(errorhandling.ErrorModel{Message: err.Error(), ResponseCode: http.StatusBadGateway})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusBadGateway,
		Status:     http.StatusText(http.StatusBadGateway),
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(text)),
		ContentLength: int64(len(text)),
		Request:       request,
	}, nil
}

// broken is the error for a connection that ended in the middle of a request.
func (o *once) broken(err error) error {
	return fmt.Errorf("podman's service at unix://%s went away in the middle of this command (%w): see what it has done, then run it again", o.socket, err)
}

// body says so too when the service dies while its answer is read.
type body struct {
	io.ReadCloser
	once *once
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = b.once.broken(err)
	}
	return n, err
}

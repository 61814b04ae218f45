// Package engine finds or starts Podman's API and holds the calls that take
// several requests.
package engine

import (
	"context"
	"errors"
	"time"
)

// Options say which engine to reach.
type Options struct {
	Hosts     []string // -H; else DOCKER_HOST, then CONTAINER_HOST
	AllowRoot bool     // run as root on root's own store
	// Idle returns how long a service outlives its last request, 0 for ever. It
	// is asked only when a service is started.
	Idle func() (time.Duration, error)
}

// patience is how long a socket may take to answer. Podman's own start, which
// the first command waits for, takes 0.1 s here and some seconds on a busy or
// emulated machine.
const patience = 30 * time.Second

// Connect returns a context that carries a connection to Podman's API: the one
// that -H or the environment names, else Podman's user socket if it answers,
// else a service that is started for it. Where one answers, that costs a dial
// and a ping.
func Connect(ctx context.Context, o Options) (context.Context, error) {
	r, err := o.route()
	if err != nil {
		return nil, err
	}
	l, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return newSession(ctx, r, l), nil
}

// route is where an engine may be found, in the order in which it is tried.
type route struct {
	sockets []string
	// start sees to it that somebody listens on one of them; nil where the
	// person has named the socket.
	start func(ctx context.Context) (*service, error)
	// explain adds what the person can do to an error.
	explain func(error) error
}

func (o Options) route() (*route, error) {
	named, err := namedHost(o.Hosts)
	if err != nil {
		return nil, err
	}
	if named != nil {
		return &route{sockets: []string{named.socket}, explain: named.explain}, nil
	}
	at, err := findPlace(o.AllowRoot)
	if err != nil {
		return nil, err
	}
	return &route{
		sockets: []string{at.podman, at.own()},
		start:   func(ctx context.Context) (*service, error) { return at.start(ctx, o.Idle) },
		explain: func(err error) error { return err },
	}, nil
}

// open returns a connection on which Podman has answered. A service that ends on
// its idle time-out just as we arrive hangs up on us: the next round starts
// another one, or finds the one that systemd starts.
func (r *route) open(ctx context.Context) (*line, error) {
	l, err := r.try(ctx)
	for rounds := 0; gone(err) && rounds < 4; rounds++ {
		var started *service
		if r.start == nil {
			if !ends(err) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		} else if started, err = r.start(ctx); err != nil {
			return nil, err
		}
		l, err = r.try(ctx)
		if gone(err) && started != nil && started.ended() {
			return nil, started.lastWords()
		}
	}
	if err != nil {
		return nil, r.explain(err)
	}
	return l, nil
}

// try asks each socket until one has somebody behind it.
func (r *route) try(ctx context.Context) (*line, error) {
	var (
		l   *line
		err error
	)
	for _, socket := range r.sockets {
		if l, err = dial(ctx, socket, patience); !gone(err) {
			break
		}
	}
	return l, err
}

// gone tells that nobody is behind a socket, so that another may be started.
func gone(err error) bool {
	var u *unreachable
	return errors.As(err, &u) && u.gone
}

// ends tells that somebody behind a socket is on the way out.
func ends(err error) bool {
	var u *unreachable
	return errors.As(err, &u) && u.ends
}

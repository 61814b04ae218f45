package engine

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listen answers nobody: connections wait in the kernel's queue for ever.
func listen(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return socket
}

func TestDialGivesUpOnSilence(t *testing.T) {
	_, err := dial(context.Background(), listen(t), 50*time.Millisecond)
	var u *unreachable
	if !errors.As(err, &u) || u.gone || u.reason != "it takes connections but did not answer within 50ms; restart what listens there" {
		t.Errorf("a silent socket: %v", err)
	}
}

func TestDialIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err := dial(ctx, listen(t), time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while it waited: %v", err)
	}
}

func TestDialLongPath(t *testing.T) {
	long := "/tmp/" + strings.Repeat("x", 120)
	_, err := dial(context.Background(), long, time.Second)
	var u *unreachable
	if !errors.As(err, &u) || u.gone {
		t.Errorf("a path of %d bytes: %v", len(long), err)
	}
}

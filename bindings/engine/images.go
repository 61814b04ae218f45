package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/containers/podman/v4/pkg/bindings"
)

// LockImages keeps other dockless processes from changing the names of images,
// and from removing images, until unlock is called. Of two names that an image
// is given or loses at the same moment Podman 4.3 forgets one, and to remove an
// image with its last name takes several requests.
func LockImages(conn context.Context) (unlock func(), err error) {
	return lockBeside(conn, "dockless-images.lock")
}

// LockPausing keeps other dockless processes from pausing a container that they
// are going to resume, until unlock is called: one that finds it paused might
// see it run again.
func LockPausing(conn context.Context) (unlock func(), err error) {
	return lockBeside(conn, "dockless-pausing.lock")
}

// lockBeside takes a lock on a file beside the engine's socket.
func lockBeside(conn context.Context, name string) (unlock func(), err error) {
	client, err := bindings.GetClient(conn)
	if err != nil {
		return nil, err
	}
	unlock, err = lock(conn, filepath.Join(filepath.Dir(client.URI.Path), name))
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS): // a socket that somebody else has put there
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("waiting for other commands (%s): %w", name, err)
	}
	return unlock, nil
}

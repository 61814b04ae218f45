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
	client, err := bindings.GetClient(conn)
	if err != nil {
		return nil, err
	}
	unlock, err = lock(conn, filepath.Join(filepath.Dir(client.URI.Path), "dockless-images.lock"))
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS): // a socket that somebody else has put there
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("waiting for other commands on images: %w", err)
	}
	return unlock, nil
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"golang.org/x/sys/unix"
)

// readable refuses a file or directory that this user may not look into. What
// belongs to an id above 65535 was made by a container, whose root may read it.
func readable(source string) error {
	var st unix.Stat_t
	if unix.Stat(source, &st) != nil || st.Uid > 0xffff {
		return nil // to be made, or for Podman to judge
	}
	needed := uint32(unix.R_OK)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		needed = unix.X_OK
	}
	if err := unix.Access(source, needed); err != nil {
		return fmt.Errorf("invalid mount config for type \"bind\": %s: %w: a container without root sees files with your own rights; make it readable for you", source, err)
	}
	return nil
}

// makeSources makes the directories that -v names and that are not there, and
// the volumes with options. undo removes the volumes again.
func (d *draft) makeSources(conn context.Context) (undo func(), err error) {
	var made []string
	undo = func() {
		for _, name := range made {
			_ = volumes.Remove(conn, name, nil) // an error is already being reported
		}
	}
	for _, source := range d.sources {
		if _, err := os.Lstat(source); !errors.Is(err, fs.ErrNotExist) {
			continue // a file, or for Podman to judge
		}
		if err := os.MkdirAll(source, 0o755); err != nil {
			return undo, fmt.Errorf("error while creating mount source path '%s': %w", source, err)
		}
	}
	for _, v := range d.newVolumes {
		there, err := volumes.Exists(conn, v.Name, nil)
		if err != nil {
			return undo, fmt.Errorf("looking for volume %s: %w", v.Name, err)
		}
		if there {
			continue // as it is, as in docker
		}
		if _, err := volumes.Create(conn, v, nil); err != nil {
			return undo, fmt.Errorf("creating volume %s: %w", v.Name, err)
		}
		made = append(made, v.Name)
	}
	return undo, nil
}

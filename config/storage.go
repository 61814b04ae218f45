// Package config reads and writes the configuration files of Docker, of Podman
// and of dockless itself.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const storageConf = `# Written by dockless before the first container: with no such file Podman 4.3
# takes the vfs driver, which copies all of an image for each container.
# See containers-storage.conf(5).
[storage]
driver = "overlay"
`

// EnsureStorageConf writes the user's storage.conf, with the overlay driver, if
// there is none for the user or the machine and Podman has not chosen a driver
// yet. Podman keeps its first choice for ever, so this comes before its first
// start.
func EnsureStorageConf() error {
	home, err := os.UserHomeDir()
	if err != nil || os.Geteuid() == 0 || os.Getenv("CONTAINERS_STORAGE_CONF") != "" {
		return nil //nolint:nilerr // Podman itself says what it needs a home for
	}
	target := filepath.Join(xdg("XDG_CONFIG_HOME", home, ".config"), "containers/storage.conf")
	store := filepath.Join(xdg("XDG_DATA_HOME", home, ".local/share"), "containers/storage")
	for _, there := range []string{
		target,
		"/etc/containers/storage.conf",
		"/usr/share/containers/storage.conf",
		filepath.Join(store, "libpod/bolt_state.db"),
		filepath.Join(store, "db.sql"),
		filepath.Join(store, "libpod/db.sql"),
		filepath.Join(store, "vfs-images"),
	} {
		if _, err := os.Lstat(there); !errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if err := writeNew(target, storageConf); err != nil {
		return fmt.Errorf("writing the first storage.conf: %w", err)
	}
	return nil
}

func xdg(variable, home, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(home, fallback)
}

// writeNew writes a file that appears whole or not at all, and leaves alone one
// that is there by then.
func writeNew(target, text string) error {
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(text)
	if err = errors.Join(err, draft.Chmod(0o644), draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), target); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// place is where one user's engine is found.
type place struct {
	podman  string // the socket of Podman's own unit, podman.socket
	dir     string // ours: socket, lock and log of the service that we start
	manager string // the socket of the systemd that can start podman.socket
	scope   string // systemctl's option to reach that systemd
}

func (at place) own() string { return filepath.Join(at.dir, "podman.sock") }
func (at place) log() string { return filepath.Join(at.dir, "service.log") }

// findPlace says where the user's engine is. Without XDG_RUNTIME_DIR (cron, su,
// ssh without pam_systemd) it takes the directory that systemd would have made,
// and sets the variable for Podman.
// Source: https://specifications.freedesktop.org/basedir-spec/latest/
func findPlace(allowRoot bool) (place, error) {
	if os.Geteuid() == 0 {
		if !allowRoot {
			return place{}, errors.New("you are root: run dockless without sudo, as the user whose containers these are (--allow-root for root's own)")
		}
		return place{podman: "/run/podman/podman.sock", dir: "/run/dockless", manager: "/run/systemd/private", scope: "--system"}, nil
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(runtime) {
		runtime = filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
		if err := ownedByUs(runtime); err != nil {
			return place{}, fmt.Errorf("XDG_RUNTIME_DIR is not set and %w; log in again after: sudo loginctl enable-linger %s", err, userName())
		}
		if err := os.Setenv("XDG_RUNTIME_DIR", runtime); err != nil {
			return place{}, err
		}
	}
	return place{
		podman:  filepath.Join(runtime, "podman/podman.sock"),
		dir:     filepath.Join(runtime, "dockless"),
		manager: filepath.Join(runtime, "systemd/private"),
		scope:   "--user",
	}, nil
}

// usable tells what is wrong with the runtime directory that holds our own.
func (at place) usable() error {
	runtime := filepath.Dir(at.dir)
	if err := ownedByUs(runtime); err != nil {
		return fmt.Errorf("XDG_RUNTIME_DIR cannot be used: %w; log in as %s (ssh, machinectl shell) or export XDG_RUNTIME_DIR=/run/user/%d", err, userName(), os.Getuid())
	}
	return nil
}

func ownedByUs(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s does not exist", dir)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != os.Getuid() {
		return fmt.Errorf("%s belongs to user %d, not to you (%d)", dir, owner, os.Getuid())
	}
	return nil
}

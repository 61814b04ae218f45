package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containers/buildah/pkg/parse"
	"github.com/containers/storage"
	"github.com/containers/storage/pkg/unshare"
)

// cacheMounts is the directory of RUN --mount=type=cache, as buildah and Podman
// name it.
func cacheMounts() string {
	return filepath.Join(parse.GetTempDir(), "buildah-cache-"+strconv.Itoa(unshare.GetRootlessUID()))
}

// takeTemp makes buildah put its temporary files where the next command finds
// and removes them if this process is killed. The caches that stay from build to
// build keep their place.
func (s *Store) takeTemp() error {
	cache := cacheMounts()
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return fmt.Errorf("making a directory for caches: %w", err)
	}
	if err := os.Symlink(cache, filepath.Join(s.temp, filepath.Base(cache))); err != nil {
		return fmt.Errorf("making a directory for caches: %w", err)
	}
	return os.Setenv("TMPDIR", s.temp)
}

// EndKilled clears what killed builds have left: it removes the containers that
// steps worked in, and ends what RUN of killed builds has left running, and tells how many
// there were: their files were in a temporary directory that Open has removed.
// The runtime knows them, and that they are still the same processes.
func (s *Store) EndKilled() (ended int, err error) {
	if err := s.removeKilled(); err != nil {
		return 0, fmt.Errorf("removing what a killed build has left: %w", err)
	}
	runtime, err := exec.LookPath("crun")
	if err != nil {
		return 0, nil // another keeps its own record of them
	}
	states, err := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "crun/buildah-*/status"))
	if err != nil {
		return 0, err
	}
	ours := filepath.Join(filepath.Dir(s.temp), tempPrefix)
	for _, state := range states {
		var container struct {
			Bundle string `json:"bundle"`
		}
		text, err := os.ReadFile(state)
		if err != nil || json.Unmarshal(text, &container) != nil || !strings.HasPrefix(container.Bundle, ours) {
			continue
		}
		if _, err := os.Stat(container.Bundle); !errors.Is(err, fs.ErrNotExist) {
			continue // its build goes on
		}
		if output, err := exec.Command(runtime, "delete", "--force", filepath.Base(filepath.Dir(state))).CombinedOutput(); err != nil {
			return ended, fmt.Errorf("ending what a killed build has left: %w: %s", err, strings.TrimSpace(string(output)))
		}
		ended++
	}
	return ended, nil
}

// removeKilled removes the containers of builds whose temporary directory, after
// which they are named, is gone.
func (s *Store) removeKilled() error {
	containers, err := s.Containers()
	if err != nil {
		return err
	}
	for _, container := range containers {
		for _, name := range container.Names {
			_, suffix, found := strings.Cut(name, "-"+tempPrefix)
			number, _, _ := strings.Cut(suffix, "-")
			if !found || number == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(s.temp), tempPrefix+number)); !errors.Is(err, fs.ErrNotExist) {
				continue // its build goes on
			}
			if err := s.DeleteContainer(container.ID); err != nil && !errors.Is(err, storage.ErrContainerUnknown) {
				return err
			}
			break
		}
	}
	return nil
}

package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dockless/bindings/store"
)

// findContext finds the files to build of, and the Dockerfile.
func (o *buildOptions) findContext(env *Env, where string, b *store.Build) error {
	found, err := os.Stat(where)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unable to prepare context: path %q not found", where) //nolint:revive // Docker's words
	}
	if err != nil {
		return fmt.Errorf("unable to prepare context: %w", err) //nolint:revive // Docker's words
	}
	if !found.IsDir() {
		return fmt.Errorf("unable to prepare context: path %q not a directory", where) //nolint:revive // Docker's words
	}
	if b.Context, err = filepath.Abs(where); err != nil {
		return err
	}
	if b.Context, err = filepath.EvalSymlinks(b.Context); err != nil {
		return err
	}
	file := o.file
	if file == "" {
		file = filepath.Join(where, "Dockerfile")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("failed to read dockerfile: %w", err) //nolint:revive // Docker's words
	}
	b.Dockerfile, err = store.ParseDockerfile(text, b.Args, o.target)
	return err
}

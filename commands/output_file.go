package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeWhole writes a file beside its place and moves it there when it is
// whole, for the user alone to read: whatever stops it leaves the old file, or
// none. A device or a pipe is written straight to.
func writeWhole(ctx context.Context, path string, write func(io.Writer) error) (err error) {
	directory := filepath.Dir(path)
	if found, err := os.Stat(directory); err != nil || !found.IsDir() {
		return fmt.Errorf("invalid output path: directory %q does not exist", directory)
	}
	switch found, err := os.Stat(path); {
	case err == nil && found.IsDir():
		return fmt.Errorf("invalid output path: %q is a directory", path)
	case err == nil && !found.Mode().IsRegular():
		return orInterrupted(ctx, func() error {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			return errors.Join(write(file), file.Close())
		})
	}
	target := path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved // a link stays one
	}
	file, err := os.CreateTemp(filepath.Dir(target), ".dockless-"+filepath.Base(target)+"-*")
	if err != nil {
		return aboutFile(target, path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return aboutFile(target, path, err)
	}
	return os.Rename(file.Name(), target)
}

// aboutFile gives an error about the temporary file beside target the name that
// was typed.
func aboutFile(target, typed string, err error) error {
	if failed := new(fs.PathError); errors.As(err, &failed) && filepath.Dir(failed.Path) == filepath.Dir(target) {
		return fmt.Errorf("writing %s: %w", typed, failed.Err)
	}
	return err
}

// orInterrupted returns when do has returned, or when the context ends: a
// program that waits for the other end of a pipe can not be told otherwise.
func orInterrupted(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

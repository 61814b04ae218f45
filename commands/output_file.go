package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"dockless/bindings/store"

	"golang.org/x/sys/unix"
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
	if unnamed, err := os.OpenFile(filepath.Dir(target), os.O_WRONLY|unix.O_TMPFILE, 0o600); err == nil {
		if err = write(unnamed); err == nil {
			err = nameFile(unnamed, target)
		}
		return aboutFile(target, path, errors.Join(err, unnamed.Close()))
	}
	file, err := os.CreateTemp(filepath.Dir(target), temporaryPrefix(target)+"*") // a disk that has only files with names
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

// writeText writes a short file, which is there whole or not at all, and which
// others may read as the umask says.
func writeText(ctx context.Context, path string, text []byte) error {
	return writeWhole(ctx, path, func(out io.Writer) error {
		_, err := out.Write(text)
		if file, is := out.(*os.File); is && err == nil {
			if about, err := file.Stat(); err == nil && about.Mode().IsRegular() {
				return file.Chmod(0o666 &^ store.Umask())
			}
		}
		return err
	})
}

// nameFile gives a file that has no name its own, in the place of what has it:
// one that is killed before that has left nothing.
func nameFile(file *os.File, target string) error {
	for {
		beside := temporaryPrefix(target) + strconv.FormatUint(rand.Uint64(), 36)
		beside = filepath.Join(filepath.Dir(target), beside)
		err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", file.Fd()), unix.AT_FDCWD, beside, unix.AT_SYMLINK_FOLLOW)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("naming it: %w", err)
		}
		if err := os.Rename(beside, target); err != nil {
			return errors.Join(err, os.Remove(beside))
		}
		return nil
	}
}

func temporaryPrefix(target string) string { return ".dockless-" + filepath.Base(target) + "-" }

// aboutFile gives an error about the temporary file beside target the name that
// was typed.
func aboutFile(target, typed string, err error) error {
	directory := filepath.Dir(target) // which is also what a file without a name is opened by
	if failed := new(fs.PathError); errors.As(err, &failed) && (failed.Path == directory || filepath.Dir(failed.Path) == directory) {
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
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// untilUnread returns a context that ends when nobody reads any more what is
// written. A signal says so, too, and would end this process in the middle of
// what it does.
func untilUnread(ctx context.Context, out io.Writer) (context.Context, io.Writer) {
	if _, is := terminal(out); is {
		return ctx, out
	}
	ctx, end := context.WithCancelCause(ctx)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx, &unread{out, end}
}

type unread struct {
	io.Writer
	end context.CancelCauseFunc
}

// Write notes that nobody reads.
func (u *unread) Write(text []byte) (int, error) {
	n, err := u.Writer.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		u.end(interrupted{syscall.SIGPIPE})
	}
	return n, err
}

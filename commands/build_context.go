package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"

	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"
)

// findContext finds the files to build of, and the Dockerfile.
// Source: https://docs.docker.com/build/concepts/context/
func (o *buildOptions) findContext(ctx context.Context, env *Env, where string, b *store.Build) (err error) {
	if where == "" {
		return errors.New(`please specify build context (e.g. "." for the current directory)`)
	}
	if where == "-" && o.file == "-" {
		return errors.New("invalid argument: can't use stdin for both build context and dockerfile")
	}
	defer unix.Umask(unix.Umask(0o022)) // git gives the files of a context modes by it
	keep := b.Args["BUILDKIT_CONTEXT_KEEP_GIT_DIR"]
	if o.fetched.keepGitDir, err = strconv.ParseBool(cmp.Or(keep, "false")); err != nil {
		return fmt.Errorf("invalid boolean value %q for BUILDKIT_CONTEXT_KEEP_GIT_DIR", keep)
	}
	var text []byte
	var directory string
	if o.remote = where == "-" || isURL(where) || isGit(where); o.remote {
		if text, err = o.fetched.context(ctx, env, where); err == nil {
			directory, err = filepath.EvalSymlinks(o.fetched.dir("context"))
		}
	} else {
		directory, err = localContext(where)
	}
	if err != nil {
		return err
	}
	name := ""
	switch {
	case text != nil:
	case o.file == "-":
		text, err = readTwice(ctx, env.In)
	case isURL(o.file):
		text, err = o.fetched.text(ctx, o.file)
	default:
		text, name, err = o.readDockerfile(directory)
	}
	if errors.Is(err, errIrregular) {
		err = fmt.Errorf("%w; what a pipe holds can be given on stdin, with --file -", err)
	}
	if err != nil {
		return fmt.Errorf("failed to read dockerfile: %w", err) //nolint:revive // Docker's words
	}
	o.text = text
	var ignored []string
	if ignored, o.ignoreSize, err = readIgnored(directory, name); err != nil {
		return err
	}
	b.Directories, b.Ignore = map[string]string{dockerfile.Main: directory}, map[string][]string{dockerfile.Main: ignored}
	b.Fetched = map[string]bool{dockerfile.Main: o.remote}
	if err := o.namedContexts(ctx, env, b); err != nil {
		return err
	}
	b.Dockerfile, err = dockerfile.Parse(text)
	return err
}

func localContext(where string) (string, error) {
	found, err := os.Stat(where)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("unable to prepare context: path %q not found", where)
	case err != nil:
		return "", fmt.Errorf("unable to prepare context: %w", err)
	case !found.IsDir():
		return "", fmt.Errorf("unable to prepare context: path %q not a directory", where)
	}
	full, err := filepath.Abs(where)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(full)
}

// readDockerfile finds the Dockerfile. The name in --file counts from here where
// the context is a directory of this machine, and else from the context. A link
// is not trusted to stay inside of the directory, as with docker.
func (o *buildOptions) readDockerfile(directory string) (text []byte, name string, err error) {
	name = "Dockerfile"
	switch {
	case o.file != "" && o.remote:
		name = filepath.Clean(o.file)
	case o.file != "":
		directory, name = filepath.Split(filepath.Clean(o.file))
	}
	shown := cmp.Or(o.file, name)
	root, err := os.OpenRoot(cmp.Or(directory, "."))
	if errors.Is(err, fs.ErrNotExist) {
		err = &fs.PathError{Op: "open", Path: shown, Err: unix.ENOENT}
	}
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	text, err = readRegular(root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0))
	if errors.Is(err, fs.ErrNotExist) && o.file == "" {
		if lower, err := readRegular(root.OpenFile("dockerfile", os.O_RDONLY|unix.O_NONBLOCK, 0)); err == nil {
			return lower, filepath.Join(directory, "dockerfile"), nil
		}
	}
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = &fs.PathError{Op: strings.TrimSuffix(failed.Op, "at"), Path: shown, Err: failed.Err}
	}
	return text, filepath.Join(directory, name), err
}

var errIrregular = errors.New("it is not a regular file")

// readRegular reads a file that has been opened, if it is one: a pipe might
// never end, and gives what it has only once, and the build reads twice.
func readRegular(file *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := file.Stat()
	if err == nil && !found.Mode().IsRegular() && !found.IsDir() {
		err = &fs.PathError{Op: "open", Path: file.Name(), Err: errIrregular}
	}
	if err != nil {
		return nil, err
	}
	return readText(file)
}

// longestText is how long a Dockerfile or a .dockerignore can be, in bytes; with
// docker it is not longer either.
const longestText = 16 << 20

func readText(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, longestText+1))
	if len(text) > longestText {
		return nil, errors.New("it is longer than 16 MB")
	}
	return text, err
}

// readIgnored reads what is not part of the context: the file beside the
// Dockerfile that is named after it goes before the context's own. size is the
// file's.
// Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
func readIgnored(directory, dockerfile string) (patterns []string, size int, err error) {
	names := []string{filepath.Join(directory, ".dockerignore")}
	if dockerfile != "" {
		names = append([]string{dockerfile + ".dockerignore"}, names...)
	}
	for _, name := range names {
		text, err := readBeside(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("reading what to ignore: %w", err)
		}
		if patterns, err = ignorefile.ReadAll(bytes.NewReader(text)); err != nil {
			return nil, 0, fmt.Errorf("reading %s: %w", name, err)
		}
		return patterns, len(text), nil
	}
	return nil, 2, nil // BuildKit's number for none
}

// readBeside reads a file. A link that leads out of its directory leads nowhere,
// as with docker.
func readBeside(name string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	text, err := readRegular(root.OpenFile(filepath.Base(name), os.O_RDONLY|unix.O_NONBLOCK, 0))
	if failed := new(fs.PathError); errors.As(err, &failed) {
		failed.Path = name
	}
	if _, linked := root.Readlink(filepath.Base(name)); err != nil && linked == nil && !errors.Is(err, errIrregular) {
		err = fs.ErrNotExist
	}
	return text, err
}

// readTwice reads all of stdin and puts it back, for the process in which the
// build goes on.
func readTwice(ctx context.Context, in *os.File) ([]byte, error) {
	text, err := readText(&untilDone{ctx: ctx, file: in})
	if err != nil || store.Entered() {
		return text, err
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("keeping stdin in memory: %w", err)
	}
	memory := os.NewFile(uintptr(fd), "stdin")
	defer memory.Close()
	if _, err := memory.Write(text); err != nil {
		return nil, fmt.Errorf("keeping stdin in memory: %w", err)
	}
	if _, err := memory.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return text, unix.Dup2(fd, int(in.Fd()))
}

// untilDone reads from a pipe or a terminal until a context ends, also when
// there is nothing to read.
type untilDone struct {
	ctx   context.Context
	file  *os.File
	ended bool // a terminal would be read on behind the Ctrl-D
}

// Read reads what is there, or waits for it.
func (u *untilDone) Read(into []byte) (n int, err error) {
	const look = 50 // milliseconds: nobody who types Ctrl-C waits longer
	for !u.ended {
		if u.ctx.Err() != nil {
			return 0, context.Cause(u.ctx)
		}
		wait := []unix.PollFd{{Fd: int32(u.file.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(wait, look); n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			n, err = u.file.Read(into)
			u.ended = errors.Is(err, io.EOF)
			return n, err
		}
	}
	return 0, io.EOF
}

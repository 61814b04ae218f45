package commands

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dockless/bindings/store"

	"github.com/containers/image/v5/pkg/compression"
	"golang.org/x/sys/unix"
)

// fetchedVariable tells the process that Enter makes where the first one has put
// the context: the descriptor of the directory's lock, and the directory.
const fetchedVariable = "_DOCKLESS_CONTEXT"

// highDescriptor is above those that the process of Enter is given and above
// that of the credentials.
const highDescriptor = 96

// fetched is a directory for what is not a directory of this machine: a context
// from stdin, a URL or git. It is filled before Enter, which is the only time
// that stdin can be read and the person's keys for git are at hand, and it is
// removed after the build.
type fetched struct {
	path       string
	filling    bool // this process fills it
	keepGitDir bool // of a context from git
}

func (f *fetched) used() bool { return f.path != "" }

func (f *fetched) dir(name string) string { return filepath.Join(f.path, name) }

// make makes the directory, and tells whether it has to be filled. Those that a
// killed process left are removed.
func (f *fetched) make(env *Env) (empty bool, err error) {
	if f.used() {
		return f.filling, nil
	}
	if told := os.Getenv(fetchedVariable); store.Entered() && told != "" { // or else somebody else has entered: podman unshare
		number, path, _ := strings.Cut(told, ":")
		fd, err := strconv.Atoi(number)
		if err != nil || fd < highDescriptor {
			return false, fmt.Errorf("finding the context: %s is %q", fetchedVariable, told)
		}
		unix.CloseOnExec(fd)
		f.path = path
		return false, nil
	}
	const prefix = "dockless-context-"
	old, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return false, err
	}
	for _, path := range old {
		if lock, err := lockedDirectory(path); err == nil {
			fmt.Fprintf(env.Err, "Removing the context that a killed build left: %s\n", path)
			if err := errors.Join(store.RemoveTree(path), unix.Close(lock)); err != nil { // of no matter for this build
				fmt.Fprintf(env.Err, "WARNING: %s: %v\n", path, err)
			}
		}
	}
	made, err := os.MkdirTemp("", "dockless-new-") // which nobody removes while it has no lock
	if err != nil {
		return false, fmt.Errorf("making a directory for the context: %w", err)
	}
	f.path = filepath.Join(filepath.Dir(made), prefix+strings.TrimPrefix(filepath.Base(made), "dockless-new-"))
	lock, err := lockedDirectory(made)
	if err = cmp.Or(err, os.Rename(made, f.path)); err != nil {
		return false, fmt.Errorf("making a directory for the context: %w", err)
	}
	f.filling = true
	return true, os.Setenv(fetchedVariable, fmt.Sprintf("%d:%s", lock, f.path))
}

// lockedDirectory opens a directory of ours, if nobody else has it locked.
func lockedDirectory(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fd) }() // the lock is kept by its copy
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return -1, err
	}
	if int(stat.Uid) != os.Getuid() {
		return -1, unix.EPERM
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return -1, err
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD, highDescriptor)
}

func (f *fetched) remove() error {
	if !f.used() {
		return nil
	}
	return store.RemoveTree(f.path)
}

// context fetches a context from stdin ("-"), a URL or git. What is no archive
// is a Dockerfile, whose text it returns, and the context is empty.
func (f *fetched) context(ctx context.Context, env *Env, where string) (text []byte, err error) {
	empty, err := f.make(env)
	if err != nil {
		return nil, err
	}
	if !empty {
		text, err := os.ReadFile(f.dir("Dockerfile"))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return text, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.remove())
		}
	}()
	if where == "-" {
		return f.fill(env, "context", &untilDone{ctx: ctx, file: env.In})
	}
	if isGit(where) {
		return nil, f.clone(ctx, where, "context", f.keepGitDir, "")
	}
	body, err := download(ctx, where)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return f.fill(env, "context", body)
}

// fill unpacks an archive, or files the Dockerfile that it turns out to be.
func (f *fetched) fill(env *Env, name string, content io.Reader) ([]byte, error) {
	if err := os.Mkdir(f.dir(name), 0o755); err != nil {
		return nil, err
	}
	plain, _, err := compression.AutoDecompress(content)
	if err != nil {
		return nil, fmt.Errorf("reading the context: %w", err)
	}
	defer plain.Close()
	buffered := bufio.NewReaderSize(plain, 1<<16)
	const magic = 257 // where an archive says that it is one, if it is not of before 1988
	start, err := buffered.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the context: %w", err)
	}
	_, not := tar.NewReader(bytes.NewReader(start)).Next()
	if not == nil || len(start) > magic && bytes.HasPrefix(start[magic:], []byte("ustar")) {
		return nil, f.unpack(env, name, buffered)
	}
	text, err := readText(buffered)
	if err == nil && len(text) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the context: %w", err)
	}
	return text, os.WriteFile(f.dir("Dockerfile"), text, 0o600)
}

// unpack unpacks an archive that is not trusted.
func (f *fetched) unpack(env *Env, name string, content io.Reader) error {
	root, err := os.OpenRoot(f.dir(name))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unpackBelow(&unpacking{root: root, env: env}, content); err != nil {
		return fmt.Errorf("unpacking the context: %w", err)
	}
	return nil
}

// text is a Dockerfile at a URL.
func (f *fetched) text(ctx context.Context, url string) ([]byte, error) {
	body, err := download(ctx, url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readText(body)
}

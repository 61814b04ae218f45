package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/storage/pkg/archive"
)

// cpTo copies into a container: a path here, or ("-") a tar archive from
// standard input. It returns the archive's bytes.
func cpTo(conn context.Context, env *Env, o cpOptions, typed, container, destination string) (int64, error) {
	to, err := containerDestination(conn, container, destination)
	if err != nil {
		return 0, err
	}
	if typed == "-" {
		if !to.IsDir {
			return 0, fmt.Errorf("destination \"%s:%s\" must be a directory", container, destination)
		}
		content := bufio.NewReader(env.In)
		if _, err := content.Peek(1); errors.Is(err, io.EOF) {
			return 0, nil // docker takes nothing for an archive of nothing
		} else if err != nil {
			return 0, fmt.Errorf("reading the archive from standard input: %w", err)
		}
		return 0, writeError(container, to.Path, engine.WriteArchive(conn, container, to.Path, content))
	}
	from, err := localSource(typed, o.followLink)
	if err != nil {
		return 0, err
	}
	base := filepath.Base(filepath.Clean(from.Path))
	if from.RebaseName != "" {
		base = filepath.Base(from.RebaseName)
	}
	where, err := place(base, from.IsDir, contents(from.Path), to)
	if err != nil {
		return 0, err
	}
	if err := mayTake(conn, container, where, from.IsDir); err != nil {
		return 0, err
	}
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(conn, env, writer, filepath.Clean(from.Path), where.name)
		writer.CloseWithError(err)
		packed <- err
	}()
	counted := &counter{Reader: reader}
	err = writeError(container, where.directory, engine.WriteArchive(conn, container, where.directory, counted))
	reader.CloseWithError(errStopped)
	if failure := <-packed; failure != nil && !errors.Is(failure, errStopped) {
		return counted.n, failure // why the engine got no whole archive
	}
	return counted.n, err
}

var errStopped = errors.New("the engine reads no more")

// localSource looks at a path here as the source of a copy.
func localSource(typed string, follow bool) (archive.CopyInfo, error) {
	absolute, err := filepath.Abs(typed)
	if err != nil {
		return archive.CopyInfo{}, err
	}
	from, err := archive.CopyInfoSourcePath(archive.PreserveTrailingDotOrSeparator(absolute, typed), follow)
	if err != nil {
		return from, err
	}
	if isDirectoryPath(typed) {
		found, err := os.Stat(from.Path)
		if err != nil {
			return from, err
		}
		from.IsDir = found.IsDir()
		if from.Path, err = filepath.EvalSymlinks(from.Path); err != nil {
			return from, err
		}
		from.RebaseName = filepath.Base(absolute)
		from.Path = archive.PreserveTrailingDotOrSeparator(from.Path, typed)
		if !from.IsDir {
			return from, archive.ErrNotDirectory
		}
	}
	return from, nil
}

// containerDestination looks at a destination in a container, through links.
func containerDestination(conn context.Context, container, typed string) (archive.CopyInfo, error) {
	absolute, err := inContainer(typed)
	if err != nil {
		return archive.CopyInfo{}, err
	}
	to := archive.CopyInfo{Path: absolute}
	stat, err := statIn(conn, container, path.Clean(absolute))
	if err == nil && stat != nil && stat.Mode&os.ModeSymlink != 0 {
		to.Path = archive.PreserveTrailingDotOrSeparator(path.Clean(stat.LinkTarget), absolute)
		stat, err = statIn(conn, container, path.Clean(stat.LinkTarget))
	}
	if err != nil || stat == nil {
		return to, err
	}
	if err := special(stat.Mode); err != nil {
		return to, fmt.Errorf("destination \"%s:%s\" must be a directory or a regular file: %w", container, typed, err)
	}
	to.Exists, to.IsDir = true, stat.Mode.IsDir()
	return to, nil
}

// mayTake looks whether a directory in a container takes a copy: Podman would
// make missing directories, and say nothing of a file in a directory's place.
func mayTake(conn context.Context, container string, where placement, isDir bool) error {
	directory, err := statIn(conn, container, path.Clean(where.directory))
	if err != nil {
		return err
	}
	if directory == nil {
		return noSuchFile(where.directory, container)
	}
	if !directory.Mode.IsDir() && directory.Mode&os.ModeSymlink == 0 {
		return errors.New("extraction point is not a directory")
	}
	if where.name == "" {
		return nil
	}
	old, err := statIn(conn, container, path.Join(where.directory, where.name))
	switch {
	case err != nil || old == nil:
		return err
	case old.Mode.IsDir() && !isDir:
		return fmt.Errorf("cannot overwrite directory %q with non-directory %q", where.name, where.directory)
	case !old.Mode.IsDir() && isDir:
		return fmt.Errorf("cannot overwrite non-directory %q with directory %q", where.name, where.directory)
	}
	return nil
}

// writeError puts Podman's words about an archive into a person's.
func writeError(container, directory string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "read-only file system"):
		return errors.New("container rootfs is marked read-only")
	case strings.Contains(text, "no space left on device"):
		return fmt.Errorf("copying to %s:%s: no space left on device", container, directory)
	}
	return containerError(container, err)
}

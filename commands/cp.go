package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/storage/pkg/archive"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

type cpOptions struct{ archive, followLink, quiet bool }

func cpCommand(env *Env) *cli.Command {
	var o cpOptions
	return &cli.Command{
		Name:      "cp",
		Usage:     "Copy files/folders between a container and the local filesystem",
		ArgsUsage: "CONTAINER:SRC_PATH DEST_PATH|-\n\t" + env.Program + " cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
		Flags: []cli.Flag{
			boolean(&o.archive, "archive", "a", "Archive mode (copy all uid/gid information)"),
			boolean(&o.followLink, "follow-link", "L", "Always follow symbol link in SRC_PATH"),
			boolean(&o.quiet, "quiet", "q", "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached"),
		},
		Action: arguments(2, 2, func(ctx context.Context, args []string) error {
			return cp(ctx, env, o, args[0], args[1])
		}),
	}
}

// cp tells the direction. --archive changes nothing: into a container numeric
// owners always go along, as docker does it, and out of it only root could set
// them.
// Source: https://docs.docker.com/reference/cli/docker/container/cp/
func cp(ctx context.Context, env *Env, o cpOptions, source, destination string) error {
	if source == "" {
		return errors.New("source can not be empty")
	}
	if destination == "" {
		return errors.New("destination can not be empty")
	}
	from, sourcePath := splitCopyArgument(source)
	to, destinationPath := splitCopyArgument(destination)
	switch {
	case from != "" && to != "":
		return errors.New("copying between containers is not supported")
	case from == "" && to == "":
		return errors.New("must specify at least one container source")
	}
	if _, is := terminal(env.Out); !is {
		o.quiet = true
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var moved int64
	target := destination
	if from != "" {
		moved, err = cpFrom(conn, env, o, from, sourcePath, destinationPath)
		target, _ = filepath.Abs(destinationPath)
		target = archive.PreserveTrailingDotOrSeparator(target, destinationPath)
	} else {
		moved, err = cpTo(conn, env, o, sourcePath, to, destinationPath)
	}
	if err != nil || o.quiet || source == "-" || destination == "-" {
		return err
	}
	fmt.Fprintln(env.Err, "Successfully copied", units.HumanSizeWithPrecision(float64(moved), 3), "to", target)
	return nil
}

// splitCopyArgument splits CONTAINER:PATH. A local file with a colon in its name
// is written with a slash or a dot before it.
func splitCopyArgument(arg string) (container, path string) {
	container, path, ok := strings.Cut(arg, ":")
	if !ok || filepath.IsAbs(arg) || strings.HasPrefix(container, ".") {
		return "", arg
	}
	return strings.TrimPrefix(container, "/"), path
}

// inContainer is a path as typed, from the container's root on: for docker that
// is where relative ones begin. A "/" or "/." at its end means something.
func inContainer(typed string) (string, error) {
	if typed == "" {
		return "", errors.New("bad parameter: path cannot be empty")
	}
	return archive.PreserveTrailingDotOrSeparator(path.Join("/", typed), typed), nil
}

// contents tells a path that means what is in a directory: it ends in "/.".
func contents(path string) bool { return path == "." || strings.HasSuffix(path, "/.") }

func isDirectoryPath(path string) bool { return contents(path) || strings.HasSuffix(path, "/") }

// statIn looks at a path in a container; nothing there is nil.
func statIn(conn context.Context, container, path string) (*engine.PathStat, error) {
	stat, err := engine.StatPath(conn, container, path)
	if engine.Status(err) != http.StatusNotFound {
		return stat, containerError(container, err)
	}
	if there, err := containers.Exists(conn, container, nil); err != nil || there {
		return nil, err
	}
	return nil, &noSuch{kind: "container", name: container}
}

func noSuchFile(path, container string) error {
	return fmt.Errorf("Could not find the file %s in container %s", path, container)
}

// placement is where a copy goes: the directory that takes it and the name it
// gets there, "" for the contents of a directory.
type placement struct{ directory, name string }

// place applies docker's rules to a copy of something called base (contents: of
// what is in it) to a destination.
func place(base string, isDir, contents bool, to archive.CopyInfo) (placement, error) {
	parent, name := archive.SplitPathDirEntry(filepath.Clean(to.Path))
	switch {
	case to.Exists && to.IsDir && contents:
		return placement{directory: to.Path}, nil
	case to.Exists && to.IsDir:
		return placement{to.Path, base}, nil
	case to.Exists && isDir:
		return placement{}, archive.ErrCannotCopyDir
	case !to.Exists && !isDir && isDirectoryPath(to.Path):
		return placement{}, archive.ErrDirNotExists
	}
	return placement{parent, name}, nil
}

// counter counts the bytes that are read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// special names what is neither a directory, a file nor a link; nothing is
// copied onto such.
func special(mode os.FileMode) error {
	switch {
	case mode&os.ModeDevice != 0:
		return errors.New("got a device")
	case mode&os.ModeIrregular != 0:
		return errors.New("got an irregular file")
	}
	return nil
}

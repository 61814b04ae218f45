package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"dockless/bindings/engine"

	"github.com/urfave/cli/v2"
)

func exportCommand(env *Env) *cli.Command {
	var output string
	return &cli.Command{
		Name:      "export",
		Usage:     "Export a container's filesystem as a tar archive",
		ArgsUsage: "CONTAINER",
		Flags: []cli.Flag{
			str(&output, "output", "o", "Write to a file, instead of STDOUT"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return export(ctx, env, args[0], output)
		}),
	}
}

func export(ctx context.Context, env *Env, typed, output string) error {
	if _, is := terminal(env.Out); is && output == "" {
		return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
	}
	name, err := containerName(typed)
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	if output == "" {
		return exportTo(conn, name, env.Out)
	}
	return writeWhole(output, func(file io.Writer) error { return exportTo(conn, name, file) })
}

func exportTo(conn context.Context, name string, out io.Writer) error {
	response, err := engine.Open(conn, http.MethodGet, engine.Libpod+"/containers/"+url.PathEscape(name)+"/export", nil, nil)
	if err != nil {
		return containerError(name, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("exporting container %s: %w", name, err)
	}
	return nil
}

// writeWhole writes a file beside its place and moves it there when it is
// whole, for the user alone to read: whatever stops it leaves the old file, or
// none. A device or a pipe is written straight to.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	directory := filepath.Dir(path)
	if found, err := os.Stat(directory); err != nil || !found.IsDir() {
		return fmt.Errorf("invalid output path: directory %q does not exist", directory)
	}
	switch found, err := os.Stat(path); {
	case err == nil && found.IsDir():
		return fmt.Errorf("invalid output path: %q is a directory", path)
	case err == nil && !found.Mode().IsRegular():
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(file), file.Close())
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved // a link stays one
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".dockless-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

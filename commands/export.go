package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

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
	return writeWhole(ctx, output, func(file io.Writer) error { return exportTo(conn, name, file) })
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

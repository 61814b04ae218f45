package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/storage/pkg/archive"
	"github.com/urfave/cli/v2"
)

func diffCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "Inspect changes to files or directories on a container's filesystem",
		ArgsUsage: "CONTAINER",
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return diff(ctx, env, args[0])
		}),
	}
}

func diff(ctx context.Context, env *Env, name string) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := containers.Inspect(conn, name, nil) // Podman's diff would take an image's name, too
	if err != nil {
		return containerError(name, err)
	}
	changes, err := containers.Diff(conn, container.ID, nil)
	if err != nil {
		return err
	}
	slices.SortFunc(changes, func(a, b archive.Change) int { return strings.Compare(a.Path, b.Path) })
	for _, change := range changes {
		fmt.Fprintln(env.Out, change.String())
	}
	return nil
}

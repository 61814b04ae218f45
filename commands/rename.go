package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func renameCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "rename",
		Usage:     "Rename a container",
		ArgsUsage: "CONTAINER NEW_NAME",
		Action: arguments(2, 2, func(ctx context.Context, args []string) error {
			return rename(ctx, env, strings.TrimSpace(args[0]), strings.TrimSpace(args[1]))
		}),
	}
}

// rename looks before it asks: for the same name Podman says nothing, and for a
// taken one 5.x names a database constraint.
func rename(ctx context.Context, env *Env, old, name string) error {
	if old == "" || name == "" {
		return errors.New("Neither old nor new names may be empty")
	}
	old, name = strings.TrimPrefix(old, "/"), strings.TrimPrefix(name, "/")
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := containers.Inspect(conn, old, nil)
	if err != nil {
		return containerError(old, err)
	}
	if container.Name == name {
		return errors.New("Renaming a container with the same name as its current name")
	}
	if err := validName(name); err != nil {
		return fmt.Errorf("Error when allocating new name: %w", err)
	}
	if holder, err := containers.Inspect(conn, name, nil); err == nil && holder.Name == name {
		return fmt.Errorf("Error when allocating new name: %w", nameTaken(name, holder.ID))
	}
	return containerError(old, containers.Rename(conn, container.ID, new(containers.RenameOptions).WithName(name)))
}

// validName refuses what docker refuses as a container's name; Podman also
// takes names of one character.
func validName(name string) error {
	const first, rest = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "_.-"
	unfit := func(r rune) bool { return !strings.ContainsRune(first+rest, r) }
	if len(name) < 2 || !strings.Contains(first, name[:1]) || strings.ContainsFunc(name, unfit) {
		return fmt.Errorf("Invalid container name (/%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	return nil
}

// nameTaken is docker's error about a container name that another one has.
func nameTaken(name, holder string) error {
	return fmt.Errorf("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.", "/"+name, holder)
}

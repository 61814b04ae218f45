package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func waitCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "wait",
		Usage:     "Block until one or more containers stop, then print their exit codes",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return wait(ctx, env, args)
		}),
	}
}

// wait waits for one container after the other, as docker does.
func wait(ctx context.Context, env *Env, names []string) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, typed := range names {
		name, err := containerName(typed)
		var code int
		if err == nil {
			code, err = waitFor(conn, name)
		}
		if err != nil {
			failures = append(failures, containerError(name, err))
			continue
		}
		fmt.Fprintln(env.Out, code)
	}
	return errors.Join(failures...)
}

// waitFor returns a container's exit code once it does not run. Podman forgets
// the code that a wait returns after some minutes; the container's state has it
// as long as the container is there.
func waitFor(conn context.Context, name string) (int, error) {
	container, err := lookAt(conn, name)
	if err != nil {
		return 0, err
	}
	if !container.State.Running && !container.State.Paused {
		return container.State.ExitCode, nil
	}
	code, err := containers.Wait(conn, container.ID, nil)
	return int(code), err
}

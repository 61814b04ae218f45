package commands

import (
	"context"
	"fmt"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func createCommand(env *Env) *cli.Command {
	o := &createOptions{}
	return &cli.Command{
		Name:      "create",
		Usage:     "Create a new container",
		ArgsUsage: "IMAGE [COMMAND] [ARG...]",
		Flags:     createFlags(o),
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			id, err := createContainer(ctx, env, o, args[0], args[1:])
			if err != nil {
				return ours(err)
			}
			_, err = fmt.Fprintln(env.Out, id)
			return err
		}),
	}
}

// createContainer makes the container that the flags of run and create and the
// words after them describe, and returns its id. An image that is not here is
// pulled first if --pull allows it. Warnings go to env.Err. With an error
// nothing of the container is left.
func createContainer(ctx context.Context, env *Env, o *createOptions, image string, command []string) (string, error) {
	d, err := describe(o, image, command)
	if err != nil {
		return "", err
	}
	d.addProxies(env.DockerConfigFile())
	file, err := openCidfile(o.cidfile)
	if err != nil {
		return "", err
	}
	defer file.close()
	conn, err := env.Engine(ctx)
	if err != nil {
		return "", err
	}
	found, err := d.findImage(ctx, env, conn)
	if err != nil {
		return "", err
	}
	if err := d.complete(conn, found); err != nil {
		return "", err
	}
	// From here to the id an interrupt waits: Podman would go on, and what it
	// makes would be nobody's.
	steady := context.WithoutCancel(conn)
	undo, err := d.makeSources(steady)
	var id string
	if err == nil {
		id, err = d.create(steady)
	}
	if err != nil {
		undo()
		return "", createError(d, err)
	}
	if err = file.write(id); err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_, _ = containers.Remove(steady, id, new(containers.RemoveOptions).WithVolumes(true))
		undo()
		return "", err
	}
	for _, w := range d.warnings {
		fmt.Fprintf(env.Err, "WARNING: %s\n", w)
	}
	return id, nil
}

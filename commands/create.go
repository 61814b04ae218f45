package commands

import (
	"context"
	"fmt"

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
func createContainer(ctx context.Context, env *Env, o *createOptions, image string, command []string) (id string, err error) {
	d, err := describe(o, image, command)
	if err != nil {
		return "", err
	}
	d.addProxies(env.DockerConfigFile())
	file, err := openCidfile(o.cidfile)
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := file.close(id); err == nil {
			err = closeErr
		}
	}()
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
	undo, err := d.makeSources(conn)
	if err == nil {
		id, err = d.create(conn)
	}
	if err != nil {
		undo()
		return "", createError(d, err)
	}
	for _, w := range d.warnings {
		fmt.Fprintf(env.Err, "WARNING: %s\n", w)
	}
	return id, nil
}

package commands

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"dockless/bindings/store"
	"dockless/config"

	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
)

func buildCommand(env *Env) *cli.Command {
	o := newBuildOptions()
	return &cli.Command{
		Name:      "build",
		Usage:     "Build an image from a Dockerfile",
		ArgsUsage: "PATH | URL | -",
		Flags:     o.flags(),
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return buildImage(ctx, env, o, args[0])
		}),
	}
}

// buildImage builds an image. What it prints goes to stderr: on stdout there is
// the ID, with --quiet.
func buildImage(ctx context.Context, env *Env, o *buildOptions, where string) error {
	b, err := o.build(env)
	if err != nil {
		return err
	}
	err = o.findContext(ctx, env, where, &b)
	defer o.fetched.remove()
	if err != nil {
		return err
	}
	stall, err := config.StallTimeout()
	if err != nil {
		return err
	}
	var bases []reference.Named
	for _, typed := range b.Dockerfile.Images() {
		name, err := imageReference(typed)
		if err != nil {
			return fmt.Errorf("failed to parse stage name %q: %w", typed, err) //nolint:revive // Docker's words
		}
		bases = append(bases, name)
	}
	images, err := env.Registry(ctx, bases...)
	if err != nil {
		return err
	}
	defer images.Close()
	images.Stall = stall
	b.Out, b.Err = env.Err, env.Err
	var hidden bytes.Buffer
	if o.quiet {
		b.Out, b.Err = &hidden, &hidden
	}
	shown := newProgress(b.Err)
	defer shown.close()
	b.Pulled = func(name reference.Named) store.Progress {
		shown.message("", "Pulling "+reference.FamiliarString(name))
		return shown.layer
	}
	id, err := images.Build(ctx, b)
	if err != nil {
		if _, left := env.Err.Write(hidden.Bytes()); left != nil {
			return left
		}
		return err
	}
	if o.quiet {
		fmt.Fprintln(env.Out, "sha256:"+id)
	}
	if o.iidFile != "" {
		if err := os.WriteFile(o.iidFile, []byte("sha256:"+id), 0o666); err != nil {
			return fmt.Errorf("writing the image's ID: %w", err)
		}
	}
	return nil
}

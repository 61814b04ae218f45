package commands

import (
	"context"
	"errors"
	"fmt"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
)

func tagCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "tag",
		Usage:     "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
		ArgsUsage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		Action: arguments(2, 2, func(ctx context.Context, args []string) error {
			return tag(ctx, env, args[0], args[1])
		}),
	}
}

func tag(ctx context.Context, env *Env, source, target string) error {
	if _, err := reference.ParseAnyReference(source); err != nil {
		return fmt.Errorf("Error parsing reference: %q is not a valid repository/tag: %w", source, err)
	}
	name, err := imageReference(target)
	if err != nil {
		return fmt.Errorf("Error parsing reference: %q is not a valid repository/tag: %w", target, err)
	}
	if err := canBeGiven(name); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	unlock, err := engine.LockImages(conn)
	if err != nil {
		return err
	}
	defer unlock()
	image, err := storedImage(conn, source)
	if err != nil {
		return err
	}
	return absentImage(familiarName(source), images.Tag(conn, image, name.(reference.Tagged).Tag(), name.Name(), nil))
}

// canBeGiven refuses, in docker's words, names that no image can be given.
func canBeGiven(name reference.Named) error {
	if _, digested := name.(reference.Digested); digested {
		return errors.New("refusing to create a tag with a digest reference")
	}
	if name.Name() == "docker.io/library/sha256" {
		return errors.New("refusing to create an ambiguous tag using digest algorithm as name")
	}
	return nil
}

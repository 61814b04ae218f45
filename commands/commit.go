package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"
	"dockless/commands/dockerapi"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

type commitOptions struct {
	author, message string
	changes         []string
	pause, noPause  bool
	prepared        bool // what to do comes on stdin
}

func commitCommand(env *Env) *cli.Command {
	o := commitOptions{pause: true}
	return &cli.Command{
		Name:      "commit",
		Usage:     "Create a new image from a container's changes",
		ArgsUsage: "CONTAINER [REPOSITORY[:TAG]]",
		Flags: []cli.Flag{
			str(&o.author, "author", "a", `Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")`),
			list(&o.changes, "change", "c", "Apply Dockerfile instruction to the created image"),
			str(&o.message, "message", "m", "Commit message"),
			hidden(boolean(&o.noPause, "no-pause", "", "Disable pausing container during commit")), // docker 29's name for -p=false
			boolean(&o.pause, "pause", "p", "Pause container during commit"),
			hidden(boolean(&o.prepared, "prepared", "", "Read from stdin what to commit")),
		},
		Action: arguments(1, 2, func(ctx context.Context, args []string) error {
			if o.prepared {
				return commitPrepared(ctx, env)
			}
			return commit(ctx, env, o, args[0], append(args, "")[1])
		}),
	}
}

// commit makes an image of a container. What it runs with is the engine's to
// say, and it is paused there; the image is made by a process of its own, as
// that has to be in a user namespace, and this one outside.
// Source: https://docs.docker.com/reference/cli/docker/container/commit/
func commit(ctx context.Context, env *Env, o commitOptions, typed, image string) error {
	work := store.Commit{Author: o.author, Message: o.message}
	if image != "" {
		target, err := imageReference(image)
		if err != nil {
			return err
		}
		if err := canBeGiven(target); err != nil {
			return err
		}
		work.Name = target.String()
	}
	name, err := containerName(typed)
	if err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container, err := containers.Inspect(conn, name, nil)
	if err != nil {
		return containerError(name, err)
	}
	if err := prepareCommit(conn, &work, container, o.changes); err != nil {
		return err
	}
	resume := func() error { return nil }
	if o.pause && !o.noPause && (container.State.Running || container.State.Paused) { // perhaps by another commit
		if resume, err = pauseMeanwhile(conn, env, container.ID, container.Name); err != nil {
			return err
		}
	}
	id, err := commitElsewhere(ctx, env, work, func() { _ = resume() })
	if err = errors.Join(err, resume()); err != nil { // the second time it only says what came of the first
		return err
	}
	fmt.Fprintln(env.Out, "sha256:"+id)
	return nil
}

// prepareCommit says how containers of the new image run: as the container does,
// with the changes.
func prepareCommit(conn context.Context, work *store.Commit, container *define.InspectContainerData, changes []string) error {
	base, err := inspectImage(conn, container.Image, nil)
	if err != nil {
		return fmt.Errorf("reading the image of container %s: %w", container.Name, err)
	}
	own := dockerapi.NewContainer(container).Config
	about := dockerfile.Image{Config: committedConfig(own, base.Config)}
	if err := dockerfile.Change(&about, changes); err != nil {
		return err
	}
	work.Container, work.Command, work.Config = container.ID, strings.Join(own.Cmd, " "), about.Config
	for _, mount := range container.Mounts {
		work.Mounts = append(work.Mounts, mount.Destination)
	}
	for place := range container.HostConfig.Tmpfs {
		work.Mounts = append(work.Mounts, place)
	}
	return nil
}

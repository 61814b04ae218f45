package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"dockless/bindings/engine"

	"github.com/blang/semver/v4"
	"github.com/containers/podman/v4/pkg/bindings"
	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
)

type commitOptions struct {
	author, message string
	changes         []string
	pause, noPause  bool
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
		},
		Action: arguments(1, 2, func(ctx context.Context, args []string) error {
			return commit(ctx, env, o, args[0], append(args, "")[1])
		}),
	}
}

// commit makes an image of a container, in Docker's format always: OCI's has no
// place for a message, a health check or ONBUILD.
// Source: https://docs.docker.com/reference/cli/docker/container/commit/
func commit(ctx context.Context, env *Env, o commitOptions, typed, image string) error {
	var target reference.NamedTagged
	if image != "" {
		var err error
		if target, err = newImageName(image); err != nil {
			return err
		}
		if target == nil {
			return errDigestGiven
		}
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
	query := url.Values{
		"container": {container.ID},
		"format":    {"docker"},
		"author":    {o.author},
		"comment":   {o.message},
		"pause":     {strconv.FormatBool(o.pause && !o.noPause && container.State.Running)},
	}
	if target != nil {
		query.Set("repo", target.Name())
		query.Set("tag", target.Tag())
	}
	config, err := changedConfig(conn, container.ID, o.changes)
	if err != nil {
		return err
	}
	var body any
	if version := *bindings.ServiceVersion(conn); version.GE(semver.Version{Major: 4, Minor: 9}) {
		body = config.override()
	} else if query["changes"], err = config.instructions(); err != nil {
		return fmt.Errorf("%w (this is %s)", err, version)
	}
	var made struct{ ID string }
	if err := engine.Call(conn, http.MethodPost, engine.Libpod+"/commit", query, body, &made); err != nil {
		return containerError(name, err)
	}
	if made.ID == "" {
		return errors.New("podman made no image and said no error")
	}
	fmt.Fprintln(env.Out, "sha256:"+made.ID)
	return nil
}

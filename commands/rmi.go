package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/urfave/cli/v2"
)

func rmiCommand(env *Env) *cli.Command {
	var force, noPrune bool
	return &cli.Command{
		Name:      "rmi",
		Usage:     "Remove one or more images",
		ArgsUsage: "IMAGE [IMAGE...]",
		Flags: []cli.Flag{
			boolean(&force, "force", "f", "Force removal of the image"),
			boolean(&noPrune, "no-prune", "", "Do not delete untagged parents"),
			refused("strings", "platform", "an image here is of one platform; remove it by its name or id"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			return rmi(ctx, env, args, force, noPrune)
		}),
	}
}

// rmi removes images one after the other; with force what is not there is said
// and no error.
func rmi(ctx context.Context, env *Env, names []string, force, noPrune bool) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	var failed bool
	for _, typed := range names {
		if err := removeImage(conn, env, typed, force, noPrune); err != nil {
			complain(env.Err, env.Program, err)
			var missing *noSuch
			failed = failed || !force || !errors.As(err, &missing)
		}
	}
	if failed {
		return &exit{code: exitError}
	}
	return nil
}

// removeImage takes a name from an image, and the image away with its last one,
// by docker's rules. Podman is never asked to force: it would remove the
// containers that use the image.
// Source: https://docs.docker.com/reference/cli/docker/image/rm/
func removeImage(conn context.Context, env *Env, typed string, force, noPrune bool) error {
	name, err := storedImage(conn, typed)
	if err != nil {
		return err
	}
	image, err := inspectForRemoval(conn, name)
	if err != nil {
		return absentImage(familiarName(typed), err)
	}
	last := len(image.tags) <= 1
	byID := !slices.Contains(image.tags, name)
	conflict := image.conflict(force)
	switch {
	case !byID && !last:
		return untag(conn, env, image.id, name)
	case !byID && !force && len(image.users) > 0:
		return fmt.Errorf("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s",
			typed, shortID(image.users[0].ID), shortID(image.id))
	case !byID && conflict != nil:
		return untag(conn, env, image.id, name) // the image stays, without a name
	case conflict != nil:
		return conflict
	case !last && !force:
		return fmt.Errorf("conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories", shortID(image.id))
	}
	for len(image.tags) > 1 {
		if err := untag(conn, env, image.id, image.tags[0]); err != nil {
			return err
		}
		image.tags = image.tags[1:]
	}
	report, failures := images.Remove(conn, []string{image.id}, new(images.RemoveOptions).WithNoPrune(noPrune))
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	for _, name := range report.Untagged {
		fmt.Fprintln(env.Out, "Untagged:", familiarName(name))
	}
	for _, id := range report.Deleted {
		fmt.Fprintln(env.Out, "Deleted:", "sha256:"+id)
	}
	return nil
}

func untag(conn context.Context, env *Env, id, name string) error {
	named, err := newImageName(name)
	if err != nil {
		return err
	}
	if err := images.Untag(conn, id, named.Tag(), named.Name(), nil); err != nil {
		return err
	}
	fmt.Fprintln(env.Out, "Untagged:", familiarName(name))
	return nil
}

// removal is what decides whether an image can go.
type removal struct {
	id     string
	tags   []string                 // full names
	parent bool                     // other images are made from it
	users  []entities.ListContainer // containers made from it, running ones first
}

func inspectForRemoval(conn context.Context, name string) (*removal, error) {
	id := name
	if !isHex(id) {
		image, err := images.GetImage(conn, name, nil)
		if err != nil {
			return nil, err
		}
		id = image.ID
	}
	all, err := images.List(conn, new(images.ListOptions).WithAll(true))
	if err != nil {
		return nil, err
	}
	r := &removal{id: id}
	inUse := false
	for _, image := range all {
		if image.ID == id {
			r.tags, inUse = slices.Clone(image.RepoTags), image.Containers > 0
		}
		r.parent = r.parent || image.ParentId == id
	}
	if !inUse {
		return r, nil
	}
	users, err := containers.List(conn, new(containers.ListOptions).WithAll(true))
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		switch {
		case user.ImageID != id:
		case isRunning(user):
			r.users = slices.Insert(r.users, 0, user)
		default:
			r.users = append(r.users, user)
		}
	}
	return r, nil
}

// conflict is why the image itself cannot be deleted, nil if it can. Docker
// deletes one that a stopped container uses by force; Podman keeps it.
func (r *removal) conflict(force bool) error {
	how, why := "must be forced", ""
	switch {
	case r.parent:
		how, why = "cannot be forced", "image has dependent child images"
	case len(r.users) > 0 && isRunning(r.users[0]):
		how, why = "cannot be forced", "image is being used by running container "+shortID(r.users[0].ID)
	case len(r.users) > 0 && force:
		how, why = "cannot be forced", "image is being used by stopped container "+shortID(r.users[0].ID)+": remove that first"
	case len(r.users) > 0:
		why = "image is being used by stopped container " + shortID(r.users[0].ID)
	default:
		return nil
	}
	return fmt.Errorf("conflict: unable to delete %s (%s) - %s", shortID(r.id), how, why)
}

func isRunning(c entities.ListContainer) bool {
	return strings.EqualFold(c.State, "running") || strings.EqualFold(c.State, "paused")
}

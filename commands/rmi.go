package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/docker/api/types"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func rmiCommand(env *Env) *cli.Command {
	o := new(rmiOptions)
	return &cli.Command{
		Name:      "rmi",
		Usage:     "Remove one or more images",
		ArgsUsage: "IMAGE [IMAGE...]",
		Flags: []cli.Flag{
			boolean(&o.force, "force", "f", "Force removal of the image"),
			boolean(&o.noPrune, "no-prune", "", "Do not delete untagged parents"),
			value((*commaList)(&o.platforms), "platform", "",
				`Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")`),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			wanted, err := o.platform()
			if err != nil {
				return err
			}
			return rmi(ctx, env, args, wanted, o)
		}),
	}
}

type rmiOptions struct {
	force, noPrune bool
	platforms      []string
}

// platform reads --platform; nil is any.
func (o *rmiOptions) platform() (*imagespec.Platform, error) {
	if len(o.platforms) == 0 {
		return nil, nil
	}
	if len(o.platforms) > 1 {
		return nil, errors.New("--platform: an image here is of one platform: name that one, or remove the image by its name or id")
	}
	return wantedPlatform(o.platforms[0])
}

// rmi removes images one after the other; with force what is not there is said
// and no error.
func rmi(ctx context.Context, env *Env, names []string, platform *imagespec.Platform, o *rmiOptions) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	unlock, err := engine.LockImages(conn)
	if err != nil {
		return err
	}
	defer unlock()
	images, err := readImages(conn)
	if err != nil {
		return err
	}
	var failed bool
	for _, typed := range names {
		done, err := images.removeOf(platform, typed, o.force, o.noPrune)
		for _, item := range done {
			if item.Deleted != "" {
				fmt.Fprintln(env.Out, "Deleted:", item.Deleted)
			} else {
				fmt.Fprintln(env.Out, "Untagged:", item.Untagged)
			}
		}
		if err != nil {
			complain(env.Err, env.Program, err)
			var missing *noSuch
			failed = failed || !o.force || !errors.As(err, &missing)
		}
	}
	if failed {
		return &exit{code: exitError}
	}
	return nil
}

// removeOf is removeNamed for an image of that platform; nil is any.
func (s *imageSet) removeOf(platform *imagespec.Platform, typed string, force, noPrune bool) ([]types.ImageDeleteResponseItem, error) {
	if platform != nil {
		if _, err := inspectImage(s.conn, typed, platform); err != nil {
			return nil, err
		}
	}
	done, err := s.removeNamed(typed, force, noPrune)
	var gone *noSuch
	if errors.As(err, &gone) && gone.name != familiarName(typed) { // it has gone meanwhile, by podman rmi
		err = noSuchImage(typed)
	}
	return done, err
}

// removeNamed takes a name from an image, and the image away with its last one,
// by docker's rules.
// Source: https://docs.docker.com/reference/cli/docker/image/rm/
func (s *imageSet) removeNamed(typed string, force, noPrune bool) ([]types.ImageDeleteResponseItem, error) {
	image, name, err := s.find(typed)
	if err != nil {
		return nil, err
	}
	users, err := s.users(image)
	if err != nil {
		return nil, err
	}
	conflict := s.conflict(image, users, force)
	if name == "" {
		if conflict == nil && !force && !singleReference(image.Names) {
			conflict = conflictf(image, "must be forced", "image is referenced in multiple repositories")
		}
		if conflict != nil {
			return nil, conflict
		}
		return s.remove(image, noPrune)
	}
	if !slices.Contains(image.Names, name) { // a digest, which Podman knows by the tags
		for _, other := range image.Names {
			if repository(other) == repository(name) && !isDigestName(other) {
				return nil, fmt.Errorf("conflict: unable to remove repository reference %q: Podman keeps a digest as long as its tag: remove %s", typed, familiarName(other))
			}
		}
	}
	if !force && singleReference(image.Names) && len(users) > 0 {
		return nil, fmt.Errorf("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s",
			typed, shortID(users[0].ID), shortID(image.ID))
	}
	going := goingWith(image.Names, name)
	if len(going) == len(image.Names) && conflict == nil {
		return s.remove(image, noPrune)
	}
	var done []types.ImageDeleteResponseItem
	for _, name := range going { // the image stays: it has other names, or is in use
		item, err := s.untag(image, name)
		if err != nil {
			return done, err
		}
		done = append(done, item)
	}
	return done, nil
}

// conflict is why the image itself cannot be deleted, nil if it can. Docker
// deletes one that a stopped container uses by force; Podman keeps it.
func (s *imageSet) conflict(image *entities.ImageSummary, users []entities.ListContainer, force bool) error {
	switch {
	case s.isParent(image):
		return conflictf(image, "cannot be forced", "image has dependent child images")
	case len(users) > 0 && isRunning(users[0]):
		return conflictf(image, "cannot be forced", "image is being used by running container "+shortID(users[0].ID))
	case len(users) > 0 && force:
		return conflictf(image, "cannot be forced", "image is being used by stopped container "+shortID(users[0].ID)+": remove that first")
	case len(users) > 0 && singleReference(image.Names):
		return conflictf(image, "must be forced", "image is being used by stopped container "+shortID(users[0].ID))
	}
	return nil
}

func conflictf(image *entities.ImageSummary, how, why string) error {
	return fmt.Errorf("conflict: unable to delete %s (%s) - %s", shortID(image.ID), how, why)
}

// singleReference tells that names are at most one tag and the digests of its
// repository: to remove the image is to remove that.
func singleReference(names []string) bool {
	tags := 0
	for _, name := range names {
		if !isDigestName(name) {
			tags++
		}
		if repository(name) != repository(names[0]) {
			return false
		}
	}
	return tags <= 1
}

// goingWith are the names that go with one: the digests of its repository go
// with its last tag, and with each other.
func goingWith(names []string, name string) []string {
	same := slices.DeleteFunc(slices.Clone(names), func(other string) bool { return repository(other) != repository(name) })
	for _, other := range same {
		if other != name && !isDigestName(other) {
			return []string{name}
		}
	}
	return same
}

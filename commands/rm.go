package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/urfave/cli/v2"
)

func rmCommand(env *Env) *cli.Command {
	var force, link, volumes bool
	return &cli.Command{
		Name:      "rm",
		Usage:     "Remove one or more containers",
		ArgsUsage: "CONTAINER [CONTAINER...]",
		Flags: []cli.Flag{
			boolean(&force, "force", "f", "Force the removal of a running container (uses SIGKILL)"),
			boolean(&link, "link", "l", "Remove the specified link"),
			boolean(&volumes, "volumes", "v", "Remove anonymous volumes associated with the container"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			if link {
				return errors.New("Conflict, cannot remove the default link name of the container: --link is docker's legacy; containers here find each other by name on a network of their own")
			}
			return rm(ctx, env, args, force, volumes)
		}),
	}
}

// rm removes containers side by side. One that others depend on may be refused
// while these are being removed too (`rm -f $(ps -aq)`): it is tried again for
// as long as that gets on.
func rm(ctx context.Context, env *Env, names []string, force, volumes bool) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	do := func(conn context.Context, name string) error { return remove(conn, name, force, volumes) }
	failures := make([]error, len(names))
	for i, result := range sideBySide(conn, names, do) {
		failures[i] = <-result
	}
	for again := true; again; {
		again = false
		for i, failure := range failures {
			var used *depended
			if errors.As(failure, &used) {
				failures[i] = <-sideBySide(conn, names[i:i+1], do)[0]
				again = again || failures[i] == nil
			}
		}
	}
	return each(env, names, func(string) error {
		failure := failures[0]
		failures = failures[1:]
		return failure
	})
}

// remove deletes a container. With force one that is not there is said but no
// error, as with docker 28; a running one is killed at once, not stopped first
// as Podman does.
func remove(conn context.Context, name string, force, volumes bool) error {
	options := new(containers.RemoveOptions).WithForce(force).WithVolumes(volumes).WithTimeout(0)
	_, err := containers.Remove(conn, name, options)
	for tries := 0; tries < 20 && endedMeanwhile(err); tries++ {
		time.Sleep(50 * time.Millisecond)
		_, err = containers.Remove(conn, name, options)
	}
	err = containerError(name, err)
	var missing *noSuch
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing) && force:
		return &skipped{err}
	case strings.Contains(err.Error(), "as it is paused"):
		err = errors.New("container is paused and must be unpaused first")
	case strings.Contains(err.Error(), "cannot be removed without force"):
		err = errors.New("container is running: stop the container before removing or force remove")
	case strings.Contains(err.Error(), "has dependent containers"):
		_, users, _ := strings.Cut(err.Error(), "before it: ")
		users, _, _ = strings.Cut(users, ": ")
		err = &depended{users}
	default:
		return err
	}
	return fmt.Errorf("cannot remove container %q: %w", name, err)
}

// endedMeanwhile tells that Podman 4 could not kill a container because it had
// just ended by itself.
func endedMeanwhile(err error) bool {
	return err != nil && strings.Contains(err.Error(), "could not be stopped: sending SIGKILL")
}

// depended is a container that Podman does not remove before others.
type depended struct{ users string }

func (d *depended) Error() string {
	return "containers that share its namespaces must be removed first: " + d.users
}

package commands

import (
	"context"
	"errors"
	"strings"
)

// atOnce is how many containers a command works on side by side; docker's own
// client has the same limit.
const atOnce = 50

// eachContainer does the same to every container that is named, side by side as
// docker does, and prints like each: names that succeeded as they were typed and
// in their order, errors to stderr, exit code 1 after any.
func eachContainer(ctx context.Context, env *Env, names []string, do func(conn context.Context, name string) error) error {
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	results := sideBySide(conn, names, do)
	return each(env, names, func(string) error {
		next := results[0]
		results = results[1:]
		return <-next
	})
}

// sideBySide returns at once; the channels give the error of each container's
// doing, in docker's words.
func sideBySide(conn context.Context, names []string, do func(conn context.Context, name string) error) []chan error {
	results := make([]chan error, len(names))
	for i := range names {
		results[i] = make(chan error, 1)
	}
	go func() {
		free := make(chan struct{}, atOnce)
		for i, typed := range names {
			free <- struct{}{}
			go func() {
				defer func() { <-free }()
				name, err := containerName(typed)
				if err == nil {
					err = containerError(name, do(conn, name))
				}
				results[i] <- err
			}()
		}
	}()
	return results
}

// containerName is the name by which Podman knows the container that a person
// typed: docker also takes a name with the slash that inspect shows.
func containerName(typed string) (string, error) {
	name := strings.TrimPrefix(typed, "/")
	if strings.TrimSpace(name) == "" {
		return "", errors.New("invalid container name or ID: value is empty")
	}
	return name, nil
}

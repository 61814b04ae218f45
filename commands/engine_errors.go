package commands

import (
	"fmt"
	"net/http"
	"strings"

	"dockless/bindings/engine"
)

// absent puts an error about one named object into docker's words: "No such
// container: x" is what scripts look for.
func absent(kind, name string, err error) error {
	if err == nil || engine.Status(err) != http.StatusNotFound {
		return err
	}
	return &noSuch{kind: kind, name: name}
}

// noSuch is an object that is not there.
type noSuch struct{ kind, name string }

func (n *noSuch) Error() string { return fmt.Sprintf("No such %s: %s", n.kind, n.name) }

// container puts Podman's error about a container into docker's words.
func containerError(name string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case engine.Status(err) == http.StatusNotFound && strings.Contains(text, "no such container"),
		strings.Contains(text, "no container with name or ID"):
		return &noSuch{kind: "container", name: name}
	case strings.Contains(text, "more than one result for container name or ID"):
		return fmt.Errorf("multiple containers found with provided prefix: %s", name)
	}
	return err
}

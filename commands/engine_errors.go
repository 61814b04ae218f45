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

// noSuch is an object that is not there. words are docker's where it does not
// say "No such KIND: NAME".
type noSuch struct{ kind, name, words string }

func (n *noSuch) Error() string {
	if n.words != "" {
		return n.words
	}
	return fmt.Sprintf("No such %s: %s", n.kind, n.name)
}

// containerError puts Podman's error about a container into docker's words.
func containerError(name string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	says := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case engine.Status(err) == http.StatusNotFound && says("no such container"),
		says("no container with name or ID"), // 4, and 5 but for rm
		says("no container with ID or name"): // rm of 5
		return &noSuch{kind: "container", name: name}
	case says("more than one result for container"): // "… ID 1" of 4, "… \"1\"" of 5; with status 404 or 500
		return fmt.Errorf("multiple IDs found with provided prefix: %s", name)
	case says("can only kill running containers"), says("is not running, can't pause"):
		return fmt.Errorf("container %s is not running", name)
	case says("is already paused"):
		return fmt.Errorf("Container %s is already paused", name)
	case says("is not paused, can't unpause"):
		return fmt.Errorf("Container %s is not paused", name)
	}
	return err
}

// volumeError puts Podman's error about a volume into docker's words.
func volumeError(name string, err error) error {
	if err != nil && engine.Status(err) == http.StatusNotFound {
		return noSuchVolume(name)
	}
	return err
}

func noSuchVolume(name string) error {
	return &noSuch{kind: "volume", name: name, words: fmt.Sprintf("get %s: no such volume", name)}
}

// networkError puts Podman's error about a network into docker's words.
func networkError(name string, err error) error {
	switch {
	case err != nil && engine.Status(err) == http.StatusNotFound:
		return noSuchNetwork(name)
	case err != nil && strings.Contains(err.Error(), "more than one result for network ID"):
		return fmt.Errorf("network %s is ambiguous: more than one id begins so", name)
	}
	return err
}

func noSuchNetwork(name string) error {
	return &noSuch{kind: "network", name: name, words: fmt.Sprintf("network %s not found", name)}
}

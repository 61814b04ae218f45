package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/domain/entities"
)

// absentImage puts an error about an image into docker's words: "No such image:
// x" is what scripts look for.
func absentImage(name string, err error) error {
	if err == nil || engine.Status(err) != http.StatusNotFound {
		return err
	}
	return &noSuch{kind: "image", name: name}
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
		says("no container with name or ID"),         // 4, and 5 but for rm
		says("no container with ID or name"),         // rm of 5
		says("found in database: no such container"): // 500, of one that --rm removes meanwhile
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

// volumeCreateError puts Podman's error about a new volume into docker's words.
func volumeCreateError(o entities.VolumeCreateOptions, err error) error {
	if o.Driver != "local" && strings.Contains(err.Error(), "plugin") { // no volume plugin with name "x" available
		return fmt.Errorf(`create %s: error looking up volume plugin %s: plugin %q not found: rootless Podman has the driver local`+
			", and those that containers.conf names under [engine.volume_plugins]", o.Name, o.Driver, o.Driver)
	}
	return err
}

// volumeInUse names the containers that keep a volume from being removed.
func volumeInUse(conn context.Context, name string, err error) error {
	if engine.Status(err) != http.StatusConflict {
		return volumeError(name, err)
	}
	users, listErr := containers.List(conn, new(containers.ListOptions).WithAll(true).WithFilters(map[string][]string{"volume": {name}}))
	if listErr != nil {
		return err
	}
	ids := make([]string, 0, len(users))
	for _, user := range users {
		ids = append(ids, user.ID)
	}
	return fmt.Errorf("remove %s: volume is in use - [%s]", name, strings.Join(ids, ", "))
}

// networkCreateError puts Podman's error about a new network into docker's
// words.
func networkCreateError(name string, o *networkCreateOptions, err error) error {
	text := err.Error()
	switch {
	case engine.Status(err) == http.StatusConflict, strings.Contains(text, "already used: network already exists"):
		return fmt.Errorf("network with name %s already exists", name)
	case strings.Contains(text, "is already used on the host or by another config"):
		return fmt.Errorf("invalid pool request: Pool overlaps with other one on this address space: %w", err)
	case strings.Contains(text, "unsupported driver"), strings.Contains(text, "failed to find driver"):
		return fmt.Errorf("plugin %q not found: rootless Podman's drivers are bridge, macvlan and ipvlan", o.driver)
	}
	return err
}

// networkInUse names the containers that keep a network from being removed.
func networkInUse(conn context.Context, name string, err error) error {
	if err == nil || !strings.Contains(err.Error(), "network is being used") {
		return networkError(name, err)
	}
	users, listErr := containers.List(conn, new(containers.ListOptions).WithAll(true).WithFilters(map[string][]string{"network": {name}}))
	if listErr != nil {
		return err
	}
	list := make([]string, 0, len(users))
	for _, user := range users {
		list = append(list, fmt.Sprintf("name:%q id:%q", strings.Join(user.Names, ","), user.ID[:min(12, len(user.ID))]))
	}
	return fmt.Errorf("error while removing network: network %s has active endpoints (%s)", name, strings.Join(list, ", "))
}

// connectionError puts Podman's error about a container's place in a network
// into docker's words.
func connectionError(name, container string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "is already connected to network"):
		return fmt.Errorf("endpoint with name %s already exists in network %s", container, name)
	case strings.Contains(text, "is not connected to network"):
		return fmt.Errorf("container %s is not connected to network %s", container, name)
	case strings.Contains(text, `"slirp4netns" is not supported`), strings.Contains(text, `"pasta" is not supported`):
		return fmt.Errorf("container %s was made with Podman's default network, which is all that it can have:"+
			" create it again with --network bridge, or with another network's name", container)
	case strings.Contains(text, "is not supported: invalid network mode"):
		return errors.New("container sharing network namespace with another container or host cannot be connected to any other network")
	case engine.Status(err) == http.StatusNotFound && strings.Contains(text, "network not found"):
		return noSuchNetwork(name)
	}
	return containerError(container, err)
}

package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/bindings/network"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/docker/go-connections/nat"
)

// psFilter is docker ps --filter. All of it is done here: the servers lack some
// filters, and read others in another way.
//
// Source: https://docs.docker.com/reference/cli/docker/container/ls/#filter
type psFilter struct {
	args      dockerfilters.Args
	isTask    bool // only tasks of a swarm, of which there are none
	exitCodes []int
	published nat.PortSet
	exposed   nat.PortSet
}

// psFilters are the filters that docker ps knows.
var psFilters = map[string]bool{
	"ancestor": true, "before": true, "exited": true, "expose": true, "health": true, "id": true, "is-task": true,
	"isolation": true, "label": true, "name": true, "network": true, "publish": true, "since": true, "status": true,
	"volume": true,
}

// newPsFilter checks the filters as docker's daemon does, in its words.
func newPsFilter(args dockerfilters.Args) (*psFilter, error) {
	f := &psFilter{args: args}
	if err := args.Validate(psFilters); err != nil {
		return nil, err
	}
	for _, value := range args.Get("exited") {
		code, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("invalid filter 'exited=%s': %w", value, err)
		}
		f.exitCodes = append(f.exitCodes, code)
	}
	for _, value := range args.Get("status") {
		switch value {
		case "created", "running", "paused", "restarting", "removing", "exited", "dead":
		default:
			return nil, fmt.Errorf("invalid filter 'status=%s'", value)
		}
	}
	for _, value := range args.Get("health") {
		switch value {
		case "starting", "healthy", "unhealthy", "none":
		default:
			return nil, fmt.Errorf("unrecognized filter value for health: %s", value)
		}
	}
	var err error
	if f.isTask, err = args.GetBoolOrDefault("is-task", false); err != nil {
		return nil, err
	}
	if f.published, err = portFilter("publish", args); err != nil {
		return nil, err
	}
	f.exposed, err = portFilter("expose", args)
	return f, err
}

// portFilter reads the ports of --filter publish=… or expose=…: 80, 80/udp,
// 8000-8010/tcp.
func portFilter(key string, args dockerfilters.Args) (nat.PortSet, error) {
	ports := nat.PortSet{}
	for _, value := range args.Get(key) {
		if strings.Contains(value, ":") {
			return nil, fmt.Errorf("filter for '%s' should not contain ':': %s", key, value)
		}
		protocol, number := nat.SplitProtoPort(value)
		first, last, err := nat.ParsePortRange(number)
		if err != nil {
			return nil, fmt.Errorf("error while looking up for %s %s: %w", key, value, err)
		}
		for ; first <= last; first++ {
			ports[nat.Port(fmt.Sprintf("%d/%s", first, protocol))] = struct{}{}
		}
	}
	return ports, nil
}

// apply returns the containers that match. list is sorted, the newest first;
// all tells whether those that do not run count too.
func (f *psFilter) apply(conn context.Context, list []*listedContainer, all bool) ([]*listedContainer, error) {
	if f.args.Len() == 0 {
		return list, nil
	}
	after, err := f.position(list, "before")
	if err != nil {
		return nil, err
	}
	before, err := f.position(list, "since")
	if err != nil {
		return nil, err
	}
	if before < 0 {
		before = len(list)
	}
	if after+1 >= before {
		return nil, nil
	}
	list = slices.DeleteFunc(list[after+1:before], func(c *listedContainer) bool {
		return !(all || c.running()) || f.isTask || !f.matches(c)
	})
	if f.args.Contains("ancestor") {
		if list, err = f.descendants(conn, list); err != nil {
			return nil, err
		}
	}
	if f.args.Contains("volume") {
		if err := addMounts(conn, list); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(c *listedContainer) bool { return !f.mounted(c) })
	}
	if f.args.Contains("network") {
		if list, err = f.connected(conn, list); err != nil {
			return nil, err
		}
	}
	if len(f.published)+len(f.exposed) > 0 {
		if err := addExposed(conn, list); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(c *listedContainer) bool { return !f.reachable(c) })
	}
	return list, nil
}

// position finds the container that before or since names: -1 without such a
// filter.
func (f *psFilter) position(list []*listedContainer, key string) (int, error) {
	found := -1
	for _, name := range f.args.Get(key) {
		c, err := findListed(list, name)
		if err != nil {
			return -1, err
		}
		found = slices.Index(list, c)
	}
	return found, nil
}

// findListed returns the container of that id, name or beginning of an id, in
// this order.
func findListed(list []*listedContainer, name string) (*listedContainer, error) {
	var candidates []*listedContainer
	for _, c := range list {
		if c.ID == name || slices.Contains(c.Names, strings.TrimPrefix(name, "/")) {
			return c, nil
		}
		if isHex(name) && strings.HasPrefix(c.ID, name) {
			candidates = append(candidates, c)
		}
	}
	switch len(candidates) {
	case 0:
		return nil, &noSuch{kind: "container", name: name}
	case 1:
		return candidates[0], nil
	}
	return nil, fmt.Errorf("multiple containers found with provided prefix: %s", name)
}

func (f *psFilter) matches(c *listedContainer) bool {
	named := slices.ContainsFunc(c.Names, func(name string) bool {
		return f.args.Match("name", name) || f.args.Match("name", "/"+name)
	})
	exited := len(f.exitCodes) == 0 || slices.Contains(f.exitCodes, int(c.ExitCode)) && c.started() && !c.running()
	return named && exited && f.args.Match("id", c.ID) && f.args.MatchKVList("label", c.Labels) &&
		f.args.Match("status", c.dockerState()) && f.args.ExactMatch("health", c.health())
}

// descendants keeps the containers of the given images and of what was built on
// them. An image that is not there has none.
func (f *psFilter) descendants(conn context.Context, list []*listedContainer) ([]*listedContainer, error) {
	known, err := images.List(conn, new(images.ListOptions).WithAll(true))
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, typed := range f.args.Get("ancestor") {
		for _, image := range known {
			if isImage(typed, image.ID, image.RepoTags, image.RepoDigests) {
				wanted[image.ID] = true
			}
		}
	}
	for grown := true; grown; {
		grown = false
		for _, image := range known {
			if wanted[image.ParentId] && !wanted[image.ID] {
				wanted[image.ID], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(list, func(c *listedContainer) bool { return !wanted[c.ImageID] }), nil
}

func (f *psFilter) mounted(c *listedContainer) bool {
	for _, m := range c.mounts {
		source := m.Name
		if source == "" {
			source = m.Source
		}
		if f.args.ExactMatch("volume", source) || f.args.ExactMatch("volume", m.Destination) {
			return true
		}
	}
	return false
}

// connected keeps the containers on the given networks: names, or ids or their
// beginnings.
func (f *psFilter) connected(conn context.Context, list []*listedContainer) ([]*listedContainer, error) {
	if err := addNetworks(conn, list); err != nil {
		return nil, err
	}
	known, err := network.List(conn, nil)
	if err != nil {
		return nil, err
	}
	wanted := f.args.Get("network")
	for _, n := range known {
		if slices.ContainsFunc(wanted, func(typed string) bool { return typed != "" && strings.HasPrefix(n.ID, typed) }) {
			wanted = append(wanted, dockerNetwork(n.Name))
		}
	}
	return slices.DeleteFunc(list, func(c *listedContainer) bool {
		return !slices.ContainsFunc(c.Networks, func(name string) bool { return slices.Contains(wanted, name) })
	}), nil
}

func (f *psFilter) reachable(c *listedContainer) bool {
	for _, port := range c.dockerPorts() {
		_, published := f.published[nat.Port(fmt.Sprintf("%d/%s", port.PublicPort, port.Type))]
		_, exposed := f.exposed[nat.Port(fmt.Sprintf("%d/%s", port.PrivatePort, port.Type))]
		if published || exposed {
			return true
		}
	}
	return false
}

package commands

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/docker/docker/api/types"
)

// completeContainers asks for what the format shows and Podman's list lacks.
func completeContainers(conn context.Context, list []*listedContainer, format string) error {
	shows := func(field string) bool { return strings.Contains(format, field) || strings.Contains(format, "json") }
	if shows("Ports") {
		if err := addExposed(conn, list); err != nil {
			return err
		}
	}
	if shows("Mounts") || shows("LocalVolumes") {
		if err := addMounts(conn, list); err != nil {
			return err
		}
	}
	if shows("Networks") {
		return addNetworks(conn, list)
	}
	return nil
}

// addMounts fills in the mounts, which Podman's Docker-shaped list has in full:
// one request for all.
func addMounts(conn context.Context, list []*listedContainer) error {
	if !slices.ContainsFunc(list, func(c *listedContainer) bool { return len(c.Mounts) > 0 && c.mounts == nil }) {
		return nil
	}
	var full []types.Container
	if err := engine.Call(conn, http.MethodGet, engine.Docker+"/containers/json", url.Values{"all": {"true"}}, nil, &full); err != nil {
		return err
	}
	byID := map[string][]types.MountPoint{}
	for _, c := range full {
		byID[c.ID] = c.Mounts
	}
	for _, c := range list {
		c.mounts = byID[c.ID]
	}
	return nil
}

// addNetworks gives the networks docker's names, and asks which one it is where
// Podman lists none: the rootless default, the host's, another container's or
// none at all.
func addNetworks(conn context.Context, list []*listedContainer) error {
	for _, c := range list {
		for i, name := range c.Networks {
			c.Networks[i] = dockerNetwork(name)
		}
		if len(c.Networks) > 0 {
			continue
		}
		inspected, err := containers.Inspect(conn, c.ID, nil)
		if err != nil {
			if engine.Status(err) == http.StatusNotFound {
				continue // gone since it was listed
			}
			return err
		}
		mode, _, _ := strings.Cut(inspected.HostConfig.NetworkMode, ":")
		switch mode {
		case "container", "ns":
		case "host", "none":
			c.Networks = []string{mode}
		default: // slirp4netns, pasta: what docker calls bridge
			c.Networks = []string{dockerBridge}
		}
	}
	return nil
}

package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/docker/docker/api/types"
	"github.com/docker/go-connections/nat"
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

// addExposed fills in the exposed ports of running containers. Older servers do
// not list them: there they are taken from the images, one request for each
// image, because one for each container would make ps slower than Podman's
// (ports of --expose alone are not seen then).
func addExposed(conn context.Context, list []*listedContainer) error {
	byImage := map[string]nat.PortSet{}
	for _, c := range list {
		if c.exposed != nil || !c.running() {
			continue
		}
		c.exposed = nat.PortSet{}
		var known map[uint16][]string
		if c.ExposedPorts == nil {
			byImage[c.ImageID] = nat.PortSet{}
		} else if err := json.Unmarshal(c.ExposedPorts, &known); err != nil {
			return fmt.Errorf("reading the exposed ports of %s: %w", c.ID, err)
		}
		for port, protocols := range known {
			for _, protocol := range protocols {
				c.exposed[nat.Port(fmt.Sprintf("%d/%s", port, protocol))] = struct{}{}
			}
		}
	}
	delete(byImage, "")
	var asked sync.WaitGroup
	for id, ports := range byImage {
		asked.Go(func() {
			image, err := images.GetImage(conn, id, nil)
			if err != nil || image.Config == nil {
				return // removed by force since: nothing of it is known any more
			}
			for port := range image.Config.ExposedPorts {
				ports[nat.Port(port)] = struct{}{}
			}
		})
	}
	asked.Wait()
	for _, c := range list {
		if ports := byImage[c.ImageID]; c.running() && ports != nil {
			c.exposed = ports
		}
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

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
	"time"

	"dockless/bindings/engine"

	"github.com/containers/podman/v4/pkg/bindings/containers"
	"github.com/containers/podman/v4/pkg/bindings/images"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/docker/api/types"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
)

// listedContainer is an entry of Podman's list, with what docker's list has
// beyond it.
type listedContainer struct {
	entities.ListContainer
	// ExposedPorts maps ports to protocols; servers before 5.1 do not send it.
	ExposedPorts json.RawMessage

	exposed nat.PortSet        // ports that are exposed and perhaps not published
	mounts  []types.MountPoint // Podman lists where they are, docker what they are
}

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

// dockerState is the container's state in docker's terms.
func (c *listedContainer) dockerState() string {
	switch c.State {
	case "configured", "initialized":
		return "created"
	case "stopped":
		return "exited"
	case "stopping":
		return "running"
	}
	return c.State
}

func (c *listedContainer) running() bool {
	state := c.dockerState()
	return state == "running" || state == "paused"
}

// started tells whether the container ever ran.
func (c *listedContainer) started() bool { return c.StartedAt > 0 }

// health is docker's word for the container's health, "none" for no health
// check.
func (c *listedContainer) health() string {
	switch c.ListContainer.Status { // Podman's list has it here
	case types.Starting, types.Healthy, types.Unhealthy:
		return c.ListContainer.Status
	}
	return types.NoHealthcheck
}

// status is the state with its times, as docker's daemon words it.
// Source: https://docs.docker.com/reference/cli/docker/container/ls/#status
func (c *listedContainer) status(now time.Time) string {
	since := func(at int64) string { return units.HumanDuration(now.Sub(time.Unix(at, 0))) }
	switch c.dockerState() {
	case "created":
		return "Created"
	case "removing":
		return "Removal In Progress"
	case "paused":
		return "Up " + since(c.StartedAt) + " (Paused)"
	case "running":
		switch health := c.health(); health {
		case types.NoHealthcheck:
			return "Up " + since(c.StartedAt)
		case types.Starting:
			return "Up " + since(c.StartedAt) + " (health: starting)"
		default:
			return "Up " + since(c.StartedAt) + " (" + health + ")"
		}
	case "exited":
		return fmt.Sprintf("Exited (%d) %s ago", c.ExitCode, since(c.ExitedAt))
	}
	return "Dead" // "unknown", "bad state": nothing can be done with it but rm
}

// imageName is the name of the container's image as people type it, or its
// short id.
func (c *listedContainer) imageName(trunc bool) string {
	if c.Image == "" || isHex(strings.TrimPrefix(c.Image, "sha256:")) && strings.HasPrefix(c.ImageID, strings.TrimPrefix(c.Image, "sha256:")) {
		if trunc {
			return c.ImageID[:min(12, len(c.ImageID))]
		}
		return c.ImageID
	}
	name := shortName(c.Image)
	if trunc {
		name, _, _ = strings.Cut(name, "@")
	}
	return name
}

// dockerPorts are the ports as docker's daemon lists them: none while the
// container does not run, one entry for each, and one for IPv6 where the person
// named no address.
func (c *listedContainer) dockerPorts() []types.Port {
	if !c.running() {
		return nil
	}
	var ports []types.Port
	published := nat.PortSet{}
	for _, m := range c.Ports {
		addresses := []string{m.HostIP}
		if m.HostIP == "" {
			addresses = []string{"0.0.0.0", "[::]"}
		} else if strings.Contains(m.HostIP, ":") {
			addresses = []string{"[" + m.HostIP + "]"}
		}
		for _, protocol := range strings.Split(m.Protocol, ",") {
			for i := range max(m.Range, 1) {
				published[nat.Port(fmt.Sprintf("%d/%s", m.ContainerPort+i, protocol))] = struct{}{}
				for _, address := range addresses {
					ports = append(ports, types.Port{IP: address, PrivatePort: m.ContainerPort + i, PublicPort: m.HostPort + i, Type: protocol})
				}
			}
		}
	}
	for port := range c.exposed {
		if _, twice := published[port]; !twice {
			ports = append(ports, types.Port{PrivatePort: uint16(port.Int()), Type: port.Proto()})
		}
	}
	return ports
}

func (c *listedContainer) mountNames(trunc bool) string {
	names := make([]string, len(c.mounts))
	for i, m := range c.mounts {
		names[i] = m.Name
		if m.Name == "" {
			names[i] = m.Source
		}
		if trunc {
			names[i] = formatter.Ellipsis(names[i], 15)
		}
	}
	return strings.Join(names, ",")
}

func (c *listedContainer) localVolumes() int {
	var n int
	for _, m := range c.mounts {
		if m.Driver == "local" {
			n++
		}
	}
	return n
}

// humanSize is what the container wrote, and in brackets that and its image.
func (c *listedContainer) humanSize() string {
	if c.Size == nil {
		return "0B"
	}
	written := units.HumanSizeWithPrecision(float64(c.Size.RwSize), 3)
	if c.Size.RootFsSize <= 0 {
		return written
	}
	return written + " (virtual " + units.HumanSizeWithPrecision(float64(c.Size.RootFsSize), 3) + ")"
}

package commands

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	since := func(seconds int64) string {
		at := time.Unix(seconds, 0)
		if at.Before(c.Created) { // Podman cuts the fraction off
			at = c.Created
		}
		return units.HumanDuration(now.Sub(at))
	}
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

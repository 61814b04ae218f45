package commands

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/common/libnetwork/types"
	"github.com/urfave/cli/v2"
)

type portOptions struct {
	publish, expose []string
	publishAll      bool
}

func (o *portOptions) flags() []cli.Flag {
	return []cli.Flag{
		list(&o.publish, "publish", "p", "Publish a container's port(s) to the host"),
		boolean(&o.publishAll, "publish-all", "P", "Publish all exposed ports to random ports"),
		list(&o.expose, "expose", "", "Expose a port or a range of ports"),
	}
}

func (o *portOptions) fill(d *draft) error {
	d.PublishExposedPorts = o.publishAll
	d.Expose = map[uint16]string{}
	for _, text := range o.publish {
		mappings, err := parsePublish(text)
		if err != nil {
			return usage("%w", err)
		}
		d.PortMappings = append(d.PortMappings, mappings...)
	}
	for _, m := range d.PortMappings {
		if err := unprivileged(m); err != nil {
			return err
		}
		if m.Protocol != "sctp" { // Podman publishes sctp, and refuses to expose it
			d.exposePort(m.ContainerPort, m.Protocol)
		}
	}
	for _, text := range o.expose {
		first, last, protocol, err := parseExpose(text)
		if err != nil {
			return usage("%w", err)
		}
		for port := first; port <= last; port++ {
			d.exposePort(port, protocol)
			if port == last {
				break // 65535 + 1 is 0
			}
		}
	}
	return nil
}

func (d *draft) exposePort(port uint16, protocol string) {
	if known := d.Expose[port]; known == "" {
		d.Expose[port] = protocol
	} else if !slices.Contains(strings.Split(known, ","), protocol) {
		d.Expose[port] = known + "," + protocol
	}
}

// unprivileged refuses a port of the host that the kernel keeps for root, before
// anything is made: Podman would notice at the start only.
func unprivileged(m types.PortMapping) error {
	if m.HostPort == 0 || os.Geteuid() == 0 {
		return nil
	}
	lowest := 1024
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		lowest, _ = strconv.Atoi(string(bytes.TrimSpace(text)))
	}
	if int(m.HostPort) >= lowest {
		return nil
	}
	return fmt.Errorf("cannot publish port %d: only root may use ports below %d; take a higher one (-p %d:%d), or allow it for everybody: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=%d",
		m.HostPort, lowest, 8000+m.HostPort, m.ContainerPort, m.HostPort)
}

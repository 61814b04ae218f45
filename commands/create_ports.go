package commands

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/common/libnetwork/types"
	"github.com/docker/go-connections/nat"
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

// parsePublish reads one -p: [[IP:]HOST:]CONTAINER[/PROTOCOL] with ranges, or
// published=HOST,target=CONTAINER,protocol=PROTOCOL. A HostPort of 0 asks for a
// free one.
// Source: https://docs.docker.com/reference/cli/docker/container/run/#publish
func parsePublish(text string) ([]types.PortMapping, error) {
	if strings.Contains(text, "=") {
		field := map[string]string{"protocol": "tcp"}
		for _, pair := range strings.Split(text, ",") {
			key, val, ok := strings.Cut(pair, "=")
			if !ok || key == "" {
				return nil, fmt.Errorf("invalid publish opts format (should be name=value but got '%s')", pair)
			}
			if !slices.Contains([]string{"published", "target", "protocol", "mode"}, key) {
				return nil, fmt.Errorf("invalid publish opts key '%s': known are published, target and protocol", key)
			}
			field[key] = val
		}
		text = fmt.Sprintf("%s:%s/%s", field["published"], field["target"], field["protocol"])
	}
	parsed, err := nat.ParsePortSpec(text)
	if err != nil {
		return nil, portError(err)
	}
	var mappings []types.PortMapping
	for _, p := range parsed {
		host, err := hostPort(p.Binding, p.Port.Proto())
		if err != nil {
			return nil, err
		}
		port := p.Port.Int()
		if port < 1 || port > 65535 {
			return nil, fmt.Errorf("invalid containerPort: %d", port)
		}
		mappings = append(mappings, types.PortMapping{HostIP: p.Binding.HostIP, HostPort: host, ContainerPort: uint16(port), Range: 1, Protocol: p.Port.Proto()})
	}
	return mappings, nil
}

// portError gives the words of the newer version of nat that Docker 28 has.
func portError(err error) error {
	text := err.Error()
	for older, newer := range map[string]string{
		"Invalid containerPort": "invalid containerPort",
		"Invalid hostPort":      "invalid hostPort",
		"Invalid proto":         "invalid proto",
		"Invalid ip address":    "invalid IP address",
		"No port specified":     "no port specified",
		"Invalid ranges":        "invalid ranges",
	} {
		text = strings.Replace(text, older, newer, 1)
	}
	return errors.New(text)
}

// hostPort is the port of the host; of a range for one container port it is the
// first that is free now.
func hostPort(b nat.PortBinding, protocol string) (uint16, error) {
	if b.HostPort == "" {
		return 0, nil
	}
	first, last, err := nat.ParsePortRangeToInt(b.HostPort)
	if err != nil || first > 65535 || last > 65535 {
		return 0, fmt.Errorf("invalid hostPort: %s", b.HostPort)
	}
	if first == last {
		return uint16(first), nil
	}
	for port := first; port <= last; port++ {
		if free(protocol, net.JoinHostPort(b.HostIP, strconv.Itoa(port))) {
			return uint16(port), nil
		}
	}
	return 0, fmt.Errorf("all ports are allocated in the range %s", b.HostPort)
}

func free(protocol, address string) bool {
	if protocol == "udp" {
		c, err := net.ListenPacket("udp", address)
		if err != nil {
			return false
		}
		return c.Close() == nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
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

// parseExpose reads one --expose: PORT[-PORT][/PROTOCOL].
func parseExpose(text string) (first, last uint16, protocol string, err error) {
	if strings.Contains(text, ":") {
		return 0, 0, "", fmt.Errorf("invalid port format for --expose: %s", text)
	}
	protocol, ports := nat.SplitProtoPort(text)
	low, high, err := nat.ParsePortRange(ports)
	if err != nil {
		return 0, 0, "", fmt.Errorf("invalid range format for --expose: %s, error: %w", text, err)
	}
	switch {
	case low == 0 || high > 65535:
		return 0, 0, "", fmt.Errorf("invalid range format for --expose: %s, error: ports are 1 to 65535", text)
	case protocol == "sctp":
		return 0, 0, "", fmt.Errorf("--expose %s: Podman exposes tcp and udp only; publish the port instead: -p %s", text, text)
	case protocol != "tcp" && protocol != "udp":
		return 0, 0, "", fmt.Errorf("invalid proto: %s", protocol)
	}
	return uint16(low), uint16(high), protocol, nil
}

package commands

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/containers/common/libnetwork/types"
	"github.com/docker/go-connections/nat"
)

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

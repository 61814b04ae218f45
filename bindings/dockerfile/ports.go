package dockerfile

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// exposed reads ports of EXPOSE, [[IP:]HOST:]PORT[-LAST][/PROTOCOL], and returns
// each as PORT/PROTOCOL. Addresses and the host's ports are checked and mean
// nothing.
// Source: https://docs.docker.com/reference/dockerfile/#expose
func exposed(written []string) ([]string, error) {
	ports := []string{}
	for _, text := range written {
		p := splitPort(text)
		if p.err != nil {
			return nil, fmt.Errorf("invalid port: %q: %w", text, p.err)
		}
		if ip := strings.TrimSuffix(strings.TrimPrefix(p.ip, "["), "]"); ip != "" && net.ParseIP(ip) == nil {
			return nil, errors.New("invalid IP address: " + ip)
		}
		first, last, ok := portRange(p.container)
		if !ok {
			return nil, errors.New("invalid containerPort: " + p.container)
		}
		if p.host != "" {
			from, to, ok := portRange(p.host)
			if !ok {
				return nil, errors.New("invalid hostPort: " + p.host)
			}
			if last-first != to-from && first != last {
				return nil, fmt.Errorf("invalid ranges specified for container and host Ports: %s and %s", p.container, p.host)
			}
		}
		if len(ports) > mostPorts {
			return nil, fmt.Errorf("EXPOSE names more than %d ports", mostPorts)
		}
		for n := first; n <= last; n++ {
			ports = append(ports, strconv.Itoa(n)+"/"+strings.ToLower(p.protocol))
		}
	}
	return ports, nil
}

// mostPorts is how many one EXPOSE may have, roughly: a line can ask for more than
// there is memory.
const mostPorts = 1 << 20

type port struct {
	ip, host, container, protocol string
	err                           error
}

func splitPort(text string) (p port) {
	before, last := "", text
	if i := strings.LastIndex(text, ":"); i >= 0 {
		before, last = text[:i], text[i+1:]
		if i = strings.LastIndex(before, ":"); i >= 0 {
			p.ip, p.host = before[:i], before[i+1:]
		} else {
			p.host = before
		}
	}
	p.container, p.protocol, _ = strings.Cut(last, "/")
	switch strings.ToLower(p.protocol) {
	case "":
		p.protocol = "tcp"
	case "tcp", "udp", "sctp":
	default:
		p.err = errors.New("invalid proto: " + p.protocol)
	}
	if p.container == "" {
		p.err = errors.New("no port specified")
	}
	return p
}

func portRange(text string) (first, last int, ok bool) {
	from, to, ranged := strings.Cut(text, "-")
	low, err := strconv.ParseUint(from, 10, 16)
	if err != nil {
		return 0, 0, false
	}
	high := low
	if ranged {
		if high, err = strconv.ParseUint(to, 10, 16); err != nil {
			return 0, 0, false
		}
	}
	return int(low), int(high), low <= high
}

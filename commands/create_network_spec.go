package commands

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
)

// attachment is one --network: a network and what the container is called and
// has there.
type attachment struct {
	network    string // a name, an id, or one of docker's modes: default, bridge, host, none, container:NAME
	aliases    []string
	ip, ip6    string
	macAddress string
}

// parseNetwork reads one --network: NAME, or name=NAME,alias=…,ip=….
// docker/cli's parser of this version lacks mac-address, and lower-cases names.
// Source: https://docs.docker.com/reference/cli/docker/container/run/#network
func parseNetwork(text string) (attachment, error) {
	long, err := regexp.MatchString(`\w+=\w+(,\w+=\w+)*`, text)
	if err != nil || !long {
		if text == "" {
			return attachment{}, errors.New("no name set for network")
		}
		return attachment{network: text}, err
	}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return attachment{}, err
	}
	var a attachment
	for _, field := range fields {
		key, val, ok := strings.Cut(field, "=")
		if !ok || key == "" {
			return attachment{}, fmt.Errorf("invalid field %s", field)
		}
		val = strings.TrimSpace(val)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "name":
			a.network = val
		case "alias":
			a.aliases = append(a.aliases, val)
		case "ip":
			a.ip = val
		case "ip6":
			a.ip6 = val
		case "mac-address":
			a.macAddress = val
		case "driver-opt", "gw-priority", "link-local-ip":
			return attachment{}, fmt.Errorf("%s is not possible: Podman has no such setting for a container's place in a network; leave it out", key)
		default:
			return attachment{}, fmt.Errorf("invalid field key %s", key)
		}
	}
	if a.network == "" {
		return attachment{}, errors.New("network name/id is not specified")
	}
	return a, nil
}

// userDefined tells a network that a person made from docker's own modes.
func (a attachment) userDefined() bool {
	switch a.network {
	case "default", "bridge", "host", "none":
		return false
	}
	return !strings.HasPrefix(a.network, "container:")
}

// addresses are the fixed ones among ip and ip6.
func (a attachment) addresses() ([]net.IP, error) {
	var all []net.IP
	if a.ip != "" {
		ip := net.ParseIP(a.ip).To4()
		if ip == nil {
			return nil, fmt.Errorf("invalid IPv4 address: %s", a.ip)
		}
		all = append(all, ip)
	}
	if a.ip6 != "" {
		ip := net.ParseIP(a.ip6)
		if ip == nil || ip.To4() != nil {
			return nil, fmt.Errorf("invalid IPv6 address: %s", a.ip6)
		}
		all = append(all, ip)
	}
	return all, nil
}

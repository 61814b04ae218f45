package commands

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/blang/semver/v4"
)

func validDNS(text string) (string, error) {
	if ip := net.ParseIP(strings.TrimSpace(text)); ip != nil {
		return ip.String(), nil
	}
	return "", fmt.Errorf("IP address is not correctly formatted: %s", text)
}

// hostGateway is the word for the host's own address in --add-host.
const hostGateway = "host-gateway"

// validExtraHost reads one --add-host, NAME:IP or NAME=IP, into NAME:IP.
func validExtraHost(text string) (string, error) {
	name, ip, ok := strings.Cut(text, "=")
	if !ok {
		name, ip, ok = strings.Cut(text, ":")
	}
	if !ok || name == "" || strings.Contains(name, ":") {
		return "", fmt.Errorf("bad format for add-host: %q", text)
	}
	if len(ip) > 2 && ip[0] == '[' && ip[len(ip)-1] == ']' {
		ip = ip[1 : len(ip)-1]
	}
	if ip != hostGateway && net.ParseIP(ip) == nil {
		return "", fmt.Errorf("invalid IP address in add-host: %q", ip)
	}
	return name + ":" + ip, nil
}

// resolveHostGateway puts this machine's address for --add-host NAME:host-gateway
// where the server would take the word for an address.
func (d *draft) resolveHostGateway(version semver.Version) error {
	if version.GTE(semver.MustParse("4.7.0")) {
		return nil
	}
	for i, entry := range d.HostAdd {
		name, isGateway := strings.CutSuffix(entry, ":"+hostGateway)
		if !isGateway {
			continue
		}
		address, err := hostAddress()
		if err != nil {
			return fmt.Errorf("--add-host %s: %w", entry, err)
		}
		d.HostAdd[i] = name + ":" + address
	}
	return nil
}

// hostAddress is this machine's first IPv4 address beyond loopback.
func hostAddress() (string, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("finding this machine's address: %w", err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no address but loopback; give an address instead of host-gateway")
}

package dockerapi

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/containers/podman/v4/libpod/define"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

// NetworkSettings is Docker's description of a container's networks.
type NetworkSettings struct {
	Bridge                 string
	SandboxID              string
	SandboxKey             string
	Ports                  nat.PortMap
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []network.Address
	SecondaryIPv6Addresses []network.Address
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]*Endpoint
}

// Endpoint is a container's place in one network.
type Endpoint struct {
	IPAMConfig          *network.EndpointIPAMConfig
	Links               []string
	Aliases             []string
	MacAddress          string
	DriverOpts          map[string]string
	GwPriority          int
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DNSNames            []string
}

func networkSettings(p *define.InspectContainerData) *NetworkSettings {
	n := p.NetworkSettings
	s := &NetworkSettings{
		Bridge:     n.Bridge,
		SandboxID:  n.SandboxID,
		SandboxKey: n.SandboxKey,
		Ports:      nat.PortMap{},
		Networks:   map[string]*Endpoint{},
	}
	if strings.HasPrefix(p.HostConfig.NetworkMode, "container:") {
		return s // the other container has them
	}
	if p.State.Pid != 0 {
		s.Ports = publishedPorts(n.Ports)
	}
	for name, e := range n.Networks {
		if e == nil {
			continue
		}
		if p.State.Pid == 0 { // what is stopped holds no address
			e.InspectBasicNetworkConfig = define.InspectBasicNetworkConfig{}
		}
		s.Networks[NetworkName(name)] = endpoint(p, name, e)
	}
	if mode := networkMode(p); len(s.Networks) == 0 && !strings.Contains(mode, ":") {
		s.Networks[mode] = &Endpoint{NetworkID: predefinedID(mode)}
	}
	if bridge := s.Networks[Bridge]; bridge != nil {
		s.EndpointID = bridge.EndpointID
		s.Gateway = bridge.Gateway
		s.GlobalIPv6Address = bridge.GlobalIPv6Address
		s.GlobalIPv6PrefixLen = bridge.GlobalIPv6PrefixLen
		s.IPAddress = bridge.IPAddress
		s.IPPrefixLen = bridge.IPPrefixLen
		s.IPv6Gateway = bridge.IPv6Gateway
		s.MacAddress = bridge.MacAddress
	}
	return s
}

func endpoint(p *define.InspectContainerData, name string, n *define.InspectAdditionalNetwork) *Endpoint {
	e := &Endpoint{
		Links:               orNil(n.Links),
		MacAddress:          n.MacAddress,
		DriverOpts:          n.DriverOpts,
		NetworkID:           n.NetworkID,
		EndpointID:          n.EndpointID,
		Gateway:             n.Gateway,
		IPAddress:           n.IPAddress,
		IPPrefixLen:         n.IPPrefixLen,
		IPv6Gateway:         n.IPv6Gateway,
		GlobalIPv6Address:   n.GlobalIPv6Address,
		GlobalIPv6PrefixLen: n.GlobalIPv6PrefixLen,
	}
	if known := NetworkName(name); predefined(known) {
		e.NetworkID = predefinedID(known)
		return e // names are looked up in networks of one's own only
	}
	short := p.ID[:min(12, len(p.ID))]
	for _, alias := range n.Aliases {
		if alias != short && alias != p.Config.Hostname {
			e.Aliases = append(e.Aliases, alias)
		}
	}
	for _, known := range slices.Concat([]string{p.Name}, e.Aliases, []string{short, p.Config.Hostname}) {
		if !slices.Contains(e.DNSNames, known) {
			e.DNSNames = append(e.DNSNames, known)
		}
	}
	return e
}

func publishedPorts(p map[string][]define.InspectHostPort) nat.PortMap {
	result := nat.PortMap{}
	for port, hosts := range p {
		var bindings []nat.PortBinding
		for _, host := range hosts {
			binding := nat.PortBinding{HostIP: host.HostIP, HostPort: host.HostPort}
			if binding.HostIP == "" { // Podman 4's word for all addresses
				binding.HostIP = "0.0.0.0"
			}
			bindings = append(bindings, binding)
		}
		result[nat.Port(port)] = bindings
	}
	return result
}

// networkMode is --network's argument. Podman gives the kind of network in its
// place, and the names elsewhere.
func networkMode(p *define.InspectContainerData) string {
	switch mode := p.HostConfig.NetworkMode; mode {
	case "", "default", "private", "slirp4netns", "pasta":
		return Bridge
	case "bridge":
		var names []string
		for name := range p.NetworkSettings.Networks {
			names = append(names, NetworkName(name))
		}
		if len(names) == 0 || slices.Contains(names, Bridge) {
			return Bridge
		}
		return slices.Min(names)
	default:
		return NetworkName(mode)
	}
}

// Bridge is Docker's name for the network that a container gets when it asks
// for none.
const Bridge = "bridge"

// NetworkName is Docker's name for a network of Podman's: what rootless Podman
// has in place of the default network counts as that.
func NetworkName(podman string) string {
	switch podman {
	case "podman", "pasta", "slirp4netns":
		return Bridge
	}
	return podman
}

// predefined tells the networks that Docker always has.
func predefined(name string) bool {
	return name == Bridge || name == "host" || name == "none"
}

// predefinedID is the id of a network that always is there. Podman has none for
// host and none; that of its default network is made from its name like this.
func predefinedID(name string) string {
	if name == Bridge {
		name = "podman"
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

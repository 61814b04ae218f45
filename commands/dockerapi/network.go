package dockerapi

import (
	"cmp"
	"math/bits"
	"net"
	"net/netip"
	"strconv"

	nettypes "github.com/containers/common/libnetwork/types"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/network"
)

// Network is what docker network inspect prints.
type Network struct {
	Name       string
	ID         string `json:"Id"`
	Created    string
	Scope      string
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       network.IPAM
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom network.ConfigReference
	ConfigOnly bool
	Containers map[string]types.EndpointResource
	Options    map[string]string
	Labels     map[string]string
}

// NewNetwork makes Docker's description of a network from Podman's. containers
// are those in it, by id.
func NewNetwork(p nettypes.Network, containers map[string]types.EndpointResource) *Network {
	n := newNetwork(NetworkName(p.Name), p.Driver)
	n.ID = p.ID
	n.Created = timestamp(p.Created)
	n.EnableIPv4 = len(p.Subnets) == 0
	n.EnableIPv6 = p.IPv6Enabled
	n.Internal = p.Internal
	n.IPAM.Options = map[string]string{}
	n.IPAM.Config = []network.IPAMConfig{}
	for key, value := range p.IPAMOptions {
		if key != nettypes.Driver {
			n.IPAM.Options[key] = value
		} else if value != nettypes.HostLocalIPAMDriver {
			n.IPAM.Driver = value
		}
	}
	for _, s := range p.Subnets {
		config := network.IPAMConfig{Subnet: s.Subnet.String()}
		if s.Gateway != nil {
			config.Gateway = s.Gateway.String()
		}
		if s.LeaseRange != nil {
			config.IPRange = span(s.LeaseRange.StartIP, s.LeaseRange.EndIP)
		}
		if s.Subnet.IP.To4() != nil {
			n.EnableIPv4 = true
		} else {
			n.EnableIPv6 = true
		}
		n.IPAM.Config = append(n.IPAM.Config, config)
	}
	for key, value := range p.Options {
		n.Options[cmp.Or(dockerOptions[key], key)] = value
	}
	for key, value := range p.Labels {
		n.Labels[key] = value
	}
	for id, c := range containers {
		n.Containers[id] = c
	}
	return n
}

// Predefined is the description of the networks host and none, which Podman
// does not keep as such; nil for other names.
func Predefined(name string) *Network {
	var n *Network
	switch name {
	case "host":
		n = newNetwork(name, "host")
	case "none":
		n = newNetwork(name, "null")
	default:
		return nil
	}
	n.ID = predefinedID(name)
	n.Created = "0001-01-01T00:00:00Z"
	n.EnableIPv4 = true
	return n
}

func newNetwork(name, driver string) *Network {
	return &Network{
		Name:       name,
		Scope:      "local",
		Driver:     driver,
		IPAM:       network.IPAM{Driver: "default"},
		Containers: map[string]types.EndpointResource{},
		Options:    map[string]string{},
		Labels:     map[string]string{},
	}
}

// dockerOptions are Docker's names for options of Podman's drivers.
// Source: https://docs.docker.com/engine/network/drivers/bridge/#options
var dockerOptions = map[string]string{nettypes.MTUOption: "com.docker.network.driver.mtu"}

// span is the smallest subnet that holds both addresses, as which Docker keeps
// a range.
func span(first, last net.IP) string {
	from, ok := netip.AddrFromSlice(first)
	to, also := netip.AddrFromSlice(last)
	if !ok || !also {
		return ""
	}
	from, to = from.Unmap(), to.Unmap()
	a, b := from.AsSlice(), to.AsSlice()
	if len(a) != len(b) {
		return ""
	}
	same := 0
	for i := range a {
		if different := a[i] ^ b[i]; different != 0 {
			same += bits.LeadingZeros8(different)
			break
		}
		same += 8
	}
	prefix, err := from.Prefix(same)
	if err != nil {
		return from.String() + "/" + strconv.Itoa(same)
	}
	return prefix.String()
}

package commands

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	nettypes "github.com/containers/common/libnetwork/types"
)

func isDockerOption(key string) bool { return strings.HasPrefix(key, "com.docker.network.") }

// setAddresses gives the network its subnets and, each in the subnet that holds
// it, their gateways and ranges. Without --subnet Podman takes free ones.
func setAddresses(wanted *nettypes.Network, o *networkCreateOptions) error {
	if len(o.subnets) < len(o.ranges) || len(o.subnets) < len(o.gateways) {
		return errors.New("every ip-range or gateway must have a corresponding subnet")
	}
	switch o.ipamDriver {
	case "default", "":
	case "null", nettypes.NoneIPAMDriver:
		wanted.IPAMOptions[nettypes.Driver] = nettypes.NoneIPAMDriver
	case nettypes.HostLocalIPAMDriver, nettypes.DHCPIPAMDriver:
		wanted.IPAMOptions[nettypes.Driver] = o.ipamDriver
	default:
		return fmt.Errorf("plugin %q not found: Podman's --ipam-driver are host-local, dhcp and null", o.ipamDriver)
	}
	subnets, err := parseSubnets(o.subnets)
	if err != nil {
		return err
	}
	if !o.ipv4 { // Podman adds IPv4 to every network that asks it for IPv6
		wanted.IPv6Enabled = false
		if len(subnets) == 0 {
			subnets = append(subnets, localPrefix())
		}
	}
	for _, subnet := range subnets {
		if subnet.Addr().Is4() && !o.ipv4 {
			return fmt.Errorf("subnet %s: IPv4 is disabled", subnet)
		}
		wanted.Subnets = append(wanted.Subnets, nettypes.Subnet{Subnet: nettypes.IPNet{IPNet: ipNet(subnet)}})
	}
	for _, text := range o.ranges {
		if err := setRange(wanted, subnets, text); err != nil {
			return err
		}
	}
	for _, text := range o.gateways {
		gateway, _ := netip.ParseAddr(text)
		i := holding(subnets, gateway)
		switch {
		case i < 0:
			return fmt.Errorf("no matching subnet for gateway %s", text)
		case wanted.Subnets[i].Gateway != nil:
			return fmt.Errorf("cannot configure multiple gateways (%s, %s) for the same subnet (%s)", text, wanted.Subnets[i].Gateway, subnets[i])
		}
		wanted.Subnets[i].Gateway = gateway.AsSlice()
	}
	return nil
}

func parseSubnets(list []string) ([]netip.Prefix, error) {
	var subnets []netip.Prefix
	for _, text := range list {
		subnet, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("invalid subnet %s: invalid CIDR block notation", text)
		}
		if subnet != subnet.Masked() {
			return nil, fmt.Errorf("invalid subnet %s: it should be %s", text, subnet.Masked())
		}
		for _, other := range subnets {
			if subnet.Overlaps(other) {
				return nil, errors.New("multiple overlapping subnet configuration is not supported")
			}
		}
		subnets = append(subnets, subnet)
	}
	return subnets, nil
}

func setRange(wanted *nettypes.Network, subnets []netip.Prefix, text string) error {
	part, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("invalid ip-range %s: invalid CIDR block notation", text)
	}
	part = part.Masked()
	i := holding(subnets, part.Addr())
	switch {
	case i < 0 || part.Bits() < subnets[i].Bits():
		return fmt.Errorf("no matching subnet for range %s", text)
	case wanted.Subnets[i].LeaseRange != nil:
		return fmt.Errorf("cannot configure multiple ranges on the same subnet (%s)", subnets[i])
	}
	first, last := part.Addr().AsSlice(), part.Addr().AsSlice()
	for bit := part.Bits(); bit < part.Addr().BitLen(); bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	// The subnet's own address and its broadcast address are no container's.
	if part.Addr() == subnets[i].Addr() && part.Bits() < part.Addr().BitLen() {
		first[len(first)-1]++
	}
	if part.Addr().Is4() && part.Bits() < 31 && !subnets[i].Contains(addr(last).Next()) {
		last[len(last)-1]--
	}
	wanted.Subnets[i].LeaseRange = &nettypes.LeaseRange{StartIP: first, EndIP: last}
	return nil
}

// holding is the index of the subnet that holds an address, -1 for none.
func holding(subnets []netip.Prefix, a netip.Addr) int {
	for i, subnet := range subnets {
		if subnet.Contains(a) {
			return i
		}
	}
	return -1
}

// localPrefix makes up a subnet of unique local addresses.
// Source: RFC 4193, 3.2.
func localPrefix() netip.Prefix {
	a := [16]byte{0: 0xfd}
	_, _ = rand.Read(a[1:8]) // it never fails: crypto/rand
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

func addr(bytes []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

func ipNet(p netip.Prefix) net.IPNet {
	return net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

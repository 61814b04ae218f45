package commands

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/pkg/specgen"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type networkOptions struct {
	networks            networkFlag
	aliases             []string
	ip, ip6, macAddress string
	addHost             opts.ListOpts
	dns, dnsSearch      opts.ListOpts
	dnsOption           []string
	hostname            string
}

func (o *networkOptions) flags() []cli.Flag {
	o.addHost = opts.NewListOpts(validExtraHost)
	o.dns = opts.NewListOpts(validDNS)
	o.dnsSearch = opts.NewListOpts(opts.ValidateDNSSearch)
	return []cli.Flag{
		value(&o.networks, "network", "", "Connect a container to a network"),
		hidden(value(&o.networks, "net", "", "Connect a container to a network")),
		list(&o.aliases, "network-alias", "", "Add network-scoped alias for the container"),
		hidden(list(&o.aliases, "net-alias", "", "Add network-scoped alias for the container")),
		str(&o.ip, "ip", "", "IPv4 address (e.g., 172.30.100.104)"),
		str(&o.ip6, "ip6", "", "IPv6 address (e.g., 2001:db8::33)"),
		str(&o.macAddress, "mac-address", "", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
		value(&o.addHost, "add-host", "", "Add a custom host-to-IP mapping (host:ip)"),
		value(&o.dns, "dns", "", "Set custom DNS servers"),
		list(&o.dnsOption, "dns-option", "", "Set DNS options"),
		hidden(list(&o.dnsOption, "dns-opt", "", "Set DNS options")),
		value(&o.dnsSearch, "dns-search", "", "Set custom DNS search domains"),
		str(&o.hostname, "hostname", "h", "Container host name"),
	}
}

// networkFlag is --network.
type networkFlag []attachment

func (n *networkFlag) Set(text string) error {
	a, err := parseNetwork(text)
	if err != nil {
		return err
	}
	*n = append(*n, a)
	return nil
}

func (n *networkFlag) String() string { return "" }

func (n *networkFlag) Type() string { return "network" }

func (o *networkOptions) fill(d *draft) error {
	all, err := o.attachments()
	if err != nil {
		return usage("%w", err)
	}
	d.Hostname, d.DNSSearch, d.DNSOptions, d.HostAdd = o.hostname, o.dnsSearch.GetAll(), o.dnsOption, o.addHost.GetAll()
	for _, server := range o.dns.GetAll() {
		d.DNSServers = append(d.DNSServers, net.ParseIP(server))
		if a, err := netip.ParseAddr(server); err == nil && a.IsLoopback() {
			d.warn("Localhost DNS (%s) may fail in containers.", a)
		}
	}
	main := all[0]
	switch {
	case main.network == "default" && main.macAddress == "":
		// The server chooses: slirp4netns or pasta, or what containers.conf says.
		d.NetNS = specgen.Namespace{NSMode: specgen.Default}
	case main.network == "host" || main.network == "none":
		d.NetNS = specgen.Namespace{NSMode: specgen.NamespaceMode(main.network)}
		return d.withoutNetwork(main)
	case strings.HasPrefix(main.network, "container:"):
		d.NetNS = specgen.Namespace{NSMode: specgen.FromContainer, Value: strings.TrimPrefix(main.network, "container:")}
		return d.sharedNetwork(main)
	default:
		d.NetNS = specgen.Namespace{NSMode: specgen.Bridge}
		return d.join(all)
	}
	return nil
}

// attachments are the networks to join, the flags that mean the first of them
// included.
func (o *networkOptions) attachments() ([]attachment, error) {
	all := append([]attachment{}, o.networks...)
	if len(all) == 0 {
		all = []attachment{{network: "default"}}
	}
	first := &all[0]
	switch {
	case len(first.aliases) > 0 && len(o.aliases) > 0:
		return nil, errors.New("conflicting options: cannot specify both --network-alias and per-network alias")
	case first.ip != "" && o.ip != "":
		return nil, errors.New("conflicting options: cannot specify both --ip and per-network IPv4 address")
	case first.ip6 != "" && o.ip6 != "":
		return nil, errors.New("conflicting options: cannot specify both --ip6 and per-network IPv6 address")
	case first.macAddress != "" && o.macAddress != "":
		return nil, errors.New("conflicting options: cannot specify both --mac-address and per-network MAC address")
	}
	first.aliases = append(first.aliases, o.aliases...)
	first.ip, first.ip6, first.macAddress = first.ip+o.ip, first.ip6+o.ip6, first.macAddress+o.macAddress
	seen := map[string]bool{}
	for _, a := range all {
		switch {
		case seen[a.network]:
			return nil, fmt.Errorf("network %q is specified multiple times", a.network)
		case a.userDefined() != first.userDefined():
			return nil, errors.New("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
		case len(a.aliases) > 0 && !a.userDefined():
			return nil, errors.New("network-scoped aliases are only supported for user-defined networks")
		case (a.ip != "" || a.ip6 != "") && !a.userDefined():
			return nil, errors.New("user specified IP address is supported on user defined networks only")
		case a.network == "container:":
			return nil, errors.New("Invalid network mode: invalid container format container:<name|id>")
		}
		seen[a.network] = true
	}
	if len(all) > 1 && !first.userDefined() {
		return nil, errors.New("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
	}
	return all, nil
}

// join puts bridge networks into the request. Podman's own default network is
// "default" there, whatever its name is.
func (d *draft) join(all []attachment) error {
	d.Networks = map[string]types.PerNetworkOptions{}
	for _, a := range all {
		addresses, err := a.addresses()
		if err != nil {
			return err
		}
		place := types.PerNetworkOptions{StaticIPs: addresses, Aliases: a.aliases}
		if a.macAddress != "" {
			mac, err := net.ParseMAC(strings.TrimSpace(a.macAddress))
			if err != nil {
				return usage("%s is not a valid mac address", a.macAddress)
			}
			place.StaticMAC = types.HardwareAddr(mac)
		}
		name := a.network
		if name == "bridge" {
			name = "default"
		}
		d.Networks[name] = place
	}
	return nil
}

// withoutNetwork is --network host or none, where nothing can be published.
func (d *draft) withoutNetwork(a attachment) error {
	if a.macAddress != "" && a.network == "host" {
		return errors.New("conflicting options: mac-address and the network mode")
	}
	if len(d.PortMappings) > 0 || d.PublishExposedPorts {
		d.warn("Published ports are discarded when using %s network mode", a.network)
		d.PortMappings, d.PublishExposedPorts = nil, false
	}
	if a.network == "none" && len(d.DNSServers)+len(d.DNSSearch)+len(d.DNSOptions) > 0 {
		d.warn("--dns, --dns-search and --dns-option are discarded: with --network none Podman writes no /etc/resolv.conf")
		d.DNSServers, d.DNSSearch, d.DNSOptions = nil, nil, nil
	}
	return nil
}

// sharedNetwork is --network container:NAME; Docker refuses whatever belongs to
// the other container.
func (d *draft) sharedNetwork(a attachment) error {
	for _, conflict := range []struct {
		given bool
		words string
	}{
		{d.Hostname != "", "hostname and the network mode"},
		{len(d.DNSServers) > 0, "dns and the network mode"},
		{len(d.HostAdd) > 0, "custom host-to-IP mapping and the network mode"},
		{a.macAddress != "", "mac-address and the network mode"},
		{len(d.PortMappings) > 0 || d.PublishExposedPorts, "port publishing and the container type network mode"},
		{len(d.Expose) > 0, "port exposing and the container type network mode"},
	} {
		if conflict.given {
			return fmt.Errorf("conflicting options: %s", conflict.words)
		}
	}
	return nil
}

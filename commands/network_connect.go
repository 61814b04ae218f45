package commands

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"dockless/bindings/engine"

	nettypes "github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/urfave/cli/v2"
)

type networkConnectOptions struct {
	aliases, driverOptions, linkLocal commaList
	ip, ip6                           string
	links                             []string
	gatewayPriority                   int
}

func networkConnectCommand(env *Env) *cli.Command {
	o := &networkConnectOptions{}
	return &cli.Command{
		Name:      "connect",
		Usage:     "Connect a container to a network",
		ArgsUsage: "NETWORK CONTAINER",
		Flags: []cli.Flag{
			value(&o.aliases, "alias", "", "Add network-scoped alias for the container"),
			value(&o.driverOptions, "driver-opt", "", "driver options for the network"),
			integer(&o.gatewayPriority, "gw-priority", "", "Highest gw-priority provides the default gateway. Accepts positive and negative values."),
			str(&o.ip, "ip", "", `IPv4 address (e.g., "172.30.100.104")`),
			str(&o.ip6, "ip6", "", `IPv6 address (e.g., "2001:db8::33")`),
			list(&o.links, "link", "", "Add link to another container"),
			value(&o.linkLocal, "link-local-ip", "", "Add a link-local address for the container"),
		},
		Action: arguments(2, 2, func(ctx context.Context, args []string) error {
			return connectNetwork(ctx, env, args[0], args[1], o)
		}),
	}
}

func connectNetwork(ctx context.Context, env *Env, name, container string, o *networkConnectOptions) error {
	endpoint, err := endpointOptions(o)
	if err != nil {
		return err
	}
	switch name {
	case "":
		return errors.New("invalid network name or ID: value is empty")
	case "host":
		return errors.New("cannot connect container to host network - container must be created in host network mode")
	case "none":
		return errors.New("container cannot be connected to multiple networks with one of the networks in private (none) mode")
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	container = strings.TrimPrefix(container, "/")
	known, err := network.Inspect(conn, podmanNetwork(name), nil)
	if err != nil {
		return networkError(name, err)
	}
	if err := checkEndpoint(known, endpoint); err != nil {
		return err
	}
	err = network.Connect(conn, known.Name, container, endpoint)
	if engine.Status(err) == http.StatusInternalServerError && errors.Is(connectionError(name, container, err), err) {
		// Podman has noted the connection before it failed, and could not even
		// inspect the container now.
		_ = network.Disconnect(conn, known.Name, container, new(network.DisconnectOptions).WithForce(true))
	}
	return connectionError(name, container, err)
}

// checkEndpoint refuses an address outside of the network.
func checkEndpoint(known nettypes.Network, endpoint *nettypes.PerNetworkOptions) error {
	for _, ip := range endpoint.StaticIPs {
		if !slices.ContainsFunc(known.Subnets, func(s nettypes.Subnet) bool { return s.Subnet.Contains(ip) }) {
			return fmt.Errorf("invalid endpoint settings: no configured subnet or ip-range contain the IP address %s", ip)
		}
	}
	return nil
}

// endpointOptions are what Podman takes of a container's place in a network.
func endpointOptions(o *networkConnectOptions) (*nettypes.PerNetworkOptions, error) {
	endpoint := &nettypes.PerNetworkOptions{Aliases: o.aliases}
	for _, text := range []string{o.ip, o.ip6} {
		if text == "" {
			continue
		}
		ip := net.ParseIP(text)
		if ip == nil || (ip.To4() != nil) != (text == o.ip) {
			return nil, fmt.Errorf("invalid IP address: %s", text)
		}
		endpoint.StaticIPs = append(endpoint.StaticIPs, ip)
	}
	for _, option := range o.driverOptions {
		key, value, ok := strings.Cut(option, "=")
		switch {
		case !ok || strings.TrimSpace(key) == "":
			return nil, errors.New("invalid key/value pair format in driver options")
		case strings.TrimSpace(key) == "com.docker.network.endpoint.ifname":
			endpoint.InterfaceName = strings.TrimSpace(value)
		default:
			return nil, fmt.Errorf("--driver-opt %s: Podman knows com.docker.network.endpoint.ifname only", key)
		}
	}
	switch {
	case len(o.links) > 0:
		return nil, errors.New("--link: Podman has no links: containers in the same network reach each other by name, and by --alias")
	case len(o.linkLocal) > 0:
		return nil, errors.New("--link-local-ip: Podman cannot give a container such an address")
	case o.gatewayPriority != 0:
		return nil, errors.New("--gw-priority: Podman takes the gateway of the network that was connected first")
	}
	return endpoint, nil
}

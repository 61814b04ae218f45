package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	nettypes "github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

type networkCreateOptions struct {
	driver, scope, configFrom, ipamDriver                 string
	attachable, configOnly, ingress, internal, ipv4, ipv6 bool
	gateways, ranges, subnets                             commaList
	options, auxAddresses, ipamOptions                    *opts.MapOpts
	labels                                                opts.ListOpts
}

func networkCreateCommand(env *Env) *cli.Command {
	o := &networkCreateOptions{
		driver:       "bridge",
		ipamDriver:   "default",
		ipv4:         true,
		options:      opts.NewMapOpts(nil, nil),
		auxAddresses: opts.NewMapOpts(nil, nil),
		ipamOptions:  opts.NewMapOpts(nil, nil),
		labels:       opts.NewListOpts(opts.ValidateLabel),
	}
	return &cli.Command{
		Name:      "create",
		Usage:     "Create a network",
		ArgsUsage: "NETWORK",
		Flags: []cli.Flag{
			boolean(&o.attachable, "attachable", "", "Enable manual container attachment"),
			value(o.auxAddresses, "aux-address", "", "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
			str(&o.configFrom, "config-from", "", "The network from which to copy the configuration"),
			boolean(&o.configOnly, "config-only", "", "Create a configuration only network"),
			str(&o.driver, "driver", "d", "Driver to manage the Network"),
			value(&o.gateways, "gateway", "", "IPv4 or IPv6 Gateway for the master subnet"),
			boolean(&o.ingress, "ingress", "", "Create swarm routing-mesh network"),
			boolean(&o.internal, "internal", "", "Restrict external access to the network"),
			value(&o.ranges, "ip-range", "", "Allocate container ip from a sub-range"),
			str(&o.ipamDriver, "ipam-driver", "", "IP Address Management Driver"),
			value(o.ipamOptions, "ipam-opt", "", "Set IPAM driver specific options"),
			boolean(&o.ipv4, "ipv4", "", "Enable or disable IPv4 address assignment"),
			boolean(&o.ipv6, "ipv6", "", "Enable or disable IPv6 address assignment"),
			value(&o.labels, "label", "", "Set metadata on a network"),
			value(o.options, "opt", "o", "Set driver specific options"),
			str(&o.scope, "scope", "", "Control the network's scope"),
			value(&o.subnets, "subnet", "", "Subnet in CIDR format that represents a network segment"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return createNetwork(ctx, env, args[0], o)
		}),
	}
}

// createNetwork makes a network and prints its id.
func createNetwork(ctx context.Context, env *Env, name string, o *networkCreateOptions) error {
	if err := refuseNetwork(name, o); err != nil {
		return err
	}
	wanted := &nettypes.Network{
		Name:        name,
		Driver:      o.driver,
		Internal:    o.internal,
		IPv6Enabled: o.ipv6,
		DNSEnabled:  o.driver == nettypes.BridgeNetworkDriver, // names are resolved in every network of one's own
		Labels:      opts.ConvertKVStringsToMap(o.labels.GetAll()),
		Options:     map[string]string{},
		IPAMOptions: map[string]string{},
	}
	if err := setNetworkOptions(env, wanted, o.options.GetAll()); err != nil {
		return err
	}
	if err := setAddresses(wanted, o); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	created, err := network.Create(conn, wanted)
	if err != nil {
		return networkCreateError(name, o, err)
	}
	fmt.Fprintln(env.Out, created.ID)
	return nil
}

// refuseNetwork turns down what a rootless engine on one machine cannot do.
func refuseNetwork(name string, o *networkCreateOptions) error {
	const swarm = "this node is not a swarm manager: Podman has no swarm"
	switch {
	case name == "":
		return errors.New("invalid name: name is empty")
	case name == dockerBridge || name == podmanBridge || name == "host" || name == "none" || name == "default":
		return fmt.Errorf("operation is not permitted on predefined %s network", name)
	case o.driver == "host" || o.driver == "null":
		return fmt.Errorf("only one instance of %q network is allowed", o.driver)
	case o.driver == "overlay":
		return errors.New("driver overlay: " + swarm)
	case o.ingress:
		return errors.New("--ingress: " + swarm)
	case o.scope != "" && o.scope != "local":
		return fmt.Errorf("cannot create a %s scoped network when swarm is not active: Podman has no swarm", o.scope)
	case o.configOnly || o.configFrom != "":
		return errors.New("--config-only and --config-from are for networks of several nodes: Podman has one")
	case len(o.auxAddresses.GetAll()) > 0:
		return errors.New("--aux-address: Podman cannot keep single addresses free: leave them out of --ip-range")
	case len(o.ipamOptions.GetAll()) > 0:
		return errors.New("--ipam-opt: Podman's address management has no options")
	case !o.ipv4 && !o.ipv6:
		return errors.New("IPv4 or IPv6 must be enabled")
	}
	return nil
}

// setNetworkOptions gives Docker's options the names that Podman has for them.
// Source: https://docs.docker.com/engine/network/drivers/bridge/#options,
// https://docs.podman.io/en/latest/markdown/podman-network-create.1.html#opt-o-option
func setNetworkOptions(env *Env, wanted *nettypes.Network, options map[string]string) error {
	for key, value := range options {
		switch key {
		case "com.docker.network.driver.mtu":
			if _, err := strconv.Atoi(value); err != nil {
				return fmt.Errorf("failed to parse %s value: %s (%w)", key, value, err) //nolint:revive // docker's own words
			}
			wanted.Options[nettypes.MTUOption] = value
		case "com.docker.network.bridge.name", "parent":
			wanted.NetworkInterface = value
		case "macvlan_mode", "ipvlan_mode":
			wanted.Options[nettypes.ModeOption] = value
		case "com.docker.network.enable_ipv4":
			// The default; --ipv4=false says otherwise.
		case "com.docker.network.enable_ipv6":
			wanted.IPv6Enabled = value == "true"
		case "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("failed to parse %s value: %s (%w)", key, value, err) //nolint:revive // docker's own words
			}
			if !on {
				return fmt.Errorf("-o %s=false: Podman's networks cannot be without it: use --internal, or a network for each container", key)
			}
		case "com.docker.network.bridge.host_binding_ipv4":
			if value != "0.0.0.0" && value != "" {
				return fmt.Errorf("-o %s: Podman has no such default: publish ports with -p %s:HOST:CONTAINER", key, value)
			}
		default:
			if isDockerOption(key) {
				fmt.Fprintf(env.Err, "WARNING: -o %s has no meaning for Podman and was left out\n", key)
				continue
			}
			wanted.Options[key] = value
		}
	}
	if wanted.Driver == nettypes.MacVLANNetworkDriver || wanted.Driver == nettypes.IPVLANNetworkDriver {
		fmt.Fprintf(env.Err, "WARNING: without root, a network of %s reaches only the interfaces in Podman's own network namespace, not the host's\n", wanted.Driver)
	}
	return nil
}

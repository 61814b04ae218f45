package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"dockless/commands/output"

	"github.com/containers/common/libnetwork/types"
	"github.com/containers/podman/v4/pkg/bindings/network"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	dockerfilters "github.com/docker/docker/api/types/filters"
	"github.com/urfave/cli/v2"
)

type networkListOptions struct {
	noTrunc, quiet bool
	format         string
	filter         opts.FilterOpt
}

func networkListCommand(env *Env) *cli.Command {
	o := &networkListOptions{}
	return &cli.Command{
		Name:    "ls",
		Aliases: []string{"list"},
		Usage:   "List networks",
		Flags: []cli.Flag{
			filters(&o.filter, `Provide filter values (e.g. "driver=bridge")`),
			str(&o.format, "format", "", formatHelp),
			boolean(&o.noTrunc, "no-trunc", "", "Do not truncate the output"),
			boolean(&o.quiet, "quiet", "q", "Only display network IDs"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return listNetworks(ctx, env, o)
		}),
	}
}

// The network that is there from the start has another name in each engine.
const (
	podmanBridge = "podman"
	dockerBridge = "bridge"
)

// dockerNetwork is docker's name for a network of Podman's.
func dockerNetwork(name string) string {
	if name == podmanBridge {
		return dockerBridge
	}
	return name
}

func listNetworks(ctx context.Context, env *Env, o *networkListOptions) error {
	format := networkFormat(listFormat(o.format, env.DockerConfigFile().NetworksFormat, o.quiet), o.quiet)
	if err := output.Check(format, &networkRow{}); err != nil {
		return err
	}
	wanted := o.filter.Value()
	if err := checkNetworkFilters(wanted); err != nil {
		return err
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	list, err := network.List(conn, nil)
	if err != nil {
		return err
	}
	unused, err := unusedNetworks(conn, wanted)
	if err != nil {
		return err
	}
	var rows []*networkRow
	for _, n := range list {
		n.Name = dockerNetwork(n.Name)
		if matchesNetwork(wanted, n, unused) {
			rows = append(rows, newNetworkRow(n, !o.noTrunc))
		}
	}
	slices.SortFunc(rows, func(a, b *networkRow) int { return naturally(a.Name, b.Name) })
	return output.Print(env.Out, format, networkHeadings, rows)
}

func networkFormat(source string, quiet bool) formatter.Format {
	switch {
	case source == formatter.TableFormatKey && quiet:
		return formatter.DefaultQuietFormat
	case source == formatter.TableFormatKey:
		return "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
	case source == formatter.RawFormatKey && quiet:
		return "network_id: {{.ID}}"
	case source == formatter.RawFormatKey:
		return "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"
	}
	return formatter.Format(source)
}

// networkFilters are the filters that docker network ls knows.
// Source: https://docs.docker.com/reference/cli/docker/network/ls/#filter
var networkFilters = map[string]bool{
	"dangling": true, "driver": true, "id": true, "label": true, "name": true, "scope": true, "type": true,
}

func checkNetworkFilters(wanted dockerfilters.Args) error {
	if err := wanted.Validate(networkFilters); err != nil {
		return err
	}
	for _, kind := range wanted.Get("type") {
		if kind != "builtin" && kind != "custom" {
			return fmt.Errorf("invalid filter: 'type'='%s'", kind)
		}
	}
	_, err := wanted.GetBoolOrDefault("dangling", false)
	return err
}

// unusedNetworks returns the ids of the networks without a container, where the
// filters ask for them: only the server knows.
func unusedNetworks(conn context.Context, wanted dockerfilters.Args) (map[string]bool, error) {
	unused := map[string]bool{}
	if !wanted.Contains("dangling") {
		return unused, nil
	}
	list, err := network.List(conn, new(network.ListOptions).WithFilters(map[string][]string{"dangling": {"true"}}))
	for _, n := range list {
		unused[n.ID] = n.Name != podmanBridge
	}
	return unused, err
}

const localScope = "local"

func matchesNetwork(wanted dockerfilters.Args, n types.Network, unused map[string]bool) bool {
	kind := "custom"
	if n.Name == dockerBridge {
		kind = "builtin"
	}
	return wanted.ExactMatch("driver", n.Driver) && wanted.Match("name", n.Name) && wanted.Match("id", n.ID) &&
		wanted.MatchKVList("label", n.Labels) && wanted.ExactMatch("scope", localScope) && wanted.ExactMatch("type", kind) &&
		(!wanted.Contains("dangling") || isTrue(wanted, "dangling") == unused[n.ID])
}

// isTrue is a filter's truth value, false where it is not given. It has been
// checked before.
func isTrue(args dockerfilters.Args, key string) bool {
	is, _ := args.GetBoolOrDefault(key, false)
	return is
}

// networkRow is a line of docker network ls.
// Source: https://docs.docker.com/reference/cli/docker/network/ls/#format
type networkRow struct {
	output.Row
	output.Labelled
	CreatedAt, Driver, ID, IPv4, IPv6, Internal, Labels, Name, Scope string
}

var networkHeadings = output.Headings{
	"CreatedAt": "CREATED AT", "Driver": "DRIVER", "ID": "NETWORK ID", "IPv4": "IPV4", "IPv6": "IPV6",
	"Internal": "INTERNAL", "Labels": "LABELS", "Name": "NAME", "Scope": "SCOPE",
}

// MarshalJSON writes what a template's json would leave as it is (<, >, &) as
// docker's rows do.
func (r *networkRow) MarshalJSON() ([]byte, error) {
	type plain networkRow
	return json.Marshal((*plain)(r))
}

func newNetworkRow(n types.Network, trunc bool) *networkRow {
	if trunc {
		n.ID = n.ID[:min(12, len(n.ID))]
	}
	return &networkRow{
		Labelled:  output.WithLabels(n.Labels),
		CreatedAt: n.Created.String(),
		Driver:    n.Driver,
		ID:        n.ID,
		IPv4:      strconv.FormatBool(slices.ContainsFunc(n.Subnets, func(s types.Subnet) bool { return s.Subnet.IP.To4() != nil })),
		IPv6:      strconv.FormatBool(n.IPv6Enabled),
		Internal:  strconv.FormatBool(n.Internal),
		Labels:    output.JoinLabels(n.Labels),
		Name:      n.Name,
		Scope:     localScope,
	}
}

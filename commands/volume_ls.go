package commands

import (
	"context"
	"encoding/json"
	"slices"

	"dockless/commands/output"

	"github.com/containers/podman/v4/pkg/bindings/volumes"
	"github.com/containers/podman/v4/pkg/domain/entities"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/fvbommel/sortorder"
	"github.com/urfave/cli/v2"
)

type volumeListOptions struct {
	quiet  bool
	format string
	filter opts.FilterOpt
}

func volumeListCommand(env *Env) *cli.Command {
	o := &volumeListOptions{}
	return &cli.Command{
		Name:    "ls",
		Aliases: []string{"list"},
		Usage:   "List volumes",
		Flags: []cli.Flag{
			filters(&o.filter, `Provide filter values (e.g. "dangling=true")`),
			str(&o.format, "format", "", formatHelp),
			boolean(&o.quiet, "quiet", "q", "Only display volume names"),
			refused("bool", "cluster", "there is no Swarm here, and no cluster volumes; leave it out", "false"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return listVolumes(ctx, env, o)
		}),
	}
}

// volumeFilters are the filters that docker volume ls knows.
// Source: https://docs.docker.com/reference/cli/docker/volume/ls/#filter
var volumeFilters = map[string]bool{"dangling": true, "driver": true, "label": true, "name": true}

func listVolumes(ctx context.Context, env *Env, o *volumeListOptions) error {
	format := formatter.NewVolumeFormat(listFormat(o.format, env.DockerConfigFile().VolumesFormat, o.quiet), o.quiet)
	if err := output.Check(format, &volumeRow{}); err != nil {
		return err
	}
	wanted := o.filter.Value()
	if err := wanted.Validate(volumeFilters); err != nil {
		return err
	}
	var atServer map[string][]string // only it knows which volumes are in use
	if wanted.Contains("dangling") {
		if _, err := wanted.GetBoolOrDefault("dangling", false); err != nil {
			return err
		}
		atServer = map[string][]string{"dangling": wanted.Get("dangling")}
	}
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	list, err := volumes.List(conn, new(volumes.ListOptions).WithFilters(atServer))
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *entities.VolumeListReport) int { return naturally(a.Name, b.Name) })
	var rows []*volumeRow
	for _, v := range list {
		if wanted.Match("name", v.Name) && wanted.Match("driver", v.Driver) && wanted.MatchKVList("label", v.Labels) {
			rows = append(rows, newVolumeRow(v))
		}
	}
	return output.Print(env.Out, format, volumeHeadings, rows)
}

// naturally orders names as docker does: v2 before v10.
func naturally(a, b string) int {
	switch {
	case sortorder.NaturalLess(a, b):
		return -1
	case sortorder.NaturalLess(b, a):
		return 1
	}
	return 0
}

// volumeRow is a line of docker volume ls.
// Source: https://docs.docker.com/reference/cli/docker/volume/ls/#format
type volumeRow struct {
	output.Row
	output.Labelled
	Availability, Driver, Group, Labels, Links, Mountpoint, Name, Scope, Size, Status string
}

var volumeHeadings = output.Headings{
	"Availability": "AVAILABILITY", "Driver": "DRIVER", "Group": "GROUP", "Labels": "LABELS", "Links": "LINKS",
	"Mountpoint": "MOUNTPOINT", "Name": "VOLUME NAME", "Scope": "SCOPE", "Size": "SIZE", "Status": "STATUS",
}

// MarshalJSON writes what a template's json would leave as it is (<, >, &) as
// docker's rows do.
func (r *volumeRow) MarshalJSON() ([]byte, error) {
	type plain volumeRow
	return json.Marshal((*plain)(r))
}

func newVolumeRow(v *entities.VolumeListReport) *volumeRow {
	const unknown = "N/A" // docker says so outside a swarm and system df
	return &volumeRow{
		Labelled:     output.WithLabels(v.Labels),
		Availability: unknown,
		Driver:       v.Driver,
		Group:        unknown,
		Labels:       output.JoinLabels(v.Labels),
		Links:        unknown,
		Mountpoint:   v.Mountpoint,
		Name:         v.Name,
		Scope:        v.Scope,
		Size:         unknown,
		Status:       unknown,
	}
}

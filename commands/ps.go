package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dockless/bindings/engine"
	"dockless/commands/output"

	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
	"github.com/urfave/cli/v2"
)

type psOptions struct {
	all, quiet, noTrunc, latest, size bool
	last                              int
	format                            string
	filter                            opts.FilterOpt
}

func psCommand(env *Env) *cli.Command {
	o := &psOptions{last: -1}
	return &cli.Command{
		Name:  "ps",
		Usage: "List containers",
		Flags: []cli.Flag{
			boolean(&o.all, "all", "a", "Show all containers (default shows just running)"),
			filters(&o.filter, "Filter output based on conditions provided"),
			str(&o.format, "format", "", formatHelp),
			integer(&o.last, "last", "n", "Show n last created containers (includes all states)"),
			boolean(&o.latest, "latest", "l", "Show the latest created container (includes all states)"),
			boolean(&o.noTrunc, "no-trunc", "", "Don't truncate output"),
			boolean(&o.quiet, "quiet", "q", "Only display container IDs"),
			boolean(&o.size, "size", "s", "Display total file sizes"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			return ps(ctx, env, o)
		}),
	}
}

// formatHelp is docker's help for the --format of its lists.
const formatHelp = `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`

func ps(ctx context.Context, env *Env, o *psOptions) error {
	template := o.format
	if template == "" {
		template = env.DockerConfigFile().PsFormat
	} else if o.quiet {
		fmt.Fprintln(env.Err, "WARNING: Ignoring custom format, because both --format and --quiet are set.")
	}
	if err := output.Check(formatter.Format(template), &containerRow{}); err != nil {
		return err
	}
	matching, err := newPsFilter(o.filter.Value())
	if err != nil {
		return err
	}
	// Sizes are dear: they are asked for where they are shown.
	o.size = o.size || !o.quiet && (strings.Contains(template, ".Size") || strings.Contains(template, "json ."))
	format := formatter.NewContainerFormat(template, o.quiet, o.size)
	conn, err := env.Engine(ctx)
	if err != nil {
		return err
	}
	containers, err := listContainers(conn, o, matching)
	if err != nil {
		return err
	}
	if err := completeContainers(conn, containers, string(format)); err != nil {
		return err
	}
	rows := make([]*containerRow, len(containers))
	for i, c := range containers {
		rows[i] = newContainerRow(c, !o.noTrunc, time.Now())
	}
	return output.Print(env.Out, format, containerHeadings, rows)
}

// listContainers returns the containers that docker would list, the newest
// first.
func listContainers(conn context.Context, o *psOptions, matching *psFilter) ([]*listedContainer, error) {
	limit := o.last
	if o.latest && limit == -1 {
		limit = 1
	}
	all := o.all || limit > 0 || matching.args.Contains("status")
	query := url.Values{"size": {strconv.FormatBool(o.size)}}
	switch {
	case limit > 0 && matching.args.Len() == 0:
		query.Set("limit", strconv.Itoa(limit))
	case all, matching.args.Contains("before"), matching.args.Contains("since"):
		query.Set("all", "true")
	default: // Podman's own default leaves out paused ones
		query.Set("filters", `{"status":["running","paused"]}`)
	}
	var containers []*listedContainer
	if err := engine.Call(conn, http.MethodGet, engine.Libpod+"/containers/json", query, nil, &containers); err != nil {
		return nil, err
	}
	slices.SortStableFunc(containers, func(a, b *listedContainer) int { return b.Created.Compare(a.Created) })
	containers, err := matching.apply(conn, containers, all)
	if limit > 0 && len(containers) > limit {
		containers = containers[:limit]
	}
	return containers, err
}

// containerRow is a line of docker ps.
// Source: https://docs.docker.com/reference/cli/docker/container/ls/#format
type containerRow struct {
	output.Row
	output.Labelled
	Command, CreatedAt, ID, Image, Labels, LocalVolumes, Mounts, Names, Networks string
	Platform                                                                     *string
	Ports, RunningFor, Size, State, Status                                       string
}

var containerHeadings = output.Headings{
	"Command": "COMMAND", "CreatedAt": "CREATED AT", "ID": "CONTAINER ID", "Image": "IMAGE", "Labels": "LABELS",
	"LocalVolumes": "LOCAL VOLUMES", "Mounts": "MOUNTS", "Names": "NAMES", "Networks": "NETWORKS", "Platform": "PLATFORM",
	"Ports": "PORTS", "RunningFor": "CREATED", "Size": "SIZE", "State": "STATE", "Status": "STATUS",
}

// MarshalJSON writes > as \u003e also where a template's json does not, as
// docker's rows do.
func (r *containerRow) MarshalJSON() ([]byte, error) {
	type plain containerRow
	return json.Marshal((*plain)(r))
}

func newContainerRow(c *listedContainer, trunc bool, now time.Time) *containerRow {
	row := &containerRow{
		Labelled:     output.WithLabels(c.Labels),
		Command:      strings.Join(c.Command, " "),
		CreatedAt:    time.Unix(c.Created.Unix(), 0).String(),
		ID:           c.ID,
		Image:        c.imageName(trunc),
		Labels:       output.JoinLabels(c.Labels),
		LocalVolumes: strconv.Itoa(c.localVolumes()),
		Mounts:       c.mountNames(trunc),
		Names:        strings.Join(c.Names, ","),
		Networks:     strings.Join(c.Networks, ","),
		Ports:        formatter.DisplayablePorts(c.dockerPorts()),
		RunningFor:   units.HumanDuration(now.Sub(c.Created)) + " ago",
		Size:         c.humanSize(),
		State:        c.dockerState(),
		Status:       c.status(now),
	}
	if trunc {
		row.ID = c.ID[:min(12, len(c.ID))]
		row.Command = formatter.Ellipsis(row.Command, 20)
	}
	row.Command = strconv.Quote(row.Command)
	return row
}

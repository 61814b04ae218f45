package commands

import (
	"context"
	"encoding/json"
	"strings"

	"dockless/bindings/store"
	"dockless/commands/output"

	"github.com/docker/cli/cli/command/formatter"
	"github.com/urfave/cli/v2"
)

// builderName is the one builder: this program.
const builderName = "default"

func buildxListCommand(env *Env) *cli.Command {
	format := formatter.TableFormatKey
	var noTrunc bool
	return &cli.Command{
		Name:  "ls",
		Usage: "List builder instances",
		Flags: []cli.Flag{
			str(&format, "format", "", "Format the output"),
			boolean(&noTrunc, "no-trunc", "", "Don't truncate output"),
		},
		Action: arguments(0, 0, func(context.Context, []string) error {
			return listBuilders(env, formatter.Format(format))
		}),
	}
}

var builderHeadings = output.Headings{
	"Name": "NAME/NODE", "DriverEndpoint": "DRIVER/ENDPOINT", "Status": "STATUS", "Buildkit": "BUILDKIT",
	"Platforms": "PLATFORMS", "LastActivity": "LAST ACTIVITY", "Error": "ERROR",
}

// builderRow is a builder, or its node.
type builderRow struct {
	output.Row
	Name, DriverEndpoint, Status, Buildkit, Platforms, LastActivity, Error string
}

// MarshalJSON is the whole builder, whichever row it is.
func (*builderRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"Name": builderName, "Driver": "docker", "Current": true, "Dynamic": false,
		"Nodes": []map[string]any{{
			"Name": builderName, "Endpoint": builderName, "Status": "running", "Version": builtBy, "Platforms": store.RunnablePlatforms(),
		}},
	})
}

// builtBy stands where buildx has the version of BuildKit.
const builtBy = "dockless"

func listBuilders(env *Env, format formatter.Format) error {
	rows := []*builderRow{
		{Name: builderName, DriverEndpoint: "docker"},
		{Name: builderName, DriverEndpoint: builderName, Status: "running", Buildkit: builtBy, Platforms: strings.Join(store.RunnablePlatforms(), ", ")},
	}
	switch {
	case format == formatter.JSONFormatKey || strings.Contains(string(format), "json ."):
		rows = rows[:1] // both would be the same
	case format == formatter.TableFormatKey:
		format = "table {{.Name}}\t{{.DriverEndpoint}}\t{{.Status}}\t{{.Buildkit}}\t{{.Platforms}}"
	}
	if format.IsTable() {
		rows[0].Name += "*"
		rows[1].Name, rows[1].DriverEndpoint = ` \_ `+rows[1].Name, ` \_ `+rows[1].DriverEndpoint
	}
	return output.Print(env.Out, format, builderHeadings, rows)
}

package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"dockless/bindings/store"

	"github.com/urfave/cli/v2"
)

// builderName is the one builder: this program.
const builderName = "default"

func buildxListCommand(env *Env) *cli.Command {
	format := "table"
	var noTrunc bool
	return &cli.Command{
		Name:  "ls",
		Usage: "List builder instances",
		Flags: []cli.Flag{
			str(&format, "format", "", "Format the output"),
			boolean(&noTrunc, "no-trunc", "", "Don't truncate output"),
		},
		Action: arguments(0, 0, func(context.Context, []string) error {
			switch format {
			case "json":
				return json.NewEncoder(env.Out).Encode(map[string]any{
					"Name": builderName, "Driver": "docker", "Current": true, "Dynamic": false,
					"Nodes": []map[string]any{{"Name": builderName, "Endpoint": builderName, "Status": "running", "Version": buildxVersion, "Platforms": store.RunnablePlatforms()}},
				})
			case "{{.Name}}":
				_, err := fmt.Fprintln(env.Out, builderName)
				return err
			case "table":
			default:
				return fmt.Errorf("--format %s: only table, json and {{.Name}} are there", format)
			}
			table := tabwriter.NewWriter(env.Out, 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "NAME/NODE\tDRIVER/ENDPOINT\tSTATUS\tBUILDKIT\tPLATFORMS")
			fmt.Fprintf(table, "%s*\tdocker\t\t\t\n", builderName)
			fmt.Fprintf(table, " \\_ %s\t \\_ %s\trunning\tdockless\t%s\n", builderName, builderName, strings.Join(store.RunnablePlatforms(), ", "))
			return table.Flush()
		}),
	}
}

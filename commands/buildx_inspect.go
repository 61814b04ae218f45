package commands

import (
	"context"
	"fmt"
	"strings"

	"dockless/bindings/store"

	"github.com/urfave/cli/v2"
)

func buildxInspectCommand(env *Env) *cli.Command {
	var bootstrap bool
	var builder string
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Inspect current builder instance",
		ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			boolean(&bootstrap, "bootstrap", "", "Ensure builder has booted before inspecting"),
			str(&builder, "builder", "", "Override the configured builder instance"),
		},
		Action: arguments(0, 1, func(_ context.Context, args []string) error {
			if len(args) > 0 {
				builder = args[0]
			}
			if builder != "" && builder != builderName {
				return fmt.Errorf("no builder %q found: there is one, %s", builder, builderName)
			}
			_, err := fmt.Fprintf(env.Out, "Name:   %s\nDriver: docker\n\nNodes:\nName:             %s\nEndpoint:         %s\nStatus:           running\nBuildKit version: %s\nPlatforms:        %s\n",
				builderName, builderName, builderName, "dockless", strings.Join(store.RunnablePlatforms(), ", "))
			return err
		}),
	}
}

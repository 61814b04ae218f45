package commands

import (
	"cmp"
	"context"
	"fmt"
	"os"
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
			builder = cmp.Or(builder, os.Getenv(builderVariable), builderName)
			warnBuilder(env, builder)
			_, err := fmt.Fprintf(env.Out, "Name:   %s\nDriver: docker\n\nNodes:\nName:             %s\nEndpoint:         %s\nStatus:           running\nBuildKit version: %s\nPlatforms:        %s\n",
				builder, builder, builderName, builtBy, strings.Join(store.RunnablePlatforms(), ", "))
			return err
		}),
	}
}

// warnBuilder says that a name is only another one for what there is: a script
// that has created a builder asks for it.
func warnBuilder(env *Env, name string) {
	if name != builderName {
		fmt.Fprintf(env.Err, "WARNING: %s is the builder %s: there is one\n", name, builderName)
	}
}

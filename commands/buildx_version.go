package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

// buildxVersion is the version of buildx whose flags build knows: tools read it
// to learn what they may ask for.
const buildxVersion = "v0.29.1"

func buildxVersionCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "Show buildx version information",
		Action: arguments(0, 0, func(context.Context, []string) error {
			_, err := fmt.Fprintf(env.Out, "github.com/docker/buildx %s dockless\n", buildxVersion)
			return err
		}),
	}
}

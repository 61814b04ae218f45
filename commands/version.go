package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

func versionCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "Show the Docker version information",
		Action: arguments(0, 0, func(context.Context, []string) error {
			return printVersion(env)
		}),
	}
}

func printVersion(env *Env) error {
	fmt.Fprintf(env.Out, "Docker version %s, dockless\n", version)
	return nil
}

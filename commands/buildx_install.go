package commands

import (
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
)

// buildxInstallCommand is for scripts that make docker build the one of buildx,
// or undo it: here both are the same.
func buildxInstallCommand(*Env) *cli.Command {
	return &cli.Command{
		Usage:  "Install buildx as a 'docker builder' alias",
		Hidden: true,
		Action: arguments(0, 0, func(context.Context, []string) error { return nil }),
	}
}

// buildxGroup is a group whose flags count for each of its commands.
func buildxGroup(usage string, commands []entry) func(env *Env) *cli.Command {
	return func(env *Env) *cli.Command {
		var builder string
		var debug bool
		c := group(usage, commands)(env)
		c.Flags = []cli.Flag{
			hidden(str(&builder, "builder", "", "Override the configured builder instance")),
			hidden(boolean(&debug, "debug", "D", "Enable debug logging")),
		}
		c.Before = func(*cli.Context) error {
			if debug {
				logrus.SetLevel(logrus.DebugLevel)
			}
			if builder != "" {
				return os.Setenv(builderVariable, builder)
			}
			return nil
		}
		return c
	}
}

// builderVariable names the builder where no flag does.
const builderVariable = "BUILDX_BUILDER"

// buildxAbsent says of buildx' commands that are not here what to do instead.
var buildxAbsent = map[string]string{
	"bake":       "bake files are not read: run one build for each of their targets (dockerfile is --file, tags are --tag, args --build-arg)",
	"dial-stdio": "there is no BuildKit to talk with: builds run in this program",
	"history":    "builds leave no records: keep what a build prints (build --progress plain . 2>FILE); buildx du lists what is cached",
	"create":     "give an image of a registry one more name there with pull, tag and push",
}

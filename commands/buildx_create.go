package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
)

// buildxCreateCommand is for scripts that create a builder before they build: the
// one that there is answers to any name.
func buildxCreateCommand(env *Env) *cli.Command {
	var (
		name, node, driver, config, flags string
		options, platforms                []string
		use, bootstrap, add, leave        bool
	)
	return &cli.Command{
		Name:      "create",
		Usage:     "Create a new builder instance",
		ArgsUsage: "[CONTEXT|ENDPOINT]",
		Flags: []cli.Flag{
			boolean(&add, "append", "", "Append a node to builder instead of changing it"),
			boolean(&bootstrap, "bootstrap", "", "Boot builder after creation"),
			str(&config, "buildkitd-config", "", "BuildKit daemon config file"),
			str(&flags, "buildkitd-flags", "", "BuildKit daemon flags"),
			str(&driver, "driver", "", `Driver to use (available: "docker")`),
			list(&options, "driver-opt", "", "Options for the driver"),
			boolean(&leave, "leave", "", "Remove a node from builder instead of changing it"),
			str(&name, "name", "", "Builder instance name"),
			str(&node, "node", "", "Create/modify node with given name"),
			list(&platforms, "platform", "", "Fixed platforms for current node"),
			boolean(&use, "use", "", "Set the current builder instance"),
		},
		Action: arguments(0, 1, func(_ context.Context, args []string) error {
			switch {
			case add, leave, len(args) > 0 && args[0] != builderName, driver == "kubernetes", driver == "remote":
				return errors.New("builds run in this program, on this machine: there are no nodes to add or to reach")
			case name == "":
				name = "dockless" // one that rm can remove
			}
			fmt.Fprintln(env.Err, "WARNING: builds run in this program: there is no builder to create, and --builder can be left out")
			_, err := fmt.Fprintln(env.Out, name)
			return err
		}),
	}
}

func buildxUseCommand(env *Env) *cli.Command {
	var asDefault, global bool
	var builder string
	return &cli.Command{
		Name:      "use",
		Usage:     "Set the current builder instance",
		ArgsUsage: "NAME",
		Flags: []cli.Flag{
			str(&builder, "builder", "", "Override the configured builder instance"),
			boolean(&asDefault, "default", "", "Set builder as default for current context"),
			boolean(&global, "global", "", "Builder persists context changes"),
		},
		Action: arguments(1, 1, func(_ context.Context, args []string) error {
			warnBuilder(env, args[0])
			return nil
		}),
	}
}

func buildxRemoveCommand(env *Env) *cli.Command {
	var inactive, force, keepDaemon, keepState bool
	var builder string
	return &cli.Command{
		Name:      "rm",
		Usage:     "Remove one or more builder instances",
		ArgsUsage: "[NAME...]",
		Flags: []cli.Flag{
			boolean(&inactive, "all-inactive", "", "Remove all inactive builders"),
			str(&builder, "builder", "", "Override the configured builder instance"),
			boolean(&force, "force", "f", "Do not prompt for confirmation"),
			boolean(&keepDaemon, "keep-daemon", "", "Keep the BuildKit daemon running"),
			boolean(&keepState, "keep-state", "", "Keep BuildKit state"),
		},
		Action: arguments(0, -1, func(_ context.Context, args []string) error {
			if len(args) == 0 && !inactive {
				args = []string{builderName}
			}
			for _, name := range args {
				if name == builderName {
					return fmt.Errorf("the builder %s is this program and cannot be removed; %s builder prune removes its cache", name, env.Program)
				}
				fmt.Fprintln(env.Err, name, "removed")
			}
			return nil
		}),
	}
}

func buildxStopCommand(*Env) *cli.Command {
	var builder string
	return &cli.Command{
		Name:      "stop",
		Usage:     "Stop builder instance",
		ArgsUsage: "[NAME]",
		Flags:     []cli.Flag{str(&builder, "builder", "", "Override the configured builder instance")},
		Action:    arguments(0, 1, func(context.Context, []string) error { return nil }), // nothing runs between builds
	}
}

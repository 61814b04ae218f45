package commands

import "github.com/urfave/cli/v2"

// Headings of the program's --help, in docker's order.
const (
	commonCommands     = "Common Commands"
	managementCommands = "Management Commands"
)

// commandList is every command of the program, in the order of its --help.
func commandList(env *Env) []*cli.Command {
	list := []*cli.Command{
		common(runCommand(env)),
		common(execCommand(env)),
		common(psCommand(env)),
		common(pullCommand(env)),
		common(imagesCommand(env)),
		common(versionCommand(env)),
		common(infoCommand(env)),

		group("container", "Manage containers",
			attachCommand(env),
			commitCommand(env),
			cpCommand(env),
			createCommand(env),
			diffCommand(env),
			execCommand(env),
			exportCommand(env),
			containerInspectCommand(env),
			killCommand(env),
			logsCommand(env),
			as("ls", psCommand(env), "list", "ps"),
			pauseCommand(env),
			portCommand(env),
			containerPruneCommand(env),
			renameCommand(env),
			restartCommand(env),
			as("rm", rmCommand(env), "remove"),
			runCommand(env),
			startCommand(env),
			statsCommand(env),
			stopCommand(env),
			topCommand(env),
			unpauseCommand(env),
			updateCommand(env),
			waitCommand(env),
		),

		group("image", "Manage images",
			importCommand(env),
			imageInspectCommand(env),
			loadCommand(env),
			as("ls", imagesCommand(env), "list"),
			imagePruneCommand(env),
			pullCommand(env),
			as("rm", rmiCommand(env), "rmi", "remove"),
			tagCommand(env),
		),

		group("network", "Manage networks",
			networkConnectCommand(env),
			networkCreateCommand(env),
			networkDisconnectCommand(env),
			networkInspectCommand(env),
			networkListCommand(env),
			networkPruneCommand(env),
			networkRemoveCommand(env),
		),

		group("system", "Manage Docker",
			systemDfCommand(env),
			eventsCommand(env),
			infoCommand(env),
			systemPruneCommand(env),
		),

		group("volume", "Manage volumes",
			volumeCreateCommand(env),
			volumeInspectCommand(env),
			volumeListCommand(env),
			volumePruneCommand(env),
			volumeRemoveCommand(env),
		),

		attachCommand(env),
		commitCommand(env),
		cpCommand(env),
		createCommand(env),
		diffCommand(env),
		eventsCommand(env),
		exportCommand(env),
		helpCommand(env),
		importCommand(env),
		inspectCommand(env),
		killCommand(env),
		loadCommand(env),
		logsCommand(env),
		pauseCommand(env),
		portCommand(env),
		renameCommand(env),
		restartCommand(env),
		rmCommand(env),
		rmiCommand(env),
		startCommand(env),
		statsCommand(env),
		stopCommand(env),
		tagCommand(env),
		topCommand(env),
		unpauseCommand(env),
		updateCommand(env),
		waitCommand(env),
	}
	withoutHelp(list)
	return list
}

// withoutHelp keeps urfave from adding its own help commands and flags.
func withoutHelp(list []*cli.Command) {
	for _, c := range list {
		c.HideHelp = true
		withoutHelp(c.Subcommands)
	}
}

// common puts a command under the first heading of --help.
func common(c *cli.Command) *cli.Command {
	c.Category = commonCommands
	return c
}

// as is a command under another name, as it is called inside a group.
func as(name string, c *cli.Command, aliases ...string) *cli.Command {
	c.Name, c.Aliases = name, aliases
	return c
}

// group is a management command: docker container, docker volume, ….
func group(name, usage string, commands ...*cli.Command) *cli.Command {
	for _, c := range commands {
		c.Category = ""
	}
	return &cli.Command{Name: name, Usage: usage, Category: managementCommands, Subcommands: commands}
}

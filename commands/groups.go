package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Headings of the program's --help, in docker's order.
const (
	commonCommands     = "Common Commands"
	managementCommands = "Management Commands"
)

// entry is a command of the list: its names there, its own first, and how it is
// made.
type entry struct {
	names string
	build func(env *Env) *cli.Command
}

// allCommands are the commands of the program, in the order of its --help.
var allCommands = []entry{
	{"run", common(runCommand)},
	{"exec", common(execCommand)},
	{"ps", common(psCommand)},
	{"build", common(buildCommand)},
	{"pull", common(pullCommand)},
	{"push", common(pushCommand)},
	{"images", common(imagesCommand)},
	{"login", common(loginCommand)},
	{"logout", common(logoutCommand)},
	{"search", common(searchCommand)},
	{"version", common(versionCommand)},
	{"info", common(infoCommand)},

	{"builder", buildxGroup("Manage builds", buildxCommands)},
	{"buildx", buildxGroup("Docker Buildx", buildxCommands)},

	{"container", group("Manage containers", []entry{
		{"attach", attachCommand},
		{"commit", commitCommand},
		{"cp", cpCommand},
		{"create", createCommand},
		{"diff", diffCommand},
		{"exec", execCommand},
		{"export", exportCommand},
		{"inspect", containerInspectCommand},
		{"kill", killCommand},
		{"logs", logsCommand},
		{"ls list ps", psCommand},
		{"pause", pauseCommand},
		{"port", portCommand},
		{"prune", containerPruneCommand},
		{"rename", renameCommand},
		{"restart", restartCommand},
		{"rm remove", rmCommand},
		{"run", runCommand},
		{"start", startCommand},
		{"stats", statsCommand},
		{"stop", stopCommand},
		{"top", topCommand},
		{"unpause", unpauseCommand},
		{"update", updateCommand},
		{"wait", waitCommand},
	})},

	{"image", group("Manage images", []entry{
		{"build", buildCommand},
		{"history", historyCommand},
		{"import", importCommand},
		{"inspect", imageInspectCommand},
		{"load", loadCommand},
		{"ls list", imagesCommand},
		{"prune", imagePruneCommand},
		{"pull", pullCommand},
		{"push", pushCommand},
		{"rm rmi remove", rmiCommand},
		{"save", saveCommand},
		{"tag", tagCommand},
	})},

	{"manifest", group("Manage Docker image manifests and manifest lists", []entry{
		{"inspect", manifestInspectCommand},
	})},

	{"network", group("Manage networks", []entry{
		{"connect", networkConnectCommand},
		{"create", networkCreateCommand},
		{"disconnect", networkDisconnectCommand},
		{"inspect", networkInspectCommand},
		{"ls list", networkListCommand},
		{"prune", networkPruneCommand},
		{"rm remove", networkRemoveCommand},
	})},

	{"system", group("Manage Docker", []entry{
		{"df", systemDfCommand},
		{"events", eventsCommand},
		{"info", infoCommand},
		{"prune", systemPruneCommand},
	})},

	{"volume", group("Manage volumes", []entry{
		{"create", volumeCreateCommand},
		{"inspect", volumeInspectCommand},
		{"ls list", volumeListCommand},
		{"prune", volumePruneCommand},
		{"rm remove", volumeRemoveCommand},
	})},

	{"attach", attachCommand},
	{"commit", commitCommand},
	{"cp", cpCommand},
	{"create", createCommand},
	{"diff", diffCommand},
	{"events", eventsCommand},
	{"export", exportCommand},
	{"help", helpCommand},
	{"history", historyCommand},
	{"import", importCommand},
	{"inspect", inspectCommand},
	{"kill", killCommand},
	{"load", loadCommand},
	{"logs", logsCommand},
	{"pause", pauseCommand},
	{"port", portCommand},
	{"rename", renameCommand},
	{"restart", restartCommand},
	{"rm", rmCommand},
	{"rmi", rmiCommand},
	{"save", saveCommand},
	{"start", startCommand},
	{"stats", statsCommand},
	{"stop", stopCommand},
	{"tag", tagCommand},
	{"top", topCommand},
	{"unpause", unpauseCommand},
	{"update", updateCommand},
	{"wait", waitCommand},
}

// buildxCommands are docker builder's, too, as with the buildx plugin.
var buildxCommands = []entry{
	{"imagetools", group("Commands to work on images in registry", []entry{{"inspect", imagetoolsInspectCommand}})},
	{"build b", buildCommand},
	{"create", buildxCreateCommand},
	{"du", buildxDuCommand},
	{"inspect", buildxInspectCommand},
	{"install uninstall", buildxInstallCommand},
	{"ls", buildxListCommand},
	{"prune", builderPruneCommand},
	{"rm", buildxRemoveCommand},
	{"stop", buildxStopCommand},
	{"use", buildxUseCommand},
	{"version", buildxVersionCommand},
}

// commandsFor makes the commands that a line can mean: none if it has but flags,
// the one that it begins with, or else all. To make the others with all their
// flags takes as long as ps takes to ask the engine.
func commandsFor(env *Env, args []string) []*cli.Command {
	isFlag := func(word string) bool { return strings.HasPrefix(word, "-") }
	if !slices.ContainsFunc(args, func(word string) bool { return !isFlag(word) }) {
		return nil
	}
	for i, e := range allCommands {
		if args[0] != "help" && slices.Contains(strings.Fields(e.names), args[0]) {
			return build(env, allCommands[i:i+1])
		}
	}
	return everyCommand(env)
}

func everyCommand(env *Env) []*cli.Command { return build(env, allCommands) }

func build(env *Env, entries []entry) []*cli.Command {
	list := make([]*cli.Command, 0, len(entries))
	for _, e := range entries {
		c := e.build(env)
		names := strings.Fields(e.names)
		c.Name, c.Aliases = names[0], names[1:]
		c.HideHelp = true // urfave would add its own help command and flag
		list = append(list, c)
	}
	return list
}

// common puts a command under the first heading of --help.
func common(build func(env *Env) *cli.Command) func(env *Env) *cli.Command {
	return func(env *Env) *cli.Command {
		c := build(env)
		c.Category = commonCommands
		return c
	}
}

// group is a management command: docker container, docker volume, ….
func group(usage string, commands []entry) func(env *Env) *cli.Command {
	return func(env *Env) *cli.Command {
		return &cli.Command{Usage: usage, Category: managementCommands, Subcommands: build(env, commands)}
	}
}

package commands

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"dockless/commands/argv"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// usageLine is docker's one-line summary of a command: its words, [OPTIONS] if
// it has flags, and its arguments. A nil command is the program itself.
func usageLine(words string, command *cli.Command) string {
	if command == nil {
		return words + " [OPTIONS] COMMAND [ARG...]"
	}
	if len(command.Subcommands) > 0 {
		return words + " COMMAND"
	}
	for _, f := range command.Flags {
		if visible, ok := f.(cli.VisibleFlag); ok && visible.IsVisible() {
			words += " [OPTIONS]"
			break
		}
	}
	return strings.TrimSpace(words + " " + command.ArgsUsage)
}

func helpCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "Help about the command",
		ArgsUsage: "[command]",
		Hidden:    true,
		Action: func(c *cli.Context) error {
			return help(env, c.App, c.Args().Slice())
		},
	}
}

// help is --help for people who type it first: docker help network create.
func help(env *Env, app *cli.App, words []string) error {
	line := argv.Line{}
	for among := app.Commands; len(words) > len(line.Path); among = line.Command.Subcommands {
		word := words[len(line.Path)]
		line.Command = argv.Find(among, word)
		if line.Command == nil {
			return fmt.Errorf("unknown help topic: %s", strings.Join(words, " "))
		}
		line.Path = append(line.Path, word)
	}
	return printHelp(env, app, line)
}

// printHelp writes docker's --help page for a command to standard output.
func printHelp(env *Env, app *cli.App, line argv.Line) error {
	words := strings.Join(append([]string{env.Program}, line.Path...), " ")
	if line.Command == nil {
		fmt.Fprintf(env.Out, "Usage:  %s [OPTIONS] COMMAND\n\n%s\n", words, app.Usage)
		printCommands(env.Out, app.Commands)
		printFlags(env, "Global Options", app.Flags)
		fmt.Fprintf(env.Out, "\nRun '%s COMMAND --help' for more information on a command.\n", words)
		return nil
	}
	fmt.Fprintf(env.Out, "Usage:  %s\n\n%s\n", usageLine(words, line.Command), line.Command.Usage)
	if spellings := aliases(app, line.Command); len(spellings) > 1 {
		fmt.Fprintf(env.Out, "\nAliases:\n  %s\n", env.Program+" "+strings.Join(spellings, ", "+env.Program+" "))
	}
	if len(line.Command.Subcommands) > 0 {
		printCommands(env.Out, line.Command.Subcommands)
		fmt.Fprintf(env.Out, "\nRun '%s COMMAND --help' for more information on a command.\n", words)
	}
	printFlags(env, "Options", line.Command.Flags)
	return nil
}

// aliases lists every way to type a command: the groups' ways first.
func aliases(app *cli.App, command *cli.Command) []string {
	var long, short []string
	for _, c := range app.Commands {
		if c.Usage == command.Usage {
			short = append(short, c.Names()...)
		}
		for _, sub := range c.Subcommands {
			if sub.Usage == command.Usage {
				for _, name := range sub.Names() {
					long = append(long, c.Name+" "+name)
				}
			}
		}
	}
	return append(long, short...)
}

// printCommands writes the commands under their category's heading, in the
// order in which the categories first appear. The common ones keep their order,
// the others are sorted.
func printCommands(w io.Writer, commands []*cli.Command) {
	var order []string
	byCategory := map[string][]*cli.Command{}
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		if _, seen := byCategory[c.Category]; !seen {
			order = append(order, c.Category)
		}
		byCategory[c.Category] = append(byCategory[c.Category], c)
	}
	for _, category := range order {
		heading, list := category, byCategory[category]
		if heading == "" {
			heading = "Commands"
		}
		if heading != common {
			slices.SortFunc(list, func(a, b *cli.Command) int { return strings.Compare(a.Name, b.Name) })
		}
		fmt.Fprintf(w, "\n%s:\n", heading)
		for _, c := range list {
			fmt.Fprintf(w, "  %-11s %s\n", c.Name, c.Usage)
		}
	}
}

// printFlags writes the flags as pflag, docker's parser, does: as wide as the
// terminal, 80 columns without one.
func printFlags(env *Env, heading string, flags []cli.Flag) {
	width := 80
	if fd, is := terminal(env.Out); is {
		if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
			width = columns
		}
	}
	if usages := argv.FlagSet(flags).FlagUsagesWrapped(width - 1); usages != "" {
		fmt.Fprintf(env.Out, "\n%s:\n%s", heading, usages)
	}
}

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

// summary is what a command's own page says of it: more, for some, than the list
// of commands.
func summary(command *cli.Command) string {
	if command.Description != "" {
		return command.Description
	}
	return command.Usage
}

func helpCommand(env *Env) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "Help about the command",
		ArgsUsage: "[command]",
		Hidden:    true,
		Action: func(c *cli.Context) error {
			app := *c.App // with the flags that are on the line
			app.Flags = (&globals{}).flags(env)
			return help(env, &app, c.Args().Slice())
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

// printHelp writes docker's --help page for a command to standard output, in
// one go: a reader that has seen enough is no error.
func printHelp(env *Env, app *cli.App, line argv.Line) error {
	page := &strings.Builder{}
	words := strings.Join(append([]string{env.Program}, line.Path...), " ")
	more := fmt.Sprintf("\nRun '%s COMMAND --help' for more information on a command.\n", words)
	if line.Command == nil {
		fmt.Fprintf(page, "Usage:  %s [OPTIONS] COMMAND\n\n%s\n", words, app.Usage)
		printCommands(page, app.Commands)
		printFlags(page, "Global Options", app.Flags, columns(env.Out))
		page.WriteString(more)
	} else {
		fmt.Fprintf(page, "Usage:  %s\n\n%s\n", usageLine(words, line.Command), summary(line.Command))
		if spellings := aliases(app, line.Command); len(spellings) > 1 {
			fmt.Fprintf(page, "\nAliases:\n  %s\n", env.Program+" "+strings.Join(spellings, ", "+env.Program+" "))
		}
		if len(line.Command.Subcommands) > 0 {
			printCommands(page, line.Command.Subcommands)
			page.WriteString(more)
		}
		printFlags(page, "Options", line.Command.Flags, columns(env.Out))
	}
	_, err := io.WriteString(env.Out, page.String())
	return err
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
		if heading != commonCommands {
			slices.SortFunc(list, func(a, b *cli.Command) int { return strings.Compare(a.Name, b.Name) })
		}
		fmt.Fprintf(w, "\n%s:\n", heading)
		for _, c := range list {
			fmt.Fprintf(w, "  %-11s %s\n", c.Name, c.Usage)
		}
	}
}

// printFlags writes the flags as pflag, docker's parser, does.
func printFlags(w io.Writer, heading string, flags []cli.Flag, width int) {
	if usages := argv.FlagSet(flags).FlagUsagesWrapped(width - 1); usages != "" {
		fmt.Fprintf(w, "\n%s:\n%s", heading, usages)
	}
}

// columns is the width of a terminal, 80 of anything else.
func columns(out io.Writer) int {
	if fd, is := terminal(out); is {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// Package argv turns a command line in docker's grammar into one that
// urfave/cli parses to the same meaning: docker's own parser (pflag) reads it,
// and every flag is written out again as --name=value before a "--".
//
// Source: https://docs.docker.com/reference/cli/docker/ and pflag's package
// documentation, "Command line flag syntax".
package argv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/urfave/cli/v2"
)

// Line is a command line that docker's grammar allows.
type Line struct {
	Command *cli.Command // nil: the program itself
	Path    []string     // the command's words: ["network", "create"]
	Args    []string     // what urfave parses to the same meaning
	Help    bool         // --help was among the flags
	// App runs Args: it is the one that was asked, but knows no flags besides
	// those in Args. urfave looks for every flag of a command among all of them,
	// with a regular expression each time: 3 ms for the hundred of docker run.
	App *cli.App
}

// UsageError is a command line that docker's grammar does not allow, in
// docker's words.
type UsageError struct {
	Message string
	// Value tells that a flag's value, not the grammar, is at fault.
	Value bool
}

func (e *UsageError) Error() string { return e.Message }

// UnknownCommand is a command word that nothing answers to.
type UnknownCommand struct {
	Path  []string       // the words before it, then the word: ["container", "foo"]
	Among []*cli.Command // what could have been meant
}

func (e *UnknownCommand) Error() string {
	return "unknown command: " + strings.Join(e.Path, " ")
}

// Normalize reads args (without the program's name) by docker's grammar. stops
// tells which commands take no flags after their first argument (docker run
// IMAGE -it belongs to the command). With a *UsageError or an *UnknownCommand
// it still returns the command as far as it was read.
func Normalize(app *cli.App, args []string, stops func(path []string) bool) (Line, error) {
	copied := *app
	line := Line{App: &copied}
	flags, rest, err := line.parse(app.Flags, args, true)
	if err != nil {
		return line, err
	}
	line.Args, line.App.Flags = flags.args, flags.given
	below := &line.App.Commands
	for len(*below) > 0 && len(rest) > 0 {
		at := slices.IndexFunc(*below, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if at < 0 {
			return line, &UnknownCommand{Path: append(line.Path, rest[0]), Among: *below}
		}
		next := (*below)[at]
		line.Command, line.Path = next, append(line.Path, rest[0])
		flags, left, err := line.parse(next.Flags, rest[1:], len(next.Subcommands) > 0 || stops(line.Path))
		if err != nil {
			return line, err
		}
		line.Args = append(append(line.Args, next.Name), flags.args...)
		copied := *next
		copied.Flags = flags.given
		*below = slices.Clone(*below)
		(*below)[at] = &copied
		below, rest = &copied.Subcommands, left
	}
	line.Args = append(append(line.Args, "--"), rest...)
	return line, nil
}

// Find returns the command of that name or alias, nil if there is none.
func Find(commands []*cli.Command, word string) *cli.Command {
	for _, c := range commands {
		if c.HasName(word) {
			return c
		}
	}
	return nil
}

// parse reads the flags at the front of args (or, when they may be mixed, all
// of them) and returns them in urfave's form, and the arguments left over.
func (l *Line) parse(flags []cli.Flag, args []string, stopAtFirst bool) (*record, []string, error) {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.Usage = func() {}
	set.SetInterspersed(!stopAtFirst)
	found := &record{}
	for _, f := range flags {
		add(set, f, found)
	}
	l.addHelp(set)
	if err := set.Parse(args); err != nil {
		return nil, nil, &UsageError{Message: err.Error(), Value: found.refused}
	}
	return found, set.Args(), nil
}

// record is what was found of flags.
type record struct {
	args    []string   // in urfave's form
	given   []cli.Flag // the flags in args, each once
	refused bool       // a value was no value for its flag
}

// add makes pflag know one of urfave's flags. Names of one letter are
// shorthands; a second long name is a flag of its own with the same target.
func add(set *pflag.FlagSet, f cli.Flag, found *record) {
	names := f.Names()
	value := &recorder{flag: f, name: names[0], found: found}
	value.isBool = value.Type() == "bool"
	short := ""
	for _, name := range names {
		if len(name) == 1 {
			short = name
		}
	}
	for _, name := range names {
		if len(name) == 1 {
			continue
		}
		added := set.VarPF(value, name, short, documented(f))
		added.Hidden = short == "" && name != names[0] || !visible(f)
		if value.isBool {
			added.NoOptDefVal = "true"
		}
		short = ""
	}
}

// addHelp adds --help everywhere, and -h where the command has no -h of its
// own: docker calls that deprecated and still honours it.
func (l *Line) addHelp(set *pflag.FlagSet) {
	if set.Lookup("help") != nil {
		return
	}
	short := "h"
	if set.ShorthandLookup(short) != nil {
		short = ""
	}
	set.BoolVarP(&l.Help, "help", short, l.Help, "")
}

// recorder is a pflag.Value that writes what it is given to an argument list,
// after refusing what the flag's own type would refuse. A generic flag is set
// on the spot: it has its own parser, and its error is the one to show.
type recorder struct {
	flag   cli.Flag
	name   string
	isBool bool
	found  *record
}

func (r *recorder) Set(value string) error {
	if err := r.accept(value); err != nil {
		r.found.refused = true
		return err
	}
	return nil
}

func (r *recorder) accept(value string) error {
	if generic, ok := r.flag.(*cli.GenericFlag); ok {
		return set(generic.Value, value) // once: urfave must not see it again
	}
	if err := r.check(value); err != nil {
		return err
	}
	r.found.args = append(r.found.args, "--"+r.name+"="+value)
	if !slices.Contains(r.found.given, r.flag) {
		r.found.given = append(r.found.given, r.flag)
	}
	return nil
}

// String is the flag's default, as --help shows it.
func (r *recorder) String() string {
	switch f := r.flag.(type) {
	case *cli.BoolFlag:
		return strconv.FormatBool(f.Value)
	case *cli.IntFlag:
		return strconv.Itoa(f.Value)
	case *cli.StringFlag:
		return f.Value
	}
	return ""
}

// Type is the word for the value in --help.
func (r *recorder) Type() string {
	switch f := r.flag.(type) {
	case *cli.BoolFlag:
		return "bool"
	case *cli.IntFlag:
		return "int"
	case *cli.GenericFlag:
		if named, ok := f.Value.(pflag.Value); ok {
			return named.Type()
		}
	}
	return "string"
}

func documented(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		return d.GetUsage()
	}
	return ""
}

func visible(f cli.Flag) bool {
	v, ok := f.(cli.VisibleFlag)
	return !ok || v.IsVisible()
}

// check parses value as pflag would, because pflag's errors are docker's and
// urfave's are not.
func (r *recorder) check(value string) error {
	if _, ok := r.flag.(*cli.BoolFlag); ok {
		_, err := strconv.ParseBool(value)
		return err
	}
	if _, ok := r.flag.(*cli.IntFlag); ok {
		_, err := strconv.ParseInt(value, 0, strconv.IntSize)
		return err
	}
	return nil
}

// set tries value on a generic flag. A parser that panics on hostile input is
// an error of the input here, not of the program.
func set(target cli.Generic, value string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("invalid value: %v", r)
		}
	}()
	return target.Set(value)
}

// FlagSet returns the flags as pflag's, with their help texts, the names of
// their types and their defaults, for printing them as docker does.
func FlagSet(flags []cli.Flag) *pflag.FlagSet {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, f := range flags {
		add(set, f, &record{})
	}
	return set
}

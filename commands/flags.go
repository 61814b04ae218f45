package commands

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/urfave/cli/v2"
)

// The constructors below make one flag a line. Each takes where the value
// goes, the long name, the one-letter name ("" for none) and docker's help
// text. What dst holds before is the default.

func names(short string) []string {
	if short == "" {
		return nil
	}
	return []string{short}
}

func boolean(dst *bool, name, short, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: names(short), Usage: usage, Value: *dst, Destination: dst}
}

func str(dst *string, name, short, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Aliases: names(short), Usage: usage, Value: *dst, Destination: dst}
}

func integer(dst *int, name, short, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Aliases: names(short), Usage: usage, Value: *dst, Destination: dst}
}

// list collects every use of the flag, in order and unsplit.
func list(dst *[]string, name, short, usage string) cli.Flag {
	return value((*stringList)(dst), name, short, usage)
}

// value is a flag with a parser of its own; docker/cli's opts are such.
func value(v typed, name, short, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: names(short), Usage: usage, Value: v}
}

// filters is docker's --filter.
func filters(dst *opts.FilterOpt, usage string) cli.Flag {
	*dst = opts.NewFilterOpt()
	return value(dst, "filter", "f", usage)
}

// hidden keeps a flag out of --help.
func hidden(f cli.Flag) cli.Flag {
	switch f := f.(type) {
	case *cli.BoolFlag:
		f.Hidden = true
	case *cli.StringFlag:
		f.Hidden = true
	case *cli.IntFlag:
		f.Hidden = true
	case *cli.GenericFlag:
		f.Hidden = true
	}
	return f
}

// typed is pflag's Value: Type is the word that --help shows for it.
type typed interface {
	Set(value string) error
	String() string
	Type() string
}

type stringList []string

func (l *stringList) Set(value string) error { *l = append(*l, value); return nil }
func (l *stringList) String() string         { return strings.Join(*l, ", ") }
func (l *stringList) Type() string           { return "list" }

// optional is a string flag that knows whether it was given: --entrypoint ""
// and no --entrypoint differ.
type optional struct {
	value string
	given bool
}

func (o *optional) Set(value string) error { o.value, o.given = value, true; return nil }
func (o *optional) String() string         { return o.value }
func (o *optional) Type() string           { return "string" }

// optionalInt is a whole number that knows whether it was given.
type optionalInt struct {
	value int64
	given bool
}

func (o *optionalInt) Set(value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return err
	}
	o.value, o.given = n, true
	return nil
}
func (o *optionalInt) String() string { return "" }
func (o *optionalInt) Type() string   { return "int" }

// hintedList is a list that --help shows as pflag's.
type hintedList []string

func (l *hintedList) Set(value string) error { *l = append(*l, value); return nil }
func (l *hintedList) String() string         { return strings.Join(*l, ",") }
func (l *hintedList) Type() string           { return "strings" }

// commaList collects values that may also come several in one, with commas
// between.
type commaList []string

func (l *commaList) Set(value string) error {
	*l = append(*l, strings.Split(value, ",")...)
	return nil
}
func (l *commaList) String() string { return strings.Join(*l, ",") }
func (l *commaList) Type() string   { return "strings" }

// refused is a flag of docker's that cannot be honoured: it is not in --help,
// and any value but the harmless ones is answered with the reason.
func refused(kind, name, reason string, harmless ...string) cli.Flag {
	return hidden(value(&refusal{kind, reason, harmless}, name, "", reason))
}

// refusal is the value of a flag that is read to be refused.
type refusal struct {
	kind, reason string
	harmless     []string
}

func (r *refusal) Set(value string) error {
	if slices.Contains(r.harmless, value) {
		return nil
	}
	return errors.New(r.reason)
}
func (r *refusal) String() string { return "" }
func (r *refusal) Type() string   { return r.kind }

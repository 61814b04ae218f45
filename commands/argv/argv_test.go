package argv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"dockless/commands/argv"

	"github.com/spf13/pflag"
	"github.com/urfave/cli/v2"
)

// parsed is what a command line came to: the command's words, its arguments,
// and the flags' values by their long names.
type parsed struct {
	command string
	args    []string
	flags   map[string]string
}

// flag describes one flag for both parsers.
type flag struct {
	name, short, kind, preset string
}

// The grammar under test: a piece of docker's.
var (
	globals = []flag{{"debug", "D", "bool", ""}, {"host", "H", "list", ""}, {"config", "", "string", ""}}
	runs    = []flag{
		{"detach", "d", "bool", ""},
		{"interactive", "i", "bool", ""},
		{"tty", "t", "bool", ""},
		{"rm", "", "bool", ""},
		{"env", "e", "list", ""},
		{"publish", "p", "list", ""},
		{"volume", "v", "list", ""},
		{"hostname", "h", "string", ""},
		{"name", "", "string", ""},
		{"user", "u", "string", ""},
		{"entrypoint", "", "string", ""},
		{"memory-swappiness", "", "int", "-1"},
		{"sig-proxy", "", "bool", "true"},
	}
	removals = []flag{{"force", "f", "bool", ""}, {"volumes", "v", "bool", ""}}
	builds   = []flag{{"tag", "t", "list", ""}, {"file", "f", "string", ""}, {"no-cache", "", "bool", ""}}
	listings = []flag{{"all", "a", "bool", ""}, {"filter", "f", "list", ""}, {"last", "n", "int", "-1"}, {"format", "", "string", ""}}
	logging  = []flag{{"tail", "n", "string", "all"}, {"follow", "f", "bool", ""}}
	makings  = []flag{{"subnet", "", "list", ""}, {"internal", "", "bool", ""}}

	grammar = []struct {
		path  string
		flags []flag
	}{
		{"run", runs},
		{"exec", runs},
		{"rm", removals},
		{"build", builds},
		{"ps", listings},
		{"logs", logging},
		{"container", nil},
		{"container run", runs},
		{"container ls", listings},
		{"network", nil},
		{"network create", makings},
	}
)

func stops(path []string) bool {
	return path[len(path)-1] == "run" || path[len(path)-1] == "exec"
}

// list is docker's repeatable flag.
type list []string

func (l *list) Set(s string) error { *l = append(*l, s); return nil }
func (l *list) String() string     { return fmt.Sprintf("%q", []string(*l)) }
func (l *list) Type() string       { return "list" }

// app builds the grammar for urfave; what runs is written to got.
func app(got *parsed) *cli.App {
	a := &cli.App{
		Name: "docker", HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Writer: io.Discard, ErrWriter: io.Discard, ExitErrHandler: func(*cli.Context, error) {},
	}
	read := map[string]func() string{}
	a.Flags = urfaveFlags(globals, read)
	for _, g := range grammar {
		words := strings.Fields(g.path)
		c := &cli.Command{Name: words[len(words)-1], HideHelp: true}
		if c.Name == "ls" {
			c.Aliases = []string{"list", "ps"}
		}
		if g.flags != nil {
			mine := map[string]func() string{}
			c.Flags = urfaveFlags(g.flags, mine)
			c.Action = func(ctx *cli.Context) error {
				*got = parsed{command: g.path, args: ctx.Args().Slice(), flags: map[string]string{}}
				for _, values := range []map[string]func() string{read, mine} {
					for name, value := range values {
						got.flags[name] = value()
					}
				}
				return nil
			}
		}
		if len(words) == 2 {
			parent := argv.Find(a.Commands, words[0])
			parent.Subcommands = append(parent.Subcommands, c)
		} else {
			a.Commands = append(a.Commands, c)
		}
	}
	return a
}

func urfaveFlags(flags []flag, read map[string]func() string) (out []cli.Flag) {
	for _, f := range flags {
		var aliases []string
		if f.short != "" {
			aliases = []string{f.short}
		}
		switch f.kind {
		case "bool":
			v := f.preset == "true"
			out = append(out, &cli.BoolFlag{Name: f.name, Aliases: aliases, Value: v, Destination: &v})
			read[f.name] = func() string { return fmt.Sprint(v) }
		case "int":
			v := -1
			out = append(out, &cli.IntFlag{Name: f.name, Aliases: aliases, Value: v, Destination: &v})
			read[f.name] = func() string { return fmt.Sprint(v) }
		case "string":
			v := f.preset
			out = append(out, &cli.StringFlag{Name: f.name, Aliases: aliases, Value: v, Destination: &v})
			read[f.name] = func() string { return v }
		case "list":
			v := &list{}
			out = append(out, &cli.GenericFlag{Name: f.name, Aliases: aliases, Value: v})
			read[f.name] = v.String
		}
	}
	return out
}

// viaUrfave normalises the line and lets urfave run it.
func viaUrfave(args []string) (got parsed, help bool, err error) {
	a := app(&got)
	line, err := argv.Normalize(a, args, stops)
	if err != nil || line.Help || line.Command == nil || len(line.Command.Subcommands) > 0 {
		return parsed{command: strings.Join(line.Path, " ")}, line.Help, err
	}
	if err := line.App.RunContext(context.Background(), append([]string{"docker"}, line.Args...)); err != nil {
		return got, false, fmt.Errorf("urfave refused %q, normalised from %q: %w", line.Args, args, err)
	}
	return got, false, nil
}

// viaPflag reads the line with docker's parser alone, level by level.
func viaPflag(args []string) (parsed, error) {
	got := parsed{flags: map[string]string{}}
	level := func(flags []flag, stop bool) error {
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		set.Usage = func() {}
		set.SetInterspersed(!stop)
		for _, f := range flags {
			switch f.kind {
			case "bool":
				set.BoolP(f.name, f.short, f.preset == "true", "")
			case "int":
				set.IntP(f.name, f.short, -1, "")
			case "string":
				set.StringP(f.name, f.short, f.preset, "")
			case "list":
				set.VarP(&list{}, f.name, f.short, "")
			}
		}
		set.BoolP("help", map[bool]string{false: "h"}[set.ShorthandLookup("h") != nil], false, "")
		if err := set.Parse(args); err != nil {
			return err
		}
		args = set.Args()
		for _, f := range flags {
			got.flags[f.name] = set.Lookup(f.name).Value.String()
		}
		return nil
	}
	if err := level(globals, true); err != nil {
		return got, err
	}
	for len(args) > 0 {
		word := args[0]
		if got.command == "container" && (word == "list" || word == "ps") {
			word = "ls"
		}
		path := strings.TrimSpace(got.command + " " + word)
		at := -1
		for i, g := range grammar {
			if g.path == path {
				at = i
			}
		}
		if at < 0 {
			return got, errors.New("unknown command")
		}
		got.command, args = path, args[1:]
		leaf := grammar[at].flags != nil
		if err := level(grammar[at].flags, !leaf || stops([]string{word})); err != nil {
			return got, err
		}
		if leaf {
			break
		}
	}
	got.args = args
	return got, nil
}

func TestNormalize(t *testing.T) {
	for _, test := range []struct {
		line string // fields; ␣ is an empty one
		args string
		want string // name=value, those that differ from their presets
	}{
		{"run -itd busybox", "busybox", "detach=true; interactive=true; tty=true"},
		{"run -dp 80:80 busybox", "busybox", `detach=true; publish=["80:80"]`},
		{"run -p80:80 busybox", "busybox", `publish=["80:80"]`},
		{"run -p=80:80 busybox", "busybox", `publish=["80:80"]`},
		{"run -itu0 busybox", "busybox", "interactive=true; tty=true; user=0"},
		{"run -h host busybox", "busybox", "hostname=host"},
		{"run --name=x busybox", "busybox", "name=x"},
		{"run --name x busybox", "busybox", "name=x"},
		{"run -e A -e B=1,2 -eC=3 busybox", "busybox", `env=["A" "B=1,2" "C=3"]`},
		{"run -it=true busybox", "busybox", "interactive=true; tty=true"},
		{"run -i -t=false busybox", "busybox", "interactive=true"},
		{"run --rm=0 busybox", "busybox", ""},
		{"run --sig-proxy=false busybox", "busybox", "sig-proxy=false"},
		{"run busybox -it", "busybox -it", ""},
		{"run busybox ls -l --all", "busybox ls -l --all", ""},
		{"run -i busybox -- sh", "busybox -- sh", "interactive=true"},
		{"run -i -- busybox -t", "busybox -t", "interactive=true"},
		{"run --entrypoint ␣ busybox", "busybox", ""},
		{"run --entrypoint= busybox", "busybox", ""},
		{"run -e ␣ busybox", "busybox", `env=[""]`},
		{"run -u ␣ busybox ␣ x", "busybox ␣ x", ""},
		{"run --memory-swappiness -1 busybox", "busybox", ""},
		{"run --memory-swappiness=-5 busybox", "busybox", "memory-swappiness=-5"},
		{"run --memory-swappiness 0x10 busybox", "busybox", "memory-swappiness=16"},
		{"run --name a --name b busybox", "busybox", "name=b"},
		{"run --name --rm busybox", "busybox", "name=--rm"},
		{"run -v /a:/b -v /c busybox", "busybox", `volume=["/a:/b" "/c"]`},
		{"run help", "help", ""},
		{"run run", "run", ""},
		{"run busybox - x", "busybox - x", ""},
		{"exec -it c sh -c exit", "c sh -c exit", "interactive=true; tty=true"},
		{"exec c -- ls", "c -- ls", ""},
		{"rm c -f", "c", "force=true"},
		{"rm a -v b --force c", "a b c", "force=true; volumes=true"},
		{"rm -- -f", "-f", ""},
		{"build . -t x", ".", `tag=["x"]`},
		{"build -t x . --no-cache", ".", `no-cache=true; tag=["x"]`},
		{"build - -f Other", "-", "file=Other"},
		{"ps -af name=x", "", `all=true; filter=["name=x"]`},
		{"ps -n 3", "", "last=3"},
		{"ps -n3 -a", "", "all=true; last=3"},
		{"ps --format {{.ID}}", "", "format={{.ID}}"},
		{"logs c -n 5 -f", "c", "follow=true; tail=5"},
		{"logs -fn5 c", "c", "follow=true; tail=5"},
		{"-D run -i x", "x", "debug=true; interactive=true"},
		{"-H a --host=b ps", "", `host=["a" "b"]`},
		{"--config /x ps -a", "", "all=true; config=/x"},
		{"container run -it x", "x", "interactive=true; tty=true"},
		{"container list -a", "", "all=true"},
		{"network create x --internal --subnet 10.0.0.0/8", "x", `internal=true; subnet=["10.0.0.0/8"]`},
		{"run -name x y", "", "error"},
		{"run --nosuch y", "", "error"},
		{"run -z y", "", "error"},
		{"run --name", "", "error"},
		{"run -p", "", "error"},
		{"run --rm=maybe y", "", "error"},
		{"ps -n x", "", "error"},
		{"ps -D", "", "error"},
		{"container --all ls", "", "error"},
		{"nosuch", "", "error"},
		{"container nosuch", "", "error"},
	} {
		got, help, err := viaUrfave(fields(test.line))
		if test.want == "error" {
			var usage *argv.UsageError
			var unknown *argv.UnknownCommand
			if !errors.As(err, &usage) && !errors.As(err, &unknown) {
				t.Errorf("%s: want a usage error, got %v", test.line, err)
			}
			continue
		}
		if err != nil || help {
			t.Errorf("%s: help %v, error %v", test.line, help, err)
			continue
		}
		if args := strings.Join(got.args, " "); args != strings.Join(fields(test.args), " ") {
			t.Errorf("%s: arguments %q, want %q", test.line, got.args, test.args)
		}
		if changed := got.changed(); changed != test.want {
			t.Errorf("%s: %s, want %s", test.line, changed, test.want)
		}
	}
}

// fields splits a line at spaces; ␣ stands for an empty argument.
func fields(line string) []string {
	words := strings.Fields(line)
	for i, word := range words {
		if word == "␣" {
			words[i] = ""
		}
	}
	return words
}

// changed lists the flags that have not their presets.
func (p parsed) changed() string {
	presets := map[string]string{"bool": "false", "int": "-1", "string": "", "list": "[]"}
	var out []string
	for _, g := range grammar {
		if g.path != p.command {
			continue
		}
		for _, f := range append(slices.Clone(globals), g.flags...) {
			preset := f.preset
			if preset == "" {
				preset = presets[f.kind]
			}
			if p.flags[f.name] != preset {
				out = append(out, f.name+"="+p.flags[f.name])
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func TestNormalizeHelp(t *testing.T) {
	for line, command := range map[string]string{
		"--help":                "",
		"-h":                    "",
		"--help ps":             "ps",
		"ps --help":             "ps",
		"ps -a --help extra":    "ps",
		"ps -h":                 "ps",
		"rm c --help":           "rm",
		"run --help x":          "run",
		"container --help":      "container",
		"container ls --help":   "container ls",
		"network create --help": "network create",
	} {
		if got, help, err := viaUrfave(fields(line)); !help || err != nil || got.command != command {
			t.Errorf("%s: help %v for %q, error %v", line, help, got.command, err)
		}
	}
	for _, line := range []string{"run x --help", "exec c --help", "rm -- --help", "run -h host x", "ps --help=false"} {
		if _, help, err := viaUrfave(fields(line)); help || err != nil {
			t.Errorf("%s: help %v, error %v", line, help, err)
		}
	}
}

// FuzzNormalize holds Normalize to its promise: it does not panic, and what it
// accepts urfave parses to what pflag, docker's parser, alone makes of it.
func FuzzNormalize(f *testing.F) {
	for _, line := range []string{
		"run -itd --name web -p 8080:80 -v /srv:/srv:ro nginx nginx -g daemon",
		"run --rm -i busybox sh -c exit", "run -e A=1 -e B -u0 --entrypoint  busybox", "run -h host -- img -it",
		"exec -it web sh", "exec c -- ls", "rm -f a b", "rm c -f", "build . -t x --no-cache", "ps -aq -f status=exited --format {{.ID}}",
		"ps -n -1", "ps -n=5", "logs -f --tail=10 web", "container ls -a", "container run x ps", "network create --subnet 10.0.0.0/8 n --internal",
		"-D -H unix:///x ps", "--config=/x --help ps", "run -it=true x", "run --rm=f x", "-- ps -a", "ps --", "run --=x y", "run -= y", "rm - --- -f",
		"run --name=a=b x", "run --name\x00 x", "ps --all --all=false", "help ps", "run help", "rm --generate-bash-completion",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		got, help, err := viaUrfave(args)
		var usage *argv.UsageError
		var unknown *argv.UnknownCommand
		if errors.As(err, &usage) || errors.As(err, &unknown) || help {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.flags == nil {
			return // a group, or nothing: there is no command to run
		}
		want, err := viaPflag(args)
		if err != nil {
			t.Fatalf("pflag refuses %q: %v", args, err)
		}
		if got.command != want.command || !slices.Equal(got.args, want.args) || !maps.Equal(got.flags, want.flags) {
			t.Fatalf("%q\n got %+v\nwant %+v", args, got, want)
		}
	})
}

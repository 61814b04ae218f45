// Package commands holds docker's command line: one command, one file.
package commands

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"dockless/bindings/store"
	"dockless/commands/argv"

	"github.com/urfave/cli/v2"
)

// version is what `dockless --version` prints; the linker sets it.
var version = "dev"

// Main runs one command line, argv[0] included, and returns the exit code.
func Main(ctx context.Context, args []string, in, out, err *os.File) int {
	env := &Env{In: in, Out: out, Err: err, Program: "dockless"}
	if len(args) > 0 && store.CalledAs(args[0]) == "docker" {
		env.Program = "docker"
	}
	patience := 1 // the third Ctrl-C forces the end, as in docker
	if store.Entered() {
		patience = 3 // each comes from the terminal and from the first process
		store.IgnoreHangup()
	}
	ctx, stop := untilSignal(ctx, patience, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return report(ctx, env, run(ctx, env, args[min(1, len(args)):]))
}

func run(ctx context.Context, env *Env, args []string) error {
	app := newApp(env, commandsFor(env, args))
	line, err := argv.Normalize(app, args, stopsAtFirstArgument)
	if err == nil && (line.Help || line.Command != nil && len(line.Command.Subcommands) > 0) {
		return printHelp(env, newApp(env, everyCommand(env)), line)
	}
	if err == nil {
		err = line.App.RunContext(ctx, append([]string{env.Program}, line.Args...))
	}
	return explain(env, app, line, err)
}

// stopsAtFirstArgument tells the commands whose first argument ends the flags;
// docker/cli calls SetInterspersed(false) on the same ones.
func stopsAtFirstArgument(path []string) bool {
	switch path[len(path)-1] {
	case "run", "create":
		return len(path) == 1 || path[0] == "container"
	case "exec", "top", "commit", "tag":
		return true
	}
	return false
}

// newApp is the program with some or all of its commands.
func newApp(env *Env, commands []*cli.Command) *cli.App {
	global := &globals{}
	return &cli.App{
		Name:                      env.Program,
		Usage:                     "Docker's command line, without root and without a daemon",
		Commands:                  commands,
		Flags:                     global.flags(env),
		Before:                    func(*cli.Context) error { return global.apply(env) },
		HideHelp:                  true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		Writer:                    env.Out,
		ErrWriter:                 env.Err,
		ExitErrHandler:            func(*cli.Context, error) {}, // urfave would exit by itself
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return err },
		CommandNotFound:           func(*cli.Context, string) {},
		Action: func(*cli.Context) error {
			if global.version {
				return printVersion(env)
			}
			return printHelp(env, newApp(env, everyCommand(env)), argv.Line{})
		},
	}
}

// arguments makes an action out of a function on the arguments, after counting
// them as docker does: at least least, at most most (-1: any number).
func arguments(least, most int, do func(ctx context.Context, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args := c.Args().Slice()
		if err := count(len(args), least, most); err != nil {
			return err
		}
		return do(c.Context, args)
	}
}

// miscount is a command with too many or too few arguments, in docker's words.
type miscount string

func (m miscount) Error() string { return string(m) }

func count(n, least, most int) error {
	noun := func(n int) string {
		if n == 1 {
			return strconv.Itoa(n) + " argument"
		}
		return strconv.Itoa(n) + " arguments"
	}
	switch {
	case n >= least && (n <= most || most < 0):
		return nil
	case most == 0:
		return miscount("accepts no arguments")
	case least == most:
		return miscount("requires " + noun(least))
	case most < 0:
		return miscount("requires at least " + noun(least))
	case least > 0:
		return miscount(fmt.Sprintf("requires at least %d and at most %s", least, noun(most)))
	default:
		return miscount("requires at most " + noun(most))
	}
}

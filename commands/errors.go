package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"dockless/commands/argv"

	"github.com/spf13/pflag"
	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// Docker's exit codes, https://docs.docker.com/reference/cli/docker/container/run/#exit-status
const (
	exitError      = 1   // a command of ours did not do what it was asked
	exitUsage      = 125 // a command line that does not parse; run, create and exec: any error of ours
	exitNotRunable = 126 // the container's command cannot be executed
	exitNotFound   = 127 // the container's command is not there
)

// exit ends the program with a code. Its error may be nil: then the code is all
// there is to say (a container's own exit code).
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// ours marks an error of run, create or exec that is not the command's own.
func ours(err error) error {
	var known *exit
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &exit{code: exitUsage, err: err}
}

// usage is a command line that docker refuses after parsing it.
func usage(format string, a ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, a...)}
}

// each does the same to every argument, as docker does for a list of names:
// what succeeds is printed as it was typed, what fails goes to stderr, and any
// failure makes the exit code 1.
func each(env *Env, args []string, do func(name string) error) error {
	var failed bool
	for _, arg := range args {
		if err := do(arg); err != nil {
			complain(env.Err, env.Program, err)
			failed = failed || !isSkipped(err)
			continue
		}
		fmt.Fprintln(env.Out, arg)
	}
	if failed {
		return &exit{code: exitError}
	}
	return nil
}

// skipped is an error about one argument that is said and does not count: rm -f
// of what is not there.
type skipped struct{ error }

func isSkipped(err error) bool {
	var s *skipped
	return errors.As(err, &s)
}

// complain prints an error as one line.
func complain(w io.Writer, program string, err error) {
	fmt.Fprintf(w, "%s: %s\n", program, oneLine(err.Error()))
}

func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return printable(strings.Join(lines, "; "))
}

// printable writes what would control a terminal as Go does in a string. Files,
// and Dockerfiles, of strangers may hold any name.
func printable(s string) string {
	controls := func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' || r == utf8.RuneError
	}
	if !strings.ContainsFunc(s, controls) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case size == 1 && r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r != utf8.RuneError && controls(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// report prints what went wrong and returns the program's exit code: the one
// place that maps errors to codes.
func report(ctx context.Context, env *Env, err error) int {
	if err == nil {
		return 0
	}
	var known *exit
	if errors.As(err, &known) {
		if known.err != nil {
			complain(env.Err, env.Program, known.err)
		}
		return known.code
	}
	if signal := caught(ctx); signal != 0 {
		return 128 + signal
	}
	var i interrupted
	if errors.As(err, &i) {
		return 128 + i.number()
	}
	complain(env.Err, env.Program, err)
	return exitError
}

// explain prints docker's words for a command line that is not one, with the
// usage line and the way to the help, and returns the exit code for it. Other
// errors pass through.
func explain(env *Env, app *cli.App, line argv.Line, err error) error {
	words := strings.Join(append([]string{env.Program}, line.Path...), " ")
	var (
		grammar *argv.UsageError
		missing *argv.UnknownCommand
		wrong   miscount
	)
	switch {
	case errors.As(err, &grammar) && grammar.Value:
		return &exit{code: exitUsage, err: err}
	case errors.As(err, &grammar):
		flags := app.Flags
		if line.Command != nil {
			flags = line.Command.Flags
		}
		fmt.Fprintf(env.Err, "%s\n", oneLine(grammar.Message))
		suggestFlag(env, grammar.Message, flags)
		fmt.Fprintf(env.Err, "\nUsage:  %s\n\nRun '%s --help' for more information\n", usageLine(words, line.Command), words)
		return &exit{code: exitUsage}
	case errors.As(err, &missing):
		unknown := strings.Join(append([]string{env.Program}, missing.Path...), " ")
		if instead := buildxAbsent[missing.Path[len(missing.Path)-1]]; instead != "" && slices.Contains([]string{"buildx", "builder", "bake"}, missing.Path[0]) {
			return fmt.Errorf("unknown command: %s: %s", unknown, instead)
		}
		fmt.Fprintf(env.Err, "%s: unknown command: %s\n", env.Program, unknown)
		suggestCommand(env, words, missing)
		if line.Command != nil {
			fmt.Fprintf(env.Err, "\nUsage:  %s\n", usageLine(words, line.Command))
		}
		fmt.Fprintf(env.Err, "\nRun '%s --help' for more information\n", words)
		return &exit{code: exitError}
	case errors.As(err, &wrong):
		fmt.Fprintf(env.Err, "%s: '%s' %s\n", env.Program, words, wrong)
		fmt.Fprintf(env.Err, "\nUsage:  %s\n\nRun '%s --help' for more information\n", usageLine(words, line.Command), words)
		return &exit{code: exitError}
	}
	return err
}

// suggestCommand names the commands that look like the unknown one.
func suggestCommand(env *Env, words string, e *argv.UnknownCommand) {
	var candidates []string
	for _, c := range e.Among {
		if !c.Hidden {
			candidates = append(candidates, c.Name)
		}
	}
	suggest(env, words+" ", e.Path[len(e.Path)-1], candidates)
}

// suggestFlag names the flags that look like the unknown one in pflag's message.
func suggestFlag(env *Env, message string, flags []cli.Flag) {
	typed, found := strings.CutPrefix(message, "unknown flag: --")
	if !found {
		return
	}
	var candidates []string
	argv.FlagSet(flags).VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			candidates = append(candidates, f.Name)
		}
	})
	suggest(env, "--", typed, candidates)
}

// suggest prints the candidates that begin like what was typed, or are at most
// two letters off: cobra's measure, but never more than half of what was typed.
func suggest(env *Env, prefix, typed string, candidates []string) {
	typed = strings.ToLower(typed)
	var near []string
	for _, candidate := range candidates {
		if typed != "" && strings.HasPrefix(candidate, typed) ||
			smetrics.WagnerFischer(typed, candidate, 1, 1, 1) <= min(2, len(typed)/2) {
			near = append(near, "\t"+prefix+candidate)
		}
	}
	if len(near) > 0 {
		fmt.Fprintf(env.Err, "\nDid you mean this?\n%s\n", strings.Join(near, "\n"))
	}
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return i.signal.String() }

func (i interrupted) number() int {
	if number, ok := i.signal.(syscall.Signal); ok {
		return int(number)
	}
	return 0
}

// untilSignal returns a context that ends when one of the signals arrives, and
// remembers which. After that so many more as patience says change nothing, and
// the next has its default effect. With nohup a hangup is none of them.
func untilSignal(ctx context.Context, patience int, signals ...os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals = slices.DeleteFunc(signals, func(s os.Signal) bool { return s == syscall.SIGHUP && signal.Ignored(s) })
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, signals...)
	go func() {
		defer signal.Stop(arrived)
		select {
		case s := <-arrived:
			cancel(interrupted{s})
		case <-ctx.Done():
			return
		}
		for range patience {
			<-arrived
		}
	}()
	return ctx, func() { cancel(nil) }
}

// caught returns the number of the signal that ended ctx, 0 for none.
func caught(ctx context.Context) int {
	var i interrupted
	if !errors.As(context.Cause(ctx), &i) {
		return 0
	}
	return i.number()
}

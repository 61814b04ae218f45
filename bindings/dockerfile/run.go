package dockerfile

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// pipes is where RUN finds a heredoc that is a script.
const pipes = "/dev/pipes/"

// run is RUN. from has the source of each of its mounts.
func (b *building) run(i *instructions.RunCommand, from []*node) error {
	run := &Run{
		Env:  b.values.list(),
		Dir:  b.dir(),
		User: b.image.Config.User,
		Host: cmp.Or(b.given["BUILDKIT_SANDBOX_HOSTNAME"], "buildkitsandbox"),
	}
	run.Proxy = proxy(b.given)
	if len(instructions.GetDevices(i)) > 0 {
		return errors.New("--device is not supported: RUN has no devices; leave the flag out, or start a container with the device and commit it")
	}
	shown, err := b.commandOf(i, run)
	if err != nil {
		return err
	}
	if len(run.Args) == 0 {
		return errors.New("arguments are required")
	}
	run.Process = strings.Join(run.Args, " ")
	if network := instructions.GetNetwork(i); network != instructions.NetworkDefault {
		run.Network = network
	}
	for n, mount := range instructions.GetMounts(i) {
		m, err := b.mount(mount, from[n])
		if err != nil {
			return err
		}
		run.Mounts = append(run.Mounts, m)
	}
	nameSockets(run)
	lex := *b.words.Lex
	lex.RawQuotes, lex.SkipUnsetEnv = true, true
	name := b.title(b.shown(shown, &lexer{&lex, b.words.left}, b.masked(run.Mounts)))
	b.addStep(name, i.Location(), &Step{Run: run}, b.runEntry(run.Args))
	return nil
}

// commandOf finds the command line of RUN, and what is shown of the instruction.
func (b *building) commandOf(i *instructions.RunCommand, run *Run) (shown string, err error) {
	shown, run.Args = i.String(), i.CmdLine
	if len(i.Files) > 0 {
		if len(i.CmdLine) != 1 || !i.PrependShell {
			return "", fmt.Errorf("parsing produced an invalid run command: %v", i.CmdLine)
		}
		first := i.Files[0]
		if parser.MustParseHeredoc(i.CmdLine[0]) != nil { // there is nothing but the heredoc
			data := first.Data
			if first.Chomp {
				data = parser.ChompHeredocContent(data)
			}
			run.Args = []string{data}
			if strings.HasPrefix(first.Data, "#!") {
				run.Args = []string{path.Join(pipes, first.Name)}
				run.Scripts = []Script{{Path: run.Args[0], Data: []byte(data), Mode: 0o755}}
			}
			shown += fmt.Sprintf(" (%s)", summary(first.Data))
		} else {
			var line strings.Builder
			line.WriteString(i.CmdLine[0])
			for _, file := range i.Files {
				line.WriteString("\n" + file.Data + file.Name)
			}
			run.Args = []string{line.String()}
		}
	}
	if i.PrependShell {
		run.Args = b.withShell(run.Args)
	}
	return shown, nil
}

// summary is a heredoc's first line.
func summary(data string) string {
	first, _, more := strings.Cut(strings.TrimSpace(data), "\n")
	if first = strings.TrimSuffix(first, "\r"); more {
		first += "..."
	}
	return first
}

// dir is where relative paths begin.
func (b *building) dir() string {
	return path.Join("/", b.image.Config.WorkingDir)
}

// masked are the values of variables for a step's name, which must not tell a
// secret.
func (b *building) masked(mounts []Mount) shell.EnvGetter {
	values := b.values
	for _, m := range mounts {
		if m.Env == "" {
			continue
		}
		if values == b.values {
			values = b.values.clone()
		}
		values.set(m.Env, "****")
	}
	return values
}

package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/go-connections/nat"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// useShells puts CMD and ENTRYPOINT into the exec form where SHELL says another
// shell than buildah would take.
func (d *Dockerfile) useShells(text [][]byte) {
	shells := map[int][]string{}
	for i, stage := range d.stages {
		if base, is := d.stage(stage.BaseName, i); is && d.others[stage.BaseName] == "" {
			shells[i] = shells[base]
		}
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.ShellCommand:
				shells[i] = c.Shell
			case *instructions.CmdCommand:
				useShell(text, c.Location(), "CMD ", shells[i], c.ShellDependantCmdLine)
			case *instructions.EntrypointCommand:
				useShell(text, c.Location(), "ENTRYPOINT ", shells[i], c.ShellDependantCmdLine)
			}
		}
	}
}

func useShell(text [][]byte, at []parser.Range, name string, shell []string, line instructions.ShellDependantCmdLine) {
	if len(shell) == 0 || !line.PrependShell || len(line.Files) > 0 {
		return
	}
	var words bytes.Buffer
	out := json.NewEncoder(&words)
	out.SetEscapeHTML(false)
	if out.Encode(append(append([]string(nil), shell...), strings.Join(line.CmdLine, " "))) != nil {
		return // strings are always encoded
	}
	replaceLines(text, at, name+words.String())
}

// quoteScripts keeps buildah from putting values for the variables of a RUN's
// heredoc, which are the shell's own.
func (d *Dockerfile) quoteScripts(text [][]byte) {
	for _, stage := range d.stages {
		for _, command := range stage.Commands {
			c, is := command.(*instructions.RunCommand)
			if !is || len(c.Files) != 1 || len(c.CmdLine) == 0 || !strings.HasPrefix(c.CmdLine[0], "<<") {
				continue
			}
			name := c.Files[0].Name
			first, last := span(c.Location())
			for n := first; n <= last && n <= len(text); n++ {
				before, after, found := bytes.Cut(text[n-1], []byte(name))
				if found && (bytes.HasSuffix(before, []byte("<<")) || bytes.HasSuffix(before, []byte("<<-"))) {
					text[n-1] = slices.Concat(before, []byte("'"+name+"'"), after)
					break
				}
			}
		}
	}
}

// expandPorts writes each port of a range for itself, as docker notes them.
func (d *Dockerfile) expandPorts(text [][]byte) {
	for _, stage := range d.stages {
		for _, command := range stage.Commands {
			c, is := command.(*instructions.ExposeCommand)
			if !is || !strings.Contains(strings.Join(c.Ports, ""), "-") || strings.Contains(strings.Join(c.Ports, ""), "$") {
				continue
			}
			ports, _, err := nat.ParsePortSpecs(c.Ports)
			if err != nil {
				continue // checkPorts has said so
			}
			line := "EXPOSE"
			for _, port := range slices.Sorted(maps.Keys(ports)) {
				line += " " + string(port)
			}
			replaceLines(text, c.Location(), line+"\n")
		}
	}
}

// checkPorts finds ports that are none, as far as no variable is in them.
func (d *Dockerfile) checkPorts() error {
	for _, stage := range d.stages {
		for _, command := range stage.Commands {
			c, is := command.(*instructions.ExposeCommand)
			if !is || strings.Contains(strings.Join(c.Ports, ""), "$") {
				continue
			}
			if _, _, err := nat.ParsePortSpecs(c.Ports); err != nil {
				words := err.Error()
				return d.atLine(c.Location(), fmt.Errorf("%s%s", strings.ToLower(words[:1]), words[1:]))
			}
		}
	}
	return nil
}

// replaceLines puts a line in the place of an instruction, so that all that
// follows stays in its line.
func replaceLines(text [][]byte, at []parser.Range, line string) {
	first, last := span(at)
	for n := first; n <= last && n <= len(text); n++ {
		text[n-1] = []byte(line)
		line = "\n"
	}
}

package dockerfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// step does what an instruction says, as far as that is no work.
func (b *building) step(c *command) error {
	b.trigger = c.trigger
	if err := b.expand(c.Command); err != nil {
		return err
	}
	switch i := c.Command.(type) {
	case *instructions.ArgCommand:
		return b.arg(i)
	case *instructions.RunCommand:
		return b.run(i, c.from)
	case *instructions.WorkdirCommand:
		return b.workdir(i)
	case *instructions.CopyCommand:
		from := Source{Context: Main}
		if len(c.from) > 0 {
			var err error
			if from, err = b.filesOf(c.from[0]); err != nil {
				return fmt.Errorf("cannot copy from stage %q, it needs to be defined before current stage %q", i.From, b.name)
			}
		}
		return b.copy(i, from)
	case *instructions.AddCommand:
		return b.add(i)
	}
	b.checkCommand(c.Command)
	entry, err := b.apply(c.Command, b.values, b.words)
	if err != nil {
		return err
	}
	switch i := c.Command.(type) {
	case *instructions.EnvCommand:
		for _, pair := range i.Env {
			b.values.set(pair.Key, pair.Value)
		}
	case *instructions.CmdCommand:
		b.image.Config.ArgsEscaped = true //nolint:staticcheck // BuildKit says so in each image with a CMD
	case *instructions.OnbuildCommand:
		return nil // which has no entry
	}
	b.record(entry, false)
	return nil
}

// filesOf is what --from and from= stand for.
func (b *building) filesOf(n *node) (Source, error) {
	switch {
	case n.outside, n.replaced && n.source.Context != "":
		return n.source, nil
	case n.built == nil || n.built == b:
		return Source{}, fmt.Errorf("stage %q is not defined yet", n.name)
	}
	return Source{Stage: n.built.stage}, nil
}

// expand puts values for the variables of an instruction.
func (b *building) expand(command instructions.Command) error {
	if _, is := command.(*instructions.ArgCommand); is {
		return nil // a value may not count
	}
	with := func(words *lexer) instructions.SingleWordExpander {
		return func(word string) (string, error) {
			expanded, unknown, err := words.ProcessWord(word, b.values)
			b.checkVariables(command, unknown)
			return expanded, err
		}
	}
	if i, is := command.(instructions.SupportsSingleWordExpansion); is {
		if err := i.Expand(with(b.words)); err != nil {
			return err
		}
	}
	if i, is := command.(instructions.SupportsSingleWordExpansionRaw); is {
		raw := lexer{shell.NewLex('\\'), b.words.left}
		raw.SkipProcessQuotes = true
		return i.ExpandRaw(with(&raw))
	}
	return nil
}

// arg is ARG.
func (b *building) arg(i *instructions.ArgCommand) error {
	entry := "ARG"
	for _, arg := range i.Args {
		b.checkSecret("ARG", arg.Key, i.Location())
		if value, found := b.given[arg.Key]; found {
			arg.Value = &value
		} else if arg.Value == nil {
			if value, found := b.globals.Get(arg.Key); found {
				arg.Value = &value
			}
		} else {
			value, unknown, err := b.words.ProcessWord(*arg.Value, b.values)
			b.checkVariables(i, unknown)
			if err != nil {
				return err
			}
			arg.Value = &value
		}
		entry += " " + arg.Key
		if arg.Value != nil {
			entry += "=" + *arg.Value
			b.values.set(arg.Key, *arg.Value)
		}
		b.args = append(b.args, arg)
	}
	b.record(entry, false)
	return nil
}

// workdir is WORKDIR.
func (b *building) workdir(i *instructions.WorkdirCommand) error {
	b.checkWorkdir(i)
	b.entered = true
	if err := b.enter(i.Path); err != nil {
		return err
	}
	entry := "WORKDIR " + b.image.Config.WorkingDir
	if b.image.Config.WorkingDir == "/" {
		b.record(entry, false)
		return nil
	}
	step := &Step{Workdir: &Workdir{Path: b.dir(), User: b.image.Config.User}}
	b.addStep(b.title(b.shown(i.String(), b.words, b.values)), i.Location(), step, entry)
	return nil
}

// shown is an instruction with the values of its variables, as far as it can be.
func (b *building) shown(text string, words *lexer, values shell.EnvGetter) string {
	if expanded, _, err := words.ProcessWord(text, values); err == nil {
		text = expanded
	}
	keyword, rest, found := strings.Cut(text, " ")
	if found {
		rest = " " + rest
	}
	return strings.ToUpper(keyword) + rest
}

// title is an instruction as BuildKit shows it, which is the stage's next.
func (b *building) title(text string) string {
	if b.total == 0 {
		return text
	}
	b.number++
	where := ""
	if b.options.Several {
		where = between(b.node.platform, b.graph.platform) + " "
	}
	if b.name != "" {
		where += b.name + " "
	}
	if b.trigger {
		text = "ONBUILD " + text
	}
	return fmt.Sprintf("[%s%*d/%d] %s", where, len(strconv.Itoa(b.total)), b.number, b.total, text)
}

// between says on which platform a stage is built, and for which:
// linux/amd64->arm64.
func between(on, target imagespec.Platform) string {
	shown, to := platforms.Format(on), platforms.Format(target)
	if shown == to {
		return shown
	}
	if on.OS == target.OS {
		to = strings.TrimPrefix(to, target.OS+"/")
	}
	return shown + "->" + to
}

func (b *building) addStep(name string, at []parser.Range, step *Step, entry string) {
	step.Name, step.At, step.History = name, at, len(b.image.History)
	step.NoCache = step.Workdir == nil && b.uncached()
	b.stage.Steps = append(b.stage.Steps, step)
	b.record(entry, true)
}

// uncached is what --no-cache and --no-cache-filter say of the stage.
func (b *building) uncached() bool {
	return b.options.NoCache || slices.ContainsFunc(b.options.NoCacheStages, func(name string) bool {
		return strings.EqualFold(name, b.Name)
	})
}

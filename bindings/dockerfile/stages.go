package dockerfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/util/suggest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// scratch is the base of a stage that begins with no files.
const scratch = "scratch"

// graph has the stages of a Dockerfile, and what each needs.
type graph struct {
	file     *File
	options  Options
	given    map[string]string // values of ARG
	words    *lexer
	lint     *linter.Linter
	globals  *environment // the ARGs before the first FROM
	declared []string     // their names
	platform imagespec.Platform
	contexts map[string]string // build contexts, by the name that an image would have
	nodes    []*node           // in the order of the file; what is no stage comes after them
	named    map[string]*node
	target   *node
}

// node is a stage, or an image or a build context that only files are taken of.
type node struct {
	instructions.Stage
	name     string // as steps show it
	base     *node  // another stage
	source   Source // the base otherwise
	from     string // how the base is shown; "": as FROM
	outside  bool   // it is no stage
	replaced bool   // a build context of its name takes its place
	platform imagespec.Platform
	own      bool // platform, by a flag
	commands []*command
	triggers bool // of the base are among commands
	total    int  // of the steps
	number   int  // of the last step that has a name
	built    *building
}

// command is an instruction with the nodes that it takes files from.
type command struct {
	instructions.Command
	from    []*node // of COPY, or of each mount of RUN
	trigger bool    // it is the base's
}

// graph reads the stages, and finds what each is made of.
func (f *File) graph(o Options, lint *linter.Linter) (*graph, error) {
	if o.Platform.OS == "" {
		o.Platform = o.Host
	}
	g := &graph{
		file: f, options: o, given: o.given(), lint: lint,
		words:    newLexer(f.tree.EscapeToken),
		platform: platforms.Normalize(o.Platform),
		contexts: map[string]string{},
		named:    map[string]*node{},
	}
	for name := range o.Contexts {
		g.contexts[contextName(name)] = name
	}
	g.checkContinuations()
	stages, declared, err := instructions.Parse(f.tree.AST, lint)
	if err != nil {
		return nil, f.located(err)
	}
	g.checkStages(stages)
	if err := g.declare(stages, declared); err != nil {
		return nil, err
	}
	for i := range stages {
		if err := g.add(stages[i], i); err != nil {
			return nil, f.At(stages[i].Location, err)
		}
	}
	if err := g.findTarget(); err != nil {
		return nil, err
	}
	for _, n := range g.nodes[:len(stages)] {
		for _, c := range n.Commands {
			if err := g.need(n, &command{Command: c}); err != nil {
				return nil, f.At(c.Location(), err)
			}
		}
	}
	if err := g.checkCircles(); err != nil {
		return nil, err
	}
	if len(g.nodes) == 1 {
		g.nodes[0].name = ""
	}
	return g, nil
}

func (g *graph) declare(stages []instructions.Stage, declared []instructions.ArgCommand) error {
	stage := g.options.Target
	if stage == "" {
		stage = stages[len(stages)-1].Name
	}
	if stage == "" {
		stage = "default"
	}
	g.globals = predefined(platforms.Normalize(g.options.Host), g.platform, stage, g.given)
	g.checkDefaults(stages, declared)
	for _, command := range declared {
		for _, arg := range command.Args {
			g.declared = append(g.declared, arg.Key)
		}
	}
	if at, err := declare(g.globals, declared, g.given, g.words); err != nil {
		return g.file.At(at.Location(), err)
	}
	return nil
}

func (g *graph) findTarget() error {
	g.target = g.nodes[len(g.nodes)-1]
	name := g.options.Target
	if name == "" {
		return nil
	}
	var found bool
	if g.target, found = g.named[strings.ToLower(name)]; !found {
		var names []string
		for _, n := range g.nodes {
			names = append(names, n.name)
		}
		return suggest.WrapError(fmt.Errorf("target stage %q could not be found", name), name, names, true)
	}
	return nil
}

// need adds an instruction to a node, and finds the nodes that it takes files
// from.
func (g *graph) need(n *node, c *command) error {
	var err error
	switch i := c.Command.(type) {
	case *instructions.CopyCommand:
		if i.From != "" {
			c.from, err = g.copied(i)
		}
	case *instructions.RunCommand:
		for _, mount := range instructions.GetMounts(i) {
			other, found := g.named[strings.ToLower(mount.From)]
			if !found {
				name := mount.From
				if name == "" {
					name = scratch
				}
				if other, err = g.addOutside(name, i.Location()); err != nil {
					return err
				}
			}
			c.from = append(c.from, other)
		}
	}
	n.commands = append(n.commands, c)
	return err
}

// copied finds what --from says: a stage by its name or number, a build context
// or an image.
func (g *graph) copied(i *instructions.CopyCommand) ([]*node, error) {
	expanded, _, err := g.words.ProcessWord(i.From, newEnvironment(nil))
	if err != nil {
		return nil, err
	}
	if expanded != i.From {
		return nil, errors.New("variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround")
	}
	if index, err := strconv.Atoi(i.From); err == nil {
		if index < 0 || index >= len(g.nodes) || g.nodes[index].outside {
			return nil, fmt.Errorf("invalid stage index %d", index)
		}
		return g.nodes[index : index+1], nil
	}
	other, found := g.named[strings.ToLower(i.From)]
	if !found {
		other, err = g.addOutside(i.From, i.Location())
	}
	return []*node{other}, err
}

package dockerfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/util/suggest"
)

// Images are the images that are needed to build the target, bases and those
// that files are taken from, each once. bases has the configuration of those
// that are known already, by Source.Key: triggers of ONBUILD may need more, so
// that Images is to be asked again until it has none that is not known.
func (f *File) Images(o Options, bases map[string]Image) ([]Source, error) {
	g, err := f.graph(o, nil)
	if err != nil {
		return nil, err
	}
	if err := g.trigger(bases); err != nil {
		return nil, err
	}
	needed := g.needed()
	var images []Source
	for _, n := range g.nodes {
		if n.source.Image != "" && needed[n] && !slices.ContainsFunc(images, func(s Source) bool { return s.Key() == n.source.Key() }) {
			images = append(images, n.source)
		}
	}
	return images, nil
}

// Naming completes an error about one of Images: with the name as it is typed,
// where the file has it first, and with one that may be meant.
func (f *File) Naming(image Source, err error) error {
	names := []string{"alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"}
	stages, _, parseErr := instructions.Parse(f.tree.AST, nil)
	for _, stage := range stages {
		if parseErr == nil && stage.Name != "" {
			names = append(names, stage.Name)
		}
	}
	err = fmt.Errorf("%s: %w", image.typed, err)
	return f.At(image.at, suggest.WrapError(err, image.typed, names, true))
}

// needed are the target and all that it is made of.
func (g *graph) needed() map[*node]bool {
	needed := map[*node]bool{}
	var need func(*node)
	need = func(n *node) {
		for ; n != nil && !needed[n]; n = n.base {
			needed[n] = true
			for _, c := range n.commands {
				if n.replaced {
					break
				}
				for _, other := range c.from {
					need(other)
				}
			}
		}
	}
	need(g.target)
	if g.options.AllStages {
		for _, n := range g.nodes {
			need(n)
		}
	}
	return needed
}

// trigger puts the triggers of ONBUILD, of the needed bases that are known,
// before the stages' own instructions.
func (g *graph) trigger(bases map[string]Image) error {
	for more := true; more; {
		more = false
		needed := g.needed()
		for _, n := range slices.Clone(g.nodes) {
			if !needed[n] || n.triggers || n.outside || n.replaced {
				continue
			}
			base, known := bases[n.source.Key()]
			if n.triggers = known || n.source.Image == ""; !n.triggers {
				continue
			}
			lines := base.Config.OnBuild
			if n.base != nil {
				lines = n.base.onbuild()
			}
			count := len(g.nodes)
			if err := g.addTriggers(n, lines); err != nil {
				return g.file.At(n.Location, err)
			}
			more = more || len(lines) > 0 || len(g.nodes) > count
		}
	}
	return nil
}

// onbuild are the triggers that a stage has for those that are built on it.
func (n *node) onbuild() (lines []string) {
	for _, c := range n.commands {
		if i, is := c.Command.(*instructions.OnbuildCommand); is && !c.trigger {
			lines = append(lines, i.Expression)
		}
	}
	return lines
}

func (g *graph) addTriggers(n *node, lines []string) error {
	own := n.commands
	n.commands = nil
	for _, line := range lines {
		tree, err := parser.Parse(strings.NewReader(line))
		if err != nil {
			return unplaced(err)
		}
		if len(tree.AST.Children) != 1 {
			return errors.New("onbuild trigger should be a single expression")
		}
		child := tree.AST.Children[0]
		child.StartLine, child.EndLine = span(n.Location)
		i, err := instructions.ParseCommand(child)
		if err != nil {
			return unplaced(err)
		}
		if err := g.need(n, &command{Command: i, trigger: true}); err != nil {
			return err
		}
	}
	n.total += len(lines)
	n.commands = append(n.commands, own...)
	return nil
}

// unplaced takes the line of a trigger out of an error, which is not one of the
// file.
func unplaced(err error) error {
	var at *parser.LocationError
	if errors.As(err, &at) {
		return at.Unwrap()
	}
	return err
}

// checkCircles finds stages that take files from each other in a circle.
func (g *graph) checkCircles() error {
	seen, path := map[*node]bool{}, map[*node]bool{}
	var visit func(*node) *command
	visit = func(n *node) *command {
		if seen[n] {
			return nil
		}
		seen[n], path[n] = true, true
		defer delete(path, n)
		for _, c := range n.commands {
			for _, other := range c.from {
				if path[other] {
					return c
				}
				if found := visit(other); found != nil {
					return found
				}
			}
		}
		return nil
	}
	for _, n := range g.nodes {
		if c := visit(n); c != nil {
			return g.file.At(c.Location(), fmt.Errorf("circular dependency detected on stage: %s", n.name))
		}
	}
	return nil
}

package dockerfile

import (
	"cmp"
	"path"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Target is a stage, as one that can be built.
type Target struct {
	Name, Description, Base, Platform string // as written
	Default                           bool   // it is built if nobody names another
	At                                []parser.Range
}

// Targets are the stages, in the order of the file. A comment before FROM that
// begins with the stage's name is its description.
func (f *File) Targets() ([]Target, error) {
	stages, _, err := instructions.Parse(f.tree.AST, nil)
	if err != nil {
		return nil, f.located(err)
	}
	var targets []Target
	for i, stage := range stages {
		targets = append(targets, Target{
			Name: stage.Name, Description: stage.Comment, Base: stage.BaseName, Platform: stage.Platform,
			Default: i == len(stages)-1, At: stage.Location,
		})
	}
	return targets, nil
}

// Outline is what can be said to the build of a target.
type Outline struct {
	Name, Description  string
	Args, Secrets, SSH []Parameter // each in the order of the file
}

// Parameter is an argument, a secret or an agent that a target asks for.
type Parameter struct {
	Name, Description string
	Value             string // of an argument
	Required          bool   // of a secret or an agent
	At                []parser.Range
}

// Outline finds what the target, and all that it is made of, asks for.
func (f *File) Outline(o Options) (*Outline, error) {
	g, err := f.graph(o, nil)
	if err != nil {
		return nil, err
	}
	out := &outline{Outline: Outline{Name: g.target.Stage.Name, Description: g.target.Comment}, graph: g, values: map[*node]*environment{}}
	needed := g.needed()
	used := map[string]bool{} // of the ARGs before the first FROM
	stages, declared, err := instructions.Parse(f.tree.AST, nil)
	if err != nil {
		return nil, f.located(err)
	}
	for i, stage := range stages { // as written; the graph has values in their places
		if !needed[g.nodes[i]] {
			continue
		}
		for _, word := range []string{stage.BaseName, stage.Platform} {
			result, err := g.words.ProcessWordWithMatches(word, g.globals)
			if err != nil {
				return nil, f.At(stage.Location, err)
			}
			for name := range result.Matched {
				used[name] = true
			}
		}
		if err := out.stage(g.nodes[i], used); err != nil {
			return nil, err
		}
	}
	for _, command := range declared {
		for _, arg := range command.Args {
			if value, _ := g.globals.Get(arg.Key); used[arg.Key] {
				out.Args = once(out.Args, Parameter{Name: arg.Key, Description: arg.Comment, Value: value, At: command.Location()})
			}
		}
	}
	for _, list := range [][]Parameter{out.Args, out.Secrets, out.SSH} {
		slices.SortStableFunc(list, func(a, b Parameter) int { return cmp.Compare(a.At[0].Start.Line, b.At[0].Start.Line) })
	}
	return &out.Outline, nil
}

// outline is one on the way.
type outline struct {
	Outline
	graph  *graph
	values map[*node]*environment // at the end of a stage
}

func (o *outline) stage(n *node, used map[string]bool) error {
	values := newEnvironment(nil)
	if base := o.values[n.base]; base != nil {
		values = base.clone()
	}
	o.values[n] = values
	for _, c := range n.commands {
		switch command := c.Command.(type) {
		case *instructions.ArgCommand:
			for _, arg := range command.Args {
				value, global, err := o.value(arg, values, used)
				if err != nil {
					return o.graph.file.At(command.Location(), err)
				}
				values.set(arg.Key, value)
				if global {
					continue
				}
				o.Args = slices.DeleteFunc(o.Args, func(p Parameter) bool { return p.Name == arg.Key })
				o.Args = append(o.Args, Parameter{Name: arg.Key, Description: arg.Comment, Value: value, At: command.Location()})
			}
		case *instructions.EnvCommand:
			for _, pair := range command.Env {
				value, _, err := o.graph.words.ProcessWord(pair.Value, values)
				if err != nil {
					return o.graph.file.At(command.Location(), err)
				}
				values.set(pair.Key, value)
			}
		case *instructions.RunCommand:
			err := command.Expand(func(word string) (string, error) {
				expanded, _, err := o.graph.words.ProcessWord(word, values)
				return expanded, err
			})
			if err != nil {
				return o.graph.file.At(command.Location(), err)
			}
			for _, mount := range instructions.GetMounts(command) {
				p := Parameter{Name: mount.CacheID, Required: mount.Required, At: command.Location()}
				switch mount.Type {
				case instructions.MountTypeSecret:
					if p.Name == "" {
						p.Name = path.Base(cmp.Or(mount.Target, mount.Source))
					}
					o.Secrets = once(o.Secrets, p)
				case instructions.MountTypeSSH:
					p.Name = cmp.Or(p.Name, "default")
					o.SSH = once(o.SSH, p)
				}
			}
		}
	}
	return nil
}

// value is what an argument has without others being given; of a global one only
// the ARG before the first FROM is listed.
func (o *outline) value(arg instructions.KeyValuePairOptional, values *environment, used map[string]bool) (value string, global bool, err error) {
	if given, found := o.graph.given[arg.Key]; found {
		return given, false, nil
	}
	if arg.Value == nil {
		value, global = o.graph.globals.Get(arg.Key)
		if global && slices.Contains(o.graph.declared, arg.Key) {
			used[arg.Key] = true
		}
		return value, global, nil
	}
	value, _, err = o.graph.words.ProcessWord(*arg.Value, values)
	return value, false, err
}

// once adds a parameter whose name is new.
func once(list []Parameter, p Parameter) []Parameter {
	if slices.ContainsFunc(list, func(other Parameter) bool { return other.Name == p.Name }) {
		return list
	}
	return append(list, p)
}

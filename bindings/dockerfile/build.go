package dockerfile

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan says what is to be done. bases has the configuration of each image of
// Images, by Source.Key. Errors are as Parse has them; with one, the plan has
// nothing but warnings.
func (f *File) Plan(o Options, bases map[string]Image) (plan *Plan, err error) {
	plan = &Plan{}
	lint, err := f.linter(o, plan)
	if err == nil {
		plan.Stages, err = f.stages(o, bases, lint)
	}
	if err == nil {
		err = violations(lint)
	}
	if err != nil {
		plan.Stages = nil
	}
	return plan, err
}

// stages are those of a plan.
func (f *File) stages(o Options, bases map[string]Image, lint *linter.Linter) (stages []*Stage, err error) {
	g, err := f.graph(o, lint)
	if err != nil {
		return nil, err
	}
	at, fixed, err := epoch(g.given)
	if err != nil {
		return nil, err
	}
	if fixed {
		g.options.Created = at
	}
	if err := g.trigger(bases); err != nil {
		return nil, err
	}
	needed := g.needed()
	based := map[*node]bool{g.target: true}
	for n := range needed {
		based[n.base] = true
	}
	for _, n := range g.nodes {
		if !needed[n] {
			continue
		}
		base, err := g.base(n, bases)
		if err != nil {
			return nil, f.At(n.Location, err)
		}
		if n.outside || n.source.Context != "" && n.replaced && !based[n] {
			continue
		}
		stage, err := g.build(n, base)
		if err != nil {
			return nil, err
		}
		stage.dated = fixed
		if stage.Base.Image != "" && slices.ContainsFunc(stages, func(s *Stage) bool { return s.From != "" && s.Base.Key() == stage.Base.Key() }) {
			stage.From = "" // which is shown once
		}
		stages = append(stages, stage)
	}
	g.target.built.finish(g.options)
	return stages, nil
}

// base is the configuration that a node begins with that is built on no stage.
func (g *graph) base(n *node, bases map[string]Image) (Image, error) {
	switch {
	case n.base != nil:
		return Image{}, nil
	case n.source.Image != "":
		image, known := bases[n.source.Key()]
		if !known {
			return Image{}, fmt.Errorf("%s: the image's configuration is not known", n.source.Image)
		}
		g.checkBase(n, image)
		return image.normalized(), nil
	}
	return empty(g.platform), nil
}

// building is a stage while its instructions are gone through.
type building struct {
	*graph
	*node
	*configuration
	stage   *Stage
	values  *environment // ENV and ARG
	args    []instructions.KeyValuePairOptional
	last    map[string][]parser.Range // where instructions are that only count once
	trigger bool                      // the instruction is one of ONBUILD
	entered bool                      // there was a WORKDIR
}

func (g *graph) build(n *node, base Image) (*Stage, error) {
	b := &building{graph: g, node: n, stage: &Stage{Name: n.Name, At: n.Location, Base: n.source}, last: map[string][]parser.Range{}}
	n.built = b
	if b.stage.Name == "" {
		b.stage.Name = "stage-" + strconv.Itoa(slices.Index(g.nodes, n))
	}
	if n.base != nil {
		parent := n.base.built
		n.platform = n.base.platform
		base = parent.stage.Image
		base.Config.OnBuild = nil
		b.stage.Base = Source{Stage: parent.stage}
		b.stage.inherited = parent.stage.inherited
		b.values, b.args, b.entered = parent.values.clone(), slices.Clone(parent.args), parent.entered
	} else {
		b.stage.inherited = len(base.History)
		b.values = newEnvironment(nil)
	}
	if len(n.commands) > 0 && n.commands[0].trigger {
		base.Config.OnBuild = nil
	}
	b.configuration = configure(base)
	b.stage.Platform = n.platform
	if err := b.begin(base); err != nil {
		return nil, g.file.At(n.Location, err)
	}
	if n.source.Context != "" {
		b.fill()
	}
	for _, c := range n.commands {
		if n.replaced {
			break
		}
		if err := b.step(c); err != nil {
			return nil, g.file.At(c.Location(), err)
		}
	}
	b.stage.Image = b.result()
	return b.stage, nil
}

// fill begins a stage with the files of a build context.
func (b *building) fill() {
	step := &Step{
		Name:    fmt.Sprintf("[context %s] load from client", b.source.Context),
		At:      b.Location,
		History: len(b.image.History),
		Copy:    &Copy{From: b.source, Items: []Item{{Path: "."}}, Dest: "/"},
	}
	b.stage.Base, b.stage.Steps = Source{}, append(b.stage.Steps, step)
	b.image.History = append(b.image.History, imagespec.History{Created: b.created(), Comment: exporterComment})
}

// begin takes over what the base says.
func (b *building) begin(base Image) error {
	if b.source.Image != "" && (b.from != "" || len(base.RootFS.DiffIDs) > 0) {
		b.stage.From = b.from
		if b.from == "" {
			b.stage.From = b.title("FROM " + b.source.Image)
		}
	}
	if _, set := b.env.Get("PATH"); !set {
		b.env.set("PATH", searchPath)
	}
	for _, name := range b.env.names {
		value, _ := b.env.Get(name)
		b.values.set(name, value)
	}
	if dir := base.Config.WorkingDir; dir != "" {
		return b.enter(dir)
	}
	return nil
}

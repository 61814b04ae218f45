package dockerfile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/util/suggest"
)

// add makes a node of a stage.
func (g *graph) add(stage instructions.Stage, index int) error {
	n := &node{Stage: stage, name: stage.Name, platform: g.platform}
	name, err := g.words.ProcessWordWithMatches(stage.BaseName, g.globals)
	g.checkFrom(name, stage)
	if err != nil {
		return err
	}
	if name.Result == "" {
		return fmt.Errorf("base name (%s) should not be blank", stage.BaseName)
	}
	n.BaseName = name.Result
	if stage.Platform != "" {
		if err := g.setPlatform(n); err != nil {
			return err
		}
	}
	n.base = g.named[n.BaseName]
	if _, replaced := g.contexts[stage.Name]; replaced && stage.Name != "" {
		n.replaced, n.base = true, nil
	}
	if n.name == "" {
		n.name = "stage-" + strconv.Itoa(index)
	} else {
		g.named[n.name] = n
	}
	g.nodes = append(g.nodes, n)
	if n.base == nil && (n.replaced || n.BaseName != scratch) {
		n.total++
	}
	for _, c := range n.Commands {
		switch c.(type) {
		case *instructions.AddCommand, *instructions.CopyCommand, *instructions.RunCommand, *instructions.WorkdirCommand:
			n.total++
		}
	}
	return g.begin(n)
}

func (g *graph) setPlatform(n *node) error {
	typed := n.Stage.Platform
	platform, err := g.words.ProcessWordWithMatches(typed, g.globals)
	g.checkFrom(platform, n.Stage)
	g.checkPlatform(platform, n.Stage)
	if err != nil {
		return fmt.Errorf("failed to process arguments for platform %s: %w", platform.Result, err) //nolint:revive // Docker's words
	}
	if platform.Result == "" {
		return g.suggest(fmt.Errorf("empty platform value from expression %s", typed), platform)
	}
	if n.platform, err = platforms.Parse(platform.Result); err != nil {
		return fmt.Errorf("failed to parse platform %s: %w", typed, g.suggest(err, platform)) //nolint:revive // Docker's words
	}
	n.own = true
	return nil
}

// suggest adds the name of an argument that is like one that there is not.
func (g *graph) suggest(err error, word shell.ProcessWordResult) error {
	for name := range word.Unmatched {
		if found, better := suggest.WrapErrorMaybe(err, name, g.globals.Keys(), true); found {
			return better
		}
	}
	return err
}

// begin finds out what a node begins with that is built on no stage.
func (g *graph) begin(n *node) error {
	if n.base != nil || n.BaseName == scratch && !n.replaced {
		return nil
	}
	name := n.BaseName
	if n.replaced {
		name = n.Stage.Name
	}
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return fmt.Errorf("failed to parse stage name %q: %w", name, err) //nolint:revive // Docker's words
	}
	n.source = Source{Image: reference.TagNameOnly(ref).String(), Platform: n.platform, typed: name, at: n.Location}
	context, is := g.contexts[contextName(name)]
	if !is || strings.EqualFold(name, Main) {
		return nil
	}
	image, is := strings.CutPrefix(g.options.Contexts[context], ImageContext)
	switch {
	case !is:
		n.source = Source{Context: context}
	case image == scratch:
		n.source = Source{}
	default:
		n.from = fmt.Sprintf("[context %s] %s", context, image)
		if ref, err = reference.ParseNormalizedNamed(image); err != nil {
			return fmt.Errorf("invalid build context %s: %w", context, err)
		}
		n.source.Image = reference.TagNameOnly(ref).String()
	}
	return nil
}

// addOutside makes a node of what is no stage.
func (g *graph) addOutside(name string, at []parser.Range) (*node, error) {
	n := &node{Stage: instructions.Stage{BaseName: name, Location: at}, outside: true, platform: g.platform}
	g.nodes = append(g.nodes, n)
	return n, g.begin(n)
}

// contextName is the name that a build context is found by.
func contextName(name string) string {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return strings.TrimSuffix(reference.FamiliarString(ref), ":latest")
}

package dockerfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/util/suggest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkDefaults looks whether the bases have names where the command line gives
// no ARG a value.
func (g *graph) checkDefaults(stages []instructions.Stage, declared []instructions.ArgCommand) {
	defaults := g.globals.clone()
	if _, err := declare(defaults, declared, nil, g.words); err != nil {
		return
	}
	for _, stage := range stages {
		name, _, err := g.words.ProcessWord(stage.BaseName, defaults)
		if err != nil {
			return
		}
		if _, err := reference.ParseNormalizedNamed(name); err != nil {
			g.lint.Run(&linter.RuleInvalidDefaultArgInFrom, stage.Location, linter.RuleInvalidDefaultArgInFrom.Format(stage.BaseName))
		}
	}
}

// checkFrom tells of variables in FROM that no ARG before it declares.
func (g *graph) checkFrom(word shell.ProcessWordResult, stage instructions.Stage) {
	known := slices.Concat(g.globals.Keys(), g.declared)
	for _, name := range sorted(word.Unmatched) {
		if slices.Contains(known, name) {
			continue
		}
		like, _ := suggest.Search(name, known, true)
		g.lint.Run(&linter.RuleUndefinedArgInFrom, stage.Location, linter.RuleUndefinedArgInFrom.Format(name, like))
	}
}

// checkPlatform looks at FROM --platform.
func (g *graph) checkPlatform(word shell.ProcessWordResult, stage instructions.Stage) {
	if len(word.Matched)+len(word.Unmatched) == 0 {
		platform, err := platforms.Parse(word.Result)
		if err != nil || strings.Contains(stage.Name, platform.OS) || strings.Contains(stage.Name, platform.Architecture) {
			return
		}
		rule := &linter.RuleFromPlatformFlagConstDisallowed
		g.lint.Run(rule, stage.Location, rule.Format(word.Result))
		return
	}
	const target = "TARGETPLATFORM"
	_, named := word.Matched[target]
	value, _ := g.globals.Get(target)
	if rule := &linter.RuleRedundantTargetPlatform; named && len(word.Matched) == 1 && len(word.Unmatched) == 0 && word.Result == value {
		g.lint.Run(rule, stage.Location, rule.Format(stage.Platform))
	}
}

// checkBase looks whether an image is for the platform that was asked for.
func (g *graph) checkBase(n *node, image Image) {
	want, is := n.source.Platform, image.Platform
	if want.OS == is.OS && want.Architecture == is.Architecture || n.source.Context != "" {
		return
	}
	format := func(p imagespec.Platform) string { return platforms.Format(platforms.Normalize(p)) }
	rule := &linter.RuleInvalidBaseImagePlatform
	g.lint.Run(rule, n.Location, rule.Format(n.BaseName, format(want), format(is)))
}

func sorted(names map[string]struct{}) []string { return slices.Sorted(maps.Keys(names)) }

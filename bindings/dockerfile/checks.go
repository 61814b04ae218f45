package dockerfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/util/suggest"
)

// linter puts what BuildKit's checks find into a plan's warnings, but for those
// that the file or BUILDKIT_DOCKERFILE_CHECK leaves out.
// Source: https://docs.docker.com/reference/dockerfile/#check
func (f *File) linter(o Options, plan *Plan) (*linter.Linter, error) {
	typed, given := o.Args["BUILDKIT_DOCKERFILE_CHECK"]
	at := []parser.Range(nil)
	if !given {
		typed, _, at, _ = parser.ParseDirective("check", f.text)
	}
	config, err := linter.ParseLintOptions(typed)
	if err != nil {
		return nil, f.At(at, fmt.Errorf("failed to parse check options: %w", err)) //nolint:revive // Docker's words
	}
	config.Warn = func(rule, detail, url, text string, at []parser.Range) {
		plan.Warnings = append(plan.Warnings, Warning{Rule: rule, Text: text, Detail: detail, URL: url, At: at})
	}
	return linter.New(config), nil
}

// violations is an error if a warning is to be one.
func violations(lint *linter.Linter) error {
	if !lint.ReturnAsError || len(lint.CalledRules) == 0 {
		return nil
	}
	rules := slices.Clone(lint.CalledRules)
	slices.Sort(rules)
	return errors.New("lint violation found for rules: " + strings.Join(slices.Compact(rules), ", "))
}

func (g *graph) checkContinuations() {
	for _, warning := range g.file.tree.Warnings {
		if rule := &linter.RuleNoEmptyContinuation; warning.URL == rule.URL {
			g.lint.Run(rule, []parser.Range{*warning.Location}, rule.Format())
		}
	}
}

// checkStages looks at names and at capitals.
func (g *graph) checkStages(stages []instructions.Stage) {
	seen := map[string]bool{"": true}
	for _, stage := range stages {
		if stage.Name == scratch || stage.Name == Main {
			g.lint.Run(&linter.RuleReservedStageName, stage.Location, linter.RuleReservedStageName.Format(stage.Name))
		}
		if seen[stage.Name] && stage.Name != "" {
			g.lint.Run(&linter.RuleDuplicateStageName, stage.Location, linter.RuleDuplicateStageName.Format(stage.Name))
		}
		seen[stage.Name] = true
	}
	small := 0
	each := func(do func(keyword string, at []parser.Range)) {
		for _, stage := range stages {
			do(stage.OrigCmd, stage.Location)
			for _, command := range stage.Commands {
				do(command.Name(), command.Location())
			}
		}
	}
	each(func(keyword string, _ []parser.Range) {
		switch keyword {
		case strings.ToLower(keyword):
			small++
		case strings.ToUpper(keyword):
			small--
		}
	})
	each(func(keyword string, at []parser.Range) {
		as, right := "uppercase", strings.ToUpper(keyword)
		if small > 0 {
			as, right = "lowercase", strings.ToLower(keyword)
		}
		if rule := &linter.RuleConsistentInstructionCasing; keyword != right {
			g.lint.Run(rule, at, rule.Format(keyword, as))
		}
	})
}

// checkCommand looks at an instruction that makes no layer.
func (b *building) checkCommand(command instructions.Command) {
	at := command.Location()
	switch i := command.(type) {
	case *instructions.EnvCommand:
		for _, pair := range i.Env {
			b.checkDelimiter(command, pair)
			b.checkSecret("ENV", pair.Key, at)
		}
	case *instructions.LabelCommand:
		for _, pair := range i.Labels {
			b.checkDelimiter(command, pair)
		}
	case *instructions.ExposeCommand:
		b.checkPorts(i)
	case *instructions.CmdCommand:
		b.checkOnce(command)
		b.checkJSON(command, i.PrependShell)
	case *instructions.EntrypointCommand:
		b.checkOnce(command)
		b.checkJSON(command, i.PrependShell)
	case *instructions.HealthCheckCommand:
		b.checkOnce(command)
	}
}

func (b *building) checkDelimiter(command instructions.Command, pair instructions.KeyValuePair) {
	if rule := &linter.RuleLegacyKeyValueFormat; pair.NoDelim {
		b.lint.Run(rule, command.Location(), rule.Format(command.Name()))
	}
}

func (b *building) checkJSON(command instructions.Command, shell bool) {
	if rule := &linter.RuleJSONArgsRecommended; shell && len(b.image.Config.Shell) == 0 {
		b.lint.Run(rule, command.Location(), rule.Format(command.Name()))
	}
}

func (b *building) checkOnce(command instructions.Command) {
	name := strings.ToUpper(command.Name())
	if rule, at := &linter.RuleMultipleInstructionsDisallowed, b.last[name]; at != nil {
		b.lint.Run(rule, at, rule.Format(command.Name()))
	}
	b.last[name] = command.Location()
}

func (b *building) checkPorts(i *instructions.ExposeCommand) {
	if expandPorts(i, b.values, b.words) != nil {
		return // which apply says
	}
	for _, text := range i.Ports {
		p := splitPort(text)
		if rule := &linter.RuleExposeProtoCasing; p.protocol != strings.ToLower(p.protocol) {
			b.lint.Run(rule, i.Location(), rule.Format(text))
		}
		if rule := &linter.RuleExposeInvalidFormat; p.ip != "" || p.host != "" {
			b.lint.Run(rule, i.Location(), rule.Format(text))
		}
	}
}

func (b *building) checkWorkdir(i *instructions.WorkdirCommand) {
	if rule := &linter.RuleWorkdirRelativePath; !b.entered && !strings.HasPrefix(i.Path, "/") {
		b.lint.Run(rule, i.Location(), rule.Format(i.Path))
	}
}

// secrets are words in the names of variables that have one.
var secrets = []string{"apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"}

func (b *building) checkSecret(keyword, name string, at []parser.Range) {
	words := strings.Split(strings.ToLower(name), "_")
	secret := slices.ContainsFunc(words, func(word string) bool { return slices.Contains(secrets, word) })
	if rule := &linter.RuleSecretsUsedInArgOrEnv; secret && !slices.Contains(words, "public") {
		b.lint.Run(rule, at, rule.Format(keyword, name))
	}
}

// checkVariables tells of those that have no value.
func (b *building) checkVariables(command instructions.Command, unknown map[string]struct{}) {
	for _, arg := range b.args {
		delete(unknown, arg.Key)
	}
	for _, name := range sorted(unknown) {
		like, _ := suggest.Search(name, b.values.Keys(), true)
		b.lint.Run(&linter.RuleUndefinedVar, command.Location(), linter.RuleUndefinedVar.Format(name, like))
	}
}

package commands

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dockless/bindings/dockerfile"
)

// buildCall is --call: what is to be said of a Dockerfile instead of building it.
// Source: https://docs.docker.com/reference/cli/docker/buildx/build/#call
type buildCall struct {
	name         string // build, check, outline or targets
	json         bool
	ignoreStatus bool // warnings are no failure
}

// errOnlyAsked ends a build whose plan is all that was asked for.
var errOnlyAsked = errors.New("the build's plan was asked for, and nothing is built")

func parseCall(flag string) (call buildCall, err error) {
	fields, err := csv.NewReader(strings.NewReader(flag)).Read()
	if err != nil {
		return call, fmt.Errorf("invalid --call %q: %w", flag, err)
	}
	for i, field := range fields {
		key, value, found := strings.Cut(field, "=")
		switch {
		case i == 0 && !found:
			call.name = field
		case key == "type":
			call.name = value
		case key == "format" && value == "json":
			call.json = true
		case key == "format" && (value == "" || value == "default"):
		case key == "ignorestatus":
			if call.ignoreStatus, err = strconv.ParseBool(cmp.Or(value, "true")); err != nil {
				return call, fmt.Errorf("invalid --call %q: %w", flag, err)
			}
		default:
			return call, fmt.Errorf("invalid value %s in --call: use format=json or ignorestatus=true", field)
		}
	}
	switch call.name {
	case "lint":
		call.name = "check"
	case "build", "check", "outline", "targets":
	default:
		return call, fmt.Errorf("--call %s: there are build, check, outline and targets", call.name)
	}
	return call, nil
}

type lintSource struct {
	Filename string `json:"filename"`
	Data     []byte `json:"data"`
	Language string `json:"language"`
}

// lintResult is what --call=check,format=json prints.
// Source: LintResults in https://github.com/moby/buildkit/blob/v0.25.1/frontend/subrequests/lint/lint.go
type lintResult struct {
	Warnings []lintWarning `json:"warnings"`
	Sources  []lintSource  `json:"sources"`
}

type lintWarning struct {
	Rule        string          `json:"ruleName"`
	Description string          `json:"description,omitempty"`
	URL         string          `json:"url,omitempty"`
	Detail      string          `json:"detail,omitempty"`
	Location    warningLocation `json:"location,omitzero"`
}

// check prints what BuildKit's checks have found. Warnings are a failure.
func (o *buildOptions) check(env *Env, file *dockerfile.File, warnings []dockerfile.Warning) error {
	if o.called.json {
		result := lintResult{Warnings: []lintWarning{}, Sources: []lintSource{{Filename: o.dockerfileName(), Data: o.text, Language: "Dockerfile"}}}
		for _, w := range warnings {
			found := lintWarning{Rule: w.Rule, Description: w.Detail, URL: w.URL, Detail: w.Text}
			found.Location.Ranges = warningExtents(w.At)
			result.Warnings = append(result.Warnings, found)
		}
		if err := printJSON(env, result); err != nil {
			return err
		}
	} else {
		o.printCheck(env, file, warnings)
	}
	if len(warnings) > 0 && !o.called.ignoreStatus {
		return &exit{code: exitError}
	}
	return nil
}

func (o *buildOptions) printCheck(env *Env, file *dockerfile.File, warnings []dockerfile.Warning) {
	switch len(warnings) {
	case 0:
		fmt.Fprintln(env.Out, "Check complete, no warnings found.")
	case 1:
		fmt.Fprintln(env.Out, "Check complete, 1 warning has been found!")
	default:
		fmt.Fprintf(env.Out, "Check complete, %d warnings have been found!\n", len(warnings))
	}
	line := func(w dockerfile.Warning) int {
		if len(w.At) == 0 {
			return 0
		}
		return w.At[0].Start.Line
	}
	warnings = slices.Clone(warnings)
	slices.SortStableFunc(warnings, func(a, b dockerfile.Warning) int { return cmp.Compare(line(a), line(b)) })
	for _, w := range warnings {
		fmt.Fprintf(env.Out, "\nWARNING: %s", w.Rule)
		if w.URL != "" {
			fmt.Fprintf(env.Out, " - %s", w.URL)
		}
		fmt.Fprintf(env.Out, "\n%s\n%s", printable(w.Text), o.excerptOf(file, w))
	}
}

func printJSON(env *Env, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s\n", text)
	return err
}

package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"dockless/bindings/dockerfile"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/morikuni/aec"
	"github.com/sirupsen/logrus"
)

// warningExtent is where in a Dockerfile a warning is, as BuildKit's JSON has it.
type warningExtent struct {
	Start warningLine `json:"start"`
	End   warningLine `json:"end"`
}

type warningLine struct {
	Line int `json:"line"`
}

// warningLocation is that in the answers of --call.
type warningLocation struct {
	Ranges []warningExtent `json:"ranges,omitempty"`
}

func warningExtents(ranges []parser.Range) []warningExtent {
	var extents []warningExtent
	for _, at := range ranges {
		extents = append(extents, warningExtent{warningLine{at.Start.Line}, warningLine{at.End.Line}})
	}
	return extents
}

// shortWarning is a warning in one line.
func shortWarning(w dockerfile.Warning) string {
	text := w.Rule + ": " + w.Text
	if len(w.At) > 0 {
		text += fmt.Sprintf(" (line %d)", w.At[0].Start.Line)
	}
	return text
}

// printWarnings shows after a build what BuildKit's checks have found, each once.
// Source: https://docs.docker.com/reference/build-checks/
func (o *buildOptions) printWarnings(out io.Writer, file *dockerfile.File, warnings []dockerfile.Warning) {
	shown := map[string]bool{}
	warnings = slices.DeleteFunc(slices.Clone(warnings), func(w dockerfile.Warning) bool {
		text := shortWarning(w)
		again := shown[text]
		shown[text] = true
		return again
	})
	if len(warnings) == 0 {
		return
	}
	debug := logrus.IsLevelEnabled(logrus.DebugLevel)
	head := "1 warning found"
	if len(warnings) > 1 {
		head = fmt.Sprintf("%d warnings found", len(warnings))
	}
	if !debug {
		head += " (use docker --debug to expand)"
	}
	head += ":"
	if _, is := terminal(out); is && os.Getenv("NO_COLOR") == "" {
		head = aec.YellowF.Apply(head)
	}
	fmt.Fprintf(out, "\n %s\n", head)
	for _, warning := range warnings {
		text := shortWarning(warning)
		if located := locateWarning(file, warning); located != nil && located.CommentBehind() {
			text += "; " + commentHint
		}
		fmt.Fprintf(out, " - %s\n", printable(text))
		if !debug {
			continue
		}
		if warning.Detail != "" {
			fmt.Fprintln(out, warning.Detail)
		}
		if warning.URL != "" {
			fmt.Fprintln(out, "More info:", warning.URL)
		}
		fmt.Fprintln(out, o.excerptOf(file, warning))
	}
}

// excerptOf shows the lines that a warning is about.
func (o *buildOptions) excerptOf(file *dockerfile.File, w dockerfile.Warning) string {
	if located := locateWarning(file, w); located != nil {
		return printable(located.Excerpt(o.dockerfileName()))
	}
	return ""
}

// locateWarning finds the place in the Dockerfile that a warning is about, nil
// for none.
func locateWarning(file *dockerfile.File, w dockerfile.Warning) *dockerfile.Error {
	return locate(file.At(w.At, errors.New(w.Text)))
}

// plan takes what there is to do, for one more platform.
func (p *buildProgress) plan(plan *dockerfile.Plan) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.planned = max(p.planned, 1) // the image
	bases := map[string]bool{}
	for _, stage := range plan.Stages {
		p.planned += len(stage.Steps)
		if stage.From != "" && !bases[stage.Base.Key()] {
			bases[stage.Base.Key()] = true
			p.planned++
		}
	}
	definition := p.steps[0]
	if len(definition.warnings) > 0 { // the same for each platform
		return
	}
	for _, warning := range plan.Warnings {
		definition.warnings = append(definition.warnings, shortWarning(warning))
		p.rawWarning(definition, warning)
	}
}

// only says that none of it is done.
func (p *buildProgress) only() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.planned = 0
}

package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"

	"github.com/distribution/reference"
	"github.com/docker/go-units"
)

// buildProgress shows a build as BuildKit does: each step has a number, a name,
// a time and what it prints.
// Source: https://docs.docker.com/reference/cli/docker/buildx/build/#progress
type buildProgress struct {
	out  io.Writer
	mode string // plain, tty, quiet, none or rawjson

	mutex  sync.Mutex
	began  time.Time
	steps  []*buildStep
	screen *buildScreen // with tty
}

// buildStep is what has become of a step.
type buildStep struct {
	name         string
	number       int
	began, ended time.Time
	cached       bool
	err          error
	rest         [2][]byte // the last lines of stdout and stderr, until they have an end
	last         []string  // lines, with their times
	notes        []string  // what else it has done: pulled a layer, named an image
}

// buildProgressModes are the values of --progress.
var buildProgressModes = []string{"auto", "none", "plain", "quiet", "rawjson", "tty"}

// progressMode checks --progress and finds what auto means. Without the flag
// BUILDKIT_PROGRESS counts.
func (o *buildOptions) progressMode(env *Env) (string, error) {
	mode := o.progress
	if set := os.Getenv("BUILDKIT_PROGRESS"); mode == "auto" && set != "" {
		mode = set
	}
	_, is := terminal(env.Err)
	switch {
	case !slices.Contains(buildProgressModes, mode):
		return "", fmt.Errorf("invalid progress mode %s", mode)
	case o.quiet && mode != "auto" && mode != "quiet" && o.progress != "auto":
		return "", fmt.Errorf("progress=%s and quiet cannot be used together", mode)
	case o.quiet:
		return "quiet", nil
	case mode == "tty" && !is:
		return "", errors.New("failed to get console: provided file is not a console") //nolint:revive // Docker's words
	case mode == "auto" && is && os.Getenv("TERM") != "dumb":
		return "tty", nil
	case mode == "auto":
		return "plain", nil
	}
	return mode, nil
}

// newBuildProgress has to be closed.
func newBuildProgress(out io.Writer, mode string) *buildProgress {
	p := &buildProgress{out: out, mode: mode, began: time.Now()}
	switch mode {
	case "plain":
		fmt.Fprintln(out, `#0 building with "default" instance using dockless`)
	case "tty":
		p.screen = newBuildScreen(p)
	}
	return p
}

// step takes an event of a build.
func (p *buildProgress) step(event store.StepEvent) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	step := p.find(event.Name)
	switch {
	case event.Ends:
		p.end(step, event.Cached, event.Err)
	case len(event.Output) > 0:
		p.log(step, event.Output, event.Stderr)
	}
}

// find begins the step if it is a new one. The mutex is held.
func (p *buildProgress) find(name string) *buildStep {
	for _, step := range p.steps {
		if step.name == name && step.ended.IsZero() {
			return step
		}
	}
	step := &buildStep{name: name, number: len(p.steps) + 1, began: time.Now()}
	p.steps = append(p.steps, step)
	p.plain("\n#%d %s\n", step.number, name)
	p.raw(step, nil, 0)
	return step
}

func (p *buildProgress) plain(format string, args ...any) {
	if p.mode == "plain" {
		fmt.Fprintf(p.out, format, args...)
	}
}

// keptLines is how much of a step's output is shown again when it fails; where
// the output has not been shown it is all that there is.
const keptLines = 100

// log takes what a step prints, line by line.
func (p *buildProgress) log(step *buildStep, output []byte, stderr bool) {
	stream := 0
	if stderr {
		stream = 1
	}
	p.raw(step, output, stream)
	rest := append(step.rest[stream], output...)
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			break
		}
		rest = after
		p.line(step, string(line))
	}
	step.rest[stream] = bytes.Clone(rest)
}

func (p *buildProgress) line(step *buildStep, line string) {
	line = fmt.Sprintf("%.3f %s", time.Since(step.began).Seconds(), strings.TrimSuffix(line, "\r"))
	p.plain("#%d %s\n", step.number, line)
	if step.last = append(step.last, line); len(step.last) > keptLines {
		step.last = step.last[1:]
	}
}

func (p *buildProgress) end(step *buildStep, cached bool, err error) {
	for stream, rest := range step.rest {
		if len(rest) > 0 {
			p.line(step, string(rest))
		}
		step.rest[stream] = nil
	}
	step.ended, step.cached, step.err = time.Now(), cached, err
	switch {
	case errors.Is(err, context.Canceled):
		p.plain("#%d CANCELED\n", step.number)
	case err != nil:
		p.plain("#%d ERROR: %s\n", step.number, oneLine(err.Error()))
	case cached:
		p.plain("#%d CACHED\n", step.number)
	default:
		p.plain("#%d DONE %.1fs\n", step.number, step.ended.Sub(step.began).Seconds())
	}
	p.raw(step, nil, 0)
}

// note shows something else that a step has done.
func (p *buildProgress) note(step *buildStep, text string) {
	p.plain("#%d %s\n", step.number, text)
	step.notes = append(step.notes, text)
}

// did shows a step that is over, and what was done in it.
func (p *buildProgress) did(name string, notes ...string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	step := p.find(name)
	for _, note := range notes {
		p.note(step, note+" done")
	}
	p.end(step, false, nil)
}

// pulled begins the pull of a base. The step ends with the next one.
func (p *buildProgress) pulled(name reference.Named) store.Progress {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	step := p.find("[internal] load metadata for " + name.String())
	sizes := map[string]int64{}
	return func(layer, action string, done, total int64) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		sizes[layer] = max(sizes[layer], total, done)
		if action == "Pull complete" {
			p.note(step, fmt.Sprintf("%s %s done", layer, units.HumanSize(float64(sizes[layer]))))
		}
	}
}

// found ends the search for a base.
func (p *buildProgress) found(name reference.Named, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.end(p.find("[internal] load metadata for "+name.String()), false, err)
}

// close ends the show. The step that failed is shown again.
func (p *buildProgress) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var failed *buildStep
	for _, step := range p.steps {
		if step.ended.IsZero() {
			p.end(step, false, context.Canceled)
		} else if step.err != nil && !errors.Is(step.err, context.Canceled) {
			failed = step
		}
	}
	if p.screen != nil {
		p.screen.close()
	}
	if failed != nil && p.mode != "rawjson" {
		lines := failed.last
		if p.mode == "plain" { // they have been shown
			lines = lines[max(0, len(lines)-10):]
		}
		fmt.Fprintf(p.out, "------\n > %s:\n%s------\n", failed.name, strings.Join(append(slices.Clone(lines), ""), "\n"))
	}
	for _, step := range p.steps {
		if step.number == 0 && (p.mode == "plain" || p.mode == "tty") {
			fmt.Fprintf(p.out, "\n%s\n", step.name)
		}
	}
}

// exported shows what is there at the end.
func (p *buildProgress) exported(id string, names []reference.Named) {
	notes := []string{"exporting layers", "writing image sha256:" + id}
	for _, name := range names {
		notes = append(notes, "naming to "+name.String())
	}
	p.did("exporting to image", notes...)
}

// dockerfileName is the file's name as BuildKit shows it.
func (o *buildOptions) dockerfileName() string {
	if o.file == "" || o.file == "-" {
		return "Dockerfile"
	}
	return filepath.Base(o.file)
}

// excerpt shows the Dockerfile's lines that an error is about.
func (o *buildOptions) excerpt(env *Env, err error) error {
	var located *dockerfile.Error
	if errors.As(err, &located) && !errors.Is(err, context.Canceled) {
		fmt.Fprint(env.Err, located.Excerpt(o.dockerfileName()))
	}
	return err
}

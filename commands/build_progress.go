package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"dockless/bindings/store"
)

// buildProgress shows a build as BuildKit does: each step has a number, a name,
// a time and what it prints. Steps of several stages run at the same time.
// Source: https://docs.docker.com/reference/cli/docker/buildx/build/#progress
type buildProgress struct {
	out  io.Writer
	mode string // plain, tty, quiet, none or rawjson

	mutex   sync.Mutex
	began   time.Time
	steps   []*buildStep // that have begun, in this order
	engine  map[int]*buildStep
	planned int    // how many the engine has; 0: not known yet
	exports string // the name of the step that makes the output
	plain   *buildPlain
	screen  *buildScreen // with tty
	stop    chan struct{}
	stopped chan struct{}
}

// buildStep is what has become of a step.
type buildStep struct {
	number       int // in the order in which steps begin
	name         string
	began, ended time.Time
	cached       bool
	err          error
	rest         [2][]byte // the last lines of stdout and stderr, until they have an end
	last         []string  // lines, with their times
	tasks        []*buildTask
	warnings     []string // with a terminal
	held         []string // lines that wait until it is the step's turn, with plain
	shownAs      int      // its number there; 0: it has not been shown
}

// buildTask is something that a step does and that may take its time: a layer
// that is pulled, a name that is given.
type buildTask struct {
	name         string
	done, total  int64 // bytes; total 0: not known
	began, ended time.Time
	shown        time.Time // with plain
	shownDone    int64
}

// buildProgressModes are the values of --progress.
var buildProgressModes = []string{"auto", "none", "plain", "quiet", "rawjson", "tty"}

// progressMode checks --progress and finds what auto means. Without the flag
// BUILDKIT_PROGRESS counts.
func (o *buildOptions) progressMode(env *Env) (string, error) {
	mode := cmp.Or(o.progress, "auto")
	if set := os.Getenv("BUILDKIT_PROGRESS"); mode == "auto" && set != "" {
		mode = set
	}
	_, is := terminal(env.Err)
	switch {
	case !slices.Contains(buildProgressModes, mode):
		return "", fmt.Errorf("invalid progress mode %s", mode)
	case o.quiet && !slices.Contains([]string{"", "auto", "none", "quiet"}, o.progress):
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
	p := &buildProgress{out: out, mode: mode, began: time.Now(), engine: map[int]*buildStep{}, stop: make(chan struct{}), stopped: make(chan struct{})}
	draw := func() {}
	switch mode {
	case "plain":
		p.plain = &buildPlain{out: out}
		fmt.Fprintln(out, `#0 building with "default" instance using dockless`)
		draw = func() { p.plain.turn(p.steps) }
	case "tty":
		p.screen = newBuildScreen(p)
		draw = func() { p.screen.draw(false) }
	}
	go func() {
		defer close(p.stopped)
		tick := time.NewTicker(screenInterval)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.mutex.Lock()
				draw()
				p.mutex.Unlock()
			}
		}
	}()
	return p
}

// step takes an event of a build.
func (p *buildProgress) step(event store.StepEvent) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	step := p.engine[event.Step]
	if step == nil || !step.ended.IsZero() && !event.Ends { // it is done again if its result has vanished
		name := event.Name
		if event.Step == 0 && p.exports != "" {
			name = p.exports
		}
		step = p.begin(name)
		p.engine[event.Step] = step
	}
	switch {
	case event.Task != "" && event.Ends:
		p.endTask(step, event.Task)
	case event.Task != "":
		p.moved(step, event.Task, event.Done, event.Total)
	case event.Ends:
		p.end(step, event.Cached, event.Err)
	case len(event.Output) > 0:
		p.log(step, event.Output, event.Stderr)
	}
}

// begin begins a step. The mutex is held, here and below.
func (p *buildProgress) begin(name string) *buildStep {
	step := &buildStep{number: len(p.steps) + 1, name: name, began: time.Now()}
	p.steps = append(p.steps, step)
	p.line(step)
	p.raw(step)
	return step
}

// line shows lines of a step where there is a line for each thing that happens.
func (p *buildProgress) line(step *buildStep, lines ...string) {
	if p.plain != nil {
		step.held = append(step.held, lines...)
		p.plain.turn(p.steps)
	}
}

// keptLines is how much of a step's output is shown again when it fails; where
// the output has not been shown it is all that there is.
const keptLines = 100

// longestLine is how much of a line without an end is kept, in bytes.
const longestLine = 1 << 16

// log takes what a step prints, line by line.
func (p *buildProgress) log(step *buildStep, output []byte, stderr bool) {
	stream := 0
	if stderr {
		stream = 1
	}
	p.rawLog(step, output, stream)
	rest := append(step.rest[stream], output...)
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			break
		}
		rest = after
		p.output(step, string(line))
	}
	if len(rest) > longestLine {
		p.output(step, string(rest))
		rest = nil
	}
	step.rest[stream] = bytes.Clone(rest)
}

func (p *buildProgress) output(step *buildStep, line string) {
	seconds := time.Since(step.began).Seconds()
	precision := 1
	switch {
	case seconds < 10:
		precision = 3
	case seconds < 100:
		precision = 2
	}
	line = fmt.Sprintf("%.*f %s", precision, seconds, strings.TrimSuffix(line, "\r"))
	if step.last = append(step.last, line); len(step.last) > keptLines {
		step.last = step.last[1:]
	}
	p.line(step, line)
}

func (p *buildProgress) end(step *buildStep, cached bool, err error) {
	if !step.ended.IsZero() {
		return
	}
	for stream, rest := range step.rest {
		if len(rest) > 0 {
			p.output(step, string(rest))
		}
		step.rest[stream] = nil
	}
	step.ended, step.cached, step.err = time.Now(), cached, err
	p.line(step)
	p.raw(step)
}

// total is how many steps there are, those that have not begun included.
func (p *buildProgress) total() int {
	begun := 0
	for number := range p.engine {
		if number >= 0 {
			begun++
		}
	}
	return len(p.steps) + max(p.planned-begun, 0)
}

// did shows a step that is over, and what was done in it.
func (p *buildProgress) did(name string, tasks ...string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	step := p.begin(name)
	for _, name := range tasks {
		p.endTask(step, name)
	}
	p.end(step, false, nil)
}

// close ends the show; it may be called again. The steps that failed are shown
// once more.
func (p *buildProgress) close() {
	select {
	case <-p.stopped:
		return
	default:
	}
	close(p.stop)
	<-p.stopped
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, step := range p.steps {
		p.end(step, false, context.Canceled)
	}
	if p.screen != nil {
		p.screen.draw(true)
	}
	if p.mode == "rawjson" {
		return
	}
	for _, step := range p.steps {
		if step.err == nil || errors.Is(step.err, context.Canceled) {
			continue
		}
		lines := step.last
		if p.plain != nil { // they have been shown
			lines = lines[max(0, len(lines)-10):]
		}
		if len(lines) == 0 && p.mode == "quiet" { // the error says it all, if it matters
			continue
		}
		fmt.Fprintf(p.out, "------\n > %s:\n%s------\n", printable(step.name), strings.Join(append(slices.Clone(lines), ""), "\n"))
	}
}

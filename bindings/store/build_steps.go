package store

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// StepEvent is what a build tells about one of its steps: that it begins, what
// it prints, how it ends.
type StepEvent struct {
	Name   string // as BuildKit names it: [stage 2/5] RUN make
	Output []byte // that it has printed
	Stderr bool   // where
	Ends   bool
	Cached bool  // its result was here
	Err    error // why it ends
}

// exporting is the name of the step after the last instruction. Build does not
// end it, as names are given after it.
const exporting = "exporting to image"

// steps makes events of what buildah says about one build whose stages are
// built one after the other.
type steps struct {
	tell    func(StepEvent)
	context string // the directory

	mutex    sync.Mutex
	file     *Dockerfile
	stages   []int // that have not begun
	stage    int
	left     []instructions.Command // of the stage, that have not begun
	number   int                    // of the stage's steps that have a name
	name     string                 // of the step that is running; "" for one that BuildKit does not show
	printed  bool
	shells   map[int][]string // of the stages
	at       []parser.Range   // of the instruction that is running, which may have no name
	command  instructions.Command
	finished bool
}

func newSteps(b Build) *steps {
	d := b.Dockerfile
	s := &steps{tell: b.Steps, context: b.Context, file: d, shells: map[int][]string{}}
	for index := range d.stages {
		if d.needed[index] {
			s.stages = append(s.stages, index)
		}
	}
	return s
}

// log is told each instruction before it is run. It comes apart from what RUN
// prints, so that no output can be taken for a step.
func (s *steps) log(format string, args ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.end(false, nil)
	text := fmt.Sprintf(format, args...)
	switch {
	case strings.HasPrefix(format, "COMMIT"):
		s.finished, s.name = true, exporting
		s.tell(StepEvent{Name: s.name})
	case strings.HasPrefix(format, "FROM ") && len(s.stages) > 0:
		s.stage, s.stages = s.stages[0], s.stages[1:]
		s.from()
	default:
		s.instruction(text)
	}
}

// from begins a stage.
func (s *steps) from() {
	stage := s.file.stages[s.stage]
	s.left, s.number, s.command, s.at = stage.Commands, 0, nil, stage.Location
	s.shells[s.stage] = []string{"/bin/sh", "-c"}
	if index, is := s.file.stage(stage.BaseName, s.stage); is {
		s.shells[s.stage] = s.shells[index]
		return
	}
	if name, err := reference.ParseNormalizedNamed(stage.BaseName); err == nil && stage.BaseName != scratch {
		s.begin("FROM " + reference.TagNameOnly(name).String())
	}
}

// instruction begins one of the stage's instructions, or one of ONBUILD.
func (s *steps) instruction(text string) {
	s.command, s.at = nil, nil
	if len(s.left) > 0 && alike(text, fmt.Sprint(s.left[0])) {
		s.command, s.left = s.left[0], s.left[1:]
		s.at = s.command.Location()
		text = source(s.command)
	}
	if shell, is := s.command.(*instructions.ShellCommand); is {
		s.shells[s.stage] = shell.Shell
	}
	if keyword, _, _ := strings.Cut(text, " "); slices.Contains(shown, strings.ToUpper(keyword)) {
		s.begin(text)
	}
}

// shown are the instructions that BuildKit has a step for.
var shown = []string{"ADD", "COPY", "RUN", "WORKDIR"}

// alike compares an instruction as the two parsers have it.
func alike(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) == 0 || len(y) == 0 || !strings.EqualFold(x[0], y[0]) {
		return false
	}
	if rewritten := []string{"CMD", "ENTRYPOINT", "EXPOSE"}; slices.Contains(rewritten, strings.ToUpper(x[0])) {
		return true
	}
	return len(x) == 1 || len(y) == 1 || strings.ReplaceAll(x[1], "'", "") == strings.ReplaceAll(y[1], "'", "")
}

// source is the text of an instruction, and the beginning of its first heredoc.
func source(command instructions.Command) string {
	text := fmt.Sprint(command)
	run, is := command.(*instructions.RunCommand)
	if !is || len(run.Files) == 0 {
		return text
	}
	line, rest, _ := strings.Cut(strings.TrimSpace(run.Files[0].Data), "\n")
	if rest != "" {
		line += "..."
	}
	return text + " (" + line + ")"
}

func (s *steps) begin(text string) {
	s.number++
	stage := s.file.stages[s.stage]
	total := 0
	if _, is := s.file.stage(stage.BaseName, s.stage); !is && stage.BaseName != scratch {
		total++
	}
	for _, command := range stage.Commands {
		if slices.Contains(shown, strings.ToUpper(command.Name())) {
			total++
		}
	}
	total = max(total, s.number) // those of ONBUILD are not known
	name := stage.Name
	if name == "" && len(s.file.stages) > 1 {
		name = "stage-" + strconv.Itoa(s.stage)
	}
	if name != "" {
		name += " "
	}
	s.name = fmt.Sprintf("[%s%*d/%d] %s", name, len(strconv.Itoa(total)), s.number, total, text)
	s.printed = false
	s.tell(StepEvent{Name: s.name})
}

func (s *steps) end(cached bool, err error) {
	if s.name != "" {
		s.tell(StepEvent{Name: s.name, Ends: true, Cached: cached, Err: err})
	}
	s.name = ""
}

// stream is stdout or stderr of a build: what RUN prints there, and what buildah
// says about the cache.
type stream struct {
	*steps
	stderr bool
}

func (s *stream) Write(output []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case !s.printed && bytes.HasPrefix(output, []byte("--> Using cache ")):
		s.end(true, nil)
	case s.name != "" && !s.finished:
		s.printed = true
		s.tell(StepEvent{Name: s.name, Output: bytes.Clone(output), Stderr: s.stderr})
	case bytes.HasPrefix(output, []byte("[Warning] ")):
		s.tell(StepEvent{Output: bytes.Clone(output)})
	}
	return len(output), nil
}

// done is told the build's end and returns its error in docker's words, with its
// place in the Dockerfile.
func (s *steps) done(err error) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil {
		if !s.finished {
			s.end(false, nil)
		}
		return nil
	}
	err = s.words(err)
	s.end(false, err)
	if len(s.at) == 0 || s.finished {
		return err
	}
	return s.file.at(s.at, err)
}

// words puts buildah's errors into docker's words.
func (s *steps) words(err error) error {
	text := err.Error()
	var status *exec.ExitError
	switch command := s.command.(type) {
	case *instructions.RunCommand:
		if errors.As(err, &status) && status.ExitCode() > 0 {
			return fmt.Errorf("process %q did not complete successfully: exit code: %d", s.process(command), status.ExitCode())
		}
	case *instructions.CopyCommand, *instructions.AddCommand:
		if name, found := s.absent(text); found {
			return fmt.Errorf("failed to compute cache key: %q: not found", name) //nolint:revive // Docker's words
		}
		if before, request, found := strings.Cut(text, "error during bulk transfer for copier.request{"); found {
			err = &reworded{text: before + request[strings.LastIndex(request, "}: ")+len("}: "):], error: err}
			text = err.Error()
		}
	}
	if _, after, found := strings.Cut(text, `building at STEP "`); found { // the step is shown
		if _, cause, found := strings.Cut(after, `": `); found {
			return &reworded{text: cause, error: err}
		}
	}
	return err
}

// absent finds the name of the file that is not in the context, or not in the
// image, in an error of buildah's copier.
func (s *steps) absent(text string) (name string, found bool) {
	if !strings.HasSuffix(text, ": no such file or directory") {
		return "", false
	}
	for _, form := range []string{
		`copier: \w+: l?stat "(/[^"]*)"\(`, // a link that leads nowhere, or out
		`globs \[(/[^\]]*)\] matched nothing`,
		`no items matching glob "([^"]*)" copied`,
		`: "(/[^"]*)": no such file or directory$`,
	} {
		if parts := regexp.MustCompile(form).FindStringSubmatch(text); parts != nil {
			return "/" + strings.TrimPrefix(strings.TrimPrefix(parts[1], s.context), "/"), true
		}
	}
	return "", false
}

// reworded is an error with another text.
type reworded struct {
	text string
	error
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.error }

// process is the command line of RUN.
func (s *steps) process(run *instructions.RunCommand) string {
	line := strings.Join(run.CmdLine, " ")
	if len(run.Files) == 1 && strings.TrimLeft(line, "<-") == run.Files[0].Name {
		line = run.Files[0].Data
	}
	if run.PrependShell {
		line = strings.Join(s.shells[s.stage], " ") + " " + line
	}
	return line
}

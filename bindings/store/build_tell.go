package store

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"dockless/bindings/dockerfile"
)

// failed places an error in the Dockerfile, and tells it. Of what is cancelled
// because something else failed, or somebody wants it, that is not told again;
// nor of what is tried again.
func (w *work) failed(ctx context.Context, step *dockerfile.Step, err error) error {
	var placed *dockerfile.Error
	ended := ctx.Err() != nil
	told := err
	if ended || isGone(err) {
		told = context.Canceled
	}
	w.tellEnd(StepEvent{Step: w.numbers[step], Name: step.Name, Err: told})
	if ended || errors.As(err, &placed) || isGone(err) {
		return err
	}
	return w.build.Dockerfile.At(step.At, err)
}

// cachedStep tells that nothing was to be done, once.
func (w *work) cachedStep(step *dockerfile.Step) {
	w.tellEnd(StepEvent{Step: w.numbers[step], Name: step.Name, Cached: true})
}

// tellEnd tells the end of a step, once.
func (w *work) tellEnd(event StepEvent) {
	w.mutex.Lock()
	ended := w.ended[event.Step]
	w.ended[event.Step] = true
	w.mutex.Unlock()
	if !ended {
		event.Ends = true
		w.tell(event)
	}
}

// fromShown tells that a base is there.
func (w *work) fromShown(stage *dockerfile.Stage) {
	if stage.From != "" {
		w.tellEnd(StepEvent{Step: w.stages[stage].number, Name: stage.From, Cached: !w.bases[stage.Base.Key()].pulled})
	}
}

// restCached tells of the steps that nobody has had to look at.
func (w *work) restCached() {
	for _, stage := range w.plan.Stages {
		w.fromShown(stage)
		for _, step := range stage.Steps {
			w.cachedStep(step)
		}
	}
}

// stepOutput is where a process writes.
type stepOutput struct {
	toldStep
	stderr bool
}

func (o *stepOutput) Write(output []byte) (int, error) {
	o.print(bytes.Clone(output), o.stderr)
	return len(output), nil
}

// telling tells what becomes of the steps, from several goroutines.
type telling struct {
	mutex  sync.Mutex // held while an event is told
	steps  func(StepEvent)
	others int // steps that are not among the plan's
}

func (t *telling) tell(event StepEvent) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.steps(event)
}

// toldStep is a step that goes on.
type toldStep struct {
	*telling
	StepEvent
}

// another begins a step that is not among the plan's.
func (t *telling) another(name string) toldStep {
	t.mutex.Lock()
	t.others++
	step := toldStep{t, StepEvent{Step: -t.others, Name: name}}
	t.mutex.Unlock()
	t.tell(step.StepEvent)
	return step
}

// goOn tells that it has begun, if that is not known.
func (s toldStep) goOn() { s.tell(s.StepEvent) }

// print tells what it has printed.
func (s toldStep) print(output []byte, stderr bool) {
	s.Output, s.Stderr = output, stderr
	s.tell(s.StepEvent)
}

// end ends it.
func (s toldStep) end(err error) {
	s.Ends, s.Err = true, err
	s.tell(s.StepEvent)
}

// did tells of something that is done in it.
func (s toldStep) did(task string) {
	s.Task, s.Ends = task, true
	s.tell(s.StepEvent)
}

// task tells how far something is that is done in it.
func (s toldStep) task(name string, done, total int64) {
	s.Task, s.Done, s.Total = name, done, total
	s.tell(s.StepEvent)
}

// untold is a Progress of which nobody is told.
func untold(string, string, int64, int64) {}

// layers tells how far layers are that it fetches.
func (s toldStep) layers() Progress {
	return func(layer, action string, done, total int64) {
		switch action {
		case "Downloading":
			s.task(layer, done, total)
		case "Download complete":
			s.did(layer)
		case "Extracting":
			s.task("extracting "+layer, 0, 0)
		case "Pull complete":
			s.did("extracting " + layer)
		}
	}
}

// told is a step of the plan, for what is told of it.
func (w *work) told(step *dockerfile.Step) toldStep {
	return toldStep{w.telling, StepEvent{Step: w.numbers[step], Name: step.Name}}
}

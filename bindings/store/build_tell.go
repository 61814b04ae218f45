package store

import (
	"bytes"
	"context"
	"errors"

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
	w.tell(StepEvent{Step: w.numbers[step], Name: step.Name, Ends: true, Err: told})
	if ended || errors.As(err, &placed) || isGone(err) {
		return err
	}
	return w.build.Dockerfile.At(step.At, err)
}

// tell tells an event.
func (w *work) tell(event StepEvent) {
	w.told.Lock()
	defer w.told.Unlock()
	w.shown[event.Step] = true
	w.build.Steps(event)
}

// cachedStep tells that nothing was to be done, once.
func (w *work) cachedStep(step *dockerfile.Step) {
	w.tellOnce(StepEvent{Step: w.numbers[step], Name: step.Name, Ends: true, Cached: true})
}

func (w *work) tellOnce(event StepEvent) {
	w.told.Lock()
	defer w.told.Unlock()
	if w.shown[event.Step] {
		return
	}
	w.shown[event.Step] = true
	w.build.Steps(event)
}

// fromShown tells that a base is there.
func (w *work) fromShown(stage *dockerfile.Stage) {
	if stage.From != "" {
		w.tellOnce(StepEvent{Step: w.stages[stage].number, Name: stage.From, Ends: true, Cached: !w.bases[stage.Base.Key()].pulled})
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
	work   *work
	step   *dockerfile.Step
	stderr bool
}

func (o *stepOutput) Write(output []byte) (int, error) {
	o.work.tell(StepEvent{Step: o.work.numbers[o.step], Name: o.step.Name, Output: bytes.Clone(output), Stderr: o.stderr})
	return len(output), nil
}

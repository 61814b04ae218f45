package store

import (
	"context"
	"errors"
	"sync"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"
)

// work is one build on its way. Stages are built side by side, each when
// somebody needs its files; a stage begins behind the last of its steps whose
// result is here.
type work struct {
	*Store
	*telling
	build   *Build
	plan    *dockerfile.Plan
	bases   map[string]*base
	imports []*imported // of --cache-from
	views   *views
	stages  map[*dockerfile.Stage]*stageWork
	numbers map[*dockerfile.Step]int // for the events
	once    singleflight.Group       // steps of several stages that are the same

	mutex    sync.Mutex
	ended    map[int]bool            // of steps: their end has been told
	loads    map[string]*contextLoad // while contexts are looked at
	picks    map[*dockerfile.Step]*picked
	mounts   map[[2]string]digest.Digest // context and path of a bind mount → the key of its content
	running  sync.WaitGroup
	cancel   context.CancelCauseFunc         // ends what is running, once a stage has failed
	fetched  map[string]string               // what ADD names → its path
	fetching []func() error                  // to be called at the end
	known    map[*dockerfile.Step]*knownStep // for --cache-to
	taking   sync.Mutex                      // held while layers of imports are fetched
}

// stageWork is what has become of a stage.
type stageWork struct {
	number int           // of FROM, for the events
	key    digest.Digest // of what it will be, if all of its steps have been done before
	first  int           // of its steps, the one behind the last whose result is here
	at     stack         // that result
	began  bool          // somebody needs its files
	done   chan struct{}
	result stack
	err    error
}

func newWork(s *Store, p *planned, imports []*imported, told *telling) *work {
	w := &work{
		Store: s, telling: told, build: &p.build, plan: p.plan, bases: p.bases, imports: imports, views: s.newViews(),
		stages: map[*dockerfile.Stage]*stageWork{}, numbers: map[*dockerfile.Step]int{},
		ended: map[int]bool{}, loads: map[string]*contextLoad{}, picks: map[*dockerfile.Step]*picked{}, known: map[*dockerfile.Step]*knownStep{}, fetched: map[string]string{}, mounts: map[[2]string]digest.Digest{},
	}
	number := p.numbered
	first := map[string]int{} // each is shown once
	for _, stage := range p.plan.Stages {
		number++
		base := stage.Base.Key()
		if first[base] == 0 {
			first[base] = number
		}
		w.stages[stage] = &stageWork{number: first[base], done: make(chan struct{})}
		for _, step := range stage.Steps {
			number++
			w.numbers[step] = number
		}
	}
	return w
}

// target builds the last stage and what it needs. It returns when everything
// that it has started has ended.
func (w *work) target(ctx context.Context) (stack, error) {
	ctx, w.cancel = context.WithCancelCause(ctx)
	defer w.cancel(nil)
	defer w.running.Wait()
	if err := w.pickAll(ctx); err != nil {
		return stack{}, err
	}
	for _, stage := range w.plan.Stages {
		if err := w.look(ctx, stage); err != nil {
			return stack{}, err
		}
	}
	result, err := w.stage(ctx, w.plan.Stages[len(w.plan.Stages)-1])
	if err != nil {
		// What failed first is the reason; the rest was only cancelled.
		w.cancel(err)
		w.running.Wait()
		if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
			err = cause
		}
	}
	return result, err
}

// stage waits for a stage's result, and has it built if nobody else has.
func (w *work) stage(ctx context.Context, stage *dockerfile.Stage) (stack, error) {
	w.begin(ctx, stage)
	sw := w.stages[stage]
	select {
	case <-sw.done:
		return sw.result, sw.err
	case <-ctx.Done():
		return stack{}, ctx.Err()
	}
}

// begin starts a stage's work.
func (w *work) begin(ctx context.Context, stage *dockerfile.Stage) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	sw := w.stages[stage]
	if sw.began {
		return
	}
	sw.began = true
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		defer close(sw.done)
		if sw.result, sw.err = w.steps(ctx, stage); sw.err != nil {
			w.cancel(sw.err)
		}
	}()
}

// steps does what a stage says.
func (w *work) steps(ctx context.Context, stage *dockerfile.Stage) (stack, error) {
	sw := w.stages[stage]
	at, found, err := w.begun(ctx, stage)
	if err != nil {
		return at, err
	}
	if !found {
		sw.first = 0
		if at, err = w.from(ctx, stage); err != nil {
			return at, err
		}
	}
	w.fromShown(stage)
	for _, step := range stage.Steps[:sw.first] {
		w.cachedStep(step)
	}
	for _, step := range stage.Steps[sw.first:] { // what has to be built in any case may as well begin
		for _, other := range needs(step) {
			if w.stages[other].key == "" {
				w.begin(ctx, other)
			}
		}
	}
	for _, step := range stage.Steps[sw.first:] {
		if at, err = w.step(ctx, step, at); err != nil {
			return at, err
		}
	}
	return at, nil
}

// needs are the stages that a step takes files from.
func needs(step *dockerfile.Step) []*dockerfile.Stage {
	var stages []*dockerfile.Stage
	if step.Copy != nil && step.Copy.From.Stage != nil {
		stages = append(stages, step.Copy.From.Stage)
	}
	if step.Run != nil {
		for _, mount := range step.Run.Mounts {
			if mount.From.Stage != nil {
				stages = append(stages, mount.From.Stage)
			}
		}
	}
	return stages
}

// from is what a stage begins with.
func (w *work) from(ctx context.Context, stage *dockerfile.Stage) (stack, error) {
	switch base := stage.Base; {
	case base.Stage != nil:
		return w.stage(ctx, base.Stage)
	case base.Image != "":
		return w.bases[base.Key()].stack, nil
	}
	return stack{key: keyOf("scratch")}, nil
}

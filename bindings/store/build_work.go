package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
	build   *Build
	plan    *dockerfile.Plan
	bases   map[string]*base
	views   *views
	stages  map[*dockerfile.Stage]*stageWork
	numbers map[*dockerfile.Step]int // for the events
	once    singleflight.Group       // steps of several stages that are the same

	told    sync.Mutex // held while an event is told
	shown   map[int]bool
	mutex   sync.Mutex
	picks   map[*dockerfile.Step]*picked
	running sync.WaitGroup
	fetched map[string]string // what ADD names → its path
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

func newWork(s *Store, b *Build, plan *dockerfile.Plan, bases map[string]*base) *work {
	w := &work{
		Store: s, build: b, plan: plan, bases: bases, views: s.newViews(),
		stages: map[*dockerfile.Stage]*stageWork{}, numbers: map[*dockerfile.Step]int{},
		shown: map[int]bool{}, picks: map[*dockerfile.Step]*picked{}, fetched: map[string]string{},
	}
	number := 0
	for _, stage := range plan.Stages {
		number++
		w.stages[stage] = &stageWork{number: number, done: make(chan struct{})}
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer w.running.Wait()
	if err := w.pickAll(ctx); err != nil {
		return stack{}, err
	}
	for _, stage := range w.plan.Stages {
		if err := w.look(ctx, stage); err != nil {
			return stack{}, err
		}
	}
	result, err := w.stage(ctx, w.plan.Stages[len(w.plan.Stages)-1], cancel)
	if err != nil {
		// What failed first is the reason; the rest was only cancelled.
		cancel(err)
		w.running.Wait()
		if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
			err = cause
		}
	}
	return result, err
}

// stage waits for a stage's result, and has it built if nobody else has.
func (w *work) stage(ctx context.Context, stage *dockerfile.Stage, cancel context.CancelCauseFunc) (stack, error) {
	w.begin(ctx, stage, cancel)
	sw := w.stages[stage]
	select {
	case <-sw.done:
		return sw.result, sw.err
	case <-ctx.Done():
		return stack{}, ctx.Err()
	}
}

// begin starts a stage's work.
func (w *work) begin(ctx context.Context, stage *dockerfile.Stage, cancel context.CancelCauseFunc) {
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
		if sw.result, sw.err = w.steps(ctx, stage, cancel); sw.err != nil {
			cancel(sw.err)
		}
	}()
}

// steps does what a stage says.
func (w *work) steps(ctx context.Context, stage *dockerfile.Stage, cancel context.CancelCauseFunc) (at stack, err error) {
	sw := w.stages[stage]
	if at = sw.at; sw.first == 0 {
		if at, err = w.from(ctx, stage, cancel); err != nil {
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
				w.begin(ctx, other, cancel)
			}
		}
	}
	for _, step := range stage.Steps[sw.first:] {
		if at, err = w.step(ctx, step, at, cancel); err != nil {
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
func (w *work) from(ctx context.Context, stage *dockerfile.Stage, cancel context.CancelCauseFunc) (stack, error) {
	switch base := stage.Base; {
	case base.Stage != nil:
		return w.stage(ctx, base.Stage, cancel)
	case base.Image != "":
		return w.bases[base.Key()].stack, nil
	}
	return stack{key: keyOf("scratch")}, nil
}

// step does one step, or finds what it has made before.
func (w *work) step(ctx context.Context, step *dockerfile.Step, below stack, cancel context.CancelCauseFunc) (stack, error) {
	if err := ctx.Err(); err != nil {
		return stack{}, err
	}
	keys := make([]digest.Digest, 1, 2)
	for wait := false; ; wait = true {
		if wait { // nothing is known of a stage, or it is needed
			for _, other := range needs(step) {
				if _, err := w.stage(ctx, other, cancel); err != nil {
					return stack{}, err
				}
			}
		}
		var err error
		if keys[0], err = w.key(ctx, step, below.key); err != nil {
			return stack{}, w.failed(step, err)
		}
		if made, found := w.find(step, keys[0]); found {
			w.cachedStep(step)
			return made, nil
		}
		if wait || len(needs(step)) == 0 {
			break
		}
	}
	if step.Copy != nil && step.Copy.From.Context == "" {
		content, err := w.contentKey(ctx, step, below.key)
		if err != nil {
			return stack{}, w.failed(step, err)
		}
		if made, found := w.find(step, content); found {
			w.cachedStep(step)
			return made, w.keep(step.Name, made, keys[0])
		}
		keys = append(keys, content)
	}
	w.tell(StepEvent{Step: w.numbers[step], Name: step.Name})
	// The same step in two stages is done once.
	result, err, _ := w.once.Do(keys[0].String(), func() (any, error) { return w.do(ctx, step, below, keys) })
	if err != nil {
		return stack{}, w.failed(step, err)
	}
	w.tell(StepEvent{Step: w.numbers[step], Name: step.Name, Ends: true})
	return result.(stack), nil
}

// find looks a step up in the cache.
func (w *work) find(step *dockerfile.Step, key digest.Digest) (stack, bool) {
	if step.NoCache || key == "" {
		return stack{}, false
	}
	return w.recall(key)
}

// do does a step, and puts its layer into the store and the cache.
func (w *work) do(ctx context.Context, step *dockerfile.Step, below stack, keys []digest.Digest) (result stack, err error) {
	layer, err := w.layer(ctx, step, below)
	if err != nil {
		return stack{}, err
	}
	defer func() { err = errors.Join(err, layer.remove()) }()
	done, err := w.committing(ctx)
	if err != nil {
		return stack{}, err
	}
	defer done()
	result = stack{
		key:    keyOf(keys[0], layer.diffID),
		layers: append(below.layers[:len(below.layers):len(below.layers)], stacked{layer.diffID, layer.size}),
	}
	if result.top, err = w.putLayer(below.top, layer); err != nil {
		return stack{}, err
	}
	return result, w.keep(step.Name, result, keys...)
}

// layer does what a step says, beside the store.
func (w *work) layer(ctx context.Context, step *dockerfile.Step, below stack) (*unpacked, error) {
	if step.Run != nil {
		return w.run(ctx, step, below)
	}
	root, err := w.below(below)
	if err != nil {
		return nil, err
	}
	if step.Workdir != nil {
		return w.workdirLayer(ctx, step.Workdir, root)
	}
	picked, err := w.picked(ctx, step)
	if err != nil {
		return nil, err
	}
	return w.layerOfCopy(ctx, step.Copy, picked, root)
}

// run runs the process of a step.
func (w *work) run(ctx context.Context, step *dockerfile.Step, below stack) (*unpacked, error) {
	p := process{Run: step.Run, top: below.top, build: w.build}
	p.stdout, p.stderr = &stepOutput{w, step, false}, &stepOutput{w, step, true}
	for _, mount := range step.Run.Mounts {
		root := ""
		if !mount.From.None() {
			var err error
			if root, err = w.root(mount.From); err != nil {
				return nil, err
			}
		}
		p.roots = append(p.roots, root)
	}
	return w.runLayer(ctx, p)
}

// root is the directory of the files of a source. Its stage is built.
func (w *work) root(from dockerfile.Source) (string, error) {
	switch {
	case from.Context != "":
		return w.build.Directories[from.Context], nil
	case from.Stage != nil:
		return w.views.root(w.stages[from.Stage].result.top)
	}
	return w.views.root(w.bases[from.Key()].top)
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

// below is the directory of the files that a step begins with, "" for none.
func (w *work) below(at stack) (string, error) {
	if at.top == "" {
		return "", nil
	}
	return w.views.root(at.top)
}

// failed places an error in the Dockerfile, and tells it.
func (w *work) failed(step *dockerfile.Step, err error) error {
	var placed *dockerfile.Error
	ended := errors.Is(err, context.Canceled)
	w.tell(StepEvent{Step: w.numbers[step], Name: step.Name, Ends: true, Err: err})
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

// fetch gets what ADD names, once.
func (w *work) fetch(ctx context.Context, item dockerfile.Item) (string, error) {
	name := cmp.Or(item.URL, item.Git)
	w.mutex.Lock()
	path, found := w.fetched[name]
	w.mutex.Unlock()
	if found {
		return path, nil
	}
	dir := filepath.Join(w.temp, fmt.Sprint("fetched-", digest.FromString(name).Encoded()[:12]))
	path, err := w.build.Fetch(ctx, item, dir)
	if err != nil {
		return "", err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.fetched[name] = path
	return path, nil
}

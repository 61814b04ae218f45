package store

import (
	"cmp"
	"context"
	"errors"

	"dockless/bindings/dockerfile"

	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
)

// take brings a step out of a cache of --cache-from into the store and into this
// machine's cache, with those steps below it that are known. found is false if
// the step has to be done after all.
func (w *work) take(ctx context.Context, step *dockerfile.Step, key digest.Digest, below ...*dockerfile.Step) (made stack, found bool, err error) {
	told := w.told(step)
	for range maxRetries {
		offered, from := w.offered(key)
		if from == nil {
			return stack{}, false, nil
		}
		made, err := w.fetchStep(ctx, offered, from, told.layers(), func(made stack) error {
			w.know(step, made, key)
			return cmp.Or(w.keep(step.Name, made, key), w.keepBelow(below, made))
		})
		if err == nil {
			return made, true, nil
		}
		if ctx.Err() != nil {
			return stack{}, false, err
		}
		if !isGone(err) {
			told.print([]byte("ERROR: the cache is of no use: "+err.Error()+"\n"), true)
		}
	}
	return stack{}, false, nil
}

// fetchStep puts the layers of a result into the store; then it is to be kept.
func (w *work) fetchStep(ctx context.Context, made stack, from *imported, show Progress, keep func(stack) error) (_ stack, err error) {
	w.taking.Lock() // several stages may have layers in common
	defer w.taking.Unlock()
	layers, err := w.absent(made, from)
	if err != nil {
		return stack{}, err
	}
	defer func() { err = errors.Join(err, removeStaged(layers)) }()
	below := w.baseOf(made)
	missing := w.missing(below.top, layers, untold)
	if from.source == nil && len(missing) > 0 {
		return stack{}, storage.ErrLayerUnknown
	}
	if err := w.fetchLayers(ctx, from.source, missing, show); err != nil {
		if ctx.Err() == nil {
			from.forget(missing)
		}
		return stack{}, err
	}
	done, err := w.committing(ctx)
	if err != nil {
		return stack{}, err
	}
	defer done()
	if made.top, err = w.putLayers(below.top, layers, show); err != nil {
		return stack{}, err
	}
	return made, keep(made)
}

// forget takes layers for absent that could not be fetched.
func (i *imported) forget(layers []*remoteLayer) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for _, layer := range layers {
		if layer.bad {
			delete(i.blobs, layer.diffID)
		}
	}
}

// begun is what a stage begins with that look has found: out of the cache, or
// out of one of --cache-from. found is false if it is not to be had after all.
func (w *work) begun(ctx context.Context, stage *dockerfile.Stage) (at stack, found bool, err error) {
	sw := w.stages[stage]
	if sw.first == 0 || sw.at.top != "" {
		return sw.at, sw.first > 0, nil
	}
	last := sw.first - 1
	return w.take(ctx, stage.Steps[last], w.knownOf(stage.Steps[last]).keys[0], stage.Steps[:last]...)
}

// keepBelow keeps the steps in the cache on whose layers one stands that was
// taken.
func (w *work) keepBelow(steps []*dockerfile.Step, at stack) error {
	tops := make([]string, len(at.layers)+1)
	for id, i := at.top, len(at.layers); i > 0 && id != ""; i-- {
		tops[i] = id
		layer, err := w.Layer(id)
		if err != nil {
			return err
		}
		id = layer.Parent
	}
	for _, step := range steps {
		known := w.knownOf(step)
		if known == nil || known.made.top != "" || !hasBelow(at.layers, known.made.layers) {
			continue
		}
		made := known.made
		made.top = tops[len(made.layers)]
		w.know(step, made, known.keys...)
		if err := w.keep(step.Name, made, known.keys...); err != nil {
			return err
		}
	}
	return nil
}

// keepRest keeps what is known of the steps that nobody has needed, and whose
// layers are still where they were: the next build knows what they make.
func (w *work) keepRest() error {
	for _, stage := range w.plan.Stages {
		for _, step := range stage.Steps {
			known := w.knownOf(step)
			if known == nil || known.made.top != "" {
				continue
			}
			if err := w.keep(step.Name, known.made, known.keys...); err != nil {
				return err
			}
		}
	}
	return nil
}

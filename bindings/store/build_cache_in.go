package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// imported is a cache of --cache-from. Nothing but its records has been read.
type imported struct {
	source types.ImageSource // nil: an image of this store
	steps  map[digest.Digest]stack

	mutex sync.Mutex
	blobs map[digest.Digest]types.BlobInfo // of layers by diffID, those that are what they should be
}

// notCache is the media type of a configuration that has no records of ours.
type notCache string

func (n notCache) Error() string {
	return fmt.Sprintf("there is no build cache of dockless in it, but %q", string(n))
}

// importCaches reads the records of the caches that the build may take from.
// One that is not to be had is no error of the build.
func (s *Store) importCaches(ctx context.Context, b *Build, platform imagespec.Platform) []*imported {
	var found []*imported
	for _, place := range b.CacheFrom {
		ended := b.Importing(place.Shown)
		cache, kind, err := s.importCache(ctx, place, platform)
		var foreign notCache
		switch {
		case errors.As(err, &foreign):
			ended("passing over what is no build cache of dockless: "+string(foreign), nil)
			continue
		case err != nil:
			ended("", fmt.Errorf("failed to configure %s cache importer: %w", place.Kind, err)) //nolint:revive // Docker's words
			continue
		}
		ended("inferred cache manifest type: "+kind, nil)
		found = append(found, cache)
	}
	return found
}

func (s *Store) importCache(ctx context.Context, place CachePlace, platform imagespec.Platform) (found *imported, kind string, err error) {
	if place.Kind == "registry" {
		if found, kind = s.inlineHere(place.Name); found != nil {
			return found, kind, nil
		}
	}
	remote, err := s.openCache(ctx, place, platform)
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remote.Close())
		}
	}()
	unparsed, _, err := remote.instance(s.system)
	if err != nil {
		return nil, "", notCache(remote.mime) // BuildKit's list, of no platform
	}
	if _, err := s.policy.IsRunningImageAllowed(ctx, unparsed); err != nil {
		return nil, "", err
	}
	d, err := s.newDownload(ctx, remote, unparsed)
	var other notImage
	if errors.As(err, &other) {
		return nil, "", notCache(other)
	}
	if err != nil && place.Name != nil {
		err = registryError(place.Name, err)
	}
	if err != nil {
		return nil, "", err
	}
	found, err = readCache(d.config, remote.mime)
	if err != nil {
		return nil, "", err
	}
	found.source = remote.source
	for _, layer := range d.layers {
		found.blobs[layer.diffID] = layer.blob
	}
	return found, remote.mime, nil
}

// inlineHere reads the records out of an image of this store.
func (s *Store) inlineHere(name reference.Named) (found *imported, kind string) {
	image, err := s.Image(reference.TagNameOnly(name).String())
	if err != nil {
		return nil, ""
	}
	text, err := s.ImageBigData(image.ID, digest.NewDigestFromEncoded(digest.Canonical, image.ID).String())
	if err != nil {
		return nil, ""
	}
	kind = "an image of this machine"
	if found, err = readCache(text, kind); err != nil {
		return nil, ""
	}
	return found, kind
}

// readCache reads the records out of a configuration.
func readCache(text []byte, kind string) (*imported, error) {
	var config cacheConfig
	if !bytes.Contains(text, []byte(`"dockless.cache.v1"`)) {
		return nil, notCache(kind)
	}
	if err := json.Unmarshal(text, &config); err != nil || config.Cache == nil {
		return nil, notCache(kind)
	}
	return &imported{steps: config.Cache.stacks(), blobs: map[digest.Digest]types.BlobInfo{}}, nil
}

// close ends the connection.
func (i *imported) close() error {
	if i.source == nil {
		return nil
	}
	return i.source.Close()
}

// offered looks a step up in the caches of --cache-from. Its layers are in the
// store or can be fetched from one, else that is nil: then all that is known is
// what the step makes.
func (w *work) offered(key digest.Digest) (made stack, from *imported) {
	for _, cache := range w.imports {
		found, known := cache.steps[key]
		if !known {
			continue
		}
		if _, err := w.absent(found, cache); err == nil {
			return found, cache
		}
		if made.key == "" {
			made = found
		}
	}
	return made, nil
}

// absent are the layers of a result on top of its base, the lowest first. It fails
// if one is neither in the store nor to be had.
func (w *work) absent(made stack, from *imported) ([]*remoteLayer, error) {
	from.mutex.Lock()
	defer from.mutex.Unlock()
	below := w.baseOf(made)
	parent, whole := below.top, true
	var layers []*remoteLayer
	for _, layer := range made.layers[len(below.layers):] {
		if whole {
			parent, whole = w.layerOn(parent, layer.DiffID)
		}
		blob, found := from.blobs[layer.DiffID]
		if !whole && !found {
			return nil, storage.ErrLayerUnknown
		}
		if !found {
			blob.Digest = layer.DiffID
		}
		layers = append(layers, &remoteLayer{blob: blob, diffID: layer.DiffID})
	}
	return layers, nil
}

// baseOf is the image of this build whose layers are the lowest of a result.
func (w *work) baseOf(made stack) stack {
	var best stack
	for _, base := range w.bases {
		if len(base.layers) > len(best.layers) && hasBelow(made.layers, base.layers) {
			best = base.stack
		}
	}
	return best
}

func hasBelow(layers, below []stacked) bool {
	if len(below) > len(layers) {
		return false
	}
	for i, layer := range below {
		if layers[i].DiffID != layer.DiffID {
			return false
		}
	}
	return true
}

// take brings a step out of a cache of --cache-from into the store and into this
// machine's cache, with those steps below it that are known. found is false if
// the step has to be done after all.
func (w *work) take(ctx context.Context, step *dockerfile.Step, key digest.Digest, below ...*dockerfile.Step) (made stack, found bool, err error) {
	for range maxRetries {
		offered, from := w.offered(key)
		if from == nil {
			return stack{}, false, nil
		}
		made, err := w.fetchStep(ctx, offered, from, func(made stack) error {
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
			w.tell(StepEvent{Step: w.numbers[step], Name: step.Name, Stderr: true, Output: []byte("ERROR: the cache is of no use: " + err.Error() + "\n")})
		}
	}
	return stack{}, false, nil
}

// fetchStep puts the layers of a result into the store; then it is to be kept.
func (w *work) fetchStep(ctx context.Context, made stack, from *imported, keep func(stack) error) (_ stack, err error) {
	w.taking.Lock() // several stages may have layers in common
	defer w.taking.Unlock()
	layers, err := w.absent(made, from)
	if err != nil {
		return stack{}, err
	}
	defer func() { err = errors.Join(err, removeStaged(layers)) }()
	below := w.baseOf(made)
	quiet := func(string, string, int64, int64) {}
	missing := w.missing(below.top, layers, quiet)
	if from.source == nil && len(missing) > 0 {
		return stack{}, storage.ErrLayerUnknown
	}
	if err := w.fetchLayers(ctx, from.source, missing, quiet); err != nil {
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
	if made.top, err = w.putLayers(below.top, layers, quiet); err != nil {
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

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

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
func (s *Store) importCaches(ctx context.Context, b *Build, platform imagespec.Platform, told *telling) []*imported {
	var found []*imported
	for _, place := range b.CacheFrom {
		step := told.another("importing cache manifest from " + place.Shown)
		cache, kind, err := s.importCache(ctx, place, platform)
		var foreign notCache
		switch {
		case errors.As(err, &foreign):
			step.did("passing over what is no build cache of dockless: " + string(foreign))
			step.end(nil)
			continue
		case err != nil:
			step.end(fmt.Errorf("failed to configure %s cache importer: %w", place.Kind, err)) //nolint:revive // Docker's words
			continue
		}
		step.did("inferred cache manifest type: " + kind)
		step.end(nil)
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

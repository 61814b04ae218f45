package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	ocilayout "github.com/containers/image/v5/oci/layout"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A cache that travels is an image's manifest, in a registry or in a directory
// that is an OCI image layout: with the layers, and with a configuration that
// has the records of the steps in a field. An image with an inline cache has
// that field in its own configuration. A layer of a base is named in the records
// but not sent along: who builds with the cache has the base.

// cacheMediaType is that of a configuration that is a cache's and no image's.
const cacheMediaType = "application/vnd.dockless.buildcache.config.v1+json"

// cacheConfig is the part of a configuration that matters for a cache.
type cacheConfig struct {
	RootFS imagespec.RootFS `json:"rootfs"` // of the manifest's layers, one by one
	Cache  *cacheTable      `json:"dockless.cache.v1,omitempty"`
}

// cacheTable are the records of steps.
type cacheTable struct {
	Layers []stacked // of all of them, each once
	Steps  []cacheEntry
}

func newCacheTable() *cacheTable { return &cacheTable{Layers: []stacked{}, Steps: []cacheEntry{}} }

// cacheEntry is the record of one step. It helps without its layers, too: what
// takes files from it is known.
type cacheEntry struct {
	Keys   []digest.Digest // of what it was made from
	Made   digest.Digest   // the key of what has come of it
	Layers []int           // of its result, the lowest first
}

// add adds a step, once.
func (t *cacheTable) add(known *knownStep, keys []digest.Digest) {
	if slices.ContainsFunc(t.Steps, func(e cacheEntry) bool { return e.Made == known.made.key && slices.Equal(e.Keys, keys) }) {
		return
	}
	entry := cacheEntry{Keys: keys, Made: known.made.key}
	for _, layer := range known.made.layers {
		at := slices.IndexFunc(t.Layers, func(l stacked) bool { return l.DiffID == layer.DiffID })
		if at < 0 {
			at = len(t.Layers)
			t.Layers = append(t.Layers, layer)
		}
		entry.Layers = append(entry.Layers, at)
	}
	t.Steps = append(t.Steps, entry)
}

// stacks are the results of the steps by key. What does not make sense is left
// out: anybody may have written the table.
func (t *cacheTable) stacks() map[digest.Digest]stack {
	found := map[digest.Digest]stack{}
	for _, entry := range t.Steps {
		made := stack{key: entry.Made}
		for _, at := range entry.Layers {
			if at >= 0 && at < len(t.Layers) && t.Layers[at].DiffID.Validate() == nil {
				made.layers = append(made.layers, t.Layers[at])
			}
		}
		if made.key.Validate() != nil || len(made.layers) == 0 || len(made.layers) != len(entry.Layers) {
			continue
		}
		for _, key := range entry.Keys {
			found[key] = made
		}
	}
	return found
}

// CachePlace is where a build cache is, outside of this machine's.
type CachePlace struct {
	Kind  string          // registry, local, or inline: in the image that is built
	Name  reference.Named // with registry
	Dir   string          // with local: an OCI image layout
	Tag   string          // with local: the name in Dir's index; "" is latest
	Shown string          // as progress names it
}

// open looks the cache up.
func (s *Store) openCache(ctx context.Context, place CachePlace, platform imagespec.Platform) (*Remote, error) {
	var r *Remote
	switch place.Kind {
	case "registry":
		var err error
		if r, err = s.Find(ctx, place.Name, platform); err != nil {
			return nil, err
		}
	case "local":
		ref, err := ocilayout.NewReference(place.Dir, cmp.Or(place.Tag, "latest"))
		if err != nil {
			return nil, err
		}
		source, err := ref.NewImageSource(ctx, s.system)
		if err != nil {
			return nil, fmt.Errorf("reading the cache in %s: %w", place.Dir, err)
		}
		r = &Remote{source: source, platform: platform}
		if r.manifest, r.mime, err = source.GetManifest(ctx, nil); err != nil {
			return nil, fmt.Errorf("reading the cache in %s: %w", place.Dir, err)
		}
	default:
		return nil, fmt.Errorf("unknown cache importer: %s", place.Kind)
	}
	r.config = cacheMediaType
	return r, nil
}

// knownStep is what a build has found out about a step.
type knownStep struct {
	keys []digest.Digest
	made stack
}

// know notes what a step is made from and what comes of it.
func (w *work) know(step *dockerfile.Step, made stack, keys ...digest.Digest) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.known[step] = &knownStep{keys, made}
}

func (w *work) knownOf(step *dockerfile.Step) *knownStep {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.known[step]
}

// otherKeys finds under which keys the cache has results, by the results' keys:
// what was made from the same content may be found again by that alone.
func (s *Store) otherKeys() (map[digest.Digest][]digest.Digest, error) {
	entries, err := os.ReadDir(s.stepRecords())
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("reading the build cache: %w", err)
	}
	keys := map[digest.Digest][]digest.Digest{}
	for _, entry := range entries {
		var record stepRecord
		text, err := os.ReadFile(filepath.Join(s.stepRecords(), entry.Name()))
		if err == nil && json.Unmarshal(text, &record) == nil {
			keys[record.Key] = append(keys[record.Key], digest.NewDigestFromEncoded(digest.Canonical, entry.Name()))
		}
	}
	return keys, nil
}

// addTo adds the records of all steps to a table; each is called for each of them.
func (w *work) addTo(table *cacheTable, each func(*dockerfile.Stage, *dockerfile.Step, *knownStep)) error {
	others, err := w.otherKeys()
	if err != nil {
		return err
	}
	for _, stage := range w.plan.Stages {
		for _, step := range stage.Steps {
			known := w.knownOf(step)
			if known == nil || len(known.made.layers) == 0 {
				continue
			}
			keys := slices.Concat(known.keys, others[known.made.key])
			slices.Sort(keys)
			table.add(known, slices.Compact(keys))
			each(stage, step, known)
		}
	}
	return nil
}

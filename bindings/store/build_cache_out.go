package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/manifest"
	ocilayout "github.com/containers/image/v5/oci/layout"
	"github.com/containers/image/v5/pkg/blobinfocache/none"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// cacheExport is a cache on its way to a registry or into a directory.
type cacheExport struct {
	push
	work   *work
	table  *cacheTable
	layers []pushLayer                      // those of the table that no base has, each once
	blobs  map[digest.Digest]types.BlobInfo // what may be there already, by diffID
}

// ExportCache sends the records and the layers of the build's steps: those of the
// target, or of all stages. wrote is told the name of each thing that is written,
// show how far layers are.
// Source: https://docs.docker.com/build/cache/backends/
func (b *Built) ExportCache(ctx context.Context, to CachePlace, everything bool, show Progress, wrote func(string)) (err error) {
	s := b.works[0].Store
	e := &cacheExport{blobs: map[digest.Digest]types.BlobInfo{}, table: newCacheTable()}
	e.push = push{store: s, cache: s.cache(), show: show}
	for _, cache := range b.imports {
		for diffID, blob := range cache.blobs {
			e.blobs[diffID] = blob
		}
	}
	if to.Kind == "local" {
		if err := os.MkdirAll(to.Dir, 0o755&^Umask()); err != nil {
			return err
		}
		turn, err := lockDirectory(to.Dir, unix.LOCK_EX)
		if err != nil {
			return fmt.Errorf("locking %s: %w", to.Dir, err)
		}
		defer turn.Close()
		e.before(ctx, to)
	}
	if err := e.open(ctx, to); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.target.Close()) }()
	listed := map[digest.Digest]bool{}
	for _, e.work = range b.works {
		stages := e.work.plan.Stages
		if !everything {
			all := stages
			stages = nil
			for stage := all[len(all)-1]; stage != nil; stage = stage.Base.Stage {
				stages = append(stages, stage)
			}
		}
		err := e.work.addTo(e.table, func(stage *dockerfile.Stage, step *dockerfile.Step, known *knownStep) {
			if slices.Contains(stages, stage) {
				e.list(ctx, e.work.rootOf(stage), step, known, listed)
			}
		})
		if err != nil {
			return err
		}
	}
	if err = e.write(ctx, wrote); err != nil && to.Name != nil {
		err = registryRefused("push", to.Name, err)
	}
	return err
}

// before finds out which layers a directory has from the last time.
func (e *cacheExport) before(ctx context.Context, to CachePlace) {
	old, err := e.store.openCache(ctx, to, imagespec.Platform{})
	if err != nil {
		return
	}
	defer old.Close()
	unparsed, _, err := old.instance(e.store.system)
	if err != nil {
		return
	}
	if d, err := e.store.newDownload(ctx, old, unparsed); err == nil {
		for _, layer := range d.layers {
			e.blobs[layer.diffID] = layer.blob
		}
	}
}

func (e *cacheExport) open(ctx context.Context, to CachePlace) (err error) {
	if to.Kind == "local" {
		ref, err := ocilayout.NewReference(to.Dir, cmp.Or(to.Tag, "latest"))
		if err == nil {
			e.target, err = ref.NewImageDestination(ctx, e.store.system)
		}
		return err
	}
	tagged, is := reference.TagNameOnly(to.Name).(reference.NamedTagged)
	if !is {
		return fmt.Errorf("a cache cannot be written under a digest: %s", to.Name)
	}
	e.name = tagged
	e.target, err = e.store.destination(ctx, tagged)
	return err
}

// list lists the layers of a result to be sent, unless somebody has removed them.
func (e *cacheExport) list(ctx context.Context, below stack, step *dockerfile.Step, known *knownStep, listed map[digest.Digest]bool) {
	layers, err := e.find(ctx, below, step, known)
	if err != nil {
		return
	}
	for _, layer := range layers {
		if !listed[layer.diffID] {
			listed[layer.diffID] = true
			e.layers = append(e.layers, layer)
		}
	}
}

// find finds the layers of a result on top of its base.
func (e *cacheExport) find(ctx context.Context, below stack, step *dockerfile.Step, known *knownStep) ([]pushLayer, error) {
	var layers []pushLayer
	parent, here := below.top, true
	for _, layer := range known.made.layers[len(below.layers):] {
		blob := cmp.Or(e.blobs[layer.DiffID].Digest, layer.DiffID)
		l := pushLayer{diffID: layer.DiffID, info: e.blobs[layer.DiffID]}
		l.info.Digest = blob
		if here {
			if parent, here = e.store.layerOn(parent, layer.DiffID); here {
				var err error
				if l.Layer, err = e.store.Layer(parent); err != nil {
					return nil, err
				}
			}
		}
		if !here {
			there, _, err := e.target.TryReusingBlob(ctx, l.info, none.NoCache, false)
			if err != nil || !there {
				return e.fetch(ctx, below, step, known)
			}
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// fetch gets a result out of the cache that has it, as it has to go into another.
func (e *cacheExport) fetch(ctx context.Context, below stack, step *dockerfile.Step, known *knownStep) ([]pushLayer, error) {
	for _, cache := range e.work.imports {
		if _, err := e.work.absent(known.made, cache); err != nil {
			continue
		}
		keep := func(made stack) error { return e.store.keep(step.Name, made, known.keys...) }
		if _, err := e.work.fetchStep(ctx, known.made, cache, untold, keep); err == nil {
			return e.find(ctx, below, step, known)
		}
	}
	return nil, errors.New("no cache has it")
}

// rootOf is what a stage stands on that was not built.
func (w *work) rootOf(stage *dockerfile.Stage) stack {
	for stage.Base.Stage != nil {
		stage = stage.Base.Stage
	}
	if stage.Base.Image == "" {
		return stack{}
	}
	return w.bases[stage.Base.Key()].stack
}

// write sends the layers, then what describes them.
func (e *cacheExport) write(ctx context.Context, wrote func(string)) error {
	sent, err := e.putLayers(ctx, e.layers)
	if err != nil {
		return err
	}
	config := cacheConfig{RootFS: imagespec.RootFS{Type: "layers", DiffIDs: []digest.Digest{}}, Cache: e.table}
	about := imagespec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imagespec.MediaTypeImageManifest, Layers: []imagespec.Descriptor{}}
	for i, layer := range e.layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.diffID)
		about.Layers = append(about.Layers, imagespec.Descriptor{MediaType: imagespec.MediaTypeImageLayerGzip, Digest: sent[i].Digest, Size: sent[i].Size})
		wrote("writing layer " + sent[i].Digest.String())
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if len(text) > maxConfig {
		return fmt.Errorf("the records of this build are larger than %d MB: use mode=min", maxConfig>>20)
	}
	about.Config = imagespec.Descriptor{MediaType: cacheMediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	err = e.store.patiently(ctx, func(ctx context.Context) error {
		_, err := e.target.PutBlob(ctx, bytes.NewReader(text), types.BlobInfo{Digest: about.Config.Digest, Size: about.Config.Size, MediaType: cacheMediaType}, e.cache, true)
		return err
	})
	if err != nil {
		return err
	}
	wrote("writing config " + about.Config.Digest.String())
	written, err := e.putAbout(ctx, about)
	if err != nil {
		return err
	}
	wrote("writing cache image manifest " + written.String())
	return e.target.Commit(ctx, nil)
}

// putAbout sends the manifest, in docker's format to a registry of before OCI.
func (e *cacheExport) putAbout(ctx context.Context, about imagespec.Manifest) (digest.Digest, error) {
	text, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	put := func(ctx context.Context) error { return e.target.PutManifest(ctx, text, nil) }
	err = e.store.patiently(ctx, put)
	var refused types.ManifestTypeRejectedError
	if errors.As(err, &refused) {
		layers := make([]manifest.Schema2Descriptor, len(about.Layers))
		for i, layer := range about.Layers {
			layers[i] = manifest.Schema2Descriptor{MediaType: manifest.DockerV2Schema2LayerMediaType, Digest: layer.Digest, Size: layer.Size}
		}
		config := manifest.Schema2Descriptor{MediaType: cacheMediaType, Digest: about.Config.Digest, Size: about.Config.Size}
		if text, err = manifest.Schema2FromComponents(config, layers).Serialize(); err != nil {
			return "", err
		}
		err = e.store.patiently(ctx, put)
	}
	return digest.FromBytes(text), err
}

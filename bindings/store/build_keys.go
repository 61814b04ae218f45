package store

import (
	"context"
	"path/filepath"
	"slices"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
)

// pickAll looks at all that comes from the contexts before anything is done:
// what is not there is said at once.
func (w *work) pickAll(ctx context.Context) error {
	defer w.loaded()
	for _, stage := range w.plan.Stages {
		for _, step := range stage.Steps {
			if err := w.pickContexts(ctx, step); err != nil {
				w.loaded()
				w.told(step).goOn()
				return w.failed(ctx, step, err)
			}
		}
	}
	return nil
}

func (w *work) pickContexts(ctx context.Context, step *dockerfile.Step) error {
	if step.Copy != nil && step.Copy.From.Context != "" && !fetches(step.Copy) {
		w.load(step.Copy.From.Context)
		_, err := w.picked(ctx, step)
		return err
	}
	if step.Run == nil {
		return nil
	}
	for _, mount := range step.Run.Mounts {
		if mount.From.Context == "" {
			continue
		}
		w.load(mount.From.Context)
		if _, err := w.mountKey(ctx, mount); err != nil {
			return err
		}
	}
	return nil
}

func fetches(c *dockerfile.Copy) bool {
	for _, item := range c.Items {
		if item.URL != "" || item.Git != "" {
			return true
		}
	}
	return false
}

// look finds out how much of a stage has been built before: nothing is done for
// that but to read the cache.
func (w *work) look(ctx context.Context, stage *dockerfile.Stage) error {
	sw := w.stages[stage]
	key := keyOf("scratch")
	switch base := stage.Base; {
	case base.Stage != nil:
		key = w.stages[base.Stage].key
	case base.Image != "":
		key = w.bases[base.Key()].key
	}
	for i, step := range stage.Steps {
		if key == "" || step.NoCache || step.Copy != nil && fetches(step.Copy) {
			return nil
		}
		of, err := w.key(ctx, step, key)
		if err != nil {
			return w.failed(ctx, step, err)
		}
		if of == "" { // what it takes files from has not been built before
			return nil
		}
		record, here := w.recall(of)
		if !here {
			made, from := w.offered(of)
			if here = from != nil; here || record.key == "" {
				record = made
			}
		}
		if key = record.key; key != "" {
			w.know(step, record, of)
		}
		if here {
			sw.first, sw.at = i+1, record
		}
	}
	sw.key = key
	return nil
}

// picked are the files that a step copies.
func (w *work) picked(ctx context.Context, step *dockerfile.Step) (*picked, error) {
	w.mutex.Lock()
	found := w.picks[step]
	w.mutex.Unlock()
	if found != nil {
		return found, nil
	}
	from, err := w.source(step.Copy.From)
	if err != nil {
		return nil, err
	}
	sources := make([]source, len(step.Copy.Items))
	for i, item := range step.Copy.Items {
		sources[i] = from
		if item.URL == "" && item.Git == "" {
			continue
		}
		path, err := w.fetch(ctx, step, item)
		if err != nil {
			return nil, err
		}
		sources[i] = source{root: filepath.Dir(path), file: path}
	}
	if found, err = w.pick(ctx, step.Copy, sources); err != nil {
		return nil, err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.picks[step] = found
	return found, nil
}

// source is what is copied from; its stage is built.
func (w *work) source(from dockerfile.Source) (source, error) {
	switch {
	case from.Context != "":
		return w.contextSource(from.Context), nil
	case from.None(): // ADD of URLs, or text of the Dockerfile
		return source{}, nil
	}
	root, err := w.root(from)
	return source{root: root, own: true}, err
}

// contextSource is a build context as a tree to copy from.
func (w *work) contextSource(name string) source {
	dir := w.build.Directories[name]
	from := source{root: dir, ignore: w.build.Ignore[name]}
	if !w.build.Fetched[name] {
		from.seen = w.memoryOf(dir)
	}
	if load := w.loads[name]; load != nil {
		from.read = load.read
	}
	return from
}

// key is the digest of what a step is made from: what it says and what it stands
// on, the content of what it takes from a context, and the keys of what it takes
// from stages. It is "" where nothing is known of one of these yet.
func (w *work) key(ctx context.Context, step *dockerfile.Step, below digest.Digest) (digest.Digest, error) {
	switch {
	case step.Workdir != nil:
		return keyOf("workdir", below, step.Workdir), nil
	case step.Copy != nil && (step.Copy.From.Stage != nil || step.Copy.From.Image != ""):
		c := *step.Copy
		from := w.sourceKey(c.From)
		if from == "" {
			return "", nil
		}
		c.From = dockerfile.Source{}
		return keyOf("copy", below, from, c), nil
	case step.Copy != nil:
		return w.contentKey(ctx, step, below)
	}
	return w.runKey(ctx, step.Run, below, w.mountKey)
}

// contentKey is the digest of a step that takes files from somewhere, which has
// been built: of the content. It is "" for other steps.
func (w *work) contentKey(ctx context.Context, step *dockerfile.Step, below digest.Digest) (digest.Digest, error) {
	switch {
	case step.Run != nil && slices.ContainsFunc(step.Run.Mounts, isPart):
		return w.runKey(ctx, step.Run, below, w.mountContent)
	case step.Copy == nil:
		return "", nil
	}
	picked, err := w.picked(ctx, step)
	if err != nil {
		return "", err
	}
	return keyOf("content", below, picked.digest()), nil
}

// sourceKey is the key of an image, or of a stage.
func (w *work) sourceKey(from dockerfile.Source) digest.Digest {
	if from.Stage == nil {
		return w.bases[from.Key()].key
	}
	sw := w.stages[from.Stage]
	select {
	case <-sw.done:
		return sw.result.key
	default:
		return sw.key
	}
}

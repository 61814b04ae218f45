package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/go-digest"
)

// step does one step, or finds what it has made before.
func (w *work) step(ctx context.Context, step *dockerfile.Step, below stack) (stack, error) {
	if err := ctx.Err(); err != nil {
		return stack{}, err
	}
	told := w.told(step)
	if step.Copy != nil && fetches(step.Copy) {
		told.goOn() // before anything is known of it
	}
	keys := make([]digest.Digest, 1, 2)
	for wait := false; ; wait = true {
		if wait { // nothing is known of a stage, or it is needed
			for _, other := range needs(step) {
				if _, err := w.stage(ctx, other); err != nil {
					return stack{}, err
				}
			}
		}
		var err error
		if keys[0], err = w.key(ctx, step, below.key); err != nil {
			return stack{}, w.failed(ctx, step, err)
		}
		if made, found, err := w.find(ctx, step, keys[0]); found || err != nil {
			return made, w.found(ctx, step, err)
		}
		if wait || len(needs(step)) == 0 {
			break
		}
	}
	content, err := w.contentKey(ctx, step, below.key)
	if err != nil {
		return stack{}, w.failed(ctx, step, err)
	}
	if content != "" && content != keys[0] {
		if made, found, err := w.find(ctx, step, content); found || err != nil {
			if err == nil {
				w.know(step, made, keys[0])
				err = w.keep(step.Name, made, keys[0])
			}
			return made, w.found(ctx, step, err)
		}
		keys = append(keys, content)
	}
	told.goOn()
	// The same step in two stages is done once.
	result, err, _ := w.once.Do(keys[0].String(), func() (any, error) { return w.do(ctx, step, below, keys) })
	if err != nil {
		return stack{}, w.failed(ctx, step, err)
	}
	w.know(step, result.(stack), keys...)
	told.end(nil)
	return result.(stack), nil
}

// find looks a step up in the cache, and in those of --cache-from.
func (w *work) find(ctx context.Context, step *dockerfile.Step, key digest.Digest) (made stack, found bool, err error) {
	if step.NoCache || key == "" {
		return stack{}, false, nil
	}
	if made, found = w.recall(key); found {
		w.know(step, made, key)
		return made, true, nil
	}
	return w.take(ctx, step, key)
}

// found tells of a step that nothing was to be done for, or why it cannot be had.
func (w *work) found(ctx context.Context, step *dockerfile.Step, err error) error {
	if err != nil {
		return w.failed(ctx, step, err)
	}
	w.cachedStep(step)
	return nil
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
	result = stack{key: keyOf(keys[0], layer.diffID), layers: below.plus(layer)}
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
	told := w.told(step)
	p.stdout, p.stderr = &stepOutput{told, false}, &stepOutput{told, true}
	for _, mount := range step.Run.Mounts {
		root := ""
		if !mount.From.None() {
			var err error
			if root, err = w.mountRoot(ctx, mount); err != nil {
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

// mountRoot is the directory of what is mounted. What .dockerignore names is not
// in it: then it is a copy of what is left.
func (w *work) mountRoot(ctx context.Context, mount dockerfile.Mount) (string, error) {
	if len(w.build.Ignore[mount.From.Context]) == 0 {
		return w.root(mount.From)
	}
	all := &dockerfile.Copy{From: mount.From, Items: []dockerfile.Item{{Path: mount.Source}}, Dest: "/", Parents: true}
	picked, err := w.pick(ctx, all, []source{w.contextSource(mount.From.Context)})
	if err != nil {
		return "", err
	}
	files, err := w.layerOfCopy(ctx, all, picked, "")
	if err != nil {
		return "", err
	}
	if files.whole {
		return "", errors.Join(fmt.Errorf("the store's driver, %s, cannot mount a context with a .dockerignore: use COPY", w.GraphDriverName()), files.remove())
	}
	w.views.closing(files.remove)
	return files.files(), nil
}

// below is the directory of the files that a step begins with, "" for none.
func (w *work) below(at stack) (string, error) {
	if at.top == "" {
		return "", nil
	}
	return w.views.root(at.top)
}

// fetch gets what a step of ADD names, once.
func (w *work) fetch(ctx context.Context, step *dockerfile.Step, item dockerfile.Item) (string, error) {
	name := fmt.Sprint(cmp.Or(item.URL, item.Git), " ", item.Checksum, item.KeepGitDir)
	w.mutex.Lock()
	path, found := w.fetched[name]
	w.mutex.Unlock()
	if found {
		return path, nil
	}
	dir := filepath.Join(w.temp, fmt.Sprint("fetched-", digest.FromString(name).Encoded()[:12]))
	if item.URL != "" {
		var done func() error
		var err error
		if dir, done, err = w.fetchedFrom(item.URL); err != nil {
			return "", fmt.Errorf("keeping what is downloaded: %w", err)
		}
		w.mutex.Lock()
		w.fetching = append(w.fetching, done)
		w.mutex.Unlock()
	}
	const task = "downloading"
	told, begun := w.told(step), false
	path, err := w.build.Fetch(ctx, item, dir, func(done, total int64) {
		begun = true
		told.task(task, done, total)
	})
	if err != nil {
		return "", err
	}
	if begun {
		told.did(task)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.fetched[name] = path
	return path, nil
}

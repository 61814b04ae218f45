package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"dockless/bindings/dockerfile"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// process is a RUN with what it needs.
type process struct {
	*dockerfile.Run
	top            string   // ID of the layer that it runs on; "": no files
	roots          []string // parallel to Run.Mounts: the directory that a bind or cache mount takes files from; "": none
	build          *Build   // Network, Hosts, Limits, Secrets, SSH
	stdout, stderr io.Writer
}

// ExitError is a process of RUN that has not ended well.
type ExitError struct {
	Process string // its command line
	Code    int    // its exit code
}

// Error has BuildKit's words.
func (e *ExitError) Error() string {
	return fmt.Sprintf("process %q did not complete successfully: exit code: %d", e.Process, e.Code)
}

// run is a process on its way.
type run struct {
	*Store
	process
	dir     string // below temp: the runtime's bundle, and all that is only for this process
	files   *writable
	spec    *specs.Spec
	network *network
	group   string // the control group in which a process with limits gets its own
	scoped  bool   // systemd has made it, and removes it
	places  []place
	caches  map[string]string // that it has taken: name → directory
	undo    []func() error    // what has to happen in the end, from the last to the first
}

// runLayer runs a process to its end and makes a layer of what it has changed.
// If the process does not end well the error is an *ExitError. As soon as ctx
// ends, or this process, all that RUN has started is killed.
func (s *Store) runLayer(ctx context.Context, p process) (layer *unpacked, err error) {
	r := &run{Store: s, process: p, caches: map[string]string{}}
	if r.dir, err = os.MkdirTemp(s.temp, runPrefix); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, r.end())
		if err != nil && layer != nil {
			err, layer = errors.Join(err, layer.remove()), nil
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	if err := r.process.execute(ctx, r); err != nil {
		return nil, err
	}
	if err := r.files.unmount(); err != nil {
		return nil, fmt.Errorf("unmounting the files of RUN: %w", err)
	}
	if err := r.forget(); err != nil {
		return nil, err
	}
	return r.files.layer(ctx)
}

// runPrefix begins the names of directories in temp, each for one process.
const runPrefix = "run-"

// execute runs the process.
func (p *process) execute(ctx context.Context, r *run) error {
	// The kernel ends what a thread has started with that thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	conf, err := r.runtimes.load()
	if err != nil {
		return err
	}
	mode, err := p.networkMode()
	if err != nil {
		return err
	}
	// Its own start takes as long as all the preparations here.
	box, err := r.startBox(ctx, mode)
	if err != nil {
		return fmt.Errorf("starting a container: %w", err)
	}
	defer box.end()
	if p.build.Limits.limited() {
		if err := r.confine(ctx, box.cmd.Process.Pid); err != nil {
			return err
		}
	}
	if err := r.prepare(ctx, conf, mode); err != nil {
		return err
	}
	if err := r.network.ready(ctx); err != nil {
		return err
	}
	ran := box.run(r.order(conf))
	return errors.Join(r.ended(ctx, box, ran), r.tidy())
}

// prepare makes the bundle: the files, the mounts and the configuration.
func (r *run) prepare(ctx context.Context, conf *runtimeConfig, mode string) (err error) {
	if r.files, err = r.writable(ctx, r.top); err != nil {
		return fmt.Errorf("mounting the files of RUN: %w", err)
	}
	r.undo = append(r.undo, r.files.close)
	if r.spec, err = r.configuration(conf, mode); err != nil {
		return err
	}
	if err := r.noteCgroup(conf); err != nil {
		return err
	}
	if err := r.makeDir(); err != nil {
		return err
	}
	if err := r.addMounts(ctx); err != nil {
		return err
	}
	if err := r.makePlaces(); err != nil {
		return err
	}
	text, err := json.Marshal(r.spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "config.json"), text, 0o600)
}

// end takes away all but the files that have changed.
func (r *run) end() error {
	var errs []error
	for _, undo := range slices.Backward(r.undo) {
		errs = append(errs, undo())
	}
	return errors.Join(append(errs, removeTemp(r.dir))...)
}

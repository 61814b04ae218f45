package store

import (
	"cmp"
	"context"
	"errors"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
)

// Build is what an image is built of, and how.
type Build struct {
	Dockerfile *dockerfile.File
	dockerfile.Options
	Directories map[string]string   // of the contexts: dockerfile.Main and those of --build-context
	Ignore      map[string][]string // patterns of .dockerignore, by context
	Names       []reference.Named
	Squash      bool
	CacheFrom   []CachePlace // caches to take from besides this machine's
	Inline      bool         // the image gets the records of its own steps
	Pull        bool         // also what is here
	Network     string       // of RUN: default, host, none
	Hosts       []string     // NAME:IP
	Limits      Limits
	Secrets     map[string]Secret
	SSH         map[string][]string // id → sockets or keys
	// Fetch puts what ADD names, a URL or a git repository, below dir and returns
	// its path. dir may hold what came of the URL before. show is told how many
	// bytes are here, and of how many; 0 is not known.
	Fetch func(ctx context.Context, item dockerfile.Item, dir string, show func(done, total int64)) (string, error)
	// Planned is told what there is to do, before anything is done. With an error
	// the build ends.
	Planned func(plan *dockerfile.Plan) error
	// Steps is told what becomes of each step, of one at a time.
	Steps func(StepEvent)
}

// Secret is a file or a value that RUN may see.
type Secret struct {
	File  string
	Value []byte // if File is ""
}

// Limits are those of the processes that RUN starts; zero values are none.
type Limits struct {
	CgroupParent         string
	CPUPeriod, CPUShares uint64
	CPUQuota             int64
	CPUs, Mems           string
	Memory, MemorySwap   int64
	ShmSize              string
	Ulimits              []string // NAME=SOFT:HARD
}

// StepEvent is what a build tells about one of its steps: that it begins, what
// it prints, how far it is, how it ends.
type StepEvent struct {
	Step        int    // tells the steps of a build apart, those with one name too; below 0: it is not among the plan's
	Name        string // as BuildKit names it: [stage 2/5] RUN make
	Output      []byte // that it has printed
	Stderr      bool   // where
	Task        string // a part of the step that takes its time: a layer, a download; "" for the step itself
	Done, Total int64  // of the task, in bytes; Total 0: not known
	Ends        bool   // the task, or the step
	Cached      bool   // its result was here
	Err         error  // why it ends
}

// Built is an image that was built. It must be closed.
type Built struct {
	ID      string
	work    *work
	imports []*imported
}

// Close ends connections.
func (b *Built) Close() (err error) {
	for _, cache := range b.imports {
		err = errors.Join(err, cache.close())
	}
	return err
}

// Build builds an image. With an error no name has changed.
func (s *Store) Build(ctx context.Context, b Build) (_ *Built, err error) {
	told := &telling{steps: b.Steps}
	found, err := s.bases(ctx, &b, told)
	if err != nil {
		return nil, err
	}
	plan, err := unlessDone(ctx, func() (*dockerfile.Plan, error) { return b.Dockerfile.Plan(b.Options, configs(found)) })
	if plan != nil {
		err = cmp.Or(err, b.Planned(plan))
	}
	if err != nil {
		return nil, err
	}
	if err := b.checkPlatforms(plan); err != nil {
		return nil, err
	}
	built := &Built{imports: s.importCaches(ctx, &b, plan.Stages[len(plan.Stages)-1].Platform, told)}
	defer func() {
		if err != nil {
			err = errors.Join(err, built.Close())
		}
	}()
	// What somebody removes between our look and our use is made again.
	for tries := 0; ; tries++ {
		err = s.buildPlan(ctx, &b, plan, found, built, told)
		if err == nil || !isGone(err) || tries == maxRetries {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = s.pruneOld(ctx)
	}
	return built, s.roomy(err)
}

// unlessDone returns what do returns, or that ctx has ended: a Dockerfile can be
// such that its plan takes hours.
func unlessDone[T any](ctx context.Context, do func() (T, error)) (result T, err error) {
	type returned struct {
		result T
		err    error
	}
	done := make(chan returned, 1)
	go func() {
		var r returned
		r.result, r.err = do()
		done <- r
	}()
	select {
	case r := <-done:
		return r.result, r.err
	case <-ctx.Done():
		return result, context.Cause(ctx)
	}
}

func (s *Store) buildPlan(ctx context.Context, b *Build, plan *dockerfile.Plan, found map[string]*base, built *Built, told *telling) (err error) {
	w := newWork(s, b, plan, found, built.imports)
	w.telling = told
	built.work = w
	defer func() {
		for _, done := range w.fetching {
			err = errors.Join(err, done())
		}
		err = errors.Join(err, w.views.end())
	}()
	result, err := w.target(ctx)
	if err != nil {
		return err
	}
	w.restCached()
	if err := w.keepRest(); err != nil {
		return err
	}
	built.ID, err = w.image(ctx, result)
	return err
}

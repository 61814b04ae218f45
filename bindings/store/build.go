package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"dockless/bindings/dockerfile"

	"github.com/containers/image/v5/docker/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Build is what an image is built of, and how.
type Build struct {
	Dockerfile *dockerfile.File
	dockerfile.Options
	Platforms   []imagespec.Platform // one or more to build for, in place of Options.Platform
	Directories map[string]string    // of the contexts: dockerfile.Main and those of --build-context
	Ignore      map[string][]string  // patterns of .dockerignore, by context
	Fetched     map[string]bool      // contexts that are gone after the build: nothing of them is remembered
	Names       []reference.Named
	Passing     bool // the image is there for its output alone, and goes when the store is closed
	Squash      bool
	CacheFrom   []CachePlace // caches to take from besides this machine's
	Inline      bool         // the image gets the records of its own steps
	Pull        bool         // also what is here
	Network     string       // of RUN: default, host, none
	HostNetwork bool         // RUN may ask for host
	Hosts       []string     // NAME:IP, or NAME:host-gateway
	Limits      Limits
	Secrets     map[string]Secret
	SSH         map[string][]string // id → sockets or keys
	// Fetch puts what ADD names, a URL or a git repository, below dir and returns
	// its path. dir may hold what came of the URL before. show is told how many
	// bytes are here, and of how many; 0 is not known.
	Fetch func(ctx context.Context, item dockerfile.Item, dir string, show func(done, total int64)) (string, error)
	// Gateway is this machine's address, which host-gateway stands for.
	Gateway func() (string, error)
	// Planned is told what there is to do, before anything is done, for each
	// platform. With an error the build ends.
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

// Built is what was built: an image for each platform. It must be closed.
type Built struct {
	Images  []BuiltImage
	works   []*work
	imports []*imported
}

// BuiltImage is an image for one platform.
type BuiltImage struct {
	ID       string
	Platform imagespec.Platform
}

// Close ends connections.
func (b *Built) Close() (err error) {
	for _, cache := range b.imports {
		err = errors.Join(err, cache.close())
	}
	return err
}

// Build builds an image, or one for each platform, one after the other: what they
// share is in the cache by then. With an error no name has changed.
func (s *Store) Build(ctx context.Context, b Build) (built *Built, err error) {
	built = &Built{}
	s.runtimes.gateway = slices.ContainsFunc(b.Hosts, func(host string) bool { return strings.HasSuffix(host, ":"+hostGateway) })
	told := &telling{steps: b.Steps}
	defer func() {
		if err == nil {
			err = s.pruneOld(ctx)
		}
		if err != nil {
			err = errors.Join(err, built.Close())
		}
		err = s.roomy(err)
	}()
	var plans []*planned
	bases, numbered := map[string]*base{}, 0
	for _, platform := range b.Platforms {
		p := &planned{build: b, bases: bases, numbered: numbered}
		p.build.Platform, p.build.Several = platform, len(b.Platforms) > 1
		if err := s.plan(ctx, p, told); err != nil {
			return built, err
		}
		plans = append(plans, p)
		for _, stage := range p.plan.Stages {
			numbered += 1 + len(stage.Steps)
		}
	}
	for i, p := range plans {
		p.last = i == len(plans)-1
		if err := s.buildPlan(ctx, p, built, told); err != nil {
			return built, err
		}
	}
	return built, nil
}

// planned is what there is to do for one platform.
type planned struct {
	build    Build
	plan     *dockerfile.Plan
	bases    map[string]*base
	numbered int // steps of the platforms before it
	last     bool
}

func (s *Store) plan(ctx context.Context, p *planned, told *telling) (err error) {
	err = s.bases(ctx, &p.build, p.bases, told)
	var wrong error // the warnings are wanted in any case
	p.plan, wrong = unlessDone(ctx, func() (*dockerfile.Plan, error) { return p.build.Dockerfile.Plan(p.build.Options, configs(p.bases)) })
	if p.plan != nil {
		wrong = cmp.Or(wrong, p.build.Planned(p.plan))
	}
	if err = cmp.Or(err, wrong); err != nil {
		return err
	}
	return cmp.Or(p.build.checkRuns(p.plan), p.checkDepth())
}

// buildPlan does what there is to do for one platform.
func (s *Store) buildPlan(ctx context.Context, p *planned, built *Built, told *telling) error {
	platform := p.plan.Stages[len(p.plan.Stages)-1].Platform
	imports := s.importCaches(ctx, &p.build, platform, told)
	built.imports = append(built.imports, imports...)
	// What somebody removes between our look and our use is made again.
	for tries := 0; ; tries++ {
		id, err := s.carryOut(ctx, p, imports, built, told)
		switch {
		case err == nil:
			built.Images = append(built.Images, BuiltImage{id, platform})
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !isGone(err) || tries == maxRetries:
			return err
		}
	}
}

// exporting is the name of the step after the last instruction. Build does not
// end it, as names are given after it.
const exporting = "exporting to image"

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

func (s *Store) carryOut(ctx context.Context, p *planned, imports []*imported, built *Built, told *telling) (id string, err error) {
	w := newWork(s, p, imports, told)
	defer func() {
		for _, done := range w.fetching {
			err = errors.Join(err, done())
		}
		err = errors.Join(err, w.views.end())
	}()
	result, err := w.target(ctx)
	if err != nil {
		return "", err
	}
	w.restCached()
	if err := w.keepRest(); err != nil {
		return "", err
	}
	if p.last {
		w.tell(StepEvent{Name: exporting})
	}
	if id, err = w.image(ctx, result); err == nil {
		built.works = append(built.works, w)
	}
	return id, err
}

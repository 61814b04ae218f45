package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/containerd/platforms"
	"github.com/containers/buildah/define"
	"github.com/containers/buildah/imagebuildah"
	"github.com/containers/image/v5/docker/reference"
	"github.com/containers/image/v5/types"
	"github.com/containers/storage"
	"github.com/containers/storage/pkg/archive"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Build is what an image is built of, and how.
type Build struct {
	Dockerfile *Dockerfile
	Context    string // the directory that COPY and ADD take files from
	Ignore     []string
	Args       map[string]string
	Labels     []string // NAME=VALUE
	Names      []reference.Named
	NoCache    bool
	Squash     bool
	Pull       bool // also what is here
	Platform   imagespec.Platform
	Network    string   // of RUN: default, host, none
	Hosts      []string // NAME:IP
	Limits     Limits
	Secrets    []string // id=NAME,src=FILE or id=NAME,env=VARIABLE
	SSH        []string
	// Pulled makes what is told the progress of a pull, and is called with the
	// image's name before each.
	Pulled func(name reference.Named) Progress
	// Found is told that a base is here, after Pulled if it was pulled, or the error.
	Found func(name reference.Named, err error)
	// Steps is told what becomes of each step, of one at a time.
	Steps func(StepEvent)
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

// Build builds an image and returns its ID. With an error no name has changed.
func (s *Store) Build(ctx context.Context, b Build) (id string, err error) {
	if err := b.Dockerfile.checkPlatforms(b.Platform); err != nil {
		return "", err
	}
	stored, err := s.bases(ctx, b)
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.temp, "Dockerfile")
	if err := os.WriteFile(file, b.Dockerfile.resolved(stored, b.Platform), 0o600); err != nil {
		return "", fmt.Errorf("writing the Dockerfile: %w", err)
	}
	options, err := s.buildOptions(b, stored)
	if err != nil {
		return "", err
	}
	if err := s.takeTemp(); err != nil {
		return "", err
	}
	steps := newSteps(b)
	options.Log, options.Out, options.Err = steps.log, &stream{steps, false}, &stream{steps, true}
	id, _, err = imagebuildah.BuildDockerfiles(ctx, s.Store, options, file)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return id, steps.done(s.roomy(err))
}

// buildOptions are buildah's.
func (s *Store) buildOptions(b Build, stored map[wanted]string) (define.BuildOptions, error) {
	system := *s.system
	system.OSChoice, system.ArchitectureChoice, system.VariantChoice = b.Platform.OS, b.Platform.Architecture, b.Platform.Variant
	one := 1
	o := define.BuildOptions{
		ContainerSuffix:         filepath.Base(s.temp), // see EndKilled
		ContextDirectory:        b.Context,
		PullPolicy:              define.PullNever, // all that is needed is here by now
		Isolation:               define.IsolationOCIRootless,
		Compression:             archive.Uncompressed,
		OutputFormat:            define.Dockerv2ImageManifest,
		Args:                    maps.Clone(b.Args),
		Labels:                  b.Labels,
		NoCache:                 b.NoCache,
		Layers:                  !b.Squash,
		RemoveIntermediateCtrs:  true,
		ForceRmIntermediateCtrs: true,
		Excludes:                b.Ignore,
		IgnoreFile:              os.DevNull, // and not what buildah would look for
		SystemContext:           &system,
		IIDFile:                 filepath.Join(s.temp, "id"), // or it would be among the output
		Jobs:                    &one,
		ReportWriter:            io.Discard,
		IDMappingOptions:        &define.IDMappingOptions{HostUIDMapping: true, HostGIDMapping: true},
		AdditionalBuildContexts: map[string]*define.AdditionalBuildContext{},
		CommonBuildOpts: &define.CommonBuildOptions{
			AddHost:       b.Hosts,
			CgroupParent:  b.Limits.CgroupParent,
			CPUPeriod:     b.Limits.CPUPeriod,
			CPUQuota:      b.Limits.CPUQuota,
			CPUShares:     b.Limits.CPUShares,
			CPUSetCPUs:    b.Limits.CPUs,
			CPUSetMems:    b.Limits.Mems,
			Memory:        b.Limits.Memory,
			MemorySwap:    b.Limits.MemorySwap,
			ShmSize:       b.Limits.ShmSize,
			Ulimit:        b.Limits.Ulimits,
			Secrets:       b.Secrets,
			SSHSources:    b.SSH,
			IdentityLabel: types.OptionalBoolFalse, // docker adds none
		},
	}
	if o.Args == nil {
		o.Args = map[string]string{}
	}
	if len(b.Names) > 0 {
		o.Output = b.Names[0].String()
		for _, name := range b.Names[1:] {
			o.AdditionalTags = append(o.AdditionalTags, name.String())
		}
	}
	for _, from := range b.Dockerfile.outside() {
		if from.base {
			continue
		}
		context := &define.AdditionalBuildContext{Value: b.Dockerfile.others[from.name]}
		if name, is := b.Dockerfile.image(from.name); is {
			context.IsImage, context.Value = true, stored[wanted{name, b.Dockerfile.platform(from.stage, b.Platform, false)}]
		}
		o.AdditionalBuildContexts[from.name] = context
	}
	return o, runtimeOptions(&o, b.Network)
}

// bases finds the images that the Dockerfile begins with, or takes files from,
// and pulls those that are absent. It returns what the store has them under.
func (s *Store) bases(ctx context.Context, b Build) (map[wanted]string, error) {
	stored := map[wanted]string{}
	all := b.Dockerfile.wanted(b.Platform)
	for _, image := range all {
		named, err := reference.ParseNormalizedNamed(image.name)
		if err != nil {
			return nil, fmt.Errorf("failed to parse stage name %q: %w", image.name, err) //nolint:revive // Docker's words
		}
		name := reference.TagNameOnly(named)
		if canonical, is := name.(reference.Canonical); is { // what counts is the digest
			if name, err = reference.WithDigest(reference.TrimNamed(name), canonical.Digest()); err != nil {
				return nil, err
			}
		}
		platform, err := platforms.Parse(image.platform)
		if err != nil {
			return nil, err
		}
		here, err := s.baseHere(name, platform)
		if errors.Is(err, storage.ErrImageUnknown) || err == nil && b.Pull {
			if err = s.pullBase(ctx, name, platform, b); err == nil {
				here, err = s.baseHere(name, platform)
			}
		}
		b.Found(name, err)
		if err != nil {
			return nil, b.Dockerfile.naming(image.name, fmt.Errorf("%s: failed to resolve source metadata for %s: %w", image.name, name, err)) //nolint:revive // Docker's words
		}
		stored[image] = here
		if slices.ContainsFunc(all, func(other wanted) bool { return other.name == image.name && other != image }) {
			found, err := s.Image(here) // before the name goes to the other one
			if err != nil {
				return nil, fmt.Errorf("%s: %w", image.name, err)
			}
			stored[image] = found.ID
		}
	}
	return stored, nil
}

// baseHere is what the store has an image for a platform under: the full name,
// plain Podman's localhost/ name, or the ID of what was pulled under a tag of the
// same repository.
func (s *Store) baseHere(name reference.Named, platform imagespec.Platform) (string, error) {
	names := []string{name.String()}
	if canonical, is := name.(reference.Canonical); is {
		same, err := s.ImagesByDigest(canonical.Digest())
		if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return "", err
		}
		for _, image := range same {
			names = append(names, image.ID)
		}
	} else if reference.Domain(name) == "docker.io" {
		names = append(names, "localhost/"+reference.FamiliarString(name))
	}
	for _, name := range names {
		image, err := s.Image(name)
		switch {
		case errors.Is(err, storage.ErrImageUnknown):
		case err != nil:
			return "", err
		case !s.isFor(image, platform):
		default:
			return name, nil
		}
	}
	return "", storage.ErrImageUnknown
}

func (s *Store) pullBase(ctx context.Context, name reference.Named, platform imagespec.Platform, b Build) error {
	remote, err := s.Find(ctx, name, platform)
	if err != nil {
		return err
	}
	defer remote.Close()
	_, err = s.Pull(ctx, remote, b.Pulled(name))
	return err
}

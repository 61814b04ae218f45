package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dockless/bindings/dockerfile"
	"dockless/bindings/store"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func buildCommand(env *Env) *cli.Command {
	o := newBuildOptions()
	return &cli.Command{
		Name:      "build",
		Usage:     "Build an image from a Dockerfile",
		ArgsUsage: "PATH | URL | -",
		Flags:     o.flags(),
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			return buildImage(ctx, env, o, args[0])
		}),
	}
}

// buildImage builds an image. What it prints goes to stderr: on stdout there is
// the ID, with --quiet.
func buildImage(ctx context.Context, env *Env, o *buildOptions, where string) (err error) {
	b, err := o.build(env)
	if err != nil {
		return err
	}
	mode, err := o.progressMode(env)
	if err != nil {
		return err
	}
	o.quiet = mode == "quiet"
	if o.iidFile != "" && slices.ContainsFunc(o.outputs, func(o buildOutput) bool { return o.kind == "local" || o.kind == "tar" }) {
		return errors.New("local and tar exporters are incompatible with image ID file")
	}
	if o.iidFile != "" && !store.Entered() {
		if err := unix.Unlink(o.iidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the file for the image's ID: %s: %w", o.iidFile, err) // a build that fails leaves no old one
		}
	}
	err = o.findContext(ctx, env, where, &b)
	defer func() { err = errors.Join(err, o.fetched.remove()) }()
	if err != nil {
		return o.excerpt(env, err)
	}
	switch o.called.name {
	case "outline":
		return o.excerpt(env, orInterrupted(ctx, func() error { return o.outline(env, &b) }))
	case "targets":
		return o.targets(env, b.Dockerfile)
	}
	names := b.Names
	if len(b.Platforms) > 1 || !slices.ContainsFunc(o.outputs, buildOutput.stays) {
		b.Names, b.Passing = nil, true
	}
	images, err := o.open(ctx, env, &b, names)
	if err != nil {
		return o.excerpt(env, err)
	}
	defer images.Close()
	ctx, reader := untilUnread(ctx, env.Err)
	shown := newBuildProgress(reader, mode)
	shown.exports = o.outputs[0].title()
	defer shown.close()
	shown.did("[internal] load build definition from "+o.dockerfileName(), "transferring dockerfile: "+byteCount(b.Dockerfile.Size()))
	b.Steps, b.Fetch, b.Gateway = shown.step, fetchSource, hostAddress
	var warnings []dockerfile.Warning
	planned := false
	b.Planned = func(plan *dockerfile.Plan) error {
		warnings = plan.Warnings
		shown.plan(plan)
		if !planned && len(plan.Stages) > 0 { // else the file is wrong
			shown.did("[internal] load .dockerignore", "transferring context: "+byteCount(o.ignoreSize))
		}
		planned = true
		if o.called.name != "build" {
			shown.only()
			return errOnlyAsked
		}
		return nil
	}
	built, err := images.Build(ctx, b)
	err = o.limits.explain(err)
	if err == nil {
		defer func() { err = errors.Join(err, built.Close()) }()
		err = o.export(ctx, env, images, built.Images, names, shown)
	}
	var uncached error // the image is there and goes where it should all the same
	if err == nil {
		uncached = o.exportCaches(ctx, built, shown)
		err = o.pushAll(ctx, images, built.Images, names, shown)
	}
	shown.close()
	if errors.Is(err, errOnlyAsked) {
		return o.check(env, b.Dockerfile, warnings)
	}
	switch {
	case o.called.name != "build" && len(warnings) > 0:
		o.printCheck(env, b.Dockerfile, warnings)
	case mode != "quiet" && mode != "none" && mode != "rawjson":
		o.printWarnings(env.Err, b.Dockerfile, warnings)
	}
	if err != nil {
		return o.excerpt(env, err)
	}
	if uncached != nil {
		return uncached
	}
	return o.tell(ctx, env, built.Images)
}

// open opens the store, with credentials for the registries that the build
// needs, and clears what killed builds have left.
func (o *buildOptions) open(ctx context.Context, env *Env, b *store.Build, names []reference.Named) (*store.Store, error) {
	var wanted []reference.Named
	err := orInterrupted(ctx, func() (err error) {
		wanted, err = o.registries(env, b, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	images, err := env.Registry(ctx, wanted...)
	if err != nil {
		return nil, err
	}
	if images.Killed > 0 {
		fmt.Fprintf(env.Err, "Ended %d process(es) that a killed build has left\n", images.Killed)
	}
	return images, nil
}

// registries are the images that the build needs to talk with registries about.
func (o *buildOptions) registries(env *Env, b *store.Build, names []reference.Named) ([]reference.Named, error) {
	var bases []dockerfile.Source
	options := b.Options
	for _, options.Platform = range b.Platforms {
		more, err := b.Dockerfile.Images(options, nil)
		if err != nil {
			return nil, nil //nolint:nilerr // the build says so, behind the warnings
		}
		bases = append(bases, more...)
	}
	var wanted, here []reference.Named
	helped := env.DockerConfigFile().CredentialsStore != "" || len(env.DockerConfigFile().CredentialHelpers) > 0
	for _, base := range bases {
		name, err := reference.ParseNormalizedNamed(base.Image)
		if err != nil {
			return nil, fmt.Errorf("failed to parse stage name %q: %w", base.Image, err) //nolint:revive // Docker's words
		}
		if helped && !b.Pull && base.Platform.Architecture == platforms.DefaultSpec().Architecture {
			here = append(here, name) // perhaps: then no helper has to open its keyring
		} else {
			wanted = append(wanted, name)
		}
	}
	if len(here) > 0 {
		wanted = append(wanted, store.Absent(here)...)
	}
	if o.pushes() {
		wanted = append(wanted, names...)
	}
	return append(wanted, o.cacheNames(b)...), nil
}

// tell says which image it has become, where that was asked for: its ID, or the
// digest of one for several platforms, which there is if it was written anywhere.
func (o *buildOptions) tell(ctx context.Context, env *Env, built []store.BuiltImage) error {
	id := "sha256:" + built[0].ID
	if len(built) > 1 {
		id = o.written.String()
	}
	if o.metadataFile != "" {
		if err := o.writeMetadata(ctx, built); err != nil {
			return err
		}
	}
	if o.iidFile != "" && id != "" {
		if err := writeText(ctx, o.iidFile, []byte(id)); err != nil {
			return fmt.Errorf("writing the image's ID: %w", err)
		}
	}
	if o.quiet && id != "" && slices.ContainsFunc(o.outputs, buildOutput.isImage) {
		fmt.Fprintln(env.Out, id)
	}
	return nil
}

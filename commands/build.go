package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	if !slices.ContainsFunc(o.outputs, buildOutput.stays) {
		b.Names = nil
	}
	images, err := o.open(ctx, env, &b, names)
	if err != nil {
		return o.excerpt(env, err)
	}
	defer images.Close()
	shown := newBuildProgress(env.Err, mode)
	shown.exports = o.outputs[0].title()
	defer shown.close()
	shown.did("[internal] load build definition from "+o.dockerfileName(), "transferring dockerfile: "+byteCount(b.Dockerfile.Size()))
	b.Steps, b.Fetch = shown.step, fetchSource
	var warnings []dockerfile.Warning
	b.Planned = func(plan *dockerfile.Plan) error {
		warnings = plan.Warnings
		shown.plan(plan, o.ignoreSize)
		if o.called.name != "build" {
			shown.only()
			return errOnlyAsked
		}
		return nil
	}
	built, err := images.Build(ctx, b)
	err = o.limits.explain(err)
	var id string
	if err == nil {
		defer func() { err = errors.Join(err, built.Close()) }()
		id = built.ID
		err = o.export(ctx, env, images, id, names, shown)
	}
	var uncached error // the image is there and goes where it should all the same
	if err == nil {
		uncached = o.exportCaches(ctx, built, shown)
	}
	shown.close()
	if errors.Is(err, errOnlyAsked) {
		return o.check(env, b.Dockerfile, warnings)
	}
	if o.called.name != "build" && len(warnings) > 0 {
		o.printCheck(env, b.Dockerfile, warnings)
	}
	if err != nil {
		return o.excerpt(env, err)
	}
	if mode != "quiet" && mode != "none" && mode != "rawjson" {
		o.printWarnings(env.Err, b.Dockerfile, warnings)
	}
	if err := o.pushAll(ctx, env, images, id, names); err != nil {
		return err
	}
	if uncached != nil {
		return uncached
	}
	return o.tell(ctx, env, id)
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
	bases, err := b.Dockerfile.Images(b.Options, nil)
	if err != nil {
		return nil, err
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

// export does with the image what the outputs say. Where none of them leaves it
// in the store, only what the next build can use of it stays.
func (o *buildOptions) export(ctx context.Context, env *Env, images *store.Store, id string, names []reference.Named, shown *buildProgress) error {
	for _, output := range o.outputs {
		for _, text := range output.tasks(id, o.typed) {
			shown.exported(text)
			if o.inline && text == "exporting layers" {
				shown.exported("preparing layers for inline cache")
			}
		}
		if output.stays() || output.kind == "cacheonly" {
			continue
		}
		task := output.lastTask()
		shown.exporting(task)
		if err := output.write(ctx, env, images, id, names); err != nil {
			return fmt.Errorf("writing the output: %w", err)
		}
		shown.exported(task)
	}
	shown.exportedAll()
	if !slices.ContainsFunc(o.outputs, buildOutput.stays) {
		return images.Forget(ctx, id)
	}
	return nil
}

// pushAll sends the image to its registries.
func (o *buildOptions) pushAll(ctx context.Context, env *Env, images *store.Store, id string, names []reference.Named) error {
	if !o.pushes() {
		return nil
	}
	out := env.Err
	if o.quiet {
		out = io.Discard
	}
	return pushNames(ctx, out, images, id, names)
}

// pushNames pushes the image under each of its names.
func pushNames(ctx context.Context, out io.Writer, images *store.Store, id string, names []reference.Named) error {
	image, err := images.Image(id)
	if err != nil {
		return fmt.Errorf("pushing the image: %w", err)
	}
	for _, name := range names {
		tagged, is := name.(reference.NamedTagged)
		if !is {
			return fmt.Errorf("cannot push %s: it has no tag", name)
		}
		if err := pushOne(ctx, out, images, image, tagged, nil); err != nil {
			return err
		}
	}
	return nil
}

// tell says which image it has become, where that was asked for.
func (o *buildOptions) tell(ctx context.Context, env *Env, id string) error {
	if o.metadataFile != "" {
		if err := o.writeMetadata(ctx, id); err != nil {
			return err
		}
	}
	if o.iidFile != "" {
		if err := writeText(ctx, o.iidFile, []byte("sha256:"+id)); err != nil {
			return fmt.Errorf("writing the image's ID: %w", err)
		}
	}
	if o.quiet {
		fmt.Fprintln(env.Out, "sha256:"+id)
	}
	return nil
}

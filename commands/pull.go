package commands

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dockless/bindings/store"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

type pullOptions struct {
	platform       string
	all, quiet     bool
	forRun         bool // no last line: run and create show what they make
	noContentTrust bool
}

func pullCommand(env *Env) *cli.Command {
	o := &pullOptions{noContentTrust: true}
	return &cli.Command{
		Name:      "pull",
		Usage:     "Download an image from a registry",
		ArgsUsage: "NAME[:TAG|@DIGEST]",
		Flags: []cli.Flag{
			boolean(&o.all, "all-tags", "a", "Download all tagged images in the repository"),
			boolean(&o.noContentTrust, "disable-content-trust", "", "Skip image verification"),
			str(&o.platform, "platform", "", "Set platform if server is multi-platform capable"),
			boolean(&o.quiet, "quiet", "q", "Suppress verbose output"),
			hidden(boolean(&o.forRun, "for-run", "", "Leave the name out at the end")),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			if !o.noContentTrust {
				return errors.New("--disable-content-trust=false: signatures of Docker Content Trust cannot be checked; pull by digest instead (NAME@sha256:…)")
			}
			name, err := reference.ParseNormalizedNamed(args[0])
			if err != nil {
				return err
			}
			if o.all && !reference.IsNameOnly(name) {
				return errors.New("tag can't be used with --all-tags/-a")
			}
			return pull(ctx, env, name, o)
		}),
	}
}

// pull pulls one image, or those of all tags, and prints docker's lines.
func pull(ctx context.Context, env *Env, name reference.Named, o *pullOptions) error {
	want, err := parsePlatform(o.platform)
	if err != nil {
		return err
	}
	images, err := env.Registry(ctx, name)
	if err != nil {
		return err
	}
	defer images.Close()
	out := env.Out
	if o.quiet {
		out = io.Discard
	}
	shown := newProgress(out)
	defer shown.close()
	typed := name
	refs := []reference.Named{name}
	if o.all {
		refs, err = taggedNames(ctx, images, name)
	} else {
		if reference.IsNameOnly(name) {
			shown.message("", "Using default tag: latest")
			typed = reference.TagNameOnly(name)
		}
		refs[0], err = pulledName(typed)
	}
	if err != nil {
		return err
	}
	newer := false
	for _, ref := range refs {
		pulled, err := pullOne(ctx, images, ref, want, shown)
		if signal := caught(ctx); err != nil && signal != 0 {
			return &exit{code: 128 + signal, err: fmt.Errorf("interrupted: nothing of %s was kept", reference.FamiliarString(ref))}
		}
		if err != nil {
			return err
		}
		newer = newer || pulled.Newer
		if own := platforms.Normalize(pulled.Platform); o.platform != "" && !platforms.OnlyStrict(want).Match(own) {
			shown.message("", "WARNING: "+(&otherPlatform{reference.FamiliarString(ref), own, want}).Error())
		}
	}
	status := "Image is up to date for "
	if newer {
		status = "Downloaded newer image for "
	}
	if !o.all {
		name = refs[0]
	}
	shown.message("", "Status: "+status+reference.FamiliarString(name))
	shown.close()
	if !o.forRun {
		fmt.Fprintln(env.Out, typed.String())
	}
	return nil
}

// pulledName is the name for what a person means by NAME:TAG@DIGEST: what
// counts is the digest.
func pulledName(typed reference.Named) (reference.Named, error) {
	if canonical, is := typed.(reference.Canonical); is {
		return reference.WithDigest(reference.TrimNamed(typed), canonical.Digest())
	}
	return typed, nil
}

func taggedNames(ctx context.Context, images *store.Store, name reference.Named) ([]reference.Named, error) {
	tags, err := images.Tags(ctx, name)
	if err != nil {
		return nil, err
	}
	names := make([]reference.Named, 0, len(tags))
	for _, tag := range tags {
		tagged, err := reference.WithTag(name, tag)
		if err != nil {
			return nil, err
		}
		names = append(names, tagged)
	}
	return names, nil
}

// pullOne shows docker's lines about one image.
func pullOne(ctx context.Context, images *store.Store, name reference.Named, platform imagespec.Platform, shown *progress) (store.Pulled, error) {
	remote, err := images.Find(ctx, name, platform)
	if err != nil {
		return store.Pulled{}, err
	}
	defer remote.Close()
	tag := name.String()
	if tagged, ok := name.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	shown.message(tag, "Pulling from "+reference.Path(name))
	pulled, err := images.Pull(ctx, remote, shown.layer)
	if err != nil {
		return pulled, err
	}
	shown.message("", "Digest: "+remote.Digest.String())
	return pulled, nil
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"dockless/bindings/store"

	"github.com/containers/storage"
	"github.com/distribution/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func pushCommand(env *Env) *cli.Command {
	var all, quiet bool
	unsigned := true
	var platform string
	return &cli.Command{
		Name:      "push",
		Usage:     "Upload an image to a registry",
		ArgsUsage: "NAME[:TAG]",
		Flags: []cli.Flag{
			boolean(&all, "all-tags", "a", "Push all tags of an image to the repository"),
			boolean(&unsigned, "disable-content-trust", "", "Skip image signing"),
			str(&platform, "platform", "", "Push a platform-specific manifest as a single-platform image to the registry.\n"+
				"Image index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n"+
				"'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"),
			boolean(&quiet, "quiet", "q", "Suppress verbose output"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			if !unsigned {
				return errors.New("--disable-content-trust=false: images cannot be signed for Docker Content Trust; sign the digest that is printed with a tool of your own (cosign, notation)")
			}
			name, err := reference.ParseNormalizedNamed(args[0])
			if err != nil {
				return err
			}
			if _, digested := name.(reference.Digested); digested {
				return errors.New("cannot push a digest reference")
			}
			if all && !reference.IsNameOnly(name) {
				return errors.New("tag can't be used with --all-tags/-a")
			}
			only, err := wantedPlatform(platform)
			if err != nil {
				return fmt.Errorf("invalid platform: %w", err)
			}
			return push(ctx, env, name, only, all, quiet)
		}),
	}
}

func push(ctx context.Context, env *Env, name reference.Named, only *imagespec.Platform, all, quiet bool) error {
	images, err := env.Registry(ctx, name)
	if err != nil {
		return err
	}
	defer images.Close()
	out := env.Out
	if quiet {
		out = io.Discard
	}
	if reference.IsNameOnly(name) && !all {
		fmt.Fprintln(out, "Using default tag: latest")
		name = reference.TagNameOnly(name)
	}
	fmt.Fprintf(out, "The push refers to repository [%s]\n", name.Name())
	here, err := images.Repository(name)
	if err != nil {
		return err
	}
	if len(here) == 0 {
		return fmt.Errorf("An image does not exist locally with the tag: %s", reference.FamiliarName(name))
	}
	tags := slices.Sorted(maps.Keys(here))
	if tagged, one := name.(reference.Tagged); one {
		tags = []string{tagged.Tag()}
	}
	for _, tag := range tags {
		tagged, err := reference.WithTag(reference.TrimNamed(name), tag)
		if err != nil {
			return err
		}
		if here[tag] == nil {
			return fmt.Errorf("tag does not exist: %s", reference.FamiliarString(tagged))
		}
		if err := pushOne(ctx, out, images, here[tag], tagged, only); err != nil {
			return err
		}
	}
	if quiet {
		fmt.Fprintln(env.Out, name.String())
	}
	return nil
}

func pushOne(ctx context.Context, out io.Writer, images *store.Store, image *storage.Image, name reference.NamedTagged, only *imagespec.Platform) error {
	shown := newProgress(out)
	defer shown.close()
	pushed, err := images.Push(ctx, image, name, only, shown.layer)
	if err != nil {
		return err
	}
	shown.message("", fmt.Sprintf("%s: digest: %s size: %d", name.Tag(), pushed.Digest, pushed.Size))
	return nil
}

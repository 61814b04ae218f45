package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dockless/bindings/store"

	"github.com/containers/image/v5/types"
	"github.com/distribution/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func pullCommand(env *Env) *cli.Command {
	var all, quiet bool
	unverified := true
	var platform string
	return &cli.Command{
		Name:      "pull",
		Usage:     "Download an image from a registry",
		ArgsUsage: "NAME[:TAG|@DIGEST]",
		Flags: []cli.Flag{
			boolean(&all, "all-tags", "a", "Download all tagged images in the repository"),
			boolean(&unverified, "disable-content-trust", "", "Skip image verification"),
			str(&platform, "platform", "", "Set platform if server is multi-platform capable"),
			boolean(&quiet, "quiet", "q", "Suppress verbose output"),
		},
		Action: arguments(1, 1, func(ctx context.Context, args []string) error {
			if !unverified {
				return errors.New("--disable-content-trust=false: signatures of Docker Content Trust cannot be checked; pull by digest instead (NAME@sha256:…)")
			}
			name, err := reference.ParseNormalizedNamed(args[0])
			if err != nil {
				return err
			}
			if all && !reference.IsNameOnly(name) {
				return errors.New("tag can't be used with --all-tags/-a")
			}
			want, err := parsePlatform(platform)
			if err != nil {
				return err
			}
			return pull(ctx, env, name, want, all, quiet)
		}),
	}
}

func pull(ctx context.Context, env *Env, name reference.Named, platform imagespec.Platform, all, quiet bool) error {
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	if !all {
		if reference.IsNameOnly(name) && !quiet {
			fmt.Fprintln(env.Out, "Using default tag: latest")
		}
		return pullOne(ctx, env, images, reference.TagNameOnly(name), platform, quiet)
	}
	tags, err := images.Tags(ctx, name)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		tagged, err := reference.WithTag(name, tag)
		if err != nil {
			return err
		}
		if err := pullOne(ctx, env, images, tagged, platform, quiet); err != nil {
			return err
		}
	}
	return nil
}

func pullOne(ctx context.Context, env *Env, images *store.Store, name reference.Named, platform imagespec.Platform, quiet bool) error {
	remote, err := images.Find(ctx, name, platform)
	if err != nil {
		return err
	}
	var progress chan types.ProgressProperties
	printed := make(chan struct{})
	if quiet {
		close(printed)
	} else {
		tag := name.String()
		if tagged, ok := name.(reference.Tagged); ok {
			tag = tagged.Tag()
		}
		fmt.Fprintf(env.Out, "%s: Pulling from %s\n", tag, reference.Path(name))
		progress = make(chan types.ProgressProperties)
		go func() {
			defer close(printed)
			printBlobs(env, progress)
		}()
	}
	newer, err := images.Pull(ctx, remote, progress)
	if progress != nil {
		close(progress)
	}
	<-printed
	if err != nil {
		return err
	}
	status := "Image is up to date for"
	if newer {
		status = "Downloaded newer image for"
	}
	if !quiet {
		fmt.Fprintf(env.Out, "Digest: %s\nStatus: %s %s\n", remote.Digest, status, reference.FamiliarString(name))
	}
	fmt.Fprintln(env.Out, name.String())
	return nil
}

// printBlobs prints docker's lines about each layer as it changes its state.
func printBlobs(env *Env, progress <-chan types.ProgressProperties) {
	states := map[types.ProgressEvent]string{
		types.ProgressEventNewArtifact: "Pulling fs layer",
		types.ProgressEventSkipped:     "Already exists",
		types.ProgressEventDone:        "Pull complete",
	}
	for p := range progress {
		state, changed := states[p.Event]
		if isLayer := !strings.Contains(p.Artifact.MediaType, ".config."); changed && isLayer {
			fmt.Fprintf(env.Out, "%.12s: %s\n", p.Artifact.Digest.Encoded(), state)
		}
	}
}

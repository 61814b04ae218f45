package commands

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dockless/bindings/store"

	"github.com/containers/image/v5/manifest"
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
	images, err := env.Registry(ctx, name)
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
	out := env.Out
	if quiet {
		out = io.Discard
	}
	tag := name.String()
	if tagged, ok := name.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	shown := newProgress(out)
	defer shown.close()
	shown.message(tag, "Pulling from "+reference.Path(name))
	progress, read := make(chan types.ProgressProperties), make(chan struct{})
	go func() {
		defer close(read)
		showLayers(shown, progress)
	}()
	newer, err := images.Pull(ctx, remote, progress)
	close(progress)
	<-read
	if err != nil {
		return err
	}
	status := "Image is up to date for "
	if newer {
		status = "Downloaded newer image for "
	}
	shown.message("", "Digest: "+remote.Digest.String())
	shown.message("", "Status: "+status+reference.FamiliarString(name))
	shown.close()
	fmt.Fprintln(env.Out, name.String())
	return nil
}

// showLayers shows docker's words about each layer as it changes its state.
func showLayers(shown *progress, changes <-chan types.ProgressProperties) {
	for p := range changes {
		if p.Artifact.MediaType == manifest.DockerV2Schema2ConfigMediaType || p.Artifact.MediaType == imagespec.MediaTypeImageConfig {
			continue
		}
		layer := p.Artifact.Digest.Encoded()[:12]
		switch p.Event {
		case types.ProgressEventNewArtifact:
			shown.layer(layer, "Pulling fs layer", 0, 0)
		case types.ProgressEventRead:
			shown.layer(layer, "Downloading", int64(p.Offset), p.Artifact.Size)
		case types.ProgressEventSkipped:
			shown.layer(layer, "Already exists", 0, 0)
		case types.ProgressEventDone: // reported of what failed, too
			if int64(p.Offset) == p.Artifact.Size {
				shown.layer(layer, "Download complete", 0, 0)
				shown.layer(layer, "Pull complete", 0, 0)
			}
		}
	}
}

package commands

import (
	"context"
	"fmt"
	"os"
	"strings"

	"dockless/bindings/store"

	"github.com/containerd/containerd/platforms"
	"github.com/distribution/reference"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func importCommand(env *Env) *cli.Command {
	var o store.Import
	var platform string
	return &cli.Command{
		Name:      "import",
		Usage:     "Import the contents from a tarball to create a filesystem image",
		ArgsUsage: "file|URL|- [REPOSITORY[:TAG]]",
		Flags: []cli.Flag{
			list(&o.Changes, "change", "c", "Apply Dockerfile instruction to the created image"),
			str(&o.Message, "message", "m", "Set commit message for imported image"),
			str(&platform, "platform", "", "Set platform if server is multi-platform capable"),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) (err error) {
			if len(args) > 1 && args[1] != "" {
				named, err := reference.ParseNormalizedNamed(args[1])
				if err != nil {
					return err
				}
				o.Name = reference.TagNameOnly(named)
			}
			if o.Message == "" {
				o.Message = "Imported from " + args[0]
			}
			if o.Platform, err = parsePlatform(platform); err != nil {
				return err
			}
			return importImage(ctx, env, args[0], o)
		}),
	}
}

func importImage(ctx context.Context, env *Env, from string, o store.Import) (err error) {
	archive := env.In
	remote := strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
	switch {
	case remote:
	case from == "-":
		if _, is := terminal(archive); is {
			return fmt.Errorf("refusing to read an archive from a terminal: redirect a file or a pipe to it")
		}
	default:
		if archive, err = os.Open(from); err != nil {
			return err
		}
		defer archive.Close()
	}
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	if remote {
		if archive, err = images.Download(ctx, from); err != nil {
			return err
		}
		defer archive.Close()
	}
	id, err := images.Import(ctx, archive, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Out, "sha256:"+id)
	return nil
}

// parsePlatform reads docker's --platform, OS[/ARCH[/VARIANT]]; empty means
// this machine's.
func parsePlatform(text string) (imagespec.Platform, error) {
	if text == "" {
		return platforms.DefaultSpec(), nil
	}
	return platforms.Parse(text)
}

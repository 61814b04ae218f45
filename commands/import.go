package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dockless/bindings/store"

	"github.com/containerd/platforms"
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

func importImage(ctx context.Context, env *Env, from string, o store.Import) error {
	file, called, remote := env.In, from, isURL(from)
	switch {
	case remote:
	case from == "-":
		called = "stdin"
		if _, is := terminal(file); is {
			return fmt.Errorf("refusing to read an archive from a terminal: redirect a file or a pipe to it")
		}
	default:
		var err error
		if file, err = os.Open(from); err != nil {
			return err
		}
		defer file.Close()
	}
	if info, err := file.Stat(); !remote && (err != nil || info.IsDir()) {
		return errors.Join(err, fmt.Errorf("reading %s: is a directory", called))
	}
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	var archive io.Reader = file
	if remote {
		body, err := download(ctx, from)
		if err != nil {
			return err
		}
		defer body.Close()
		archive = body
	}
	id, err := images.Import(ctx, archive, called, o)
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

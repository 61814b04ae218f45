package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dockless/bindings/store"

	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

func loadCommand(env *Env) *cli.Command {
	var input, platform string
	var quiet bool
	return &cli.Command{
		Name:  "load",
		Usage: "Load an image from a tar archive or STDIN",
		Flags: []cli.Flag{
			str(&input, "input", "i", "Read from tar archive file, instead of STDIN"),
			str(&platform, "platform", "", `Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")`),
			boolean(&quiet, "quiet", "q", "Suppress the load output"),
		},
		Action: arguments(0, 0, func(ctx context.Context, _ []string) error {
			var only *imagespec.Platform
			if platform != "" {
				parsed, err := parsePlatform(platform)
				if err != nil {
					return err
				}
				only = &parsed
			}
			return load(ctx, env, input, only)
		}),
	}
}

func load(ctx context.Context, env *Env, input string, only *imagespec.Platform) (err error) {
	archive := env.In
	if input != "" {
		if archive, err = os.Open(input); err != nil {
			return err
		}
		defer archive.Close()
	} else if _, is := terminal(archive); is {
		return errors.New("requested load from stdin, but stdin is empty")
	}
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	return images.Load(ctx, archive, only, func(loaded store.Loaded) {
		for name, old := range loaded.Replaced {
			if old != loaded.ID {
				fmt.Fprintf(env.Out, "The image %s already exists, renaming the old one with ID sha256:%s to empty string\n", name, old)
			}
		}
		for _, name := range loaded.Names {
			fmt.Fprintf(env.Out, "Loaded image: %s\n", name)
		}
		if len(loaded.Names) == 0 {
			fmt.Fprintf(env.Out, "Loaded image ID: sha256:%s\n", loaded.ID)
		}
	})
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dockless/bindings/store"

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
			var o store.Load
			if platform != "" {
				parsed, err := parsePlatform(platform)
				if err != nil {
					return err
				}
				o.Platform = &parsed
			}
			return load(ctx, env, input, o, quiet)
		}),
	}
}

func load(ctx context.Context, env *Env, input string, o store.Load, quiet bool) (err error) {
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
	shown := newProgress(env.Out)
	defer shown.close()
	if shown.terminal && !quiet {
		o.Layer = func(name string, done, total int64) { shown.layer(name, "Loading layer", done, total) }
	}
	kept := "nothing"
	o.Image = func(loaded store.Loaded) {
		kept = "only what is said above"
		for _, name := range loaded.Names {
			if old := loaded.Replaced[name]; old != "" {
				shown.message("", fmt.Sprintf("The image %s already exists, renaming the old one with ID sha256:%s to empty string", name, old))
			}
			shown.message("", "Loaded image: "+name)
		}
		if len(loaded.Names) == 0 {
			shown.message("", "Loaded image ID: sha256:"+loaded.ID)
		}
	}
	err = images.Load(ctx, archive, o)
	if signal := caught(ctx); signal != 0 && err != nil {
		return &exit{code: 128 + signal, err: fmt.Errorf("interrupted: %s was kept", kept)}
	}
	return err
}

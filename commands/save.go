package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"dockless/bindings/store"

	"github.com/containers/image/v5/pkg/compression"
	"github.com/urfave/cli/v2"
)

func saveCommand(env *Env) *cli.Command {
	var output, platform, compress string
	format := "docker"
	return &cli.Command{
		Name:      "save",
		Usage:     "Save one or more images to a tar archive (streamed to STDOUT by default)",
		ArgsUsage: "IMAGE [IMAGE...]",
		Flags: []cli.Flag{
			str(&compress, "compress", "", `Compress the archive ("gzip", "zstd", "none"), by default as the name of FILE says (.gz, .tgz, .zst)`),
			str(&format, "format", "", `Format of the archive ("docker", "oci")`),
			str(&output, "output", "o", "Write to a file, instead of STDOUT"),
			str(&platform, "platform", "", `Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")`),
		},
		Action: arguments(1, -1, func(ctx context.Context, args []string) error {
			what := store.Save{Images: args, OCI: format == "oci"}
			if format != "docker" && !what.OCI {
				return fmt.Errorf("invalid --format %q: it is docker or oci", format)
			}
			if platform != "" {
				parsed, err := parsePlatform(platform)
				if err != nil {
					return err
				}
				what.Platform = &parsed
			}
			if compress == "" {
				compress = compressionOf(output)
			}
			return save(ctx, env, what, output, compress)
		}),
	}
}

// compressionOf tells by a file's name how it is to be compressed.
func compressionOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".tgz"):
		return "gzip"
	case strings.HasSuffix(name, ".zst"), strings.HasSuffix(name, ".tzst"):
		return "zstd"
	}
	return "none"
}

func save(ctx context.Context, env *Env, what store.Save, output, compress string) error {
	if compress != "none" && compress != "gzip" && compress != "zstd" {
		return fmt.Errorf("invalid --compress %q: it is gzip, zstd or none", compress)
	}
	if _, is := terminal(env.Out); is && output == "" {
		return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
	}
	images, err := env.Store()
	if err != nil {
		return err
	}
	defer images.Close()
	write := func(out io.Writer) error {
		if compress == "none" {
			_, err := images.Save(ctx, out, what)
			return err
		}
		algorithm, err := compression.AlgorithmByName(compress)
		if err != nil {
			return err
		}
		var level *int
		if compress == "gzip" {
			level = new(4) // 1 % larger than by default, in three quarters of the time
		}
		compressed, err := compression.CompressStream(out, algorithm, level) // on all cores
		if err != nil {
			return err
		}
		if _, err := images.Save(ctx, compressed, what); err != nil {
			return err
		}
		return compressed.Close()
	}
	if output != "" {
		return writeWhole(ctx, output, write)
	}
	ctx, reader := untilUnread(ctx, env.Out)
	return orInterrupted(ctx, func() error { return write(reader) })
}
